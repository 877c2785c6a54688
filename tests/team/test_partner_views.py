"""A partner's team and its pairings, through the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.support.builders import Party
from tests.support.visitor import Visitor
from tests.team.scene import Scene
from webapp.accounts.models import Person
from webapp.messages.actions import filled
from webapp.team.models import PairingRequest

Browser = Callable[..., Visitor]
PASSWORD = "a long and unusual password"


def signed_in(browser: Browser, party: Party, role: str = "admin_agent", **options: str) -> Visitor:
    visitor = browser(**options)
    visitor.sign_in(party[role].address)
    return visitor


def fill_in(visitor: Visitor, address: str, **more: Any) -> None:
    visitor.open("/partner/team/new")
    values: dict[str, Any] = {
        "given_name": "Ann",
        "family_name": "Lee",
        "address": address,
        "roles": ["sales_agent"],
        "language": "en",
    }
    visitor.submit(values, **more, to="/partner/team")


def own_domain(scene: Scene) -> str:
    return scene.partner["admin_agent"].address.split("@")[1]


def test_the_list_names_everybody_with_roles_state_and_when_last_seen(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene.partner)
    page = visitor.open("/partner/team")
    assert page.heading == "Team"
    for words in ("Admin agent", "Sales agent", "Helpdesk agent", "No role", "Never", "4 people on this page"):
        assert words in page.words
    assert page.links["Team"].endswith("/partner/team")


def test_an_invited_colleague_comes_in_by_the_link_with_the_role_it_was_given(
    app: Flask, scene: Scene, browser: Browser
) -> None:
    visitor = signed_in(browser, scene.partner)
    address = f"ann@{own_domain(scene)}"
    fill_in(visitor, address)
    assert visitor.page.heading == "Ann Lee"
    assert "gets a message with a link" in visitor.page.words
    assert "Invited" in visitor.page.words
    (mail,) = scene.mails("first_sign_in")
    with app.app_context():
        text, _html = filled(mail)
    link = next(word for word in text.split() if "/first-sign-in/" in word)
    colleague = browser()
    colleague.open(link)
    colleague.submit(address=address, password=PASSWORD, password_again=PASSWORD)
    assert colleague.open("/partner/customers").status == 200
    assert colleague.open("/partner/team/new").status == 403
    assert "Active" in visitor.open(visitor.page.url).words


def test_an_address_outside_the_domains_is_asked_about_once(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene.partner)
    fill_in(visitor, "ann@elsewhere.example")
    assert visitor.page.status == 422
    assert "outside your organization" in visitor.page.words
    page = visitor.submit(outside=True, to="/partner/team")
    assert page.heading == "Ann Lee"
    assert len(scene.rows(Person, Person.address_key == "ann@elsewhere.example")) == 1


def test_the_form_says_nothing_about_whose_an_address_is(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene.partner)
    customer = scene.world.a_customer()
    said = set()
    taken, free = (
        customer["global_administrator"].address,
        "nobody@" + customer["global_administrator"].address.split("@")[1],
    )
    for address in (taken, free):
        fill_in(visitor, address)
        page = visitor.submit(outside=True, to="/partner/team")
        assert page.status == 422
        said.add(page.words.replace(address, ""))
    assert len(said) == 1
    assert "Nobody can be invited under this address." in said.pop()


def test_whoever_is_in_the_team_already_is_shown_and_stays_as_it_is(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene.partner)
    fill_in(visitor, scene.partner["sales_agent"].address)
    assert "belongs to your team already" in visitor.page.words
    assert visitor.page.heading.startswith("Sales")


def test_a_name_and_an_address_are_asked_for(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene.partner)
    fill_in(visitor, "", given_name=" ", family_name="")
    assert visitor.page.status == 422
    for words in ("Enter the first name.", "Enter the last name.", "Enter an email address."):
        assert words in visitor.page.words


def test_roles_count_from_the_next_request_in_every_process(
    make_app: Callable[..., Flask], scene: Scene, browser: Browser
) -> None:
    admin, seller = signed_in(browser, scene.partner), Visitor(make_app(demo=True))
    seller.sign_in(scene.partner["sales_agent"].address)
    assert seller.open("/partner/team/new").status == 403
    admin.open(f"/partner/team/people/{scene.partner['sales_agent'].id}/roles")
    admin.submit(roles=["admin_agent"])
    assert "The roles are changed." in admin.page.words
    assert seller.open("/partner/team/new").status == 200
    admin.open(f"/partner/team/people/{scene.partner['sales_agent'].id}/roles")
    admin.submit(roles=[])
    assert seller.open("/partner/team/new").status == 403
    assert seller.open("/partner/customers").status == 403


def test_a_role_lost_while_a_form_was_open_counts(scene: Scene, browser: Browser) -> None:
    scene.give(scene.partner["sales_agent"], {"admin_agent"}, scene.partner)
    one, two = signed_in(browser, scene.partner), signed_in(browser, scene.partner, "sales_agent")
    two.open("/partner/team/new")
    one.open(f"/partner/team/people/{scene.partner['sales_agent'].id}/roles")
    one.submit(roles=["sales_agent"])
    page = two.submit(
        given_name="Ann", family_name="Lee", address=f"ann@{own_domain(scene)}", language="en", to="/partner/team"
    )
    assert page.status == 403
    assert not scene.mails("first_sign_in")


def test_giving_up_ones_own_role_is_asked_about_first(scene: Scene, browser: Browser) -> None:
    scene.give(scene.partner["sales_agent"], {"admin_agent"}, scene.partner)
    visitor = signed_in(browser, scene.partner)
    own = f"/partner/team/people/{scene.partner['admin_agent'].id}"
    visitor.open(f"{own}/roles")
    page = visitor.submit(roles=[])
    assert page.heading == "Give up your own role of admin agent?"
    assert "You have no role any more" in page.words
    assert visitor.open("/partner/team/new").status == 200
    visitor.open(f"{own}/roles")
    visitor.submit(roles=["helpdesk_agent"])
    assert "You keep: Helpdesk agent" in visitor.page.words
    visitor.submit(button="Give up the role")
    assert visitor.page.url.endswith("/partner")
    assert visitor.open("/partner/team/new").status == 403


def test_the_last_admin_agent_is_told_why_it_stays(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene.partner)
    own = f"/partner/team/people/{scene.partner['admin_agent'].id}"
    visitor.open(f"{own}/roles")
    assert "Nobody else is an admin agent here" in visitor.page.words
    page = visitor.submit(roles=[])
    assert page.status == 409
    assert page.heading == "The last administrator has to stay"
    assert "cannot be removed" in visitor.open(f"{own}/removal").heading


def test_removing_names_what_stops_and_puts_the_person_out_at_once(scene: Scene, browser: Browser) -> None:
    admin, seller = signed_in(browser, scene.partner), signed_in(browser, scene.partner, "sales_agent")
    admin.open(f"/partner/team/people/{scene.partner['sales_agent'].id}")
    page = admin.follow("Remove from the team")
    for words in ("What stops", "in 1 browser", "links from earlier messages", "What goes on"):
        assert words in page.words
    page = admin.submit(button="Remove from the team")
    assert "The person is removed and signed out everywhere." in page.words
    assert seller.open("/partner").heading == "Sign in"
    page = seller.sign_in(scene.partner["sales_agent"].address)
    assert page.status == 422
    page = admin.submit(button="Let this person in again")
    assert "can sign in again" in page.words
    assert seller.sign_in(scene.partner["sales_agent"].address).url.endswith("/partner")
    history = admin.open("/history").words
    assert "closed access for Sales" in history
    assert "opened access for Sales" in history


def test_the_history_says_who_gave_which_roles(scene: Scene, browser: Browser) -> None:
    scene.give(scene.partner["sales_agent"], {"sales_agent", "helpdesk_agent"}, scene.partner)
    scene.give(scene.partner["sales_agent"], {"admin_agent"}, scene.partner)
    scene.give(scene.partner["sales_agent"], set(), scene.partner)
    words = signed_in(browser, scene.partner).open("/history").words
    for each in ("the role: Helpdesk agent.", "Given: Admin agent. Taken:", "took from"):
        assert each in words


def test_a_long_team_is_turned_page_by_page(scene: Scene, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.team.queries.PAGE", 3)
    visitor = signed_in(browser, scene.partner)
    page = visitor.open("/partner/team")
    assert "3 people on this page" in page.words
    page = visitor.follow("Next page")
    assert "1 person on this page" in page.words
    page = visitor.follow("Previous page")
    assert "3 people on this page" in page.words
    assert visitor.open("/partner/team?after=nonsense").status == 200


# --- pairings --------------------------------------------------------------------------------------------------


def ask(visitor: Visitor, number: str) -> None:
    visitor.open("/partner/team/pairings/new")
    visitor.submit(number=number, to="/check")


def test_a_reseller_asks_by_number_sees_the_name_and_the_provider_confirms(scene: Scene, browser: Browser) -> None:
    reseller, provider = signed_in(browser, scene.reseller), signed_in(browser, scene.provider)
    reseller.open("/partner/team")
    reseller.follow("Your indirect providers")
    assert "No indirect provider yet" in reseller.page.words
    reseller.follow("Ask an indirect provider")
    wide = scene.number(scene.provider).translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)})
    page = reseller.submit(number=f" {wide} ", to="/check")
    assert page.heading == "Ask Fabrikam Distribution to work with you?"
    assert not scene.rows(PairingRequest)
    page = reseller.submit(button="Ask Fabrikam Distribution")
    assert page.heading == "Your request to Fabrikam Distribution"
    assert "Waiting for an answer" in page.words
    provider.open("/partner/inbox")
    page = provider.follow("Tailspin Resellers asks to work with you")
    assert page.heading == "Tailspin Resellers asks to work with you"
    page = provider.submit(to="/confirmation")
    assert "Confirmed. You work together from now on" in page.words
    page = provider.open("/partner/team/pairings")
    assert "Tailspin Resellers" in page.words
    page = provider.follow("Tailspin Resellers")
    assert "confirmed that Fabrikam Distribution works with the indirect reseller Tailspin Resellers" in page.words
    reseller.open("/partner/inbox")
    assert "You work together." in reseller.follow("Fabrikam Distribution confirmed to work with you").words
    assert reseller.open("/partner/invitations/new").status == 200


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("", "Enter the partner number."),
        ("abc", "A partner number is 1 to 16 digits."),
        ("999", "No indirect provider works here under this number."),
        ("partner", "No indirect provider works here under this number."),
        ("reseller", "This is your own number."),
    ],
)
def test_a_number_that_names_nobody_to_ask_is_said_beside_the_field(
    scene: Scene, browser: Browser, number: str, words: str
) -> None:
    visitor = signed_in(browser, scene.reseller)
    ask(visitor, scene.number(getattr(scene, number)) if hasattr(scene, number) else number)
    assert visitor.page.status == 422
    assert words in visitor.page.words


def test_whoever_was_asked_and_asks_is_led_to_the_request(scene: Scene, browser: Browser) -> None:
    scene.ask(scene.reseller, scene.provider)
    provider, reseller = signed_in(browser, scene.provider), signed_in(browser, scene.reseller)
    ask(provider, scene.number(scene.reseller))
    page = provider.submit(button="Ask Tailspin Resellers")
    assert "This partner asked you already." in page.words
    assert page.heading == "Tailspin Resellers asks to work with you"
    ask(reseller, scene.number(scene.provider))
    page = reseller.submit(button="Ask Fabrikam Distribution")
    assert "You asked before." in page.words
    assert len(scene.rows(PairingRequest)) == 1


def test_a_declined_request_says_why_and_offers_to_ask_again(scene: Scene, browser: Browser) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    provider, reseller = signed_in(browser, scene.provider), signed_in(browser, scene.reseller)
    provider.open(f"/partner/team/pairings/requests/{request}")
    page = provider.submit(to="/decline", reason="Not this year.")
    assert "Declined. The other partner is told." in page.words
    page = reseller.open(f"/partner/team/pairings/requests/{request}")
    assert "Not this year." in page.words
    assert "Ask again" in page.words
    assert "declined that Fabrikam Distribution" in reseller.open("/history").words


def test_an_answer_that_comes_too_late_says_what_happened(scene: Scene, browser: Browser) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    provider, reseller = signed_in(browser, scene.provider), signed_in(browser, scene.reseller)
    for each in (provider, reseller):
        each.open(f"/partner/team/pairings/requests/{request}")
    reseller.submit(to="/withdrawal")
    assert "The request is taken back." in reseller.page.words
    page = provider.submit(to="/confirmation")
    assert page.status == 409
    assert page.heading == "This request no longer waits"
    assert "Tailspin Resellers took it back on" in page.words


def test_ending_names_what_stops_and_what_goes_on(scene: Scene, browser: Browser) -> None:
    scene.pair()
    visitor = signed_in(browser, scene.reseller)
    visitor.open("/partner/team/pairings")
    visitor.follow("Fabrikam Distribution")
    page = visitor.follow("Stop working together")
    for words in ("no new orders through the provider", "No customer has a relationship through both of you."):
        assert words in page.words
    page = visitor.submit(button="Stop working together")
    assert "You no longer work together." in page.words
    assert "ended the work of Fabrikam Distribution" in page.words
    other = signed_in(browser, scene.provider)
    other.open("/partner/inbox")
    page = other.follow("Tailspin Resellers no longer works with you")
    assert "Ended" in page.words
    ended = visitor.open(visitor.page.url + "/ending")
    assert ended.heading == "You no longer work with Fabrikam Distribution"


def test_a_direct_partner_is_told_that_there_is_nothing_to_do(scene: Scene, browser: Browser) -> None:
    visitor = signed_in(browser, scene.partner)
    assert "Your indirect" not in visitor.open("/partner/team").words
    for path in ("/partner/team/pairings", "/partner/team/pairings/new"):
        assert "sells directly" in visitor.open(path).words


def test_what_other_roles_see_of_a_pairing_leads_to_no_act(scene: Scene, browser: Browser) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    visitor = signed_in(browser, scene.provider, "helpdesk_agent")
    page = visitor.open(f"/partner/team/pairings/requests/{request}")
    assert "An admin agent of your organization can answer." in page.words
    assert not [form for form in page.forms if "/pairings/" in urlsplit(form.action).path]
    page = visitor.open("/partner/team")
    assert "Admin agents of your organization invite" in page.words
