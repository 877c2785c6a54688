"""From the releases before to this one: nothing that was there is lost, and everything is protected again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import current_app

from tests.guards.test_schema import drift
from tests.support.story import Story
from webapp import database
from webapp.commands import migrate
from webapp.database import Model, append_only_tables, db
from webapp.extensions import alembic

#: The releases before, each with a table that came after it.
RELEASES = {"0001": "delegated_acts", "0002": "attestations", "0003": "subscription_standings", "0004": "api_clients"}
#: Rows that follow from acts which a release does not have: going back there takes the acts, coming here the rows.
FOLLOWING = {"0001": {"customer_overviews"}}


def counts(story: Story) -> dict[str, int]:
    """How many rows each table has that a release before knows."""
    with story.app.app_context(), db.engines["reader"].connect() as connection:
        names = set(sa.inspect(connection).get_table_names()) & Model.metadata.tables.keys()
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(Model.metadata.tables[name])) or 0
            for name in names
        }


def triggers(story: Story) -> set[str]:
    with story.app.app_context(), db.engines["reader"].connect() as connection:
        if connection.dialect.name == "sqlite":
            found = connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        else:
            found = connection.execute(sa.text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"))
        return set(found.scalars())


def back(story: Story, release: str) -> None:
    """Bring the database to a release before: what came since is gone."""
    with story.app.app_context():
        for engine in db.engines.values():
            engine.dispose()
        current_app.config["MIGRATING"] = True
        alembic.downgrade(release)
        for context in alembic.migration_contexts.values():
            if context.connection is not None:
                context.connection.rollback()  # or the extension keeps its locks
        current_app.config["MIGRATING"] = False
        for engine in db.engines.values():
            engine.dispose()


@pytest.mark.parametrize("release", RELEASES)
def test_a_filled_database_of_a_release_before_is_brought_here_with_all_it_holds(
    stories: Callable[..., Story], release: str
) -> None:
    story = stories()
    protected = triggers(story)
    assert {name.removeprefix("append_only_").rpartition("_")[0] for name in protected} >= append_only_tables().keys()
    back(story, release)
    before = counts(story)
    assert before["facts"] > 5
    assert RELEASES[release] not in before
    with story.app.app_context():
        migrate()
        database.session().expire_all()
    after = counts(story)
    kept = before.keys() - FOLLOWING.get(release, set())
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert drift(story.app, Model.metadata) == []
    assert triggers(story) == protected
    assert story.app.test_cli_runner().invoke(args=["evidence", "verify"]).exit_code == 0
    assert story.client("admin_agent").get("/partner/customers").status_code == 200
