"""Invitations and what happened to them."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class Invitation(WithId, Model):
    """What a partner asks. `asks`: "agreement", "relationship" (with the agreement) or "administration".

    `partner_id` made it; in an indirect one that is the provider, and `reseller_id` its reseller. `customer_id`
    None: for any customer. `ref` is 128 random bits in hex. `last_day` is the last local day (the customer's
    zone, for any customer the partner's) and `closes_at` the moment after it; None for a standing invitation,
    which stays open until closed. `recipient` is the named contact's address. `subject` and `body` are the
    partner's message; `body` holds the link as it goes out. `offer_id`: the delegated administration that it asks for
    ("administration"), or that a relationship invitation carries beside. Everything else that happens is an InvitationAct.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        sa.Index("ix_invitations_partner", "partner_id", "created_at", "id"),
        sa.Index("ix_invitations_customer", "customer_id", "created_at"),
    )

    ref: Mapped[str] = mapped_column(sa.String(32), unique=True)
    asks: Mapped[str] = mapped_column(sa.String(20))
    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    reseller_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"), index=True)
    customer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    standing: Mapped[bool]
    language: Mapped[str] = mapped_column(sa.String(8))
    last_day: Mapped[date | None]
    closes_at: Mapped[datetime | None] = mapped_column(index=True)
    recipient: Mapped[str | None] = mapped_column(sa.String(254))
    subject: Mapped[str] = mapped_column(sa.Text)
    body: Mapped[str] = mapped_column(sa.Text)
    supersedes_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("invitations.id"), unique=True)
    offer_id: Mapped[UUID | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]


class InvitationAct(WithId, Model):
    """Something that happened to an invitation; never changes.

    `kind`: "sent" (handed to our outbox), "said_sent" (the partner says so), "opened" (somebody signed in pressed
    Continue), "accepted", "declined", "withdrawn", "superseded", "expired", "closed" and "reopened" (standing
    ones), "corrected" (another recipient), "reminded", "handed_over" (sent on to `receiver_id`, an administrator of the
    same customer). `once_key` makes what may happen once unique: "" rows do
    not collide because they hold the row's own id.
    """

    __tablename__ = "invitation_acts"
    __table_args__ = (
        sa.UniqueConstraint("invitation_id", "once_key"),
        sa.Index("ix_invitation_acts_list", "invitation_id", "at"),
        sa.Index("ix_invitation_acts_customer", "customer_id", "kind"),
    )

    invitation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("invitations.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    once_key: Mapped[str] = mapped_column(sa.String(80))
    customer_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    receiver_id: Mapped[UUID | None] = mapped_column(index=True)
    message_id: Mapped[UUID | None]
    acceptance_id: Mapped[UUID | None]
    relationship_id: Mapped[UUID | None]
    fact_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("facts.id"))
    at: Mapped[datetime]


append_only(InvitationAct)
