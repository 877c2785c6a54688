"""A story is copied as long as all in it lasts, and then told anew: a run of the tests may take longer than a token."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support import engines as support
from tests.support.engines import Engines
from tests.support.story import tell
from webapp import clock, database
from webapp.database import Model

#: How long a test may go on with the copy it was given.
LONGEST_TEST = timedelta(minutes=20)


def test_a_story_is_told_anew_once_it_is_old(engines: Engines, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def seed(app: Any) -> int:
        with app.app_context(), database.db.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE told_{len(told)} (id int)")
        told.append(app)
        return len(told)

    def tables() -> list[str]:
        with engines.seat(engine, template) as seat, seat.application().app_context():
            return sorted(name for name in sa.inspect(database.db.engine).get_table_names() if name.startswith("told_"))

    template, first = engines.seeded(engine, seed)
    assert (engines.seeded(engine, seed), tables()) == ((template, first), ["told_0"])
    monkeypatch.setattr(support, "FRESH", -1)
    assert (engines.seeded(engine, seed), tables()) == ((template, 2), ["told_1"])


def test_what_a_story_holds_outlasts_its_copies(engines: Engines, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    soonest = clock.now() + timedelta(seconds=support.FRESH) + LONGEST_TEST
    monkeypatch.setattr(support, "FRESH", -1)  # told now
    template, told = engines.seeded(engine, tell)
    ends: dict[str, list[datetime]] = {}
    with engines.seat(engine, template, demo=True) as seat, seat.application().app_context():
        for table in Model.metadata.sorted_tables:
            for column in table.columns:
                if column.name.endswith("expires_at"):
                    found = database.session().scalars(sa.select(column).where(column > clock.now())).all()
                    ends[f"{table.name}.{column.name}"] = [each for each in found if each is not None]
    assert len(ends["api_tokens.access_expires_at"]) == len(told.tokens) - 1  # one is over from the start
    assert {name for name, moments in ends.items() if moments and min(moments) < soonest} == set()
