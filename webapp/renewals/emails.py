"""What is told by mail of coming ends and of switches to direct billing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app

from webapp import pages
from webapp.accounts.models import Person
from webapp.messages import actions as messages
from webapp.organizations.models import Organization
from webapp.renewals.models import DirectSwitch

#: A mail names so many ends; the page shows the others.
NAMED = 50


def ending(entries: Sequence[Any], *, to: Person, side: str, organization: Organization) -> None:
    """Tell somebody of coming ends, one or many. `side`: "customer" or "partner", whose person reads it; an entry has
    `product`, `seats`, `contract`, `customer`, `ends_on`, `days_left`, `line_id`, and the `partner` of record with `contact`."""
    first = entries[0]
    if side == "partner":
        url = pages.absolute("renewals.index")
        if len(entries) == 1:
            url = f"{current_app.config['PUBLIC_URL']}/partner/subscriptions/{first.line_id}"
    elif len(entries) == 1:
        url = pages.absolute("renewing.show", line_id=first.line_id)
    else:
        url = f"{current_app.config['PUBLIC_URL']}/subscriptions"
    messages.send(
        "renewals/emails/ending", to=to.address, language=to.language, zone=to.zone or organization.zone,
        about_id=first.line_id, person_id=to.id, given_name=to.given_name, family_name=to.family_name, side=side,
        organization=organization.name, entries=entries[:NAMED], count=len(entries), first=first,
        more=max(len(entries) - NAMED, 0), url=url,
    )  # fmt: skip


def switched(switch: DirectSwitch, *, to: Person, side: str, organization: Organization, **facts: Any) -> None:
    """Tell somebody of a switch to direct billing. `side`: "customer" or "partner"; `facts`: see the template's first
    comment."""
    path = f"/subscriptions/{switch.new_line_id}" if side == "customer" else f"/partner/subscriptions/{switch.line_id}"
    messages.send(
        "renewals/emails/switched", to=to.address, language=to.language, zone=to.zone or organization.zone,
        about_id=switch.line_id, person_id=to.id, given_name=to.given_name, family_name=to.family_name, side=side,
        organization=organization.name, url=f"{current_app.config['PUBLIC_URL']}{path}", **facts,
    )  # fmt: skip
