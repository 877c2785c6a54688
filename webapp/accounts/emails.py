"""The mails about an account: links that set a password or confirm a mailbox, and a warning."""

from __future__ import annotations

from typing import Any

from webapp import pages
from webapp.accounts.models import Person
from webapp.messages import actions as messages
from webapp.messages.rules import CODE_GAP
from webapp.tokens import Token


def _name(person: Person) -> dict[str, Any]:
    return {"given_name": person.given_name, "family_name": person.family_name}


def first_sign_in(*, person: Person, organization: str, token: Token, zone: str) -> None:
    """The link with which a person sets its first password."""
    messages.send(
        "accounts/emails/first_sign_in", to=person.address, language=person.language, zone=zone, person_id=person.id,
        token=token, link=lambda secret: pages.absolute("accounts.first_sign_in_link", secret=secret),
        organization=organization, until=token.expires_at, **_name(person),
    )  # fmt: skip


def password_reset(*, person: Person, organization: str, token: Token, zone: str) -> None:
    """The link with which a person sets a new password."""
    messages.send(
        "accounts/emails/password_reset", to=person.address, language=person.language, zone=zone, person_id=person.id,
        token=token, link=lambda secret: pages.absolute("accounts.password_reset_link", secret=secret),
        organization=organization, until=token.expires_at, **_name(person),
    )  # fmt: skip


def code(*, person: Person, organization: str, token: Token, zone: str) -> None:
    """The six digits that somebody needs to sign in with a temporary password."""
    messages.send(
        "accounts/emails/code", to=person.address, language=person.language, zone=zone, person_id=person.id, token=token,
        code=CODE_GAP, organization=organization, until=token.expires_at, **_name(person),
    )  # fmt: skip


def mailbox_confirmation(*, person: Person, to: str, token: Token, zone: str) -> None:
    """The link that makes an address the sign-in name, sent to that address."""
    messages.send(
        "accounts/emails/mailbox_confirmation", to=to, language=person.language, zone=zone, person_id=person.id,
        token=token, link=lambda secret: pages.absolute("accounts.mailbox_confirmation_link", secret=secret),
        until=token.expires_at, **_name(person),
    )  # fmt: skip


def address_change_notice(*, person: Person, zone: str) -> None:
    """The warning to the present address that another one was asked for (which one, it does not say)."""
    messages.send(
        "accounts/emails/address_change_notice", to=person.address, language=person.language, zone=zone,
        person_id=person.id, account_url=pages.absolute("accounts.account"), **_name(person),
    )  # fmt: skip
