"""Reading, writing, locking and ending a transaction, on both engines."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask, g
from flask_wtf.csrf import generate_csrf
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.kernel.conftest import Probe
from tests.support.builders import Party, World
from webapp import access, actor, clock, database, errors
from webapp.access import Permission, Requirement
from webapp.accounts.models import Activity, Session
from webapp.database import Model, db
from webapp.evidence import actions as evidence
from webapp.evidence.models import SITE_CHAIN, Chain, Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Domain, Organization, RoleAssignment
from webapp.policies.models import PolicyDeviation

ORIGIN = "http://localhost"


def deviation(name: str) -> PolicyDeviation:
    return PolicyDeviation(name=name, value=1, set_at=clock.now(), why="test")


def names(app: Flask) -> set[str]:
    with app.app_context():
        return set(database.session().scalars(sa.select(PolicyDeviation.name)))


def token_for(client: Any) -> str:
    """The CSRF token that the session of this browser goes with."""
    with client.session_transaction() as session:
        kept = dict(session)
    with client.application.test_request_context(base_url=ORIGIN):
        from flask import session as inside

        inside.update(kept)
        token = str(generate_csrf())
        kept = dict(inside)
    with client.session_transaction() as session:
        session.update(kept)
    return token


def post(client: Any, path: str, **data: Any) -> Any:
    return client.post(
        path, base_url=ORIGIN, data={"csrf_token": token_for(client), **data}, headers={"Origin": ORIGIN}
    )


def signed_in(app: Flask, address: str) -> Any:
    client = app.test_client()
    post(client, "/sign-in", address=address, password="countersign-demo")
    return client


# --- reading -------------------------------------------------------------------------------------------------


def test_the_reader_refuses_a_raw_insert(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(DBAPIError, match=r"read-?only"):
            database.session().execute(sa.text("INSERT INTO documents VALUES ('x', 'y', 'z')"))
        with pytest.raises(DBAPIError, match=r"read-?only"):
            database.session().execute(sa.text("DELETE FROM policy_deviations"))


def test_the_reader_stays_read_only_after_the_writer_wrote(app: Flask) -> None:
    with app.app_context():
        with database.unit_of_work():
            database.write()
            database.session().add(deviation("one"))
        for _ in range(3):
            with pytest.raises(DBAPIError, match=r"read-?only"):
                database.session().execute(sa.text("DELETE FROM policy_deviations"))
            database.session().close()


def test_reads_on_postgresql_are_autocommit_and_read_only(app: Flask, engine: str) -> None:
    with app.app_context():
        database.session().scalar(sa.select(Chain.id))
        connection = database.session().connection()
        if engine == "postgresql":
            assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
            raw: Any = connection.connection.dbapi_connection
            assert raw.autocommit
            assert raw.info.transaction_status.name == "IDLE"
        else:
            assert connection.exec_driver_sql("PRAGMA query_only").scalar() == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("way", ["write", "unit_of_work", "raw", "add", "change"])
def test_a_get_that_writes_fails_loudly(app: Flask, probe: Probe, world: World, method: str, way: str) -> None:
    world.a_customer()

    def view() -> str:
        session = database.session()
        if way == "write":
            database.write()
        elif way == "unit_of_work":
            with database.unit_of_work():
                database.write()
                database.session().add(deviation("sneaked"))
        elif way == "raw":
            session.execute(sa.text("DELETE FROM domains"))
        elif way == "add":
            session.add(deviation("sneaked"))
        else:
            session.scalars(sa.select(Organization)).all()[0].city = "Elsewhere"
        return "done"

    probe("/probe", view)
    assert app.test_client().open("/probe", method=method, base_url=ORIGIN).status_code == 500
    assert names(app) == set()


def test_what_is_changed_on_the_reader_of_a_post_is_not_lost_without_a_word(
    app: Flask, probe: Probe, world: World
) -> None:
    world.a_customer()

    def view() -> str:
        row = database.session().scalars(sa.select(Organization)).all()[0]
        database.write()
        row.city = "Elsewhere"  # the object of before the lock
        return "done"

    probe("/probe", view, methods=("POST",))
    assert post(app.test_client(), "/probe").status_code == 500


def test_write_outside_a_unit_of_work_raises(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="outside"):
        database.write()


# --- one request's transaction -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_a_post_that_succeeds_is_kept(app: Flask, probe: Probe, status: int) -> None:
    def view() -> tuple[str, int]:
        database.write()
        database.session().add(deviation("kept"))
        return "", status

    probe("/probe", view, methods=("POST",))
    assert post(app.test_client(), "/probe").status_code == status
    assert names(app) == {"kept"}


@pytest.mark.parametrize("end", [400, 422, 500, "abort", "refusal", "fault", "base"])
def test_a_post_that_does_not_succeed_leaves_nothing(app: Flask, probe: Probe, end: Any) -> None:
    class Stopped(BaseException):
        pass

    def view() -> tuple[str, int]:
        database.write()
        database.session().add(deviation("lost"))
        database.session().flush()
        if end == "abort":
            from flask import abort

            abort(409)
        if end == "refusal":
            raise errors.TooManyAttempts(minutes=5)
        if end == "fault":
            raise ZeroDivisionError
        if end == "base":
            raise Stopped
        return "", end

    probe("/probe", view, methods=("POST",))
    client = app.test_client()
    if end == "base":
        with pytest.raises(Stopped):
            post(client, "/probe")
    else:
        assert post(client, "/probe").status_code >= 400
    assert names(app) == set()
    with app.app_context(), database.unit_of_work():  # and nothing is locked
        database.write(chain=SITE_CHAIN)


def _chain() -> Chain:
    return Chain(id=uuid4(), length=0, head="0" * 64)


def _break_unique(party: Party) -> None:
    database.session().add(Domain(organization_id=party.id, name="twice.example"))
    database.session().flush()
    database.session().add(Domain(organization_id=party.id, name="twice.example"))


def _break_composite(party: Party) -> None:
    for _ in range(2):
        database.session().add(
            Fact(
                chain_id=party.chain_id, position=77, kind="x.y", at=clock.now(), record="{}",
                previous_hash="0" * 64, hash=uuid4().hex,
            )
        )  # fmt: skip


def _break_primary_key(_party: Party) -> None:
    database.session().execute(sa.insert(PolicyDeviation).values(name="a", value=1, set_at=clock.now(), why=""))
    database.session().execute(sa.insert(PolicyDeviation).values(name="a", value=1, set_at=clock.now(), why=""))


def _break_check(party: Party) -> None:
    chain = _chain()
    database.session().add(chain)
    database.session().flush()
    row = database.session().get_one(Organization, party.id)
    copied = {
        column.key: getattr(row, column.key)
        for column in sa.inspect(Organization).column_attrs
        if column.key not in {"id", "chain_id", "partner_number", "kind"}
    }
    database.session().add(Organization(id=uuid4(), chain_id=chain.id, kind="neither", **copied))


BREAKS: dict[str, Callable[[Party], None]] = {
    "uq_domains_name": _break_unique,
    "uq_facts_chain_id_position": _break_composite,
    "pk_policy_deviations": _break_primary_key,
    "ck_organizations_kind": _break_check,
}


@pytest.mark.parametrize("constraint", BREAKS)
def test_a_violated_constraint_is_named_alike_on_both_engines(app: Flask, world: World, constraint: str) -> None:
    party = world.a_customer()
    with app.app_context():
        with pytest.raises(IntegrityError) as caught, database.unit_of_work():
            database.write()
            BREAKS[constraint](party)
        assert database.constraint_name(caught.value) == constraint


def partial_unique_indexes() -> Iterator[tuple[sa.Table, sa.Index]]:
    for table in Model.metadata.tables.values():
        for index in table.indexes:
            if index.unique:
                yield table, index


def test_a_violated_partial_unique_index_is_named_alike_on_both_engines(app: Flask, world: World) -> None:
    party = world.a_customer()
    table = Model.metadata.tables["admission_requests"]
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.nullable:
            continue
        kind = column.type.python_type
        values[column.name] = {str: "x", UUID: uuid4(), int: 1, bool: False, dict: {}}.get(kind, clock.now())
    values |= {"organization_id": party.id, "address_key": "twice@customer.example"}
    with app.app_context():
        with pytest.raises(IntegrityError) as caught, database.unit_of_work():
            database.write()
            for _ in range(2):
                database.session().execute(sa.insert(table).values(values | {"id": uuid4()}))
        assert database.constraint_name(caught.value) == "uq_admission_requests_open"


def test_no_two_unique_rules_of_a_table_stand_on_the_same_columns() -> None:
    """SQLite names a violated rule by its columns only."""
    for table in Model.metadata.tables.values():
        seen = [
            tuple(column.name for column in rule.columns)
            for rule in [*table.constraints, *table.indexes]
            if isinstance(rule, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
            or (isinstance(rule, sa.Index) and rule.unique)
        ]
        assert len(seen) == len(set(seen)), table.name


def test_every_constraint_has_a_name_that_postgresql_does_not_cut() -> None:
    for table in Model.metadata.tables.values():
        given = [str(rule.name or "") for rule in table.constraints] + [str(rule.name or "") for rule in table.indexes]
        assert all(0 < len(name) <= 63 for name in given), (table.name, given)


def test_other_violations_have_no_name_to_speak(app: Flask, world: World) -> None:
    party = world.a_customer()
    with app.app_context():
        with pytest.raises(IntegrityError) as caught, database.unit_of_work():
            database.write()
            database.session().execute(sa.insert(Domain).values(id=uuid4(), organization_id=party.id, name=None))
        assert errors.refusal_of(caught.value) is None


@pytest.mark.parametrize("moment", ["flush", "commit"])
def test_what_a_constraint_refuses_becomes_the_page_of_its_refusal(
    app: Flask, probe: Probe, world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    party = world.a_customer()
    monkeypatch.setitem(errors._constraint_refusals, "uq_domains_name", lambda: errors.TooManyAttempts(minutes=7))

    def view() -> str:
        database.write()
        database.session().add(deviation("lost"))
        _break_unique(party)
        if moment == "flush":
            database.session().flush()
        return "done"

    probe("/probe", view, methods=("POST",))
    answer = post(app.test_client(), "/probe")
    assert answer.status_code == 429
    assert "Wait 7 minutes" in answer.get_data(as_text=True)
    assert names(app) == set()


def test_a_constraint_without_a_refusal_is_a_fault_of_our_own(app: Flask, probe: Probe) -> None:
    def view() -> str:
        database.write()
        _break_primary_key(Party(uuid4(), "", uuid4()))
        return "done"

    probe("/probe", view, methods=("POST",))
    assert post(app.test_client(), "/probe").status_code == 500


def test_faults_never_print_the_values_of_a_statement(
    app: Flask, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    def view() -> str:
        database.write()
        database.session().execute(
            sa.text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "-".join(("hidden", "address"))}
        )
        return "done"

    probe("/probe", view, methods=("POST",))
    with caplog.at_level(logging.INFO):
        assert post(app.test_client(), "/probe").status_code == 500
    assert "nowhere" in caplog.text
    assert "hidden-address" not in caplog.text


# --- units of work -------------------------------------------------------------------------------------------


def test_a_unit_of_work_inside_a_writing_one_is_refused_and_harms_nothing(app: Flask) -> None:
    with app.app_context():
        with database.unit_of_work():
            database.write()
            database.session().add(deviation("outer"))
            with pytest.raises(RuntimeError, match="second unit of work"), database.unit_of_work():
                pass
        assert names(app) == {"outer"}


def test_a_unit_of_work_before_the_request_writes_is_kept_when_the_request_is_refused(app: Flask, probe: Probe) -> None:
    def view() -> tuple[str, int]:
        with database.unit_of_work():
            database.write()
            database.session().add(deviation("attempt"))
        database.write()
        database.session().add(deviation("act"))
        return "", 422

    probe("/probe", view, methods=("POST",))
    assert post(app.test_client(), "/probe").status_code == 422
    assert names(app) == {"attempt"}


def test_what_the_writer_kept_is_what_the_reader_then_reads(app: Flask) -> None:
    with app.app_context():
        with database.unit_of_work():
            database.write()
            database.session().add(deviation("one"))
        row = database.session().get_one(PolicyDeviation, "one")
        with database.unit_of_work():
            database.locked(row).why = "changed"
        assert row.why == "changed"


def test_one_act_writes_to_one_chain(app: Flask, world: World) -> None:
    one, other = world.a_customer(), world.a_customer()
    with app.app_context():
        with pytest.raises(RuntimeError, match="one chain"), database.unit_of_work():
            database.write(chain=one.chain_id)
            database.write(chain=one.chain_id)  # the same again is no second one
            database.write(chain=other.chain_id)
        with pytest.raises(RuntimeError, match="one chain"), database.unit_of_work():
            database.write(chain=one.chain_id)
            evidence.new_chain()


def test_a_subject_that_is_gone_is_a_lookup_error_and_a_404(app: Flask, probe: Probe) -> None:
    def view() -> str:
        database.locked(ghost)
        return "done"

    with app.app_context():
        with database.unit_of_work():
            database.write()
            database.session().add(deviation("ghost"))
        ghost = database.session().get_one(PolicyDeviation, "ghost")
        with database.unit_of_work():
            database.write()
            database.session().execute(sa.delete(PolicyDeviation))
    probe("/probe", view, methods=("POST",))
    assert post(app.test_client(), "/probe").status_code == 404


# --- locks ---------------------------------------------------------------------------------------------------


@contextmanager
def held(app: Flask, **what: Any) -> Iterator[Callable[[], None]]:
    """Hold a lock in another thread; calling what this yields changes the organization and lets go."""
    taken, go, done = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with app.app_context(), database.unit_of_work():
            database.write(chain=what["chain"])
            taken.set()
            go.wait(30)
            what["change"]()
        done.set()

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(30)
    try:
        yield go.set
    finally:
        go.set()
        thread.join(30)
        assert done.is_set()


def waits_for_a_lock(app: Flask, engine: str, thread: threading.Thread) -> None:
    """Return once the thread waits for the database (PostgreSQL says so; on SQLite it sleeps in the driver)."""
    if engine == "postgresql":
        statement = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with app.app_context():
            while thread.is_alive() and not database.session().scalar(statement):
                database.session().rollback()
    else:
        thread.join(0.3)
    assert thread.is_alive(), "it did not wait"


def test_a_second_act_on_a_chain_waits_and_sees_what_the_first_did(app: Flask, engine: str, world: World) -> None:
    party = world.a_customer()
    seen: list[str] = []

    def change() -> None:
        database.session().get_one(Organization, party.id).city = "First"

    def second() -> None:
        with app.app_context():
            stale = organizations.organization_by_id(party.id)
            assert stale is not None
            ready.set()
            with database.unit_of_work():
                fresh = database.locked(stale)
                seen.extend([stale.city, fresh.city])
                assert fresh is not stale

    ready = threading.Event()
    with held(app, chain=party.chain_id, change=change) as let_go:
        thread = threading.Thread(target=second)
        thread.start()
        ready.wait(30)
        waits_for_a_lock(app, engine, thread)
        let_go()
        thread.join(30)
    assert seen == ["", "First"]


def test_what_the_writer_read_before_it_held_the_chain_is_read_again(app: Flask, engine: str, world: World) -> None:
    party = world.a_customer()
    seen: list[str] = []

    def change() -> None:
        database.session().get_one(Organization, party.id).city = "First"

    def second() -> None:
        with app.app_context(), database.unit_of_work():
            database.write()
            row = organizations.organization_by_id(party.id)
            assert row is not None
            seen.append(row.city)
            ready.set()
            database.write(chain=party.chain_id)
            seen.append(row.city)

    if engine == "sqlite":
        return  # write() alone already waits for every other writer: nothing can change in between
    ready = threading.Event()
    with held(app, chain=party.chain_id, change=change) as let_go:
        thread = threading.Thread(target=second)
        thread.start()
        ready.wait(30)
        waits_for_a_lock(app, engine, thread)
        let_go()
        thread.join(30)
    assert seen == ["", "First"]


def test_the_chain_is_locked_before_the_subject(app: Flask, engine: str, world: World) -> None:
    party = world.a_customer()
    statements: list[str] = []
    with app.app_context():
        subject = organizations.organization_by_id(party.id)
        assert subject is not None

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            statements.append(" ".join(statement.split()))

        sa.event.listen(db.engines["default"], "before_cursor_execute", note)
        with database.unit_of_work():
            database.locked(subject)
        locks = [each for each in statements if "FROM chains" in each or "FROM organizations" in each]
        assert [("chains" in each) for each in locks] == [True, False]
        if engine == "postgresql":
            assert all(each.endswith("FOR UPDATE") for each in locks)
        else:
            assert "BEGIN IMMEDIATE" in statements[0]


def _role_taken(party: Party) -> None:
    database.write(chain=party.chain_id)
    database.session().execute(sa.delete(RoleAssignment))


def _session_ended(_party: Party) -> None:
    database.write()
    database.session().execute(sa.update(Session).values(ended_at=clock.now()))


def _made_invisible(party: Party) -> None:
    database.write(chain=party.chain_id)
    database.session().execute(sa.update(Organization).values(city="hidden"))


@pytest.mark.parametrize(
    ("meanwhile", "status"), [(_role_taken, 403), (_session_ended, 401), (_made_invisible, 404), (None, 200)]
)
@pytest.mark.parametrize("early", [False, True])
def test_what_was_lost_while_waiting_for_the_lock_counts(
    app: Flask, probe: Probe, world: World, meanwhile: Any, status: int, early: bool
) -> None:
    party = world.a_customer()

    def visible(person: actor.Actor, city: str) -> Organization | None:
        row = organizations.organization_by_id(person.organization_id)
        return row if row is not None and row.city != "hidden" else None

    def view(organization: Organization) -> str:
        if early:
            database.write()  # without a subject first, as who uses up a link does
            database.session().add(deviation("early"))
            unit, g.unit = g.unit, None
            del g.unit
            if meanwhile is not None and app.config["ENGINE"] == "postgresql":
                with database.unit_of_work():
                    meanwhile(party)
            g.unit = unit
        elif meanwhile is not None:
            with database.unit_of_work():
                meanwhile(party)
        database.locked(organization)
        database.session().add(deviation("done"))
        return "done"

    with app.app_context():
        app.config["ENGINE"] = db.engines["default"].dialect.name
    requirement = Requirement(Permission.ANSWER_INVITATIONS, visible)
    probe("/probe/<city>", view, methods=("POST",), requirement=requirement)
    client = signed_in(app, party["global_administrator"].address)
    answer = post(client, "/probe/any", typed="by hand")
    if early and app.config["ENGINE"] == "sqlite":
        status = 200  # the first write() locks out every other writer: nothing was lost meanwhile
    assert answer.status_code == status
    assert names(app) == ({"early", "done"} if early else {"done"}) if status == 200 else not names(app)
    if status == 401:
        assert "Nothing was sent and nothing was changed" in answer.get_data(as_text=True)
        assert "by hand" in answer.get_data(as_text=True)


# --- busy ----------------------------------------------------------------------------------------------------


def test_a_database_that_stays_locked_answers_503_with_retry_after(
    make_app: Callable[..., Flask], engine: str, world: World
) -> None:
    app = make_app()
    with app.app_context():
        sa.event.listen(db.engines["default"], "connect", _impatient(engine))

    @access.anyone(because="a test's own route")
    def view() -> str:
        database.write(chain=SITE_CHAIN)
        return "done"

    app.add_url_rule("/probe", view_func=view, methods=["POST"])
    with held(app, chain=SITE_CHAIN, change=lambda: None):
        answer = post(app.test_client(), "/probe")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "The service is busy" in answer.get_data(as_text=True)
    assert post(app.test_client(), "/probe").status_code == 200


def _impatient(engine: str) -> Callable[[Any, Any], None]:
    def connect(connection: Any, _record: Any) -> None:
        if engine == "sqlite":
            connection.execute("PRAGMA busy_timeout=50")
        else:
            connection.execute("SET lock_timeout = 50")
            connection.commit()

    return connect


def test_exhausted_pools_answer_503_also_to_somebody_signed_in(make_app: Callable[..., Flask], world: World) -> None:
    party = world.a_customer()
    app = make_app(web_threads=1)
    client = signed_in(app, party["global_administrator"].address)
    with app.app_context():
        for each in db.engines.values():
            each.pool._timeout = 0.05  # type: ignore[attr-defined]
        taken = [db.engines["reader"].connect() for _ in range(2)]
    for answer in (client.get("/home", base_url=ORIGIN), post(client, "/sign-out")):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert "The service is busy" in answer.get_data(as_text=True)
    for connection in taken:
        connection.close()
    assert client.get("/home", base_url=ORIGIN).status_code == 200


def test_a_statement_that_only_mentions_a_lock_is_no_busy_database(app: Flask, probe: Probe) -> None:
    def view() -> str:
        database.session().execute(sa.text("SELECT locked, busy FROM nowhere_connected"))
        return "done"

    probe("/probe", view)
    assert app.test_client().get("/probe", base_url=ORIGIN).status_code == 500


def test_a_deadlock_is_busy_and_not_a_fault(app: Flask, probe: Probe, engine: str, world: World) -> None:
    if engine == "sqlite":
        return  # one writer at a time: there are none
    one, other = world.a_customer(), world.a_customer()
    waiting = threading.Event()
    statuses: list[int] = []

    def view(first: str, second: str) -> str:
        lock = sa.text("SELECT id FROM chains WHERE id = CAST(:id AS uuid) FOR UPDATE")
        database.write()
        database.session().execute(lock, {"id": first})
        barrier.wait(30)
        database.session().execute(lock, {"id": second})
        return "done"

    barrier = threading.Barrier(2)
    probe("/probe/<first>/<second>", view, methods=("POST",))
    pairs = [(one.chain_id, other.chain_id), (other.chain_id, one.chain_id)]
    threads = [
        threading.Thread(
            target=lambda a=a, b=b: statuses.append(post(app.test_client(), f"/probe/{a}/{b}").status_code)
        )
        for a, b in pairs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    waiting.set()
    assert sorted(statuses) == [200, 503]


def test_asking_with_a_nul_is_a_bad_request_and_no_fault(app: Flask, probe: Probe, engine: str) -> None:
    from flask import request

    def view() -> str:
        found = database.session().scalar(sa.select(Domain.id).where(Domain.name == request.args["q"]))
        return str(found)

    probe("/probe", view)
    status = app.test_client().get("/probe?q=a%00b", base_url=ORIGIN).status_code
    assert status == (400 if engine == "postgresql" else 200)


# --- append-only ---------------------------------------------------------------------------------------------


def test_append_only_tables_refuse_to_forget_and_their_errors_are_no_rules(
    app: Flask, world: World, engine: str
) -> None:
    world.a_customer()
    with app.app_context():
        statements = ["UPDATE facts SET kind = 'x'", "DELETE FROM facts", "UPDATE personal_facts SET value = 'x'"]
        statements += ["TRUNCATE facts CASCADE"] if engine == "postgresql" else []
        for statement in statements:
            with pytest.raises(DBAPIError, match="append-only:") as caught, database.unit_of_work():
                database.write()
                database.session().execute(sa.text(statement))
            if isinstance(caught.value, IntegrityError):
                assert errors.refusal_of(caught.value) is None
        if engine == "sqlite":
            with pytest.raises(DBAPIError, match="append-only:"), database.unit_of_work():
                database.write()
                database.session().execute(sa.text("INSERT OR REPLACE INTO facts SELECT * FROM facts"))
        with database.unit_of_work():
            database.write()
            database.session().execute(sa.text("DELETE FROM personal_facts"))


# --- moments -------------------------------------------------------------------------------------------------


def test_moments_come_back_in_utc_with_zone_and_none_is_stored_without(app: Flask) -> None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    local = datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=ZoneInfo("Europe/Berlin"))
    with app.app_context():
        with database.unit_of_work():
            database.write()
            database.session().add(PolicyDeviation(name="a", value=1, set_at=local, why=""))
        stored = database.session().scalar(sa.select(PolicyDeviation.set_at))
        assert stored == local
        assert stored is not None
        assert stored.tzinfo is UTC
        with pytest.raises(sa.exc.StatementError, match="without a time zone"), database.unit_of_work():
            database.write()
            database.session().add(PolicyDeviation(name="b", value=1, set_at=datetime(2026, 1, 1), why=""))


# --- activity ------------------------------------------------------------------------------------------------


def test_two_tabs_that_open_at_once_note_the_session_once(app: Flask, world: World) -> None:
    party = world.a_customer()
    clients = [signed_in(app, party["global_administrator"].address)]
    cookie = clients[0].get_cookie("session", domain="localhost")
    assert cookie is not None
    for _ in range(7):
        other = app.test_client()
        other.set_cookie("session", cookie.value, domain="localhost")
        clients.append(other)
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.delete(Activity))
    barrier = threading.Barrier(len(clients))
    statuses: list[int] = []

    def open_home(client: Any) -> None:
        barrier.wait(30)
        statuses.append(client.get("/home", base_url=ORIGIN).status_code)

    threads = [threading.Thread(target=open_home, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * len(clients)
