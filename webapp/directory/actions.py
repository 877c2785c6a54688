"""Adding a customer's people, their licences and roles, links for passwords, blocking; putting the set-up list away.

Each verb is one act in the customer's chain. Who acts for the customer does it under its own name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from webapp import clock, database
from webapp.access import ROLES
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.directory import queries, rules
from webapp.directory.models import SetupList
from webapp.errors import refusal_of
from webapp.evidence import actions as evidence
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import Stop
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions.models import SubscriptionStanding


def _customer(by: Actor) -> Organization:
    found = organizations.organization_by_id(by.organization_id)
    assert found is not None
    return found


def check_may_touch(person: Person, by: Actor) -> None:
    """Raises AdministratorUntouchable, which names those who can."""
    if by.acting is not None:
        names = queries.administrator_names(by.organization_id)
        rules.check_touches(True, organizations.roles_of(person.id), by.organization_name, names)


def _held(person: Person, by: Actor) -> Person:
    """The person, locked after the customer's chain. Raises AdministratorUntouchable."""
    row = database.locked(person, chain=by.chain_id)
    check_may_touch(row, by)
    return row


@dataclass(frozen=True)
class Added:
    """Who was added. `is_new`: it was not there before (then nothing else was changed either); `sent`: a mail was
    written."""

    person: Person
    is_new: bool
    sent: bool


def add(
    *, by: Actor, given_name: str, family_name: str, address: str, language: str | None = None,
    roles: Collection[str] = (), lines: Collection[SubscriptionStanding] = (), source: str = "page",
) -> Added:  # fmt: skip
    """Add a person to the customer with licences, and mail it the link for its first password: all or nothing.

    Who is there already stays as it is, and is sent nothing: another link is `send_link`'s. Raises AddressOfPartner,
    AddressNotUsable, AddressInUse, NoSeatLeft, NoLicencesNow, AdministratorUntouchable (who acts for the customer gives no roles).
    """
    rules.check_touches(by.acting is not None, roles, by.organization_name)
    database.write(chain=by.chain_id)
    known = people.person_by_address(address)
    if known is not None and known.organization_id == by.organization_id:
        return Added(known, is_new=False, sent=False)
    try:
        person, is_new, sent = organization_actions.invite_colleague(
            _customer(by), by=by, given_name=given_name, family_name=family_name, address=address,
            roles=tuple(role for role in ROLES["customer"] if role in roles), language=language, source=source,
        )  # fmt: skip
    except IntegrityError as error:  # somebody else's account took the address at this moment
        raise refusal_of(error) or error from error
    if is_new:
        for each in lines:
            subscriptions.give_licence(each, person, by=by, source=source)
    return Added(person, is_new, sent)


def set_licences(
    person: Person, wanted: Collection[UUID], *, by: Actor, shown: Collection[UUID] | None = None
) -> tuple[int, int]:  # fmt: skip
    """Let a person have seats of these lines; answer how many were given and taken back.

    `shown`: the lines that whoever decided saw as given: only what differs from them is changed, so that what somebody else
    gave or took back meanwhile stays. None: exactly the wanted lines.
    Raises NoSeatLeft, NoLicencesNow, PersonBlocked (a blocked person gets none), AdministratorUntouchable.
    """
    row = _held(person, by)
    seats = queries.seats_of(_customer(by), row.id)
    by_line = {each.standing.line_id: each for each in seats}
    present = [line for line, each in by_line.items() if each.has]
    give, take = rules.licence_changes(present, [line for line in by_line if line in wanted], shown)
    if give:
        rules.check_can_sign_in(row.disabled_at is not None, row.id)
    for line in take:
        subscriptions.take_licence(by_line[line].standing, row, by=by)
    for line in give:
        subscriptions.give_licence(by_line[line].standing, row, by=by)
    return len(give), len(take)


def change_roles(person: Person, roles: frozenset[str], *, by: Actor) -> bool:
    """Give a person exactly these roles; False when it has them. Raises LastAdministrator, AdministratorUntouchable."""
    rules.check_touches(by.acting is not None, roles, by.organization_name)
    return organization_actions.change_roles(_held(person, by), roles, by=by)


def send_link(person: Person, *, by: Actor) -> bool:
    """Mail a person the link for a new password (for its first one, if it has none). Nothing is taken away, nothing is
    shown to who asks. False when the last such mail is less than ten minutes old.

    Raises PersonBlocked, AdministratorUntouchable.
    """
    row = _held(person, by)
    rules.check_can_sign_in(row.disabled_at is not None, row.id)
    own = row.password_hash is not None and row.temporary_until is None
    if not (accounts.send_password_reset(row) if own else accounts.send_first_sign_in(row)):
        return False
    evidence.record(
        "person.link_sent", by=by, customer_id=row.organization_id,
        facts={"about_person_id": str(row.id), "purpose": "reset" if own else "first"},
    )  # fmt: skip
    return True


def block(person: Person, *, by: Actor) -> bool:
    """Stop a person from signing in, at once and everywhere; its licences stay given. False when it is blocked.

    Raises OneselfUntouchable, AdministratorUntouchable, LastAdministrator.
    """
    rules.check_other(person.id, by.person_id)
    row = _held(person, by)
    if row.disabled_at is not None:
        return False
    changed, _stops = organization_actions.disable_person(row, by=by)
    return changed


def stopped_with(person: Person) -> list[Stop]:
    """What else blocking a person stops. Reads only."""
    return organization_actions.what_stops(person.organization_id, person.id)


def unblock(person: Person, *, by: Actor) -> bool:
    """Let a person sign in again, with roles and licences as before. False when it can. Raises AdministratorUntouchable."""
    return accounts.enable(_held(person, by), by=by)


# --- the list of what is left to set up ------------------------------------------------------------------------


def dismiss_setup(*, by: Actor) -> bool:
    """Put the list away for the whole customer. False when it was."""
    database.write(chain=by.chain_id)
    if queries.setup_list_of(by.organization_id) is not None:
        return False
    database.session().add(
        SetupList(customer_id=by.organization_id, person_id=by.person_id, dismissed_at=clock.now())
    )  # fmt: skip
    database.session().flush()
    return True


def show_setup_again(*, by: Actor) -> bool:
    """Show the list again. False when it is shown."""
    database.write(chain=by.chain_id)
    result = database.session().execute(sa.delete(SetupList).where(SetupList.customer_id == by.organization_id))
    return database.rows_of(result) > 0
