"""Registrations, what is sent to them, each attempt, and the keys that sign."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class WebhookRegistration(WithId, Model):
    """Where a partner wants which events sent; at most one is open for a partner.

    The secret follows from the application's key `key_id`, the row's id and `generation`: it is stored nowhere. While
    `previous_until` lies ahead, what is sent is signed with the secret before as well (`previous_key_id`, the generation
    before). `away_until`: the receiver was not reached; nothing is tried before.
    """

    __tablename__ = "webhook_registrations"
    __table_args__ = (
        sa.Index(
            "uq_webhook_registrations_open",
            "organization_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"), index=True)
    url: Mapped[str] = mapped_column(sa.String(2000))
    events: Mapped[list[str]]
    key_id: Mapped[str] = mapped_column(sa.String(16))
    generation: Mapped[int] = mapped_column(default=1)
    previous_key_id: Mapped[str | None] = mapped_column(sa.String(16))
    previous_until: Mapped[datetime | None]
    away_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class WebhookDelivery(WithId, Model):
    """One event for one registration, with the body that is sent, the same at each attempt. Its id is the `webhook-id`.

    What has one `stream` (a customer; for an event about none, the event itself) is sent in the order of `place`.
    `audit_id` is the fact that it tells of. States follow from times: waiting, delivered, dead, dropped (its registration
    ended). `attempts` counts since it was made or replayed. `leased_by` is the run of a worker that holds it.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.Index(
            "ix_webhook_deliveries_open",
            "next_attempt_at",
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index(
            "ix_webhook_deliveries_stream",
            "registration_id",
            "stream",
            "place",
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index("ix_webhook_deliveries_organization", "organization_id", "created_at", "id"),
        sa.Index("ix_webhook_deliveries_dead", "organization_id", "dead_at", "created_at", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    registration_id: Mapped[UUID] = mapped_column(sa.ForeignKey("webhook_registrations.id"))
    event: Mapped[str] = mapped_column(sa.String(60))
    audit_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    stream: Mapped[UUID]
    place: Mapped[int] = mapped_column(sa.BigInteger)
    body: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    leased_by: Mapped[UUID | None]
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)


class WebhookAttempt(WithId, Model):
    """What came of one attempt. `response_code`: HTTP's, None where there was no answer; then `error` is one of
    `rules.ERRORS` and `detail` says more."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (sa.Index("ix_webhook_attempts_delivery", "delivery_id", "at", "id"),)

    delivery_id: Mapped[UUID] = mapped_column(sa.ForeignKey("webhook_deliveries.id"))
    url: Mapped[str] = mapped_column(sa.String(2000))
    at: Mapped[datetime]
    response_code: Mapped[int | None]
    response_message: Mapped[str] = mapped_column(sa.String(200), default="")
    error: Mapped[str] = mapped_column(sa.String(20), default="")
    detail: Mapped[str] = mapped_column(sa.String(300), default="")


class WebhookKey(WithId, Model):
    """A key pair that signs what is sent, shared by all processes: the private key sealed with the application's key
    `key_id`, and the certificate (PEM) that receivers check with."""

    __tablename__ = "webhook_keys"

    key_id: Mapped[str] = mapped_column(sa.String(16))
    sealed: Mapped[bytes]
    certificate: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
