"""The life of delegated administration as tables of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from webapp.delegated_admin import rules
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, ROLES
from webapp.delegated_admin.rules import Due, Life, Step
from webapp.errors import Refusal

USER, GROUPS, READER = (
    next(role.id for role in ROLES if role.key == key)
    for key in ("user_administrator", "groups_administrator", "global_reader")
)
ZONES = ("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia")
DAYS = (30, 7, 1)
T0 = datetime(2026, 3, 10, 12, tzinfo=UTC)


def day(number: float) -> datetime:
    """So many days of 24 hours after T0."""
    return T0 + timedelta(days=number)


def step(kind: str, number: float, **facts: Any) -> Step:
    return Step(kind, day(number), facts)


def a_life(*steps: Step, **changes: Any) -> Life:
    """An offer made at T0, answerable for 90 days, of 10 days, and what happened to it then."""
    facts: dict[str, Any] = {
        "roles": (USER, GROUPS), "duration_days": 10, "auto_extends": False, "closes_at": day(90), "zone": "Asia/Tokyo",
    } | changes  # fmt: skip
    return Life(steps=(step("requested", 0), *steps), **facts)


def local(zone: str, year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))


def refused(refusal: type[Refusal], check: Callable[..., object], *arguments: Any, **more: Any) -> Refusal:
    with pytest.raises(refusal) as found:
        check(*arguments, **more)
    return found.value


# --- what is offered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Support", "support", True),
        ("Support", "  SUPPORT ", True),
        ("Everyday support", "everyday   support", True),
        ("ｓｕｐｐｏｒｔ", "support", True),  # full width
        ("ｻﾎﾟｰﾄ", "サポート", True),  # half-width katakana
        ("Straße", "STRASSE", True),
        ("Support", "Support 2", False),
        ("日常サポート", "日常のサポート", False),
    ],
)  # fmt: skip
def test_names_are_the_same_apart_from_width_case_and_blanks(one: str, other: str, same: bool) -> None:
    assert (rules.name_key(one) == rules.name_key(other)) is same


def test_a_names_key_fits_its_column_however_much_normalising_adds() -> None:
    assert len(rules.name_key("ﷺ" * 50)) <= 200


@pytest.mark.parametrize(
    ("name", "taken", "free"),
    [
        ("Support", (), "Support"),
        ("  Support ", (), "Support"),
        ("Support", ("support",), "Support (2)"),
        ("Support", ("support", "support (2)", "support (3)"), "Support (4)"),
        ("x" * 50, ("x" * 50,), "x" * 46 + " (2)"),
        ("x" * 60, (), "x" * 50),
        ("x" * 50, ("x" * 50, *("x" * 46 + f" ({n})" for n in range(2, 10))), "x" * 45 + " (10)"),
    ],
)
def test_a_free_name_is_the_first_with_a_number_that_nobody_took(name: str, taken: tuple[str, ...], free: str) -> None:
    assert rules.free_name(name, taken) == free
    assert len(free) <= rules.NAME_LIMIT


def test_a_taken_name_is_refused_with_a_free_one() -> None:
    rules.check_name("Support", set())
    refusal = refused(rules.NameTaken, rules.check_name, "SUPPORT", {"support"})
    assert (refusal.facts["name"], refusal.facts["free"]) == ("SUPPORT", "SUPPORT (2)")


@pytest.mark.parametrize(
    ("name", "customer", "made"),
    [
        ("Support", "Contoso", "Support – Contoso"),
        (" Support ", "Contoso", "Support – Contoso"),
        ("x" * 50, "Contoso", "x" * 40 + " – Contoso"),
        ("Support", "y" * 60, "Support – " + "y" * 40),
        ("x" * 50, "y" * 60, "x" * 10 + " – " + "y" * 37),
    ],
)
def test_offers_made_at_once_are_named_after_their_customers(name: str, customer: str, made: str) -> None:
    assert rules.name_for(name, customer) == made
    assert len(made) <= rules.NAME_LIMIT


@pytest.mark.parametrize(
    ("enrolled", "may"), [(None, False), (T0, True), (day(-100), True), (T0 + timedelta(seconds=1), False)]
)
def test_only_an_enrolled_partner_offers(enrolled: datetime | None, may: bool) -> None:
    if may:
        rules.check_enrolled(enrolled, T0)
    else:
        refused(rules.NotEnrolled, rules.check_enrolled, enrolled, T0)


@pytest.mark.parametrize(
    ("roles", "days", "extends", "refusal"),
    [
        ((USER,), 1, False, None),
        ((USER,), 730, True, None),
        (tuple(role.id for role in ROLES), 730, False, None),
        ((GLOBAL_ADMINISTRATOR,), 730, False, None),
        ((), 10, False, rules.NoRoles),
        ((USER, "no-such-role"), 10, False, rules.UnknownRole),
        ((USER.upper(),), 10, False, rules.UnknownRole),
        ((USER,), 0, False, rules.DurationOutOfBounds),
        ((USER,), -1, False, rules.DurationOutOfBounds),
        ((USER,), 731, False, rules.DurationOutOfBounds),
        ((USER, GLOBAL_ADMINISTRATOR), 10, True, rules.CannotExtend),
    ],
)
def test_terms(roles: tuple[str, ...], days: int, extends: bool, refusal: type[Refusal] | None) -> None:
    if refusal is None:
        rules.check_terms(roles, days, extends)
    else:
        refused(refusal, rules.check_terms, roles, days, extends)


@pytest.mark.parametrize(
    ("wanted", "fewer"),
    [
        ((USER,), True),
        ((GROUPS,), True),
        ((), False),
        ((USER, GROUPS), False),
        ((READER,), False),
        ((USER, READER), False),
    ],
)
def test_fewer_are_some_of_those_offered_and_not_all(wanted: tuple[str, ...], fewer: bool) -> None:
    if fewer:
        rules.check_fewer(wanted, (USER, GROUPS))
    else:
        refused(rules.NotFewer, rules.check_fewer, wanted, (USER, GROUPS))


def test_what_goes_beyond_the_least_privilege_set_keeps_its_order() -> None:
    assert rules.beyond_basic((GLOBAL_ADMINISTRATOR, BASIC[0], USER)) == (GLOBAL_ADMINISTRATOR, USER)
    assert rules.beyond_basic(BASIC) == ()


# --- state -----------------------------------------------------------------------------------------------------

APPROVED = step("approved", 1)


def on(number: float) -> Step:
    return step("switched", number, on=True)


def off(number: float) -> Step:
    return step("switched", number, on=False)


@pytest.mark.parametrize(
    ("steps", "changes", "now", "state", "over"),
    [
        ((), {}, 0, "pending", None),
        ((), {}, 89.99, "pending", None),
        ((), {}, 90, "lapsed", 90),
        ((), {}, 400, "lapsed", 90),
        ((step("announced", 0.1),), {}, 1, "pending", None),
        ((step("handed_over", 0.1),), {}, 1, "pending", None),
        ((step("lapsed", 90.5),), {}, 91, "lapsed", 90),
        ((step("declined", 2, reason="other"),), {}, 3, "declined", 2),
        ((step("declined", 2, reason="other"),), {}, 300, "declined", 2),
        ((step("withdrawn", 2),), {}, 300, "withdrawn", 2),
        ((APPROVED,), {}, 1, "active", None),
        ((APPROVED,), {}, 10.999, "active", None),
        ((APPROVED,), {}, 11, "expired", 11),
        ((APPROVED,), {}, 500, "expired", 11),
        ((APPROVED, step("expired", 11.5)), {}, 500, "expired", 11),
        ((APPROVED, step("ended", 4)), {}, 4, "ended", 4),
        ((APPROVED, step("ended", 4)), {}, 500, "ended", 4),
        ((APPROVED, step("roles_removed", 4, roles=[USER])), {}, 5, "active", None),
        ((APPROVED,), {"duration_days": 730}, 730.999, "active", None),
        ((APPROVED,), {"duration_days": 730}, 731, "expired", 731),
        # approved on the last day: it outlives the day on which it could be answered
        ((step("approved", 89.9),), {}, 95, "active", None),
        # it extends itself, noted or not, as often as needed
        ((APPROVED,), {"auto_extends": True}, 11, "active", None),
        ((APPROVED,), {"auto_extends": True}, 10_000, "active", None),
        ((APPROVED, on(5)), {}, 12, "active", None),
        ((APPROVED, off(5)), {"auto_extends": True}, 12, "expired", 11),
        ((APPROVED, off(5), on(6)), {"auto_extends": True}, 12, "active", None),
        # switched off in the first extension: the second never comes
        ((APPROVED, off(20)), {"auto_extends": True}, 190.9, "active", None),
        ((APPROVED, off(20)), {"auto_extends": True}, 191, "expired", 191),
        ((APPROVED, step("extended", 11), off(20), step("expired", 191)), {"auto_extends": True}, 400, "expired", 191),
        # the worker was down at both ends
        ((APPROVED, off(20), step("extended", 300), step("expired", 300)), {"auto_extends": True}, 400, "expired", 191),
        ((APPROVED, step("ended", 100)), {"auto_extends": True}, 400, "ended", 100),
    ],
)  # fmt: skip
def test_the_state_follows_from_acts_and_time(
    steps: tuple[Step, ...], changes: dict[str, Any], now: float, state: str, over: float | None
) -> None:
    life = a_life(*steps, **changes)
    assert rules.state_of(life, day(now)) == state
    assert rules.over_at(life, day(now)) == (day(over) if over is not None else None)
    assert (state in rules.OVER) is (over is not None)


def test_what_was_never_requested_is_only_created() -> None:
    life = Life((USER,), 10, False, day(90), "Asia/Tokyo")
    assert (rules.state_of(life, day(500)), rules.over_at(life, day(500))) == ("created", None)
    assert rules.due_now(life, day(500), DAYS) is None
    assert rules.next_moment(life, DAYS) is None


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ((), (USER, GROUPS)),
        ((step("roles_removed", 2, roles=[USER]),), (GROUPS,)),
        ((step("roles_removed", 2, roles=[USER, READER]),), (GROUPS,)),
        ((step("roles_removed", 2, roles=[USER]), step("roles_removed", 3, roles=[GROUPS])), ()),
    ],
)
def test_roles_that_are_left_were_offered_and_not_removed(steps: tuple[Step, ...], left: tuple[str, ...]) -> None:
    assert rules.roles_now(a_life(APPROVED, *steps)) == left


def test_nothing_leads_back_from_what_is_over() -> None:
    for kind in rules.OVER:
        life = a_life(APPROVED, step(kind, 2), on(3), step("extended", 4), auto_extends=True)
        for now in (2.0, 4, 40, 400, 4000):
            assert rules.state_of(life, day(now)) == kind
            assert rules.due_now(life, day(now), DAYS) is None
        assert rules.next_moment(life, DAYS) is None


# --- ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("days", [1, 7, 180, 365, 729, 730])
@pytest.mark.parametrize("month", range(1, 13))
def test_a_term_is_so_many_times_24_hours_in_every_zone_and_over_every_change_of_clocks(
    zone: str, days: int, month: int
) -> None:
    activated = local(zone, 2026, month, 28, 23, 30)
    end = rules.first_end(activated, days)
    assert end.utcoffset() == timedelta(0)
    assert (end - activated.astimezone(UTC)).total_seconds() == days * 86_400
    life = a_life(Step("approved", activated), duration_days=days, zone=zone, closes_at=activated + timedelta(days=1))
    assert rules.end_of(life, activated) == end
    assert rules.state_of(life, end - timedelta(microseconds=1)) == "active"
    assert rules.state_of(life, end) == "expired"


@pytest.mark.parametrize(
    ("zone", "activated", "days", "ends"),
    [
        # written by hand: the clock at the end shows the change that lay between
        ("Asia/Tokyo", (2026, 3, 10, 12, 0), 730, (2028, 3, 9, 12, 0)),  # 2028 is a leap year
        ("America/New_York", (2026, 3, 7, 9, 0), 1, (2026, 3, 8, 10, 0)),
        ("America/New_York", (2026, 10, 31, 9, 0), 1, (2026, 11, 1, 8, 0)),
        ("Europe/London", (2026, 3, 28, 23, 30), 1, (2026, 3, 30, 0, 30)),
        ("Europe/London", (2026, 10, 25, 0, 30), 1, (2026, 10, 25, 23, 30)),
        ("Europe/London", (2026, 10, 24, 12, 0), 1, (2026, 10, 25, 11, 0)),
        ("Australia/Lord_Howe", (2026, 4, 4, 12, 0), 1, (2026, 4, 5, 11, 30)),  # half an hour
        ("Australia/Lord_Howe", (2026, 10, 3, 12, 0), 1, (2026, 10, 4, 12, 30)),
        ("Pacific/Apia", (2026, 11, 20, 0, 0), 730, (2028, 11, 19, 0, 0)),
        ("Pacific/Apia", (2011, 12, 29, 12, 0), 1, (2011, 12, 31, 12, 0)),  # a day that Samoa left out
    ],
)
def test_what_the_clock_on_the_wall_shows_at_the_end(
    zone: str, activated: tuple[int, ...], days: int, ends: tuple[int, ...]
) -> None:
    assert rules.first_end(local(zone, *activated), days) == local(zone, *ends)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("extensions", [0, 1, 2, 9])
def test_each_extension_adds_180_days_to_the_end_before(zone: str, extensions: int) -> None:
    activated = local(zone, 2026, 10, 1, 1, 30)
    life = a_life(Step("approved", activated), duration_days=365, auto_extends=True, zone=zone)
    end = activated.astimezone(UTC) + timedelta(days=365 + 180 * extensions)
    assert rules.end_of(life, end - timedelta(microseconds=1)) == end
    assert rules.end_of(life, end) == end + timedelta(days=180)
    assert rules.state_of(life, end) == "active"


def test_an_extension_counts_the_switch_as_it_stood_at_that_end() -> None:
    life = a_life(APPROVED, off(10.9), on(11.1))  # 11: the end; a switch after it can only be wrong
    assert rules.end_of(life, day(400)) == day(11)
    life = a_life(APPROVED, on(11), off(20), on(190.9), off(191.1))
    assert rules.end_of(life, day(400)) == day(11 + 180 + 180)
    assert [rules.extends_at(life, day(at)) for at in (10.9, 11, 20, 191, 192)] == [False, True, False, True, False]


def test_the_last_day_is_the_customers() -> None:
    end = datetime(2026, 5, 1, 15, tzinfo=UTC)
    assert rules.last_day(end, "Asia/Tokyo") == date(2026, 5, 2)  # midnight there
    assert rules.last_day(end - timedelta(seconds=1), "Asia/Tokyo") == date(2026, 5, 1)
    assert rules.last_day(end, "America/New_York") == date(2026, 5, 1)


# --- as it stands now, from the row that lists keep -------------------------------------------------------------


CLOSES = day(90)


@dataclass(frozen=True)
class Kept:
    """A standing's row."""

    state: str
    auto_extends: bool = False
    announced: bool = True
    closes_at: datetime = CLOSES
    ends_at: datetime | None = None
    over_at: datetime | None = None


