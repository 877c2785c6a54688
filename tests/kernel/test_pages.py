"""Moments and days in words, places in lists, absolute links."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from flask import Flask, g
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel.test_database import ORIGIN
from tests.support.engines import configuration
from webapp import create_app, pages
from webapp.actor import full_name


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The product, without asking its database for anything."""
    directory = tmp_path_factory.mktemp("pages")
    return create_app(configuration(f"sqlite:///{directory}/none.sqlite", directory))


MOMENTS = [
    ("2026-08-21T05:30Z", "Asia/Tokyo", "21 August 2026, 2:30pm (Japan Time, UTC+9)", "2026年8月21日 14:30 (日本時間, UTC+09:00)"),
    ("2026-08-21T03:00Z", "Asia/Tokyo", "21 August 2026, 12:00pm (Japan Time, UTC+9)", "2026年8月21日 12:00 (日本時間, UTC+09:00)"),
    ("2026-08-20T15:00Z", "Asia/Tokyo", "21 August 2026, 12:00am (Japan Time, UTC+9)", "2026年8月21日 00:00 (日本時間, UTC+09:00)"),
    ("2026-08-20T15:01Z", "Asia/Tokyo", "21 August 2026, 12:01am (Japan Time, UTC+9)", "2026年8月21日 00:01 (日本時間, UTC+09:00)"),
    ("2026-01-05T00:05Z", "Asia/Kolkata", "5 January 2026, 5:35am (India Time, UTC+5:30)", "2026年1月5日 05:35 (インド時間, UTC+05:30)"),
    ("2026-01-05T00:05Z", "Asia/Kathmandu", "5 January 2026, 5:50am (Nepal Time, UTC+5:45)", "2026年1月5日 05:50 (ネパール時間, UTC+05:45)"),
    ("2026-07-05T12:00Z", "America/New_York", "5 July 2026, 8:00am (Eastern Time, UTC-4)", "2026年7月5日 08:00 (アメリカ東部時間, UTC-04:00)"),
    ("2026-12-05T12:00Z", "America/New_York", "5 December 2026, 7:00am (Eastern Time, UTC-5)", "2026年12月5日 07:00 (アメリカ東部時間, UTC-05:00)"),
    ("2026-07-05T12:00Z", "America/St_Johns", "5 July 2026, 9:30am (Newfoundland Time, UTC-2:30)", "2026年7月5日 09:30 (ニューファンドランド時間, UTC-02:30)"),
]  # fmt: skip


@pytest.mark.parametrize(("moment", "zone", "english", "japanese"), MOMENTS)
def test_a_moment_is_told_in_the_readers_zone_with_its_name(
    product: Flask, moment: str, zone: str, english: str, japanese: str
) -> None:
    at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    for language, expected in (("en", english), ("ja", japanese)):
        with product.app_context(), force_locale(language):
            g.zone = zone
            told = pages.moment_text(at)
            assert told == expected
            assert pages.moment_text(at, zone) == told
            assert pages.moment_text(at.astimezone(ZoneInfo("Pacific/Apia"))) == told
            assert f'datetime="{at.isoformat(timespec="seconds")}"' in pages.moment_html(at)


