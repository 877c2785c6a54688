"""Routes of `offers`: the overview, the form of an offer, saved sets of roles."""

from typing import Any
from uuid import UUID

from tests.guards.routes import PARTNER_READERS, many, row
from tests.support.builders import World
from tests.support.story import Story
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import BASIC

AGENT = ("admin_agent",)


def _with_message(s: Story) -> dict[str, UUID]:
    """An offer made on the page, with its invitation."""
    s.post("admin_agent", "/partner/delegated-admin/new", **_filled(s))
    return {"relationship_id": s.only(DelegatedRelationship, name="Quick help").id}


def _filled(s: Story) -> dict[str, Any]:
    address = f"/partner/delegated-admin/new?customer={s.customer.id}"
    return s.fields("admin_agent", address, to="/new", name="Quick help") | {"act": "make"}


def _role_set(s: Story) -> dict[str, UUID]:
    with s.unit():
        return {"role_set_id": delegated_admin.save_role_set(by=s.actor("admin_agent"), name="Mail", roles=BASIC).id}


def _invite_many(s: Story, count: int) -> None:
    world = World(s.app)
    for _ in range(count):
        s.invite(s.partner, world.a_customer(roles=("global_administrator",)))


def _offer_many(s: Story, count: int) -> None:
    for _ in range(count):
        s.offers[f"more{len(s.offers)}"] = s.offer(s.partner, s.customer, f"Offer {len(s.offers)}")


ROUTES = {
    "GET /partner/delegated-admin": row(200, to=PARTNER_READERS, otherwise=404, partner_member=403),
    "GET /partner/delegated-admin/relationships": row(200, to=PARTNER_READERS, otherwise=404, partner_member=403),
    "GET /partner/delegated-admin/new": row(200, to=AGENT),
    "POST /partner/delegated-admin/new": row(302, to=AGENT, rival=404, form=_filled),
    "GET /partner/delegated-admin/<uuid:relationship_id>/message": row(
        302, to=PARTNER_READERS, otherwise=404, partner_member=403, prepare=_with_message
    ),
    "GET /partner/delegated-admin/role-sets": row(200, to=AGENT),
    "POST /partner/delegated-admin/role-sets/<uuid:role_set_id>/deletion": row(
        302, to=AGENT, otherwise=404, sales_agent=403, helpdesk_agent=403, partner_member=403, prepare=_role_set
    ),
}

LISTS = {
    "GET /partner/delegated-admin": many("admin_agent", _invite_many),
    "GET /partner/delegated-admin/relationships": many("admin_agent", _offer_many),
}
