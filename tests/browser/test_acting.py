"""Administering a customer in Chromium, from the program as it is served by several processes: approved, begun, the banner on
every page, an act, and shut out in the middle, in every process at once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.browser.test_delegated_admin import approve, names, remove
from tests.browser.test_main_job import Running
from tests.browser.test_main_job import run as run
from tests.support.builders import Party
from tests.support.delegation import Delegation
from tests.support.main_job import Clicks, parties
from tests.support.served import Served
from webapp import database
from webapp.accounts.models import Person
from webapp.delegated_admin.roles import BY_ID
from webapp.evidence.models import Fact

OFFERED = tuple(
    role.id
    for role in BY_ID.values()
    if role.key in {"user_administrator", "global_reader", "exchange_administrator"}
)  # fmt: skip
NEW = {"en": ("Kim", "Akers"), "ja": ("美咲", "青木")}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_partner_administers_a_customer_until_it_is_shut_out(
    run: Callable[..., Running], serve: Callable[..., Served], language: str
) -> None:
    running = run(processes=2)
    others = serve()
    partner, customer = parties(running.world, language)
    agent, administrator = partner["admin_agent"], customer["global_administrator"]
    offer_id = Delegation(running.app).offer(partner, customer, "Everyday", roles=OFFERED)

    deciding = running.clicks(language)
    deciding.open_signed_in(f"/delegated-admin/{offer_id}", administrator.address)
    approve(deciding, deciding.page.url, partner, language)

    acting = running.clicks(language)
    acting.open_signed_in("/partner/administered", agent.address)
    acting.look()
    begin(acting, running, customer, language)
    banner = acting.words(
        "You are administering %(customer)s as %(name)s of %(partner)s",
        customer=customer.name, name=name_of(acting), partner=partner.name,
    )  # fmt: skip
    pages = ("/acting", "/users", "/subscriptions", "/history", "/settings/partner-relationships", "/partner", "/help")
    for path in pages:
        acting.page.goto(path)
        acting.look()
        assert acting.page.inner_text(".acting strong") == banner, path
    add_a_person(acting, customer, language)
    check_history(deciding, acting, partner)

    elsewhere = running.clicks(language)  # another window of the same browser, on another server's processes
    (cookie,) = (each for each in acting.page.context.cookies() if each["name"] == "session")
    elsewhere.page.context.add_cookies([{"name": "session", "value": cookie["value"], "url": running.served.url}])
    acting.page.goto("/users/new")
    remove(deciding, offer_id)
    for server in (running.served, others):
        for _ in range(4):
            assert status_of(elsewhere, f"{server.url}/users") == 404
    people = count(running, Person)
    fill_in(acting, customer, language)
    acting.press(acting.page.locator("main form[action$='/users'] button[type=submit]").last)
    acting.look()
    assert acting.heading() == acting.words("Your rights for %(customer)s have ended", customer=customer.name)
    assert acting.page.locator(".acting").count() == 0
    assert count(running, Person) == people
    acting.follow("/partner")
    acting.look()
    said = acting.words("Your rights for %(customer)s ended on %(when)s.", customer=customer.name, when="|")
    assert acting.page.inner_text("main .notice >> nth=0").startswith(said.partition("|")[0])
    acting.page.reload()
    assert said.partition("|")[0] not in acting.page.inner_text("main"), "once"
    assert facts(running, "delegated_admin.acting_began") == 1
    assert f"person={agent.id} partner={partner.id} customer={customer.id} GET /history 200" in running.served.said


@pytest.mark.timeout(120)
def test_stopping_leads_back_to_one_s_own_pages(run: Callable[..., Running]) -> None:
    running = run()
    partner, customer = parties(running.world, "en")
    Delegation(running.app).active(partner, customer, "Everyday", roles=OFFERED)
    acting = running.clicks("en")
    acting.open_signed_in("/partner/administered", partner["admin_agent"].address)
    begin(acting, running, customer, "en")
    acting.page.goto("/users")
    acting.press(acting.page.locator(".acting button"))
    assert acting.path() == "/partner/administered"
    assert f"You no longer administer {customer.name}." in acting.page.inner_text("main")
    assert acting.page.locator(".acting").count() == 0
    assert status_of(acting, f"{running.served.url}/users") in {403, 404}
    assert facts(running, "delegated_admin.acting_ended") == 1


# --- steps -----------------------------------------------------------------------------------------------------


def begin(acting: Clicks, running: Running, customer: Party, language: str) -> None:
    """Press the button, and read by which roles one acts now."""
    row = acting.page.locator("main tbody tr", has_text=customer.name)
    acting.press(row.locator("button[type=submit]"))
    acting.look()
    assert acting.path() == "/acting"
    words = acting.page.inner_text("main")
    for role in names(running.app, language, OFFERED):
        assert role in words
    assert acting.page.locator("main a[href='/users']").count() == 1
    assert acting.page.inner_text(".masthead-organization") == customer.name


def name_of(acting: Clicks) -> str:
    """The name of whoever looks, from the masthead."""
    hidden = acting.page.inner_text(".person-name .unseen")
    return acting.page.inner_text(".person-name").replace(hidden, "").strip()


def fill_in(acting: Clicks, customer: Party, language: str) -> None:
    given, family = NEW[language]
    domain = customer["global_administrator"].address.partition("@")[2]
    number = acting.page.evaluate("Date.now()")
    for name, value in (("given_name", given), ("family_name", family), ("address", f"new{number}@{domain}")):
        acting.page.fill(f"main [name={name}]", value)


def add_a_person(acting: Clicks, customer: Party, language: str) -> None:
    """What a user administrator does."""
    acting.page.goto("/users/new")
    acting.look()
    fill_in(acting, customer, language)
    acting.press(acting.page.locator("main form[action$='/users'] button[type=submit]").last)
    acting.look()
    assert NEW[language][1] in acting.page.inner_text("main")


def check_history(deciding: Clicks, acting: Clicks, partner: Party) -> None:
    """The customer reads who did it, and for which partner."""
    deciding.page.goto("/history")
    deciding.look()
    assert f"{name_of(acting)} ({partner.name})" in deciding.page.inner_text("main")


def status_of(clicks: Clicks, url: str) -> int:
    """What a page is answered with, asked with this window's cookies."""
    return int(clicks.page.context.request.get(url).status)


def count(running: Running, model: type[database.Model]) -> int:
    with running.app.app_context():
        return database.session().scalars(sa.select(sa.func.count()).select_from(model)).one()


def facts(running: Running, kind: str) -> int:
    with running.app.app_context():
        found = database.session().scalars(sa.select(Fact.id).where(Fact.kind == kind)).all()
    assert all(isinstance(each, UUID) for each in found)
    return len(found)
