"""Subscriptions, orders and carts by the API: what is answered, what is refused, and that once means once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse

from tests.support.builders import Party
from tests.support.story import Story
from webapp import clock, database
from webapp.api_clients import actions as api_clients
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.orders import actions, queries, rules
from webapp.orders.models import Cart, Order
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries
from webapp.subscriptions.models import Subscription

LINE: dict[str, Any] = {"offerId": "SUITE-Y", "quantity": 25}
ITEM: dict[str, Any] = {"catalogItemId": "SUITE-Y", "quantity": 25}


def call(
    story: Story, method: str, path: str, body: Any = None, *, by: str = "api_sales_agent", status: int = 200,
    **headers: str,
) -> dict[str, Any]:  # fmt: skip
    """Send a request about the customer; the answer's JSON, once its status is as it should be."""
    answer = send(story, method, path, body, by=by, **headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def send(
    story: Story, method: str, path: str, body: Any = None, *, by: str = "api_sales_agent", **headers: str
) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    where = path if path.startswith("/v1") else f"/v1/customers/{story.customer.id}{path}"
    more = {} if body is None else {"json": body}
    answer = story.client(by).open(where, method=method, headers=named, **more)
    assert isinstance(answer, TestResponse)
    return answer


def refused(story: Story, method: str, path: str, body: Any, status: int, code: int, **more: str) -> dict[str, Any]:
    """A request that is refused, and changes nothing."""
    before = rows(story)
    answer = call(story, method, path, body, status=status, **more)
    assert answer["code"] == code, answer
    assert rows(story) == before
    return answer


def rows(story: Story) -> tuple[int, ...]:
    with story.app.app_context():
        return tuple(
            database.session().scalar(sa.select(sa.func.count()).select_from(model)) or 0
            for model in (Order, Subscription, Fact, Message)
        )


def in_order(story: Story) -> None:
    """The customer agreed, and there is something to order."""
    story.related()
    story.catalogue()
    story.product("MONTHLY")


def ordered(story: Story, **line: Any) -> dict[str, Any]:
    """The subscription that an order begins."""
    order = call(story, "POST", "/orders", {"lineItems": [LINE | line]}, status=201)
    return call(story, "GET", f"/subscriptions/{order['lineItems'][0]['subscriptionId']}")


def token_of(story: Story, party: Party) -> str:
    """A client of another organization."""
    with story.unit():
        by = story._acting(party["admin_agent"])
    with story.unit():
        client, _secret = api_clients.create(by=by, name="Test", roles=("admin_agent",))
        _row, access, _refresh = api_clients.give_token(client, roles=("admin_agent",))
    name = f"api_{uuid4().hex[:6]}"
    story.tokens[name] = access
    return name


def at_once(count: int, act: Callable[[], TestResponse]) -> list[TestResponse]:
    """What several who come together get."""
    found: list[TestResponse] = []
    gate = threading.Barrier(count)

    def run() -> None:
        gate.wait()
        found.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


# --- the catalogue -----------------------------------------------------------------------------------------------


def test_the_catalogue_tells_what_can_be_ordered_and_how_much(story: Story) -> None:
    story.catalogue()
    offers = call(story, "GET", "/v1/offers?country=JP", X_Locale="ja-JP")
    (offer,) = offers["items"]
    assert (offer["id"], offer["name"], offer["locale"]) == ("SUITE-Y", "スイート ビジネス", "ja-JP")
    assert (offer["minimumQuantity"], offer["maximumQuantity"], offer["termDuration"]) == (1, 300, "P1Y")
    assert offer["attributes"] == {"objectType": "Offer"}
    assert call(story, "GET", "/v1/offers/SUITE-Y?country=JP", X_Locale="ja-JP") == offer
    assert call(story, "GET", "/v1/offers/NOTHING", status=404)["code"] == 1000
    assert call(story, "GET", "/v1/offers?country=ZZ")["items"] == []
    assert call(story, "GET", "/offers")["totalCount"] == 1
    assert call(story, "GET", "/v1/offers?country=jp", status=400)["code"] == 2000


def test_the_catalogue_is_read_in_parts_and_what_is_closed_is_not_in_it(story: Story) -> None:
    for number in range(3):
        story.product(f"SUITE-{number}")
    with story.unit():
        subscriptions.close_product("SUITE-1")
    found = call(story, "GET", "/v1/offers?offset=1&size=1")
    assert ([each["id"] for each in found["items"]], found["totalCount"]) == (["SUITE-2"], 2)
    assert call(story, "GET", "/v1/offers/SUITE-1")["isAvailableForPurchase"] is False


# --- orders ------------------------------------------------------------------------------------------------------


def test_an_order_begins_a_subscription_and_is_found_again(story: Story) -> None:
    in_order(story)
    answer = send(story, "POST", "/orders", {"lineItems": [LINE | {"lineItemNumber": 0}], "billingCycle": "monthly"})
    assert answer.status_code == 201, answer.text
    order = answer.get_json()
    (line,) = order["lineItems"]
    assert answer.headers["Location"] == f"/v1/customers/{story.customer.id}/orders/{order['id']}"
    assert answer.headers["ETag"] == f'"{order["attributes"]["etag"]}"'
    assert (order["status"], order["billingCycle"], order["referenceCustomerId"]) == (
        "completed", "none", str(story.customer.id),
    )  # fmt: skip
    assert {name: line[name] for name in ("lineItemNumber", "offerId", "quantity", "termDuration")} == {
        "lineItemNumber": 0, "offerId": "SUITE-Y", "quantity": 25, "termDuration": "P1Y",
    }  # fmt: skip
    assert "partnerIdOnRecord" not in line
    assert call(story, "GET", f"/orders/{order['id']}") == order
    assert call(story, "GET", "/orders")["items"] == [order]
    fact = story.only(Fact, kind="order.placed")
    assert '"source":"api"' in fact.record
    assert story.only(Order).id == UUID(order["id"])


def test_a_page_s_order_is_seen_as_well_and_another_partner_sees_neither(story: Story) -> None:
    id_ = story.order()
    assert [each["id"] for each in call(story, "GET", "/orders")["items"]] == [str(id_)]
    other = token_of(story, story.provider)
    assert call(story, "GET", f"/orders/{id_}", by=other, status=404)["code"] == 1000
    story.sells_to(story.customer, story.provider)
    assert call(story, "GET", "/orders", by=other)["items"] == []
    assert call(story, "GET", f"/orders/{id_}", by=other, status=404)["code"] == 1000


def test_several_lines_are_one_order_of_several_subscriptions(story: Story) -> None:
    in_order(story)
    lines = [LINE, {"offerId": "MONTHLY", "quantity": 3, "autoRenewEnabled": True}, LINE]
    order = call(story, "POST", "/orders", {"lineItems": lines}, status=201)
    assert [(each["lineItemNumber"], each["offerId"]) for each in order["lineItems"]] == [
        (0, "SUITE-Y"), (1, "MONTHLY"), (2, "SUITE-Y"),
    ]  # fmt: skip
    assert call(story, "GET", "/orders")["items"] == [order]
    assert call(story, "GET", f"/orders/{order['id']}") == order
    single = ordered(story)
    found = call(story, "GET", f"/subscriptions?order_id={order['id']}")["items"]
    assert {each["id"] for each in found} == {each["subscriptionId"] for each in order["lineItems"]}
    assert {each["autoRenewEnabled"] for each in found if each["offerId"] == "MONTHLY"} == {True}
    assert {each["orderId"] for each in found} == {order["id"]}
    assert single["orderId"] != order["id"]
    assert call(story, "GET", "/orders")["totalCount"] == 2


def test_one_refused_line_refuses_the_whole_order(story: Story) -> None:
    in_order(story)
    wrong = LINE | {"quantity": 301}
    assert "300" in refused(story, "POST", "/orders", {"lineItems": [LINE, wrong]}, 400, 2002)["description"]
    said = refused(story, "POST", "/orders", {"lineItems": [LINE, LINE | {"offerId": "NOTHING"}]}, 400, 800002)
    assert said["data"][0].startswith("lineItems.1.offerId:")
    said = refused(story, "POST", "/orders", {"lineItems": [LINE | {"termDuration": "P1M"}]}, 400, 800002)
    assert said["data"][0].startswith("lineItems.0.termDuration:")
    with story.unit():
        subscriptions.close_product("MONTHLY")
    refused(story, "POST", "/orders", {"lineItems": [LINE, LINE | {"offerId": "MONTHLY"}]}, 400, 800002)
    refused(story, "POST", "/orders", {"lineItems": [LINE], "referenceCustomerId": str(uuid4())}, 400, 800002)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"lineItems": []}, {"lineItems": [LINE] * 21}, {"lineItems": [{"offerId": "SUITE-Y"}]},
        {"lineItems": [LINE | {"quantity": 0}]}, {"lineItems": [LINE | {"quantity": "5"}]},
        {"lineItems": [LINE | {"customTermEndDate": "2027-01-01T00:00:00Z"}]},
        {"lineItems": [LINE | {"parentSubscriptionId": str(uuid4())}]},
        {"lineItems": [LINE], "billingCycle": "weekly"},
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused_with_the_field(story: Story, body: dict[str, Any]) -> None:
    in_order(story)
    assert refused(story, "POST", "/orders", body, 400, 2000)["data"]


