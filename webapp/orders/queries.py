"""Reading orders, and asking the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp import clock, database
from webapp.accounts import queries as accounts
from webapp.actor import Actor, full_name
from webapp.agreements import queries as agreements
from webapp.agreements.rules import DirectAcceptanceClosed, check_direct
from webapp.customers import queries as customers
from webapp.errors import Refusal
from webapp.orders import rules
from webapp.orders.models import Order
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import queries as policies
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.relationships.models import Relationship
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Product, Subscription, SubscriptionStanding

PAGE = 40
#: Counting stops after so many; a list then says "1,000+".
MOST = 1000
Place = tuple[datetime, UUID]


# --- who may see what --------------------------------------------------------------------------------------------


def own_for(actor: Actor) -> Organization | None:
    """The actor's own organization, when it is a partner."""
    return organizations.partner_by_id(actor.organization_id) if actor.is_partner else None


def buyer_for(actor: Actor) -> Organization | None:
    """The actor's own organization, when it is a customer."""
    return organizations.organization_by_id(actor.organization_id) if actor.is_customer else None


def partners_order(actor: Actor, order_id: UUID) -> Order | None:
    """An order that goes through the actor's partner organization."""
    found = database.session().get(Order, order_id)
    if found is None or actor.organization_id not in {found.partner_id, found.reseller_id}:
        return None
    return found


def customers_order(actor: Actor, order_id: UUID) -> Order | None:
    """An order of the actor's own customer organization, whoever placed it."""
    found = database.session().get(Order, order_id)
    return found if found is not None and found.customer_id == actor.organization_id else None


def customer_with_history(actor: Actor, customer_id: UUID) -> Organization | None:
    """A customer of whose subscriptions the actor's partner organization sees its own, also after the end."""
    found = customers.customer_for(actor, customer_id)
    return organizations.organization_by_id(customer_id) if found is not None else None


# --- the gate ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seller:
    """Through whom a customer can buy: an open relationship with its partners."""

    relationship: Relationship
    partner: Organization
    reseller: Organization | None

    @property
    def contact(self) -> Organization:
        """Whom the customer deals with first."""
        return self.reseller or self.partner


def sellers_of(customer_id: UUID, partner_id: UUID | None = None) -> list[Seller]:
    """The open relationships of a customer, the oldest first; `partner_id`: only those with one partner, on either
    place. Whom the customer does not know, and who no longer works here, is left out."""
    distrusted = relationships.distrusted_by(customer_id)
    found = []
    rows = (
        relationships.live_with(customer_id)
        if partner_id is None
        else relationships.open_with_partner(customer_id, partner_id)
    )
    ids = {id_ for row in rows for id_ in (row.partner_id, row.reseller_id) if id_ is not None}
    known = {
        row.id: row
        for row in database.session().scalars(sa.select(Organization).where(Organization.id.in_(list(ids))))
    }  # fmt: skip
    for row in rows:
        partner = known[row.partner_id]
        reseller = known[row.reseller_id] if row.reseller_id is not None else None
        both = [each for each in (partner, reseller) if each is not None]
        if all(each.is_open and each.id not in distrusted for each in both):
            found.append(Seller(row, partner, reseller))
    return found


def refuse_without_sellers(customer: Organization, own: Organization) -> None:
    """Say why a partner has nobody to order through: raises PartnerDistrusted, else NotSelling."""
    for row in relationships.open_with_partner(customer.id, own.id):
        for id_ in (row.partner_id, row.reseller_id):
            if id_ is not None:
                relationship_actions.check_trusted(customer.id, id_)
    raise rules.NotSelling(customer=customer.name, customer_id=customer.id, partner=own.name)


def attesting() -> frozenset[str]:
    """The programmes that policy lets attest today."""
    if clock.today("UTC") > date.fromisoformat(policies.value("attestation.last_day")):
        return frozenset()
    return frozenset(policies.value("attestation.programmes"))


def may_accept_directly(customer: Organization, standing: agreements.Standing) -> bool:
    """Whether a customer may accept the agreement by itself."""
    try:
        check_direct(agreements.attesters_of(customer), standing.agreed_before)
    except DirectAcceptanceClosed:
        return False
    return True


