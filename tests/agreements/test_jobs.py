"""Asking customers again: for a version or for the policy's day, once, and nobody who need not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from tests.agreements.buying import Scene
from tests.support.builders import World
from tests.support.main_job import KANA_OR_KANJI
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.agreements import actions, jobs
from webapp.agreements.rules import Signatory
from webapp.customers.models import Overview
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.organizations import actions as organizations
from webapp.organizations.models import Organization
from webapp.tasks import actions as tasks
from webapp.tasks.models import Task

MARCH = "2026-03-05T12:00:00+00:00"
VERSION, DAY = "version:2026-09", "day:2026-04-01"


def a_scene(world: World, *, agreed: bool = True, **customer: Any) -> Scene:
    """A customer that accepted 2026-03 in March, the day on which a partner sells to it."""
    scene = Scene(world, **customer)
    scene.publish("2026-03", date(2026, 3, 1))
    if agreed:
        with time_machine.travel(MARCH, tick=False):
            scene.accept()
    return scene


def another(scene: Scene) -> Scene:
    """Another customer in the same country, which accepted on the same day."""
    other = Scene(scene.world)
    with time_machine.travel(MARCH, tick=False):
        other.accept()
    return other


def becomes_stale(scene: Scene, why: str) -> None:
    """A later version requires renewal, or the policy's day comes after what the customer agreed to."""
    if why == "version":
        scene.publish("2026-09", date(2026, 9, 1), requires_renewal=True)
    else:
        scene.set_policy("agreement.renew_before", "2026-04-01")


def run(scene: Scene) -> int:
    with scene.app.app_context():
        return jobs.ask_to_renew()


def entries(scene: Scene) -> list[Task]:
    with scene.app.app_context():
        found = database.session().scalars(
            sa.select(Task).where(Task.organization_id == scene.customer.id, Task.kind == "renewal_needed")
        )
        return sorted(found, key=lambda each: each.about_key)


def mails(scene: Scene) -> list[Message]:
    with scene.app.app_context():
        return list(database.session().scalars(sa.select(Message).where(Message.kind == "renewal")))


def asked(scene: Scene) -> list[dict[str, Any]]:
    """What the evidence says of asking."""
    with scene.app.app_context():
        found = database.session().scalars(
            sa.select(Fact).where(Fact.kind == "agreement.renewal_asked", Fact.customer_id == scene.customer.id)
        )
        return [json.loads(each.record)["facts"] for each in found]


@pytest.mark.parametrize(
    ("why", "key", "said", "told"),
    [
        ("version", VERSION, "everybody has to accept who agreed to an earlier one", ("2026-09", None)),
        ("day", DAY, "Acceptances from before 1 April 2026 have to be renewed.", (None, "2026-04-01")),
    ],
)
def test_who_may_accept_is_asked_once_by_mail_and_in_the_inbox(
    world: World, why: str, key: str, said: str, told: tuple[str | None, str | None]
) -> None:
    scene = a_scene(world)
    assert run(scene) == 0
    becomes_stale(scene, why)
    assert run(scene) == 1
    assert run(scene) == 0
    (entry,) = entries(scene)
    assert (entry.about_key, entry.waits, entry.path, entry.done_at) == (key, True, "/agreement", None)
    receivers = {scene.customer[role].address for role in ("global_administrator", "billing_administrator")}
    assert {each.recipient for each in mails(scene)} == receivers
    assert len(mails(scene)) == len(receivers)
    for mail in mails(scene):
        for part in (mail.text, mail.html):
            for words in (
                said, "Until then nothing new can be bought. Running subscriptions go on.", scene.customer.name,
                "http://localhost/agreement", "This is a sample text",
            ):  # fmt: skip
                assert words in re.sub(r"\s+", " ", part or "")
    (facts,) = asked(scene)
    assert (facts["reason"], facts["version"], facts["day"]) == (why, *told)


