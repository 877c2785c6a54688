"""What every call of the API obeys, whatever it asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import marshmallow as ma
import pytest
from flask import Flask
from marshmallow import fields

from tests.support.story import Story
from webapp import clock, rest
from webapp.errors import Refusal

ADDRESS = "/v1/agreements"


def test_the_caller_s_ids_come_back_and_without_them_there_are_new_ones(story: Story) -> None:
    client = story.client("api_read_only")
    sent = {"MS-RequestId": str(uuid4()), "MS-CorrelationId": str(uuid4())}
    answer = client.get(ADDRESS, headers=sent)
    assert {name: answer.headers[name] for name in sent} == sent
    first, second = client.get(ADDRESS), client.get(ADDRESS)
    assert first.headers["MS-RequestId"] != second.headers["MS-RequestId"]


def test_a_request_id_that_is_no_guid_is_refused_in_partner_center_s_words(story: Story) -> None:
    answer = story.client("api_read_only").get(ADDRESS, headers={"MS-RequestId": "mine"})
    assert answer.status_code == 400
    assert answer.json == {
        "code": 2000, "description": "MS-RequestId must be a GUID.", "data": [], "source": "PartnerFD"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "status"), [("Bearer", 200), ("bearer", 200), ("BEARER", 200), ("Basic", 401), ("", 401)]
)
def test_only_a_bearer_is_read(story: Story, scheme: str, status: int) -> None:
    token = story.tokens["api_read_only"]
    answer = story.app.test_client().get(ADDRESS, headers={"Authorization": f"{scheme} {token}".strip()})
    assert answer.status_code == status


def test_a_cookie_opens_no_operation_and_a_token_opens_no_page(story: Story) -> None:
    assert story.client("api_cookie").get(ADDRESS).status_code == 401
    assert story.client("admin_agent").get("/partner").status_code == 200
    assert story.client("api_admin_agent").get("/partner").status_code == 302


def test_errors_have_the_shape_that_the_address_speaks_or_that_is_asked_for(story: Story) -> None:
    client = story.client("api_read_only")
    assert set(client.get("/v1/nothing").get_json()) == {"code", "description", "data", "source"}
    graph = client.get("/v1.0/nothing").get_json()["error"]
    assert graph["code"] == "Request_ResourceNotFound"
    assert set(graph["innerError"]) == {"date", "request-id", "client-request-id"}
    problem = client.get("/v1/nothing", headers={"Accept": "application/problem+json"})
    assert problem.mimetype == "application/problem+json"
    assert (problem.get_json()["status"], problem.get_json()["code"]) == (404, 1000)
    assert problem.get_json()["instance"] == f"urn:uuid:{problem.headers['MS-RequestId']}"


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v2/customers", "/V1/agreements"])
def test_only_version_one_is_known(story: Story, path: str) -> None:
    assert story.client("api_read_only").get(path).status_code == 404


def test_words_are_in_the_caller_s_language(story: Story) -> None:
    client = story.client("api_read_only")
    english, japanese = (
        client.get("/v1/nothing", headers={"X-Locale": each}).get_json() for each in ("en-US", "ja-JP")
    )
    assert english["description"] == "There is nothing here that this token can see."
    assert any("\u3040" <= character <= "\u30ff" for character in japanese["description"])


def test_the_limit_is_told_and_kept_for_each_organization(story: Story) -> None:
    config = story.app.config["COUNTERSIGN"]
    story.app.extensions.pop("countersign-api-counter", None)
    story.app.config["COUNTERSIGN"] = replace(config, api_requests_per_minute=6, web_workers=2)
    client = story.client("api_read_only")
    told = [client.get(ADDRESS) for _ in range(4)]
    assert [each.status_code for each in told] == [200, 200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in told] == ["2", "1", "0", "0"]
    assert told[3].headers["Retry-After"] == told[3].headers["RateLimit-Reset"]
    assert 1 <= int(told[3].headers["Retry-After"]) <= 60
    assert story.client("api_rival").get(ADDRESS).status_code == 200


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute does not end within a test."""
    now = clock.now().replace(second=10)
    monkeypatch.setattr(clock, "now", lambda: now)


# --- bodies --------------------------------------------------------------------------------------------------


class _Inner(rest.Schema):
    email = rest.Text(longest=10, shortest=1)


class _Shape(rest.Schema):
    company_name = rest.Text(longest=10, required=True)
    inner = fields.Nested(_Inner)
    many = fields.List(fields.Nested(_Inner))
    count = rest.Number(low=1, high=5)
    on = rest.Flag()