IN_FORCE = Kept("active", ends_at=day(11))
EXTENDED = Kept("active", auto_extends=True, ends_at=day(11))
LAST = day(90) - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("kept", "now", "state", "until"),
    [
        (Kept("created"), 1, "created", None),
        (Kept("pending"), 1, "pending", LAST),
        (Kept("pending"), 89.999, "pending", LAST),
        (Kept("pending"), 90, "lapsed", LAST),  # nobody noted it yet
        (Kept("lapsed", over_at=day(90)), 91, "lapsed", LAST),
        (Kept("declined", over_at=day(2)), 300, "declined", day(2)),
        (Kept("withdrawn", over_at=day(2)), 300, "withdrawn", day(2)),
        (IN_FORCE, 10.999, "active", day(11)),
        (IN_FORCE, 11, "expired", day(11)),
        (Kept("expired", ends_at=day(11), over_at=day(11)), 12, "expired", day(11)),
        (Kept("ended", ends_at=day(11), over_at=day(4)), 5, "ended", day(4)),
        (Kept("ended", auto_extends=True, ends_at=day(11), over_at=day(4)), 400, "ended", day(4)),
        (EXTENDED, 10.999, "active", day(11)),
        (EXTENDED, 11, "active", day(191)),
        (EXTENDED, 191, "active", day(371)),
    ],
)
def test_a_row_tells_the_state_and_its_moment_before_the_worker_notes_what_time_changed(
    kept: Kept, now: float, state: str, until: datetime | None
) -> None:
    assert rules.present_state(kept, day(now)) == state
    assert rules.shown_until(kept, day(now)) == until


