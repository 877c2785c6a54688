"""The API of a customer's agreements: confirming, reading what was confirmed, and whether it accepted itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, rest
from webapp.access import Permission
from webapp.agreements import queries as agreements
from webapp.agreements.rules import Signatory
from webapp.agreements.rules import template_id as template_of
from webapp.attestations import actions, queries, rules, schemas
from webapp.forms import is_blank
from webapp.organizations.models import Organization

blueprint = rest.Blueprint("attestations_api", __name__, description="What a customer agreed to.")


@rest.operation(
    blueprint, "POST", "/v1/customers/<guid:customer_id>/agreements", Permission.ATTEST, on=queries.customer_for,
    body=schemas.NewAgreement, answers=schemas.ConfirmedAgreement, status=201,
)  # fmt: skip
def confirm_agreement(customer: Organization, body: dict[str, Any]) -> dict[str, Any]:
    """Confirm that a customer accepted the agreement.

    The customer's primary contact is told by mail within 30 minutes and can object. Each confirmation adds an entry to the
    list; one in which first name, last name, email address and telephone number are all those of the last entry is refused
    (600061), however they are spelled. An indirect reseller never confirms (2032). Who agreed has no mail address
    of the partner's (800002).

    What counts is the version that was in force at the customer on `dateAgreed`. `templateId` is the listed one whatever
    the day, or that of the very version of the day; the answer names the latter. A date that is today in UTC and not yet at
    the customer counts as the customer's today.
    """
    contact, actor = body["primary_contact"], actors.signed_in()
    for name, field in (("first_name", "firstName"), ("last_name", "lastName")):
        if is_blank(contact[name]):  # no pattern of a shape can say that something is seen
            raise rest.ApiError(
                400, 800002, _("The request is not valid."), f"primaryContact.{field}: " + _("This is needed.")
            )
    signatory = Signatory(
        contact["first_name"], contact["last_name"], contact["email"], contact.get("phone_number") or ""
    )
    day = rules.day_agreed(
        body["date_agreed"], customer.zone, today=clock.today(customer.zone), today_in_utc=clock.today("UTC")
    )
    made = actions.confirm(customer, by=actor, signatory=signatory, agreed_on=day, template_id=body["template_id"])
    text = agreements.text_by_id(made.text_id)
    assert text is not None
    return {
        "user_id": made.person_id,
        "primary_contact": _contact(signatory.as_personal()),
        "template_id": template_of(text.type, text.version),
        "date_agreed": f"{_midnight(made.agreed_on)}.000Z",
        "type": made.type,
    }


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/agreements", Permission.READ_CUSTOMERS, on=queries.customer_for,
    query=schemas.ConfirmationsQuery, answers=schemas.AgreementCollection,
)  # fmt: skip
def confirmed_agreements(customer: Organization, query: dict[str, Any]) -> dict[str, Any]:
    """List what partners confirmed for a customer, newest first.

    Confirmations by partners alone: that the customer accepted by itself is told by
    `directSignedMicrosoftCustomerAgreementStatus`. Confirmations of other partners are listed as well; who agreed is told
    to the partner that confirmed it only, for others the contact's texts are empty. Without `agreementType` the list is of
    MicrosoftCloudAgreement, and empty.
    """
    found = queries.confirmations_of(actors.signed_in(), customer, query["agreement_type"])
    link = agreements.agreement_link()
    return rest.collection(
        [
            {
                "primary_contact": _contact(each.contact),
                "template_id": each.template_id,
                "date_agreed": _midnight(each.row.agreed_on),
                "type": each.row.type,
                "agreement_link": link,
            }
            for each in found
        ]
    )


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/directSignedMicrosoftCustomerAgreementStatus",
    Permission.READ_CUSTOMERS, on=queries.related_for, answers=schemas.DirectSignedCustomerAgreementStatus,
)  # fmt: skip
def direct_signed_status(customer: Organization) -> dict[str, bool]:
    """Tell whether a customer accepted the agreement by itself.

    False where it did not, also when a partner confirmed it. 404 / 1000 where the token's partner has no reseller
    relationship with the customer that goes on.
    """
    return {"is_signed": agreements.standing_of_customer(customer).provided}


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"


def _contact(person: Mapping[str, str]) -> dict[str, str]:
    found = {
        "first_name": person.get("given_name", ""),
        "last_name": person.get("family_name", ""),
        "email": person.get("email", ""),
    }
    return found | ({"phone_number": person["phone"]} if person.get("phone") else {})
