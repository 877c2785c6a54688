"""What a subscription must be, and when it holds up an end."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from webapp.errors import Refusal
from webapp.subscriptions import rules

Day = tuple[int, int, int]
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


@pytest.mark.parametrize(
    ("product", "seats", "first", "last"),
    [
        ("A", 1, FIRST, FIRST),
        ("Microsoft 365 Business Premium (年間)", 1_000_000, FIRST, LAST),
        ("x" * 200, 5, FIRST, LAST),
    ],
)
def test_these_can_be_added(product: str, seats: int, first: date, last: date) -> None:
    rules.check_subscription(product, seats, first, last)


@pytest.mark.parametrize(
    ("product", "seats", "first", "last", "refusal"),
    [
        ("", 1, FIRST, LAST, rules.ProductNotNamed),
        ("  ", 1, FIRST, LAST, rules.ProductNotNamed),
        ("x" * 201, 1, FIRST, LAST, rules.ProductNotNamed),
        ("two\nlines", 1, FIRST, LAST, rules.ProductNotNamed),
        ("A", 0, FIRST, LAST, rules.SeatsOutOfBounds),
        ("A", -3, FIRST, LAST, rules.SeatsOutOfBounds),
        ("A", 1_000_001, FIRST, LAST, rules.SeatsOutOfBounds),
        ("A", 1, LAST, FIRST, rules.TermOutOfOrder),
    ],
)
def test_these_are_refused(product: str, seats: int, first: date, last: date, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        rules.check_subscription(product, seats, first, last)


def test_nothing_is_sold_without_a_relationship() -> None:
    rules.check_related(True)
    with pytest.raises(rules.NotRelated):
        rules.check_related(False)


@pytest.mark.parametrize(
    ("today", "active"), [(date(2025, 6, 1), True), (FIRST, True), (LAST, True), (date(2027, 1, 1), False)]
)
def test_it_is_active_until_its_last_day_is_over_and_before_it_begins(today: date, active: bool) -> None:
    assert rules.is_active(LAST, today) is active


@pytest.mark.parametrize(
    ("first", "months", "last"),
    [
        (date(2026, 1, 1), 12, date(2026, 12, 31)),
        (date(2026, 8, 15), 1, date(2026, 9, 14)),
        (date(2026, 1, 31), 1, date(2026, 2, 27)),
        (date(2028, 1, 31), 1, date(2028, 2, 28)),
        (date(2028, 2, 29), 12, date(2029, 2, 27)),
        (date(2028, 2, 29), 48, date(2032, 2, 28)),
        (date(2027, 3, 1), 12, date(2028, 2, 29)),
        (date(2027, 2, 28), 12, date(2028, 2, 27)),
        (date(2026, 12, 1), 36, date(2029, 11, 30)),
    ],
)
def test_a_term_ends_on_the_day_before_the_same_day_of_a_later_month(first: date, months: int, last: date) -> None:
    assert rules.last_day(first, months) == last
    assert rules.months_between(first, last) == months


@pytest.mark.parametrize(
    ("anchor", "starts_on", "ends_on", "following"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 12, 31), (date(2027, 1, 1), date(2027, 12, 31))),
        # A month from the 31st keeps its day, however short February is.
        (date(2026, 1, 31), date(2026, 1, 31), date(2026, 2, 27), (date(2026, 2, 28), date(2026, 3, 30))),
        (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 30), (date(2026, 3, 31), date(2026, 4, 29))),
        # A year from 29 February ends with the 27th, and four years later with the 28th.
        (date(2028, 2, 29), date(2028, 2, 29), date(2029, 2, 27), (date(2029, 2, 28), date(2030, 2, 27))),
        (date(2028, 2, 29), date(2031, 2, 28), date(2032, 2, 28), (date(2032, 2, 29), date(2033, 2, 27))),
        # No whole months: as many days again.
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 10), (date(2026, 1, 11), date(2026, 1, 20))),
        (date(2026, 1, 1), date(2026, 1, 11), date(2026, 1, 20), (date(2026, 1, 21), date(2026, 1, 30))),
    ],
)
def test_the_next_term_is_as_long_and_keeps_its_day(
    anchor: date, starts_on: date, ends_on: date, following: tuple[date, date]
) -> None:
    term = rules.next_term(rules.Term(anchor, starts_on, ends_on), ends_on)
    assert ((term.first, term.last), term.anchor) == (following, anchor)


@pytest.mark.parametrize(
    ("anchor", "ordered", "ends_on", "following"),
    [
        # A year that was extended by a month: a year again, counted on from the same day.
        ((2026, 1, 1), ((2026, 1, 1), (2026, 12, 31)), (2027, 1, 31), ((2026, 1, 1), (2027, 2, 1), (2028, 1, 31))),
        # More seats moved the end into a month: a year again, from a day of its own.
        ((2026, 1, 1), ((2026, 1, 1), (2026, 12, 31)), (2026, 9, 17), ((2026, 9, 18), (2026, 9, 18), (2027, 9, 17))),
        # The second month from the 31st, and some days.
        ((2026, 1, 31), ((2026, 2, 28), (2026, 3, 30)), (2026, 4, 5), ((2026, 4, 6), (2026, 4, 6), (2026, 5, 5))),
        # Ten days and a week.
        ((2026, 1, 1), ((2026, 1, 1), (2026, 1, 10)), (2026, 1, 17), ((2026, 1, 1), (2026, 1, 18), (2026, 1, 27))),
        # Five days that end with a month are five days again.
        ((2026, 1, 1), ((2026, 1, 27), (2026, 1, 31)), (2026, 1, 31), ((2026, 1, 1), (2026, 2, 1), (2026, 2, 5))),
    ],
)  # fmt: skip
def test_a_changed_end_is_followed_by_a_term_of_the_length_that_was_ordered(
    anchor: Day, ordered: tuple[Day, Day], ends_on: Day, following: tuple[Day, Day, Day]
) -> None:
    term = rules.next_term(rules.Term(date(*anchor), *(date(*each) for each in ordered)), date(*ends_on))
    assert term == rules.Term(*(date(*each) for each in following))


@pytest.mark.parametrize(("ends_on", "due"), [(date(2026, 8, 30), True), (date(2026, 8, 31), False), (LAST, False)])
def test_renewal_is_due_once_the_last_day_is_over(ends_on: date, due: bool) -> None:
    assert rules.is_due(ends_on, date(2026, 8, 31)) is due


@pytest.mark.parametrize(
    ("today", "stage"),
    [
        # Seed 000: usable for 30 days after the end; reactivated, and the data kept, until 120 days after it.
        (date(2025, 12, 31), "coming"), (FIRST, "active"), (LAST, "active"), (date(2027, 1, 1), "expired"),
        (date(2027, 1, 30), "expired"), (date(2027, 1, 31), "disabled"), (date(2027, 4, 30), "disabled"),
        (date(2027, 5, 1), "deleted"),
    ],
)  # fmt: skip
def test_the_stage_of_a_subscription_on_a_day(today: date, stage: str) -> None:
    assert rules.stage_of(FIRST, LAST, today, rules.Stages()) == stage


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, ""),
        ({"code": "CFQ7TTC0LH18:0001"}, ""),
        ({"code": ""}, "CodeMalformed"),
        ({"code": "A B"}, "CodeMalformed"),
        ({"code": "x" * 41}, "CodeMalformed"),
        ({"names": ("Suite", "")}, "ProductNotNamed"),
        ({"names": ("Suite\n2", "スイート")}, "ProductNotNamed"),
        ({"kind": "car"}, "UnknownKind"),
        ({"months": 0}, "MonthsOutOfBounds"),
        ({"months": 61}, "MonthsOutOfBounds"),
        ({"seats_min": 0}, "SeatsOutOfBounds"),
        ({"seats_min": 11}, "SeatsOutOfBounds"),
        ({"seats_max": 1_000_001}, "SeatsOutOfBounds"),
    ],
)
def test_what_a_product_must_be(changes: dict[str, Any], refusal: str) -> None:
    product: dict[str, Any] = {
        "code": "S",
        "names": ("Suite", "スイート"),
        "kind": "offer",
        "months": 12,
        "seats_min": 1,
        "seats_max": 10,
    }
    if not refusal:
        rules.check_product(**product | changes)
        return
    with pytest.raises(Refusal) as refused:
        rules.check_product(**product | changes)
    assert refused.value.name == refusal
