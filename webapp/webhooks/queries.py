"""Reading registrations, what is sent to them, and the records of a partner's history."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from config import Config
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.api_clients.models import ApiClient
from webapp.evidence import queries as evidence
from webapp.evidence import rules as evidence_rules
from webapp.evidence.models import Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.webhooks import rules
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookKey, WebhookRegistration

Place = tuple[datetime, UUID]
PAGE = 25
#: A key pair is replaced so long before its certificate ends.
RENEWED = rules.KEPT


def own_for(actor: Actor) -> Organization | None:
    """The actor's partner organization; None for a customer's people."""
    return organizations.partner_by_id(actor.organization_id) if actor.is_partner else None


def listed() -> tuple[str, ...]:
    """The hosts that the operator allows besides open ones."""
    config: Config = current_app.config["COUNTERSIGN"]
    return config.webhook_targets


# --- registrations -----------------------------------------------------------------------------------------------


def registration_of(organization_id: UUID) -> WebhookRegistration | None:
    """The open registration of a partner."""
    return database.session().scalar(
        sa.select(WebhookRegistration).where(
            WebhookRegistration.organization_id == organization_id, WebhookRegistration.ended_at.is_(None)
        )
    )


def registration_for(actor: Actor) -> WebhookRegistration | None:
    """The open registration of the actor's partner."""
    return registration_of(actor.organization_id) if actor.is_partner else None


def open_of(organization_ids: Collection[UUID]) -> list[tuple[UUID, UUID, list[str]]]:
    """Id, partner and events of the open registrations of several partners; those of disabled ones are left out."""
    row = WebhookRegistration
    rows = database.session().execute(
        sa.select(row.id, row.organization_id, row.events)
        .join(Organization, Organization.id == row.organization_id)
        .where(
            row.organization_id.in_(list(organization_ids)), row.ended_at.is_(None), Organization.disabled_at.is_(None)
        )
    )
    return [(each.id, each.organization_id, each.events) for each in rows]


# --- deliveries --------------------------------------------------------------------------------------------------


def delivery_for(actor: Actor, delivery_id: UUID) -> WebhookDelivery | None:
    """A delivery of the actor's partner."""
    found = database.session().get(WebhookDelivery, delivery_id) if actor.is_partner else None
    return found if found is not None and found.organization_id == actor.organization_id else None


def test_for(actor: Actor, correlation_id: UUID) -> WebhookDelivery | None:
    """A test event of the actor's partner by its id."""
    found = delivery_for(actor, correlation_id)
    return found if found is not None and found.event == rules.TEST else None


def tests_since(registration_id: UUID, since: datetime) -> int:
    """How many test events were asked for since a moment."""
    return (
        database.session().scalar(
            sa.select(sa.func.count())
            .select_from(WebhookDelivery)
            .where(
                WebhookDelivery.registration_id == registration_id,
                WebhookDelivery.event == rules.TEST,
                WebhookDelivery.created_at > since,
            )
        )
        or 0
    )


def attempts_of(delivery_id: UUID) -> Sequence[WebhookAttempt]:
    """Every attempt of a delivery, the newest first."""
    return (
        database.session()
        .scalars(
            sa.select(WebhookAttempt)
            .where(WebhookAttempt.delivery_id == delivery_id)
            .order_by(WebhookAttempt.at.desc(), WebhookAttempt.id.desc())
        )
        .all()
    )


@dataclass(frozen=True)
class Row:
    """A delivery as the list shows it. `customer`: its name, empty for an event about none; `response_code` and `error`: of
    the newest attempt."""

    id: UUID
    event: str
    customer: str
    created_at: datetime
    state: str
    attempts: int
    response_code: int | None
    error: str


@dataclass(frozen=True)
class Listed:
    """A page of deliveries, and whether there are more on either side."""

    rows: list[Row]
    more_before: bool
    more_after: bool


