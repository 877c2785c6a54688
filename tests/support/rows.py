"""Whether rows changed: the digest of every table, and the statements that a page takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask

from webapp.database import Model, db


def digests(app: Flask) -> dict[str, str]:
    """A digest of all rows of each table."""
    found: dict[str, str] = {}
    with app.app_context(), db.engines["default"].connect() as connection:
        for table in Model.metadata.sorted_tables:
            keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table.name}" ORDER BY {keys}').all()
            found[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
        connection.rollback()
    return found


def changed(before: dict[str, str], after: dict[str, str], *, but: tuple[str, ...] = ()) -> list[str]:
    """The tables whose rows differ, except those named in `but`."""
    return sorted(name for name in before if before[name] != after[name] and name not in but)


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Collect the SQL statements that the application's two engines run meanwhile."""
    seen: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    with app.app_context():
        engines = list(db.engines.values())
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", listen)
