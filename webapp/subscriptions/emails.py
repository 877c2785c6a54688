"""What partners are told of being partner of record, and customers of what was done for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import current_app

from webapp import pages
from webapp.accounts.models import Person
from webapp.messages import actions as messages
from webapp.subscriptions.models import PartnerOfRecord


def to_partner(kind: str, about_id: UUID, *, to: Person, zone: str, path: str, **facts: Any) -> None:
    """Tell an agent of a partner: `kind` is "partner_of_record_named", "partner_of_record_removed" or "offer_wanted";
    `path` leads to the page about it; `facts`: see the templates' first comments."""
    messages.send(
        f"subscriptions/emails/{kind}", to=to.address, language=to.language, zone=zone, about_id=about_id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name,
        url=current_app.config["PUBLIC_URL"] + path, **facts,
    )  # fmt: skip


def record_changed_for_you(act: PartnerOfRecord, *, to: Person, zone: str, **facts: Any) -> None:
    """Tell an administrator of the customer that a delegated administrator changed the partner of record."""
    messages.send(
        "subscriptions/emails/record_changed_for_you", to=to.address, language=to.language, zone=zone,
        about_id=act.id, person_id=to.id, given_name=to.given_name, family_name=to.family_name,
        url=pages.absolute("subscriptions.show", line_id=act.line_id), **facts,
    )  # fmt: skip
