"""The partner of record in Chromium, from the program as it is served, with its worker and a real mail server: named by
its number after its name was seen, asked for an offer, changed, removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from tests.browser.test_main_job import Running
from tests.browser.test_main_job import run as run
from tests.support.builders import Party
from tests.support.main_job import NAMES, PLACES, Clicks, parties
from tests.support.served import WorkerProcess
from tests.support.sink import Received, Sink
from webapp import clock, database
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships
from webapp.subscriptions import actions as subscriptions

#: The other partner, by language.
OTHER = {"en": "Fabrikam Distribution", "ja": "ファブリカム・ディストリビューション株式会社"}


def a_line(app: Flask, partner: Party, customer: Party) -> UUID:
    """The customer bought something through the partner; the id of the subscription."""
    with app.app_context(), database.unit_of_work():
        rows = [organizations.organization_by_id(each.id) for each in (customer, partner)]
        assert rows[0] is not None
        assert rows[1] is not None
        relationships.begin(
            rows[0], partner_id=partner.id, reseller_id=None, origin="creation", by=None, source="operator"
        )
        today = clock.today(rows[0].zone)
        row, _new = subscriptions.add(
            rows[0], rows[1], reseller=None, product="Microsoft 365 Business Premium", seats=5, starts_on=today,
            ends_on=today + timedelta(days=364),
        )  # fmt: skip
        return row.line_id


def number_of(app: Flask, party: Party) -> str:
    with app.app_context():
        found = organizations.organization_by_id(party.id)
        assert found is not None
        assert found.partner_number is not None
        return found.partner_number


def mail_with(sink: Sink, address: str, words: str) -> Received:
    """The mail to an address whose subject holds these words, once it is there."""
    for count in range(1, 10):
        found = sink.wait_for(count, to=address)[count - 1]
        if words in found.subject:
            return found
    raise AssertionError(f"no mail to {address} about {words}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_partner_of_record_is_named_asked_changed_and_removed(
    run: Callable[..., Running], sink: Sink, work: Callable[..., WorkerProcess], language: str
) -> None:
    running = run()
    app, world = running.app, running.world
    work(mail_port=sink.port)
    partner, customer = parties(world, language)
    other = world.a_partner(OTHER[language], **PLACES[language])
    world.enroll(other)
    line = a_line(app, partner, customer)
    number = number_of(app, other)
    if language == "ja":  # as a Japanese keyboard types it
        number = number.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)})

    at_customer = running.clicks(language)
    at_customer.open_signed_in(f"/subscriptions/{line}", customer["billing_administrator"].address)
    at_customer.look()
    at_customer.follow("/partner-of-record")
    at_customer.look()
    assert NAMES[language][0] in at_customer.page.inner_text("main")
    at_customer.page.fill("main [name=number]", f"{number[:2]} {number[2:]}")
    at_customer.submit("/check")
    at_customer.look()
    assert at_customer.heading() == at_customer.words("Is this the right partner?")
    assert OTHER[language] in at_customer.page.inner_text("main")
    at_customer.submit("/partner-of-record")
    at_customer.look()
    named = at_customer.words(
        "%(partner)s is partner of record now. It is told by mail and in its inbox.", partner=OTHER[language]
    )
    assert named in at_customer.page.inner_text("body")

    product = {"product": "Microsoft 365 Business Premium", "customer": customer.name}
    named = at_customer.words("%(customer)s named you partner of record of %(product)s", **product)
    mail = mail_with(sink, other["admin_agent"].address, named)
    assert f"/partner/subscriptions/{line}" in mail.text
    former = at_customer.words("You are no longer partner of record of %(product)s at %(customer)s", **product)
    assert OTHER[language] not in mail_with(sink, partner["admin_agent"].address, former).text

    at_customer.submit("/offer-request")
    asked = at_customer.words("%(customer)s asks you for an offer of delegated administration", customer=customer.name)
    mail_with(sink, other["sales_agent"].address, asked)
    at_customer.submit("/offer-request")
    again = at_customer.words("The partner was asked today already. Nothing was sent twice.")
    assert again in at_customer.page.inner_text("body")

    at_partner = running.clicks(language)
    at_partner.open_signed_in("/partner/inbox", other["admin_agent"].address)
    at_partner.look()
    press_link(at_partner, asked)
    at_partner.look()
    assert at_partner.path() == f"/partner/subscriptions/{line}"
    assert at_partner.words("New invitation") in at_partner.page.inner_text("main")

    at_customer.page.fill("main [name=number]", number_of(app, partner))
    at_customer.submit("/check")
    at_customer.submit("/partner-of-record")
    assert NAMES[language][0] in at_customer.page.inner_text("main .summary")
    answer = at_partner.page.goto(f"/partner/subscriptions/{line}")
    assert answer is not None
    assert answer.status == 404

    at_customer.follow("/removal")
    at_customer.look()
    at_customer.submit("/removal")
    at_customer.look()
    assert at_customer.words("No partner of record") in at_customer.page.inner_text("main")
    assert len(sink.to(other["helpdesk_agent"].address)) == 0


def press_link(clicks: Clicks, words: str) -> None:
    """Follow the link of the main part with these words."""
    clicks.press(clicks.page.locator("main a", has_text=words).first)
