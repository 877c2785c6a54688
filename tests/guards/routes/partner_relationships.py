"""Routes of `partner_relationships`."""

from typing import Any

from tests.guards.routes import CUSTOMER_READERS, many, row
from tests.guards.routes.relationships import related
from tests.support.builders import World
from tests.support.story import Story
from webapp import database
from webapp.relationships import actions


def _relate_many(s: Story, count: int) -> None:
    """As many partners, each a reseller that also offers delegated administration."""
    world = World(s.app)
    for number in range(count):
        partner = world.a_partner(roles=("admin_agent",))
        world.enroll(partner)
        with s.unit():
            customer = s.organization(s.customer)
            database.write(chain=customer.chain_id)
            actions.begin(customer, partner_id=partner.id, reseller_id=None, origin="acceptance", by=None)
        s.offer(partner, s.customer, f"Support {number}")


def _with_everything(s: Story) -> dict[str, Any]:
    """A reseller that has delegated administration as well."""
    parameters = related(s)
    s.approve(s.offers["waiting"])
    return parameters


ROUTES = {
    "GET /settings/partner-relationships": row(
        200, to=CUSTOMER_READERS, prepare=lambda s: _with_everything(s) and {"status": "all"}
    ),
    "GET /settings/partner-relationships/<uuid:relationship_id>": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_with_everything
    ),
}

LISTS = {
    "GET /settings/partner-relationships": many("global_administrator", _relate_many, status="all"),
}
