"""`flask relationships distrusts|lift-distrust`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from webapp import database
from webapp.organizations import queries as organizations
from webapp.organizations.commands import organization_named
from webapp.relationships import actions, queries

relationships = AppGroup("relationships", help="Customers that say they do not know a partner.")


@relationships.command("distrusts")
def distrusts() -> None:
    """List the partners that customers say they do not know: since when, customer, partner, who said so."""
    rows = queries.open_distrusts()
    names = organizations.names_of({id_ for each in rows for id_ in (each.customer_id, each.partner_id)})
    for row in rows:
        who = queries.name_of(row.person_id) or "an erased person"
        click.echo(
            f"{row.at:%Y-%m-%d %H:%M}Z  {names[row.customer_id]} ({row.customer_id}) does not know"
            f" {names[row.partner_id]} ({row.partner_id}), said by {who}"
        )
    click.echo(f"{len(rows)} partners are not known.")


@relationships.command("lift-distrust")
@click.argument("customer")
@click.argument("partner")
@click.option("--why", required=True, help="The reason; it stands in the evidence.")
def lift_distrust(customer: str, partner: str, why: str) -> None:
    """Let PARTNER get rights at CUSTOMER again; the customer's administrators are told."""
    if not why.strip():
        raise click.BadParameter("Say why: the reason stands in the evidence.", param_hint="--why")
    whose, whom = organization_named(customer, "customer"), organization_named(partner, "partner")
    with database.unit_of_work():
        changed = actions.lift_unknown(whose, whom, by=None, why=why.strip())
    if changed:
        click.echo(f"{whom.name} can get rights at {whose.name} again. Its administrators are told.")
    else:
        click.echo(f"{whose.name} does not say that it does not know {whom.name}. Nothing was changed.")


GROUPS = (relationships,)
