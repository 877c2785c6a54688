"""Overview rows."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model

#: Sorted by code point on both engines: the order of a page, and what a prefix means, must not depend on a locale.
_Key = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
_Host = sa.String(253).with_variant(sa.String(253, collation="C"), "postgresql")


class Overview(Model):
    """What a partner's list shows of one customer: dates and ids, kept by a follower, rebuilt by command.

    `since` is when the partner first saw the customer (creation, invitation or relationship): "newest" sorts
    by it. `created` says that this partner created it. `agreement_*` repeat the newest acceptance (by whomever it
    was asked); `agreement_state` is "none", "invited" (an invitation of this partner asks for it) or "accepted".
    `relationship_*` tell of the newest relationship with this partner, as provider or as reseller;
    `relationship_state` is "none", "current" or "ended". `invitation_*` tell the last step of the newest
    invitation of this partner that names the customer, or that it accepted. An invitation that runs out keeps its
    step here until the worker has noted it; readers compare `invitation_closes_at`. `delegated_state` is "none",
    "offered" (until `delegated_ends_at`), "active" (until then; None: it extends itself) or "ended" (since then).
    """

    __tablename__ = "customer_overviews"
    __table_args__ = (
        sa.Index("ix_customer_overviews_name", "partner_id", "name_key", "customer_id"),
        sa.Index("ix_customer_overviews_newest", "partner_id", "since", "customer_id"),
        sa.Index("ix_customer_overviews_domain", "partner_id", "domain", "customer_id"),
        sa.Index("ix_customer_overviews_agreement", "partner_id", "agreement_state", "name_key", "customer_id"),
        sa.Index("ix_customer_overviews_agreement_newest", "partner_id", "agreement_state", "since", "customer_id"),
        sa.Index("ix_customer_overviews_relationship", "partner_id", "relationship_state", "name_key", "customer_id"),
        sa.Index(
            "ix_customer_overviews_relationship_newest", "partner_id", "relationship_state", "since", "customer_id"
        ),
        sa.Index("ix_customer_overviews_delegated", "partner_id", "delegated_state", "name_key", "customer_id"),
        sa.Index("ix_customer_overviews_renewal", "partner_id", "consent_effective_on", "customer_id"),
        sa.Index("ix_customer_overviews_other", "partner_id", "other_partner_id", "name_key", "customer_id"),
    )

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    name_key: Mapped[str] = mapped_column(_Key)
    domain: Mapped[str] = mapped_column(_Host, default="")
    country: Mapped[str] = mapped_column(sa.String(2))
    since: Mapped[datetime]
    created: Mapped[bool] = mapped_column(default=False)
    agreement_state: Mapped[str] = mapped_column(sa.String(10), default="none")
    agreement_at: Mapped[datetime | None]
    agreement_version: Mapped[str | None] = mapped_column(sa.String(40))
    relationship_state: Mapped[str] = mapped_column(sa.String(10), default="none")
    relationship_at: Mapped[datetime | None]
    relationship_ended_at: Mapped[datetime | None]
    invitation_id: Mapped[UUID | None]
    invitation_step: Mapped[str | None] = mapped_column(sa.String(20))
    invitation_at: Mapped[datetime | None]
    invitation_closes_at: Mapped[datetime | None]
    delegated_state: Mapped[str] = mapped_column(sa.String(10), default="none", server_default="none")
    delegated_ends_at: Mapped[datetime | None]
    accepted_on: Mapped[date | None]
    accepted_effective_on: Mapped[date | None]
    attested_at: Mapped[datetime | None]
    attested_by: Mapped[UUID | None]
    attested_on: Mapped[date | None]
    attested_effective_on: Mapped[date | None]
    attested_version: Mapped[str | None] = mapped_column(sa.String(40))
    objected_at: Mapped[datetime | None]
    objected_partner_id: Mapped[UUID | None]
    consent_effective_on: Mapped[date | None]
    bought: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    sold_as: Mapped[str | None] = mapped_column(sa.String(10), default="")
    other_partner_id: Mapped[UUID | None]
