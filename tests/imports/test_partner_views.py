"""Many at once through the pages: upload, repair, start, follow, result."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.builders import Party, World
from tests.support.visitor import Page, Visitor
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.imports import actions, partner_views, schemas
from webapp.imports.models import Import, ImportRow
from webapp.imports.rules import FileFault
from webapp.invitations.models import Invitation
from webapp.messages.actions import reader_of
from webapp.organizations import queries as organizations
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships

LIST = "/partner/imports"


class Desk:
    """A partner with customers, and its sales agent's browser."""

    def __init__(self, app: Flask, world: World, browser: Callable[..., Visitor], language: str = "en") -> None:
        self.app = app
        self.partner = world.a_partner("Northwind Cloud")
        self.customers = [world.a_customer(f"Customer {letter}", roles=("global_administrator",)) for letter in "ABC"]
        world.a_published_agreement()
        with app.app_context():
            for each in self.customers:
                with database.unit_of_work():
                    row = organizations.organization_by_id(each.id)
                    assert row is not None
                    relationships.begin(row, partner_id=self.partner.id, reseller_id=None, origin="creation", by=None)
            self.domains = [organizations.domains_of(each.id)[0].name for each in self.customers]
        self.visitor = browser(language=language)
        self.visitor.sign_in(self.partner["sales_agent"].address)

    def upload(self, content: str | bytes, kind: str = "invitations", name: str = "customers.csv") -> Any:
        """Choose a file on the page and send it."""
        self.visitor.open(f"{LIST}/new/{kind}")
        form = next(each for each in self.visitor.page.forms if each.action.endswith(f"/new/{kind}"))
        raw = content.encode() if isinstance(content, str) else content
        boundary, body = encode_multipart({**form.fields, "file": FileStorage(BytesIO(raw), name)})
        answer = self.visitor.client.post(
            form.action, data=body, content_type=f"multipart/form-data; boundary={boundary}",
            base_url=self.visitor.origin, headers={"Origin": self.visitor.origin, "Accept-Language": self.visitor.language},
        )  # fmt: skip
        if answer.status_code == 302:
            return self.visitor.open(answer.headers["Location"])
        self.visitor.page = Page(answer, form.action)
        return self.visitor.page

    def run(self) -> None:
        """Let the worker do what is started."""
        with self.app.app_context():
            while actions.turn():
                pass

    def count(self, model: Any, *conditions: Any) -> int:
        with self.app.app_context():
            return database.session().scalar(sa.select(sa.func.count()).select_from(model).where(*conditions)) or 0


@pytest.fixture
def desk(app: Flask, world: World, browser: Callable[..., Visitor]) -> Desk:
    return Desk(app, world, browser)


def test_a_file_is_repaired_started_and_done_with_a_result_to_download(desk: Desk) -> None:
    page = desk.upload(f"Customer,Language,Note\n{desk.domains[0]},ja,x\nNobody Ltd.,en,y\nCustomer B,,z\n")
    assert page.heading == "Import of customers.csv"
    assert "2 invitations will be made" in page.words
    assert "None of your customers has this domain" in page.words
    assert "These columns are not read: Note" in page.words
    page = desk.visitor.submit({"r3-customer": "Still nobody"}, button="Save these rows")
    assert page.words.startswith("Error:") or "There is a problem" in page.words
    assert "None of your customers has this domain" in page.words
    page = desk.visitor.submit({"r3-customer": desk.domains[2]}, button="Save these rows")
    assert "1 row is repaired." in page.words
    assert "There is a problem" not in page.words
    assert "3 invitations will be made" in page.words
    desk.visitor.follow("Continue")
    assert "3 mails will go out" in desk.visitor.page.words
    page = desk.visitor.submit(button="Start")
    assert page.status == 422  # nothing is chosen for the reader
    page = desk.visitor.submit(sends="yes", button="Start")
    assert "It is started" in page.words
    assert page.response.headers["Refresh"] == "5"
    assert "Refresh" not in desk.visitor.follow("Keep it as it is").response.headers
    desk.run()
    page = desk.visitor.open(page.url)
    assert "Every row is done" in page.words
    assert "3 of 3 rows" in page.words
    assert desk.count(Invitation, Invitation.customer_id.is_not(None)) == 3
    answer = desk.visitor.client.get(page.url + "/result.csv", base_url=desk.visitor.origin)
    rows = list(csv.DictReader(StringIO(answer.get_data().decode("utf-8-sig"))))
    assert answer.get_data().startswith(b"\xef\xbb\xbf")
    assert [row["Result"] for row in rows] == ["Completed"] * 3
    assert all("/partner/invitations/" in row["Link"] for row in rows)
    assert "attachment" in answer.headers["Content-Disposition"]


