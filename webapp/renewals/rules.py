"""When a coming end is told, in which group an end stands, and how a subscription can be renewed.

Days are days of the customer's calendar. A subscription that ends is told of by its partner of record's and the customer's
own notices, so many days before the last day (seed 000: 60, 30, 7 and 1), from NOTICE_HOUR on; one that renews itself, or
that the customer has left for direct billing, is not told of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from webapp.errors import Refusal

#: Local: notices arrive when the day has begun for people, not at midnight.
NOTICE_HOUR = time(9)
#: The groups of what ends, by the days that are left: (name, from, to), both included; None: without a bound.
GROUPS: tuple[tuple[str, int | None, int | None], ...] = (
    ("overdue", None, -1), ("days7", 0, 7), ("days30", 8, 30), ("days60", 31, 60), ("later", 61, None),
)  # fmt: skip
#: For this long a calendar's link is good, unless it is revoked before.
FEED_LASTS = timedelta(days=3652)


class AgreementNotInOrder(Refusal):
    """Direct billing is a purchase by the customer itself, and nothing is bought without the agreement (seed 002).
    `state`: of consent; `line_id`."""

    status = 403


class SwitchedAlready(Refusal):
    """The subscription was switched to direct billing before. `line_id`, `new_line_id`; `person`, `at`: by whom, and when
    (all None where a constraint said it)."""


class DirectBillingClosed(Refusal):
    """Its product is not in the catalogue, or can no longer be ordered: nothing new begins. `line_id`, `product`."""


class NotBegun(Refusal):
    """What has not begun is not renewed. `line_id`, `starts_on`."""


class OfferMoved(Refusal):
    """What would begin is not what was shown: the day, the subscription or the product has changed meanwhile."""


class LossNotAccepted(Refusal):
    """Days that are paid would be lost, and nobody said that this is meant. `days`."""

    status = 422


class SeatsOutOfRange(Refusal):
    """The product is not sold for so many seats. `low`, `high`."""

    status = 422


class SeatsTaken(Refusal):
    """More people have a licence than there would be seats. `given`."""

    status = 422


# --- what is told when -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ending:
    """One subscription that ends, as the notices see it. `zone`: the customer's; `since`: since when this end stands, or the
    customer has said who the partner of record is, the later of both; `told`: the smallest notice that was told of this
    end (None: none)."""

    starts_on: date
    ends_on: date
    zone: str
    since: datetime
    told: int | None = None


@dataclass(frozen=True)
class Due:
    """The notice that is told now: `days` of the plan, and how many days are really left."""

    days: int
    days_left: int


def local_day(moment: datetime, zone: str) -> date:
    """The day on which a moment falls in a zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def notice_moment(ends_on: date, days: int, zone: str) -> datetime:
    """NOTICE_HOUR on the local day so many days before the last one, in UTC."""
    return datetime.combine(ends_on - timedelta(days=days), NOTICE_HOUR, ZoneInfo(zone)).astimezone(UTC)


def _open(ending: Ending, notice_days: Iterable[int]) -> list[int]:
    """The notices that are or will be due, the largest first.

    Not those before which a smaller one was told; nor those of a day on which this end did not stand yet, or somebody
    else was partner of record; nor those of the first day of a term, whoever began it knows its end.
    """
    known = local_day(ending.since, ending.zone)
    found = []
    for days in sorted(set(notice_days), reverse=True):
        day = ending.ends_on - timedelta(days=days)
        if (ending.told is None or days < ending.told) and day >= known and day > ending.starts_on:
            found.append(days)
    return found


def due_now(ending: Ending, now: datetime, notice_days: Iterable[int]) -> Due | None:
    """What is to be told now, or None. After downtime, and where a late one is told on the day of another, it is one notice
    instead of several: the smallest. Once the last day is over nothing is told."""
    today = local_day(now, ending.zone)
    if today > ending.ends_on:
        return None
    open_ = _open(ending, notice_days)
    if not any(notice_moment(ending.ends_on, days, ending.zone) <= now for days in open_):
        return None
    days = min(each for each in open_ if ending.ends_on - timedelta(days=each) <= today)
    return Due(days, (ending.ends_on - today).days)


def next_moment(ending: Ending, notice_days: Iterable[int]) -> datetime | None:
    """When the next notice is due if nothing changes before; None: never."""
    open_ = _open(ending, notice_days)
    return notice_moment(ending.ends_on, open_[0], ending.zone) if open_ else None


# --- groups ------------------------------------------------------------------------------------------------------


def group_of(ends_on: date, today: date) -> str:
    """The group of an end on the customer's day: one of GROUPS."""
    left = (ends_on - today).days
    return next(
        name for name, low, high in GROUPS if (low is None or left >= low) and (high is None or left <= high)
    )  # fmt: skip


def bounds_of(group: str) -> tuple[int | None, int | None]:
    """From how many to how many days are left in a group."""
    return next((low, high) for name, low, high in GROUPS if name == group)


# --- renewing ----------------------------------------------------------------------------------------------------


def lost_days(ends_on: date, today: date) -> int:
    """How many days that are paid come after today: what begins at once makes them worth nothing."""
    return max((ends_on - today).days, 0)


def is_early(ends_on: date, today: date, direct_days: int) -> bool:
    """Whether direct billing is asked about twice: it begins a new subscription at once, so that it should be chosen only
    shortly before the end (seed 000), or after it."""
    return lost_days(ends_on, today) > direct_days


def check_offer(stage: str, product_open: bool, **facts: object) -> None:
    """Whether direct billing can begin. Raises NotBegun, DirectBillingClosed."""
    if stage == "coming":
        raise NotBegun(**facts)
    if not product_open:
        raise DirectBillingClosed(**facts)


def check_seats(seats: int, low: int, high: int, given: int) -> None:
    """Raises SeatsOutOfRange, SeatsTaken."""
    if not low <= seats <= high:
        raise SeatsOutOfRange(low=low, high=high)
    if seats < given:
        raise SeatsTaken(given=given)


def check_shown(same: bool) -> None:
    """Raises OfferMoved."""
    if not same:
        raise OfferMoved()


def check_loss(early: bool, accepted: bool, days: int) -> None:
    """Raises LossNotAccepted."""
    if early and not accepted:
        raise LossNotAccepted(days=days)


def check_agreement(in_order: bool, **facts: object) -> None:
    """Raises AgreementNotInOrder."""
    if not in_order:
        raise AgreementNotInOrder(**facts)
