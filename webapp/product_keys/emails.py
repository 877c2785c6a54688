"""What people are told of redeemed keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from webapp import pages, tokens
from webapp.accounts import rules as account_rules
from webapp.accounts.models import Person
from webapp.messages import actions as messages
from webapp.policies import queries as policies


def account_ready(person: Person, *, zone: str, **facts: Any) -> None:
    """Tell the first administrator that its organization's account is ready, with the link that sets its first password.
    `facts`: see the template's first comment."""
    lasts = timedelta(days=policies.value("link.first_sign_in_days"))
    token = tokens.issue(account_rules.FIRST, person.address, lasts=lasts, person_id=person.id, continue_to="/home")
    messages.send(
        "product_keys/emails/account_ready", to=person.address, language=person.language, zone=zone, person_id=person.id,
        token=token, link=lambda secret: pages.absolute("accounts.first_sign_in_link", secret=secret),
        until=token.expires_at, given_name=person.given_name, family_name=person.family_name, **facts,
    )  # fmt: skip


def redeemed(draft_id: UUID, *, to: Person, zone: str, **facts: Any) -> None:
    """Tell an administrator that product keys were redeemed for its organization. `facts`: see the template's first
    comment."""
    messages.send(
        "product_keys/emails/redeemed", to=to.address, language=to.language, zone=zone, about_id=draft_id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name,
        url=pages.absolute("own_redemption.result", draft_id=draft_id), **facts,
    )  # fmt: skip
