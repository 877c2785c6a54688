"""The rows of a subscription: changes once, renewals of what is newest, and where each stands after any history."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.subscriptions.scene import Holding
from webapp import database
from webapp.subscriptions import actions, queries, rules
from webapp.subscriptions.models import Subscription, SubscriptionStanding

LATER = date(2030, 6, 30)


def test_a_change_is_a_row_of_its_own_and_the_newest_one_counts(holding: Holding) -> None:
    holding.begin()
    line = holding.line(seats=5)
    holding.change(line, seats=8)
    holding.change(line, why="extension", ends_on=LATER)
    with holding.app.app_context():
        rows = queries.rows_of_line(line)
        assert [(row.seats, row.ends_on == LATER) for row in rows] == [(5, False), (8, False), (8, True)]
        assert [row.follows_id for row in rows] == [None, rows[0].id, rows[1].id]
    standing = holding.standing(line)
    assert (standing.seats, standing.ends_on, standing.subscription_id) == (8, LATER, rows[-1].id)


def test_a_second_change_of_the_same_row_says_that_it_has_moved(holding: Holding) -> None:
    holding.begin()
    line = holding.line(seats=5)
    with holding.app.app_context():
        old = queries.newest_of_line(line)
        assert old is not None
        holding.change(line, seats=8)
        with pytest.raises(rules.SubscriptionMoved) as refused, database.unit_of_work():
            actions.change(old, seats=9, ends_on=old.ends_on, why="seats", by=None, source="job")
    assert refused.value.line_id == line
    assert holding.standing(line).seats == 8


def test_of_two_changes_at_once_one_counts(holding: Holding) -> None:
    holding.begin()
    line = holding.line(seats=5)
    start, moved = threading.Barrier(2), []

    def work(seats: int) -> None:
        with holding.app.app_context():
            row = queries.newest_of_line(line)
            assert row is not None
            start.wait()
            try:
                with database.unit_of_work():
                    actions.change(row, seats=seats, ends_on=row.ends_on, why="seats", by=None, source="job")
            except rules.SubscriptionMoved:
                moved.append(seats)

    threads = [threading.Thread(target=work, args=(seats,)) for seats in (7, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moved) == 1
    assert holding.standing(line).seats == ({7, 9} - set(moved)).pop()
    assert len(holding.rows(Subscription)) == 2


def test_the_next_term_keeps_the_newest_seats_and_the_day_of_the_first(timed: Holding) -> None:
    timed.it_is(datetime(2026, 1, 15, tzinfo=UTC))
    timed.begin()
    with timed.app.app_context(), database.unit_of_work():
        row, _new = actions.add(
            timed.organization(timed.customer), timed.organization(timed.partner), reseller=None, product="Suite",
            seats=5, starts_on=date(2025, 12, 31), ends_on=date(2026, 1, 30), auto_renews=True,
        )  # fmt: skip
        line = row.line_id
    timed.change(line, seats=8)
    timed.it_is(datetime(2026, 3, 1, tzinfo=UTC))
    with timed.app.app_context():
        assert actions.renew_due() == 2
    standing = timed.standing(line)
    assert (standing.seats, standing.starts_on, standing.ends_on) == (8, date(2026, 2, 28), date(2026, 3, 30))
    assert standing.renews


def test_what_nobody_sold_has_no_partner_and_is_no_purchase(holding: Holding) -> None:
    line = holding.keyed()
    standing = holding.standing(line)
    assert (standing.partner_id, standing.record_partner_id, standing.contract) == (None, None, "product_key")
    with holding.app.app_context():
        assert queries.bought_through(holding.customer.id) == []


# --- where each stands, after any history ----------------------------------------------------------------------


@dataclass
class Told:
    """What the test itself knows of a line."""

    seats: int
    ends_on: date
    renews: bool
    record: UUID | None


def _acts(holding: Holding, told: dict[UUID, Told], chance: random.Random) -> None:
    """One random act, done and noted."""
    parties = (holding.partner, holding.provider, holding.reseller, None)
    act = chance.choice(("begin", "indirect", "keys", "seats", "extend", "stop", "record", "record"))
    if act in {"begin", "indirect"} or not told:
        indirect, seats, renews = act == "indirect", chance.randint(1, 90), chance.random() < 0.5
        line = holding.line(seats=seats, indirect=indirect, renews=renews, product=f"Suite {len(told)}")
        record = holding.reseller.id if indirect else holding.partner.id
        told[line] = Told(seats, holding.today() + timedelta(days=30), renews, record)
        return
    if act == "keys":
        line, ends_on = holding.keyed(seats=3, ends_on=LATER), LATER
        told[line] = Told(3, ends_on, False, None)
        return
    line = chance.choice(list(told))
    now = told[line]
    if act == "seats":
        now.seats += chance.randint(1, 20)
        holding.change(line, seats=now.seats)
    elif act == "extend":
        now.ends_on += timedelta(days=chance.randint(1, 400))
        holding.change(line, why="extension", ends_on=now.ends_on)
    elif act == "stop":
        with holding.app.app_context():
            by = holding.actor(holding.customer["billing_administrator"])
            with database.unit_of_work():
                found = queries.standing_of(line)
                assert found is not None
                assert actions.stop_renewal_of(found, by=by) is now.renews
        now.renews = False
    else:
        party = chance.choice(parties)
        wanted = party.id if party is not None else None
        assert holding.name(line, party) is (wanted != now.record)
        now.record = wanted


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_each_stands_is_what_its_acts_say_and_a_planted_fault_is_found(holding: Holding, seed: int) -> None:
    holding.begin()
    holding.begin(indirect=True)
    chance, told = random.Random(seed), dict[UUID, Told]()
    for _ in range(25):
        _acts(holding, told, chance)
    for line, wanted in told.items():
        found = holding.standing(line)
        assert (found.seats, found.ends_on, found.renews, found.record_partner_id) == (
            wanted.seats, wanted.ends_on, wanted.renews, wanted.record,
        )  # fmt: skip
    with holding.app.app_context():
        assert actions.rebuild_standings() == 0
    victim = chance.choice(list(told))
    faults: list[dict[str, Any]] = [
        {"seats": 91}, {"record_partner_id": holding.customer.id}, {"ends_on": date(2020, 1, 1)}
    ]  # fmt: skip
    changes = chance.choice(faults)
    with holding.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(SubscriptionStanding).where(SubscriptionStanding.line_id == victim).values(**changes)
        )
    missing = chance.choice([each for each in told if each != victim])
    with holding.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.delete(SubscriptionStanding).where(SubscriptionStanding.line_id == missing))
    with holding.app.app_context():
        assert actions.rebuild_standings() == 2
        assert actions.rebuild_standings() == 0
    found = holding.standing(victim)
    assert (found.seats, found.record_partner_id) == (told[victim].seats, told[victim].record)
    assert holding.standing(missing).seats == told[missing].seats
