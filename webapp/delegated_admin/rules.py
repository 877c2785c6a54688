"""The life of delegated administration: what state follows from its acts, when it ends, what is told when, who may
answer, and which rights the partner's people have by it.

created → pending (its message is made) → active | declined | withdrawn | lapsed (nobody answered in time);
active → expired (its term is over) | ended (by either side). Nothing leads back. An end is activation plus the
duration, to the second, in UTC; each extension adds EXTENSION to the end before. Days are days of the customer's zone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from webapp.delegated_admin.roles import BASIC, BY_ID, GLOBAL_ADMINISTRATOR, RESETTING
from webapp.errors import Refusal

NAME_LIMIT = 50
LONGEST_DAYS = 730
EXTENSION = timedelta(days=180)
NOTICE_HOUR = time(9)  # local: notices arrive when the day has begun, not at midnight
KEPT_IN_LISTS = timedelta(days=365)  # after its end it leaves the lists, never the evidence
STATES = ("created", "pending", "active", "declined", "withdrawn", "lapsed", "expired", "ended")
OVER = ("declined", "withdrawn", "lapsed", "expired", "ended")
DECLINE_REASONS = ("not_needed", "too_much", "unknown_partner", "other_partner", "other")
#: Kinds of acts. "roles_removed" holds `roles`; "switched" holds `on`; "extended" holds `until`; "noticed" holds
#: `end` and `days`; "declined" holds `reason` and, when fewer were asked for, `wanted`; "ended" holds `by`, and
#: so does "withdrawn" where the end of the relationship did it.
KINDS = (
    "requested", "announced", "approved", "declined", "withdrawn", "lapsed", "roles_removed", "switched", "extended",
    "noticed", "expired", "ended", "handed_over",
)  # fmt: skip


class NotEnrolled(Refusal):
    """The partner is not enrolled in the programme: it cannot offer delegated administration."""

    status = 403


class NameTaken(Refusal):
    """The partner used this name before. `name`, and a free one: `free`."""


class NoRoles(Refusal):
    """An offer, or what is asked instead, holds at least one role."""

    status = 422


class UnknownRole(Refusal):
    """No role has this template id."""

    status = 422


class NotFewer(Refusal):
    """What is asked instead must be fewer of the offered roles: at least one, and not all."""

    status = 422


class DurationOutOfBounds(Refusal):
    """A term lasts from 1 to LONGEST_DAYS days."""

    status = 422


class CannotExtend(Refusal):
    """With the global administrator among its roles nothing extends itself."""

    status = 422


class OfferOver(Refusal):
    """It cannot be answered any more. `state` (of STATES), `at`, `partner`, `person`: by whom, as far as known (`by` is
    "relationship" where the end of the reseller relationship withdrew it); `relationship_id`."""


class NotActive(Refusal):
    """There is nothing (any more) to end or change. `state` (of STATES), `at`; `partner`, `person` and `by` (who
    ended it: "customer", "partner" or "relationship") as far as known; `relationship_id`."""


class RoleCannotApprove(Refusal):
    """The signed-in person's roles do not allow to decide here. `roles`, `people`: who can."""

    status = 403


class CannotReceive(Refusal):
    """Only an administrator of the same organization who can decide is sent a request. `person`."""

    status = 422


class OfferHasChanged(Refusal):
    """What would be approved is not what was shown."""


class AlreadyAsked(Refusal):
    """What only a draft allows: this one was put to its customer, whoever did it. `relationship_id`."""


class CustomerMissing(Refusal):
    """A draft that names no customer, or one that its partner does not work with, cannot be put to anybody."""

    status = 422


class OnlyGlobalAdministratorGoes(Refusal):
    """Of roles in force a partner's program takes back the global administrator alone, and adds none."""

    status = 422


class RolesNotHeld(Refusal):
    """A group is assigned roles that the relationship does not hold."""

    status = 422


class GroupAssigned(Refusal):
    """The group has an assignment in this relationship: that one is changed instead."""


@dataclass(frozen=True)
class Step:
    """One act as the rules see it."""

    kind: str
    at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Life:
    """All that decides the state. `roles` and `auto_extends` as offered; `zone` is the customer's; steps in order."""

    roles: tuple[str, ...]
    duration_days: int
    auto_extends: bool
    closes_at: datetime
    zone: str
    steps: tuple[Step, ...] = ()

    def last(self, kind: str) -> Step | None:
        """The newest act of a kind."""
        return next((step for step in reversed(self.steps) if step.kind == kind), None)

    def has(self, kind: str) -> bool:
        return self.last(kind) is not None


