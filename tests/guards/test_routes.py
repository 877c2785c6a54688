"""Every route × every kind of visitor, from the one table in `tests/guards/routes/`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.guards.api import operations
from tests.guards.headers import header_faults
from tests.guards.routes import CUSTOMERS, EVERYBODY, Row, row, table
from tests.support.rows import changed, digests
from tests.support.story import VISITORS, Story
from tests.support.visitor import Page
from webapp import access
from webapp.access import Permission, anyone, requires

TABLE = table()
READS = sorted(key for key in TABLE if key.startswith("GET "))
ACTS = sorted(key for key in TABLE if not key.startswith("GET "))

#: What a request may write whatever it is: when a session was last seen.
ACTIVITY = ("activity",)
#: What a refused attempt may write besides: that it was made.
COUNTED = ("activity", "attempts")


def keys_of(app: Flask) -> set[str]:
    """Method and rule of every route."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS"}
        if method != "HEAD" or "GET" not in (rule.methods or set())
    }


def differences(routes: Iterable[str], rows: Iterable[str]) -> list[str]:
    """What the table lacks, and what it holds too much."""
    missing, surplus = set(routes) - set(rows), set(rows) - set(routes)
    return [
        *(f'not in the table: add "{key}": row(...) to tests/guards/routes/<slice>.py' for key in sorted(missing)),
        *(f"in the table, but no such route: {key}" for key in sorted(surplus)),
    ]


def ask(story: Story, key: str, row_: Row, visitor: str, parameters: dict[str, Any]) -> tuple[TestResponse, str]:
    """Send the one valid request of a route as a visitor; the answer, and the address asked."""
    method, _rule = key.split(" ", 1)
    address = address_of(story.app, key, parameters)
    form: dict[str, Any] | None = None
    if method != "GET":
        form = {**row_.body(story, parameters), "csrf_token": story.signed[visitor].csrf_token}
    answer = story.client(visitor).open(
        address,
        method=method,
        data=form,
        headers={"Origin": "http://localhost", "Referer": "http://localhost/", "Accept-Language": "en"},
    )
    return answer, address


def address_of(app: Flask, key: str, parameters: Mapping[str, Any]) -> str:
    """The address of a route with these parameters."""
    method, rule_text = key.split(" ", 1)
    rule = next(r for r in app.url_map.iter_rules() if r.rule == rule_text and method in (r.methods or set()))
    with app.test_request_context(base_url="http://localhost"):
        built = app.url_map.bind("localhost").build(rule.endpoint, dict(parameters), method=method)
    return str(built)


def faults_of(story: Story, key: str, row_: Row, visitors: Iterable[str], parameters: dict[str, Any]) -> list[str]:
    """What is wrong with the answers to these visitors, one after the other on one copy of the story."""
    expected = row_.expected(key)
    reads = key.startswith("GET ")
    faults = []
    checked: set[int] = set()  # one page of each status is read closely
    before = digests(story.app)
    for visitor in visitors:
        answer, address = ask(story, key, row_, visitor, parameters)
        if answer.status_code != expected[visitor]:
            faults.append(f"{visitor} got {answer.status_code}, not {expected[visitor]}{_why(answer)}")
        refused = expected[visitor] >= 400 or (visitor == "nobody" and "nobody" not in row_.to)
        after = digests(story.app)
        if reads or refused:
            allowed = ACTIVITY if reads else COUNTED
            faults += [f"{visitor} changed {name}" for name in changed(before, after, but=allowed)]
        before = after
        faults += [f"{visitor}: {fault}" for fault in header_faults(answer)]
        if answer.mimetype == "text/html" and answer.status_code not in {301, 302, 303, 307, 308} | checked:
            checked.add(answer.status_code)
            try:
                Page(answer, address)
            except AssertionError as error:
                faults.append(f"{visitor}: {error}")
        answer.close()
    return faults


def _why(answer: TestResponse) -> str:
    """What the page says, shortly: for the reader of a failure."""
    if answer.mimetype != "text/html":
        return ""
    text = answer.get_data(as_text=True)
    start = text.find("<main")
    words = " ".join(re.sub(r"<[^>]+>", " ", text[start:]).split())
    return f" ({answer.headers.get('Location') or words[:160]})"


