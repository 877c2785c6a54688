"""The kernel's commands: `flask migrate`, `flask worker` and `flask serve`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa
from flask import Flask, current_app

from webapp import database, serve, worker
from webapp.database import db
from webapp.extensions import alembic

#: The number under which PostgreSQL keeps the lock of a migration.
MIGRATION_LOCK = 5_174_001

_after: list[Callable[[], None]] = []


def after_migrating(step: Callable[[], None]) -> None:
    """Have a slice put in place what it needs in a migrated database; safe to run twice."""
    if step not in _after:
        _after.append(step)


def migrate() -> None:
    """Bring the database to the newest revision, with the triggers of append-only tables in place.

    On SQLite foreign keys are off while tables are rebuilt, and checked at the end. Safe to run twice.
    """
    with _alone(db.engines["default"]):
        _upgrade(db.engines["default"])
    with database.unit_of_work():
        for step in _after:
            step()


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Let a second `migrate` on the same PostgreSQL wait for the first (SQLite locks its file by itself)."""
    if engine.dialect.name == "sqlite":
        yield
        return
    waiting = sa.create_engine(engine.url, poolclass=sa.NullPool)
    with waiting.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(MIGRATION_LOCK)))
        yield


def _upgrade(engine: sa.Engine) -> None:
    sqlite = engine.dialect.name == "sqlite"
    current_app.config["MIGRATING"] = True
    engine.dispose()
    try:
        alembic.upgrade()
        for context in alembic.migration_contexts.values():
            if context.connection is not None:
                context.connection.rollback()  # with nothing to do, the extension keeps the lock it took
        with engine.begin() as connection:
            database.protect_append_only(connection)
            if sqlite:
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise RuntimeError(f"rows without the row they refer to: {broken[:5]}")
    finally:
        current_app.config["MIGRATING"] = False
        engine.dispose()


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest revision."""
    migrate()
    with db.engines["reader"].connect() as connection:
        revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    click.echo(f"The database is at revision {revision}.")


@click.command("worker")
@click.option("--once", is_flag=True, help="Run every job one time and stop.")
def worker_command(once: bool) -> None:
    """Hand over mail and run what is due, until stopped."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    if once:
        for name, count in worker.run_once(app).items():
            click.echo(f"{name}: {count}")
        return
    worker.run_forever(app)


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(migrate_command)
    app.cli.add_command(worker_command)
    app.cli.add_command(serve.serve_command)
