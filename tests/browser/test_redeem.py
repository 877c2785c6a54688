"""Redeeming product keys in Chromium, from the program as it is served, with its worker and a real mail server: a newcomer
whose browser is closed on the way, and an administrator who extends what there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from config import MailServer
from tests.product_keys.scene import Counter, issue_keys
from tests.support.builders import World
from tests.support.chromium import Windows
from tests.support.main_job import PLACES, Clicks
from tests.support.served import Served, WorkerProcess
from tests.support.sink import Received, Sink
from webapp import clock, database
from webapp.product_keys.models import Redemption
from webapp.subscriptions import queries as subscriptions

PASSWORD = "a long and unusual password"
ADDRESS = "kim@woodgrove.example"
TYPED: dict[str, dict[str, str]] = {
    "en": {
        "organization": "Woodgrove Bank Ltd.", "given_name": "Kim", "family_name": "Abercrombie", "phone": "+1 425 555 0100",
    },
    "ja": {
        "organization": "ウッドグローブ銀行株式会社", "given_name": "蓮", "family_name": "高橋", "phone": "０３-１２３４-５６７８",
    },
}  # fmt: skip


@pytest.fixture
def app_at(make_app: Callable[..., Flask], serve: Callable[..., Served]) -> tuple[Flask, Served]:
    """The program as it is served, and an application on the same database."""
    served = serve()
    return make_app(public_url=served.url, mail_server=MailServer("127.0.0.1", 25)), served


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_newcomer_whose_browser_was_closed_goes_on_and_signs_in(
    app_at: tuple[Flask, Served], windows: Windows, work: Callable[..., WorkerProcess], sink: Sink, tmp_path: Path,
    language: str,
) -> None:  # fmt: skip
    app, served = app_at
    Counter(app, World(app))
    one, two = issue_keys(app, count=2, seats=5)
    work(mail_port=sink.port, PUBLIC_URL=served.url)
    clicks = Clicks(windows.open(served.url, language=language), app, language)
    clicks.page.goto("/redeem")
    clicks.look()
    clicks.page.check("[name=right_person]")
    clicks.submit("/redeem")
    clicks.look()
    clicks.page.fill("[name=keys]", one.lower())
    clicks.press(clicks.page.locator("main button[name=act][value=add]"))
    clicks.page.fill("[name=keys]", two.replace("-", "　"))
    clicks.press(clicks.page.locator("main button[name=act][value=next]"))
    clicks.look()
    assert clicks.heading() == clicks.words("Is everything correct?")
    clicks.submit("/redeem/review")
    clicks.look()
    kept = tmp_path / "browser.json"
    clicks.page.context.storage_state(path=kept)
    clicks.page.context.close()  # the browser is closed, and its permanent cookies stay

    clicks = Clicks(windows.open(served.url, language=language, storage_state=kept), app, language)
    clicks.page.goto("/redeem")
    clicks.look()
    assert "2" in clicks.page.inner_text("main .notice")
    clicks.follow("/redeem/step-2")
    clicks.follow("/redeem/account")
    clicks.look()
    for name, value in {**TYPED[language], "address": ADDRESS}.items():
        clicks.page.fill(f"[name={name}]", value)
    clicks.page.select_option("[name=country]", PLACES[language]["country"])
    clicks.submit("/redeem/account")
    clicks.look()
    assert TYPED[language]["organization"] in clicks.page.inner_text("main")
    assert redemptions(app) == 0
    clicks.submit("/redeem/creation")
    clicks.look()
    assert clicks.heading() == clicks.words("The account is created")
    assert redemptions(app) == 2

    mail = sink.wait_for(1, to=ADDRESS)[0]
    assert TYPED[language]["organization"] in mail.subject
    first_sign_in(clicks, mail)
    clicks.page.goto("/subscriptions")
    clicks.look()
    product = {"en": "Suite Business", "ja": "スイート ビジネス"}[language]
    assert product in clicks.page.inner_text("main")


def first_sign_in(clicks: Clicks, mail: Received) -> None:
    """Open the link of the mail, and set a password."""
    clicks.page.goto(next(each for each in mail.links if "/first-sign-in/" in each))
    clicks.page.fill("[name=address]", ADDRESS)
    clicks.page.fill("[name=password]", PASSWORD)
    clicks.page.fill("[name=password_again]", PASSWORD)
    clicks.press(clicks.page.locator("main form[method=post] button[type=submit]"))
    assert clicks.path() == "/home"


def redemptions(app: Flask) -> int:
    with app.app_context():
        return database.session().query(Redemption).count()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_administrator_extends_what_there_is(
    app_at: tuple[Flask, Served], windows: Windows, work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    app, served = app_at
    counter = Counter(app, World(app))
    place: dict[str, Any] = PLACES[language]
    counter.customer = World(app).a_customer("Contoso 株式会社", **place)
    line = counter.has(seats=10, ends_in=20)
    before = counter.standing(line).ends_on
    (key,) = issue_keys(app, seats=10, months=3)
    work(mail_port=sink.port, PUBLIC_URL=served.url)
    clicks = Clicks(windows.open(served.url, language=language), app, language)
    administrator = counter.customer["global_administrator"].address
    clicks.open_signed_in(f"/redeem/own?subscription={line}", administrator)
    clicks.look()
    assert "Contoso 株式会社" in clicks.page.inner_text("main .attention-box")
    clicks.page.fill("[name=keys]", key)
    clicks.press(clicks.page.locator("main button[name=act][value=next]"))
    clicks.look()
    assert clicks.page.is_checked(f"[value='extend:{line}']")
    assert counter.standing(line).ends_on == before
    clicks.submit("/redeem/own")
    clicks.look()
    assert clicks.heading() == clicks.words("The product keys are redeemed")
    with app.app_context():
        row = subscriptions.standing_of(line)
        assert row is not None
        assert timedelta(days=88) < row.ends_on - before < timedelta(days=94)
        assert row.seats == 10
        assert clock.today(place["zone"]) < row.ends_on
    clicks.page.reload()
    assert clicks.heading() == clicks.words("The product keys are redeemed")
    clicks.page.go_back(wait_until="load")
    clicks.page.go_back(wait_until="load")
    told = sink.wait_for(1, to=administrator)[0]
    assert "Contoso 株式会社" in told.subject
    assert any("/redeem/own/" in link for link in told.links)
