"""A mail scanner: opens every link of a mail, runs its pages in a real browser, ticks every box, types plausible
words, and submits every form it meets. The one thing it does not know is the address the mail was sent to.
"""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Locator, Page

from tests.support.visitor import Form
from webapp.database import Model, db

#: What the scanner types, by the kind of field.
PLAUSIBLE = {"email": "scanner@mail-security.example", "password": "Plausible-Password-2026", "date": "2026-11-20"}


def rows(app: Flask) -> dict[str, dict[str, str]]:
    """Every row of every table, as digests by primary key: two of these tell what changed in between."""
    found: dict[str, dict[str, str]] = {}
    with app.app_context(), db.engines["reader"].connect() as connection:
        for table in Model.metadata.sorted_tables:
            found[table.name] = {
                "|".join(str(row._mapping[column.name]) for column in table.primary_key.columns): hashlib.sha256(
                    repr(tuple(row)).encode()
                ).hexdigest()
                for row in connection.execute(sa.select(table))
            }
    return found


def changes(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> dict[str, set[str]]:
    """The keys of rows that came, went or changed, by table; tables without any are left out."""
    found = {
        table: {key for key in {*before[table], *after[table]} if before[table].get(key) != after[table].get(key)}
        for table in before
    }
    return {table: keys for table, keys in found.items() if keys}


class Scanner:
    """Follows links by program, and submits forms in a browser's window."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.visits = 0

    def is_ours(self, url: str) -> bool:
        return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" == self.origin

    def follow(self, links: list[str]) -> None:
        """GET and HEAD every link of ours, and submit what its page shows without a browser's help."""
        with httpx.Client(follow_redirects=True, timeout=40) as client:
            for url in links:
                if not self.is_ours(url):
                    continue
                client.head(url)
                answer = client.get(url)
                self.visits += 1
                assert answer.status_code < 500, f"{url}: {answer.status_code}"
                for form in forms_of(answer):
                    if form.method == "post" and self.is_ours(form.action):
                        sent = client.post(form.action, data=filled(form), headers={"Origin": self.origin})
                        assert sent.status_code < 500, f"{form.action}: {sent.status_code}"

    def run(self, window: Page, url: str, depth: int = 3) -> None:
        """Open a link in a browser and submit every form of its page, then every form of the page that follows."""
        self.visits += 1
        self._submit_all(window, url, depth)

    def _submit_all(self, window: Page, url: str, depth: int) -> None:
        window.goto(url)
        forms = [("main form", index) for index in range(window.locator("main form").count())]
        forms += [("header form", index) for index in range(window.locator("header form").count())]
        for where, index in forms:
            window.goto(url)
            if window.locator(where).count() <= index:
                continue
            self._submit(window, window.locator(where).nth(index))
            here = 1
            while here < depth and window.locator("main form[method=post]").count():
                before = window.url, window.content()
                self._submit(window, window.locator("main form[method=post]").last)
                if (window.url, window.content()) == before:
                    break
                here += 1

    def _submit(self, window: Page, form: Locator) -> None:
        """Fill in and submit one form."""
        for field in form.locator("input, textarea, select").all():
            self._fill(field)
        button = form.locator("button.button-primary")
        if not button.count():
            button = form.locator("button[type=submit], button:not([type])")
        button = button.first
        if button.count():
            with window.expect_navigation():
                button.evaluate("button => button.click()")

    def _fill(self, field: Locator) -> None:
        kind = field.evaluate("f => f.tagName === 'INPUT' ? f.type : f.tagName.toLowerCase()")
        if kind in {"checkbox", "radio"}:
            field.evaluate("f => { f.checked = true }")
        elif kind == "textarea" or kind not in {"hidden", "submit", "button", "select", "file"}:
            words = PLAUSIBLE.get(kind, "Plausible words")
            field.evaluate("(f, words) => { if (!f.value || f.type === 'password') f.value = words }", words)


def forms_of(answer: httpx.Response) -> list[Form]:
    """The forms that an answer shows."""
    import html5lib

    if not answer.headers.get("content-type", "").startswith("text/html"):
        return []
    tree = html5lib.parse(answer.text)
    return [Form(each, str(answer.url)) for each in tree.iter("{http://www.w3.org/1999/xhtml}form")]


def filled(form: Form) -> dict[str, list[str]]:
    """A form with every box ticked and every empty field filled with something plausible."""
    typed = {name: [value or _plausible(name) for value in values] for name, values in form.fields.items()}
    return typed | {name: choices[-1:] for name, choices in form.options.items() if choices}


def _plausible(name: str) -> str:
    return next((words for part, words in PLAUSIBLE.items() if part in name), "Plausible words")
