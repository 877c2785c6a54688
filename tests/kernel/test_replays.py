"""A retried request gets the first answer: once, with the same body, also when two arrive together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.test import TestResponse

from tests.support.story import Story
from webapp import actor as actors
from webapp import clock, database, replays, rest, tokens
from webapp.access import Permission, requires
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.api_clients import actions as api_clients
from webapp.api_clients import queries as api_client_queries
from webapp.api_clients.models import ApiToken
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


def there(_actor: Actor, token_id: UUID) -> tokens.Token | None:
    return database.session().get(tokens.Token, token_id)


@requires(Permission.OFFER_DELEGATED_ADMIN, on=there)
def removing(found: tokens.Token) -> ResponseReturnValue:
    """Remove what it is about; slowly, where the test says so."""
    id_ = found.id
    database.write(chain=actors.signed_in().chain_id)
    database.session().delete(database.session().get_one(tokens.Token, id_))
    database.session().flush()
    time.sleep(float(request.get_json().get("pause", 0)))
    return jsonify(removed=str(id_))


@pytest.fixture
def probed(story: Story) -> Story:
    story.app._got_first_request = False
    story.app.add_url_rule("/v1/probe", "probe", probe, methods=["POST"])
    story.app.add_url_rule("/v1/probe/<uuid:token_id>", "removing", removing, methods=["DELETE"])
    return story


@pytest.fixture
def kept(probed: Story) -> str:
    """The address of something that can be removed."""
    with probed.unit():
        database.write()
        return f"/v1/probe/{tokens.issue('probe', 'probe@customer.example', lasts=timedelta(days=1)).id}"


def remove(story: Story, path: str, visitor: str = "api_admin_agent", body: Any = None, key: str = "") -> TestResponse:
    headers = {"MS-RequestId": key} if key else {}
    return story.client(visitor).delete(path, json=body or {}, headers=headers)


def answers_kept(story: Story) -> list[replays.FirstAnswer]:
    with story.app.app_context():
        return list(database.session().scalars(sa.select(replays.FirstAnswer)))


def change_token(story: Story, visitor: str, **values: Any) -> None:
    with story.unit():
        database.write()
        digest = api_client_queries.digest_of(story.tokens[visitor])
        database.session().execute(sa.update(ApiToken).where(ApiToken.access_digest == digest).values(**values))


@pytest.fixture
def two_people(probed: Story) -> tuple[UUID, UUID]:
    """Two who consented to one program: the visitors "one" and "other"."""
    with probed.unit():
        found = [probed.actor(role).person_id for role in ("sales_agent", "admin_agent")]
    with probed.unit():
        client, _secret = api_clients.create(by=probed.actor("admin_agent"), name="shared", roles=("sales_agent",))
        for name, person_id in zip(("one", "other"), found, strict=True):
            _row, probed.tokens[name], _refresh = api_clients.give_token(
                client, roles=("sales_agent",), person_id=person_id
            )
    return found[0], found[1]


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


# --- what removes its own object -------------------------------------------------------------------------------


def test_a_retry_hears_the_first_answer_although_its_object_is_gone(probed: Story, kept: str) -> None:
    key = str(uuid4())
    first, second = (remove(probed, kept, key=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.data == second.data
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["MS-RequestId"] == key


def test_any_other_request_about_what_is_gone_is_not_found(probed: Story, kept: str) -> None:
    key = str(uuid4())
    remove(probed, kept, key=key)
    assert remove(probed, kept).status_code == 404
    assert remove(probed, kept, key=str(uuid4())).status_code == 404
    assert remove(probed, kept, body={"else": 1}, key=key).status_code == 404
    assert remove(probed, kept, "api_rival", key=key).status_code == 404
    assert remove(probed, f"/v1/probe/{uuid4()}", key=key).status_code == 404


def test_a_retry_about_what_is_gone_is_decided_first(probed: Story, kept: str) -> None:
    key = str(uuid4())
    remove(probed, kept, key=key)
    change_token(probed, "api_admin_agent", roles=["read_only"])
    assert remove(probed, kept, key=key).status_code == 403
    change_token(probed, "api_admin_agent", revoked_at=clock.now())
    assert remove(probed, kept, key=key).status_code == 401


def test_a_refused_request_about_what_is_gone_keeps_the_rules_of_every_call(probed: Story, kept: str) -> None:
    remove(probed, kept)
    assert remove(probed, kept, key="no guid").status_code == 400
    answer = probed.client("api_admin_agent").delete(
        kept, data=b"x" * (rest.LARGEST + 1), headers={"MS-RequestId": str(uuid4())}, content_type="application/json"
    )
    assert answer.status_code in {404, 413}


def test_two_removals_that_arrive_together_hear_the_same(probed: Story, kept: str) -> None:
    key = str(uuid4())
    answers: list[TestResponse] = []
    both = threading.Barrier(2)

    def send() -> None:
        both.wait()
        answers.append(remove(probed, kept, body={"pause": 0.3}, key=key))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].data == answers[1].data
    assert sorted("Idempotent-Replayed" in each.headers for each in answers) == [False, True]


@pytest.mark.parametrize(
    ("meanwhile", "status"), [({}, 200), ({"roles": ["read_only"]}, 403), ({"revoked_at": True}, 401)]
)
def test_one_that_comes_between_the_look_and_the_claim_is_heard(
    probed: Story, kept: str, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any], status: int
) -> None:
    key, look, first = str(uuid4()), replays._first, []

    def late(actor: Actor, wanted: str) -> Any:
        monkeypatch.setattr(replays, "_first", look)
        found = look(actor, wanted)
        other = threading.Thread(target=lambda: first.append(remove(probed, kept, key=key)))
        other.start()
        other.join()
        values = {name: clock.now() if value is True else value for name, value in meanwhile.items()}
        if values:
            lost = threading.Thread(target=lambda: change_token(probed, "api_admin_agent", **values))
            lost.start()
            lost.join()
        return found

    monkeypatch.setattr(replays, "_first", late)
    second = remove(probed, kept, key=key)
    assert (first[0].status_code, second.status_code) == (200, status)
    assert (second.data == first[0].data) == (status == 200)


# --- whose answer it is ----------------------------------------------------------------------------------------


def test_two_people_who_use_one_program_share_no_key(probed: Story, two_people: tuple[UUID, UUID]) -> None:
    key = str(uuid4())
    one, other = post(probed, "one", MS_RequestId=key), post(probed, "other", MS_RequestId=key)
    assert one.json != other.json
    assert made(probed.app) == 2
    assert post(probed, "one", body={"else": 1}, MS_RequestId=key).status_code == 409
    assert post(probed, "other", MS_RequestId=key).json == other.json
    assert {each.person_id for each in answers_kept(probed)} == set(two_people)


def test_an_answer_is_not_readable_in_the_database(probed: Story) -> None:
    key = str(uuid4())
    first = post(probed, MS_RequestId=key)
    (row,) = answers_kept(probed)
    assert row.key_id in probed.app.config["KEYS"]
    assert first.get_json()["id"].encode() not in row.body
    assert b"secret" not in row.body
    with probed.unit():
        database.write()
        database.session().execute(sa.update(replays.FirstAnswer).values(key_id="gone"))
    again = post(probed, MS_RequestId=key)
    assert again.status_code == 409
    assert "cannot be read" in again.get_json()["description"]
    assert made(probed.app) == 1


def test_the_answers_to_an_erased_person_are_gone(probed: Story, two_people: tuple[UUID, UUID]) -> None:
    for visitor in ("one", "other"):
        post(probed, visitor, MS_RequestId=str(uuid4()))
    assert {each.person_id for each in answers_kept(probed)} == set(two_people)
    with probed.unit():
        erased, _stays = accounts.erase(database.session().get_one(Person, two_people[0]), "a test")
    assert erased > 0
    assert [each.person_id for each in answers_kept(probed)] == [two_people[1]]
