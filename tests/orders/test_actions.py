"""Ordering: what it writes, whom it tells, and when it is refused."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.orders.scene import Market
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.agreements.models import Attestation
from webapp.agreements.rules import Signatory, fingerprint, parts
from webapp.errors import Refusal
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.orders import actions
from webapp.orders.models import Order
from webapp.orders.words import shown_in
from webapp.organizations.models import Pairing
from webapp.policies import actions as policies
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue
from webapp.subscriptions.models import Subscription
from webapp.tasks.models import Task


def refusal(market: Market, relationship: UUID, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        market.place(relationship, **more)
    assert market.orders() == []
    assert market.rows(Subscription) == []
    return refused.value


def test_a_partner_s_order_is_one_order_one_subscription_and_two_facts_in_the_customer_s_chain(market: Market) -> None:
    relationship = market.begin()
    market.attest()
    order_id, new = market.place(relationship, seats=25, auto_renews=True)
    assert new
    (order,), (row,) = market.orders(), market.rows(Subscription)
    assert (order.id, order.subscription_id, order.placed_by_id) == (order_id, row.id, market.partner.id)
    with market.app.app_context():
        today = clock.today("Asia/Tokyo")
    assert (row.starts_on, row.seats, row.kind, row.auto_renews) == (today, 25, "software_subscription", True)
    assert row.product == "Suite Business"  # the customer reads English
    assert row.product_id == market.suite
    facts = market.rows(Fact, Fact.kind.in_(["order.placed", "subscription.added"]))
    assert {fact.kind for fact in facts} == {"order.placed", "subscription.added"}
    assert {fact.chain_id for fact in facts} == {market.customer.chain_id}
    assert order.fact_id == next(fact.id for fact in facts if fact.kind == "order.placed")


def test_the_customer_s_buyers_are_told_of_its_partner_s_order_and_the_partner_of_the_customer_s(
    market: Market,
) -> None:
    relationship = market.begin()
    market.attest()
    market.place(relationship)
    buyers = {market.customer[role].address for role in ("global_administrator", "billing_administrator")}
    assert market.mails("placed").keys() == buyers
    assert market.rows(Task, Task.kind == "order_placed") == []
    order_id, _new = market.place(relationship, by=market.customer, role="billing_administrator")
    told = {each.recipient for each in market.rows(Message, Message.kind == "placed", Message.about_id == order_id)}
    assert told == buyers | {market.partner[role].address for role in ("admin_agent", "sales_agent")}
    (task,) = market.rows(Task, Task.kind == "order_placed")
    assert (task.organization_id, task.waits, task.path) == (market.partner.id, False, f"/partner/orders/{order_id}")


def test_through_a_reseller_the_provider_is_told_in_its_inbox(market: Market) -> None:
    relationship = market.begin(indirect=True)
    market.attest(by=market.provider)
    market.place(relationship, by=market.reseller)
    (row,) = market.rows(Subscription)
    assert (row.partner_id, row.reseller_id) == (market.provider.id, market.reseller.id)
    (task,) = market.rows(Task, Task.kind == "order_placed")
    assert task.organization_id == market.provider.id
    market.place(relationship, by=market.provider)
    assert {task.organization_id for task in market.rows(Task, Task.kind == "order_placed")} == {
        market.provider.id,
        market.reseller.id,
    }


def test_the_same_form_places_one_order(market: Market) -> None:
    relationship = market.begin()
    market.attest()
    key = uuid4()
    first, new = market.place(relationship, key=key)
    again, newer = market.place(relationship, key=key, seats=9)
    assert (new, newer, again) == (True, False, first)
    assert len(market.orders()) == len(market.rows(Subscription)) == 1
    other, new = market.place(relationship, by=market.customer, key=key)  # another organization's form
    assert new
    assert other != first


def test_two_clicks_at_the_same_moment_place_one_order(market: Market) -> None:
    relationship, key = market.begin(), uuid4()
    market.attest()
    with market.app.app_context():
        market.actor(market.partner["admin_agent"])  # signed in before
    start, found, faults = threading.Barrier(4), [], []

    def click() -> None:
        start.wait()
        try:
            found.append(market.place(relationship, key=key))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(new for _id, new in found) == [False, False, False, True]
    assert len({id_ for id_, _new in found}) == 1
    assert len(market.orders()) == len(market.rows(Subscription)) == 1
    assert len(market.rows(Fact, Fact.kind == "order.placed")) == 1


def test_without_consent_neither_side_buys_and_what_runs_goes_on(market: Market) -> None:
    relationship = market.begin()
    running = market.buy()
    for by, remedy in ((market.partner, "attest"), (market.customer, "ask")):
        with pytest.raises(Refusal) as refused:
            market.place(relationship, by=by)
        assert refused.value.name == "AgreementMissing"
        assert refused.value.remedy == remedy
        assert refused.value.facts["direct"] is False  # it bought through a partner, and never agreed
        assert refused.value.contact
    assert market.orders() == []
    assert [row.id for row in market.rows(Subscription)] == [running]


def test_a_customer_that_bought_nothing_so_far_may_accept_by_itself(market: Market) -> None:
    refused = refusal(market, market.begin(), by=market.customer)
    assert (refused.name, refused.facts["direct"]) == ("AgreementMissing", True)


def test_consent_that_must_be_renewed_does_not_buy(market: Market) -> None:
    relationship = market.begin()
    market.attest(agreed_on=date(2026, 4, 1))
    with market.app.app_context(), database.unit_of_work():
        policies.set_policy("agreement.renew_before", "2026-05-01", why="for a test")
    refused = refusal(market, relationship)
    assert (refused.name, refused.state, refused.remedy) == ("AgreementMissing", "must_renew", "attest")


def test_a_reseller_asks_its_provider_and_whoever_nobody_may_attest_asks_the_customer(market: Market) -> None:
    refused = refusal(market, market.begin(indirect=True), by=market.reseller)
    assert (refused.remedy, refused.partner, refused.reseller) == (
        "provider", "Fabrikam Distribution", "Tailspin Resellers",
    )  # fmt: skip
    with market.app.app_context(), database.unit_of_work():
        policies.set_policy("attestation.last_day", "2026-01-05", why="for a test")
    assert refusal(market, market.begin()).remedy == "accept"


def test_a_reseller_whose_provider_no_longer_confirms_it_orders_nothing(market: Market) -> None:
    relationship = market.begin(indirect=True)
    market.attest(by=market.provider)
    with market.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Pairing).values(ended_at=clock.now()))
    for by in (market.reseller, market.provider, market.customer):
        assert refusal(market, relationship, by=by).name == "ProviderMissing"


def test_nothing_is_ordered_where_the_relationship_ended_or_is_another_partner_s(market: Market) -> None:
    relationship = market.begin()
    market.attest()
    assert refusal(market, relationship, by=market.provider).name == "NotSelling"
    market.end(relationship)
    assert refusal(market, relationship).name == "NotSelling"


def test_whom_the_customer_does_not_know_orders_nothing(market: Market) -> None:
    relationship = market.begin()
    market.attest()
    market.distrust()
    assert refusal(market, relationship).name == "PartnerDistrusted"
    market.trust()
    assert market.place(relationship)[1]


def test_a_closed_product_and_too_many_seats_are_refused(market: Market) -> None:
    relationship = market.begin()
    market.attest()
    refused = refusal(market, relationship, seats=301)
    assert (refused.name, refused.low, refused.high) == ("SeatsNotOffered", 1, 300)
    assert refusal(market, relationship, product=market.plan, seats=2).name == "SeatsNotOffered"
    with market.app.app_context(), database.unit_of_work():
        subscriptions.close_product("SUITE-Y")
    assert refusal(market, relationship).name == "ProductClosed"


def test_attestation_and_order_are_both_there_or_neither(market: Market) -> None:
    relationship, key = market.begin(), uuid4()

    def both(seats: int, agreed_on: date | None = None) -> tuple[UUID, bool]:
        with market.app.app_context():
            actor = market.actor(market.partner["sales_agent"])
            with database.unit_of_work():
                product = catalogue.product_by_id(market.suite)
                assert product is not None
                customer = market.organization(market.customer)
                text = agreements.text_on("JP", clock.today("Asia/Tokyo"), "en")
                assert text is not None
                shown = shown_in(customer, text, agreements.primary_contact_of(customer.id))
                order, new = actions.attest_and_place(
                    customer, by=actor, key=key,
                    signatory=Signatory("Aki", "Sato", "aki.sato@customer.example"),
                    agreed_on=agreed_on or clock.today("Asia/Tokyo"), fingerprint=fingerprint(shown), parts=parts(shown),
                    seller=market.seller(relationship), product=product, seats=seats, auto_renews=False,
                )  # fmt: skip
                return order.id, new

    with pytest.raises(Refusal) as refused:
        both(seats=999)
    assert refused.value.name == "SeatsNotOffered"
    assert market.rows(Attestation) == market.orders() == []
    first, new = both(seats=5)
    assert new
    assert both(seats=5) == (first, False)
    assert len(market.rows(Attestation)) == len(market.orders()) == 1
    assert {market.mails(kind).keys() != set() for kind in ("attested", "placed")} == {True}
    (fact,) = market.rows(Fact, Fact.kind == "agreement.attested")
    assert fact.chain_id == market.customer.chain_id


def test_the_database_refuses_a_second_order_of_one_form(market: Market) -> None:
    relationship = market.begin()
    market.attest()
    market.place(relationship, key=uuid4())
    (order,) = market.orders()
    with market.app.app_context(), pytest.raises(sa.exc.IntegrityError), database.unit_of_work():
        database.write()
        columns = {each.name: getattr(order, each.name) for each in sa.inspect(Order).columns}
        database.session().add(Order(**columns | {"id": uuid4(), "reference": "OTHER"}))
        database.session().flush()
