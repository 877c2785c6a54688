"""What providers and resellers are told of their requests to one another."""

from __future__ import annotations

from typing import Any

from webapp import pages
from webapp.access import Permission, roles_with
from webapp.actor import Actor
from webapp.messages import actions as messages
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.team.models import PairingRequest


def asked(to: Organization, *, request: PairingRequest, by: Actor, number: str) -> None:
    """Another partner asks to work together: `number` is its partner number."""
    _tell(
        "pairing_asked", to, request, by=by, number=number, until=request.expires_at,
        url=pages.absolute("team.request_for_pairing", request_id=request.id),
    )  # fmt: skip


def answered(to: Organization, *, request: PairingRequest, answer: str, by: Actor, reason: str = "") -> None:
    """A request was "confirmed", "declined" or "withdrawn" by the other partner."""
    _tell(
        "pairing_answered", to, request, by=by, answer=answer, reason=reason,
        url=pages.absolute("team.request_for_pairing", request_id=request.id),
    )  # fmt: skip


def ended(to: Organization, *, by: Actor) -> None:
    """The other partner ended the work together."""
    _tell("pairing_ended", to, None, by=by, url=pages.absolute("team.pairings"))


def _tell(message: str, to: Organization, request: PairingRequest | None, *, by: Actor, **facts: Any) -> None:
    """Tell everybody of a partner who may answer such requests."""
    if not to.is_open:
        return
    for person in organizations.people_with(to.id, *roles_with("partner", Permission.PAIR_PARTNERS)):
        messages.send(
            f"team/emails/{message}", to=person.address, language=person.language, zone=person.zone or to.zone,
            person_id=person.id, about_id=request.id if request is not None else None, given_name=person.given_name,
            family_name=person.family_name, organization=to.name, is_provider=to.programme == "indirect_provider",
            partner=by.organization_name, by_given=by.given_name, by_family=by.family_name, **facts,
        )  # fmt: skip