def test_nothing_is_ordered_without_the_agreement(story: Story) -> None:
    story.catalogue()
    story.sells_to(story.customer)
    said = refused(story, "POST", "/orders", {"lineItems": [LINE]}, 403, 13605)
    assert "agreement" in said["description"]
    cart = call(story, "POST", "/carts", {"lineItems": [ITEM]}, status=201)
    refused(story, "POST", f"/carts/{cart['id']}/checkout", None, 403, 13605)
    assert call(story, "GET", f"/carts/{cart['id']}")["status"] == "Active"


def test_nothing_is_ordered_for_whom_one_does_not_sell_to(story: Story) -> None:
    story.catalogue()
    refused(story, "POST", "/orders", {"lineItems": [LINE]}, 403, 20002)
    refused(story, "POST", "/carts", {"lineItems": [ITEM]}, 403, 20002)


def _indirect(story: Story, *, direct: bool = False) -> str:
    """The provider sells to the customer through its reseller, and by itself where wanted; its client."""
    in_order(story)
    with story.unit():
        for reseller in [story.reseller.id, *([None] if direct else [])]:
            relationships.begin(
                story.organization(story.customer), partner_id=story.provider.id, reseller_id=reseller,
                origin="creation", by=None,
            )  # fmt: skip
        database.session().get_one(Organization, story.reseller.id).partner_number = "4500303"
        database.session().get_one(Organization, story.provider.id).partner_number = "4500202"
    return token_of(story, story.provider)


