"""A customer's people from a file: checked, repaired, added once each with all their licences, in the name of who may."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.directory.scene import Office
from tests.support.builders import World
from tests.support.visitor import Page, Visitor
from webapp import database
from webapp.accounts.models import Person
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.directory import actions as directory
from webapp.errors import Forbidden
from webapp.evidence.models import Fact
from webapp.imports import actions, jobs, queries, rules
from webapp.imports.models import Import, ImportRow
from webapp.imports.rules import KnownPeople, Seats
from webapp.messages.models import Message
from webapp.organizations import actions as organization_actions
from webapp.subscriptions.models import Licence

ONE, SUITE, MAIL = UUID(int=1), UUID(int=2), UUID(int=3)
KNOWN = KnownPeople(
    ONE, frozenset({"ann@contoso.example"}), {"bob@northwind.example": "Northwind", "eve@elsewhere.example": ""},
    {"northwind.example": "Northwind"}, frozenset({"other.example"}),
    {"suite": [Seats(SUITE, 1), Seats(MAIL, 1)], "mail": [Seats(MAIL, 1)]},
)  # fmt: skip
GOOD = {"given_name": "Mika", "family_name": "Sato", "email": "mika@contoso.example", "language": "", "licences": ""}


def codes(**values: str) -> list[tuple[str, str]]:
    found = rules.check_row("people", {**GOOD, **values}, KNOWN)
    return [(fault.column, fault.code) for fault in found.faults]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"given_name": ""}, [("given_name", "empty")]),
        ({"email": "mika"}, [("email", "no_mail")]),
        ({"email": "x@northwind.example"}, [("email", "AddressOfPartner")]),
        ({"email": "BOB@northwind.example"}, [("email", "AddressOfPartner")]),
        ({"email": "eve@elsewhere.example"}, [("email", "AddressNotUsable")]),
        ({"email": "new@other.example"}, [("email", "AddressNotUsable")]),
        ({"language": "Klingon"}, [("language", "no_choice")]),
        ({"language": "日本語"}, []),
        ({"licences": "Ｓｕｉｔｅ； MAIL"}, []),
        ({"licences": "suite, nothing"}, [("licences", "NoSuchLicence")]),
        ({"licences": "=1+1"}, [("licences", "formula")]),
    ],
)
def test_what_is_wrong_with_a_row(values: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert codes(**values) == expected


def test_somebody_who_is_here_already_is_a_warning() -> None:
    assert rules.check_row("people", {**GOOD, "email": "Ann@Contoso.example"}, KNOWN).warning == "member"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" , ;", []),
        ("Suite", ["Suite"]),
        ("Suite,Mail; Suite", ["Suite", "Mail"]),
        ("Business  Premium、メール\nX|Y", ["Business Premium", "メール", "X", "Y"]),
    ],
)
def test_several_words_stand_in_one_cell(text: str, words: list[str]) -> None:
    assert rules.words_in(text) == words


def test_rows_beyond_the_seats_are_marked_and_a_second_subscription_of_a_name_counts() -> None:
    rows = [
        (number, rules.check_row("people", {**GOOD, "email": f"p{number}@contoso.example", "licences": word}, KNOWN))
        for number, word in enumerate(("suite", "suite", "suite", "mail", ""))
    ]
    rules.mark_repeated("people", rows)
    rules.mark_without_seats(rows, KNOWN)
    assert [row.warning for _number, row in rows] == ["", "", "seats", "seats", ""]
    again = [(number, rules.check_row("people", GOOD, KNOWN)) for number in range(2)]
    rules.mark_repeated("people", again)
    assert [row.warning for _number, row in again] == ["", "repeated"]


# --- doing rows ------------------------------------------------------------------------------------------------


class Files:
    """A customer's office, and files of its people."""

    def __init__(self, office: Office) -> None:
        self.office, self.app = office, office.app

    def line(self, number: int, **values: str) -> dict[str, str]:
        return {
            "given_name": "Person",
            "family_name": f"{number}",
            "email": f"p{number}@{self.office.domain}",
            **values,
        }

    def upload(self, *lines: dict[str, str], role: str = "global_administrator") -> UUID:
        found: UUID = self.office.do(
            lambda by: actions.upload(
                by=by, kind="people", language="en", file_name="people.csv", sha256="0" * 64,
                lines=[(number + 2, values) for number, values in enumerate(lines)],
            ).id,
            role,
        )  # fmt: skip
        return found

    def start(self, *lines: dict[str, str], role: str = "global_administrator") -> UUID:
        made = self.upload(*lines, role=role)
        assert self.office.do(lambda by: actions.start(self.row(made), by=by, sends=False), role)
        return made

    def row(self, import_id: UUID) -> Import:
        return database.session().get_one(Import, import_id)

    def run(self) -> None:
        with self.app.app_context():
            jobs.run()

    def results(self, import_id: UUID) -> list[tuple[str, str]]:
        with self.app.app_context():
            return [(row.result, row.reason) for row in queries.rows_of(import_id)]


