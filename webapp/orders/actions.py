"""Placing an order: the customer's purchase, or its partner's order for it; carts; more seats within a term."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4, uuid5

import sqlalchemy as sa

from webapp import clock, database, languages
from webapp.access import Permission, roles_with
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements import queries as agreement_queries
from webapp.agreements import rules as agreement_rules
from webapp.agreements.rules import Signatory
from webapp.attestations.rules import check_same
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence.rules import reference_of
from webapp.orders import emails, queries, rules
from webapp.orders.models import Cart, Order
from webapp.orders.queries import Seller
from webapp.orders.words import shown_in
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.subscriptions import actions as subscription_actions
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Product, Subscription, SubscriptionStanding
from webapp.tasks import actions as tasks

speaks("uq_orders_placed_by_id_key", lambda: rules.OrderedAlready())


def check(customer: Organization, seller: Seller, product: Product, seats: int, *, by: Actor) -> None:
    """Ask everything that may refuse an order: what the review page asks, and the action again.

    Raises ProviderMissing, NotSelling, ProductClosed, SeatsNotOffered, PartnerDistrusted, AgreementMissing: the last one
    only when nothing else is in the way.
    """
    sells = by.organization_id in {seller.partner.id, seller.reseller.id if seller.reseller is not None else None}
    if not sells and by.organization_id != customer.id:
        raise rules.NotSelling(customer=customer.name, partner=seller.contact.name)
    rules.check_product(product.code, product.is_open, seats, product.seats_min, product.seats_max)
    queries.check_gate(customer, seller, "customer" if by.is_customer else "partner", by.organization_id)


def place(
    customer: Organization, *, by: Actor, key: UUID, seller: Seller, product: Product, seats: int, auto_renews: bool,
    group_id: UUID | None = None, line_number: int = 0,
) -> tuple[Order, bool]:  # fmt: skip
    """Order a product for a customer: one order and the subscription that it begins, today in the customer's zone.

    Both stand in the customer's chain, as "subscription.added" (what there is now) and "order.placed" (who ordered it).
    The customer's administrators are told by mail, the partners in their inbox, and by mail of what the customer bought
    by itself. Answers the order, and whether it is new: `key` was made when the form was shown, and a second click finds
    the order of the first. `group_id` and `line_number`: see `place_together`. Raises what `check` raises.
    """
    database.write(chain=customer.chain_id)
    before = queries.order_with(by.organization_id, key)
    if before is not None:
        return before, False
    product = database.session().get_one(Product, product.id)
    check(customer, seller, product, seats, by=by)
    subscription = subscription_actions.subscribe(
        customer, seller.partner, reseller=seller.reseller, product=product,
        name=subscriptions.name_of(product, customer.language), seats=seats, auto_renews=auto_renews, by=by,
    )  # fmt: skip
    order = _ordered(customer, by, key, seller, product, subscription, group_id, line_number)
    _tell(order, customer, seller, subscription, by)
    return order, True


@dataclass(frozen=True)
class Wanted:
    """One of several products that are ordered at once."""

    seller: Seller
    product: Product
    seats: int
    auto_renews: bool


def place_together(customer: Organization, *, by: Actor, key: UUID, lines: Sequence[Wanted]) -> list[Order]:
    """Order several products at once: all of them, or none. What goes through one partner (and reseller) stands together,
    known by its first order. Answers the first orders; with a `key` that was used, those of the first time.

    Raises what `check` raises, for the first line that is refused.
    """
    database.write(chain=customer.chain_id)
    firsts: dict[UUID, Order] = {}
    counts: dict[UUID, int] = {}
    for number, line in enumerate(lines):
        through = line.seller.relationship.id
        first, count = firsts.get(through), counts.get(through, 0)
        order, _new = place(
            customer, by=by, key=uuid5(key, str(number)), seller=line.seller, product=line.product, seats=line.seats,
            auto_renews=line.auto_renews, group_id=first.id if first is not None else None, line_number=count,
        )  # fmt: skip
        firsts.setdefault(through, order)
        counts[through] = count + 1
    return list(firsts.values())


def attest_and_place(
    customer: Organization, *, by: Actor, key: UUID, signatory: Signatory, agreed_on: date, fingerprint: str,
    parts: Mapping[str, str], **order: Any,
) -> tuple[Order, bool]:  # fmt: skip
    """Complete the attestation that an order waits for, and place the order where it was: both, or neither.

    What is attested is what the page showed (its `fingerprint`, and `parts` to tell what changed). A second click attests
    nothing a second time. Raises AttestationHasChanged, and what `agreements.actions.attest` and `check` raise.
    """
    customer = database.locked(customer)
    before = queries.order_with(by.organization_id, key)
    if before is not None:
        return before, False
    shown = _shown(customer, by, signatory, agreed_on)
    check_same(
        agreement_rules.changed(parts, agreement_rules.parts(shown)) if parts else [],
        same=fingerprint == agreement_rules.fingerprint(shown),
    )
    del shown["contact"]  # whose name and address are not about this act
    agreements.attest(customer, by=by, signatory=signatory, agreed_on=agreed_on, shown=shown)
    return place(customer, by=by, key=key, **order)


def _shown(customer: Organization, by: Actor, signatory: Signatory, agreed_on: date) -> dict[str, Any]:
    """What the page would show now. Raises what `agreements.queries.check_attestation` raises."""
    own = organizations.partner_by_id(by.organization_id)
    assert own is not None
    text = agreement_queries.check_attestation(own, customer, signatory, agreed_on, languages.language())
    return shown_in(customer, text, agreement_queries.primary_contact_of(customer.id))


def _ordered(
    customer: Organization, by: Actor, key: UUID, seller: Seller, product: Product, subscription: Subscription,
    group_id: UUID | None, line_number: int,
) -> Order:  # fmt: skip
    """One row and its fact."""
    id_ = uuid4()
    reseller_id = seller.reseller.id if seller.reseller is not None else None
    fact = evidence.record(
        "order.placed",
        by=by,
        customer_id=customer.id,
        partner_id=seller.partner.id,
        other_partner_id=reseller_id,
        facts={
            "order_id": str(id_), "subscription_id": str(subscription.id), "product": subscription.product,
            "code": product.code, "kind": product.kind, "seats": subscription.seats,
            "auto_renews": subscription.auto_renews, "placed_by_id": str(by.organization_id),
        },
    )  # fmt: skip
    row = Order(
        id=id_, reference=reference_of(fact.hash), key=key, placed_by_id=by.organization_id, person_id=by.person_id,
        customer_id=customer.id, partner_id=seller.partner.id, reseller_id=reseller_id, product_id=product.id,
        seats=subscription.seats, subscription_id=subscription.id, at=fact.at, fact_id=fact.id,
        group_id=group_id, line_number=line_number,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row


def _tell(order: Order, customer: Organization, seller: Seller, subscription: Subscription, by: Actor) -> None:
    """Tell the customer's buyers by mail, and every partner that did not order itself."""
    facts = {
        "customer": customer.name, "partner": seller.contact.name, "contact": seller.contact.contact_address,
        "provider": seller.partner.name if seller.reseller is not None else "", "product": subscription.product,
        "seats": subscription.seats, "starts_on": subscription.starts_on, "ends_on": subscription.ends_on,
        "renews": subscription.auto_renews, "reference": order.reference, "at": order.at,
        "by_customer": by.is_customer,
    }  # fmt: skip
    for person in organizations.people_with(customer.id, *roles_with("customer", Permission.BUY)):
        emails.placed(order.id, to=person, side="customer", zone=person.zone or customer.zone, **facts)
    for each in (seller.partner, seller.reseller):
        if each is None or each.id == by.organization_id:
            continue
        tasks.put(
            each.id, "order_placed", about_key=str(order.id), about_id=order.id, waits=False,
            facts={"customer": customer.name, "product": subscription.product, "by": by.organization_name},
            path=f"/partner/orders/{order.id}",
        )  # fmt: skip
    if by.is_customer:
        for person in organizations.people_with(seller.contact.id, *roles_with("partner", Permission.PLACE_ORDERS)):
            emails.placed(order.id, to=person, side="partner", zone=person.zone or seller.contact.zone, **facts)


