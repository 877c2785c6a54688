"""Finding clients and who a token is."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import actor as actors
from webapp import clock, database
from webapp.access import permissions_by_token
from webapp.accounts import queries as accounts
from webapp.accounts.models import Activity, Person
from webapp.actor import Actor
from webapp.api_clients import rules
from webapp.api_clients.models import ApiClient, ApiCode, ApiSecret, ApiToken
from webapp.evidence import queries as evidence
from webapp.organizations import queries as organizations
from webapp.organizations.models import Domain, Organization, RoleAssignment


def digest_of(secret: str) -> str:
    """How a secret, a code or a token is stored: they hold 256 random bits, so that a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer(token: str) -> Actor | None:
    """Who a token is now: token, client, person, organization and roles in one query. None: unknown, over, revoked, or its
    client, person or organization is."""
    if not token.startswith(rules.ACCESS_PREFIX):
        return None
    rows = (
        database.session()
        .execute(_BEARERS.where(ApiToken.access_digest == digest_of(token), ApiToken.access_expires_at > clock.now()))
        .all()
    )
    if not rows:
        return None
    row = rows[0]
    if row.disabled_at is not None and not row.is_client:
        return None
    held = None if row.is_client else frozenset(each.role for each in rows if each.role)
    roles = rules.roles_in_force(frozenset(row.token_roles), frozenset(row.client_roles), held)
    return Actor(
        person_id=row.person_id, session_id=actors.NO_SESSION, organization_id=row.organization_id,
        organization_kind=row.kind, organization_name=row.name, chain_id=row.chain_id, given_name=row.given_name,
        family_name=row.family_name, address=row.address, language=row.language, zone=row.zone or row.organization_zone,
        country=row.country, confirmed=True, roles=roles, permissions=permissions_by_token(roles),
        client_id=row.client_id, token_id=row.token_id,
    )  # fmt: skip


_BEARERS = (
    sa.select(
        ApiToken.id.label("token_id"), ApiToken.roles.label("token_roles"),
        ApiClient.id.label("client_id"), ApiClient.roles.label("client_roles"),
        Person.id.label("person_id"), Person.given_name, Person.family_name, Person.address, Person.language, Person.zone,
        Person.is_client, Person.disabled_at,
        Organization.id.label("organization_id"), Organization.kind, Organization.name, Organization.chain_id,
        Organization.zone.label("organization_zone"), Organization.country,
        RoleAssignment.role,
    )
    .select_from(ApiToken)
    .join(ApiClient, ApiClient.id == ApiToken.client_id)
    .join(Person, Person.id == ApiToken.person_id)
    .join(Organization, Organization.id == ApiClient.organization_id)
    .outerjoin(RoleAssignment, RoleAssignment.person_id == Person.id)
    .where(
        ApiToken.revoked_at.is_(None), ApiClient.revoked_at.is_(None), Person.erased_at.is_(None),
        Organization.disabled_at.is_(None), Person.organization_id == ApiClient.organization_id,
        Person.temporary_until.is_(None),
    )
)  # fmt: skip


actors.borne_by(bearer)


# --- for the pages ---------------------------------------------------------------------------------------------


def client_by_id(client_id: UUID) -> ApiClient | None:
    """One client, open or revoked."""
    return database.session().get(ApiClient, client_id)


def partner_of(actor: Actor) -> UUID | None:
    """The partner whose clients a person leads; None for a customer's."""
    return actor.organization_id if actor.is_partner else None


def client_for(actor: Actor, client_id: UUID) -> ApiClient | None:
    """A client of the actor's partner."""
    found = client_by_id(client_id)
    return found if found is not None and found.organization_id == actor.organization_id else None


@dataclass(frozen=True)
class OfClient:
    """A secret together with its client."""

    client: ApiClient
    secret: ApiSecret


def secret_for(actor: Actor, client_id: UUID, secret_id: UUID) -> OfClient | None:
    """A secret of a client of the actor's partner."""
    client, secret = client_for(actor, client_id), database.session().get(ApiSecret, secret_id)
    if client is None or secret is None or secret.client_id != client.id:
        return None
    return OfClient(client, secret)


@dataclass(frozen=True)
class Listed:
    """A client as the list shows it. `last_used`: when it called last, None: never; `by`: who made it (empty: the
    operator); `secrets`: those that are good, the older first."""

    id: UUID
    name: str
    roles: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None
    last_used: datetime | None
    by: str
    secrets: tuple[ApiSecret, ...]


PAGE = 50
Place = tuple[datetime, UUID]


