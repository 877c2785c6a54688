"""Reminders, expiry and what came back: each is noted once, whoever runs and however often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.customers.acts import signer
from tests.support.builders import Party, World
from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.agreements import actions as agreement_actions
from webapp.agreements import queries as agreements
from webapp.invitations import actions, jobs, queries
from webapp.invitations.models import Invitation
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships
from webapp.tasks.models import Task


class Scene:
    """A partner with a customer in Tokyo, and a clock that can be set."""

    def __init__(self, app: Flask, world: World, clock_file: Path) -> None:
        self.app, self.clock_file = app, clock_file
        self.partner: Party = world.a_partner("Northwind Cloud")
        with app.app_context():
            own = organizations.organization_by_id(self.partner.id)
        self.customer: Party = world.a_customer(
            "Contoso 株式会社", created_by=own, language="ja", country="JP", zone="Asia/Tokyo"
        )

    def it_is(self, moment: datetime) -> None:
        """Set the clock; it goes on from there."""
        self.clock_file.write_text(str((moment - datetime.now(UTC)).total_seconds()))

    def actor(self) -> Actor:
        row = accounts.start_session(
            self.partner["sales_agent"].id, proof="password", network_address="", browser="Test"
        )
        found = actors.load(row.id)
        assert found is not None
        return found

    def sent(self, last_day: date, *, delivered: bool = True, named: bool = True) -> UUID:
        """An invitation, sent from here where it names its customer."""
        with self.app.app_context():
            with database.unit_of_work():
                by = self.actor()
            with database.unit_of_work():
                customer = organizations.organization_by_id(self.customer.id) if named else None
                row = actions.make(
                    by=by, asks="agreement", customer=customer, other=None, language="ja", last_day=last_day,
                    recipient=self.customer["global_administrator"].address if named else None,
                )  # fmt: skip
                made = row.id
                message = actions.send(row, by=by) if named else None
                if message is not None:
                    message.closed_at = clock.now()
                    message.handed_over_at = clock.now() if delivered else None
                    message.given_up_at = None if delivered else clock.now()
                    message.last_error = None if delivered else "550 no such mailbox"
        return made

    def run(self, job: Callable[[], int]) -> int:
        with self.app.app_context():
            return job()

    def kinds(self, invitation_id: UUID) -> list[str]:
        with self.app.app_context():
            return [act.kind for act in queries.acts_of(invitation_id)]

    def tasks(self, kind: str) -> list[Task]:
        with self.app.app_context():
            return list(database.session().scalars(sa.select(Task).where(Task.kind == kind)))

    def mails(self, kind: str) -> list[Message]:
        with self.app.app_context():
            return list(database.session().scalars(sa.select(Message).where(Message.kind == kind)))

    def do(self, invitation_id: UUID, verb: Callable[..., Any], **more: Any) -> None:
        with self.app.app_context():
            with database.unit_of_work():
                by = self.actor()
            row = queries.by_id(invitation_id)
            assert row is not None
            with database.unit_of_work():
                verb(row, by=by, **more)


@pytest.fixture
def scene(make_app: Callable[..., Flask], tmp_path: Path) -> Any:
    clock_file = tmp_path / "clock"
    app = make_app(clock_offset_file=clock_file)
    yield Scene(app, World(app), clock_file)
    clock.read_offset_from(None)


#: The last day is 31 March in Tokyo (UTC+9): the reminder's day, the 28th, begins on the 27th at 15:00 UTC.
LAST_DAY = date(2027, 3, 31)
MADE = datetime(2027, 3, 1, 9, tzinfo=UTC)


def test_the_named_contact_is_reminded_once_on_the_third_day_before(scene: Scene) -> None:
    scene.it_is(MADE)
    made = scene.sent(LAST_DAY)
    scene.it_is(datetime(2027, 3, 27, 14, 59, tzinfo=UTC))
    assert scene.run(jobs.remind) == 0
    scene.it_is(datetime(2027, 3, 27, 15, 0, 1, tzinfo=UTC))
    assert scene.run(jobs.remind) == 1
    assert scene.run(jobs.remind) == 0
    (mail,) = scene.mails("reminder")
    assert mail.recipient == scene.customer["global_administrator"].address
    assert "2027年3月31日" in mail.text
    with scene.app.app_context():
        row = queries.by_id(made)
        assert row is not None
        assert queries.link_of(row) in mail.text.split()
        assert queries.state(row) == "delivered"
    assert scene.kinds(made) == ["sent", "reminded"]


def test_two_workers_remind_once(scene: Scene) -> None:
    scene.it_is(MADE)
    scene.sent(LAST_DAY)
    scene.it_is(datetime(2027, 3, 29, tzinfo=UTC))
    results: list[int] = []
    workers = [Thread(target=lambda: results.append(scene.run(jobs.remind))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(results) == [0, 1]
    assert len(scene.mails("reminder")) == 1


@pytest.mark.parametrize("ending", ["withdrawn", "accepted", "declined", "superseded"])
def test_nobody_is_reminded_of_what_is_over_or_declined(scene: Scene, ending: str) -> None:
    scene.it_is(MADE)
    made = scene.sent(LAST_DAY)
    with scene.app.app_context(), database.unit_of_work():
        row = queries.by_id(made)
        assert row is not None
        database.write(row)
        actions.note(row, ending, customer_id=scene.customer.id)
    scene.it_is(datetime(2027, 3, 29, tzinfo=UTC))
    assert scene.run(jobs.remind) == 0


def test_nobody_is_reminded_of_what_was_sent_after_that_day_began(scene: Scene) -> None:
    scene.it_is(datetime(2027, 3, 30, tzinfo=UTC))
    scene.sent(LAST_DAY)
    scene.it_is(datetime(2027, 3, 31, tzinfo=UTC))
    assert scene.run(jobs.remind) == 0


def test_the_operator_can_turn_reminders_off(scene: Scene) -> None:
    with scene.app.app_context(), database.unit_of_work():
        policies.set_policy("invitation.reminder_days", 0, "a test")
    scene.it_is(MADE)
    scene.sent(LAST_DAY)
    scene.it_is(datetime(2027, 3, 29, tzinfo=UTC))
    assert scene.run(jobs.remind) == 0


def test_the_end_of_the_last_day_in_the_customer_s_zone_is_noted_once_and_told(scene: Scene) -> None:
    scene.it_is(MADE)
    named = scene.sent(LAST_DAY)
    anybody = scene.sent(LAST_DAY, named=False)
    scene.it_is(datetime(2027, 3, 31, 14, 59, tzinfo=UTC))
    assert scene.run(jobs.note_expiry) == 0
    scene.it_is(datetime(2027, 3, 31, 15, 0, 1, tzinfo=UTC))
    assert scene.run(jobs.note_expiry) == 1  # for any customer the partner's own zone counts: New York
    scene.it_is(datetime(2027, 4, 1, 4, 0, 1, tzinfo=UTC))
    assert scene.run(jobs.note_expiry) == 1
    assert scene.run(jobs.note_expiry) == 0
    assert scene.kinds(named) == ["sent", "expired"]
    assert scene.kinds(anybody) == ["expired"]
    tasks = scene.tasks("invitation_expired")
    assert {task.path for task in tasks} == {f"/partner/invitations/{each}" for each in (named, anybody)}
    assert {task.organization_id for task in tasks} == {scene.partner.id}


def test_an_expired_one_is_replaced_and_the_task_is_done(scene: Scene) -> None:
    scene.it_is(MADE)
    made = scene.sent(LAST_DAY)
    scene.it_is(datetime(2027, 4, 2, tzinfo=UTC))
    scene.run(jobs.note_expiry)
    scene.do(made, actions.replace, last_day=date(2027, 4, 30), send_now=True)
    (task,) = scene.tasks("invitation_expired")
    assert task.done_at is not None
    assert [mail.about_id == made for mail in scene.mails("invitation")] == [True, False]


def test_what_could_not_be_delivered_is_told_once_and_done_by_a_correction(scene: Scene) -> None:
    scene.it_is(MADE)
    made = scene.sent(LAST_DAY, delivered=False)
    assert scene.run(jobs.note_undeliverable) == 1
    assert scene.run(jobs.note_undeliverable) == 0
    (task,) = scene.tasks("invitation_undeliverable")
    assert (task.organization_id, task.done_at) == (scene.partner.id, None)
    assert task.path == f"/partner/invitations/{made}"
    scene.do(made, actions.correct, recipient="right@contoso.example")
    (task,) = scene.tasks("invitation_undeliverable")
    assert task.done_at is not None
    assert [mail.recipient for mail in scene.mails("invitation")][-1] == "right@contoso.example"


def test_a_standing_invitation_never_expires(scene: Scene) -> None:
    scene.it_is(datetime(2037, 1, 1, tzinfo=UTC))
    assert scene.run(jobs.note_expiry) == 0
    with scene.app.app_context():
        rows = database.session().scalars(sa.select(Invitation).where(Invitation.standing)).all()
        assert [queries.state(row) for row in rows] == ["prepared", "prepared"]


@pytest.mark.parametrize(
    ("asks", "agreed", "related", "reminded"),
    [
        ("agreement", True, False, 0),
        ("agreement", False, True, 1),
        ("relationship", True, True, 0),
        ("relationship", True, False, 1),
        ("relationship", False, True, 1),
    ],
)
def test_nobody_is_reminded_when_nothing_is_left_to_answer(
    scene: Scene, asks: str, agreed: bool, related: bool, reminded: int
) -> None:
    World(scene.app).a_published_agreement("JP")
    scene.it_is(MADE)
    made = scene.sent(LAST_DAY)
    with scene.app.app_context(), database.unit_of_work():
        row = queries.by_id(made)
        customer = organizations.organization_by_id(scene.customer.id)
        assert row is not None
        assert customer is not None
        row = database.locked(row, chain=customer.chain_id)
        row.asks = asks
        if related:
            relationships.begin(customer, partner_id=scene.partner.id, reseller_id=None, origin="creation", by=None)
        if agreed:
            text = agreements.text_in_force("JP", "Asia/Tokyo", "ja")
            assert text is not None
            agreement_actions.accept(
                customer, text, by=signer(scene.customer), shown={}, signer={"name": "Ann Lee"}, proof="password"
            )
    scene.it_is(datetime(2027, 3, 29, tzinfo=UTC))
    assert scene.run(jobs.remind) == reminded