_newest = (
    sa.select(WebhookAttempt.id)
    .where(WebhookAttempt.delivery_id == WebhookDelivery.id)
    .order_by(WebhookAttempt.at.desc(), WebhookAttempt.id.desc())
    .limit(1)
    .correlate(WebhookDelivery)
    .scalar_subquery()
)
_ROWS = (
    sa.select(
        WebhookDelivery.id, WebhookDelivery.event, WebhookDelivery.created_at, WebhookDelivery.delivered_at,
        WebhookDelivery.dead_at, WebhookDelivery.closed_at, WebhookDelivery.attempts, WebhookDelivery.organization_id,
        Organization.name.label("customer"), WebhookAttempt.response_code, WebhookAttempt.error,
    )
    .outerjoin(Organization, Organization.id == WebhookDelivery.customer_id)
    .outerjoin(WebhookAttempt, WebhookAttempt.id == _newest)
)  # fmt: skip


def deliveries_for(
    actor: Actor, *, dead: bool = False, after: Place | None = None, before: Place | None = None
) -> Listed:
    """One page of what was sent to the actor's partner, or of its dead letters only; the newest first."""
    at, id_ = WebhookDelivery.created_at, WebhookDelivery.id
    statement, backwards = _ROWS.where(WebhookDelivery.organization_id == actor.organization_id), before is not None
    if dead:
        statement = statement.where(WebhookDelivery.dead_at.is_not(None))
    if before is not None:
        statement = statement.where(sa.or_(at > before[0], sa.and_(at == before[0], id_ > before[1])))
    elif after is not None:
        statement = statement.where(sa.or_(at < after[0], sa.and_(at == after[0], id_ < after[1])))
    order = (at.asc(), id_.asc()) if backwards else (at.desc(), id_.desc())
    found = database.session().execute(statement.order_by(*order).limit(PAGE + 1)).all()
    more, rows = len(found) > PAGE, [_row(each) for each in found[:PAGE]]
    if backwards:
        rows.reverse()
    return Listed(rows, more if backwards else after is not None, backwards or more)


def _row(row: Any) -> Row:
    state = rules.state_of(row.delivered_at, row.dead_at, row.closed_at)
    return Row(
        row.id, row.event, row.customer or "", row.created_at, state, row.attempts, row.response_code, row.error or ""
    )


def how_many_dead(organization_id: UUID, most: int = 1000) -> int:
    """How many dead letters a partner has, counted up to `most`."""
    inner = (
        sa.select(WebhookDelivery.id)
        .where(WebhookDelivery.organization_id == organization_id, WebhookDelivery.dead_at.is_not(None))
        .limit(most)
    )
    return database.session().scalar(sa.select(sa.func.count()).select_from(inner.subquery())) or 0


def stuck() -> Sequence[Any]:
    """What was given up, and what failed at least once and still waits, of every partner; the oldest first."""
    return (
        database.session()
        .execute(
            _ROWS.where(
                sa.or_(
                    WebhookDelivery.dead_at.is_not(None),
                    sa.and_(WebhookDelivery.closed_at.is_(None), WebhookDelivery.attempts > 0),
                )
            ).order_by(WebhookDelivery.created_at, WebhookDelivery.id)
        )
        .all()
    )


# --- keys --------------------------------------------------------------------------------------------------------


def signing_key() -> WebhookKey | None:
    """The key pair that signs now; None: there is none, its certificate ends soon, or the application's key that sealed it
    is gone."""
    return database.session().scalar(
        sa.select(WebhookKey)
        .where(WebhookKey.key_id.in_(list(current_app.config["KEYS"])), WebhookKey.ends_at > clock.now() + RENEWED)
        .order_by(WebhookKey.created_at.desc(), WebhookKey.id)
        .limit(1)
    )


def key_by_id(key_id: UUID) -> WebhookKey:
    """A key pair that is there."""
    return database.session().get_one(WebhookKey, key_id)


