"""Routes of `customers`: the partner's customers."""

from tests.guards.routes import PARTNER_READERS, many, row
from tests.support.builders import World
from tests.support.story import Story


def _invite_many(s: Story, count: int) -> None:
    world = World(s.app)
    for _ in range(count):
        s.invite(s.partner, world.a_customer(roles=("global_administrator",)))


ROUTES = {
    "GET /partner/customers": row(200, to=PARTNER_READERS),
    "GET /partner/customers.csv": row(200, to=PARTNER_READERS),
    "GET /partner/customers/<uuid:customer_id>": row(
        200,
        to=(*PARTNER_READERS, "delegate"),  # whoever has delegated roles there has it among its customers
        partner_member=403,
        otherwise=404,
        prepare=lambda s: {"customer_id": s.customer.id},
    ),
}

LISTS = {
    "GET /partner/customers": many("admin_agent", _invite_many),
    "GET /partner/customers.csv": many("admin_agent", _invite_many),
}
