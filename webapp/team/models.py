"""What a provider and a reseller ask one another, as acts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class PairingRequest(WithId, Model):
    """One side asks the other to work together: `by_organization_id`, either of the two. A row never changes.

    `ordinal` counts the requests between the same two, so that of two at once one is refused, and one can be asked
    again after an answer. It waits until `expires_at`. Its fact stands in the chain of the side that asks.
    """

    __tablename__ = "pairing_requests"
    __table_args__ = (
        sa.UniqueConstraint("provider_id", "reseller_id", "ordinal"),
        sa.Index("ix_pairing_requests_reseller", "reseller_id", "at"),
    )

    provider_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    reseller_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    by_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    ordinal: Mapped[int]
    at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    person_id: Mapped[UUID]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))

    @property
    def asked_organization_id(self) -> UUID:
        return self.reseller_id if self.by_organization_id == self.provider_id else self.provider_id


class PairingAnswer(WithId, Model):
    """What became of a request, once: "confirmed" or "declined" (by who was asked), "withdrawn" (by who asked).

    Its fact stands in the chain of the side that answers.
    """

    __tablename__ = "pairing_answers"

    request_id: Mapped[UUID] = mapped_column(sa.ForeignKey("pairing_requests.id"), unique=True)
    answer: Mapped[str] = mapped_column(sa.String(12))
    at: Mapped[datetime]
    by_organization_id: Mapped[UUID]
    person_id: Mapped[UUID]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


append_only(PairingRequest)
append_only(PairingAnswer)
