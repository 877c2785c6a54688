"""The API of the registration, of test events and of audit records, as Partner Center's clients use it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.story import Story
from webapp import clock, database, pages, rest
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.webhooks import rules
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery
from webapp.webhooks.schemas import Moment
from webapp.webhooks.words import status_name

HERE = "/webhooks/v1/registration"
BODY = {"WebhookUrl": "https://receiver.example/events", "WebhookEvents": ["test-created", "subscription-updated"]}


@pytest.fixture
def client(story: Story) -> FlaskClient:
    return story.client("api_admin_agent")


def details(answer: TestResponse) -> tuple[int, int]:
    """Status and code of an error."""
    found = answer.get_json()
    return answer.status_code, found["code"]


def test_a_registration_is_made_read_changed_and_ended(client: FlaskClient) -> None:
    assert details(client.get(HERE)) == (404, 1000)
    made = client.post(HERE, json=BODY)
    assert made.status_code == 201
    assert made.get_json() == BODY | {"WebhookSecret": made.get_json()["WebhookSecret"]}
    assert made.get_json()["WebhookSecret"].startswith("whsec_")
    assert details(client.post(HERE, json=BODY)) == (409, 800060)
    read = client.get(HERE)
    assert read.get_json() == BODY
    changed = {"webhookurl": "https://receiver.example/other", "WEBHOOKEVENTS": ["Attestation-Objected"]}
    stale = client.put(HERE, json=changed, headers={"If-Match": '"older"'})
    assert details(stale) == (400, 2055)
    answer = client.put(HERE, json=changed, headers={"If-Match": read.headers["ETag"]})
    assert answer.get_json() == {
        "WebhookUrl": "https://receiver.example/other", "WebhookEvents": ["attestation-objected"]
    }  # fmt: skip
    assert answer.headers["ETag"] != read.headers["ETag"]
    assert details(client.delete(HERE, headers={"If-Match": read.headers["ETag"]})) == (400, 2055)
    assert client.delete(HERE).status_code == 204
    assert client.get(HERE).status_code == 404
    assert client.post(HERE, json=BODY).status_code == 201


@pytest.mark.parametrize(
    ("body", "expected", "field"),
    [
        ({"WebhookUrl": "https://127.0.0.1/", "WebhookEvents": ["test-created"]}, (422, 800002), ""),
        ({"WebhookUrl": "http://receiver.example/", "WebhookEvents": ["test-created"]}, (422, 800002), ""),
        ({"WebhookUrl": "receiver.example", "WebhookEvents": ["test-created"]}, (400, 2000), "WebhookUrl"),
        ({"WebhookUrl": BODY["WebhookUrl"], "WebhookEvents": ["invoice-ready"]}, (400, 2000), "WebhookEvents"),
        ({"WebhookUrl": BODY["WebhookUrl"], "WebhookEvents": []}, (400, 2000), "WebhookEvents"),
        ({"WebhookUrl": BODY["WebhookUrl"]}, (400, 2000), "WebhookEvents"),
        ({"WebhookUrl": 5, "WebhookEvents": ["test-created"]}, (400, 2000), "WebhookUrl"),
    ],
)
def test_what_is_wrong_is_refused(
    client: FlaskClient, body: dict[str, Any], expected: tuple[int, int], field: str
) -> None:
    answer = client.post(HERE, json=body)
    assert details(answer) == expected
    assert not field or answer.get_json()["data"][0].startswith(field)
    assert client.get(HERE).status_code == 404


def test_the_secret_is_said_once_also_on_a_retry(client: FlaskClient) -> None:
    key = {"MS-RequestId": str(uuid4())}
    first, again = client.post(HERE, json=BODY, headers=key), client.post(HERE, json=BODY, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_json() == BODY | {"WebhookSecret": ""}
    key = {"Idempotency-Key": "rotate"}
    one, other = client.post(f"{HERE}/secret", headers=key), client.post(f"{HERE}/secret", headers=key)
    assert one.get_json()["WebhookSecret"] not in {"", first.get_json()["WebhookSecret"]}
    assert other.get_json() == {"WebhookSecret": ""}


def test_the_events_are_a_plain_list_of_names(client: FlaskClient) -> None:
    assert client.get(f"{HERE}/events").get_json() == list(rules.EVENTS)
    every = {"WebhookUrl": BODY["WebhookUrl"], "WebhookEvents": [*rules.EVENTS, *rules.NEVER]}
    assert client.post(HERE, json=every).get_json()["WebhookEvents"] == every["WebhookEvents"]


def test_a_test_event_says_what_came_of_it(story: Story, client: FlaskClient) -> None:
    client.post(HERE, json=BODY)
    made = client.post(f"{HERE}/validationEvents")
    correlation_id = made.get_json()["correlationId"]
    asked = f"{HERE}/validationEvents/{correlation_id}"
    waiting = client.get(asked).get_json()
    assert waiting == {
        "correlationId": correlation_id, "partnerId": str(story.partner.id), "status": "inProgress",
        "callbackUrl": BODY["WebhookUrl"], "results": [],
    }  # fmt: skip
    assert client.post(f"{HERE}/validationEvents").status_code == 200
    limited = client.post(f"{HERE}/validationEvents")
    assert details(limited) == (429, 429)
    assert limited.headers["Retry-After"] == "60"
    assert "test events" in rest.MEANINGS[429][1]
    now = clock.now()
    with story.unit():
        database.write()
        row = database.session().get_one(WebhookDelivery, UUID(correlation_id))
        assert json.loads(row.body)["ResourceUri"] == f"http://localhost{asked}"
        row.delivered_at = row.closed_at = now
        for minutes, values in ((0, {"response_code": 200, "response_message": "OK"}), (5, {"error": "timeout"})):
            made_at = now - timedelta(minutes=minutes)
            database.session().add(
                WebhookAttempt(delivery_id=row.id, url="https://receiver.example/before", at=made_at, **values)
            )
    found = client.get(asked).get_json()
    assert (found["status"], found["callbackUrl"]) == ("completed", "https://receiver.example/before")
    assert [(each["responseCode"], each["systemError"]) for each in found["results"]] == [("OK", False), ("", True)]
    assert found["results"][1]["responseMessage"] == "timeout"
    assert details(client.get(f"{HERE}/validationEvents/{uuid4()}")) == (404, 1000)
    assert details(client.get(f"{HERE}/validationEvents/nonsense")) == (400, 2000)


@pytest.mark.parametrize(
    ("code", "name"), [(200, "OK"), (404, "NotFound"), (503, "ServiceUnavailable"), (None, ""), (299, "299")]
)
def test_a_status_is_named_as_partner_center_names_it(code: int | None, name: str) -> None:
    assert status_name(code) == name


# --- audit records -----------------------------------------------------------------------------------------------


def test_records_are_what_the_history_shows(story: Story, client: FlaskClient) -> None:
    with story.app.app_context():
        actor = story.actor("admin_agent")
        shown = [str(row.id) for row in evidence.history(actor, evidence.Filter(), size=500)]
        foreign = database.session().scalars(
            sa.select(Fact).where(Fact.partner_id == story.rival.id, Fact.customer_id == story.stranger.id)
        )
        others = [str(each.id) for each in foreign]
    found = client.get("/v1/auditrecords?size=500").get_json()
    assert [each["id"] for each in found["items"]] == shown
    assert found["totalCount"] == len(shown)
    for each in shown[:3]:
        assert client.get(f"/v1/auditrecords/{each}").get_json()["id"] == each
    assert others
    assert {client.get(f"/v1/auditrecords/{each}").status_code for each in others} == {404}
    assert client.get(f"/v1/auditrecords/{uuid4()}").status_code == 404
    assert story.client("api_rival").get(f"/v1/auditrecords/{shown[0]}").status_code == 404


def test_a_record_has_partner_center_s_fields(story: Story, client: FlaskClient) -> None:
    offer = story.approve(story.offers["waiting"])
    items = client.get("/v1/auditrecords").get_json()["items"]
    approved = next(each for each in items if each["operationType"] == "granular_admin_relationship_approved")
    assert approved == {
        "id": approved["id"],
        "partnerId": str(story.partner.id),
        "customerId": str(story.customer.id),
        "customerName": "Contoso Ltd.",
        "userPrincipalName": None,
        "applicationId": None,
        "applicationName": None,
        "resourceType": "granular_admin_relationship",
        "operationType": "granular_admin_relationship_approved",
        "operationDate": approved["operationDate"],
        "operationStatus": "succeeded",
        "description": approved["description"],
        "customizedData": [{"key": "delegated_id", "value": str(offer)}],
        "attributes": {"objectType": "AuditRecord"},
    }
    assert "Everyday support" in approved["description"]
    offered = next(each for each in items if each["operationType"] == "delegated_admin_offered")
    assert offered["userPrincipalName"] == story.address_of("admin_agent")


def test_what_a_program_did_names_the_program(client: FlaskClient) -> None:
    client.post(HERE, json=BODY)
    newest = client.get("/v1/auditrecords?size=1").get_json()["items"][0]
    assert (newest["operationType"], newest["resourceType"]) == ("webhook_registered", "webhook_registration")
    assert (newest["userPrincipalName"], newest["applicationName"]) == (None, "api_admin_agent")
    assert UUID(newest["applicationId"])


def test_what_a_person_did_through_a_program_names_both(story: Story) -> None:
    client = story.client("api_consented")
    made = client.post("/v1/invitations", json={"asks": "agreement"})
    assert made.status_code == 201
    newest = client.get("/v1/auditrecords?size=1").get_json()["items"][0]
    assert newest["userPrincipalName"] == story.address_of("sales_agent")
    assert newest["applicationName"] == "api_consented"


def test_a_token_of_another_list_is_refused(client: FlaskClient) -> None:
    page = client.get("/v1/auditrecords?size=1").get_json()
    other, bare = rest.goes_on("invitations", clock.now(), uuid4()), pages.cursor(clock.now().isoformat(), str(uuid4()))
    for token, status in ((page["continuationToken"], 200), (other, 400), (bare, 400)):
        answer = client.get("/v1/auditrecords?seekOperation=Next", headers={"MS-ContinuationToken": token})
        assert answer.status_code == status
        refused = client.get("/v1/invitations", headers={"MS-ContinuationToken": token})
        assert refused.status_code == (200 if token == other else 400)


def test_records_are_chosen_by_days_and_read_page_by_page(story: Story, client: FlaskClient) -> None:
    today = clock.today("UTC")
    for asked, some in (
        (f"startDate={today}&endDate={today}", True),
        (f"startDate={today:%m/%d/%Y}", True),
        (f"startDate={today - timedelta(days=9)}&endDate={today - timedelta(days=1)}", False),
        (f"startDate={today + timedelta(days=1)}", False),
        (f"enddate={today}", True),
        ("startDate=0001-01-01&endDate=9999-12-31", True),
    ):
        found = client.get(f"/v1/auditrecords?{asked}")
        assert found.status_code == 200, asked
        assert bool(found.get_json()["items"]) == some, asked
    every = [each["id"] for each in client.get("/v1/auditrecords?size=500").get_json()["items"]]
    read, address = [], "/v1/auditrecords?size=3"
    headers: dict[str, str] = {}
    while address:
        page = client.get(address, headers=headers).get_json()
        read += [each["id"] for each in page["items"]]
        following = page["links"].get("next")
        address = following["uri"] if following else ""
        headers = {each["key"]: each["value"] for each in following["headers"]} if following else {}
        assert page.get("continuationToken", "") == next(iter(headers.values()), "")
    assert read == every


@pytest.mark.parametrize(
    ("asked", "headers"),
    [
        ("startDate=yesterday", {}),
        ("endDate=2026-02-30", {}),
        ("startDate=13/1/2026", {}),
        ("size=501", {}),
        ("size=many", {}),
        ("Filter=%7B%22Field%22%3A%22CustomerId%22%7D", {}),
        ("seekOperation=Next", {"MS-ContinuationToken": "nonsense"}),
        ("seekOperation=Sideways", {}),
    ],
)
def test_a_wrong_question_is_refused(client: FlaskClient, asked: str, headers: dict[str, str]) -> None:
    assert details(client.get(f"/v1/auditrecords?{asked}", headers=headers)) == (400, 2000)


@pytest.mark.parametrize(
    ("text", "ends", "found"),
    [
        ("2026-05-01", False, "2026-05-01T00:00:00+00:00"),
        ("2026-05-01", True, "2026-05-02T00:00:00+00:00"),
        ("5/1/2026", True, "2026-05-02T00:00:00+00:00"),
        ("5/1/2026 12:00:00 AM", True, "2026-05-01T00:00:00+00:00"),
        ("5/1/2026 12:30:05 pm", False, "2026-05-01T12:30:05+00:00"),
        ("2026-05-01T09:00:00+09:00", False, "2026-05-01T09:00:00+09:00"),
        ("2026-05-01T09:00:00", True, "2026-05-01T09:00:00+00:00"),
        ("0001-01-01T00:00:00+14:00", False, "1970-01-01T00:00:00+00:00"),
        ("9999-12-31", True, "9000-01-01T00:00:00+00:00"),
    ],
)
def test_days_and_moments_are_read_as_clients_send_them(text: str, ends: bool, found: str) -> None:
    assert Moment(ends=ends).deserialize(text).isoformat() == found


def test_what_an_event_names_can_be_read(story: Story, client: FlaskClient) -> None:
    story.webhook()
    story.approve(story.offers["waiting"])
    with story.app.app_context():
        row = database.session().scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.place)).first()
        assert row is not None
        body = json.loads(row.body)
    assert client.get(body["AuditUri"].removeprefix("http://localhost")).status_code == 200
    assert client.get(body["ResourceUri"].removeprefix("http://localhost")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "operation", "resource"),
    [
        ("agreement.attested", "create_agreement", "agreement"),
        ("webhook.ended", "webhook_ended", "webhook_registration"),
        ("pairing.ended", "pairing_ended", "pairing"),
    ],
)
def test_a_kind_without_a_name_of_partner_center_s_keeps_its_own(kind: str, operation: str, resource: str) -> None:
    assert (rules.operation_of(kind), rules.resource_of(kind)) == (operation, resource)
