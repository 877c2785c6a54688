"""Routes of `attestations`: a customer's agreement at the partner, attesting, the proof, asking the provider."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.guards.routes import AGENTS, CUSTOMER_READERS, PARTNER_READERS, PARTNERS, Row, many, row
from tests.support.story import Story
from webapp import clock, database
from webapp.agreements import actions as agreements
from webapp.agreements.actions import Proof
from webapp.agreements.models import Attestation
from webapp.agreements.rules import Signatory
from webapp.attestations import actions
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships

PAGE = "/partner/customers/<uuid:customer_id>/agreement"
PERSON = {"given_name": "Hanako", "family_name": "Suzuki", "email": "hanako@contoso.example", "phone": ""}
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\nstartxref\n9\n%%EOF\n"


def _sold_to(s: Story) -> dict[str, Any]:
    """The customer has a relationship with the partner, and accepted nothing by itself lately."""
    s.related()
    return {"customer_id": s.customer.id}


def attest(s: Story, name: str = "Hanako", proof: Proof | None = None) -> Attestation:
    """The partner attests for its customer."""
    with s.unit():
        customer = s.organization(s.customer)
        signatory = Signatory(name, "Suzuki", f"{name.lower()}@contoso.example")
        return agreements.attest(
            customer, by=s.actor("sales_agent"), signatory=signatory, agreed_on=clock.today(customer.zone), proof=proof
        )


def _with_proof(s: Story) -> dict[str, Any]:
    found = _sold_to(s)
    attest(s, proof=actions.proof_from("signed.pdf", PDF))
    return found | {"attestation_id": s.only(Attestation, customer_id=s.customer.id).id}


def _entered(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    with s.app.app_context():
        day = clock.today(s.organization(s.customer).zone) - timedelta(days=1)
    address = f"/partner/customers/{p['customer_id']}/agreement/attestation"
    return s.fields("sales_agent", address, to="/review", **PERSON, agreed_on=day.isoformat())


def _checked(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    address = f"/partner/customers/{p['customer_id']}/agreement/attestation/review"
    return s.fields_after("sales_agent", address, _entered(s, p), to="/confirmation", agreed=True, told=True)


def _by_agents(status: int, **more: Any) -> Row:
    """What admin agents and sales agents do; others of the partner are told so.

    A partner that has delegated roles alone sees the customer and sells it nothing: it is told so (403), and led on from
    steps that do not begin there (302).
    """
    refused: Any = {each: 403 for each in (*PARTNERS, "delegate") if each not in AGENTS}
    return row(status, to=AGENTS, otherwise=404, **{"prepare": _sold_to, **refused, **more})


def _through_a_reseller(s: Story) -> dict[str, Any]:
    """The customer has a relationship with the provider through the partner, which is made an indirect reseller."""
    with s.unit():
        database.write()
        database.session().execute(
            sa.update(Organization).where(Organization.id == s.partner.id).values(programme="indirect_reseller")
        )
    with s.unit():
        relationships.begin(
            s.organization(s.customer), partner_id=s.provider.id, reseller_id=s.partner.id, origin="creation", by=None
        )
    return {"customer_id": s.customer.id}


ROUTES = {
    f"GET {PAGE}": row(200, to=(*PARTNER_READERS, "delegate"), partner_member=403, otherwise=404, prepare=_sold_to),
    f"GET {PAGE}/attestation": _by_agents(200),
    f"POST {PAGE}/attestation": _by_agents(200, form=_entered),
    f"GET {PAGE}/attestation/review": _by_agents(302, delegate=302),
    f"POST {PAGE}/attestation/review": _by_agents(200, form=_entered),
    f"GET {PAGE}/attestation/confirmation": _by_agents(302, delegate=302),
    f"POST {PAGE}/attestation/confirmation": _by_agents(302, form=_checked),
    f"GET {PAGE}/attestations/<uuid:attestation_id>/proof": row(
        200, to=PARTNER_READERS, partner_member=403, otherwise=404, prepare=_with_proof
    ),
    # It sells through nobody: it is led to the page where it would attest itself.
    f"GET {PAGE}/attestation-request": _by_agents(200, delegate=302, prepare=_through_a_reseller),
    f"POST {PAGE}/attestation-request": _by_agents(
        302,
        delegate=302,
        prepare=_through_a_reseller,
        form=lambda s: {"words": "Please attest.", "provider": str(s.provider.id)},
    ),
    "GET /agreement/attestations/<uuid:attestation_id>/proof": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_with_proof
    ),
}


def _attest_many(s: Story, count: int) -> None:
    _sold_to(s)
    for number in range(count):
        attest(s, f"Hanako{number}")


LISTS = {f"GET {PAGE}": many("admin_agent", _attest_many, prepare=lambda s: {"customer_id": s.customer.id})}
