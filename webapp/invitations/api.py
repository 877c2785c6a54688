"""The API of invitations: Partner Center's relationship request, and following an invitation of one's own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from webapp import actor as actors
from webapp import rest
from webapp.access import Permission
from webapp.actor import Actor, full_name
from webapp.invitations import actions, queries, schemas
from webapp.invitations.models import Invitation
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization

blueprint = rest.Blueprint("invitations_api", __name__, description="What partners ask of customers.")


def _own(actor: Actor) -> Organization:
    found = organizations.partner_by_id(actor.organization_id)
    if found is None:
        raise LookupError("no partner")
    return found


def _beside(own: Organization, wanted: set[UUID]) -> Organization | None:
    """The partner beside one's own that a call names; the only one there is for an indirect reseller that names none."""
    others = queries.partners_beside(own)
    named = wanted - {own.id}
    found = next((each for each in others if each.id in named), None)
    if (found is None and named) or len(named) > 1:
        raise rest.ApiError(400, 800016, _("There is no confirmed partnership with that partner."))
    if found is None and own.programme == "indirect_reseller":
        if len(others) > 1:
            raise rest.ApiError(400, 2000, _("There are several providers: say which."))
        return next(iter(others), None)
    return found


# --- relationship requests ---------------------------------------------------------------------------------------


@rest.operation(
    blueprint, "GET", "/v1/customers/relationshiprequests", Permission.READ_INVITATIONS,
    query=schemas.RelationshipRequestQuery, answers=schemas.RelationshipRequest, refuses=(404, 409),
)  # fmt: skip
def relationship_request(query: dict[str, Any]) -> dict[str, Any]:
    """Get the address by which a customer establishes a reseller relationship.

    It is the partner's standing invitation in the shape of Microsoft's address, at this site: for any customer, until the
    partner closes it. With a reseller or a provider beside (`indirectResellerId` of an indirect provider,
    `indirectCloudSolutionProviderId` of an indirect reseller) it is that of the pair. `DAP` is always false: delegated
    administration is offered to one customer at a time.
    """
    own = _own(actors.signed_in())
    wanted = {query[name] for name in ("indirect_cloud_solution_provider_id", "indirect_reseller_id") if name in query}
    found = queries.relationship_request(own, _beside(own, wanted))
    if found is None:
        raise LookupError("no standing invitation")
    return {"url": queries.microsoft_link_of(found), "attributes": rest.attributes("RelationshipRequest")}


# --- invitations -------------------------------------------------------------------------------------------------


