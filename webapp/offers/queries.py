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
from webapp.delegated_admin.models import DelegatedRelationship, DelegatedStanding
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
