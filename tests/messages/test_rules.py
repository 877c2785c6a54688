"""What becomes of a message, and by how much it is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.messages import rules

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("handed_over", "given_up", "closed", "state"),
    [
        (None, None, None, "waiting"),
        (NOON, None, NOON, "handed_over"),
        (None, NOON, NOON, "given_up"),
        (None, None, NOON, "cancelled"),
        (NOON, None, None, "handed_over"),
        (NOON, NOON, NOON, "handed_over"),  # another worker gave it up after it had left
    ],
)
def test_what_became_of_a_message_follows_from_its_times(
    handed_over: datetime | None, given_up: datetime | None, closed: datetime | None, state: str
) -> None:
    assert rules.state_of(handed_over, given_up, closed) == state


@pytest.mark.parametrize(
    ("due", "handed_over", "state", "now", "minutes"),
    [
        (at(30), at(1), "handed_over", at(90), 0),
        (at(30), at(30), "handed_over", at(90), 0),  # exactly at the deadline is in time
        (at(30), at(31), "handed_over", at(90), 1),  # and stays what it was, however late it is asked
        (at(30), None, "waiting", at(29), 0),
        (at(30), None, "waiting", at(30), 0),
        (at(30), None, "waiting", at(45), 15),
        (at(30), None, "given_up", at(45), 15),
        (at(30), None, "cancelled", at(45), 0),
        (None, at(500), "handed_over", at(600), 0),
        (None, None, "waiting", at(600), 0),
    ],
)
def test_lateness_counts_from_the_deadline_until_the_message_left_or_now(
    due: datetime | None, handed_over: datetime | None, state: str, now: datetime, minutes: int
) -> None:
    assert rules.late_by(due, handed_over, state, now) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("words", "stored"),
    [
        ("See https://ours.example/objection/MARK", "See https://ours.example/objection/…"),
        ("Dear https://evil.example/…, see https://ours.example/x/MARK", None),
        ("Your code: KEY", "Your code: ••••••"),
        ("Dear https://evil.example/••••••, your code: KEY", None),
        ("Dear •••••••••••••, your code: KEY", None),
        ("Wait … and see", "Wait … and see"),
    ],
)
def test_only_our_own_gap_is_left_to_be_filled_in(words: str, stored: str | None) -> None:
    found = rules.with_gaps(words, {"MARK": rules.GAP, "KEY": rules.CODE_GAP})
    assert found.count(f"/{rules.GAP}") + found.count(rules.CODE_GAP) == (0 if "Wait" in words else 1)
    assert "evil.example/…" not in found
    assert stored in {None, found}
    assert found.replace("\N{WORD JOINER}", "").count("…") == words.count("…") + words.count("MARK")
