"""Routes of `tasks`: the inbox of both sides."""

from typing import Any

from tests.guards.routes import ADMINISTRATORS, AGENTS, CUSTOMER_READERS, PARTNER_READERS, many, row
from tests.support.builders import Party
from tests.support.story import Story
from webapp.tasks import actions


def _entry(s: Story) -> dict[str, Any]:
    with s.unit():
        task = actions.put(s.customer.id, "admission_request", about_key="a test", path="/agreement", waits=True)
        return {"task_id": task.id}


def _entries(party: str) -> Any:
    def add(s: Story, count: int) -> None:
        organization: Party = getattr(s, party)
        with s.unit():
            for number in range(count):
                actions.put(
                    organization.id, KIND, about_key=f"a test {number}", path="/history", waits=number % 2 == 0,
                    facts=FACTS,
                )  # fmt: skip

    return add


KIND = "invitation_accepted"
FACTS = {"customer": "Contoso Ltd.", "partner": "Northwind Cloud", "asks": "relationship"}

ROUTES = {
    "GET /inbox": row(
        200,
        to=CUSTOMER_READERS,
        member=403,
        delegate=403,
        otherwise=404,
        prepare=lambda s: _entries("customer")(s, 3) or {},
    ),
    "GET /partner/inbox": row(
        200, to=PARTNER_READERS, partner_member=403, otherwise=404, prepare=lambda s: _entries("partner")(s, 3) or {}
    ),
    "POST /inbox/<uuid:task_id>/completion": row(
        302, to=ADMINISTRATORS, global_reader=403, member=403, otherwise=404, prepare=_entry
    ),
    "POST /inbox/completion": row(302, to=(*ADMINISTRATORS, *AGENTS)),
}

LISTS = {
    "GET /inbox": many("global_administrator", _entries("customer")),
    "GET /partner/inbox": many("admin_agent", _entries("partner")),
}
