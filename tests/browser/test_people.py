"""A customer's people in Chromium, from the program as it is served, with its worker and a real mail server: one is
added and signs in, gets a licence, is blocked while its page is open; many come from a file with a faulty row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.browser.test_main_job import Running
from tests.browser.test_main_job import run as run
from tests.directory.scene import Office
from tests.support.main_job import NAMES, PLACES, Clicks
from tests.support.served import WorkerProcess
from tests.support.sink import Sink
from webapp import database
from webapp.accounts.models import Person
from webapp.subscriptions.models import Licence

#: What is typed, by the language of whoever types.
TYPED = {
    "en": {"given": "Avery", "family": "Howard", "product": "Business Premium suite"},
    "ja": {"given": "彩", "family": "佐藤", "product": "ビジネス プレミアム スイート"},
}
OWN_PASSWORD = "a long and unusual password"
LANGUAGES = pytest.mark.parametrize("language", ["en", "ja"])


def office_of(running: Running, language: str) -> Office:
    """A customer of the language's place, that calls itself so."""
    office = Office(running.app, running.world)
    office.customer = running.world.a_customer(NAMES[language][1], **PLACES[language])
    office.domain = office.customer[""].address.partition("@")[2]
    return office


def licences(app: Flask, address: str) -> int:
    """How many licences the person with this address has."""
    with app.app_context():
        return database.session().scalar(
            sa.select(sa.func.count()).select_from(Licence).join(Person, Person.id == Licence.person_id)
            .where(Person.address_key == address)
        ) or 0  # fmt: skip


@pytest.mark.timeout(240)
@LANGUAGES
def test_somebody_is_added_signs_in_gets_a_licence_and_is_shut_out_of_an_open_page(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    running, typed = run(), TYPED[language]
    office = office_of(running, language)
    office.line(typed["product"], seats=3)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    address = f"avery@{office.domain}"

    leading = running.clicks(language)
    leading.open_signed_in("/home", office.customer["global_administrator"].address)
    leading.look()
    assert leading.page.locator("#set-up").count() == 1
    leading.follow("/users/new")
    leading.look()
    for name, value in {"given_name": typed["given"], "family_name": typed["family"], "address": address}.items():
        leading.page.fill(f"main [name={name}]", value)
    leading.page.check(f"main [name=language][value={language}]")
    leading.submit("/users")
    leading.look()
    person = leading.path()
    assert typed["family"] in leading.heading()

    mail = sink.wait_for(1, to=address)[0]
    link = next(each for each in mail.links if "/first-sign-in/" in each)
    theirs = running.clicks(language)
    theirs.page.goto(link)
    theirs.look()
    theirs.page.fill("[name=address]", address)
    theirs.page.fill("[name=password]", OWN_PASSWORD)
    theirs.page.fill("[name=password_again]", OWN_PASSWORD)
    theirs.press(theirs.page.locator("main form[method=post] button[type=submit]").last)
    theirs.page.goto("/account")
    theirs.look()

    leading.page.goto(f"{person}/licences")
    leading.look()
    leading.page.locator("main [name=licences]").first.check()
    leading.submit("/licences")
    leading.look()
    assert typed["product"] in leading.page.inner_text("main")
    assert licences(running.app, address) == 1

    leading.page.goto(f"{person}/block")
    leading.look()
    leading.submit("/block")
    leading.look()
    theirs.page.reload()
    assert urlsplit(theirs.page.url).path == "/sign-in", "its open page is signed out"
    assert licences(running.app, address) == 1, "blocking takes no licence away"


@pytest.mark.timeout(240)
@LANGUAGES
def test_a_file_of_people_is_repaired_and_everybody_gets_a_mail(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str, tmp_path: Path
) -> None:
    running, typed = run(), TYPED[language]
    office = office_of(running, language)
    office.line(typed["product"], seats=5)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    columns = {"en": "First name,Last name,Email address,Licences", "ja": "名,姓,メールアドレス,製品"}[language]
    first, second = f"one@{office.domain}", f"two@{office.domain}"
    file = tmp_path / "people.csv"
    rows = [f"{typed['given']},{typed['family']},{first},{typed['product']}", f"Two,Faulty,two,{typed['product']}"]
    file.write_bytes("\r\n".join([columns, *rows, ""]).encode({"en": "utf-8-sig", "ja": "cp932"}[language]))

    importing = running.clicks(language)
    importing.open_signed_in("/users", office.customer["global_administrator"].address)
    importing.look()
    importing.follow("/users/import")
    importing.look()
    importing.follow("/users/import/new/people")
    importing.look()
    importing.page.set_input_files("[name=file]", file)
    importing.submit("/new/people")
    importing.look()
    repaired = importing.form("/rows")
    assert repaired.locator("[name$=email]").count() == 1, "only the bad row is there to be repaired"
    importing.submit("/rows")
    importing.look()
    assert importing.page.locator(".error-summary").count() == 1
    repaired.locator("[name$=email]").fill(second)
    importing.submit("/rows")
    importing.look()
    assert repaired.count() == 0
    importing.follow("/start")
    importing.look()
    importing.submit("/start")
    finish(importing)
    importing.look()
    for address in (first, second):
        mail = sink.wait_for(1, to=address)[0]
        assert any("/first-sign-in/" in each for each in mail.links)
        assert licences(running.app, address) == 1
    importing.page.goto("/users")
    importing.look()
    assert second in importing.page.inner_text("main")


def finish(importing: Clicks) -> None:
    """Look again until every row is done."""
    done = importing.page.get_by_text(importing.words("Finished"))
    for _ in range(60):
        if done.count():
            return
        importing.page.wait_for_timeout(500)
        importing.page.reload()
    raise AssertionError(importing.page.inner_text("main"))
