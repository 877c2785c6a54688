"""The words of an invitation, rendered."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.engines import configuration
from webapp import create_app
from webapp.invitations import emails, rules

LINK = rules.link(
    "https://invitations.countersign.example:8443",
    rules.link_parameters(
        asks="relationship",
        partner_id="3b33e682-00c3-41ee-9dd2-a548adf56438",
        reseller_id="7c1a1ee0-0d3c-4b0a-9d52-000000000001",
        reseller_number="1234567890123456",
        ref="f" * 32,
        language="ja",
    ),
)


@pytest.fixture(scope="module")
def plain_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application without a database of its own: words ask for none."""
    directory: Path = tmp_path_factory.mktemp("words")
    return create_app(configuration(f"sqlite:///{directory / 'none.sqlite'}", directory))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    partner=st.text(alphabet="株式会社あいう漢字ABC &", min_size=1, max_size=200),
    reseller=st.one_of(st.just(""), st.text(alphabet="株式会社長い名前🙂", min_size=1, max_size=200)),
    customer=st.one_of(st.just(""), st.text(alphabet="株式会社長い名前", min_size=150, max_size=200)),
    asks=st.sampled_from(rules.OFFERED),
    language=st.sampled_from(rules.LANGUAGES),
)
def test_the_short_form_always_fits_with_the_longest_names(
    plain_app: Flask, partner: str, reseller: str, customer: str, asks: str, language: str
) -> None:
    with plain_app.app_context():
        subject, body = emails.generated(
            asks=asks, partner=partner, reseller=reseller, customer=customer, link=LINK, language=language,
            zone="Asia/Tokyo", last_day=date(2027, 3, 31), acceptors=["global_administrator"],
        )  # fmt: skip
        compose = emails.short_form(
            asks=asks, partner=partner, reseller=reseller, customer=customer, link=LINK, language=language,
            zone="Asia/Tokyo", last_day=date(2027, 3, 31), subject="長" * rules.SUBJECT_LIMIT,
        )  # fmt: skip
        found = rules.fitting_mailto("administrator@customer.example", LINK, compose)
    assert len(found) < 1900
    assert LINK in unquote(found)
    assert ("顧客契約" if language == "ja" else "Microsoft Customer Agreement") in unquote(found)
    assert rules.holds_link(body, LINK)
    assert len(subject) <= rules.SUBJECT_LIMIT
    assert len(body) <= rules.BODY_LIMIT
    assert not rules.holds_password(body)


@pytest.mark.parametrize("language", rules.LANGUAGES)
def test_the_message_says_who_asks_what_until_when_and_what_to_do(plain_app: Flask, language: str) -> None:
    with plain_app.app_context():
        _subject, body = emails.generated(
            asks="relationship", partner="Fabrikam", reseller="Tailspin", customer="Contoso", link=LINK,
            language=language, zone="Asia/Tokyo", last_day=date(2027, 3, 31),
            acceptors=["global_administrator", "billing_administrator"],
        )  # fmt: skip
    wanted = {
        "en": ["Tailspin", "Fabrikam", "Contoso", "Step 1", "Step 2", "31 March 2027 (Japan Time)",
               "- Global administrator", "- Billing administrator", "Not expecting this?"],
        "ja": ["Tailspin", "Fabrikam", "Contoso 様", "手順 1", "手順 2", "2027年3月31日 の終わりまでです (日本時間)",
               "お心当たりがない場合"],
    }[language]  # fmt: skip
    assert [words for words in wanted if words not in body] == []


def test_the_html_has_the_link_as_a_link_and_escapes_the_rest() -> None:
    html = emails.as_html(f"<b>Hello</b>\n{LINK}\n\nA & B", LINK)
    address = LINK.replace("&", "&amp;")
    assert html == (f'<p>&lt;b&gt;Hello&lt;/b&gt;<br>\n<a href="{address}">{address}</a></p>\n<p>A &amp; B</p>')


def test_a_frame_marks_the_partner_s_words(plain_app: Flask) -> None:
    def frame(language: str) -> str:
        return emails.framed(
            "My words", given_name="Aiko", family_name="Sato", address="aiko@northwind.example", partner="Northwind",
            language=language, zone="UTC",
        )  # fmt: skip

    with plain_app.app_context():
        assert frame("en").startswith("Aiko Sato of Northwind wrote the message between the lines.")
        assert "Northwind の Aiko Sato が書いたメッセージ" in frame("ja")
