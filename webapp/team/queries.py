"""Reading a partner's team, and what providers and resellers ask one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database
from webapp.accounts import queries as accounts
from webapp.accounts.models import Activity, Person, Session
from webapp.actor import Actor, full_name
from webapp.evidence import queries as evidence
from webapp.evidence import rules as evidence_rules
from webapp.evidence.models import Fact
from webapp.organizations import queries as organizations
from webapp.organizations import rules as organization_rules
from webapp.organizations.models import Organization, Pairing
from webapp.relationships.models import Ending, Relationship
from webapp.tasks.models import Task
from webapp.team import rules
from webapp.team.models import PairingAnswer, PairingRequest

PAGE = 100
Place = tuple[str, str, UUID]


# --- people ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Colleague:
    """A person of the team as the list shows it. `last_seen`: None when never."""

    id: UUID
    given_name: str
    family_name: str
    address: str
    state: str
    roles: tuple[str, ...]
    last_seen: datetime | None


def team_of(actor: Actor) -> UUID | None:
    """The organization whose team a partner's person reads; None for a customer's."""
    return actor.organization_id if actor.is_partner else None


def people_of(organization_id: UUID, after: Place | None = None) -> tuple[list[Colleague], bool]:
    """One page of a team by name, with roles, last seen and state, in three queries; and whether there is more."""
    statement = sa.select(
        Person.id, Person.given_name, Person.family_name, Person.address, Person.password_hash.is_not(None).label("own"),
        Person.disabled_at,
    ).where(
        Person.organization_id == organization_id, Person.erased_at.is_(None), Person.is_client.is_(False)
    )  # fmt: skip
    place = sa.tuple_(Person.family_name, Person.given_name, Person.id)
    if after is not None:
        types: list[Any] = [sa.String(), sa.String(), sa.Uuid()]
        statement = statement.where(place > sa.tuple_(*after, types=types))
    rows = (
        database.session()
        .execute(statement.order_by(Person.family_name, Person.given_name, Person.id).limit(PAGE + 1))
        .all()
    )
    shown = rows[:PAGE]
    ids = [row.id for row in shown]
    roles, seen = organizations.roles_by_person(ids, "partner"), _last_seen_of(ids)
    people = [
        Colleague(
            row.id, row.given_name, row.family_name, row.address,
            rules.state_of(row.own, row.disabled_at is not None), roles.get(row.id, ()), seen.get(row.id),
        )
        for row in shown
    ]  # fmt: skip
    return people, len(rows) > PAGE


def _last_seen_of(ids: list[UUID]) -> dict[UUID, datetime]:
    """When people were last seen: a session's activity, or its beginning."""
    rows = database.session().execute(
        sa.select(
            Session.person_id, sa.func.max(Session.created_at).label("began"), sa.func.max(Activity.seen_at).label("seen")
        )
        .outerjoin(Activity, Activity.session_id == Session.id)
        .where(Session.person_id.in_(ids))
        .group_by(Session.person_id)
    )  # fmt: skip
    return {row.person_id: max(each for each in (row.began, row.seen) if each is not None) for row in rows}


def colleague(actor: Actor, person_id: UUID) -> Person | None:
    """A person of the actor's own partner organization, removed ones too. Programs are no people."""
    found = accounts.person_by_id(person_id)
    if found is None or not actor.is_partner or found.organization_id != actor.organization_id or found.erased_at:
        return None
    if found.is_client:
        return None
    return found


def shown(person: Person) -> Colleague:
    """One person as the list shows it."""
    return Colleague(
        person.id, person.given_name, person.family_name, person.address,
        rules.state_of(person.password_hash is not None, person.disabled_at is not None),
        organizations.roles_by_person([person.id], "partner").get(person.id, ()), _last_seen_of([person.id]).get(person.id),
    )  # fmt: skip


def is_last_administrator(person: Person) -> bool:
    """Whether nobody else in the team is an admin agent who can sign in: who is invited only does not count."""
    return organizations.is_last_administrator(person, "admin_agent")


def is_outside(organization_id: UUID, address: str) -> bool:
    """Whether an address lies outside the domains of the organization's profile."""
    own = {each.name for each in organizations.domains_of(organization_id)}
    return not own & set(organization_rules.domains_above(organization_rules.domain_of(address)))


