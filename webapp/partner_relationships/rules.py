"""What the customer's list calls a relationship, and how it may be filtered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

KINDS = ("reseller", "indirect_reseller", "delegated_administration")
STATUSES = ("active", "waiting", "ended", "all")
SHOWN_ROLES = 2  # the first ones; then "and N more"
SOON = timedelta(days=30)


def type_of(indirect: bool) -> str:
    """The kind of a reseller relationship: "reseller", or "indirect_reseller" (with its indirect provider)."""
    return "indirect_reseller" if indirect else "reseller"


def first_roles(roles: Sequence[str]) -> tuple[Sequence[str], int]:
    """The roles that a line names, and how many more there are."""
    return roles[:SHOWN_ROLES], max(0, len(roles) - SHOWN_ROLES)


def ends_soon(state: str, ends_at: datetime | None, auto_extends: bool, now: datetime) -> bool:
    """Whether something in force ends within SOON and does not extend itself."""
    return state == "active" and ends_at is not None and not auto_extends and now < ends_at <= now + SOON
