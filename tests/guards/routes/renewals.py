"""Routes of `renewals`: what ends, for the partner of record; its calendar; and renewing, for the customer."""

from typing import Any

from tests.guards.routes import ANSWERERS, EVERYBODY, PARTNER_READERS, Row, many, row
from tests.support.story import Story


def _reads(status: int, **more: Any) -> Row:
    return row(status, to=PARTNER_READERS, partner_member=403, otherwise=404, **more)


def _renews(status: int, **more: Any) -> Row:
    return row(
        status, to=ANSWERERS, delegated_admin_administrator=403, global_reader=403, member=403, otherwise=404,
        delegate=status, **more,
    )  # fmt: skip


def _buys(status: int, **more: Any) -> Row:
    """A purchase: nobody who acts for the customer reaches it."""
    return row(
        status, to=ANSWERERS, delegated_admin_administrator=403, global_reader=403, member=403, otherwise=404,
        delegate=403, **more,
    )  # fmt: skip


def _line(s: Story) -> dict[str, Any]:
    return {"line_id": s.ending_line()}


def _direct(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    return s.fields(
        "global_administrator", f"/subscriptions/{p['line_id']}/renewal/direct-billing", to="/direct-billing"
    )


ROUTES = {
    "GET /partner/renewals": _reads(200),
    "GET /partner/renewals/export": _reads(200),
    "GET /partner/renewals/feed": _reads(200),
    "POST /partner/renewals/feed": _reads(302),
    "POST /partner/renewals/feed/revocation": _reads(302),
    "GET /calendar/renewals/<secret>.ics": row(
        200, to=EVERYBODY, prepare=lambda s: {"secret": s.secret_link("renewals-feed", "admin_agent")}
    ),
    "GET /subscriptions/<uuid:line_id>/renewal": _renews(200, prepare=_line),
    "POST /subscriptions/<uuid:line_id>/renewal/automatic-renewal": _buys(302, prepare=_line),
    "GET /subscriptions/<uuid:line_id>/renewal/direct-billing": _buys(200, prepare=_line),
    "POST /subscriptions/<uuid:line_id>/renewal/direct-billing": _buys(302, prepare=_line, form=_direct),
}


def _many(s: Story, count: int) -> None:
    for days in range(count):
        s.ending_line(days + 1)


LISTS = {"GET /partner/renewals": many("admin_agent", _many)}
