"""`flask organizations …`, and the commands of `flask accounts` that need organizations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import available_timezones

import click
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError

from webapp import database
from webapp.access import ROLES
from webapp.accounts import queries as people
from webapp.accounts.commands import accounts, person_named, said
from webapp.accounts.rules import AddressInUse
from webapp.errors import Refusal, refusal_of
from webapp.languages import LANGUAGES
from webapp.organizations import actions, queries, rules
from webapp.organizations.models import Organization

organizations = AppGroup("organizations", help="Customers and partners.")
PROGRAMMES = ("direct_bill", "indirect_provider", "indirect_reseller")

_WORDS: dict[type[Refusal], str] = {
    AddressInUse: "Another account signs in with this address.",
    rules.DomainTaken: "Another organization has one of these domains.",
    rules.LastAdministrator: "Nobody else administers this organization; see `flask accounts replace-administrator`.",
    rules.OtherAdministrators: "Other administrators remain and can help themselves; disable the one who left.",
    rules.CannotSignIn: "This person is disabled; see `flask accounts enable`, or name another address.",
    rules.AddressOfPartner: "This address lies in a partner's domain: a customer proves itself with a mailbox of its own.",
    rules.WrongProgramme: "An indirect provider pairs with an indirect reseller, named in this order.",
}


@contextmanager
def _one_act() -> Iterator[None]:
    """One transaction; a refusal becomes one clear line."""
    try:
        try:
            with database.unit_of_work():
                yield
        except IntegrityError as error:
            raise refusal_of(error) or error from error
    except Refusal as refusal:
        raise click.ClickException(_WORDS.get(type(refusal), refusal.name)) from None


def organization_named(word: str, kind: str | None = None) -> Organization:
    """The organization that a word means. Raises ClickException."""
    found = queries.organization_named(word)
    if found is None:
        raise click.ClickException(f"No single organization is called {word!r}; see `flask organizations list`.")
    if kind is not None and found.kind != kind:
        raise click.ClickException(f"{found.name} is a {found.kind}, not a {kind}.")
    return found


_why = click.option("--why", required=True, help="The reason; it stands in the evidence.")


def _profile(command: Any) -> Any:
    """The options that creating a partner and creating a customer share."""
    for option in (
        click.option("--country", required=True, help="ISO 3166 alpha-2, as in JP."),
        click.option("--language", type=click.Choice(list(LANGUAGES)), required=True),
        click.option("--zone", required=True, help="IANA name, as in Asia/Tokyo."),
        click.option("--domain", "domains", multiple=True, help="A domain of its profile; may be given again."),
        click.option("--address-line", default=""),
        click.option("--city", default=""),
        click.option("--region", default=""),
        click.option("--postal-code", default=""),
        click.option("--phone", default=""),
        click.option("--admin", "admin", required=True, help="Address of the first administrator."),
        click.option("--given-name", required=True),
        click.option("--family-name", required=True),
    ):
        command = option(command)
    return command


@organizations.command("create-partner")
@click.argument("name")
@click.option("--programme", type=click.Choice(PROGRAMMES), required=True)
@click.option("--number", required=True, help="The partner's MPN id.")
@click.option("--contact", required=True, help="The address that customers write to.")
@_profile
def create_partner(name: str, number: str, contact: str, **options: Any) -> None:
    """Create the partner NAME with its first admin agent."""
    if not re.fullmatch("[0-9]{1,16}", number):
        raise click.BadParameter("a partner's number is 1 to 16 digits: links carry it", param_hint="--number")
    _create("partner", name, queries.organization_named(number), "admin_agent", partner_number=number,
            contact_address=contact, **options)  # fmt: skip


@organizations.command("create-customer")
@click.argument("name")
@_profile
def create_customer(name: str, **options: Any) -> None:
    """Create the customer NAME with its first global administrator."""
    _create("customer", name, None, "global_administrator", **options)


def _create(
    kind: str, name: str, present: Organization | None, role: str, *, domains: tuple[str, ...], admin: str,
    given_name: str, family_name: str, **profile: Any,
) -> None:  # fmt: skip
    if profile["zone"] not in available_timezones():
        raise click.BadParameter(f"{profile['zone']!r} is no IANA time zone", param_hint="--zone")
    profile["country"] = profile["country"].upper()
    if len(profile["country"]) != 2 or not profile["country"].isalpha():
        raise click.BadParameter("a country is two letters", param_hint="--country")
    known = [found for domain in domains if (found := queries.organization_named(domain)) is not None]
    present = present or next(iter(known), None)
    if present is not None:
        if (present.kind, present.name) != (kind, name):
            raise click.ClickException(f"The number or a domain belongs to {present.name} ({present.id}).")
        click.echo(f"{name} is there already ({present.id}). Nothing was changed.")
        return
    with _one_act():
        row = actions.create_organization(kind, name, domains=domains, **profile)
        person, sent = actions.invite(
            row, given_name=given_name, family_name=family_name, address=admin, roles=(role,)
        )  # fmt: skip
        words = f"{name} is created ({row.id}). {said(sent, person)}"
    click.echo(words)


@organizations.command("list")
@click.option("--kind", type=click.Choice(["customer", "partner"]))
def list_organizations(kind: str | None) -> None:
    """List organizations: id, kind, country, programme and number, state, name."""
    rows = queries.organizations(kind)
    for row in rows:
        more = f"  {row.programme} {row.partner_number}" if row.kind == "partner" else ""
        click.echo(f"{row.id}  {row.kind}  {row.country}{more}  {'open' if row.is_open else 'disabled'}  {row.name}")
    click.echo(f"{len(rows)} organizations.")


def _say_stops(found: Iterable[rules.Stop]) -> None:
    for stop in found:
        click.echo(f"  stops {stop.kind} {stop.about_id}: {stop.words}")


@organizations.command("disable")
@click.argument("organization")
@_why
def disable(organization: str, why: str) -> None:
    """Close ORGANIZATION's access (id, number, domain or name) and name what this stops."""
    found = organization_named(organization)
    with _one_act():
        changed, stopped = actions.disable(found, why)
    click.echo(f"{found.name} is disabled." if changed else f"{found.name} was disabled already. Nothing was changed.")
    _say_stops(stopped)
    click.echo(f"{len(stopped)} open invitations and live rights stop while it is disabled. The evidence stays.")


