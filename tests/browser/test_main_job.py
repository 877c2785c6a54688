"""The main job in Chromium, from the program as it is served, with its worker and a real mail server: a partner asks,
the customer accepts, both see it. And the ways in which the customer's part goes differently."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page

from config import MailServer
from tests.support.builders import PASSWORD, Asked, Party, World
from tests.support.chromium import Windows, assert_accessible
from tests.support.main_job import KANA_OR_KANJI, Clicks, parties, publish, visible_to
from tests.support.served import Served, WorkerProcess
from tests.support.sink import Received, Sink
from webapp import database
from webapp.accounts import queries as people
from webapp.agreements.models import Acceptance
from webapp.invitations.models import InvitationAct
from webapp.relationships.models import Relationship

SUBJECTS = {"en": "Your agreement, as we said on Monday", "ja": "月曜にお話しした契約の件"}
LINES = {"en": "Call me any time. Robin", "ja": "いつでもお電話ください。山田"}
NEW_PASSWORD = "a long and unusual password"


@dataclass(frozen=True)
class Running:
    """The program as it is served on a test's database, with what a test needs to look at it."""

    app: Flask
    world: World
    served: Served
    windows: Windows

    def clicks(self, language: str, **options: Any) -> Clicks:
        """A new window of somebody who reads this language."""
        page = self.windows.open(self.served.url, language=language, **options)
        return Clicks(page, self.app, language)


@pytest.fixture
def run(make_app: Callable[..., Flask], serve: Callable[..., Served], windows: Windows) -> Callable[..., Running]:
    """Start the program: `run(https=True)`."""

    def start(**options: object) -> Running:
        served = serve(**options)
        app = make_app(public_url=served.url, mail_server=MailServer("127.0.0.1", 25))
        return Running(app, World(app), served, windows)

    return start


def acts(app: Flask) -> tuple[int, int, int]:
    """How many acceptances, relationships and accepted invitations there are."""

    def count(model: type[database.Model], *where: sa.ColumnElement[bool]) -> int:
        return database.session().scalars(sa.select(sa.func.count()).select_from(model).where(*where)).one()

    with app.app_context():
        return count(Acceptance), count(Relationship), count(InvitationAct, InvitationAct.kind == "accepted")


# --- the whole story -----------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_partner_asks_and_the_customer_accepts(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    tell(run(), work, sink, language)


@pytest.mark.timeout(240)
def test_the_same_over_https_with_a_cookie_bound_to_the_host(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink
) -> None:
    running = run(https=True)
    customer = tell(running, work, sink, "en")
    cookies = {each["name"]: each for each in customer.page.context.cookies()}
    session = cookies["__Host-session"]
    assert (session["secure"], session["httpOnly"], session["sameSite"], session["path"]) == (True, True, "Lax", "/")
    assert "session" not in cookies


def tell(running: Running, work: Callable[..., WorkerProcess], sink: Sink, language: str) -> Clicks:
    """The story from the partner's first click to the mails at its end; answers the customer's window."""
    partner, customer = parties(running.world, language)
    visible_to(running.world, partner, customer)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    agent, administrator = partner["admin_agent"], customer["global_administrator"]

    asking = running.clicks(language)
    asking.open_signed_in("/partner", agent.address)
    asking.look()
    link = ask(asking, customer, language, administrator.address)
    invitation_page = asking.path()
    check_mail(sink.wait_for(1, to=administrator.address)[0], link, agent.address, language)

    answering = running.clicks(language)
    answering.page.goto(next(each for each in sink.to(administrator.address)[0].links if "ref=" in each))
    reference = answer(answering, administrator.address, partner.name)
    answering.page.goto("/home")
    answering.follow("/settings/partner-relationships")
    answering.look()
    assert partner.name in answering.page.inner_text("main table")

    check_partner_sees_it(asking, invitation_page, customer.name, reference)
    for role in ("global_administrator", "billing_administrator"):
        receipt = sink.wait_for(2 if role == "global_administrator" else 1, to=customer[role].address)[-1]
        assert reference in receipt.subject
        assert reference in receipt.text
        assert customer.name in receipt.text
    assert not sink.to(customer["global_reader"].address)
    for role in ("admin_agent", "sales_agent"):
        told = sink.wait_for(1, to=partner[role].address)[0]
        assert customer.name in told.text
        assert running.served.url + invitation_page in told.text
        assert administrator.address not in told.raw.decode("ascii", "replace")
    assert acts(running.app) == (1, 1, 1)
    return answering


