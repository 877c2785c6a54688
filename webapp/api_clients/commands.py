"""`flask api-clients list|create|revoke`."""

from __future__ import annotations

from uuid import UUID

import click
from flask.cli import AppGroup

from webapp import database
from webapp.api_clients import actions, queries, rules
from webapp.organizations.commands import organization_named

api_clients = AppGroup("api-clients", help="Programs of partners that use the API.")


@api_clients.command("list")
@click.option("--partner", help="Only of this one (id, number, domain or name).")
def list_clients(partner: str | None) -> None:
    """List programs: id, partner, name, roles, secrets, last call, state."""
    rows = queries.every_client(organization_named(partner, "partner").id if partner else None)
    for organization, row in rows:
        used = f"last call {row.last_used:%Y-%m-%d %H:%M}Z" if row.last_used else "never called"
        secrets = ", ".join(f"{each.prefix}…" for each in row.secrets) or "no secret"
        state = "revoked" if row.revoked_at else "open"
        click.echo(f"{row.id}  {organization.name}  {row.name}  {', '.join(row.roles)}  {secrets}  {used}  {state}")
    click.echo(f"{len(rows)} programs.")


@api_clients.command("create")
@click.argument("partner")
@click.option("--name", required=True, help="What the program is called, at most 60 characters.")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(list(rules.ROLES)), help="May be given again."
)
@click.option("--redirect-uri", "uris", multiple=True, help="Where a browser returns to; may be given again.")
def create(partner: str, name: str, roles: tuple[str, ...], uris: tuple[str, ...]) -> None:
    """Make a program for PARTNER (id, number, domain or name) and print its secret, once. A second time it is left alone."""
    found, name = organization_named(partner, "partner"), name.strip()
    if not 0 < len(name) <= 60 or not name.isprintable():
        raise click.BadParameter("a name has 1 to 60 characters", param_hint="--name")
    for uri in uris:
        if rules.redirect_fault(uri):
            raise click.BadParameter(
                f"{uri}: use https, or http on localhost or 127.0.0.1, without #", param_hint="--redirect-uri"
            )
    present = queries.open_client_named(found.id, name)
    if present is not None:
        click.echo(f"{found.name} has a program {name} already ({present.id}). Nothing was changed.")
        return
    with database.unit_of_work():
        row, secret = actions.create(by=None, of=found, name=name, roles=roles, redirect_uris=uris)
        words = f"{name} is made for {found.name}.\nclient id      {row.id}\nclient secret  {secret}"
    click.echo(words)
    click.echo("The secret is shown this once; the database keeps only its digest.")


@api_clients.command("revoke")
@click.argument("client_id", type=click.UUID)
@click.option("--why", required=True, help="The reason; it stands in the evidence.")
def revoke(client_id: UUID, why: str) -> None:
    """Revoke the program CLIENT_ID: its secrets and tokens stop at once, in every process."""
    found = queries.client_by_id(client_id)
    if found is None:
        raise click.ClickException("There is no such program: see `flask api-clients list`.")
    with database.unit_of_work():
        changed = actions.revoke(found, by=None, why=why)
    click.echo(f"{client_id} is revoked." if changed else f"{client_id} was revoked already. Nothing was changed.")


GROUPS = (api_clients,)
