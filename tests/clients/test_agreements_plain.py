"""Agreements by a plain HTTP client against the served program, field by field as Partner Center has them.

The published clients lack these calls; what their users send by themselves is sent here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from tests.support.served import Served
from webapp import clock, database
from webapp.agreements.models import AgreementText, Attestation
from webapp.agreements.queries import source_of
from webapp.api_clients import actions as api_clients
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships

CONTACT = {"firstName": "Tania", "lastName": "Carr", "email": "tania@contoso.example", "phoneNumber": "1234567890"}


@dataclass
class Caller:
    """A program of a partner that sells to a customer in Tokyo, and the served API. `person`: whom the token belongs to."""

    app: Flask
    url: str
    http: httpx.Client
    customer: Party
    person: UUID

    def path(self, more: str) -> str:
        return f"/v1/customers/{self.customer.id}/{more}"

    def today(self) -> date:
        with self.app.app_context():
            return clock.today("Asia/Tokyo")

    def template(self) -> dict[str, Any]:
        """The one template that there is, as the published samples take it."""
        (item,) = self.http.get("/v1/agreements?agreementType=MicrosoftCustomerAgreement").json()["items"]
        found: dict[str, Any] = item
        return found

    def body(self, **changes: Any) -> dict[str, Any]:
        return {
            "primaryContact": CONTACT,
            "templateId": self.template()["templateId"],
            "dateAgreed": f"{self.today() - timedelta(days=2)}T00:00:00.000Z",
            "type": "MicrosoftCustomerAgreement",
        } | changes

    def rows(self) -> list[Attestation]:
        with self.app.app_context():
            return list(database.session().scalars(sa.select(Attestation).order_by(Attestation.at)))


@pytest.fixture
def caller(app: Flask, world: World, serve: Callable[..., Served]) -> Iterator[Caller]:
    world.a_published_agreement("US")
    world.a_published_agreement("JP")
    partner, customer = (
        world.a_partner("Northwind Cloud"),
        world.a_customer("Litware 合同会社", language="ja", country="JP", zone="Asia/Tokyo"),
    )
    agent = partner["sales_agent"]
    with app.app_context(), database.unit_of_work():
        found = organizations.organization_by_id(customer.id)
        assert found is not None
        relationships.begin(found, partner_id=partner.id, reseller_id=None, origin="creation", by=None)
    with app.app_context(), database.unit_of_work():
        by = world._acting(partner["admin_agent"])
    with app.app_context(), database.unit_of_work():
        client, _secret = api_clients.create(by=by, name="Orders", roles=("sales_agent",))
        _row, token, _refresh = api_clients.give_token(client, roles=("sales_agent",), person_id=agent.id)
    served = serve(processes=2)
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        yield Caller(app, served.url, http, customer, agent.id)


def test_the_whole_way_of_a_confirmation(caller: Caller) -> None:
    http = caller.http

    # 2.4: what there is to accept
    request_id, correlation_id = str(uuid4()), str(uuid4())
    answer = http.get(
        "/v1/agreements?agreementType=MicrosoftCustomerAgreement",
        headers={
            "MS-RequestId": request_id, "MS-CorrelationId": correlation_id, "MS-Contract-Version": "v1",
            "X-Locale": "en-US", "MS-PartnerCenter-Application": "Tests",
        },
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert not answer.content.startswith(b"\xef\xbb\xbf")
    assert (answer.headers["MS-RequestId"], answer.headers["MS-CorrelationId"]) == (request_id, correlation_id)
    found = answer.json()
    assert found.keys() == {"totalCount", "items", "links", "attributes"}
    assert found["totalCount"] == 1
    (template,) = found["items"]
    assert template.keys() == {"templateId", "agreementType", "agreementLink", "versionRank"}
    assert template["agreementType"] == "MicrosoftCustomerAgreement"
    assert template["versionRank"] == 0
    assert found["links"]["self"]["method"] == "GET"
    assert found["attributes"] == {"objectType": "Collection"}
    assert http.get("/v1/agreements").json()["items"] == []
    assert http.get("/v1/agreements?agreementType=*").json()["items"] == [template]

    # 2.4: its text, for whoever holds the link
    answer = http.get(f"/v1/agreementtemplates/{template['templateId']}/document?language=ja-JP&country=JP")
    document = answer.json()
    assert document.keys() == {"displayUri", "downloadUri", "language", "country"}
    assert (document["language"], document["country"]) == ("ja-JP", "JP")
    with caller.app.app_context():
        text = database.session().scalar(sa.select(AgreementText).filter_by(country="JP", language="ja"))
        assert text is not None
        source = source_of(text)
    with httpx.Client(timeout=60) as anybody:
        assert anybody.get(document["downloadUri"]).content == source
        assert anybody.get(document["displayUri"]).status_code == 200
    again = http.get(f"/v1/agreementtemplates/{template['templateId']}/document?language=ja-JP&country=JP").json()
    assert again["displayUri"] != document["displayUri"]

    # 2.5: confirm, and read it
    path, body = caller.path("agreements"), caller.body()
    answer = http.post(path, json=body)
    assert answer.status_code == 201
    assert answer.json() == body | {"userId": str(caller.person)}
    answer = http.get(path, params={"agreementType": "MicrosoftCustomerAgreement"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["totalCount"] == 1
    assert found["items"] == [
        {
            "primaryContact": CONTACT,
            "templateId": template["templateId"],
            "dateAgreed": f"{caller.today() - timedelta(days=2)}T00:00:00",
            "type": "MicrosoftCustomerAgreement",
            "agreementLink": template["agreementLink"],
        }
    ]
    assert http.get(path).json()["items"] == []

    # the same again, and somebody else
    answer = http.post(path, json=body)
    assert answer.status_code == 400
    said = answer.json()
    assert said["description"] == said["message"]
    more = {key: value for key, value in said.items() if key not in {"description", "message"}}
    assert more == {
        "code": 600061,
        "errorName": "PartnerConfirmedAgreementAlreadyExists",
        "isRetryable": False,
        "parameters": {},
        "errorMessageExtended": "InternalErrorCode=600061",
        "data": [],
        "source": "PartnerFD",
    }
    japanese = http.post(path, json=body, headers={"X-Locale": "ja-JP"}).json()
    assert japanese["code"] == 600061
    assert japanese["description"] != said["description"]
    assert http.post(path, json=caller.body(primaryContact=CONTACT | {"lastName": "Lee"})).status_code == 201
    assert [each["primaryContact"]["lastName"] for each in http.get(f"{path}?agreementType=*").json()["items"]] == [
        "Lee", "Carr",
    ]  # fmt: skip

    # 2.6: that was no acceptance of its own
    answer = http.get(caller.path("directSignedMicrosoftCustomerAgreementStatus"))
    assert (answer.status_code, answer.json()) == (200, {"isSigned": False})


def test_what_samples_in_other_languages_send(caller: Caller) -> None:
    """.NET's UtcNow has seven digits, PowerShell's names are PascalCase, and both send a user id and attributes."""
    now = f"{clock.now():%Y-%m-%dT%H:%M:%S.%f}7Z"
    body = {
        "UserId": None, "PrimaryContact": {"FirstName": "Tania", "LastName": "Carr", "Email": "tania@contoso.example",
        "PhoneNumber": None, "MiddleName": None}, "TemplateId": caller.template()["templateId"].upper(),
        "DateAgreed": now, "Type": "MicrosoftCustomerAgreement", "AgreementLink": None,
        "Attributes": {"ObjectType": "Agreement"},
    }  # fmt: skip
    answer = caller.http.post(caller.path("agreements"), json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["primaryContact"] == {
        "firstName": "Tania", "lastName": "Carr", "email": "tania@contoso.example",
    }  # fmt: skip
    assert caller.rows()[0].agreed_on == caller.today()


def test_the_token_is_asked_for_first(caller: Caller) -> None:
    answer = httpx.post(caller.url + caller.path("agreements"), content=b"\xff{", timeout=60)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == 400


def test_a_problem_where_it_is_asked_for(caller: Caller) -> None:
    body = caller.body(dateAgreed=f"{caller.today() + timedelta(days=1)}T00:00:00.000Z")
    answer = caller.http.post(caller.path("agreements"), json=body, headers={"Accept": "application/problem+json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["code"]) == (400, 800002)


@pytest.mark.parametrize("header", ["MS-RequestId", "Idempotency-Key"])
def test_retries_at_the_same_moment_confirm_once(caller: Caller, header: str) -> None:
    body, headers = caller.body(), {header: str(uuid4())}

    def send(_number: int) -> httpx.Response:
        return caller.http.post(caller.path("agreements"), json=body, headers=headers)

    with ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(send, range(4)))
    assert [each.status_code for each in answers] == [201] * 4
    assert len({each.content for each in answers}) == 1
    assert len(caller.rows()) == 1
    with caller.app.app_context():
        notices = database.session().scalars(sa.select(Message).where(Message.kind == "attested")).all()
        assert len(notices) == 1
