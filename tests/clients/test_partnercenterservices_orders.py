"""The published client `partnercenterservices` reads offers, orders, carts' checkout and subscriptions at the served program."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from flask import Flask

from tests.orders.scene import Market
from tests.support.builders import World
from tests.support.served import Served
from webapp import database
from webapp.api_clients import actions as api_clients

with warnings.catch_warnings():
    # the library is generated code of 2020: its own imports use what Python has deprecated since
    warnings.simplefilter("ignore")
    from microsoft.store.partnercenterservices import MicrosoftPartnerStoreApis, models
    from msrest.authentication import BasicTokenAuthentication

Order, Line = models.MicrosoftPartnerSdkContractsV1Order, models.MicrosoftPartnerSdkContractsV1OrderLineItem


@dataclass
class Caller:
    """The client with the token of a partner that sells to a customer, and a plain one for what it lacks."""

    market: Market
    apis: Any
    http: httpx.Client

    @property
    def customer(self) -> str:
        return str(self.market.customer.id)

    def asks(self, operation: Any, *args: Any, **more: Any) -> Any:
        """What an operation of the client answers; it turns errors into None unless asked for the raw answer."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # as above, when it sends
            return operation(*args, **more)


@pytest.fixture
def caller(app: Flask, world: World, serve: Callable[..., Served]) -> Iterator[Caller]:
    market = Market(app, world)
    market.begin()
    with app.app_context(), database.unit_of_work():
        by = world._acting(market.partner["admin_agent"])
    with app.app_context(), database.unit_of_work():
        client, _secret = api_clients.create(by=by, name="Orders", roles=("admin_agent",))
        token = api_clients.give_token(client, roles=("admin_agent",))[1]
    served = serve(processes=2)
    apis = MicrosoftPartnerStoreApis(BasicTokenAuthentication({"access_token": token}), base_url=served.url)
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        yield Caller(market, apis, http)


def test_the_client_finds_offers_orders_them_and_changes_what_it_bought(caller: Caller) -> None:
    apis, customer, asks = caller.apis, caller.customer, caller.asks
    reads, writes = apis.getvversioncustomerscustomer, apis.postvversioncustomerscustomer

    # what there is
    offers = asks(apis.getvversionofferscountrycountry.value, "1", country="JP", offset=0, size=10)
    assert [each.id for each in offers.items] == ["AZURE", "SUITE-Y"]
    assert (offers.total_count, offers.attributes.object_type) == (2, "Collection")
    offer = asks(apis.getvversionoffersoffer.value1, "SUITE-Y", "1", country="JP")
    assert (offer.name, offer.minimum_quantity, offer.maximum_quantity) == ("Suite Business", 1, 300)
    assert offer.links.itself.uri == "/v1/offers/SUITE-Y?country=JP"
    assert [each.id for each in asks(reads.value2, customer, "1", size=1).items] == ["AZURE"]

    # the agreement first
    order = Order(
        reference_customer_id=customer, billing_cycle="monthly",
        line_items=[Line(line_item_number=0, offer_id="SUITE-Y", quantity=5), Line(offer_id="AZURE", quantity=1)],
    )  # fmt: skip
    answer = asks(writes.idorders, customer, order, "1", raw=True)
    assert (answer.response.status_code, answer.response.json()["code"]) == (403, 13605)
    caller.market.attest()

    # an order, sent twice with one id
    id_ = str(uuid4())
    placed = asks(writes.idorders, customer, order, "1", ms_request_id=id_)
    assert asks(writes.idorders, customer, order, "1", ms_request_id=id_).id == placed.id
    assert (placed.status, placed.reference_customer_id) == ("completed", customer)
    assert [(each.line_item_number, each.offer_id, each.quantity) for each in placed.line_items] == [
        (0, "SUITE-Y", 5), (1, "AZURE", 1),
    ]  # fmt: skip
    assert (
        asks(reads.id5, customer, placed.id, "1").line_items[1].subscription_id == placed.line_items[1].subscription_id
    )
    assert [each.id for each in asks(reads.value7, customer, "1").items] == [placed.id]
    assert placed.creation_date.tzinfo is not None

    # what it bought
    found = asks(reads.value9, customer, "1", order_id=placed.id)
    assert {each.offer_id for each in found.items} == {"SUITE-Y", "AZURE"}
    subscription = asks(reads.id6, customer, placed.line_items[0].subscription_id, "1")
    assert (subscription.status, subscription.quantity, subscription.auto_renew_enabled) == ("active", 5, False)
    assert (subscription.contract_type, subscription.unit_type) == ("subscription", "Licenses")
    assert subscription.links.itself.uri.endswith(subscription.id)
    assert subscription.links.offer.uri == "/v1/offers/SUITE-Y"
    assert asks(reads.value9, customer, "1", mpn_id="9999999").items == []

    # and the whole resource back, with more of it
    change = apis.patchvversioncustomerscustomer.id4
    subscription.quantity, subscription.auto_renew_enabled = 8, True
    now = asks(change, customer, subscription.id, subscription, "1")
    assert (now.quantity, now.auto_renew_enabled, now.commitment_end_date) == (
        8,
        True,
        subscription.commitment_end_date,
    )
    now.quantity = 7
    answer = asks(change, customer, subscription.id, now, "1", raw=True)
    assert (answer.response.status_code, answer.response.json()["code"]) == (400, 800090)
    now.quantity, now.status = 8, "suspended"
    answer = asks(change, customer, subscription.id, now, "1", raw=True)
    assert (answer.response.status_code, answer.response.json()["code"]) == (400, 800002)
    stale = {"If-Match": f'"{subscription.attributes.etag}"'}
    answer = asks(change, customer, subscription.id, subscription, "1", raw=True, custom_headers=stale)
    assert (answer.response.status_code, answer.response.json()["code"]) == (400, 2055)


def test_the_client_checks_out_a_cart(caller: Caller) -> None:
    caller.market.attest()
    path = f"/v1/customers/{caller.customer}/carts"
    body = {
        "PartnerOnRecordAttestationAccepted": True,
        "lineItems": [
            {"id": 0, "catalogItemId": "SUITE-Y", "quantity": 2, "billingCycle": "monthly", "termDuration": "P1Y",
             "renewsTo": None, "provisioningContext": {}},
        ],
    }  # fmt: skip
    cart = caller.http.post(path, json=body).raise_for_status().json()
    check_out = caller.apis.postvversioncustomerscustomer.idcheckout
    result = caller.asks(check_out, caller.customer, cart["id"], "1")
    (order,) = result.orders
    assert (order.line_items[0].offer_id, order.line_items[0].quantity, result.order_errors) == ("SUITE-Y", 2, [])
    again = caller.asks(check_out, caller.customer, cart["id"], "1")
    assert [each.id for each in again.orders] == [order.id]
    assert caller.http.get(f"{path}/{cart['id']}").json()["status"] == "Ordered"
    answer = caller.asks(check_out, caller.customer, str(uuid4()), "1", raw=True)
    assert (answer.response.status_code, answer.response.json()["code"]) == (404, 1000)
