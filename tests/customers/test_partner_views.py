"""The partner's list of customers, and one customer's page."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask

from tests.customers.acts import Acts, publish
from tests.customers.test_queries import as_actor, fill, statements
from tests.support.builders import Party, World
from tests.support.delegation import Delegation
from tests.support.visitor import Page, Visitor
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.customers import queries, rules
from webapp.customers.partner_views import step_tone, step_words
from webapp.customers.queries import Wanted
from webapp.delegated_admin.roles import BASIC
from webapp.invitations import queries as invitations
from webapp.messages import actions as messages
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships
from webapp.relationships import queries as relationship_queries

Browser = Callable[..., Visitor]


def signed_in(browser: Browser, party: Party, role: str = "admin_agent") -> Visitor:
    visitor = browser()
    visitor.sign_in(party[role].address)
    return visitor


def sorting(page: Page) -> dict[str, str]:
    return {"".join(th.itertext()).strip(): th.get("aria-sort") for th in page.elements("th") if th.get("aria-sort")}


def names(page: Page) -> list[str]:
    return [words for words, url in page.links.items() if "/partner/customers/" in url and not url.endswith("/new")]


class Agents:
    """A partner with people, beside the acts of a customer that it created."""

    def __init__(self, app: Flask, world: World) -> None:
        self.acts = Acts(app, world, created=True)
        self.acts.direct = self.partner = world.a_partner()


def test_without_customers_the_page_says_how_one_comes(world: World, browser: Browser) -> None:
    partner = world.a_partner()
    visitor = signed_in(browser, partner)
    page = visitor.open("/partner/customers")
    assert "You have no customers yet" in page.words
    assert page.links["Make an invitation"].endswith("/partner/invitations/new")
    assert "Make an invitation" not in signed_in(browser, partner, "helpdesk_agent").open("/partner/customers").words


def test_a_search_that_finds_nothing_offers_to_clear_the_filters(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    fill(app, partner.id, 3)
    visitor = signed_in(browser, partner)
    visitor.open("/partner/customers")
    page = visitor.submit(search="nobody", agreement="accepted")
    assert page.status == 200
    assert "No customer fits" in page.words
    assert len(names(visitor.follow("Clear filters"))) == 3


def test_filters_and_order_stay_in_the_address_and_on_every_page(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    fill(app, partner.id, 150)
    visitor = signed_in(browser, partner)
    visitor.open("/partner/customers")
    assert sorting(visitor.page) == {"Customer": "ascending"}
    assert "150 customers" in visitor.page.words
    visitor.submit(agreement="accepted")
    assert "50 customers" in visitor.page.words
    visitor.follow("Customer since")
    assert sorting(visitor.page) == {"Customer since": "descending"}
    first = names(visitor.page)
    visitor.follow("Next page")
    assert len(names(visitor.page)) == 10
    assert "agreement=accepted" in visitor.page.url
    assert "sort=newest" in visitor.page.url
    assert names(visitor.follow("Previous page")) == first
    visitor.follow("Next page")
    visitor.follow("Customer since")
    assert sorting(visitor.page) == {"Customer since": "ascending"}
    assert names(visitor.page) != first  # from the beginning again
    assert len(names(visitor.page)) == 40
    page = visitor.submit(search="firm")
    assert sorting(page) == {"Customer since": "ascending"}


@pytest.mark.parametrize(
    "query",
    [
        "sort=nonsense", "after=%00", "before=e30", "after=WyJuYW1lIiwgIngiLCAieSJd", "after=WyJuZXdlc3QiLCAieCIsICJ5Il0",
        "sort=newest&after=WyJuZXdlc3QiLCAiMjAyNiIsICIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiXQ", "search=%F0%9F%8D%A3",
    ],
)  # fmt: skip
def test_a_strange_address_is_a_list_all_the_same(app: Flask, world: World, browser: Browser, query: str) -> None:
    partner = world.a_partner()
    fill(app, partner.id, 3)
    assert signed_in(browser, partner).open(f"/partner/customers?{query}").status == 200


@pytest.mark.parametrize("query", ["search=" + "a" * 201, "agreement=nonsense", "search=a%E2%80%AEb", "relationship=x"])
def test_a_filter_that_cannot_be_is_refused_with_words(app: Flask, world: World, browser: Browser, query: str) -> None:
    partner = world.a_partner()
    fill(app, partner.id, 3)
    page = signed_in(browser, partner).open(f"/partner/customers?{query}")
    assert page.status == 422
    assert "There is a problem" in page.words
    assert len(names(page)) == 3


def test_a_line_tells_agreement_relationship_and_the_last_step(app: Flask, world: World, browser: Browser) -> None:
    publish(app)
    acts = Agents(app, world).acts
    visitor = signed_in(browser, acts.direct)
    acts.invite(False, "relationship")
    page = visitor.open("/partner/customers")
    assert acts.customer.name in page.words
    assert "Invited" in page.words
    assert "Prepared 1 minute ago, not sent yet" in page.words
    acts.step(0, "opened")
    assert "Invited 1 minute ago, opened" in visitor.open("/partner/customers").words
    acts.accept(0)
    page = visitor.open("/partner/customers")
    assert "Version 2026-03" in page.words
    assert "Invited 1 minute ago, accepted" in page.words
    assert "Active since" in page.words
    acts.end(False)
    page = visitor.open("/partner/customers")
    assert "Ended on" in page.words
    assert "Version 2026-03" not in page.words  # then its history only


def test_a_mail_that_came_back_shows_at_once(app: Flask, world: World, browser: Browser) -> None:
    acts = Agents(app, world).acts
    invitation_id = acts.invite(False, "agreement")
    acts.step(0, "sent")
    with app.app_context(), database.unit_of_work():
        database.write()
        mail = messages.put(
            kind="invitation", to="a@b.example", language="en", subject="s", text="t", about_id=invitation_id
        )
        mail.given_up_at = mail.closed_at = clock.now()
        database.session().flush()
    visitor = signed_in(browser, acts.direct)
    assert "Invited 1 minute ago, could not be delivered" in visitor.open("/partner/customers").words
    assert "could not be delivered" in visitor.open(f"/partner/customers/{acts.customer.id}").words


def test_a_customers_page_tells_what_was_accepted_and_offers_an_invitation(
    app: Flask, world: World, browser: Browser
) -> None:
    publish(app)
    acts = Agents(app, world).acts
    visitor = signed_in(browser, acts.direct)
    visitor.open("/partner/customers")
    acts.invite(False, "relationship")
    visitor.open("/partner/customers")
    page = visitor.follow(acts.customer.name)
    assert "Customer acceptance through Microsoft Not provided" in page.words
    assert "There is no reseller relationship with this customer." in page.words
    assert acts.customer["global_administrator"].address in page.words
    assert page.links["New invitation"].endswith(f"/partner/invitations/new?customer={acts.customer.id}")
    acts.accept(0)
    page = visitor.open(page.url)
    assert "Customer acceptance through Microsoft Provided" in page.words
    assert "Accepted by Ann Lee" in page.words
    assert "Version 2026-03" in page.words
    reader = signed_in(browser, acts.direct, "helpdesk_agent")
    assert "New invitation" not in reader.open(f"/partner/customers/{acts.customer.id}").words


def test_after_a_relationship_ended_only_its_history_is_left(app: Flask, world: World, browser: Browser) -> None:
    publish(app)
    agents = Agents(app, world)
    acts = agents.acts
    acts.begin(False)
    acts.accept_alone()
    visitor = signed_in(browser, acts.direct)
    address = f"/partner/customers/{acts.customer.id}"
    assert acts.customer["global_administrator"].address in visitor.open(address).words
    acts.end(False)
    page = visitor.open(address)
    assert "Your relationship with this customer has ended." in page.words
    assert acts.customer["global_administrator"].address not in page.html
    assert "Ann Lee" not in page.html
    assert "New invitation" not in page.words


def test_a_customer_that_a_partner_does_not_see_is_not_found(app: Flask, world: World, browser: Browser) -> None:
    acts = Agents(app, world).acts
    visitor = signed_in(browser, world.a_partner())
    assert visitor.open(f"/partner/customers/{acts.customer.id}").status == 404


def test_an_expired_invitation_is_told_before_the_worker_noted_it(app: Flask, world: World, browser: Browser) -> None:
    acts = Agents(app, world).acts
    acts.begin(False)
    acts.invite(False, "agreement", days=-1)
    visitor = signed_in(browser, acts.direct)
    page = visitor.open("/partner/customers")
    assert "Invited 1 minute ago, expired" in page.words
    assert "Not asked" in page.words
    with app.app_context():
        assert invitations.state(invitations.naming(acts.customer.id)[0]) == "expired"
    assert "expired" in visitor.open(f"/partner/customers/{acts.customer.id}").words


STATES: list[tuple[str, str]] = [
    ("made", ""), ("made", "waiting"), ("sent", ""), ("sent", "waiting"), ("sent", "delivered"), ("sent", "undeliverable"),
    ("said_sent", ""), ("opened", "delivered"), ("declined", ""), ("accepted", ""), ("withdrawn", ""), ("superseded", ""),
    ("expired", "delivered"),
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_step_has_words_of_its_own(app: Flask, language: str) -> None:
    made_at = datetime.now(UTC) - timedelta(days=3)
    seen: dict[str, Any] = {}
    with app.test_request_context(headers={"Accept-Language": language}):
        for step, mail in STATES:
            words = step_words(step, mail, made_at)
            assert ("3 days ago" if language == "en" else "3 日前") in words
            seen[words] = (step, mail)
            assert step_tone(step, mail) in {"neutral", "waiting", "good", "ended", "attention"}
        assert step_words("", "", None) == ""
    assert len(seen) == len(STATES) - 1  # "made" with a mail on its way is "sent" with one


def test_a_customers_page_tells_delegated_administration_and_what_ones_people_may_do(
    app: Flask, world: World, browser: Browser
) -> None:
    delegation = Delegation(app)
    partner, customer = world.a_partner(), world.a_customer()
    with time_machine.travel("2026-11-20T15:00:00+00:00", tick=False):
        active = delegation.active(partner, customer, "Everyday support")
        delegation.active(partner, customer, "Reports", roles=[BASIC[-1]], auto_extends=True)
        delegation.offer(partner, customer, "Migration")
        delegation.offer(world.a_partner(), customer, "Of another partner")
        visitor = signed_in(browser, partner)
        page = visitor.open(f"/partner/customers/{customer.id}")
    support = "Everyday support Active Helpdesk Administrator License Administrator and 4 more roles 20 November 2027"
    assert support in page.words
    assert "Reports Active Service Support Administrator extends itself" in page.words
    assert "Migration Waiting for the customer Helpdesk Administrator" in page.words
    assert "and 4 more roles 18 February 2027" in page.words
    assert "Of another partner" not in page.words
    assert page.links["Everyday support"].endswith(f"/partner/delegated-admin/{active}")
    assert page.links["Offer delegated administration"].endswith(f"/partner/delegated-admin/new?customer={customer.id}")
    assert "What your people may do there now Admin agent Helpdesk Administrator" in page.words
    assert "There is no reseller relationship" in page.words
    helpdesk = signed_in(browser, partner, "helpdesk_agent").open(page.url)
    assert "Offer delegated administration" not in helpdesk.links
    with time_machine.travel("2028-11-20T15:00:00+00:00", tick=False):
        page = signed_in(browser, partner).open(page.url)
    assert "Everyday support" not in page.words
    assert "What your people may do there now" in page.words  # one extends itself
    assert "License Administrator" not in page.words


def test_without_delegated_administration_a_customers_page_offers_it(
    app: Flask, world: World, browser: Browser
) -> None:
    agents = Agents(app, world)
    agents.acts.begin(False)
    page = signed_in(browser, agents.partner).open(f"/partner/customers/{agents.acts.customer.id}")
    assert "Your organization offered this customer no delegated administration." in page.words
    assert "None of your people has an administrator role there now." in page.words
    assert "Offer delegated administration" in page.links


def test_a_customers_page_leads_to_the_relationship_and_tells_that_its_end_is_asked_for(
    app: Flask, world: World, browser: Browser
) -> None:
    acts = Agents(app, world).acts
    acts.begin(False)
    visitor = signed_in(browser, acts.direct)
    page = visitor.open(f"/partner/customers/{acts.customer.id}")
    link = next(url for words, url in page.links.items() if words.startswith("Open the relationship"))
    assert "/partner/customers/relationships/" in link
    relationship_id = UUID(link.rsplit("/", 1)[1])
    by = Delegation(app).acting(acts.customer)
    with app.app_context(), database.unit_of_work():
        row = relationship_queries.relationship_by_id(relationship_id)
        assert row is not None
        relationships.ask_to_end(row, by=by)
    assert "to end it" in visitor.open(page.url).words
    acts.end(False)
    page = visitor.open(page.url)
    assert "to end it" not in page.words
    assert "Status Ended" in page.words


def test_after_everything_ended_only_history_is_left(app: Flask, world: World, browser: Browser) -> None:
    acts = Acts(app, world)
    acts.direct = partner = world.a_partner()
    acts.begin(False)
    delegation = Delegation(app)
    ended = delegation.active(partner, acts.customer, "Everyday support")
    visitor = signed_in(browser, partner)
    page = visitor.open(f"/partner/customers/{acts.customer.id}")
    assert "Account Organization" in page.words
    acts.end(False)
    page = visitor.open(page.url)
    assert "You see its history, not its profile." in page.words
    assert "Account Organization" not in page.words
    assert page.links["Everyday support"].endswith(str(ended))
    assert "What your people may do there now" not in page.words
    assert "Offer delegated administration" not in page.links


# --- how the agreement stands ------------------------------------------------------------------------------------


@dataclass
class Standings:
    """A provider with people and one customer in each state of the agreement, by the state's name."""

    provider: Party
    reseller: Party
    acts: dict[str, Acts]


