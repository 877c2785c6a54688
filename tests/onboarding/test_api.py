"""Adding customers through the API: the same rules and acts as on the pages, and what is asked before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.support.builders import World
from tests.support.story import Story
from webapp import database
from webapp.accounts.models import Person
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.onboarding.models import CustomerDraft
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import actions as policies
from webapp.relationships import queries as relationships

#: As programs send it: names in Pascal case, letters of cultures in capitals.
NEW: dict[str, Any] = {
    "enableGDAPByDefault": True,
    "CompanyProfile": {"Domain": "Woodgrove.example"},
    "BillingProfile": {
        "Culture": "EN-US", "Email": "kim@woodgrove.example", "Language": "en", "CompanyName": "Woodgrove Bank Ltd.",
        "DefaultAddress": {
            "FirstName": "Kim", "LastName": "Abercrombie", "AddressLine1": "1 Main Street", "AddressLine2": "Floor 3",
            "City": "Redmond", "State": "Washington", "PostalCode": "98052", "Country": "US", "PhoneNumber": "",
        },
    },
}  # fmt: skip


def new(**changes: Any) -> dict[str, Any]:
    """The body with changes by path: `BillingProfile__Email="…"`; None takes the field out."""
    body = deepcopy(NEW)
    for path, value in changes.items():
        *above, last = path.split("__")
        place = body
        for name in above:
            place = place[name]
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return body


def create(story: Story, body: Any, visitor: str = "api_sales_agent", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return story.client(visitor).post("/v1/customers", json=body, headers=named)


def made(story: Story) -> int:
    with story.app.app_context():
        return database.session().scalar(sa.select(sa.func.count()).where(Organization.kind == "customer")) or 0


# --- a new customer ----------------------------------------------------------------------------------------------


def test_a_customer_is_made_as_on_the_pages(story: Story) -> None:
    answer = create(story, NEW)
    body = answer.get_json()
    assert answer.status_code == 201, answer.text
    id_ = body["id"]
    assert answer.headers["Location"] == f"/v1/customers/{id_}"
    assert answer.headers["ETag"] == f'"{body["attributes"]["etag"]}"'
    password = body["userCredentials"]["password"]
    assert body["userCredentials"] == {"userName": "kim@woodgrove.example", "password": password}
    etag = body["billingProfile"]["attributes"]["etag"]
    names = {"firstName": "Kim", "lastName": "Abercrombie"}
    assert body == {
        "id": id_,
        "commerceId": id_,
        "companyProfile": {
            "tenantId": id_, "domain": "woodgrove.example", "companyName": "Woodgrove Bank Ltd.",
            "attributes": {"objectType": "CustomerCompanyProfile"},
        },
        "billingProfile": {
            "id": id_, "email": "kim@woodgrove.example", "culture": "en-US", "language": "en",
            "companyName": "Woodgrove Bank Ltd.", **names,
            "defaultAddress": {
                "country": "US", "city": "Redmond", "state": "WA", "addressLine1": "1 Main Street, Floor 3",
                "postalCode": "98052", "phoneNumber": "", **names,
            },
            "attributes": {"objectType": "CustomerBillingProfile", "etag": etag},
        },
        "relationshipToPartner": "reseller",
        "allowDelegatedAccess": False,
        "customDomains": ["woodgrove.example"],
        "enableGDAPByDefault": False,
        "userCredentials": body["userCredentials"],
        "attributes": {"objectType": "Customer", "etag": body["attributes"]["etag"]},
    }  # fmt: skip
    shown = story.client("api_read_only").get(f"/v1/customers/{id_}").get_json()
    assert shown == {name: body[name] for name in body if name not in {"userCredentials", "enableGDAPByDefault"}}
    with story.app.app_context():
        customer = organizations.organization_by_id(UUID(id_))
        assert customer is not None
        assert (customer.created_by_partner_id, customer.zone) == (story.partner.id, "America/Los_Angeles")
        assert relationships.open_between(customer.id, story.partner.id) is not None
        facts = database.session().scalars(sa.select(Fact).where(Fact.customer_id == customer.id)).all()
        assert {fact.kind for fact in facts} == {"customer.created", "person.added", "relationship.created"}
        assert {evidence.record_of(fact)["source"] for fact in facts} == {"api"}
        assert database.session().scalar(sa.select(CustomerDraft.id)) is None


def test_the_temporary_password_signs_in_only_with_the_mailed_code(story: Story) -> None:
    credentials = create(story, NEW).get_json()["userCredentials"]
    client = story.app.test_client()
    page = client.get("/sign-in").text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    form = {"address": credentials["userName"], "password": credentials["password"], "csrf_token": token}
    answer = client.post("/sign-in", data=form, headers={"Referer": "http://localhost/sign-in"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/code")
    assert client.get("/home").status_code == 302


def test_a_retry_creates_nothing_and_does_not_tell_the_password_again(story: Story) -> None:
    before, key = made(story), str(uuid4())
    first = create(story, NEW, MS_RequestId=key)
    second = create(story, NEW, MS_RequestId=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    body = first.get_json()
    assert body.pop("userCredentials")["password"] not in second.text
    assert second.get_json() == body
    assert made(story) == before + 1
    other = create(story, new(BillingProfile__CompanyName="Other"), MS_RequestId=key)
    assert (other.status_code, other.get_json()["code"]) == (409, 800060)


def test_of_two_that_arrive_together_one_creates(story: Story) -> None:
    before, key = made(story), str(uuid4())
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _number: create(story, NEW, MS_RequestId=key), range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert sum("userCredentials" in answer.get_json() for answer in answers) == 1
    assert made(story) == before + 1


def test_without_a_key_the_second_finds_the_domain_taken(story: Story) -> None:
    create(story, NEW)
    answer = create(story, NEW)
    assert (answer.status_code, answer.get_json()["code"]) == (409, 800060)
    assert [each.split(": ")[0] for each in answer.get_json()["data"]] == [
        "companyProfile.domain",
        "billingProfile.email",
    ]


def test_a_likely_duplicate_is_named_until_it_is_said_to_be_another(story: Story) -> None:
    first = create(story, NEW).get_json()["id"]
    changes = {"CompanyProfile__Domain": "woodgrove2.example", "BillingProfile__Email": "kim@woodgrove2.example"}
    answer = create(story, new(**changes))
    assert (answer.status_code, answer.get_json()["code"]) == (409, 800060)
    assert f"Woodgrove Bank Ltd. ({first})" in answer.get_json()["description"]
    assert create(story, new(**changes, otherCustomers=[str(uuid4())])).status_code == 409
    assert create(story, new(**changes, otherCustomers=[first])).status_code == 201


def test_a_customer_of_somebody_else_is_no_duplicate(story: Story) -> None:
    create(story, NEW, "api_rival")
    changes = {"CompanyProfile__Domain": "woodgrove2.example", "BillingProfile__Email": "kim@woodgrove2.example"}
    assert create(story, new(**changes)).status_code == 201


def test_a_customer_can_be_japanese(story: Story) -> None:
    address = {
        "FirstName": "花子", "LastName": "山田", "AddressLine1": "丸の内1-1", "City": "千代田区", "State": "Tokyo",
        "PostalCode": "1000005", "Country": "jp",
    }  # fmt: skip
    body = new(
        BillingProfile__Language=None, BillingProfile__Culture="ja-JP", BillingProfile__CompanyName="ウッドグローブ株式会社",
        BillingProfile__DefaultAddress=address,
    )  # fmt: skip
    billing = create(story, body).get_json()["billingProfile"]
    assert (billing["culture"], billing["language"]) == ("ja-JP", "ja")
    kept = billing["defaultAddress"]
    assert (kept["country"], kept["state"], kept["postalCode"]) == ("JP", "東京都", "100-0005")


def test_a_language_that_is_not_spoken_here_becomes_english(story: Story) -> None:
    assert create(story, new(BillingProfile__Language="de")).get_json()["billingProfile"]["language"] == "en"


def test_names_may_stand_beside_the_address(story: Story) -> None:
    body = new(BillingProfile__DefaultAddress__FirstName=None, BillingProfile__DefaultAddress__LastName=None)
    body["BillingProfile"] |= {"FirstName": "Lee", "LastName": "Gu"}
    billing = create(story, body).get_json()["billingProfile"]
    assert (billing["firstName"], billing["lastName"]) == ("Lee", "Gu")


ADDRESS = "BillingProfile__DefaultAddress__"


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"CompanyProfile__Domain": "no domain"}, "companyProfile.domain"),
        ({"CompanyProfile__Domain": "gmail.com"}, "companyProfile.domain"),
        ({"CompanyProfile__Domain": None}, "companyProfile.domain"),
        ({"BillingProfile__Email": "nobody"}, "billingProfile.email"),
        ({"BillingProfile__CompanyName": "W"}, "billingProfile.companyName"),
        ({"BillingProfile__CompanyName": "Ltd."}, "billingProfile.companyName"),
        ({"BillingProfile__CompanyName": "***"}, "billingProfile.companyName"),
        ({"BillingProfile__CompanyName": "x" * 201}, "billingProfile.companyName"),
        ({f"{ADDRESS}Country": "ZZ"}, "billingProfile.defaultAddress.country"),
        ({f"{ADDRESS}Country": "USA"}, "billingProfile.defaultAddress.country"),
        ({f"{ADDRESS}State": "Bavaria"}, "billingProfile.defaultAddress.state"),
        ({f"{ADDRESS}PostalCode": "ABC"}, "billingProfile.defaultAddress.postalCode"),
        ({f"{ADDRESS}City": ""}, "billingProfile.defaultAddress.city"),
        ({f"{ADDRESS}AddressLine1": ""}, "billingProfile.defaultAddress.addressLine1"),
        ({f"{ADDRESS}AddressLine1": "a" * 201}, "billingProfile.defaultAddress.addressLine1"),
        ({f"{ADDRESS}AddressLine2": "a" * 201}, "billingProfile.defaultAddress.addressLine2"),
        ({f"{ADDRESS}AddressLine1": "a" * 150, f"{ADDRESS}AddressLine2": "b" * 150},
         "billingProfile.defaultAddress.addressLine1"),
        ({f"{ADDRESS}FirstName": "x" * 51}, "billingProfile.defaultAddress.firstName"),
        ({f"{ADDRESS}LastName": ""}, "billingProfile.defaultAddress.lastName"),
        ({f"{ADDRESS}PhoneNumber": "call me"}, "billingProfile.defaultAddress.phoneNumber"),
        ({"AssociatedPartnerId": "not-a-guid"}, "associatedPartnerId"),
        ({"enableGDAPByDefault": "yes"}, "enableGDAPByDefault"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_field(story: Story, changes: dict[str, Any], field: str) -> None:
    before = made(story)
    answer = create(story, new(**changes))
    assert (answer.status_code, answer.get_json()["code"]) == (400, 2000)
    assert [each.split(": ")[0] for each in answer.get_json()["data"]] == [field]
    assert made(story) == before


def test_where_a_registration_number_is_needed_its_errors_have_codes(story: Story) -> None:
    with story.unit():
        policies.set_policy("countries.served", ["US", "JP", "IN"], "to test")
    address = {f"{ADDRESS}Country": "IN", f"{ADDRESS}State": "Karnataka", f"{ADDRESS}PostalCode": "560001"}
    codes = {"": 600049, "---": 600050, "none": 600050}
    for number, code in codes.items():
        answer = create(story, new(**address, CompanyProfile__OrganizationRegistrationNumber=number))
        assert (answer.status_code, answer.get_json()["code"]) == (400, code), answer.text
    answer = create(story, new(**address, CompanyProfile__OrganizationRegistrationNumber="u72200ka2020"))
    assert answer.get_json()["companyProfile"]["organizationRegistrationNumber"] == "U72200KA2020"


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("somebody@microsoft.com", 400, 800002),
        ("{partner}", 400, 800002),
        ("{rival}", 400, 800002),
        ("{customer}", 409, 800060),
    ],
)
def test_an_address_in_other_hands_is_refused(story: Story, address: str, status: int, code: int) -> None:
    known = {
        "partner": story.partner["admin_agent"].address, "rival": story.rival["everything"].address,
        "customer": story.customer["global_administrator"].address,
    }  # fmt: skip
    answer = create(story, new(BillingProfile__Email=address.format(**known)))
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.get_json()["data"][0].startswith("billingProfile.email: ")


def test_a_domain_of_the_partners_own_is_refused(story: Story) -> None:
    own = story.partner["admin_agent"].address.partition("@")[2]
    answer = create(story, new(CompanyProfile__Domain=f"sub.{own}"))
    assert (answer.status_code, answer.get_json()["code"]) == (400, 800002)


def test_a_provider_names_its_reseller(story: Story) -> None:
    story.make_provider()
    world = World(story.app)
    paired, stranger = (world.a_partner(programme="indirect_reseller", roles=()) for _ in range(2))
    world.pair(story.partner, paired)
    refused = create(story, new(AssociatedPartnerId=str(stranger.id)))
    assert (refused.status_code, refused.get_json()["code"]) == (400, 800016)
    body = create(story, new(AssociatedPartnerId=str(paired.id))).get_json()
    assert body["associatedPartnerId"] == str(paired.id)
    with story.app.app_context():
        assert relationships.open_between(UUID(body["id"]), story.partner.id, paired.id) is not None


def test_a_direct_partner_has_no_reseller_to_name(story: Story) -> None:
    answer = create(story, new(AssociatedPartnerId=str(story.reseller.id)))
    assert (answer.status_code, answer.get_json()["code"]) == (400, 800016)


def test_the_words_are_japanese_where_the_caller_asks(story: Story) -> None:
    answer = create(story, new(BillingProfile__CompanyName="W"), X_Locale="ja-JP")
    assert "billingProfile.companyName: " in answer.get_json()["data"][0]
    assert not answer.get_json()["data"][0].split(": ")[1].isascii()


# --- asking first ------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(story: Story) -> Callable[..., TestResponse]:
    """Ask as a sales agent's program."""
    return lambda method, path, **more: story.client("api_sales_agent").open(path, method=method, **more)