def ask(asking: Clicks, customer: Party, language: str, recipient: str) -> str:
    """Make an invitation, edit its message, send it from here; the link that the page shows."""
    asking.make_invitation(customer, language, recipient)
    asking.look()
    page = asking.page
    link = page.inner_text("#link").strip()
    asking.press(page.locator("main a[href$='/message']"))
    asking.look()
    words = page.input_value("[name=body]")
    page.fill("[name=subject]", SUBJECTS[language])
    page.fill("[name=body]", f"{words}\n\n{LINES[language]}")
    asking.submit("/message")
    asking.look()
    assert LINES[language] in page.inner_text("#arrival")
    asking.submit("/sending")
    asking.look()
    return link


def check_mail(mail: Received, link: str, agent: str, language: str) -> None:
    """The invitation as the mail server got it."""
    assert len(mail.recipients) == 1
    assert mail.subject == SUBJECTS[language]
    assert str(mail.mail["Reply-To"]).endswith(f"{agent}>") or str(mail.mail["Reply-To"]) == agent
    assert mail.mail.get_content_type() == "text/plain"
    assert LINES[language] in mail.text
    assert mail.links.count(link) == 1, (link, mail.links)
    assert f"lang={language}" in link
    generated = {"en": "Only a person with one of these roles", "ja": "Microsoft 顧客契約"}
    assert generated[language] in mail.text
    assert not re.search(KANA_OR_KANJI, mail.text) if language == "en" else re.search(r"です|ます", mail.text)


def answer(answering: Clicks, address: str, partner: str) -> str:
    """From the page that the link opens, signed out, to the confirmation; the reference."""
    page = answering.page
    step = answering.path()
    answering.look()
    assert partner in answering.heading()
    assert "/opening" not in page.content(), "who is not signed in cannot go on"
    answering.follow("/sign-in")
    answering.look()
    answering.sign_in(address)
    assert answering.path().split("?")[0] == "/invitation"
    assert ref_of(answering.path()) == ref_of(step), "signing in lost the step"
    answering.look()
    answering.submit("/opening")
    answering.look()
    answering.review()
    answering.look()
    reference = answering.accept()
    answering.look()
    assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4})+", reference)
    return reference


def ref_of(path: str) -> str:
    found = re.search(r"[?&]ref=([0-9a-f]{32})", path)
    assert found is not None, path
    return found[1]


def check_partner_sees_it(asking: Clicks, invitation_page: str, customer: str, reference: str) -> None:
    """The answer stands on the invitation's page, in the list and in the inbox, on the next view of each."""
    page, accepted = asking.page, asking.words("Accepted")
    page.goto(invitation_page)
    asking.look()
    assert accepted in page.inner_text("main .status >> nth=0")
    assert reference in page.inner_text("main .timeline")
    assert "/sending" not in page.content()
    page.goto("/partner/invitations?state=accepted")
    asking.look()
    row = page.locator("main tbody tr", has_text=customer)
    assert accepted in row.inner_text()
    page.goto("/partner/inbox")
    asking.look()
    assert customer in page.inner_text("main table")
    page.goto("/partner/customers")
    asking.look()
    assert customer in page.inner_text("main table")


# --- the customer's part, differently --------------------------------------------------------------------------


@pytest.fixture
def asked(run: Callable[..., Running]) -> tuple[Running, Party, Party, Asked]:
    """The program, a partner, its customer, and an invitation."""
    running = run()
    partner, customer = parties(running.world, "en")
    return running, partner, customer, running.world.an_invitation(partner, customer)


Prepared = tuple[Running, Party, Party, Asked]


def test_the_customers_part_works_without_javascript(asked: Prepared) -> None:
    running, _partner, customer, invitation = asked
    clicks = running.clicks("en", javascript=False)
    clicks.page.goto(invitation.path)
    clicks.follow("/sign-in")
    clicks.sign_in(customer["billing_administrator"].address)
    clicks.submit("/opening")
    clicks.submit("/acceptance/check")
    assert clicks.page.locator(".error-summary, [data-focus]").count(), "no word about the boxes that were not ticked"
    clicks.review()
    assert clicks.accept()
    clicks.follow("/agreement/receipts/")
    assert "SHA-256" in clicks.page.inner_text("main")
    assert acts(running.app) == (1, 1, 1)


