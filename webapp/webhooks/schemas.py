"""Registrations, test events and audit records as Partner Center's API has them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from marshmallow import ValidationError, fields, validate

from webapp import rest
from webapp.webhooks import rules
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookRegistration
from webapp.webhooks.words import status_name


class EventName(fields.String):
    """The name of an event, in any letter case."""

    def __init__(self, **more: Any) -> None:
        super().__init__(validate=validate.OneOf([*rules.EVENTS, *rules.NEVER]), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        return str(super()._deserialize(value, attr, data, **more)).strip().casefold()


class WebhookRegistrationBody(rest.Schema):
    """Where events are sent, and which."""

    webhook_url = rest.Coded(
        longest=rules.LONGEST_URL,
        shortest=8,
        pattern=r"^[hH][tT][tT][pP][sS]?://[!-~]+$",
        required=True,
        data_key="WebhookUrl",
        metadata={
            "description": "https, a name that can be reached from the internet, port 443 or 8443.",
            "example": "https://receiver.example/events",
        },
    )
    webhook_events = fields.List(
        EventName(),
        required=True,
        validate=validate.Length(1, 40),
        data_key="WebhookEvents",
        metadata={"example": ["test-created", "customer-agreement-accepted", "granular-admin-relationship-approved"]},
    )


class WebhookRegistrationResource(rest.Schema):
    """A partner's registration."""

    webhook_url = fields.String(required=True, data_key="WebhookUrl")
    webhook_events = fields.List(fields.String(), required=True, data_key="WebhookEvents")


class WebhookSecret(rest.Schema):
    """A secret in the spelling of Standard Webhooks: `whsec_` and base64."""

    webhook_secret = fields.String(
        required=True,
        data_key="WebhookSecret",
        metadata={"description": "Said this once; empty in the answer to a retry."},
    )


class WebhookRegistrationMade(WebhookRegistrationResource, WebhookSecret):
    """A registration that was just made, with its secret."""


class ValidationEventMade(rest.Schema):
    """A test event that is on its way."""

    correlation_id = fields.UUID(required=True)


class ValidationResult(rest.Schema):
    """What came of one attempt."""

    response_code = fields.String(
        required=True,
        metadata={"description": "HTTP's status by name (OK, NotFound); empty where there was no answer."},
    )
    response_message = fields.String(
        required=True, metadata={"description": "The receiver's reason, or what went wrong."}
    )
    system_error = fields.Boolean(required=True, metadata={"description": "Whether there was no answer at all."})
    date_time_utc = fields.DateTime(required=True)


class ValidationEvent(rest.Schema):
    """A test event and what came of it so far."""

    correlation_id = fields.UUID(required=True)
    partner_id = fields.UUID(required=True)
    status = fields.String(
        required=True,
        validate=validate.OneOf(["inProgress", "completed", "failed"]),
        metadata={"description": "failed: ten attempts failed, or the registration ended."},
    )
    callback_url = fields.String(required=True)
    results = fields.List(fields.Nested(ValidationResult), required=True)


_STATUS = {"waiting": "inProgress", "delivered": "completed", "dead": "failed", "dropped": "failed"}


def validation_event(
    delivery: WebhookDelivery, url: str, attempts: list[WebhookAttempt]
) -> dict[str, Any]:  # fmt: skip
    """What the shape ValidationEvent is made of; `url`: where it goes now."""
    state = rules.state_of(delivery.delivered_at, delivery.dead_at, delivery.closed_at)
    return {
        "correlation_id": delivery.id,
        "partner_id": delivery.organization_id,
        "status": _STATUS[state],
        "callback_url": attempts[0].url if attempts else url,
        "results": [
            {
                "response_code": status_name(each.response_code),
                "response_message": each.response_message or " ".join(filter(None, (each.error, each.detail))),
                "system_error": each.response_code is None,
                "date_time_utc": each.at,
            }
            for each in attempts
        ],
    }


