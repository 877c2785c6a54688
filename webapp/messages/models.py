"""The outbox."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class Message(WithId, Model):
    """One mail to one address. States follow from times: waiting, leased, handed over, given up, cancelled.

    `text` and `html` hold `…` where the secret of `token_id` goes. `about_id` is what the message tells of (an
    invitation, an acceptance), so that its state can be asked for. `due_at` is a stored deadline for hand-over.
    `leased_by` is the run of a worker that holds it until `leased_until`. `sender_id` is the person whose words it
    carries, where it is somebody's. `cancelled_at` says that it is not to leave any more: what it tells is no longer so.
    """

    __tablename__ = "messages"
    __table_args__ = (
        sa.Index(
            "ix_messages_open",
            "next_attempt_at",
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        ),
    )

    kind: Mapped[str] = mapped_column(sa.String(60))
    about_id: Mapped[UUID | None] = mapped_column(index=True)
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    sender_id: Mapped[UUID | None] = mapped_column(index=True)
    recipient: Mapped[str] = mapped_column(sa.String(320))
    reply_to: Mapped[str | None] = mapped_column(sa.String(320))
    from_name: Mapped[str | None] = mapped_column(sa.String(200))
    language: Mapped[str] = mapped_column(sa.String(8))
    subject: Mapped[str] = mapped_column(sa.Text)
    text: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str | None] = mapped_column(sa.Text)
    token_id: Mapped[UUID | None]
    message_id: Mapped[str] = mapped_column(sa.String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    leased_by: Mapped[UUID | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    handed_over_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
