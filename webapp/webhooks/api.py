"""The API of a partner's webhook, and of what its history holds."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, database, replays, rest
from webapp.access import Permission
from webapp.organizations.models import Organization
from webapp.webhooks import actions, queries, rules, schemas
from webapp.webhooks.models import WebhookDelivery, WebhookRegistration

blueprint = rest.Blueprint("webhooks_api", __name__, description="Being told of events, and reading what happened.")
P = Permission
_ADDRESS = "/webhooks/v1/registration"


# --- the registration --------------------------------------------------------------------------------------------


@rest.operation(
    blueprint, "GET", _ADDRESS, P.LEAD_WEBHOOKS, on=queries.registration_for,
    answers=schemas.WebhookRegistrationResource, versioned=True, refuses=(404,),
)  # fmt: skip
def webhook_registration(row: WebhookRegistration) -> Any:
    """Get your registration.

    404 while there is none. Its names are in PascalCase, as Partner Center documents them.
    """
    return schemas.registration(row), 200, {"ETag": rest.quoted(schemas.version_of(row))}


@rest.operation(
    blueprint, "POST", _ADDRESS, P.LEAD_WEBHOOKS, on=queries.own_for, body=schemas.WebhookRegistrationBody,
    answers=schemas.WebhookRegistrationMade, status=201, refuses=(404,),
)  # fmt: skip
def register_webhook(_own: Organization, body: dict[str, Any]) -> Any:
    """Register the address that events are sent to.

    One registration a partner: 409 where there is one. Beyond Partner Center's API the answer holds `WebhookSecret`, said
    this once: the secret of the signature by Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`).
    The signature that Partner Center documents (`Authorization: Signature …`, RSA-SHA256 over the body, with
    `X-MS-Certificate-Url` and `X-MS-Signature-Algorithm`) needs no secret.

    The address must be https with a name or address of the open internet and port 443 or 8443; anything else is 422, but
    for hosts that the operator lists (WEBHOOK_TARGETS). What the name resolves to is looked at whenever something is sent.
    No redirect is followed.

    Any 2xx is taken as delivered. Everything else, 410 included, is tried again: ten attempts in about nine hours, then the
    event is given up and can be sent once more from the webhooks page. Events of one customer arrive in order: a later one
    waits until the earlier one arrived or was given up. The same event may arrive twice; its `webhook-id` stays the same.
    """
    row, secret = actions.register_webhook(
        by=actors.signed_in(), url=body["webhook_url"], events=body["webhook_events"]
    )  # fmt: skip
    made = schemas.registration(row)
    _say_once(schemas.WebhookRegistrationMade, made | {"webhook_secret": ""})
    return made | {"webhook_secret": secret}


def _say_once(shape: type[rest.Schema], replayed: dict[str, Any]) -> None:
    """Let a replay of this answer have no secret."""
    replays.without(json.dumps(shape().dump(replayed)).encode())


@rest.operation(
    blueprint, "PUT", _ADDRESS, P.LEAD_WEBHOOKS, on=queries.registration_for, body=schemas.WebhookRegistrationBody,
    answers=schemas.WebhookRegistrationResource, versioned=True, refuses=(404,),
)  # fmt: skip
def change_webhook_registration(row: WebhookRegistration, body: dict[str, Any]) -> Any:
    """Change the address or the events of your registration.

    What waits goes to the new address as well. The secret stays.
    """
    actor = actors.signed_in()
    rest.check_version(schemas.version_of(database.locked(row, chain=actor.chain_id)))
    changed = actions.change(row, by=actor, url=body["webhook_url"], events=body["webhook_events"])
    return schemas.registration(changed), 200, {"ETag": rest.quoted(schemas.version_of(changed))}


@rest.operation(
    blueprint, "DELETE", _ADDRESS, P.LEAD_WEBHOOKS, on=queries.registration_for, status=204, versioned=True,
    refuses=(404,),
)  # fmt: skip
def end_webhook_registration(row: WebhookRegistration) -> None:
    """End your registration.

    Nothing is sent any more, and what waits is dropped. Partner Center's API documents no such call.
    """
    actor = actors.signed_in()
    rest.check_version(schemas.version_of(database.locked(row, chain=actor.chain_id)))
    actions.end(row, by=actor)


@rest.operation(
    blueprint, "POST", f"{_ADDRESS}/secret", P.LEAD_WEBHOOKS, on=queries.registration_for,
    answers=schemas.WebhookSecret, refuses=(404,),
)  # fmt: skip
def rotate_webhook_secret(row: WebhookRegistration) -> Any:
    """Make a new secret for your registration.

    For 24 hours what is sent is signed with the secret before as well. Partner Center's API has no such call.
    """
    _row, secret = actions.rotate(row, by=actors.signed_in())
    _say_once(schemas.WebhookSecret, {"webhook_secret": ""})
    return {"webhook_secret": secret}


# --- events ------------------------------------------------------------------------------------------------------

_NAMES = {"type": "array", "items": {"type": "string", "enum": list(rules.EVENTS)}}


@rest.operation(
    blueprint, "GET", f"{_ADDRESS}/events", P.LEAD_WEBHOOKS, on=queries.own_for, answers=_NAMES, refuses=(404,)
)  # fmt: skip
def webhook_events(_own: Organization) -> Any:
    """List the events that can be registered.

    These are the events that Countersign raises. `customer-agreement-accepted` and `attestation-objected` are its own. There
    is one kind of delegated administration, with named roles: the events named dap-admin-… tell of the same acts as those
    named granular-admin-…. `dap-admin-relationship-terminated-by-microsoft` can be registered and is never raised.

    `ResourceUri` is null for the events named dap-admin-…, and in `subscription-updated` for a partner of record that does
    not sell the subscription. `AuditUri` is null for test events, and where a customer named somebody else partner of
    record: whom is the customer's to tell. What was deleted is 404 at its `ResourceUri`.

    Nothing is sent to a disabled partner. What waited goes out once it is enabled; what happens meanwhile is not told.
    """
    return Response(json.dumps(list(rules.EVENTS)), mimetype="application/json")


@rest.operation(
    blueprint, "POST", f"{_ADDRESS}/validationEvents", P.LEAD_WEBHOOKS, on=queries.registration_for,
    answers=schemas.ValidationEventMade, refuses=(404,),
)  # fmt: skip
def send_validation_event(row: WebhookRegistration) -> Any:
    """Have a test event (`test-created`) sent.

    Whether or not that event is registered; twice a minute at most, then 429. It is sent within seconds of the answer.
    """
    return {"correlation_id": actions.send_test(row, by=actors.signed_in()).id}


@rest.operation(
    blueprint, "GET", f"{_ADDRESS}/validationEvents/<guid:correlation_id>", P.LEAD_WEBHOOKS, on=queries.test_for,
    answers=schemas.ValidationEvent,
)  # fmt: skip
def validation_event(delivery: WebhookDelivery) -> Any:
    """Get what came of a test event.

    `results` holds every attempt, the newest first. It is kept for 30 days, 90 where it was given up.
    """
    found = queries.registration_of(delivery.organization_id)
    attempts = list(queries.attempts_of(delivery.id))
    return schemas.validation_event(delivery, found.url if found is not None else "", attempts)


# --- audit records -----------------------------------------------------------------------------------------------

_PAGE = 100
_RECORDS = "audit records"


@rest.operation(
    blueprint, "GET", "/v1/auditrecords", P.READ_HISTORY, on=queries.own_for, query=schemas.AuditRecordsQuery,
    answers=schemas.AuditRecordCollection, refuses=(404,), paged=True,
)  # fmt: skip
def audit_records(_own: Organization, query: dict[str, Any]) -> Any:
    """List what happened, the newest first.

    These are the entries of your history page. `operationType` and `resourceType` are Partner Center's where it has one that
    fits, else Countersign's own. Of persons only those of your organization are named by address; `description` says who did
    it in the words of the history. `resourceNewValue` does not exist, and `totalCount` counts the records of this page.
    `filter` is not understood and refused.

    Where there are more, `links.next` says where, with a header `MS-ContinuationToken`, which stands in
    `continuationToken` as well.
    """
    if any(name.casefold() == "filter" for name in request.args):
        raise rest.ApiError(400, 2000, _("Audit records are chosen by date alone."), "filter")
    size = query["size"] or _PAGE
    place = rest.continued(_RECORDS) if query["seek_operation"].casefold() == "next" else None
    since = query["start_date"] or clock.now() - rules.RECORDS_WITHIN
    found = queries.records_for(
        actors.signed_in(), since=since, until=query["end_date"], size=size + 1, older_than=place
    )  # fmt: skip
    shown = found[:size]
    last = shown[-1] if len(found) > size else None
    following = rest.goes_on(_RECORDS, last["operation_date"], last["id"]) if last is not None else ""
    return rest.collection([schemas.audit_record(each) for each in shown], following=following)


@rest.operation(
    blueprint, "GET", "/v1/auditrecords/<guid:record_id>", P.READ_HISTORY, on=queries.record_for,
    answers=schemas.AuditRecord,
)  # fmt: skip
def audit_record(found: dict[str, Any]) -> Any:
    """Get one record.

    What an event's `AuditUri` leads to. Partner Center's API has it at another address (auditactivity/v1/auditrecords).
    """
    return schemas.audit_record(found)
