"""What both sides are told of an order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from webapp import pages
from webapp.accounts.models import Person
from webapp.messages import actions as messages


def placed(order_id: UUID, *, to: Person, side: str, zone: str, **facts: Any) -> None:
    """Tell of an order. `side`: "customer" or "partner", whose person reads it; `facts`: see the template's first
    comment."""
    endpoint = "purchases.show" if side == "customer" else "orders.show"
    messages.send(
        "orders/emails/placed", to=to.address, language=to.language, zone=zone, about_id=order_id, person_id=to.id,
        given_name=to.given_name, family_name=to.family_name, side=side,
        url=pages.absolute(endpoint, order_id=order_id), **facts,
    )  # fmt: skip


def amended(line_id: UUID, *, to: Person, zone: str, **facts: Any) -> None:
    """Tell the customer what its partner bought within a subscription; `facts`: see the template's first comment."""
    messages.send(
        "orders/emails/amended", to=to.address, language=to.language, zone=zone, about_id=line_id, person_id=to.id,
        given_name=to.given_name, family_name=to.family_name,
        url=pages.absolute("subscriptions.show", line_id=line_id), **facts,
    )  # fmt: skip