# --- what is offered -------------------------------------------------------------------------------------------


def name_key(name: str) -> str:
    """What makes a name unique at its partner: NFKC, case and blanks aside."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())[:200]


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or the first of "name (2)", "name (3)" … whose key is not taken; at most NAME_LIMIT characters."""
    return next(each for each in numbered(name) if name_key(each) not in taken)


def numbered(name: str) -> Iterator[str]:
    """A name, "name (2)", "name (3)" … without end, each of at most NAME_LIMIT characters."""
    yield name.strip()[:NAME_LIMIT]
    for number in count(2):
        tail = f" ({number})"
        yield name.strip()[: NAME_LIMIT - len(tail)] + tail


def name_for(name: str, customer: str) -> str:
    """The name of one of several offers made at once: with its customer's, at most NAME_LIMIT characters."""
    tail = f" – {customer}"
    room = max(NAME_LIMIT - len(tail), 10)
    return (name.strip()[:room].rstrip() + tail)[:NAME_LIMIT].strip()


def check_enrolled(enrolled_at: datetime | None, now: datetime) -> None:
    """Raises NotEnrolled."""
    if enrolled_at is None or enrolled_at > now:
        raise NotEnrolled()


def check_name(name: str, taken: Collection[str]) -> None:
    """Raises NameTaken, with a free name, when one of the partner's has the same key."""
    if name_key(name) in taken:
        raise NameTaken(name=name, free=free_name(name, taken))


def check_terms(roles: Collection[str], duration_days: int, auto_extends: bool) -> None:
    """Raises NoRoles, UnknownRole, DurationOutOfBounds, CannotExtend."""
    if not roles:
        raise NoRoles()
    if not set(roles) <= BY_ID.keys():
        raise UnknownRole()
    if not 1 <= duration_days <= LONGEST_DAYS:
        raise DurationOutOfBounds(longest=LONGEST_DAYS)
    check_can_extend(roles, auto_extends)


def check_can_extend(roles: Collection[str], on: bool) -> None:
    """Raises CannotExtend: Microsoft extends nothing that holds the global administrator."""
    if on and GLOBAL_ADMINISTRATOR in roles:
        raise CannotExtend()


def check_draft(is_draft: bool, relationship_id: object) -> None:
    """Raises AlreadyAsked once it was put to its customer."""
    if not is_draft:
        raise AlreadyAsked(relationship_id=relationship_id)


def check_only_global_goes(held: Collection[str], wanted: Collection[str]) -> bool:
    """Whether the global administrator goes, and nothing else changes. Raises OnlyGlobalAdministratorGoes for any other
    change, NoRoles where nothing would be left."""
    if not wanted:
        raise NoRoles()
    if set(wanted) == set(held):
        return False
    if set(wanted) != set(held) - {GLOBAL_ADMINISTRATOR}:
        raise OnlyGlobalAdministratorGoes()
    return True


def check_assignable(roles: Collection[str], held: Collection[str]) -> None:
    """Raises NoRoles, RolesNotHeld unless all the roles are among those held."""
    if not roles:
        raise NoRoles()
    if not set(roles) <= set(held):
        raise RolesNotHeld()


def check_fewer(wanted: Collection[str], offered: Collection[str]) -> None:
    """Raises NotFewer unless some, but not all, of the offered roles are wanted."""
    if not wanted or not set(wanted) < set(offered):
        raise NotFewer()


def beyond_basic(roles: Iterable[str]) -> tuple[str, ...]:
    """The roles that go beyond the least-privilege set."""
    return tuple(role for role in roles if role not in BASIC)


# --- state and dates -------------------------------------------------------------------------------------------


def activated_at(life: Life) -> datetime | None:
    """When the customer approved; None before."""
    step = life.last("approved")
    return step.at if step is not None else None


def roles_now(life: Life) -> tuple[str, ...]:
    """The roles that are left of those offered."""
    removed = {role for step in life.steps if step.kind == "roles_removed" for role in step.facts["roles"]}
    return tuple(role for role in life.roles if role not in removed)


def extends_at(life: Life, moment: datetime) -> bool:
    """Whether it would extend itself at a moment: the newest switch until then, else as offered."""
    found = life.auto_extends
    for step in life.steps:
        if step.kind == "switched" and step.at <= moment:
            found = bool(step.facts["on"])
    return found


