"""`flask delegated-admin …`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from webapp import database
from webapp.delegated_admin import actions, queries

delegated_admin = AppGroup("delegated-admin", help="Delegated administration.")


@delegated_admin.command("rebuild")
def rebuild() -> None:
    """Write what the lists read anew from the acts, while the product runs."""
    seen = wrong = 0
    for relationship_id in queries.all_ids():
        row = queries.by_id(relationship_id)
        assert row is not None
        with database.unit_of_work():
            wrong += actions.rebuild(row)
        seen += 1
    click.echo(f"{seen} looked at, {wrong} written anew.")


GROUPS = (delegated_admin,)
