"""Recording: the one way in which a fact comes into a chain."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from webapp import clock, database
from webapp.actor import Actor
from webapp.commands import after_migrating
from webapp.evidence import rules
from webapp.evidence.models import SITE_CHAIN, Chain, Document, Fact, PersonalFact

Follower = Callable[[Fact, Mapping[str, Any]], None]
_followers: list[Follower] = []


def register(_app: Flask) -> None:
    """Have the site's own chain put in place after each migration."""
    after_migrating(ensure_site_chain)


def follow(follower: Follower) -> None:
    """Have a function called with each fact and its record, in the same transaction.

    A follower writes only its own slice's rows. It never records, sends, refuses or locks another chain: its
    failure would undo the act.
    """
    if follower not in _followers:
        _followers.append(follower)


def new_chain() -> UUID:
    """Insert the chain of an organization that this transaction creates, and hold it."""
    chain = Chain(id=uuid4(), length=0, head=rules.GENESIS)
    database.write()
    database.session().add(chain)
    database.session().flush()
    database.hold_new_chain(chain.id)
    return chain.id


def ensure_site_chain() -> None:
    """Insert the site's own chain where it is missing (once, after migrating)."""
    database.write()
    if database.session().get(Chain, SITE_CHAIN) is None:
        database.session().add(Chain(id=SITE_CHAIN, length=0, head=rules.GENESIS))
        database.session().flush()


def record(
    kind: str,
    *,
    by: Actor | None = None,
    customer_id: UUID | None = None,
    partner_id: UUID | None = None,
    other_partner_id: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
    personal: Mapping[str, str] | None = None,
    personal_of: UUID | Mapping[str, UUID] | None = None,
    source: str = "page",
) -> Fact:
    """Append a fact to the chain that `database.write()` locked, and tell the followers.

    `kind` is `thing.past` ("agreement.accepted"). `facts` holds ids, digests and plain facts as JSON values;
    `personal` holds what belongs to a person (`personal_of`, one for all or one by name, default the actor): it is
    stored salted and apart; the actor's name is always the actor's. A delegated administrator acts as what it is: a person
    of its partner (`acting` in the record says for whom). Where that partner is neither of the two that the act concerns,
    the fact names it besides, as `acting_partner_id`: it reads what it did. `by` None with source "operator" or "job" means
    a command or the worker. What a token of the API did has the source "api" and names the client. Raises RuntimeError when no chain is held.
    """
    acting_partner_id = None
    if by is not None and by.acting is not None and by.home_id not in {partner_id, other_partner_id}:
        acting_partner_id = by.home_id
    chain_id = database.locked_chain()
    if chain_id is None:
        raise RuntimeError("record() without a locked chain: call database.write(subject) first")
    session = database.session()
    session.flush()
    chain = session.get(Chain, chain_id, populate_existing=True)
    if chain is None:
        raise RuntimeError("the chain is gone")
    values = dict(personal or {})
    if by is not None:
        values.setdefault("actor_name", by.name)
    now = clock.now()
    doer = by.person_id if by is not None else None
    owners = personal_of if isinstance(personal_of, Mapping) else dict.fromkeys(values, personal_of)
    content: dict[str, Any] = {
        "kind": kind,
        "chain_id": str(chain_id),
        "position": chain.length + 1,
        "at": now.isoformat(timespec="microseconds"),
        "person_id": str(by.person_id) if by is not None else None,
        "organization_id": str(by.home_id) if by is not None else None,
        "source": source,
        "customer_id": _text(customer_id),
        "partner_id": _text(partner_id),
        "other_partner_id": _text(other_partner_id),
        "acting_partner_id": _text(acting_partner_id),
        "facts": dict(facts or {}),
        "personal": {
            name: _store_personal(value, doer if name == "actor_name" and doer else owners.get(name) or doer)
            for name, value in values.items()
            if value
        },
    }
    if by is not None and by.acting is not None:
        content["acting"] = {"for": str(by.organization_id)}
    if by is not None and by.client_id is not None:
        content |= {"source": "api", "client_id": str(by.client_id)}
    text = rules.canonical(content)
    fact = Fact(
        chain_id=chain_id,
        position=chain.length + 1,
        kind=kind,
        at=now,
        person_id=by.person_id if by is not None else None,
        customer_id=customer_id,
        partner_id=partner_id,
        other_partner_id=other_partner_id,
        acting_partner_id=acting_partner_id,
        record=text,
        previous_hash=chain.head,
        hash=rules.hash_of(chain.head, text),
    )
    session.add(fact)
    chain.length, chain.head = fact.position, fact.hash
    session.flush()
    for follower in _followers:
        follower(fact, content)
    return fact


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None


def _store_personal(value: str, owner: UUID | None) -> dict[str, str]:
    salt = secrets.token_hex(16)
    row = PersonalFact(id=uuid4(), person_id=owner, salt=salt, value=value)
    database.session().add(row)
    return {"id": str(row.id), "sha256": rules.personal_digest(salt, value)}


def keep_document(content: bytes, media_type: str) -> str:
    """Keep a document's bytes once; answer their SHA-256."""
    digest = rules.document_digest(content)
    session = database.session()
    if session.scalar(sa.select(Document.sha256).where(Document.sha256 == digest)) is None:
        session.add(Document(sha256=digest, media_type=media_type, content=content))
        session.flush()
    return digest


def forget_personal(person_id: UUID, keep: set[UUID]) -> int:
    """Erase the personal values of a person, except those in `keep` (ids); answer how many went."""
    result = database.session().execute(
        sa.delete(PersonalFact).where(PersonalFact.person_id == person_id, PersonalFact.id.not_in(keep))
    )
    return database.rows_of(result)