@pytest.mark.parametrize(
    ("kept", "now", "end"),
    [
        (Kept("pending"), 1, None),
        (IN_FORCE, 5, day(11)),
        (IN_FORCE, 400, day(11)),
        (EXTENDED, 10.999, day(11)),
        (EXTENDED, 11, day(191)),
        (EXTENDED, 400, day(551)),
        (Kept("ended", auto_extends=True, ends_at=day(11), over_at=day(4)), 400, day(11)),
    ],
)
def test_a_rows_end_counts_the_extensions_that_fell_due_while_it_is_in_force(
    kept: Kept, now: float, end: datetime | None
) -> None:
    assert rules.present_end(kept, day(now)) == end


@pytest.mark.parametrize(
    ("kept", "now", "state"),
    [
        (Kept("pending"), 1, "pending"),
        (Kept("pending", announced=False), 1, "unsent"),
        (Kept("pending", announced=False), 90, "lapsed"),
        (Kept("withdrawn", announced=False, over_at=day(2)), 3, "withdrawn"),
        (IN_FORCE, 5, "active"),
    ],
)
def test_what_waits_is_unsent_for_the_partner_until_its_customer_was_told(kept: Kept, now: float, state: str) -> None:
    assert rules.state_for_partner(kept, day(now)) == state


