"""Routes of `delegated_admin` for whoever acts for a customer."""

from typing import Any

from tests.guards.routes import SIGNED_IN, many, row
from tests.support.builders import World
from tests.support.delegation import Delegation
from tests.support.story import Story
from webapp.delegated_admin.roles import ROLES

EVERY_ROLE = [role.id for role in ROLES]


def _administered(s: Story) -> dict[str, Any]:
    """The partner has roles at the customer too."""
    s.approve(s.offer(s.partner, s.customer, "Everything", roles=EVERY_ROLE))
    return {"customer_id": s.customer.id}


def _administered_many(s: Story, count: int) -> None:
    world = World(s.app)
    for number in range(count):
        Delegation(s.app).active(s.partner, world.a_customer(roles=("global_administrator",)), f"Help {number}")


ROUTES = {
    "GET /partner/administered": row(200, to=("admin_agent", "helpdesk_agent"), otherwise=404, sales_agent=403, partner_member=403),
    # Whoever has no rights at this customer does not learn that there is one: sales agents use no delegated role.
    "POST /partner/administered/<uuid:customer_id>/acting": row(
        302, to=("admin_agent", "helpdesk_agent", "delegate"), otherwise=404, prepare=_administered
    ),
    "GET /acting": row(200, to=("delegate",), otherwise=404),
    "POST /acting/end": row(302, to=SIGNED_IN),
}  # fmt: skip

LISTS = {"GET /partner/administered": many("admin_agent", _administered_many)}
