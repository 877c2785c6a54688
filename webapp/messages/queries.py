"""Reading the outbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database
from webapp.messages import rules
from webapp.messages.models import Message
from webapp.tokens import Token


def last_written(person_id: UUID, kind: str) -> datetime | None:
    """When the newest message of a kind was written to a person."""
    return database.session().scalar(
        sa.select(Message.created_at)
        .where(Message.person_id == person_id, Message.kind == kind)
        .order_by(Message.created_at.desc())
        .limit(1)
    )


def went_to_others(about_id: UUID, kind: str, person_id: UUID) -> bool:
    """Whether a message of a kind about something lies in the outbox for anybody but this person."""
    found = sa.select(Message.id).where(
        Message.about_id == about_id, Message.kind == kind, Message.person_id != person_id, Message.text != ""
    )
    return database.session().scalar(found.limit(1)) is not None


def newest(limit: int = 200) -> Sequence[Message]:
    """The newest messages, for the demonstration's mailbox: those that left, or will."""
    leaves = sa.or_(Message.cancelled_at.is_(None), Message.handed_over_at.is_not(None))
    found = sa.select(Message).where(leaves).order_by(Message.created_at.desc()).limit(limit)
    return database.session().scalars(found).all()


def message_by_id(message_id: UUID) -> Message | None:
    """One message."""
    return database.session().get(Message, message_id)


def stuck() -> Sequence[Message]:
    """Given-up messages, and those that failed at least once or are past their deadline and still wait."""
    now = clock.now()
    return (
        database.session()
        .scalars(
            sa.select(Message)
            .where(
                Message.cancelled_at.is_(None),
                sa.or_(
                    Message.given_up_at.is_not(None),
                    sa.and_(Message.closed_at.is_(None), sa.or_(Message.attempts > 0, Message.due_at < now)),
                ),
            )
            .order_by(Message.created_at)
        )
        .all()
    )


@dataclass(frozen=True)
class Delivery:
    """What became of a message. `state`: one of `rules.MESSAGE_STATES`; `late_by`: how long after `due_at` it left, or how
    long it is past it by now (zero: in time)."""

    message_id: UUID
    state: str
    created_at: datetime
    due_at: datetime | None
    handed_over_at: datetime | None
    late_by: timedelta

    @property
    def is_late(self) -> bool:
        """Whether it left, or still waits, past its deadline."""
        return self.late_by > timedelta(0)


_DELIVERY = (
    Message.id, Message.about_id, Message.created_at, Message.due_at, Message.handed_over_at, Message.given_up_at,
    Message.closed_at,
)  # fmt: skip


def deliveries_of(about_ids: Collection[UUID], kind: str) -> dict[UUID, Delivery]:
    """What became of the newest message of a kind about each of several things; those without one are missing. One
    query, however many."""
    if not about_ids:
        return {}
    rows = database.session().execute(
        sa.select(*_DELIVERY)
        .where(Message.about_id.in_(list(about_ids)), Message.kind == kind)
        .order_by(Message.created_at)
    )
    now = clock.now()
    return {row.about_id: _delivery(row, now) for row in rows}


def _delivery(row: Any, now: datetime) -> Delivery:
    state = rules.state_of(row.handed_over_at, row.given_up_at, row.closed_at)
    return Delivery(
        row.id, state, row.created_at, row.due_at, row.handed_over_at,
        rules.late_by(row.due_at, row.handed_over_at, state, now),
    )  # fmt: skip


def late(since: datetime) -> list[tuple[Message, Delivery]]:
    """Messages written since a moment that left after their deadline, or are past it and did not leave; oldest first."""
    now = clock.now()
    rows = database.session().scalars(
        sa.select(Message)
        .where(
            Message.created_at >= since,
            Message.due_at < sa.func.coalesce(Message.handed_over_at, now),
        )
        .order_by(Message.created_at, Message.id)
    )
    found = [(row, _delivery(row, now)) for row in rows]
    return [(row, delivery) for row, delivery in found if delivery.is_late]


def keys_of_open_links() -> set[str]:
    """The ids of the keys that links still open were signed with."""
    return set(
        database.session().scalars(
            sa.select(Token.key_id).where(Token.used_at.is_(None), Token.expires_at > clock.now()).distinct()
        )
    )