def test_a_provider_names_its_reseller_with_the_attestation(story: Story) -> None:
    provider = _indirect(story, direct=True)
    body: dict[str, Any] = {"lineItems": [LINE | {"partnerIdOnRecord": "4500303"}]}
    refused(story, "POST", "/orders", body, 400, 900206, by=provider)
    body["PartnerOnRecordAttestationAccepted"] = True
    order = call(story, "POST", "/orders", body, by=provider, status=201)
    assert order["lineItems"][0]["partnerIdOnRecord"] == "4500303"
    row = story.only(Order)
    assert (row.partner_id, row.reseller_id) == (story.provider.id, story.reseller.id)
    body["lineItems"][0]["partnerIdOnRecord"] = "999"
    refused(story, "POST", "/orders", body, 400, 800016, by=provider)
    call(story, "POST", "/orders", {"lineItems": [LINE]}, by=provider, status=201)
    with story.app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).where(Order.reseller_id.is_(None))) == 1
    both = {"lineItems": [LINE, LINE | {"partnerIdOnRecord": "4500303"}], "partnerOnRecordAttestationAccepted": True}
    refused(story, "POST", "/orders", both, 400, 800016, by=provider)


def test_the_only_reseller_is_meant_where_none_is_named_and_it_orders_itself_as_well(story: Story) -> None:
    provider = _indirect(story)
    order = call(story, "POST", "/orders", {"lineItems": [LINE]}, by=provider, status=201)
    assert order["lineItems"][0]["partnerIdOnRecord"] == "4500303"
    reseller = token_of(story, story.reseller)
    own = call(story, "POST", "/orders", {"lineItems": [LINE]}, by=reseller, status=201)
    seen = call(story, "GET", "/orders", by=reseller)["items"]
    assert {each["id"] for each in seen} == {order["id"], own["id"]}
    row = story.only(Order, id=UUID(own["id"]))
    assert (row.placed_by_id, row.partner_id, row.reseller_id) == (
        story.reseller.id, story.provider.id, story.reseller.id,
    )  # fmt: skip


