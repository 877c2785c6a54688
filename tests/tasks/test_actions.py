"""Entries are put and done once, and answers are told once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from webapp import clock, database
from webapp.messages.models import Message
from webapp.organizations.models import RoleAssignment
from webapp.tasks import actions, jobs, rules
from webapp.tasks.models import Task


def an_answer(app: Flask, partner: Party, number: int, kind: str = "invitation_accepted", **facts: Any) -> None:
    with app.app_context(), database.unit_of_work():
        actions.put(
            partner.id, kind, about_key=str(number), path="/partner/invitations", waits=False,
            facts={"customer": f"Customer {number}", "asks": "agreement"} | facts,
        )  # fmt: skip


def told(app: Flask) -> int:
    with app.app_context():
        return jobs.tell_answers()


def mails(app: Flask) -> list[Message]:
    with app.app_context():
        return list(database.session().scalars(sa.select(Message).order_by(Message.recipient, Message.created_at)))


def later(app: Flask, **how_much: float) -> None:
    """Let time pass for what was put: everything happened so much earlier."""
    with app.app_context(), database.unit_of_work():
        database.write()
        for row in database.session().scalars(sa.select(Task)):
            row.created_at -= timedelta(**how_much)
            if row.told_at is not None:
                row.told_at -= timedelta(**how_much)


def test_an_entry_is_put_once_and_done_once(app: Flask, world: World) -> None:
    partner = world.a_partner()
    for _ in range(2):
        an_answer(app, partner, 1)
    with app.app_context():
        row = database.session().scalars(sa.select(Task)).one()
        assert row.done_at is None
    for by in (partner["admin_agent"], partner["sales_agent"]):
        with app.app_context(), database.unit_of_work():
            actions.done(partner.id, "invitation_accepted", "1", by_id=by.id)
    with app.app_context():
        assert database.session().scalars(sa.select(Task)).one().done_by_id == partner["admin_agent"].id


def test_one_answer_is_told_at_once_to_each_agent_in_its_own_language(app: Flask, world: World) -> None:
    partner = world.a_partner(language="ja", country="JP", zone="Asia/Tokyo")
    an_answer(app, partner, 1)
    assert told(app) == 1
    assert told(app) == 0
    found = mails(app)
    assert [mail.recipient for mail in found] == [partner["admin_agent"].address, partner["sales_agent"].address]
    assert {mail.language for mail in found} == {"ja"}
    assert all("Customer 1" in mail.subject for mail in found)
    assert "accepted" not in found[0].subject
    assert "http://localhost/partner/invitations" in found[0].text


def test_many_answers_are_told_as_one_mail(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=("admin_agent",))
    for number in range(60):
        an_answer(app, partner, number, "invitation_declined" if number % 3 == 0 else "invitation_accepted")
    assert told(app) == 0
    later(app, minutes=15)
    assert told(app) == 60
    assert told(app) == 0
    (mail,) = mails(app)
    assert mail.subject == "60 answers from your customers"
    assert "Accepted: 40" in mail.text
    assert "Declined: 20" in mail.text
    assert "10 more stand in your inbox." in mail.text
    assert mail.html is not None
    assert mail.html.count("<li>") == mail.text.count("\n- ") == 50


def test_a_rush_after_single_mails_is_gathered(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=("admin_agent",))
    for number in range(rules.SINGLY):
        an_answer(app, partner, number)
        assert told(app) == 1
    an_answer(app, partner, 10, "invitation_declined")
    an_answer(app, partner, 11)
    assert told(app) == 0
    later(app, minutes=16)
    assert told(app) == 2
    assert len(mails(app)) == rules.SINGLY + 2  # so few after the rush are told singly again


def test_a_partner_without_agents_is_told_nothing_and_not_asked_again(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=("helpdesk_agent", ""))
    an_answer(app, partner, 1)
    assert told(app) == 1
    assert mails(app) == []
    assert told(app) == 0


def test_who_lost_the_role_is_told_no_more(app: Flask, world: World) -> None:
    partner = world.a_partner()
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.delete(RoleAssignment).where(RoleAssignment.person_id == partner["sales_agent"].id)
        )
    an_answer(app, partner, 1)
    told(app)
    assert [mail.recipient for mail in mails(app)] == [partner["admin_agent"].address]


def test_two_workers_at_once_tell_each_answer_once(app: Flask, make_app: Callable[..., Flask], world: World) -> None:
    partner = world.a_partner(roles=("admin_agent",))
    for number in range(rules.SINGLY):
        an_answer(app, partner, number)
    workers = [make_app(), make_app()]
    start = threading.Barrier(2)

    def work(application: Flask) -> int:
        start.wait()
        return told(application)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, workers)) == rules.SINGLY
    assert len(mails(app)) == rules.SINGLY


def test_a_failure_while_telling_tells_nobody_and_is_tried_again(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = world.a_partner()
    an_answer(app, partner, 1)
    real, calls = clock.now, []

    def failing() -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("the worker died")
        return real()

    monkeypatch.setattr(clock, "now", failing)
    with pytest.raises(RuntimeError):
        told(app)
    monkeypatch.setattr(clock, "now", real)
    assert mails(app) == []
    assert told(app) == 1
    assert len(mails(app)) == 2
