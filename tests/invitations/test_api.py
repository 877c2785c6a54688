"""The relationship request, and invitations that a program makes and follows."""

from __future__ import annotations

from datetime import date, timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.support.builders import World
from tests.support.story import Story
from webapp import database
from webapp.api_clients import actions as api_clients
from webapp.invitations import actions, queries
from webapp.invitations.models import Invitation
from webapp.organizations.models import Organization

REQUEST = "/v1/customers/relationshiprequests"


def refused(answer: TestResponse, status: int, code: int) -> dict[str, Any]:
    body: dict[str, Any] = answer.get_json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    return body


def of_provider(story: Story, party: str) -> str:
    """A new token of the provider's, or of its reseller's: what `story.client` knows it by."""
    organization, name = {"provider": story.provider, "reseller": story.reseller}[party], f"api_{party}"
    with story.unit():
        by = story._acting(organization["admin_agent"])
    with story.unit():
        client, _secret = api_clients.create(by=by, name=name, roles=("admin_agent",))
        story.tokens[name] = api_clients.give_token(client, roles=("admin_agent",))[1]
    return name


def number_of(story: Story, organization_id: UUID) -> str:
    with story.app.app_context():
        row = database.session().get(Organization, organization_id)
        assert row is not None
        return row.partner_number or "0"


# --- the relationship request ------------------------------------------------------------------------------------


def test_the_request_is_the_standing_invitation_in_microsoft_s_shape(story: Story) -> None:
    answer = story.client("api_read_only").get(REQUEST)
    url = (
        "http://localhost/AdminPortal/Home?invType=ResellerRelationship"
        f"&partnerId={story.partner.id}&msppId=0&DAP=false#/BillingAccounts/partner-invitation"
    )
    assert answer.get_json() == {"url": url, "attributes": {"objectType": "RelationshipRequest"}}
    page = story.client("global_administrator").get(url.removeprefix("http://localhost").partition("#")[0])
    assert page.status_code in {200, 302}


def test_a_pair_s_request_is_the_same_from_either_side(story: Story) -> None:
    url = (
        "http://localhost/AdminPortal/Home?invType=IndirectResellerRelationship"
        f"&partnerId={story.provider.id}&msppId={number_of(story, story.reseller.id)}"
        f"&indirectCSPId={story.reseller.id}&DAP=false#/BillingAccounts/partner-invitation"
    )
    provider, reseller = (story.client(of_provider(story, each)) for each in ("provider", "reseller"))
    asked = [
        provider.get(f"{REQUEST}?indirectResellerId={story.reseller.id}"),
        provider.get(
            f"{REQUEST}?indirectResellerId={story.reseller.id}&indirectCloudSolutionProviderId={story.provider.id}"
        ),
        reseller.get(f"{REQUEST}?indirectCloudSolutionProviderId={story.provider.id}"),
        reseller.get(
            f"{REQUEST}?IndirectCloudSolutionProviderId={story.provider.id}&dualRoleIndirectRelationship=false"
        ),
        reseller.get(REQUEST),
    ]
    assert [each.get_json()["url"] for each in asked] == [url] * 5
    direct = provider.get(REQUEST).get_json()["url"]
    assert "invType=ResellerRelationship&" in direct


def test_a_partner_that_is_not_paired_is_refused(story: Story) -> None:
    for visitor in ("api_read_only", of_provider(story, "provider"), of_provider(story, "reseller")):
        for name in ("indirectResellerId", "indirectCloudSolutionProviderId"):
            for other in (story.rival.id, uuid4()):
                refused(story.client(visitor).get(f"{REQUEST}?{name}={other}"), 400, 800016)
    refused(story.client("api_read_only").get(f"{REQUEST}?indirectResellerId=x"), 400, 2000)
    body = story.client("api_read_only").get(
        f"{REQUEST}?indirectResellerId={uuid4()}", headers={"X-Locale": "ja-JP"}
    ).get_json()  # fmt: skip
    assert body["description"] == "指定されたパートナーとの提携は確認されていません。"


