"""What admin agents are told of programs that colleagues made or revoked."""

from __future__ import annotations

from webapp import pages
from webapp.access import Permission, roles_with
from webapp.actor import Actor
from webapp.api_clients.models import ApiClient
from webapp.messages import actions as messages
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization


def told(what: str, client: ApiClient, partner: Organization, *, by: Actor | None) -> None:
    """A program was "created" or "revoked": everybody hears who leads programs too and did not do it. `by` None: the
    operator."""
    for person in organizations.people_with(partner.id, *roles_with("partner", Permission.LEAD_API_CLIENTS)):
        if by is not None and person.id == by.person_id:
            continue
        messages.send(
            f"api_clients/emails/program_{what}", to=person.address, language=person.language, zone=person.zone or partner.zone,
            person_id=person.id, about_id=client.id, given_name=person.given_name, family_name=person.family_name,
            organization=partner.name, program=client.name, roles=list(client.roles), by_given=by.given_name if by else "",
            by_family=by.family_name if by else "", by_operator=by is None,
            url=pages.absolute("api_clients.show", client_id=client.id),
        )  # fmt: skip
