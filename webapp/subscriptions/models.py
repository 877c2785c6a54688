"""Subscriptions."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only

#: By what a subscription runs, and whom the customer pays: its partner, in advance by product keys, or the service
#: itself ("direct billing"). How long its stages last is policy for each.
CONTRACTS = ("partner", "product_key", "direct")


class Subscription(WithId, Model):
    """A term of a product that a customer has, for so many seats.

    `partner_id` sold it (None: nobody did, it was redeemed or is billed directly); in an indirect relationship that is
    the provider, and `reseller_id` the indirect reseller. It runs from `starts_on` to `ends_on`, both included, in days
    of the customer's zone. A row is an act and never changes. What takes over from it, its next term or the same term
    with more seats or a later end, is another row that names it (`follows_id`, once). All rows of one subscription
    share the id of its first row, `line_id`, under which people hold licences; `anchor_on` is the day on which the
    very first term began, or the day from which later ones are counted since a change moved the end. `product` is the
    name it was sold under; `product_id` names the product of the catalogue, where it came from there. `contract`: one
    of CONTRACTS. `replaces_line_id`: of a first row only, the subscription that the customer left for this one, once.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        sa.CheckConstraint("seats > 0", name="seats"),
        sa.CheckConstraint("starts_on <= ends_on", name="term"),
        sa.Index("ix_subscriptions_customer", "customer_id", "ends_on", "id"),
        sa.Index("ix_subscriptions_partner", "partner_id", "customer_id"),
        sa.Index("uq_subscriptions_follows", "follows_id", unique=True),
        sa.Index("uq_subscriptions_replaces", "replaces_line_id", unique=True),
        sa.Index("ix_subscriptions_line", "line_id", "created_at"),
    )

    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    partner_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
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
    contract: Mapped[str] = mapped_column(sa.String(20), default="partner", server_default="partner")
    auto_renews: Mapped[bool] = mapped_column(default=False, server_default=sa.text("false"))
    product_id: Mapped[UUID | None]
    line_id: Mapped[UUID]
    follows_id: Mapped[UUID | None]
    anchor_on: Mapped[date | None]
    replaces_line_id: Mapped[UUID | None]


class SubscriptionStanding(Model):
    """Where a subscription stands, as lists need it: kept by each action, made anew from the acts by command.

    One row for each line. `subscription_id` is its newest row, whose seats, days and contract stand here too; `renews`:
    it renews itself at its end and nobody stopped that. `record_partner_id`: its partner of record, whom the customer
    named last, or else who sold it (the reseller in an indirect relationship). `left_for_id`: the subscription for which
    the customer left this one; it only runs out then. Stages are computed from `ends_on`.
    """

    __tablename__ = "subscription_standings"
    __table_args__ = (
        sa.Index("ix_subscription_standings_customer", "customer_id", "created_at", "line_id"),
        sa.Index("ix_subscription_standings_record", "record_partner_id", "renews", "ends_on", "line_id"),
        sa.Index("ix_subscription_standings_seller", "partner_id", "customer_id", "ends_on"),
        sa.Index("ix_subscription_standings_reseller", "reseller_id", "customer_id", "ends_on"),
        sa.Index("ix_subscription_standings_end", "ends_on", "line_id"),
        sa.Index("ix_subscription_standings_renewing", "renews", "ends_on", "line_id"),
    )

    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"))
    customer_id: Mapped[UUID]
    partner_id: Mapped[UUID | None]
    reseller_id: Mapped[UUID | None]
    record_partner_id: Mapped[UUID | None]
    product: Mapped[str] = mapped_column(sa.String(200))
    product_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(sa.String(40))
    contract: Mapped[str] = mapped_column(sa.String(20))
    seats: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    renews: Mapped[bool]
    created_at: Mapped[datetime]
    left_for_id: Mapped[UUID | None]


class PartnerOfRecord(WithId, Model):
    """The customer named, changed or removed (`partner_id` None) the partner of record of a subscription; never changes.
    `ordinal` counts from 1 on each line: the last one counts."""

    __tablename__ = "partners_of_record"
    __table_args__ = (sa.UniqueConstraint("line_id", "ordinal"),)

    line_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"))
    ordinal: Mapped[int]
    partner_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class Licence(WithId, Model):
    """A seat of a subscription that a person has now; what was given and taken before stands in the facts."""

    __tablename__ = "licences"
    __table_args__ = (sa.UniqueConstraint("line_id", "person_id"),)

    line_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    given_at: Mapped[datetime]


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
append_only(PartnerOfRecord)