# --- notices ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "end", "days", "moment"),
    [
        ("Asia/Tokyo", (2026, 5, 31, 12, 0), 30, (2026, 5, 1, 9, 0)),
        ("Asia/Tokyo", (2026, 5, 31, 0, 0), 1, (2026, 5, 30, 9, 0)),  # midnight begins its day
        ("Asia/Tokyo", (2026, 5, 31, 23, 59), 1, (2026, 5, 30, 9, 0)),
        ("America/New_York", (2026, 3, 9, 0, 30), 1, (2026, 3, 8, 9, 0)),  # the day of 23 hours
        ("America/New_York", (2026, 11, 2, 23, 30), 1, (2026, 11, 1, 9, 0)),  # the day of 25 hours
        ("Europe/London", (2026, 4, 5, 1, 0), 7, (2026, 3, 29, 9, 0)),
        ("Australia/Lord_Howe", (2026, 4, 12, 2, 0), 7, (2026, 4, 5, 9, 0)),
        ("Pacific/Apia", (2026, 1, 1, 0, 0), 30, (2025, 12, 2, 9, 0)),
    ],
)
def test_a_notice_is_due_at_nine_on_its_local_day(
    zone: str, end: tuple[int, ...], days: int, moment: tuple[int, ...]
) -> None:
    found = rules.notice_moment(local(zone, *end), days, zone)
    assert found == local(zone, *moment)
    assert found.utcoffset() == timedelta(0)


