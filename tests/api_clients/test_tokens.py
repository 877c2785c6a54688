"""Tokens: client credentials, codes with proof of possession, refresh tokens that are used once."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api_clients.scene import REDIRECT, SCOPE, VERIFIER, Scene
from tests.support.builders import World
from tests.support.served import Served
from webapp import database
from webapp.access import permissions_by_token
from webapp.accounts.models import Person
from webapp.api_clients import actions, jobs, queries
from webapp.api_clients.models import ApiCode, ApiSecret, ApiToken
from webapp.evidence.models import Fact
from webapp.organizations import actions as organizations
from webapp.organizations.models import Organization
from webapp.replays import FirstAnswer


def error_of(answer: TestResponse) -> tuple[int, str]:
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "application/json"
    return answer.status_code, answer.get_json()["error"]


def assert_nothing_secret_is_kept(scene: Scene, *secrets: str) -> None:
    kept = "".join(str(vars(row)) for model in (ApiCode, ApiSecret, ApiToken, Fact) for row in scene.rows(model))
    assert not any(secret in kept for secret in secrets)


# --- client credentials ----------------------------------------------------------------------------------------


def test_a_program_signs_in_with_its_secret_and_calls_the_api(scene: Scene) -> None:
    program = scene.program("read_only")
    answer = program.post(grant_type="client_credentials", scope=SCOPE)
    body = answer.get_json()
    assert (answer.status_code, answer.headers["Cache-Control"], answer.headers["Pragma"]) == (
        200,
        "no-store",
        "no-cache",
    )
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == body["ext_expires_in"] == 3600
    assert body["scope"] == SCOPE
    assert "refresh_token" not in body
    assert body["access_token"].startswith("csa_")
    assert program.secret.startswith("css_")
    assert scene.status_with(body["access_token"]) == 200
    assert_nothing_secret_is_kept(scene, body["access_token"], program.secret)


def test_the_older_endpoint_takes_a_resource_and_says_numbers_as_texts(scene: Scene) -> None:
    program = scene.program()
    body = program.post(v1=True, grant_type="client_credentials", resource="https://graph.windows.net").get_json()
    assert (body["expires_in"], body["resource"]) == ("3600", "https://graph.windows.net")
    assert int(body["expires_on"]) - int(body["not_before"]) == 3600
    assert scene.status_with(body["access_token"]) == 200


def test_the_secret_may_stand_in_the_header(scene: Scene) -> None:
    program = scene.program()
    word = base64.b64encode(f"{program.id}:{program.secret}".encode()).decode()
    answer = program.post(
        grant_type="client_credentials", client_id=None, client_secret=None, headers={"Authorization": f"Basic {word}"}
    )
    assert answer.status_code == 200, answer.text


def test_form_and_header_name_one_client(scene: Scene) -> None:
    program, other = scene.program(), scene.program(name="Shop")
    word = base64.b64encode(f"{program.id}:{program.secret}".encode()).decode()
    header = {"Authorization": f"Basic {word}"}
    for secret in (None, other.secret, "css_wrong"):
        answer = program.post(
            grant_type="client_credentials", client_id=str(other.id), client_secret=secret, headers=header
        )
        assert error_of(answer) == (400, "invalid_request")
    assert scene.rows(ApiToken) == []
    assert program.post(grant_type="client_credentials", client_secret=None, headers=header).status_code == 200


@pytest.mark.parametrize("tenant", ["id", "domain", "common", "organizations"])
def test_the_address_names_the_partner(scene: Scene, tenant: str) -> None:
    program = scene.program()
    domain = scene.partner["admin_agent"].address.split("@")[1]
    named = {"id": program.tenant, "domain": domain.upper()}.get(tenant, tenant)
    assert program.post(grant_type="client_credentials", tenant=named).status_code == 200


def test_whoever_is_not_the_client_is_told_the_same(scene: Scene) -> None:
    program, other = scene.program(), scene.program(by=scene.rival["admin_agent"])
    header = "Basic " + base64.b64encode(b"\xff\xfe:x").decode()
    wrong: list[dict[str, Any]] = [
        {"client_secret": other.secret}, {"client_secret": "css_wrong"}, {"client_secret": None}, {"client_id": "nobody"},
        {"client_id": str(other.id)}, {"client_id": "a\0b"}, {"client_id": None}, {"tenant": other.tenant},
        {"tenant": "nowhere.example"}, {"client_id": None, "client_secret": None, "headers": {"Authorization": header}},
        {"client_id": None, "client_secret": None, "headers": {"Authorization": "Basic ???"}},
    ]  # fmt: skip
    for changes in wrong:
        answer = program.post(**({"grant_type": "client_credentials"} | changes))
        assert error_of(answer) == (401, "invalid_client"), changes
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert answer.get_json()["error_description"] == "The client or its secret is not right."
    assert scene.rows(ApiToken) == []


def test_failures_are_counted_and_limited_for_that_program_alone(scene: Scene) -> None:
    program, other = scene.program(), scene.program(name="Shop")
    for _ in range(10):
        assert program.post(grant_type="client_credentials", client_secret="css_wrong").status_code == 401
    answer = program.post(grant_type="client_credentials")
    assert error_of(answer) == (429, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert other.post(grant_type="client_credentials").status_code == 200


def test_tokens_count_into_the_limit_of_the_organization(make_app: Callable[..., Flask]) -> None:
    app = make_app(api_requests_per_minute=3)
    program = Scene(app, World(app)).program()
    statuses = [program.post(grant_type="client_credentials").status_code for _ in range(7)]
    assert statuses[0] == 200
    assert 429 in statuses


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": 'a"b'}, "unsupported_grant_type"),
        ({"grant_type": "\u3042"}, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "a\0b"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "a" * 401}, "invalid_scope"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "csc_\0"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "csr_none"}, "invalid_grant"),
    ],
)
def test_what_is_wrong_is_said_by_the_standard(scene: Scene, form: dict[str, Any], error: str) -> None:
    assert error_of(scene.program().post(**form)) == (400, error)


def test_a_body_that_is_no_form_is_refused(scene: Scene) -> None:
    program = scene.program()
    path = f"/{program.tenant}/oauth2/v2.0/token"
    answer = scene.app.test_client().post(path, json={"grant_type": "client_credentials"})
    assert error_of(answer) == (400, "invalid_request")
    answer = scene.app.test_client().post(
        path, data=b"\xff=\xfe&grant_type=%ff", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 400
    assert scene.app.test_client().get(path).status_code == 405


def test_two_secrets_work_and_a_revoked_one_does_not(scene: Scene) -> None:
    program = scene.program()
    second = scene.act(actions.add_secret, program)
    assert [program.post(grant_type="client_credentials", client_secret=each).status_code
            for each in (program.secret, second)] == [200, 200]  # fmt: skip
    with scene.app.app_context():
        older = queries.open_secrets([program.id])[program.id][0]
    assert scene.act(actions.revoke_secret, program, older)
    assert not scene.act(actions.revoke_secret, program, older)
    assert [program.post(grant_type="client_credentials", client_secret=each).status_code
            for each in (program.secret, second)] == [401, 200]  # fmt: skip


# --- codes -----------------------------------------------------------------------------------------------------


def test_a_code_is_exchanged_for_tokens_in_the_name_of_who_agreed(scene: Scene) -> None:
    program = scene.program("admin_agent", "sales_agent", "read_only")
    body = program.consented(scene.partner["sales_agent"])
    assert set(body) == {"token_type", "expires_in", "ext_expires_in", "access_token", "refresh_token", "scope"}
    with scene.app.test_request_context():
        actor = queries.bearer(body["access_token"])
        assert actor is not None
        assert (actor.person_id, actor.client_id) == (scene.partner["sales_agent"].id, program.id)
        assert actor.roles == {"sales_agent", "read_only"}
        assert actor.permissions == permissions_by_token(frozenset({"sales_agent", "read_only"}))
    (code,) = scene.rows(ApiCode)
    assert code.used_at is not None
    assert_nothing_secret_is_kept(scene, body["access_token"], body["refresh_token"], VERIFIER)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "another-verifier-of-at-least-forty-three-characters"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "https://erp.example/callback"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code": "csc_another"}, "invalid_grant"),
    ],
)
def test_a_code_needs_its_proof_and_its_place(scene: Scene, changes: dict[str, Any], error: str) -> None:
    program = scene.program()
    code = program.code_of(scene.partner["sales_agent"])
    assert error_of(program.exchange(**({"code": code} | changes))) == (400, error)
    assert program.exchange(code).status_code == 200  # what failed before used nothing up


def test_another_program_gets_nothing_for_a_code_and_does_not_use_it_up(scene: Scene) -> None:
    program, other = scene.program(), scene.program(name="Shop")
    code = program.code_of(scene.partner["sales_agent"])
    assert error_of(other.exchange(code)) == (400, "invalid_grant")
    assert program.exchange(code).status_code == 200


def test_a_code_that_comes_twice_ends_what_came_of_it(scene: Scene) -> None:
    program = scene.program()
    code = program.code_of(scene.partner["sales_agent"])
    first = program.exchange(code).get_json()
    assert scene.status_with(first["access_token"]) == 200
    assert error_of(program.exchange(code)) == (400, "invalid_grant")
    assert scene.status_with(first["access_token"]) == 401
    assert error_of(program.refresh(first["refresh_token"])) == (400, "invalid_grant")
    (fact,) = scene.rows(Fact, Fact.kind == "api_client.tokens_ended")
    assert '"used_twice":"code"' in fact.record


def test_a_code_is_over_after_five_minutes(moved_scene: Scene) -> None:
    program = moved_scene.program()
    codes = [program.code_of(moved_scene.partner["sales_agent"]) for _ in range(2)]
    moved_scene.seconds_later(295)
    assert program.exchange(codes[0]).status_code == 200
    moved_scene.seconds_later(310)
    assert error_of(program.exchange(codes[1])) == (400, "invalid_grant")


def test_a_code_is_worth_nothing_once_its_place_is_no_longer_registered(scene: Scene) -> None:
    program = scene.program()
    code = program.code_of(scene.partner["sales_agent"])
    scene.act(actions.change, program, roles=["sales_agent", "read_only"], redirect_uris=["https://erp.example/other"])
    assert error_of(program.exchange(code)) == (400, "invalid_grant")


# --- refresh tokens --------------------------------------------------------------------------------------------


def test_a_refresh_token_is_exchanged_for_the_next(scene: Scene) -> None:
    program = scene.program()
    tokens = program.consented(scene.partner["sales_agent"])
    for _ in range(3):
        answer = program.refresh(tokens["refresh_token"], scope=SCOPE + " openid offline_access")
        assert answer.status_code == 200, answer.text
        following = answer.get_json()
        assert following["refresh_token"] != tokens["refresh_token"]
        assert following["scope"] == SCOPE
        tokens = following
    assert scene.status_with(tokens["access_token"]) == 200
    assert scene.status_with(tokens["refresh_token"]) == 401
    assert len({row.family_id for row in scene.rows(ApiToken)}) == 1


def test_a_refresh_token_used_twice_ends_its_whole_family_and_no_other(scene: Scene) -> None:
    program = scene.program()
    stolen, other = (program.consented(scene.partner[role]) for role in ("sales_agent", "admin_agent"))
    following = program.refresh(stolen["refresh_token"]).get_json()
    assert error_of(program.refresh(stolen["refresh_token"])) == (400, "invalid_grant")
    assert error_of(program.refresh(following["refresh_token"])) == (400, "invalid_grant")
    assert [scene.status_with(each["access_token"]) for each in (stolen, following, other)] == [401, 401, 200]
    (fact,) = scene.rows(Fact, Fact.kind == "api_client.tokens_ended")
    assert '"used_twice":"refresh_token"' in fact.record


def test_another_program_cannot_end_a_family(scene: Scene) -> None:
    program, other = scene.program(), scene.program(name="Shop")
    tokens = program.consented(scene.partner["sales_agent"])
    following = program.refresh(tokens["refresh_token"]).get_json()
    assert error_of(other.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert scene.status_with(following["access_token"]) == 200


def test_tokens_end_by_themselves_and_are_forgotten(moved_scene: Scene) -> None:
    scene, hour, day = moved_scene, 3600, 86_400
    program = scene.program()
    own, tokens = program.own(), program.consented(scene.partner["sales_agent"])
    scene.seconds_later(hour + 5)
    assert [scene.status_with(each) for each in (own, tokens["access_token"])] == [401, 401]
    tokens = program.refresh(tokens["refresh_token"]).get_json()
    scene.seconds_later(3 * day)
    with scene.app.app_context():
        assert (
            jobs.forget_old() == 2
        )  # the code, and the program's own token; a refresh token that was used is still known
        assert jobs.forget_old() == 0
    scene.seconds_later(93 * day)
    assert error_of(program.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    with scene.app.app_context():
        assert jobs.forget_old() == 2
    assert scene.rows(ApiToken) == scene.rows(ApiCode) == []


# --- what counts at once ---------------------------------------------------------------------------------------


def test_a_person_that_loses_a_role_or_is_disabled_takes_it_from_its_tokens_at_once(scene: Scene) -> None:
    program, member = scene.program(), scene.partner["sales_agent"]
    tokens, code = program.consented(member), program.code_of(member)
    by = scene.actor(scene.partner["admin_agent"])

    def change(*roles: str) -> None:
        with scene.app.app_context(), database.unit_of_work():
            person = database.session().get_one(Person, member.id)
            organizations.change_roles(person, frozenset(roles), by=by)

    def roles() -> frozenset[str] | None:
        with scene.app.test_request_context():
            actor = queries.bearer(tokens["access_token"])
            return actor.roles if actor is not None else None

    change("helpdesk_agent")
    assert roles() == frozenset({"read_only"})
    change()
    assert roles() == frozenset()
    assert scene.status_with(tokens["access_token"]) == 403
    change("sales_agent")
    assert roles() == frozenset({"sales_agent", "read_only"})
    with scene.app.app_context(), database.unit_of_work():
        _changed, stopped = organizations.disable_person(database.session().get_one(Person, member.id), by=by)
        assert [(each.kind, each.about_id) for each in stopped] == [("api_client", program.id)]
    assert scene.status_with(tokens["access_token"]) == 401
    assert error_of(program.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert error_of(program.exchange(code)) == (400, "invalid_grant")


def test_disabling_the_organization_stops_its_programs(scene: Scene) -> None:
    program = scene.program()
    own = program.own()
    with scene.app.app_context(), database.unit_of_work():
        _changed, stopped = organizations.disable(database.session().get_one(Organization, scene.partner.id), "A test.")
        assert ("api_client", program.id) in [(each.kind, each.about_id) for each in stopped]
    assert scene.status_with(own) == 401
    assert error_of(program.post(grant_type="client_credentials")) == (401, "invalid_client")


def test_a_role_that_a_program_loses_is_lost_to_its_tokens(scene: Scene) -> None:
    program = scene.program("admin_agent", "read_only")
    own = program.own()
    assert scene.act(actions.change, program, roles=["read_only"], redirect_uris=[REDIRECT])
    assert not scene.act(actions.change, program, roles=["read_only"], redirect_uris=[REDIRECT])
    with scene.app.test_request_context():
        actor = queries.bearer(own)
        assert actor is not None
        assert actor.roles == {"read_only"}


def test_the_cookie_opens_no_operation_and_a_token_no_page(scene: Scene) -> None:
    browser = scene.browser(scene.partner["admin_agent"])
    assert browser.client.get("/v1/agreements").status_code == 401
    token = scene.program().own()
    for page in ("/home", "/partner", "/partner/api-clients", "/account"):
        assert scene.get(page, token).status_code == 302
    with_both = browser.client.get("/account", headers={"Authorization": f"Bearer {token}"})
    assert with_both.status_code == 200  # the person's page, whatever token came along


def test_a_token_endpoint_keeps_no_token_for_retries(scene: Scene) -> None:
    program = scene.program()
    headers = {"Authorization": f"Bearer {program.own()}", "Idempotency-Key": "once"}
    answer = program.post(grant_type="client_credentials", headers=headers)
    assert answer.status_code == 200
    assert scene.rows(FirstAnswer) == []


# --- as it is served -------------------------------------------------------------------------------------------


def test_of_two_refreshes_that_arrive_together_one_wins_and_the_family_ends(
    scene: Scene, serve: Callable[..., Served]
) -> None:
    program = scene.program()
    served = serve(processes=2)
    for _ in range(3):
        tokens = program.consented(scene.partner["sales_agent"])
        form = {
            "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": str(program.id),
            "client_secret": program.secret,
        }  # fmt: skip
        ready = threading.Barrier(2)

        def refresh(form: dict[str, str] = form, ready: threading.Barrier = ready) -> httpx.Response:
            with httpx.Client(base_url=served.url, timeout=30) as client:
                client.get("/health/live")
                ready.wait()
                return client.post(f"/{program.tenant}/oauth2/v2.0/token", data=form)

        with ThreadPoolExecutor(2) as pool:
            answers = [each.result() for each in [pool.submit(refresh), pool.submit(refresh)]]
        assert sorted(answer.status_code for answer in answers) == [200, 400], [each.text for each in answers]
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        assert scene.status_with(won["access_token"]) == 401
        assert error_of(program.refresh(won["refresh_token"])) == (400, "invalid_grant")


def test_a_revoked_program_is_refused_at_once_in_every_process(scene: Scene, serve: Callable[..., Served]) -> None:
    program = scene.program()
    served = serve(processes=2)
    clients = [httpx.Client(base_url=served.url, timeout=30) for _ in range(8)]
    form = {"grant_type": "client_credentials", "client_id": str(program.id), "client_secret": program.secret}
    token = clients[0].post("/common/oauth2/v2.0/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert {client.get("/v1/agreements", headers=headers).status_code for client in clients} == {200}
    assert scene.act(actions.revoke, program)
    assert {client.get("/v1/agreements", headers=headers).status_code for client in clients} == {401}
    assert {client.post("/common/oauth2/v2.0/token", data=form).status_code for client in clients} == {401}
    for each in clients:
        each.close()
