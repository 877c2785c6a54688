"""`flask policies list|set`."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

from webapp import database
from webapp.policies import actions, queries, rules

policies = AppGroup("policies", help="Settings that change while the product runs.")


@policies.command("list")
def list_policies() -> None:
    """Print every policy with its value, its source, and what it can be."""
    for name, value in queries.all_values().items():
        policy = rules.POLICIES[name]
        mark = "" if value == policy.default else "  (default " + json.dumps(policy.default) + ")"
        click.echo(f"{name} = {json.dumps(value)}{mark}\n    {policy.source}\n    {rules.bounds(policy)}")


@policies.command("set")
@click.argument("name")
@click.argument("value")
@click.option("--why", required=True, help="The reason; it stands in the evidence.")
def set_policy(name: str, value: str, why: str) -> None:
    """Set a policy to VALUE (JSON)."""
    if not why.strip():
        raise click.BadParameter("Say why: the reason stands in the evidence.", param_hint="--why")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    try:
        with database.unit_of_work():
            actions.set_policy(name, parsed, why)
    except rules.UnknownPolicy:
        raise click.ClickException(f"There is no policy {name!r}; see `flask policies list`.") from None
    except rules.PolicyOutOfBounds:
        wanted = rules.bounds(rules.POLICIES[name])
        raise click.ClickException(f"{value} is not a value that {name} can have: it is {wanted}.") from None
    click.echo(f"{name} = {json.dumps(parsed)}")


GROUPS = (policies,)
