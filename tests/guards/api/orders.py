"""Operations of `orders` and of the catalogue: subscriptions, orders, carts, offers."""

from __future__ import annotations

from typing import Any

from tests.guards.api import AGENTS, READERS, op
from tests.guards.routes import many
from tests.support.story import Story
from webapp.relationships import queries as relationships

_CUSTOMER = "/v1/customers/<guid:customer_id>"


def _customer(s: Story) -> dict[str, Any]:
    """A customer in order, and what can be ordered for it."""
    s.catalogue()
    with s.app.app_context():
        related = relationships.open_between(s.customer.id, s.partner.id)
    if related is None:
        s.related()
    return {"customer_id": s.customer.id}


def _subscription(s: Story) -> dict[str, Any]:
    return _customer(s) | {"subscription_id": s.ordered_subscription()}


def _order(s: Story) -> dict[str, Any]:
    return _customer(s) | {"order_id": s.order()}


def _cart(s: Story) -> dict[str, Any]:
    return _customer(s) | {"cart_id": s.cart()}


def _many(s: Story, count: int) -> None:
    for _ in range(count):
        s.order()


def _products(s: Story, count: int) -> None:
    for number in range(count):
        s.product(f"SUITE-{number}")


def _offer(s: Story) -> dict[str, Any]:
    s.catalogue()
    return {"offer_id": "SUITE-Y"}


_LINE = {"offerId": "SUITE-Y", "quantity": 25, "lineItemNumber": 0}
_ITEM = {"catalogItemId": "SUITE-Y", "quantity": 25}

OPERATIONS = {
    "GET /v1/offers": op(200, to=READERS),
    "GET /v1/offers/<offer_id>": op(200, to=READERS, rival=200, prepare=_offer),
    f"GET {_CUSTOMER}/offers": op(200, to=READERS, prepare=_customer),
    f"GET {_CUSTOMER}/subscriptions": op(200, to=READERS, prepare=_customer),
    f"GET {_CUSTOMER}/subscriptions/<guid:subscription_id>": op(200, to=READERS, prepare=_subscription),
    f"PATCH {_CUSTOMER}/subscriptions/<guid:subscription_id>": op(
        200, to=AGENTS, prepare=_subscription, body=lambda s, p: {"quantity": 6, "autoRenewEnabled": True}
    ),
    f"GET {_CUSTOMER}/orders": op(200, to=READERS, prepare=_customer),
    f"GET {_CUSTOMER}/orders/<guid:order_id>": op(200, to=READERS, prepare=_order),
    f"POST {_CUSTOMER}/orders": op(201, to=AGENTS, prepare=_customer, body=lambda s, p: {"lineItems": [_LINE]}),
    f"POST {_CUSTOMER}/carts": op(201, to=AGENTS, prepare=_customer, body=lambda s, p: {"lineItems": [_ITEM]}),
    f"GET {_CUSTOMER}/carts/<guid:cart_id>": op(200, to=READERS, prepare=_cart),
    f"PUT {_CUSTOMER}/carts/<guid:cart_id>": op(
        200, to=AGENTS, prepare=_cart, body=lambda s, p: {"lineItems": [_ITEM, _ITEM]}
    ),
    f"POST {_CUSTOMER}/carts/<guid:cart_id>/checkout": op(201, to=AGENTS, prepare=_cart),
}

LISTS = {
    "GET /v1/offers": many("api_admin_agent", _products),
    f"GET {_CUSTOMER}/offers": many("api_admin_agent", _products, prepare=_customer),
    f"GET {_CUSTOMER}/subscriptions": many("api_admin_agent", _many, prepare=_customer),
    f"GET {_CUSTOMER}/orders": many("api_admin_agent", _many, prepare=_customer),
}
