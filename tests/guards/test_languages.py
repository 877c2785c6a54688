"""Languages: the catalogues are complete, and every page says only what comes from them, from the data or from the
configuration (seen in a pseudo-locale that puts every catalogue sentence into brackets)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from config import ROOT
from tests.guards.pseudo import content_of, unbracketed
from tests.guards.routes import table
from tests.guards.test_routes import address_of
from tests.support.catalogue import HEADER, examine, path_of, report
from tests.support.story import VISITORS, Story

TABLE = table()
READS = sorted(key for key in TABLE if key.startswith("GET ") and "/static/" not in key)


def test_the_catalogues_are_complete() -> None:
    found = examine()
    assert found.count == 0, "run `.venv/bin/python -m tests.support.catalogue`\n" + report(found, short=True)


@pytest.mark.parametrize("word", ["全体管理者", "全体閲覧者", "直接課金"])
def test_a_role_has_one_name_in_every_catalogue(word: str) -> None:
    catalogues = sorted(Path(ROOT, "webapp").rglob("*.po"))
    assert catalogues
    assert [str(path) for path in catalogues if word in path.read_text("utf-8")] == []


def spoken_otherwise(story: Story, key: str) -> list[str]:
    """The words on a page that are neither bracketed nor data, for whoever the table lets read it."""
    row = TABLE[key]
    parameters = row.prepare(story) if row.prepare else {}
    address = address_of(story.app, key, parameters)
    known = content_of(story.app)
    faults: list[str] = []
    read: set[str] = set()
    for visitor in VISITORS:
        if row.expected(key)[visitor] >= 500:
            continue
        answer: TestResponse = story.client(visitor).get(address)
        html = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        answer.close()
        if answer.status_code in {301, 302, 303, 307, 308} or not html or html in read:
            continue
        read.add(html)
        faults += [f"{visitor}: {words!r}" for words in unbracketed(html, known)]
    return faults


@pytest.mark.one_engine
@pytest.mark.parametrize("key", READS)
def test_a_page_says_nothing_that_is_not_in_a_catalogue(stories: Callable[..., Story], key: str) -> None:
    assert spoken_otherwise(stories(PSEUDO_LOCALE=True), key) == []


# --- the guard itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>⟦Hello⟧</p>", []),
        ("<p>Hello</p>", ["Hello"]),
        ("<p>⟦Hello <b>Ann</b>, you⟧ there</p>", ["there"]),
        ("<p>Contoso Ltd.</p>", []),
        ("<p>Contoso Ltd. says</p>", ["says"]),
        ('<a title="Go">⟦x⟧</a>', ["Go"]),
        ('<a title="⟦Go⟧">⟦x⟧</a>', []),
        ("<p><time>21 August 2026</time></p>", []),
        ('<input type="submit" value="Send"><input name="a" value="typed">', ["Send"]),
        ("<p>⟦⟦a⟧ b⟧ 12 – ·</p>", []),
    ],
)
def test_the_guard_finds_words_that_are_not_from_a_catalogue(html: str, found: list[str]) -> None:
    page = f"<!DOCTYPE html><html><head><title>⟦t⟧</title></head><body>{html}</body></html>"
    assert unbracketed(page, frozenset({"Contoso Ltd.", "Ann"})) == found


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A house of one template and one catalogue."""
    (tmp_path / "templates" / "accounts").mkdir(parents=True)
    (tmp_path / "webapp" / "accounts" / "translations").mkdir(parents=True)
    (tmp_path / "templates" / "accounts" / "page.html").write_text(
        "{{ _('Hello %(name)s', name=name) }} {% trans %}One\n line{% endtrans %}", "utf-8"
    )
    return tmp_path


WHOLE = 'msgid "Hello %(name)s"\nmsgstr "%(name)s 様"\n\nmsgid "One line"\nmsgstr "一行"\n'


def _write(house: Path, entries: str) -> None:
    path_of("accounts", root=house).write_text(f"{HEADER}\n{entries}", "utf-8")


def test_a_whole_catalogue_has_no_fault(house: Path) -> None:
    _write(house, WHOLE)
    assert examine(house).count == 0


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        (WHOLE.replace('"一行"', '""'), "empty: 'One line'"),
        (WHOLE.replace("%(name)s 様", "様"), "placeholders: 'Hello %(name)s'"),
        (WHOLE.replace("%(name)s 様", "%(nome)s 様"), "placeholders: 'Hello %(name)s'"),
        (WHOLE + '\nmsgid "Gone"\nmsgstr "無い"\n', "unused: 'Gone'"),
        (WHOLE.replace('msgid "One', '#, fuzzy\nmsgid "One'), "fuzzy: 'One line'"),
        (WHOLE + '\n#~ msgid "Old"\n#~ msgstr "古い"\n', "obsolete: 'Old'"),
    ],
)
def test_the_guard_finds_a_faulty_entry(house: Path, entries: str, fault: str) -> None:
    _write(house, entries)
    (found,) = examine(house).faults["accounts"]
    assert found.startswith(fault)


def test_the_guard_finds_a_missing_sentence(house: Path) -> None:
    _write(house, WHOLE.partition("\n\n")[0])
    (missing,) = examine(house).missing["accounts"]
    assert missing.key[1] == "One line"


def test_a_sentence_belongs_to_the_first_slice_that_uses_it(house: Path) -> None:
    (house / "templates" / "layout.html").write_text("{{ _('One line') }}", "utf-8")
    assert [each.key[1] for each in examine(house).missing["kernel"]] == ["One line"]
