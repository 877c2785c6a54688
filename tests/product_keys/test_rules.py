"""Reading keys, and when one can be redeemed: tables of plain facts."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import Refusal
from webapp.product_keys import rules
from webapp.product_keys.rules import Asked
from webapp.subscriptions.rules import Arithmetic

ONE, TWO = UUID(int=1), UUID(int=2)
KEY = "BCDFGHJKMPQRTVWXY2346789B"
G = rules.grouped(KEY)
WIDE = "".join(chr(ord(each) + 0xFEE0) for each in G)

#: One key as people, mails, cards and spreadsheets write it.
SPELLINGS = [
    G, G.lower(), KEY, KEY.lower(), G.title(), WIDE, WIDE.lower(), G.replace("-", " "), G.replace("-", "  "),
    G.replace("-", "\t"), G.replace("-", "\u3000"), G.replace("-", "\u00a0"), G.replace("-", "\u2009"),
    G.replace("-", "\u2010"), G.replace("-", "\u2011"), G.replace("-", "\u2012"), G.replace("-", "\u2013"),
    G.replace("-", "\u2014"), G.replace("-", "\u2015"), G.replace("-", "\u2212"), G.replace("-", "\u30fc"),
    G.replace("-", "\uff70"), G.replace("-", "\uff0d"), G.replace("-", "\u00ad"), G.replace("-", "\u200b"),
    G.replace("-", "_"), G.replace("-", "."), G.replace("-", "・"), G.replace("-", "·"), G.replace("-", "~"),
    G.replace("-", "〜"), G.replace("-", " - "), G.replace("-", " – "), G.replace("-", "--"), f"  {G}  ", f"\n{G}\n",
    f'"{G}"', f"'{G}'", f"“{G}”", f"「{G}」", f"『{G}』", f"({G})", f"[{G}]", f"<{G}>", f"{G}.", f"{G}。", f"{G},", f"{G};",
    f"Key: {G}", f"KEY:{G}", f"Product key: {G}", f"Product Key {G}", f"Your product key is {G}", f"product key = {G}",
    f"プロダクト キー: {G}", f"プロダクトキー：{WIDE}", f"プロダクト キーは{G}", f"1. {G}", f"1) {G}", f"(1) {G}", f"• {G}", f"* {G}",
    f"Key 1: {G}", f"Suite Business (10): {G}", f"{G}: Suite Business", G.replace("-", "\n"), G.replace("-", "\r\n"),
    G.replace("-", ", "), "\ufeff" + G, " ".join(KEY), "\u2060".join(KEY), KEY.replace("B", "В").replace("H", "Н"),
]  # fmt: skip


def test_there_are_sixty_spellings() -> None:
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_of_a_key_is_understood(text: str) -> None:
    assert [each.key for each in rules.read_keys(text)] == [KEY], text


SECOND = "9876432YXWVTRQPMKJHGFDCB9"


@pytest.mark.parametrize(
    "text",
    [
        f"{KEY}\n{SECOND}", f"{KEY},{SECOND}", f"{KEY};{SECOND}", f"{KEY}、{SECOND}", f"{KEY} {SECOND}", f"{KEY}{SECOND}",
        f"{rules.grouped(KEY)} {rules.grouped(SECOND)}", f"1. {KEY}\n2. {SECOND}", f"Key: {KEY}\n\nKey: {SECOND}\n",
        f"{rules.grouped(KEY)},\r\n{rules.grouped(SECOND)},", f"{KEY} | {SECOND}",
    ],
)  # fmt: skip
def test_several_keys_in_one_text_are_told_apart(text: str) -> None:
    assert [each.key for each in rules.read_keys(text)] == [KEY, SECOND]


def test_nothing_typed_is_no_key() -> None:
    assert rules.read_keys("") == rules.read_keys(" \n,;- ") == []


@pytest.mark.parametrize(
    ("text", "strangers"),
    [
        (KEY[:3] + "O" + KEY[4:], [("O", 4, 1, 4)]),
        ("0" + KEY[1:], [("0", 1, 1, 1)]),
        (KEY[:24] + "5", [("5", 25, 5, 5)]),
        (KEY[:5] + "S" + KEY[6:10] + "I" + KEY[11:], [("S", 6, 2, 1), ("I", 11, 3, 1)]),
        (KEY[:12] + "é" + KEY[13:], [("É", 13, 3, 3)]),
        (KEY[:12] + "字" + KEY[13:], [("字", 13, 3, 3)]),
        ("NN" + KEY[2:], [("N", 2, 1, 2)]),
    ],
)
def test_what_is_in_no_key_is_pointed_out_at_the_character(
    text: str, strangers: list[tuple[str, int, int, int]]
) -> None:
    (typed,) = rules.read_keys(text)
    assert typed.key == ""
    assert [(each.typed, each.position, each.group, each.place) for each in typed.strangers] == strangers


def test_each_look_alike_has_letters_that_it_may_be() -> None:
    for letter in "0O1IL5SZAEUN":
        assert letter not in rules.ALPHABET
        typed = rules.read_keys("N" + letter + KEY[2:])[0]
        assert typed.strangers[0].maybe
        assert set(typed.strangers[0].maybe) <= set(rules.ALPHABET)


def test_one_n_is_taken_anywhere() -> None:
    for position in range(25):
        text = KEY[:position] + "N" + KEY[position + 1 :]
        assert rules.read_keys(text)[0].key == text


@pytest.mark.parametrize("length", [1, 5, 24, 26, 30, 49])
def test_another_length_is_told(length: int) -> None:
    (typed,) = rules.read_keys((KEY * 2)[:length])
    assert (typed.key, typed.length, typed.strangers) == ("", length, ())


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for each in rules.read_keys(text):
        assert not each.key or (len(each.key) == 25 and set(each.key) <= set(rules.ALPHABET + rules.ONCE))


@given(
    st.lists(st.text(rules.ALPHABET, min_size=25, max_size=25), min_size=1, max_size=5),
    st.sampled_from(["\n", ", ", " "]),
)
def test_keys_come_back_as_they_were_printed(keys: list[str], between: str) -> None:
    assert [each.key for each in rules.read_keys(between.join(rules.grouped(key) for key in keys))] == keys


def test_new_keys_are_of_the_alphabet_alone() -> None:
    made = rules.new_key(random.Random(1).choice)
    assert len(made) == 25
    assert set(made) <= set(rules.ALPHABET)
    assert not set("AEIOU015LNSZ") & set(rules.ALPHABET)
    assert rules.last_five(made) == rules.grouped(made).split("-")[-1]


# --- whether one can be redeemed ---------------------------------------------------------------------------------

TODAY = date(2026, 11, 20)
GOOD = Asked("6789B", "SUITE-Y", "Suite", "software_subscription", True, TODAY)


@pytest.mark.parametrize(
    ("changes", "refusal", "why"),
    [
        ({}, None, ""),
        ({"expires_on": date(2026, 11, 19)}, rules.KeyExpired, ""),
        ({"code": "home-solo"}, rules.KeyForHome, ""),
        ({"code": "HOME-SOLO", "expires_on": date(2020, 1, 1)}, rules.KeyForHome, ""),
        ({"code": "HOMER"}, None, ""),
        ({"is_open": False}, rules.ProductUnavailable, "closed"),
        ({"served": False}, rules.ProductUnavailable, "country"),
        ({"kind": "trial"}, None, ""),
        ({"kind": "trial", "had": True}, rules.ProductUnavailable, "trial"),
        ({"had": True}, None, ""),
    ],
)
def test_each_reason_against_a_key(changes: dict[str, Any], refusal: type[Refusal] | None, why: str) -> None:
    asked = replace(GOOD, **changes)
    if refusal is None:
        rules.check_key(asked, TODAY)
        return
    with pytest.raises(refusal) as caught:
        rules.check_key(asked, TODAY)
    assert caught.value.facts.get("why", "") == why


def test_a_product_has_so_many_licences() -> None:
    rules.check_licences("Suite", 300, 300)
    with pytest.raises(rules.TooManyLicences):
        rules.check_licences("Suite", 301, 300)


@pytest.mark.parametrize(
    ("of_pair", "in_all", "left"),
    [
        (0, 0, (20, False)), (19, 0, (1, False)), (0, 999, (1, True)), (20, 0, (0, False)), (0, 1000, (0, True)),
        (21, 980, (-1, False)), (25, 2000, (-1000, True)),
    ],
)  # fmt: skip
def test_so_many_keys_may_be_wrong_by_the_nearer_limit(of_pair: int, in_all: int, left: tuple[int, bool]) -> None:
    found = rules.left_to_try(of_pair, in_all, 20, 1000)
    assert (found.count, found.everybody) == left


@pytest.mark.parametrize(
    ("ago", "window", "minutes"),
    [(0, 3600, 60), (3599, 3600, 1), (1801, 3600, 30), (600, 86400, 1430), (3700, 3600, 1)],
)
def test_whoever_waits_is_told_how_long(ago: int, window: int, minutes: int) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert rules.minutes_until(now - timedelta(seconds=ago), window // 60, now) == minutes


@pytest.mark.parametrize(
    ("issued_for", "sold_by", "another"),
    [
        ([None], [ONE, None], False), ([ONE], [ONE, None], False), ([TWO], [ONE, TWO], False), ([TWO], [ONE, None], True),
        ([ONE, TWO], [ONE, None], True), ([ONE], [None, None], False), ([None, None], [None, None], False),
    ],
)  # fmt: skip
def test_a_key_of_another_partner_goes_with_no_subscription_that_one_sells(
    issued_for: list[UUID | None], sold_by: list[UUID | None], another: bool
) -> None:
    assert rules.is_of_another(issued_for, sold_by) is another


def test_who_bills_is_the_one_partner_of_all_keys_or_nobody() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert rules.one_partner([one, one]) == one
    assert rules.one_partner([one, two]) is rules.one_partner([one, None]) is rules.one_partner([None]) is None


@pytest.mark.parametrize(
    ("way", "ends_on", "why"),
    [
        ("seats", TODAY, "seats"),
        ("extend", TODAY, "extension"),
        ("extend", date(2026, 11, 19), "reactivation"),
    ],
)
def test_a_change_has_its_name(way: str, ends_on: date, why: str) -> None:
    assert rules.why_of(way, ends_on, TODAY) == why


def test_an_extension_counts_only_when_it_reaches_today() -> None:
    def reaching(day: date) -> Arithmetic:
        return Arithmetic(10, day, TODAY, 10, Fraction(0), 10, Fraction(1))

    assert rules.works_again(reaching(TODAY), TODAY)
    assert not rules.works_again(reaching(date(2026, 11, 19)), TODAY)


@pytest.mark.parametrize(
    ("count", "seats", "expires_on", "refusal"),
    [
        (1, 300, TODAY, None),
        (10_000, 1, TODAY, None),
        (0, 1, TODAY, rules.CountOutOfBounds),
        (10_001, 1, TODAY, rules.CountOutOfBounds),
        (1, 301, TODAY, rules.MoreThanProduct),
        (1, 1, date(2026, 11, 19), rules.ExpiredAlready),
    ],
)
def test_what_can_be_issued(count: int, seats: int, expires_on: date, refusal: type[Refusal] | None) -> None:
    if refusal is None:
        rules.check_issue(count, seats, 300, expires_on, TODAY)
    else:
        with pytest.raises(refusal):
            rules.check_issue(count, seats, 300, expires_on, TODAY)
