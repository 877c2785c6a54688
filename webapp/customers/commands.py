"""`flask customers rebuild`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from webapp.customers import actions

customers = AppGroup("customers", help="The rows that partners' lists are read from.")


@customers.command("rebuild")
def rebuild() -> None:
    """Write every row anew from the acts. Safe to run twice, and while the product runs."""
    counted, wrong = actions.rebuild()
    click.echo(f"{counted} customers read, {wrong} rows were not as the acts say and are written anew.")


GROUPS = (customers,)
