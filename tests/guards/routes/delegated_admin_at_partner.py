"""Routes of `delegated_admin` on the partner's side: one relationship, its switch, withdrawing and ending it."""

from collections.abc import Callable
from typing import Any

from tests.guards.routes import PARTNER_READERS, Row, row
from tests.support.story import Story

AGENT = ("admin_agent",)


def _waiting(s: Story) -> dict[str, object]:
    return {"relationship_id": s.offers["waiting"]}


def _active(s: Story) -> dict[str, object]:
    return {"relationship_id": s.approve(s.offers["waiting"])}


def _for_agents(status: int, prepare: Callable[[Story], dict[str, object]], **more: Any) -> Row:
    return row(
        status,
        to=AGENT,
        otherwise=404,
        sales_agent=403,
        helpdesk_agent=403,
        partner_member=403,
        prepare=prepare,
        **more,
    )


ROUTES = {
    "GET /partner/delegated-admin/<uuid:relationship_id>": row(
        200, to=PARTNER_READERS, otherwise=404, partner_member=403, prepare=_waiting
    ),
    "POST /partner/delegated-admin/<uuid:relationship_id>/auto-extension": _for_agents(
        302, _active, form=lambda s: {"on": "yes"}
    ),
    "GET /partner/delegated-admin/<uuid:relationship_id>/withdrawal": _for_agents(200, _waiting),
    "POST /partner/delegated-admin/<uuid:relationship_id>/withdrawal": _for_agents(302, _waiting),
    "GET /partner/delegated-admin/<uuid:relationship_id>/ending": _for_agents(200, _active),
    "POST /partner/delegated-admin/<uuid:relationship_id>/ending": _for_agents(
        302, _active, form=lambda s: {"reason": "The project is over."}
    ),
}
