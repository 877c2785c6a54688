"""Renewals in Chromium, from the program as it is served, with its worker and a real mail server: the partner of record is
told, sees what ends, takes the file and the calendar along; the customer switches to direct billing before the time."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from flask import Flask

from tests.browser.test_main_job import Running
from tests.browser.test_main_job import run as run
from tests.browser.test_partners_side import a_product, relate
from tests.renewals.test_feed import check_calendar, parsed
from tests.support.builders import Party
from tests.support.main_job import PLACES, Clicks, publish
from tests.support.served import WorkerProcess
from tests.support.sink import Sink
from webapp import clock, database
from webapp.organizations import queries as organizations
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue

LANGUAGES = pytest.mark.parametrize("language", ["en", "ja"])
#: One of them is past nine in the morning and before midnight now: there the notices of the day are due.
ZONES = ("Asia/Tokyo", "Europe/London", "America/Los_Angeles", "Pacific/Auckland")
NAMES = {
    "en": ("Northwind Cloud", "Adventure Works"),
    "ja": ("ノースウィンド・クラウド株式会社", "アドベンチャー・ワークス株式会社"),
}


def awake() -> str:
    """A zone where it is day."""
    now = datetime.now(UTC)
    return next(zone for zone in ZONES if 9 <= now.astimezone(ZoneInfo(zone)).hour < 23)


def sell(app: Flask, partner: Party, customer: Party, days: int) -> UUID:
    """Something of the catalogue that the partner sold and that ends in so many days."""
    with app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(customer.id)
        assert row is not None
        database.write(chain=row.chain_id)
        (product,) = catalogue.products()
        sold = subscriptions.begin_paid(
            row, partner.id, product=product, name=product.name_en, seats=25,
            ends_on=clock.today(row.zone) + timedelta(days=days), contract="partner", by=None, source="operator",
        )  # fmt: skip
        return sold.line_id


def sold_before(app: Flask, partner: Party, customer: Party, days: int) -> UUID:
    """Something that began a while ago and ends in so many days: on the first day of a term nobody is told of its end."""
    with app.app_context(), database.unit_of_work():
        whose, seller = (organizations.organization_by_id(each.id) for each in (customer, partner))
        assert whose is not None
        assert seller is not None
        today = clock.today(whose.zone)
        row, _new = subscriptions.add(
            whose, seller, reseller=None, product="Microsoft 365 Business Premium", seats=25,
            starts_on=today - timedelta(days=100), ends_on=today + timedelta(days=days),
        )  # fmt: skip
        return row.line_id


def both(running: Running, language: str) -> tuple[Party, Party]:
    """A partner, and a customer of it in a zone where it is day."""
    partner_name, customer_name = NAMES[language]
    place = PLACES[language]
    partner = running.world.a_partner(partner_name, **place)
    customer = running.world.a_customer(customer_name, **(place | {"zone": awake()}))
    publish(running.app)
    relate(running.app, partner, customer)
    a_product(running.app)
    return partner, customer


def accept(clicks: Clicks) -> None:
    """The customer's administrator accepts the agreement on its own page."""
    clicks.page.goto("/agreement/acceptance")
    clicks.review()
    clicks.submit("/acceptance")


@pytest.mark.timeout(240)
@LANGUAGES
def test_the_partner_of_record_is_told_and_takes_the_days_along(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    running = run()
    partner, customer = both(running, language)
    line = sold_before(running.app, partner, customer, 30)
    later = sold_before(running.app, partner, customer, 200)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    agent = partner["sales_agent"]

    mail = sink.wait_for(1, to=agent.address)[0]
    assert customer.name in mail.subject
    assert "30" in mail.subject
    assert f"/partner/subscriptions/{line}" in mail.text
    own = sink.wait_for(1, to=customer["billing_administrator"].address)[0]
    assert partner.name in own.text

    clicks = running.clicks(language)
    clicks.open_signed_in("/partner", agent.address)
    clicks.press(clicks.page.locator("nav a[href='/partner/renewals']").first)
    clicks.look()
    assert clicks.page.locator("main table").count() == 2
    words = clicks.page.locator("main table").first.inner_text()
    assert customer.name in words
    assert clicks.page.locator("main h2").all_inner_texts() == [clicks.words("Within 30 days"), clicks.words("Later")]
    clicks.page.goto("/partner/renewals?group=days30")
    clicks.look()
    with clicks.page.expect_download() as download:
        clicks.page.click("main a[download]")
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(io.StringIO(file.read(), newline="")))
    assert [row[-1] for row in rows[1:]] == [str(line)]

    clicks.page.goto("/partner/renewals/feed")
    clicks.look()
    clicks.submit("/feed")
    clicks.look()
    link = clicks.page.inner_text("#calendar-link")
    assert re.fullmatch(rf"{re.escape(running.served.url)}/calendar/renewals/[\w-]+\.ics", link)
    answer = httpx.get(link)
    events = check_calendar(parsed(answer.content))
    assert {event["UID"][:36] for event in events} == {str(line), str(later)}
    clicks.submit("/revocation")
    clicks.look()
    assert clicks.page.locator("#calendar-link").count() == 0
    assert httpx.get(link).status_code == 404


@pytest.mark.timeout(240)
@LANGUAGES
def test_a_customer_switches_to_direct_billing_before_the_time_and_is_asked_again(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    running = run()
    partner, customer = both(running, language)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)

    clicks = running.clicks(language)
    clicks.open_signed_in("/home", customer["global_administrator"].address)
    accept(clicks)
    line = sell(running.app, partner, customer, 40)
    clicks.page.goto(f"/subscriptions/{line}/renewal")
    clicks.look()
    clicks.follow("/renewal/direct-billing")
    clicks.look()
    clicks.submit("/direct-billing")
    clicks.look()
    assert clicks.page.locator(".error-summary").count() == 1
    clicks.page.check("main [name=loss]")
    clicks.submit("/direct-billing")
    clicks.look()
    new = UUID(urlsplit(clicks.page.url).path.rsplit("/", 1)[1])
    assert new != line
    with running.app.app_context():
        standing = catalogue.standing_of(new)
        assert standing is not None
        assert (standing.contract, standing.seats) == ("direct", 25)
    told = [mail for mail in sink.wait_for(1, to=partner["sales_agent"].address) if customer.name in mail.subject]
    assert any(f"/partner/subscriptions/{line}" in mail.text for mail in told)
    clicks.page.goto(f"/subscriptions/{line}/renewal")
    clicks.look()
    assert clicks.page.locator(f"main a[href='/subscriptions/{new}']").count() == 1
