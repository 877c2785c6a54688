"""The published client `partnercenterservices` on customers, domains, addresses, profiles and relationships of partners.

Covered here, by the client's paths:

    POST   /customers, GET /customers (filter, size, seekOperation), GET and PATCH /customers/{id}
    GET    /customers/{id}/profiles/company, /customers/{id}/profiles/billing, /customers/{id}/relationships
    DELETE /customers/{id}/CustomerPartnerRelationships/reseller
    HEAD   /domains/{domain}, GET /validations/checkdomainavailability/{prefix}
    POST   /validations/address, GET /countryvalidationrules/{country}
    GET    /profiles/mpn, /profiles/partnernetworkprofile, /profiles/organization
    GET    /relationships

Covered beside this module: /customers/relationshiprequests; offers, orders, carts' checkout and subscriptions.

Of capabilities that the product does not have: changing a customer's or the partner's profiles (PUT …/profiles/*: they are
their own or the operator's), /profiles/billing, /support and /legalbusiness, deleting a customer (a sandbox's alone), verifying
domains (POST /domains/{domain}, …/verifieddomain), /relationships/{partner}/customer and …/relationships/partner (superseded at
Microsoft by what is covered), users, directory roles and their licences (people are the customer's own), usage, utilization,
budgets, rate cards and invoices, analytics, devices and their policies, service requests and incidents, managed services,
conversions, upgrades, add-ons, registrations and provisioning of subscriptions, migrations, preferences, insider programs, the
partner's own roles, and /generatetoken (a token is had by OAuth).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.clients.conftest import PartnerCenter
from tests.support.builders import Party, World
from tests.support.served import Served
from webapp import database
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of the client's own imports, see conftest.py
    from microsoft.store.partnercenterservices import models
    from msrest.exceptions import DeserializationError

V1 = "MicrosoftPartnerSdkContractsV1"


def of(name: str, **values: Any) -> Any:
    """A model of the client's: `of("Address", city="Redmond")`."""
    return getattr(models, V1 + name)(**values)


ADDRESS = {
    "address_line1": "1 Main Street", "city": "Redmond", "state": "WA", "postal_code": "98052", "country": "US",
    "first_name": "Kim", "last_name": "Abercrombie",
}  # fmt: skip


def woodgrove(**more: Any) -> Any:
    """A customer as a program of the client's makes it."""
    return of(
        "Customer",
        company_profile=of("CustomerCompanyProfile", domain="woodgrove.example"),
        billing_profile=of(
            "CustomerBillingProfile", culture="EN-US", language="en", email="kim@woodgrove.example",
            company_name="Woodgrove Bank", default_address=of("Address", **ADDRESS),
        ),
        **more,
    )  # fmt: skip


def sells_to(app: Flask, partner: Party, customer: Party, reseller: Party | None = None) -> None:
    with app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(customer.id)
        assert row is not None
        relationships.begin(
            row, partner_id=partner.id, reseller_id=reseller.id if reseller is not None else None, origin="creation",
            by=None, source="operator",
        )  # fmt: skip


@pytest.fixture
def provider(world: World) -> Party:
    return world.a_partner("Fabrikam Distribution", programme="indirect_provider", roles=("admin_agent",))


@pytest.fixture
def client(
    serve: Callable[..., Served], token: Callable[..., str], provider: Party,
    partner_center: Callable[[Served, str], PartnerCenter],
) -> PartnerCenter:  # fmt: skip
    """The client of an indirect provider, at a program of two processes."""
    return partner_center(serve(processes=2), token(provider))


def test_a_customer_is_created_read_and_left(client: PartnerCenter, world: World, provider: Party) -> None:
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller", roles=())
    world.pair(provider, reseller)
    apis, key = client.apis, str(uuid4())
    assert client.raw(apis.headvversiondomainsdomain, "woodgrove.example").status_code == 404

    # The client's model of a password is none of a text, which Partner Center sends, so that it cannot read its first answer;
    # the retry, which never repeats the password, it can.
    new = woodgrove(associated_partner_id=str(reseller.id))
    with pytest.raises(DeserializationError):
        client(apis.postvversioncustomers, new, ms_request_id=key)
    answer = client.raw(apis.postvversioncustomers, new, ms_request_id=key)
    assert (answer.status_code, answer.headers["MS-RequestId"]) == (201, key)
    assert answer.headers["Idempotent-Replayed"] == "true"
    again = client(apis.postvversioncustomers, new, ms_request_id=key)
    assert (again.id, again.user_credentials) == (answer.json()["id"], None)
    assert client(apis.getvversioncustomersfilterfilter.value).total_count == 1

    found = client(apis.getvversioncustomerscustomer.id, again.id)
    assert found.company_profile.company_name == "Woodgrove Bank"
    assert found.company_profile.domain == "woodgrove.example"
    assert found.relationship_to_partner == "reseller"
    assert found.associated_partner_id == str(reseller.id)
    assert (found.allow_delegated_access, found.custom_domains) == (False, ["woodgrove.example"])
    assert found.billing_profile.default_address.as_dict() == ADDRESS | {"phone_number": ""}
    assert found.billing_profile.attributes.etag
    assert found.attributes.object_type == "Customer"
    company = client(apis.getvversioncustomerscustomer.idprofilescompany, again.id)
    assert company.as_dict() == found.company_profile.as_dict()
    billing = client(apis.getvversioncustomerscustomer.idprofilesbilling, again.id)
    assert (billing.email, billing.first_name) == ("kim@woodgrove.example", "Kim")
    beside = client(apis.getvversioncustomerscustomer.idrelationships, again.id)
    (other,) = beside.items
    assert (other.id, other.relationship_type) == (str(reseller.id), "is_indirect_cloud_solution_provider_of")
    assert client.raw(apis.headvversiondomainsdomain, "woodgrove.example").status_code == 200

    left = client(apis.patchvversioncustomerscustomer.id, again.id, of("Customer", relationship_to_partner="none"))
    assert (left.id, left.relationship_to_partner, left.billing_profile) == (again.id, "none", None)
    assert client.raw(apis.getvversioncustomerscustomer.id, str(uuid4())).json()["code"] == 1000


