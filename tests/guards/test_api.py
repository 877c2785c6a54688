"""Every operation of the API × every kind of token, from the one table in `tests/guards/api/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.guards.api import STRANGERS, Op, op, operations
from tests.guards.test_routes import address_of
from tests.support.rows import changed, digests
from tests.support.story import API_VISITORS, Story
from webapp import rest

TABLE = operations()
READS = sorted(key for key in TABLE if key.startswith(("GET ", "HEAD ")))
ACTS = sorted(key for key in TABLE if not key.startswith(("GET ", "HEAD ")))
#: What any call may write: when a client was last seen.
ACTIVITY = ("activity",)


def ask(story: Story, key: str, row: Op, visitor: str, parameters: dict[str, Any]) -> TestResponse:
    """Send the one valid request of an operation with a visitor's token."""
    method, _rule = key.split(" ", 1)
    more: dict[str, Any] = {}
    if row.body is not None:
        more["json"] = row.body(story, parameters)
    if row.headers is not None:
        more["headers"] = row.headers(story, parameters)
    answer = story.client(visitor).open(address_of(story.app, key, parameters), method=method, **more)
    assert isinstance(answer, TestResponse)
    return answer


def faults_of(story: Story, key: str, row: Op, visitors: Iterable[str], parameters: dict[str, Any]) -> list[str]:
    """What is wrong with the answers to these tokens, one after the other on one copy of the story."""
    expected = row.expected(key)
    faults = []
    before = digests(story.app)
    for visitor in visitors:
        answer = ask(story, key, row, visitor, parameters)
        if answer.status_code != expected[visitor]:
            faults.append(
                f"{visitor} got {answer.status_code}, not {expected[visitor]} ({answer.get_data(as_text=True)[:300]})"
            )
        after = digests(story.app)
        if key in READS or expected[visitor] >= 400:
            faults += [f"{visitor} changed {name}" for name in changed(before, after, but=ACTIVITY)]
        before = after
        faults += [f"{visitor}: {fault}" for fault in answer_faults(key, answer)]
        answer.close()
    return faults


def answer_faults(key: str, answer: TestResponse) -> list[str]:
    """What every answer of the API must have."""
    faults = [f"no {name}" for name in ("MS-RequestId", "MS-CorrelationId") if name not in answer.headers]
    if answer.headers.getlist("Set-Cookie"):
        faults.append("sets a cookie")
    if answer.headers.get("Cache-Control") != "no-store":
        faults.append("may be kept")
    if answer.status_code == 401 and not answer.headers.get("WWW-Authenticate", "").startswith("Bearer"):
        faults.append("does not ask for a bearer")
    if answer.status_code != 401 and "RateLimit-Limit" not in answer.headers:
        faults.append("does not tell the limit")
    if answer.status_code not in rest.OPERATIONS[key].statuses:
        faults.append(f"{answer.status_code} is not documented")
    if answer.status_code >= 400 and not key.startswith("HEAD "):
        body = answer.get_json(silent=True) or {}
        graph = key.split(" ")[1].startswith("/v1.0")
        if not (isinstance(body.get("error"), dict) if graph else isinstance(body.get("code"), int)):
            faults.append("its error has no code")
    return faults


def test_every_operation_is_in_the_table_and_declared(app: Flask) -> None:
    assert set(TABLE) == set(rest.OPERATIONS)


@pytest.mark.parametrize("key", READS)
def test_reading_answers_each_token_as_the_table_says_and_changes_nothing(
    stories: Callable[..., Story], key: str
) -> None:
    story, row = stories(), TABLE[key]
    parameters = row.prepare(story) if row.prepare else {}
    faults = faults_of(story, key, row, API_VISITORS, parameters)
    assert not faults, f"{key}: " + "; ".join(faults)


@pytest.mark.parametrize("key", ACTS)
def test_an_act_works_for_whom_the_table_says_and_for_nobody_else(stories: Callable[..., Story], key: str) -> None:
    row = TABLE[key]
    expected = row.expected(key)
    allowed = [each for each in API_VISITORS if expected[each] < 400]
    assert allowed, f"{key}: nobody may do it"
    story = stories()
    parameters = row.prepare(story) if row.prepare else {}
    faults = faults_of(story, key, row, [each for each in API_VISITORS if each not in allowed], parameters)
    faults += faults_of(story, key, row, allowed[:1], parameters)
    for visitor in allowed[1:]:
        story = stories()
        parameters = row.prepare(story) if row.prepare else {}
        faults += faults_of(story, key, row, [visitor], parameters)
    assert not faults, f"{key}: " + "; ".join(faults)


@pytest.mark.parametrize("key", sorted(TABLE))
def test_who_comes_is_asked_before_anything_is_parsed(story: Story, key: str) -> None:
    method, rule = key.split(" ", 1)
    path = rule.replace("<guid:", "<").replace("<", "x").replace(">", "x")
    for body, kind in ((b"\xff\x00{", "application/json"), (b"a=b", "text/plain")):
        answer = story.client("api_nobody").open(path, method=method, data=body, content_type=kind)
        assert answer.status_code == 401, f"{key} answers {answer.status_code} to nobody's nonsense"


# --- the guard itself ----------------------------------------------------------------------------------------


def test_the_guard_finds_another_status_than_the_table_says(story: Story) -> None:
    faults = faults_of(story, "GET /v1/agreements", op(200, to=()), ["api_read_only"], {})
    assert len(faults) == 1
    assert faults[0].startswith("api_read_only got 200, not 403")


def test_strangers_are_401_whatever_a_row_says() -> None:
    expected = op(200, to=()).expected("GET /v1/x")
    assert {expected[each] for each in STRANGERS} == {401}
