"""Making organizations, their people's roles, domains, and pairs of provider and reseller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.models import Person
from webapp.accounts.rules import AddressInUse, Stays
from webapp.actor import Actor, full_name
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact
from webapp.organizations import queries, rules
from webapp.organizations.models import Domain, Organization, Pairing, RoleAssignment

speaks("uq_domains_name", rules.DomainTaken)
speaks("uq_people_address_key", AddressInUse)
speaks("uq_pairings_provider_id_reseller_id", rules.AlreadyPaired)


def create_organization(
    kind: str,
    name: str,
    *,
    country: str,
    language: str,
    zone: str,
    domains: tuple[str, ...] = (),
    address_line: str = "",
    city: str = "",
    region: str = "",
    postal_code: str = "",
    phone: str = "",
    registration_number: str = "",
    contact_address: str | None = None,
    programme: str | None = None,
    partner_number: str | None = None,
    created_by: Organization | None = None,
    by: Actor | None = None,
    source: str = "operator",
) -> Organization:
    """Insert a customer or a partner with its chain; the first fact of the chain is its creation.

    `created_by` is the partner that makes a customer. Raises DomainTaken (through the constraint).
    """
    chain_id = evidence.new_chain()
    organization = Organization(
        id=uuid4(), chain_id=chain_id, kind=kind, name=name, name_key=rules.name_key(name), country=country,
        language=language, zone=zone, address_line=address_line, city=city, region=region, postal_code=postal_code,
        phone=phone, registration_number=registration_number, contact_address=contact_address, programme=programme, partner_number=partner_number,
        created_at=clock.now(), created_by_partner_id=created_by.id if created_by is not None else None,
    )  # fmt: skip
    session = database.session()
    session.add(organization)
    session.flush()
    for domain in domains:
        session.add(Domain(organization_id=organization.id, name=domain.casefold()))
    session.flush()
    evidence.record(
        f"{kind}.created",
        by=by,
        source=source,
        customer_id=organization.id if kind == "customer" else None,
        partner_id=organization.id if kind == "partner" else organization.created_by_partner_id,
        facts={"name": name, "country": country, "programme": programme, "domains": list(domains)},
    )
    return organization


def add_member(
    organization: Organization,
    *,
    given_name: str,
    family_name: str,
    address: str,
    roles: tuple[str, ...] = (),
    language: str | None = None,
    password_hash: str | None = None,
    confirmed: bool = False,
    created_by_partner_id: UUID | None = None,
    temporary_until: datetime | None = None,
    by: Actor | None = None,
    source: str = "operator",
) -> Person:
    """Add a person to an organization, with roles. `temporary_until`: the password is a temporary one, good until then.
    Raises AddressInUse."""
    database.write(chain=organization.chain_id)
    person = accounts.add_person(
        organization_id=organization.id, given_name=given_name, family_name=family_name, address=address,
        language=language or organization.language, password_hash=password_hash, confirmed=confirmed,
        created_by_partner_id=created_by_partner_id, temporary_until=temporary_until,
    )  # fmt: skip
    for role in roles:
        database.session().add(RoleAssignment(person_id=person.id, role=role, given_at=clock.now()))
    database.session().flush()
    evidence.record(
        "person.added",
        by=by,
        source=source,
        customer_id=organization.id if organization.kind == "customer" else None,
        partner_id=organization.id if organization.kind == "partner" else None,
        facts={"added_person_id": str(person.id), "roles": sorted(roles)},
        personal={"name": full_name(given_name, family_name), "address": address},
        personal_of=person.id,
    )
    return person


def confirm_domain(domain_name: str) -> Domain:
    """Say that the operator checked that a domain belongs to its organization. Raises LookupError."""
    found = database.session().scalar(sa.select(Domain).where(Domain.name == domain_name.casefold()))
    if found is None:
        raise LookupError(domain_name)
    organization = queries.organization_by_id(found.organization_id)
    assert organization is not None
    database.write(chain=organization.chain_id)
    row = database.locked(found, chain=organization.chain_id)
    if row.confirmed_at is None:
        row.confirmed_at = clock.now()
        evidence.record(
            "domain.confirmed",
            source="operator",
            customer_id=organization.id if organization.kind == "customer" else None,
            partner_id=organization.id if organization.kind == "partner" else None,
            facts={"domain": row.name},
        )
    return row


def pair(provider: Organization, reseller: Organization) -> Pairing:
    """The operator confirms that a provider works with a reseller; recorded in the provider's chain. Safe to run
    twice. Raises WrongProgramme."""
    rules.check_pairing(provider.programme, reseller.programme)
    database.write(chain=provider.chain_id)
    if queries.pairing(provider.id, reseller.id) is None:
        confirm_pairing(provider, reseller, by=None)
    found = queries.pairing(provider.id, reseller.id)
    assert found is not None
    return found


def confirm_pairing(
    provider: Organization, reseller: Organization, *, by: Actor | None, facts: Mapping[str, Any] | None = None
) -> Fact:
    """Confirm that a provider works with a reseller, in the chain of the side that confirms; answer the fact.

    `by` None: the operator, in the provider's chain. Raises WrongProgramme, AlreadyPaired.
    """
    rules.check_pairing(provider.programme, reseller.programme)
    chain = by.chain_id if by is not None else provider.chain_id
    database.write(chain=chain)
    session = database.session()
    row = session.scalar(
        sa.select(Pairing).where(Pairing.provider_id == provider.id, Pairing.reseller_id == reseller.id)
    )
    if row is None:
        row = Pairing(provider_id=provider.id, reseller_id=reseller.id, confirmed_at=clock.now())
        session.add(row)
    else:
        row = database.locked(row, chain=chain)  # each side has a chain of its own: the row is held as well
        if row.is_open:
            raise rules.AlreadyPaired()
    row.confirmed_at, row.ended_at = clock.now(), None
    session.flush()
    return evidence.record(
        "pairing.confirmed", by=by, source="operator" if by is None else "page", partner_id=provider.id,
        other_partner_id=reseller.id, facts=facts,
    )  # fmt: skip


def unpair(pairing: Pairing, *, by: Actor) -> bool:
    """End the work of a provider with a reseller, in the chain of the side that ends it. False when it has ended."""
    row = database.locked(pairing, chain=by.chain_id)
    if not row.is_open:
        return False
    row.ended_at = clock.now()
    evidence.record("pairing.ended", by=by, partner_id=row.provider_id, other_partner_id=row.reseller_id)
    return True


def enroll(partner: Organization) -> bool:
    """Let a partner offer delegated administration from now on. False when it could before."""
    row = database.locked(partner)
    if row.enrolled_at is not None:
        return False
    row.enrolled_at = clock.now()
    evidence.record("partner.enrolled", source="operator", partner_id=row.id)
    return True


# --- what the operator does ----------------------------------------------------------------------------------


def _sides(organization: Organization) -> dict[str, Any]:
    return {f"{organization.kind}_id": organization.id}


def check_address(organization: Organization, address: str) -> None:
    """Raises AddressOfPartner when a customer's person would get mail where a partner reads it."""
    if organization.kind != "customer":
        return
    partner = queries.partner_holding(address)
    if partner is not None:
        raise rules.AddressOfPartner(partner=partner.name)