TOKYO = "Asia/Tokyo"


def at(*when: int) -> datetime:
    return local(TOKYO, *when).astimezone(UTC)


def a_term(*steps: Step, days: int = 60, extends: bool = False) -> Life:
    """Approved on 1 June at noon in Tokyo."""
    return Life(
        (USER,), days, extends, at(2026, 8, 1), TOKYO,
        (Step("requested", at(2026, 5, 1)), Step("approved", at(2026, 6, 1, 12)), *steps),
    )  # fmt: skip


def noticed(life_end: datetime, days: int, when: datetime) -> Step:
    return Step("noticed", when, {"end": life_end.isoformat(), "days": days})


END = at(2026, 7, 31, 12)


@pytest.mark.parametrize(
    ("steps", "now", "due"),
    [
        ((), at(2026, 7, 1, 8, 59), None),
        ((), at(2026, 7, 1, 9), Due("notice", END, 30)),
        ((), at(2026, 7, 20), Due("notice", END, 30)),  # late: on its return the worker tells at once
        ((noticed(END, 30, at(2026, 7, 1, 9)),), at(2026, 7, 20), None),
        ((noticed(END, 30, at(2026, 7, 1, 9)),), at(2026, 7, 24, 9), Due("notice", END, 7)),
        ((), at(2026, 7, 26), Due("notice", END, 7, (30,))),  # one instead of two
        ((), at(2026, 7, 30, 10), Due("notice", END, 1, (30, 7))),
        ((), at(2026, 7, 31, 1), Due("notice", END, 1, (30, 7))),
        # early on the day of the next one: it would come twice on one day
        ((), at(2026, 7, 24, 3), Due("notice", END, 7, (30,))),
        ((noticed(END, 30, at(2026, 7, 1, 9)),), at(2026, 7, 24, 3), None),
        ((), at(2026, 7, 31, 12), Due("expire", END)),
        ((), at(2030, 1, 1), Due("expire", END)),
        ((noticed(END + rules.EXTENSION, 30, at(2026, 7, 1, 9)),), at(2026, 7, 1, 9), Due("notice", END, 30)),
        ((Step("expired", at(2026, 7, 31, 13)),), at(2030, 1, 1), None),
        ((Step("ended", at(2026, 6, 9)),), at(2030, 1, 1), None),
    ],
)  # fmt: skip
def test_what_is_due(steps: tuple[Step, ...], now: datetime, due: Due | None) -> None:
    assert rules.due_now(a_term(*steps), now, DAYS) == due


