"""Making, changing and revoking clients; consent; giving, renewing and revoking tokens."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from webapp import clock, database, replays
from webapp.accounts import actions as accounts
from webapp.accounts.rules import Stays
from webapp.actor import Actor
from webapp.api_clients import emails, queries, rules
from webapp.api_clients.models import ApiClient, ApiCode, ApiSecret, ApiToken
from webapp.evidence import actions as evidence
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import Stop


def register(_app: Flask) -> None:
    """Say what disabling stops, and let go of an erased person's codes, tokens and first answers."""
    accounts.holds(_forget_person)
    organization_actions.stops(_acting_for)


def _acting_for(organization_id: UUID, person_id: UUID | None) -> Iterable[Stop]:
    """The programs that stop with a partner, or that no longer act in a person's name."""
    if person_id is None:
        return [Stop("api_client", row.id, f"program {row.name}") for row in queries.open_clients_of(organization_id)]
    acting = queries.consented_by(person_id)
    return [Stop("api_client", each.client.id, f"program {each.client.name}, in this person's name") for each in acting]


def _forget_person(person_id: UUID) -> tuple[int, list[Stays]]:
    found = replays.forget_person(person_id)
    for model in (ApiCode, ApiToken):
        result = database.session().execute(sa.delete(model).where(model.person_id == person_id))
        found += database.rows_of(result)
    return found, []


# --- clients -------------------------------------------------------------------------------------------------


