"""How many mails tell of how many answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.tasks.rules import Telling, how_to_tell, is_told_by_mail

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def minutes_ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=each) for each in minutes]


@pytest.mark.parametrize(
    ("waiting", "told_lately", "way"),
    [
        ([], 0, Telling.LATER),
        ([0], 0, Telling.SINGLY),
        ([0, 0, 0], 0, Telling.SINGLY),
        ([0], 2, Telling.SINGLY),
        ([0], 3, Telling.LATER),
        ([0, 1, 2, 3], 0, Telling.LATER),
        ([0, 1, 2, 15], 0, Telling.TOGETHER),
        ([14.9], 3, Telling.LATER),
        ([15], 3, Telling.SINGLY),
        ([600, 601, 602, 603], 0, Telling.TOGETHER),
        ([-1, -1, -1, -1], 0, Telling.LATER),  # the clock was set back a little
        ([-600, -600, -600, -600], 0, Telling.TOGETHER),  # and far
    ],
)
def test_few_answers_are_told_at_once_and_many_together(waiting: list[float], told_lately: int, way: Telling) -> None:
    assert how_to_tell(minutes_ago(*waiting), told_lately, NOW) is way


def test_only_answers_are_told_by_mail() -> None:
    assert is_told_by_mail("invitation_accepted")
    assert is_told_by_mail("invitation_declined")
    assert not is_told_by_mail("invitation_expired")