def _check_own_address(person: Person, address: str) -> None:
    organization = queries.organization_by_id(person.organization_id)
    assert organization is not None
    check_address(organization, address)


accounts.checks_address(_check_own_address)


def invite(
    organization: Organization, *, given_name: str, family_name: str, address: str, roles: tuple[str, ...],
    language: str | None = None, by: Actor | None = None, source: str = "page",
) -> tuple[Person, bool]:  # fmt: skip
    """Add a person to an organization (or find it there) and mail it the link for its first password.

    `by` is who of the organization invites, or acts for it; None: the operator.

    Answers the person, and whether a mail was written: not to somebody who has a password, and one in ten minutes.
    Raises AddressInUse, AddressOfPartner.
    """
    check_address(organization, address)
    database.write(chain=organization.chain_id)
    person = people.person_by_address(address)
    if person is None:
        person = add_member(
            organization, given_name=given_name, family_name=family_name, address=address, roles=roles,
            language=language, by=by, source=source if by is not None else "operator",
            created_by_partner_id=by.acting.partner_id if by is not None and by.acting is not None else None,
        )  # fmt: skip
    elif person.organization_id != organization.id:
        raise AddressInUse()
    if person.password_hash is not None or not person.can_sign_in():
        return person, False
    return person, accounts.send_first_sign_in(person)


