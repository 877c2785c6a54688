"""Finding clients and who a token is."""

from __future__ import annotations

import hashlib
from uuid import UUID

import sqlalchemy as sa

from webapp import actor as actors
from webapp import clock, database
from webapp.access import permissions_by_token
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.api_clients import rules
from webapp.api_clients.models import ApiClient, ApiToken
from webapp.organizations.models import Organization, RoleAssignment


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


def client_for(actor: Actor, client_id: UUID) -> ApiClient | None:
    """A client of the actor's partner."""
    found = database.session().get(ApiClient, client_id)
    return found if found is not None and found.organization_id == actor.organization_id else None
