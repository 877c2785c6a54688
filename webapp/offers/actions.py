"""Making offers with their messages, to one customer or to several, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from webapp import clock, database
from webapp.access import Permission, roles_with
from webapp.actor import Actor
from webapp.customers import queries as customers
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.models import DelegatedDraft, DelegatedRelationship
from webapp.delegated_admin.rules import CustomerMissing, free_name, name_for
from webapp.errors import Forbidden, Refusal, refusal_of
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.invitations.models import Invitation
from webapp.offers import rules
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import queries as policies


@dataclass(frozen=True)
class Terms:
    """What is offered, and how it goes out. `language` of the message (empty: each customer's own). `asks`: "administration", or "relationship" for an invitation to that
    which carries the offer (`other`: with which other partner). `send`: from here at once."""

    name: str
    roles: tuple[str, ...]
    duration_days: int
    auto_extends: bool
    language: str
    send: bool = False
    asks: str = "administration"
    other: Organization | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an offer to one customer: its ids, or why it was not made. `made_before`: the same form made it
    earlier, so nothing was made or sent now."""

    customer_id: UUID
    offer_id: UUID | None = None
    invitation_id: UUID | None = None
    name: str = ""
    refusal: Refusal | None = None
    made_before: bool = False


def make_each(
    customer_ids: Sequence[UUID], *, by: Actor, terms: Terms, key: UUID, replaces: DelegatedRelationship | None = None
) -> list[Outcome]:
    """Offer to each of these customers, committing one by one: a refusal concerns one of them.

    The same `key` offers once to each. With several customers each offer's name gets its customer's.
    """
    found = []
    for customer_id in customer_ids:
        try:
            with database.unit_of_work():
                found.append(_make(customer_id, by, terms, key, replaces, several=len(customer_ids) > 1))
        except Refusal as refusal:
            found.append(Outcome(customer_id, refusal=refusal))
        except IntegrityError as error:
            said = refusal_of(error)
            if said is None:
                raise
            found.append(Outcome(customer_id, refusal=said))
    return found


def _make(
    customer_id: UUID, by: Actor, terms: Terms, key: UUID, replaces: DelegatedRelationship | None, *, several: bool
) -> Outcome:
    customer = organizations.organization_by_id(customer_id)
    if customer is None:
        raise LookupError("no customer")
    database.write(chain=customer.chain_id)
    agent = _still_allowed(by)
    id_ = rules.offer_id(key, customer_id)
    before = delegated_queries.by_id(id_)
    if before is not None and before.partner_id == agent.organization_id:
        invitation = invitation_queries.invitation_of_offer(id_)
        told_by = invitation.id if invitation is not None else None
        return Outcome(customer_id, id_, told_by, before.name, made_before=True)
    if replaces is not None:
        _check_not_replaced(replaces)
    if several:
        delegated_admin.hold_names(agent.organization_id)
        wanted = name_for(terms.name, customer.name)
        terms = replace(terms, name=free_name(wanted, delegated_queries.taken_names(agent.organization_id, wanted)))
    row, invitation = _offer(customer, agent, terms, id_, rules.invitation_id(key, customer_id), replaces)
    return Outcome(customer_id, row.id, invitation.id, row.name)


def _offer(
    customer: Organization, agent: Actor, terms: Terms, id_: UUID, invitation_id: UUID,
    replaces: DelegatedRelationship | None = None,
) -> tuple[DelegatedRelationship, Invitation]:  # fmt: skip
    """One offer and its message, under the customer's lock."""
    row = delegated_admin.offer(
        customer, by=agent, name=terms.name, roles=terms.roles, duration_days=terms.duration_days,
        auto_extends=terms.auto_extends, replaces=replaces, id_=id_,
    )  # fmt: skip
    recipient = invitation_queries.address_on_file(customer.id)
    if terms.send and not recipient:
        raise rules.NoRecipient(customer=customer.name)
    days = timedelta(days=policies.value("invitation.days"))
    invitation = invitations.make(
        by=agent, asks=terms.asks, customer=customer, other=terms.other, language=terms.language or customer.language,
        last_day=clock.today(customer.zone) + days if terms.asks == "relationship" else None,
        recipient=recipient or None, key=invitation_id, offer=row,
    )  # fmt: skip
    if terms.send:
        invitations.send(invitation, by=agent)
    return row, invitation


def put_to_customer(
    draft: DelegatedDraft, *, by: Actor, still: Callable[[DelegatedDraft], None]
) -> DelegatedRelationship:
    """Offer what a program prepared, under the same id and with its message: from now on it waits for the customer, who
    may be shown it by whatever link the partner sends. `still` is asked about the draft once it is locked.

    Raises AlreadyAsked, CustomerMissing, and what stands in the way of any offer.
    """
    customer = organizations.organization_by_id(draft.customer_id) if draft.customer_id is not None else None
    if customer is None or not customers.chosen_for(by, [customer.id]):
        raise CustomerMissing()
    row = delegated_admin.hold_draft(draft, chain=customer.chain_id)
    still(row)
    agent = _still_allowed(by)
    if row.customer_id != customer.id:
        raise CustomerMissing()  # another program names another one at this very moment
    terms = Terms(
        name=row.name,
        roles=tuple(row.roles),
        duration_days=row.duration_days,
        auto_extends=row.auto_extends,
        language="",
    )
    delegated_admin.discard(row)
    offered, _invitation = _offer(customer, agent, terms, row.id, rules.invitation_id(row.id, customer.id))
    delegated_admin.announce(offered, by=agent)
    return offered


def _still_allowed(by: Actor) -> Actor:
    """The actor as of now: a role lost meanwhile counts."""
    fresh = delegated_admin.as_of_now(by)
    if fresh is None or not fresh.may(Permission.OFFER_DELEGATED_ADMIN):
        needed = Permission.OFFER_DELEGATED_ADMIN
        raise Forbidden(permission=needed, roles=roles_with("partner", needed))
    return fresh


def _check_not_replaced(replaces: DelegatedRelationship) -> None:
    """Raises SuccessorMade when somebody was faster."""
    successor = delegated_queries.successor_of(replaces.id)
    if successor is not None:
        raise rules.SuccessorMade(offer_id=successor.id)
