"""Operations of `invitations`: the relationship request, and invitations that are followed."""

from typing import Any

from tests.guards.api import AGENTS, READERS, op
from tests.guards.routes import many
from tests.support.story import Story


def _open(s: Story) -> dict[str, Any]:
    return {"invitation_id": s.invitations["open"].id}


OPERATIONS = {
    "GET /v1/customers/relationshiprequests": op(200, to=READERS),
    # Another partner's token makes one of its own; here it names a customer that it does not see.
    "POST /v1/invitations": op(
        201,
        to=AGENTS,
        body=lambda s, _p: {"asks": "agreement", "customer": {"id": str(s.customer.id)}, "language": "en"},
        rival=404,
    ),
    "GET /v1/invitations": op(200, to=READERS),
    "GET /v1/invitations/<guid:invitation_id>": op(200, to=READERS, prepare=_open),
    "POST /v1/invitations/<guid:invitation_id>/withdrawal": op(200, to=AGENTS, prepare=_open),
}


def _invite_many(s: Story, count: int) -> None:
    for _number in range(count):
        s.invite(s.partner, s.customer)


LISTS = {"GET /v1/invitations": many("api_admin_agent", _invite_many)}