def test_each_reads_it_in_its_own_language(world: World) -> None:
    scene = a_scene(world)
    becomes_stale(scene, "version")
    with world.app.app_context(), database.unit_of_work():
        database.write()
        one = scene.customer["global_administrator"].address
        database.session().execute(sa.update(Person).where(Person.address == one).values(language="ja"))
    run(scene)
    japanese = {each.recipient for each in mails(scene) if re.search(KANA_OR_KANJI, each.subject)}
    assert japanese == {one}


@pytest.mark.parametrize("roles", [["global_administrator"], ["billing_administrator"]])
def test_the_policy_says_who_may_accept_and_is_asked(world: World, roles: list[str]) -> None:
    scene = a_scene(world)
    scene.set_policy("agreement.acceptors", roles)
    becomes_stale(scene, "day")
    run(scene)
    assert [each.recipient for each in mails(scene)] == [scene.customer[roles[0]].address]


@pytest.mark.parametrize("why", ["version", "day"])
def test_accepting_settles_it_and_nobody_is_asked_again(world: World, why: str) -> None:
    scene = a_scene(world)
    becomes_stale(scene, why)
    run(scene)
    scene.accept()
    (entry,) = entries(scene)
    assert entry.done_at is not None
    assert entry.done_by_id == scene.acting("global_administrator").person_id
    assert run(scene) == 0
    assert len(asked(scene)) == 1


def test_a_confirmation_settles_it_only_when_that_puts_it_in_order(world: World) -> None:
    scene = a_scene(world)
    becomes_stale(scene, "version")
    run(scene)
    scene.attest(date(2026, 3, 6))  # to the version before
    assert [each.done_at for each in entries(scene)] == [None]
    scene.object()
    assert run(scene) == 0  # what it denies it is not asked to renew
    scene.publish("2026-10", date(2026, 10, 1))
    attest_anew(scene)
    (entry,) = entries(scene)
    assert entry.done_at is not None
    assert entry.done_by_id is None  # a partner's person is not named in the customer's inbox
    assert run(scene) == 0


def attest_anew(scene: Scene) -> None:
    """The partner confirms for today, in another person's name."""
    by = scene.acting("sales_agent", of_partner=True)
    with scene.app.app_context(), database.unit_of_work():
        customer = scene.customer_row()
        who = Signatory("Ken", "Sato", "ken.sato@elsewhere.example")
        actions.attest(customer, by=by, signatory=who, agreed_on=clock.today(customer.zone))


def test_what_a_partner_confirmed_becomes_stale_as_well(world: World) -> None:
    scene = a_scene(world, agreed=False)
    scene.attest(date(2026, 3, 5))
    assert run(scene) == 0
    becomes_stale(scene, "day")
    assert run(scene) == 1
    assert [each.about_key for each in entries(scene)] == [DAY]


def test_another_reason_is_told_anew_and_takes_the_place_of_the_first(world: World) -> None:
    scene = a_scene(world)
    becomes_stale(scene, "day")
    run(scene)
    becomes_stale(scene, "version")
    assert run(scene) == 1
    first, second = entries(scene)
    assert (first.about_key, second.about_key) == (DAY, VERSION)
    assert first.done_at is not None
    assert second.done_at is None


def test_an_entry_put_aside_is_not_put_again(world: World) -> None:
    scene = a_scene(world)
    becomes_stale(scene, "day")
    run(scene)
    by = scene.acting("global_administrator")
    with world.app.app_context(), database.unit_of_work():
        tasks.mark(database.session().get_one(Task, entries(scene)[0].id), by=by)
    assert run(scene) == 0


@pytest.mark.parametrize("why", ["version", "day"])
def test_who_never_agreed_is_not_asked_to_renew(world: World, why: str) -> None:
    scene = a_scene(world, agreed=False)
    becomes_stale(scene, why)
    assert run(scene) == 0
    assert not entries(scene)
    assert not mails(scene)
    assert not asked(scene)


def test_a_customer_whose_access_is_closed_is_not_asked(world: World) -> None:
    scene = a_scene(world)
    becomes_stale(scene, "day")
    with world.app.app_context(), database.unit_of_work():
        organizations.disable(scene.customer_row(), "a test")
    assert run(scene) == 0


