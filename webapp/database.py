"""The shared database: the base of every model, the time type, reading and writing.

Reading and writing go through two engines on one URL. The reader cannot write: a GET that tries fails
loudly on SQLite (`query_only`) and on PostgreSQL (`default_transaction_read_only`). Whoever writes says so
with `write(subject)`, inside a unit of work: the request's own (any method but GET and HEAD), or one opened
with `unit_of_work()` by a command or a job.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask, g, has_request_context, request
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event, orm
from sqlalchemy.exc import IntegrityError

from config import Config

db = SQLAlchemy()

#: Methods that change nothing.
READING = frozenset({"GET", "HEAD", "OPTIONS"})

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC with zone. Refuses a moment without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Model(orm.DeclarativeBase):
    """Base of every table. Constraint names follow one convention so that a refusal can be named by them."""

    metadata = sa.MetaData(naming_convention=NAMES)
    type_annotation_map = {
        datetime: UTCDateTime(),
        UUID: sa.Uuid(),
        dict[str, Any]: sa.JSON(),
        list[str]: sa.JSON(),
    }


class WithId:
    """Mixin: a random UUID as primary key."""

    id: orm.Mapped[UUID] = orm.mapped_column(primary_key=True, default=uuid4)


# --- append-only tables --------------------------------------------------------------------------------------

_append_only: dict[str, tuple[str, ...]] = {}


def append_only(model: type[Model], *, deletable: bool = False) -> None:
    """Declare that rows of a table are never changed nor removed (deletable: removed only, by erasure)."""
    table = model.__tablename__
    _append_only[table] = ("UPDATE",) if deletable else ("UPDATE", "DELETE", "TRUNCATE")


def append_only_tables() -> dict[str, tuple[str, ...]]:
    """Every protected table with the statements that its triggers refuse."""
    return dict(_append_only)


def protect_append_only(connection: sa.Connection) -> None:
    """(Re-)create the triggers of every append-only table that exists.

    Called at the end of each migration: Alembic's batch mode drops triggers without a word.
    """
    existing = set(sa.inspect(connection).get_table_names())
    for statement in _trigger_statements(connection.dialect.name, existing):
        connection.exec_driver_sql(statement)


def _trigger_statements(dialect: str, existing: set[str]) -> Iterator[str]:
    if dialect == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION countersign_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'append-only: %% refuses %%', TG_TABLE_NAME, TG_OP; END $$"
        )
    for table, operations in _append_only.items():
        if table not in existing:
            continue
        for operation in operations:
            name = f"append_only_{table}_{operation.lower()}"
            if dialect == "sqlite":
                if operation == "TRUNCATE":
                    continue
                yield f"DROP TRIGGER IF EXISTS {name}"
                yield (
                    f"CREATE TRIGGER {name} BEFORE {operation} ON {table} BEGIN "
                    f"SELECT RAISE(ABORT, 'append-only: {table} refuses {operation}'); END"
                )
            else:
                level = "STATEMENT" if operation == "TRUNCATE" else "ROW"
                yield f"DROP TRIGGER IF EXISTS {name} ON {table}"
                yield (
                    f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH {level} "
                    f"EXECUTE FUNCTION countersign_append_only()"
                )


# --- engines -------------------------------------------------------------------------------------------------


def engine_options(config: Config) -> dict[str, dict[str, Any]]:
    """Settings of the two engines, "default" (writes; also what migrations use) and "reader"."""
    pool = {"pool_size": config.web_threads + 1, "max_overflow": 0, "pool_timeout": 10}
    if config.is_sqlite:
        common: dict[str, Any] = {
            "url": config.database_url,
            "connect_args": {"timeout": 30},
            "hide_parameters": True,
        } | pool
        return {"default": common, "reader": common | {"isolation_level": "AUTOCOMMIT"}}
    common = {"url": config.database_url, "pool_pre_ping": True, "hide_parameters": True} | pool
    read_only = {"options": "-c default_transaction_read_only=on"}
    return {"default": common, "reader": common | {"isolation_level": "AUTOCOMMIT", "connect_args": read_only}}


def init_app(app: Flask, config: Config) -> None:
    """Bind the database to an application."""
    app.config["SQLALCHEMY_ENGINES"] = engine_options(config)
    db.init_app(app)
    # The extension also closes asynchronous sessions, on an event loop made for each request; there are none.
    app.teardown_appcontext_funcs = [f for f in app.teardown_appcontext_funcs if not inspect.iscoroutinefunction(f)]
    app.teardown_appcontext(_close)
    if config.is_sqlite:
        with app.app_context():
            _prepare_sqlite(app, db.engines["default"], read_only=False)
            _prepare_sqlite(app, db.engines["reader"], read_only=True)


def _prepare_sqlite(app: Flask, engine: sa.Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA foreign_keys={'OFF' if app.config.get('MIGRATING') else 'ON'}")
        cursor.execute("PRAGMA recursive_triggers=ON")  # else INSERT OR REPLACE passes the triggers
        cursor.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
        cursor.close()

    if not read_only:

        @event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


# --- units of work -------------------------------------------------------------------------------------------

Row = TypeVar("Row", bound=Model)


@dataclass
class _Unit:
    """What one transaction has opened and locked so far."""

    writer: orm.Session | None = None
    chain: UUID | None = None
    after_lock: Callable[[], None] | None = None


def session() -> orm.Session:
    """The session to query with: the writer once `write()` was called in this unit of work, else the reader."""
    unit: _Unit | None = g.get("unit")
    if unit is not None and unit.writer is not None:
        return unit.writer
    if "reader" not in g:
        g.reader = db.sessionmaker(bind=db.engines["reader"], autoflush=False)
    reader: orm.Session = g.reader
    return reader


def begin_unit(after_lock: Callable[[], None] | None = None) -> None:
    """Allow `write()` until `commit()` or `rollback()`; `after_lock` is asked again once a lock is held."""
    g.unit = _Unit(after_lock=after_lock)


def is_writing() -> bool:
    """Whether this unit of work has opened the writer."""
    unit: _Unit | None = g.get("unit")
    return unit is not None and unit.writer is not None


def write(subject: Row | None = None, *, chain: UUID | None = None) -> Row | None:
    """Leave the reader for the writer and lock what this act concerns; answer the subject, loaded afresh.

    `chain` is the evidence chain that the act writes to (default: the subject's own `chain_id`). The chain's
    row is locked before the subject's, always in this order. Without either nothing may be recorded.
    Raises RuntimeError outside a unit of work (a GET) or for a second chain, LookupError when the subject
    is gone.
    """
    unit: _Unit | None = g.get("unit")
    if unit is None:
        raise RuntimeError("write() outside a unit of work: GET and HEAD do not write")
    news = unit.writer is None
    if unit.writer is None:
        unit.writer = db.sessionmaker(bind=db.engines["default"])
        unit.writer.connection()
    if chain is None and subject is not None:
        chain = getattr(subject, "chain_id", None)
    if chain is not None:
        if unit.chain not in (None, chain):
            raise RuntimeError("one act writes to one chain")
        if unit.chain is None:
            news = True
            unit.chain = chain
            _lock_chain(unit.writer, chain)
    fresh: Row | None = None
    if subject is not None:
        key = sa.inspect(subject).identity
        fresh = unit.writer.get(type(subject), key, with_for_update=True, populate_existing=True)
        if fresh is None:
            raise LookupError(f"{type(subject).__name__} is gone")
    if news and unit.after_lock is not None:
        unit.after_lock()
    return fresh


def _lock_chain(writer: orm.Session, chain: UUID) -> None:
    """Wait for the chain; what this session read before it may be stale and is read again."""
    chains = Model.metadata.tables["chains"]
    writer.flush()
    writer.execute(sa.select(chains.c.id).where(chains.c.id == chain).with_for_update())
    writer.expire_all()


def locked(subject: Row, *, chain: UUID | None = None) -> Row:
    """`write()` for a subject that must be there; what an action begins with."""
    fresh = write(subject, chain=chain)
    assert fresh is not None
    return fresh


def alone(number: int) -> None:
    """Let whoever comes with the same number wait until this transaction ends: for what is counted in no row that could be
    locked. `write()` comes first; on SQLite, which has one writer at a time, that is enough."""
    writer = session()
    if writer.get_bind().dialect.name == "postgresql":
        writer.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def rows_of(result: sa.Result[Any]) -> int:
    """How many rows an UPDATE or DELETE met."""
    assert isinstance(result, sa.CursorResult)
    return result.rowcount


def locked_chain() -> UUID | None:
    """The chain this unit of work holds, or None: what evidence asks before it records."""
    unit: _Unit | None = g.get("unit")
    return unit.chain if unit is not None else None


def hold_new_chain(chain: UUID) -> None:
    """Take a chain that this very transaction inserts: nobody else can see it, so there is nothing to lock."""
    unit: _Unit = g.unit
    if unit.chain not in (None, chain):
        raise RuntimeError("one act writes to one chain")
    unit.chain = chain


def commit() -> None:
    """End the unit of work and keep what it wrote.

    Raises IntegrityError when a constraint refuses, RuntimeError when something was changed on the reader: it
    would be lost without a word.
    """
    _refuse_changes_on_reader()
    unit: _Unit | None = g.pop("unit", None)
    if unit is None or unit.writer is None:
        return
    try:
        unit.writer.commit()
    except BaseException:
        unit.writer.rollback()
        raise
    finally:
        unit.writer.close()
    if "reader" in g:
        g.reader.expire_all()


def _refuse_changes_on_reader() -> None:
    reader: orm.Session | None = g.get("reader")
    if reader is None:
        return
    changed = [*reader.new, *reader.deleted, *(each for each in reader.dirty if reader.is_modified(each))]
    if changed:
        reader.expunge_all()
        raise RuntimeError(f"{type(changed[0]).__name__} was changed on the reader: write() comes first")


def rollback() -> None:
    """End the unit of work and keep nothing."""
    unit: _Unit | None = g.pop("unit", None)
    if unit is not None and unit.writer is not None:
        unit.writer.rollback()
        unit.writer.close()


@contextmanager
def unit_of_work(*, of_activity: bool = False) -> Iterator[None]:
    """One transaction of its own: for commands, jobs, and for counting attempts before a request writes.

    Raises RuntimeError in a GET or HEAD, but for the one exception that `access.py` names (`of_activity`), and
    inside a unit that writes already.
    """
    if has_request_context() and request.method in READING and not of_activity:
        raise RuntimeError(f"unit_of_work() in a {request.method}, which does not write")
    outer: _Unit | None = g.pop("unit", None)
    if outer is not None and outer.writer is not None:
        g.unit = outer
        raise RuntimeError("a second unit of work inside a writing one would wait for itself")
    begin_unit()
    try:
        yield
        commit()
    except BaseException:
        rollback()
        raise
    finally:
        if outer is not None:
            g.unit = outer


def _close(_error: BaseException | None) -> None:
    rollback()
    reader = g.pop("reader", None)
    if reader is not None:
        reader.close()


# --- constraints ---------------------------------------------------------------------------------------------


def constraint_name(error: IntegrityError) -> str:
    """The name of the constraint that refused, the same on both engines; empty when there is none to name."""
    diagnostics = getattr(error.orig, "diag", None)
    if diagnostics is not None:
        return str(diagnostics.constraint_name or "")
    text = str(error.orig)
    if match := re.search(r"UNIQUE constraint failed: index '([^']+)'", text):
        return match[1]
    if match := re.search(r"UNIQUE constraint failed: (.+)", text):
        pairs = [part.strip().split(".") for part in match[1].split(",")]
        return _unique_over(pairs[0][0], [column for _table, column in pairs])
    if match := re.search(r"CHECK constraint failed: (\S+)", text):
        return match[1]
    return ""


def _unique_over(table_name: str, columns: list[str]) -> str:
    table = Model.metadata.tables[table_name]
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint | sa.PrimaryKeyConstraint):
            if [column.name for column in constraint.columns] == columns:
                return str(constraint.name)
    for index in table.indexes:
        if index.unique and [getattr(part, "name", None) for part in index.expressions] == columns:
            return str(index.name)
    return ""