def check_has_provider(own: Organization) -> None:
    """Raises ProviderMissing for an indirect reseller that no indirect provider confirmed."""
    if own.programme == "indirect_reseller" and not organizations.providers_of(own.id):
        raise rules.ProviderMissing(reseller=own.name, provider="")


def check_gate(customer: Organization, seller: Seller, side: str, by_id: UUID) -> None:
    """Ask the gate for an order by an organization (`by_id`: one of the seller's, or the customer).

    Raises ProviderMissing, NotSelling, PartnerDistrusted, AgreementMissing.
    """
    partner, reseller = seller.partner, seller.reseller
    orderer = reseller if reseller is not None and by_id in {reseller.id, customer.id} else partner
    standing = agreements.standing_of_customer(customer)
    asked = rules.Asked(
        side=side, state=standing.state, programme=orderer.programme,
        related=relationships.open_between(customer.id, partner.id, reseller.id if reseller else None) is not None,
        paired=reseller is None or organizations.pairing(partner.id, reseller.id) is not None,
        attesting=attesting(), direct=may_accept_directly(customer, standing),
    )  # fmt: skip
    names = {
        "customer": customer.name, "customer_id": customer.id, "partner": partner.name, "partner_id": partner.id,
        "contact": partner.contact_address, "reseller": reseller.name if reseller is not None else "",
        "provider": partner.name, "relationship_id": seller.relationship.id,
    }  # fmt: skip
    try:
        rules.check_gate(asked)
    except (rules.ProviderMissing, rules.NotSelling, rules.AgreementMissing) as refusal:
        raise type(refusal)(**names | refusal.facts) from None
    for each in (partner, reseller):
        if each is not None:
            relationship_actions.check_trusted(customer.id, each.id)


def refusal_of(customer: Organization, seller: Seller, side: str, by_id: UUID) -> Refusal | None:
    """What the gate would say to an order, or None."""
    try:
        check_gate(customer, seller, side, by_id)
    except Refusal as refusal:
        return refusal
    return None


# --- lists -------------------------------------------------------------------------------------------------------


def order_with(placed_by_id: UUID, key: UUID) -> Order | None:
    """The order that an organization placed with a form's key."""
    return database.session().scalar(sa.select(Order).where(Order.placed_by_id == placed_by_id, Order.key == key))


@dataclass(frozen=True)
class Line:
    """An order as a list shows it. `zone` is the customer's; `by`: the name of the organization that placed it. `through`:
    whom the customer deals with; `other`: the other partner of an indirect relationship, seen by whoever reads (the
    provider, for a customer), or empty. `line_id`: the subscription it began, which runs until `ends_on` now."""

    id: UUID
    at: datetime
    customer_id: UUID
    customer: str
    zone: str
    product: str
    seats: int
    by: str
    through: str
    other: str
    line_id: UUID
    ends_on: date


@dataclass(frozen=True)
class Listed:
    """One page: rows in order, whether there are more on either side, and how many in all (capped)."""

    rows: list[Line]
    more_before: bool
    more_after: bool
    count: int


def _places(actor: Actor) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns of an order in which the actor's organization can stand: each has an index of its own."""
    if actor.is_customer:
        return (Order.customer_id.expression,)
    return (Order.partner_id.expression, Order.reseller_id.expression)


