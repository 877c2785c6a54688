"""Routes of `subscriptions`: what a customer has, the partner of record, and the same for whoever sells it."""

from typing import Any

from tests.guards.routes import AGENTS, ANSWERERS, CUSTOMER_READERS, PARTNER_READERS, Row, many, row
from tests.support.story import Story


def _line(s: Story) -> dict[str, Any]:
    """Something that renews itself, bought through the partner: its partner of record, that can offer delegated
    administration."""
    return {"line_id": s.ordered_subscription()}


def _pays(status: int, **more: Any) -> Row:
    """What a customer's administrators of money do, and a delegated administrator who may."""
    return row(
        status, to=ANSWERERS, otherwise=404, delegated_admin_administrator=403, global_reader=403, member=403,
        delegate=status, prepare=_line, **more,
    )  # fmt: skip


def _named(s: Story) -> dict[str, Any]:
    with s.app.app_context():
        number = s.organization(s.provider).partner_number
    assert number is not None
    return {"number": number}


def _checked(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    address = f"/subscriptions/{p['line_id']}/partner-of-record"
    return s.fields_after("billing_administrator", f"{address}/check", _named(s), to=address)


def _shown(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    address = f"/subscriptions/{p['line_id']}/partner-of-record/removal"
    return s.fields("billing_administrator", address, to=address)


_OWN = "/subscriptions/<uuid:line_id>"
ROUTES = {
    "GET /subscriptions": row(200, to=CUSTOMER_READERS, member=403, otherwise=404),
    f"GET {_OWN}": row(200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_line),
    f"POST {_OWN}/renewal-stop": _pays(302),
    f"GET {_OWN}/partner-of-record": _pays(200),
    f"POST {_OWN}/partner-of-record/check": _pays(200, form=_named),
    f"POST {_OWN}/partner-of-record": _pays(302, form=_checked),
    f"GET {_OWN}/partner-of-record/removal": _pays(200),
    f"POST {_OWN}/partner-of-record/removal": _pays(302, form=_shown),
    f"POST {_OWN}/partner-of-record/offer-request": _pays(302),
    "GET /partner/subscriptions/<uuid:line_id>": row(
        200, to=PARTNER_READERS, partner_member=403, otherwise=404, prepare=_line
    ),
    "POST /partner/subscriptions/<uuid:line_id>/renewal-stop": row(
        302, to=AGENTS, helpdesk_agent=403, partner_member=403, otherwise=404, prepare=_line
    ),
}


def _many(s: Story, count: int) -> None:
    for _ in range(count):
        s.order()


LISTS = {"GET /subscriptions": many("global_administrator", _many)}
