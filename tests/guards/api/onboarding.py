"""Operations of `onboarding`: adding customers, and asking first."""

from __future__ import annotations

from typing import Any

from tests.guards.api import AGENTS, READERS, op
from tests.support.story import Story
from webapp.organizations import queries as organizations

ADDRESS = {
    "addressLine1": "1 Main Street", "city": "Redmond", "state": "WA", "postalCode": "98052", "country": "US",
    "firstName": "Kim", "lastName": "Abercrombie",
}  # fmt: skip


def _new(_story: Story, _parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "companyProfile": {"domain": "woodgrove.example"},
        "billingProfile": {
            "culture": "en-US", "email": "kim@woodgrove.example", "language": "en", "companyName": "Woodgrove Bank",
            "defaultAddress": ADDRESS,
        },
    }  # fmt: skip


def _taken(s: Story) -> dict[str, Any]:
    with s.app.app_context():
        return {"domain": organizations.domains_of(s.customer.id)[0].name}


OPERATIONS = {
    "POST /v1/customers": op(201, to=AGENTS, body=_new),
    # What is asked is no row of anybody's: every partner asks the same.
    "HEAD /v1/domains/<domain>": op(200, to=AGENTS, rival=200, prepare=_taken),
    "GET /v1/validations/checkdomainavailability/<domain_prefix>": op(
        200, to=AGENTS, rival=200, prepare=lambda s: {"domain_prefix": "woodgrove"}
    ),
    "POST /v1/validations/address": op(200, to=READERS, body=lambda s, p: ADDRESS),
    "GET /v1/countryvalidationrules/<country>": op(200, to=READERS, rival=200, prepare=lambda s: {"country": "US"}),
}