def create(
    *,
    by: Actor | None,
    name: str,
    roles: Sequence[str],
    redirect_uris: Sequence[str] = (),
    of: Organization | None = None,
    secret: str | None = None,
) -> tuple[ApiClient, str]:
    """Make a client of the actor's partner; it and its first secret, which is shown this once.

    `by` None: the operator, for the partner `of`. `secret`: one that is known already, for the demonstration.
    """
    organization = of if by is None else organizations.organization_by_id(by.organization_id)
    assert organization is not None
    database.write(chain=organization.chain_id)
    client_id, now = uuid4(), clock.now()
    person = accounts.add_person(
        organization_id=organization.id, given_name="", family_name=name, address=f"{client_id.hex}@clients.invalid",
        language=organization.language, confirmed=False,
    )  # fmt: skip
    person.is_client, person.disabled_at = True, now
    row = ApiClient(
        id=client_id, organization_id=organization.id, person_id=person.id, name=name, roles=list(roles),
        redirect_uris=list(redirect_uris), created_at=now, created_by_id=by.person_id if by is not None else None,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    _made, secret = _add_secret(row, secret)
    _record("created", row, by, roles=list(roles), redirect_uris=list(redirect_uris))
    emails.told("created", row, organization, by=by)
    return row, secret


def _record(what: str, client: ApiClient, by: Actor | None, **facts: object) -> None:
    evidence.record(
        f"api_client.{what}", by=by, source="operator" if by is None else "page", partner_id=client.organization_id,
        facts={"client_id": str(client.id), "name": client.name} | facts,
    )  # fmt: skip


def _add_secret(client: ApiClient, known: str | None = None) -> tuple[ApiSecret, str]:
    secret = known or rules.SECRET_PREFIX + secrets.token_urlsafe(32)
    row = ApiSecret(
        id=uuid4(), client_id=client.id, digest=queries.digest_of(secret), prefix=secret[:8], created_at=clock.now()
    )
    database.session().add(row)
    database.session().flush()
    return row, secret


def _held(client: ApiClient) -> tuple[ApiClient, Organization]:
    """A client under its partner's chain, and the partner."""
    organization = organizations.organization_by_id(client.organization_id)
    assert organization is not None
    return database.locked(client, chain=organization.chain_id), organization


def _open(client: ApiClient) -> ApiClient:
    row, _organization = _held(client)
    if row.revoked_at is not None:
        raise rules.ProgramRevoked(program=row.name, at=row.revoked_at)
    return row


def change(client: ApiClient, *, roles: Sequence[str], redirect_uris: Sequence[str], by: Actor) -> bool:
    """Give a client other roles and places to return to; tokens that were given lose at once what it loses. False when
    nothing changes. Raises ProgramRevoked."""
    row = _open(client)
    if set(row.roles) == set(roles) and row.redirect_uris == list(redirect_uris):
        return False
    given, taken = sorted(set(roles) - set(row.roles)), sorted(set(row.roles) - set(roles))
    row.roles, row.redirect_uris = list(roles), list(redirect_uris)
    _record("changed", row, by, given=given, taken=taken, redirect_uris=list(redirect_uris))
    return True


def add_secret(client: ApiClient, *, by: Actor) -> str:
    """Give a client a second secret, which is shown this once. Raises TooManySecrets, ProgramRevoked."""
    row = _open(client)
    if len(queries.open_secrets([row.id]).get(row.id, ())) >= rules.MOST_SECRETS:
        raise rules.TooManySecrets(program=row.name, client_id=row.id)
    made, secret = _add_secret(row)
    _record("secret_added", row, by, prefix=made.prefix)
    return secret


def revoke_secret(client: ApiClient, secret: ApiSecret, *, by: Actor) -> bool:
    """End a secret; tokens that it fetched last as long as they would. False when it has ended."""
    row, _organization = _held(client)
    found = database.locked(secret)
    if found.revoked_at is not None:
        return False
    found.revoked_at = clock.now()
    _record("secret_revoked", row, by, prefix=found.prefix)
    return True


def revoke(client: ApiClient, *, by: Actor | None, why: str = "") -> bool:
    """End a client with its secrets and tokens, in every process at once. False when it has ended. `by` None: the
    operator, who says why."""
    row, organization = _held(client)
    if row.revoked_at is not None:
        return False
    row.revoked_at = clock.now()
    _record("revoked", row, by, why=why)
    emails.told("revoked", row, organization, by=by)
    return True


# --- consent -------------------------------------------------------------------------------------------------


def consent(
    client: ApiClient, *, by: Actor, roles: Sequence[str], redirect_uri: str, challenge: str, scope: str
) -> str:
    """Let a client act in the actor's name with these roles: the code that it exchanges for tokens within minutes.

    Raises ProgramRevoked.
    """
    row, now = _open(client), clock.now()
    code = rules.CODE_PREFIX + secrets.token_urlsafe(32)
    database.session().add(
        ApiCode(
            client_id=row.id, person_id=by.person_id, digest=queries.digest_of(code), redirect_uri=redirect_uri,
            challenge=challenge, scope=scope, roles=list(roles), family_id=uuid4(), created_at=now,
            expires_at=now + rules.CODE_LASTS,
        )
    )  # fmt: skip
    database.session().flush()
    _record("consented", row, by, roles=list(roles))
    return code


def withdraw(client: ApiClient, *, by: Actor) -> bool:
    """Take back what the actor agreed to: codes and tokens of the client in its name end in every process at once. False
    when there was none."""
    row, _organization = _held(client)
    session, now = database.session(), clock.now()
    of_actor = (ApiCode.client_id == row.id, ApiCode.person_id == by.person_id)
    codes = sa.delete(ApiCode).where(*of_actor, ApiCode.used_at.is_(None), ApiCode.expires_at > now)
    tokens = sa.update(ApiToken).where(ApiToken.client_id == row.id, queries.alive_of(by.person_id))
    ended = database.rows_of(session.execute(codes))
    ended += database.rows_of(session.execute(tokens.values(revoked_at=now)))
    if not ended:
        return False
    _record("consent_withdrawn", row, by)
    return True


# --- tokens --------------------------------------------------------------------------------------------------


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


def take_code(client: ApiClient, code: str) -> ApiCode | None:
    """The consent that a code stands for, held until the transaction ends; None when it is worth nothing.

    A code that comes a second time ends every token that came of it.
    """
    held, found = _held(client)[0], queries.code_of(client, code)
    if found is None or held.revoked_at is not None:
        return None
    row = database.locked(found)
    if row.used_at is not None:
        _end_family(held, row.family_id, row.person_id, "code")
        return None
    good = row.expires_at > clock.now() and row.redirect_uri in held.redirect_uris
    return row if good and queries.may_be_acted_for(held, row.person_id) else None


def take_refresh(client: ApiClient, refresh: str) -> ApiToken | None:
    """The row of a refresh token, held until the transaction ends; None when it is worth nothing.

    One that comes a second time ends its whole family: either it was stolen, or its owner lost the answer, and nobody can
    tell which. Of two that come together the second waits, and finds it used.
    """
    held, found = _held(client)[0], queries.refreshable(client, refresh)
    if found is None or held.revoked_at is not None:
        return None
    row = database.locked(found)
    if row.refreshed_at is not None and row.revoked_at is None:
        _end_family(held, row.family_id, row.person_id, "refresh_token")
        return None
    now = clock.now()
    good = row.revoked_at is None and row.refresh_expires_at is not None and row.refresh_expires_at > now
    return row if good and queries.may_be_acted_for(held, row.person_id) else None


def _end_family(client: ApiClient, family_id: UUID, person_id: UUID, used_twice: str) -> None:
    result = database.session().execute(
        sa.update(ApiToken)
        .where(ApiToken.family_id == family_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
    if not database.rows_of(result):
        return
    evidence.record(
        "api_client.tokens_ended", source="api", partner_id=client.organization_id,
        facts={
            "client_id": str(client.id), "name": client.name, "about_person_id": str(person_id), "used_twice": used_twice
        },
    )  # fmt: skip


def forget_old(limit: int = 1000) -> int:
    """Delete codes and tokens that ended long ago, at most so many of each; answer how many went."""
    database.write()
    session, found = database.session(), 0
    for model, over in ((ApiCode, queries.codes_over()), (ApiToken, queries.tokens_over())):
        ids = over.limit(limit).scalar_subquery()
        found += database.rows_of(session.execute(sa.delete(model).where(model.id.in_(ids))))
    return found
