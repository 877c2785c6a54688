"""Reading organizations, and the one query that makes an actor of a session."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import actor as actors
from webapp import clock, database
from webapp.access import ROLES, Permission, permissions_of
from webapp.accounts import queries as accounts
from webapp.accounts.models import Person, Session
from webapp.actor import Actor
from webapp.evidence import queries as evidence
from webapp.organizations import rules
from webapp.organizations.models import Domain, Organization, Pairing, RoleAssignment

#: All that somebody may who has not chosen a password of its own.
_TEMPORARY = frozenset({Permission.USE_ACCOUNT})


def actor_of(session_id: UUID) -> Actor | None:
    """The actor of an open session: session, person, organization and roles in one query. It is the person's own, for
    whomever it acts (`acting_for_id`)."""
    return _actor(
        _ACTORS.add_columns(Session.acting_for_id)
        .join(Session, Session.person_id == Person.id)
        .where(Session.id == session_id, Session.ended_at.is_(None), Session.expires_at > clock.now()),
        session_id,
    )


def actor_of_person(person_id: UUID) -> Actor | None:
    """The actor that a person is now, for what it started and the worker goes on with (a file's rows): without a session,
    with the roles of this moment. None for who can no longer sign in, or whose organization is closed.

    What it does stands in the evidence with a source of its own ("import"), so that nobody takes it for a click.
    """
    return _actor(_ACTORS.where(Person.id == person_id), actors.NO_SESSION)


#: What makes an actor: person, organization, and a row for each role; only who may sign in.
_ACTORS = (
    sa.select(
        Person.id, Person.given_name, Person.family_name, Person.address, Person.confirmed_at,
        Person.language, Person.zone, Person.temporary_until,
        Organization.id.label("organization_id"), Organization.kind, Organization.name, Organization.chain_id,
        Organization.zone.label("organization_zone"), Organization.country,
        RoleAssignment.role,
    )
    .select_from(Person)
    .join(Organization, Organization.id == Person.organization_id)
    .outerjoin(RoleAssignment, RoleAssignment.person_id == Person.id)
    .where(Person.disabled_at.is_(None), Person.erased_at.is_(None), Organization.disabled_at.is_(None))
)  # fmt: skip


def _actor(statement: sa.Select[*tuple[Any, ...]], session_id: UUID) -> Actor | None:
    rows = database.session().execute(statement).all()
    if not rows:
        return None
    row = rows[0]
    held = frozenset(each.role for each in rows if each.role)
    return Actor(
        person_id=row.id,
        session_id=session_id,
        organization_id=row.organization_id,
        organization_kind=row.kind,
        organization_name=row.name,
        chain_id=row.chain_id,
        given_name=row.given_name,
        family_name=row.family_name,
        address=row.address,
        language=row.language,
        zone=row.zone or row.organization_zone,
        country=row.country,
        confirmed=row.confirmed_at is not None,
        roles=held,
        permissions=permissions_of(row.kind, held) if row.temporary_until is None else _TEMPORARY,
        must_choose_password=row.temporary_until is not None,
        acting_for_id=getattr(row, "acting_for_id", None),
    )


actors.loaded_by(actor_of)


def home_of(organization_id: UUID) -> accounts.Home:
    """What accounts and evidence need to know of a person's organization."""
    row = database.session().get(Organization, organization_id)
    assert row is not None
    return accounts.Home(row.id, row.chain_id, row.kind, row.name, row.zone, row.is_open)


def names_of(organization_ids: set[UUID]) -> Mapping[UUID, str]:
    """The names of organizations by id."""
    rows = database.session().execute(
        sa.select(Organization.id, Organization.name).where(Organization.id.in_(list(organization_ids)))
    )
    return {row.id: row.name for row in rows}


def members_of(organization_id: UUID) -> Sequence[tuple[UUID, str, str]]:
    """Everybody of an organization who is not erased, also who cannot sign in now: (id, given name, family name). Programs
    are no people."""
    rows = database.session().execute(
        sa.select(Person.id, Person.given_name, Person.family_name)
        .where(
            Person.organization_id == organization_id, Person.erased_at.is_(None), Person.is_client.is_(False)
        )
        .order_by(Person.family_name, Person.given_name, Person.id)
    )  # fmt: skip
    return [(row.id, row.given_name, row.family_name) for row in rows]


accounts.homes_found_by(home_of)
evidence.organizations_named_by(names_of)
evidence.people_named_by(accounts.names_of)
evidence.members_found_by(members_of)


def organization_by_id(organization_id: UUID) -> Organization | None:
    """One organization, open or disabled."""
    return database.session().get(Organization, organization_id)


def partner_by_id(partner_id: UUID) -> Organization | None:
    """A partner by its id (the GUID in links)."""
    found = organization_by_id(partner_id)
    return found if found is not None and found.kind == "partner" else None


def partners_named(partner_ids: Collection[UUID]) -> Sequence[Organization]:
    """These partners, by name."""
    statement = sa.select(Organization).where(Organization.id.in_(list(partner_ids)), Organization.kind == "partner")
    return database.session().scalars(statement.order_by(Organization.name_key, Organization.id)).all()


def domains_of(organization_id: UUID) -> Sequence[Domain]:
    """The domains of an organization's profile, by name."""
    return (
        database.session()
        .scalars(sa.select(Domain).where(Domain.organization_id == organization_id).order_by(Domain.name))
        .all()
    )


def address_of(organization: Organization) -> dict[str, str]:
    """Where an organization is, by the names of the API's schemas."""
    return {
        "country": organization.country,
        "city": organization.city,
        "state": organization.region,
        "address_line1": organization.address_line,
        "postal_code": organization.postal_code,
        "phone_number": organization.phone,
    }


def verified_domain_of(organization_id: UUID) -> str:
    """A domain that the operator confirmed, or an empty text."""
    return next((each.name for each in domains_of(organization_id) if each.confirmed_at), "")


def organization_by_mail_domain(address: str) -> Organization | None:
    """The organization whose profile holds the domain of this address; none for public mail services."""
    domain = rules.domain_of(address)
    if rules.is_public_mail(domain):
        return None
    return database.session().scalar(
        sa.select(Organization).join(Domain, Domain.organization_id == Organization.id).where(Domain.name == domain)
    )


def people_of(organization_id: UUID) -> Sequence[Person]:
    """The people of an organization who can sign in."""
    return (
        database.session()
        .scalars(
            sa.select(Person)
            .where(Person.organization_id == organization_id, Person.disabled_at.is_(None), Person.erased_at.is_(None))
            .order_by(Person.family_name, Person.given_name, Person.id)
        )
        .all()
    )


def people_with(organization_id: UUID, *roles: str) -> Sequence[Person]:
    """The people of an organization who can sign in and have one of these roles, each once."""
    return (
        database.session()
        .scalars(
            sa.select(Person)
            .where(
                Person.organization_id == organization_id,
                Person.disabled_at.is_(None),
                Person.erased_at.is_(None),
                Person.id.in_(sa.select(RoleAssignment.person_id).where(RoleAssignment.role.in_(roles))),
            )
            .order_by(Person.family_name, Person.given_name, Person.id)
        )
        .all()
    )


def administrators_of(organization_id: UUID, role: str) -> frozenset[UUID]:
    """Those who count when it is asked whether somebody still administers an organization: who has the role and a
    password. Only while nobody has both, those who were invited to it count, so that the operator keeps one of them."""
    present = people_with(organization_id, role)
    able = [person for person in present if person.password_hash is not None]
    return frozenset(person.id for person in able or present)


def roles_of(person_id: UUID) -> frozenset[str]:
    """The roles of a person now."""
    return frozenset(
        database.session().scalars(sa.select(RoleAssignment.role).where(RoleAssignment.person_id == person_id))
    )


def roles_by_person(person_ids: Collection[UUID], kind: str) -> dict[UUID, tuple[str, ...]]:
    """The roles of people of one kind of organization, in the order of the policy table; who has none is missing."""
    rows = database.session().execute(
        sa.select(RoleAssignment.person_id, RoleAssignment.role).where(RoleAssignment.person_id.in_(list(person_ids)))
    )
    held: dict[UUID, set[str]] = {}
    for row in rows:
        held.setdefault(row.person_id, set()).add(row.role)
    return {id_: tuple(role for role in ROLES[kind] if role in roles) for id_, roles in held.items()}


def is_last_administrator(person: Person, role: str) -> bool:
    """Whether nobody else of the person's organization has the role and can sign in: who is invited only does not count."""
    return administrators_of(person.organization_id, role) == {person.id}


def is_own_address(partner_id: UUID, address: str) -> bool:
    """Whether a mail address lies in a partner's own hands: nobody proves a customer's mailbox with it."""
    people = {person.address.casefold() for person in people_of(partner_id)}
    domains = {each.name for each in domains_of(partner_id)} | {rules.domain_of(each) for each in people}
    return rules.is_own_address(address, people, domains)


def pairing(provider_id: UUID, reseller_id: UUID) -> Pairing | None:
    """The open pairing of a provider and a reseller."""
    return database.session().scalar(
        sa.select(Pairing).where(
            Pairing.provider_id == provider_id, Pairing.reseller_id == reseller_id, Pairing.ended_at.is_(None)
        )
    )


def pairings_of(partner_id: UUID) -> Sequence[Pairing]:
    """Every pairing of a provider or a reseller, open ones first, then the newest; ended ones stay."""
    return (
        database.session()
        .scalars(
            sa.select(Pairing)
            .where(sa.or_(Pairing.provider_id == partner_id, Pairing.reseller_id == partner_id))
            .order_by(Pairing.ended_at.is_not(None), Pairing.confirmed_at.desc(), Pairing.id)
        )
        .all()
    )


def pairing_by_id(pairing_id: UUID) -> Pairing | None:
    """One pairing, open or ended."""
    return database.session().get(Pairing, pairing_id)


def partner_by_number(number: str) -> Organization | None:
    """A partner by its number (MPN id), open or disabled."""
    return database.session().scalar(
        sa.select(Organization).where(Organization.kind == "partner", Organization.partner_number == number)
    )


def is_in_others_hands(address: str, organization_id: UUID) -> bool:
    """Whether an address lies in a domain of another organization's: of its profile (with subdomains) or of its
    people. Public mail services are nobody's."""
    domain = rules.domain_of(address)
    if rules.is_public_mail(domain):
        return False
    above = [each for each in rules.domains_above(domain) if not rules.is_public_mail(each)]
    session = database.session()
    holders = set(session.scalars(sa.select(Domain.organization_id).where(Domain.name.in_(above))))
    if organization_id in holders:
        return False
    colleagues = sa.select(Person.id).where(
        Person.organization_id != organization_id, Person.address_key.endswith(f"@{domain}", autoescape=True)
    )
    return bool(holders) or session.scalar(colleagues.limit(1)) is not None


def resellers_of(provider_id: UUID) -> Sequence[Organization]:
    """The indirect resellers that a provider is paired with."""
    return (
        database.session()
        .scalars(
            sa.select(Organization)
            .join(Pairing, Pairing.reseller_id == Organization.id)
            .where(Pairing.provider_id == provider_id, Pairing.ended_at.is_(None), Organization.disabled_at.is_(None))
            .order_by(Organization.name_key)
        )
        .all()
    )


def providers_of(reseller_id: UUID) -> Sequence[Organization]:
    """The indirect providers that a reseller is paired with."""
    return (
        database.session()
        .scalars(
            sa.select(Organization)
            .join(Pairing, Pairing.provider_id == Organization.id)
            .where(Pairing.reseller_id == reseller_id, Pairing.ended_at.is_(None), Organization.disabled_at.is_(None))
            .order_by(Organization.name_key)
        )
        .all()
    )


def organization_named(word: str) -> Organization | None:
    """The organization that an operator means: by id, partner number, domain, or exact name; None when not one."""
    session = database.session()
    try:
        return organization_by_id(UUID(word))
    except ValueError:
        pass
    found = session.scalar(sa.select(Organization).where(Organization.partner_number == word)) or session.scalar(
        sa.select(Organization)
        .join(Domain, Domain.organization_id == Organization.id)
        .where(Domain.name == word.casefold())
    )
    if found is not None:
        return found
    named = session.scalars(
        sa.select(Organization).where(Organization.name_key == rules.name_key(word)).limit(2)
    ).all()  # fmt: skip
    return named[0] if len(named) == 1 else None


def organizations(kind: str | None = None) -> Sequence[Organization]:
    """Every organization (of one kind), by name: what the operator lists."""
    statement = sa.select(Organization).order_by(Organization.kind, Organization.name_key, Organization.id)
    if kind is not None:
        statement = statement.where(Organization.kind == kind)
    return database.session().scalars(statement).all()


def partner_holding(address: str) -> Organization | None:
    """The partner in whose hands an address lies: that of one of its people, or within a domain (with subdomains) of
    its profile or of a mailbox that one of its people reads; none for public mail services.

    A domain counts by people only while somebody who proved to read a mailbox there can sign in: a partner that adds
    strangers' addresses to its team does not keep a domain from its owner. `is_own_address`, which says what a partner
    must not use itself, counts everybody of its team.
    """
    domain = rules.domain_of(address)
    above = [each for each in rules.domains_above(domain) if not rules.is_public_mail(each)]
    reads = sa.and_(Person.confirmed_at.is_not(None), Person.disabled_at.is_(None), Person.erased_at.is_(None))
    held = [sa.func.lower(Person.address) == address.casefold()]
    held += [sa.and_(reads, Person.address_key.endswith(f"@{each}", autoescape=True)) for each in above]
    by_people = sa.select(Person.organization_id).where(sa.or_(*held))
    by_profile = sa.select(Domain.organization_id).where(Domain.name.in_(above))
    return database.session().scalar(
        sa.select(Organization)
        .where(
            Organization.kind == "partner",
            sa.or_(Organization.id.in_(by_people), Organization.id.in_(by_profile)),
        )
        .order_by(Organization.created_at)
        .limit(1)
    )