def clients_of(organization_id: UUID, after: Place | None = None) -> tuple[list[Listed], bool]:
    """One page of a partner's clients, the newest first, in three queries; and whether there is more."""
    statement = sa.select(ApiClient, Activity.seen_at).outerjoin(Activity, Activity.session_id == ApiClient.id)
    statement = statement.where(ApiClient.organization_id == organization_id)
    if after is not None:
        at, id_ = after
        older = sa.or_(ApiClient.created_at < at, sa.and_(ApiClient.created_at == at, ApiClient.id < id_))
        statement = statement.where(older)
    statement = statement.order_by(ApiClient.created_at.desc(), ApiClient.id.desc()).limit(PAGE + 1)
    rows = database.session().execute(statement).all()
    return listed(rows[:PAGE]), len(rows) > PAGE


def listed(rows: Sequence[Any]) -> list[Listed]:
    """Clients, each with when it called last, as lists show them."""
    secrets = open_secrets([client.id for client, _seen in rows])
    names = accounts.names_of({client.created_by_id for client, _seen in rows if client.created_by_id is not None})
    return [
        Listed(
            client.id, client.name, rules.in_order(client.roles), client.created_at,
            client.revoked_at, seen, actors.full_name(*names.get(client.created_by_id, ("", ""))),
            tuple(secrets.get(client.id, ())),
        )
        for client, seen in rows
    ]  # fmt: skip


def shown(client: ApiClient) -> Listed:
    """One client as the list shows it."""
    seen = database.session().scalar(sa.select(Activity.seen_at).where(Activity.session_id == client.id))
    return listed([(client, seen)])[0]


def open_secrets(client_ids: Sequence[UUID]) -> dict[UUID, list[ApiSecret]]:
    """The secrets of clients that are good, the older first."""
    found: dict[UUID, list[ApiSecret]] = {}
    statement = (
        sa.select(ApiSecret)
        .where(ApiSecret.client_id.in_(list(client_ids)), ApiSecret.revoked_at.is_(None))
        .order_by(ApiSecret.created_at, ApiSecret.id)
    )
    for row in database.session().scalars(statement):
        found.setdefault(row.client_id, []).append(row)
    return found


def every_client(organization_id: UUID | None = None) -> list[tuple[Organization, Listed]]:
    """Every client (of one partner): what the operator lists."""
    statement = (
        sa.select(ApiClient, Activity.seen_at, Organization)
        .join(Organization, Organization.id == ApiClient.organization_id)
        .outerjoin(Activity, Activity.session_id == ApiClient.id)
        .order_by(Organization.name_key, ApiClient.created_at, ApiClient.id)
    )
    if organization_id is not None:
        statement = statement.where(ApiClient.organization_id == organization_id)
    rows = database.session().execute(statement).all()
    return list(zip([row[2] for row in rows], listed([(row[0], row[1]) for row in rows]), strict=True))


def open_client_named(organization_id: UUID, name: str) -> ApiClient | None:
    """A client of a partner that is not revoked and is called so."""
    return database.session().scalar(
        sa.select(ApiClient)
        .where(
            ApiClient.organization_id == organization_id, ApiClient.name == name, ApiClient.revoked_at.is_(None)
        )
        .order_by(ApiClient.created_at)
        .limit(1)
    )  # fmt: skip


def open_clients_of(organization_id: UUID) -> Sequence[ApiClient]:
    """The clients of a partner that are not revoked."""
    return (
        database.session()
        .scalars(
            sa.select(ApiClient)
            .where(ApiClient.organization_id == organization_id, ApiClient.revoked_at.is_(None))
            .order_by(ApiClient.created_at, ApiClient.id)
        )
        .all()
    )


@dataclass(frozen=True)
class Consented:
    """A client that can act in a person's name now. `roles`: what it may, as far as client and person still have it;
    `given_at`: when it got its last token; `ends_at`: when all of them are over, unless it renews one before."""

    client: ApiClient
    roles: tuple[str, ...]
    given_at: datetime
    ends_at: datetime


def alive_of(person_id: UUID) -> sa.ColumnElement[bool]:
    """Which tokens in a person's name can still be used or renewed."""
    now = clock.now()
    renewable = sa.and_(ApiToken.refresh_expires_at > now, ApiToken.refreshed_at.is_(None))
    return sa.and_(
        ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None),
        sa.or_(ApiToken.access_expires_at > now, renewable),
    )  # fmt: skip


