"""Confirming by the API, and reading what was confirmed: the same rules as the page, in Partner Center's shapes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.guards.routes.attestations import attest
from tests.support.story import Story
from webapp import clock, database
from webapp.agreements.models import Attestation
from webapp.agreements.rules import CUSTOMER_AGREEMENT, template_id
from webapp.api_clients.models import ApiClient, ApiToken
from webapp.attestations import rules
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.organizations.models import Organization
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships

TANIA = {"firstName": "Tania", "lastName": "Carr", "email": "tania@contoso.example", "phoneNumber": "1234567890"}
CURRENT = str(template_id(CUSTOMER_AGREEMENT, "2026-03"))
BEFORE = str(template_id(CUSTOMER_AGREEMENT, "2022-10"))
FUTURE = str(template_id(CUSTOMER_AGREEMENT, "2026-11"))


@pytest.fixture
def sold(story: Story) -> Story:
    """The partner sells to the customer, which accepted nothing."""
    with story.unit():
        relationships.begin(
            story.organization(story.customer), partner_id=story.partner.id, reseller_id=None, origin="creation",
            by=None, source="operator",
        )  # fmt: skip
    return story


def day_of(story: Story, back: int = 0) -> date:
    with story.app.app_context():
        return story.today() - timedelta(days=back)


def confirmation(story: Story, **changes: Any) -> dict[str, Any]:
    return {
        "primaryContact": TANIA, "templateId": CURRENT, "dateAgreed": f"{day_of(story, 3)}T00:00:00.000Z",
        "type": CUSTOMER_AGREEMENT,
    } | changes  # fmt: skip


def confirm(story: Story, body: Any, visitor: str = "api_sales_agent", **headers: str) -> TestResponse:
    return story.client(visitor).post(
        f"/v1/customers/{story.customer.id}/agreements", json=body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )  # fmt: skip


def listed(story: Story, visitor: str = "api_read_only", wanted: str = CUSTOMER_AGREEMENT) -> list[dict[str, Any]]:
    answer = story.client(visitor).get(f"/v1/customers/{story.customer.id}/agreements?agreementType={wanted}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


def attestations(story: Story) -> list[Attestation]:
    with story.app.app_context():
        return list(database.session().scalars(sa.select(Attestation).order_by(Attestation.at)))


def refused(answer: TestResponse, status: int, code: int) -> dict[str, Any]:
    body: dict[str, Any] = answer.get_json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    return body


# --- confirming --------------------------------------------------------------------------------------------------


def test_a_confirmation_is_answered_with_who_confirmed(sold: Story) -> None:
    body = confirmation(sold)
    answer = confirm(sold, body)
    (row,) = attestations(sold)
    assert answer.status_code == 201
    assert answer.get_json() == body | {"userId": str(row.person_id)}
    with sold.app.app_context():
        client = database.session().scalar(sa.select(ApiClient).where(ApiClient.name == "api_sales_agent"))
        fact = database.session().get(Fact, row.fact_id)
        assert client is not None
        assert fact is not None
        record = json.loads(fact.record)
        assert row.person_id == client.person_id
        assert (record["source"], record["client_id"]) == ("api", str(client.id))


def test_it_is_the_person_s_who_consented(sold: Story) -> None:
    answer = confirm(sold, confirmation(sold), "api_consented")
    with sold.app.app_context():
        assert UUID(answer.get_json()["userId"]) == sold.actor("sales_agent").person_id


def test_the_customer_is_told_as_for_the_page(sold: Story) -> None:
    confirm(sold, confirmation(sold))
    (row,) = attestations(sold)
    notice = sold.only(Message, about_id=row.id, kind="attested")
    assert notice.due_at is not None
    assert timedelta(0) <= notice.due_at - row.at - timedelta(minutes=30) < timedelta(seconds=5)
    assert "api_sales_agent of Northwind Cloud confirmed that Tania Carr" in notice.text


def test_names_of_fields_may_be_in_any_case_and_unknown_ones_are_ignored(sold: Story) -> None:
    contact = {name[0].upper() + name[1:]: value for name, value in TANIA.items()}
    body = {name[0].upper() + name[1:]: value for name, value in confirmation(sold).items()}
    answer = confirm(sold, body | {"PrimaryContact": contact, "UserId": str(uuid4()), "Attributes": {"x": 1}})
    assert answer.status_code == 201
    assert answer.get_json()["primaryContact"] == TANIA


@pytest.mark.parametrize("phone", [None, "", "missing"])
def test_the_phone_is_optional(sold: Story, phone: str | None) -> None:
    contact = {name: value for name, value in TANIA.items() if name != "phoneNumber"}
    sent = contact if phone == "missing" else contact | {"phoneNumber": phone}
    answer = confirm(sold, confirmation(sold, primaryContact=sent))
    assert answer.status_code == 201
    assert answer.get_json()["primaryContact"] == contact
    assert listed(sold, "api_sales_agent")[0]["primaryContact"] == contact


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"primaryContact": None}, "primaryContact"),
        ({"primaryContact": {}}, "primaryContact.firstName"),
        ({"primaryContact": TANIA | {"firstName": "  "}}, "primaryContact.firstName"),
        ({"primaryContact": TANIA | {"lastName": "x" * 101}}, "primaryContact.lastName"),
        ({"primaryContact": TANIA | {"lastName": "a\u202eb"}}, "primaryContact.lastName"),
        ({"primaryContact": TANIA | {"email": "tania"}}, "primaryContact.email"),
        ({"primaryContact": TANIA | {"email": 5}}, "primaryContact.email"),
        ({"primaryContact": TANIA | {"phoneNumber": "call me"}}, "primaryContact.phoneNumber"),
        ({"primaryContact": TANIA | {"phoneNumber": "1" * 41}}, "primaryContact.phoneNumber"),
        ({"templateId": "117a77b0"}, "templateId"),
        ({"dateAgreed": "yesterday"}, "dateAgreed"),
        ({"type": "MicrosoftCloudAgreement"}, "type"),
    ],
)
def test_what_is_wrong_with_which_field_is_said(sold: Story, changes: dict[str, Any], field: str) -> None:
    body = refused(confirm(sold, confirmation(sold, **changes)), 400, 2000)
    assert any(each.startswith(f"{field}: ") for each in body["data"]), body
    assert attestations(sold) == []


def test_a_name_of_which_nothing_is_seen_is_refused(sold: Story) -> None:
    body = refused(confirm(sold, confirmation(sold, primaryContact=TANIA | {"firstName": "\u2800"})), 400, 800002)
    assert body["data"] == ["primaryContact.firstName: This is needed."]
    assert attestations(sold) == []


@pytest.mark.parametrize("name", ["primaryContact", "templateId", "dateAgreed", "type"])
def test_every_field_but_the_phone_is_needed(sold: Story, name: str) -> None:
    body = {key: value for key, value in confirmation(sold).items() if key != name}
    assert refused(confirm(sold, body), 400, 2000)["data"] == [f"{name}: This is needed."]


def test_wrong_fields_are_named_in_japanese(sold: Story) -> None:
    body = confirmation(sold, type="Other", primaryContact=TANIA | {"phoneNumber": "call me"})
    assert refused(confirm(sold, body, X_Locale="ja-JP"), 400, 2000)["data"] == [
        "primaryContact.phoneNumber: 電話番号を指定してください。例: +81 3 1234 5678",
        "type: MicrosoftCustomerAgreement を指定してください。",
    ]


# --- which day, which version ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        (datetime(2026, 6, 14, tzinfo=UTC), "America/Los_Angeles", date(2026, 6, 14)),
        (datetime(2026, 6, 14, 3, tzinfo=UTC), "America/Los_Angeles", date(2026, 6, 13)),
        (datetime(2026, 6, 14, 23, tzinfo=UTC), "Asia/Tokyo", date(2026, 6, 15)),
        (datetime(2026, 6, 14, 23), "Asia/Tokyo", date(2026, 6, 14)),
        (datetime(1, 1, 1, 1, tzinfo=UTC), "America/Los_Angeles", date(1, 1, 1)),
    ],
)  # fmt: skip
def test_midnight_is_a_date_and_any_other_moment_the_day_at_the_customer(
    moment: datetime, zone: str, day: date
) -> None:
    later = date(2026, 7, 1)
    assert rules.day_agreed(moment, zone, today=later, today_in_utc=later) == day


@pytest.mark.parametrize(
    ("now", "zone", "sent", "day"),
    [
        # 17:00 of the 13th in Los Angeles: it is the 14th in UTC
        (datetime(2026, 6, 14, 0), "America/Los_Angeles", datetime(2026, 6, 14), date(2026, 6, 13)),
        (datetime(2026, 6, 14, 0), "America/Los_Angeles", datetime(2026, 6, 13), date(2026, 6, 13)),
        (datetime(2026, 6, 14, 0), "America/Los_Angeles", datetime(2026, 6, 15), date(2026, 6, 15)),
        (datetime(2026, 6, 14, 6, 59), "America/Los_Angeles", datetime(2026, 6, 14), date(2026, 6, 13)),
        # from midnight there both have the 14th
        (datetime(2026, 6, 14, 7), "America/Los_Angeles", datetime(2026, 6, 14), date(2026, 6, 14)),
        (datetime(2026, 6, 14, 23, 59), "America/Los_Angeles", datetime(2026, 6, 15), date(2026, 6, 15)),
        (datetime(2026, 6, 14, 11, 59), "Pacific/Pago_Pago", datetime(2026, 6, 14), date(2026, 6, 14)),
        (datetime(2026, 6, 14, 10, 59), "Pacific/Pago_Pago", datetime(2026, 6, 14), date(2026, 6, 13)),
        # east of UTC the customer's day comes first, and its tomorrow lies in the future of both
        (datetime(2026, 6, 13, 14, 59), "Asia/Tokyo", datetime(2026, 6, 14), date(2026, 6, 14)),
        (datetime(2026, 6, 13, 15), "Asia/Tokyo", datetime(2026, 6, 14), date(2026, 6, 14)),
        (datetime(2026, 6, 13, 15), "Asia/Tokyo", datetime(2026, 6, 15), date(2026, 6, 15)),
        (datetime(2026, 6, 14, 0), "Asia/Tokyo", datetime(2026, 6, 15), date(2026, 6, 15)),
        (datetime(2026, 6, 13, 10), "Pacific/Kiritimati", datetime(2026, 6, 15), date(2026, 6, 15)),
        (datetime(2026, 6, 14, 0), "Etc/UTC", datetime(2026, 6, 15), date(2026, 6, 15)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zoned", [True, False])
def test_the_date_of_today_in_utc_is_the_customer_s_today(
    now: datetime, zone: str, sent: datetime, day: date, zoned: bool
) -> None:
    at = now.replace(tzinfo=UTC)
    today = at.astimezone(ZoneInfo(zone)).date()
    moment = sent.replace(tzinfo=UTC) if zoned else sent
    assert rules.day_agreed(moment, zone, today=today, today_in_utc=at.date()) == day


def test_a_moment_that_is_not_yet_is_no_date() -> None:
    now = datetime(2026, 6, 14, 0, tzinfo=UTC)
    day = rules.day_agreed(
        now + timedelta(hours=8), "America/Los_Angeles", today=date(2026, 6, 13), today_in_utc=now.date()
    )
    assert day == date(2026, 6, 14)  # which is refused as the future there


@pytest.mark.parametrize("hour", [0, 6, 7, 23])
def test_the_date_in_utc_is_taken_at_any_hour(sold: Story, monkeypatch: pytest.MonkeyPatch, hour: int) -> None:
    with sold.unit():
        database.write()
        database.session().get_one(Organization, sold.customer.id).zone = "America/Los_Angeles"
        database.session().execute(sa.update(ApiToken).values(access_expires_at=clock.now() + timedelta(days=2)))
    now = clock.now().replace(hour=hour, minute=0)
    monkeypatch.setattr(clock, "now", lambda: now)
    answer = confirm(sold, confirmation(sold, dateAgreed=f"{now:%Y-%m-%d}T00:00:00Z"))
    assert answer.status_code == 201, answer.text
    assert attestations(sold)[0].agreed_on == clock.today("America/Los_Angeles")


@pytest.mark.parametrize("spelled", ["{}T00:00:00Z", "{}T00:00:00", "{}T00:00:00.0000000+09:00", "{}"])
def test_the_day_is_taken_however_clients_spell_it(sold: Story, spelled: str) -> None:
    day = day_of(sold, 2)
    assert confirm(sold, confirmation(sold, dateAgreed=spelled.format(day))).status_code == 201
    assert attestations(sold)[0].agreed_on == day
    assert listed(sold)[0]["dateAgreed"] == f"{day}T00:00:00"


def test_now_is_today_for_the_customer(sold: Story) -> None:
    now = f"{clock.now():%Y-%m-%dT%H:%M:%S.%f}7Z"
    assert confirm(sold, confirmation(sold, dateAgreed=now)).status_code == 201
    assert attestations(sold)[0].agreed_on == day_of(sold)


def test_a_day_in_the_future_is_refused(sold: Story) -> None:
    body = confirmation(sold, dateAgreed=f"{day_of(sold, -2)}T00:00:00.000Z")
    said = refused(confirm(sold, body), 400, 800002)["description"]
    assert said.startswith("The date of acceptance lies in the future. At the customer today is")
    said = refused(confirm(sold, body, X_Locale="ja-JP"), 400, 800002)["description"]
    assert said.startswith("契約の受け入れ日が未来の日付です")
    assert attestations(sold) == []


def test_a_day_without_any_version_is_refused(sold: Story) -> None:
    refused(confirm(sold, confirmation(sold, dateAgreed="2018-06-14T00:00:00.000Z")), 400, 800002)


def test_the_listed_template_stands_for_the_version_of_the_day(sold: Story) -> None:
    answer = confirm(sold, confirmation(sold, dateAgreed="2025-06-14T00:00:00.000Z"))
    assert answer.status_code == 201
    assert answer.get_json()["templateId"] == BEFORE
    assert listed(sold)[0]["templateId"] == BEFORE


def test_the_version_of_the_day_can_be_named(sold: Story) -> None:
    body = confirmation(sold, dateAgreed="2025-06-14T00:00:00.000Z", templateId=BEFORE)
    assert confirm(sold, body).get_json()["templateId"] == BEFORE


@pytest.mark.parametrize("named", [BEFORE, FUTURE, "5c9a0f2e-7d6b-4f60-9b1e-3a7f0c2d4e61"])
def test_a_template_that_is_neither_is_refused(sold: Story, named: str) -> None:
    body = confirmation(sold, templateId=named)
    said = refused(confirm(sold, body), 400, 800002)["description"]
    assert "version 2026-03 applied at the customer" in said
    assert "2026-03 版" in refused(confirm(sold, body, X_Locale="ja"), 400, 800002)["description"]
    assert attestations(sold) == []


# --- who may -----------------------------------------------------------------------------------------------------


def test_an_address_of_the_partner_s_is_refused(sold: Story) -> None:
    own = sold.address_of("admin_agent")
    refused(confirm(sold, confirmation(sold, primaryContact=TANIA | {"email": own})), 400, 800002)
    domain = own.partition("@")[2]
    refused(confirm(sold, confirmation(sold, primaryContact=TANIA | {"email": f"new@{domain}"})), 400, 800002)


def test_an_indirect_reseller_is_refused(sold: Story) -> None:
    with sold.unit():
        database.write()
        database.session().execute(
            sa.update(Organization).where(Organization.id == sold.partner.id).values(programme="indirect_reseller")
        )
    said = refused(confirm(sold, confirmation(sold)), 403, 2032)["description"]
    assert said.startswith("An indirect reseller cannot confirm this itself")


def test_nobody_confirms_once_attesting_is_closed(sold: Story) -> None:
    with sold.unit():
        policies.set_policy("attestation.last_day", "2026-01-05", "Microsoft ended it.")
    refused(confirm(sold, confirmation(sold)), 403, 600006)


def test_a_partner_that_sells_nothing_to_the_customer_is_refused(story: Story) -> None:
    refused(confirm(story, confirmation(story)), 403, 20002)


def test_a_customer_of_others_is_not_found(sold: Story) -> None:
    for customer in (sold.stranger.id, uuid4()):
        path = f"/v1/customers/{customer}/agreements"
        refused(sold.client("api_sales_agent").post(path, json=confirmation(sold)), 404, 1000)
        refused(sold.client("api_sales_agent").get(path), 404, 1000)


# --- the same again ----------------------------------------------------------------------------------------------


def test_exactly_the_same_is_refused_with_the_commerce_error(sold: Story) -> None:
    confirm(sold, confirmation(sold))
    again = TANIA | {"firstName": "  ＴＡＮＩＡ ", "phoneNumber": "123 456-7890"}
    body = refused(confirm(sold, confirmation(sold, primaryContact=again)), 400, 600061)
    assert body["description"].startswith("Exactly this was confirmed already. Northwind Cloud confirmed it")
    assert body == {
        "code": 600061,
        "message": body["description"],
        "description": body["description"],
        "errorName": "PartnerConfirmedAgreementAlreadyExists",
        "isRetryable": False,
        "parameters": {},
        "errorMessageExtended": "InternalErrorCode=600061",
        "data": [],
        "source": "PartnerFD",
    }
    said = refused(confirm(sold, confirmation(sold), X_Locale="ja-JP"), 400, 600061)["description"]
    assert "Northwind Cloud" in said
    assert "confirmed" not in said
    assert len(attestations(sold)) == 1


def test_a_retry_gets_the_first_answer_and_attests_once(sold: Story) -> None:
    key = str(uuid4())
    first, again = (confirm(sold, confirmation(sold), MS_RequestId=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(attestations(sold)) == 1
    other = confirmation(sold, primaryContact=TANIA | {"firstName": "Ann"})
    refused(confirm(sold, other, MS_RequestId=key), 409, 800060)
    assert confirm(sold, other, MS_RequestId=str(uuid4())).status_code == 201


@pytest.mark.parametrize("key", ["5c9a0f2e-7d6b-4f60-9b1e-3a7f0c2d4e61", ""])
def test_two_at_once_attest_once(sold: Story, key: str) -> None:
    """With one request id both get the first answer; without, the second is told that it is the same."""
    body, answers, together = confirmation(sold), list[TestResponse](), Barrier(2)

    def send() -> None:
        client = sold.client("api_sales_agent")
        together.wait(30)
        path = f"/v1/customers/{sold.customer.id}/agreements"
        answers.append(client.post(path, json=body, headers={"MS-RequestId": key} if key else {}))

    threads = [Thread(target=send) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(attestations(sold)) == 1
    if key:
        assert [each.status_code for each in answers] == [201, 201]
        assert answers[0].get_json() == answers[1].get_json()
    else:
        assert sorted(each.status_code for each in answers) == [201, 400]
        assert {each.get_json().get("code") for each in answers} == {None, 600061}


# --- reading -----------------------------------------------------------------------------------------------------


def test_every_confirmation_is_listed_and_what_the_customer_accepted_is_not(sold: Story) -> None:
    assert listed(sold) == []
    confirm(sold, confirmation(sold))
    confirm(sold, confirmation(sold, primaryContact=TANIA | {"firstName": "Ann"}))
    sold.accept()
    found = listed(sold)
    assert [each["primaryContact"]["firstName"] for each in found] == ["Ann", "Tania"]
    assert found[1] == {
        "primaryContact": TANIA,
        "templateId": CURRENT,
        "dateAgreed": f"{day_of(sold, 3)}T00:00:00",
        "type": CUSTOMER_AGREEMENT,
        "agreementLink": "http://localhost/agreement",
    }
    assert listed(sold, wanted="*") == found
    assert listed(sold, wanted="MicrosoftCloudAgreement") == []
    bare = sold.client("api_read_only").get(f"/v1/customers/{sold.customer.id}/agreements").get_json()
    assert (bare["totalCount"], bare["items"]) == (0, [])


def test_who_agreed_is_told_to_the_partner_that_confirmed_it_only(sold: Story) -> None:
    attest(sold)
    with sold.unit():
        relationships.begin(
            sold.organization(sold.customer), partner_id=sold.rival.id, reseller_id=None, origin="creation", by=None,
            source="operator",
        )  # fmt: skip
    assert listed(sold)[0]["primaryContact"]["email"] == "hanako@contoso.example"
    assert listed(sold, "api_rival")[0]["primaryContact"] == {"firstName": "", "lastName": "", "email": ""}


# --- whether it accepted itself ----------------------------------------------------------------------------------


def signed(story: Story, visitor: str = "api_read_only") -> TestResponse:
    path = f"/v1/customers/{story.customer.id}/directSignedMicrosoftCustomerAgreementStatus"
    return story.client(visitor).get(path)


def test_a_confirmation_is_no_direct_acceptance(sold: Story) -> None:
    assert signed(sold).get_json() == {"isSigned": False}
    confirm(sold, confirmation(sold))
    assert signed(sold).get_json() == {"isSigned": False}
    sold.accept()
    assert signed(sold).get_json() == {"isSigned": True}


def test_without_an_open_relationship_nothing_is_said(story: Story) -> None:
    refused(signed(story), 404, 1000)
    refused(signed(story, "api_rival"), 404, 1000)
    bad = story.client("api_read_only").get("/v1/customers/x/directSignedMicrosoftCustomerAgreementStatus")
    refused(bad, 400, 2000)
