"""`flask accounts reset|list`; what needs organizations is added to this group by `organizations`."""

from __future__ import annotations

from uuid import UUID

import click
from flask.cli import AppGroup

from webapp import database
from webapp.accounts import actions, queries
from webapp.accounts.models import Person

accounts = AppGroup("accounts", help="People who sign in.")


def person_named(word: str) -> Person:
    """The person with this address or id. Raises ClickException."""
    try:
        found = queries.person_by_id(UUID(word))
    except ValueError:
        found = queries.person_by_address(word)
    if found is None:
        raise click.ClickException(f"Nobody signs in with {word!r}; see `flask accounts list`.")
    if found.is_client:
        raise click.ClickException("This is a program, not a person; see `flask api-clients list`.")
    return found


def said(sent: bool, person: Person) -> str:
    """The sentence about a mail that was written, or was not."""
    if sent:
        return f"A link goes to {person.address}."
    return "No mail: the last one is less than ten minutes old, or there is a password already."


@accounts.command("reset")
@click.argument("person")
@click.option("--why", required=True, help="The reason; it stands in the evidence.")
def reset(person: str, why: str) -> None:
    """Take PERSON's password away (address or id), end its sessions, mail a link for a new one."""
    found = person_named(person)
    if found.erased_at is not None:
        raise click.ClickException("This person was erased: there is no mailbox to write to.")
    with database.unit_of_work():
        words = said(actions.reset(found, why), found)
    click.echo(f"{person} has no password and no session now. {words}")


@accounts.command("enable")
@click.argument("person")
@click.option("--why", required=True, help="The reason; it stands in the evidence.")
def enable(person: str, why: str) -> None:
    """Let PERSON (address or id) sign in again."""
    found = person_named(person)
    if found.erased_at is not None:
        raise click.ClickException("This person was erased, which cannot be undone.")
    with database.unit_of_work():
        changed = actions.enable(found, why)
    click.echo(f"{person} can sign in again." if changed else f"{person} could sign in already. Nothing was changed.")


GROUPS = (accounts,)
