"""A partner's customers through the API: the list, one customer, ending what binds the partner to it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.support.builders import Party, World
from tests.support.rows import statements
from tests.support.story import Story
from webapp import database
from webapp.api_clients import actions as api_clients
from webapp.customers import queries
from webapp.delegated_admin import queries as delegated_admin
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.relationships import queries as relationships

TOKEN = "MS-ContinuationToken"


def get(story: Story, path: str, headers: dict[str, str] | None = None, **arguments: Any) -> TestResponse:
    return story.client("api_admin_agent").get(path, query_string=arguments, headers=headers)


def sought(field: str, value: Any, operator: str = "starts_with") -> str:
    return json.dumps({"Field": field, "Value": value, "Operator": operator})


def names(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["companyProfile"]["companyName"] for each in answer.get_json()["items"]]


@pytest.fixture
def crowd(story: Story) -> list[Party]:
    """Five customers that the partner sells to."""
    world = World(story.app)
    found = [world.a_customer(f"Crowd {letter}", roles=()) for letter in "EDCBA"]
    for each in found:
        story.sells_to(each)
    return found


# --- the list ----------------------------------------------------------------------------------------------------


def test_the_list_has_partner_centers_shape(story: Story) -> None:
    story.related()
    body = get(story, "/v1/customers", size=40).get_json()
    with story.app.app_context():
        domain = queries.first_domain(story.customer.id)
    item = {
        "id": str(story.customer.id),
        "companyProfile": {
            "tenantId": str(story.customer.id), "domain": domain, "companyName": "Contoso Ltd.",
            "attributes": {"objectType": "CustomerCompanyProfile"},
        },
        "relationshipToPartner": "reseller",
        "attributes": {"objectType": "Customer"},
    }  # fmt: skip
    assert body == {
        "totalCount": 1,
        "items": [item],
        "links": {"self": {"uri": "/v1/customers?size=40", "method": "GET", "headers": []}},
        "attributes": {"objectType": "Collection"},
    }


def test_who_is_only_invited_is_listed_without_a_relationship(story: Story) -> None:
    (item,) = get(story, "/v1/customers").get_json()["items"]
    assert (item["id"], item["relationshipToPartner"]) == (str(story.customer.id), "none")


def test_another_partner_lists_its_own(story: Story) -> None:
    story.related()
    body = story.client("api_rival").get("/v1/customers").get_json()
    assert [each["id"] for each in body["items"]] == [str(story.stranger.id)]


@pytest.mark.parametrize("size", ["0", ""])
def test_nothing_and_0_mean_forty(story: Story, size: str) -> None:
    world = World(story.app)
    for _ in range(41):
        story.sells_to(world.a_customer(roles=()))
    arguments: dict[str, Any] = {"size": size} if size else {}
    answer = get(story, "/v1/customers", **arguments)
    assert (len(names(answer)), answer.get_json()["totalCount"]) == (40, 42)


@pytest.mark.parametrize("size", ["501", "-1", "many", "2.5"])
def test_a_size_out_of_bounds_is_refused(story: Story, size: str) -> None:
    answer = get(story, "/v1/customers", size=size)
    assert (answer.status_code, answer.get_json()["code"]) == (400, 2000)
    assert answer.get_json()["data"][0].startswith("size: ")


def test_pages_follow_each_other_without_gap_or_repetition(story: Story, crowd: list[Party]) -> None:
    seen: list[list[str]] = []
    headers: dict[str, str] = {}
    uri = "/v1/customers?size=2&filter=" + sought("CompanyName", "crowd").replace(" ", "%20")
    for _ in range(4):
        body = story.client("api_read_only").get(uri, headers=headers).get_json()
        seen.append([each["companyProfile"]["companyName"] for each in body["items"]])
        assert body["totalCount"] == 5
        if "next" not in body["links"]:
            assert "continuationToken" not in body
            break
        following = body["links"]["next"]
        assert following["headers"] == [{"key": TOKEN, "value": body["continuationToken"]}]
        assert "seekOperation=Next" in following["uri"]
        uri, headers = following["uri"], {TOKEN: body["continuationToken"]}
    assert seen == [["Crowd A", "Crowd B"], ["Crowd C", "Crowd D"], ["Crowd E"]]


def test_a_token_of_another_list_is_refused(story: Story, crowd: list[Party]) -> None:
    word = get(story, "/v1/customers", size=2).get_json()["continuationToken"]
    following = {"size": 2, "seekOperation": "Next"}
    assert get(story, "/v1/customers", {TOKEN: word}, **following).status_code == 200
    foreign = story.client("api_rival").get("/v1/customers", query_string=following, headers={TOKEN: word})
    filtered = get(story, "/v1/customers", {TOKEN: word}, **following, filter=sought("CompanyName", "crowd"))
    broken = [
        get(story, "/v1/customers", {TOKEN: each}, **following) for each in (word[:-4], "x" * 5000, "e30", "WzFd")
    ]
    for answer in (foreign, filtered, *broken):
        assert (answer.status_code, answer.get_json()["code"]) == (400, 2000), answer.text
        assert answer.get_json()["data"] == [TOKEN]


@pytest.mark.parametrize(
    ("field", "value", "operator", "found"),
    [
        ("CompanyName", "crow", "starts_with", 5),
        ("companyname", "ＣＲＯＷＤ a", "StartsWith", 1),
        ("CompanyName", "Crowd", "equals", 0),
        ("CompanyName", "crowd a", "Equals", 1),
        ("CompanyName", "Contoso", "equals", 1),  # its legal form counts for nothing
        ("CompanyName", "rowd", "starts_with", 0),
        ("CompanyName", "%", "starts_with", 0),
    ],
)
def test_names_are_found_by_beginning_or_whole(
    story: Story, crowd: list[Party], field: str, value: str, operator: str, found: int
) -> None:
    assert len(names(get(story, "/v1/customers", size=0, filter=sought(field, value, operator)))) == found


def test_domains_are_found_by_beginning_or_whole_in_their_order(story: Story, crowd: list[Party]) -> None:
    found = get(story, "/v1/customers", filter=sought("Domain", "CUSTOMER")).get_json()["items"]
    domains = [each["companyProfile"]["domain"] for each in found]
    assert len(domains) == 6
    assert domains == sorted(domains)
    page = get(story, "/v1/customers", filter=sought("Domain", "customer"), size=4).get_json()
    headers = {TOKEN: page["continuationToken"]}
    rest_of = get(story, "/v1/customers", headers, filter=sought("Domain", "customer"), size=4, seekOperation="Next")
    assert [each["id"] for each in page["items"] + rest_of.get_json()["items"]] == [each["id"] for each in found]
    assert len(names(get(story, "/v1/customers", filter=sought("Domain", domains[0], "equals")))) == 1


def test_a_provider_finds_the_customers_of_a_reseller(story: Story) -> None:
    story.make_provider()
    world = World(story.app)
    reseller, other = (world.a_partner(programme="indirect_reseller", roles=("admin_agent",)) for _ in range(2))
    customers = [world.a_customer(f"Sold {number}", roles=()) for number in range(3)]
    for customer, with_ in zip(customers, (reseller, reseller, other), strict=True):
        world.pair(story.partner, with_)
        story.sells_with(customer, with_)
    assert names(get(story, "/v1/customers", filter=sought("IndirectReseller", str(reseller.id)))) == [
        "Sold 0",
        "Sold 1",
    ]
    item = get(story, f"/v1/customers/{customers[2].id}").get_json()
    assert item["associatedPartnerId"] == str(other.id)
    token = _token(story, reseller)
    answer = story.app.test_client().get(
        "/v1/customers", headers={"Authorization": f"Bearer {token}"},
        query_string={"filter": sought("IndirectCloudSolutionProvider", str(story.partner.id).upper())},
    )  # fmt: skip
    assert names(answer) == ["Sold 0", "Sold 1"]


def _token(story: Story, party: Party) -> str:
    with story.unit():
        by = story._acting(party["admin_agent"])
    with story.unit():
        client, _secret = api_clients.create(by=by, name="program", roles=("admin_agent",))
        return api_clients.give_token(client, roles=("admin_agent",))[1]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (sought("CompanyName", "x", "contains"), "Customer search only allows starts with and equals operation."),
        (sought("CompanyName", "x", ""), "Customer search only allows starts with and equals operation."),
        ('{"Field":"CompanyName","Value":"x"}', "Customer search only allows starts with and equals operation."),
        (sought("Country", "x"), "This field cannot be searched by."),
        (sought("CompanyName", ""), "The filter has no value that can be searched for."),
        (sought("CompanyName", 5), "The filter has no value that can be searched for."),
        (sought("CompanyName", "a\u0000"), "The filter has no value that can be searched for."),
        (sought("IndirectReseller", "not-a-guid"), "The filter's value must be a GUID."),
        ("cont", "The filter is not JSON."),
        ("[]", "The request is not valid."),
    ],
)
def test_a_filter_that_is_none_is_refused_in_the_documented_words(story: Story, text: str, said: str) -> None:
    answer = get(story, "/v1/customers", filter=text)
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["description"]) == (400, 2000, said)


def test_a_page_asks_two_questions_however_many_customers_there_are(story: Story, crowd: list[Party]) -> None:
    client = story.client("api_admin_agent")
    client.get("/v1/customers")  # notes when the client was last seen
    for arguments in (
        {},
        {"filter": sought("CompanyName", "crowd")},
        {"filter": sought("Domain", "customer"), "size": 3},
    ):
        with statements(story.app) as seen:
            assert client.get("/v1/customers", query_string=arguments).status_code == 200
        about = [each for each in seen if "FROM customer_overviews" in each]
        assert len(about) == 2, about
        assert len(seen) <= 4, seen


# --- one customer ------------------------------------------------------------------------------------------------


def test_a_customer_has_its_profiles(story: Story) -> None:
    story.related()
    answer = get(story, f"/v1/customers/{story.customer.id}")
    body = answer.get_json()
    contact = story.customer["global_administrator"]
    assert body["relationshipToPartner"] == "reseller"
    assert body["allowDelegatedAccess"] is False
    assert body["customDomains"] == [body["companyProfile"]["domain"]]
    assert body["billingProfile"]["email"] == contact.address
    assert body["billingProfile"]["companyName"] == "Contoso Ltd."
    assert (body["billingProfile"]["culture"], body["billingProfile"]["language"]) == ("en-US", "en")
    assert body["billingProfile"]["defaultAddress"]["country"] == "US"
    assert body["billingProfile"]["attributes"]["objectType"] == "CustomerBillingProfile"
    assert answer.headers["ETag"] == f'"{body["attributes"]["etag"]}"'
    for part in ("company", "billing"):
        profile = get(story, f"/v1/customers/{story.customer.id}/profiles/{part}").get_json()
        assert profile == body[f"{part}Profile"]


def test_an_open_invitation_shows_what_the_pages_show(story: Story) -> None:
    body = get(story, f"/v1/customers/{story.customer.id}").get_json()
    assert body["relationshipToPartner"] == "none"
    assert "billingProfile" in body


def test_what_is_not_seen_is_404_1000_and_a_bad_id_400_2000(story: Story) -> None:
    for id_ in (story.newcomer.id, story.stranger.id, story.rival.id, uuid4()):
        answer = get(story, f"/v1/customers/{id_}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, 1000)
    answer = get(story, "/v1/customers/contoso")
    assert (answer.status_code, answer.get_json()["code"]) == (400, 2000)


def test_the_resellers_of_a_customer_are_listed_for_its_provider(story: Story) -> None:
    story.make_provider()
    world = World(story.app)
    reseller = world.a_partner("Beside Resellers", programme="indirect_reseller", roles=("admin_agent",))
    world.pair(story.partner, reseller)
    customer = world.a_customer(roles=())
    story.sells_with(customer, reseller)
    story.sells_to(customer, story.rival)  # nobody else's business
    body = get(story, f"/v1/customers/{customer.id}/relationships").get_json()
    (item,) = body["items"]
    assert item | {"mpnId": ""} == {
        "id": str(reseller.id), "name": "Beside Resellers", "relationshipType": "is_indirect_cloud_solution_provider_of",
        "state": "Active", "mpnId": "", "location": "US", "attributes": {"objectType": "PartnerRelationship"},
    }  # fmt: skip
    answer = story.app.test_client().get(
        f"/v1/customers/{customer.id}/relationships", headers={"Authorization": f"Bearer {_token(story, reseller)}"}
    )
    (item,) = answer.get_json()["items"]
    assert (item["id"], item["relationshipType"]) == (str(story.partner.id), "is_indirect_reseller_of")


# --- ending ------------------------------------------------------------------------------------------------------


def patch(story: Story, body: Any, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return story.client("api_admin_agent").patch(f"/v1/customers/{story.customer.id}", json=body, headers=named)


def test_none_ends_the_relationship_as_the_page_does(story: Story) -> None:
    related = story.related()
    etag = get(story, f"/v1/customers/{story.customer.id}").headers["ETag"]
    answer = patch(story, {"RelationshipToPartner": "none", "Attributes": {"ObjectType": "Customer"}}, If_Match=etag)
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert body["relationshipToPartner"] == "none"
    assert "billingProfile" not in body  # history alone is left
    assert answer.headers["ETag"] != etag
    with story.app.app_context():
        assert relationships.end_of(related["relationship_id"]) is not None
        fact = database.session().query(Fact).filter_by(kind="relationship.ended").one()
        told = database.session().query(Message).filter_by(kind="ended").count()
        source = evidence.record_of(fact)["source"]
    assert (source, fact.partner_id) == ("api", story.partner.id)
    assert told > 1
    again = patch(story, {"relationshipToPartner": "none"})
    assert (again.status_code, again.get_json()) == (200, body)
    assert get(story, f"/v1/customers/{story.customer.id}").get_json() == body
    assert get(story, f"/v1/customers/{story.customer.id}/profiles/billing").status_code == 404


def test_the_older_way_to_end_does_the_same(story: Story) -> None:
    related = story.related()
    path = f"/v1/customers/{story.customer.id}/CustomerPartnerRelationships/reseller"
    for _ in range(2):
        answer = story.client("api_admin_agent").delete(path)
        assert (answer.status_code, answer.get_data()) == (204, b"")
    with story.app.app_context():
        assert relationships.end_of(related["relationship_id"]) is not None


def test_a_stale_version_is_refused_with_2055(story: Story) -> None:
    etag = get(story, f"/v1/customers/{story.customer.id}").headers["ETag"]
    story.related()
    answer = patch(story, {"relationshipToPartner": "none"}, If_Match=etag)
    assert (answer.status_code, answer.get_json()["code"]) == (400, 2055)
    assert get(story, f"/v1/customers/{story.customer.id}").get_json()["relationshipToPartner"] == "reseller"


def test_while_something_is_active_nothing_ends(story: Story) -> None:
    story.related()
    story.bought()
    answer = patch(story, {"relationshipToPartner": "none", "allowDelegatedAccess": False})
    assert (answer.status_code, answer.get_json()["code"]) == (409, 800060)
    assert "The relationship can end from" in answer.get_json()["description"]
    assert get(story, f"/v1/customers/{story.customer.id}").get_json()["relationshipToPartner"] == "reseller"


def test_a_provider_leaves_with_all_its_resellers(story: Story) -> None:
    story.make_provider()
    world = World(story.app)
    for _ in range(2):
        reseller = world.a_partner(programme="indirect_reseller", roles=())
        world.pair(story.partner, reseller)
        story.sells_with(story.customer, reseller)
    assert patch(story, {"relationshipToPartner": "none"}).status_code == 200
    with story.app.app_context():
        assert not relationships.open_with_partner(story.customer.id, story.partner.id)


def test_false_ends_the_partners_delegated_administration_only(story: Story) -> None:
    story.related()
    administers = story.approve(story.offers["waiting"])
    waits = story.offer(story.partner, story.customer, "Another one")
    assert get(story, f"/v1/customers/{story.customer.id}").get_json()["allowDelegatedAccess"] is True
    answer = patch(story, {"allowDelegatedAccess": False, "relationshipToPartner": "reseller"})
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["allowDelegatedAccess"] is False
    assert answer.get_json()["relationshipToPartner"] == "reseller"
    page = story.client("admin_agent").get(f"/partner/delegated-admin/{administers}")
    assert page.status_code == 200
    with story.app.app_context():
        rows = {id_: database.session().get_one(DelegatedRelationship, id_) for id_ in (administers, waits)}
        assert {id_: delegated_admin.state(row) for id_, row in rows.items()} == {
            administers: "ended",
            waits: "pending",
        }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"relationshipToPartner": "reseller"}, "relationshipToPartner"),
        ({"allowDelegatedAccess": True}, "allowDelegatedAccess"),
    ],
)
def test_what_only_a_customer_can_begin_is_refused(story: Story, body: dict[str, Any], field: str) -> None:
    answer = patch(story, body)
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["data"]) == (409, 800060, [field])


@pytest.mark.parametrize("body", [{}, {"companyProfile": {"companyName": "Other"}}, {"relationshipToPartner": None}])
def test_what_asks_for_nothing_changes_nothing(story: Story, body: dict[str, Any]) -> None:
    before = get(story, f"/v1/customers/{story.customer.id}").get_json()
    answer = patch(story, body)
    assert (answer.status_code, answer.get_json()) == (200, before)