@pytest.fixture
def files(app: Flask, world: World) -> Files:
    return Files(Office(app, world))


def test_each_person_is_added_once_with_its_licences_and_gets_one_mail(files: Files) -> None:
    suite, mail = files.office.line("Suite", seats=5), files.office.line("Mail", seats=5, code="MAIL-1")
    rows = [
        files.line(0, licences="suite; mail-1"),
        files.line(1, language="ja", licences="Suite スイート"),
        files.line(2),
    ]
    import_id = files.start(*rows)
    files.run()
    files.run()
    assert files.results(import_id) == [("done", "")] * 3
    people = files.office.rows(Person, Person.address_key.startswith("p"))
    assert sorted((each.address.partition("@")[0], each.language) for each in people) == [
        ("p0", "en"), ("p1", "ja"), ("p2", "en"),
    ]  # fmt: skip
    assert sorted(each.line_id for each in files.office.rows(Licence)) == sorted([suite, suite, mail])
    assert len(files.office.rows(Message, Message.kind == "first_sign_in")) == 3
    facts = files.office.rows(Fact, Fact.kind == "person.added", Fact.person_id.is_not(None))
    assert len(facts) == 3
    assert all('"source":"import"' in each.record for each in facts)
    (begun,) = files.office.rows(Fact, Fact.kind == "import.started")
    assert (begun.customer_id, begun.partner_id) == (files.office.customer.id, None)


def test_a_row_without_a_seat_left_adds_nobody_and_the_others_go_on(files: Files) -> None:
    files.office.line("Suite", seats=1)
    free = files.office.line("Mail", seats=9, code="MAIL")
    import_id = files.start(
        files.line(0, licences="suite"), files.line(1, licences="mail, suite"), files.line(2, licences="mail")
    )
    files.run()
    assert files.results(import_id) == [("done", ""), ("refused", "NoSeatLeft"), ("done", "")]
    assert files.office.rows(Person, Person.address_key.startswith("p1@")) == []
    assert len(files.office.rows(Licence, Licence.line_id == free)) == 1
    assert len(files.office.rows(Message, Message.kind == "first_sign_in")) == 2


def test_somebody_who_is_here_already_stays_as_it_was(files: Files) -> None:
    line = files.office.line("Suite", seats=5)
    files.office.add("p0", given_name="Before")
    import_id = files.start(files.line(0, licences="suite"), files.line(1), files.line(1))
    files.run()
    assert files.results(import_id) == [("already", "PersonKnown"), ("done", ""), ("already", "PersonKnown")]
    assert files.office.rows(Licence, Licence.line_id == line) == []
    assert [each.given_name for each in files.office.rows(Person, Person.address_key.startswith("p0@"))] == ["Before"]


