"""Making clients, and giving tokens."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import UUID, uuid4

from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.api_clients import queries, rules
from webapp.api_clients.models import ApiClient, ApiSecret, ApiToken
from webapp.evidence import actions as evidence
from webapp.organizations import queries as organizations


def create(*, by: Actor, name: str, roles: Sequence[str], redirect_uris: Sequence[str] = ()) -> tuple[ApiClient, str]:
    """Make a client of the actor's partner; it and its first secret, which is shown this once."""
    database.write(chain=by.chain_id)
    organization = organizations.organization_by_id(by.organization_id)
    assert organization is not None
    client_id, now = uuid4(), clock.now()
    person = accounts.add_person(
        organization_id=organization.id, given_name="", family_name=name, address=f"{client_id.hex}@clients.invalid",
        language=organization.language, confirmed=False,
    )  # fmt: skip
    person.is_client, person.disabled_at = True, now
    row = ApiClient(
        id=client_id, organization_id=organization.id, person_id=person.id, name=name, roles=list(roles),
        redirect_uris=list(redirect_uris), created_at=now, created_by_id=by.person_id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    secret = _add_secret(row)
    evidence.record(
        "api_client.created", by=by, partner_id=organization.id,
        facts={"client_id": str(row.id), "name": name, "roles": list(roles), "redirect_uris": list(redirect_uris)},
    )  # fmt: skip
    return row, secret


def _add_secret(client: ApiClient) -> str:
    secret = rules.SECRET_PREFIX + secrets.token_urlsafe(32)
    database.session().add(
        ApiSecret(client_id=client.id, digest=queries.digest_of(secret), prefix=secret[:8], created_at=clock.now())
    )
    database.session().flush()
    return secret


def give_token(
    client: ApiClient,
    *,
    person_id: UUID | None = None,
    roles: Sequence[str],
    scope: str = "",
    family_id: UUID | None = None,
) -> tuple[ApiToken, str, str]:
    """Give a client an access token and, where a person consented (`person_id`), a refresh token; row and both texts.
    Needs an open `write()`."""
    now = clock.now()
    access = rules.ACCESS_PREFIX + secrets.token_urlsafe(32)
    refresh = rules.REFRESH_PREFIX + secrets.token_urlsafe(32) if person_id is not None else ""
    row = ApiToken(
        client_id=client.id, person_id=person_id or client.person_id, family_id=family_id or uuid4(), roles=list(roles),
        scope=scope, access_digest=queries.digest_of(access), access_expires_at=now + rules.ACCESS_LASTS,
        refresh_digest=queries.digest_of(refresh) if refresh else None,
        refresh_expires_at=now + rules.REFRESH_LASTS if refresh else None, issued_at=now,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row, access, refresh
