"""A form that lost its session or its token comes again; nobody is led away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import html5lib
import pytest
from flask import Flask, request
from wtforms import StringField

from tests.kernel.conftest import Probe
from tests.kernel.test_database import ORIGIN, post, signed_in
from tests.support.builders import World
from tests.support.visitor import Visitor
from webapp import again, forms
from webapp.access import Permission, Requirement

TYPED = {
    "title": 'Head of <Purchasing> & "Co"',
    "note": "二行\r\nline two 👩‍💻",
    "postal_code": "100-0001",
    "password": "hidden-secret",
    "new_password": "hidden-secret",
    "code": "hidden-secret",
    "sign_in_code": "hidden-secret",
    "csrf_token": "hidden-secret",
    "carried_fields": "hidden-secret",
}
KEPT = {"title", "note", "postal_code"}

#: What `next` may hold, and where it leads (empty: to the first page).
PLACES = {
    "/home": "/home",
    "/invitation?ref=abc&lang=ja": "/invitation?ref=abc&lang=ja",
    "/a/同意": "/a/同意",
    "": "",
    "home": "",
    "//evil.example": "",
    "///evil.example": "",
    "////evil.example/x": "",
    "/\\evil.example": "",
    "\\\\evil.example": "",
    "\\/evil.example": "",
    "/a\\b": "",
    "/\t/evil.example": "",
    "/\n/evil.example": "",
    "/\r\nLocation: https://evil.example": "",
    "\t//evil.example": "",
    " //evil.example": "",
    " /home": "",
    "\x00/home": "",
    "/home\x00": "",
    "/\x7f/evil.example": "",
    "/\x85/evil.example": "",
    "https://evil.example": "",
    "https:evil.example": "",
    "https:/evil.example": "",
    "http:///evil.example": "",
    "HTTPS://EVIL.example": "",
    "javascript:alert(1)": "",
    "data:text/html,x": "",
    "@evil.example": "",
    "user@evil.example": "",
    "http://localhost@evil.example/": "",
    "http://localhost.evil.example/": "",
    "http://localhost/home": "",
}


@pytest.mark.parametrize(("place", "leads_to"), PLACES.items())
def test_a_place_to_continue_at_is_a_path_of_ours(place: str, leads_to: str) -> None:
    assert again.local(place) == leads_to


@pytest.mark.parametrize("place", [place for place, leads_to in PLACES.items() if not leads_to])
def test_signing_in_never_leads_to_another_site(app: Flask, world: World, place: str) -> None:
    person = world.a_customer()["global_administrator"]
    client = app.test_client()
    page = client.get("/sign-in", query_string={"next": place}, base_url=ORIGIN)
    assert hidden_fields(page.get_data(as_text=True), "/sign-in")["next"] == ""
    answer = post(client, "/sign-in", address=person.address, password="countersign-demo", next=place)
    assert answer.headers.get("Location", "/home") == "/home"
    assert answer.status_code == (
        422 if any(ord(character) in {*range(32), 127, 133} for character in place.strip()) else 302
    )


@pytest.mark.parametrize("path", ["/language/ja?back=", "/sign-in?next="])
def test_encoded_attacks_are_decoded_before_they_are_judged(app: Flask, path: str) -> None:
    for attack in (
        "%2f%2fevil.example",
        "/%0d%0aSet-Cookie:%20x=1",
        "%5c%5cevil.example",
        "/%5cevil.example",
        "/%09/evil.example",
    ):
        answer = app.test_client().get(path + attack, base_url=ORIGIN)
        assert "evil" not in answer.headers.get("Location", "")
        assert "x=1" not in str(answer.headers.getlist("Set-Cookie"))


# --- whose request -------------------------------------------------------------------------------------------

SENDERS: list[tuple[dict[str, str], bool]] = [
    ({"Origin": "http://localhost"}, True),
    ({"Referer": "http://localhost/some/page?x=1"}, True),
    ({"Origin": "http://localhost", "Referer": "http://evil.example/"}, True),
    ({}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "null", "Referer": "http://localhost/"}, False),
    ({"Origin": "http://evil.example", "Referer": "http://localhost/"}, False),
    ({"Origin": "http://localhost.evil.example"}, False),
    ({"Origin": "http://localhost:8000"}, False),
    ({"Origin": "https://localhost"}, False),
    ({"Referer": "http://evil.example/http://localhost/"}, False),
    ({"Referer": "http://localhost@evil.example/"}, False),
    ({"Origin": "http://[broken"}, False),
]


@pytest.mark.parametrize(("headers", "ours"), SENDERS)
def test_only_what_our_own_pages_sent_is_offered_again(
    app: Flask, probe: Probe, headers: dict[str, str], ours: bool
) -> None:
    probe("/form", lambda: "done", methods=("GET", "POST"))
    probe("/closed", lambda: "done", methods=("GET", "POST"), requirement=Requirement(Permission.READ_HOME))
    for path, status in (("/form", 400), ("/closed", 401)):
        answer = app.test_client().post(path, base_url=ORIGIN, data=TYPED, headers=headers)
        assert answer.status_code == status
        assert ("Purchasing" in answer.get_data(as_text=True)) is ours
        assert "hidden-secret" not in answer.get_data(as_text=True)
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_form_too_large_to_carry_is_not_carried_in_part(app: Flask, probe: Probe) -> None:
    probe("/form", lambda: "done", methods=("GET", "POST"))
    answer = app.test_client().post(
        "/form", base_url=ORIGIN, data={"a": "kept?", "b": "x" * again.LONGEST}, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 400
    assert "kept?" not in answer.get_data(as_text=True)


# --- the form comes again ------------------------------------------------------------------------------------


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    form = next(each for each in tree.iter("form") if each.get("action") == action)
    return {each.get("name") or "": each.get("value") or "" for each in form.iter("input")}


def test_a_form_with_a_stale_token_comes_again_with_what_was_typed(app: Flask, probe: Probe) -> None:
    received: list[dict[str, str]] = []

    def view() -> str:
        received.append(request.form.to_dict())
        return "done"

    probe("/form", view, methods=("GET", "POST"))
    client = app.test_client()
    page = client.post("/form?step=2", base_url=ORIGIN, data=TYPED, headers={"Origin": ORIGIN}).get_data(as_text=True)
    fields = hidden_fields(page, "/form?step=2")
    assert set(fields) == KEPT | {"csrf_token"}
    assert "hidden-secret" not in page
    assert client.post("/form?step=2", base_url=ORIGIN, data=fields, headers={"Origin": ORIGIN}).status_code == 200
    assert {name: received[0][name].replace("\r\n", "\n") for name in KEPT} == {
        name: TYPED[name].replace("\r\n", "\n") for name in KEPT
    }


def test_a_post_that_lost_its_session_comes_back_after_signing_in(
    app: Flask, probe: Probe, world: World, browser: Callable[..., Visitor]
) -> None:
    received: list[Any] = []

    class TitleForm(forms.BaseForm):
        title = StringField("Title")

    def view() -> str:
        from webapp import pages

        form = TitleForm()
        if form.validate_on_submit():
            received.append((form.title.data, request.form.getlist("box"), request.form.getlist("decision")))
        return pages.render("home/help.html")

    probe("/step", view, methods=("GET", "POST"), requirement=Requirement(Permission.READ_HOME))
    person = world.a_customer()["global_administrator"]
    visitor = browser()
    visitor.open("/")
    data = {"title": ['二 <b> "q" \u202e'], "box": ["one", "two"], "decision": ["accept"], "csrf_token": ["gone"]}
    visitor._go("POST", "/step?ref=1", data)
    assert visitor.page.status == 401
    assert visitor.page.heading == "You are no longer signed in"
    visitor.submit(button="Sign in and continue")
    assert visitor.page.heading == "Sign in"
    visitor.submit(address=person.address, password="wrong on the first try")
    assert visitor.page.status == 422
    visitor.submit(address=person.address, password="countersign-demo")
    assert visitor.page.heading == "Continue where you left off"
    data["title"] = ['二 <b> "q"']
    visitor.submit(title=data["title"][0], to="/step", button="Continue")
    assert visitor.page.status == 200
    assert received == [('二 <b> "q"', ["one", "two"], ["accept"])]


def test_a_form_of_one_button_leads_back_to_its_page(app: Flask, probe: Probe, world: World) -> None:
    probe("/only-post", lambda: "done", methods=("POST",), requirement=Requirement(Permission.READ_HOME))
    probe("/open-post", lambda: "done", methods=("POST",))
    for path, status, fields in (("/only-post", 401, {"next": "/help?x=1"}), ("/open-post", 400, None)):
        headers = {"Origin": ORIGIN, "Referer": f"{ORIGIN}/help?x=1"}
        page = app.test_client().post(path, base_url=ORIGIN, data={"csrf_token": "old"}, headers=headers)
        assert page.status_code == status
        if fields is not None:
            assert hidden_fields(page.get_data(as_text=True), "/sign-in")["next"] == fields["next"]
        else:
            assert 'href="/help?x=1"' in page.get_data(as_text=True)


@pytest.mark.parametrize("referer", ["", "http://evil.example/help", f"{ORIGIN}/only-post", f"{ORIGIN}/no/such/page"])
def test_nobody_is_led_to_a_page_that_cannot_be_opened(app: Flask, probe: Probe, world: World, referer: str) -> None:
    probe("/only-post", lambda: "done", methods=("POST",), requirement=Requirement(Permission.READ_HOME))
    headers = {"Referer": referer} if referer else {}
    page = app.test_client().post("/only-post", base_url=ORIGIN, headers=headers).get_data(as_text=True)
    assert hidden_fields(page, "/sign-in")["next"] == "/"


def test_carried_fields_that_are_not_ours_are_ignored(app: Flask, world: World) -> None:
    person = world.a_customer()["global_administrator"]
    for broken in ("{", "[1]", '[["a"]]', "null", '{"a": 1}', "[" * 5000, '[["a", ["b"]]]' * 2, quote("x" * 50)):
        answer = post(
            app.test_client(), "/sign-in", address=person.address, password="countersign-demo",
            next="/home", carried_fields=broken,
        )  # fmt: skip
        assert answer.status_code == 302, broken[:50]
        assert answer.headers["Location"] == "/home"
    whole = json.dumps([["a", "b"]])
    away = post(app.test_client(), "/sign-in", address=person.address, password="countersign-demo",
                next="//evil.example", carried_fields=whole)  # fmt: skip
    assert away.headers["Location"] == "/home"


def test_who_is_signed_in_and_has_a_stale_token_stays_signed_in(app: Flask, world: World) -> None:
    client = signed_in(app, world.a_customer()["global_administrator"].address)
    assert client.post("/sign-out", base_url=ORIGIN, headers={"Origin": ORIGIN}).status_code == 400
    assert client.get("/home", base_url=ORIGIN).status_code == 200
