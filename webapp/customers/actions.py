"""Keeping the overview rows: a follower of facts, and rebuilding from the acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from webapp import clock, database
from webapp.actor import Actor
from webapp.agreements import queries as agreements
from webapp.agreements.rules import CUSTOMER_AGREEMENT, Consent
from webapp.commands import after_migrating
from webapp.customers import queries, rules
from webapp.customers.models import Overview
from webapp.customers.rules import Recorded, Span, Step, Term
from webapp.delegated_admin import actions as delegated_admin_actions
from webapp.delegated_admin import queries as delegated_admin
from webapp.delegated_admin.rules import Step as LifeStep
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact
from webapp.invitations import queries as invitations
from webapp.invitations.models import Invitation
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.subscriptions.rules import CLOSE_DIRECT_ACCEPTANCE
from webapp.webhooks import actions as webhooks

_BATCH = 200


def register(_app: Flask) -> None:
    """Follow what happens to customers; after migrating, complete the rows of an earlier version."""
    evidence.follow(follow)
    webhooks.also_concerns(who_sees_the_agreement)
    after_migrating(complete)


def who_sees_the_agreement(fact: Fact) -> list[UUID]:
    """The partners whose lists show how a customer's agreement stands, when the customer accepts it: their programs are told
    although the customer did it by itself."""
    if fact.kind != "agreement.accepted" or fact.customer_id is None:
        return []
    return queries.partners_seeing(fact.customer_id)


def follow(fact: Fact, record: Mapping[str, Any]) -> None:
    """Keep the overview rows of the customer that a fact names; writes no other rows."""
    if fact.customer_id is None:
        return
    subject, _, past = fact.kind.partition(".")
    if subject in {"customer", "organization", "domain"}:
        _profile(fact)
    elif subject == "relationship":
        _relationship(fact, past, record["facts"])
    elif subject == "agreement":
        _agreement(fact, past, record["facts"])
    elif fact.kind == "subscription.added":
        _purchase(fact, record["facts"])
    elif subject == "invitation":
        _invitation(fact, past, record["facts"])
    elif subject == "delegated_admin":
        _delegated_admin(fact, past, record["facts"])


def _profile(fact: Fact) -> None:
    """The customer was created, renamed, or its domains changed."""
    customer = _customer(fact)
    if fact.kind == "customer.created" and fact.partner_id is not None:
        _row(customer, fact.partner_id, customer.created_at)
    values = {"name": customer.name, "name_key": customer.name_key, "country": customer.country}
    _update_all(customer.id, domain=queries.first_domain(customer.id), **values)


def _relationship(fact: Fact, past: str, facts: Mapping[str, Any]) -> None:
    if past not in {"accepted", "created", "ended"}:
        return
    assert fact.customer_id is not None
    ending = (UUID(facts["relationship_id"]), fact.at) if past == "ended" else None
    invitation, purchases = _invitation_of(facts), queries.purchases_of(fact.customer_id)
    for partner_id in _partners(fact):
        row = _row(_customer(fact), partner_id, fact.at)
        spans = queries.spans_of(row.customer_id, partner_id, ending=ending)
        if ending is None:  # the relationship itself is not written yet
            spans.append(Span(fact.at, None, fact.partner_id, fact.other_partner_id))
        _place(row, spans)
        row.bought = rules.is_bought(spans, purchases)
        if ending is None and invitation is not None:
            _accepted(row, invitation, fact.at)
        if ending is not None:  # what was delegated ended with it, noted by its own follower just before
            _delegated(row)
        _settle([row])
    database.session().flush()


def _place(row: Overview, spans: list[Span]) -> None:
    row.relationship_state, row.relationship_at, row.relationship_ended_at = rules.relationship_of(spans)
    row.sold_as, row.other_partner_id = rules.place_in(rules.shown_span(spans), row.partner_id)


def _purchase(fact: Fact, facts: Mapping[str, Any]) -> None:
    """Something was bought: what closes direct acceptance lets both the provider and its reseller see what is needed.

    Product keys and direct billing are no purchases through a relationship, whoever the fact names besides.
    """
    if facts.get("kind") not in CLOSE_DIRECT_ACCEPTANCE or facts.get("contract", "partner") != "partner":
        return
    assert fact.partner_id is not None
    for partner_id in _partners(fact):
        row = _row(_customer(fact), partner_id, fact.at)
        spans = queries.spans_of(row.customer_id, partner_id)
        row.bought = row.bought or rules.is_bought(spans, {(fact.partner_id, fact.other_partner_id)})
        _settle([row])
    database.session().flush()


def _settle(rows: Iterable[Overview]) -> None:
    """Let the state of the agreement follow from what the rows hold now."""
    for row in rows:
        row.agreement_state = rules.stored_agreement(rules.agreed_in(row), row.bought, row.invitation_step)


#: What a fact means as an act, with what the rules read of it; other facts change nothing that the list shows.
_ACTS = {
    "approved": "approved", "declined": "declined", "withdrawn": "withdrawn", "lapsed": "lapsed", "ended": "ended",
    "expired": "expired", "extended": "extended", "extension_switched": "switched",
}  # fmt: skip


def _delegated_admin(fact: Fact, past: str, facts: Mapping[str, Any]) -> None:
    """The act itself is not written yet: it is read from the fact."""
    if fact.partner_id is None or (past != "offered" and past not in _ACTS):
        return
    customer = _customer(fact)
    row = _row(customer, fact.partner_id, fact.at)
    if past == "offered":
        last = clock.end_of(date.fromisoformat(facts["last_day"]), customer.zone)
        _delegated(row, new=Term("pending", last))
    else:
        _delegated(row, more=(UUID(facts["delegated_id"]), LifeStep(_ACTS[past], fact.at, facts)))
    database.session().flush()


def _delegated(row: Overview, *, new: Term | None = None, more: tuple[UUID, LifeStep] | None = None) -> None:
    terms = queries.terms_of(row.customer_id, row.partner_id, more=more)
    row.delegated_state, row.delegated_ends_at = rules.delegated_of([*terms, new] if new is not None else terms)


def _agreement(fact: Fact, past: str, facts: Mapping[str, Any]) -> None:
    """Somebody accepted, attested or objected; the act itself is not written yet: it is read from the fact."""
    if facts.get("type") != CUSTOMER_AGREEMENT or past not in {"accepted", "attested", "objected"}:
        return
    customer = _customer(fact)
    recorded = queries.recorded_of(customer)
    if past == "accepted":
        recorded.append(_acceptance(fact, facts, customer.zone))
    elif past == "attested":
        consent = Consent(
            "attested", date.fromisoformat(facts["agreed_on"]), date.fromisoformat(facts["effective_on"]), fact.at
        )
        recorded.append(Recorded(UUID(facts["attestation_id"]), consent, facts["version"], fact.partner_id))
    else:
        denied = UUID(facts["attestation_id"])
        recorded = [
            replace(each, consent=replace(each.consent, objected_at=fact.at)) if each.id == denied else each
            for each in recorded
        ]
    invitation = _invitation_of(facts)
    if invitation is not None:
        for partner_id in {invitation.partner_id, invitation.reseller_id} - {None}:
            _accepted(_row(customer, partner_id, fact.at), invitation, fact.at)
    _update_all(customer.id, **asdict(rules.agreed(recorded)))
    _settle(database.session().scalars(sa.select(Overview).where(Overview.customer_id == customer.id)))
    database.session().flush()


def _acceptance(fact: Fact, facts: Mapping[str, Any], zone: str) -> Recorded:
    text = agreements.text_by_id(UUID(facts["text_id"]))
    assert text is not None
    consent = Consent("accepted", clock.day_of(fact.at, zone), text.effective_on, fact.at)
    return Recorded(UUID(facts["acceptance_id"]), consent, text.version)


def _invitation(fact: Fact, past: str, facts: Mapping[str, Any]) -> None:
    invitation = _invitation_of(facts)
    if invitation is None or invitation.customer_id is None or past not in rules.RANKS or past == "accepted":
        return  # one for any customer shows only once it is accepted, and accepting is told by what was accepted
    if not rules.asks_for_agreement(invitation.asks):
        return  # delegated administration shows by itself, and leaves what is asked besides as it stands
    for partner_id in {invitation.partner_id, invitation.reseller_id} - {None}:
        row = _row(_customer(fact), partner_id, invitation.created_at)
        if past == "made":
            _track(row, invitation, Step("made", invitation.created_at))
        elif row.invitation_id == invitation.id:
            _advance(row, Step(past, fact.at))
    database.session().flush()


def _accepted(row: Overview, invitation: Invitation, at: datetime) -> None:
    if row.invitation_id == invitation.id:
        _advance(row, Step("accepted", at))
    elif invitation.customer_id is None:
        _track(row, invitation, Step("accepted", at))


def _track(row: Overview, invitation: Invitation, step: Step) -> None:
    """Let a row tell of this invitation from now on."""
    row.invitation_id, row.invitation_closes_at = invitation.id, invitation.closes_at
    _step(row, step)


def _advance(row: Overview, step: Step) -> None:
    assert row.invitation_step is not None
    assert row.invitation_at is not None
    last = rules.advanced(Step(row.invitation_step, row.invitation_at), step)
    assert last is not None
    _step(row, last)


def _step(row: Overview, step: Step) -> None:
    row.invitation_step, row.invitation_at = step.kind, step.at
    _settle([row])


def _customer(fact: Fact) -> Organization:
    assert fact.customer_id is not None
    found = organizations.organization_by_id(fact.customer_id)
    assert found is not None
    return found


def _partners(fact: Fact) -> list[UUID]:
    """The partners that a fact about a relationship names: the provider, and the reseller it works with."""
    return [each for each in (fact.partner_id, fact.other_partner_id) if each is not None]


def _invitation_of(facts: Mapping[str, Any]) -> Invitation | None:
    word = facts.get("invitation_id")
    return invitations.by_id(UUID(word)) if word else None


def _row(customer: Organization, partner_id: UUID | None, since: datetime) -> Overview:
    """The row of a partner about a customer, inserted where it is missing."""
    session = database.session()
    found = session.get(Overview, (partner_id, customer.id))
    if found is not None:
        return found
    kept = rules.agreed(queries.recorded_of(customer))
    row = Overview(
        partner_id=partner_id,
        customer_id=customer.id,
        name=customer.name,
        name_key=customer.name_key,
        domain=queries.first_domain(customer.id),
        country=customer.country,
        since=since,
        created=customer.created_by_partner_id == partner_id,
        agreement_state=rules.stored_agreement(kept, False, None),
        relationship_state="none",
        bought=False,
        sold_as="",
        **asdict(kept),
    )
    session.add(row)
    session.flush()
    return row


def _update_all(customer_id: UUID, **values: Any) -> None:
    """Change every partner's row about a customer."""
    database.session().flush()
    database.session().execute(
        sa.update(Overview)
        .where(Overview.customer_id == customer_id)
        .values(**values)
        .execution_options(synchronize_session="fetch")
    )


