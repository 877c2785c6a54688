"""`flask webhooks list|replay`."""

from __future__ import annotations

from uuid import UUID

import click
from flask.cli import AppGroup

from webapp import database
from webapp.webhooks import actions, queries

webhooks = AppGroup("webhooks", help="Events sent to partners' programs.")


@webhooks.command("list")
def list_stuck() -> None:
    """List what was given up, and what failed and is tried again."""
    rows = queries.stuck()
    for row in rows:
        state = "given up" if row.dead_at else f"tried {row.attempts} times"
        said = row.response_code if row.response_code is not None else row.error
        click.echo(
            f"{row.id}  {row.created_at:%Y-%m-%d %H:%M}Z  {row.event} of partner {row.organization_id}: {state}; {said}"
        )
    click.echo(f"{len(rows)} stuck.")


@webhooks.command("replay")
@click.argument("delivery_id", required=False, type=click.UUID)
def replay(delivery_id: UUID | None) -> None:
    """Send what was given up once more (one by its id, or all)."""
    with database.unit_of_work():
        count = actions.replay_all(delivery_id)
    click.echo(f"{count} will be sent again.")


GROUPS = (webhooks,)
