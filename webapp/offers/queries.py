"""Reading a partner's delegated administration at all its customers: one list of relationships."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database
from webapp.actor import Actor
from webapp.delegated_admin import queries as delegated_admin
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedDraft, DelegatedRelationship, DelegatedStanding
from webapp.offers import rules
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import name_key

PAGE = 40
#: Counting stops after so many; a list then says "1,000+".
MOST = 1000
_AFTER_EVERY_NAME = "\U0010ffff"

S = DelegatedStanding
Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class Wanted:
    """What of the list is wanted. `state` is one of `rules.STATES`; `search` the beginning of a customer's name."""

    state: str = "current"
    search: str = ""
    sort: str = "end"


@dataclass(frozen=True)
class Line:
    """One relationship as the list shows it now. `end`: when it ends, can be answered last, or was over; its day is that
    of the customer's `zone`. `days_left` while it is in force."""

    id: UUID
    customer_id: UUID
    customer: str
    name: str
    state: str
    roles: tuple[str, ...]
    extends: bool
    end: datetime | None
    zone: str
    days_left: int | None
    place: Place

    @property
    def is_soon(self) -> bool:
        """Whether its term is over soon, and nothing extends it."""
        return self.state == "active" and not self.extends and (self.days_left or 0) <= rules.SOON_DAYS


@dataclass(frozen=True)
class Listed:
    """One page: rows in order, whether there are more on either side, and how many in all (capped)."""

    rows: list[Line]
    more_before: bool
    more_after: bool
    count: int


def own_for(actor: Actor) -> Organization | None:
    """The actor's own organization, when it is a partner."""
    return organizations.partner_by_id(actor.organization_id) if actor.is_partner else None


def _ends() -> sa.ColumnElement[datetime]:
    """What the list is sorted by: when it was over, ends, or can no longer be answered."""
    return sa.func.coalesce(S.over_at, S.ends_at, S.closes_at, type_=S.closes_at.type)


def _in_state(state: str, now: datetime) -> list[sa.ColumnElement[bool]]:
    active, pending = delegated_admin.is_active(now), delegated_admin.is_pending(now)
    soon = now + timedelta(days=rules.SOON_DAYS)
    conditions = {
        "current": [sa.or_(active, pending)],
        "active": [active],
        "ending": [active, S.auto_extends.is_(False), S.ends_at <= soon],
        "pending": [pending],
        "over": [sa.not_(active), sa.not_(pending)],
    }
    return conditions.get(state, [])


def _conditions(actor: Actor, wanted: Wanted, now: datetime) -> list[sa.ColumnElement[bool]]:
    found = [
        S.partner_id == actor.organization_id, delegated_admin.is_listed(now), *_in_state(wanted.state, now)
    ]  # fmt: skip
    if wanted.search:
        key = name_key(wanted.search)
        found += [Organization.name_key >= key, Organization.name_key < key + _AFTER_EVERY_NAME]
    return found


def relationships_for(
    actor: Actor, wanted: Wanted, *, after: Place | None = None, before: Place | None = None
) -> Listed:  # fmt: skip
    """One page of the partner's delegated administration, what ends first in front; three queries."""
    now = clock.now()
    conditions = _conditions(actor, wanted, now)
    ends = _ends()
    backwards = after is None and before is not None
    place = before if backwards else after
    descending = (wanted.sort == "end_down") != backwards
    statement = (
        sa.select(
            S.relationship_id, S.customer_id, S.name, S.state, S.roles, S.auto_extends, S.ends_at, S.closes_at,
            S.over_at, S.announced, ends.label("ends"), Organization.name.label("customer"), Organization.zone,
        )
        .join(Organization, Organization.id == S.customer_id)
        .where(*conditions)
    )  # fmt: skip
    if place is not None:
        at, id_ = place
        if descending:
            statement = statement.where(ends <= at, sa.or_(ends < at, S.relationship_id < id_))
        else:
            statement = statement.where(ends >= at, sa.or_(ends > at, S.relationship_id > id_))
    order = [ends.desc(), S.relationship_id.desc()] if descending else [ends, S.relationship_id]
    found = list(database.session().execute(statement.order_by(*order).limit(PAGE + 1)).all())
    more, found = len(found) > PAGE, found[:PAGE]
    if backwards:
        found.reverse()
    counted = (
        sa.select(S.relationship_id)
        .join(Organization, Organization.id == S.customer_id)
        .where(*conditions)
        .limit(MOST + 1)
        .subquery()
    )
    return Listed(
        rows=[_line(row, now) for row in found],
        more_before=more if backwards else after is not None and bool(found),
        more_after=bool(found) if backwards else more,
        count=database.session().scalar(sa.select(sa.func.count()).select_from(counted)) or 0,
    )


