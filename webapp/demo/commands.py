"""`flask demo load|show`."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup

from webapp.demo import actions, queries, rules

demo = AppGroup("demo", help="The demonstration (only with COUNTERSIGN_DEMO=1, into an empty database).")


@demo.command("load")
def load() -> None:
    """Load the sample organizations, people and stories, once."""
    try:
        actions.load()
    except rules.NotADemonstration:
        raise click.ClickException("COUNTERSIGN_DEMO is not set: nothing was loaded.") from None
    except rules.DatabaseNotEmpty:
        click.echo("The database holds organizations already; the demonstration was left as it is.")
        return
    click.echo("The demonstration is loaded.")


@demo.command("show")
def show() -> None:
    """Print the address, who can sign in, and where to click first."""
    click.echo(f"\n  Countersign   {current_app.config['PUBLIC_URL']}\n")
    click.echo(f"  Everyone's password is {queries.PASSWORD}\n")
    for organization, what, addresses in queries.people():
        click.echo(f"  {organization} ({what})")
        for address in addresses:
            click.echo(f"      {address}")
    click.echo("\n  Where to click first:")
    for words in queries.HINTS:
        click.echo(f"      {words}")
    click.echo("\n  Product keys to try:")
    for words in queries.keys_to_try():
        click.echo(f"      {words}")
    click.echo("\n  A program to try the API with:")
    for words in queries.client_to_try():
        click.echo(f"      {words}")
    click.echo("")


GROUPS = (demo,)