@organizations.command("enable")
@click.argument("organization")
@_why
def enable(organization: str, why: str) -> None:
    """Open ORGANIZATION's access again."""
    found = organization_named(organization)
    with _one_act():
        changed = actions.enable(found, why)
    click.echo(f"{found.name} is enabled." if changed else f"{found.name} was enabled already. Nothing was changed.")


@organizations.command("confirm-domain")
@click.argument("domain")
def confirm_domain(domain: str) -> None:
    """Say that you checked that DOMAIN belongs to its organization: only then pages call it verified."""
    try:
        with _one_act():
            row = actions.confirm_domain(domain)
            words = f"{row.name} is confirmed since {row.confirmed_at:%Y-%m-%d %H:%M}Z."
    except LookupError:
        raise click.ClickException(f"No organization has the domain {domain!r} in its profile.") from None
    click.echo(words)


@organizations.command("pair")
@click.argument("provider")
@click.argument("reseller")
def pair(provider: str, reseller: str) -> None:
    """Confirm that the indirect PROVIDER works with the indirect RESELLER."""
    one, other = organization_named(provider, "partner"), organization_named(reseller, "partner")
    with _one_act():
        row = actions.pair(one, other)
        words = f"{one.name} works with {other.name} since {row.confirmed_at:%Y-%m-%d %H:%M}Z."
    click.echo(words)


@organizations.command("enroll")
@click.argument("partner")
def enroll(partner: str) -> None:
    """Enroll PARTNER in the programme: from now on it may offer delegated administration."""
    found = organization_named(partner, "partner")
    with _one_act():
        changed = actions.enroll(found)
    click.echo(f"{found.name} is enrolled." if changed else f"{found.name} was enrolled already. Nothing was changed.")


# --- people --------------------------------------------------------------------------------------------------


@accounts.command("invite")
@click.argument("organization")
@click.option("--address", required=True)
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--role", "roles", multiple=True, help="May be given again; none: a member without a role.")
@click.option("--language", type=click.Choice(list(LANGUAGES)))
def invite(organization: str, roles: tuple[str, ...], **options: Any) -> None:
    """Add a person to ORGANIZATION and mail the link for a first password (again, where it is there already)."""
    found = organization_named(organization)
    unknown = set(roles) - set(ROLES[found.kind])
    if unknown:
        raise click.BadParameter(f"a {found.kind} has the roles {', '.join(ROLES[found.kind])}", param_hint="--role")
    with _one_act():
        person, sent = actions.invite(found, roles=roles, **options)
        words = f"{person.address} belongs to {found.name}. {said(sent, person)}"
    click.echo(words)


@accounts.command("disable")
@click.argument("person")
@_why
def disable_person(person: str, why: str) -> None:
    """Stop PERSON (address or id) from signing in, and name what this stops."""
    found = person_named(person)
    with _one_act():
        changed, stopped = actions.disable_person(found, why)
    click.echo(f"{person} is disabled." if changed else f"{person} was disabled already. Nothing was changed.")
    _say_stops(stopped)
    click.echo(f"{len(stopped)} open invitations and live rights stop. What the person did stays in the evidence.")


@accounts.command("replace-administrator")
@click.argument("customer")
@click.option("--address", required=True, help="The new administrator's mailbox.")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@_why
def replace_administrator(customer: str, **options: Any) -> None:
    """Make a named person global administrator of CUSTOMER, whose last one is lost; the lost one is disabled."""
    found = organization_named(customer, "customer")
    with _one_act():
        person, sent = actions.replace_administrator(found, **options)
        words = f"{person.address} is global administrator of {found.name}. {said(sent, person)}"
    click.echo(words)


@accounts.command("erase")
@click.argument("person")
@_why
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(person: str, why: str, yes: bool) -> None:
    """Erase PERSON (address or id) and print what stays, why and until when. Cannot be undone."""
    found = person_named(person)
    if not yes:
        click.confirm(f"Erase {person}? This cannot be undone.", abort=True)
    with _one_act():
        count, stays = actions.erase_person(found, why)
    for each in stays:
        until = f"until {each.until:%Y-%m-%d}" if each.until is not None else "without an end that is known now"
        click.echo(f"  stays: {each.what}, {until}: {each.why}")
    click.echo(f"{found.id} is erased: {count} values and rows are gone, {len(stays)} kinds stay.")


@accounts.command("list")
@click.option("--organization", help="Only of this one (id, number, domain or name).")
def list_people(organization: str | None) -> None:
    """List people: id, address, state, roles."""
    rows = people.people(organization_named(organization).id if organization else None)
    for row in rows:
        state = "disabled" if row.disabled_at else "no password" if row.password_hash is None else "can sign in"
        click.echo(f"{row.id}  {row.address}  {state}  {', '.join(sorted(queries.roles_of(row.id))) or 'no role'}")
    click.echo(f"{len(rows)} people.")


GROUPS = (organizations,)
