"""The notice of an attestation, what the partner is told of an objection to it, and asking the customer again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flask import current_app

from webapp import pages
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.agreements.models import AgreementText, Attestation
from webapp.agreements.rules import Signatory
from webapp.messages import actions as messages
from webapp.messages.models import Message
from webapp.organizations.models import Organization
from webapp.tokens import Token


def attested(
    attestation: Attestation, *, to: Person, token: Token, zone: str, customer: str, partner: Organization,
    text: AgreementText, signatory: Signatory, attester: Actor | Person, due_in: timedelta,
) -> Message:  # fmt: skip
    """Tell the customer's primary contact who attested, in whose name, which day and version, whom to ask, and how to
    object."""
    return messages.send(
        "agreements/emails/attested", to=to.address, language=to.language, zone=zone, about_id=attestation.id,
        person_id=to.id, token=token, link=lambda secret: pages.absolute("agreements.objection", secret=secret),
        due_in=due_in, given_name=to.given_name, family_name=to.family_name, customer=customer, partner=partner.name,
        contact=partner.contact_address, version=text.version, is_sample=text.is_sample, agreed_on=attestation.agreed_on,
        signatory=signatory, attester_given=attester.given_name, attester_family=attester.family_name,
        reference=attestation.reference, until=token.expires_at,
    )  # fmt: skip


def objected(
    attestation: Attestation, *, to: Person, zone: str, customer: str, partner: str, version: str, at: datetime,
    comment: str, path: str,
) -> None:  # fmt: skip
    """Tell one of the partner's people that the customer denies what was attested."""
    messages.send(
        "agreements/emails/objected", to=to.address, language=to.language, zone=zone, about_id=attestation.id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name, customer=customer, partner=partner,
        version=version, agreed_on=attestation.agreed_on, attested_at=attestation.at, at=at, comment=comment,
        reference=attestation.reference, url=f"{current_app.config['PUBLIC_URL']}{path}",
    )  # fmt: skip


def renewal(text: AgreementText, *, to: Person, customer: Organization, why: str, day: date) -> None:
    """Ask somebody who may accept for the customer to do so again. `why`: as in `rules.why_stale`, `day`: the policy's,
    `text`: what applies now."""
    messages.send(
        "agreements/emails/renewal", to=to.address, language=to.language, zone=to.zone or customer.zone,
        about_id=customer.id, person_id=to.id, given_name=to.given_name, family_name=to.family_name,
        customer=customer.name, why=why, day=day, version=text.version, is_sample=text.is_sample,
        url=pages.absolute("agreements.show"),
    )  # fmt: skip
