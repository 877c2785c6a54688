"""The API of what a customer has and orders through its partner: subscriptions, orders, carts, and the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from flask_babel import gettext as _

from webapp import actor as actors
from webapp import rest
from webapp.access import Permission
from webapp.actor import Actor
from webapp.customers import queries as customers
from webapp.orders import actions, queries, rules, schemas
from webapp.orders.actions import Wanted
from webapp.orders.models import Cart
from webapp.orders.queries import Placed, Seller, Sold
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import queries as policies
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Product, SubscriptionStanding

blueprint = rest.Blueprint("orders_api", __name__, description="What a customer has, orders, and can order.")
Answer = tuple[dict[str, Any], int, dict[str, str]]


def _token(list_name: str, place: queries.Place | None) -> str:
    return rest.goes_on(list_name, *place) if place is not None else ""


def _customer(customer_id: UUID) -> Organization:
    found = organizations.organization_by_id(customer_id)
    assert found is not None
    return found


# --- subscriptions -----------------------------------------------------------------------------------------------


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _version(row: SubscriptionStanding) -> str:
    return rest.etag_of(row.subscription_id, row.renews, row.record_partner_id, row.left_for_id)


def _kind(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _subscription(sold: Sold) -> dict[str, Any]:
    """A subscription as the API has it."""
    row = sold.standing
    place = f"/v1/customers/{row.customer_id}"
    links = {"self": rest.link(f"{place}/subscriptions/{row.line_id}")}
    found: dict[str, Any] = {
        "id": row.line_id, "offer_name": row.product, "product_type": {"id": row.kind, "display_name": _kind(row.kind)},
        "quantity": row.seats, "unit_type": "Licenses", "creation_date": row.created_at,
        "effective_start_date": _midnight(row.starts_on), "commitment_end_date": _midnight(row.ends_on),
        "status": "pending" if sold.stage == "coming" else sold.stage, "auto_renew_enabled": row.renews,
        "is_trial": row.kind == "trial", "billing_type": schemas.billing_type(row.kind), "billing_cycle": "none",
        "suspension_reasons": [], "contract_type": "productKey" if row.contract == "product_key" else "subscription",
        "links": links, "attributes": rest.attributes("Subscription", _version(row)),
    }  # fmt: skip
    if sold.code is not None and sold.term_months is not None:
        found |= {"offer_id": sold.code, "term_duration": schemas.duration(sold.term_months)}
        links["offer"] = rest.link(f"/v1/offers/{sold.code}")
        if row.renews:
            found["renewal_term_duration"] = found["term_duration"]
    if sold.record is not None:
        found["partner_id"] = sold.record
    if sold.order_id is not None:
        found["order_id"] = sold.order_id
    return found


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/subscriptions", Permission.READ_SUBSCRIPTIONS,
    on=queries.customer_with_history, query=schemas.SubscriptionsQuery, answers=schemas.SubscriptionCollection, paged=True,
)  # fmt: skip
def list_subscriptions(customer: Organization, query: dict[str, Any]) -> dict[str, Any]:
    """List what a customer has and had through your organization.

    Also what your organization is partner of record of. The newest first, at most 500 at once: `links.next` leads on.
    """
    here = f"subscriptions of {customer.id}"
    found, total, following = queries.sold_to(
        actors.signed_in(), customer, order_id=query.get("order_id"), record=query.get("mpn_id", ""),
        after=rest.continued(here),
    )  # fmt: skip
    return rest.collection([_subscription(each) for each in found], total=total, following=_token(here, following))


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/subscriptions/<guid:subscription_id>",
    Permission.READ_SUBSCRIPTIONS, on=lambda actor, customer_id, subscription_id: queries.line_of_customer(
        actor, customer_id, subscription_id
    ),
    answers=schemas.Subscription, versioned=True,
)  # fmt: skip
def get_subscription(standing: SubscriptionStanding) -> Answer:
    """Get one subscription.

    Its id stays the same through renewals and changes. `status` is one of pending (it begins later), active, expired,
    disabled, deleted; nothing is ever suspended here. Friendly names, prices and the like are not known, and missing.
    """
    return _told(standing)


def _told(standing: SubscriptionStanding) -> Answer:
    (sold,), _total, _place = queries.sold_to(
        actors.signed_in(), _customer(standing.customer_id), line_id=standing.line_id
    )
    return _subscription(sold), 200, {"ETag": rest.quoted(_version(sold.standing))}


@rest.operation(
    blueprint, "PATCH", "/v1/customers/<guid:customer_id>/subscriptions/<guid:subscription_id>",
    Permission.PLACE_ORDERS, on=lambda actor, customer_id, subscription_id: queries.line_of_customer(
        actor, customer_id, subscription_id
    ),
    body=schemas.SubscriptionChange, answers=schemas.Subscription, versioned=True,
)  # fmt: skip
def update_subscription(standing: SubscriptionStanding, body: dict[str, Any]) -> Answer:
    """Add seats to a subscription, or say whether it renews itself.

    Send the whole resource as it was read, with what shall differ. As Partner Center has it, leaving `autoRenewEnabled`
    out resets it: here to false, so that the subscription ends with its last day and nobody is bound by what was left out.

    More seats, and renewing from now on, are bought: the agreement must be in force (403 / 13605), and the customer is told
    by mail. Seats cannot go down within a term (800090), nor change while the subscription is expired or disabled (2001) or
    outside what the offer is sold for (2002); nothing changes once it is deleted (2011). What the customer stopped from
    renewing itself only the customer starts again (800093). The partner of record is the customer's to name (800098).
    Whatever else differs from what is there is refused (800002), not ignored: a subscription is not cancelled or suspended
    by its partner, and keeps its term.
    """
    rest.check_version(_version(standing))
    answer, _status, _headers = _told(standing)
    _refuse_fixed(body, answer)
    row = actions.amend(
        standing, by=actors.signed_in(), seats=body.get("quantity"), auto_renews=body["auto_renew_enabled"],
        still=lambda now: rest.check_version(_version(now)),
    )  # fmt: skip
    return _told(row)


def _refuse_fixed(body: dict[str, Any], there: dict[str, Any]) -> None:
    """Refuse a change of what does not change by this call. What renews itself does so for the same term."""
    there = there | {"renewal_term_duration": there.get("term_duration")}
    fields = schemas.SubscriptionChange().load_fields
    differ = [
        name for name, value in body.items()
        if name not in {"quantity", "auto_renew_enabled"} and value is not None and value != there.get(name)
    ]  # fmt: skip
    fixed = _("This cannot be changed here.")
    said = [f"{fields[name].data_key}: {fixed}" for name in differ]
    if differ == ["partner_id"]:
        raise rest.ApiError(400, 800098, _("The customer names its partner of record, not the partner."), *said)
    if differ:
        raise rest.ApiError(400, 800002, _("Only quantity and autoRenewEnabled can be changed here."), *said)


# --- orders ------------------------------------------------------------------------------------------------------


def _order(placed: Placed) -> dict[str, Any]:
    """An order as the API has it."""
    first, place = placed.first, f"/v1/customers/{placed.first.customer_id}"
    return {
        "id": placed.id, "reference_customer_id": first.customer_id, "billing_cycle": "none",
        "line_items": [
            {
                "line_item_number": number, "offer_id": line.code, "subscription_id": line.row.subscription_id,
                "quantity": line.row.seats, "term_duration": schemas.duration(line.term_months),
                "transaction_type": "New",
                "links": {"subscription": rest.link(f"{place}/subscriptions/{line.row.subscription_id}")},
            } | ({"partner_id_on_record": line.reseller_number} if line.reseller_number else {})
            for number, line in enumerate(placed.lines)
        ],
        "creation_date": first.at, "status": "completed", "transaction_type": "UserPurchase",
        "links": {"self": rest.link(f"{place}/orders/{placed.id}")},
        "attributes": rest.attributes("Order", rest.etag_of(placed.id)),
    }  # fmt: skip


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/orders", Permission.READ_ORDERS,
    on=queries.customer_with_history, query=schemas.OrdersQuery, answers=schemas.OrderCollection, paged=True,
)  # fmt: skip
def list_orders(customer: Organization, query: dict[str, Any]) -> dict[str, Any]:
    """List what was ordered for a customer through your organization, by whomever.

    The newest first, at most 500 at once: `links.next` leads on.
    """
    here = f"orders of {customer.id}"
    found, total, following = queries.placed_for(actors.signed_in(), customer.id, rest.continued(here))
    return rest.collection([_order(each) for each in found], total=total, following=_token(here, following))


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/orders/<guid:order_id>", Permission.READ_ORDERS,
    on=lambda actor, customer_id, order_id: queries.placed_order(actor, customer_id, order_id),
    answers=schemas.Order, versioned=True,
)  # fmt: skip
def get_order(placed: Placed) -> Answer:
    """Get one order. It never changes; what became of it stands at its subscriptions."""
    return _order(placed), 200, {"ETag": rest.quoted(rest.etag_of(placed.id))}


@rest.operation(
    blueprint, "POST", "/v1/customers/<guid:customer_id>/orders", Permission.PLACE_ORDERS, on=customers.seen_customer,
    body=schemas.OrderRequest, answers=schemas.Order, status=201, versioned=True,
    headers={"Location": "Where the order is found."},
)  # fmt: skip
def create_order(customer: Organization, body: dict[str, Any]) -> Answer:
    """Order products for a customer: all lines, or none.

    The customer's agreement must be in force (403 / 13605), and your organization must sell to it (403 / 20002). Each line
    begins a subscription today, which runs for the offer's term; the customer is told by mail. An order is `completed` at
    once. It does not renew itself unless the line says so with `autoRenewEnabled`, which Microsoft's shape does not have.

    An indirect provider names its reseller in `partnerIdOnRecord` where it sells to the customer through several, with
    `partnerOnRecordAttestationAccepted` (400 / 900206 without it); all lines of an order go through the same one. An indirect
    reseller with several providers names the provider there. Add-ons, other end dates and changes of product are refused.
    """
    if body.get("reference_customer_id") not in {None, customer.id}:
        said = _("Another customer stands in the address.")
        raise rest.ApiError(400, 800002, said, f"referenceCustomerId: {said}")
    asked = [
        _Line(
            f"lineItems.{number}", "offerId", each["offer_id"], each["quantity"], each.get("term_duration"),
            each.get("partner_id_on_record"), each["auto_renew_enabled"],
        )
        for number, each in enumerate(body["line_items"])
    ]  # fmt: skip
    wanted = _wanted(customer, asked, attested=body.get("partner_on_record_attestation_accepted"))
    if len({each.seller.relationship.id for each in wanted}) > 1:
        said = _("All lines of an order go through one partner. Use a cart for several.")
        raise rest.ApiError(400, 800016, said)
    (first,) = actions.place_together(customer, by=actors.signed_in(), key=uuid4(), lines=wanted)
    answer = _order(queries.placed_with([first.id])[0])
    return answer, 201, {"Location": answer["links"]["self"]["uri"], "ETag": rest.quoted(rest.etag_of(first.id))}


@dataclass(frozen=True)
class _Line:
    """A line of an order or a cart, as it was sent. `path` and `named` say where its offer stands in the body."""

    path: str
    named: str
    offer: str
    seats: int
    term: str | None
    number: str | None
    renews: bool


def _wanted(customer: Organization, lines: Sequence[_Line], *, attested: bool | None) -> list[Wanted]:
    """What the lines order, and through whom. Raises ApiError, NotSelling, PartnerDistrusted, ProductClosed,
    SeatsNotOffered."""
    if not attested and any(each.number for each in lines):
        said = _("Say with partnerOnRecordAttestationAccepted that the partner named agreed to it.")
        raise rest.ApiError(400, 900206, said, f"partnerOnRecordAttestationAccepted: {said}")
    own = organizations.partner_by_id(actors.signed_in().organization_id)
    assert own is not None
    sellers = queries.sellers_of(customer.id, own.id)
    if not sellers:
        queries.refuse_without_sellers(customer, own)
    found = []
    for line in lines:
        product = subscriptions.product_by_code(line.offer)
        if product is None:
            said = _("There is no such offer.")
            raise rest.ApiError(400, 800002, said, f"{line.path}.{line.named}: {said}")
        if line.term is not None and schemas.months_of(line.term) != product.term_months:
            said = _("The offer has another term.")
            raise rest.ApiError(400, 800002, said, f"{line.path}.termDuration: {said}")
        rules.check_product(product.code, product.is_open, line.seats, product.seats_min, product.seats_max)
        found.append(Wanted(_seller(sellers, line), product, line.seats, line.renews))
    return found


def _seller(sellers: Sequence[Seller], line: _Line) -> Seller:
    """Through whom a line goes: the partner that it names, else the partner itself, else the only reseller or provider."""
    fitting = [
        each for each in sellers
        if line.number is None
        or line.number in {each.partner.partner_number, each.reseller.partner_number if each.reseller else None}
    ]  # fmt: skip
    direct = [each for each in fitting if each.reseller is None]
    chosen = direct or fitting
    if len(chosen) != 1:
        said = (
            _("You sell to this customer together with several partners: name one of them.")
            if chosen
            else _("You do not sell to this customer together with this partner.")
        )
        raise rest.ApiError(400, 800016, said, f"{line.path}: {said}")
    return chosen[0]


# --- carts -------------------------------------------------------------------------------------------------------


def _cart_version(cart: Cart) -> str:
    return rest.etag_of(cart.id, cart.changed_at)


def _cart(cart: Cart) -> dict[str, Any]:
    """A cart as the API has it."""
    numbers: dict[str | None, int] = {}
    return {
        "id": cart.id, "creation_timestamp": cart.created_at, "last_modified_timestamp": cart.changed_at,
        "expiration_timestamp": cart.expires_at, "status": "Ordered" if cart.order_ids else "Active",
        "line_items": [
            line | {"id": number, "order_group": str(numbers.setdefault(_named(line), len(numbers)))}
            for number, line in enumerate(cart.lines)
        ],
        "links": {"self": rest.link(f"/v1/customers/{cart.customer_id}/carts/{cart.id}")},
        "attributes": rest.attributes("Cart", _cart_version(cart)),
    }  # fmt: skip


def _named(line: dict[str, Any]) -> str | None:
    """The partner number that a cart's line names."""
    return next((each["value"] for each in line.get("participants") or []), None)


