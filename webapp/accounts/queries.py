"""Reading people and counting failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database, tokens
from webapp.accounts import rules
from webapp.accounts.models import Activity, Attempt, Person, Session
from webapp.actor import Actor
from webapp.tokens import Token


@dataclass(frozen=True)
class Home:
    """The organization that a person belongs to, as far as accounts need it. `zone` is an IANA name."""

    organization_id: UUID
    chain_id: UUID
    kind: str
    name: str
    zone: str
    is_open: bool

    @property
    def customer_id(self) -> UUID | None:
        return self.organization_id if self.kind == "customer" else None

    @property
    def partner_id(self) -> UUID | None:
        return self.organization_id if self.kind == "partner" else None


_find_home: Callable[[UUID], Home]


def homes_found_by(find: Callable[[UUID], Home]) -> None:
    """Set the query that finds the home of a person's `organization_id`: accounts know no organizations."""
    global _find_home
    _find_home = find


def home_of(person: Person) -> Home:
    """The organization of a person."""
    return _find_home(person.organization_id)


def address_key(address: str) -> str:
    """How addresses are compared: letter case does not matter."""
    return address.strip().casefold()


def person_by_address(address: str) -> Person | None:
    """The person who signs in with this address."""
    return database.session().scalar(sa.select(Person).where(Person.address_key == address_key(address)))


def person_by_id(person_id: UUID) -> Person | None:
    """One person."""
    return database.session().get(Person, person_id)


def session_by_id(session_id: UUID) -> Session | None:
    """One session, ended or not."""
    return database.session().get(Session, session_id)


def open_sessions_of(person_id: UUID) -> Sequence[tuple[Session, datetime | None]]:
    """The sessions of a person that are not over, newest first, with when each was last seen."""
    return (
        database.session()
        .execute(
            sa.select(Session, Activity.seen_at)
            .outerjoin(Activity, Activity.session_id == Session.id)
            .where(Session.person_id == person_id, Session.ended_at.is_(None), Session.expires_at > clock.now())
            .order_by(Session.created_at.desc())
        )
        .all()
    )


def attempt_keys(kind: str, who: str, address: str) -> tuple[str, str]:
    """Keyed digests of (person, network) and of the network, under which failures are counted."""
    network = rules.network_of(address)
    pair = tokens.keyed_digest(f"{kind}|{address_key(who)}|{network}", about="attempt")
    return pair, tokens.keyed_digest(f"{kind}|{network}", about="attempt")


def failures(pair: str, network: str) -> tuple[int, int]:
    """How many failures were counted in the last five minutes, for the pair and for the network.

    Those of the future do not count: a clock that was set back locks nobody out.
    """
    now = clock.now()
    recent = sa.and_(Attempt.at > now - rules.WINDOW, Attempt.at <= now)
    of = sa.func.count()
    session = database.session()
    of_pair = session.scalar(sa.select(of).where(Attempt.pair == pair, recent)) or 0
    of_network = session.scalar(sa.select(of).where(Attempt.network == network, recent)) or 0
    return of_pair, of_network


def names_of(person_ids: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    """Given and family name of people by id; the erased ones are missing."""
    rows = database.session().execute(
        sa.select(Person.id, Person.given_name, Person.family_name).where(
            Person.id.in_(list(person_ids)), Person.erased_at.is_(None)
        )
    )
    return {row.id: (row.given_name, row.family_name) for row in rows}


def own_session(actor: Actor, session_id: UUID) -> Session | None:
    """One of the actor's own sessions, ended or not."""
    found = session_by_id(session_id)
    return found if found is not None and found.person_id == actor.person_id else None


def recent_sessions_of(person_id: UUID, limit: int) -> Sequence[Session]:
    """The newest sessions of a person, ended or not: when and with what it signed in."""
    return (
        database.session()
        .scalars(
            sa.select(Session).where(Session.person_id == person_id).order_by(Session.created_at.desc()).limit(limit)
        )
        .all()
    )


def last_link_at(person_id: UUID, *purposes: str) -> datetime | None:
    """When the newest link of these purposes was made for a person."""
    return database.session().scalar(
        sa.select(sa.func.max(Token.created_at)).where(Token.person_id == person_id, Token.purpose.in_(purposes))
    )


def links_since(person_id: UUID, purpose: str, since: datetime) -> int:
    """How many links of a purpose were made for a person since a moment."""
    return (
        database.session().scalar(
            sa.select(sa.func.count()).where(
                Token.person_id == person_id, Token.purpose == purpose, Token.created_at > since
            )
        )
        or 0
    )


def open_link(purpose: str, secret: str) -> tuple[Token, Person]:
    """The open link that a secret belongs to, and its person. Raises LinkUsedOrExpired; changes nothing."""
    token = tokens.found_by(secret, purpose)
    person = person_by_id(token.person_id) if token is not None and token.person_id is not None else None
    if token is None or person is None or not token.is_open(clock.now()) or not person.can_sign_in():
        raise rules.LinkUsedOrExpired(purpose=purpose)
    if purpose != rules.CONFIRM and not tokens.was_sent_to(token, person.address):
        raise rules.LinkUsedOrExpired(purpose=purpose)  # the address was changed after the mail was sent
    return token, person


def newest_code(person_id: UUID) -> Token | None:
    """The code that was mailed last to a person, open or not."""
    return database.session().scalar(
        sa.select(Token)
        .where(Token.person_id == person_id, Token.purpose == rules.CODE)
        .order_by(Token.created_at.desc(), Token.id)
        .limit(1)
    )


def codes_left(person: Person) -> int:
    """How many more codes may be mailed to a person at the address on file: without one, no temporary password signs in."""
    there = sa.func.count(sa.case((tokens.sent_there(person.address), 1)))
    to_address, in_all = (
        database.session()
        .execute(sa.select(there, sa.func.count()).where(Token.person_id == person.id, Token.purpose == rules.CODE))
        .one()
    )
    return rules.codes_left(to_address, in_all)


def waiting_code(token_id: UUID) -> tuple[Token, Person] | None:
    """A code, open or not, and whose it is; None unless that person may still sign in with a temporary password."""
    token = database.session().get(Token, token_id)
    person = person_by_id(token.person_id) if token is not None and token.person_id is not None else None
    if token is None or person is None or token.purpose != rules.CODE:
        return None
    return (token, person) if person.can_sign_in() and person.temporary_until is not None else None


def address_in_waiting(person_id: UUID) -> datetime | None:
    """When a change of address that still waits for its confirmation was asked for, or None."""
    return database.session().scalar(
        sa.select(Token.created_at)
        .where(
            Token.person_id == person_id,
            Token.purpose == rules.CONFIRM,
            Token.used_at.is_(None),
            Token.expires_at > clock.now(),
        )
        .order_by(Token.created_at.desc())
        .limit(1)
    )


def people(organization_id: UUID | None = None) -> Sequence[Person]:
    """Everybody who is not erased (of one organization), by address: what the operator lists. Programs are no people."""
    statement = sa.select(Person).where(Person.erased_at.is_(None), Person.is_client.is_(False))
    statement = statement.order_by(Person.address_key)
    if organization_id is not None:
        statement = statement.where(Person.organization_id == organization_id)
    return database.session().scalars(statement).all()