# --- leaving a customer ----------------------------------------------------------------------------------------


def leave(
    overview: Overview, *, by: Actor, relationships_too: bool, delegated_too: bool, check: Callable[[Overview], None]
) -> Overview:
    """A partner ends what binds it to a customer: every relationship in which it has either place, and its delegated
    administration. One act in the customer's chain; `check` first sees the row as it is under the lock. Answers the row as it
    is then; what has ended already stays so.

    Raises SubscriptionsActive (nothing is changed then), and what `check` raises.
    """
    customer = organizations.organization_by_id(overview.customer_id)
    assert customer is not None
    database.write(chain=customer.chain_id)
    check(_own_row(overview))
    if relationships_too:
        for related in relationships.open_with_partner(customer.id, by.organization_id):
            relationship_actions.end(related, by=by)
    if delegated_too:
        for administers in delegated_admin.active_between(customer.id, by.organization_id):
            delegated_admin_actions.end(administers, by=by)
    database.session().flush()
    return _own_row(overview)


def _own_row(overview: Overview) -> Overview:
    """The same row through the writer."""
    return database.session().get_one(Overview, (overview.partner_id, overview.customer_id), populate_existing=True)


# --- rebuilding ------------------------------------------------------------------------------------------------


def rebuild_customer(customer_id: UUID) -> int:
    """Write the rows about one customer anew from the acts, while its chain is held; answer how many differed."""
    customer = organizations.organization_by_id(customer_id)
    if customer is None:
        return 0
    database.write(chain=customer.chain_id)
    return _write_anew(customer_id)