@pytest.fixture
def standings(app: Flask, world: World) -> Standings:
    """One customer after the other; what comes last is asked anew of those who agreed before."""
    publish(app)
    provider = world.a_partner(programme="indirect_provider")
    reseller = world.a_partner(programme="indirect_reseller")
    found: dict[str, Acts] = {}
    for state in ("must_renew", "none", "invited", "opened", "needs_attestation", "objected", "attested", "accepted"):
        acts = found[state] = Acts(app, world)
        acts.provider, acts.reseller = provider, reseller
        acts.begin(True)
        if state == "must_renew":
            acts.accept_alone()
            acts.require_anew()
        if state in {"invited", "opened"}:
            acts.invite(True, "agreement")
        if state == "opened":
            acts.step(0, "opened")
        if state == "needs_attestation":
            acts.buy(True, "azure_plan")
        if state in {"objected", "attested"}:
            acts.attest(True, 0)
        if state == "objected":
            acts.object_to(0)
        if state == "accepted":
            acts.accept_alone()
    return Standings(provider, reseller, found)


WORDS = {
    "none": "Not asked", "invited": "Invited", "opened": "Invitation opened", "needs_attestation": "Needs attestation",
    "accepted": "Accepted", "attested": "Attested", "must_renew": "Must be renewed", "objected": "Objected",
}  # fmt: skip


