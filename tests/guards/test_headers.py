"""What every answer carries: security headers, only our own host, compression, nothing kept that must not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.guards.headers import header_faults
from tests.support.story import Story
from webapp import pages, security
from webapp.access import anyone

ANSWERS = {
    "a page": ("GET", "/help", 200),
    "a page that is not there": ("GET", "/nowhere", 404),
    "a method that is not there": ("DELETE", "/help", 405),
    "a form without its token": ("POST", "/sign-in", 400),
    "a redirect": ("GET", "/home", 302),
    "a style": ("GET", "/static/countersign.css", 200),
    "a style that is not there": ("GET", "/static/none.css", 404),
    "JSON": ("GET", "/health/live", 200),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_carries_the_security_headers(app: Flask, name: str) -> None:
    method, path, status = ANSWERS[name]
    answer = app.test_client().open(path, method=method)
    assert (answer.status_code, header_faults(answer)) == (status, [])
    answer.close()


def test_a_fault_of_ours_carries_them_too_and_shows_no_trace(app: Flask) -> None:
    def fail() -> str:
        raise RuntimeError("a secret detail")

    app.view_functions["home.help"] = anyone(because="a test")(fail)
    answer = app.test_client().get("/help")
    assert (answer.status_code, header_faults(answer)) == (500, [])
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:9999999", "", "a b", "127.0.0.1@x"]
)
def test_another_host_is_refused(app: Flask, host: str) -> None:
    answer = app.test_client().get("/help", headers={"Host": host}) if host else None
    if answer is None:
        answer = app.test_client().get("/help", environ_overrides={"HTTP_HOST": "", "SERVER_NAME": "evil.example"})
    assert 400 <= answer.status_code < 500
    assert "evil.example" not in answer.text


def test_https_asks_for_https_ever_after(make_app: Callable[..., Flask]) -> None:
    secure = make_app(public_url="https://sign.countersign.example")
    answer = secure.test_client().get("/sign-in", base_url="https://sign.countersign.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Strict-Transport-Security" not in make_app().test_client().get("/help").headers


@pytest.mark.filterwarnings("ignore:unclosed file")  # compressing replaces the open file, which is then dropped
@pytest.mark.parametrize("path", ["/sign-in", "/static/countersign.css"])
def test_pages_and_styles_are_compressed(app: Flask, path: str) -> None:
    answer = app.test_client().get(path, headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] in {"br", "gzip"}
    assert "Accept-Encoding" in answer.headers["Vary"]
    answer.close()


def test_a_page_that_shows_a_secret_is_neither_compressed_nor_kept(app: Flask) -> None:
    def secret() -> str:
        security.one_time_secret()
        return pages.render("home/help.html")

    app.view_functions["home.help"] = anyone(because="a test")(secret)
    answer = app.test_client().get("/help", headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers.get("Content-Encoding", "identity") == "identity"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_person_s_pages_are_not_kept_by_shared_caches(story: Story) -> None:
    answer = story.client("global_administrator").get("/home")
    assert "private" in answer.headers["Cache-Control"] or "no-store" in answer.headers["Cache-Control"]


# --- the guard itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Security-Policy", "default-src *"),
        ("Content-Security-Policy", f"{security.CONTENT_SECURITY}; script-src 'unsafe-inline'"),
        ("X-Content-Type-Options", ""),
        ("Referrer-Policy", "unsafe-url"),
        ("X-Frame-Options", "SAMEORIGIN"),
    ],
)
def test_the_guard_finds_a_weakened_header(app: Flask, header: str, value: str) -> None:
    answer = app.test_client().get("/help")
    assert header_faults(answer) == []
    answer.headers[header] = value
    assert header_faults(answer)
