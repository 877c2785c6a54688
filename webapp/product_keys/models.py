"""Product keys, what became of them, and what is typed until they are redeemed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class ProductKey(WithId, Model):
    """A key that was issued: what it is good for. The key itself is nowhere; `digest` is its keyed hash under the key
    `key_id`, `last_five` what people tell it by.

    It carries `seats` licences of a product for `months`, until `expires_on` (the last day, UTC, on which it can be
    redeemed). `partner_id`: the partner that it was issued for and that bills its customer, if one.
    """

    __tablename__ = "product_keys"
    __table_args__ = (
        sa.UniqueConstraint("digest"),
        sa.CheckConstraint("seats > 0 AND months > 0", name="content"),
        sa.Index("ix_product_keys_batch", "batch_id"),
    )

    digest: Mapped[str] = mapped_column(sa.String(64))
    key_id: Mapped[str] = mapped_column(sa.String(16))
    last_five: Mapped[str] = mapped_column(sa.String(5))
    product_id: Mapped[UUID] = mapped_column(sa.ForeignKey("products.id"))
    seats: Mapped[int]
    months: Mapped[int]
    expires_on: Mapped[date]
    partner_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    batch_id: Mapped[UUID]
    issued_at: Mapped[datetime]


class Redemption(WithId, Model):
    """A key was redeemed: once, for which customer and subscription row, by whom; never changes."""

    __tablename__ = "redemptions"
    __table_args__ = (
        sa.UniqueConstraint("product_key_id"),
        sa.Index("ix_redemptions_customer", "customer_id", "at"),
    )

    product_key_id: Mapped[UUID] = mapped_column(sa.ForeignKey("product_keys.id"))
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"))
    organization_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class RedemptionDraft(WithId, Model):
    """What was entered on the way to redeeming, kept so that a closed browser loses nothing. It consumes no key.

    `person_id` and `organization_id` (that receives the keys; None: an account is yet to be created): of whoever is
    signed in, who has one at a time for each; both None: of a browser whose cookie names the draft. `key_ids`: the
    ProductKeys entered, in order, by id. `values`: what was typed after that. `redeemed_at`: it was used, and
    `customer_id` says for whom.
    """

    __tablename__ = "redemption_drafts"
    __table_args__ = (
        sa.Index("ix_redemption_drafts_person", "person_id", "updated_at"),
        sa.Index(
            "uq_redemption_drafts_open",
            "person_id",
            "organization_id",
            unique=True,
            postgresql_where=sa.text("redeemed_at IS NULL"),
            sqlite_where=sa.text("redeemed_at IS NULL"),
        ),
        sa.Index(
            "uq_redemption_drafts_open_account",
            "person_id",
            unique=True,
            postgresql_where=sa.text("organization_id IS NULL AND redeemed_at IS NULL"),
            sqlite_where=sa.text("organization_id IS NULL AND redeemed_at IS NULL"),
        ),
    )

    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    organization_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    step: Mapped[str] = mapped_column(sa.String(20))
    key_ids: Mapped[list[str]]
    values: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    redeemed_at: Mapped[datetime | None]
    customer_id: Mapped[UUID | None]


append_only(Redemption)
