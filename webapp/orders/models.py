"""Orders."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class Order(WithId, Model):
    """Somebody ordered a product for a customer: the act. What it bought is the subscription it names.

    `placed_by_id` is the organization that ordered, the partner's or the customer's own. `key` was made when the form was
    shown: a second click, or a second tab with the same form, finds the order instead of placing another.
    """

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("placed_by_id", "key"),
        sa.CheckConstraint("seats > 0", name="seats"),
        sa.Index("ix_orders_customer", "customer_id", "at", "id"),
        sa.Index("ix_orders_partner", "partner_id", "at", "id"),
        sa.Index("ix_orders_reseller", "reseller_id", "at", "id"),
    )

    reference: Mapped[str] = mapped_column(sa.String(20), unique=True)
    key: Mapped[UUID]
    placed_by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    reseller_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    product_id: Mapped[UUID] = mapped_column(sa.ForeignKey("products.id"))
    seats: Mapped[int]
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"), unique=True)
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


append_only(Order)
