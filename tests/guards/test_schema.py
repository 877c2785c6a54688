"""Models, migrations and triggers agree, on both engines; what is append-only refuses everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy.exc import DBAPIError

from tests.support.story import Story
from webapp.commands import migrate
from webapp.database import Model, append_only_tables, db, protect_append_only

#: Tables that hold what happened, besides those whose rows name the fact of their act (`fact_id`).
EVIDENCE = {"facts", "documents", "personal_facts", "agreement_texts"}


def drift(app: Flask, metadata: sa.MetaData) -> list[Any]:
    """What would have to be migrated so that the database is as the models say."""
    with app.app_context(), db.engines["default"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[Any] = compare_metadata(context, metadata)
        connection.rollback()
    return found


def attempts_on(dialect: str, table: sa.Table, operations: tuple[str, ...]) -> dict[str, str]:
    """The statements that must be refused, by name."""
    column = next(iter(table.columns)).name
    found = {"UPDATE": f'UPDATE {table.name} SET "{column}" = "{column}"'}
    if "DELETE" in operations:
        found["DELETE"] = f"DELETE FROM {table.name}"
        if dialect == "sqlite":
            found["INSERT OR REPLACE"] = f"INSERT OR REPLACE INTO {table.name} SELECT * FROM {table.name}"
        else:
            found["TRUNCATE"] = f"TRUNCATE {table.name} CASCADE"
    return found


def holes(app: Flask) -> list[str]:
    """The statements that an append-only table should have refused and did not; needs a row in each."""
    faults = []
    with app.app_context():
        engine = db.engines["default"]
        for name, operations in append_only_tables().items():
            table = Model.metadata.tables[name]
            for attempt, statement in attempts_on(engine.dialect.name, table, operations).items():
                with engine.connect() as connection, connection.begin() as transaction:
                    if not connection.scalar(sa.select(sa.func.count()).select_from(table)):
                        faults.append(f"no row in {name} to try with: let tests/support/story.py make one")
                        break
                    try:
                        connection.exec_driver_sql(statement)
                    except DBAPIError as error:
                        if "append-only:" not in str(error.orig):
                            faults.append(f"{name} refuses {attempt} for another reason: {error.orig}")
                    else:
                        faults.append(f"{name} lets {attempt} through")
                    transaction.rollback()
    return faults


def test_the_migrated_database_is_as_the_models_say(app: Flask) -> None:
    assert drift(app, Model.metadata) == []


def test_every_append_only_table_refuses_to_be_changed(stories: Callable[..., Story]) -> None:
    story = stories()
    story.something_of_everything()
    assert holes(story.app) == []


def test_every_act_and_every_evidence_is_append_only() -> None:
    acts = {name for name, table in Model.metadata.tables.items() if "fact_id" in table.columns}
    assert set(append_only_tables()) == acts | EVIDENCE


def test_migrating_twice_changes_nothing(app: Flask) -> None:
    with app.app_context():
        migrate()
    assert drift(app, Model.metadata) == []


# --- the guard itself ----------------------------------------------------------------------------------------


def test_the_guard_finds_a_column_that_was_not_migrated(app: Flask) -> None:
    copy = sa.MetaData(naming_convention=Model.metadata.naming_convention)
    for table in Model.metadata.sorted_tables:
        table.to_metadata(copy)
    copy.tables["tokens"].append_column(sa.Column("colour", sa.String(10), nullable=True))
    assert [change[0] for change in drift(app, copy)] == ["add_column"]


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_the_guard_finds_a_missing_trigger(stories: Callable[..., Story], operation: str) -> None:
    story = stories()
    story.something_of_everything()
    with story.app.app_context(), db.engines["default"].begin() as connection:
        where = " ON facts" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER append_only_facts_{operation}{where}")
    found = holes(story.app)
    assert found
    assert all(fault.startswith("facts") for fault in found)
    with story.app.app_context(), db.engines["default"].begin() as connection:
        protect_append_only(connection)
    assert holes(story.app) == []
