"""A partner's orders through the page: the list, the form, the attestation an order waits for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from tests.orders.scene import Market
from tests.support.builders import Party
from tests.support.visitor import Page, Visitor
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.agreements import actions as agreements
from webapp.agreements.models import Attestation
from webapp.agreements.rules import fingerprint
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.organizations.models import Pairing
from webapp.policies import actions as policies
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions.models import Subscription

Browser = Callable[..., Visitor]


def signed_in(browser: Browser, party: Party, role: str = "admin_agent", **more: str) -> Visitor:
    visitor = browser(**more)
    visitor.sign_in(party[role].address)
    return visitor


def begin(visitor: Visitor, market: Market, **typed: str) -> Page:
    """Open the form and send it filled in."""
    visitor.open(f"/partner/orders/new?customer={market.customer.id}")
    return visitor.submit({"product": str(market.suite), "seats": "25", **typed}, to="/orders/review")


PERSON: dict[str, Any] = {"given_name": "Aki", "family_name": "Sato", "email": "aki.sato@customer.example"}


def test_an_order_for_a_customer_that_agreed_is_checked_and_placed(market: Market, browser: Browser) -> None:
    market.begin()
    market.attest()
    visitor = signed_in(browser, market.partner, "sales_agent")
    page = visitor.open("/partner/orders")
    assert "No orders yet" in page.words
    assert visitor.open("/partner/orders/new").heading == "New order"
    page = begin(visitor, market)
    assert page.heading == "Check before you order"
    for words in ("Contoso 株式会社", "Suite Business", "25", "It ends, and is not renewed"):
        assert words in page.words
    assert market.orders() == []
    page = visitor.submit(to="/orders")
    assert page.heading == "Suite Business"
    assert "The order was placed. The customer is told by mail." in page.words
    (order,) = market.orders()
    assert order.reference in page.words
    page = visitor.open("/partner/orders")
    for words in ("1 order", "Suite Business", "Contoso 株式会社", "Northwind Cloud"):
        assert words in page.words
    page = visitor.open(f"/partner/customers/{market.customer.id}/orders")
    assert "Software subscription" in page.words
    assert "Active" in page.words
    assert "None of" not in page.words


def test_what_was_typed_comes_back_with_change(market: Market, browser: Browser) -> None:
    market.begin()
    market.attest()
    visitor = signed_in(browser, market.partner)
    begin(visitor, market, seats="２５", auto_renews="y")
    page = visitor.follow("Change")
    (form,) = [form for form in page.forms if form.action.endswith("/review")]
    assert (form.fields["seats"], form.fields["product"], form.fields["auto_renews"]) == (
        ["25"], [str(market.suite)], ["y"],
    )  # fmt: skip


def test_what_cannot_be_ordered_is_said_on_the_field(market: Market, browser: Browser) -> None:
    market.begin()
    market.attest()
    visitor = signed_in(browser, market.partner)
    for typed, words in (
        ({"seats": "0"}, "Enter a whole number, 1 or more."),
        ({"seats": "many"}, "Enter a whole number, 1 or more."),
        ({"seats": "301"}, "This product is sold for 1 to 300 seats."),
        ({"seats": ""}, "Enter how many seats."),
        ({"product": str(market.plan), "seats": "2"}, "This product is not sold by the seat: enter 1."),
        ({"product": ""}, "Choose a product."),
    ):
        page = begin(visitor, market, **typed)
        assert page.status == 422, typed
        assert words in page.words
    assert market.orders() == []


def test_without_consent_the_prompt_opens_and_the_order_goes_on_where_it_was(market: Market, browser: Browser) -> None:
    market.begin()
    visitor = signed_in(browser, market.partner, "sales_agent")
    page = begin(visitor, market)
    assert page.heading == "Confirm the customer's acceptance"
    assert (
        "The acceptance of the Microsoft Customer Agreement by Contoso 株式会社 was not confirmed so far." in page.words
    )
    with market.app.app_context():
        today = clock.today("Asia/Tokyo")
    (form,) = [form for form in page.forms if form.action.endswith("/attestation")]
    assert form.fields["agreed_on"] == [today.isoformat()]
    assert form.fields["seats"] == ["25"]
    page = visitor.submit(to="/attestation", **PERSON | {"family_name": " "})
    assert page.status == 422
    assert "Enter the last name." in page.words
    assert market.rows(Attestation) == market.orders() == []
    page = visitor.submit(to="/attestation", **PERSON)
    assert "The acceptance was saved and the order was placed. The customer is told of both by mail." in page.words
    (attestation,), (order,) = market.rows(Attestation), market.orders()
    assert (attestation.agreed_on, attestation.person_id, order.seats) == (
        today, market.partner["sales_agent"].id, 25,
    )  # fmt: skip
    assert begin(visitor, market).heading == "Check before you order"


def test_an_earlier_day_with_another_version_is_shown_before_it_is_saved(market: Market, browser: Browser) -> None:
    market.world.a_published_agreement("JP", version="2025-01", effective_on=date(2025, 1, 1))
    market.begin()
    visitor = signed_in(browser, market.partner)
    assert "version 2026-03" in begin(visitor, market).words
    page = visitor.submit(to="/attestation", **PERSON, agreed_on="2025-06-30")
    assert page.status == 409
    assert "another version was in force" in page.words
    assert "version 2025-01" in page.words
    assert market.rows(Attestation) == []
    assert "the order was placed" in visitor.submit(to="/attestation").words
    assert market.rows(Attestation)[0].agreed_on == date(2025, 6, 30)


def _another_language(market: Market) -> None:
    accounts.choose_language(market.actor(market.partner["admin_agent"]), "ja")


def _another_name(market: Market) -> None:
    database.locked(market.organization(market.customer)).name = "Contoso Holdings"


def _another_contact(market: Market) -> None:
    database.write()
    database.session().get_one(Person, market.customer["global_administrator"].id).address = "other@customer.example"


def _another_version(market: Market) -> None:
    agreements.publish(
        type_="MicrosoftCustomerAgreement", country="JP", language="en", version="2026-10", title="Agreement",
        effective_on=date(2026, 10, 1), source="# Agreement",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_another_language, ["このページの表示後に次の内容が変わりました"]),
        (_another_name, ["something on it has changed", "the name of the customer", "Contoso Holdings accepted the"]),
        (_another_contact, ["something on it has changed", "who is told"]),
        (_another_version, ["another version was in force", "the version of the agreement", "version 2026-10"]),
    ],
)
def test_what_was_shown_is_what_is_signed(
    market: Market, browser: Browser, change: Callable[[Market], None], said: list[str]
) -> None:
    market.begin()
    visitor = signed_in(browser, market.partner)
    begin(visitor, market, auto_renews="y")
    with market.app.app_context(), database.unit_of_work():
        change(market)
    page = visitor.submit(to="/attestation", **PERSON, phone="+81 3 1234 5678")
    assert page.status == 409
    for words in said:
        assert words in page.words, page.words
    assert market.rows(Attestation) == market.orders() == []
    (form,) = [form for form in page.forms if form.action.endswith("/attestation")]
    kept = PERSON | {"phone": "+81 3 1234 5678", "seats": "25", "auto_renews": "y", "product": str(market.suite)}
    assert {name: form.fields[name] for name in kept} == {name: [value] for name, value in kept.items()}
    statement = next(each for each in page.elements("strong") if "Contoso" in "".join(each.itertext()))
    assert visitor.submit(to="/attestation").status == 200
    assert len(market.orders()) == 1
    (fact,) = market.rows(Fact, Fact.kind == "agreement.attested")
    with market.app.app_context():
        record = evidence.record_of(fact)
        signed = json.loads(evidence.personal_values([record])[record["personal"]["shown"]["id"]])
    assert signed["statement"] == "".join(statement.itertext())
    assert "contact" not in signed
    assert record["facts"]["fingerprint"] == fingerprint(signed)


def test_a_form_without_what_was_shown_or_with_something_else_saves_nothing(market: Market, browser: Browser) -> None:
    market.begin()
    visitor = signed_in(browser, market.partner)
    for altered in ({"fingerprint": "", "parts": ""}, {"fingerprint": "0" * 64}, {"fingerprint": "", "parts": "[]"}):
        begin(visitor, market)
        page = visitor.submit(PERSON | altered, to="/attestation")
        assert page.status == 409
        assert "something else on the page" in page.words
    assert market.rows(Attestation) == market.orders() == []


def test_a_day_that_no_longer_counts_is_refused_on_its_field_and_nothing_is_kept(
    market: Market, browser: Browser
) -> None:
    market.begin()
    with market.app.app_context(), database.unit_of_work():
        policies.set_policy("agreement.renew_before", "2026-05-01", why="for a test")
    visitor = signed_in(browser, market.partner)
    begin(visitor, market)
    page = visitor.submit(to="/attestation", **PERSON, agreed_on="2026-04-01")
    assert page.status == 422
    assert "An acceptance on this day does not count any more" in page.words
    assert market.rows(Attestation) == market.orders() == []
    page = visitor.submit(to="/attestation", agreed_on="2999-01-01")
    assert "cannot lie in the future" in page.words


def test_a_reseller_is_told_who_can_confirm_and_how_to_get_a_provider(market: Market, browser: Browser) -> None:
    market.begin(indirect=True)
    visitor = signed_in(browser, market.reseller)
    page = visitor.open(f"/partner/orders/new?customer={market.customer.id}")
    assert page.status == 403
    assert "your indirect provider Fabrikam Distribution does" in page.words
    assert page.links["Ask Fabrikam Distribution to confirm it"].endswith(f"/customers/{market.customer.id}/agreement")
    market.attest(by=market.provider)
    page = begin(visitor, market)
    assert "Fabrikam Distribution" in page.words
    with market.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Pairing).values(ended_at=clock.now()))
    page = visitor.open(f"/partner/orders/new?customer={market.customer.id}")
    assert page.status == 403
    assert "it orders through an indirect provider, and none has confirmed it" in page.words
    assert page.links["See your team and your providers"].endswith("/partner/team")


def test_an_objection_sends_the_partner_to_the_customer_first(market: Market, browser: Browser) -> None:
    market.begin()
    attestation_id = market.attest()
    with market.app.app_context():
        actor = market.actor(market.customer["global_administrator"])
        with database.unit_of_work():
            row = database.session().get_one(Attestation, attestation_id)
            agreements.object_signed_in(row, by=actor, comment="Nobody agreed.")
    page = signed_in(browser, market.partner).open(f"/partner/orders/new?customer={market.customer.id}")
    assert page.status == 403
    assert "Speak with the customer first" in page.words


def test_nobody_sees_or_orders_at_a_stranger(market: Market, browser: Browser) -> None:
    relationship = market.begin()
    market.attest()
    order_id, _new = market.place(relationship)
    visitor = signed_in(browser, market.provider)
    for path in (
        f"/partner/orders/{order_id}",
        f"/partner/orders/new?customer={market.customer.id}",
        "/partner/orders/new?customer=nonsense",
        f"/partner/customers/{market.customer.id}/orders",
    ):
        assert visitor.open(path).status == 404, path
    assert "No orders yet" in visitor.open("/partner/orders").words


def test_without_a_relationship_or_after_a_distrust_the_page_says_so(market: Market, browser: Browser) -> None:
    relationship = market.begin()
    market.attest()
    market.distrust()
    visitor = signed_in(browser, market.partner)
    page = visitor.open(f"/partner/orders/new?customer={market.customer.id}")
    assert page.heading == "This customer says that it does not know the partner"
    market.trust()
    market.end(relationship)
    page = visitor.open(f"/partner/customers/{market.customer.id}/orders")
    assert page.status == 200
    assert "New order" not in page.words


def test_the_list_turns_its_pages_in_order_of_time(market: Market, browser: Browser) -> None:
    relationship = market.begin()
    indirect = market.begin(indirect=True)
    market.attest()
    for number in range(43):
        market.place(relationship, seats=number + 1)
    market.place(indirect, by=market.reseller)
    visitor = signed_in(browser, market.partner)
    first = visitor.open("/partner/orders")
    assert "43 orders" in first.words
    second = visitor.follow("Next page")
    assert [len(page.elements("tr")) - 1 for page in (first, second)] == [40, 3]
    assert visitor.follow("Previous page").words == first.words
    assert "1 order" in signed_in(browser, market.provider).open("/partner/orders").words


def test_a_product_that_was_closed_meanwhile_is_said_so_and_a_second_click_finds_the_order(
    market: Market, browser: Browser
) -> None:
    market.begin()
    market.attest()
    visitor = signed_in(browser, market.partner)
    review = begin(visitor, market)
    (form,) = [form for form in review.forms if form.action.endswith("/orders")]
    visitor.submit(to="/orders")
    with market.app.app_context(), database.unit_of_work():
        subscriptions.add_product(
            "OTHER", name_en="Other", name_ja="Other", kind="offer", term_months=1, per_seat=True, seats_min=1, seats_max=9
        )  # fmt: skip
    visitor.page = review
    page = visitor.submit(to="/orders")
    assert "This order was placed already. Nothing was ordered twice." in page.words
    assert len(market.orders()) == 1
    assert form.fields["key"] != [""]


def test_the_list_leads_to_each_subscription(market: Market, browser: Browser) -> None:
    relationship = market.begin()
    market.attest()
    market.place(relationship, auto_renews=True)
    visitor = signed_in(browser, market.partner, "helpdesk_agent")
    page = visitor.open(f"/partner/customers/{market.customer.id}/orders")
    assert "automatic" in page.words
    assert visitor.follow("Suite Business").url.endswith(
        f"/partner/subscriptions/{market.rows(Subscription)[0].line_id}"
    )