def _line(row: Any, now: datetime) -> Line:
    state = delegated_rules.state_for_partner(row, now)
    shown = delegated_rules.shown_until(row, now)
    left = delegated_rules.days_left(shown, now, row.zone) if shown is not None and state == "active" else None
    return Line(
        id=row.relationship_id, customer_id=row.customer_id, customer=row.customer, name=row.name, state=state,
        roles=tuple(row.roles), extends=row.auto_extends, end=shown, zone=row.zone, days_left=left,
        place=(row.ends, row.relationship_id),
    )  # fmt: skip


def has_any(actor: Actor) -> bool:
    """Whether the partner offered anything yet that lists still show."""
    return (
        database.session().scalar(
            sa.select(S.relationship_id)
            .where(S.partner_id == actor.organization_id, delegated_admin.is_listed(clock.now()))
            .limit(1)
        )
        is not None
    )


def declined_for(actor: Actor, word: str) -> DelegatedRelationship | None:
    """The actor's own offer, which its customer answered by asking for fewer roles; `word` is its id as typed."""
    try:
        row = delegated_admin.of_partner(actor, UUID(word))
    except ValueError:
        return None
    answer = delegated_admin.answer_of(row.id) if row is not None else None
    return row if answer is not None and answer.facts.get("wanted") else None


# --- as Graph has it: drafts and offers in one list ------------------------------------------------------------

D = DelegatedDraft


@dataclass(frozen=True)
class Entry:
    """A draft or an offer as programs read it. `state` is one of `delegated_admin.rules.STATES`, at this moment; times in
    UTC. `ends_at` is None until it was active."""

    id: UUID
    name: str
    name_key: str
    customer_id: UUID | None
    customer: str
    roles: tuple[str, ...]
    state: str
    duration_days: int
    auto_extends: bool
    created_at: datetime
    changed_at: datetime
    activated_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True)
class Choice:
    """What of the list is wanted, and in which order (of `rules.ORDERS`)."""

    groups: tuple[tuple[rules.Comparison, ...], ...] = ()
    order: str = "createdDateTime"
    descending: bool = True


Kind = type[DelegatedStanding] | type[DelegatedDraft]
_PLACES = {"createdDateTime": "created_at", "displayName": "name_key", "lastModifiedDateTime": "changed_at"}


def _id_of(kind: Kind) -> Any:
    return S.relationship_id if kind is S else D.id


def _in_status(kind: Kind, status: str, now: datetime) -> sa.ColumnElement[bool]:
    """The condition that a state is, at this moment, what Graph calls `status`."""
    if kind is D:
        return sa.true() if status == rules.GRAPH_STATUS["created"] else sa.false()
    active, pending = delegated_admin.is_active(now), delegated_admin.is_pending(now)
    ran_out = sa.or_(
        S.state.in_(["expired", "lapsed"]), sa.and_(S.state == "active", sa.not_(active)),
        sa.and_(S.state == "pending", sa.not_(pending)),
    )  # fmt: skip
    conditions = {
        "approvalPending": pending,
        "active": active,
        "expired": ran_out,
        "terminated": S.state.in_(["ended", "declined", "withdrawn"]),
    }
    return conditions.get(status, sa.false())


def _condition(kind: Kind, each: rules.Comparison, now: datetime) -> sa.ColumnElement[bool]:
    if each.field == "status":
        return _in_status(kind, each.value, now)
    if each.field == "tenant":
        return kind.customer_id == UUID(each.value)
    if each.operator == "eq":
        return kind.name_key == delegated_rules.name_key(each.value)
    key = delegated_rules.name_key(each.value + "x")[:-1]  # a blank at its end counts
    return sa.and_(kind.name_key >= key, kind.name_key < key + _AFTER_EVERY_NAME)


def _wanted(kind: Kind, actor: Actor, choice: Choice, now: datetime) -> list[sa.ColumnElement[bool]]:
    found = [kind.partner_id == actor.organization_id]
    if kind is S:
        found.append(delegated_admin.is_listed(now))
    if choice.groups:
        found.append(
            sa.or_(*(sa.and_(*(_condition(kind, each, now) for each in group)) for group in choice.groups))
        )  # fmt: skip
    return found


