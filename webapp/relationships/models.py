"""Relationships as acts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class Relationship(WithId, Model):
    """A customer and a partner that sells to it, from `began_at` on. A row is an act and never changes.

    `partner_id` is whose relationship it is; in an indirect one that is the provider, and `reseller_id` the
    indirect reseller that works with the customer. `origin`: "acceptance" (the customer accepted) or "creation"
    (the partner created the customer). `ordinal` counts the relationships of the same three, so that one can
    begin again after it ended, and never twice at once.
    """

    __tablename__ = "relationships"
    __table_args__ = (
        sa.UniqueConstraint("customer_id", "partner_id", "reseller_key", "ordinal"),
        sa.Index("ix_relationships_partner", "partner_id", "customer_id"),
        sa.Index("ix_relationships_reseller", "reseller_id", "customer_id"),
    )

    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    reseller_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    reseller_key: Mapped[str] = mapped_column(sa.String(36), default="")
    ordinal: Mapped[int]
    origin: Mapped[str] = mapped_column(sa.String(16))
    began_at: Mapped[datetime]
    person_id: Mapped[UUID | None]
    invitation_id: Mapped[UUID | None]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class Ending(WithId, Model):
    """The end of a relationship: an act of its own, at most one for each."""

    __tablename__ = "relationship_endings"

    relationship_id: Mapped[UUID] = mapped_column(sa.ForeignKey("relationships.id"), unique=True)
    at: Mapped[datetime]
    by_organization_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class EndingRequest(WithId, Model):
    """A customer asks its partner to end a relationship; it cannot end it itself. Never changes.

    `ordinal` counts the requests about one relationship: after a refusal the customer may ask again.
    """

    __tablename__ = "ending_requests"
    __table_args__ = (sa.UniqueConstraint("relationship_id", "ordinal"),)

    relationship_id: Mapped[UUID] = mapped_column(sa.ForeignKey("relationships.id"))
    ordinal: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)
    person_id: Mapped[UUID | None]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class EndingAnswer(WithId, Model):
    """What became of a request, once: "agreed" or "refused" (by the partner), "withdrawn" (by the customer)."""

    __tablename__ = "ending_answers"

    request_id: Mapped[UUID] = mapped_column(sa.ForeignKey("ending_requests.id"), unique=True)
    answer: Mapped[str] = mapped_column(sa.String(12))
    at: Mapped[datetime]
    by_organization_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class EndingReminder(WithId, Model):
    """The partner was reminded of a request, `days` after it; once for each number of days."""

    __tablename__ = "ending_reminders"
    __table_args__ = (sa.UniqueConstraint("request_id", "days"),)

    request_id: Mapped[UUID] = mapped_column(sa.ForeignKey("ending_requests.id"))
    days: Mapped[int]
    at: Mapped[datetime]


class Distrust(WithId, Model):
    """A customer says that it does not know a partner (`kind` "said"), or takes that back ("lifted"); never changes.

    While the newest says "said", this partner gets no new right at this customer. `ordinal` counts the acts
    between the two, so that of two at once one is refused.
    """

    __tablename__ = "distrusts"
    __table_args__ = (sa.UniqueConstraint("customer_id", "partner_id", "ordinal"),)

    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    ordinal: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(8))
    at: Mapped[datetime]
    person_id: Mapped[UUID | None]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


append_only(Relationship)
append_only(Ending)
append_only(EndingRequest)
append_only(EndingAnswer)
append_only(Distrust)