@pytest.mark.parametrize(
    ("zone", "moment", "told"),
    [
        ("Asia/Tokyo", "2026-08-31T14:59:59+00:00", 0),
        ("Asia/Tokyo", "2026-08-31T15:00:00+00:00", 1),
        ("America/Los_Angeles", "2026-09-01T06:59:59+00:00", 0),
        ("America/Los_Angeles", "2026-09-01T07:00:00+00:00", 1),
        ("Pacific/Kiritimati", "2026-08-31T09:59:59+00:00", 0),
        ("Pacific/Kiritimati", "2026-08-31T10:00:00+00:00", 1),
    ],
)
def test_a_version_asks_from_its_first_day_in_the_customers_zone(
    world: World, zone: str, moment: str, told: int
) -> None:
    scene = a_scene(world, zone=zone)
    becomes_stale(scene, "version")
    with time_machine.travel(moment, tick=False):
        assert run(scene) == told


@pytest.mark.parametrize(
    ("zone", "agreed_at", "told"),
    [
        ("Pacific/Kiritimati", "2026-03-31T09:59:59+00:00", 1),
        ("Pacific/Kiritimati", "2026-03-31T10:00:00+00:00", 0),
        ("Etc/GMT+12", "2026-04-01T11:59:59+00:00", 1),
        ("Etc/GMT+12", "2026-04-01T12:00:00+00:00", 0),
    ],
)
def test_no_zone_is_overlooked_when_those_that_agreed_lately_are_left_out(
    world: World, zone: str, agreed_at: str, told: int
) -> None:
    scene = a_scene(world, agreed=False, zone=zone)
    with time_machine.travel(agreed_at, tick=False):
        scene.accept()
    becomes_stale(scene, "day")
    assert run(scene) == told


def test_every_batch_is_walked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 2)
    scene = a_scene(world)
    for _ in range(4):
        another(scene)
    scene.set_policy("agreement.renew_before", "2026-04-01")
    assert run(scene) == 5
    assert run(scene) == 0


def test_two_workers_ask_once(world: World) -> None:
    scene = a_scene(world)
    becomes_stale(scene, "version")
    results: list[int] = []
    workers = [Thread(target=lambda: results.append(run(scene))) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert sum(results) == 1
    assert len(asked(scene)) == len(entries(scene)) == 1
    assert len(mails(scene)) == 2


def test_what_is_wrong_with_one_keeps_nobody_else_waiting(world: World, caplog: pytest.LogCaptureFixture) -> None:
    scene = a_scene(world)
    broken = another(scene)
    scene.set_policy("agreement.renew_before", "2026-04-01")
    with world.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(Organization).where(Organization.id == broken.customer.id).values(zone="No/Where")
        )
    assert run(scene) == 1
    assert len(entries(scene)) == 1
    assert [each.getMessage() for each in caplog.records] == [
        f"customer {broken.customer.id} cannot be asked to renew its consent"
    ]


def test_asking_changes_nothing_in_the_partners_overview(world: World) -> None:
    scene = a_scene(world)
    becomes_stale(scene, "version")

    def rows() -> list[tuple[Any, ...]]:
        with world.app.app_context():
            found = database.session().execute(sa.select(Overview.__table__).order_by(Overview.partner_id))
            return [tuple(each) for each in found]

    before = rows()
    assert before
    run(scene)
    assert rows() == before


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_inbox_and_the_history_say_it(world: World, browser: Callable[..., Visitor], language: str) -> None:
    scene = a_scene(world, language=language)
    becomes_stale(scene, "version")
    run(scene)
    visitor = browser(language=language)
    visitor.sign_in(scene.customer["global_administrator"].address)
    visitor.open("/inbox")
    (words,) = [words for words, url in visitor.page.links.items() if "2026-09" in words and url.endswith("/agreement")]
    assert bool(re.search(KANA_OR_KANJI, words)) == (language == "ja")
    visitor.open("/history")
    assert ("version 2026-09 requires it" if language == "en" else "2026-09 版には、改めて同意が必要です") in (
        visitor.page.words
    )