def first_end(activated: datetime, duration_days: int) -> datetime:
    """Activation plus so many days of 24 hours, in UTC."""
    return activated.astimezone(UTC) + timedelta(days=duration_days)


def end_of(life: Life, now: datetime) -> datetime | None:
    """When it ends as it stands: extensions that fell due until `now` are counted, whether noted or not."""
    activated = activated_at(life)
    if activated is None:
        return None
    end = first_end(activated, life.duration_days)
    over = life.last("ended") or life.last("expired")
    until = min(now, over.at) if over is not None else now
    while end <= until and extends_at(life, end):
        end += EXTENSION
    return end


def state_of(life: Life, now: datetime) -> str:
    """The state at a moment: one of STATES. It follows from the acts and the time; nobody sets it."""
    for kind in ("ended", "declined", "withdrawn", "lapsed", "expired"):
        if life.has(kind):
            return kind
    if life.has("approved"):
        end = end_of(life, now)
        return "active" if end is not None and now < end else "expired"
    if life.has("requested"):
        return "pending" if now < life.closes_at else "lapsed"
    return "created"


def over_at(life: Life, now: datetime) -> datetime | None:
    """When it was over; None while it is not."""
    state = state_of(life, now)
    if state not in OVER:
        return None
    if state == "expired":
        return end_of(life, now)
    if state == "lapsed":
        return life.closes_at
    step = life.last(state)
    return step.at if step is not None else None


def last_day(end: datetime, zone: str) -> date:
    """The local day on which it ends."""
    return end.astimezone(ZoneInfo(zone)).date()


#: Kinds of acts that change nothing of the relationship itself.
_NOTES = frozenset({"announced", "noticed", "handed_over"})


def changed_at(life: Life) -> datetime | None:
    """When the last act changed it; None before the first."""
    return max((step.at for step in life.steps if step.kind not in _NOTES), default=None)


# --- as it stands now ------------------------------------------------------------------------------------------


class Standing(Protocol):
    """Where one stands as lists keep it: what time alone changed since may not have been noted. `state` is one of
    STATES; `closes_at` the moment after the last day to answer; `ends_at` and `over_at` as far as there is one."""

    @property
    def state(self) -> str: ...
    @property
    def auto_extends(self) -> bool: ...
    @property
    def closes_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime | None: ...
    @property
    def over_at(self) -> datetime | None: ...


class PartnersStanding(Standing, Protocol):
    """The same as the partner reads it. `announced`: whether the customer was told."""

    @property
    def announced(self) -> bool: ...


def present_state(standing: Standing, now: datetime) -> str:
    """The state at this moment: one of STATES."""
    ended = standing.ends_at is not None and standing.ends_at <= now
    if standing.state == "active" and ended and not standing.auto_extends:
        return "expired"
    if standing.state == "pending" and standing.closes_at <= now:
        return "lapsed"
    return standing.state


def state_for_partner(standing: PartnersStanding, now: datetime) -> str:
    """The state at this moment as the partner reads it: "unsent" while no customer was told of what waits."""
    state = present_state(standing, now)
    return "unsent" if state == "pending" and not standing.announced else state


def present_end(standing: Standing, now: datetime) -> datetime | None:
    """When it ends, with the extensions that fell due."""
    end = standing.ends_at
    while end is not None and standing.state == "active" and standing.auto_extends and end <= now:
        end += EXTENSION
    return end


def shown_until(standing: Standing, now: datetime) -> datetime | None:
    """The moment whose day in the customer's zone lists show: the end of what is in force, the last moment to answer what
    waits (open "until" midnight is open on the day before) or lapsed, else since when it is over."""
    state = present_state(standing, now)
    if state in {"pending", "lapsed"}:
        return standing.closes_at - timedelta(microseconds=1)
    if state == "active":
        return present_end(standing, now)
    return standing.over_at or standing.ends_at