def ask_partner(customer: Organization, seller: Seller, *, by: Actor) -> bool:
    """Ask the partner that can confirm it that the customer agreed. False when it was asked today already."""
    return agreements.ask_for_attestation(customer, seller.partner, by=by)


# --- carts -------------------------------------------------------------------------------------------------------


def make_cart(customer: Organization, *, by: Actor, lines: list[dict[str, Any]]) -> Cart:
    """Keep what a partner's program gathers for a customer, for seven days."""
    database.write()
    now = clock.now()
    row = Cart(
        id=uuid4(), customer_id=customer.id, partner_id=by.organization_id, lines=lines, created_at=now, changed_at=now,
        expires_at=now + rules.CART_LASTS, order_ids=[],
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row


def change_cart(cart: Cart, *, lines: list[dict[str, Any]], still: Callable[[Cart], None]) -> Cart:
    """Replace the lines of a cart. `still` is asked about the cart once it is locked. Raises CartOrdered."""
    cart = database.locked(cart)
    still(cart)
    rules.check_open(cart.order_ids)
    cart.lines, cart.changed_at = lines, clock.now()
    database.session().flush()
    return cart


def check_out(cart: Cart, *, by: Actor, wanted: Callable[[Cart], Sequence[Wanted]]) -> list[UUID]:
    """Order everything in a cart at once; answer the ids of the orders. Once: another time these are answered again.

    `wanted` makes of the cart, once it is locked, what is to be ordered. Raises what `place_together` raises; nothing is
    ordered then, and the cart stays open.
    """
    customer = organizations.organization_by_id(cart.customer_id)
    assert customer is not None
    cart = database.locked(cart, chain=customer.chain_id)
    if not cart.order_ids:
        orders = place_together(customer, by=by, key=cart.id, lines=wanted(cart))
        cart.order_ids, cart.changed_at = [str(order.id) for order in orders], clock.now()
        database.session().flush()
    return [UUID(id_) for id_ in cart.order_ids]


def forget_carts(limit: int = 1000) -> int:
    """Delete carts that have expired; answer how many. What they ordered stays."""
    old = sa.select(Cart.id).where(Cart.expires_at <= clock.now()).limit(limit)
    with database.unit_of_work():
        database.write()
        return database.rows_of(database.session().execute(sa.delete(Cart).where(Cart.id.in_(old.scalar_subquery()))))


# --- what runs ---------------------------------------------------------------------------------------------------


def amend(
    standing: SubscriptionStanding, *, by: Actor, seats: int | None, auto_renews: bool,
    still: Callable[[SubscriptionStanding], None],
) -> SubscriptionStanding:  # fmt: skip
    """Let a subscription that the partner sells have more seats, or renew itself, or stop that; both, or neither.

    `seats`: None for as many as now. More seats and a renewal are bought: the gate is asked as for an order, and the customer's buyers are told by mail.
    `still` is asked about the subscription once it is locked. Raises NotSelling, SubscriptionDeleted, PaidElsewhere,
    SeatsFixedNow, SeatsOnlyGrow, SubscriptionMoved, CannotRenewItself, and what `check` raises.
    """
    customer = organizations.organization_by_id(standing.customer_id)
    assert customer is not None
    database.write(chain=customer.chain_id)
    standing = database.session().get_one(SubscriptionStanding, standing.line_id)
    still(standing)
    if by.organization_id not in {standing.partner_id, standing.reseller_id}:
        raise rules.NotSelling(customer=customer.name, partner=by.organization_name)
    before, renewed_before = standing.seats, standing.renews
    seats = before if seats is None else seats
    if seats != before:
        _set_seats(standing, customer, seats, by)
    if auto_renews and not renewed_before:
        _let_renew(standing, customer, by)
    elif not auto_renews and renewed_before:
        subscription_actions.stop_renewal_of(standing, by=by)
    standing = database.session().get_one(SubscriptionStanding, standing.line_id)
    if seats != before or (auto_renews and not renewed_before):
        _tell_of_amending(standing, customer, by, before)
    return standing


def _newest_of(standing: SubscriptionStanding, customer: Organization) -> Subscription:
    """The row that counts. Raises SubscriptionDeleted."""
    rules.check_there(subscriptions.stage_of(standing, customer.zone), standing.product)
    newest = subscriptions.newest_of_line(standing.line_id)
    assert newest is not None
    return newest


def _set_seats(standing: SubscriptionStanding, customer: Organization, seats: int, by: Actor) -> None:
    newest = _newest_of(standing, customer)
    stage = subscriptions.stage_of(newest, customer.zone)
    rules.check_seats(stage, newest.contract, newest.product, newest.seats, seats, newest.ends_on)
    product = subscriptions.product_by_id(newest.product_id) if newest.product_id is not None else None
    if product is not None:
        rules.check_product(product.code, product.is_open, seats, product.seats_min, product.seats_max)
    queries.check_gate(customer, queries.seller_of(standing), "partner", by.organization_id)
    subscription_actions.change(newest, seats=seats, ends_on=newest.ends_on, why="seats", by=by)


def _let_renew(standing: SubscriptionStanding, customer: Organization, by: Actor) -> None:
    newest = _newest_of(standing, customer)
    rules.check_renewable(
        newest.product, possible=subscriptions.may_start_renewal(newest, customer),
        by_customer=subscriptions.stopped_by(standing.line_id) == customer.id,
    )  # fmt: skip
    queries.check_gate(customer, queries.seller_of(standing), "partner", by.organization_id)
    subscription_actions.start_renewal(newest, by=by)


def _tell_of_amending(standing: SubscriptionStanding, customer: Organization, by: Actor, before: int) -> None:
    """Tell the customer's buyers what their partner bought for them."""
    partner = organizations.organization_by_id(by.organization_id)
    assert partner is not None
    for person in organizations.people_with(customer.id, *roles_with("customer", Permission.BUY)):
        emails.amended(
            standing.line_id, to=person, zone=person.zone or customer.zone, customer=customer.name, partner=partner.name,
            contact=partner.contact_address, product=standing.product, seats_before=before, seats=standing.seats,
            renews=standing.renews, ends_on=standing.ends_on, at=clock.now(),
        )  # fmt: skip
