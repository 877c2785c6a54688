"""Operations of `webhooks`: the registration, test events, and audit records."""

from typing import Any

from tests.guards.api import ADMINS, READERS, op
from tests.guards.routes import many
from tests.support.story import Story
from webapp.evidence.models import Fact

_HERE = "/webhooks/v1/registration"
_BODY = {"WebhookUrl": "https://receiver.example/events", "WebhookEvents": ["test-created", "subscription-updated"]}


def _registered(s: Story) -> dict[str, Any]:
    s.webhook()
    return {}


def _record(s: Story) -> dict[str, Any]:
    with s.app.app_context():
        return {"record_id": s.only(Fact, kind="delegated_admin.offered", partner_id=s.partner.id).id}


def _body(_s: Story, _parameters: dict[str, Any]) -> dict[str, Any]:
    return dict(_BODY)


# Another partner's token has no registration: 404. A client that a sales agent consented to is no admin agent.
OPERATIONS = {
    f"GET {_HERE}": op(200, to=ADMINS, rival=404, prepare=_registered),
    f"POST {_HERE}": op(201, to=ADMINS, body=_body),
    f"PUT {_HERE}": op(200, to=ADMINS, rival=404, prepare=_registered, body=_body),
    f"DELETE {_HERE}": op(204, to=ADMINS, rival=404, prepare=_registered),
    f"POST {_HERE}/secret": op(200, to=ADMINS, rival=404, prepare=_registered),
    f"GET {_HERE}/events": op(200, to=ADMINS),
    f"POST {_HERE}/validationEvents": op(200, to=ADMINS, rival=404, prepare=_registered),
    f"GET {_HERE}/validationEvents/<guid:correlation_id>": op(
        200, to=ADMINS, prepare=lambda s: {"correlation_id": s.dead_letter()}
    ),
    "GET /v1/auditrecords": op(200, to=READERS),
    "GET /v1/auditrecords/<guid:record_id>": op(200, to=READERS, prepare=_record),
}


def _many(s: Story, count: int) -> None:
    for _ in range(count):
        s.invite(s.partner, s.customer)


LISTS = {"GET /v1/auditrecords": many("api_admin_agent", _many)}
