"""Operations of `customers`: the list, one customer, ending what binds the partner to it."""

from __future__ import annotations

from typing import Any

from tests.guards.api import ADMINS, READERS, op
from tests.guards.routes import many
from tests.support.builders import World
from tests.support.story import Story


def _customer(story: Story) -> dict[str, Any]:
    """The customer accepted the partner's relationship."""
    story.related()
    return {"customer_id": story.customer.id}


def _many(story: Story, count: int) -> None:
    world = World(story.app)
    for _ in range(count):
        story.sells_to(world.a_customer(roles=()))


def _resellers(story: Story, count: int) -> None:
    """The partner, as indirect provider, sells to the customer with so many resellers."""
    world = World(story.app)
    story.make_provider()
    for _ in range(count):
        reseller = world.a_partner(programme="indirect_reseller", roles=())
        world.pair(story.partner, reseller)
        story.sells_with(story.customer, reseller)


OPERATIONS = {
    "GET /v1/customers": op(200, to=READERS),
    "GET /v1/customers/<guid:customer_id>": op(200, to=READERS, prepare=_customer),
    "GET /v1/customers/<guid:customer_id>/profiles/company": op(200, to=READERS, prepare=_customer),
    "GET /v1/customers/<guid:customer_id>/profiles/billing": op(200, to=READERS, prepare=_customer),
    "GET /v1/customers/<guid:customer_id>/relationships": op(200, to=READERS, prepare=_customer),
    "PATCH /v1/customers/<guid:customer_id>": op(
        200, to=ADMINS, prepare=_customer, body=lambda s, p: {"relationshipToPartner": "none"}
    ),
    "DELETE /v1/customers/<guid:customer_id>/CustomerPartnerRelationships/reseller": op(
        204, to=ADMINS, prepare=_customer
    ),
}

LISTS = {
    "GET /v1/customers": many("api_read_only", _many),
    "GET /v1/customers/<guid:customer_id>/relationships": many("api_read_only", _resellers, prepare=_customer),
}
