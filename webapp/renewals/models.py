"""What was told of coming ends, the mails that tell it, and switches to direct billing."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class RenewalNotice(WithId, Model):
    """It was told that a subscription ends: once for each end and number of days; never changes.

    `days` is the notice of the plan (60, 30, 7, 1) that this one is, `days_left` how many days were really left on the
    customer's day: they differ after downtime, when one notice stands for several. `partner_id`: the partner of record
    that is told; None where there was none (or its access was closed), and the customer alone is told.
    """

    __tablename__ = "renewal_notices"
    __table_args__ = (
        sa.UniqueConstraint("line_id", "ends_on", "days"),
        sa.Index("ix_renewal_notices_partner", "partner_id", "at"),
    )

    line_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"))
    ends_on: Mapped[date]
    days: Mapped[int]
    days_left: Mapped[int]
    partner_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class RenewalMail(WithId, Model):
    """A notice that an organization's people get by mail: put with the notice, told (`told_at`) together with whatever
    else waits for the same organization, so that many ends of one day are one mail a person. `person_count`: how many
    people got it, nobody where the organization was closed or the notice no longer held; None while it waits."""

    __tablename__ = "renewal_mails"
    __table_args__ = (
        sa.UniqueConstraint("notice_id", "organization_id"),
        sa.Index(
            "ix_renewal_mails_untold", "organization_id", postgresql_where=sa.text("told_at IS NULL"),
            sqlite_where=sa.text("told_at IS NULL"),
        ),
    )  # fmt: skip

    notice_id: Mapped[UUID] = mapped_column(sa.ForeignKey("renewal_notices.id"))
    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    told_at: Mapped[datetime | None]
    person_count: Mapped[int | None]


class DirectSwitch(WithId, Model):
    """A customer switched a subscription to direct billing: another one (`new_line_id`) began at once, and this one runs
    out. Once for each subscription; never changes. `licences`: how many people went on in the new one."""

    __tablename__ = "direct_switches"

    line_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"), unique=True)
    new_line_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscriptions.id"), unique=True)
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    licences: Mapped[int]
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


append_only(RenewalNotice)
append_only(DirectSwitch)
