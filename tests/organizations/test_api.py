"""Partners through the API: profiles, and who works with whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.builders import Party, World
from tests.support.story import Story


def get(story: Story, path: str, **arguments: Any) -> TestResponse:
    return story.client("api_read_only").get(path, query_string=arguments)


def number_of(story: Story, party: Party) -> str:
    with story.app.app_context():
        return story.organization(party).partner_number or ""


def test_a_partner_is_found_by_its_number(story: Story) -> None:
    number = number_of(story, story.rival)
    assert get(story, "/v1/profiles/mpn", mpnId=number).get_json() == {
        "mpnId": number, "partnerName": "Proseware Services", "profileType": "mpn_profile",
        "attributes": {"objectType": "MpnProfile"},
    }  # fmt: skip


def test_without_a_number_it_is_the_callers_own_profile(story: Story) -> None:
    assert get(story, "/v1/profiles/mpn").get_json()["mpnId"] == number_of(story, story.partner)


@pytest.mark.parametrize("number", ["1", "customer", "0x10"])
def test_a_number_of_nobody_is_404_3000(story: Story, number: str) -> None:
    answer = get(story, "/v1/profiles/mpn", mpnId=number)
    assert (answer.status_code, answer.get_json()["code"]) == (404, 3000)


def test_the_organization_profile_is_the_callers_own(story: Story) -> None:
    answer = get(story, "/v1/profiles/organization")
    body = answer.get_json()
    assert (body["id"], body["companyName"], body["tenantId"]) == (str(story.partner.id), "Northwind Cloud", body["id"])
    assert body["defaultAddress"]["country"] == "US"
    assert (body["culture"], body["profileType"]) == ("en-US", "organization_profile")
    assert answer.headers["ETag"] == f'"{body["attributes"]["etag"]}"'


@pytest.fixture
def paired(story: Story) -> list[Party]:
    """The partner is an indirect provider of two resellers."""
    story.make_provider()
    world = World(story.app)
    found = [world.a_partner(name, programme="indirect_reseller", roles=()) for name in ("Blue Yonder", "Alpine Ski")]
    for each in found:
        world.pair(story.partner, each)
    return found


def test_a_provider_lists_its_resellers(story: Story, paired: list[Party]) -> None:
    body = get(story, "/v1/relationships", relationship_type="IsIndirectCloudSolutionProviderOf").get_json()
    assert body["totalCount"] == 2
    assert body["items"][0] == {
        "id": str(paired[1].id), "name": "Alpine Ski", "relationshipType": "is_indirect_cloud_solution_provider_of",
        "state": "Active", "mpnId": number_of(story, paired[1]), "location": "US",
        "attributes": {"objectType": "PartnerRelationship"},
    }  # fmt: skip
    for wanted, count in (("isIndirectResellerOf", 0), ("none", 2)):
        assert get(story, "/v1/relationships", relationship_type=wanted).get_json()["totalCount"] == count
    assert get(story, "/v1/relationships").get_json()["totalCount"] == 2


def test_they_are_found_by_name(story: Story, paired: list[Party]) -> None:
    for name, operator, found in (("blue", "starts_with", 1), ("blue", "equals", 0), ("Alpine ski", "Equals", 1)):
        sought = json.dumps({"Field": "Name", "Value": name, "Operator": operator})
        assert get(story, "/v1/relationships", filter=sought).get_json()["totalCount"] == found


@pytest.mark.parametrize(
    "arguments",
    [{"relationship_type": "IsFriendOf"}, {"filter": '{"Field":"Country","Value":"US","Operator":"equals"}'}],
)
def test_what_cannot_be_asked_is_refused(story: Story, arguments: dict[str, str]) -> None:
    answer = get(story, "/v1/relationships", **arguments)
    assert (answer.status_code, answer.get_json()["code"]) == (400, 2000)


def test_who_no_longer_works_together_is_not_listed(story: Story) -> None:
    body = story.client("api_admin_agent").get("/v1/relationships").get_json()
    assert (body["totalCount"], body["items"]) == (0, [])