def _gathered(customer: Organization, lines: Sequence[dict[str, Any]], attested: bool | None = True) -> list[Wanted]:
    """What a cart's lines order; raises what `_wanted` raises."""
    asked = [
        _Line(
            f"lineItems.{number}", "catalogItemId", each["catalog_item_id"], each["quantity"], each.get("term_duration"),
            _named(each), each["auto_renew_enabled"],
        )
        for number, each in enumerate(lines)
    ]  # fmt: skip
    return _wanted(customer, asked, attested=attested)


def _kept(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of a cart as they are kept: without what was left out."""
    return [{name: value for name, value in line.items() if value} | {
        "auto_renew_enabled": line["auto_renew_enabled"]} for line in body["line_items"]]  # fmt: skip


@rest.operation(
    blueprint, "POST", "/v1/customers/<guid:customer_id>/carts", Permission.PLACE_ORDERS, on=customers.seen_customer,
    body=schemas.CartRequest, answers=schemas.Cart, status=201, versioned=True,
    headers={"Location": "Where the cart is found."},
)  # fmt: skip
def create_cart(customer: Organization, body: dict[str, Any]) -> Answer:
    """Make a cart for a customer: a draft of what is ordered at its checkout.

    It is gone after seven days. Offers, quantities and partners are checked here, the customer's agreement at the checkout.
    """
    _gathered(customer, body["line_items"], body.get("partner_on_record_attestation_accepted"))
    cart = actions.make_cart(customer, by=actors.signed_in(), lines=_kept(body))
    answer = _cart(cart)
    return answer, 201, {"Location": answer["links"]["self"]["uri"], "ETag": rest.quoted(_cart_version(cart))}


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/carts/<guid:cart_id>", Permission.READ_ORDERS,
    on=queries.cart_for, answers=schemas.Cart, versioned=True,
)  # fmt: skip
def get_cart(cart: Cart) -> Answer:
    """Get a cart of your organization."""
    return _cart(cart), 200, {"ETag": rest.quoted(_cart_version(cart))}


@rest.operation(
    blueprint, "PUT", "/v1/customers/<guid:customer_id>/carts/<guid:cart_id>", Permission.PLACE_ORDERS,
    on=queries.cart_for, body=schemas.CartRequest, answers=schemas.Cart, versioned=True,
)  # fmt: skip
def replace_cart(cart: Cart, body: dict[str, Any]) -> Answer:
    """Replace all lines of a cart. It expires when it did before. Refused once it was checked out."""
    rest.check_version(_cart_version(cart))
    _gathered(_customer(cart.customer_id), body["line_items"], body.get("partner_on_record_attestation_accepted"))
    cart = actions.change_cart(
        cart, lines=_kept(body), still=lambda now: rest.check_version(_cart_version(now))
    )  # fmt: skip
    return _cart(cart), 200, {"ETag": rest.quoted(_cart_version(cart))}


@rest.operation(
    blueprint, "POST", "/v1/customers/<guid:customer_id>/carts/<guid:cart_id>/checkout", Permission.PLACE_ORDERS,
    on=queries.cart_for, answers=schemas.CartCheckoutResult, status=201,
)  # fmt: skip
def check_out_cart(cart: Cart) -> dict[str, Any]:
    """Order everything in a cart at once: all of it, or nothing.

    What goes through the same reseller becomes one order. Where a line is refused, the whole checkout is (403 / 13605 without
    the agreement), the cart stays open, and `orderErrors` is therefore always empty. Checking out again answers the same
    orders.
    """
    customer = _customer(cart.customer_id)
    ids = actions.check_out(cart, by=actors.signed_in(), wanted=lambda now: _gathered(customer, now.lines))
    orders = [_order(each) for each in queries.placed_with(ids)]
    return {"orders": orders, "order_errors": [], "attributes": rest.attributes("CartCheckoutResult")}


# --- what can be ordered ---------------------------------------------------------------------------------


@rest.operation(
    blueprint, "GET", "/v1/offers", Permission.READ_ORDERS,
    query=schemas.OffersQuery, answers=schemas.OfferCollection,
)  # fmt: skip
def list_offers(query: dict[str, Any]) -> dict[str, Any]:
    """List what can be ordered.

    Countersign sells one catalogue everywhere it is offered: a country that it does not serve has no offers. There are
    no prices, categories and add-ons. `termDuration` is besides Microsoft's fields.
    """
    country = query.get("country") or actors.signed_in().country
    if country not in policies.value("countries.served"):
        return rest.collection([])
    offers = subscriptions.products(open_only=True)
    shown = offers[query["offset"] : query["offset"] + query["size"]]
    return rest.collection([schemas.offer(each, country) for each in shown], total=len(offers))


def _offered(_actor: Actor, offer_id: str) -> Product | None:
    return subscriptions.product_by_code(offer_id)


@rest.operation(
    blueprint, "GET", "/v1/offers/<offer_id>", Permission.READ_ORDERS, on=_offered,
    query=schemas.OfferQuery, answers=schemas.Offer,
)  # fmt: skip
def get_offer(product: Product, query: dict[str, Any]) -> dict[str, Any]:
    """Get one offer by its id.

    `isAvailableForPurchase` is false for what was taken out of the catalogue: it can be read, and not ordered.
    """
    country = query.get("country") or actors.signed_in().country
    return schemas.offer(product, country) | {
        "is_available_for_purchase": product.is_open and country in policies.value("countries.served")
    }


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/offers", Permission.READ_ORDERS, on=customers.seen_customer,
    query=schemas.PageQuery, answers=schemas.OfferCollection,
)  # fmt: skip
def list_customer_offers(customer: Organization, query: dict[str, Any]) -> dict[str, Any]:
    """List what can be ordered for a customer: the catalogue in its country."""
    offers = subscriptions.products(open_only=True) if customer.country in policies.value("countries.served") else []
    shown = offers[query["offset"] : query["offset"] + query["size"]]
    return rest.collection([schemas.offer(each, customer.country) for each in shown], total=len(offers))
