"""The worker dies in the middle of a long file, twice: every row is done, and none twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.directory.scene import Office
from tests.support.builders import World
from tests.support.many import many_customers
from tests.support.served import WorkerProcess
from webapp import database
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.evidence.models import Fact
from webapp.imports import actions, queries
from webapp.imports.models import Import, ImportRow
from webapp.invitations.models import Invitation
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.subscriptions.models import Licence

#: Seconds without any progress after which a worker is taken to hang.
PATIENCE = 60.0


def started(app: Flask, by: Actor, count: int) -> UUID:
    """An import of so many invitations that only have to be prepared, started."""
    with app.app_context(), database.unit_of_work():
        lines = [(number + 2, {"customer": f"many{number}.example"}) for number in range(count)]
        made = actions.upload(
            by=by, kind="invitations", language="en", file_name="many.csv", sha256="0" * 64, lines=lines
        )
        import_id = made.id
    with app.app_context(), database.unit_of_work():
        found = queries.by_id(import_id)
        assert found is not None
        actions.start(found, by=by, sends=False)
    return import_id


def done(app: Flask, import_id: UUID) -> int:
    with app.app_context():
        statement = (
            sa.select(sa.func.count())
            .select_from(ImportRow)
            .where(ImportRow.import_id == import_id, ImportRow.done_at.is_not(None))
        )
        return database.session().scalar(statement) or 0


def until(app: Flask, import_id: UUID, wanted: int, worker: WorkerProcess) -> None:
    """Wait until so many rows are done; a worker that does nothing any more fails the test."""
    seen, at = done(app, import_id), time.monotonic()
    while seen < wanted:
        assert worker.is_alive, worker.said
        assert time.monotonic() - at < PATIENCE, f"{seen} of {wanted} rows, and no more:\n{worker.said}"
        time.sleep(0.1)
        now = done(app, import_id)
        if now > seen:
            seen, at = now, time.monotonic()


def held(app: Flask, import_id: UUID) -> int:
    """How many rows a worker holds now."""
    with app.app_context():
        statement = sa.select(sa.func.count()).where(ImportRow.import_id == import_id, ImportRow.leased_by.is_not(None))
        return database.session().scalar(statement) or 0


def kill_in_the_middle(app: Flask, import_id: UUID, worker: WorkerProcess) -> None:
    """Stop the worker; kill it where it holds rows, and let it go on where it was just between two batches."""
    for _ in range(200):
        worker.send(signal.SIGSTOP)
        if held(app, import_id):
            worker.kill()
            return
        worker.send(signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("the worker never held a row")


@pytest.mark.timeout(1800)
def test_a_long_file_is_done_once_whatever_is_killed(
    app: Flask, world: World, work: Callable[..., WorkerProcess], tmp_path: Path, full: bool
) -> None:
    count = 10_000 if full else 2_000
    partner = world.a_partner("Northwind Cloud")
    customers = set(many_customers(app, partner, count))
    with app.app_context():
        by = organizations.actor_of_person(partner["admin_agent"].id)
        assert by is not None
    import_id = started(app, by, count)
    offset = tmp_path / "offset"
    began = time.monotonic()
    for number, part in enumerate((0.3, 0.65)):
        offset.write_text(str(61 * number))  # the dead worker's leases have run out
        worker = work(mail_port=None, CLOCK_OFFSET_FILE=str(offset))
        until(app, import_id, int(count * part), worker)
        kill_in_the_middle(app, import_id, worker)
        assert done(app, import_id) < count, "every row was done before the kill: the test proved nothing"
    offset.write_text("122")
    worker = work(mail_port=None, CLOCK_OFFSET_FILE=str(offset))
    until(app, import_id, count, worker)
    print(f"{count} rows, 2 kills: {time.monotonic() - began:.0f} s")
    with app.app_context():
        session = database.session()
        found = session.execute(
            sa.select(Invitation.customer_id, sa.func.count())
            .where(Invitation.customer_id.is_not(None))
            .group_by(Invitation.customer_id)
        ).all()
        assert {row[0] for row in found} == customers  # none missing
        assert {row[1] for row in found} == {1}  # none twice
        facts = session.scalar(sa.select(sa.func.count()).select_from(Fact).where(Fact.kind == "invitation.made"))
        assert facts == count
        made = session.scalar(
            sa.select(sa.func.count()).select_from(ImportRow).join(Invitation, Invitation.id == ImportRow.about_id)
        )
        assert made == count  # each row says which one it made
    for _ in range(100):
        with app.app_context():
            row = database.session().get_one(Import, import_id)
            if row.ended_at is not None:
                break
        time.sleep(0.1)
    assert (row.done, row.already, row.refused) == (count, 0, 0)


@pytest.mark.timeout(1800)
def test_a_file_of_people_adds_each_once_with_its_licence_whatever_is_killed(
    app: Flask, world: World, work: Callable[..., WorkerProcess], tmp_path: Path, full: bool
) -> None:
    count = 10_000 if full else 400
    office = Office(app, world)
    line = office.line(seats=300)  # not enough for all: what is refused is refused once, and adds nobody
    lines = [
        (number + 2, {
            "given_name": "Person", "family_name": str(number), "email": f"p{number}@{office.domain}", "licences": "suite",
        })
        for number in range(count)
    ]  # fmt: skip
    import_id = office.do(
        lambda by: (
            actions.upload(by=by, kind="people", language="en", file_name="people.csv", sha256="0" * 64, lines=lines).id
        )
    )
    office.do(lambda by: actions.start(database.session().get_one(Import, import_id), by=by, sends=False))
    offset = tmp_path / "offset"
    for number, part in enumerate((0.25, 0.6)):
        offset.write_text(str(61 * number))  # the dead worker's leases have run out
        worker = work(mail_port=None, CLOCK_OFFSET_FILE=str(offset))
        until(app, import_id, int(count * part), worker)
        kill_in_the_middle(app, import_id, worker)
        assert done(app, import_id) < count, "every row was done before the kill: the test proved nothing"
    offset.write_text("122")
    worker = work(mail_port=None, CLOCK_OFFSET_FILE=str(offset))
    until(app, import_id, count, worker)
    people = office.rows(Person, Person.address_key.startswith("p"), Person.given_name == "Person")
    assert len(people) == len({each.address_key for each in people}) == 300
    licences = office.rows(Licence, Licence.line_id == line)
    assert {each.person_id for each in licences} == {each.id for each in people}
    assert len(licences) == 300
    mails = office.rows(Message, Message.kind == "first_sign_in")
    assert len({each.person_id for each in mails}) == len(mails) == 300
    refused = office.rows(ImportRow, ImportRow.result == "refused")
    assert {each.reason for each in refused} == {"NoSeatLeft"}
    assert len(refused) == count - 300
