"""Names, addresses, numbers, domains, duplicates: tables of plain facts."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from webapp.onboarding import rules
from webapp.onboarding.rules import Duplicate, Known

ONE, TWO = UUID(int=1), UUID(int=2)


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Contoso Ltd.", None), ("株式会社コントソ", None), ("3M", None), ("Ab", "form"), ("O2", None), ("森田", None),
        ("x" * 200, None), ("x" * 201, "long"), ("", "blank"), ("   ", "blank"), ("　", "blank"), ("!!!", "blank"),
        ("- . -", "blank"), ("\u200b\u200b", "blank"), ("★★★", "blank"), ("A", "one"), ("Ａ", "one"), ("森", "one"),
        ("A.", "one"), ("1", "one"), ("Inc", "form"), ("Inc.", "form"), ("INC.", "form"), ("Ltd", "form"),
        ("L.L.C.", "form"), ("GmbH", "form"), ("ＧｍｂＨ", "form"), ("株式会社", "form"), ("(株)", "one"),
        ("有限会社", "form"), ("合同会社", "form"), ("Pty Ltd", "form"), ("Co., Ltd.", "form"), ("S.A.", "form"),
        ("Incline", None), ("Cool Company", None), ("株式会社 A", None),
    ],
)  # fmt: skip
def test_a_company_name_is_no_character_no_signs_and_no_lone_legal_form(name: str, fault: str | None) -> None:
    assert rules.name_fault(name) == fault


@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        ("Contoso Ltd.", None), ("contoso.com", "domain"), ("www.contoso", "domain"), ("https://contoso", "domain"),
        ("CONTOSO.EXAMPLE", "domain"), ("aaaa", "repeated"), ("AAaa", "repeated"), ("ああ", "repeated"),
        ("a-a-a", "repeated"), ("abab", None), ("St. Mary", None), ("A.B. Co", None),
    ],
)  # fmt: skip
def test_what_reads_like_a_domain_or_repeats_one_character_is_odd_but_no_error(name: str, doubt: str | None) -> None:
    assert rules.name_doubt(name) == doubt
    assert rules.name_fault(name) is None


# --- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("JP", "100-0001", "100-0001"), ("JP", "1000001", "100-0001"), ("JP", "〒100-0001", "100-0001"),
        ("JP", "１００ー０００１", "100-0001"), ("JP", "１００−０００１", "100-0001"), ("JP", "100 0001", "100-0001"),
        ("JP", "100-001", None), ("JP", "", None), ("JP", "abc-defg", None),
        ("US", "98052", "98052"), ("US", "98052-6399", "98052-6399"), ("US", "980526399", "98052-6399"),
        ("US", "9805", None), ("US", "K1A 0B1", None), ("US", "９８０５２", "98052"),
        ("CA", "K1A 0B1", "K1A 0B1"), ("CA", "k1a0b1", "K1A 0B1"), ("CA", "k1a-0b1", "K1A 0B1"), ("CA", "D1A 0B1", None),
        ("CA", "K1A 0O1", None), ("CA", "98052", None),
        ("AU", "2000", "2000"), ("AU", "0800", "0800"), ("AU", "200", None), ("AU", "20000", None),
        ("GB", "SW1A 1AA", "SW1A 1AA"), ("GB", "sw1a1aa", "SW1A 1AA"), ("GB", "M1 1AE", "M1 1AE"),
        ("GB", "EC1A 1BB", "EC1A 1BB"), ("GB", "W1A 0AX", "W1A 0AX"), ("GB", "12345", None), ("GB", "SW1A 1CA", None),
        ("DE", "10115", "10115"), ("DE", "1011", None), ("DE", "D-10115", None),
        ("FR", "75001", "75001"), ("FR", "7500", None), ("SG", "018956", "018956"), ("SG", "18956", None),
        ("BR", "20000-000", "20000-000"), ("NL", "1012 JS", "1012 JS"), ("IE", "d02 x285", "D02 X285"),
        ("NL", "!", None), ("NL", "1" * 21, None),
    ],
)  # fmt: skip
def test_a_postal_code_is_kept_as_its_country_writes_it(country: str, typed: str, kept: str | None) -> None:
    assert rules.postal_code_of(country, typed) == kept


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("US", "WA", "WA"), ("US", "wa", "WA"), ("US", "Washington", "WA"), ("US", "ＷＡ", "WA"), ("US", "N.Y.", "NY"),
        ("US", "District of Columbia", "DC"), ("US", "Ontario", None), ("US", "", None), ("US", "XX", None),
        ("CA", "ON", "ON"), ("CA", "quebec", "QC"), ("CA", "WA", None), ("AU", "nsw", "NSW"),
        ("AU", "Western Australia", "WA"), ("JP", "東京都", "東京都"), ("JP", "東京", "東京都"), ("JP", "Tokyo", "東京都"),
        ("JP", "tokyo-to", "東京都"), ("JP", "Osaka-fu", "大阪府"), ("JP", "京都", "京都府"), ("JP", "北海道", "北海道"),
        ("JP", "Hokkaido", "北海道"), ("JP", "kanagawa-ken", "神奈川県"), ("JP", "WA", None), ("JP", "", None),
        ("DE", "Bayern", "Bayern"), ("DE", "", ""),
    ],
)  # fmt: skip
def test_a_region_is_recognized_by_code_or_name(country: str, typed: str, kept: str | None) -> None:
    assert rules.region_of(country, typed) == kept


def test_every_region_is_recognized_by_what_is_kept_and_by_its_name() -> None:
    for country, regions in rules.REGIONS.items():
        for kept, name in regions.items():
            assert rules.region_of(country, kept) == kept
            assert rules.region_of(country, name.upper()) == kept
    assert [len(regions) for regions in rules.REGIONS.values()] == [56, 13, 8, 47]


def test_codes_of_states_have_two_letters_as_partner_center_wants_them() -> None:
    assert {len(code) for country in ("US", "CA") for code in rules.REGIONS[country]} == {2}


@pytest.mark.parametrize(
    ("country", "region", "zone"),
    [
        ("JP", "東京都", "Asia/Tokyo"), ("US", "WA", "America/Los_Angeles"), ("US", "TX", "America/Chicago"),
        ("US", "NY", "America/New_York"), ("US", "HI", "Pacific/Honolulu"), ("CA", "BC", "America/Vancouver"),
        ("CA", "QC", "America/Toronto"), ("AU", "WA", "Australia/Perth"), ("AU", "NSW", "Australia/Sydney"),
        ("GB", "", "Europe/London"), ("ZZ", "", "UTC"),
    ],
)  # fmt: skip
def test_the_zone_is_that_of_the_region_where_there_are_several(country: str, region: str, zone: str) -> None:
    assert rules.zone_of(country, region) == zone


def test_every_zone_is_a_real_one() -> None:
    zones = {*rules._ZONES.values(), *(zone for zones in rules._ZONES_OF_REGIONS.values() for zone in zones)}
    assert all(ZoneInfo(zone).key == zone for zone in zones)
    for country, of in rules._ZONES_OF_REGIONS.items():
        named = " ".join(of.values()).split()
        assert len(named) == len(set(named))
        assert set(named) <= set(rules.REGIONS[country])


SOURCE = "AM AZ BY HU IN KZ KG MD RU TJ UZ UA and BR ZA PL AE SA TR TH VN MM IQ SS VE"


@pytest.mark.parametrize(
    "country", [*(word for word in SOURCE.split() if word.isupper()), "US", "JP", "DE", "GB", "CA"]
)
def test_a_registration_number_is_needed_where_the_source_says_so(country: str) -> None:
    assert rules.needs_number(country) is (country in SOURCE.split())


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("12345", "12345"), ("１２.３４５／６", "12.345/6"), ("ab-12 34", "AB-12 34"), ("", None), ("  ", None),
        ("abc", None), ("12_34", None), ("-12", None), ("1" * 40, "1" * 40), ("1" * 41, None), ("1", "1"),
    ],
)  # fmt: skip
def test_a_registration_number_is_letters_and_digits(typed: str, kept: str | None) -> None:
    assert rules.number_of(typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+81 3 1234 5678", "+81 3 1234 5678"), ("０３－１２３４－５６７８", "03-1234-5678"), ("03ー1234ー5678", "03-1234-5678"),
        ("(425) 555-0100", "(425) 555-0100"), ("425.555.0100 ext. 12", "425.555.0100 ext. 12"), ("12", None),
        ("call me", None), ("1" * 21, None), ("+", None),
    ],
)  # fmt: skip
def test_a_telephone_number_is_kept_in_any_spelling_in_narrow_digits(typed: str, kept: str | None) -> None:
    assert rules.phone_of(typed) == kept


# --- domains and addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("contoso.example", "contoso.example"), ("CONTOSO.example.", "contoso.example"),
        ("https://www.contoso.example/a?b", "contoso.example"), ("kim@contoso.example", "contoso.example"),
        ("ｃｏｎｔｏｓｏ.example", "contoso.example"), ("例え.example", "例え.example"), ("a.b.contoso.example", "a.b.contoso.example"),
        ("gmail.com", None), ("outlook.jp", None), ("localhost", None), ("", None), ("contoso", None), ("con toso.example", None),
        ("-contoso.example", None), ("contoso..example", None), ("192.0.2.1", None), ("a" * 64 + ".example", None),
    ],
)  # fmt: skip
def test_a_domain_is_kept_without_what_stands_around_it(typed: str, kept: str | None) -> None:
    assert rules.host_of(typed) == kept


@pytest.mark.parametrize(
    ("address", "is_theirs"),
    [
        ("a@microsoft.com", True), ("a@eu.Microsoft.com", True), ("a@notmicrosoft.com", False),
        ("microsoft.com@contoso.example", False),
    ],
)  # fmt: skip
def test_an_address_of_microsofts_is_no_customers(address: str, is_theirs: bool) -> None:
    assert rules.is_microsofts(address) is is_theirs


# --- duplicates --------------------------------------------------------------------------------------------------

KNOWN = [
    Known(ONE, "Contoso Ltd.", frozenset({"contoso.example"}), frozenset({"kim@contoso.example"})),
    Known(TWO, "株式会社Ｌｉｔｗａｒｅ"),
]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"name": "CONTOSO Inc."}, [(ONE, ("name",))]),
        ({"name": "Contoso", "domain": "contoso.example"}, [(ONE, ("name", "domain"))]),
        ({"name": "Other", "domain": "contoso.example"}, [(ONE, ("domain",))]),
        ({"name": "Other", "domain": "sub.contoso.example"}, []),
        ({"name": "Other", "address": "KIM@contoso.example"}, [(ONE, ("contact",))]),
        ({"name": "litware"}, [(TWO, ("name",))]),
        ({"name": "Litware Systems"}, []),
        ({}, []),
    ],
)
def test_the_same_name_domain_or_contact_is_a_likely_duplicate(values: dict[str, Any], found: list[Any]) -> None:
    assert [(each.id, each.same) for each in rules.duplicates(values, KNOWN)] == found


def test_a_duplicate_that_was_dismissed_comes_up_again_with_another_likeness() -> None:
    same_name, both = Duplicate(ONE, "Contoso", ("name",)), Duplicate(ONE, "Contoso", ("name", "contact"))
    dismissed = [rules.mark_of(same_name)]
    assert rules.unseen([same_name], dismissed) == []
    assert rules.unseen([both], dismissed) == [both]


# --- the whole ---------------------------------------------------------------------------------------------------

WHOLE = {
    "name": "Contoso", "country": "US", "language": "en", "address_line": "1 Main Street", "domain": "contoso.example",
    "given_name": "Kim", "family_name": "Lee", "address": "kim@contoso.example", "agreement": "ask",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "may_attest", "missing"),
    [
        ({}, False, None), ({"name": ""}, True, "company"), ({"language": ""}, True, "company"),
        ({"address_line": ""}, True, "address"), ({"domain": ""}, True, "domain"), ({"address": ""}, True, "contact"),
        ({"agreement": ""}, True, "agreement"), ({"agreement": "attest"}, True, "agreement"),
        ({"agreement": "attest", "agreed_on": "2026-02-30"}, True, "agreement"),
        ({"agreement": "attest", "agreed_on": "2024-02-29"}, True, None),
        ({"agreement": "attest", "agreed_on": "2024-02-29"}, False, "agreement"),
    ],
)  # fmt: skip
def test_a_draft_goes_on_with_the_first_page_that_has_something_to_say(
    changes: dict[str, Any], may_attest: bool, missing: str | None
) -> None:
    assert rules.step_missing(WHOLE | changes, may_attest=may_attest) == missing


def test_a_day_that_is_none_is_none() -> None:
    assert rules.agreed_on({"agreed_on": "2024-02-29"}) == date(2024, 2, 29)
    assert rules.agreed_on({"agreed_on": ""}) is None
    assert rules.agreed_on({}) is None