def test_the_table_and_the_url_map_agree(make_app: Callable[..., Flask]) -> None:
    demo = make_app(demo=True)
    faults = differences(keys_of(demo), {**TABLE, **operations()})
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("key", READS)
def test_reading_answers_each_visitor_as_the_table_says_and_changes_nothing(
    stories: Callable[..., Story], key: str
) -> None:
    story = stories()
    row_ = TABLE[key]
    parameters = row_.prepare(story) if row_.prepare else {}
    faults = faults_of(story, key, row_, VISITORS, parameters)
    assert not faults, f"{key}: " + "; ".join(faults)


@pytest.mark.parametrize("key", ACTS)
def test_an_act_works_for_whom_the_table_says_and_for_nobody_else(stories: Callable[..., Story], key: str) -> None:
    row_ = TABLE[key]
    expected = row_.expected(key)
    allowed = [each for each in VISITORS if expected[each] < 400]
    assert allowed, f"{key}: nobody may do it"
    story = stories()
    parameters = row_.prepare(story) if row_.prepare else {}
    faults = faults_of(story, key, row_, [each for each in VISITORS if each not in allowed], parameters)
    faults += faults_of(story, key, row_, allowed[:1], parameters)
    for visitor in allowed[1:]:
        story = stories()
        faults += faults_of(story, key, row_, [visitor], row_.prepare(story) if row_.prepare else {})
    assert not faults, f"{key}: " + "; ".join(faults)


def test_head_is_answered_as_get_without_a_body(story: Story) -> None:
    for key in READS:
        if TABLE[key].prepare is None:
            path = key.removeprefix("GET ")
            client = story.client("nobody")
            head, get = client.head(path), client.get(path)
            assert (head.status_code, head.data) == (get.status_code, b""), path
            head.close()
            get.close()


# --- the guard itself ----------------------------------------------------------------------------------------


def test_the_guard_finds_a_route_that_is_not_in_the_table() -> None:
    (fault,) = differences({"GET /a", "GET /b"}, {"GET /a"})
    assert '"GET /b"' in fault


def test_the_guard_finds_a_row_without_a_route() -> None:
    (fault,) = differences({"GET /a"}, {"GET /a", "POST /a"})
    assert "POST /a" in fault


def test_the_guard_finds_another_status_than_the_table_says(story: Story) -> None:
    faults = faults_of(story, "GET /home", row(200, to=EVERYBODY), ["nobody", "member"], {})
    assert len(faults) == 1
    assert faults[0].startswith("nobody got 302, not 200")


def test_the_guard_finds_a_refused_act_that_changes_a_row(story: Story) -> None:
    everyone_refused = row(302, to=(), otherwise=403)
    faults = faults_of(story, "POST /sign-out", everyone_refused, ["member"], {})
    assert "member changed sessions" in faults


def test_the_guard_finds_a_page_that_is_not_sound(story: Story) -> None:
    view = story.app.view_functions["home.help"]
    broken = anyone(because="a test")(lambda: "<!DOCTYPE html><title>a</title><h1>a</h1><h1>b</h1>")
    story.app.view_functions["home.help"] = broken
    try:
        assert any("2 h1" in fault for fault in faults_of(story, "GET /help", row(200, to=EVERYBODY), ["nobody"], {}))
    finally:
        story.app.view_functions["home.help"] = view


def test_an_application_with_an_undeclared_route_does_not_start(app: Flask) -> None:
    app.view_functions["bare"] = lambda: ""
    app.url_map.add(app.url_rule_class("/bare", endpoint="bare"))
    with pytest.raises(RuntimeError, match="bare"):
        access.refuse_undeclared(app)


def test_a_role_reaches_only_what_its_row_names() -> None:
    expected = row(200, to=CUSTOMERS, member=403, otherwise=404).expected("GET /things/<uuid:id>")
    assert (expected["global_reader"], expected["member"], expected["stranger"]) == (200, 403, 404)
    assert expected["nobody"] == 302
    marked = requires(Permission.READ_HOME)(lambda: "")
    assert vars(marked)["requirement"].permission is Permission.READ_HOME