def invite_colleague(
    organization: Organization, *, by: Actor, given_name: str, family_name: str, address: str,
    roles: tuple[str, ...] = (), language: str | None = None, source: str = "page",
) -> tuple[Person, bool, bool]:  # fmt: skip
    """Add somebody to an organization in the name of one of its people, and mail the link for a first password.

    Answers the person, whether it is new there, and whether a mail was written. Somebody who is there already keeps name
    and roles. Raises AddressNotUsable, AddressOfPartner.
    """
    database.write(chain=organization.chain_id)
    known = people.person_by_address(address)
    elsewhere = known is not None and known.organization_id != organization.id
    check_address(organization, address)
    rules.check_usable(elsewhere, queries.is_in_others_hands(address, organization.id))
    person, sent = invite(
        organization, given_name=given_name, family_name=family_name, address=address, roles=roles, language=language,
        by=by, source=source,
    )  # fmt: skip
    return person, known is None, sent


def send_link_again(person: Person) -> bool:
    """Mail somebody who never signed in another link for its first password. False when none was sent: it has a
    password, cannot sign in, or was written to within the last ten minutes."""
    row = database.locked(person)
    if row.password_hash is not None or not row.can_sign_in():
        return False
    return accounts.send_first_sign_in(row)


Stops = Callable[[UUID, UUID | None], Iterable[rules.Stop]]
_stops: list[Stops] = []


def stops(function: Stops) -> None:
    """Have a slice asked what disabling stops: function(organization_id, person_id) -> rules.Stop.

    `person_id` None: the whole organization is disabled. The function only reads.
    """
    if function not in _stops:
        _stops.append(function)


def what_stops(organization_id: UUID, person_id: UUID | None = None) -> list[rules.Stop]:
    """Everything open that disabling this organization (or this person of it) stops."""
    return [stop for ask in _stops for stop in ask(organization_id, person_id)]


def _as_facts(found: list[rules.Stop]) -> list[dict[str, str]]:
    return [{"kind": each.kind, "id": str(each.about_id)} for each in found]


def disable(organization: Organization, why: str) -> tuple[bool, list[rules.Stop]]:
    """Close an organization's access, at once and everywhere; answer whether it was open, and what this stops."""
    row = database.locked(organization)
    found = what_stops(row.id)
    if row.disabled_at is not None:
        return False, found
    row.disabled_at = clock.now()
    evidence.record(
        f"{row.kind}.disabled", source="operator", facts={"why": why, "stops": _as_facts(found)}, **_sides(row)
    )  # fmt: skip
    return True, found


def enable(organization: Organization, why: str) -> bool:
    """Open an organization's access again; False when it is open."""
    row = database.locked(organization)
    if row.disabled_at is None:
        return False
    row.disabled_at = None
    evidence.record(f"{row.kind}.enabled", source="operator", facts={"why": why}, **_sides(row))
    return True


def _administrator_role(organization: Organization) -> str:
    return "global_administrator" if organization.kind == "customer" else "admin_agent"


def _administrators(organization: Organization) -> set[str]:
    return {str(each) for each in queries.administrators_of(organization.id, _administrator_role(organization))}


def check_administrator_remains(person: Person) -> None:
    """Raises LastAdministrator when nobody else administers this person's organization."""
    organization = queries.organization_by_id(person.organization_id)
    assert organization is not None
    rules.check_administrator_remains(_administrators(organization), str(person.id))


