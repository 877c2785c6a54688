"""Rules of teams and pairings, as tables of plain facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.organizations import rules as organizations
from webapp.team import rules
from webapp.team.rules import Asked

ASKED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
UNTIL = ASKED + timedelta(days=90)


@pytest.mark.parametrize(
    ("has_password", "is_disabled", "state"),
    [(True, False, "active"), (False, False, "invited"), (True, True, "removed"), (False, True, "removed")],
)
def test_a_person_is_active_invited_or_removed(has_password: bool, is_disabled: bool, state: str) -> None:
    assert rules.state_of(has_password, is_disabled) == state


@pytest.mark.parametrize(
    ("elsewhere", "others_domain", "usable"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
def test_an_address_of_anybody_else_is_refused_in_the_same_words(
    elsewhere: bool, others_domain: bool, usable: bool
) -> None:
    if usable:
        organizations.check_usable(elsewhere, others_domain)
        return
    with pytest.raises(organizations.AddressNotUsable) as refused:
        organizations.check_usable(elsewhere, others_domain)
    assert refused.value.facts == {}


@pytest.mark.parametrize(
    ("how", "moment", "state"),
    [
        ("", ASKED, "waiting"),
        ("", UNTIL - timedelta(seconds=1), "waiting"),
        ("", UNTIL, "expired"),
        ("confirmed", UNTIL + timedelta(days=1), "confirmed"),
        ("declined", ASKED, "declined"),
        ("withdrawn", ASKED, "withdrawn"),
    ],
)
def test_a_request_waits_until_it_is_answered_or_its_time_is_over(how: str, moment: datetime, state: str) -> None:
    assert rules.state_of_request(Asked(ASKED, UNTIL, how=how), moment) == state


@pytest.mark.parametrize(
    ("earlier", "may"),
    [
        ([], True),
        ([Asked(ASKED, UNTIL, how="declined")], True),
        ([Asked(ASKED, UNTIL, how="withdrawn")], True),
        ([Asked(ASKED, ASKED + timedelta(days=1))], True),
        ([Asked(ASKED, UNTIL)], False),
        ([Asked(ASKED, UNTIL, how="declined"), Asked(ASKED, UNTIL, by_us=True)], False),
    ],
)
def test_one_request_waits_between_two_whoever_asked(earlier: list[Asked], may: bool) -> None:
    now = ASKED + timedelta(days=2)
    if may:
        rules.check_can_ask(earlier, now)
        return
    with pytest.raises(rules.PairingAskedAlready) as refused:
        rules.check_can_ask(earlier, now)
    assert refused.value.facts == {"by_us": earlier[-1].by_us, "at": ASKED}


@pytest.mark.parametrize("wanted", ["confirmed", "declined", "withdrawn"])
def test_the_same_answer_again_changes_nothing_and_another_is_refused(wanted: str) -> None:
    answered = ASKED + timedelta(days=1)
    assert not rules.is_repeated(Asked(ASKED, UNTIL), wanted, answered)
    assert rules.is_repeated(Asked(ASKED, UNTIL, how=wanted), wanted, answered)
    other = "declined" if wanted != "declined" else "confirmed"
    given = Asked(ASKED, UNTIL, how=other, answered_at=answered, by="Fabrikam Distribution")
    with pytest.raises(rules.PairingRequestOver) as refused:
        rules.is_repeated(given, wanted, answered)
    assert refused.value.facts == {"how": other, "at": answered, "by": "Fabrikam Distribution"}


def test_a_request_that_nobody_answered_in_time_is_over() -> None:
    with pytest.raises(rules.PairingRequestOver) as refused:
        rules.is_repeated(Asked(ASKED, UNTIL), "confirmed", UNTIL)
    assert refused.value.facts == {"how": "expired", "at": UNTIL, "by": ""}
