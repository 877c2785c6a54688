"""What a provider is told by its resellers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import current_app

from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.messages import actions as messages


def requested(
    *, to: Person, zone: str, about_id: UUID, customer: str, reseller: str, words: str, at: datetime, asker: Actor,
    path: str,
) -> None:  # fmt: skip
    """Tell an agent of the provider that a reseller asks it to attest for a customer, in the reseller's own words."""
    messages.send(
        "attestations/emails/attestation_requested", to=to.address, language=to.language, zone=zone, about_id=about_id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name, customer=customer, reseller=reseller,
        words=words, at=at, by_given=asker.given_name, by_family=asker.family_name, by_address=asker.address,
        reply_to=asker.address, url=current_app.config["PUBLIC_URL"] + path,
    )  # fmt: skip
