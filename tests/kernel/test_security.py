"""Headers, hosts, cookies, compression: what every answer carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, redirect, session
from flask_wtf.csrf import generate_csrf

from config import ROOT
from tests.guards.headers import header_faults
from tests.kernel.conftest import Probe
from tests.kernel.test_database import ORIGIN, post
from tests.support.builders import World
from tests.support.engines import KEYS
from webapp import errors, languages, security
from webapp.access import anyone
from webapp.policies.rules import POLICIES

HTTPS = "https://countersign.example"


def stylesheet() -> str:
    return next(f"/static/{path.relative_to(ROOT / 'static')}" for path in (ROOT / "static").rglob("*.css"))


def test_every_kind_of_answer_carries_the_headers(app: Flask, probe: Probe) -> None:
    def broken() -> str:
        raise ZeroDivisionError

    probe("/broken", broken)
    probe("/away", lambda: redirect("/help"))
    client = app.test_client()
    answers = {path: client.get(path, base_url=ORIGIN) for path in ("/", "/home", "/no/such/page", "/broken", "/away")}
    answers["static"] = client.get(stylesheet(), base_url=ORIGIN)
    answers["no static"] = client.get("/static/none.css", base_url=ORIGIN)
    answers["wrong method"] = client.post("/", base_url=ORIGIN)
    answers["bad form"] = client.post("/sign-in", base_url=ORIGIN)
    answers["other host"] = client.get("/", base_url="http://evil.example")
    answers["head"] = client.head("/", base_url=ORIGIN)
    for name, answer in answers.items():
        answer.close()
        assert not header_faults(answer), name
        assert "Strict-Transport-Security" not in answer.headers
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert [answers[name].status_code for name in ("/", "/home", "/no/such/page", "/broken", "/away", "static")] == [
        200, 302, 404, 500, 302, 200,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1", "[::1]", "a b"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_another_host_is_refused_in_plain_words(app: Flask, host: str, method: str) -> None:
    answer = app.test_client().open("/", method=method, base_url=ORIGIN, headers={"Host": host})
    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"
    assert "Set-Cookie" not in answer.headers


def test_a_forwarded_host_counts_only_behind_proxies(make_app: Callable[..., Flask]) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    assert make_app().test_client().get("/", base_url=ORIGIN, headers=forged).status_code == 200
    assert make_app(proxies=1).test_client().get("/", base_url=ORIGIN, headers=forged).status_code == 400


def test_trusted_hosts_answer_and_links_still_begin_with_the_public_address(make_app: Callable[..., Flask]) -> None:
    from webapp import pages

    app = make_app(trusted_hosts=("inside.example",))
    assert app.test_client().get("/", base_url="http://inside.example").status_code == 200
    with app.test_request_context(base_url="http://inside.example"):
        assert pages.absolute("home.help") == f"{ORIGIN}/help"


# --- cookies -------------------------------------------------------------------------------------------------


def cookies_of(app: Flask, base_url: str) -> list[str]:
    @anyone(because="a test's own route")
    def view() -> str:
        session["kept"] = "x"
        session.permanent = True
        return "done"

    app.add_url_rule("/cookie", view_func=view)
    return app.test_client().get("/cookie", base_url=base_url).headers.getlist("Set-Cookie")


def test_over_http_the_cookie_is_called_session_and_is_not_secure(make_app: Callable[..., Flask]) -> None:
    [cookie] = cookies_of(make_app(), ORIGIN)
    parts = [part.strip() for part in cookie.split(";")]
    assert parts[0].startswith("session=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
    assert "Secure" not in parts


def test_over_https_the_cookie_has_the_host_prefix_and_what_it_asks_for(make_app: Callable[..., Flask]) -> None:
    app = make_app(public_url=HTTPS)
    [cookie] = cookies_of(app, HTTPS)
    parts = [part.strip() for part in cookie.split(";")]
    assert parts[0].startswith("__Host-session=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"} <= set(parts)
    assert not any(part.startswith("Domain") for part in parts)
    for path in ("/", "/no/such/page", stylesheet()):
        with app.test_client().get(path, base_url=HTTPS) as answer:
            assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_the_cookie_outlives_the_longest_session_that_the_policy_allows(app: Flask) -> None:
    longest = POLICIES["session.days"].high
    assert longest is not None
    assert app.config["PERMANENT_SESSION_LIFETIME"].days >= longest


def test_over_https_a_form_needs_a_referer_of_ours(make_app: Callable[..., Flask]) -> None:
    app = make_app(public_url=HTTPS)

    @anyone(because="a test's own route")
    def view() -> str:
        return str(generate_csrf())

    app.add_url_rule("/form", view_func=view, methods=["GET", "POST"])
    client = app.test_client()
    token = client.get("/form", base_url=HTTPS).get_data(as_text=True)
    for referer, status in (("", 400), ("https://evil.example/", 400), (f"{HTTPS}/form", 200)):
        headers = {"Referer": referer} if referer else {}
        answer = client.post("/form", base_url=HTTPS, data={"csrf_token": token}, headers=headers)
        assert answer.status_code == status


def test_a_session_signed_with_the_older_key_is_still_read_and_the_new_key_signs(
    make_app: Callable[..., Flask], world: World
) -> None:
    person = world.a_customer()["global_administrator"]
    new, old = KEYS["k1"], KEYS["k0"]
    before, rotated, after = (
        make_app(keys={"k0": old}),
        make_app(keys={"k1": new, "k0": old}),
        make_app(keys={"k1": new}),
    )
    client = before.test_client()
    post(client, "/sign-in", address=person.address, password="countersign-demo")

    def home(app: Flask, cookie: str) -> Any:
        other = app.test_client()
        other.set_cookie("session", cookie, domain="localhost")
        answer = other.get("/home", base_url=ORIGIN)
        return answer, other

    signed_old = client.get_cookie("session", domain="localhost")
    assert signed_old is not None
    assert home(rotated, signed_old.value)[0].status_code == 200
    assert home(after, signed_old.value)[0].status_code == 302
    moved = home(rotated, signed_old.value)[1]
    moved.get("/language/ja", base_url=ORIGIN)  # writes the cookie again
    signed_new = moved.get_cookie("session", domain="localhost")
    assert signed_new is not None
    assert home(after, signed_new.value)[0].status_code == 200


# --- compression ---------------------------------------------------------------------------------------------


def test_pages_and_styles_are_compressed(app: Flask) -> None:
    for path, encoding in (("/help", "br"), ("/help", "gzip"), (stylesheet(), "br"), (stylesheet(), "gzip")):
        with app.test_client().get(path, base_url=ORIGIN, headers={"Accept-Encoding": encoding}) as answer:
            assert answer.headers["Content-Encoding"] == encoding, path
            assert "Accept-Encoding" in answer.headers["Vary"]
    assert "Content-Encoding" not in app.test_client().get("/help", base_url=ORIGIN).headers


def test_a_page_with_a_secret_is_neither_compressed_nor_kept(app: Flask, probe: Probe) -> None:
    from webapp import pages

    def view() -> str:
        security.one_time_secret()
        return pages.render("home/help.html")

    probe("/secret", view)
    answer = app.test_client().get("/secret", base_url=ORIGIN, headers={"Accept-Encoding": "br, gzip"})
    assert answer.status_code == 200
    assert answer.headers.get("Content-Encoding", "identity") == "identity"
    assert answer.get_data(as_text=True).startswith("<!DOCTYPE html>")
    assert answer.headers["Cache-Control"] == "no-store"


def test_pages_are_never_kept_by_a_shared_cache(app: Flask) -> None:
    for path in ("/", "/help", "/no/such/page"):
        kept = app.test_client().get(path, base_url=ORIGIN).headers["Cache-Control"]
        assert "no-store" in kept or ("private" in kept and "no-cache" in kept)


# --- logs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request fails, and so does the page that says so: the last resort logs the address."""

    def fail(*_values: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(languages, "keep_choice", fail)
    monkeypatch.setattr(errors, "_last_page", fail)


@pytest.mark.usefixtures("planted")
def test_a_failure_is_logged_without_the_secret_of_the_address(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if "secret" in rule.arguments]
    assert len(rules) >= 8
    word = "planted-word"
    for rule in rules:
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            caplog.clear()
            path = app.url_map.bind("localhost").build(rule.endpoint, {"secret": word}, method=method)
            assert word in path
            assert app.test_client().open(path, method=method, base_url=ORIGIN).status_code == 500
            assert f"Exception on {rule.rule} [{method}]" in caplog.text
            assert word not in caplog.text


@pytest.mark.usefixtures("planted")
def test_a_failure_is_logged_without_the_query(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    assert app.test_client().get("/invitation?ref=planted-word", base_url=ORIGIN).status_code == 500
    assert "Exception on /invitation [GET]" in caplog.text
    assert "planted-word" not in caplog.text