def orders_for(actor: Actor, *, after: Place | None = None, before: Place | None = None) -> Listed:
    """One page of the orders that go through the actor's partner organization, or that were placed for and by its
    customer organization; the newest first."""
    own = actor.organization_id
    backwards = before is not None

    def at_place(column: sa.ColumnElement[Any]) -> sa.Select[tuple[UUID, datetime]]:
        """The orders in which it has one place."""
        statement = sa.select(Order.id, Order.at).where(column == own)
        if before is not None:
            statement = statement.where(
                sa.or_(Order.at > before[0], sa.and_(Order.at == before[0], Order.id > before[1]))
            )
        elif after is not None:
            statement = statement.where(sa.or_(Order.at < after[0], sa.and_(Order.at == after[0], Order.id < after[1])))
        ordered = (Order.at, Order.id) if backwards else (Order.at.desc(), Order.id.desc())
        inner = statement.order_by(*ordered).limit(PAGE + 1).subquery()
        return sa.select(inner.c.id, inner.c.at)

    all_places = sa.union_all(*(at_place(column) for column in _places(actor))).subquery()
    customer, placed_by = aliased(Organization), aliased(Organization)
    partner, reseller = aliased(Organization), aliased(Organization)
    statement = (
        sa.select(
            Order.id, Order.at, Order.seats, Order.customer_id, Order.partner_id, Order.reseller_id,
            customer.name.label("customer"), customer.zone, placed_by.name.label("by"), partner.name.label("partner"),
            reseller.name.label("reseller"), SubscriptionStanding.line_id, SubscriptionStanding.product,
            SubscriptionStanding.ends_on,
        )
        .join(all_places, all_places.c.id == Order.id)
        .join(customer, customer.id == Order.customer_id)
        .join(placed_by, placed_by.id == Order.placed_by_id)
        .join(partner, partner.id == Order.partner_id)
        .outerjoin(reseller, reseller.id == Order.reseller_id)
        # what an order began is the first row of a subscription, whose id is that of its line
        .join(SubscriptionStanding, SubscriptionStanding.line_id == Order.subscription_id)
        .order_by(*((Order.at, Order.id) if backwards else (Order.at.desc(), Order.id.desc())))
        .limit(PAGE + 1)
    )  # fmt: skip
    found = list(database.session().execute(statement).all())
    more, found = len(found) > PAGE, found[:PAGE]
    if backwards:
        found.reverse()
    return Listed(
        rows=[_line(row, own) for row in found],
        more_before=more if backwards else after is not None,
        more_after=backwards or more,
        count=_count(actor),
    )


def _line(row: Any, own: UUID) -> Line:
    other = (row.reseller if row.partner_id == own else row.partner) if row.reseller_id else ""
    return Line(
        id=row.id, at=row.at, customer_id=row.customer_id, customer=row.customer, zone=row.zone, product=row.product,
        seats=row.seats, by=row.by, through=row.reseller or row.partner, other=other, line_id=row.line_id,
        ends_on=row.ends_on,
    )  # fmt: skip


def _count(actor: Actor) -> int:
    """How many orders there are for an organization, counted no further than MOST on each place."""
    counts = []
    for column in _places(actor):
        counted = sa.select(Order.id).where(column == actor.organization_id).limit(MOST + 1).subquery()
        counts.append(sa.select(sa.func.count()).select_from(counted).scalar_subquery())
    row = database.session().execute(sa.select(*counts)).one()
    return int(sum(row))


@dataclass(frozen=True)
class Details:
    """One order with all that its page names. `by`: the organization that placed it; `person`: who of it did, for its own
    people only (None for others; empty once erased)."""

    order: Order
    customer: Organization
    partner: Organization
    reseller: Organization | None
    subscription: Subscription
    product: Product
    by: str
    person: str | None


def details_of(actor: Actor, order: Order) -> Details:
    """One order with all that its page names to this reader."""
    ids = {order.customer_id, order.partner_id, order.placed_by_id, *filter(None, [order.reseller_id])}
    rows: Sequence[Organization] = (
        database.session().scalars(sa.select(Organization).where(Organization.id.in_(list(ids)))).all()
    )
    by_id = {row.id: row for row in rows}
    subscription = subscriptions.subscription_by_id(order.subscription_id)
    product = subscriptions.product_by_id(order.product_id)
    assert subscription is not None
    assert product is not None
    person = None
    if order.placed_by_id == actor.organization_id:
        names = accounts.names_of({order.person_id})
        person = full_name(*names[order.person_id]) if order.person_id in names else ""
    return Details(
        order=order, customer=by_id[order.customer_id], partner=by_id[order.partner_id],
        reseller=by_id[order.reseller_id] if order.reseller_id else None, subscription=subscription, product=product,
        by=by_id[order.placed_by_id].name, person=person,
    )  # fmt: skip
