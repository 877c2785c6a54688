"""A customer's agreements as Partner Center's API has them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import fields, validate

from webapp import rest
from webapp.agreements import rules as agreement_rules
from webapp.agreements.rules import CUSTOMER_AGREEMENT
from webapp.attestations import rules
from webapp.forms import clean


class ConfirmationsQuery(rest.Schema):
    """Of which type; `*`: all."""

    agreement_type = rest.Text(
        longest=60,
        load_default="MicrosoftCloudAgreement",
        metadata={
            "description": "MicrosoftCustomerAgreement, MicrosoftCloudAgreement (meant where nothing is said), or * for all.",
            "example": "MicrosoftCustomerAgreement",
        },
    )


class Name(rest.Text):
    """A name of at most 100 characters."""

    def __init__(self, **more: Any) -> None:
        super().__init__(longest=100, shortest=1, **more)


class Phone(fields.String):
    """A telephone number as the page takes it; null and an empty text are none."""

    def __init__(self, **more: Any) -> None:
        wrong = _l("This must be a telephone number, like +81 3 1234 5678.")
        super().__init__(
            allow_none=True,
            validate=[validate.Length(max=rules.LONGEST_PHONE), validate.Regexp(f"^(?:{rules.PHONE})?$", error=wrong)],
            error_messages={"phone": wrong},
            **more,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = clean(super()._deserialize(value, attr, data, **more))
        try:
            return rules.phone_of(text) if text else ""
        except ValueError:
            raise self.make_error("phone") from None


class AgreementContact(rest.Schema):
    """Who agreed for the customer."""

    first_name = Name(required=True, metadata={"example": "Tania"})
    last_name = Name(required=True, metadata={"example": "Carr"})
    email = rest.MailAddress(required=True, metadata={"example": "tania@contoso.example"})
    phone_number = Phone(metadata={"example": "1234567890"})


class NewAgreement(rest.Schema):
    """That a customer agreed elsewhere, as its partner says."""

    primary_contact = fields.Nested(AgreementContact, required=True)
    template_id = fields.UUID(
        required=True,
        metadata={
            "description": "Of the agreement, as `GET /v1/agreements` lists it.",
            "example": str(agreement_rules.template_id(CUSTOMER_AGREEMENT, "2026-03")),
        },
    )
    date_agreed = fields.DateTime(
        required=True,
        metadata={
            "description": "When the customer agreed (ISO 8601). Midnight, and a time without zone, stand for that date; any"
            " other moment for the day that it was at the customer. Not in the future there, but for the date that it is"
            " in UTC.",
            "example": "2026-04-14T00:00:00.000Z",
        },
    )
    type = fields.String(
        required=True,
        validate=validate.OneOf([CUSTOMER_AGREEMENT], error=_l("This must be MicrosoftCustomerAgreement.")),
    )


class ConfirmedContact(rest.Schema):
    """Who agreed for the customer. Texts are empty in confirmations of another partner, and once they were erased."""

    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    email = fields.String(required=True)
    phone_number = fields.String(metadata={"description": "Missing where none was given."})


class ConfirmedAgreement(rest.Schema):
    """A confirmation that was just made."""

    user_id = fields.UUID(
        required=True, metadata={"description": "Who confirmed: the token's person, or the client itself."}
    )
    primary_contact = fields.Nested(ConfirmedContact, required=True)
    template_id = fields.UUID(
        required=True, metadata={"description": "Of the version that was in force on the day, which is what counts."}
    )
    date_agreed = fields.String(required=True, metadata={"example": "2026-04-14T00:00:00.000Z"})
    type = fields.String(required=True)


class Agreement(rest.Schema):
    """A partner's confirmation that a customer agreed."""

    primary_contact = fields.Nested(ConfirmedContact, required=True)
    template_id = fields.UUID(required=True)
    date_agreed = fields.String(
        required=True, metadata={"description": "The customer's day, without zone.", "example": "2026-04-14T00:00:00"}
    )
    type = fields.String(required=True)
    agreement_link = fields.String(required=True)


AgreementCollection = rest.collection_of(Agreement)


class DirectSignedCustomerAgreementStatus(rest.Schema):
    """Whether a customer accepted the agreement itself."""

    is_signed = fields.Boolean(required=True)