def test_each_state_of_the_agreement_finds_its_customers_in_list_and_file_for_both_partners(
    standings: Standings, browser: Browser
) -> None:
    assert set(standings.acts) == set(rules.AGREEMENT_STATES)
    for partner in (standings.provider, standings.reseller):
        visitor = signed_in(browser, partner)
        for state, acts in standings.acts.items():
            page = visitor.open(f"/partner/customers?agreement={state}")
            assert names(page) == [acts.customer.name], state
            rows = exported(visitor, f"?agreement={state}")
            assert [row["Customer"] for row in rows] == [acts.customer.name]
            assert rows[0]["Agreement"] == WORDS[state]


@pytest.mark.parametrize(
    ("name", "value", "open_"),
    [
        ("attestation.last_day", "2026-01-05", False),
        ("attestation.programmes", ["direct_bill"], False),
        ("attestation.programmes", ["indirect_provider"], True),
    ],
)
def test_where_policy_lets_nobody_attest_no_customer_is_said_to_need_it(
    app: Flask, standings: Standings, browser: Browser, name: str, value: Any, open_: bool
) -> None:
    acts = standings.acts["needs_attestation"]
    with app.app_context(), database.unit_of_work():
        policies.set_policy(name, value, why="a test")
    with app.app_context():
        customer = organizations.organization_by_id(acts.customer.id)
        assert customer is not None
        assert bool(agreements.attesters_of(customer)) is open_
    state = "needs_attestation" if open_ else "none"
    for partner in (standings.provider, standings.reseller):
        visitor = signed_in(browser, partner)
        found = {
            each for each in rules.AGREEMENT_STATES
            if acts.customer.name in names(visitor.open(f"/partner/customers?agreement={each}"))
        }  # fmt: skip
        assert found == {state}
        page = visitor.open(f"/partner/customers/{acts.customer.id}")
        assert f"State {WORDS[state]}" in page.words
        assert ("Bought, and needs an attestation" in visitor.open("/partner").words) is open_


