"""Invitations as the API has them; the relationship request is Partner Center's, the rest our own."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _
from marshmallow import fields, validate

from webapp import rest
from webapp.invitations import queries, rules

# --- relationship requests ---------------------------------------------------------------------------------------


class RelationshipRequestQuery(rest.Schema):
    """With which partner beside the caller."""

    indirect_cloud_solution_provider_id = fields.UUID(
        metadata={"description": "Of an indirect reseller: the provider through which it sells."}
    )
    indirect_reseller_id = fields.UUID(
        metadata={"description": "Of an indirect provider: the reseller that sells for it."}
    )
    dual_role_indirect_relationship = rest.QueryFlag(
        metadata={"description": "Taken and without effect: no partner is provider and reseller at once here."}
    )


class RelationshipRequest(rest.Schema):
    """The address by which a customer establishes a relationship with a partner."""

    url = fields.String(required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


# --- invitations -------------------------------------------------------------------------------------------------


class InvitedCustomer(rest.OwnSchema):
    """Whom an invitation is for."""

    id = fields.UUID(required=True)
    recipient = rest.MailAddress(
        metadata={
            "description": "The address of an administrator there. Without it the one on file.",
            "example": "hanako@contoso.example",
        }
    )


class NewInvitation(rest.OwnSchema):
    """What a partner asks of a customer."""

    asks = fields.String(
        required=True,
        validate=validate.OneOf(rules.OFFERED),
        metadata={"description": "The agreement alone, or the reseller relationship together with it."},
    )
    customer = fields.Nested(
        InvitedCustomer, metadata={"description": "Without it the invitation is for any customer that opens it."}
    )
    other_partner_id = fields.UUID(
        metadata={
            "description": "Of a provider: the reseller that sells for it. Of an indirect reseller: its provider; not needed"
            " where it has one only."
        }
    )
    language = fields.String(
        validate=validate.OneOf(rules.LANGUAGES),
        metadata={"description": "Of the message; without it the customer's, else the partner's own."},
    )
    last_day = fields.Date(
        metadata={
            "description": "The last day on which it can be answered, in the customer's zone (for any customer the"
            f" partner's): today up to {rules.LONGEST_DAYS} days on. Without it as many days as on the pages."
        }
    )
    subject = rest.Text(longest=rules.SUBJECT_LIMIT, shortest=1)
    text = rest.Text(
        longest=rules.BODY_LIMIT,
        shortest=1,
        lines=True,
        metadata={
            "description": "Words of your own in place of the generated ones. {link} becomes the link; without it the link"
            " follows at the end. A password is refused."
        },
    )

    @ma.validates("text")
    def _no_password(self, value: str, **_more: Any) -> None:
        if rules.holds_password(value):
            raise ma.ValidationError(
                _("Take the password out. The customer gets a sign-in link of its own; a password never goes by mail.")
            )


class InvitationEvent(rest.OwnSchema):
    """Something that happened to an invitation."""

    kind = fields.String(
        required=True,
        metadata={
            "description": "made, sent, said_sent, delivered, delayed, undeliverable, not_sent, opened, accepted, declined,"
            " corrected, reminded, withdrawn, superseded or expired."
        },
    )
    at = fields.DateTime(required=True)
    by = fields.String(required=True, allow_none=True, metadata={"description": "The name of who did it."})
    organization = fields.String(
        required=True, allow_none=True, metadata={"description": "The customer that opened or answered it."}
    )
    recipient = fields.String()
    version = fields.String(metadata={"description": "The version that was accepted."})
    reference = fields.String(metadata={"description": "The reference of the acceptance."})
    reason = fields.String()
    comment = fields.String()


class InvitationSummary(rest.OwnSchema):
    """An invitation in a list. `state` as the pages have it; `at` and `by` tell the last step."""

    id = fields.UUID(required=True)
    asks = fields.String(required=True, validate=validate.OneOf(rules.ASKS))
    customer_id = fields.UUID(required=True, allow_none=True, metadata={"description": "null: for any customer."})
    customer_name = fields.String(required=True, allow_none=True)
    reseller_name = fields.String(required=True, allow_none=True)
    language = fields.String(required=True)
    last_day = fields.Date(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    state = fields.String(
        required=True,
        metadata={
            "description": "prepared, sending, delivered, undeliverable, said_sent, opened, declined, accepted, withdrawn,"
            " superseded or expired."
        },
    )
    at = fields.DateTime(required=True)
    by = fields.String(required=True, allow_none=True)


InvitationSummaryCollection = rest.collection_of(InvitationSummary)


class InvitationsQuery(rest.OwnSchema):
    """Which invitations, and from where on."""

    state = fields.String(
        load_default="",
        validate=validate.OneOf(queries.STATES),
        metadata={"description": "sent holds what waits to be sent, was delivered, or is said to be sent."},
    )
    asks = fields.String(load_default="", validate=validate.OneOf(rules.ASKS))
    continuation_token = fields.String(
        validate=validate.Length(max=400),
        metadata={"description": "Of the page before; the header MS-ContinuationToken does the same."},
    )
    seek_operation = fields.String(validate=validate.OneOf(["Next"]))


class InvitationDetails(rest.OwnSchema):
    """An invitation with its message and what became of it."""

    id = fields.UUID(required=True)
    asks = fields.String(required=True, validate=validate.OneOf(rules.ASKS))
    state = fields.String(required=True)
    partner_id = fields.UUID(required=True)
    reseller_id = fields.UUID(required=True, allow_none=True)
    customer_id = fields.UUID(required=True, allow_none=True, metadata={"description": "null: for any customer."})
    customer_name = fields.String(required=True, allow_none=True)
    recipient = fields.String(required=True, allow_none=True)
    language = fields.String(required=True)
    last_day = fields.Date(required=True, allow_none=True)
    closes_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "The moment after the last day."}
    )
    created_at = fields.DateTime(required=True)
    link = fields.String(required=True, metadata={"description": "What the customer opens; nobody else gets this one."})
    subject = fields.String(required=True)
    text = fields.String(required=True, metadata={"description": "The message; it holds the link."})
    mailto = fields.String(
        required=True, metadata={"description": "Opens a mail program with a short form of the message."}
    )
    events = fields.List(
        fields.Nested(InvitationEvent), required=True, metadata={"description": "What happened, oldest first."}
    )
    attributes = fields.Nested(rest.Attributes, required=True)