# --- once means once ---------------------------------------------------------------------------------------------


def test_a_retried_order_is_placed_once_and_answered_alike_also_when_retries_arrive_together(story: Story) -> None:
    in_order(story)
    id_ = str(uuid4())
    answers = at_once(4, lambda: send(story, "POST", "/orders", {"lineItems": [LINE, LINE]}, MS_RequestId=id_))
    assert {each.status_code for each in answers} == {201}
    assert len({each.text for each in answers}) == 1
    again = send(story, "POST", "/orders", {"lineItems": [LINE, LINE]}, MS_RequestId=id_)
    assert (again.text, again.headers["Idempotent-Replayed"]) == (answers[0].text, "true")
    assert again.headers["Location"] == answers[0].headers["Location"]
    assert call(story, "GET", "/orders")["totalCount"] == 1
    refused(story, "POST", "/orders", {"lineItems": [LINE]}, 409, 800060, MS_RequestId=id_)


def test_a_cart_is_checked_out_once_also_by_several_at_once(story: Story) -> None:
    in_order(story)
    cart = call(story, "POST", "/carts", {"lineItems": [ITEM, ITEM | {"catalogItemId": "MONTHLY"}]}, status=201)
    answers = at_once(4, lambda: send(story, "POST", f"/carts/{cart['id']}/checkout"))
    assert {each.status_code for each in answers} == {201}, [each.text for each in answers]
    assert len({each.text for each in answers}) == 1
    (order,) = answers[0].get_json()["orders"]
    assert answers[0].get_json()["orderErrors"] == []
    assert call(story, "GET", "/orders")["items"] == [order]
    assert len(order["lineItems"]) == 2
    assert call(story, "GET", f"/carts/{cart['id']}")["status"] == "Ordered"
    refused(story, "PUT", f"/carts/{cart['id']}", {"lineItems": [ITEM]}, 409, 800060)


# --- carts -------------------------------------------------------------------------------------------------------


def test_a_cart_holds_its_lines_until_they_are_replaced(story: Story) -> None:
    in_order(story)
    answer = send(story, "POST", "/carts", {"lineItems": [ITEM | {"id": 7, "billingCycle": "monthly"}]})
    assert answer.status_code == 201, answer.text
    cart = answer.get_json()
    (line,) = cart["lineItems"]
    assert line == {
        "id": 0, "catalogItemId": "SUITE-Y", "quantity": 25, "billingCycle": "monthly", "orderGroup": "0",
        "autoRenewEnabled": False,
    }  # fmt: skip
    assert (cart["status"], cart["attributes"]["objectType"]) == ("Active", "Cart")
    assert call(story, "GET", f"/carts/{cart['id']}") == cart
    later = call(
        story, "PUT", f"/carts/{cart['id']}", {"lineItems": [ITEM | {"quantity": 2}]}, If_Match=answer.headers["ETag"]
    )
    assert (later["id"], later["lineItems"][0]["quantity"]) == (cart["id"], 2)
    assert later["expirationTimestamp"] == cart["expirationTimestamp"]
    refused(story, "PUT", f"/carts/{cart['id']}", {"lineItems": [ITEM]}, 400, 2055, If_Match=answer.headers["ETag"])
    refused(story, "PUT", f"/carts/{cart['id']}", {"lineItems": [ITEM | {"quantity": 301}]}, 400, 2002)
    refused(story, "POST", "/carts", {"lineItems": [ITEM | {"addonItems": [{}]}]}, 400, 2000)


def test_a_cart_orders_through_each_reseller_that_its_lines_name(story: Story) -> None:
    provider = _indirect(story, direct=True)
    through = {"participants": [{"key": "transaction_reseller", "value": "4500303"}]}
    body: dict[str, Any] = {"lineItems": [ITEM, ITEM | through, ITEM]}
    refused(story, "POST", "/carts", body, 400, 900206, by=provider)
    body["PartnerOnRecordAttestationAccepted"] = True
    cart = call(story, "POST", "/carts", body, by=provider, status=201)
    assert [each["orderGroup"] for each in cart["lineItems"]] == ["0", "1", "0"]
    orders = call(story, "POST", f"/carts/{cart['id']}/checkout", by=provider, status=201)["orders"]
    assert [[each.get("partnerIdOnRecord") for each in order["lineItems"]] for order in orders] == [
        [None, None], ["4500303"],
    ]  # fmt: skip
    # who has another token of another organization has no such cart
    assert call(story, "GET", f"/carts/{cart['id']}", status=404)["code"] == 1000


