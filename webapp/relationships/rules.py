"""When a relationship can begin and end, who waits for whom, and what distrust stops."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from webapp.errors import Refusal

#: What became of a request to end a relationship.
ANSWERS = ("agreed", "refused", "withdrawn")


class AlreadyRelated(Refusal):
    """Customer and partner have this relationship already. `since`: when it began."""


class PartnerDistrusted(Refusal):
    """The customer said that it does not know this partner: it gets no new right there. `partner`, `partner_id`,
    `since`."""


class RelationshipOver(Refusal):
    """The relationship has ended already. `at`, `by` (the organization that ended it; may be empty)."""


class SubscriptionsActive(Refusal):
    """Something bought through the relationship is still active. `subscriptions`, `free_on`: the first day without."""


class RequestAnswered(Refusal):
    """The request to end was answered already, in another way. `answer`, `at`, `by` (an organization's name)."""


class EndingAskedAlready(Refusal):
    """Somebody of the same organization asked at the same moment."""


class DistrustChanged(Refusal):
    """Somebody of the same organization said so, or took it back, at the same moment."""


class ReasonMissing(Refusal):
    """Whoever refuses a request says why."""

    status = 422


@dataclass(frozen=True)
class Held:
    """A subscription that holds up the end of a relationship; `ends_on` is its last day, in the customer's zone."""

    product: str
    seats: int
    ends_on: date


def check_trusted(distrusted_since: object | None, partner: str, partner_id: UUID | None = None) -> None:
    """Raises PartnerDistrusted while the customer says that it does not know the partner (its name and id)."""
    if distrusted_since is not None:
        raise PartnerDistrusted(partner=partner, partner_id=partner_id, since=distrusted_since)


def check_can_begin(open_since: object | None) -> None:
    """Raises AlreadyRelated when the same relationship is open."""
    if open_since is not None:
        raise AlreadyRelated(since=open_since)


# --- ending ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EndsWith:
    """Something that ends with a partner's last relationship. `name` as both sides know it; `waits`: it was only
    offered, and is withdrawn."""

    id: UUID
    name: str
    partner_id: UUID
    waits: bool = False


def check_open(ended_at: datetime | None, by: str) -> None:
    """Raises RelationshipOver: there is no way back from the end."""
    if ended_at is not None:
        raise RelationshipOver(at=ended_at, by=by)


def check_nothing_active(held: Sequence[Held]) -> None:
    """Raises SubscriptionsActive while anything bought through the relationship has not run out.

    Microsoft: "link inactive while a subscription is active".
    """
    if held:
        raise SubscriptionsActive(subscriptions=list(held), free_on=free_on(held))


def free_on(held: Iterable[Held]) -> date | None:
    """The first day on which nothing is active any more; None when nothing is active now."""
    last = max((each.ends_on for each in held), default=None)
    return last + timedelta(days=1) if last is not None else None


def check_reason(agree: bool, reason: str) -> None:
    """Raises ReasonMissing when a request is refused without a word."""
    if not agree and not reason.strip():
        raise ReasonMissing()


def is_repeated(given: str | None, wanted: str, *, at: datetime | None, by: str) -> bool:
    """Whether a request was answered in this very way already; one press more changes nothing.

    `given` is its answer so far (None: it waits). Raises RequestAnswered for another one.
    """
    if given is None:
        return False
    if given != wanted:
        raise RequestAnswered(answer=given, at=at, by=by)
    return True


def reminders_due(asked_at: datetime, reminded: Collection[int], days: Iterable[int], now: datetime) -> tuple[int, ...]:
    """Of the days after a request on which its partner is reminded, those that have come and were not told, in order.

    After downtime several come at once: they are told by one mail.
    """
    return tuple(sorted(each for each in set(days) - set(reminded) if asked_at + timedelta(days=each) <= now))


# --- evidence --------------------------------------------------------------------------------------------------


def kept_until(day: date, years: int) -> date:
    """The last day on which a signature of this day must be kept at least (29 February: the 28th)."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
