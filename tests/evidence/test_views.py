"""The history: who reads which facts, in words, page by page."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from tests.support.builders import Party, World
from tests.support.visitor import Visitor
from webapp import database
from webapp.access import permissions_of
from webapp.actor import Actor
from webapp.evidence import actions
from webapp.organizations import queries as organizations

Browser = Callable[..., Visitor]
SIGNER = {"name": "Grace Signer", "title": "Director", "network_address": "198.51.100.7", "browser": "A browser"}


def actor_of(app: Flask, party: Party, role: str) -> Actor:
    """The actor that a signed-in person of an organization is."""
    with app.app_context():
        row = organizations.organization_by_id(party.id)
        person = next(each for each in organizations.people_of(party.id) if each.id == party[role].id)
        assert row is not None
        return Actor(
            person_id=person.id, session_id=UUID(int=0), organization_id=row.id, organization_kind=row.kind,
            organization_name=row.name, chain_id=row.chain_id, given_name=person.given_name,
            family_name=person.family_name, address=person.address, language="en", zone=row.zone, country=row.country,
            confirmed=True, roles=frozenset({role}), permissions=permissions_of(row.kind, frozenset({role})),
        )  # fmt: skip


def record(app: Flask, customer: Party, partner: Party | None = None, *, kind: str = "domain.confirmed") -> None:
    by = actor_of(app, customer, "global_administrator")
    with app.app_context(), database.unit_of_work():
        database.write(chain=customer.chain_id)
        actions.record(
            kind, by=by, customer_id=customer.id, partner_id=partner.id if partner else None,
            facts={"domain": "shared.example" if partner else "own.example"}, personal=SIGNER,
        )  # fmt: skip


def signed_in(browser: Browser, party: Party, role: str) -> Visitor:
    visitor = browser()
    visitor.sign_in(party[role].address)
    return visitor


def test_a_customer_reads_everything_about_itself_with_where_it_came_from(
    app: Flask, world: World, browser: Browser
) -> None:
    customer = world.a_customer("Contoso")
    partner = world.a_partner("Northwind")
    record(app, customer, partner)
    record(app, customer)
    page = signed_in(browser, customer, "global_reader").open("/history")
    assert "confirmed the domain shared.example." in page.words
    assert "confirmed the domain own.example." in page.words
    assert "198.51.100.7" in page.words
    assert "The operator created the customer Contoso." in page.words


def test_a_partner_reads_of_a_customer_only_what_names_it_and_nothing_of_the_signer_but_the_name(
    app: Flask, world: World, browser: Browser
) -> None:
    customer, partner, other = world.a_customer(), world.a_partner("Northwind"), world.a_partner("Fabrikam")
    record(app, customer, partner)
    record(app, customer)
    page = signed_in(browser, partner, "helpdesk_agent").open("/history")
    assert "Global Of" in page.words
    assert "confirmed the domain shared.example." in page.words
    assert "own.example" not in page.html
    for hidden in ("198.51.100.7", "A browser", "Director"):
        assert hidden not in page.html
    assert "shared.example" not in signed_in(browser, other, "admin_agent").open("/history").html


def test_both_partners_of_a_pair_read_the_fact_of_it(app: Flask, world: World, browser: Browser) -> None:
    provider = world.a_partner("Fabrikam", programme="indirect_provider")
    reseller = world.a_partner("Tailspin", programme="indirect_reseller")
    world.pair(provider, reseller)
    words = "The operator confirmed that Fabrikam works with the indirect reseller Tailspin."
    for party in (provider, reseller):
        assert signed_in(browser, party, "admin_agent").open("/history").words.count(words) == 1


@pytest.mark.parametrize("role", [""])
def test_a_member_without_a_role_does_not_read_it(world: World, browser: Browser, role: str) -> None:
    for party in (world.a_customer(), world.a_partner()):
        assert signed_in(browser, party, role).open("/history").status == 403
        assert signed_in(browser, party, role).open("/history/verification").status == 403


def test_pages_lead_on_and_back_without_losing_or_repeating_an_entry(
    app: Flask, world: World, browser: Browser
) -> None:
    customer = world.a_customer(roles=("global_administrator",))
    for _ in range(60):
        record(app, customer)
    visitor = signed_in(browser, customer, "global_administrator")
    visitor.open("/history")
    pages = [visitor.page]
    while "Next page" in visitor.page.links:
        pages.append(visitor.follow("Next page"))
    entries = [len(page.elements("tbody")[0]) for page in pages]
    assert entries == [25, 25, 12]
    assert "62 entries" in pages[0].words
    assert "Next page" not in pages[-1].links
    assert "Previous page" not in pages[0].links
    back = visitor.follow("Previous page")
    assert back.words == pages[1].words
    back = visitor.follow("Previous page")
    assert back.words == pages[0].words
    assert "Previous page" not in back.links


def test_it_is_filtered_by_kind_person_and_day(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer("Contoso")
    record(app, customer)
    visitor = signed_in(browser, customer, "global_administrator")
    visitor.open("/history")
    visitor.submit(kind="organization")
    assert "confirmed the domain" in visitor.page.words
    assert " added " not in visitor.page.words
    visitor.submit(person=str(customer["global_administrator"].id))
    assert "created the customer" not in visitor.page.words
    visitor.submit(kind="invitations")
    assert "No entry fits" in visitor.page.words
    visitor.follow("Show everything")
    visitor.submit(since="2001-01-01", until="2001-01-02")
    assert "No entry fits" in visitor.page.words
    visitor.open("/history?until=9999-12-31&since=0001-01-01")
    assert "created the customer" in visitor.page.words


@pytest.mark.parametrize(
    "query",
    ["kind=nonsense", "person=nobody", "since=yesterday", "person=00000000-0000-0000-0000-000000000000"],
)
def test_a_filter_that_is_none_is_named(world: World, browser: Browser, query: str) -> None:
    visitor = signed_in(browser, world.a_customer(), "global_administrator")
    page = visitor.open(f"/history?{query}")
    assert page.status == 422
    assert "There is a problem" in page.words


@pytest.mark.parametrize("query", ["older=x", "older=WyJ4IiwgIngiXQ", "newer=WzEsMl0", "older=", "newer=%F0%9F%98%80"])
def test_a_place_that_is_none_begins_at_the_start(world: World, browser: Browser, query: str) -> None:
    visitor = signed_in(browser, world.a_customer(), "global_administrator")
    assert visitor.open(f"/history?{query}").status == 200


def test_the_chain_is_verified_on_request(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer(roles=("global_administrator",))
    record(app, customer)
    visitor = signed_in(browser, customer, "global_administrator")
    visitor.open("/history")
    assert "The chain of evidence holds 3 entries." in visitor.page.words
    page = visitor.follow("Verify the chain now")
    assert "3 entries verified, none changed." in page.words


def test_an_erased_person_is_not_named(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    record(app, customer)
    with app.app_context(), database.unit_of_work():
        database.write()
        actions.forget_personal(customer["global_administrator"].id, set())
    page = signed_in(browser, customer, "billing_administrator").open("/history")
    assert "198.51.100.7" not in page.html
