"""Reading a customer's people, their licences, and how far the customer is set up."""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import database
from webapp.accounts import queries as accounts
from webapp.accounts.models import Activity, Person, Session
from webapp.actor import Actor, full_name
from webapp.directory import rules
from webapp.directory.models import SetupList
from webapp.organizations import queries as organizations
from webapp.organizations.models import Domain, Organization
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Licence, SubscriptionStanding

PAGE = 50
#: Counting stops after so many; a list then says "1,000+".
MOST = 1000
#: Stages in which seats are given.
GIVEN_IN = ("active", "expired")
Place = tuple[str, str, UUID]


def customer_of(actor: Actor) -> UUID | None:
    """The customer whose people somebody of it, or who acts for it, reads; None for a partner."""
    return actor.organization_id if actor.is_customer else None


def person_for(actor: Actor, person_id: UUID) -> Person | None:
    """A person of that customer, blocked ones too."""
    found = accounts.person_by_id(person_id)
    if found is None or not actor.is_customer or found.organization_id != actor.organization_id or found.erased_at:
        return None
    return found


# --- the list --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What a list is narrowed to: `search` (beginnings of names or of the address), `state`, one subscription's people."""

    search: str = ""
    state: str = ""
    line_id: UUID | None = None

    @property
    def is_narrow(self) -> bool:
        return bool(self.search or self.state or self.line_id)


@dataclass(frozen=True)
class Listed:
    """A person as the list shows it. `licences` are names of products."""

    id: UUID
    given_name: str
    family_name: str
    address: str
    state: str
    roles: tuple[str, ...]
    licences: tuple[str, ...]


@dataclass(frozen=True)
class People:
    """One page of people in the order of their names, and whether there are more on either side."""

    rows: list[Listed]
    more_before: bool
    more_after: bool
    count: int