def test_a_cart_is_gone_after_seven_days_and_what_it_ordered_stays(story: Story) -> None:
    in_order(story)
    open_, done = (call(story, "POST", "/carts", {"lineItems": [ITEM]}, status=201)["id"] for _ in range(2))
    call(story, "POST", f"/carts/{done}/checkout", status=201)
    with story.app.app_context():
        assert actions.forget_carts() == 0
        late = clock.now() + rules.CART_LASTS
    with time_machine.travel(late, tick=False):
        with story.app.app_context():
            actor = story.actor("sales_agent")
            assert queries.cart_for(actor, story.customer.id, UUID(open_)) is None
            assert [actions.forget_carts(), actions.forget_carts()] == [2, 0]
    with story.app.app_context():
        assert database.session().scalars(sa.select(Cart)).all() == []
    assert call(story, "GET", "/orders")["totalCount"] == 1


# --- subscriptions -----------------------------------------------------------------------------------------------


def test_a_subscription_tells_what_the_product_knows_of_it(story: Story) -> None:
    in_order(story)
    found = ordered(story, autoRenewEnabled=True)
    row = story.only(Subscription)
    with story.app.app_context():
        number = story.organization(story.partner).partner_number
    assert {name: found[name] for name in found if name not in {"attributes", "links", "orderId", "creationDate"}} == {
        "id": str(row.line_id), "offerId": "SUITE-Y", "offerName": "Suite Business",
        "productType": {"id": "software_subscription", "displayName": "Software subscription"}, "quantity": 25,
        "unitType": "Licenses", "effectiveStartDate": f"{row.starts_on}T00:00:00+00:00",
        "commitmentEndDate": f"{row.ends_on}T00:00:00+00:00", "status": "active", "autoRenewEnabled": True,
        "isTrial": False, "billingType": "license", "billingCycle": "none", "termDuration": "P1Y",
        "renewalTermDuration": "P1Y", "suspensionReasons": [], "contractType": "subscription", "partnerId": number,
    }  # fmt: skip
    assert found["links"]["offer"]["uri"] == "/v1/offers/SUITE-Y"
    assert found["attributes"]["objectType"] == "Subscription"
    assert call(story, "GET", "/subscriptions")["items"] == [found]


@pytest.mark.parametrize(
    ("starts", "ends", "status"),
    [(5, 20, "pending"), (-5, 5, "active"), (-40, -1, "expired"), (-90, -31, "disabled"), (-400, -121, "deleted")],
)
def test_the_status_follows_the_stages(story: Story, starts: int, ends: int, status: str) -> None:
    line_id = _added(story, starts, ends)
    found = call(story, "GET", f"/subscriptions/{line_id}")
    assert found["status"] == status
    assert "offerId" not in found
    assert "orderId" not in found


def _added(story: Story, starts: int, ends: int, **more: Any) -> UUID:
    """Something that the customer, which agreed, has through the partner; from and until so many days from today."""
    in_order(story)
    with story.unit():
        customer, partner = story.organization(story.customer), story.organization(story.partner)
        today = clock.today(customer.zone)
        row, _new = subscriptions.add(
            customer, partner, reseller=None, product="Suite", seats=5, starts_on=today + timedelta(days=starts),
            ends_on=today + timedelta(days=ends), **more,
        )  # fmt: skip
        return row.line_id