def disable_person(person: Person, why: str = "", *, by: Actor | None = None) -> tuple[bool, list[rules.Stop]]:
    """Close a person's access; answer whether it was open, and what this stops. Raises LastAdministrator.

    `by` is who of the organization does it; None: the operator, who says why.
    """
    organization = queries.organization_by_id(person.organization_id)
    assert organization is not None
    database.write(chain=organization.chain_id)
    rules.check_administrator_remains(_administrators(organization), str(person.id))
    found = what_stops(organization.id, person.id)
    return accounts.disable(person, why, {"stops": _as_facts(found)}, by=by), found


def change_roles(person: Person, roles: frozenset[str], *, by: Actor) -> bool:
    """Give a person these roles of its organization and take all others; it counts from the next request on.

    False when nothing changes. Raises LastAdministrator.
    """
    organization = queries.organization_by_id(person.organization_id)
    assert organization is not None
    row = database.locked(person, chain=organization.chain_id)
    before = queries.roles_of(row.id)
    given, taken = roles - before, before - roles
    if not given and not taken:
        return False
    if _administrator_role(organization) in taken:
        rules.check_administrator_remains(_administrators(organization), str(row.id))
    session = database.session()
    session.execute(
        sa.delete(RoleAssignment).where(RoleAssignment.person_id == row.id, RoleAssignment.role.in_(sorted(taken)))
    )
    session.add_all(RoleAssignment(person_id=row.id, role=role, given_at=clock.now()) for role in sorted(given))
    session.flush()
    evidence.record(
        "person.roles_changed", by=by,
        facts={"about_person_id": str(row.id), "given": sorted(given), "taken": sorted(taken)}, **_sides(organization),
    )  # fmt: skip
    return True


def erase_person(person: Person, why: str) -> tuple[int, list[Stays]]:
    """Erase a person, unless nobody else administers its organization. Raises LastAdministrator."""
    organization = queries.organization_by_id(person.organization_id)
    assert organization is not None
    database.write(chain=organization.chain_id)
    rules.check_administrator_remains(_administrators(organization), str(person.id))
    return accounts.erase(person, why)


def replace_administrator(
    customer: Organization, *, given_name: str, family_name: str, address: str, why: str
) -> tuple[Person, bool]:
    """Make a named person global administrator of a customer whose last one is lost, and mail it a link.

    The lost one is disabled. Answers the person and whether a mail was written. A second time nothing changes.
    Raises OtherAdministrators, CannotSignIn, AddressOfPartner, AddressInUse.
    """
    check_address(customer, address)
    database.write(chain=customer.chain_id)
    present = queries.people_with(customer.id, "global_administrator")
    if any(each.address_key == people.address_key(address) for each in present):
        person, sent = invite(
            customer, given_name=given_name, family_name=family_name, address=address, roles=()
        )  # fmt: skip
        return person, sent
    rules.check_lost(len(present))
    named = people.person_by_address(address)
    if named is not None and named.organization_id == customer.id and not named.can_sign_in():
        raise rules.CannotSignIn()
    for lost in present:
        accounts.disable(lost, why, {"replaced": True})
    person, sent = invite(customer, given_name=given_name, family_name=family_name, address=address, roles=())
    session, role = database.session(), "global_administrator"
    has_role = sa.exists().where(RoleAssignment.person_id == person.id, RoleAssignment.role == role)
    if not session.scalar(sa.select(has_role)):
        session.add(RoleAssignment(person_id=person.id, role=role, given_at=clock.now()))
        session.flush()
    evidence.record(
        "administrator.replaced",
        source="operator",
        customer_id=customer.id,
        facts={
            "about_person_id": str(person.id), "lost_person_ids": [str(each.id) for each in present], "why": why
        },
        personal={"name": full_name(person.given_name, person.family_name), "address": person.address},
        personal_of=person.id,
    )  # fmt: skip
    return person, sent


def _forget_roles(person_id: UUID) -> tuple[int, list[Stays]]:
    result = database.session().execute(sa.delete(RoleAssignment).where(RoleAssignment.person_id == person_id))
    return database.rows_of(result), []


accounts.holds(_forget_roles)
