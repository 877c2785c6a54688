"""Every template: compiles, says nothing by itself, holds nothing inline; every refusal and every mail has its pages.
That every template is rendered in the run is checked at its end (`--complete`, see `tests/conftest.py`)."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import DictLoader, Environment

from config import ROOT
from tests.guards.markup import inline, literal_words
from tests.support.catalogue import environment, templates
from tests.support.rendered import Watched, never_rendered, seen
from webapp import SLICES, errors
from webapp.errors import Refusal

FOLDER = ROOT / "templates"
ALL = [path.relative_to(FOLDER).as_posix() for path in templates()]
MAIL_PARTS = {"subject.txt", "body.txt", "body.html"}


def is_mail(name: str) -> bool:
    """Whether a template is for mails only."""
    return "/emails/" in name or name == "components/mail.html"


def refusals() -> dict[str, type[Refusal]]:
    """Every refusal that a rule can raise."""
    modules = [errors]
    for name in SLICES:
        if (ROOT / "webapp" / name / "rules.py").is_file():
            modules.append(importlib.import_module(f"webapp.{name}.rules"))
    return {
        each.__name__: each
        for module in modules
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, Refusal)
        and each.__module__ == module.__name__
        and each is not Refusal
    }


def without_words(names: Iterable[str], folder: Path) -> list[str]:
    """Refusals without a page, and pages without a refusal. A refusal that only commands raise has `operator = True`
    and needs none."""
    there = {path.stem for path in (folder / "errors" / "refusals").glob("*.html")}
    return sorted(set(names) ^ there)


def incomplete_mails(folder: Path) -> list[str]:
    """Mails that lack one of their three parts."""
    return sorted(
        f"{mail.relative_to(folder)} has {sorted(each.name for each in mail.iterdir())}"
        for mail in folder.glob("*/emails/*")
        if mail.is_dir() and {each.name for each in mail.iterdir()} != MAIL_PARTS
    )


@pytest.mark.parametrize("name", ALL)
def test_a_template_compiles_and_says_only_what_comes_from_a_catalogue(make_jinja: Environment, name: str) -> None:
    source = (FOLDER / name).read_text("utf-8")
    make_jinja.compile(source, name)
    assert literal_words(source, environment(), html=name.endswith(".html")) == []
    assert inline(source, environment(), mail=is_mail(name)) == []


def test_every_refusal_has_its_page_and_every_page_its_refusal() -> None:
    needed = [name for name, each in refusals().items() if not each.operator]
    assert without_words(needed, FOLDER) == []


def test_every_mail_has_subject_text_and_html() -> None:
    assert incomplete_mails(FOLDER) == []


@pytest.fixture(scope="module")
def make_jinja(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The application's own Jinja."""
    from tests.support.engines import configuration
    from webapp import create_app

    directory = tmp_path_factory.mktemp("jinja")
    app: Flask = create_app(configuration(f"sqlite:///{directory / 'none.sqlite'}", directory))
    found: Environment = app.jinja_env
    return found


# --- the guard itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ("<p>{{ _('Hello') }}</p>", []),
        ("<p>{% trans %}Hello{% endtrans %}</p>", []),
        ("<p>{{ name }} says</p>", ["says"]),
        ('<a title="Go" href="/go">{{ x }}</a>', ["title=Go"]),
        ('<a title="{{ _("Go") }}" class="{% if a %}big{% endif %}">·</a>', []),
        ('<input type="submit" value="Send">', ["value=Send"]),
        ("{% if a %}<b>日本</b>{% endif %}", ["日本"]),
        ("<!-- a remark --><p>&nbsp;–&nbsp;12</p>", []),
        ("{% macro m(a) %}<i>Oops</i>{% endmacro %}", ["Oops"]),
        ("<span>Countersign</span>", []),
    ],
)
def test_the_guard_finds_words_a_template_says_by_itself(source: str, found: list[str]) -> None:
    assert literal_words(source, environment(), html=True) == found


def test_the_guard_finds_words_in_a_text_mail() -> None:
    assert literal_words("{{ _('Dear') }} {{ name }},\nregards", environment(), html=False) == [", regards"]


@pytest.mark.parametrize(
    "source",
    [
        "<style>a{}</style>",
        "<script>go()</script>",
        '<p style="color:red">{{ x }}</p>',
        '<a class="{{ c }}" onclick="go()">{{ x }}</a>',
        '<a href="javascript:go()">{{ x }}</a>',
    ],
)
def test_the_guard_finds_what_is_inline(source: str) -> None:
    assert len(inline(source, environment(), mail=False)) == 1
    assert inline('<script src="/a.js" defer></script><p class="a">{{ x }}</p>', environment(), mail=False) == []


def test_the_guard_finds_a_refusal_without_a_page_and_a_page_without_a_refusal(tmp_path: Path) -> None:
    folder = tmp_path / "errors" / "refusals"
    folder.mkdir(parents=True)
    (folder / "Known.html").touch()
    assert without_words(["Known", "Unknown"], tmp_path) == ["Unknown"]
    assert without_words([], tmp_path) == ["Known"]


def test_the_guard_finds_a_mail_without_its_text(tmp_path: Path) -> None:
    folder = tmp_path / "accounts" / "emails" / "welcome"
    folder.mkdir(parents=True)
    (folder / "subject.txt").touch()
    (folder / "body.html").touch()
    assert len(incomplete_mails(tmp_path)) == 1


def test_the_guard_sees_templates_that_are_included_extended_and_imported(tmp_path: Path) -> None:
    sources = {
        "watched/page.html": '{% extends "watched/frame.html" %}{% block a %}{% include "watched/part.html" %}{% endblock %}',
        "watched/frame.html": '{% from "watched/macros.html" import m %}{{ m() }}{% block a %}{% endblock %}',
        "watched/part.html": "part",
        "watched/macros.html": "{% macro m() %}m{% endmacro %}",
        "watched/never.html": "never",
    }
    jinja = Environment(loader=DictLoader(sources), autoescape=True)
    assert jinja.template_class is Watched
    assert jinja.get_template("watched/page.html").render() == "mpart"
    for name in sources:
        (tmp_path / "templates" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "templates" / name).touch()
    assert never_rendered(seen, tmp_path) == ["watched/never.html"]