def consented_by(person_id: UUID) -> list[Consented]:
    """The clients that a person lets act in its name now, by name."""
    rows = database.session().execute(
        sa.select(ApiClient, ApiToken)
        .join(ApiClient, ApiClient.id == ApiToken.client_id)
        .where(alive_of(person_id), ApiClient.person_id != person_id, ApiClient.revoked_at.is_(None))
        .order_by(ApiClient.name, ApiClient.id)
    )
    held, tokens = organizations.roles_of(person_id), defaultdict[ApiClient, list[ApiToken]](list)
    for client, token in rows:
        tokens[client].append(token)
    found = []
    for client, of_client in tokens.items():
        given = frozenset(role for token in of_client for role in token.roles)
        roles = rules.roles_in_force(given, frozenset(client.roles), held)
        ends = [end for token in of_client for end in (token.access_expires_at, token.refresh_expires_at) if end]
        found.append(Consented(client, rules.in_order(roles), max(token.issued_at for token in of_client), max(ends)))
    return found


def consented_client(actor: Actor, client_id: UUID) -> ApiClient | None:
    """A client that has, or lately had, a token in the actor's name."""
    had = sa.select(ApiToken.client_id).where(ApiToken.person_id == actor.person_id)
    return database.session().scalar(sa.select(ApiClient).where(ApiClient.id == client_id, ApiClient.id.in_(had)))


def names_of(ids: set[UUID]) -> Mapping[UUID, str]:
    """The names of programs, by their own ids and by those of the people that they act as."""
    rows = database.session().execute(
        sa.select(ApiClient.id, ApiClient.person_id, ApiClient.name).where(
            sa.or_(ApiClient.id.in_(list(ids)), ApiClient.person_id.in_(list(ids)))
        )
    )
    return {id_: row.name for row in rows for id_ in (row.id, row.person_id)}


evidence.programs_named_by(names_of)


# --- for OAuth -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AtTenant:
    """A client that is open, with its partner, as an address of OAuth names both."""

    row: ApiClient
    organization: Organization


def client_at(tenant: str, client_id: str) -> AtTenant | None:
    """The open client with this id, where `tenant` means its partner: the partner's id, one of its domains, or any."""
    try:
        wanted = UUID(client_id)
    except ValueError:
        return None
    found = (
        database.session()
        .execute(
            sa.select(ApiClient, Organization)
            .join(Organization, Organization.id == ApiClient.organization_id)
            .where(ApiClient.id == wanted, ApiClient.revoked_at.is_(None), Organization.disabled_at.is_(None))
        )
        .first()
    )
    if found is None:
        return None
    row, organization = found
    domains = database.session().scalars(sa.select(Domain.name).where(Domain.organization_id == organization.id))
    return AtTenant(row, organization) if rules.is_tenant(tenant, organization.id, domains) else None


def is_secret_of(client: ApiClient, secret: str) -> bool:
    """Whether a text is one of a client's good secrets."""
    found = database.session().scalar(
        sa.select(ApiSecret.id).where(
            ApiSecret.client_id == client.id, ApiSecret.digest == digest_of(secret), ApiSecret.revoked_at.is_(None)
        )
    )
    return found is not None


def code_of(client: ApiClient, code: str) -> ApiCode | None:
    """A code that was made for a client, used or not."""
    return database.session().scalar(
        sa.select(ApiCode).where(ApiCode.client_id == client.id, ApiCode.digest == digest_of(code))
    )


def refreshable(client: ApiClient, refresh: str) -> ApiToken | None:
    """The row of a refresh token that was given to a client, used or not."""
    return database.session().scalar(
        sa.select(ApiToken).where(ApiToken.client_id == client.id, ApiToken.refresh_digest == digest_of(refresh))
    )


def offered_by(client: ApiClient, person_id: UUID) -> tuple[str, ...]:
    """The roles that a person of the client's partner can consent to now."""
    return rules.offered(client.roles, organizations.roles_of(person_id))


def may_be_acted_for(client: ApiClient, person_id: UUID) -> bool:
    """Whether a person is still of the client's partner and can sign in: only then its consent is worth anything."""
    person = accounts.person_by_id(person_id)
    if person is None or not person.can_sign_in() or person.temporary_until is not None:
        return False
    return person.organization_id == client.organization_id


#: Codes and tokens are kept a day longer than they work, so that who comes late is answered the same.
KEPT = timedelta(days=1)


def codes_over() -> sa.Select[UUID]:
    """Codes that have long ended."""
    return sa.select(ApiCode.id).where(ApiCode.expires_at < clock.now() - KEPT)


def tokens_over() -> sa.Select[UUID]:
    """Tokens that can neither be used nor renewed, and have long not been."""
    before = clock.now() - KEPT
    cannot_renew = sa.or_(
        ApiToken.refresh_expires_at.is_(None), ApiToken.refresh_expires_at < before, ApiToken.revoked_at < before
    )
    return sa.select(ApiToken.id).where(ApiToken.access_expires_at < before, cannot_renew)