class Keyboard:
    """Somebody without a mouse, who must always see where the focus is."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, selector: str) -> None:
        """Press Tab until the focus is there."""
        for _ in range(150):
            self.page.keyboard.press("Tab")
            self._check_focus_is_seen()
            if self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"Tab does not reach {selector} on {self.page.url}")

    def _check_focus_is_seen(self) -> None:
        seen = self.page.evaluate(
            """() => {
                const element = document.activeElement;
                if (element === document.body) return "";
                const box = element.getBoundingClientRect();
                const marks = [element, element.closest(".choice, tr, .card") ?? element].some((each) => {
                    const style = getComputedStyle(each);
                    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2)
                        || style.boxShadow !== "none";
                });
                const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
                const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
                const y = Math.min(Math.max(box.top + box.height / 2, 0), innerHeight - 1);
                const there = document.elementFromPoint(x, y);
                const covered = there && !element.contains(there) && !there.contains(element)
                    && !there.closest("label");
                const words = `${element.tagName} ${(element.textContent || element.name || "").trim().slice(0, 40)}`;
                if (!marks) return `${words}: the focus has no mark`;
                if (!inside) return `${words}: the focus is outside of the window`;
                return covered ? `${words}: the focus is hidden behind ${there.outerHTML.slice(0, 80)}` : "";
            }"""
        )
        assert not seen, f"{self.page.url}: {seen}"

    def press(self, selector: str, key: str = "Enter") -> None:
        """Go to a link or a button and use it."""
        self.reach(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def type(self, selector: str, words: str) -> None:
        self.reach(selector)
        self.page.keyboard.type(words)


def test_the_customers_part_works_by_keyboard_alone(asked: Prepared) -> None:
    running, _partner, customer, invitation = asked
    clicks = running.clicks("en")
    page, keys = clicks.page, Keyboard(clicks.page)
    page.goto(invitation.path)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    keys.press("main a[href^='/sign-in']")
    keys.type("[name=address]", customer["global_administrator"].address)
    keys.type("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    keys.press("form[action$='/opening'] button")
    for box in ("agreement", "relationship"):
        keys.reach(f"[name={box}]")
        page.keyboard.press("Space")
    keys.press("form[action$='/check'] button")
    assert page.evaluate("document.activeElement.closest('.error-summary, [data-focus]') !== null"), (
        "the summary of what is missing has not the focus"
    )
    assert page.is_checked("[name=agreement]")
    keys.reach("[name=authority]")
    page.keyboard.press("Space")
    keys.type("[name=title]", "Director")
    keys.press("form[action$='/check'] button")
    keys.press("form[action$='/acceptance'] .actions button", "Space")
    assert clicks.reference()
    assert acts(running.app) == (1, 1, 1)


def at_the_check(clicks: Clicks, invitation: Asked, address: str) -> None:
    """Bring a window to the page before Accept."""
    clicks.page.goto(invitation.path)
    clicks.follow("/sign-in")
    clicks.sign_in(address)
    clicks.submit("/opening")
    clicks.review()


def test_a_double_click_accepts_once(asked: Prepared) -> None:
    running, _partner, customer, invitation = asked
    for javascript in (True, False):
        clicks = running.clicks("en", javascript=javascript)
        if javascript:
            at_the_check(clicks, invitation, customer["global_administrator"].address)
        else:
            partner = running.world.a_partner()
            second = running.world.an_invitation(partner, customer)
            at_the_check(clicks, second, customer["global_administrator"].address)
        clicks.form("/acceptance").locator(".actions button").dblclick(no_wait_after=True)
        clicks.page.wait_for_url(lambda url: "/check" not in url)
        clicks.page.wait_for_load_state()
        assert clicks.heading() in {
            "Agreement and relationship accepted",
            "Relationship accepted",
            "You accepted this already",
        }
    assert acts(running.app) == (1, 2, 2)


def test_going_back_after_accepting_repeats_nothing(asked: Prepared) -> None:
    running, partner, customer, invitation = asked
    clicks = running.clicks("en")
    at_the_check(clicks, invitation, customer["global_administrator"].address)
    clicks.accept()
    confirmation = clicks.page.url
    clicks.page.reload()
    assert clicks.reference()
    clicks.page.goto(f"/invitation/{invitation.ref}/acceptance")  # where Back leads, past what was sent
    assert clicks.heading() == "You accepted this already"
    assert_accessible(clicks.page)
    clicks.follow("/agreement/receipts/")
    assert partner.name in clicks.page.inner_text("main")
    clicks.page.goto(invitation.path)  # the link, a second time
    assert clicks.heading() == "You accepted this already"
    clicks.page.goto(f"/invitation/{invitation.ref}/acceptance/check")
    assert clicks.heading() == "You accepted this already"
    clicks.page.goto(confirmation)
    assert clicks.reference()
    assert acts(running.app) == (1, 1, 1)


def test_the_check_that_the_back_button_brings_back_accepts_nothing_twice(asked: Prepared) -> None:
    running, _partner, customer, invitation = asked
    clicks = running.clicks("en")
    at_the_check(clicks, invitation, customer["global_administrator"].address)
    clicks.accept()
    clicks.page.go_back(wait_until="load")
    assert clicks.heading() == "Check before you accept", "Chromium keeps the page that was sent"
    clicks.submit("/acceptance")
    assert clicks.heading() == "You accepted this already"
    assert_accessible(clicks.page)
    assert acts(running.app) == (1, 1, 1)


def test_a_colleague_with_the_same_page_open_is_told_by_whom_it_was_accepted(asked: Prepared) -> None:
    running, _partner, customer, invitation = asked
    first, second = running.clicks("en"), running.clicks("en")
    at_the_check(first, invitation, customer["global_administrator"].address)
    at_the_check(second, invitation, customer["billing_administrator"].address)
    first.accept()
    second.submit("/acceptance")
    assert second.heading() == "This invitation was accepted already"
    assert "Global Of" in second.page.inner_text("main")
    assert acts(running.app) == (1, 1, 1)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_with_the_wrong_account_one_click_leads_to_the_same_step_with_the_right_one(
    run: Callable[..., Running], language: str
) -> None:
    running = run()
    partner, customer = parties(running.world, language)
    place: Any = {"language": language, "country": "US", "zone": "America/New_York"}
    other = running.world.a_customer("Adventure Works", **place)
    invitation = running.world.an_invitation(partner, customer)
    for wrong in (other["global_administrator"], partner["admin_agent"], customer[""]):
        clicks = running.clicks(language)
        clicks.page.goto("/sign-in")
        clicks.sign_in(wrong.address)
        clicks.page.goto(invitation.path)
        clicks.look()
        words = clicks.page.inner_text("main")
        assert wrong.address in words
        assert clicks.page.locator("main form[action$='/opening']").count() == 0
        clicks.press(clicks.page.locator("main form[action*='/sign-out'] button"))
        clicks.sign_in(customer["global_administrator"].address)
        assert ref_of(clicks.path()) == invitation.ref
        assert clicks.page.locator("main form[action$='/opening']").count() == 1
    assert acts(running.app) == (0, 0, 0)


# --- a first visitor -------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
def test_an_administrator_without_a_password_gets_a_link_at_the_address_on_file_and_accepts(
    asked: Prepared, work: Callable[..., WorkerProcess], sink: Sink
) -> None:
    running, _partner, customer, invitation = asked
    administrator = customer["global_administrator"]
    with running.app.app_context(), database.unit_of_work():
        database.write()
        person = people.person_by_id(administrator.id)
        assert person is not None
        person.password_hash = person.confirmed_at = None
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    clicks = running.clicks("en")
    clicks.page.goto(invitation.path)
    assert "First time here?" in clicks.page.inner_text("main")
    assert administrator.address not in clicks.page.content(), "the link alone must not tell the address on file"
    clicks.submit("/sign-in-link")
    clicks.look()
    assert administrator.address not in clicks.page.content()
    set_first_password(clicks, sink.wait_for(1, to=administrator.address)[0], administrator.address)
    assert ref_of(clicks.path()) == invitation.ref
    clicks.submit("/opening")
    clicks.review()
    assert clicks.accept()
    assert acts(running.app) == (1, 1, 1)


def set_first_password(clicks: Clicks, mail: Received, address: str) -> None:
    """Open the link of a mail, type the address it was sent to, and choose a password."""
    clicks.page.goto(next(each for each in mail.links if "/first-sign-in/" in each))
    clicks.look()
    for typed in ("somebody.else@customer.example", address):
        clicks.page.fill("[name=address]", typed)
        clicks.page.fill("[name=password]", NEW_PASSWORD)
        clicks.page.fill("[name=password_again]", NEW_PASSWORD)
        clicks.press(clicks.page.locator("main form[method=post] button[type=submit]"))


@pytest.mark.timeout(240)
def test_a_new_customer_signs_up_from_an_invitation_for_any_customer_and_accepts(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink
) -> None:
    running = run()
    publish(running.app)
    partner = running.world.a_partner("Northwind Cloud")
    invitation = running.world.an_invitation(partner)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    clicks = running.clicks("en")
    clicks.page.goto(invitation.path)
    clicks.follow("/sign-up")
    clicks.look()
    clicks.page.fill("[name=address]", "kim@newcomer.example")
    clicks.press(clicks.page.locator("main form[method=post] button"))
    clicks.look()
    mail = sink.wait_for(1, to="kim@newcomer.example")[0]
    clicks.page.goto(next(each for each in mail.links if "/sign-up/" in each))
    clicks.look()
    typed = {
        "address": "kim@newcomer.example", "organization": "Newcomer Inc.", "given_name": "Kim", "family_name": "Lee",
        "password": NEW_PASSWORD, "password_again": NEW_PASSWORD,
    }  # fmt: skip
    for name, value in typed.items():
        clicks.page.fill(f"[name={name}]", value)
    clicks.page.select_option("[name=country]", "US")
    clicks.press(clicks.page.locator("main form[method=post] button[type=submit]"))
    assert ref_of(clicks.path()) == invitation.ref
    clicks.look()
    clicks.submit("/opening")
    assert "Newcomer Inc." in clicks.page.inner_text("main")
    clicks.review()
    assert clicks.accept()
    sink.wait_for(2, to="kim@newcomer.example")
    assert acts(running.app) == (1, 1, 1)
