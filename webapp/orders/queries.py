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
from webapp.orders.models import Cart, Order
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import queries as policies
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.relationships.models import Relationship
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions import rules as subscription_rules
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


def line_of_customer(actor: Actor, customer_id: UUID, line_id: UUID) -> SubscriptionStanding | None:
    """A subscription of one customer that the actor's partner organization sells or is partner of record of."""
    if customer_with_history(actor, customer_id) is None:
        return None
    found = subscriptions.sellers_line(actor, line_id)
    return found if found is not None and found.customer_id == customer_id else None


def cart_for(actor: Actor, customer_id: UUID, cart_id: UUID) -> Cart | None:
    """A cart that the actor's partner organization made for a customer that it sees; None once it has expired."""
    if customers.seen_customer(actor, customer_id) is None:
        return None
    found = database.session().get(Cart, cart_id)
    if found is None or (found.customer_id, found.partner_id) != (customer_id, actor.organization_id):
        return None
    return found if found.expires_at > clock.now() else None


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


def seller_of(standing: SubscriptionStanding) -> Seller:
    """Through whom a subscription was sold, while that relationship is open. Raises NotSelling."""
    customer = organizations.organization_by_id(standing.customer_id)
    partner = organizations.organization_by_id(standing.partner_id) if standing.partner_id else None
    reseller = organizations.organization_by_id(standing.reseller_id) if standing.reseller_id else None
    assert customer is not None
    related = relationships.open_between(customer.id, partner.id, standing.reseller_id) if partner is not None else None
    if partner is None or related is None:
        raise rules.NotSelling(customer=customer.name, partner=partner.name if partner is not None else "")
    return Seller(related, partner, reseller)


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


# --- as the API has them -----------------------------------------------------------------------------------------

#: How many of a collection the API answers at once: Partner Center does not turn these pages, so nearly all customers fit.
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Ordered:
    """One product of an order. `code` and `term_months` of the product; `reseller_number`: the partner number of the
    indirect reseller, if there is one."""

    row: Order
    code: str
    term_months: int
    reseller_number: str | None


@dataclass(frozen=True)
class Placed:
    """What was ordered at once, known by the id of its first order; the lines in order."""

    id: UUID
    lines: list[Ordered]

    @property
    def first(self) -> Order:
        return self.lines[0].row


def placed_for(actor: Actor, customer_id: UUID, after: Place | None = None) -> tuple[list[Placed], int, Place | None]:
    """What was ordered for a customer through the actor's partner organization, the newest first; how much there is in
    all; and the place after which more follows (None: nothing does)."""
    own = actor.organization_id
    mine = sa.and_(
        Order.customer_id == customer_id, Order.group_id.is_(None), sa.or_(Order.partner_id == own, Order.reseller_id == own)
    )  # fmt: skip
    statement = sa.select(Order.id, Order.at).where(mine).order_by(Order.at.desc(), Order.id.desc())
    if after is not None:
        statement = statement.where(sa.or_(Order.at < after[0], sa.and_(Order.at == after[0], Order.id < after[1])))
    found = database.session().execute(statement.limit(MOST_AT_ONCE + 1)).all()
    shown = found[:MOST_AT_ONCE]
    following = (shown[-1].at, shown[-1].id) if len(found) > MOST_AT_ONCE else None
    total = database.session().scalar(sa.select(sa.func.count()).select_from(Order).where(mine)) or 0
    return placed_with([row.id for row in shown]), total, following


def placed_with(ids: Sequence[UUID]) -> list[Placed]:
    """What was ordered at once, by the ids of the first orders, in their order; one query."""
    if not ids:
        return []
    reseller = aliased(Organization)
    rows = database.session().execute(
        sa.select(Order, Product.code, Product.term_months, reseller.partner_number)
        .join(Product, Product.id == Order.product_id)
        .outerjoin(reseller, reseller.id == Order.reseller_id)
        .where(sa.or_(Order.id.in_(ids), Order.group_id.in_(ids)))
        .order_by(Order.line_number)
    )
    lines: dict[UUID, list[Ordered]] = {id_: [] for id_ in ids}
    for order, code, term_months, number in rows:
        lines[order.group_id or order.id].append(Ordered(order, code, term_months, number))
    return [Placed(id_, of) for id_, of in lines.items()]