def _write_anew(customer_id: UUID) -> int:
    customer = organizations.organization_by_id(customer_id)
    assert customer is not None
    wanted = {row["partner_id"]: row for row in queries.rows_by_acts(customer)}
    stored = {row["partner_id"]: row for row in queries.stored_rows(customer_id)}
    wrong = [each for each in wanted.keys() | stored.keys() if wanted.get(each) != stored.get(each)]
    session = database.session()
    session.execute(sa.delete(Overview).where(Overview.customer_id == customer_id, Overview.partner_id.in_(wrong)))
    for partner_id in wrong:
        if partner_id in wanted:
            session.execute(sa.insert(Overview).values(**wanted[partner_id]))
    return len(wrong)


def complete() -> None:
    """Write anew the rows that an earlier version wrote and that lack what it did not know: once, after migrating."""
    database.write()
    while ids := queries.unknown_places(_BATCH):
        for customer_id in ids:
            _write_anew(customer_id)


def rebuild() -> tuple[int, int]:
    """Write every row anew, one customer a transaction, while the product runs; answer customers and wrong rows."""
    customers, wrong, after = 0, 0, None
    while ids := queries.customer_ids(after, _BATCH):
        for customer_id in ids:
            with database.unit_of_work():
                wrong += rebuild_customer(customer_id)
        customers, after = customers + len(ids), ids[-1]
    return customers, wrong
