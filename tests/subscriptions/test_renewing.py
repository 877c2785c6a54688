"""What renews itself: on the customer's day, once, whatever was agreed; and what stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from tests.relationships.scene import Scene
from tests.support.builders import World
from webapp import clock, database
from webapp.evidence.models import Fact
from webapp.organizations import actions as organizations
from webapp.subscriptions import actions, queries
from webapp.subscriptions.models import RenewalStop, Subscription


@pytest.fixture
def scene(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Scene]:
    clock_file = tmp_path / "clock"
    app = make_app(clock_offset_file=clock_file)
    yield Scene(app, World(app), clock_file)
    clock.read_offset_from(None)


def bought(scene: Scene, first: date, last: date, *, indirect: bool = False, renews: bool = True) -> UUID:
    partner, reseller = (scene.provider, scene.reseller) if indirect else (scene.partner, None)
    with scene.app.app_context(), database.unit_of_work():
        row, _new = actions.add(
            scene.organization(scene.customer), scene.organization(partner),
            reseller=scene.organization(reseller) if reseller else None, product="Suite", seats=7, starts_on=first,
            ends_on=last, auto_renews=renews,
        )  # fmt: skip
        return row.id


def renew(scene: Scene) -> int:
    with scene.app.app_context():
        return actions.renew_due()


def terms(scene: Scene) -> list[tuple[date, date]]:
    return sorted((row.starts_on, row.ends_on) for row in scene.rows(Subscription))


#: The last evening of 2026-08-31 in Tokyo, and the first minutes of the day after.
BEFORE, AFTER = datetime(2026, 8, 31, 14, 59, tzinfo=UTC), datetime(2026, 8, 31, 15, 1, tzinfo=UTC)


def test_it_renews_once_on_the_customer_s_day_and_nobody_asks_for_the_agreement(scene: Scene) -> None:
    scene.it_is(BEFORE)
    scene.begin(indirect=True)
    first = bought(scene, date(2025, 9, 1), date(2026, 8, 31), indirect=True)
    assert renew(scene) == 0
    scene.it_is(AFTER)
    assert renew(scene) == 1
    assert renew(scene) == 0
    assert terms(scene) == [(date(2025, 9, 1), date(2026, 8, 31)), (date(2026, 9, 1), date(2027, 8, 31))]
    (row,) = scene.rows(Subscription, Subscription.follows_id == first)
    assert (row.seats, row.reseller_id, row.auto_renews) == (7, scene.reseller.id, True)
    (fact,) = scene.rows(Fact, Fact.kind == "subscription.renewed")
    assert (fact.id, fact.chain_id) == (row.fact_id, scene.customer.chain_id)


def test_what_does_not_renew_itself_is_over(scene: Scene) -> None:
    scene.it_is(AFTER)
    scene.begin()
    bought(scene, date(2025, 9, 1), date(2026, 8, 31), renews=False)
    assert renew(scene) == 0
    assert len(terms(scene)) == 1


def test_after_a_long_silence_every_term_that_began_is_there(scene: Scene) -> None:
    scene.it_is(datetime(2026, 4, 2, tzinfo=UTC))
    scene.begin()
    bought(scene, date(2025, 12, 31), date(2026, 1, 30))
    assert renew(scene) == 3
    assert [ends for _begins, ends in terms(scene)] == [
        date(2026, 1, 30), date(2026, 2, 27), date(2026, 3, 30), date(2026, 4, 29),
    ]  # fmt: skip


def test_it_stops_where_the_relationship_ended_or_the_customer_asks_to_end_it(scene: Scene) -> None:
    scene.it_is(BEFORE)
    relationship = scene.begin()
    bought(scene, date(2025, 9, 1), date(2026, 8, 31))
    scene.ask(relationship)
    scene.it_is(AFTER)
    assert renew(scene) == 0
    (stop,) = scene.rows(RenewalStop)
    (fact,) = scene.rows(Fact, Fact.kind == "subscription.renewal_stopped")
    assert (stop.fact_id, fact.person_id) == (fact.id, None)
    scene.withdraw(relationship)
    assert renew(scene) == 0
    assert len(terms(scene)) == 1


def test_it_stops_by_hand_and_only_while_it_is_the_last_term(scene: Scene) -> None:
    scene.it_is(BEFORE)
    scene.begin()
    first = bought(scene, date(2025, 9, 1), date(2026, 8, 31))

    def stop(id_: UUID) -> bool:
        with scene.app.app_context():
            by = scene.actor(scene.customer["billing_administrator"])
            row = queries.subscription_by_id(id_)
            assert row is not None
            with database.unit_of_work():
                return actions.stop_renewal(row, by=by)

    scene.it_is(AFTER)
    assert renew(scene) == 1
    assert stop(first) is False
    (second,) = scene.rows(Subscription, Subscription.follows_id == first)
    assert stop(second.id) is True
    assert stop(second.id) is False
    scene.it_is(datetime(2027, 12, 1, tzinfo=UTC))
    assert renew(scene) == 0
    assert len(terms(scene)) == 2


def test_of_a_disabled_partner_nothing_renews_until_it_is_back(scene: Scene) -> None:
    scene.it_is(AFTER)
    scene.begin()
    bought(scene, date(2025, 9, 1), date(2026, 8, 31))
    with scene.app.app_context():
        with database.unit_of_work():
            _open, stops = organizations.disable(scene.organization(scene.partner), "for a test")
        assert [stop.words for stop in stops if stop.kind == "subscription"] == [
            "renewal of Suite, 7 seats, after 2026-08-31"
        ]
    assert renew(scene) == 0
    with scene.app.app_context(), database.unit_of_work():
        organizations.enable(scene.organization(scene.partner), "for a test")
    assert renew(scene) == 1


def test_two_workers_at_once_renew_once(scene: Scene) -> None:
    scene.it_is(AFTER)
    scene.begin()
    bought(scene, date(2025, 9, 1), date(2026, 8, 31))
    start, counts = threading.Barrier(2), []

    def work() -> None:
        start.wait()
        counts.append(renew(scene))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 1
    assert len(terms(scene)) == 2


def newest(scene: Scene, line: UUID) -> Subscription:
    with scene.app.app_context():
        row = queries.newest_of_line(line)
        assert row is not None
        return row


def change(scene: Scene, line: UUID, *, seats: int = 7, ends_on: date) -> None:
    with scene.app.app_context(), database.unit_of_work():
        actions.change(newest(scene, line), seats=seats, ends_on=ends_on, why="extension", by=None, source="job")


def test_a_change_does_not_undo_a_stop_and_the_renewal_can_be_switched_on_again(scene: Scene) -> None:
    scene.it_is(BEFORE)
    scene.begin()
    line = bought(scene, date(2025, 9, 1), date(2026, 8, 31))
    with scene.app.app_context():
        by = scene.actor(scene.customer["billing_administrator"])
        with database.unit_of_work():
            assert actions.stop_renewal(newest(scene, line), by=by)
    change(scene, line, seats=9, ends_on=date(2026, 8, 31))
    assert newest(scene, line).auto_renews is False
    scene.it_is(AFTER)
    assert renew(scene) == 0
    scene.it_is(BEFORE)
    with scene.app.app_context():
        by = scene.actor(scene.customer["billing_administrator"])
        with database.unit_of_work():
            assert actions.start_renewal(newest(scene, line), by=by)
    change(scene, line, seats=10, ends_on=date(2026, 8, 31))
    assert newest(scene, line).auto_renews is True


def test_after_an_extension_the_next_terms_are_as_long_as_the_one_that_was_ordered(scene: Scene) -> None:
    scene.it_is(BEFORE)
    scene.begin()
    line = bought(scene, date(2025, 9, 1), date(2026, 8, 31))
    change(scene, line, ends_on=date(2026, 9, 30))
    change(scene, line, seats=9, ends_on=date(2026, 10, 12))
    scene.it_is(datetime(2027, 10, 20, tzinfo=UTC))
    assert renew(scene) == 2
    assert terms(scene)[-2:] == [(date(2026, 10, 13), date(2027, 10, 12)), (date(2027, 10, 13), date(2028, 10, 12))]