def test_a_reseller_with_several_providers_says_which(story: Story) -> None:
    visitor = of_provider(story, "reseller")
    with story.unit():
        database.write()
        database.session().execute(
            sa.update(Organization).where(Organization.id == story.helper.id).values(programme="indirect_provider")
        )
    World(story.app).pair(story.helper, story.reseller)
    refused(story.client(visitor).get(REQUEST), 400, 2000)
    answer = story.client(visitor).get(f"{REQUEST}?indirectCloudSolutionProviderId={story.helper.id}")
    assert f"partnerId={story.helper.id}" in answer.get_json()["url"]


def test_a_reseller_without_a_provider_is_told_so(story: Story) -> None:
    with story.unit():
        database.write()
        database.session().execute(
            sa.update(Organization).where(Organization.id == story.partner.id).values(programme="indirect_reseller")
        )
    said = refused(story.client("api_read_only").get(REQUEST), 409, 800060)["description"]
    assert said.startswith("You need an indirect provider first")


def test_a_closed_standing_invitation_is_no_request(story: Story) -> None:
    with story.unit():
        found = queries.standing(story.partner.id, "relationship")
        assert found is not None
        actions.close(found, by=story.actor("admin_agent"))
    refused(story.client("api_read_only").get(REQUEST), 409, 800060)


# --- making one --------------------------------------------------------------------------------------------------


def make(story: Story, visitor: str = "api_sales_agent", /, **body: Any) -> TestResponse:
    return story.client(visitor).post("/v1/invitations", json={"asks": "relationship"} | body)


def named(story: Story, **more: str) -> dict[str, Any]:
    return {"id": str(story.customer.id), **more}


def test_an_invitation_is_made_with_its_message(story: Story) -> None:
    with story.app.app_context():
        last_day = story.today() + timedelta(days=10)
    answer = make(
        story, customer=named(story, recipient="hanako@contoso.example"), language="ja", lastDay=last_day.isoformat()
    )
    assert answer.status_code == 201, answer.text
    found = answer.get_json()
    row = story.only(Invitation, id=UUID(found["id"]))
    assert answer.headers["Location"] == f"/v1/invitations/{row.id}"
    assert answer.headers["ETag"] == f'"{found["attributes"]["etag"]}"'
    assert found["attributes"]["objectType"] == "Invitation"
    assert found["link"] == (
        f"http://localhost/invitation?invType=ResellerRelationship&partnerId={story.partner.id}&msppId=0&DAP=false"
        f"&ref={row.ref}&lang=ja"
    )
    assert found["link"] in found["text"]
    assert found["mailto"].startswith("mailto:hanako@contoso.example?subject=")
    assert found["subject"]
    expected = {
        "asks": "relationship", "state": "prepared", "partnerId": str(story.partner.id), "resellerId": None,
        "customerId": str(story.customer.id), "customerName": "Contoso Ltd.", "recipient": "hanako@contoso.example",
        "language": "ja", "lastDay": last_day.isoformat(),
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    (event,) = found["events"]
    assert (event["kind"], event["by"], event["organization"]) == ("made", "api_sales_agent", None)
    again = story.client("api_read_only").get(f"/v1/invitations/{row.id}")
    assert again.get_json() == found
    assert again.headers["ETag"] == answer.headers["ETag"]


def test_what_is_left_out_is_as_on_the_page(story: Story) -> None:
    found = make(story, customer=named(story)).get_json()
    with story.app.app_context():
        assert found["recipient"] == queries.address_on_file(story.customer.id)
        assert found["language"] == story.organization(story.customer).language
        assert date.fromisoformat(found["lastDay"]) == queries.usual_last_day(story.organization(story.customer).zone)


def test_it_can_be_for_any_customer(story: Story) -> None:
    found = make(story, asks="agreement").get_json()
    assert (found["customerId"], found["customerName"], found["recipient"]) == (None, None, None)
    assert "invType=CustomerAgreement" in found["link"]


def test_a_provider_names_its_reseller_and_a_reseller_its_provider(story: Story) -> None:
    made = [
        make(story, of_provider(story, "provider"), otherPartnerId=str(story.reseller.id)),
        make(story, of_provider(story, "reseller"), otherPartnerId=str(story.provider.id)),
        make(story, of_provider(story, "reseller")),
    ]
    for each in made:
        assert each.status_code == 201, each.text
        found = each.get_json()
        assert (found["partnerId"], found["resellerId"]) == (str(story.provider.id), str(story.reseller.id))
    refused(make(story, otherPartnerId=str(story.reseller.id)), 400, 800016)


def test_words_of_one_s_own_keep_the_link(story: Story) -> None:
    found = make(story, subject="Please accept", text="Open {link}\nThank you.").get_json()
    assert (found["subject"], found["text"]) == ("Please accept", f"Open {found['link']}\nThank you.")
    found = make(story, text="Please open this.").get_json()
    assert found["text"] == f"Please open this.\n\n{found['link']}"
    generated = make(story).get_json()
    assert found["subject"] == generated["subject"]
    found = make(story, subject="Hello").get_json()
    assert found["text"].replace(found["link"], "") == generated["text"].replace(generated["link"], "")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"asks": "administration"}, 400, 2000, "asks"),
        ({"asks": None}, 400, 2000, "asks"),
        ({"language": "fr"}, 400, 2000, "language"),
        ({"lastDay": "soon"}, 400, 2000, "lastDay"),
        ({"lastDay": "2001-01-01"}, 400, 800002, ""),
        ({"customer": {"id": str(UUID(int=7))}}, 404, 1000, "customer.id"),
        ({"customer": {"recipient": "hanako@contoso.example"}}, 400, 2000, "customer.id"),
        ({"customer": {"id": "x"}}, 400, 2000, "customer.id"),
        ({"recipient": "hanako@contoso.example"}, 400, 2000, "recipient"),
        ({"text": "Password: secret1234 {link}"}, 400, 2000, "text"),
        ({"text": "x" * 10_001}, 400, 2000, "text"),
        ({"subject": "a\nb"}, 400, 2000, "subject"),
        ({"LastDay": "2001-01-01", "lastDay": "2001-01-01"}, 400, 2000, "lastDay"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    story: Story, body: dict[str, Any], status: int, code: int, field: str
) -> None:
    found = refused(make(story, **body), status, code)
    if field:
        assert any(each.startswith(f"{field}: ") for each in found["data"]), found