def test_all_rows_of_a_page_are_saved_at_once_and_what_is_still_wrong_stays_as_it_was_typed(desk: Desk) -> None:
    desk.upload("Customer,Recipient\nNobody,a\nNo one,b\nNone,c\n")
    page = desk.visitor.submit(
        {"r2-customer": desk.domains[0], "r2-recipient": f"a@{desk.domains[0]}", "r3-customer": "Still nobody",
         "r3-recipient": f"b@{desk.domains[1]}"},
        button="Save these rows",
    )  # fmt: skip
    assert "1 row is repaired." in page.words
    assert "2 rows to repair" in page.words
    form = next(each for each in page.forms if each.action.endswith("/rows"))
    assert form.fields["r3-customer"] == ["Still nobody"]
    assert form.fields["r3-recipient"] == [f"b@{desk.domains[1]}"]
    assert form.fields["r4-customer"] == ["None"]
    page = desk.visitor.submit({"r3-customer": desk.domains[1]}, button="Leave row 4 out")
    assert "Row 4 is left out." in page.words
    assert "1 row is repaired." in page.words  # what was typed into the other row is not lost
    assert "2 invitations will be made" in page.words


def test_columns_that_are_wrong_have_a_page_of_their_own_and_nothing_is_kept(desk: Desk) -> None:
    page = desk.upload("Client,Language\nx,ja\n")
    assert (page.status, page.heading) == (422, "There's a problem with customers.csv")
    assert "This column is missing: Customer" in page.words
    assert "Client" in page.words
    assert desk.count(Import) == 0


def test_no_file_is_said_beside_the_field(desk: Desk) -> None:
    desk.visitor.open(f"{LIST}/new/invitations")
    page = desk.visitor.submit(button="Check the file")
    assert page.status == 422
    assert "Choose a file." in page.words


def test_a_file_that_is_too_large_is_answered_with_a_page_that_says_so(desk: Desk) -> None:
    page = desk.upload(b"Customer\n" + b"x" * (10 * 1024 * 1024 + 100_000))
    assert page.status == 413
    assert "larger than 10 MB" in page.words
    assert desk.upload(b"Customer\n" + b"x" * (10 * 1024 * 1024)).status == 422


def test_other_forms_take_no_more_than_before(desk: Desk) -> None:
    answer = desk.visitor.client.post(
        "/partner/invitations", data={"x": "y" * 3_000_000}, base_url=desk.visitor.origin
    )  # fmt: skip
    assert answer.status_code == 413


def test_attestations_are_recorded_once_and_a_second_time_say_nothing_new(desk: Desk) -> None:
    content = "\n".join(
        ["顧客,名,姓,メールアドレス,電話番号,同意日"]
        + [f"{domain},太郎,髙橋,taro@{domain},,2026年11月2日" for domain in desk.domains]
    ).encode("cp932")
    for expected in ("Completed", "Attested before, nothing new"):
        desk.upload(content, "attestations")
        desk.visitor.follow("Continue")
        assert "3 mails will go out." in desk.visitor.page.words
        page = desk.visitor.submit(button="Start")
        desk.run()
        answer = desk.visitor.client.get(page.url + "/result.csv", base_url=desk.visitor.origin)
        rows = list(csv.DictReader(StringIO(answer.get_data().decode("utf-8-sig"))))
        assert [row["Result"] for row in rows] == [expected] * 3
    with desk.app.app_context():
        for each in desk.customers:
            found = agreements.attestations_of(each.id)
            assert len(found) == 1
            assert agreements.signatory_of(found[0].row)["family_name"] == "髙橋"
    page = desk.upload(content, "attestations")
    assert "say the same as their customers' last attestations" in page.words
    assert "This very file was imported before" in page.words
    page = desk.visitor.submit(button="Leave these rows out")
    assert "3 rows are left out" in page.words
    assert "Continue" not in desk.visitor.page.links


def test_rows_can_be_left_out_one_by_one_and_all_at_once(desk: Desk) -> None:
    desk.upload(f"Customer\n{desk.domains[0]}\nx\ny\nz\n")
    page = desk.visitor.submit(button="Leave row 3 out")
    assert "Row 3 is left out." in page.words
    page = desk.visitor.submit(button="Leave all of them out")
    assert "2 rows are left out." in page.words
    assert "to repair" not in page.words


def test_an_import_can_be_paused_gone_on_with_and_cancelled(desk: Desk) -> None:
    desk.upload("Customer\n" + "\n".join(desk.domains) + "\n")
    desk.visitor.follow("Continue")
    desk.visitor.submit(sends="no", button="Start")
    page = desk.visitor.submit(button="Pause")
    assert "It is paused" in page.words
    desk.run()
    assert desk.count(Invitation, Invitation.customer_id.is_not(None)) == 0
    page = desk.visitor.submit(button="Go on")
    assert "It goes on" in page.words
    desk.visitor.follow("Cancel the rest")
    assert "3 rows are not done yet" in desk.visitor.page.words
    page = desk.visitor.submit(button="Cancel the rest")
    assert "It is cancelled" in page.words
    desk.run()
    assert desk.count(Invitation, Invitation.customer_id.is_not(None)) == 0
    page = desk.visitor.open(page.url + "/cancellation")
    assert (page.status, page.heading) == (409, "This import was cancelled")
    words = desk.visitor.open("/history").words
    for said in ("started to make invitations from a file (rows: 3)", "went on with a file", "cancelled the rest of"):
        assert said in words


