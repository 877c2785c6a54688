"""Rows are done once, by whom may do it at that moment; what they say of persons is let go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from tests.support.many import many_customers
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.actor import NO_SESSION, Actor
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.imports import actions, jobs, queries, rules
from webapp.imports.models import Import, ImportRow
from webapp.invitations.models import Invitation
from webapp.messages.models import Message
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations

COUNT = 6


class Files:
    """A partner with customers, and imports of one invitation for each."""

    def __init__(self, app: Flask, world: World) -> None:
        self.app = app
        self.partner: Party = world.a_partner("Northwind Cloud")
        self.customers = many_customers(app, self.partner, COUNT)

    def actor(self, role: str = "sales_agent") -> Actor:
        found = organizations.actor_of_person(self.partner[role].id)
        assert found is not None
        return found

    def start(self, *, sends: bool = False, **more: str) -> UUID:
        """Upload and start a file of an invitation for every customer."""
        lines = [(n + 2, {"customer": f"many{n}.example", **more}) for n in range(COUNT)]
        with self.app.app_context(), database.unit_of_work():
            made = actions.upload(
                by=self.actor(), kind="invitations", language="en", file_name="many.csv", sha256="0" * 64, lines=lines
            ).id
        with self.app.app_context(), database.unit_of_work():
            assert actions.start(self.row(made), by=self.actor(), sends=sends)
        return made

    def row(self, import_id: UUID) -> Import:
        found = queries.by_id(import_id)
        assert found is not None
        return found

    def run(self) -> None:
        with self.app.app_context():
            jobs.run()

    def counts(self, import_id: UUID) -> queries.Counts:
        with self.app.app_context():
            return queries.counts_of([import_id])[import_id]

    def made(self) -> int:
        with self.app.app_context():
            statement = sa.select(sa.func.count()).select_from(Invitation).where(Invitation.customer_id.is_not(None))
            return database.session().scalar(statement) or 0

    def state(self, import_id: UUID) -> str:
        with self.app.app_context():
            return rules.state_of(self.row(import_id), clock.now())


@pytest.fixture
def files(app: Flask, world: World) -> Files:
    return Files(app, world)


def test_every_row_is_done_in_the_name_of_who_started_it_and_says_where_it_came_from(files: Files) -> None:
    import_id = files.start()
    files.run()
    assert (files.counts(import_id).done, files.made(), files.state(import_id)) == (COUNT, COUNT, "finished")
    with files.app.app_context():
        facts = database.session().scalars(sa.select(Fact).where(Fact.kind == "invitation.made")).all()
        records = [evidence.record_of(fact) for fact in facts]
        assert {record["source"] for record in records} == {"import"}
        assert {record["person_id"] for record in records} == {str(files.partner["sales_agent"].id)}
        (begun,) = database.session().scalars(sa.select(Fact).where(Fact.kind == "import.started")).all()
        assert evidence.record_of(begun)["facts"]["rows"] == COUNT
        assert files.actor().session_id == NO_SESSION


def test_starting_twice_does_nothing_twice(files: Files) -> None:
    import_id = files.start()
    with files.app.app_context(), database.unit_of_work():
        assert not actions.start(files.row(import_id), by=files.actor(), sends=True)
    files.run()
    files.run()
    assert files.made() == COUNT


def test_a_row_that_another_run_holds_is_left_to_it(files: Files) -> None:
    import_id = files.start()
    first, second = uuid4(), uuid4()
    with files.app.app_context():
        taken = actions.claim(import_id, first)
        assert len(taken) == COUNT
        assert actions.claim(import_id, second) == []
        for each in taken:
            assert actions.do_row(each, second)  # not its own
        assert files.counts(import_id).done == 0
        for each in taken:
            assert actions.do_row(each, first)
            assert actions.do_row(each, first)  # a second time nothing more
    assert files.made() == COUNT


@pytest.mark.parametrize(
    ("later", "free"),
    [
        (timedelta(seconds=59), False),
        (timedelta(seconds=61), True),
        (timedelta(seconds=-50), False),  # another machine's clock goes slow
        (timedelta(minutes=-10), True),  # the clock was set back: no lease ends so far ahead
    ],
)
def test_a_lease_holds_for_its_time_only(
    files: Files, monkeypatch: pytest.MonkeyPatch, later: timedelta, free: bool
) -> None:
    import_id = files.start()
    with files.app.app_context():
        assert actions.claim(import_id, uuid4())
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + later)
        assert bool(actions.claim(import_id, uuid4())) is free


def test_what_a_run_gives_back_is_free_at_once(files: Files) -> None:
    import_id = files.start()
    with files.app.app_context():
        run = uuid4()
        actions.claim(import_id, run)
        actions.release(run)
        assert len(actions.claim(import_id, uuid4())) == COUNT


def test_a_role_lost_meanwhile_stops_it_until_somebody_else_goes_on(files: Files) -> None:
    import_id = files.start()
    with files.app.app_context(), database.unit_of_work():
        person = people.person_by_id(files.partner["sales_agent"].id)
        assert person is not None
        assert organization_actions.change_roles(person, frozenset({"helpdesk_agent"}), by=files.actor("admin_agent"))
    files.run()
    assert (files.made(), files.state(import_id)) == (0, "stopped")
    with files.app.app_context(), database.unit_of_work():
        assert actions.resume(files.row(import_id), by=files.actor("admin_agent"))
    files.run()
    assert (files.made(), files.state(import_id)) == (COUNT, "finished")
    with files.app.app_context():
        makers = set(database.session().scalars(sa.select(Invitation.created_by_id).where(~Invitation.standing)))
        assert makers == {files.partner["admin_agent"].id}


@pytest.mark.parametrize("meanwhile", ["nothing", "goes on", "cancels"])
def test_that_the_person_may_no_more_is_noted_once_the_row_is_let_go(
    files: Files, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """Whoever cancels holds the import and then its rows: a worker that held a row and then the import would block it."""
    import_id = files.start()
    with files.app.app_context():
        first, *_others = actions.claim(import_id, run := uuid4())
    with files.app.app_context(), database.unit_of_work():
        person = people.person_by_id(files.partner["sales_agent"].id)
        assert person is not None
        assert organization_actions.change_roles(person, frozenset({"helpdesk_agent"}), by=files.actor("admin_agent"))
    note = actions._stop

    def noted(row_id: UUID, person_id: UUID) -> None:
        with database.unit_of_work():
            database.write()
            held = sa.select(ImportRow.id).where(ImportRow.id == row_id).with_for_update(skip_locked=True)
            assert database.session().scalar(held) == row_id
        if meanwhile == "cancels":
            with database.unit_of_work():
                assert actions.cancel(files.row(import_id), by=files.actor("admin_agent"))
        if meanwhile == "goes on":
            with database.unit_of_work():
                actions.pause(files.row(import_id))
            with database.unit_of_work():
                assert actions.resume(files.row(import_id), by=files.actor("admin_agent"))
        note(row_id, person_id)

    monkeypatch.setattr(actions, "_stop", noted)
    with files.app.app_context():
        assert not actions.do_row(first, run)
    wanted = {"nothing": "stopped", "goes on": "running", "cancels": "cancelled"}[meanwhile]
    assert (files.made(), files.state(import_id)) == (0, wanted)


def test_a_partner_that_was_closed_does_no_more_rows(files: Files) -> None:
    import_id = files.start()
    with files.app.app_context(), database.unit_of_work():
        own = organizations.organization_by_id(files.partner.id)
        assert own is not None
        _was_open, stops = organization_actions.disable(own, "a test")
        assert import_id in {stop.about_id for stop in stops if stop.kind == "import"}
    files.run()
    assert (files.made(), files.state(import_id)) == (0, "stopped")


def test_a_customer_that_was_lost_meanwhile_is_refused_and_the_others_go_on(files: Files) -> None:
    import_id = files.start()
    with files.app.app_context(), database.unit_of_work():
        gone = organizations.organization_by_id(files.customers[0])
        assert gone is not None
        organization_actions.disable(gone, "a test")
    files.run()
    counts = files.counts(import_id)
    assert (counts.done, counts.refused) == (COUNT - 1, 1)
    with files.app.app_context():
        ((row,), more) = queries.refused_rows(import_id)
        assert (row.number, row.reason, more) == (2, "no_customer", False)


def test_a_fault_of_our_own_is_tried_again_and_at_last_given_up(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> actions.Outcome:
        raise ValueError("a test")

    import_id = files.start()
    monkeypatch.setitem(actions._EFFECTS, "invitations", broken)
    real = clock.now
    for number in range(rules.LAST_ATTEMPT):
        assert files.counts(import_id).refused == 0
        monkeypatch.setattr(clock, "now", lambda number=number: real() + timedelta(seconds=61 * number))
        files.run()
    assert files.counts(import_id).refused == COUNT
    assert files.state(import_id) == "finished"


def test_pausing_and_cancelling_stop_rows_that_are_held_already(files: Files) -> None:
    import_id = files.start()
    run = uuid4()
    with files.app.app_context():
        taken = actions.claim(import_id, run)
        assert actions.do_row(taken[0], run)
    with files.app.app_context(), database.unit_of_work():
        assert actions.pause(files.row(import_id))
    with files.app.app_context():
        assert not actions.do_row(taken[1], run)
    with files.app.app_context(), database.unit_of_work():
        assert actions.cancel(files.row(import_id), by=files.actor())
    with files.app.app_context():
        assert actions.do_row(taken[2], run)
        row = files.row(import_id)
        assert (row.done, rules.state_of(row, clock.now())) == (1, "cancelled")
    assert files.made() == 1


def test_mails_leave_only_when_they_were_asked_for(files: Files) -> None:
    def mails() -> int:
        with files.app.app_context():
            return database.session().scalar(sa.select(sa.func.count()).select_from(Message)) or 0

    files.start()
    files.run()
    assert mails() == 0
    files.start(sends=True)
    files.run()
    assert mails() == COUNT


def test_values_are_let_go_after_ninety_days_and_what_was_left_is_not_done(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = files.start(recipient="x@elsewhere.example")
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=89))
    with files.app.app_context():
        assert jobs.let_go() == 0
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=91))
    with files.app.app_context():
        assert jobs.let_go() == 1
        assert jobs.let_go() == 0
        rows = list(queries.rows_of(import_id))
        assert [(row.values, row.address_key, row.faults) for row in rows] == [({}, None, {})] * COUNT
    files.run()
    assert (files.made(), files.state(import_id)) == (0, "cancelled")


def test_erasing_a_person_empties_the_rows_about_it(files: Files, world: World) -> None:
    member = world.a_customer("Contoso", roles=("global_administrator",))["global_administrator"]
    import_id = files.start(recipient=member.address.upper())
    with files.app.app_context(), database.unit_of_work():
        person = people.person_by_id(member.id)
        assert person is not None
        erased, _stays = accounts.erase(person, "a test")
        assert erased >= COUNT
    with files.app.app_context():
        assert {str(row.values) for row in queries.rows_of(import_id)} == {"{}"}
        assert all(row.left_out_at for row in queries.rows_of(import_id))
    files.run()
    assert files.made() == 0


def test_two_workers_at_once_do_no_row_twice(files: Files, make_app: Callable[..., Flask]) -> None:
    import_id = files.start()
    with files.app.app_context():
        taken = actions.claim(import_id, first := uuid4())
    offset = timedelta(seconds=61)
    real = clock.now
    with pytest.MonkeyPatch.context() as patch, files.app.app_context():
        patch.setattr(clock, "now", lambda: real() + offset)  # the first one's leases ran out while it was slow
        again = actions.claim(import_id, second := uuid4())
        for mine, other in zip(taken, again, strict=True):
            actions.do_row(other, second)
            actions.do_row(mine, first)
    assert files.made() == COUNT
    with files.app.app_context():
        about = database.session().scalars(sa.select(ImportRow.about_id)).all()
        assert len(set(about)) == COUNT