def test_a_subscription_that_ended_meanwhile_refuses_its_rows(files: Files) -> None:
    files.office.line("Suite", seats=5, days=1)
    import_id = files.start(files.line(0, licences="suite"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "seats_by_name", lambda _customer: {})
        files.run()
    assert files.results(import_id) == [("refused", "NoSuchLicence")]


def test_a_role_lost_meanwhile_stops_it_until_somebody_else_goes_on(files: Files) -> None:
    import_id = files.start(files.line(0))
    office, member = files.office, files.office.customer[""]
    lead = frozenset({"global_administrator"})
    office.do(lambda by: directory.change_roles(office.person(member), lead, by=by))
    office.do(lambda by: directory.change_roles(office.person(by.person_id), frozenset(), by=by))
    files.run()
    with files.app.app_context():
        assert files.row(import_id).stopped_for == "Forbidden"
    with pytest.raises(Forbidden):
        office.do(lambda by: actions.resume(files.row(import_id), by=by), "billing_administrator")
    assert office.do(lambda by: actions.resume(files.row(import_id), by=by), "")
    files.run()
    assert files.results(import_id) == [("done", "")]


def test_disabling_a_partners_person_stops_what_it_imports_for_a_customer(files: Files) -> None:
    made, office = files.start(files.line(0), role="delegate"), files.office
    with files.app.app_context():
        stops = organization_actions.what_stops(office.partner.id, office.partner["admin_agent"].id)
        others = organization_actions.what_stops(office.customer.id, office.customer["global_administrator"].id)
    assert made in {stop.about_id for stop in stops if stop.kind == "import"}
    assert made not in {stop.about_id for stop in others}


def test_whoever_acts_for_the_customer_imports_under_its_own_name_until_its_rights_end(files: Files) -> None:
    office = files.office
    first, second = (files.start(files.line(number), role="delegate") for number in range(2))
    run = uuid4()
    with files.app.app_context():
        (taken,) = actions.claim(first, run)
        assert actions.do_row(taken, run)
    assert files.results(first) == [("done", "")]
    (person,) = office.rows(Person, Person.address_key.startswith("p0@"))
    assert person.created_by_partner_id == office.partner.id
    (fact,) = office.rows(Fact, Fact.kind == "person.added", Fact.person_id == office.partner["admin_agent"].id)
    assert (fact.customer_id, fact.partner_id, fact.acting_partner_id) == (office.customer.id, None, office.partner.id)
    (begun, _other) = office.rows(Fact, Fact.kind == "import.started")
    assert (begun.customer_id, begun.partner_id, begun.acting_partner_id) == (
        office.customer.id,
        None,
        office.partner.id,
    )
    (offer,) = office.rows(DelegatedRelationship)

    def remove(by: Any) -> None:
        row = delegated_queries.by_id(offer.id)
        assert row is not None
        delegated_admin.end(row, by=by)

    office.do(remove)
    files.run()
    with files.app.app_context():
        assert files.row(second).stopped_for == "Forbidden"
    assert files.results(second) == [("", "")]


def test_a_partner_imports_no_people_and_a_customer_nothing_else(files: Files, world: World) -> None:
    with pytest.raises(Forbidden):
        files.office.do(lambda by: actions.check_may_import("invitations", by))
    with pytest.raises(Forbidden):
        files.office.do(lambda by: actions.check_may_import("people", by), "billing_administrator")


# --- pages -----------------------------------------------------------------------------------------------------


@pytest.fixture
def visitor(files: Files, browser: Callable[..., Visitor]) -> Visitor:
    found = browser()
    found.sign_in(files.office.customer["global_administrator"].address)
    return found


def send(visitor: Visitor, content: str) -> Page:
    """Choose a file on the page and send it."""
    visitor.open("/users/import/new/people")
    form = next(each for each in visitor.page.forms if each.action.endswith("/new/people"))
    boundary, body = encode_multipart({**form.fields, "file": FileStorage(BytesIO(content.encode()), "people.csv")})
    answer = visitor.client.post(
        form.action, data=body, content_type=f"multipart/form-data; boundary={boundary}", base_url=visitor.origin,
        headers={"Origin": visitor.origin, "Accept-Language": visitor.language},
    )  # fmt: skip
    if answer.status_code == 302:
        return visitor.open(answer.headers["Location"])
    visitor.page = Page(answer, form.action)
    return visitor.page


def test_a_file_of_people_is_repaired_started_and_done(files: Files, visitor: Visitor) -> None:
    files.office.line("Suite", seats=1)
    domain = files.office.domain
    page = send(
        visitor,
        f"First name,Last name,Email address,Licences\nAnn,Lee,ann@{domain},Suite\nBo,Kim,bo,\nCy,Ray,cy@{domain},Suite\n",
    )
    assert page.heading == "Import of people.csv"
    assert "2 people will be added" in page.words
    assert "1 row asks for a licence of which no seat is left now" in page.words
    page = visitor.submit({"r3-email": f"bo@{domain}"}, button="Save these rows")
    assert "1 row is repaired." in page.words
    visitor.follow("Continue")
    assert visitor.page.heading == "Add 3 people?"
    assert "Up to 3 mails will go out." in visitor.page.words
    page = visitor.submit(button="Start")
    assert "It is started" in page.words
    files.run()
    page = visitor.open(page.url)
    assert "3 of 3 rows" in page.words
    assert "No seat of Suite is left. The person was not added." in page.words
    answer = visitor.client.get(page.url + "/result.csv", base_url=visitor.origin)
    rows = list(csv.DictReader(StringIO(answer.get_data().decode("utf-8-sig"))))
    assert [row["Result"] for row in rows] == ["Completed", "Completed", "Refused"]
    assert "/users/" in rows[0]["Link"]
    visitor.follow("Back to imports")
    assert "people.csv" in visitor.page.links
    assert "started to add people from a file (rows: 3)" in visitor.open("/history").words


def test_missing_columns_have_a_page_of_their_own(files: Files, visitor: Visitor) -> None:
    page = send(visitor, "Name,Mail\nAnn,ann\n")
    assert (page.status, page.heading) == (422, "There's a problem with people.csv")
    assert "First name" in page.words
    with files.app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).select_from(ImportRow)) == 0


def test_the_template_has_the_columns_of_people(visitor: Visitor) -> None:
    answer = visitor.client.get("/users/import/templates/people-ja.csv", base_url=visitor.origin)
    assert answer.get_data().decode("utf-8-sig").strip() == "姓,名,メール アドレス,言語,ライセンス"
    assert visitor.open("/users/import/templates/invitations-ja.csv").status == 404
    assert visitor.open("/users/import/new/invitations").status == 404
