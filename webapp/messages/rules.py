"""When a message is tried again, when it is given up, and by how much it is late."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta

LEASE = timedelta(seconds=60)  # longer than the SMTP time-out of 20 s, so that a lease outlives its attempt
BATCH = 100
LAST_ATTEMPT = 12
LONGEST_PAUSE = timedelta(hours=2)
LONGEST_PAUSE_AWAY = timedelta(minutes=5)
COUNTED_AWAY = 4
#: How far apart two workers may read the time and still see each other's leases: one waits for the lock of the
#: database with a moment that it took before, another runs on a machine whose clock goes slow.
SKEW = timedelta(seconds=60)
#: Where a secret goes in a stored link; replaced at hand-over.
GAP = "…"
#: Where a code of six digits goes in a stored text; replaced at hand-over.
CODE_GAP = "••••••"


def with_gaps(words: str, marks: Mapping[str, str]) -> str:
    """Words as they are stored: each mark becomes its gap; what looks like a gap elsewhere, since somebody typed it, is
    broken up by an invisible joiner, so that nothing is filled in there."""
    for typed in (f"/{GAP}", CODE_GAP):
        words = words.replace(typed, "\N{WORD JOINER}".join(typed))
    for mark, gap in marks.items():
        words = words.replace(mark, gap)
    return words


_ONE_ADDRESS = re.compile(r"[^\s,;<>\"()]+@[^\s,;<>\"()]+")


def check_headers(recipient: str, *lines: str) -> None:
    """Raises ValueError when the recipient is not one address, or a header not one line."""
    if not _ONE_ADDRESS.fullmatch(recipient):
        raise ValueError("a message goes to one address")
    if any(unicodedata.category(character) == "Cc" for line in (recipient, *lines) for character in line):
        raise ValueError("a header is one line without control characters")


def counted(attempts: int, *, unreachable: bool = False) -> int:
    """How many attempts count after one more failed. That the server was not reached counts a few times only: after a
    long outage the first "try again later" must not be the end of patience."""
    return max(attempts, min(attempts + 1, COUNTED_AWAY)) if unreachable else attempts + 1


def next_attempt(attempts: int, now: datetime, *, unreachable: bool = False) -> datetime:
    """When to try again after so many failed attempts: one minute doubled each time, at most two hours; at most a few
    minutes while the server is not reached at all, which says nothing about the message and soon may be over."""
    longest = LONGEST_PAUSE_AWAY if unreachable else LONGEST_PAUSE
    return now + min(timedelta(minutes=2 ** min(max(attempts - 1, 0), 10)), longest)


def is_final(smtp_code: int | None, attempts: int) -> bool:
    """Whether to stop: the server said a permanent no (5xx), or patience is over."""
    return (smtp_code is not None and 500 <= smtp_code < 600) or attempts >= LAST_ATTEMPT


#: What became of a message: it waits for hand-over, left, was given up, or is not to leave any more.
MESSAGE_STATES = ("waiting", "handed_over", "given_up", "cancelled")


def state_of(handed_over_at: datetime | None, given_up_at: datetime | None, closed_at: datetime | None) -> str:
    """One of MESSAGE_STATES. What left is never called cancelled."""
    if handed_over_at is not None:
        return "handed_over"
    if given_up_at is not None:
        return "given_up"
    return "waiting" if closed_at is None else "cancelled"


def late_by(due_at: datetime | None, handed_over_at: datetime | None, state: str, now: datetime) -> timedelta:
    """How long after its deadline a message left or, while it did not, how long it is past it; zero when it is in time,
    has no deadline, or is not to leave. Exactly at the deadline is in time."""
    if due_at is None or state == "cancelled":
        return timedelta(0)
    return max((handed_over_at or now) - due_at, timedelta(0))
