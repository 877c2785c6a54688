"""Reminding partners of requests to end: after seven and after fourteen days, each once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread

import pytest
import sqlalchemy as sa

from tests.relationships.scene import Scene
from webapp import database
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.policies import actions as policies
from webapp.relationships import jobs
from webapp.relationships.models import EndingReminder

ASKED = datetime(2027, 3, 1, 9, tzinfo=UTC)


def asked(scene: Scene, *, indirect: bool = False) -> None:
    scene.it_is(ASKED)
    scene.ask(scene.begin(indirect=indirect))


def run(scene: Scene, moment: datetime, job: Callable[[], int] = jobs.remind) -> int:
    scene.it_is(moment)
    with scene.app.app_context():
        return job()


def reminders(scene: Scene) -> list[Message]:
    return scene.rows(Message, Message.kind == "ending_reminder")


def test_the_partner_is_reminded_after_seven_and_after_fourteen_days(moved_scene: Scene) -> None:
    scene = moved_scene
    asked(scene)
    assert run(scene, ASKED + timedelta(days=6, hours=23)) == 0
    assert run(scene, ASKED + timedelta(days=7, minutes=1)) == 1
    assert run(scene, ASKED + timedelta(days=7, minutes=2)) == 0
    assert run(scene, ASKED + timedelta(days=13, hours=23)) == 0
    assert run(scene, ASKED + timedelta(days=14, minutes=1)) == 1
    assert run(scene, ASKED + timedelta(days=400)) == 0
    mails = reminders(scene)
    assert [each.recipient for each in mails] == [scene.partner["admin_agent"].address] * 2
    assert {words for words in ("7 days ago", "14 days ago") if any(words in each.text for each in mails)} == {
        "7 days ago", "14 days ago"
    }  # fmt: skip


def test_after_downtime_one_mail_goes_instead_of_two(moved_scene: Scene) -> None:
    asked(moved_scene, indirect=True)
    assert run(moved_scene, ASKED + timedelta(days=20, minutes=1)) == 1
    assert run(moved_scene, ASKED + timedelta(days=21)) == 0
    mails = moved_scene.mails("ending_reminder")
    assert set(mails) == {each["admin_agent"].address for each in (moved_scene.provider, moved_scene.reseller)}
    assert all("20 days ago" in each.text for each in mails.values())
    assert sorted(each.days for each in moved_scene.rows(EndingReminder)) == [7, 14]


@pytest.mark.parametrize("answered", ["refused", "withdrawn", "agreed"])
def test_nobody_is_reminded_of_what_is_answered(moved_scene: Scene, answered: str) -> None:
    scene = moved_scene
    scene.it_is(ASKED)
    relationship = scene.begin()
    scene.ask(relationship)
    if answered == "withdrawn":
        scene.withdraw(relationship)
    else:
        scene.answer(relationship, agree=answered == "agreed", reason="No.")
    assert run(scene, ASKED + timedelta(days=30)) == 0
    assert reminders(scene) == []


def test_a_request_made_again_is_reminded_of_on_its_own(moved_scene: Scene) -> None:
    scene = moved_scene
    scene.it_is(ASKED)
    relationship = scene.begin()
    scene.ask(relationship)
    run(scene, ASKED + timedelta(days=7, minutes=1))
    scene.answer(relationship, agree=False, reason="No.")
    scene.it_is(ASKED + timedelta(days=10))
    scene.ask(relationship)
    assert run(scene, ASKED + timedelta(days=16)) == 0
    assert run(scene, ASKED + timedelta(days=17, minutes=1)) == 1


def test_the_days_are_a_policy(moved_scene: Scene) -> None:
    asked(moved_scene)
    with moved_scene.app.app_context(), database.unit_of_work():
        policies.set_policy("relationship.reminder_days", ["2"], "a test")
    assert run(moved_scene, ASKED + timedelta(days=2, minutes=1)) == 1
    assert run(moved_scene, ASKED + timedelta(days=14)) == 0


def test_two_workers_remind_once(moved_scene: Scene) -> None:
    scene = moved_scene
    asked(scene)
    scene.it_is(ASKED + timedelta(days=8))
    results: list[int] = []

    def work() -> None:
        with scene.app.app_context():
            results.append(jobs.remind())

    workers = [Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert sum(results) == 1
    assert len(reminders(scene)) == 1


def test_a_reminder_is_no_fact(moved_scene: Scene) -> None:
    asked(moved_scene)
    before = len(moved_scene.rows(Fact))
    run(moved_scene, ASKED + timedelta(days=8))
    assert len(moved_scene.rows(Fact, sa.true())) == before


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_downtime_each_day_is_told_at_most_once_and_never_early(moved_scene: Scene, seed: int) -> None:
    """The worker runs at random moments; told counts only what had fallen due since the last run."""
    scene, random = moved_scene, Random(seed)
    asked(scene)
    moments = sorted(ASKED + timedelta(hours=random.uniform(0, 24 * 25)) for _ in range(6))
    told = 0
    for last, moment in zip([ASKED, *moments], moments, strict=False):
        due = [days for days in (7, 14) if last < ASKED + timedelta(days=days) <= moment]
        told += bool(due)
        run(scene, moment)
        assert len(reminders(scene)) == told