class _Own(rest.OwnSchema):
    name = rest.Text(longest=10)


def faults(body: bytes, app: Flask, schema: type[ma.Schema] = _Shape, kind: str = "application/json") -> Any:
    """The details of the error that a body meets, or what was read of it."""
    with app.test_request_context("/v1/x", method="POST", data=body, content_type=kind):
        try:
            return rest.Blueprint.ARGUMENTS_PARSER.parse(schema, location="json")
        except rest.ApiError as error:
            return error.status, error.description, list(error.details)


def test_names_are_read_in_any_letter_case_and_unknown_ones_ignored(app: Flask) -> None:
    body = b'{"CompanyName": " a\\u0300 ", "Inner": {"EMAIL": "x"}, "else": 1}'
    assert faults(body, app) == {"company_name": "à", "inner": {"email": "x"}}


def test_a_name_that_stands_twice_is_refused(app: Flask) -> None:
    status, _words, details = faults(b'{"companyName": "a", "CompanyName": "b"}', app)
    assert (status, details) == (400, ["companyName: This stands twice."])


def test_our_own_shapes_refuse_what_they_do_not_know(app: Flask) -> None:
    assert faults(b'{"nome": "a"}', app, _Own) == (400, "The request is not valid.", ["nome: There is no such field."])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"companyName": "a\\u0000b"}', "companyName: Remove characters that cannot be read."),
        (b'{"companyName": "a\\u202eb"}', "companyName: Remove characters that cannot be read."),
        (b'{"companyName": "a\\ud800"}', "companyName: Remove characters that cannot be read."),
        (b'{"companyName": 1}', "companyName: This must be a text."),
        (b'{"companyName": null}', "companyName: This may not be null."),
        (b"{}", "companyName: This is needed."),
        (b'{"companyName": "a", "inner": {"email": []}}', "inner.email: This must be a text."),
        (b'{"companyName": "a", "inner": []}', "inner: This must be an object."),
        (b'{"companyName": "a", "many": [{"email": "a"}, {"email": 2}]}', "many.1.email: This must be a text."),
        (b'{"companyName": "a", "count": "1"}', "count: This must be a whole number."),
        (b'{"companyName": "a", "count": true}', "count: This must be a whole number."),
        (b'{"companyName": "a", "count": 1.5}', "count: This must be a whole number."),
        (b'{"companyName": "a", "on": "true"}', "on: This must be true or false."),
        (b"[]", "This must be an object."),
        (b"null", "This must be an object."),
    ],
)
def test_a_wrong_value_is_named_by_its_field(app: Flask, body: bytes, expected: str) -> None:
    status, _words, details = faults(body, app)
    assert (status, details) == (400, [expected])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The body is not JSON."),
        (b"{", "The body is not JSON."),
        (b'{"a": NaN}', "The body is not JSON."),
        (b'{"a": ' + b"9" * 5000 + b"}", "The body is not JSON."),
        (b'{"companyName": "\xff"}', "The body is not UTF-8."),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "The body is nested too deeply."),
        (b"[" * 100_000 + b"]" * 100_000, "The body is not JSON."),
    ],
)
def test_what_is_no_json_is_refused(app: Flask, body: bytes, words: str) -> None:
    assert faults(body, app)[:2] == (400, words)


def test_a_byte_order_mark_is_dropped(app: Flask) -> None:
    assert faults(b'\xef\xbb\xbf{"companyName": "a"}', app) == {"company_name": "a"}


def test_another_content_type_is_refused(app: Flask) -> None:
    assert faults(b"a=b", app, kind="application/x-www-form-urlencoded")[0] == 415


# --- refusals ------------------------------------------------------------------------------------------------


def _refusals() -> dict[str, type[Refusal]]:
    found: dict[str, type[Refusal]] = {}
    waiting = [Refusal]
    while waiting:
        for each in waiting.pop().__subclasses__():
            found[each.__name__] = each
            waiting.append(each)
    return found


def test_every_code_belongs_to_a_refusal_that_exists(app: Flask) -> None:
    assert set(rest.CODES) <= set(_refusals())


def test_every_status_of_a_refusal_has_a_code(app: Flask) -> None:
    for name, refusal in _refusals().items():
        assert name in rest.CODES or refusal.status in {400, 403, 404, 409, 410, 422, 429}, name
