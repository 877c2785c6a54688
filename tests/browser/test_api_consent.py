"""A person agrees to a program in Chromium, from the program's own page and back to it: a real browser decides whether the
form may lead there (`form-action`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.api_clients.scene import VERIFIER, Program, Scene, returned
from tests.support.builders import PASSWORD, World
from tests.support.chromium import LOOKS, Windows, assert_accessible, screenshot
from tests.support.served import Served

WORDS = {
    "en": {"agree": "Agree", "not_now": "No, not now", "switch": "Switch account", "heading": "Let ERP act in your name?"},
    "ja": {
        "agree": "同意する", "not_now": "今は同意しない", "switch": "アカウントを切り替える",
        "heading": "ERP があなたの名前で操作することに同意しますか?",
    },
}  # fmt: skip


class _Callback(BaseHTTPRequestHandler):
    """Where the program's browser returns to."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><html lang='en'><title>Back</title><h1>Back at the program</h1>")

    def log_request(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def callback() -> Iterator[str]:
    """The address of a program on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Callback)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/callback"
    finally:
        server.shutdown()
        server.server_close()


def press(page: Page, words: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=words, exact=True).click()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_person_agrees_and_the_program_acts(
    app: Flask, world: World, serve: Callable[..., Served], windows: Windows, language: str
) -> None:
    scene, served = Scene(app, world), serve()
    partner = scene.partner = world.a_partner("Northwind Cloud", language=language)
    scene.rival = world.a_partner("Proseware Services", language=language)
    with callback() as place:
        program = scene.program(redirect_uris=(place,))
        page = windows.open(served.url, language=language)
        page.goto(program.asks(redirect_uri=place))  # signed out: to sign in first
        _sign_in(page, scene.rival["admin_agent"].address)
        assert_accessible(page)
        press(page, WORDS[language]["switch"])
        _sign_in(page, partner["sales_agent"].address)
        for width, scheme in LOOKS:
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            assert page.inner_text("h1") == WORDS[language]["heading"]
            assert_accessible(page)
            screenshot(page, "consent-journey")
        press(page, WORDS[language]["not_now"])
        assert returned(page.url)["error"] == "access_denied"
        page.goto(served.url + program.asks(redirect_uri=place))
        press(page, WORDS[language]["agree"])
        assert page.inner_text("h1") == "Back at the program"
        assert returned(page.url)["state"] == "näher & weiter"
        token = _exchanged(served, program, returned(page.url)["code"], place)
    answer = httpx.get(served.url + "/v1/agreements", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def _sign_in(page: Page, address: str) -> None:
    page.fill("[name=address]", address)
    page.fill("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.press("[name=password]", "Enter")


def _exchanged(served: Served, program: Program, code: str, place: str) -> str:
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": place, "code_verifier": VERIFIER,
        "client_id": str(program.id), "client_secret": program.secret,
    }  # fmt: skip
    answer = httpx.post(f"{served.url}/organizations/oauth2/v2.0/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
