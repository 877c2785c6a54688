"""Every kind of entry has its words, in both languages, and leads to its path."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, render_template

from config import ROOT
from webapp.messages.actions import reader_of

KINDS = sorted(each.stem for each in Path(ROOT, "templates/tasks/kinds").glob("*.html"))


class _Any(dict[str, Any]):
    """Facts of whatever kind: each has a word."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def shown(app: Flask, kind: str, language: str) -> str:
    entry = SimpleNamespace(kind=kind, path="/somewhere", facts=_Any(), created_at=None, waits=True)
    with app.test_request_context("/"), reader_of(language, "UTC"):
        return render_template(f"tasks/kinds/{kind}.html", entry=entry)


@pytest.mark.one_engine
@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_says_what_it_is_in_both_languages_and_is_a_link(app: Flask, kind: str) -> None:
    english, japanese = shown(app, kind, "en"), shown(app, kind, "ja")
    assert english != japanese
    for words in (english, japanese):
        assert '<a href="/somewhere">' in words
