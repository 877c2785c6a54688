"""Routes of `webhooks`: where events are sent, and what came of them."""

from typing import Any

from tests.guards.routes import EVERYBODY, PARTNERS, Row, many, row
from tests.support.story import Story

_ONLY_ADMINS: dict[str, Any] = dict.fromkeys((each for each in PARTNERS if each != "admin_agent"), 403)


def _leads(status: int, **more: Any) -> Row:
    return row(status, to=("admin_agent",), otherwise=404, **{**_ONLY_ADMINS, **more})


def _registered(s: Story) -> dict[str, Any]:
    s.webhook()
    return {}


def _dead(s: Story) -> dict[str, Any]:
    return {"delivery_id": s.dead_letter()}


def _address(_s: Story) -> dict[str, Any]:
    return {"url": "https://receiver.example/events", "events": ["test-created", "subscription-updated"]}


# Whoever is of another partner has no registration of its own to act on.
ROUTES = {
    "GET /partner/webhooks": _leads(200),
    "GET /partner/webhooks/registration": _leads(200),
    "POST /partner/webhooks/registration": _leads(200, form=_address),
    "POST /partner/webhooks/secret": _leads(200, rival=404, delegate=404, prepare=_registered),
    "POST /partner/webhooks/test-events": _leads(302, rival=404, delegate=404, prepare=_registered),
    "POST /partner/webhooks/closure": _leads(302, rival=404, delegate=404, prepare=_registered),
    "GET /partner/webhooks/deliveries/<uuid:delivery_id>": _leads(200, prepare=_dead),
    "POST /partner/webhooks/deliveries/<uuid:delivery_id>/replay": _leads(302, prepare=_dead),
    "GET /webhooks/v1/certificates/<uuid:key_id>": row(
        200, to=EVERYBODY, prepare=lambda s: {"key_id": s.webhook_key()}
    ),
}


def _many(s: Story, count: int) -> None:
    for _ in range(count):
        s.dead_letter()


LISTS = {"GET /partner/webhooks": many("admin_agent", _many)}
