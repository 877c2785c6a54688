"""The customer's pages: asking to end a relationship, and saying that a partner is not known."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.relationships.scene import Scene, forms_to
from tests.support.visitor import Visitor
from webapp.relationships.models import Distrust, EndingAnswer, EndingRequest

Browser = Callable[..., Visitor]
RELATIONSHIPS = "/settings/partner-relationships"


def signed_in(browser: Browser, scene: Scene, role: str = "global_administrator") -> Visitor:
    visitor = browser()
    visitor.sign_in(scene.customer[role].address)
    visitor.open("/help")
    return visitor


@pytest.mark.parametrize("role", ["global_administrator", "billing_administrator"])
def test_a_customer_asks_sees_its_request_and_takes_it_back(scene: Scene, browser: Browser, role: str) -> None:
    relationship = scene.begin()
    visitor = signed_in(browser, scene, role)
    page = visitor.open(f"{RELATIONSHIPS}/{relationship}/ending")
    assert page.heading == "Ask to end the relationship with Northwind Cloud"
    for words in (
        "stays in force",
        "can order nothing more for you",
        "delegated administration ends",
        "You ask, and the partner answers",
    ):
        assert words in page.words
    page = visitor.submit(to="/ending", reason="We move.\r\nSoon.")
    assert page.heading == "You asked to end the relationship with Northwind Cloud"
    assert "The partner is told by mail." in page.words
    assert "We move. Soon." in page.words
    assert "Waits for the partner's answer" in page.words
    page = visitor.submit(to="/withdrawal")
    assert page.heading == "Ask to end the relationship with Northwind Cloud"
    assert "You took the request back." in page.words
    assert [each.answer for each in scene.rows(EndingAnswer)] == ["withdrawn"]


def test_the_page_says_what_holds_the_end_up_and_until_when(scene: Scene, browser: Browser) -> None:
    from datetime import date

    relationship = scene.begin()
    scene.buy(until=date(2099, 3, 31))
    visitor = signed_in(browser, scene)
    page = visitor.open(f"{RELATIONSHIPS}/{relationship}/ending")
    assert "Microsoft 365 Business Premium 25 31 March 2099" in page.words
    assert "can end from 1 April 2099 on" in page.words
    page = visitor.submit(to="/ending", reason="")
    assert "The partner can agree from 1 April 2099 on" in page.words
    assert "Microsoft 365 Business Premium 25 31 March 2099" in page.words


def test_two_tabs_ask_once(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    first, second = signed_in(browser, scene), signed_in(browser, scene, "billing_administrator")
    for each in (first, second):
        each.open(f"{RELATIONSHIPS}/{relationship}/ending")
    first.submit(to="/ending", reason="One.")
    page = second.submit(to="/ending", reason="Two.")
    assert "Your organization has asked already." in page.words
    assert "One." in page.words
    assert len(scene.rows(EndingRequest)) == 1
    first.submit(to="/withdrawal")
    second.submit(to="/withdrawal")
    assert len(scene.rows(EndingAnswer)) == 1


def test_a_refused_request_shows_why_and_can_be_made_again(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin(indirect=True)
    scene.ask(relationship)
    scene.answer(relationship, agree=False, reason="The term is not over.", by=scene.reseller)
    page = (visitor := signed_in(browser, scene)).open(f"{RELATIONSHIPS}/{relationship}/ending")
    assert "Tailspin Resellers did not agree to your last request" in page.words
    assert "“The term is not over.”" in page.words
    assert visitor.submit(to="/ending", reason="").heading.startswith("You asked to end")
    inbox = visitor.open("/inbox")
    assert "Tailspin Resellers does not agree to end the relationship" in inbox.words


def test_after_the_end_there_is_nothing_to_ask(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    late = signed_in(browser, scene)
    late.open(f"{RELATIONSHIPS}/{relationship}/ending")
    scene.end(relationship, reason="We close.")
    page = late.submit(to="/ending", reason="")
    assert page.status == 409
    assert page.heading == "This relationship has ended already"
    assert "Northwind Cloud ended it on" in page.words
    page = late.open(f"{RELATIONSHIPS}/{relationship}/ending")
    assert page.heading == "The relationship with Northwind Cloud has ended"
    assert "We close." in page.words
    assert not forms_to(page, "/ending")


def test_a_request_that_is_too_long_is_shown_again(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    visitor = signed_in(browser, scene)
    visitor.open(f"{RELATIONSHIPS}/{relationship}/ending")
    page = visitor.submit(to="/ending", reason="x" * 1001)
    assert page.status == 422
    assert "Use 1000 characters or fewer." in page.words


# --- a partner that is not known -------------------------------------------------------------------------------


def test_saying_that_a_partner_is_not_known_and_taking_it_back(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin()
    visitor = signed_in(browser, scene)
    page = visitor.open(f"{RELATIONSHIPS}/{relationship}/distrust")
    assert page.heading == "Say that you do not know Northwind Cloud"
    page = visitor.submit(to="/distrust", comment="Nobody knows it.")
    assert page.heading == "You said that you do not know Northwind Cloud"
    assert "The operator is told by mail." in page.words
    assert page.links["Ask to end the relationship that began on " + _day(page.words)].endswith(
        f"{RELATIONSHIPS}/{relationship}/ending"
    )
    assert any("search=Northwind" in url for url in page.links.values())
    page = visitor.submit(to="/trust")
    assert page.heading == "Say that you do not know Northwind Cloud"
    assert "Northwind Cloud can get rights again" in page.words
    assert [each.kind for each in scene.rows(Distrust)] == ["said", "lifted"]


def _day(words: str) -> str:
    return words.split("that began on ")[1].split(" Do you")[0]


def test_of_two_partners_one_is_chosen(scene: Scene, browser: Browser) -> None:
    relationship = scene.begin(indirect=True)
    visitor = signed_in(browser, scene)
    page = visitor.open(f"{RELATIONSHIPS}/{relationship}/distrust")
    assert page.heading == "Say that you do not know a partner"
    page = visitor.submit(to="/distrust", comment="")
    assert page.status == 422
    assert "Choose a partner." in page.words
    page = visitor.submit(to="/distrust", partner=str(scene.provider.id))
    assert page.heading == "You said that you do not know Fabrikam Distribution"


def test_others_read_what_was_said_and_who_can_say_it(scene: Scene, browser: Browser) -> None:
    scene.begin()
    path = f"/settings/partner-relationships/partners/{scene.partner.id}/distrust"
    visitor = signed_in(browser, scene, "global_reader")
    page = visitor.open(path)
    assert "A global, billing or delegated administration administrator of your organization can say so." in page.words
    assert not forms_to(page, "/distrust")
    scene.distrust()
    page = visitor.open(path)
    assert "can take it back." in page.words
    assert not forms_to(page, "/trust")


def test_a_colleague_who_says_so_too_changes_nothing(scene: Scene, browser: Browser) -> None:
    scene.begin()
    path = f"/settings/partner-relationships/partners/{scene.partner.id}/distrust"
    visitor = signed_in(browser, scene, "billing_administrator")
    visitor.open(path)
    scene.distrust()
    page = visitor.submit(to="/distrust", comment="")
    assert "Your organization says so already." in page.words
    assert len(scene.rows(Distrust)) == 1


def test_a_partner_that_never_had_to_do_with_the_customer_is_not_found(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene)
    for partner_id in (scene.partner.id, uuid4(), scene.customer.id):
        assert visitor.open(f"/settings/partner-relationships/partners/{partner_id}/distrust").status == 404


def test_accepting_an_invitation_of_a_partner_that_is_not_known_says_how_to_lift_it(
    scene: Scene, browser: Browser
) -> None:
    from tests.support.builders import World

    world = World(scene.app)
    world.a_published_agreement("JP")
    asked = world.an_invitation(scene.partner, scene.customer)
    visitor = signed_in(browser, scene)
    visitor.open(f"/invitation/{asked.ref}/acceptance")
    visitor.submit(agreement=True, relationship=True, authority=True, title="CEO", to="/check")
    scene.distrust()
    page = visitor.submit(to="/acceptance")
    assert page.status == 409
    assert page.heading == "Your organization says that it does not know this partner"
    assert "can take it back" in page.words
    page = visitor.follow("See what was said, and take it back")
    assert page.heading == "You said that you do not know Northwind Cloud"


def test_the_history_names_who_said_so_to_the_customer_and_not_to_the_partner(scene: Scene, browser: Browser) -> None:
    scene.begin()
    scene.distrust(comment="A secret remark.")
    own = signed_in(browser, scene).open("/history").words
    assert "Global Of " in own.split("said for Contoso 株式会社 that the partner")[0][-40:]
    agent = browser()
    agent.sign_in(scene.partner["admin_agent"].address)
    seen = agent.open("/history").words
    assert "Contoso 株式会社 said that it does not know the partner Northwind Cloud" in seen
    assert "Global Of" not in seen
    assert "A secret remark." not in seen
