"""Subscriptions."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class Subscription(WithId, Model):
    """A product that a customer has through a partner, for so many seats.

    `partner_id` sells it; in an indirect relationship that is the provider, and `reseller_id` the indirect reseller.
    It runs from `starts_on` to `ends_on`, both included, in days of the customer's zone. A row is the act of adding
    it and never changes: what renews it is another row, which names it (`renews_id`, once) and the day on which the
    very first term began (`anchor_on`). `product` is the name it was
    sold under; `product_id` names the product of the catalogue, where it came from there.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        sa.CheckConstraint("seats > 0", name="seats"),
        sa.CheckConstraint("starts_on <= ends_on", name="term"),
        sa.Index("ix_subscriptions_customer", "customer_id", "ends_on", "id"),
        sa.Index("ix_subscriptions_partner", "partner_id", "customer_id"),
        sa.Index("uq_subscriptions_renews", "renews_id", unique=True),
        sa.Index("ix_subscriptions_renewing", "auto_renews", "ends_on", "id"),
    )

    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    reseller_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    product: Mapped[str] = mapped_column(sa.String(200))
    seats: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    created_at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))
    kind: Mapped[str] = mapped_column(
        sa.String(40), default="software_subscription", server_default="software_subscription"
    )
    auto_renews: Mapped[bool] = mapped_column(default=False, server_default=sa.text("false"))
    product_id: Mapped[UUID | None]
    renews_id: Mapped[UUID | None]
    anchor_on: Mapped[date | None]


class RenewalStop(WithId, Model):
    """Somebody said that a subscription does not renew by itself any more: it runs to its last day. Once."""

    __tablename__ = "renewal_stops"

    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"), unique=True)
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class Product(WithId, Model):
    """What can be ordered: its names, its kind, how long it runs (whole months) and how many seats may be taken.

    Not sold by the seat (`per_seat` false): one is ordered, and both bounds are 1. It can be ordered until `closed_at`.
    """

    __tablename__ = "products"
    __table_args__ = (
        sa.CheckConstraint("term_months > 0", name="term"),
        sa.CheckConstraint("1 <= seats_min AND seats_min <= seats_max", name="seats"),
    )

    code: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name_en: Mapped[str] = mapped_column(sa.String(200))
    name_ja: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(40))
    term_months: Mapped[int]
    per_seat: Mapped[bool]
    seats_min: Mapped[int]
    seats_max: Mapped[int]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        """Whether it can be ordered."""
        return self.closed_at is None


append_only(Subscription)
append_only(RenewalStop)