def registration(row: WebhookRegistration) -> dict[str, Any]:
    """What the shape WebhookRegistrationResource is made of."""
    return {"webhook_url": row.url, "webhook_events": row.events}


def version_of(row: WebhookRegistration) -> str:
    """The version of a registration."""
    return rest.etag_of(row.id, row.changed_at.isoformat())


# --- audit records -----------------------------------------------------------------------------------------------

_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d\d):(\d\d) ([AP]M))?", re.IGNORECASE)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class Moment(fields.Field[datetime]):
    """A day, or a moment, in UTC where it says nothing else. `ends`: a day is meant to its end."""

    def __init__(self, *, ends: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.ends = ends

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> datetime:
        try:
            found = self._read(str(value).strip())
            return min(max(found, _FIRST), _LAST)
        except (ValueError, OverflowError):
            raise ValidationError("Not a valid date.") from None

    def _read(self, text: str) -> datetime:
        if match := _AMERICAN.fullmatch(text):
            month, day, year, hour, minute, second, half = match.groups()
            on = date(int(year), int(month), int(day))
            if hour is None:
                return self._of_day(on)
            at = time(int(hour) % 12 + (12 if half.upper() == "PM" else 0), int(minute), int(second))
            return datetime.combine(on, at, UTC)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return self._of_day(date.fromisoformat(text))
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found

    def _of_day(self, day: date) -> datetime:
        begins = datetime.combine(day, time(), UTC)
        return begins + timedelta(days=1) if self.ends and begins < _LAST else begins


class AuditRecordsQuery(rest.Schema):
    """Of which days, and how many at once."""

    start_date = Moment(
        load_default=None,
        metadata={
            "type": "string", "format": "date", "example": "2026-11-01",
            "description": "The first day, in UTC; 30 days ago without it. A moment is taken as well (2026-11-01T09:00:00Z, "
            "or 11/1/2026 9:00:00 AM).",
        },
    )  # fmt: skip
    end_date = Moment(
        ends=True,
        load_default=None,
        metadata={
            "type": "string", "format": "date", "example": "2026-11-30",
            "description": "The last day, in UTC; until now without it. A moment is taken as well: what happened before it.",
        },
    )  # fmt: skip
    size = rest.QueryNumber(
        low=0, high=500, load_default=0, metadata={"description": "Records on a page, at most 500; 0 or nothing: 100."}
    )
    seek_operation = fields.String(
        load_default="First",
        validate=validate.OneOf(["First", "Next", "first", "next"]),
        metadata={"description": "Next, with the header MS-ContinuationToken, asks for the page that follows."},
    )


class AuditValue(rest.Schema):
    """Something that a record says besides."""

    key = fields.String(required=True)
    value = fields.String(required=True)


class AuditRecord(rest.Schema):
    """One thing that happened."""

    id = fields.UUID(required=True)
    partner_id = fields.UUID(required=True)
    customer_id = fields.UUID(required=True, allow_none=True)
    customer_name = fields.String(required=True, allow_none=True)
    user_principal_name = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The address of the person who did it, where it is one of your organization."},
    )
    application_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "Your program that did it, where it was one."}
    )
    application_name = fields.String(required=True, allow_none=True)
    resource_type = fields.String(required=True)
    operation_type = fields.String(required=True)
    operation_date = fields.DateTime(required=True)
    operation_status = fields.String(required=True, validate=validate.OneOf(["succeeded"]))
    description = fields.String(
        required=True,
        metadata={"description": "What happened, as your history says it, in the language of `X-Locale`."},
    )
    customized_data = fields.List(fields.Nested(AuditValue), required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


AuditRecordCollection = rest.collection_of(AuditRecord)


def audit_record(found: dict[str, Any]) -> dict[str, Any]:
    """What the shape AuditRecord is made of."""
    return found | {"operation_status": "succeeded", "attributes": rest.attributes("AuditRecord")}
