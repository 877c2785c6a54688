"""A customer's orders through the page: the list, buying, and why that is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.orders.scene import Market
from tests.support.builders import Party
from tests.support.visitor import Page, Visitor
from webapp import database
from webapp.accounts.models import Person
from webapp.orders import queries
from webapp.pages import cursor
from webapp.policies import actions as policies
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions.models import Subscription
from webapp.tasks.models import Task

Browser = Callable[..., Visitor]
SENTENCE = {
    "en": "Please reach out to your partner to confirm your acceptance of the Microsoft Customer Agreement",
    "ja": "パートナーに連絡して、Microsoft 顧客契約への同意を確認してください",
}


def signed_in(browser: Browser, party: Party, role: str = "billing_administrator", **more: str) -> Visitor:
    visitor = browser(**more)
    visitor.sign_in(party[role].address)
    return visitor


def begin(visitor: Visitor, market: Market, **typed: str) -> Page:
    visitor.open("/orders/new")
    return visitor.submit({"product": str(market.suite), "seats": "25", **typed}, to="/orders/review")


def test_a_billing_administrator_buys_through_its_partner(market: Market, browser: Browser) -> None:
    market.begin()
    market.attest()
    visitor = signed_in(browser, market.customer)
    page = begin(visitor, market, auto_renews="y")
    assert page.heading == "Check before you order"
    assert "It renews automatically for 1 year, until somebody stops that" in page.words
    assert market.orders() == []
    page = visitor.submit(to="/orders")
    assert "You ordered it. The partner is told, and your administrators get a mail." in page.words
    (order,) = market.orders()
    assert (order.placed_by_id, order.person_id) == (
        market.customer.id, market.customer["billing_administrator"].id,
    )  # fmt: skip
    page = visitor.open("/orders")
    for words in ("Suite Business", "Northwind Cloud", "Contoso 株式会社", "1 order"):
        assert words in page.words
    page = visitor.follow("Until")
    assert page.heading == "Suite Business"
    assert "It runs until the end of" in page.words
    partner = signed_in(browser, market.partner, "sales_agent")
    partner.open("/partner/inbox")
    page = partner.follow("Contoso 株式会社 ordered Suite Business through you")
    assert order.reference in page.words
    assert "Billing Of" not in page.words  # the partner learns the organization, not who of it


def test_the_seed_s_sentence_refuses_a_purchase_in_both_languages(market: Market, browser: Browser) -> None:
    market.begin()
    market.buy()
    for language, words in SENTENCE.items():
        with market.app.app_context(), database.unit_of_work():
            database.write()
            database.session().execute(sa.update(Person).values(language=language))
        page = signed_in(browser, market.customer).open("/orders/new")
        assert page.status == 403
        assert page.heading == words
    assert [row.product for row in market.rows(Subscription)] == ["Microsoft 365 Business Premium"]


def test_one_click_asks_the_partner_whose_contact_stands_there(market: Market, browser: Browser) -> None:
    market.begin()
    market.buy()
    visitor = signed_in(browser, market.customer)
    page = visitor.open("/orders/new")
    assert "contact@partner" in page.words
    assert "Read and accept the agreement" not in page.links  # accepting directly is closed to it
    page = visitor.submit(to="/attestation-request")
    assert "You asked Northwind Cloud. It sees your request in its inbox." in page.words
    (task,) = market.rows(Task, Task.kind == "attestation_wanted")
    assert (task.organization_id, task.waits) == (market.partner.id, True)
    assert task.path == f"/partner/customers/{market.customer.id}/agreement"
    visitor.open("/orders/new")
    assert "was asked today already" in visitor.submit(to="/attestation-request").words
    assert len(market.rows(Task, Task.kind == "attestation_wanted")) == 1


def test_a_customer_that_may_accept_directly_is_led_to_the_agreement(market: Market, browser: Browser) -> None:
    market.begin()
    visitor = signed_in(browser, market.customer)
    page = visitor.open("/orders/new")
    assert page.heading == SENTENCE["en"]
    assert visitor.follow("Read and accept the agreement").url.endswith("/agreement")


def test_with_several_partners_the_refusal_names_the_one_that_was_chosen(market: Market, browser: Browser) -> None:
    market.begin()
    market.begin(indirect=True)
    visitor = signed_in(browser, market.customer)
    page = visitor.open("/orders/new")
    assert page.status == 200
    assert SENTENCE["en"] in page.words
    (form,) = [form for form in page.forms if form.action.endswith("/review")]
    _direct, indirect = form.options["seller"]
    page = visitor.submit(to="/review", seller=indirect, product=str(market.suite))
    assert page.status == 403
    assert "It is the indirect provider of Tailspin Resellers, which cannot confirm it." in page.words
    assert "You asked Fabrikam Distribution." in visitor.submit(to="/attestation-request").words
    assert market.orders() == []


def test_consent_that_was_lost_between_the_steps_refuses_the_last_one(market: Market, browser: Browser) -> None:
    market.begin()
    market.attest(agreed_on=date(2026, 4, 1))
    visitor = signed_in(browser, market.customer)
    begin(visitor, market)
    with market.app.app_context(), database.unit_of_work():
        policies.set_policy("agreement.renew_before", "2026-05-01", why="for a test")
    page = visitor.submit(to="/orders")
    assert page.status == 403
    assert page.heading == SENTENCE["en"]
    assert "must accept it again" in page.words
    assert market.orders() == []


def test_whoever_reads_sees_orders_and_buys_nothing(market: Market, browser: Browser) -> None:
    relationship = market.begin()
    market.attest()
    market.place(relationship, auto_renews=True)
    visitor = signed_in(browser, market.customer, "global_reader")
    page = visitor.open("/orders")
    assert "Suite Business" in page.words
    assert "Buy something" not in page.links
    assert visitor.open("/orders/new").status == 403


def test_the_list_turns_pages_and_names_the_provider_of_a_reseller(
    market: Market, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    direct, indirect = market.begin(), market.begin(indirect=True)
    market.attest()
    for _ in range(2):
        market.place(direct)
    market.place(indirect, by=market.reseller)
    visitor = signed_in(browser, market.customer)
    first = visitor.open("/orders")
    assert "Indirect provider: Fabrikam Distribution" in first.words
    assert "3 orders" in first.words
    second = visitor.follow("Next page")
    assert "Fabrikam Distribution" not in second.words
    assert visitor.follow("Previous page").words == first.words
    assert (
        "Nothing here any more"
        in visitor.open(f"/orders?after={cursor('2000-01-01T00:00:00+00:00', str(UUID(int=0)))}").words
    )


def test_without_a_partner_the_page_says_how_buying_begins(market: Market, browser: Browser) -> None:
    visitor = signed_in(browser, market.customer)
    for path in ("/orders", "/orders/new"):
        page = visitor.open(path)
        assert page.status == 200
        assert "You buy through a partner." in page.words


def test_a_purchase_without_a_catalogue_says_so(market: Market, browser: Browser) -> None:
    market.begin()
    market.attest()
    for code in ("SUITE-Y", "AZURE"):
        with market.app.app_context(), database.unit_of_work():
            subscriptions.close_product(code)
    assert "Nothing can be ordered now" in signed_in(browser, market.customer).open("/orders/new").words
    agent = signed_in(browser, market.partner, "sales_agent")
    assert "Nothing can be ordered now" in agent.open(f"/partner/orders/new?customer={market.customer.id}").words
