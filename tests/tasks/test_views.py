"""The inbox of both sides."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from config import ROOT
from tests.support.builders import Party, World
from tests.support.main_job import KANA_OR_KANJI
from tests.support.visitor import Visitor
from webapp import database
from webapp.tasks import actions

Browser = Callable[..., Visitor]
#: Every kind that a slice puts: words that stand beside `put(` or are handed on to it.
PUT = re.compile(
    r'"((?:invitation|admission|person|offer|delegated_admin|order|renewal|partner_of_record)_[a-z_]+|switched_to_direct|ending_(?:asked|answered)'
    r'|attestation_(?:objected|requested|wanted)|pairing_(?:asked|confirmed|declined|ended))"'
)
KINDS = sorted(path.stem for path in Path(ROOT, "templates/tasks/kinds").glob("*.html"))


def put(app: Flask, party: Party, kind: str, number: int = 1, *, waits: bool = False, **facts: str) -> None:
    with app.app_context(), database.unit_of_work():
        actions.put(party.id, kind, about_key=f"{number}", path="/help", waits=waits, facts=facts)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_words_and_leads_on(app: Flask, world: World, browser: Browser, kind: str, language: str) -> None:
    partner = world.a_partner(language=language)
    put(app, partner, kind, 1, customer="Contoso", asks="relationship")
    put(app, partner, kind, 2)
    visitor = browser(language=language)
    visitor.sign_in(partner["admin_agent"].address)
    page = visitor.open("/partner/inbox")
    entries = [words for words, url in page.links.items() if url.endswith("/help") and words not in {"Help", "ヘルプ"}]
    assert entries
    assert all(bool(re.search(KANA_OR_KANJI, words)) == (language == "ja") for words in entries)


def test_every_kind_that_is_put_has_words() -> None:
    put_ = set()
    for path in sorted(Path(ROOT, "webapp").glob("*/actions.py")):
        source = path.read_text("utf-8")
        if "tasks.put(" in source:
            put_ |= set(PUT.findall("".join(re.findall(r"(?:put|_tell|_tell_partners?)\([^=]*=", source))))
    answered = {f"pairing_{answer}" for answer in ("confirmed", "declined")}  # its name is made of the answer
    assert put_ | answered == set(KINDS)


def test_what_waits_stands_above_and_the_badge_counts_it(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    put(app, customer, "admission_request", waits=True)
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    assert "Inbox 1" in " ".join(visitor.page.links)
    visitor.open("/inbox")
    assert "Nothing has happened yet" in visitor.page.words
    visitor.submit(button="Mark as done")
    assert "Nothing waits in your inbox." in visitor.page.words
    assert "Done by Global Of" in visitor.page.words
    assert "Inbox 1" not in " ".join(visitor.page.links)


def test_what_happened_is_marked_as_seen_one_by_one_or_at_once(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    for number in range(3):
        put(app, partner, "invitation_accepted", number, customer="Contoso")
    put(app, partner, "invitation_undeliverable", waits=True, customer="Contoso")
    visitor = browser()
    visitor.sign_in(partner["sales_agent"].address)
    visitor.open("/partner/inbox")
    visitor.submit(button="Mark as seen")
    assert visitor.page.words.count("Mark as seen") == 2
    visitor.submit(button="Mark everything as seen")
    assert "Mark as seen" not in visitor.page.words
    assert "Mark as done" in visitor.page.words  # what waits stays


def test_who_only_reads_sees_no_buttons(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    put(app, partner, "invitation_accepted", customer="Contoso")
    visitor = browser()
    visitor.sign_in(partner["helpdesk_agent"].address)
    visitor.open("/partner/inbox")
    assert "Mark" not in visitor.page.words


def test_pages_go_forth_and_back_without_losing_an_entry(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner()
    for number in range(95):
        put(app, partner, "invitation_declined", number, customer=f"No. {number:03}.")
    visitor = browser()
    visitor.sign_in(partner["admin_agent"].address)

    def shown() -> list[str]:
        return [w.split()[1] for w in visitor.page.links if w.startswith("No. ")]

    pages = []
    visitor.open("/partner/inbox")
    pages.append(shown())
    for _ in range(2):
        visitor.follow("Next page")
        pages.append(shown())
    assert "Next page" not in visitor.page.links
    assert [each for page in pages for each in page] == [f"{number:03}." for number in range(94, -1, -1)]
    visitor.follow("Previous page")
    assert shown() == pages[1]
    visitor.follow("Previous page")
    assert shown() == pages[0]
    assert "Previous page" not in visitor.page.links
    assert visitor.open("/partner/inbox?after=nonsense&before=W10").status == 200


def test_more_than_a_page_that_waits_is_said(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    for number in range(41):
        put(app, customer, "admission_request", number, waits=True)
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    assert "The newest are shown." in visitor.open("/inbox").words
    visitor.submit(button="Mark as done")
    assert "The newest are shown." not in visitor.page.words