def test_the_older_way_to_end_a_relationship(
    client: PartnerCenter, app: Flask, world: World, provider: Party
) -> None:  # fmt: skip
    customer = world.a_customer(roles=())
    sells_to(app, provider, customer)
    end = client.apis.deletevversioncustomerscustomer.id_customer_partner_relationshipsreseller
    assert client.raw(end, str(customer.id)).status_code == 204
    found = client(client.apis.getvversioncustomerscustomer.id, str(customer.id))
    assert found.relationship_to_partner == "none"


def test_customers_are_listed_filtered_and_paged(
    client: PartnerCenter, app: Flask, world: World, provider: Party
) -> None:
    for letter in "ABC":
        sells_to(app, provider, world.a_customer(f"Crowd {letter}", roles=()))
    listing = client.apis.getvversioncustomersfilterfilter.value
    assert client(listing).total_count == 3
    sought = json.dumps({"Field": "CompanyName", "Operator": "StartsWith", "Value": "crowd b"})
    (only,) = client(listing, filter=sought, size=0).items
    assert (only.company_profile.company_name, only.relationship_to_partner) == ("Crowd B", "reseller")

    page = client(listing, size=2)
    assert [each.company_profile.company_name for each in page.items] == ["Crowd A", "Crowd B"]
    (header,) = page.links.next.headers
    rest = client(listing, size=2, seek_operation="Next", custom_headers={header.key: header.value})
    assert [each.company_profile.company_name for each in rest.items] == ["Crowd C"]
    assert rest.links.next is None
    assert client.raw(listing, filter=json.dumps({"Field": "CompanyName", "Operator": "contains"})).json() == {
        "code": 2000, "description": "Customer search only allows starts with and equals operation.",
        "data": ["filter.Operator"], "source": "PartnerFD",
    }  # fmt: skip


def test_domains_addresses_and_countries_are_asked_about(client: PartnerCenter) -> None:
    apis = client.apis
    free = apis.getvversionvalidationscheckdomainavailabilitydomain.prefix
    assert client(free, "woodgrove") is True
    assert client.raw(apis.postvversionvalidationsaddress, of("Address", **ADDRESS)).json()["status"] == "Verified"
    wrong = client.raw(apis.postvversionvalidationsaddress, of("Address", **ADDRESS | {"postal_code": "1"})).json()
    assert (wrong["status"], wrong["suggestedAddresses"]) == ("None", [])
    rules = client(apis.getvversioncountryvalidationrulescountry, "US")
    assert (rules.iso2_code, rules.default_culture, rules.is_state_required) == ("US", "en-US", True)
    assert "WA" in rules.supported_states_list
    assert rules.postal_code_regex.startswith("^")


def test_partners_are_found_and_listed(client: PartnerCenter, world: World, provider: Party, app: Flask) -> None:
    apis = client.apis
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller", roles=())
    world.pair(provider, reseller)
    with app.app_context():
        row = organizations.organization_by_id(reseller.id)
        assert row is not None
        number = row.partner_number
    for find in (
        apis.getvversionprofilesmpnmpn_idmpn_id.value, apis.getvversionprofilespartnernetworkprofilempn_idmpn_id.value,
    ):  # fmt: skip
        profile = client(find, mpn_id=number)
        assert (profile.partner_name, profile.mpn_id, profile.profile_type) == (
            "Tailspin Resellers", number, "mpn_profile",
        )  # fmt: skip
    assert client.raw(apis.getvversionprofilesmpnmpn_idmpn_id.value, mpn_id="1").json()["code"] == 3000
    own = client(apis.getvversionprofilesorganization)
    assert (own.id, own.company_name, own.default_address.country) == (str(provider.id), "Fabrikam Distribution", "US")

    listing = apis.getvversionrelationshipsrelationship.value
    (other,) = client(listing, relationship_type="isIndirectCloudSolutionProviderOf").items
    assert (other.id, other.name, other.state, other.mpn_id) == (
        str(reseller.id),
        "Tailspin Resellers",
        "Active",
        number,
    )
    sought = json.dumps({"Field": "Name", "Operator": "StartsWith", "Value": "tail"})
    assert client(listing, filter=sought).total_count == 1
    assert client(listing, relationship_type="isIndirectResellerOf").items == []
