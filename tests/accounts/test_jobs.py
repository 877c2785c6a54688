"""What is forgotten in time, and failures under a clock that moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import World
from webapp import clock, database
from webapp.accounts import actions, jobs, queries
from webapp.accounts.models import Activity, Attempt, Session
from webapp.errors import TooManyAttempts


@pytest.fixture
def clock_file(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "clock"
    clock.read_offset_from(None)


@pytest.fixture
def moved(make_app: Callable[..., Flask], clock_file: Path) -> Flask:
    """An application whose clock goes by the file."""
    return make_app(clock_offset_file=clock_file)


def test_failures_of_the_future_lock_nobody_out(moved: Flask, clock_file: Path) -> None:
    def fail() -> None:
        actions.count_attempt("sign_in", "jo@contoso.example", "192.0.2.1")

    with moved.app_context():
        clock_file.write_text("3600")
        with pytest.raises(TooManyAttempts):
            for _ in range(100):
                fail()
        clock_file.write_text("0")
        assert queries.failures(*queries.attempt_keys("sign_in", "jo@contoso.example", "192.0.2.1")) == (0, 0)
        fail()
        assert queries.failures(*queries.attempt_keys("sign_in", "jo@contoso.example", "192.0.2.1")) == (1, 1)


def test_failures_are_forgotten_after_a_day(app: Flask) -> None:
    with app.app_context():
        with database.unit_of_work():
            database.write()
            for hours in (0, 23, 25, 2400):
                at = clock.now() - timedelta(hours=hours)
                database.session().add(Attempt(kind="sign_in", pair="a", network="b", at=at))
        assert [jobs.forget_old(), jobs.forget_old()] == [2, 0]
        assert database.session().scalar(sa.select(sa.func.count()).select_from(Attempt)) == 2


def test_sessions_are_forgotten_90_days_after_they_ended(app: Flask, world: World) -> None:
    person = world.a_customer()["global_administrator"]
    kept: set[UUID] = set()
    gone: set[UUID] = set()
    with app.app_context():
        now = clock.now()
        with database.unit_of_work():
            database.write()
            for ended, expires, stays in (
                (None, 1, True), (None, -89, True), (-89, -80, True), (None, -91, False), (-91, 1, False), (-91, -91, False),
            ):  # fmt: skip
                row = Session(
                    id=uuid4(), person_id=person.id, proof="password", created_at=now - timedelta(days=100),
                    expires_at=now + timedelta(days=expires), browser="Test", address="192.0.2.1",
                    ended_at=None if ended is None else now + timedelta(days=ended),
                )  # fmt: skip
                database.session().add_all([row, Activity(session_id=row.id, seen_at=now - timedelta(days=95))])
                (kept if stays else gone).add(row.id)
        assert [jobs.forget_old(), jobs.forget_old()] == [len(gone), 0]
        assert set(database.session().scalars(sa.select(Session.id))) == kept
        assert set(database.session().scalars(sa.select(Activity.session_id))) == kept
