"""The main job as people click it in Chromium, whatever the language: fields by their names, buttons by where their
form goes, words from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask_babel import gettext
from playwright.sync_api import Locator, Page, expect

from tests.support.builders import PASSWORD, Party, World
from tests.support.chromium import assert_accessible
from webapp import database
from webapp.agreements import actions as agreements
from webapp.evidence.models import SITE_CHAIN
from webapp.messages import actions as messages

#: Where the people of a language are, and what their organizations are called.
PLACES: dict[str, dict[str, Any]] = {
    "en": {"language": "en", "country": "US", "zone": "America/New_York"},
    "ja": {"language": "ja", "country": "JP", "zone": "Asia/Tokyo"},
}
NAMES = {
    "en": ("Northwind Cloud", "Contoso Ltd."),
    "ja": ("ノースウィンド・クラウド株式会社", "Contoso 株式会社"),
}
#: Japanese script: what every heading of a page in Japanese holds.
KANA_OR_KANJI = r"[ぁ-んァ-ヶ一-鿿]"


def publish(app: Flask) -> None:
    """Publish the sample agreements of both countries."""
    with app.app_context(), database.unit_of_work():
        database.write(chain=SITE_CHAIN)
        agreements.publish_samples(("US", "JP"))


def parties(world: World, language: str) -> tuple[Party, Party]:
    """A partner and its customer, people and place of one language; the agreement is published."""
    publish(world.app)
    partner, customer = NAMES[language]
    return world.a_partner(partner, **PLACES[language]), world.a_customer(customer, **PLACES[language])


def visible_to(world: World, partner: Party, customer: Party) -> None:
    """Let a partner see a customer, as one that it has an open invitation with."""
    world.an_invitation(partner, customer, asks="agreement", language="en")


@dataclass(frozen=True)
class Clicks:
    """One person at one window."""

    page: Page
    app: Flask
    language: str

    # --- looking ---

    def look(self) -> None:
        """Check the page that is shown: its language, and that everybody can use it."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        assert_accessible(self.page)

    def heading(self) -> str:
        return self.page.inner_text("h1").strip()

    def words(self, sentence: str, **facts: Any) -> str:
        """A sentence of the catalogue in the language of this person; fails where it is not translated."""
        with self.app.app_context(), messages.reader_of(self.language, "UTC"):
            said = str(gettext(sentence, **facts))
            assert self.language == "en" or said != (sentence % facts if facts else sentence), f"no Japanese: {said}"
        return said

    def path(self) -> str:
        """Where the window is, without the host."""
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    # --- clicking ---

    def press(self, target: Locator) -> None:
        """Click what leads to another page."""
        with self.page.expect_navigation():
            target.click()

    def form(self, to: str) -> Locator:
        """The form of the main part that goes to an address ending so."""
        return self.page.locator(f"main form[action$='{to}']")

    def submit(self, to: str) -> None:
        """Press the last button of a form: the one that the form is for."""
        self.press(self.form(to).locator("button[type=submit]:not([formaction])").last)

    def follow(self, part: str) -> None:
        """Follow the first link of the main part whose address holds this."""
        self.press(self.page.locator(f"main a[href*='{part}']").first)

    # --- steps ---

    def sign_in(self, address: str) -> None:
        """Sign in at the page that is shown."""
        self.page.fill("[name=address]", address)
        self.page.fill("[name=password]", PASSWORD)
        with self.page.expect_navigation():
            self.page.press("[name=password]", "Enter")

    def open_signed_in(self, path: str, address: str) -> None:
        """Open a page of the site as somebody: the way leads over the sign-in page."""
        self.page.goto(path)
        assert urlsplit(self.page.url).path == "/sign-in", self.page.url
        self.sign_in(address)

    def make_invitation(self, customer: Party, language: str, recipient: str) -> None:
        """From the list of invitations to the page of a new one."""
        self.page.goto("/partner/invitations")
        self.follow("/partner/invitations/new")
        self.look()
        self.page.check("[name=asks][value=relationship]")
        self.page.check("[name=for_whom][value=named]")
        self.page.select_option("[name=customer]", str(customer.id))
        self.page.fill("[name=recipient]", recipient)
        self.page.check(f"[name=language][value={language}]")
        self.submit("/partner/invitations")

    def tick_all(self) -> None:
        """Tick every box of the review page: each was empty."""
        boxes = self.form("/check").locator("input[type=checkbox]")
        for number in range(boxes.count()):
            assert not boxes.nth(number).is_checked(), "a box was ticked beforehand"
            boxes.nth(number).check()

    def review(self, title: str = "Director") -> None:
        """Read, tick, give a title, go on to the check."""
        self.tick_all()
        self.page.fill("[name=title]", title)
        self.submit("/acceptance/check")

    def accept(self) -> str:
        """Press Accept; the reference on the confirmation."""
        self.submit("/acceptance")
        return self.reference()

    def reference(self) -> str:
        assert self.path().endswith("/confirmation"), f"{self.page.url}: {self.heading()}"
        return self.page.inner_text(".panel .reference").strip()
