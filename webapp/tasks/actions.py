"""Putting entries into an inbox, marking them done, and telling a partner of its customers' answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database
from webapp.access import Permission, roles_with
from webapp.actor import Actor
from webapp.organizations import queries as organizations
from webapp.tasks import emails, queries, rules
from webapp.tasks.models import Task


def put(
    organization_id: UUID,
    kind: str,
    *,
    about_key: str,
    path: str,
    waits: bool,
    facts: dict[str, Any] | None = None,
    about_id: UUID | None = None,
    again: bool = False,
) -> Task:
    """Add an entry to an organization's inbox, once per kind and `about_key`; answer the entry.

    `path` is a path of ours. Customers' answers put into a partner's inbox are told by mail as well. `again`: an entry
    that was done waits once more, as of now.
    """
    database.write()
    session = database.session()
    row = session.scalar(
        sa.select(Task).where(Task.organization_id == organization_id, Task.kind == kind, Task.about_key == about_key)
    )
    if row is None:
        now = clock.now()
        row = Task(
            organization_id=organization_id, kind=kind, about_id=about_id, about_key=about_key, facts=facts or {},
            path=path, waits=waits, created_at=now, told_at=None if rules.is_told_by_mail(kind) else now,
        )  # fmt: skip
        session.add(row)
        session.flush()
    elif again and row.done_at is not None:
        row.done_at, row.done_by_id, row.created_at, row.facts = None, None, clock.now(), facts or {}
        session.flush()
    return row


def done(organization_id: UUID, kind: str, about_key: str, *, by_id: UUID | None = None) -> None:
    """Mark what waited as done; once."""
    database.write()
    database.session().execute(
        sa.update(Task)
        .where(
            Task.organization_id == organization_id, Task.kind == kind, Task.about_key == about_key,
            Task.done_at.is_(None),
        )
        .values(done_at=clock.now(), done_by_id=by_id)
    )  # fmt: skip


def done_everywhere(kind: str, about_id: UUID, *, by_id: UUID | None = None) -> None:
    """Mark what waited as done in every inbox; by default nobody is named for it."""
    database.write()
    database.session().execute(
        sa.update(Task)
        .where(Task.about_id == about_id, Task.kind == kind, Task.done_at.is_(None))
        .values(done_at=clock.now(), done_by_id=by_id)
    )


def mark(task: Task, *, by: Actor) -> None:
    """Mark one entry as done (or seen) by hand; a second time changes nothing."""
    database.write()
    database.session().execute(
        sa.update(Task)
        .where(Task.id == task.id, Task.done_at.is_(None))
        .values(done_at=clock.now(), done_by_id=by.person_id)
    )


def mark_seen(by: Actor) -> None:
    """Mark everything that happened so far as seen; what waits stays."""
    database.write()
    database.session().execute(
        sa.update(Task)
        .where(Task.organization_id == by.organization_id, Task.waits.is_(False), Task.done_at.is_(None))
        .values(done_at=clock.now(), done_by_id=by.person_id)
    )


def tell_answers(partner_id: UUID) -> int:
    """Tell a partner's agents by mail of the answers that were not told yet; answer how many were told.

    A few go out as a mail each, many as one (see rules). `told_at` is written in the same transaction.
    """
    database.write()
    waiting = queries.untold(partner_id)
    now = clock.now()
    way = rules.how_to_tell(
        [each.created_at for each in waiting], queries.told_since(partner_id, now - rules.WINDOW), now
    )
    if way is rules.Telling.LATER:
        return 0
    partner = organizations.organization_by_id(partner_id)
    if partner is not None and partner.is_open:
        for person in organizations.people_with(partner_id, *roles_with("partner", Permission.WORK_INBOX)):
            reader = {"to": person.address, "language": person.language, "zone": person.zone or partner.zone}
            if way is rules.Telling.SINGLY:
                for entry in waiting:
                    emails.answer(entry, person_id=person.id, **reader)
            else:
                emails.answers(waiting, person_id=person.id, **reader)
    for entry in waiting:
        entry.told_at = now
    database.session().flush()
    return len(waiting)
