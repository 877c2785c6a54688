"""Routes of `invitations`: the partner's side."""

from typing import Any

from tests.guards.routes import AGENTS, PARTNER_READERS, Row, many, row
from tests.support.builders import World
from tests.support.story import Story
from webapp.invitations.models import Invitation

LIST = "/partner/invitations"


def _open(s: Story) -> dict[str, Any]:
    return {"invitation_id": s.invitations["open"].id}


def _standing(s: Story) -> dict[str, Any]:
    return {"invitation_id": s.only(Invitation, partner_id=s.partner.id, standing=True, asks="relationship").id}


def _closed(s: Story) -> dict[str, Any]:
    found = _standing(s)
    s.post("admin_agent", f"{LIST}/{found['invitation_id']}/closure")
    return found


def _own(status: int, **more: Any) -> Row:
    """What only the partner's agents may do with its invitation; its other people may know that it is there."""
    return row(status, to=AGENTS, helpdesk_agent=403, partner_member=403, otherwise=404, prepare=_open, **more)


def _step(name: str, **typed: Any) -> Any:
    return lambda s, p: s.fields("admin_agent", f"{LIST}/{p['invitation_id']}/{name}", to=f"/{name}", **typed)


def _new(s: Story) -> dict[str, Any]:
    return s.fields("admin_agent", f"{LIST}/new?customer={s.customer.id}", to=LIST, asks="relationship")


def _many(s: Story, count: int) -> None:
    world = World(s.app)
    for _ in range(count):
        s.invite(s.partner, world.a_customer(roles=("global_administrator",)))


ROUTES = {
    "GET /partner/invitations": row(200, to=PARTNER_READERS),
    "GET /partner/invitations/standing": row(200, to=PARTNER_READERS),
    "GET /partner/invitations/new": row(200, to=AGENTS),
    "POST /partner/invitations": row(302, to=AGENTS, rival=404, delegate=404, form=_new),
    "GET /partner/invitations/<uuid:invitation_id>": row(
        200, to=PARTNER_READERS, partner_member=403, otherwise=404, prepare=_open
    ),
    "GET /partner/invitations/<uuid:invitation_id>/message": _own(200),
    "POST /partner/invitations/<uuid:invitation_id>/message": _own(302, form=_step("message", subject="Please sign")),
    "GET /partner/invitations/<uuid:invitation_id>/message.eml": _own(200),
    "POST /partner/invitations/<uuid:invitation_id>/sending": _own(302),
    "POST /partner/invitations/<uuid:invitation_id>/own-sending": _own(302),
    "GET /partner/invitations/<uuid:invitation_id>/withdrawal": _own(200),
    "POST /partner/invitations/<uuid:invitation_id>/withdrawal": _own(302),
    "GET /partner/invitations/<uuid:invitation_id>/correction": _own(200),
    "POST /partner/invitations/<uuid:invitation_id>/correction": _own(
        302, form=lambda s: {"recipient": "right@contoso.example"}
    ),
    "GET /partner/invitations/<uuid:invitation_id>/replacement": _own(200),
    "POST /partner/invitations/<uuid:invitation_id>/replacement": _own(302, form=_step("replacement")),
    "POST /partner/invitations/<uuid:invitation_id>/closure": row(
        302, to=("admin_agent",), sales_agent=403, helpdesk_agent=403, partner_member=403, otherwise=404,
        prepare=_standing,
    ),
    "POST /partner/invitations/<uuid:invitation_id>/reopening": row(
        302, to=("admin_agent",), sales_agent=403, helpdesk_agent=403, partner_member=403, otherwise=404,
        prepare=_closed,
    ),
}  # fmt: skip

LISTS = {"GET /partner/invitations": many("admin_agent", _many)}
