"""Orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class Order(WithId, Model):
    """Somebody ordered a product for a customer: the act. What it bought is the subscription it names.

    `placed_by_id` is the organization that ordered, the partner's or the customer's own. `key` was made when the form was
    shown: a second click, or a second tab with the same form, finds the order instead of placing another. A program may
    order several products at once: the first order is the one that all are known by, the others name it as their
    `group_id`, and `line_number` counts them from 0.
    """

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("placed_by_id", "key"),
        sa.CheckConstraint("seats > 0", name="seats"),
        sa.Index("ix_orders_customer", "customer_id", "at", "id"),
        sa.Index("ix_orders_partner", "partner_id", "at", "id"),
        sa.Index("ix_orders_reseller", "reseller_id", "at", "id"),
        sa.Index("ix_orders_group", "group_id"),
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
    group_id: Mapped[UUID | None]
    line_number: Mapped[int] = mapped_column(default=0, server_default=sa.text("0"))


class Cart(WithId, Model):
    """What a partner's program gathers for a customer before it orders all of it at once. A draft: nothing follows from it.

    `lines` as the API's schemas have them. It is gone at `expires_at`. `order_ids`: the orders that its checkout placed, in
    order; empty until then, and never changed again.
    """

    __tablename__ = "carts"

    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON())
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    order_ids: Mapped[list[str]] = mapped_column(default=list)


append_only(Order)