def test_an_address_of_the_partner_s_own_is_refused(story: Story) -> None:
    refused(make(story, customer=named(story, recipient=story.address_of("sales_agent"))), 400, 800002)
    wrong = refused(make(story, customer=named(story, recipient="nobody")), 400, 2000)
    assert wrong["data"] == ["customer.recipient: This must be an email address."]


def test_a_customer_without_an_address_needs_one(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "address_on_file", lambda _id: "")
    assert refused(make(story, customer=named(story)), 400, 2000)["data"] == ["customer.recipient: This is needed."]


def test_a_retry_makes_none_again(story: Story) -> None:
    headers = {"Idempotency-Key": "invite-1"}
    first, again = (
        story.client("api_sales_agent").post("/v1/invitations", json={"asks": "agreement"}, headers=headers)
        for _ in range(2)
    )
    assert first.get_json() == again.get_json()
    assert again.headers["ETag"] == first.headers["ETag"]


# --- following it ------------------------------------------------------------------------------------------------


def read(story: Story, invitation_id: object) -> dict[str, Any]:
    answer = story.client("api_read_only").get(f"/v1/invitations/{invitation_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_what_the_customer_did_shows_with_time_and_name(story: Story) -> None:
    story.accept("global_administrator", story.partner)
    with story.app.app_context():
        (row,) = [
            each
            for each in database.session().scalars(
                sa.select(Invitation).where(Invitation.partner_id == story.partner.id)
            )
            if queries.state(each) == "accepted"
        ]
        at = next(each.at for each in queries.acts_of(row.id) if each.kind == "accepted")
        name = story.actor("global_administrator").name
    found = read(story, row.id)
    assert found["state"] == "accepted"
    event = found["events"][-1]
    assert (event["kind"], event["organization"], event["by"]) == ("accepted", "Contoso Ltd.", name)
    assert event["at"] == at.isoformat()
    assert event["version"] == "2026-03"
    assert event["reference"]
    answer = story.client("api_sales_agent").post(f"/v1/invitations/{row.id}/withdrawal")
    refused(answer, 409, 800060)


def test_it_is_withdrawn_once_and_stays_so(story: Story) -> None:
    row, path = story.invitations["open"], f"/v1/invitations/{story.invitations['open'].id}/withdrawal"
    before = read(story, row.id)
    stale = {"If-Match": '"0123456789"'}
    refused(story.client("api_sales_agent").post(path, headers=stale), 400, 2055)
    assert read(story, row.id) == before
    etag = {"If-Match": f'"{before["attributes"]["etag"]}"'}
    answer = story.client("api_sales_agent").post(path, headers=etag)
    found = answer.get_json()
    assert (answer.status_code, found["state"]) == (200, "withdrawn")
    assert found["events"][-1]["by"] == "api_sales_agent"
    assert answer.headers["ETag"] == f'"{found["attributes"]["etag"]}"' != f'"{before["attributes"]["etag"]}"'
    refused(story.client("api_sales_agent").post(path, headers=etag), 400, 2055)
    again = story.client("api_admin_agent").post(path)
    assert (again.status_code, again.get_json()) == (200, found)


def test_a_version_that_is_stale_once_it_is_held_withdraws_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, locked = story.invitations["open"].id, database.locked
    before = read(story, id_)

    def after_another(row: Any, **more: Any) -> Any:
        monkeypatch.setattr(database, "locked", locked)
        other = Thread(target=lambda: story.note(story.invitations["open"], "opened"))
        other.start()
        other.join()
        return locked(row, **more)

    monkeypatch.setattr(database, "locked", after_another)
    etag = {"If-Match": f'"{before["attributes"]["etag"]}"'}
    refused(story.client("api_sales_agent").post(f"/v1/invitations/{id_}/withdrawal", headers=etag), 400, 2055)
    found = read(story, id_)
    assert found["state"] != "withdrawn"
    assert found["events"] != before["events"]


def test_standing_ones_and_others_are_not_found(story: Story) -> None:
    with story.app.app_context():
        found = queries.standing(story.partner.id, "relationship")
        assert found is not None
        standing = found.id
    for each in (standing, story.invitations["indirect"].id, uuid4()):
        refused(story.client("api_sales_agent").get(f"/v1/invitations/{each}"), 404, 1000)
        refused(story.client("api_sales_agent").post(f"/v1/invitations/{each}/withdrawal"), 404, 1000)


def test_both_of_a_pair_read_it(story: Story) -> None:
    for party in ("provider", "reseller"):
        answer = story.client(of_provider(story, party)).get(f"/v1/invitations/{story.invitations['indirect'].id}")
        assert answer.status_code == 200


# --- the list ----------------------------------------------------------------------------------------------------


def listed(story: Story, path: str = "/v1/invitations", **headers: str) -> dict[str, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = story.client("api_read_only").get(path, headers=sent)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_the_list_says_of_each_what_one_says(story: Story) -> None:
    found = listed(story)
    assert found["totalCount"] == len(found["items"]) > 3
    assert "next" not in found["links"]
    for item in found["items"]:
        one = read(story, item["id"])
        same = ("id", "asks", "state", "customerId", "customerName", "language", "lastDay", "createdAt")
        assert {name: item[name] for name in same} == {name: one[name] for name in same}


def test_pages_follow_each_other_by_header_or_argument(story: Story) -> None:
    made = [make(story, asks="agreement").get_json()["id"] for _ in range(queries.PAGE_SIZE + 3)]
    first = listed(story)
    assert [each["id"] for each in first["items"]] == made[::-1][: queries.PAGE_SIZE]
    link = first["links"]["next"]
    assert link == {
        "uri": "/v1/invitations?seekOperation=Next",
        "method": "GET",
        "headers": [{"key": "MS-ContinuationToken", "value": first["continuationToken"]}],
    }
    second = listed(story, link["uri"], MS_ContinuationToken=first["continuationToken"])
    assert [each["id"] for each in second["items"]][:3] == made[::-1][queries.PAGE_SIZE :]
    assert "continuationToken" not in second
    other = listed(story, f"/v1/invitations?continuationToken={first['continuationToken']}")
    assert other["items"] == second["items"]


def test_the_list_is_filtered(story: Story) -> None:
    found = listed(story, "/v1/invitations?state=withdrawn&asks=relationship")
    assert [each["id"] for each in found["items"]] == [str(story.invitations["withdrawn"].id)]


@pytest.mark.parametrize(
    "argument", ["state=unknown", "asks=x", "continuationToken=x", "State=open", "seekOperation=First"]
)
def test_what_the_list_does_not_know_is_refused(story: Story, argument: str) -> None:
    refused(story.client("api_read_only").get(f"/v1/invitations?{argument}"), 400, 2000)
