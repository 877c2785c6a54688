"""What programs prepared, on their partner's page."""

from __future__ import annotations

from typing import Any

from tests.support.state import State
from webapp import database
from webapp.delegated_admin import actions
from webapp.delegated_admin.roles import BASIC

NAMES = {
    "en": ("Support from the ticket system", "Night shift", "Not said for whom"),
    "ja": ("チケット システムからのサポート", "夜間対応", "顧客未定の準備"),
}
STATES = (State("delegated-admin-prepared", "partner", "/partner/delegated-admin/relationships?state=ending"),)


def fill(filling: Any) -> None:
    """Three drafts, one of which names no customer yet."""
    with filling.app.app_context(), database.unit_of_work():
        by = filling.world._acting(filling.partner["admin_agent"])
    for name, roles, customer in zip(
        NAMES[filling.language], (BASIC, BASIC[:1], BASIC), (True, True, False), strict=True
    ):
        with filling.app.app_context(), database.unit_of_work():
            actions.prepare(
                by=by, name=name, roles=roles, duration_days=365, auto_extends=False,
                customer_id=filling.customer.id if customer else None,
            )  # fmt: skip
