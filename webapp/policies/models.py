"""Deviations from the declared defaults."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model


class PolicyDeviation(Model):
    """A policy that the operator set to something else than its default."""

    __tablename__ = "policy_deviations"

    name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    value: Mapped[Any] = mapped_column(sa.JSON())
    set_at: Mapped[datetime]
    why: Mapped[str] = mapped_column(sa.Text)
