"""Stages on each day, from the sentences of seed 000; what changes did; numbers of partners; licences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from webapp.errors import Refusal
from webapp.subscriptions import rules

FIRST = date(2027, 2, 1)


def refusal_of(check: Callable[[], None]) -> str:
    """The name of the refusal that a check raises, or nothing."""
    try:
        check()
    except Refusal as refused:
        return refused.name
    return ""


def told(ends_on: date, day: date) -> str:
    """Usable for 30 days after the end; reactivation, and the data kept, until 120 days after it."""
    if day < FIRST:
        return "coming"
    if day <= ends_on:
        return "active"
    if day in {ends_on + timedelta(days=n) for n in range(1, 31)}:
        return "expired"
    return "disabled" if day <= ends_on + timedelta(days=120) else "deleted"


@pytest.mark.parametrize(
    "ends_on",
    [date(2028, 2, 29), date(2028, 1, 30), date(2027, 10, 31), date(2028, 2, 28), date(2027, 12, 31), FIRST],
)
def test_the_stage_is_right_on_every_day_around_each_turn(ends_on: date) -> None:
    for n in range(-400, 200):
        day = ends_on + timedelta(days=n)
        assert rules.stage_of(FIRST, ends_on, day, rules.Stages()) == told(ends_on, day), day


@pytest.mark.parametrize(
    ("ends_on", "expired_until", "disabled_until"),
    [
        (date(2028, 1, 30), date(2028, 2, 29), date(2028, 5, 29)),  # the thirtieth day is 29 February
        (date(2027, 1, 30), date(2027, 3, 1), date(2027, 5, 30)),
        (date(2028, 2, 29), date(2028, 3, 30), date(2028, 6, 28)),
    ],
)
def test_each_turn_is_the_last_day_of_its_stage(ends_on: date, expired_until: date, disabled_until: date) -> None:
    turns = rules.turns_of(ends_on, rules.Stages())
    assert (turns.expired_until, turns.disabled_until) == (expired_until, disabled_until)
    for day, before, after in ((expired_until, "expired", "disabled"), (disabled_until, "disabled", "deleted")):
        assert rules.stage_of(date(2026, 1, 1), ends_on, day, rules.Stages()) == before
        assert rules.stage_of(date(2026, 1, 1), ends_on, day + timedelta(days=1), rules.Stages()) == after


def test_the_lengths_of_stages_are_policy_and_may_be_nothing() -> None:
    last, stages = date(2027, 6, 30), rules.Stages(0, 0)
    assert rules.stage_of(FIRST, last, last, stages) == "active"
    assert rules.stage_of(FIRST, last, last + timedelta(days=1), stages) == "deleted"


@pytest.mark.parametrize("stage", rules.STAGES)
def test_what_is_deleted_begins_anew(stage: str) -> None:
    assert rules.may_renew(stage) is (stage != "deleted")


@pytest.mark.parametrize(
    ("seats", "ends_on", "day", "kind"),
    [
        (6, date(2027, 6, 30), date(2027, 6, 1), "seats"),
        (6, date(2027, 8, 30), date(2027, 7, 1), "seats"),
        (5, date(2027, 8, 30), date(2027, 6, 30), "extension"),
        (5, date(2027, 8, 30), date(2027, 7, 1), "reactivation"),
        (5, date(2027, 6, 30), date(2027, 7, 1), "renewal"),
    ],
)
def test_a_change_is_told_by_what_it_changed(seats: int, ends_on: date, day: date, kind: str) -> None:
    assert rules.kind_of_change(5, seats, date(2027, 6, 30), ends_on, day) == kind


@pytest.mark.parametrize(
    ("given", "stage", "refusal"),
    [
        (4, "active", ""), (4, "expired", ""), (5, "active", "NoSeatLeft"), (6, "expired", "NoSeatLeft"),
        (0, "coming", "NoLicencesNow"), (0, "disabled", "NoLicencesNow"), (9, "deleted", "NoLicencesNow"),
    ],
)  # fmt: skip
def test_a_licence_needs_a_seat_of_what_runs_or_is_expired(given: int, stage: str, refusal: str) -> None:
    assert refusal_of(lambda: rules.check_licence("Suite", 5, given, stage)) == refusal


@pytest.mark.parametrize(
    "typed",
    [
        "4000017",
        " 4000017 ",
        "4 000 017",
        "４００００１７",
        "4000-017",
        "4000–017",
        "4000−017",
        "４０００　０１７",
        "4000\u2011017",
    ],
)
def test_a_partner_s_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert rules.read_partner_number(typed) == "4000017"


def test_a_form_counts_only_for_the_partner_that_its_page_showed() -> None:
    assert (rules.record_word(None), rules.record_word("a")) == ("none", "a")
    for shown in ("", "a"):
        rules.check_same_record(shown, "a", "line")
    for shown in ("b", "none"):
        with pytest.raises(rules.PartnerOfRecordChanged):
            rules.check_same_record(shown, "a", "line")


@pytest.mark.parametrize(
    ("is_open", "enrolled", "refusal"),
    [(True, True, ""), (True, False, "PartnerCannotOffer"), (False, True, "PartnerDisabled")],
)
def test_only_an_enrolled_open_partner_is_asked_for_an_offer(is_open: bool, enrolled: bool, refusal: str) -> None:
    assert refusal_of(lambda: rules.check_can_offer("Northwind", is_open, enrolled, "line")) == refusal


def test_who_is_not_known_or_no_member_is_refused() -> None:
    rules.check_known("4000017", True)
    rules.check_member(True)
    with pytest.raises(rules.UnknownPartnerNumber):
        rules.check_known("4000017", False)
    with pytest.raises(rules.NotOneOfThem):
        rules.check_member(False)
