"""The partner's side in Chromium, from the program as it is served, with its worker and a real mail server: a customer is
added, an acceptance attested and objected to, an order waits for the attestation, a customer that may not buy asks its
partner, consent is renewed, and a file is repaired and imported."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.browser.test_main_job import Running
from tests.browser.test_main_job import run as run
from tests.support.builders import Party
from tests.support.main_job import Clicks, parties
from tests.support.served import WorkerProcess
from tests.support.sink import Received, Sink
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.agreements.models import Acceptance, Attestation
from webapp.database import Model
from webapp.invitations.models import Invitation
from webapp.orders.models import Order
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships
from webapp.subscriptions import actions as subscriptions

#: What is typed, by the language of whoever types.
TYPED: dict[str, dict[str, str]] = {
    "en": {
        "name": "Fourth Coffee Inc.", "address_line": "400 Pine Street", "city": "Seattle", "region": "WA",
        "postal_code": "98101", "phone": "+1 206 555 0100", "domain": "fourthcoffee.example",
        "given_name": "Avery", "family_name": "Howard", "other_given": "Morgan", "other_family": "Reed",
        "comment": "Nobody of us signed this.", "version": "2022-10",
    },
    "ja": {
        "name": "フォース・コーヒー株式会社", "address_line": "丸の内1-2-3", "city": "千代田区", "region": "東京都",
        "postal_code": "100-0005", "phone": "+81 3 5555 0100", "domain": "fourthcoffee.example",
        "given_name": "彩", "family_name": "佐藤", "other_given": "健", "other_family": "鈴木",
        "comment": "署名した者が社内におりません。", "version": "2022-10",
    },
}  # fmt: skip
OWN_PASSWORD = "a long and unusual password"
LANGUAGES = pytest.mark.parametrize("language", ["en", "ja"])


def count(app: Flask, model: type[Model]) -> int:
    """How many rows there are."""
    with app.app_context():
        return database.session().scalars(sa.select(sa.func.count()).select_from(model)).one()


def state_of(app: Flask, customer_id: UUID) -> str:
    """What the customer's consent is worth."""
    with app.app_context():
        customer = organizations.organization_by_id(customer_id)
        assert customer is not None
        return agreements.standing_of_customer(customer).state


def relate(app: Flask, partner: Party, customer: Party) -> None:
    """The partner sells to the customer, as one whose account it created."""
    with app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(customer.id)
        assert row is not None
        relationships.begin(row, partner_id=partner.id, reseller_id=None, origin="creation", by=None, source="operator")


def sell_before(app: Flask, partner: Party, customer: Party) -> None:
    """The customer bought something through the partner before anybody asked for the agreement."""
    with app.app_context(), database.unit_of_work():
        rows = [organizations.organization_by_id(each.id) for each in (customer, partner)]
        assert rows[0] is not None
        assert rows[1] is not None
        today = clock.today(rows[0].zone)
        subscriptions.add(
            rows[0], rows[1], reseller=None, product="Microsoft 365 Business Premium", seats=5, starts_on=today,
            ends_on=today + timedelta(days=364),
        )  # fmt: skip


def a_product(app: Flask) -> None:
    """Something that can be ordered."""
    runner = app.test_cli_runner()
    answer = runner.invoke(args=[
        "products", "add", "M365-BP", "--name-en", "Microsoft 365 Business Premium", "--name-ja",
        "Microsoft 365 Business Premium", "--kind", "software_subscription", "--months", "12",
    ])  # fmt: skip
    assert answer.exit_code == 0, answer.output


def fill(clicks: Clicks, values: dict[str, Any]) -> None:
    """Type into the fields of the page by their names."""
    for name, value in values.items():
        clicks.page.fill(f"main [name={name}]", value)


def type_day(clicks: Clicks, day: date) -> None:
    clicks.page.fill("main [name=agreed_on]", day.isoformat())


def go_on(clicks: Clicks) -> None:
    """Press the button that leads on, and look at where it leads."""
    clicks.press(clicks.page.locator("main form[method=post] .actions button[type=submit]:not([formaction])").first)
    clicks.look()


def notice(sink: Sink, address: str, reference: str) -> Received:
    """The notice of an attestation, once it is there."""
    for number in range(1, 20):
        found = sink.wait_for(number, to=address)[number - 1]
        if reference in found.text:
            return found
    raise AssertionError(f"{address} was not told of {reference}")


