"""What both sides are told of delegated administration: one template for each event, with words for either side."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from webapp import pages
from webapp.accounts.models import Person
from webapp.messages import actions as messages

#: The events, each a folder under templates/delegated_admin/emails/.
EVENTS = (
    "approved", "declined", "roles_removed", "switched", "extended", "expiring", "expired", "ended", "handed_over",
)  # fmt: skip


def tell(event: str, *, to: Person, side: str, zone: str, relationship_id: UUID, **facts: Any) -> None:
    """Put the mail about an event into the outbox. `side`: "customer" or "partner", whose person reads it; `facts`:
    see each template's first comment."""
    messages.send(
        f"delegated_admin/emails/{event}", to=to.address, language=to.language, zone=zone, about_id=relationship_id,
        person_id=to.id, given_name=to.given_name, family_name=to.family_name, side=side,
        url=url_of(relationship_id, side), **facts,
    )  # fmt: skip


def url_of(relationship_id: UUID, side: str) -> str:
    """The absolute address of its page for either side."""
    name = "delegated_admin.show" if side == "customer" else "delegated_admin_at_partner.show"
    return pages.absolute(name, relationship_id=relationship_id)