def placed_order(actor: Actor, customer_id: UUID, order_id: UUID) -> Placed | None:
    """What was ordered at once for a customer through the actor's partner organization, by the id of its first order."""
    row = partners_order(actor, order_id)
    if row is None or row.customer_id != customer_id or row.group_id is not None:
        return None
    return placed_with([row.id])[0] if customer_with_history(actor, customer_id) is not None else None


@dataclass(frozen=True)
class Sold:
    """A subscription as its partner sees it in the API. `stage`: one of `subscriptions.rules.STAGES`; `code` and
    `term_months` of its product, where it came from the catalogue; `order_id`: of what it was ordered with; `record`: the
    partner number of its partner of record, where the reader knows who that is."""

    standing: SubscriptionStanding
    stage: str
    code: str | None
    term_months: int | None
    order_id: UUID | None
    record: str | None


def sold_to(
    actor: Actor, customer: Organization, *, order_id: UUID | None = None, record: str = "", line_id: UUID | None = None,
    after: Place | None = None,
) -> tuple[list[Sold], int, Place | None]:  # fmt: skip
    """What a customer has and had through the actor's partner organization, or with it as partner of record, the newest
    first; how much there is in all; and the place after which more follows. `order_id`: only what one order began;
    `record`: only with the partner of record of this number; `line_id`: only this one.

    Whom else the customer named is the customer's to tell: its number is neither shown nor searched for."""
    own, standing, named = actor.organization_id, SubscriptionStanding, aliased(Organization)
    known = sa.or_(
        standing.record_partner_id == own, standing.record_partner_id == standing.partner_id,
        standing.record_partner_id == standing.reseller_id,
    )  # fmt: skip
    statement = (
        sa.select(
            standing, Product.code, Product.term_months, sa.func.coalesce(Order.group_id, Order.id).label("order_id"),
            sa.case((known, named.partner_number)).label("record"),
        )
        .outerjoin(Product, Product.id == standing.product_id)
        .outerjoin(named, named.id == standing.record_partner_id)
        # what an order began is the first row of a subscription, whose id is that of its line
        .outerjoin(Order, Order.subscription_id == standing.line_id)
        .where(
            standing.customer_id == customer.id,
            sa.or_(standing.partner_id == own, standing.reseller_id == own, standing.record_partner_id == own),
        )
    )  # fmt: skip
    if line_id is not None:
        statement = statement.where(standing.line_id == line_id)
    if order_id is not None:
        statement = statement.where(sa.or_(Order.id == order_id, Order.group_id == order_id))
    if record:
        statement = statement.where(known, named.partner_number == record)
    total = database.session().scalar(sa.select(sa.func.count()).select_from(statement.subquery())) or 0
    at, id_ = standing.created_at, standing.line_id
    if after is not None:
        statement = statement.where(sa.or_(at < after[0], sa.and_(at == after[0], id_ < after[1])))
    rows = database.session().execute(statement.order_by(at.desc(), id_.desc()).limit(MOST_AT_ONCE + 1)).all()
    shown = rows[:MOST_AT_ONCE]
    last = shown[-1][0] if len(rows) > MOST_AT_ONCE else None
    today = clock.today(customer.zone)
    stages = {each: subscriptions.stages_of(each) for each in sorted({row[0].contract for row in shown})}
    found = [
        Sold(
            row[0], subscription_rules.stage_of(row[0].starts_on, row[0].ends_on, today, stages[row[0].contract]),
            row.code, row.term_months, row.order_id, row.record,
        )
        for row in shown
    ]  # fmt: skip
    return found, total, (last.created_at, last.line_id) if last is not None else None
