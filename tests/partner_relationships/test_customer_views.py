"""Settings > Partner relationships."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import time_machine
from flask import Flask

from tests.customers.acts import Acts, publish
from tests.support.builders import Party, World
from tests.support.delegation import Delegation
from tests.support.visitor import Page, Visitor, words_of
from webapp import database
from webapp.delegated_admin.roles import BASIC
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships
from webapp.relationships import queries as relationship_queries
from webapp.relationships.models import EndingRequest, Relationship

Browser = Callable[..., Visitor]
LIST = "/settings/partner-relationships"


def signed_in(browser: Browser, customer: Party, role: str = "global_administrator") -> Visitor:
    visitor = browser()
    visitor.sign_in(customer[role].address)
    return visitor


def relate(app: Flask, customer: Party, partner: Party, reseller: Party | None = None) -> UUID:
    with app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(customer.id)
        assert row is not None
        database.write(chain=row.chain_id)
        made = relationships.begin(
            row, partner_id=partner.id, reseller_id=reseller.id if reseller else None, origin="acceptance", by=None
        )
        return made.id


def partners(page: Page) -> list[str]:
    return [words for words, url in page.links.items() if f"{LIST}/" in url]


def test_without_partners_the_page_says_how_one_begins(world: World, browser: Browser) -> None:
    page = signed_in(browser, world.a_customer()).open(LIST)
    assert "You have no partner relationships" in page.words
    assert page.links["See what waits"].endswith("/home")


def test_the_list_has_the_columns_of_the_admin_centre(app: Flask, world: World, browser: Browser) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    relate(app, customer, partner)
    page = signed_in(browser, customer, "global_reader").open(LIST)
    headings = ["".join(th.itertext()).strip() for th in page.elements("th")][:6]
    assert headings == ["Partner", "Relationship type", "Relationship name", "Roles", "Duration", "Status"]
    assert "Northwind Cloud Reseller Does not apply No roles" in page.words
    assert "no end date Active" in page.words
    assert "1 relationship" in page.words


def test_an_indirect_relationship_shows_reseller_and_provider(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    provider = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    world.pair(provider, reseller)
    relate(app, customer, provider, reseller)
    visitor = signed_in(browser, customer)
    page = visitor.open(LIST)
    assert "Tailspin Resellers with the indirect provider Fabrikam Distribution Indirect reseller" in page.words
    for name in ("fabrikam", "tailspin"):
        assert partners(visitor.open(f"{LIST}?search={name}")) == ["Tailspin Resellers"]
    page = visitor.follow("Tailspin Resellers")
    assert page.heading == "Tailspin Resellers"
    for party in (provider, reseller):
        assert f"contact@{party['admin_agent'].address.split('@')[1]}" in page.words


def test_ended_relationships_show_only_when_asked_for(app: Flask, world: World, browser: Browser) -> None:
    acts = Acts(app, world)
    for indirect in (False, True):
        acts.begin(indirect)
    acts.end(False)
    visitor = signed_in(browser, acts.customer)
    assert partners(visitor.open(LIST)) == [acts.reseller.name]
    assert partners(visitor.submit(status="ended")) == [acts.direct.name]
    assert "Ended" in visitor.page.words
    assert set(partners(visitor.submit(status="all"))) == {acts.direct.name, acts.reseller.name}
    assert "No partner fits" in visitor.submit(search="nobody").words
    assert partners(visitor.follow("Clear filters")) == [acts.reseller.name]


def test_the_page_of_a_relationship_tells_who_accepted_what_when_and_how_to_end_it(
    app: Flask, world: World, browser: Browser
) -> None:
    publish(app)
    acts = Acts(app, world)
    acts.invite(False, "relationship")
    acts.accept(0)
    with app.app_context(), database.unit_of_work():
        organization_actions.confirm_domain(f"{contact_domain(app, acts.direct)}")
    visitor = signed_in(browser, acts.customer)
    visitor.open(LIST)
    page = visitor.follow(acts.direct.name)
    assert "Customer agreement, version 2026-03" in page.words
    assert f"Verified domain {contact_domain(app, acts.direct)}" in page.words
    assert "What this lets them do" in page.words
    assert f"Contact contact@{contact_domain(app, acts.direct)}" in page.words
    assert page.links["Ask to end the relationship"].endswith("/ending")
    assert "None: nobody of this partner has an administrator role" in page.words
    assert "Remove roles" not in page.words
    assert "Last activity" in page.words
    assert any("/agreement/receipts/" in url for url in page.links.values())
    assert "History with this partner" in page.words
    acts.end(False)
    page = visitor.open(page.url)
    assert "Ask to end the relationship" not in page.words
    assert "Ended" in page.words


def contact_domain(app: Flask, partner: Party) -> str:
    with app.app_context():
        return organizations.domains_of(partner.id)[0].name


def test_the_history_names_only_what_concerns_this_partner(app: Flask, world: World, browser: Browser) -> None:
    acts = Acts(app, world)
    acts.begin(False)
    acts.begin(True)
    visitor = signed_in(browser, acts.customer)
    visitor.open(LIST)
    page = visitor.follow(acts.direct.name)
    assert acts.reseller.name not in page.words
    assert acts.provider.name not in page.words


def test_a_relationship_that_began_by_creation_says_so(app: Flask, world: World, browser: Browser) -> None:
    acts = Acts(app, world, created=True)
    acts.begin(False)
    visitor = signed_in(browser, acts.customer)
    visitor.open(LIST)
    page = visitor.follow(acts.direct.name)
    assert "Nobody of your organization accepted this relationship" in page.words
    assert page.links["I do not know this partner"].endswith("/distrust")


@pytest.fixture
def delegation(app: Flask) -> Delegation:
    return Delegation(app)


def test_a_line_of_delegated_administration_tells_name_roles_dates_and_state(
    app: Flask, world: World, browser: Browser, delegation: Delegation
) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    relate(app, customer, partner)
    with time_machine.travel("2026-11-20T15:00:00+00:00", tick=False):
        long = delegation.active(partner, customer, "Everyday support")
        delegation.active(partner, customer, "Migration", duration_days=20, roles=BASIC[:1])
        page = signed_in(browser, customer, "global_reader").open(LIST)
    support = "Northwind Cloud: Everyday support Delegated administration Everyday support"
    roles = "Helpdesk Administrator License Administrator and 4 more roles"
    assert f"{support} {roles} 20 November 2026 – 20 November 2027 Active Northwind" in page.words
    assert "Migration Helpdesk Administrator 20 November 2026 – 10 December 2026 Active Ends soon" in page.words
    assert "3 relationships" in page.words
    assert page.links["Northwind Cloud: Everyday support"].endswith(f"/delegated-admin/{long}")


def test_a_line_that_extends_itself_says_so(world: World, browser: Browser, delegation: Delegation) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    delegation.active(partner, customer, "With an end")
    delegation.active(partner, customer, "Without an end", auto_extends=True)
    rows = {words_of(row) for row in signed_in(browser, customer, "global_reader").open(LIST).elements("tr")}
    assert ["Without an end" in row for row in rows if "extends itself by 180 days" in row] == [True]


def test_what_waits_is_told_beside_what_is_active_and_leads_to_its_page(
    world: World, browser: Browser, delegation: Delegation
) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    with time_machine.travel("2026-11-20T15:00:00+00:00", tick=False):
        waiting = delegation.offer(partner, customer, "Everyday support")
        visitor = signed_in(browser, customer)
        page = visitor.open(LIST)
        assert "No partner has any right now" in page.words
        page = visitor.follow("1 offer of delegated administration waits for your answer")
    assert "365 days from your approval to be answered by 18 February 2027 Waiting for your answer" in page.words
    assert page.links["Northwind Cloud: Everyday support"].endswith(f"/delegated-admin/{waiting}")
    assert "waits for your answer" not in page.words
    delegation.decline(waiting, customer)
    visitor.open(LIST)
    page = visitor.follow("Show all")
    assert "Never in force over since" in page.words
    assert "Declined" in page.words


def test_the_type_filters_the_list(app: Flask, world: World, browser: Browser, delegation: Delegation) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    relate(app, customer, partner)
    delegation.active(partner, customer, "Everyday support")
    visitor = signed_in(browser, customer)
    visitor.open(LIST)
    assert partners(visitor.submit(kind="reseller")) == ["Northwind Cloud"]
    assert "1 relationship" in visitor.page.words
    page = visitor.submit(kind="delegated_administration")
    assert "Everyday support" in page.words
    assert partners(page) == []
    assert "No partner fits" in visitor.submit(kind="indirect_reseller").words


def test_the_page_of_a_partner_shows_its_delegated_administration_and_how_to_remove_it(
    app: Flask, world: World, browser: Browser, delegation: Delegation
) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    relationship_id = relate(app, customer, partner)
    active = delegation.active(partner, customer, "Everyday support")
    delegation.offer(partner, customer, "More")
    delegation.active(world.a_partner(), customer, "Not of this partner")
    visitor = signed_in(browser, customer)
    page = visitor.open(f"{LIST}/{relationship_id}")
    assert page.words.index("Everyday support") < page.words.index("More Status")
    assert "Not of this partner" not in page.words
    assert "In plain words: what these roles allow" in page.words
    assert "Billing and buying: nothing changes." in page.words
    assert page.links["Remove roles of “Everyday support”"].endswith(f"/delegated-admin/{active}")
    assert "Remove roles of “More”" not in page.links
    delegation.end(active, customer)
    page = visitor.open(page.url)
    assert "Everyday support" in page.words  # for a year
    assert "Remove roles" not in page.words


@pytest.mark.parametrize(
    ("role", "removes", "asks"),  # each administrator may say that the partner is not known
    [
        ("global_administrator", True, True), ("billing_administrator", False, True),
        ("delegated_admin_administrator", True, False), ("global_reader", False, False),
    ],
)  # fmt: skip
def test_who_may_not_remove_or_ask_reads_who_can(
    app: Flask, world: World, browser: Browser, delegation: Delegation, role: str, removes: bool, asks: bool
) -> None:
    customer, partner = world.a_customer(), world.a_partner()
    relationship_id = relate(app, customer, partner)
    delegation.active(partner, customer, "Everyday support")
    page = signed_in(browser, customer, role).open(f"{LIST}/{relationship_id}")
    assert ("Remove roles of “Everyday support”" in page.links) == removes
    assert ("Ask to end the relationship" in page.links) == asks
    assert ("I do not know this partner" in page.links) == (role != "global_reader")
    who = "In your organization only people with one of these roles can do this: Global administrator, "
    assert (f"{who}Delegated administration administrator" in page.words) != removes
    assert (f"{who}Billing administrator" in page.words) != asks


def test_a_request_to_end_shows_until_it_is_answered_with_the_partners_reason(
    app: Flask, world: World, browser: Browser, delegation: Delegation
) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    relationship_id = relate(app, customer, partner)
    by, agent = delegation.acting(customer), delegation.acting(partner, "admin_agent")

    def act(verb: Callable[[Relationship], object]) -> None:
        with app.app_context(), database.unit_of_work():
            row = relationship_queries.relationship_by_id(relationship_id)
            assert row is not None
            verb(row)

    def the_request(row: Relationship) -> EndingRequest:
        found = relationship_queries.ending_of(row.id).request
        assert found is not None
        return found

    act(lambda row: relationships.ask_to_end(row, by=by))
    visitor = signed_in(browser, customer)
    assert "Active Asked to end" in visitor.open(LIST).words
    page = visitor.open(f"{LIST}/{relationship_id}")
    assert "Northwind Cloud has not answered yet." in page.words
    assert page.links["See your request"].endswith("/ending")
    reader = signed_in(browser, customer, "global_reader").open(page.url)
    assert "Northwind Cloud has not answered yet." in reader.words
    assert "See your request" not in reader.links
    act(
        lambda row: relationships.answer_ending(
            the_request(row), by=agent, agree=False, reason="Two months are unpaid."
        )
    )
    page = visitor.open(page.url)
    assert "answered your last request with no. Its reason: Two months are unpaid." in page.words
    assert page.links["Ask to end the relationship"].endswith("/ending")
    assert "Asked to end" not in visitor.open(LIST).words


def test_a_partner_that_is_not_known_says_so_and_how_to_take_it_back(
    app: Flask, world: World, browser: Browser, delegation: Delegation
) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    relationship_id = relate(app, customer, partner)
    by = delegation.acting(customer)
    with app.app_context(), database.unit_of_work():
        rows = [organizations.organization_by_id(each.id) for each in (customer, partner)]
        assert rows[0] is not None
        assert rows[1] is not None
        relationships.say_unknown(rows[0], rows[1], by=by)
    page = signed_in(browser, customer).open(f"{LIST}/{relationship_id}")
    assert "that it does not know Northwind Cloud" in page.words
    assert page.links["See what follows, or take it back"].endswith(
        f"/settings/partner-relationships/partners/{partner.id}/distrust"
    )
    assert "You do not know this partner?" not in page.words


def test_another_customers_relationship_is_not_found(app: Flask, world: World, browser: Browser) -> None:
    relationship_id = relate(app, world.a_customer(), world.a_partner())
    assert signed_in(browser, world.a_customer()).open(f"{LIST}/{relationship_id}").status == 404


def test_pages_forth_and_back_hold_every_partner_once(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    for number in range(45):
        relate(app, customer, world.a_partner(f"Partner No. {number:02}", roles=()))
    visitor = signed_in(browser, customer)
    first = partners(visitor.open(LIST))
    assert "45 relationships" in visitor.page.words
    second = partners(visitor.follow("Next page"))
    assert first + second == [f"Partner No. {number:02}" for number in range(45)]
    assert partners(visitor.follow("Previous page")) == first
    assert "Previous page" not in visitor.page.links


@pytest.mark.parametrize(
    "query",
    ["after=%00", "before=e30", "after=WyJhIiwgImIiXQ", "after=WyJhIiwgImIiLCAiYyJd", "search=", "status=", "kind="],
)
def test_a_strange_address_is_a_list_all_the_same(app: Flask, world: World, browser: Browser, query: str) -> None:
    customer = world.a_customer()
    relate(app, customer, world.a_partner())
    assert len(partners(signed_in(browser, customer).open(f"{LIST}?{query}"))) == 1


def test_a_filter_that_cannot_be_is_refused_with_words(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    relate(app, customer, world.a_partner())
    page = signed_in(browser, customer).open(f"{LIST}?status=nonsense&kind=none&search={'a' * 201}")
    assert page.status == 422
    assert "There is a problem" in page.words