# --- pairings --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """A request as a page shows it, from the reader's side. `other`: the partner on the other side."""

    row: PairingRequest
    other: Organization
    state: str
    by_us: bool
    asked_by: str
    answer: PairingAnswer | None = None
    answered_by: str = ""


@dataclass(frozen=True)
class Pair:
    """A pairing as a page shows it, from the reader's side."""

    row: Pairing
    other: Organization


def sides(one: Organization, other: Organization) -> tuple[Organization, Organization]:
    """Provider and reseller of two partners, by the first one's programme."""
    return (other, one) if one.programme == "indirect_reseller" else (one, other)


def request_by_id(request_id: UUID) -> PairingRequest | None:
    """One request, answered or not."""
    return database.session().get(PairingRequest, request_id)


def answer_to(request_id: UUID) -> PairingAnswer | None:
    """What became of a request, or None."""
    return database.session().scalar(sa.select(PairingAnswer).where(PairingAnswer.request_id == request_id))


def request_for(actor: Actor, request_id: UUID) -> PairingRequest | None:
    """A request of either side, for people of either."""
    found = request_by_id(request_id)
    if found is None or actor.organization_id not in {found.provider_id, found.reseller_id}:
        return None
    return found


def asked_of(actor: Actor, request_id: UUID) -> PairingRequest | None:
    """A request that the actor's organization was asked."""
    found = request_for(actor, request_id)
    return found if found is not None and found.asked_organization_id == actor.organization_id else None


def asked_by(actor: Actor, request_id: UUID) -> PairingRequest | None:
    """A request that the actor's organization asked."""
    found = request_for(actor, request_id)
    return found if found is not None and found.by_organization_id == actor.organization_id else None


def pairing_for(actor: Actor, pairing_id: UUID) -> Pairing | None:
    """A pairing of either side, for people of either."""
    found = organizations.pairing_by_id(pairing_id)
    if found is None or actor.organization_id not in {found.provider_id, found.reseller_id}:
        return None
    return found


def between(provider_id: UUID, reseller_id: UUID) -> list[tuple[PairingRequest, PairingAnswer | None]]:
    """Every request between a provider and a reseller, newest first, each with what became of it."""
    rows = database.session().execute(
        sa.select(PairingRequest, PairingAnswer)
        .outerjoin(PairingAnswer, PairingAnswer.request_id == PairingRequest.id)
        .where(PairingRequest.provider_id == provider_id, PairingRequest.reseller_id == reseller_id)
        .order_by(PairingRequest.ordinal.desc())
    )
    return [(row[0], row[1]) for row in rows]


def as_asked(row: PairingRequest, answer: PairingAnswer | None, reader_id: UUID | None = None) -> rules.Asked:
    """A request as rules look at it."""
    by = organizations.names_of({answer.by_organization_id}) if answer is not None else {}
    return rules.Asked(
        row.at, row.expires_at, row.by_organization_id == reader_id, answer.answer if answer is not None else "",
        answer.at if answer is not None else None, next(iter(by.values()), ""),
    )  # fmt: skip


def requests_of(partner_id: UUID) -> list[Request]:
    """What waits for an answer of a partner or of who it asked, newest first; in three queries."""
    rows = (
        database.session()
        .scalars(
            sa.select(PairingRequest)
            .outerjoin(PairingAnswer, PairingAnswer.request_id == PairingRequest.id)
            .outerjoin(
                Pairing,
                sa.and_(
                    Pairing.provider_id == PairingRequest.provider_id,
                    Pairing.reseller_id == PairingRequest.reseller_id,
                    Pairing.ended_at.is_(None),
                ),
            )
            .where(
                sa.or_(PairingRequest.provider_id == partner_id, PairingRequest.reseller_id == partner_id),
                PairingAnswer.id.is_(None),
                PairingRequest.expires_at > clock.now(),
                Pairing.id.is_(None),
            )
            .order_by(PairingRequest.at.desc(), PairingRequest.id)
        )
        .all()
    )
    others = _organizations({_other_of(row, partner_id) for row in rows})
    names = accounts.names_of({row.person_id for row in rows})
    return [
        Request(
            row, others[_other_of(row, partner_id)], "waiting", row.by_organization_id == partner_id,
            full_name(*names.get(row.person_id, ("", ""))),
        )
        for row in rows
    ]  # fmt: skip


