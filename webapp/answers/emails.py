"""The mails of the journey: the receipt, the sign-up link, and what an admission says."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from webapp import pages
from webapp.accounts.models import Person
from webapp.messages import actions as messages
from webapp.tokens import Token


def receipt(*, to: Person, zone: str, about_id: UUID, **facts: Any) -> None:
    """The receipt of an acceptance, to one administrator. `facts`: see the template's first comment."""
    messages.send(
        "answers/emails/receipt", to=to.address, language=to.language, zone=zone, about_id=about_id, person_id=to.id,
        given_name=to.given_name, family_name=to.family_name, **facts,
    )  # fmt: skip


def handed_over(*, to: Person, zone: str, about_id: UUID, **facts: Any) -> None:
    """An administrator is told that a colleague sends an invitation on. `facts`: see the template's first comment."""
    messages.send(
        "answers/emails/handed_over", to=to.address, language=to.language, zone=zone, about_id=about_id, person_id=to.id,
        given_name=to.given_name, family_name=to.family_name, **facts,
    )  # fmt: skip


def sign_up(*, to: str, language: str, zone: str, token: Token, partner: str) -> None:
    """The link with which a new customer's first person proves the mailbox and signs up."""
    messages.send(
        "answers/emails/sign_up", to=to, language=language, zone=zone, token=token, partner=partner,
        link=lambda secret: pages.absolute("answers.sign_up_link", secret=secret), until=token.expires_at,
    )  # fmt: skip


def has_account(*, to: Person, zone: str, ref: str, partner: str) -> None:
    """Somebody asked to sign up with an address that signs in already: where to sign in."""
    messages.send(
        "answers/emails/has_account", to=to.address, language=to.language, zone=zone, person_id=to.id, partner=partner,
        given_name=to.given_name, family_name=to.family_name,
        url=pages.absolute("accounts.sign_in", next=f"/invitation?ref={ref}"),
    )  # fmt: skip


def admission_requested(*, to: Person, zone: str, organization: str, request_id: UUID, at: datetime) -> None:
    """An administrator is told that somebody asks to be admitted."""
    messages.send(
        "answers/emails/admission_requested", to=to.address, language=to.language, zone=zone, about_id=request_id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name, organization=organization, at=at,
        url=pages.absolute("acceptance.admission", request_id=request_id),
    )  # fmt: skip


def admission_refused(*, to: str, language: str, zone: str, organization: str, request_id: UUID) -> None:
    """Whoever asked to be admitted learns that the administrators said no."""
    messages.send(
        "answers/emails/admission_refused", to=to, language=language, zone=zone, about_id=request_id,
        organization=organization,
    )  # fmt: skip
