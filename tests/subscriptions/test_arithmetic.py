"""More seats and later ends: licence-months are conserved, told by a calendar and a formula of the test's own."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.subscriptions import rules

DAY = timedelta(days=1)


def later(first: date, months: int) -> date:
    """The day on which the month after so many begins, counted from a day: the same day, or the month's last."""
    year, month = first.year + (first.month - 1 + months) // 12, (first.month - 1 + months) % 12 + 1
    return date(year, month, min(first.day, calendar.monthrange(year, month)[1]))


def counted(first: date, until: date) -> Fraction:
    """The months from a day to a last day, counted month by month: whole ones, then days of the month begun."""
    months = 0
    while later(first, months + 1) - DAY <= until:
        months += 1
    begins, ends = later(first, months), later(first, months + 1)
    return months + Fraction((until - begins).days + 1, (ends - begins).days)


DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
SEATS = st.integers(1, 500)
KEYS = st.lists(st.tuples(SEATS, st.sampled_from([1, 3, 6, 12])), min_size=1, max_size=4)


# --- the documented examples -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seats", "key", "months"),
    [(100, 25, 3), (100, 100, 12), (5, 10, 24), (100, 300, 36)],
)
def test_extending_adds_twelve_times_the_key_by_the_seats(seats: int, key: int, months: int) -> None:
    today, ends_on = date(2026, 5, 20), date(2026, 8, 31)
    found = rules.extended(seats, ends_on, today, [(key, 12)])
    assert (found.seats, found.months) == (seats, Fraction(months))
    assert found.ends_on == later(date(2026, 9, 1), months) - DAY
    assert found.lost_days == 0


def test_a_hundred_seats_with_two_months_left_and_a_key_of_a_hundred_run_seven_months() -> None:
    today = date(2026, 5, 20)
    found = rules.with_seats(100, date(2026, 7, 19), today, [(100, 12)])
    assert (found.seats, found.had, found.left, found.licence_months) == (200, 100, Fraction(2), 1200)
    assert (found.months, found.ends_on) == (Fraction(7), date(2026, 12, 19))


def test_two_keys_add_up_as_one_of_both_does() -> None:
    today, ends_on = date(2026, 5, 20), date(2026, 11, 3)
    one = rules.with_seats(7, ends_on, today, [(5, 12), (5, 12)])
    both = rules.with_seats(7, ends_on, today, [(10, 12)])
    assert (one.seats, one.ends_on) == (both.seats, both.ends_on)


def test_a_subscription_of_its_own_has_one_end_for_the_licences_of_all_keys() -> None:
    found = rules.begun(date(2026, 2, 28), [(10, 12), (10, 6)])
    assert (found.seats, found.months, found.ends_on) == (20, Fraction(9), date(2026, 11, 27))


# --- for every day and every key -------------------------------------------------------------------------------


@given(DAYS, st.integers(0, 1200))
def test_the_end_after_what_is_left_is_the_end(first: date, days: int) -> None:
    ends_on = first + timedelta(days=days)
    left = rules.months_left(first, ends_on)
    assert left == counted(first, ends_on)
    assert rules.end_after(first, left) == ends_on


@given(DAYS, st.fractions(0, 40, max_denominator=700))
def test_rounding_loses_nothing_and_wins_less_than_a_day(first: date, months: Fraction) -> None:
    ends_on = rules.end_after(first, months)
    assert counted(first, ends_on) >= months
    assert ends_on < first or counted(first, ends_on - DAY) < months


@given(DAYS, SEATS, st.integers(0, 900), KEYS)
def test_adding_seats_conserves_licence_months(today: date, seats: int, days: int, keys: list[tuple[int, int]]) -> None:
    """(A x B + C x 12) / (A + C), with C x 12 the licence-months of all keys."""
    ends_on = today + timedelta(days=days)
    more, paid = sum(n for n, _months in keys), sum(n * months for n, months in keys)
    had = seats * counted(today, ends_on)
    if (had + paid) / (seats + more) - counted(today, ends_on) > 36:
        with pytest.raises(rules.ExtensionTooLong):
            rules.with_seats(seats, ends_on, today, keys)
        return
    found = rules.with_seats(seats, ends_on, today, keys)
    assert found.seats == seats + more
    holds = found.seats * counted(today, found.ends_on)
    assert had + paid <= holds
    assert found.seats * counted(today, found.ends_on - DAY) < had + paid


@given(DAYS, SEATS, st.integers(-150, 900), KEYS)
def test_extending_conserves_licence_months_from_the_old_end(
    today: date, seats: int, days: int, keys: list[tuple[int, int]]
) -> None:
    """12 x C / A months, counted from the old end; what lies between a passed end and today is lost, and said."""
    ends_on = today + timedelta(days=days)
    paid = sum(n * months for n, months in keys)
    if paid > 36 * seats:
        with pytest.raises(rules.ExtensionTooLong) as refused:
            rules.extended(seats, ends_on, today, keys)
        assert refused.value.months == -(-paid // seats)
        return
    found = rules.extended(seats, ends_on, today, keys)
    assert found.seats == seats
    assert seats * counted(ends_on + DAY, found.ends_on) >= paid
    assert seats * counted(ends_on + DAY, found.ends_on - DAY) < paid
    over = [ends_on + n * DAY for n in range(1, 1 - days)] if days < 0 else []
    assert found.lost_days == sum(day < today and day <= found.ends_on for day in over)
    assert rules.loses_much(found) is (found.lost_days > 30)


@given(DAYS, KEYS)
def test_beginning_conserves_licence_months(today: date, keys: list[tuple[int, int]]) -> None:
    found = rules.begun(today, keys)
    paid = sum(n * months for n, months in keys)
    assert found.seats * counted(today, found.ends_on) >= paid
    assert found.seats * counted(today, found.ends_on - DAY) < paid


# --- what is refused -------------------------------------------------------------------------------------------


def test_three_years_are_added_and_not_a_licence_month_more() -> None:
    today, ends_on = date(2026, 5, 20), date(2026, 8, 31)
    assert rules.extended(5, ends_on, today, [(15, 12)]).months == 36
    with pytest.raises(rules.ExtensionTooLong) as refused:
        rules.extended(5, ends_on, today, [(15, 12), (1, 1)])
    assert refused.value.months == 37


def test_seats_are_added_on_the_last_day_and_not_after_it() -> None:
    last = date(2026, 8, 31)
    assert rules.with_seats(5, last, last, [(5, 12)]).seats == 10
    with pytest.raises(rules.SubscriptionOver) as refused:
        rules.with_seats(5, last, last + DAY, [(5, 12)])
    assert refused.value.ends_on == last


def test_no_subscription_gets_more_than_a_million_seats() -> None:
    today = date(2026, 5, 20)
    with pytest.raises(rules.SeatsOutOfBounds):
        rules.with_seats(999_999, today, today, [(2, 1)])
    with pytest.raises(rules.SeatsOutOfBounds):
        rules.begun(today, [])
