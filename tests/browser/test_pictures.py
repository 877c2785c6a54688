"""Every page of the main job as a picture: both languages, narrow and wide, light and dark; and whether everybody can
use it. The pictures lie in screenshots/ (not in Git), named <state>-<language>-<width>-<scheme>.jpeg."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Page

from config import MailServer
from tests.support.chromium import LOOKS, Scheme, Windows, assert_accessible, screenshot
from tests.support.engines import Engines, configuration, dispose
from tests.support.main_job import KANA_OR_KANJI, Clicks
from tests.support.page_states import STATES, Gallery, gallery
from tests.support.served import Served
from tests.support.sink import Sink
from tests.support.state import State
from webapp import create_app
from webapp.actor import is_api_place

#: The looks of each language; together they are all of them. The full dose looks at every page in each.
SEEN: dict[str, tuple[tuple[int, Scheme], ...]] = {
    "en": ((1280, "light"), (320, "light")),
    "ja": ((1280, "dark"), (320, "dark")),
}
#: Axe judges one of the looks in each language: all that differs is seen at least once.
JUDGED = {"en": (1280, "light"), "ja": (320, "dark")}

#: Answers to GET that are no pages of their own: files, redirects, machines' questions, the demonstration's mailbox.
NO_PAGES = {
    "static", "home.live", "home.ready", "home.language", "invitations.eml", "offers.message",
    "agreements.receipt_json", "relationships.receipt_json", "acceptance.check_again", "acceptance.change_again",
    "attestations.review_again", "attestations.confirm_again", "attestations.proof", "attestations_at_customer.proof",
    "acceptance.agreement_check_again", "acceptance.agreement_change_again", "messages.mailbox", "messages.message",
    "customers.export", "renewals.export", "renewals.calendar", "imports.template", "imports.result",
    "people_imports.template", "people_imports.result", "api_reference.specification",
}  # fmt: skip
#: Pages that the list reaches by another address, or that look like one of it.
ALIKE = {
    "accounts.link_sent": "link-sent",
    "accounts.password_reset_link": "first-password",
    "accounts.mailbox_confirmation_link": "first-password",
    "acceptance.agreement_confirmation": "confirmation",
    "agreements.document": "agreement-document",
}


@pytest.fixture
def served_gallery(engines: Engines, tmp_path: Path, sink: Sink) -> Iterator[Callable[[str], tuple[Gallery, Served]]]:
    """A gallery of one language, served: `served_gallery("ja")`. Looks do not depend on the engine: it is SQLite."""
    with engines.copy("sqlite") as url, Served(url, tmp_path) as served:
        server = MailServer("127.0.0.1", sink.port)
        app = create_app(configuration(url, tmp_path, public_url=served.url, mail_server=server))
        yield lambda language: (gallery(app, language, sink), served)
        dispose(app)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_can_be_seen_and_used_whatever_the_width_and_the_scheme(
    served_gallery: Callable[[str], tuple[Gallery, Served]], windows: Windows, language: str, full: bool
) -> None:
    looks = LOOKS if full else SEEN[language]
    assert JUDGED[language] in looks
    assert {each for seen in SEEN.values() for each in seen} == set(LOOKS)
    made, served = served_gallery(language)
    opened: dict[str, Clicks] = {}
    faults = []
    for state in STATES:
        if state.visitor not in opened:
            opened[state.visitor] = window(windows, made, served, state.visitor)
        faults += [f"{state.name}: {fault}" for fault in faults_of(opened[state.visitor], made, state, looks)]
    assert not faults, "\n".join(faults)


def window(windows: Windows, made: Gallery, served: Served, visitor: str) -> Clicks:
    """A window of somebody, signed in."""
    clicks = Clicks(windows.open(served.url, language=made.language), made.app, made.language)
    if visitor:
        clicks.page.goto("/sign-in")
        clicks.sign_in(made.people[visitor].address)
        assert urlsplit(clicks.page.url).path != "/sign-in", f"{visitor} is not let in"
    return clicks


def faults_of(clicks: Clicks, made: Gallery, state: State, looks: Iterable[tuple[int, Scheme]]) -> list[str]:
    """Show a state, take its pictures, and answer what is wrong with it."""
    page = clicks.page
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    answer = page.goto(state.path.format(**made.values))
    assert answer is not None
    found = [] if answer.status == state.status else [f"status {answer.status}, not {state.status}"]
    if state.then is not None:
        state.then(clicks)
    if page.get_attribute("html", "lang") != made.language:
        found.append("not in its language")
    if made.language == "ja" and not re.search(KANA_OR_KANJI, page.inner_text("h1")):
        found.append(f"no Japanese heading: {page.inner_text('h1')}")
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        screenshot(page, state.name)
        if page.evaluate("document.scrollingElement.scrollWidth") > width:
            found.append(f"wider than {width} px: {widest(page)}")
        if JUDGED[made.language] == (width, scheme):
            found += accessibility(page)
    return found


def widest(page: Page) -> str:
    """What reaches furthest to the right."""
    return str(
        page.evaluate(
            """() => [...document.querySelectorAll("body *")]
                .map((each) => [each.getBoundingClientRect().right, each.outerHTML.slice(0, 120)])
                .sort((one, other) => other[0] - one[0])[0].join(" ")"""
        )
    )


def accessibility(page: Page) -> list[str]:
    try:
        assert_accessible(page)
    except AssertionError as error:
        return [str(error)]
    return []


def test_no_page_is_missing_among_the_pictures(app: Flask) -> None:
    addresses = app.url_map.bind("localhost")
    placed = [re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", urlsplit(each.path).path) for each in STATES]
    shown = {addresses.match(path)[0] for path in placed if path != "/nowhere"}
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or set()) and not is_api_place(rule.rule)
    }
    assert pages - shown - NO_PAGES == set(ALIKE)
    assert set(ALIKE.values()) <= {each.name for each in STATES}
    assert len({each.name for each in STATES}) == len(STATES)