def test_utc_is_named_and_an_hour_that_comes_twice_is_told_apart(product: Flask) -> None:
    with product.app_context(), force_locale("en"):
        told = pages.moment_text(datetime(2026, 1, 1, 0, 0, tzinfo=UTC), "UTC")
        assert told == "1 January 2026, 12:00am (Coordinated Universal Time, UTC)"
        first = pages.moment_text(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Berlin")
        second = pages.moment_text(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin")
        assert first != second
        assert "UTC+2" in first
        assert "UTC+1" in second


def test_every_zone_has_a_name_in_both_languages(product: Flask) -> None:
    at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    for language in ("en", "ja"):
        with product.app_context(), force_locale(language):
            for zone in available_timezones() - {"localtime", "Factory"}:
                name = pages.zone_text(at.astimezone(ZoneInfo(zone)))
                assert name, zone
                assert not name.startswith(("GMT+", "GMT-", "UTC+", "UTC-")), (zone, name)


def test_a_day_is_written_out_and_a_moment_becomes_its_day_in_the_zone(product: Flask) -> None:
    at = datetime(2026, 8, 20, 15, 0, tzinfo=UTC)
    with product.app_context(), force_locale("en"):
        assert pages.day_text(date(2026, 8, 1)) == "1 August 2026"
        assert pages.day_html(at, "Asia/Tokyo") == '<time datetime="2026-08-21">21 August 2026</time>'
        assert pages.day_html(at, "America/New_York") == '<time datetime="2026-08-20">20 August 2026</time>'
        assert pages.day_html(None) == pages.moment_html(None) == ""
    with product.app_context(), force_locale("ja"):
        assert pages.day_text(date(2026, 8, 1)) == "2026年8月1日"


@pytest.mark.parametrize(
    ("given_name", "family_name", "expected"),
    [
        ("太郎", "山田", "山田 太郎"),
        ("さくら", "キム", "キム さくら"),
        ("민준", "김", "김 민준"),
        ("Taro", "Yamada", "Taro Yamada"),
        ("Zoë", "Ó Briain", "Zoë Ó Briain"),
        ("", "Yamada", "Yamada"),
        ("太郎", "", "太郎"),
    ],
)
def test_a_name_stands_in_the_order_of_its_own_script(given_name: str, family_name: str, expected: str) -> None:
    assert full_name(given_name, family_name) == expected


# --- places in lists -----------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)


@given(st.lists(texts, min_size=1, max_size=4))
def test_a_cursor_comes_back_as_it_went(values: list[str]) -> None:
    word = pages.cursor(*values)
    assert pages.read_cursor(word, len(values)) == values
    assert pages.read_cursor(word, len(values) + 1) is None
    assert all(each.isalnum() or each in "-_" for each in word)


@given(st.text(max_size=60))
def test_garbage_is_no_cursor_and_no_fault(word: str) -> None:
    found = pages.read_cursor(word, 2)
    assert found is None or all(isinstance(each, str) for each in found)


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    "word",
    [
        "", "=", "====", "a", "\0", "日本", encoded([1, 2]), encoded({"a": 1, "b": 2}), encoded("ab"), encoded(None), encoded(["a", None]),
        encoded(["a", "\0"]), encoded(["a", "\ud800"]), encoded(["a", "b\n"]), encoded(b"\xff\xfe"), encoded(b"[" * 2_000), encoded(b"[" * 200_000),
        encoded(["x" * 5_000, "y"]), encoded(["a"]), encoded(["a", "b", "c"]),
    ],
)  # fmt: skip
def test_a_cursor_that_is_not_ours_begins_the_list_at_its_start(word: str) -> None:
    assert pages.read_cursor(word, 2) is None


ID = "7d8f1c9e-2f56-4c59-9d54-8a3d6c0e1b11"


def test_a_place_comes_back_as_it_went_and_only_to_the_list_it_began_in() -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert pages.read_place(pages.cursor(at.isoformat(), ID)) == (at, UUID(ID))
    word = pages.cursor("newest", at.isoformat(), ID)
    assert pages.read_place(word, "newest") == (at, UUID(ID))
    assert pages.read_place(word, "oldest") is None
    assert pages.read_place(word) is None


@pytest.mark.parametrize(
    "values",
    [
        ("2026-05-01T12:00:00", ID), ("2026-05-01", ID), ("0001-01-01T00:00:00+14:00", ID), ("yesterday", ID), ("", ID),
        ("9999-12-31T23:59:59-14:00", ID), ("2026-05-01T12:00:00+00:00", "7"), ("2026-05-01T12:00:00+24:00", ID),
    ],
)  # fmt: skip
def test_a_place_that_is_no_moment_of_a_list_is_its_start(values: tuple[str, str]) -> None:
    assert pages.read_place(pages.cursor(*values)) is None


# --- links ---------------------------------------------------------------------------------------------------


def test_an_absolute_link_begins_with_the_public_address_whatever_was_asked_for(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(public_url="https://countersign.example:8443", trusted_hosts=("inside.example",))
    expected = "https://countersign.example:8443/language/ja?back=/x"
    with app.app_context():
        assert pages.absolute("home.language", code="ja", back="/x") == expected
    with app.test_request_context("/somewhere", base_url="http://inside.example"):
        g.kept = "same"
        assert pages.absolute("home.language", code="ja", back="/x") == expected
        from flask import request

        assert request.path == "/somewhere"  # the request of the moment is undisturbed
        assert g.kept == "same"


def test_arguments_of_an_address_are_changed_one_by_one(product: Flask) -> None:
    with product.test_request_context("/partner/customers?q=%E5%90%8C&sort=name&after=x", base_url=ORIGIN):
        assert pages.with_arguments(after=None) == "/partner/customers?q=%E5%90%8C&sort=name"
        assert pages.with_arguments(sort="newest", after=None) == "/partner/customers?q=%E5%90%8C&sort=newest"
        assert pages.with_arguments(q=None, sort=None, after=None) == "/partner/customers"
    with product.test_request_context("/partner/delegated-admin/new?customer=a&customer=b&lang=en"):
        assert pages.with_arguments(lang=None) == "/partner/delegated-admin/new?customer=a&customer=b"