# --- what is told when -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """What the worker has to do now: "lapse", "extend" (until `end`), "expire", or "notice" (`days` before `end`).

    Of several notices that fell due while nobody worked, or are due on the day on which a late one is told, only the
    last is told; `skipped` are the others.
    """

    kind: str
    end: datetime | None = None
    days: int = 0
    skipped: tuple[int, ...] = ()


def noted_end(life: Life) -> datetime | None:
    """When it ends by the extensions that were noted."""
    activated = activated_at(life)
    if activated is None:
        return None
    return first_end(activated, life.duration_days) + EXTENSION * sum(s.kind == "extended" for s in life.steps)


def notice_moment(end: datetime, days: int, zone: str) -> datetime:
    """NOTICE_HOUR on the local day so many days before the local day of the end, in UTC."""
    day = last_day(end, zone) - timedelta(days=days)
    return datetime.combine(day, NOTICE_HOUR, ZoneInfo(zone)).astimezone(UTC)


def _open_notices(life: Life, end: datetime, notice_days: Iterable[int]) -> list[tuple[datetime, int]]:
    """Notices of this end that were not noted: (when due, days), the first one first.

    None is due on the day on which this end became known, or before: whoever approves a term of seven days is told of
    its end at once, and needs no notice of seven.
    """
    extended, activated = life.last("extended"), activated_at(life)
    known_since = extended.at if extended is not None else activated
    assert known_since is not None
    noted = {
        step.facts["days"] for step in life.steps if step.kind == "noticed" and step.facts["end"] == end.isoformat()
    }
    found = [(notice_moment(end, days, life.zone), days) for days in notice_days if days not in noted]
    return sorted(each for each in found if last_day(each[0], life.zone) > last_day(known_since, life.zone))


def due_now(life: Life, now: datetime, notice_days: Iterable[int]) -> Due | None:
    """What has to be done now, or None."""
    if any(life.has(kind) for kind in OVER):
        return None
    if not life.has("approved"):
        return Due("lapse") if life.has("requested") and life.closes_at <= now else None
    end = noted_end(life)
    assert end is not None
    if end <= now:
        return Due("extend", end + EXTENSION) if extends_at(life, end) else Due("expire", end)
    open_ = _open_notices(life, end, notice_days)
    if not open_ or open_[0][0] > now:
        return None
    today = last_day(now, life.zone)
    *skipped, told = [days for due, days in open_ if last_day(due, life.zone) <= today]
    return Due("notice", end, told, tuple(skipped))


def next_moment(life: Life, notice_days: Iterable[int]) -> datetime | None:
    """When there will be something to do, if nothing else happens before; None: never."""
    if any(life.has(kind) for kind in OVER):
        return None
    if not life.has("approved"):
        return life.closes_at if life.has("requested") else None
    end = noted_end(life)
    assert end is not None
    return min([due for due, _days in _open_notices(life, end, notice_days)] + [end])


def days_left(end: datetime, now: datetime, zone: str) -> int:
    """How many local days lie before the day of the end."""
    return (last_day(end, zone) - last_day(now, zone)).days


# --- what may happen -------------------------------------------------------------------------------------------


def check_can_answer(life: Life, now: datetime, **facts: Any) -> None:
    """Raises OfferOver unless it waits for an answer."""
    state = state_of(life, now)
    if state != "pending":
        raise OfferOver(state=state, at=over_at(life, now) or activated_at(life), **facts)


def check_active(life: Life, now: datetime, **facts: Any) -> None:
    """Raises NotActive unless it is in force."""
    state = state_of(life, now)
    if state != "active":
        raise NotActive(state=state, at=over_at(life, now), **facts)


def check_may_decide(roles: frozenset[str], approvers: Iterable[str], people: Iterable[str]) -> None:
    """Raises RoleCannotApprove unless one of the person's roles is among those that the policy names."""
    allowed = tuple(approvers)
    if not roles & set(allowed):
        raise RoleCannotApprove(roles=allowed, people=tuple(people))


def check_receiver(receiver_id: object, administrators: Iterable[object], person: str) -> None:
    """Raises CannotReceive unless the receiver is one of the administrators who can decide."""
    if receiver_id not in set(administrators):
        raise CannotReceive(person=person)


# --- rights ----------------------------------------------------------------------------------------------------


def roles_for(partner_roles: frozenset[str], delegated: Iterable[str]) -> frozenset[str]:
    """Which delegated roles a person of the partner uses: admin agents all, helpdesk agents those that reset passwords
    (and nothing else of them), everybody else none."""
    found = frozenset(delegated)
    if "admin_agent" in partner_roles:
        return found
    if "helpdesk_agent" in partner_roles:
        return found & RESETTING
    return frozenset()


def ended_at(lives: Iterable[Life], now: datetime) -> datetime | None:
    """When rights by all of these lives ended: the last moment at which one that was in force ended, or lost a role."""
    moments = []
    for life in lives:
        if life.has("approved"):
            moments += [step.at for step in life.steps if step.kind == "roles_removed"]
            moments += [over] if (over := over_at(life, now)) is not None else []
    return max(moments, default=None)
