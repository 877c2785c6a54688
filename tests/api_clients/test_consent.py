"""Consent: who is asked what, where the browser returns to, and what is never redirected."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api_clients.scene import CHALLENGE, REDIRECT, Scene, returned
from webapp.api_clients import actions
from webapp.api_clients.models import ApiCode, ApiToken
from webapp.evidence.models import Fact


def test_the_page_says_who_is_signed_in_which_program_asks_and_what_it_can_do(scene: Scene) -> None:
    program = scene.program("sales_agent", "read_only", name="Web shop")
    member = scene.partner["sales_agent"]
    page = scene.signed_in(member).open(program.asks()).page
    assert page.heading == "Let Web shop act in your name?"
    for words in (member.address, scene.partner.name, "Web shop", "Sales agent", "Read only", "https://erp.example",
                  "Place and change orders", "Offer or end delegated administration", "Agree", "No, not now"):  # fmt: skip
        assert words in page.words, words
    policy = page.response.headers["Content-Security-Policy"]
    assert "form-action 'self' https://erp.example;" in policy
    assert scene.rows(ApiCode) == []


def test_agreeing_leads_back_with_a_code_and_the_state(scene: Scene) -> None:
    program = scene.program()
    window = scene.signed_in(scene.partner["sales_agent"])
    window.open(program.asks())
    answer = window.send("/authorize", act="agree")
    assert answer.status_code == 303
    assert window.location.startswith(REDIRECT + "&")
    brought = returned(window.location)
    assert brought["state"] == "näher & weiter"
    assert brought["code"].startswith("csc_")
    (fact,) = scene.rows(Fact, Fact.kind == "api_client.consented")
    assert fact.person_id == scene.partner["sales_agent"].id
    assert fact.partner_id == scene.partner.id


def test_not_now_leads_back_with_an_error(scene: Scene) -> None:
    program = scene.program()
    window = scene.signed_in(scene.partner["sales_agent"])
    window.open(program.asks())
    assert window.send("/authorize", act="not_now").status_code == 303
    assert returned(window.location)["error"] == "access_denied"
    assert returned(window.location)["state"] == "näher & weiter"
    assert scene.rows(ApiCode) == []


def test_whoever_is_not_signed_in_signs_in_first_and_comes_back(scene: Scene) -> None:
    program = scene.program()
    window = scene.signed_in(scene.partner["admin_agent"])
    window.visitor.client.delete_cookie("session")
    window.open(program.asks())
    assert window.visitor.page.heading == "Sign in"
    page = window.visitor.sign_in(scene.partner["sales_agent"].address)
    assert page.heading == "Let ERP act in your name?"
    window.send("/authorize", act="agree")
    assert returned(window.location)["state"] == "näher & weiter"


def test_the_wrong_account_can_be_switched_and_comes_back(scene: Scene) -> None:
    program = scene.program()
    window = scene.signed_in(scene.rival["admin_agent"])
    page = window.open(program.asks()).page
    assert (page.status, page.heading) == (403, "This program belongs to another organization")
    assert scene.partner.name in page.words
    window.visitor.submit(button="Switch account")
    assert window.visitor.page.heading == "Sign in"
    assert window.visitor.sign_in(scene.partner["admin_agent"].address).heading == "Let ERP act in your name?"


def test_a_customers_person_and_one_without_a_role_are_asked_nothing(scene: Scene) -> None:
    program = scene.program()
    customer = scene.world.a_customer()["global_administrator"]
    assert scene.signed_in(customer).open(program.asks()).page.status == 403
    page = scene.signed_in(scene.partner[""]).open(program.asks()).page
    assert (page.status, page.heading) == (403, "Your roles allow nothing that this program does")


def test_nobody_is_sent_to_an_address_that_is_not_registered(scene: Scene) -> None:
    program, window = scene.program(), scene.signed_in(scene.partner["admin_agent"])
    wrong: list[dict[str, Any]] = [
        {"redirect_uri": each}
        for each in (
            None, "", "https://erp.example/callback", REDIRECT + "&x=1", REDIRECT.upper(), "https://evil.example/",
            REDIRECT + "/../..", "javascript:alert(1)", REDIRECT + '"', "https://例え.example/",
        )
    ]  # fmt: skip
    for changes in wrong:
        page = window.open(program.asks(**changes)).page
        assert page.status == 400, changes
        assert page.heading == "The program wants to return to an address it did not register"
    for changes in (
        {"client_id": None},
        {"client_id": "x"},
        {"client_id": "a\0"},
        {"tenant": scene.rival.id},
        {"tenant": "x"},
    ):
        page = window.open(program.asks(**changes)).page
        assert (page.status, page.heading) == (400, "This program is not known here"), changes
    for name, value in (("client_id", str(program.id)), ("redirect_uri", REDIRECT)):
        assert window.open(f"{program.asks()}&{name}={quote(value)}").page.status == 400
    scene.act(actions.revoke, program)
    assert window.open(program.asks()).page.heading == "This program is not known here"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'co"de\u3042'}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"scope": "\u3042"}, "invalid_scope"),
        ({"prompt": "none"}, "interaction_required"),
    ],
)
def test_what_else_is_wrong_is_told_to_the_program(scene: Scene, changes: dict[str, Any], error: str) -> None:
    address = scene.program().asks(**changes)
    for client in (scene.browser(scene.partner["admin_agent"]).client, scene.app.test_client()):
        answer = client.get(address)
        assert answer.status_code == 302, answer.text
        assert answer.location.startswith(REDIRECT + "&error=")
        assert returned(answer.location)["error"] == error
        assert returned(answer.location)["state"] == "näher & weiter"


def test_a_parameter_that_stands_twice_is_told_to_the_program(scene: Scene) -> None:
    client = scene.browser(scene.partner["admin_agent"]).client
    for name in ("scope", "state", "response_type", "code_challenge"):
        answer = client.get(f"{scene.program().asks()}&{name}={CHALLENGE}")
        assert returned(answer.location)["error"] in {"invalid_request", "unsupported_response_type"}, name


def test_agreeing_needs_the_form_of_the_page(scene: Scene) -> None:
    program, browser = scene.program(), scene.browser(scene.partner["sales_agent"])
    answer = browser.client.post(program.asks(), data={"act": "agree", "shown": "sales_agent read_only"})
    assert answer.status_code == 400
    assert scene.rows(ApiCode) == []


def test_what_was_not_shown_is_not_agreed(scene: Scene) -> None:
    program = scene.program("read_only")
    window = scene.signed_in(scene.partner["sales_agent"])
    window.open(program.asks())
    scene.act(actions.change, program, roles=["sales_agent", "read_only"], redirect_uris=[REDIRECT])
    answer = window.send("/authorize", act="agree")
    assert answer.status_code == 409
    assert "What the program may do has changed" in answer.text
    assert scene.rows(ApiCode) == []


def test_a_role_that_a_program_gets_later_was_not_agreed_to(scene: Scene) -> None:
    program = scene.program("read_only")
    tokens = program.consented(scene.partner["sales_agent"])
    scene.act(actions.change, program, roles=["sales_agent", "read_only"], redirect_uris=[REDIRECT])
    refreshed = program.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    assert {tuple(row.roles) for row in scene.rows(ApiToken)} == {("read_only",)}


def test_what_was_agreed_to_is_taken_back_and_ends_at_once(scene: Scene) -> None:
    member, colleague = scene.partner["sales_agent"], scene.partner["admin_agent"]
    program, other = scene.program(name="Web shop"), scene.program(name="ERP")
    tokens, kept = program.consented(member), [program.consented(colleague), other.consented(member)]
    unused = program.code_of(member)
    browser = scene.browser(member)
    browser.open("/account")
    page = browser.follow("Programs that act in your name")
    assert page.heading == "Programs that act in your name"
    assert page.words.index("ERP") < page.words.index("Web shop")
    assert page.words.count("Sales agent, Read only") == 2

    page = browser.submit(to=f"/account/programs/{program.id}/withdrawal")
    assert "The program Web shop no longer acts in your name." in page.words
    assert page.words.count("Web shop") == 1  # in what was just said
    assert scene.status_with(tokens["access_token"]) == 401
    for answer in (program.refresh(tokens["refresh_token"]), program.exchange(unused)):
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")
    assert [scene.status_with(each["access_token"]) for each in kept] == [200, 200]
    (fact,) = scene.rows(Fact, Fact.kind == "api_client.consent_withdrawn")
    assert (fact.person_id, fact.partner_id) == (member.id, scene.partner.id)


def test_taking_back_twice_says_so_and_a_colleague_has_nothing_to_take_back(scene: Scene) -> None:
    member, program = scene.partner["sales_agent"], scene.program(name="Web shop")
    program.consented(member)
    browser, colleague = scene.browser(member), scene.browser(scene.partner["admin_agent"])
    other_tab = browser.open("/account/programs")
    browser.submit(to="/withdrawal")
    browser.page = other_tab
    assert "did not act in your name any more" in browser.submit(to="/withdrawal").words
    assert len(scene.rows(Fact, Fact.kind == "api_client.consent_withdrawn")) == 1
    assert "No program acts in your name" in colleague.open("/account/programs").words
