"""When an end is told, in which group it stands, and when direct billing is asked about: tables of facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webapp.renewals import rules
from webapp.renewals.rules import Ending

PLAN = [60, 30, 7, 1]
END = date(2027, 6, 30)
LONG_AGO = datetime(2026, 7, 1, tzinfo=UTC)


def at(day: date, hour: int = 12, zone: str = "Asia/Tokyo") -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def ending(told: int | None = None, since: datetime = LONG_AGO, starts_on: date = date(2026, 7, 1)) -> Ending:
    return Ending(starts_on, END, "Asia/Tokyo", since, told)


@pytest.mark.parametrize(
    ("left", "hour", "told", "days"),
    [
        (61, 12, None, None), (60, 8, None, None), (60, 9, None, 60), (59, 0, None, 60), (31, 23, None, 60),
        (60, 12, 60, None), (30, 9, 60, 30), (30, 9, None, 30), (30, 9, 30, None), (29, 3, 60, 30), (8, 12, 30, None),
        (7, 8, 30, None), (7, 8, 60, 7),  # the 30 is late: told on the day of the 7, it is the 7
        (7, 9, 30, 7), (1, 9, 7, 1), (1, 8, 7, None), (1, 9, None, 1), (0, 0, 7, 1), (0, 23, None, 1), (0, 12, 1, None),
        (-1, 0, None, None), (-30, 12, None, None),
    ],
)  # fmt: skip
def test_each_notice_is_due_on_its_local_day_from_nine_and_one_stands_for_several(
    left: int, hour: int, told: int | None, days: int | None
) -> None:
    found = rules.due_now(ending(told), at(END - timedelta(days=left), hour), PLAN)
    assert (found.days if found else None) == days
    assert found is None or found.days_left == left


def test_what_was_due_before_the_end_stood_or_the_partner_was_named_is_not_told() -> None:
    named = at(END - timedelta(days=45))
    assert rules.due_now(ending(since=named), at(END - timedelta(days=44)), PLAN) is None
    on_the_day = at(END - timedelta(days=30), 7)
    assert rules.due_now(ending(since=on_the_day), at(END - timedelta(days=30)), PLAN) == rules.Due(30, 30)
    later = at(END - timedelta(days=29), 0)
    assert rules.due_now(ending(since=later), at(END - timedelta(days=29)), PLAN) is None
    assert rules.due_now(ending(since=later), at(END - timedelta(days=7)), PLAN) == rules.Due(7, 7)


def test_nothing_is_told_on_the_first_day_of_a_term() -> None:
    began = END - timedelta(days=30)
    short = ending(since=at(began), starts_on=began)
    assert rules.due_now(short, at(began, 23), PLAN) is None
    assert rules.due_now(short, at(began + timedelta(days=1)), PLAN) is None
    assert rules.due_now(short, at(END - timedelta(days=7)), PLAN) == rules.Due(7, 7)


@pytest.mark.parametrize(
    ("zone", "day", "utc"),
    [
        ("America/New_York", date(2027, 3, 13), datetime(2027, 3, 13, 14, 0)),  # the day before clocks go forward
        ("America/New_York", date(2027, 3, 14), datetime(2027, 3, 14, 13, 0)),
        ("Pacific/Kiritimati", date(2028, 2, 29), datetime(2028, 2, 28, 19, 0)),
        ("Pacific/Honolulu", date(2028, 2, 29), datetime(2028, 2, 29, 19, 0)),
    ],
)
def test_nine_is_nine_on_the_customer_s_clock(zone: str, day: date, utc: datetime) -> None:
    assert rules.notice_moment(day + timedelta(days=7), 7, zone) == utc.replace(tzinfo=UTC)


def test_the_next_moment_is_that_of_the_next_open_notice() -> None:
    assert rules.next_moment(ending(), PLAN) == at(END - timedelta(days=60), 9)
    assert rules.next_moment(ending(told=30), PLAN) == at(END - timedelta(days=7), 9)
    assert rules.next_moment(ending(told=1), PLAN) is None


@pytest.mark.parametrize(
    ("left", "group"),
    [
        (-120, "overdue"), (-1, "overdue"), (0, "days7"), (7, "days7"), (8, "days30"), (30, "days30"), (31, "days60"),
        (60, "days60"), (61, "later"), (1000, "later"),
    ],
)  # fmt: skip
def test_the_groups_meet_without_a_gap(left: int, group: str) -> None:
    today = date(2027, 3, 1)
    assert rules.group_of(today + timedelta(days=left), today) == group
    low, high = rules.bounds_of(group)
    assert low is None or left >= low
    assert high is None or left <= high


@pytest.mark.parametrize(
    ("left", "lost", "early"), [(8, 8, True), (7, 7, False), (0, 0, False), (-5, 0, False), (300, 300, True)]
)
def test_direct_billing_is_asked_about_before_the_last_seven_days(left: int, lost: int, early: bool) -> None:
    today = date(2027, 3, 1)
    end = today + timedelta(days=left)
    assert (rules.lost_days(end, today), rules.is_early(end, today, 7)) == (lost, early)


def test_what_refuses_direct_billing_has_a_name() -> None:
    with pytest.raises(rules.NotBegun):
        rules.check_offer("coming", True)
    with pytest.raises(rules.DirectBillingClosed):
        rules.check_offer("active", False)
    with pytest.raises(rules.SeatsOutOfRange):
        rules.check_seats(301, 1, 300, 0)
    with pytest.raises(rules.SeatsTaken):
        rules.check_seats(4, 1, 300, 5)
    with pytest.raises(rules.OfferMoved):
        rules.check_shown(False)
    with pytest.raises(rules.LossNotAccepted):
        rules.check_loss(True, False, 8)
    with pytest.raises(rules.AgreementNotInOrder):
        rules.check_agreement(False)
    rules.check_offer("deleted", True)
    rules.check_seats(5, 1, 300, 5)
    rules.check_loss(True, True, 8)
    rules.check_loss(False, False, 3)
    rules.check_agreement(True)
