"""The partner's pages: answering a customer's request, and ending a relationship."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.relationships.scene import Scene, forms_to
from tests.support.builders import Party
from tests.support.visitor import Visitor
from webapp.relationships.models import Ending

Browser = Callable[..., Visitor]


def signed_in(browser: Browser, party: Party, role: str = "admin_agent") -> Visitor:
    visitor = browser()
    visitor.sign_in(party[role].address)
    return visitor


def test_the_inbox_leads_to_the_request_and_agreeing_ends_the_relationship(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    scene.ask(relationship, reason="We move to another partner.")
    visitor = signed_in(browser, scene.partner)
    visitor.open("/partner/inbox")
    page = visitor.follow("Contoso 株式会社 asks you to end the reseller relationship")
    assert page.heading == "Contoso 株式会社"
    for words in ("We move to another partner.", "The customer accepted it.", "It cannot be undone."):
        assert words in page.words
    page = visitor.submit(to="/agreement")
    assert "You agreed. The relationship has ended" in page.words
    assert "Ended by" in page.words
    assert not forms_to(page, "/partner/customers/relationships")
    assert "Nothing waits in your inbox." in visitor.open("/partner/inbox").words


def test_an_agent_says_why_it_does_not_agree(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    visitor = signed_in(browser, scene.partner)
    visitor.open(f"/partner/customers/relationships/{relationship}")
    page = visitor.submit(to="/refusal", reason=" ")
    assert page.status == 422
    assert "Say why you do not agree." in page.words
    page = visitor.submit(to="/refusal", reason="The term is not over.")
    assert "You did not agree." in page.words
    assert "“The term is not over.”" in page.words


def test_while_something_is_active_the_page_says_what_and_nobody_can_agree(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    visitor = signed_in(browser, scene.partner)
    scene.ask(relationship)
    visitor.open(f"/partner/customers/relationships/{relationship}")
    scene.buy(until=date(2099, 3, 31))
    page = visitor.submit(to="/agreement")
    assert page.status == 409
    assert page.heading == "Something is still active"
    assert "Microsoft 365 Business Premium 25 31 March 2099" in page.words
    assert "can end from 1 April 2099 on" in page.words
    page = visitor.follow("Back to the relationship")
    assert "You can agree from 1 April 2099 on" in page.words
    assert not forms_to(page, "/agreement")
    page = visitor.open(f"/partner/customers/relationships/{relationship}/end")
    assert page.heading == "The relationship with Contoso 株式会社 cannot end yet"
    assert not forms_to(page, "/end")
    assert scene.rows(Ending) == []


@pytest.mark.parametrize("late", ["/agreement", "/refusal"])
def test_a_request_that_was_taken_back_cannot_be_answered(scene: Scene, browser: Browser, late: str) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    visitor = signed_in(browser, scene.partner)
    visitor.open(f"/partner/customers/relationships/{relationship}")
    scene.withdraw(relationship)
    more: dict[str, Any] = {"reason": "No."} if late == "/refusal" else {}
    page = visitor.submit(to=late, **more)
    assert page.status == 409
    assert page.heading == "This request was answered already"
    assert "Contoso 株式会社 took the request back on" in page.words
    page = visitor.open(f"/partner/customers/relationships/{relationship}")
    assert "took the request back on" in page.words


@pytest.mark.parametrize("late", ["/agreement", "/refusal"])
def test_a_later_request_is_not_answered_by_the_page_of_an_earlier_one(
    scene: Scene, browser: Browser, late: str
) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    visitor = signed_in(browser, scene.partner)
    visitor.open(f"/partner/customers/relationships/{relationship}")
    scene.withdraw(relationship)
    scene.ask(relationship)
    more: dict[str, Any] = {"reason": "No."} if late == "/refusal" else {}
    page = visitor.submit(to=late, **more)
    assert page.heading == "This request was answered already"
    assert scene.rows(Ending) == []
    page = visitor.open(f"/partner/customers/relationships/{relationship}")
    assert forms_to(page, late)


def test_provider_and_reseller_answer_in_two_tabs_and_one_answer_counts(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin(indirect=True)
    scene.ask(relationship)
    one, other = (signed_in(browser, each) for each in (scene.provider, scene.reseller))
    assert "Indirect reseller Tailspin Resellers" in one.open(f"/partner/customers/relationships/{relationship}").words
    assert (
        "Indirect provider Fabrikam Distribution"
        in other.open(f"/partner/customers/relationships/{relationship}").words
    )
    one.submit(to="/agreement")
    page = other.submit(to="/agreement")
    assert "It was answered already." in page.words
    assert "Fabrikam Distribution" in page.words
    assert len(scene.rows(Ending)) == 1


def test_a_partner_ends_it_after_a_confirmation_and_once(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    visitor, second = signed_in(browser, scene.partner), signed_in(browser, scene.partner)
    visitor.open(f"/partner/customers/relationships/{relationship}")
    page = visitor.follow("End the relationship")
    assert page.heading == "End the relationship with Contoso 株式会社?"
    assert "You can order nothing more for Contoso 株式会社" in page.words
    second.open(f"/partner/customers/relationships/{relationship}/end")
    page = visitor.submit(to="/end", reason="We close.")
    assert "You ended the relationship." in page.words
    page = second.submit(to="/end", reason="")
    assert "It has ended already." in page.words
    assert "We close." in page.words
    assert second.open(f"/partner/customers/relationships/{relationship}/end").heading.endswith("has ended")
    assert len(scene.rows(Ending)) == 1


@pytest.mark.parametrize("role", ["sales_agent", "helpdesk_agent"])
def test_others_of_the_partner_read_who_can_answer(scene: Scene, browser: Browser, role: str) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    visitor = signed_in(browser, scene.partner, role)
    page = visitor.open(f"/partner/customers/relationships/{relationship}")
    assert "An admin agent of your organization can answer." in page.words
    assert not forms_to(page, "/partner/customers/relationships")
    assert visitor.open(f"/partner/customers/relationships/{relationship}/end").status == 403


def test_a_partner_without_a_place_in_it_finds_nothing(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    visitor = signed_in(browser, scene.provider)
    assert visitor.open(f"/partner/customers/relationships/{relationship}").status == 404
    assert visitor.open(f"/partner/customers/relationships/{relationship}/end").status == 404


def test_a_partner_that_is_not_known_reads_so_and_not_who_said_it(scene: Scene, browser: Browser) -> None:
    from tests.support.builders import World

    World(scene.app).an_invitation(scene.partner, scene.customer)
    visitor = signed_in(browser, scene.partner)
    visitor.open(f"/partner/invitations/new?customer={scene.customer.id}")
    scene.distrust()
    page = visitor.submit(
        asks="relationship", for_whom="named", recipient=scene.customer["global_administrator"].address
    )
    assert page.status == 409
    assert page.heading == "This customer says that it does not know the partner"
    assert "Global Of" not in page.words
