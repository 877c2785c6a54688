"""What both sides are told of the end of a relationship, and of a partner that a customer does not know."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import current_app

from webapp import pages
from webapp.accounts.models import Person
from webapp.messages import actions as messages


def tell(event: str, *, to: Person, side: str, zone: str, relationship_id: UUID, **facts: Any) -> None:
    """Put the mail about an event ("ending_asked", "ending_withdrawn", "ending_refused", "ending_reminder", "ended")
    into the outbox. `side`: "customer" or "partner", whose person reads it; `facts`: see each template's first comment.
    """
    messages.send(
        f"relationships/emails/{event}", to=to.address, language=to.language, zone=zone, about_id=relationship_id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name, side=side,
        url=url_of(relationship_id, side), **facts,
    )  # fmt: skip


def tell_of_distrust(event: str, *, to: Person, zone: str, partner_id: UUID, **facts: Any) -> None:
    """Tell an administrator of the customer that a colleague said that a partner is not known ("distrusted"), or that
    this was taken back ("trusted")."""
    messages.send(
        f"relationships/emails/{event}", to=to.address, language=to.language, zone=zone, about_id=partner_id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name,
        url=pages.absolute("relationships.distrust_partner", partner_id=partner_id), **facts,
    )  # fmt: skip


def tell_operator(*, person_id: UUID, partner_id: UUID, **facts: Any) -> None:
    """Tell the operator whom a customer does not know; in English. `person_id` is who said so: the mail names that
    person, and goes when the person is erased."""
    messages.send(
        "relationships/emails/distrust_to_operator", to=current_app.config["OPERATOR_CONTACT"], language="en",
        zone="UTC", about_id=partner_id, person_id=person_id, partner_id=partner_id, **facts,
    )  # fmt: skip


def url_of(relationship_id: UUID, side: str) -> str:
    """The absolute address of a relationship's page for either side."""
    name = "partner_relationships.show" if side == "customer" else "relationships_at_partner.show"
    return pages.absolute(name, relationship_id=relationship_id)