def test_the_partner_of_record_is_told_to_whom_it_is_and_searched_for_by_its_number(story: Story) -> None:
    in_order(story)
    with story.unit():
        database.write(chain=story.customer.chain_id)
        database.session().get_one(Organization, story.partner.id).partner_number = "4500101"
        database.session().get_one(Organization, story.provider.id).partner_number = "4500202"
    first, second = ordered(story), ordered(story)
    assert first["partnerId"] == "4500101"
    assert call(story, "GET", "/subscriptions?mpn_id=4500101")["totalCount"] == 2
    with story.unit():
        standing = subscription_queries.standing_of(UUID(second["id"]))
        assert standing is not None
        subscriptions.name_partner_of_record(
            standing, story.organization(story.provider), by=story.actor("billing_administrator")
        )
    assert "partnerId" not in call(story, "GET", f"/subscriptions/{second['id']}")
    assert call(story, "GET", "/subscriptions?mpn_id=4500202")["items"] == []
    assert [each["id"] for each in call(story, "GET", "/subscriptions?mpn_id=4500101")["items"]] == [first["id"]]
    story.sells_to(story.customer, story.provider)
    provider = token_of(story, story.provider)
    (seen,) = call(story, "GET", "/subscriptions", by=provider)["items"]
    assert (seen["id"], seen["partnerId"]) == (second["id"], "4500202")
    body = seen | {"quantity": 30}
    refused(story, "PATCH", f"/subscriptions/{second['id']}", body, 403, 20002, by=provider)
    assert call(story, "GET", f"/subscriptions/{first['id']}", by=provider, status=404)["code"] == 1000


