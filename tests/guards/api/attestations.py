"""Operations of `attestations`: a customer's agreements."""

from typing import Any

from tests.guards.api import AGENTS, READERS, op
from tests.guards.routes import many
from tests.guards.routes.attestations import attest
from tests.support.story import Story
from webapp.agreements.rules import CUSTOMER_AGREEMENT, template_id

AGREEMENTS = "/v1/customers/<guid:customer_id>/agreements"


def sold_to(s: Story) -> dict[str, Any]:
    """The partner sells to the customer."""
    s.related()
    return {"customer_id": s.customer.id}


def confirmation(s: Story, _parameters: dict[str, Any]) -> dict[str, Any]:
    """A confirmation for today."""
    with s.app.app_context():
        today = s.today()
    return {
        "primaryContact": {"firstName": "Hanako", "lastName": "Suzuki", "email": "hanako@contoso.example"},
        "templateId": str(template_id(CUSTOMER_AGREEMENT, "2026-03")),
        "dateAgreed": f"{today}T00:00:00.000Z",
        "type": CUSTOMER_AGREEMENT,
    }


OPERATIONS = {
    f"POST {AGREEMENTS}": op(201, to=AGENTS, prepare=sold_to, body=confirmation),
    f"GET {AGREEMENTS}": op(200, to=READERS, prepare=sold_to),
    "GET /v1/customers/<guid:customer_id>/directSignedMicrosoftCustomerAgreementStatus": op(
        200, to=READERS, prepare=sold_to
    ),
}


def _confirm_many(s: Story, count: int) -> None:
    s.related()
    for number in range(count):
        attest(s, f"Hanako{number}")


LISTS = {
    f"GET {AGREEMENTS}": many(
        "api_admin_agent", _confirm_many, prepare=lambda s: {"customer_id": s.customer.id}, agreementType="*"
    )
}
