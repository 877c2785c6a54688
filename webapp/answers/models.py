"""Requests for admission."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class AdmissionRequest(WithId, Model):
    """Somebody with a mailbox in a customer's domain asks to be admitted to it; the mailbox is proved.

    Answered once by an administrator: `answered_at`, `admitted`. The names and the address are emptied by a refusal.
    `ref` is the invitation that the person came from.
    """

    __tablename__ = "admission_requests"
    __table_args__ = (
        sa.Index(
            "uq_admission_requests_open",
            "organization_id",
            "address_key",
            unique=True,
            postgresql_where=sa.text("answered_at IS NULL"),
            sqlite_where=sa.text("answered_at IS NULL"),
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"), index=True)
    given_name: Mapped[str] = mapped_column(sa.String(100))
    family_name: Mapped[str] = mapped_column(sa.String(100))
    address: Mapped[str] = mapped_column(sa.String(254))
    address_key: Mapped[str] = mapped_column(sa.String(254))
    language: Mapped[str] = mapped_column(sa.String(8))
    ref: Mapped[str] = mapped_column(sa.String(32))
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[UUID | None]
    admitted: Mapped[bool | None]

    def is_open(self) -> bool:
        return self.answered_at is None
