"""The landing page, both first pages, help, privacy, health, and the language of pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.customers.acts import Acts, publish
from tests.support.builders import World
from tests.support.delegation import Delegation
from tests.support.visitor import Visitor
from webapp import database
from webapp.accounts.models import Person
from webapp.agreements import actions as agreements
from webapp.agreements.rules import CUSTOMER_AGREEMENT
from webapp.database import db
from webapp.tasks import actions as tasks

Browser = Callable[..., Visitor]


@pytest.mark.parametrize(
    ("language", "heading", "sign_in"),
    [("en", "Agreements, signed with open eyes", "Sign in"), ("ja", "納得して、同意する。", "サインイン")],
)
def test_the_landing_page_speaks_the_browsers_language(
    browser: Browser, language: str, heading: str, sign_in: str
) -> None:
    page = browser(language=language).open("/")
    assert page.heading == heading
    assert page.links[sign_in].endswith("/sign-in")


def test_signed_out_the_language_is_chosen_by_a_link_and_stays(browser: Browser) -> None:
    visitor = browser(language="en")
    visitor.open("/help?lang=en")
    visitor.open("/privacy")
    assert visitor.follow("日本語").heading == "プライバシー"
    assert visitor.open("/").heading == "納得して、同意する。"
    assert visitor.follow("English").heading == "Agreements, signed with open eyes"


def test_a_language_that_does_not_exist_changes_nothing(browser: Browser) -> None:
    visitor = browser(language="en")
    assert visitor.open("/language/xx?back=//evil.example/").heading == "Agreements, signed with open eyes"


def test_signed_in_the_choice_of_language_is_kept_with_the_account(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    visitor = browser(language="en")
    visitor.sign_in(customer["global_administrator"].address)
    visitor.open("/settings/partner-relationships")
    page = visitor.submit(button="日本語")
    assert page.heading == "パートナー関係"
    with app.app_context():
        person = database.session().get(Person, customer["global_administrator"].id)
        assert person is not None
        assert person.language == "ja"
    assert browser(language="en").sign_in(customer["global_administrator"].address).heading == "ホーム"


def test_home_leads_each_to_its_own_page(world: World, browser: Browser) -> None:
    customer, partner = world.a_customer(), world.a_partner()
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    assert visitor.open("/").url.endswith("/home")
    assert visitor.open("/partner").status == 404
    visitor = browser()
    visitor.sign_in(partner["admin_agent"].address)
    assert visitor.page.url.endswith("/partner")
    assert visitor.open("/home").url.endswith("/partner")


def test_nothing_waits_for_a_customer_that_nobody_asks(world: World, browser: Browser) -> None:
    visitor = browser()
    visitor.sign_in(world.a_customer()["global_administrator"].address)
    assert "Nothing waits for your organization." in visitor.page.words
    assert "No active relationship" in visitor.page.words
    assert "Not accepted" in visitor.page.words


def test_what_waits_has_one_first_action_and_goes_when_it_is_done(app: Flask, world: World, browser: Browser) -> None:
    publish(app)
    acts = Acts(app, world)
    acts.invite(False, "relationship")
    visitor = browser()
    visitor.sign_in(acts.customer["global_administrator"].address)
    assert "asks for a reseller relationship" not in visitor.page.words  # a draft: nobody was asked yet
    acts.step(0, "said_sent")
    page = visitor.open("/home")
    assert f"{acts.direct.name} asks for a reseller relationship and the customer agreement" in page.words
    assert "The customer agreement waits for your acceptance" in page.words
    primary = [a for a in page.elements("a") if "button-primary" in (a.get("class") or "")]
    assert len(primary) == 1
    assert primary[0].get("href").startswith("/invitation?ref=")
    acts.step(0, "declined")
    assert "You can still change your mind." in visitor.open("/home").words
    acts.accept(0)
    page = visitor.open("/home")
    assert "Nothing waits for your organization." in page.words
    assert acts.direct.name in page.words
    assert "Version 2026-03, on" in page.words


def test_a_newer_version_shows_on_the_home_page_and_waits_only_when_it_must_be_accepted(
    app: Flask, world: World, browser: Browser
) -> None:
    publish(app)
    acts = Acts(app, world)
    acts.accept_alone()
    publish(app, "2026-05", date(2026, 5, 1))
    visitor = browser()
    visitor.sign_in(acts.customer["global_administrator"].address)
    assert "Nothing waits for your organization." in visitor.page.words
    assert "A newer version can be accepted." in visitor.page.words
    with app.app_context(), database.unit_of_work():
        agreements.publish(
            type_=CUSTOMER_AGREEMENT, country="US", language="en", version="2026-07", title="Agreement",
            effective_on=date(2026, 7, 1), source="# Agreement\n\n## 1. One\n\nOther words.\n", requires_renewal=True,
            is_sample=True,
        )  # fmt: skip
    visitor.open("/home")
    assert "The customer agreement has to be accepted again" in visitor.page.words
    assert "To be accepted again" in visitor.page.words
    assert visitor.follow("See what changed and answer").heading == "Review the agreement"


def test_who_cannot_answer_reads_who_can(app: Flask, world: World, browser: Browser) -> None:
    publish(app)
    customer = world.a_customer()
    visitor = browser()
    visitor.sign_in(customer[""].address)
    assert "Only an administrator can answer." in visitor.page.words
    assert "Global Of" in visitor.page.words
    assert "Partners" not in visitor.page.words
    assert "Review and answer" not in visitor.page.words
    assert visitor.page.links["Read it"]


def test_a_customer_without_an_administrator_reads_whom_to_ask(app: Flask, world: World, browser: Browser) -> None:
    publish(app)
    customer = world.a_customer(roles=("global_reader",))
    visitor = browser()
    visitor.sign_in(customer["global_reader"].address)
    assert "has none who can sign in" in visitor.page.words


def test_an_offer_sent_on_comes_first_and_is_answered_by_whoever_decides(
    app: Flask, world: World, browser: Browser
) -> None:
    publish(app)
    delegation = Delegation(app)
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    delegation.offer(partner, customer, "Everyday support")
    other = delegation.offer(partner, customer, "Migration")
    delegation.send_on(other, customer, "billing_administrator", "delegated_admin_administrator")
    visitor = browser()
    page = visitor.sign_in(customer["delegated_admin_administrator"].address)
    titles = ["".join(h.itertext()) for h in page.elements("h3")]
    assert titles[:2] == [
        "Northwind Cloud asks for administrator rights: “Migration”",
        "Northwind Cloud asks for administrator rights: “Everyday support”",
    ]
    assert page.words.count("Sent on to you by Billing Of") == 1
    primary = [a for a in page.elements("a") if "button-primary" in (a.get("class") or "")]
    assert [a.get("href") for a in primary] == [f"/delegated-admin/{other}"]
    assert "Read it" in page.links  # the agreement is not this person's to accept
    assert "Agreements and reseller relationships are accepted by these people" in page.words


def test_who_cannot_decide_on_an_offer_reads_who_can(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    Delegation(app).offer(world.a_partner(), customer, "Everyday support")
    visitor = browser()
    page = visitor.sign_in(customer["billing_administrator"].address)
    assert "Delegated administration is decided by these people" in page.words
    assert "Global Of" in page.words
    assert "Only an administrator can answer." not in page.words
    assert "Review and answer" not in page.links
    alone = world.a_customer(roles=("billing_administrator",))
    Delegation(app).offer(world.a_partner(), alone, "Everyday support")
    page = browser().sign_in(alone["billing_administrator"].address)
    assert "can decide on delegated administration at present" in page.words


def test_partners_with_rights_are_counted_and_what_ends_soon_is_named(
    app: Flask, world: World, browser: Browser
) -> None:
    delegation = Delegation(app)
    acts = Acts(app, world)
    acts.begin(False)
    for number, days in enumerate((20, 31)):
        delegation.active(world.a_partner(f"Helper {number}"), acts.customer, f"Term {days}", duration_days=days)
    page = browser().sign_in(acts.customer["global_administrator"].address)
    assert "Partners with rights 3 partners" in page.words
    assert "Delegated administration that ends soon Term 20 Helper 0, until" in page.words
    assert "Term 31" not in page.words


def test_an_overview_counts_delegated_administration(app: Flask, world: World, browser: Browser) -> None:
    delegation = Delegation(app)
    partner = world.a_partner()
    visitor = browser()
    assert "Over within 30 days" not in visitor.sign_in(partner["admin_agent"].address).words
    delegation.active(partner, world.a_customer(), "Long")
    ending = world.a_customer("Contoso Ltd.")
    delegation.active(partner, ending, "Short", duration_days=10)
    delegation.active(partner, world.a_customer(), "Extending", duration_days=10, auto_extends=True)
    delegation.offer(partner, world.a_customer(), "Asked")
    page = visitor.open("/partner")
    assert "In force 3 Waiting for the customer 1 Over within 30 days 1" in page.words
    page = visitor.follow("Over within 30 days")
    assert "Short" in page.words
    assert "Extending" not in page.words


def test_a_partners_overview_tells_answers_attention_and_counts(app: Flask, world: World, browser: Browser) -> None:
    publish(app)
    acts = Acts(app, world, created=True)
    acts.direct = partner = world.a_partner()
    visitor = browser()
    visitor.sign_in(partner["admin_agent"].address)
    assert "You have no customers yet." in visitor.page.words
    assert "No new answer" in visitor.page.words
    acts.invite(False, "agreement")
    with app.app_context(), database.unit_of_work():
        for kind, waits in (("invitation_declined", False), ("invitation_undeliverable", True)):
            tasks.put(partner.id, kind, about_key="1", path="/help", waits=waits, facts={"customer": "Contoso"})
    page = visitor.open("/partner")
    assert "Needs your attention" in page.words
    assert "Contoso declined your invitation" in page.words
    assert "All customers 1" in page.words
    assert "Invited, not opened yet 1" in page.words
    visitor.follow("Invited, not opened yet")
    assert acts.customer.name in visitor.page.words


def test_a_partners_overview_leads_to_the_customers_that_cannot_buy_until_somebody_acts(
    app: Flask, world: World, browser: Browser
) -> None:
    publish(app)
    partner = world.a_partner()
    visitor = browser()
    visitor.sign_in(partner["admin_agent"].address)
    found: dict[str, Acts] = {}
    for state in ("must_renew", "needs_attestation", "objected"):
        assert "Cannot buy until somebody acts" not in visitor.open("/partner").words or found
        acts = found[state] = Acts(app, world)
        acts.direct = partner
        acts.begin(False)
        if state == "must_renew":
            acts.accept_alone()
            acts.require_anew()
        elif state == "needs_attestation":
            acts.buy(False, "offer")
        else:
            acts.attest(False, 0)
            acts.object_to(0)
    page = visitor.open("/partner")
    assert "Bought, and needs an attestation 1 Must renew the agreement 1 Objected to an attestation 1" in page.words
    for words, state in (
        ("Bought, and needs an attestation", "needs_attestation"),
        ("Must renew the agreement", "must_renew"),
        ("Objected to an attestation", "objected"),
    ):
        visitor.open("/partner")
        page = visitor.follow(words)
        assert "1 customer" in page.words
        assert found[state].customer.name in page.words


def test_a_member_of_a_partner_without_a_role_reads_whom_to_ask(world: World, browser: Browser) -> None:
    visitor = browser()
    visitor.sign_in(world.a_partner()[""].address)
    assert visitor.page.status == 200
    assert "no role in" in visitor.page.words


@pytest.mark.parametrize("language", ["en", "ja"])
def test_help_and_privacy_name_the_operator_and_how_long_things_are_kept(browser: Browser, language: str) -> None:
    visitor = browser(language=language)
    for path in ("/help", "/privacy"):
        assert "operator@countersign.example" in visitor.open(path).words
    assert "10" in visitor.page.words


def test_a_process_is_live_and_ready(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/health/live").json == {"status": "live"}
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    "statement", ["UPDATE alembic_version SET version_num = '0000'", "DELETE FROM alembic_version", "DROP TABLE alembic_version"]
)  # fmt: skip
def test_a_database_that_is_not_migrated_is_not_ready(app: Flask, statement: str) -> None:
    with app.app_context(), db.engines["default"].begin() as connection:
        connection.execute(sa.text(statement))
    answer: Any = app.test_client().get("/health/ready")
    assert (answer.status_code, answer.json) == (503, {"status": "not ready"})


def test_a_database_that_cannot_be_reached_is_not_ready(make_app: Callable[..., Flask], engine: str) -> None:
    url = {"sqlite": "sqlite:////nowhere/at/all.sqlite", "postgresql": "postgresql+psycopg://nobody@127.0.0.1:9/none"}
    answer: Any = make_app(database_url=url[engine]).test_client().get("/health/ready")
    assert (answer.status_code, answer.json) == (503, {"status": "not ready"})


@pytest.mark.parametrize(
    ("organization", "entries"),
    [
        (
            "customer",
            [
                "Home",
                "Agreement",
                "Partner relationships",
                "Subscriptions",
                "Orders",
                "People",
                "Inbox",
                "History",
            ],
        ),
        (
            "partner",
            [
                "Overview",
                "Customers",
                "Delegated administration",
                "Administered",
                "Orders",
                "Renewals",
                "Invitations",
                "Import",
                "Inbox",
                "Team",
                "API clients",
                "History",
            ],
        ),
    ],
)
def test_the_navigation_of_each_side_is_in_order_and_marks_one_entry(
    world: World, browser: Browser, organization: str, entries: list[str]
) -> None:
    party = world.a_customer() if organization == "customer" else world.a_partner()
    visitor = browser()
    visitor.sign_in(next(iter(party.people.values())).address)
    navigation = next(n for n in visitor.page.elements("nav") if n.get("aria-label") == "Main")
    links = [each for each in navigation.iter() if str(each.tag).endswith("}a")]
    assert ["".join(each.itertext()).strip() for each in links] == entries
    for entry in entries:
        visitor.follow(entry)
        navigation = next(n for n in visitor.page.elements("nav") if n.get("aria-label") == "Main")
        current = [a for a in navigation.iter() if str(a.tag).endswith("}a") and a.get("aria-current")]
        assert ["".join(each.itertext()).strip() for each in current] == [entry]