@pytest.mark.parametrize(
    ("days", "told"),
    [(1, []), (2, [1]), (7, [1]), (8, [7, 1]), (30, [7, 1]), (31, [30, 7, 1]), (730, [30, 7, 1])],
)
def test_a_short_term_has_no_notice_for_a_day_on_which_its_end_was_not_known_or_just_learnt(
    days: int, told: list[int]
) -> None:
    life, found = a_term(days=days), []
    while (moment := rules.next_moment(life, DAYS)) is not None:
        due = rules.due_now(life, moment, DAYS)
        assert due is not None
        if due.kind == "expire":
            break
        found.append(due.days)
        assert due.end is not None
        life = a_term(*life.steps[2:], noticed(due.end, due.days, moment), days=days)
    assert found == told


def test_an_end_is_extended_and_its_notices_begin_anew() -> None:
    life = a_term(extends=True)
    assert rules.due_now(life, END, DAYS) == Due("extend", END + rules.EXTENSION)
    life = a_term(Step("extended", END, {"until": (END + rules.EXTENSION).isoformat()}), extends=True)
    assert rules.noted_end(life) == END + rules.EXTENSION
    assert rules.due_now(life, END, DAYS) is None
    assert rules.next_moment(life, DAYS) == rules.notice_moment(END + rules.EXTENSION, 30, TOKYO)


def test_two_ends_that_passed_are_extended_one_after_the_other() -> None:
    life, now = a_term(extends=True), END + timedelta(days=200)
    assert rules.due_now(life, now, DAYS) == Due("extend", END + rules.EXTENSION)
    life = a_term(Step("extended", now, {}), extends=True)
    assert rules.due_now(life, now, DAYS) == Due("extend", END + 2 * rules.EXTENSION)
    life = a_term(Step("extended", now, {}), Step("extended", now, {}), extends=True)
    assert rules.due_now(life, now, DAYS) is None


def test_an_offer_lapses_once_nobody_answered_in_time() -> None:
    life = a_life()
    assert rules.due_now(life, day(90) - timedelta(seconds=1), DAYS) is None
    assert rules.next_moment(life, DAYS) == day(90)
    assert rules.due_now(life, day(90), DAYS) == Due("lapse")
    assert rules.due_now(a_life(step("lapsed", 90)), day(91), DAYS) is None


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("days", [1, 2, 8, 31, 365, 730])
@pytest.mark.parametrize("extends", [False, True])
def test_there_is_always_something_due_at_the_next_moment_and_nothing_just_before(
    zone: str, days: int, extends: bool
) -> None:
    steps = [Step("requested", T0), Step("approved", day(0.4))]
    for _ in range(12):
        life = Life((USER,), days, extends, day(90), zone, tuple(steps))
        moment = rules.next_moment(life, DAYS)
        if moment is None:
            break
        assert rules.due_now(life, moment - timedelta(microseconds=1), DAYS) is None
        due = rules.due_now(life, moment, DAYS)
        assert due is not None
        assert due.end is not None
        if due.kind == "notice":
            steps.append(noticed(due.end, due.days, moment))
        else:
            steps.append(Step("extended" if due.kind == "extend" else "expired", moment))
    assert steps[-1].kind == "expired" or extends