def certificate_of(key_id: UUID) -> str | None:
    """The certificate (PEM) of a key pair, also of one that signs no more."""
    return database.session().scalar(sa.select(WebhookKey.certificate).where(WebhookKey.id == key_id))


# --- audit records -----------------------------------------------------------------------------------------------


def records_for(
    actor: Actor, *, since: datetime, until: datetime | None, size: int, older_than: Place | None = None
) -> list[dict[str, Any]]:
    """What a partner's history shows within two moments, as records of the API; the newest first."""
    wanted = evidence.Filter(since=since, until=until)
    return _records(evidence.history(actor, wanted, size=size, older_than=older_than), actor)


def record_for(actor: Actor, record_id: UUID) -> dict[str, Any] | None:
    """One record, where the actor's history shows it, or an event that was made for the actor's partner told of it."""
    fact = evidence.fact_by_id(record_id)
    if fact is None or not actor.is_partner or not evidence_rules.may_read(actor.organization_kind, fact.kind):
        return None
    named = {fact.partner_id, fact.other_partner_id, fact.acting_partner_id}
    if actor.organization_id not in named and not _was_told(actor.organization_id, fact):
        return None
    return _records([fact], actor)[0]


def _was_told(organization_id: UUID, fact: Fact) -> bool:
    """Whether an event of a fact was made for a partner (at the fact's own moment, by which the index finds it)."""
    row = WebhookDelivery
    told = sa.select(row.id).where(
        row.organization_id == organization_id, row.created_at == fact.at, row.audit_id == fact.id
    )
    return database.session().scalar(told.limit(1)) is not None


def _records(rows: Sequence[Fact | sa.Row[Any]], actor: Actor) -> list[dict[str, Any]]:
    """In the words of the history, with names and addresses for all of them at once. Of persons it names the partner's own
    alone; an operation of a program names the program, and the person that it acted for where there was one."""
    entries = evidence.tell(rows, actor)
    records: list[dict[str, Any]] = [json.loads(row.record) for row in rows]
    customers = {UUID(each["customer_id"]) for each in records if each["customer_id"]}
    names = organizations.names_of(customers)
    own = [each for each in records if each["organization_id"] == str(actor.organization_id)]
    addresses = _addresses({UUID(each["person_id"]) for each in own if each["person_id"]})
    programs = _programs({UUID(each["client_id"]) for each in own if each.get("client_id")})
    found = []
    for row, record, entry in zip(rows, records, entries, strict=True):
        is_own = record["organization_id"] == str(actor.organization_id)
        client = record.get("client_id") if is_own else None
        customer_id = UUID(record["customer_id"]) if record["customer_id"] else None
        found.append(
            {
                "id": row.id,
                "partner_id": actor.organization_id,
                "customer_id": customer_id,
                "customer_name": names.get(customer_id) if customer_id is not None else None,
                "user_principal_name": addresses.get(record["person_id"] or "") if is_own else None,
                "application_id": client,
                "application_name": programs.get(client or ""),
                "resource_type": rules.resource_of(row.kind),
                "operation_type": rules.operation_of(row.kind),
                "operation_date": row.at,
                "description": " ".join(entry.words.striptags().split()),
                "customized_data": [
                    {"key": name, "value": str(record["facts"][name])}
                    for name in rules.TOLD
                    if record["facts"].get(name)
                ],
            }
        )
    return found


def _addresses(person_ids: set[UUID]) -> dict[str, str]:
    rows = database.session().execute(
        sa.select(Person.id, Person.address).where(
            Person.id.in_(list(person_ids)), Person.erased_at.is_(None), Person.is_client.is_(False)
        )
    )
    return {str(row.id): row.address for row in rows}


def _programs(client_ids: set[UUID]) -> dict[str, str]:
    rows = database.session().execute(sa.select(ApiClient.id, ApiClient.name).where(ApiClient.id.in_(list(client_ids))))
    return {str(row.id): row.name for row in rows}
