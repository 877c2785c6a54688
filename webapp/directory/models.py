"""What a customer has put away on its first page."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model


class SetupList(Model):
    """The list of what is left to set up was put away by one of the customer's people. Shown again: the row goes."""

    __tablename__ = "setup_lists"

    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"), primary_key=True)
    person_id: Mapped[UUID]
    dismissed_at: Mapped[datetime]
