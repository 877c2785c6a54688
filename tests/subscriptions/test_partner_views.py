"""A subscription as whoever sells it, or is its partner of record, sees it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from tests.subscriptions.scene import Holding
from tests.support.builders import Party
from tests.support.delegation import Delegation
from tests.support.visitor import Page, Visitor
from webapp.subscriptions.models import RenewalStop

Browser = Callable[..., Visitor]


def signed_in(browser: Browser, party: Party, role: str = "sales_agent") -> Visitor:
    visitor = browser()
    visitor.sign_in(party[role].address)
    return visitor


def opened(browser: Browser, party: Party, line: UUID, role: str = "sales_agent") -> Page:
    return signed_in(browser, party, role).open(f"/partner/subscriptions/{line}")


def test_the_seller_reads_what_the_customer_reads_and_stops_a_renewal(holding: Holding, browser: Browser) -> None:
    holding.begin()
    line = holding.line(renews=True)
    holding.give(line, holding.customer[""])
    reader = opened(browser, holding.partner, line, "helpdesk_agent")
    for words in ("1 of 5 given to people", "Billed by Northwind Cloud", "and then renews itself", "It began"):
        assert words in reader.words
    assert not [form for form in reader.forms if "renewal-stop" in form.action]
    visitor = signed_in(browser, holding.partner)
    page = visitor.open(f"/partner/subscriptions/{line}")
    assert "It will not renew itself any more. It runs until its last day." in visitor.submit(to="/renewal-stop").words
    visitor.page = page
    assert "It does not renew itself. Nothing was changed." in visitor.submit(to="/renewal-stop").words
    assert len(holding.rows(RenewalStop)) == 1


def test_both_places_of_an_indirect_relationship_read_it_and_nobody_else(holding: Holding, browser: Browser) -> None:
    holding.begin(indirect=True)
    line = holding.line(indirect=True)
    for party in (holding.provider, holding.reseller):
        assert "Billed by Tailspin Resellers" in opened(browser, party, line).words
    assert opened(browser, holding.partner, line).status == 404
    assert opened(browser, holding.reseller, line, "").status == 403


def test_a_partner_of_record_reads_it_stops_nothing_and_makes_the_offer_it_is_asked_for(
    holding: Holding, browser: Browser
) -> None:
    holding.begin()
    line = holding.line(renews=True)
    holding.world.enroll(holding.provider)
    holding.name(line, holding.provider)
    page = opened(browser, holding.provider, line)
    assert "because the customer named your organization its partner of record" in page.words
    assert "asked you" not in page.words
    assert not [form for form in page.forms if "renewal-stop" in form.action]
    assert "partner of record was removed" not in page.words
    holding.ask_for_offer(line)
    visitor = signed_in(browser, holding.provider)
    visitor.open("/partner/inbox")
    page = visitor.follow("Contoso 株式会社 asks you for an offer of delegated administration")
    assert "You have no relationship with this customer yet." in page.words
    assert page.links["New invitation"].endswith("/partner/invitations/new")


def test_no_partner_reads_the_name_of_another_partner_of_record(holding: Holding, browser: Browser) -> None:
    holding.begin()
    line = holding.line()
    assert "Partner of record your organization" in opened(browser, holding.partner, line).words
    holding.name(line, holding.reseller)
    assert "Partner of record your organization" in opened(browser, holding.reseller, line).words
    page = opened(browser, holding.partner, line)
    assert "Partner of record another partner" in page.words
    assert "Tailspin Resellers" not in page.words
    holding.name(line, None)
    assert "Partner of record none" in opened(browser, holding.partner, line).words


def test_a_related_partner_is_led_to_the_offer_until_it_made_one(holding: Holding, browser: Browser) -> None:
    holding.begin()
    line = holding.line()
    holding.ask_for_offer(line)
    assert "An admin agent of your organization makes the offer." in opened(browser, holding.partner, line).words
    page = opened(browser, holding.partner, line, "admin_agent")
    assert page.links["Make the offer"].endswith(f"/partner/delegated-admin/new?customer={holding.customer.id}")
    Delegation(holding.app).offer(holding.partner, holding.customer, "Everyday support")
    assert "asked you" not in opened(browser, holding.partner, line).words
