"""Fixtures that every test may ask for: an application on each engine, a browser that checks what it meets."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import settings
from playwright.sync_api import Browser

from tests.support import chromium as chromium_support
from tests.support import complete, rendered
from tests.support.builders import World
from tests.support.engines import (
    COMPILED,
    READ_AT_USE,
    SERVER_VARIABLE,
    Engines,
    Seat,
    configuration,
    dispose,
    start_postgresql,
)
from tests.support.served import Served, WorkerProcess
from tests.support.sink import Sink
from tests.support.story import Story, tell
from tests.support.visitor import Visitor
from webapp import create_app
from webapp.database import db

ENGINES = ("sqlite", "postgresql")
_server: Any = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=ENGINES, default=None, help="run database tests on this engine only")
    parser.addoption(
        "--complete", action="store_true", help="fail unless everything was run: nothing deselected or skipped"
    )
    parser.addoption("--full", action="store_true", help="full doses of the long tests (make test-all)")


def pytest_configure(config: pytest.Config) -> None:
    global _server
    # `make test` decides whether a change lands: it tries the same examples each time. `--full` looks for new ones.
    settings.register_profile("steady", derandomize=True)
    settings.register_profile("full", print_blob=True)
    settings.load_profile("full" if config.getoption("--full") else "steady")
    rendered.watch()
    if not hasattr(config, "workerinput"):
        os.environ[rendered.DIRECTORY_VARIABLE] = tempfile.mkdtemp(prefix="countersign-rendered-")
    if hasattr(config, "workerinput") or config.getoption("--engine") == "sqlite" or config.option.collectonly:
        return
    _server, os.environ[SERVER_VARIABLE] = start_postgresql()


def pytest_unconfigure(config: pytest.Config) -> None:
    global _server
    if _server is not None:
        _server.cleanup()
        _server = None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What only the end of a run can tell: whether all of it was run, and what no test rendered."""
    rendered.keep()
    if hasattr(session.config, "workerinput"):
        return
    directory = Path(os.environ[rendered.DIRECTORY_VARIABLE])
    found = complete.faults(session.config, rendered.kept(directory)) if session.config.getoption("--complete") else []
    shutil.rmtree(directory, ignore_errors=True)
    for name, words in found:
        complete.fail(session, name, words)


def pytest_report_header(config: pytest.Config) -> list[str]:
    import sqlite3

    lines = [f"sqlite {sqlite3.sqlite_version}"]
    if SERVER_VARIABLE in os.environ:
        import sqlalchemy as sa

        with sa.create_engine(os.environ[SERVER_VARIABLE], poolclass=sa.NullPool).connect() as connection:
            lines.append(str(connection.scalar(sa.text("select version()"))).split(" on ")[0])
    return ["engines: " + ", ".join(lines)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--engine")
        needed = ENGINES[:1] if metafunc.definition.get_closest_marker("one_engine") else ENGINES
        metafunc.parametrize("engine", [chosen] if chosen else needed, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest comes first, in random order otherwise: no process is left alone with it at the end."""

    def allowed(item: pytest.Item) -> float:
        marker = item.get_closest_marker("timeout")
        return float(marker.args[0]) if marker is not None else 0.0

    items.sort(key=allowed, reverse=True)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the long tests take their full doses."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(tmp_path_factory.mktemp("engines"))


@pytest.fixture
def seat(engines: Engines, engine: str) -> Iterator[Seat]:
    """A migrated, empty database of this test's own, and the application on it."""
    with engines.seat(engine) as taken:
        yield taken


@pytest.fixture
def database_url(seat: Seat) -> str:
    """The URL of a migrated, empty database of this test's own."""
    return seat.url


@pytest.fixture
def make_app(seat: Seat, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Make applications on this test's database; changes to the configuration by keyword."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        if not made and changes.keys() <= READ_AT_USE:
            made.append(seat.application(**changes))
            return made[0]
        app = create_app(configuration(seat.url, tmp_path, **changes))
        app.jinja_env.bytecode_cache = COMPILED
        app.config["PROPAGATE_EXCEPTIONS"] = False
        made.append(app)
        return app

    yield make
    for app in made:
        dispose(app)


@pytest.fixture
def app(make_app: Callable[..., Flask], engine: str) -> Flask:
    application = make_app()
    with application.app_context():
        assert db.engines["default"].dialect.name == engine  # asking for one engine and getting another fails
    return application


@pytest.fixture
def stories(engines: Engines, engine: str) -> Iterator[Callable[..., Story]]:
    """Fresh copies of the filled world (`tests/support/story.py`): `stories()`, `stories(PSEUDO_LOCALE=True)`."""
    template, told = engines.seeded(engine, tell)
    with ExitStack() as copies:

        def copy(**settings: Any) -> Story:
            application = copies.enter_context(engines.seat(engine, template, demo=True)).application()
            application.config.update(settings)
            moved: Story = told.moved_to(application)
            return moved

        yield copy


@pytest.fixture
def story(stories: Callable[..., Story]) -> Story:
    """One fresh copy of the filled world."""
    return stories()


@pytest.fixture
def world(app: Flask) -> World:
    """Builders of what a story needs: organizations, people, invitations."""
    return World(app)


@pytest.fixture
def browser(app: Flask) -> Callable[[], Visitor]:
    """Open a new browser (no Chromium) that checks every page it meets."""
    return lambda **options: Visitor(app, **options)


# --- the program as it runs ----------------------------------------------------------------------------------


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start the program on this test's database: `serve(processes=4)`, `serve(https=True, MAIL_SERVER=…)`."""
    with ExitStack() as running:

        def start(**options: Any) -> Served:
            directory = tmp_path / f"served{uuid4().hex[:6]}"
            directory.mkdir()
            return running.enter_context(Served(database_url, directory, **options))

        yield start


@pytest.fixture
def work(database_url: str, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start a worker on this test's database: `work(mail_port=sink.port)`."""
    with ExitStack() as running:

        def start(**options: Any) -> WorkerProcess:
            directory = tmp_path / f"worker{uuid4().hex[:6]}"
            directory.mkdir()
            return running.enter_context(WorkerProcess(database_url, directory, **options))

        yield start


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server that keeps what it is given."""
    with Sink() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, once a process."""
    with chromium_support.started() as running:
        yield running


@pytest.fixture
def windows(chromium: Browser) -> Iterator[chromium_support.Windows]:
    """Windows of Chromium: `windows.open(served.url, language="ja", width=320)`; a script's error, a refused
    style or a request to a foreign address in any of them fails the test."""
    opened = chromium_support.Windows(chromium)
    yield opened
    opened.close()