def test_a_list_of_many_is_turned_by_its_token(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    in_order(story)
    for _ in range(3):
        ordered(story)
    monkeypatch.setattr(queries, "MOST_AT_ONCE", 2)
    for path in ("/subscriptions", "/orders"):
        first = call(story, "GET", path)
        assert (len(first["items"]), first["totalCount"]) == (2, 3)
        follow = first["links"]["next"]
        assert follow["headers"] == [{"key": "MS-ContinuationToken", "value": first["continuationToken"]}]
        second = call(story, "GET", follow["uri"], MS_ContinuationToken=follow["headers"][0]["value"])
        assert len(second["items"]) == 1
        assert "next" not in second["links"]
        assert len({each["id"] for each in first["items"] + second["items"]}) == 3
        assert call(story, "GET", path, status=400, MS_ContinuationToken="nonsense")["code"] == 2000
        other = "/orders" if path == "/subscriptions" else "/subscriptions"
        assert call(story, "GET", other, status=400, MS_ContinuationToken=first["continuationToken"])["code"] == 2000


# --- changing a subscription -------------------------------------------------------------------------------------


def test_more_seats_are_bought_and_the_customer_is_told(story: Story) -> None:
    in_order(story)
    there = ordered(story)
    answer = send(
        story, "PATCH", f"/subscriptions/{there['id']}", there | {"quantity": 30},
        If_Match=f'"{there["attributes"]["etag"]}"',
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    now = answer.get_json()
    assert (now["id"], now["quantity"], now["commitmentEndDate"]) == (there["id"], 30, there["commitmentEndDate"])
    assert now["attributes"]["etag"] != there["attributes"]["etag"]
    assert answer.headers["ETag"] == f'"{now["attributes"]["etag"]}"'
    fact = story.only(Fact, kind="subscription.changed")
    assert '"source":"api"' in fact.record
    with story.app.app_context():
        mails = database.session().scalars(sa.select(Message).where(Message.kind == "amended")).all()
    assert {mail.recipient for mail in mails} == {
        story.address_of("global_administrator"), story.address_of("billing_administrator"),
    }  # fmt: skip
    assert "30" in mails[0].text
    refused(
        story, "PATCH", f"/subscriptions/{there['id']}", there | {"quantity": 31}, 400, 2055,
        If_Match=f'"{there["attributes"]["etag"]}"',
    )  # fmt: skip


@pytest.mark.parametrize(("quantity", "code"), [(24, 800090), (301, 2002), (0, 2000)])
def test_seats_go_up_within_what_the_offer_is_sold_for(story: Story, quantity: int, code: int) -> None:
    in_order(story)
    there = ordered(story)
    refused(story, "PATCH", f"/subscriptions/{there['id']}", there | {"quantity": quantity}, 400, code)


@pytest.mark.parametrize(("starts", "ends", "code"), [(-40, -1, 2001), (-90, -31, 2001), (-400, -121, 2011)])
def test_nothing_is_added_to_what_is_over(story: Story, starts: int, ends: int, code: int) -> None:
    line_id = _added(story, starts, ends)
    refused(story, "PATCH", f"/subscriptions/{line_id}", {"quantity": 9}, 400, code)


def test_what_is_over_is_not_set_to_renew_itself(story: Story) -> None:
    line_id = _added(story, -40, -1)
    said = refused(story, "PATCH", f"/subscriptions/{line_id}", {"autoRenewEnabled": True}, 400, 800093)
    assert "does not run any more" in said["description"]


def test_nothing_is_added_to_what_keys_paid_for(story: Story) -> None:
    line_id = story.ending_line()
    with story.unit():
        customer, product = story.organization(story.customer), subscription_queries.product_by_code("SUITE-Y")
        assert product is not None
        database.write(chain=customer.chain_id)
        row = subscriptions.begin_paid(
            customer, story.partner.id, product=product, name="Suite", seats=5, contract="product_key", by=None,
            ends_on=clock.today(customer.zone) + timedelta(days=90), source="operator",
        )  # fmt: skip
        paid = row.line_id
    assert call(story, "GET", f"/subscriptions/{paid}")["contractType"] == "productKey"
    refused(story, "PATCH", f"/subscriptions/{paid}", {"quantity": 9}, 403, 600006)
    assert call(story, "PATCH", f"/subscriptions/{line_id}", {"quantity": 9})["quantity"] == 9


def test_more_seats_wait_for_the_agreement_as_an_order_does(story: Story) -> None:
    story.bought()
    (found,) = call(story, "GET", "/subscriptions")["items"]
    refused(story, "PATCH", f"/subscriptions/{found['id']}", {"quantity": 9}, 403, 13605)
    refused(story, "PATCH", f"/subscriptions/{found['id']}", {"autoRenewEnabled": True}, 403, 13605)


def test_leaving_auto_renew_out_resets_it_and_the_partner_sets_it_again(story: Story) -> None:
    in_order(story)
    there = ordered(story, autoRenewEnabled=True)
    path = f"/subscriptions/{there['id']}"
    assert call(story, "PATCH", path, {"quantity": 25})["autoRenewEnabled"] is False
    resource = call(story, "GET", path)
    assert "renewalTermDuration" not in resource
    longer = resource | {"autoRenewEnabled": True, "renewalTermDuration": "P3Y"}
    refused(story, "PATCH", path, longer, 400, 800002)
    again = call(story, "PATCH", path, longer | {"quantity": 26, "renewalTermDuration": resource["termDuration"]})
    assert (again["autoRenewEnabled"], again["quantity"]) == (True, 26)
    unchanged = rows(story)
    assert call(story, "PATCH", path, again) == again
    assert rows(story) == unchanged


def test_what_the_customer_stopped_only_the_customer_starts_again(story: Story) -> None:
    in_order(story)
    there = ordered(story, autoRenewEnabled=True)
    path = f"/subscriptions/{there['id']}"
    with story.unit():
        standing = subscription_queries.standing_of(UUID(there["id"]))
        assert standing is not None
        subscriptions.stop_renewal_of(standing, by=story.actor("billing_administrator"))
    said = refused(story, "PATCH", path, {"autoRenewEnabled": True}, 400, 800093)
    assert "only the customer" in said["description"]
    call(story, "PATCH", path, {"quantity": 26})  # a change within the term does not hide who stopped it
    refused(story, "PATCH", path, {"quantity": 26, "autoRenewEnabled": True}, 400, 800093)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "suspended"}, 800002), ({"friendlyName": "Ours"}, 2000), ({"billingCycle": "annual"}, 800002),
        ({"termDuration": "P3Y"}, 800002), ({"partnerId": "4711"}, 800098), ({"offerId": "MONTHLY"}, 800002),
        ({"commitmentEndDate": "2031-01-01T00:00:00Z"}, 800002), ({"id": str(uuid4())}, 800002),
        ({"scheduledNextTermInstructions": {"quantity": 2}}, 2000),
    ],
)  # fmt: skip
def test_what_a_partner_does_not_change_is_refused_and_not_ignored(
    story: Story, change: dict[str, Any], code: int
) -> None:
    in_order(story)
    there = ordered(story)
    said = refused(story, "PATCH", f"/subscriptions/{there['id']}", there | change, 400, code)
    assert said["data"][0].startswith(f"{next(iter(change))}:")


def test_null_changes_nothing(story: Story) -> None:
    in_order(story)
    there = ordered(story)
    nulls = dict.fromkeys(("friendlyName", "status", "partnerId", "scheduledNextTermInstructions", "orderId"))
    assert call(story, "PATCH", f"/subscriptions/{there['id']}", there | nulls) == there