def request_shown(row: PairingRequest, reader_id: UUID) -> Request:
    """One request with who asked and what became of it."""
    answer = answer_to(row.id)
    ids = {row.person_id} | ({answer.person_id} if answer is not None else set())
    names = accounts.names_of(ids)
    asked = as_asked(row, answer, reader_id)
    other_id = _other_of(row, reader_id)
    return Request(
        row, _organizations({other_id})[other_id], rules.state_of_request(asked, clock.now()), asked.by_us,
        full_name(*names.get(row.person_id, ("", ""))), answer,
        full_name(*names.get(answer.person_id, ("", ""))) if answer is not None else "",
    )  # fmt: skip


def reason_of(answer: PairingAnswer | None, reader: Actor) -> str:
    """The reason given with an answer, for people of both sides; empty when there is none or it was erased."""
    fact = evidence.fact_by_id(answer.fact_id) if answer is not None else None
    if fact is None:
        return ""
    record = evidence.record_of(fact)
    seen = evidence_rules.seen_by(reader.organization_kind, str(reader.organization_id), record)
    entry = record["personal"].get("reason")
    if entry is None or (seen is not None and "reason" not in seen):
        return ""
    return evidence.personal_values([record]).get(entry["id"], "")


def pairs_of(partner_id: UUID) -> list[Pair]:
    """The pairings of a provider or a reseller, open ones first; in two queries."""
    rows = organizations.pairings_of(partner_id)
    others = _organizations({_other_of(row, partner_id) for row in rows})
    return [Pair(row, others[_other_of(row, partner_id)]) for row in rows]


def pair_shown(row: Pairing, reader_id: UUID) -> Pair:
    """One pairing with the partner on the other side."""
    other_id = _other_of(row, reader_id)
    return Pair(row, _organizations({other_id})[other_id])


def _other_of(row: PairingRequest | Pairing, reader_id: UUID) -> UUID:
    return row.reseller_id if row.provider_id == reader_id else row.provider_id


def _organizations(ids: set[UUID]) -> dict[UUID, Organization]:
    rows = database.session().scalars(sa.select(Organization).where(Organization.id.in_(list(ids))))
    return {row.id: row for row in rows}


def relationships_through(pairing: Pairing) -> int:
    """How many relationships with customers that have not ended name this provider and this reseller."""
    return (
        database.session().scalar(
            sa.select(sa.func.count())
            .select_from(Relationship)
            .outerjoin(Ending, Ending.relationship_id == Relationship.id)
            .where(
                Relationship.partner_id == pairing.provider_id,
                Relationship.reseller_id == pairing.reseller_id,
                Ending.id.is_(None),
            )
        )
        or 0
    )


def history_of(provider_id: UUID, reseller_id: UUID) -> Sequence[Any]:
    """What the evidence holds about two partners and their work together, newest first."""
    return (
        database.session()
        .execute(
            sa.select(Fact.id, Fact.kind, Fact.at, Fact.position, Fact.record)
            .where(
                Fact.partner_id == provider_id,
                Fact.other_partner_id == reseller_id,
                Fact.kind.startswith("pairing.", autoescape=True),
            )
            .order_by(Fact.at.desc(), Fact.id.desc())
            .limit(50)
        )
        .all()
    )


def over_but_open() -> Sequence[PairingRequest]:
    """Requests that nobody answered in time, or that another act made pointless, and that wait in an inbox still."""
    is_paired = sa.exists().where(
        Pairing.provider_id == PairingRequest.provider_id,
        Pairing.reseller_id == PairingRequest.reseller_id,
        Pairing.ended_at.is_(None),
    )
    return (
        database.session()
        .scalars(
            sa.select(PairingRequest)
            .join(Task, sa.and_(Task.about_id == PairingRequest.id, Task.kind == "pairing_asked"))
            .where(Task.done_at.is_(None), sa.or_(PairingRequest.expires_at <= clock.now(), is_paired))
            .order_by(PairingRequest.at)
            .limit(100)
        )
        .all()
    )