def test_a_domain_is_taken_or_free(story: Story, ask: Callable[..., TestResponse]) -> None:
    with story.app.app_context():
        taken = organizations.domains_of(story.newcomer.id)[0].name
        partners = organizations.domains_of(story.rival.id)[0].name
    for domain, status in ((taken, 200), (taken.upper(), 200), (f"sub.{partners}", 200), ("woodgrove.example", 404)):
        answer = ask("HEAD", f"/v1/domains/{domain}")
        assert (domain, answer.status_code, answer.get_data()) == (domain, status, b"")
    assert ask("HEAD", "/v1/domains/gmail.com").status_code == 400


def test_availability_is_a_plain_answer(story: Story, ask: Callable[..., TestResponse]) -> None:
    create(story, new(CompanyProfile__Domain="woodgrove.onmicrosoft.com"))
    for prefix, free in (("woodgrove", False), ("woodgrove2", True), ("woodgrove.example", True)):
        assert ask("GET", f"/v1/validations/checkdomainavailability/{prefix}").get_json() is free
    assert ask("GET", "/v1/validations/checkdomainavailability/not_one").status_code == 400


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("changes", "status", "suggested"),
    [
        ({}, "Verified", {"state": "WA"}),
        ({"State": "washington"}, "InteractionRequired", {"state": "WA"}),
        ({"PostalCode": "980520001"}, "InteractionRequired", {"postalCode": "98052-0001"}),
        ({"PostalCode": "1"}, "None", None),
        ({"City": ""}, "None", None),
        ({"State": "Tokyo"}, "None", None),
        ({"Country": "PT", "State": "Lisboa", "PostalCode": "1000-001"}, "NotValidated", None),
        ({"Country": "HU"}, "NotValidated", None),
    ],
)
def test_an_address_is_judged_by_our_rules(
    ask: Callable[..., TestResponse], changes: dict[str, str], status: str, suggested: dict[str, str] | None
) -> None:
    address = {
        "AddressLine1": "1 Main Street",
        "City": "Redmond",
        "State": "WA",
        "PostalCode": "98052",
        "Country": "US",
    }
    body = ask("POST", "/v1/validations/address", json=address | changes).get_json()
    assert body["status"] == status
    assert body["originalAddress"]["country"] == (address | changes)["Country"]
    assert ("validationMessage" in body) == (status == "None")
    if suggested is None:
        assert body["suggestedAddresses"] == []
    else:
        (kept,) = body["suggestedAddresses"]
        assert kept.items() >= suggested.items()


def test_a_countrys_rules_are_told(ask: Callable[..., TestResponse]) -> None:
    body = ask("GET", "/v1/countryvalidationrules/us").get_json()
    assert (body["iso2Code"], body["isStateRequired"], body["isCityRequired"]) == ("US", True, True)
    assert "WA" in body["supportedStatesList"]
    assert body["postalCodeRegex"] == "^(?:[0-9]{5}(-[0-9]{4})?)$"
    assert body["isRegistrationNumberSupported"] is False
    assert ask("GET", "/v1/countryvalidationrules/ZZ").get_json()["code"] == 1000


def test_nobody_is_added_by_asking(story: Story, ask: Callable[..., TestResponse]) -> None:
    before = made(story)
    ask("HEAD", "/v1/domains/woodgrove.example")
    with story.app.app_context():
        assert database.session().scalar(sa.select(Person.id).where(Person.address == "kim@woodgrove.example")) is None
    assert made(story) == before
