"""Notices over simulated years: what both sides are told of a coming and a reached end, with a worker that rests at random.

The oracle is written from sentences, and calls no rule:

- both sides are told 30, 7 and 1 days before the end, and on the end (Microsoft's notices for partners of record too);
- days are days of the customer's calendar, and a notice comes once that day has begun for people: from nine o'clock;
- each once: for one end, no notice comes twice, and never two on one day;
- after downtime one instead of several: on its return the worker tells what is so then, once;
- whoever learns of an end on a day needs no notice on the same day: there is none for the day of the approval;
- an end at which it extends itself moves by 180 days of 24 hours, as often as it comes while it is on, and both are told;
- nothing is told of what was ended before.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from tests.delegated_admin.scene import BEGIN, Moment, Scene
from tests.support.builders import Party, World
from webapp.delegated_admin import rules
from webapp.delegated_admin.roles import ROLES

USER = next(role.id for role in ROLES if role.key == "user_administrator")
ZONES = ("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns")
TERMS = (1, 2, 6, 7, 8, 29, 30, 31, 45, 60, 180, 365, 700, 730)


class Mail(NamedTuple):
    """A mail of time: what it tells, on which local day, and how many days it says are left."""

    kind: str
    day: date
    days_left: int | None


@dataclass
class Oracle:
    """What must be told of one, by the sentences above; it is asked at each moment at which the worker looks."""

    zone: ZoneInfo
    days: int
    extends: bool
    approved: datetime
    ended: datetime | None = None
    expected: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.end = self.approved + timedelta(hours=24 * self.days)
        self.learnt = self._day(self.approved)
        self.open = {30, 7, 1}
        self.over = False
        self.switches = [(self.approved, self.extends)]

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _was_on(self, moment: datetime) -> bool:
        return [on for at, on in self.switches if at <= moment][-1]

    def is_over(self, now: datetime) -> bool:
        """Whether it came to an end, told or not."""
        end = self.end
        while end <= now and self._was_on(end):
            end += timedelta(hours=24 * 180)
        return self.over or end <= now

    def looks(self, now: datetime) -> None:
        """The worker looks at a moment."""
        if self.over:
            return
        today, moved = self._day(now), False
        while self.end <= now and self._was_on(self.end):
            self.end += timedelta(hours=24 * 180)
            self.learnt, self.open, moved = today, {30, 7, 1}, True
        if self.end <= now:
            self.over = True
            self.expected.append(Mail("expired", today, None))
            return
        if moved:
            self.expected.append(Mail("extended", today, None))
            return
        last = self._day(self.end)
        reached = {days for days in self.open if self._reached(last - timedelta(days=days), now)}
        late_or_today = {days for days in self.open if last - timedelta(days=days) <= today}
        if reached:
            self.open -= late_or_today
            self.expected.append(Mail("expiring", today, (last - today).days))

    def _reached(self, day: date, now: datetime) -> bool:
        nine = datetime(day.year, day.month, day.day, 9, tzinfo=self.zone)
        return self.learnt < day and nine <= now


def told(scene: Scene, offer: UUID, zone: ZoneInfo) -> dict[str, list[Mail]]:
    """What time told, by receiver."""
    found: dict[str, list[Mail]] = {}
    for mail in scene.mails(offer, "expiring", "expired", "extended"):
        number = re.search(r"in (\d+) days?$", mail.subject)
        days = (int(number[1]) if number else 0) if mail.kind == "expiring" else None
        assert days or mail.kind != "expiring" or mail.subject.endswith("today"), mail.subject
        found.setdefault(mail.recipient, []).append(Mail(mail.kind, mail.created_at.astimezone(zone).date(), days))
    return found


class Watched:
    """One that runs, and its oracle."""

    def __init__(self, scene: Scene, zone: str, days: int, extends: bool) -> None:
        self.scene, self.zone, self.days = scene, zone, days
        self.offer = scene.offer([USER], days, extends=extends)
        scene.approve(self.offer)
        approved = scene.standing(self.offer).activated_at
        assert approved is not None
        self.oracle = Oracle(ZoneInfo(zone), days, extends, approved)

    def check(self) -> None:
        """Each reader on either side was told exactly what the oracle says."""
        customer, partner = self.scene.customer, self.scene.partner
        readers = [
            customer["global_administrator"].address, customer["delegated_admin_administrator"].address,
            partner["admin_agent"].address,
        ]  # fmt: skip
        expected = {reader: self.oracle.expected for reader in readers if self.oracle.expected}
        assert told(self.scene, self.offer, self.oracle.zone) == expected, (self.zone, self.days, self.oracle)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    return Moment(monkeypatch)


@pytest.fixture
def partner(world: World) -> Party:
    made = world.a_partner()
    world.enroll(made)
    return made


def customer_in(zone: str, app: Flask, world: World, moment: Moment, partner: Party) -> Scene:
    """A customer in a zone, with two people who decide and one who does not."""
    people = ("global_administrator", "delegated_admin_administrator", "billing_administrator")
    return Scene(app, world, moment, partner=partner, zone=zone, roles=people)


# --- a worker that never rests -----------------------------------------------------------------------------------


def _ends_told(days: int) -> Iterator[tuple[int, int]]:
    """(days after the day of approval, days said) of each notice: 30, 7 and 1 before the end, none on the first day."""
    for before in (30, 7, 1):
        if days > before:
            yield days - before, before


def test_a_worker_that_never_rests_tells_each_notice_on_exactly_its_local_day_at_nine(
    app: Flask, world: World, moment: Moment, partner: Party, engine: str, full: bool
) -> None:
    for zone in ZONES if engine == "sqlite" or full else ZONES[:2]:
        scene = customer_in(zone, app, world, moment, partner)
        place = ZoneInfo(zone)
        moment.now = datetime(2027, 1, 15, 12, tzinfo=place).astimezone(UTC)  # noon: a change of clocks moves no day
        first = date(2027, 1, 15)
        offers = {days: scene.offer([USER], days) for days in (TERMS if full else (1, 2, 7, 8, 31, 730))}
        for offer in offers.values():
            scene.approve(offer)
        scene.live(moment.now + timedelta(days=740))
        for days, offer in offers.items():
            expected = [Mail("expiring", first + timedelta(days=after), said) for after, said in _ends_told(days)]
            expected.append(Mail("expired", first + timedelta(days=days), None))
            found = told(scene, offer, place)
            assert found == dict.fromkeys(found, expected)
            assert len(found) == 3
            for mail in scene.mails(offer, "expiring"):
                assert mail.created_at.astimezone(place).timetuple()[3:5] == (9, 0)


@pytest.mark.one_engine
def test_around_midnight_and_changes_of_clocks_the_days_are_those_of_the_calendar(
    app: Flask, world: World, moment: Moment, partner: Party
) -> None:
    # (zone, approved at this local time, days, local day of the end)
    rows = [
        ("America/New_York", (2027, 3, 6, 23, 30), 8, date(2027, 3, 15)),  # clocks go forward on the 14th: 00:30
        ("America/New_York", (2027, 10, 31, 0, 30), 8, date(2027, 11, 7)),  # and back on the 7th: 23:30 the day before
        ("Europe/London", (2027, 3, 20, 23, 15), 8, date(2027, 3, 29)),
        ("Australia/Lord_Howe", (2027, 9, 25, 23, 45), 8, date(2027, 10, 4)),  # by half an hour
        ("Asia/Tokyo", (2027, 3, 6, 0, 0), 8, date(2027, 3, 14)),  # midnight belongs to the day it begins
    ]
    for zone, approved, days, last in rows:
        scene = customer_in(zone, app, world, moment, partner)
        place = ZoneInfo(zone)
        moment.now = datetime(*approved, tzinfo=place).astimezone(UTC)
        offer = scene.offer([USER], days)
        scene.approve(offer)
        scene.live(moment.now + timedelta(days=days + 1))
        first = date(*approved[:3])
        said = [before for before in (30, 7, 1) if last - timedelta(days=before) > first]
        expected = [Mail("expiring", last - timedelta(days=before), before) for before in said]
        expected.append(Mail("expired", last, None))
        assert set(map(tuple, told(scene, offer, place).values())) == {tuple(expected)}, zone


# --- a worker that rests -----------------------------------------------------------------------------------------


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        # (days before the end at which the worker looks, at which local hour), what is said on each look
        ([(35, 12), (20, 12)], [20]),
        ([(5, 12)], [5]),  # two missed: one mail
        ([(1, 10)], [1]),  # three missed: one mail
        ([(1, 3), (1, 9)], [1]),  # back in the night before the last: the morning adds nothing
        ([(7, 2), (7, 12), (1, 12)], [7, 1]),
        ([(0, 2)], [0]),
        ([(30, 9), (30, 10), (29, 9), (7, 9), (6, 9), (1, 9)], [30, 7, 1]),
        ([(31, 23), (30, 8)], []),
    ],
)
def test_after_downtime_one_mail_says_how_many_days_are_left_then(
    app: Flask, world: World, moment: Moment, partner: Party, looks: list[tuple[int, int]], expected: list[int]
) -> None:
    scene = customer_in("Asia/Tokyo", app, world, moment, partner)
    tokyo = ZoneInfo("Asia/Tokyo")
    moment.now = datetime(2027, 1, 1, 15, tzinfo=tokyo).astimezone(UTC)
    offer = scene.offer([USER], 100)
    scene.approve(offer)
    for before, hour in looks:
        day = date(2027, 1, 1) + timedelta(days=100 - before)
        moment.now = datetime(day.year, day.month, day.day, hour, tzinfo=tokyo).astimezone(UTC)
        scene.work()
        scene.work()
    found = told(scene, offer, tokyo)
    assert {tuple(mail.days_left for mail in mails) for mails in found.values()} == (
        {tuple(expected)} if expected else set()
    )


def test_years_with_random_downtime_tell_each_notice_once_on_the_right_local_day(
    app: Flask, world: World, moment: Moment, partner: Party, engine: str, full: bool
) -> None:
    kinds: Counter[str] = Counter()
    for _ in range((60 if full else 3) if engine == "sqlite" else (15 if full else 1)):
        seed = random.randrange(10**9)
        print(f"seed {seed}")
        kinds += _simulate(random.Random(seed), app, world, moment, partner)
    assert min(kinds[each] for each in ("expiring", "expired", "extended")) > 0 or not full, kinds
    assert kinds


def _simulate(dice: random.Random, app: Flask, world: World, moment: Moment, partner: Party) -> Counter[str]:
    """Two years or so of several customers; the worker looks at random moments."""
    moment.now = max(moment.now, BEGIN) + timedelta(hours=dice.randrange(9000))
    watched = []
    for zone in dice.sample(ZONES, 3):
        scene = customer_in(zone, app, world, moment, partner)
        for days in dice.sample(TERMS, 2):
            moment.go(minutes=dice.randrange(3000))
            watched.append(Watched(scene, zone, days, extends=dice.random() < 0.4))
    stop = moment.now + timedelta(days=dice.choice([400, 800]))
    while moment.now < stop:
        _rest(dice, moment)
        looked = moment.now
        watched[0].scene.work()
        for each in watched:
            each.oracle.looks(looked)
        _meddle(dice, watched)
    for each in watched:
        each.check()
        if not each.oracle.is_over(moment.now):
            each.scene.end(each.offer)  # the next years are not to work through the future of these
    return Counter(mail.kind for each in watched for mail in each.oracle.expected)


def _rest(dice: random.Random, moment: Moment) -> None:
    """The worker rests: mostly for hours, at times for weeks."""
    hours = dice.choice([2, 3, 7, 11, 24, 24, 24, 36, 50, 24 * dice.randrange(1, 61)])
    moment.go(hours=hours, minutes=dice.randrange(60))


def _meddle(dice: random.Random, watched: list[Watched]) -> None:
    """Now and then somebody switches one, or ends it; the worker may not have seen its end yet."""
    if dice.random() > 0.04:
        return
    one = dice.choice(watched)
    scene, now = one.scene, one.scene.moment.now
    if one.oracle.is_over(now):
        return
    if dice.random() < 0.8:
        on = not one.oracle._was_on(now)
        assert scene.switch(one.offer, on, by=scene.agent if dice.random() < 0.5 else None)
        one.oracle.switches.append((scene.moment.now, on))
    else:
        assert scene.end(one.offer)
        one.oracle.over = True


@pytest.mark.one_engine
def test_the_oracle_finds_a_notice_on_another_day(
    app: Flask, world: World, moment: Moment, partner: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "notice_moment", lambda end, days, _zone: end - timedelta(days=days))
    with pytest.raises(AssertionError):
        for number in range(4):
            _simulate(random.Random(number), app, world, moment, partner)