@rest.operation(
    blueprint, "POST", "/v1/invitations", Permission.WRITE_INVITATIONS, body=schemas.NewInvitation,
    answers=schemas.InvitationDetails, status=201, refuses=(404,), headers={"Location": "Where it is read."},
)  # fmt: skip
def make_invitation(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make an invitation with a link of its own, which can be followed.

    An operation of Countersign's own. Nothing is sent from here: the answer holds the link, the message, and an address that
    opens a mail program with it. With a customer it is for that one alone; the answer of a customer shows in its state.
    """
    actor = actors.signed_in()
    own = _own(actor)
    customer, recipient = _invited(actor, body.get("customer"))
    other = _beside(own, {body["other_partner_id"]} if "other_partner_id" in body else set())
    made = actions.make(
        by=actor, asks=body["asks"], customer=customer, other=other, recipient=recipient,
        language=body.get("language") or (customer or own).language,
        last_day=body.get("last_day") or queries.usual_last_day((customer or own).zone),
    )  # fmt: skip
    actions.keep_words(made, subject=body.get("subject"), text=body.get("text"))
    etag = _etag(made)
    return _details(made, etag), 201, {"Location": f"/v1/invitations/{made.id}", "ETag": rest.quoted(etag)}


def _invited(actor: Actor, named: dict[str, Any] | None) -> tuple[Organization | None, str | None]:
    if named is None:
        return None, None
    customer = queries.customer_for(actor, named["id"])
    if customer is None:
        raise rest.ApiError(
            404, 1000, _("There is no such customer that this token sees."), f"customer.id: {named['id']}"
        )
    recipient = named.get("recipient") or queries.address_on_file(customer.id)
    if not recipient:
        raise rest.ApiError(400, 2000, _("The request is not valid."), "customer.recipient: " + _("This is needed."))
    return customer, recipient


@rest.operation(
    blueprint, "GET", "/v1/invitations", Permission.READ_INVITATIONS, query=schemas.InvitationsQuery,
    answers=schemas.InvitationSummaryCollection, paged=True,
)  # fmt: skip
def invitations(query: dict[str, Any]) -> dict[str, Any]:
    """List the partner's invitations, the newest first, 40 on a page.

    An operation of Countersign's own. Standing invitations are no part of it. `totalCount` counts this page. Where there is
    a next one, `links.next` says how to get it, and `continuationToken` holds its token.
    """
    place = rest.continued("invitations", query.get("continuation_token"))
    rows, more = queries.list_for(actors.signed_in(), state=query["state"], asks=query["asks"], older_than=place)
    following = rest.goes_on("invitations", rows[-1].created_at, rows[-1].id) if more else ""
    return rest.collection([_summary(each) for each in rows], following=following)


def _summary(row: queries.Row) -> dict[str, Any]:
    return {
        "id": row.id, "asks": row.asks, "customer_id": row.customer_id, "customer_name": row.customer or None,
        "reseller_name": row.reseller or None, "language": row.language, "last_day": row.last_day,
        "created_at": row.created_at, "state": row.state, "at": row.at, "by": _name(row.by),
    }  # fmt: skip


@rest.operation(
    blueprint, "GET", "/v1/invitations/<guid:invitation_id>", Permission.READ_INVITATIONS, on=queries.own_for,
    answers=schemas.InvitationDetails, versioned=True,
)  # fmt: skip
def invitation(found: Invitation) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Get an invitation: its message, its state, and what happened when and by whom.

    An operation of Countersign's own.
    """
    etag = _etag(found)
    return _details(found, etag), 200, {"ETag": rest.quoted(etag)}


@rest.operation(
    blueprint, "POST", "/v1/invitations/<guid:invitation_id>/withdrawal", Permission.WRITE_INVITATIONS,
    on=queries.own_for, answers=schemas.InvitationDetails, versioned=True,
)  # fmt: skip
def withdraw_invitation(found: Invitation) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Take an invitation back: its link no longer works from now on.

    An operation of Countersign's own. One that was withdrawn before stays so, and is answered as it is. An offer of
    delegated administration that waits with it is withdrawn as well. 409 where the customer accepted it, or it is over.
    """
    actions.withdraw(found, by=actors.signed_in(), still=lambda now: rest.check_version(_etag(now)))
    row = queries.by_id(found.id)
    assert row is not None
    etag = _etag(row)
    return _details(row, etag), 200, {"ETag": rest.quoted(etag)}


def _etag(row: Invitation) -> str:
    words = queries.message_words(row)
    return rest.etag_of(row.id, row.recipient, *words, *((e.kind, e.at) for e in queries.events_of(row)))


def _details(row: Invitation, etag: str) -> dict[str, Any]:
    _partner, _reseller, customer = queries.parties_of(row)
    subject, text = queries.message_words(row)
    return {
        "id": row.id, "asks": row.asks, "state": queries.state(row), "partner_id": row.partner_id,
        "reseller_id": row.reseller_id, "customer_id": row.customer_id,
        "customer_name": customer.name if customer is not None else None, "recipient": row.recipient or None,
        "language": row.language, "last_day": row.last_day, "closes_at": row.closes_at, "created_at": row.created_at,
        "link": queries.link_of(row), "subject": subject, "text": text, "mailto": queries.mailto_of(row),
        "events": [_event(each) for each in queries.events_of(row)], "attributes": rest.attributes("Invitation", etag),
    }  # fmt: skip


def _event(event: queries.Event) -> dict[str, Any]:
    told = {"recipient": "recipient", "to_address": "recipient", "version": "version", "reference": "reference",
            "reason": "reason", "comment": "comment"}  # fmt: skip
    more = {told[name]: value for name, value in event.facts.items() if name in told and value}
    return {
        "kind": event.kind, "at": event.at, "by": _name(event.by), "organization": event.organization or None
    } | more  # fmt: skip


def _name(names: tuple[str, str] | None) -> str | None:
    return full_name(*names) if names is not None else None