@pytest.mark.parametrize(
    ("end", "now", "left"),
    [
        ((2026, 7, 31, 12, 0), (2026, 7, 1, 9, 0), 30),
        ((2026, 7, 31, 0, 0), (2026, 7, 30, 23, 59), 1),
        ((2026, 7, 31, 23, 59), (2026, 7, 31, 0, 0), 0),
    ],
)
def test_days_left_are_days_of_the_calendar(end: tuple[int, ...], now: tuple[int, ...], left: int) -> None:
    assert rules.days_left(at(*end), at(*now), TOKYO) == left


# --- what may happen -------------------------------------------------------------------------------------------


def _states() -> Iterable[tuple[Life, datetime, str]]:
    yield a_life(), day(1), "pending"
    yield a_life(), day(90), "lapsed"
    yield a_life(APPROVED), day(2), "active"
    yield a_life(APPROVED), day(11), "expired"
    for kind in ("declined", "withdrawn"):
        yield a_life(step(kind, 1)), day(2), kind
    yield a_life(APPROVED, step("ended", 2)), day(3), "ended"


@pytest.mark.parametrize(("life", "now", "state"), list(_states()))
def test_only_what_waits_is_answered_and_only_what_is_in_force_is_changed(
    life: Life, now: datetime, state: str
) -> None:
    assert rules.state_of(life, now) == state
    if state == "pending":
        rules.check_can_answer(life, now)
    else:
        refusal = refused(rules.OfferOver, rules.check_can_answer, life, now, partner="P", person="Q")
        assert (refusal.facts["state"], refusal.facts["partner"], refusal.facts["person"]) == (state, "P", "Q")
        assert refusal.facts["at"] is not None
    if state == "active":
        rules.check_active(life, now)
    else:
        assert refused(rules.NotActive, rules.check_active, life, now).facts["state"] == state


@pytest.mark.parametrize(
    ("roles", "approvers", "may"),
    [
        ({"global_administrator"}, ("global_administrator", "delegated_admin_administrator"), True),
        ({"delegated_admin_administrator"}, ("global_administrator", "delegated_admin_administrator"), True),
        ({"billing_administrator"}, ("global_administrator", "delegated_admin_administrator"), False),
        ({"global_reader"}, ("global_administrator", "delegated_admin_administrator"), False),
        (set(), ("global_administrator",), False),
        ({"delegated_admin_administrator"}, ("global_administrator",), False),
        ({"admin_agent"}, ("global_administrator", "delegated_admin_administrator"), False),
        ({"global_administrator"}, (), False),
    ],
)
def test_who_decides_has_one_of_the_roles_of_the_policy(roles: set[str], approvers: tuple[str, ...], may: bool) -> None:
    if may:
        rules.check_may_decide(frozenset(roles), approvers, ["Ada"])
    else:
        refusal = refused(rules.RoleCannotApprove, rules.check_may_decide, frozenset(roles), approvers, ["Ada"])
        assert (refusal.facts["roles"], refusal.facts["people"]) == (approvers, ("Ada",))


def test_a_request_is_sent_on_only_to_somebody_who_can_decide() -> None:
    rules.check_receiver("ada", ["ada", "ben"], "Ada")
    assert refused(rules.CannotReceive, rules.check_receiver, "cy", ["ada", "ben"], "Cy").facts["person"] == "Cy"


@pytest.mark.parametrize(
    ("partner_roles", "delegated", "held"),
    [
        ({"admin_agent"}, {GLOBAL_ADMINISTRATOR, USER}, {GLOBAL_ADMINISTRATOR, USER}),
        ({"admin_agent", "helpdesk_agent"}, {GLOBAL_ADMINISTRATOR}, {GLOBAL_ADMINISTRATOR}),
        ({"helpdesk_agent"}, {GLOBAL_ADMINISTRATOR, USER}, {GLOBAL_ADMINISTRATOR, USER}),
        ({"helpdesk_agent"}, {HELPDESK_ADMINISTRATOR, USER, READER}, {HELPDESK_ADMINISTRATOR, USER}),
        ({"helpdesk_agent"}, {READER}, set()),
        ({"sales_agent"}, {HELPDESK_ADMINISTRATOR, READER}, set()),
        (set(), {HELPDESK_ADMINISTRATOR, READER}, set()),
        ({"admin_agent"}, set(), set()),
    ],
)
def test_which_delegated_roles_a_person_of_the_partner_holds(
    partner_roles: set[str], delegated: set[str], held: set[str]
) -> None:
    assert rules.roles_for(frozenset(partner_roles), delegated) == held