def _conditions(customer_id: UUID, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found = [Person.organization_id == customer_id, Person.erased_at.is_(None)]
    for word in wanted.search.split()[:5]:
        # names are kept as they were typed: full-width letters find their like, and the plain ones they stand for
        spellings = {word.casefold(), unicodedata.normalize("NFKC", word).casefold()}
        found.append(
            sa.or_(
                *(
                    sa.func.lower(column).startswith(spelling, autoescape=True)
                    for column in (Person.family_name, Person.given_name, Person.address_key)
                    for spelling in sorted(spellings)
                )
            )
        )
    own_password = sa.and_(Person.password_hash.is_not(None), Person.temporary_until.is_(None))
    if wanted.state == "blocked":
        found.append(Person.disabled_at.is_not(None))
    elif wanted.state in rules.STATES:
        found += [Person.disabled_at.is_(None), own_password if wanted.state == "active" else sa.not_(own_password)]
    if wanted.line_id is not None:
        found.append(Person.id.in_(sa.select(Licence.person_id).where(Licence.line_id == wanted.line_id)))
    return found


def people_of(
    customer_id: UUID, wanted: Wanted, *, after: Place | None = None, before: Place | None = None
) -> People:  # fmt: skip
    """One page of a customer's people by name, with roles and licences, in four queries."""
    conditions = _conditions(customer_id, wanted)
    order = [Person.family_name, Person.given_name, Person.id]
    statement = sa.select(
        Person.id, Person.given_name, Person.family_name, Person.address, Person.password_hash, Person.temporary_until,
        Person.disabled_at,
    ).where(*conditions)  # fmt: skip
    if before is not None:
        statement = statement.where(_beyond(before, operator.lt))
        statement = statement.order_by(*(column.desc() for column in order))
    else:
        if after is not None:
            statement = statement.where(_beyond(after, operator.gt))
        statement = statement.order_by(*order)
    found = list(database.session().execute(statement.limit(PAGE + 1)).all())
    more, found = len(found) > PAGE, found[:PAGE]
    if before is not None:
        found.reverse()
    counted = sa.select(Person.id).where(*conditions).limit(MOST + 1).subquery()
    return People(
        rows=_listed(found),
        more_before=more if before is not None else after is not None,
        more_after=before is not None or more,
        count=database.session().scalar(sa.select(sa.func.count()).select_from(counted)) or 0,
    )


def _beyond(place: Place, is_beyond: Callable[[Any, Any], Any]) -> sa.ColumnElement[bool]:
    """Whose name comes after a place (`operator.gt`) or before it (`operator.lt`)."""
    family_name, given_name, id_ = place
    return sa.or_(
        is_beyond(Person.family_name, family_name),
        sa.and_(Person.family_name == family_name, is_beyond(Person.given_name, given_name)),
        sa.and_(Person.family_name == family_name, Person.given_name == given_name, is_beyond(Person.id, id_)),
    )


def _listed(rows: Sequence[Any]) -> list[Listed]:
    ids = [row.id for row in rows]
    roles, licences = organizations.roles_by_person(ids, "customer"), subscriptions.licences_of_people(ids)
    return [
        Listed(
            row.id, row.given_name, row.family_name, row.address, _state(row), roles.get(row.id, ()),
            tuple(each.product for each in licences.get(row.id, ())),
        )
        for row in rows
    ]  # fmt: skip


def _state(row: Any) -> str:
    return rules.state_of(
        row.password_hash is not None and row.temporary_until is None, row.disabled_at is not None
    )  # fmt: skip


# --- one person ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Details:
    """A person as its page shows it. `last_seen`: None when never; `sessions`: open browsers."""

    listed: Listed
    last_seen: datetime | None
    sessions: int
    is_last_administrator: bool


def details_of(person: Person) -> Details:
    """All that the page of one person says."""
    (listed,) = _listed([person])
    began, seen = (
        database.session()
        .execute(
            sa.select(sa.func.max(Session.created_at), sa.func.max(Activity.seen_at))
            .outerjoin(Activity, Activity.session_id == Session.id)
            .where(Session.person_id == person.id)
        )
        .one()
    )
    return Details(
        listed=listed,
        last_seen=max((each for each in (began, seen) if each is not None), default=None),
        sessions=len(accounts.open_sessions_of(person.id)),
        is_last_administrator=organizations.is_last_administrator(person, rules.ADMINISTRATOR),
    )


def administrator_names(customer_id: UUID) -> list[str]:
    """The names of those who administer a customer: who can do what others cannot."""
    return [
        full_name(each.given_name, each.family_name)
        for each in organizations.people_with(customer_id, rules.ADMINISTRATOR)
    ]


# --- licences --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seats:
    """A subscription whose seats can be given, or of which the person has one. `ordinal` (from 1) tells several of one
    product apart; `left` is how many seats are not given; `can_give`: its stage allows it."""

    standing: SubscriptionStanding
    left: int
    can_give: bool
    has: bool = False


def seats_of(customer: Organization, person_id: UUID | None = None) -> list[Seats]:
    """The subscriptions of a customer whose seats can be given now, and those of which a person has one; by product."""
    given = subscriptions.given_by_line(customer.id)
    held = (
        {each.line_id for each in subscriptions.licences_of_people([person_id]).get(person_id, ())}
        if person_id
        else set()
    )
    found = [
        Seats(
            each,
            max(each.seats - given.get(each.line_id, 0), 0),
            subscriptions.stage_of(each, customer.zone) in GIVEN_IN,
            each.line_id in held,
        )
        for each in subscriptions.of_customer(customer.id)
    ]
    shown = [each for each in found if each.can_give or each.has]
    return sorted(shown, key=lambda each: (each.standing.product, each.standing.ends_on, each.standing.line_id))


def line_of(customer_id: UUID, word: str) -> SubscriptionStanding | None:
    """The customer's subscription that an address names."""
    try:
        found = subscriptions.standing_of(UUID(word))
    except ValueError:
        return None
    return found if found is not None and found.customer_id == customer_id else None


def lines_by_id(customer_id: UUID, line_ids: Collection[UUID]) -> dict[UUID, SubscriptionStanding]:
    """Subscriptions of a customer by the id of their line; foreign ones are missing."""
    rows = [subscriptions.standing_of(each) for each in line_ids]
    return {row.line_id: row for row in rows if row is not None and row.customer_id == customer_id}


# --- the list of what is left to set up ------------------------------------------------------------------------


def setup_list_of(customer_id: UUID) -> SetupList | None:
    """Who put the list away, and when; None while it is shown."""
    return database.session().get(SetupList, customer_id)


@dataclass(frozen=True)
class SetUp:
    """How far a customer is set up. `domains`: names, each with whether the operator confirmed it."""

    people: int
    seats: int
    given: int
    domains: Sequence[tuple[str, bool]]
    is_dismissed: bool

    @property
    def has_people(self) -> bool:
        return self.people > 1

    @property
    def has_licences(self) -> bool:
        return self.given > 0

    @property
    def has_domain(self) -> bool:
        return any(confirmed for _name, confirmed in self.domains)


def set_up_of(customer: Organization, may_set_up: bool) -> SetUp | None:
    """What the first page says of setting up; None for who cannot do it, and for a customer without subscriptions."""
    if not may_set_up:
        return None
    session = database.session()
    lines = [
        each
        for each in subscriptions.of_customer(customer.id)
        if subscriptions.stage_of(each, customer.zone) in GIVEN_IN
    ]
    is_dismissed = setup_list_of(customer.id) is not None
    if not lines:
        return None
    given = subscriptions.given_by_line(customer.id)
    people = session.scalar(
        sa.select(sa.func.count()).where(
            Person.organization_id == customer.id, Person.disabled_at.is_(None), Person.erased_at.is_(None)
        )
    )
    domains = session.execute(
        sa.select(Domain.name, Domain.confirmed_at).where(Domain.organization_id == customer.id).order_by(Domain.name)
    )
    return SetUp(
        people=people or 0,
        seats=sum(each.seats for each in lines),
        given=sum(given.get(each.line_id, 0) for each in lines),
        domains=[(row.name, row.confirmed_at is not None) for row in domains],
        is_dismissed=is_dismissed,
    )
