"""How answers of customers are told by mail: a few at once, many together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

#: Kinds of entries that are also told by mail: the answers of customers.
ANSWERS = ("invitation_accepted", "invitation_declined")
#: So many answers within WINDOW go out as a mail each; more wait and go out as one.
SINGLY = 3
WINDOW = timedelta(minutes=15)


class Telling(StrEnum):
    """What to do now with the answers that were not told yet."""

    SINGLY = "singly"
    TOGETHER = "together"
    LATER = "later"


def is_told_by_mail(kind: str) -> bool:
    """Whether a mail tells of entries of this kind."""
    return kind in ANSWERS


def how_to_tell(waiting: Sequence[datetime], told_lately: int, now: datetime) -> Telling:
    """Decide for the answers that wait (when each was given) after `told_lately` were told within WINDOW.

    One answer goes out at once. In a rush the rest is gathered until the oldest has waited for WINDOW.
    """
    if not waiting:
        return Telling.LATER
    if len(waiting) + told_lately <= SINGLY:
        return Telling.SINGLY
    if abs(now - min(waiting)) < WINDOW:  # a clock set back must not hold them for longer
        return Telling.LATER
    return Telling.TOGETHER if len(waiting) > 1 else Telling.SINGLY
