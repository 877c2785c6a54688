"""Every refusal, error and fact has words that can be spoken, in both languages.

Stand-ins take the place of what a refusal or a fact holds: rare ones (a second administrator, an operator's act) are
spoken here although no story of the suite meets them on a page.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, render_template
from flask_babel import force_locale

from config import ROOT
from tests.support.visitor import words_of
from webapp import pages

TEMPLATES = ROOT / "templates"
FACTS = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.glob("*/facts/*.html"))
REFUSALS = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.glob("errors/refusals/*.html"))
ERRORS = sorted(f"errors/{path.name}" for path in TEMPLATES.glob("errors/[45]*.html"))
MOMENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class StandIn(dict[str, Any]):
    """Holds something fitting under every name."""

    def __missing__(self, name: str) -> Any:
        if name.endswith(("_on", "day", "until")) or name in {
            "earliest",
            "latest",
            "first",
            "last",
            "low",
            "high",
            "from",
            "to",
            "today",
        }:
            return date(2026, 11, 20)
        if name.endswith("_id") or name == "id":
            return UUID(int=1)
        if name.endswith("at") or name in {"since", "when"}:
            return MOMENT
        if name in {"roles", "people", "names", "domains", "stops"}:
            return ["global_administrator"]
        if name in {"minutes", "limit", "hours", "count"}:
            return 5
        return "stand-in"

    def __getattr__(self, name: str) -> Any:
        return self[name]


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("template", FACTS)
def test_a_fact_can_be_told(app: Flask, template: str, language: str) -> None:
    with app.test_request_context(base_url="http://localhost"), force_locale(language):
        told = render_template(
            template, who="Ann", kind="", fact=StandIn(), personal=StandIn(), name_of=lambda _word: "Bob",
            customer="Contoso", partner="Northwind", other_partner="Tailspin",
        )  # fmt: skip
    assert told.strip()


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("template", [*REFUSALS, *ERRORS])
def test_a_refusal_can_be_spoken(app: Flask, template: str, language: str) -> None:
    import html5lib

    with app.test_request_context(base_url="http://localhost"), force_locale(language):
        shown = pages.render(template, refusal=StandIn(), reference="ABCD2345")
    headings = list(html5lib.parse(shown).iter("{http://www.w3.org/1999/xhtml}h1"))
    assert len(headings) == 1
    assert words_of(headings[0])


@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_finding_has_words_of_its_own(app: Flask, language: str) -> None:
    kinds = ("edited", "missing", "inserted", "reordered", "cut", "broken")
    with app.test_request_context(base_url="http://localhost"), force_locale(language):
        told = {render_template("evidence/finding.html", finding=StandIn(kind=kind, position=7)) for kind in kinds}
    assert len(told) == len(kinds)
