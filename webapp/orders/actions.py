"""Placing an order: the customer's purchase, or its partner's order for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from webapp import database, languages
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
from webapp.orders.models import Order
from webapp.orders.queries import Seller
from webapp.orders.words import shown_in
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.subscriptions import actions as subscription_actions
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Product, Subscription
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
    customer: Organization, *, by: Actor, key: UUID, seller: Seller, product: Product, seats: int, auto_renews: bool
) -> tuple[Order, bool]:
    """Order a product for a customer: one order and the subscription that it begins, today in the customer's zone.

    Both stand in the customer's chain, as "subscription.added" (what there is now) and "order.placed" (who ordered it).
    The customer's administrators are told by mail, the partners in their inbox, and by mail of what the customer bought
    by itself. Answers the order, and whether it is new: `key` was made when the form was shown, and a second click finds
    the order of the first. Raises what `check` raises.
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
    order = _ordered(customer, by, key, seller, product, subscription)
    _tell(order, customer, seller, subscription, by)
    return order, True


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
    customer: Organization, by: Actor, key: UUID, seller: Seller, product: Product, subscription: Subscription
) -> Order:
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
