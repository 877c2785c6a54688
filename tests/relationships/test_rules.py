"""When a relationship can begin and end, and when its partner is reminded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from webapp.relationships import rules


def test_a_relationship_begins_once() -> None:
    rules.check_can_begin(None)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(rules.AlreadyRelated) as refused:
        rules.check_can_begin(since)
    assert refused.value.since == since


@pytest.mark.parametrize(
    ("day", "until"), [(date(2026, 5, 1), date(2036, 5, 1)), (date(2028, 2, 29), date(2038, 2, 28))]
)
def test_a_signature_is_kept_for_the_years_of_the_policy(day: date, until: date) -> None:
    assert rules.kept_until(day, 10) == until


# --- ending ----------------------------------------------------------------------------------------------------

ASKED = datetime(2026, 11, 1, 9, tzinfo=UTC)


def test_an_ended_relationship_is_over_for_good() -> None:
    rules.check_open(None, "")
    with pytest.raises(rules.RelationshipOver) as refused:
        rules.check_open(ASKED, "Northwind")
    assert (refused.value.at, refused.value.by) == (ASKED, "Northwind")


def test_what_is_active_holds_the_end_up_until_the_day_after_the_last_one() -> None:
    rules.check_nothing_active([])
    held = [rules.Held("A", 1, date(2027, 2, 28)), rules.Held("B", 5, date(2026, 12, 31))]
    with pytest.raises(rules.SubscriptionsActive) as refused:
        rules.check_nothing_active(held)
    assert refused.value.subscriptions == held
    assert refused.value.free_on == date(2027, 3, 1)
    assert rules.free_on([]) is None


@pytest.mark.parametrize(("agree", "reason"), [(True, ""), (True, "Gladly."), (False, "The term runs.")])
def test_only_a_refusal_needs_a_reason(agree: bool, reason: str) -> None:
    rules.check_reason(agree, reason)


@pytest.mark.parametrize("reason", ["", "  ", "\n\u3000"])
def test_blanks_are_no_reason(reason: str) -> None:
    with pytest.raises(rules.ReasonMissing):
        rules.check_reason(False, reason)


@pytest.mark.parametrize("wanted", rules.ANSWERS)
def test_the_same_answer_again_changes_nothing_and_another_is_refused(wanted: str) -> None:
    assert not rules.is_repeated(None, wanted, at=None, by="")
    assert rules.is_repeated(wanted, wanted, at=ASKED, by="Northwind")
    for other in set(rules.ANSWERS) - {wanted}:
        with pytest.raises(rules.RequestAnswered) as refused:
            rules.is_repeated(other, wanted, at=ASKED, by="Northwind")
        assert refused.value.answer == other


@pytest.mark.parametrize(
    ("after", "reminded", "due"),
    [
        (timedelta(days=6, hours=23, minutes=59), set(), ()),
        (timedelta(days=7), set(), (7,)),
        (timedelta(days=8), {7}, ()),
        (timedelta(days=14), {7}, (14,)),
        (timedelta(days=20), set(), (7, 14)),  # after downtime: together
        (timedelta(days=20), {7, 14}, ()),
        (timedelta(days=20), {14}, (7,)),
        (timedelta(days=-3), set(), ()),  # a clock set back
    ],
)
def test_a_partner_is_reminded_after_seven_and_after_fourteen_days(
    after: timedelta, reminded: set[int], due: tuple[int, ...]
) -> None:
    assert rules.reminders_due(ASKED, reminded, [14, 7], ASKED + after) == due


def test_a_partner_that_is_not_known_is_not_trusted() -> None:
    rules.check_trusted(None, "Northwind")
    with pytest.raises(rules.PartnerDistrusted) as refused:
        rules.check_trusted(ASKED, "Northwind")
    assert (refused.value.partner, refused.value.since) == ("Northwind", ASKED)