def test_accepting_through_microsoft_and_attesting_have_columns_of_their_own(
    standings: Standings, browser: Browser
) -> None:
    for partner in (standings.provider, standings.reseller):
        rows = {row["Agreement"]: row for row in exported(signed_in(browser, partner))}
        assert len(rows) == 8
        for state, row in rows.items():
            provided = state in {"Accepted", "Must be renewed"}
            assert row["Customer acceptance through Microsoft"] == ("Provided" if provided else "Not provided")
            assert row["Attested"] == ("Yes" if state in {"Attested", "Objected"} else "No")
            assert row["Attested by"] == (standings.provider.name if row["Attested"] == "Yes" else "")
        assert rows["Objected"]["Customer objected on"] == rows["Attested"]["Attestation recorded on"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", rows["Accepted"]["Accepted on"])
        assert rows["Accepted"]["Day agreed on, as attested"] == ""
        other = standings.reseller if partner is standings.provider else standings.provider
        assert {row["Provider or reseller"] for row in rows.values()} == {other.name}


def test_the_place_of_a_partner_and_who_stands_beside_it_filter_the_list(
    app: Flask, world: World, standings: Standings, browser: Browser
) -> None:
    one = Acts(app, world)
    one.direct = standings.provider  # a provider may sell by itself, too
    one.begin(False)
    visitor = signed_in(browser, standings.provider)
    assert names(visitor.open("/partner/customers?programme=direct")) == [one.customer.name]
    assert len(names(visitor.open("/partner/customers?programme=provider"))) == 8
    assert names(visitor.open("/partner/customers?programme=reseller")) == []
    assert visitor.open(f"/partner/customers?other={standings.reseller.id}").status == 422  # not paired: not offered
    with app.app_context(), database.unit_of_work():
        provider = organizations.organization_by_id(standings.provider.id)
        reseller = organizations.organization_by_id(standings.reseller.id)
        assert provider is not None
        assert reseller is not None
        organization_actions.pair(provider, reseller)
    page = visitor.open(f"/partner/customers?other={standings.reseller.id}")
    assert len(names(page)) == 8
    assert f"Reseller: {standings.reseller.name}" in page.words


def test_a_customers_page_tells_what_is_to_be_done_about_its_agreement(standings: Standings, browser: Browser) -> None:
    visitor = signed_in(browser, standings.provider)
    said = {
        "needs_attestation": "a partner's attestation is needed before it can buy again",
        "must_renew": "It cannot buy until it accepts",
        "objected": "Speak with it",
    }
    for state, acts in standings.acts.items():
        page = visitor.open(f"/partner/customers/{acts.customer.id}")
        assert f"State {WORDS[state]}" in page.words
        assert [each for each, words in said.items() if words in page.words] == [state] * (state in said)
        provided = state in {"accepted", "must_renew"}
        assert f"through Microsoft {'Provided' if provided else 'Not provided'}" in page.words
        assert ("Attested by" in page.words) is (state in {"attested", "objected"})
        assert page.links["Open the agreement of this customer"].endswith(f"{acts.customer.id}/agreement")
        assert page.links["Orders"].endswith(f"{acts.customer.id}/orders")


# --- the file ----------------------------------------------------------------------------------------------------


def exported(visitor: Visitor, query: str = "") -> list[dict[str, str]]:
    """The rows of the file by the words of its columns."""
    answer = visitor.client.get(f"/partner/customers.csv{query}")
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    text = answer.get_data().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def test_the_file_keeps_filter_and_order_and_holds_what_no_page_holds(
    app: Flask, world: World, browser: Browser
) -> None:
    partner = world.a_partner()
    fill(app, partner.id, 1200)
    visitor = signed_in(browser, partner)
    page = visitor.open("/partner/customers?agreement=accepted&sort=newest")
    link = page.links["Download these customers as CSV"]
    page = visitor.follow("Next page")
    assert page.links["Download these customers as CSV"] == link
    rows = exported(visitor, "?" + link.partition("?")[2])
    assert f"{len(rows)} customers" in page.words
    assert len({row["Customer ID"] for row in rows}) == len(rows) > 390
    since = [row["Customer since"] for row in rows]
    assert since == sorted(since, reverse=True)


@pytest.mark.parametrize("sort", rules.SORTS)
def test_the_file_is_read_some_rows_at_a_time_each_time_at_the_same_cost(
    app: Flask, world: World, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "EXPORTED", 10)
    partner = world.a_partner(roles=())
    fill(app, partner.id, 35)
    fill(app, partner.id, 10, name="Same", name_key="same", since=datetime(2026, 1, 1, tzinfo=UTC))
    actor = as_actor(partner)
    with app.app_context(), statements(app) as seen:
        parts = list(queries.exported_for(actor, Wanted(sort=sort)))
    assert [len(rows) for rows, _beside in parts] == [10, 10, 10, 10, 5]
    assert len({row.customer_id for rows, _beside in parts for row in rows}) == 45
    assert len(seen) == 5 + 2 * 5


def test_a_search_in_the_file_finds_what_it_finds_in_the_list(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    fill(app, partner.id, 30)
    visitor = signed_in(browser, partner)
    for search in ("c7.example", "firm 00001", "nobody"):
        listed = names(visitor.open(f"/partner/customers?search={search}"))
        assert [row["Customer"] for row in exported(visitor, f"?search={search}")] == listed


def test_no_cell_of_the_file_is_a_formula(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    for name in ("=HYPERLINK(1)", "+1", "-1", "@x", '"quoted", and\nbroken'):
        fill(app, partner.id, 1, name=name, name_key=name, domain="")
    found = {row["Customer"] for row in exported(signed_in(browser, partner))}
    assert found == {"'=HYPERLINK(1)", "'+1", "'-1", "'@x", '"quoted", and\nbroken'}


def test_the_file_speaks_the_readers_language(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner(language="ja")
    fill(app, partner.id, 1, name="日本商事", name_key="日本商事")
    visitor = browser(language="ja")
    visitor.sign_in(partner["helpdesk_agent"].address)
    row = exported(visitor, "?lang=ja")[0]
    assert row["顧客"] == "日本商事"
    assert row["契約"] == "同意済み"
    assert row["Microsoft を通じた顧客の同意"] == "提供"
    assert row["構成証明済み"] == "いいえ"


def test_a_file_of_a_filter_that_cannot_be_is_no_file_of_everything(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    fill(app, partner.id, 3)
    visitor = signed_in(browser, partner)
    answer = visitor.client.get("/partner/customers.csv?agreement=nonsense&sort=newest&_external=1&_scheme=evil")
    assert answer.status_code == 302
    assert answer.location.startswith("/partner/customers?agreement=nonsense&sort=newest")


def test_the_file_tells_nothing_but_history_once_all_that_bound_them_is_over(
    app: Flask, world: World, browser: Browser
) -> None:
    publish(app)
    acts = Acts(app, world)
    acts.direct = partner = world.a_partner()
    acts.begin(False)
    acts.attest(False, 0)
    acts.accept_alone()
    acts.end(False)
    visitor = signed_in(browser, partner)
    row = exported(visitor)[0]
    assert row["Relationship"] == "Ended"
    for column in ("Agreement", "Customer acceptance through Microsoft", "Accepted on", "Attested", "Attested by"):
        assert row[column] == "", column
    for state in rules.AGREEMENT_STATES:
        assert exported(visitor, f"?agreement={state}") == []
