"""A retried request gets the first answer: once, with the same body, also when two arrive together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.test import TestResponse

from tests.support.story import Story
from webapp import actor as actors
from webapp import clock, database, replays, rest
from webapp.access import Permission, requires
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact

SECRET = b'{"secret":false}'


@requires(Permission.USE_API)
def probe() -> ResponseReturnValue:
    """Record a fact and answer its id; slowly, where the test says so."""
    body = request.get_json()
    if body.get("refuse"):
        raise rest.ApiError(400, 2000, "no")
    actor = actors.signed_in()
    database.write(chain=actor.chain_id)
    fact = evidence.record("api_client.changed", by=actor, partner_id=actor.organization_id, facts={"name": "x"})
    time.sleep(float(body.get("pause", 0)))
    if body.get("secret"):
        replays.without(SECRET)
    answer = jsonify(id=str(fact.id), secret=bool(body.get("secret")))
    answer.headers["Location"] = f"/v1/probe/{fact.id}"
    return answer, 201


@pytest.fixture
def probed(story: Story) -> Story:
    story.app._got_first_request = False
    story.app.add_url_rule("/v1/probe", "probe", probe, methods=["POST"])
    return story


def post(story: Story, visitor: str = "api_admin_agent", body: Any = None, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return story.client(visitor).post("/v1/probe", json=body or {}, headers=named)


def made(app: Flask) -> int:
    with app.app_context():
        found = database.session().scalar(sa.select(sa.func.count()).where(Fact.kind == "api_client.changed"))
        return int(found or 0)


@pytest.mark.parametrize("name", ["MS_RequestId", "Idempotency_Key"])
def test_the_second_request_with_a_key_gets_the_first_answer_and_does_nothing(probed: Story, name: str) -> None:
    key = str(uuid4())
    first, second = post(probed, **{name: key}), post(probed, **{name: key})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert made(probed.app) == 1


def test_long_keys_are_told_apart_to_the_last_character(probed: Story) -> None:
    one, other = "x" * 254 + "1", "x" * 254 + "2"
    assert post(probed, Idempotency_Key=one).json != post(probed, Idempotency_Key=other).json


def test_without_a_key_each_request_counts(probed: Story) -> None:
    assert post(probed).json != post(probed).json
    assert made(probed.app) == 2


def test_a_key_of_another_request_is_refused_and_nothing_is_done(probed: Story) -> None:
    key = str(uuid4())
    post(probed, MS_RequestId=key)
    other = post(probed, body={"else": 1}, MS_RequestId=key)
    assert other.status_code == 409
    assert made(probed.app) == 1


def test_the_same_key_of_another_client_is_another_request(probed: Story) -> None:
    key = str(uuid4())
    first = post(probed, "api_admin_agent", MS_RequestId=key)
    assert first.json != post(probed, "api_rival", MS_RequestId=key).json


def test_a_refused_request_may_be_tried_again_with_its_key(probed: Story) -> None:
    key = str(uuid4())
    assert post(probed, body={"refuse": True}, MS_RequestId=key).status_code == 400
    assert post(probed, MS_RequestId=key).status_code == 201


def test_what_is_said_once_is_not_in_the_replay(probed: Story) -> None:
    key = str(uuid4())
    assert post(probed, body={"secret": True}, MS_RequestId=key).get_json()["secret"] is True
    assert post(probed, body={"secret": True}, MS_RequestId=key).data == SECRET


def test_after_a_day_a_key_is_new(probed: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    key = str(uuid4())
    first = post(probed, MS_RequestId=key)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=25))
    with probed.unit():
        for row in database.session().scalars(sa.select(replays.FirstAnswer)):
            assert row.at <= clock.now() - replays.KEPT
    with probed.app.app_context():
        assert replays.forget_old() == 1
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=1))
    assert post(probed, MS_RequestId=key).json != first.json


def test_an_answer_too_old_to_be_sent_again_does_not_stand_in_the_way(
    probed: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(uuid4())
    first = post(probed, MS_RequestId=key)
    with probed.unit():
        database.write()
        database.session().execute(
            sa.update(replays.FirstAnswer).values(at=clock.now() - timedelta(hours=24, minutes=1))
        )
    assert post(probed, MS_RequestId=key).json != first.json


def test_two_retries_that_arrive_together_do_it_once(probed: Story) -> None:
    key = str(uuid4())
    answers: list[TestResponse] = []
    both = threading.Barrier(2)

    def send() -> None:
        both.wait()
        answers.append(post(probed, body={"pause": 0.3}, MS_RequestId=key))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].data == answers[1].data
    assert made(probed.app) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ключ"])
def test_a_key_that_is_none_is_refused(probed: Story, key: str) -> None:
    sent = {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = probed.client("api_admin_agent").post("/v1/probe", json={}, headers=sent)
    assert answer.status_code == 400


def test_a_token_that_was_revoked_gets_no_first_answer(probed: Story, stories: Callable[..., Story]) -> None:
    key = str(uuid4())
    post(probed, MS_RequestId=key)
    assert post(probed, "api_revoked", MS_RequestId=key).status_code == 401


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 201), (1024 * 1024 + 1, 413)])
def test_a_body_may_have_one_megabyte(probed: Story, size: int, status: int) -> None:
    body = b'{"a":"' + b"x" * (size - 8) + b'"}'
    answer = probed.client("api_admin_agent").post("/v1/probe", data=body, content_type="application/json")
    assert len(body) == size
    assert answer.status_code == status
    if status == 413:
        assert answer.get_json()["code"] == 413
