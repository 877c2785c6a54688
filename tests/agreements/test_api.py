"""What there is to accept, as the API tells it, and links to its text that work for five minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from werkzeug.test import TestResponse

from tests.support.story import Story
from webapp import clock, database
from webapp.agreements import actions, queries
from webapp.agreements.models import AgreementText
from webapp.agreements.rules import CUSTOMER_AGREEMENT, document_name, in_language, template_id
from webapp.evidence.models import SITE_CHAIN

CURRENT = str(template_id(CUSTOMER_AGREEMENT, "2026-03"))
FUTURE = str(template_id(CUSTOMER_AGREEMENT, "2026-11"))


def get(story: Story, path: str, **arguments: str) -> TestResponse:
    return story.client("api_read_only").get(path, query_string=arguments)


def links(story: Story, template: str = CURRENT, **arguments: str) -> dict[str, Any]:
    answer = get(story, f"/v1/agreementtemplates/{template}/document", **arguments)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def opened(story: Story, uri: str) -> TestResponse:
    """What somebody without any token or cookie gets."""
    assert uri.startswith("http://localhost/agreement-documents/")
    return story.app.test_client().get(uri.removeprefix("http://localhost"))


def published(story: Story, **columns: str) -> tuple[AgreementText, str, bytes]:
    text = story.only(AgreementText, **columns)
    with story.app.app_context():
        return text, queries.html_of(text), queries.source_of(text)


# --- the list ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["MicrosoftCustomerAgreement", "*"])
def test_the_one_version_in_force_of_each_type_is_listed(story: Story, wanted: str) -> None:
    assert get(story, "/v1/agreements", agreementType=wanted).get_json() == {
        "totalCount": 1,
        "items": [
            {
                "templateId": CURRENT,
                "agreementType": "MicrosoftCustomerAgreement",
                "agreementLink": "http://localhost/agreement",
                "versionRank": 1,
            }
        ],
        "links": {"self": {"uri": f"/v1/agreements?agreementType={wanted}", "method": "GET", "headers": []}},
        "attributes": {"objectType": "Collection"},
    }


def test_without_a_type_the_cloud_agreement_is_meant_and_there_is_none(story: Story) -> None:
    answer = get(story, "/v1/agreements").get_json()
    assert (answer["totalCount"], answer["items"]) == (0, [])


def test_a_later_version_takes_its_place_on_its_day(story: Story) -> None:
    with story.app.app_context():
        (rank,) = [each.version_rank for each in queries.templates() if str(each.template_id) == FUTURE]
    with time_machine.travel("2027-01-02T00:00:00Z", tick=False), story.app.app_context():
        assert [(str(each.template_id), each.version_rank) for each in queries.current_templates()] == [(FUTURE, rank)]


# --- links to a text ---------------------------------------------------------------------------------------------


def test_links_serve_the_published_bytes_to_whoever_holds_them(story: Story) -> None:
    _text, html, source = published(story, country="JP", language="ja", version="2026-03")
    found = links(story, language="ja-JP", country="JP")
    assert found.keys() == {"displayUri", "downloadUri", "language", "country"}
    assert (found["language"], found["country"]) == ("ja-JP", "JP")
    shown, file = opened(story, found["displayUri"]), opened(story, found["downloadUri"])
    assert shown.mimetype == "text/html"
    assert html in shown.text
    assert file.get_data() == source
    assert file.content_type == "text/markdown; charset=utf-8"
    assert file.headers["Content-Disposition"] == 'attachment; filename="customer-agreement-2026-03-JP-ja.md"'
    for answer in (shown, file):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_two_links_are_the_same(story: Story) -> None:
    found = [links(story)[name] for _ in range(3) for name in ("displayUri", "downloadUri")]
    assert len(set(found)) == 6


def test_links_work_for_five_minutes(story: Story) -> None:
    found = links(story)
    with time_machine.travel(clock.now() + timedelta(minutes=4, seconds=50)):
        assert opened(story, found["displayUri"]).status_code == 200
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1)):
        for uri in (found["displayUri"], found["downloadUri"]):
            answer = opened(story, uri)
            assert answer.status_code == 410
            assert "works for five minutes" in answer.text


def test_links_are_good_while_the_key_that_signed_them_is_kept(story: Story) -> None:
    uri = links(story)["downloadUri"]
    kept = story.app.config["KEYS"]
    try:
        story.app.config["KEYS"] = {"newer": b"n" * 32, **kept}
        assert opened(story, uri).status_code == 200
        assert "/newer." in links(story)["downloadUri"]
        story.app.config["KEYS"] = {"newer": b"n" * 32}
        assert opened(story, uri).status_code == 404
    finally:
        story.app.config["KEYS"] = kept


def test_a_link_that_somebody_changed_leads_nowhere(story: Story) -> None:
    secret = links(story)["displayUri"].rpartition("/")[2]
    key, use, text, until, nonce, proof = secret.split(".")
    assert use == "display"
    for forged in (
        f"{key}.download.{text}.{until}.{nonce}.{proof}",
        f"{key}.{use}.{text}.{int(until) + 600}.{nonce}.{proof}",
        f"{key}.{use}.{text}.{until}.{nonce}.{proof[::-1]}",
        f"{key}.{use}.{text}.{until}.{nonce}.",
        f"none.{use}.{text}.{until}.{nonce}.{proof}",
        f"{key}.{proof}", "x", "é", "....."
    ):  # fmt: skip
        assert opened(story, f"http://localhost/agreement-documents/{forged}").status_code == 404, forged


@pytest.mark.parametrize(
    ("asked", "language", "country"),
    [
        ({}, "en-US", "US"),
        ({"country": "JP"}, "en-US", "JP"),
        ({"country": "JP", "language": "ja"}, "ja-JP", "JP"),
        ({"country": "JP", "language": "JA-jp"}, "ja-JP", "JP"),
        ({"country": "JP", "language": "fr-FR"}, "en-US", "JP"),
        ({"COUNTRY": "JP", "Language": "ja-JP"}, "ja-JP", "JP"),
    ],
)
def test_a_language_that_is_not_offered_falls_back(
    story: Story, asked: dict[str, str], language: str, country: str
) -> None:
    found = links(story, **asked)
    assert (found["language"], found["country"]) == (language, country)


def test_a_country_without_an_english_text_gives_the_one_it_has(story: Story) -> None:
    with story.unit():
        database.write(chain=SITE_CHAIN)
        actions.publish(
            type_=CUSTOMER_AGREEMENT, country="FR", language="ja", version="2026-03", title="契約", source="# 契約",
            effective_on=story.only(AgreementText, country="US", version="2026-03").effective_on,
        )  # fmt: skip
    assert links(story, country="FR", language="en-US")["language"] == "ja-JP"


@pytest.mark.parametrize(
    ("template", "asked", "status", "code"),
    [
        (str(template_id(CUSTOMER_AGREEMENT, "1999-01")), {}, 404, 1000),
        (CURRENT.upper(), {}, 404, 1000),
        ("no-id", {}, 400, 2000),
        (CURRENT, {"country": "FR"}, 404, 1000),
        (CURRENT, {"country": "jp"}, 400, 2000),
        (CURRENT, {"country": "JPN"}, 400, 2000),
        (CURRENT, {"language": "x" * 36}, 400, 2000),
    ],
)
def test_what_is_not_published_is_not_found(
    story: Story, template: str, asked: dict[str, str], status: int, code: int
) -> None:
    answer = get(story, f"/v1/agreementtemplates/{template}/document", **asked)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_the_country_is_named_in_japanese(story: Story) -> None:
    answer = story.client("api_read_only").get(
        f"/v1/agreementtemplates/{CURRENT}/document?country=FR", headers={"X-Locale": "ja-JP"}
    )
    assert answer.get_json()["description"] == "この契約は フランス では公開されていません。"


def test_a_version_ahead_can_be_read_by_its_id(story: Story) -> None:
    assert opened(story, links(story, FUTURE)["displayUri"]).status_code == 200


# --- the rules ---------------------------------------------------------------------------------------------------


def test_no_text_is_no_text() -> None:
    assert in_language([], "ja-JP") is None


def test_the_name_of_a_file_holds_nothing_odd() -> None:
    assert document_name("Other", 'a/b "c', "US", "en") == "other-a-b-c-US-en.md"