def _columns(kind: Kind) -> list[Any]:
    same = [
        _id_of(kind).label("id"), kind.customer_id, kind.name, kind.name_key, kind.roles, kind.duration_days,
        kind.auto_extends, kind.created_at, kind.changed_at,
    ]  # fmt: skip
    if kind is S:
        return [*same, S.state, S.closes_at, S.activated_at, S.ends_at, S.over_at]
    never = [sa.cast(sa.null(), D.created_at.type).label(name) for name in ("activated_at", "ends_at", "over_at")]
    return [*same, sa.literal("created").label("state"), D.created_at.label("closes_at"), *never]


def entries_for(
    actor: Actor, choice: Choice, *, size: int, after: tuple[datetime | str, UUID] | None = None
) -> tuple[list[Entry], bool]:  # fmt: skip
    """One page of what the partner offered and prepares, at most `size`, after a place (what it is ordered by, and id), and
    whether there is more; one query."""
    now, parts = clock.now(), []
    for kind in (S, D):
        place, id_ = getattr(kind, _PLACES[choice.order]), _id_of(kind)
        statement = sa.select(*_columns(kind), place.label("place")).where(*_wanted(kind, actor, choice, now))
        if after is not None and choice.descending:
            statement = statement.where(place <= after[0], sa.or_(place < after[0], id_ < after[1]))
        elif after is not None:
            statement = statement.where(place >= after[0], sa.or_(place > after[0], id_ > after[1]))
        order = (place.desc(), id_.desc()) if choice.descending else (place, id_)
        parts.append(sa.select(statement.order_by(*order).limit(size + 1).subquery()))
    both = sa.union_all(*parts).subquery()
    order = (both.c.place.desc(), both.c.id.desc()) if choice.descending else (both.c.place, both.c.id)
    found = (
        database.session()
        .execute(
            sa.select(both, Organization.name.label("customer"))
            .outerjoin(Organization, Organization.id == both.c.customer_id)
            .order_by(*order)
            .limit(size + 1)
        )
        .all()
    )
    return [_entry(row.id, row, row.customer, now) for row in found[:size]], len(found) > size


def place_of(entry: Entry, choice: Choice) -> str:
    """What an entry is ordered by, as a text."""
    places = {
        "createdDateTime": entry.created_at.isoformat(), "displayName": entry.name_key,
        "lastModifiedDateTime": entry.changed_at.isoformat(),
    }  # fmt: skip
    return places[choice.order]


#: Drafts that the page tells of.
DRAFTS_SHOWN = 10


def drafts_for(actor: Actor) -> tuple[list[Entry], bool]:
    """The newest drafts of the partner's programs, and whether there are more."""
    prepared = rules.Comparison("status", "eq", rules.GRAPH_STATUS["created"])
    return entries_for(actor, Choice(((prepared,),)), size=DRAFTS_SHOWN)


def count_for(actor: Actor, choice: Choice) -> int:
    """How many there are in all."""
    now = clock.now()
    return sum(
        database.session().scalar(
            sa.select(sa.func.count()).select_from(kind).where(*_wanted(kind, actor, choice, now))
        )
        or 0
        for kind in (S, D)
    )


def entry_of(found: DelegatedRelationship | DelegatedDraft) -> Entry:
    """A draft or an offer as it is now."""
    customer = organizations.organization_by_id(found.customer_id) if found.customer_id is not None else None
    name = customer.name if customer is not None else None
    if isinstance(found, DelegatedRelationship):
        return _entry(found.id, delegated_admin.standing_of(found), name, clock.now())
    return Entry(
        id=found.id, name=found.name, name_key=found.name_key, customer_id=found.customer_id, customer=name or "",
        roles=tuple(found.roles), state="created", duration_days=found.duration_days, auto_extends=found.auto_extends,
        created_at=found.created_at, changed_at=found.changed_at, activated_at=None, ends_at=None,
    )  # fmt: skip


def _entry(id_: UUID, row: Any, customer: str | None, now: datetime) -> Entry:
    state = delegated_rules.present_state(row, now)
    end = row.over_at if state == "ended" else delegated_rules.present_end(row, now)
    return Entry(
        id=id_, name=row.name, name_key=row.name_key, customer_id=row.customer_id, customer=customer or "",
        roles=tuple(row.roles), state=state, duration_days=row.duration_days, auto_extends=row.auto_extends,
        created_at=row.created_at, changed_at=row.changed_at, activated_at=row.activated_at,
        ends_at=end if row.activated_at is not None else None,
    )  # fmt: skip
