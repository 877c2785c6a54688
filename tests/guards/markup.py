"""Reading a template's own text: what stands between the tags and is not from a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from jinja2 import Environment, nodes

#: What needs no translation.
NAMES = {"Countersign", "SHA-256", "Microsoft", "UTC"}
SPOKEN = {"title", "alt", "aria-label", "aria-description", "placeholder", "label", "content"}
_MARK = "\ufffc"  # stands for what an expression will put there
_LETTERS = re.compile(r"[^\W\d_]")
_PART_OF_AN_ID = re.compile(r"-[a-z]+")
_ENTITY = re.compile(r"&(#\d+|#x[0-9a-fA-F]+|\w+);")


def own_text(source: str, jinja: Environment) -> str:
    """The template's text with a mark for each expression and block."""
    pieces: list[str] = []
    _collect(jinja.parse(source), pieces)
    return "".join(pieces)


def _collect(node: nodes.Node, pieces: list[str]) -> None:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.TemplateData):
            pieces.append(child.data)
        elif isinstance(child, nodes.Expr):
            pieces.append(_MARK)
        elif isinstance(child, nodes.Block) and child.name == "wide":
            continue  # holds a class of the sheet, see templates/layout.html
        else:
            _collect(child, pieces)


def literal_words(source: str, jinja: Environment, *, html: bool) -> list[str]:
    """The words a template says by itself."""
    text = own_text(source, jinja)
    if not html:
        return list(_said(text))
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.found


def _said(text: str) -> Iterator[str]:
    for part in re.split(_MARK, _ENTITY.sub(" ", text)):
        words = " ".join(part.split())
        if _LETTERS.search(words) and words not in NAMES and not _PART_OF_AN_ID.fullmatch(words):
            yield words


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self._in_style = tag == "style"
        for name, value in attributes:
            if name not in SPOKEN or not value:
                continue
            if name == "content" and given.get("name") not in {"description", "author"}:
                continue
            self.found += [f"{name}={each}" for each in _said(value)]
        if tag == "input" and given.get("type") in {"submit", "button"}:
            self.found += [f"value={each}" for each in _said(given.get("value") or "")]

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, text: str) -> None:
        if not self._in_style:
            self.found += _said(text)


_INLINE = (
    (re.compile(r"<style\b", re.I), "a <style>"),
    (re.compile(r"<script\b(?![^>]*\bsrc=)", re.I), "an inline script"),
    (re.compile(r"<[a-z][^>]*\sstyle\s*=", re.I), "a style attribute"),
    (re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.I), "an event attribute"),
    (re.compile(r"javascript:", re.I), "a javascript: address"),
)


def inline(source: str, jinja: Environment, *, mail: bool) -> list[str]:
    """What the content security policy would refuse. Mails have no policy and need style attributes."""
    text = own_text(source, jinja)
    return [what for pattern, what in _INLINE if pattern.search(text) and not (mail and "style" in what)]
