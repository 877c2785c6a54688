"""Reading an inbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import database
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.tasks import rules
from webapp.tasks.models import Task

PAGE = 40
#: Counting stops here: a badge says no more than this.
MOST = 999


def of_customer(actor: Actor) -> UUID | None:
    """The organization whose inbox a customer's person reads; None for a partner's."""
    return actor.organization_id if actor.is_customer else None


def of_partner(actor: Actor) -> UUID | None:
    """The organization whose inbox a partner's person reads; None for a customer's."""
    return actor.organization_id if actor.is_partner else None


def entry_for(actor: Actor, task_id: UUID) -> Task | None:
    """One entry of the actor's own inbox."""
    found = database.session().get(Task, task_id)
    return found if found is not None and found.organization_id == actor.organization_id else None


def was_put(organization_id: UUID, kind: str, about_key: str) -> bool:
    """Whether an organization was told of this before, done or not."""
    found = sa.select(Task.id).where(
        Task.organization_id == organization_id, Task.kind == kind, Task.about_key == about_key
    )
    return database.session().scalar(found) is not None


def waits(organization_id: UUID, kind: str, about_key: str) -> bool:
    """Whether this waits for an organization now."""
    found = sa.select(Task.id).where(
        Task.organization_id == organization_id, Task.kind == kind, Task.about_key == about_key, Task.done_at.is_(None)
    )
    return database.session().scalar(found) is not None


def count_open(actor: Actor) -> int:
    """How many entries are neither done nor seen (at most MOST): the badge of the navigation."""
    some = (
        sa.select(Task.id)
        .where(Task.organization_id == actor.organization_id, Task.done_at.is_(None))
        .limit(MOST)
        .subquery()
    )
    return database.session().scalar(sa.select(sa.func.count()).select_from(some)) or 0


def _entries(organization_id: UUID) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Task.id, Task.kind, Task.facts, Task.path, Task.waits, Task.created_at, Task.done_at,
            Person.given_name.label("done_given_name"), Person.family_name.label("done_family_name"),
        )
        .outerjoin(Person, Person.id == Task.done_by_id)
        .where(Task.organization_id == organization_id)
    )  # fmt: skip


def waiting(organization_id: UUID, limit: int = PAGE) -> Sequence[sa.Row[Any]]:
    """What waits for an organization, newest first."""
    return (
        database.session()
        .execute(
            _entries(organization_id)
            .where(Task.waits.is_(True), Task.done_at.is_(None))
            .order_by(Task.created_at.desc(), Task.id.desc())
            .limit(limit)
        )
        .all()
    )


def happened(
    organization_id: UUID,
    *,
    after: tuple[datetime, UUID] | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = PAGE,
) -> tuple[list[sa.Row[Any]], bool]:
    """One page of what happened or was done, newest first, and whether there is more that way."""
    statement = _entries(organization_id).where(sa.or_(Task.waits.is_(False), Task.done_at.is_not(None)))
    if before is not None:
        at, key = before
        statement = statement.where(Task.created_at >= at, sa.or_(Task.created_at > at, Task.id > key))
        statement = statement.order_by(Task.created_at, Task.id)
    else:
        if after is not None:
            at, key = after
            statement = statement.where(Task.created_at <= at, sa.or_(Task.created_at < at, Task.id < key))
        statement = statement.order_by(Task.created_at.desc(), Task.id.desc())
    rows = list(database.session().execute(statement.limit(limit + 1)).all())
    more = len(rows) > limit
    rows = rows[:limit]
    return (rows[::-1] if before is not None else rows), more


def unseen(organization_id: UUID) -> bool:
    """Whether something happened that nobody marked as seen."""
    return (
        database.session().scalar(
            sa.select(Task.id)
            .where(Task.organization_id == organization_id, Task.done_at.is_(None), Task.waits.is_(False))
            .limit(1)
        )
        is not None
    )


def unseen_entries(organization_id: UUID, limit: int) -> Sequence[sa.Row[Any]]:
    """What happened and nobody marked as seen, newest first."""
    return (
        database.session()
        .execute(
            _entries(organization_id)
            .where(Task.waits.is_(False), Task.done_at.is_(None))
            .order_by(Task.created_at.desc(), Task.id.desc())
            .limit(limit)
        )
        .all()
    )


def with_untold() -> Sequence[UUID]:
    """The organizations that were not told of every answer yet."""
    return database.session().scalars(sa.select(Task.organization_id).where(Task.told_at.is_(None)).distinct()).all()


def untold(organization_id: UUID) -> Sequence[Task]:
    """The answers that no mail told of yet, oldest first, held until this transaction ends."""
    return (
        database.session()
        .scalars(
            sa.select(Task)
            .where(Task.organization_id == organization_id, Task.told_at.is_(None))
            .order_by(Task.created_at, Task.id)
            .with_for_update()
        )
        .all()
    )


def told_since(organization_id: UUID, since: datetime) -> int:
    """How many answers were told by mail since a moment."""
    return (
        database.session().scalar(
            sa.select(sa.func.count()).where(
                Task.organization_id == organization_id, Task.told_at > since, Task.kind.in_(rules.ANSWERS)
            )
        )
        or 0
    )