def reference_of(app: Flask, customer_id: UUID) -> str:
    with app.app_context():
        return agreements.attestations_of(customer_id)[0].row.reference


# --- a new customer ----------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
@LANGUAGES
def test_a_customer_is_added_with_a_draft_that_outlives_the_browser_and_signs_in_with_a_code(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    running, typed = run(), TYPED[language]
    partner, _other = parties(running.world, language)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    contact = f"first@{typed['domain']}"

    adding = running.clicks(language)
    adding.open_signed_in("/partner/customers", partner["admin_agent"].address)
    adding.follow("/partner/customers/new")
    adding.look()
    adding.press(adding.form("/partner/customers/new").locator("button"))
    adding.look()
    company(adding, typed, language)
    adding.page.close()  # the browser is closed; what was typed is kept

    again = running.clicks(language)
    again.open_signed_in("/partner/customers/new", partner["sales_agent"].address)
    again.press(again.page.get_by_role("link", name=typed["name"]))
    again.look()
    rest(again, typed, contact)
    customer_id, password = create(again, typed)
    assert state_of(running.app, customer_id) == "attested"
    told = notice(sink, contact, reference_of(running.app, customer_id))
    assert partner.name in told.text
    assert password not in told.raw.decode("ascii", "replace")

    again.page.reload()
    assert password not in again.page.content(), "the password is shown once"
    first_sign_in(running.clicks(language), sink, contact, password)


def company(adding: Clicks, typed: dict[str, str], language: str) -> None:
    fill(adding, {"name": typed["name"]})
    adding.page.check(f"[name=language][value={language}]")
    go_on(adding)
    fill(adding, {name: typed[name] for name in ("address_line", "city", "region", "postal_code", "phone")})
    go_on(adding)


def rest(adding: Clicks, typed: dict[str, str], contact: str) -> None:
    fill(adding, {"domain": typed["domain"]})
    go_on(adding)
    fill(adding, {"given_name": typed["given_name"], "family_name": typed["family_name"], "address": contact})
    go_on(adding)
    adding.page.check("[name=agreement][value=attest]")
    adding.page.check("[name=attested]")
    type_day(adding, clock.today("UTC") - timedelta(days=2))
    go_on(adding)


def create(adding: Clicks, typed: dict[str, str]) -> tuple[UUID, str]:
    """From the review, where somebody else is named, to the password; the customer's id and the password."""
    adding.press(adding.page.locator("main a[href$='/signatory']"))
    adding.look()
    fill(adding, {"given_name": typed["other_given"], "family_name": typed["other_family"]})
    go_on(adding)
    assert typed["other_family"] in adding.page.inner_text("main")
    assert count(adding.app, Attestation) == 0, "nothing is made before the last button"
    adding.submit("/creation")
    adding.look()
    password = adding.page.inner_text("#temporary-password").strip()
    with adding.app.app_context():
        found = database.session().scalars(sa.select(Organization).where(Organization.name == typed["name"])).one()
        return found.id, password


def first_sign_in(arriving: Clicks, sink: Sink, contact: str, password: str) -> None:
    """The contact signs in with what it was given and the code from its mailbox, and chooses its own password."""
    before = len(sink.to(contact))
    arriving.page.goto("/sign-in")
    fill(arriving, {"address": contact, "password": password})
    arriving.press(arriving.form("/sign-in").locator("button[type=submit]").first)
    arriving.look()
    assert arriving.path().startswith("/sign-in/code")
    code = re.search(r"(?<!\d)\d{6}(?!\d)", sink.wait_for(before + 1, to=contact)[before].text)
    assert code is not None
    fill(arriving, {"code": code[0]})
    arriving.press(arriving.form("/sign-in/code").locator("button[type=submit]").first)
    arriving.look()
    arriving.page.goto("/home")
    assert urlsplit(arriving.page.url).path != "/home", "first comes a password of its own"
    for field in arriving.page.locator("main input[type=password]").all():
        field.fill(OWN_PASSWORD)
    arriving.submit("/own-password")
    arriving.page.goto("/home")
    arriving.look()
    assert urlsplit(arriving.page.url).path == "/home"


# --- attesting, and objecting ------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
@LANGUAGES
def test_an_acceptance_is_attested_and_the_customer_objects(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str, tmp_path: Path
) -> None:
    running, typed = run(), TYPED[language]
    partner, customer = parties(running.world, language)
    relate(running.app, partner, customer)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    administrator = customer["global_administrator"]

    attesting = running.clicks(language)
    attesting.open_signed_in(f"/partner/customers/{customer.id}", partner["sales_agent"].address)
    attesting.follow(f"{customer.id}/agreement")
    attesting.look()
    assert attesting.words("Not provided") in attesting.page.inner_text("main")
    attesting.follow("/agreement/attestation")
    attesting.look()
    fill(attesting, {
        "given_name": typed["given_name"], "family_name": typed["family_name"], "email": "who@customer.example",
    })  # fmt: skip
    type_day(attesting, clock.today("UTC") - timedelta(days=3))
    attesting.submit("/review")
    attesting.look()
    proof = tmp_path / "signed.pdf"
    proof.write_bytes(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    attesting.page.set_input_files("[name=proof]", proof)
    for box in ("agreed", "told"):
        assert not attesting.page.is_checked(f"[name={box}]"), "a box was ticked beforehand"
        attesting.page.check(f"[name={box}]")
    attesting.submit("/confirmation")
    attesting.look()
    shown = attesting.page.inner_text("main")
    assert attesting.words("Not provided") in shown, "attested is not accepted through Microsoft"
    assert "signed.pdf" in shown
    assert state_of(running.app, customer.id) == "attested"

    told = notice(sink, administrator.address, reference_of(running.app, customer.id))
    assert partner.name in told.text
    link = next(each for each in told.links if "/objection/" in each)
    objecting = running.clicks(language)
    objecting.page.goto(link)
    objecting.look()
    fill(objecting, {"address": administrator.address, "comment": typed["comment"]})
    objecting.press(objecting.page.locator("main form[method=post] button[type=submit]").first)
    objecting.look()
    assert state_of(running.app, customer.id) == "objected"

    attesting.page.goto("/partner/inbox")
    attesting.look()
    attesting.follow(f"{customer.id}/agreement")
    attesting.look()
    assert typed["comment"] in attesting.page.inner_text("main")


# --- buying ------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
@LANGUAGES
def test_an_order_waits_for_the_attestation_and_goes_on_and_a_customer_asks_its_partner(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    running, typed = run(), TYPED[language]
    partner, customer = parties(running.world, language)
    relate(running.app, partner, customer)
    sell_before(running.app, partner, customer)
    a_product(running.app)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)

    buying = running.clicks(language)
    buying.open_signed_in("/orders/new", customer["billing_administrator"].address)
    buying.look()
    sentence = "Please reach out to your partner to confirm your acceptance of the Microsoft Customer Agreement"
    assert buying.words(sentence) in buying.page.inner_text("main")
    assert count(running.app, Order) == 0
    buying.submit("/attestation-request")
    buying.look()
    buying.page.goto("/agreement/acceptance")
    assert buying.page.locator("main form[action$='/check']").count() == 0, "direct acceptance is closed"

    ordering = running.clicks(language)
    ordering.open_signed_in("/partner/inbox", partner["sales_agent"].address)
    ordering.look()
    assert customer.name in ordering.page.inner_text("main")
    ordering.page.goto(f"/partner/customers/{customer.id}/orders")
    ordering.look()
    ordering.follow("/partner/orders/new")
    ordering.look()
    choose(ordering, "7")
    ordering.submit("/review")
    ordering.look()
    assert ordering.page.input_value("[name=agreed_on]") == today_of(running.app, customer).isoformat()
    fill(ordering, {
        "given_name": typed["given_name"], "family_name": typed["family_name"], "email": "who@customer.example",
    })  # fmt: skip
    ordering.submit("/attestation")
    ordering.look()
    assert "7" in ordering.page.inner_text("main")
    assert count(running.app, Order) == 1
    assert state_of(running.app, customer.id) == "attested"

    buying.page.goto("/orders/new")
    choose(buying, "3")
    buying.submit("/review")
    buying.look()
    buying.press(buying.page.locator("main form[method=post] button[type=submit]").last)
    buying.look()
    assert count(running.app, Order) == 2


def choose(clicks: Clicks, seats: str) -> None:
    """Choose the product and how many."""
    clicks.page.select_option("[name=product]", index=1)
    fill(clicks, {"seats": seats})


def today_of(app: Flask, party: Party) -> date:
    with app.app_context():
        row = organizations.organization_by_id(party.id)
        assert row is not None
        return clock.today(row.zone)


# --- renewing ----------------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
@LANGUAGES
def test_consent_is_renewed_after_reading_what_changed(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str
) -> None:
    running, typed = run(), TYPED[language]
    partner, customer = parties(running.world, language)
    relate(running.app, partner, customer)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    attest_in(running, partner, customer, date(2023, 1, 15), typed)
    assert state_of(running.app, customer.id) == "must_renew"

    renewing = running.clicks(language)
    renewing.open_signed_in("/home", customer["global_administrator"].address)
    renewing.look()
    renewing.follow("/agreement")
    renewing.look()
    renewing.page.goto("/agreement/acceptance")
    renewing.look()
    main = renewing.page.locator("main")
    assert typed["version"] in main.inner_text(), "what changed since the version agreed to"
    assert main.locator("ins").count() > 0
    assert main.locator("del").count() > 0
    accept(renewing)
    assert state_of(running.app, customer.id) == "accepted"
    assert count(running.app, Acceptance) == 1


def accept(renewing: Clicks) -> None:
    """From the review page to the receipt."""
    renewing.review()
    renewing.submit("/acceptance")
    renewing.look()
    assert renewing.page.locator("main .reference").count() > 0


def attest_in(running: Running, partner: Party, customer: Party, day: date, typed: dict[str, str]) -> None:
    """The partner attests on its pages that the customer agreed on a day long ago."""
    attesting = running.clicks("ja" if partner.name != "Northwind Cloud" else "en")
    attesting.open_signed_in(f"/partner/customers/{customer.id}/agreement/attestation", partner["admin_agent"].address)
    fill(attesting, {
        "given_name": typed["given_name"], "family_name": typed["family_name"], "email": "who@customer.example",
    })  # fmt: skip
    type_day(attesting, day)
    attesting.submit("/review")
    attesting.look()
    for box in ("agreed", "told"):
        attesting.page.check(f"[name={box}]")
    attesting.submit("/confirmation")
    attesting.look()


# --- many at once ------------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
@LANGUAGES
def test_a_file_is_repaired_started_and_done(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], sink: Sink, language: str, tmp_path: Path
) -> None:
    running = run()
    partner, customer = parties(running.world, language)
    relate(running.app, partner, customer)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    address = customer["global_administrator"].address
    importing = running.clicks(language)
    importing.open_signed_in("/partner/imports", partner["sales_agent"].address)
    importing.look()

    columns = {"en": "Customer,Asks for,Recipient", "ja": "顧客,依頼内容,宛先メールアドレス"}[language]
    encoding = {"en": "utf-8-sig", "ja": "cp932"}[language]
    wrong = tmp_path / "columns.csv"
    wrong.write_bytes("What,Ever\na,b\n".encode(encoding))
    upload(importing, wrong)
    importing.look()
    assert importing.page.locator("main form[action$='/start']").count() == 0

    file = tmp_path / "customers.csv"
    rows = [f"{customer.name},agreement,{address}", f"No Such Company,relationship,{address}"]
    file.write_bytes("\r\n".join([columns, *rows, ""]).encode(encoding))
    upload(importing, file)
    importing.look()
    main = importing.page.locator("main")
    assert "customers.csv" in main.inner_text()
    repaired = main.locator("form[action$='/rows']")
    assert repaired.locator("[name$=customer]").count() == 1, "only the bad row is there to be repaired"
    repaired.locator("[name$=customer]").fill(customer.name)
    importing.press(repaired.locator("button[type=submit]").first)
    importing.look()
    importing.follow("/start")
    importing.look()
    importing.page.check("[name=sends][value=yes]")
    importing.submit("/start")
    done = importing.page.get_by_text(importing.words("Finished"))
    for _ in range(60):
        if done.count():
            break
        importing.page.wait_for_timeout(500)
        importing.page.reload()
    importing.look()
    assert count(running.app, Invitation) >= 2
    sent = [mail for mail in sink.wait_for(2, to=address) if any("ref=" in each for each in mail.links)]
    assert len(sent) == 2
    with importing.page.expect_download() as download:
        main.locator("a[href$='/result.csv']").click()
    result = download.value.path().read_bytes()
    assert result.startswith(b"\xef\xbb\xbf")
    assert len(result.decode("utf-8-sig").strip().splitlines()) == 3


def upload(importing: Clicks, file: Path) -> None:
    importing.page.goto("/partner/imports/new/invitations")
    importing.look()
    importing.page.set_input_files("[name=file]", file)
    importing.submit("/new/invitations")