def test_what_is_discarded_leaves_no_values(desk: Desk) -> None:
    desk.upload(f"Customer,Recipient\n{desk.domains[0]},ann@{desk.domains[0]}\n")
    desk.visitor.follow("Discard this file")
    page = desk.visitor.submit(button="Discard this file")
    assert "let go" in page.words
    assert desk.count(ImportRow, ImportRow.address_key.is_not(None)) == 0
    page = desk.visitor.open(page.url + "/result.csv")
    assert (page.status, page.heading) == (409, "The result is no longer kept")


def test_what_was_started_is_not_changed_any_more(desk: Desk) -> None:
    page = desk.upload(f"Customer\n{desk.domains[0]}\nx\n")
    address = page.url
    form = next(each for each in page.forms if each.action.endswith("/rows"))
    desk.visitor.follow("Continue")
    desk.visitor.submit(sends="no", button="Start")
    page = desk.visitor._go("POST", form.action, {**form.fields, "r3-customer": [desk.domains[1]]})
    assert (page.status, page.heading) == (409, "This import has started")
    assert desk.visitor.open(address + "/start").url.endswith(address.rsplit("/", 1)[-1])


def test_nothing_good_cannot_be_started(desk: Desk) -> None:
    page = desk.upload("Customer\nx\n")
    assert "Continue" not in page.links
    page = desk.visitor.open(page.url + "/start")
    assert (page.status, page.heading) == (409, "No row is left to import")


def test_the_result_holds_no_formulas_and_can_be_uploaded_again(desk: Desk) -> None:
    desk.upload(f"Customer,Recipient\n\"=cmd|' /C calc'!A0\",a\n{desk.domains[0]},\n", name="=evil.csv")
    page = desk.visitor.page
    assert "This is a formula" in page.words
    answer = desk.visitor.client.get(page.url + "/result.csv", base_url=desk.visitor.origin)
    text = answer.get_data().decode("utf-8-sig")
    assert "'=cmd" in text
    read = schemas.read(answer.get_data(), "invitations", 10)
    assert [line.values["customer"] for line in read.lines] == ["=cmd|' /C calc'!A0", desk.domains[0]]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_columns_are_called_the_same_on_pages_and_in_files(app: Flask, language: str) -> None:
    with app.app_context(), reader_of(language, "UTC"):
        assert partner_views._headings() == {name: words[language] for name, words in schemas.HEADINGS.items()}


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", ["invitations", "attestations"])
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_each_template_can_be_downloaded_and_is_read_again(desk: Desk, language: str, kind: str, suffix: str) -> None:
    page = desk.visitor.open(f"{LIST}/new/{kind}")
    address = next(url for url in page.links.values() if url.endswith(f"{kind}-{language}.{suffix}"))
    answer = desk.visitor.client.get(address, base_url=desk.visitor.origin)
    assert answer.mimetype == schemas.SUFFIXES[suffix].split(";")[0]
    with pytest.raises(FileFault) as fault:
        schemas.read(answer.get_data(), kind, 10)
    assert [code for code, _facts in fault.value.faults] == ["no_rows"]  # its columns are right


@pytest.mark.parametrize("word", ["orders", "invitations-fr.csv", "invitations-en.exe"])
def test_what_is_no_kind_and_no_template_is_not_found(desk: Desk, word: str) -> None:
    folder = "templates" if "." in word else "new"
    assert desk.visitor.open(f"{LIST}/{folder}/{word}").status == 404


def test_an_indirect_reseller_is_told_that_it_cannot_attest(
    app: Flask, world: World, browser: Callable[..., Visitor]
) -> None:
    reseller: Party = world.a_partner("Tailspin", programme="indirect_reseller")
    visitor = browser()
    visitor.sign_in(reseller["admin_agent"].address)
    assert "Import attestations" not in visitor.open(LIST).links
    assert visitor.open(f"{LIST}/new/attestations").status == 403


def test_the_day_s_mails_are_said_and_the_rest_goes_on_the_next_day(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.app.app_context(), database.unit_of_work():
        policies.set_policy("invitation.sends_a_day", 2, "a test")
    desk.upload("Customer\n" + "\n".join(desk.domains) + "\n")
    desk.visitor.follow("Continue")
    assert "can send 2 more today" in desk.visitor.page.words
    page = desk.visitor.submit(sends="yes", button="Start")
    desk.run()
    page = desk.visitor.open(page.url)
    assert "Today's number of mails is reached (2)" in page.words
    assert "2 of 3 rows" in page.words
    assert desk.count(Invitation, Invitation.customer_id.is_not(None)) == 2  # the third was not made either
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=1, hours=1))
    desk.run()
    assert desk.count(Invitation, Invitation.customer_id.is_not(None)) == 3
