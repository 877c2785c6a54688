"""Reading a page in the pseudo-locale: what stands outside the brackets and is not data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import html5lib
import sqlalchemy as sa
from babel import Locale
from flask import Flask

from webapp import languages
from webapp.database import Model, db

_XHTML = "{http://www.w3.org/1999/xhtml}"
_LETTERS = re.compile(r"[^\W\d_]")
#: Digests and references, moments in UTC, time zones as the Unicode project names them.
_FIGURES = re.compile(
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12,}\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\S*( UTC)?|\bUTC[+-]\d\d:\d\d – .*|\b[0-9A-Z]{4}(-[0-9A-Z]{4})+\b"
)
#: Elements whose text is a moment, a text that was published, code or a name that is never translated.
_FOREIGN = {"script", "style", "time", "code", "svg"}
_SPOKEN = ("title", "alt", "aria-label", "placeholder", "aria-description")
NAMES = {"Countersign", "SHA-256", "Microsoft", "UTC", *languages.LANGUAGES.values()}
#: Texts kept as they were published or written.
_KEPT = {"document-text", "letter-body", "code", "reference", "specification"}


def content_of(app: Flask) -> frozenset[str]:
    """Every text in the database and in the configuration, and what is made of them without words of ours."""
    found: set[str] = set()
    with app.app_context(), db.engines["reader"].connect() as connection:
        for table in Model.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                for value in row.values():
                    found.update(_texts(value))
                if {"given_name", "family_name"} <= row.keys():
                    found |= {
                        f"{row['given_name']} {row['family_name']}",
                        f"{row['family_name']} {row['given_name']}",
                    }
        connection.rollback()
    found |= {
        str(app.config[name]) for name in ("OPERATOR_NAME", "OPERATOR_CONTACT", "PUBLIC_URL", "MAIL_DEFAULT_SENDER")
    }
    for code in languages.LANGUAGES:
        locale = Locale.parse(code)
        found |= set(locale.territories.values()) | set(locale.languages.values())
    return frozenset(folded for text in found if (folded := " ".join(text.split())))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield from value.splitlines()
    elif isinstance(value, bytes):  # a published document: each piece of its text
        for piece in re.split(r"<[^>]+>|\n", value.decode("utf-8", "replace")):
            yield unescape(piece)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def unbracketed(html: str, known: frozenset[str]) -> list[str]:
    """The words of a page outside brackets that are not data."""
    reader = _Reader(known)
    reader.read(html5lib.parse(html))
    return reader.found


class _Reader:
    def __init__(self, known: frozenset[str]) -> None:
        self.known = known | NAMES
        self.long = sorted((each for each in known if len(each) > 2), key=len, reverse=True)
        self.depth = 0
        self.found: list[str] = []

    def read(self, element: Any) -> None:
        if not isinstance(element.tag, str):
            return
        tag = element.tag.removeprefix(_XHTML)
        foreign = tag in _FOREIGN or bool(_KEPT & set((element.get("class") or "").split()))
        for name in _SPOKEN:
            self._attribute(element.get(name))
        if tag == "input" and element.get("type") in {"submit", "button"}:
            self._attribute(element.get("value"))
        if not foreign:
            self._text(element.text)
            for child in element:
                self.read(child)
                self._text(child.tail)

    def _attribute(self, value: str | None) -> None:
        depth, self.depth = self.depth, 0
        self._text(value)
        self.depth = depth

    def _text(self, text: str | None) -> None:
        outside = []
        for character in text or "":
            if character == "⟦":
                self.depth += 1
                outside.append(" ")
            elif character == "⟧":
                self.depth -= 1
            elif self.depth == 0:
                outside.append(character)
        words = " ".join("".join(outside).split())
        if not _LETTERS.search(words) or words in self.known:
            return
        left = _FIGURES.sub(" ", words)
        for each in self.long:
            if each in left:
                left = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", " ", left)
        left = " ".join(left.split())
        if _LETTERS.search(left):
            self.found.append(left)
