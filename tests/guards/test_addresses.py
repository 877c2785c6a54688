"""Whatever stands in an address, the answer is a page and never a fault of ours."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.guards.headers import header_faults
from tests.guards.routes import table
from tests.support.catalogue import sources
from tests.support.story import Story
from webapp import pages

#: Bad values, percent-encoded as they stand in an address.
BAD = {
    "over-long": "a" * 5000,
    "NUL": "%00",
    "control characters": "a%01%02%1b%7f%0d%0ab",
    "emoji": quote("👩‍👩‍👧‍👦🈲"),
    "right to left": quote("\u202eabc\u2066\u200f שלום"),
    "bad UTF-8": "%ff%fe%c3%28",
    "half a surrogate": "%ed%a0%80",
    "a percent sign": "%25%zz%",
    "quotes and tags": quote("'\"><script>alert(1)</script>"),
    "SQL": quote("' OR 1=1 --"),
    "a template": quote("{{ 7*7 }}${7*7}%(x)s"),
    "a path": "..%2f..%2fetc%2fpasswd",
    "a number too large": "99999999999999999999999999",
    "negative": "-1",
    "blank": "%20",
    "empty": "",
}


def names_of_arguments() -> list[str]:
    """Every argument that the program reads from an address, found in its source; and some that it does not."""

    pattern = re.compile(r"""args(?:\.(?:get|getlist|pop)\(|\[)\s*["'](\w+)["']""")
    found = {name for path in sources() for name in pattern.findall(path.read_text("utf-8"))}
    return sorted(found | {"next", "lang", "page", "q", "after", "before", "sort", "status", "utm_source"})


@pytest.mark.one_engine
@pytest.mark.parametrize("visitor", ["nobody", "global_administrator", "admin_agent"])
def test_no_address_is_answered_with_a_fault_of_ours(story: Story, visitor: str) -> None:
    client = story.client(visitor)
    names = names_of_arguments()
    faults = []
    for key in sorted(table()):
        if not key.startswith("GET ") or "/static/" in key:
            continue
        pattern = key.removeprefix("GET ")
        for name, value in BAD.items():
            for address in addresses(pattern, value, names):
                answer = client.get(address)
                if answer.status_code >= 500:
                    faults.append(f"{answer.status_code} for {pattern} with {name}: {address[:150]}")
                elif header_faults(answer):
                    faults.append(f"headers of {pattern} with {name}")
                answer.close()
    assert not faults, "; ".join(faults[:10])


def altered_cursors(*leading: str) -> list[str]:
    """Cursors that can be read, with a moment that no list has."""
    moments = ("2026-05-01T12:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
    return [pages.cursor(*leading, each, "7d8f1c9e-2f56-4c59-9d54-8a3d6c0e1b11") for each in moments]


def faults_with_altered_cursors(client: FlaskClient, path: str) -> list[str]:
    """The addresses of a page with such a cursor, in either direction, that are answered with a fault."""
    faults = []
    for word in altered_cursors(*(["newest"] if path == "/partner/customers" else [])):
        for pair in (("after", "older"), ("before", "newer")):
            address = f"{path}?sort=newest&" + "&".join(f"{name}={word}" for name in pair)
            answer = client.get(address)
            if answer.status_code >= 500:
                faults.append(f"{answer.status_code} for {address}")
            answer.close()
    return faults


RULES = sorted(key for key in table() if key.startswith("GET ") and "/static/" not in key)


@pytest.mark.one_engine
@pytest.mark.parametrize("visitor", ["global_administrator", "admin_agent"])
def test_an_altered_cursor_is_no_fault_of_ours(story: Story, visitor: str) -> None:
    client, mine = story.client(visitor), [key for key in RULES if "<" not in key and visitor in table()[key].to]
    faults = [fault for key in mine for fault in faults_with_altered_cursors(client, key.removeprefix("GET "))]
    assert not faults, "; ".join(faults[:10])


@pytest.mark.one_engine
@pytest.mark.parametrize("key", [key for key in RULES if re.search(r"<(uuid:)?\w+>", key)])
def test_an_altered_cursor_is_no_fault_of_ours_on_a_page_about_something(story: Story, key: str) -> None:
    row, path = table()[key], key.removeprefix("GET ")
    for name, value in (row.prepare(story) if row.prepare is not None else {}).items():
        path = re.sub(rf"<(?:\w+:)?{name}>", str(value), path)
    assert faults_with_altered_cursors(story.client(row.to[0]), path) == []


def addresses(pattern: str, value: str, names: list[str]) -> list[str]:
    """The addresses of a rule with a bad value: as each of its parameters, or as every argument at once."""
    if "<" in pattern:
        return [re.sub(r"<[^>]+>", lambda _: value or "%20", pattern)]
    arguments = "&".join(f"{name}={value}" for name in names)
    return [f"{pattern}?{arguments}&{names[0]}={value}"]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_address_of_ours_is_not_found(story: Story, name: str) -> None:
    answer = story.client("nobody").get("/nothing-here/" + BAD[name])
    assert 400 <= answer.status_code < 500
    answer.close()


@pytest.mark.one_engine
def test_a_bad_value_is_never_shown_as_markup(story: Story) -> None:
    for key in sorted(table()):
        if key.startswith("GET ") and "/static/" not in key:
            for address in addresses(key.removeprefix("GET "), BAD["quotes and tags"], names_of_arguments()):
                answer = story.client("nobody").get(address)
                assert b"<script>alert" not in answer.data, address
                answer.close()
