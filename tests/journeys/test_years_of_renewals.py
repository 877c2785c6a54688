"""Three simulated years of subscriptions that end, in ten zones with daylight saving, with a 29 February, and with a worker
that rests at random: each notice once on the right local day, and the right stage on every day.

The oracle is written from sentences, and calls no rule:

- the partner of record is told 60, 30, 7 and 1 days before the last day, once each;
- days are days of the customer's calendar, and a notice comes once that day has begun for people: from nine o'clock;
- after downtime it is one instead of several: on its return the worker tells what is so then, once, and what is due later
  on the same day is told with it; once the last day is over nothing is told any more;
- an end that moved has notices of its own; what was due before the day on which it moved is not told;
- whoever is named partner of record is told what is due from that day on, not what was due before;
- on the first day of a term nothing is told of its end;
- up to its last day a subscription is active; people can use it for 30 more days ("expired"); it can be reactivated until
  day 120 ("disabled"), and is gone from day 121.

The rules are driven for 2,000 subscriptions (10,000 with `--full`); the real job, its database and its mails for some.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.delegated_admin.scene import Moment
from tests.renewals.scene import Ends
from tests.support.builders import Party, World
from webapp import clock, database
from webapp.messages.models import Message
from webapp.policies import actions as policies
from webapp.renewals import rules
from webapp.renewals.models import RenewalNotice
from webapp.renewals.rules import Ending
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions import rules as subscription_rules
from webapp.subscriptions.models import SubscriptionStanding
from webapp.subscriptions.rules import Stages

ZONES = (
    "Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns",
    "Pacific/Kiritimati", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Honolulu",
)  # fmt: skip
FIRST = datetime(2027, 1, 11, 14, 30, tzinfo=UTC)
YEARS = timedelta(days=3 * 365 + 1)  # 29 February 2028 lies within
PLAN = [60, 30, 7, 1]


class Told(NamedTuple):
    """A notice: on which local day, how many days it says are left, and whom it went to."""

    day: date
    left: int
    partner: object


# --- the oracle --------------------------------------------------------------------------------------------------


@dataclass
class Oracle:
    """One subscription, by the sentences above; it is asked at each moment at which the worker looks."""

    zone: ZoneInfo
    first: date
    end: date
    learnt: date
    partner: object
    open: set[int] = field(default_factory=lambda: {60, 30, 7, 1})
    expected: list[Told] = field(default_factory=list)

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def moves(self, end: date, now: datetime) -> None:
        """The end moves."""
        self.end, self.learnt, self.open = end, self.day(now), {60, 30, 7, 1}

    def names(self, partner: object, now: datetime) -> None:
        """Somebody else is named partner of record."""
        self.partner, self.learnt = partner, self.day(now)

    def looks(self, now: datetime) -> None:
        """The worker looks at a moment."""
        today = self.day(now)
        if today > self.end:
            return
        fitting = []
        for days in self.open:
            day = date.fromordinal(self.end.toordinal() - days)
            if day >= self.learnt and day > self.first:
                fitting.append((days, day, datetime(day.year, day.month, day.day, 9, tzinfo=self.zone)))
        if not any(nine <= now for _days, _day, nine in fitting):
            return
        smallest = min(days for days, day, _nine in fitting if day <= today)
        self.open = {days for days in self.open if days < smallest}
        self.expected.append(Told(today, self.end.toordinal() - today.toordinal(), self.partner))


def stages_by_the_sentences(first: date, end: date, until: date) -> Iterator[tuple[date, str]]:
    """Every day and its stage, counted off one by one."""
    day, over = first, 0
    while day <= until:
        over += day > end
        if over == 0:
            yield day, "active"
        elif over in range(1, 31):
            yield day, "expired"
        elif over in range(31, 121):
            yield day, "disabled"
        else:
            yield day, "deleted"
        day += timedelta(days=1)


# --- the rules, for thousands ------------------------------------------------------------------------------------


class Worked:
    """One subscription that a worker looks after by the rules, and its oracle."""

    def __init__(self, dice: random.Random, now: datetime) -> None:
        self.zone = dice.choice(ZONES)
        place = ZoneInfo(self.zone)
        today = now.astimezone(place).date()
        self.first = today - timedelta(days=dice.randrange(400))
        end = today + timedelta(days=dice.randrange(1100))
        self.ending = Ending(self.first, end, self.zone, now)
        self.partner: object = 0
        self.told: list[Told] = []
        self.oracle = Oracle(place, self.first, end, today, 0)

    def looks(self, now: datetime) -> None:
        """The worker looks."""
        due = rules.due_now(self.ending, now, PLAN)
        if due is not None:
            day = now.astimezone(ZoneInfo(self.zone)).date()
            self.told.append(Told(day, due.days_left, self.partner))
            self._replace(told=due.days)
        self.oracle.looks(now)

    def meddles(self, dice: random.Random, now: datetime) -> None:
        """The end moves, or somebody else is named."""
        if dice.random() < 0.5:
            end = self.ending.ends_on + timedelta(days=dice.choice([10, 31, 61, 365]))
            self._replace(ends_on=end, since=now, told=None)
            self.oracle.moves(end, now)
        else:
            self.partner = dice.randrange(5)
            self._replace(since=now)
            self.oracle.names(self.partner, now)

    def _replace(self, **changes: object) -> None:
        self.ending = Ending(**{**vars(self.ending), **changes})

    def next_look(self) -> datetime | None:
        """When something is due next, whatever the worker does."""
        return rules.next_moment(self.ending, PLAN)


def _live(dice: random.Random, one: Worked) -> None:
    """Three years of one subscription; the worker never rests (it looks when something is due, and an hour around it), or
    rests at random around the end."""
    now, stop = FIRST, FIRST + YEARS
    restless = dice.random() < 0.5
    while now < stop:
        if dice.random() < 0.05:
            one.meddles(dice, now)
        due = one.next_look()
        if due is None or due >= stop:
            now = stop - timedelta(hours=1) if now < stop - timedelta(hours=1) else stop
        elif restless:
            now = max(due, now + timedelta(minutes=1))
            one.looks(max(now - timedelta(minutes=1), FIRST))
        else:
            now = max(now, due) + timedelta(
                hours=dice.choice([-30, -9, 0, 1, 5, 14, 15, 24, 50, 24 * dice.randrange(40)])
            )
            now = max(now, FIRST)
        one.looks(now)
        if not restless:
            now += timedelta(minutes=30)


@pytest.mark.timeout(300)
def test_thousands_are_told_of_each_end_once_on_the_right_local_day(full: bool) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    dice, left = random.Random(seed), Counter[int]()
    for _ in range(10_000 if full else 2_000):
        one = Worked(dice, FIRST)
        _live(dice, one)
        assert one.told == one.oracle.expected, (seed, one.zone, one.ending)
        left += Counter(each.left for each in one.told)
    assert min(left[days] for days in PLAN) > 100, left


def _check_stages(dice: random.Random, stages: Stages, count: int) -> None:
    """The stage of each subscription on every day of three years."""
    first = date(2027, 1, 1)
    for _ in range(count):
        end = first + timedelta(days=dice.randrange(1096))
        for day, stage in stages_by_the_sentences(first, end, first + timedelta(days=1096)):
            assert subscription_rules.stage_of(first, end, day, stages) == stage, (end, day)


@pytest.mark.timeout(300)
def test_thousands_are_in_the_right_stage_on_every_day(full: bool) -> None:
    _check_stages(random.Random(), Stages(), 10_000 if full else 2_000)


@pytest.mark.parametrize("stages", [Stages(31, 90), Stages(29, 90), Stages(30, 91), Stages(30, 89)])
def test_the_oracle_finds_a_stage_that_is_one_day_too_long_or_too_short(stages: Stages) -> None:
    with pytest.raises(AssertionError):
        _check_stages(random.Random(1), stages, 20)


@pytest.mark.parametrize("wrong", ["day", "late", "twice"])
def test_the_oracle_finds_a_notice_that_is_wrong(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    if wrong == "day":
        monkeypatch.setattr(
            rules, "local_day", lambda moment, _zone: moment.date()
        )  # UTC's day instead of the customer's
    elif wrong == "late":
        right = rules.notice_moment
        monkeypatch.setattr(rules, "notice_moment", lambda *facts: right(*facts) + timedelta(hours=16))
    else:
        monkeypatch.setattr(Worked, "_replace", lambda self, **changes: None)
    dice = random.Random(1)
    with pytest.raises((AssertionError, ValueError)):
        for _ in range(200):
            one = Worked(dice, FIRST)
            for hours in range(0, 24 * 400, 7):  # by itself: what the next moment is may be wrong as well
                one.looks(FIRST + timedelta(hours=hours))
            assert one.told == one.oracle.expected


# --- the job and its database ------------------------------------------------------------------------------------


class Years:
    """Subscriptions of ten customers in ten zones, which two partners sell, and their oracles."""

    def __init__(self, app: Flask, world: World, moment: Moment, dice: random.Random, count: int) -> None:
        self.dice, self.moment = dice, moment
        self.ends = Ends(app, world, moment)
        self.partners = [self.ends.partner, world.a_partner(roles=("sales_agent",))]
        self.customers = [world.a_customer(zone=zone, roles=("global_administrator",)) for zone in ZONES]
        for customer in self.customers:
            for partner in self.partners:
                self.ends.relate(customer, partner)
        self.owners: dict[UUID, Party] = {}
        self.oracles: dict[UUID, Oracle] = {}
        for _ in range(count):
            self._begin()

    def _begin(self) -> None:
        number = self.dice.randrange(len(ZONES))
        place, partner = ZoneInfo(ZONES[number]), self.dice.choice(self.partners)
        today = self.moment.now.astimezone(place).date()
        first = today - timedelta(days=self.dice.randrange(300))
        end = today + timedelta(days=self.dice.randrange(1, 1090))
        line = self.ends.line(end, starts_on=first, customer=self.customers[number], partner=partner)
        self.owners[line] = self.customers[number]
        self.oracles[line] = Oracle(place, first, end, today, partner.id)

    def live(self, until: datetime, sampled: int) -> None:
        """The worker looks at random moments; now and then an end moves or a partner is named."""
        while self.moment.now < until:
            hours = self.dice.choice([1, 3, 5, 9, 12, 17, 24, 24, 24, 31, 24 * self.dice.randrange(1, 30)])
            self.moment.go(hours=hours, minutes=self.dice.randrange(60))
            self._meddle()
            looked = self.moment.now
            self.ends.work()
            for oracle in self.oracles.values():
                oracle.looks(looked)
            self.check_stages(sampled)

    def _meddle(self) -> None:
        if self.dice.random() > 0.1:
            return
        line, now = self.dice.choice(list(self.oracles)), self.moment.now
        oracle = self.oracles[line]
        if self.dice.random() < 0.5:
            end = oracle.end + timedelta(days=self.dice.choice([10, 31, 61, 365]))
            self.ends.extend(line, end)
            oracle.moves(end, now)
        else:
            partner = self.dice.choice([each for each in self.partners if each.id != oracle.partner])
            self.ends.name(line, partner, self.owners[line])
            oracle.names(partner.id, now)

    def check_notices(self) -> Counter[int]:
        """Each was told exactly what its oracle says, and everybody concerned got a mail of it; how many by days left."""
        found: dict[UUID, list[Told]] = {line: [] for line in self.oracles}
        for row in sorted(self.ends.rows(RenewalNotice), key=lambda row: row.at):
            day = row.at.astimezone(self.oracles[row.line_id].zone).date()
            found[row.line_id].append(Told(day, row.days_left, row.partner_id))
        for line, oracle in self.oracles.items():
            assert found[line] == oracle.expected, (oracle.zone, oracle.end)
        self._check_mails()
        return Counter(each.left for told in found.values() for each in told)

    def _check_mails(self) -> None:
        """What each person was told by mail, however gathered, is what was noted for its organization."""
        with self.ends.app.app_context():
            texts = database.session().execute(
                sa.select(Message.recipient, Message.text).where(Message.kind == "ending")
            ).all()  # fmt: skip
        named: Counter[str] = Counter()
        for recipient, text in texts:
            named[recipient] += text.count("\n- ")
        told: Counter[object] = Counter()
        for line, oracle in self.oracles.items():
            for each in oracle.expected:
                told[each.partner] += 1
                told[self.owners[line].id] += 1
        for party in (*self.partners, *self.customers):
            for role in ("admin_agent", "sales_agent", "global_administrator", "billing_administrator"):
                if role in party.people:
                    assert named[party[role].address] == told[party.id], party.name

    def check_stages(self, sampled: int) -> None:
        """Some stand where the sentences say, on their customer's day."""
        lines = self.dice.sample(list(self.oracles), min(sampled, len(self.oracles)))
        with self.ends.app.app_context():
            rows = database.session().scalars(
                sa.select(SubscriptionStanding).where(SubscriptionStanding.line_id.in_(lines))
            ).all()  # fmt: skip
            for row in rows:
                oracle = self.oracles[row.line_id]
                today = oracle.day(clock.now())
                *_before, (_day, stage) = stages_by_the_sentences(min(oracle.end, today), oracle.end, today)
                assert subscriptions.stage_of(row, str(oracle.zone)) == stage, (oracle.zone, oracle.end, today)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    return Moment(monkeypatch, FIRST)


@pytest.mark.timeout(1800)
def test_years_of_the_job_tell_each_notice_once_on_the_right_local_day(
    app: Flask, world: World, moment: Moment, engine: str, full: bool
) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    count = (1000 if engine == "sqlite" else 300) if full else (100 if engine == "sqlite" else 40)
    years = Years(app, world, moment, random.Random(seed), count)
    years.live(FIRST + YEARS, sampled=5)
    assert sum(years.check_notices().values()) > count


@pytest.mark.one_engine
def test_a_stage_length_that_is_off_by_one_day_is_found_in_the_database_too(
    app: Flask, world: World, moment: Moment
) -> None:
    years = Years(app, world, moment, random.Random(1), 0)
    years._begin()
    (oracle,) = years.oracles.values()
    with years.ends.unit():
        policies.set_policy("subscription.expired_days.partner", 31, "a fault on purpose")
    for days, fails in ((30, False), (31, True), (32, False)):
        day = oracle.end + timedelta(days=days)
        moment.now = datetime(day.year, day.month, day.day, 12, tzinfo=oracle.zone).astimezone(UTC)
        if fails:
            with pytest.raises(AssertionError):
                years.check_stages(1)
        else:
            years.check_stages(1)
