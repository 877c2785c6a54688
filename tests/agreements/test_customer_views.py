"""The agreement's pages: state, versions, texts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from tests.support.builders import World
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts.models import Person

Browser = Callable[..., Visitor]


def test_every_member_reads_the_versions_and_their_texts(world: World, browser: Browser) -> None:
    world.a_published_agreement(version="2025-03", effective_on=date(2025, 3, 1))
    world.a_published_agreement()
    world.a_published_agreement(version="2099-01", effective_on=date(2099, 1, 1))
    customer = world.a_customer()
    visitor = browser()
    visitor.sign_in(customer[""].address)
    visitor.open("/agreement")
    for words in ("in force", "to read ahead", "past", "not accepted the agreement yet", "Global Of", "sample text"):
        assert words in visitor.page.words
    assert "Review and accept" not in visitor.page.words
    for version, words in (
        ("2025-03", "It applied from"), ("2026-03", "in force since"), ("2099-01", "cannot be accepted before"),
    ):  # fmt: skip
        visitor.open("/agreement")
        visitor.follow(version)
        assert visitor.page.status == 200
        assert words in visitor.page.words
        assert "This is a sample text" in visitor.page.words
        assert "1. First clause" in visitor.page.links


def test_whether_a_text_is_in_force_goes_by_the_customers_zone_not_the_readers(
    world: World, browser: Browser
) -> None:  # fmt: skip
    customer = world.a_customer(zone="Pacific/Kiritimati")
    world.a_published_agreement(version="2025-03", effective_on=date(2025, 3, 1))
    world.a_published_agreement(
        version="new", effective_on=clock.today("Pacific/Kiritimati")
    )  # a day ahead of Pago Pago
    with world.app.app_context(), database.unit_of_work():
        database.write()
        person = database.session().get(Person, customer[""].id)
        assert person is not None
        person.zone = "Pacific/Pago_Pago"
    visitor = browser()
    visitor.sign_in(customer[""].address)
    visitor.open("/agreement")
    visitor.follow("new")
    assert "in force since" in visitor.page.words


def test_another_language_is_shown_where_the_readers_is_not_offered(world: World, browser: Browser) -> None:
    world.a_published_agreement()
    customer = world.a_customer(language="ja")
    visitor = browser(language="ja")
    visitor.sign_in(customer["global_administrator"].address)
    visitor.open("/agreement/acceptance")
    assert "お客様の国では、この画面の言語による契約書が提供されていません" in visitor.page.words
    assert 'lang="en"' in visitor.page.html


def test_an_older_acceptance_waits_for_the_newer_version(world: World, browser: Browser) -> None:
    world.a_published_agreement()
    customer = world.a_customer()
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    for version, day in (("2026-03", date(2026, 3, 1)), ("2026-06", date(2026, 6, 1))):
        world.a_published_agreement(version="2026-06", effective_on=day) if version == "2026-06" else None
        visitor.open("/agreement")
        visitor.follow("Review and accept")
        visitor.submit(agreement=True, authority=True, title="Owner")
        visitor.submit(button="Accept agreement")
        assert visitor.page.heading == "Agreement accepted"
    visitor.open("/agreement")
    assert visitor.page.words.count("Global Of") >= 2
    assert "2026-06" in visitor.page.words


def test_where_nothing_is_in_force_the_page_says_whom_to_ask(world: World, browser: Browser) -> None:
    world.a_published_agreement(version="2099-01", effective_on=date(2099, 1, 1))
    customer = world.a_customer()
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    assert "No agreement is in force in your country" in visitor.open("/agreement").words
    assert visitor.open("/agreement/acceptance").status == 409
