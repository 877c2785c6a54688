"""Drafts of customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class CustomerDraft(WithId, Model):
    """What a partner has typed so far about a customer that it adds. Everybody of the partner who adds customers sees it.

    `step` is the page to go on with; `values` holds what the forms gave, by name. `customer_id`: the customer that was made
    of it, once; the values are gone then. Rows go after 30 days of rest.
    """

    __tablename__ = "customer_drafts"
    __table_args__ = (sa.Index("ix_customer_drafts_list", "partner_id", "updated_at"),)

    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    step: Mapped[str] = mapped_column(sa.String(20))
    values: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    customer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"), unique=True)
