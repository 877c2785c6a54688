"""What the operator does: each command once, a second time, and where it is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import World
from tests.support.visitor import Visitor
from webapp import database
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person, Session
from webapp.accounts.rules import Stays
from webapp.evidence.models import Fact, PersonalFact
from webapp.messages.models import Message
from webapp.organizations import actions, queries
from webapp.organizations.models import RoleAssignment
from webapp.organizations.rules import Stop

Run = Callable[..., tuple[int, str]]
PARTNER = (
    "organizations", "create-partner", "Northwind Cloud", "--programme", "direct_bill", "--number", "4100001",
    "--contact", "hello@northwind.example", "--country", "us", "--language", "en", "--zone", "America/New_York",
    "--domain", "northwind.example", "--admin", "admin@northwind.example", "--given-name", "Ann", "--family-name", "Lee",
)  # fmt: skip
CUSTOMER = (
    "organizations", "create-customer", "Contoso 株式会社", "--country", "jp", "--language", "ja", "--zone", "Asia/Tokyo",
    "--domain", "contoso.example", "--admin", "admin@contoso.example", "--given-name", "花子", "--family-name", "山田",
)  # fmt: skip


@pytest.fixture
def run(app: Flask) -> Run:
    def call(*arguments: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=list(arguments))
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return call


@pytest.fixture
def registries() -> Iterator[None]:
    """What a test registers is forgotten afterwards."""
    stops, holds = list(actions._stops), list(accounts._holds)
    yield
    actions._stops[:], accounts._holds[:] = stops, holds


def count(app: Flask, model: type, *where: sa.ColumnElement[bool]) -> int:
    with app.app_context():
        return database.session().scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0


def test_a_partner_and_a_customer_are_made_once_with_a_first_person_that_gets_a_link(app: Flask, run: Run) -> None:
    for arguments, address in ((PARTNER, "admin@northwind.example"), (CUSTOMER, "admin@contoso.example")):
        code, output = run(*arguments)
        assert code == 0, output
        assert f"A link goes to {address}." in output
        code, output = run(*arguments)
        assert (code, "Nothing was changed." in output) == (0, True)
    assert count(app, Message) == 2
    with app.app_context():
        partner = queries.organization_named("4100001")
        assert partner is not None
        assert (partner.kind, partner.country) == ("partner", "US")
        person = queries.people_with(partner.id, "admin_agent")[0]
        assert (person.confirmed_at, person.password_hash) == (None, None)
    code, output = run("organizations", "list")
    assert output.endswith("2 organizations.\n")
    assert run("accounts", "list", "--organization", "contoso.example")[1].endswith("1 people.\n")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--zone", "Mars/Base"), "is no IANA time zone"),
        (("--country", "japan"), "a country is two letters"),
        (("--admin", "someone@mail.northwind.example"), "lies in a partner's domain"),
        (("--admin", "admin@northwind.example"), "lies in a partner's domain"),
        (("--domain", "northwind.example"), "belongs to Northwind Cloud"),
    ],
)
def test_a_customer_that_cannot_be_is_refused_in_one_line(
    app: Flask, run: Run, change: tuple[str, str], says: str
) -> None:
    run(*PARTNER)
    before = count(app, Fact)
    code, output = run(*CUSTOMER, *change)
    assert code != 0
    assert says in output
    assert count(app, Fact) == before


def test_disabling_names_what_it_stops_and_enabling_opens_again(
    app: Flask, run: Run, world: World, browser: Callable[..., Visitor], registries: None
) -> None:
    partner = world.a_partner("Northwind")
    invitation = uuid4()

    def open_invitations(organization_id: UUID, person_id: UUID | None) -> Iterable[Stop]:
        if organization_id == partner.id and person_id is None:
            yield Stop("invitation", invitation, "for Contoso, open until 2026-12-31")

    actions.stops(open_invitations)
    visitor = browser()
    visitor.sign_in(partner["admin_agent"].address)
    code, output = run("organizations", "disable", "Northwind", "--why", "no contract")
    assert code == 0
    assert "Northwind is disabled." in output
    assert f"stops invitation {invitation}: for Contoso, open until 2026-12-31" in output
    assert visitor.open("/home").heading == "Sign in"
    code, output = run("organizations", "disable", str(partner.id), "--why", "no contract")
    assert "Nothing was changed." in output
    assert count(app, Fact, Fact.kind == "partner.disabled") == 1
    with app.app_context():
        fact = database.session().scalars(sa.select(Fact).where(Fact.kind == "partner.disabled")).one()
        assert str(invitation) in fact.record
    assert run("organizations", "enable", "Northwind", "--why", "signed")[0] == 0
    assert run("organizations", "enable", "Northwind", "--why", "signed")[1].endswith("Nothing was changed.\n")
    assert visitor.open("/home").heading != "Sign in"


def test_a_disabled_person_is_out_at_once_and_the_last_administrator_stays(
    app: Flask, run: Run, world: World, browser: Callable[..., Visitor]
) -> None:
    customer = world.a_customer()
    visitor = browser()
    visitor.sign_in(customer["billing_administrator"].address)
    assert run("accounts", "disable", customer["billing_administrator"].address, "--why", "left")[0] == 0
    assert visitor.open("/home").heading == "Sign in"
    assert browser().sign_in(customer["billing_administrator"].address).status == 422
    assert run("accounts", "disable", customer["billing_administrator"].address, "--why", "left")[0] == 0
    assert run("accounts", "enable", customer["billing_administrator"].address, "--why", "back")[0] == 0
    assert browser().sign_in(customer["billing_administrator"].address).url.endswith("/home")
    for act in ("disable", "erase"):
        code, output = run(
            "accounts", act, customer["global_administrator"].address, "--why", "x", *["--yes"] * (act == "erase")
        )
        assert code == 1
        assert "Nobody else administers this organization" in output


@pytest.mark.parametrize("act", ["disable", "erase"])
def test_of_those_who_were_only_invited_the_last_administrator_stays(app: Flask, run: Run, act: str) -> None:
    run(*PARTNER)
    arguments = ("accounts", act, "admin@northwind.example", "--why", "typo", *["--yes"] * (act == "erase"))
    assert "Nobody else administers this organization" in run(*arguments)[1]
    with app.app_context(), database.unit_of_work():
        row = queries.organization_named("4100001")
        assert row is not None
        actions.add_member(
            row, given_name="A", family_name="B", address="second@northwind.example", roles=("admin_agent",)
        )
    code, output = run(*arguments)
    assert code == 0, output


def test_a_lost_last_administrator_is_replaced_once(
    app: Flask, run: Run, world: World, browser: Callable[..., Visitor]
) -> None:
    customer = world.a_customer("Contoso", roles=("global_administrator", ""))
    arguments = (
        "accounts", "replace-administrator", "Contoso", "--address", "new@contoso-mail.example", "--given-name", "Jo",
        "--family-name", "Ito", "--why", "letter of 3 May",
    )  # fmt: skip
    code, output = run(*arguments)
    assert code == 0
    assert "new@contoso-mail.example is global administrator of Contoso. A link goes to" in output
    assert browser().sign_in(customer["global_administrator"].address).status == 422
    assert run(*arguments)[0] == 0
    assert count(app, Fact, Fact.kind == "administrator.replaced") == 1
    assert count(app, Message) == 1
    with app.app_context():
        assert [each.address for each in queries.people_with(customer.id, "global_administrator")] == [
            "new@contoso-mail.example"
        ]


def test_an_administrator_is_not_replaced_while_others_remain_nor_with_a_partners_mailbox(
    app: Flask, run: Run, world: World
) -> None:
    run(*PARTNER)
    customer = world.a_customer("Contoso")
    with app.app_context(), database.unit_of_work():
        row = queries.organization_by_id(customer.id)
        assert row is not None
        actions.add_member(
            row, given_name="A", family_name="B", address="second@contoso.example", roles=("global_administrator",)
        )
    common = ("--given-name", "Jo", "--family-name", "Ito", "--why", "lost")
    code, output = run("accounts", "replace-administrator", "Contoso", "--address", "x@contoso.example", *common)
    assert (code, "Other administrators remain" in output) == (1, True)
    code, output = run("accounts", "replace-administrator", "Contoso", "--address", "x@northwind.example", *common)
    assert (code, "lies in a partner's domain" in output) == (1, True)
    assert run("accounts", "replace-administrator", "4100001", "--address", "x@y.example", *common)[0] == 1


@pytest.mark.parametrize("role", ["global_administrator", "global_reader"])
def test_nobody_is_replaced_by_a_colleague_who_is_disabled(app: Flask, run: Run, world: World, role: str) -> None:
    customer = world.a_customer("Contoso", roles=("global_administrator",))
    with app.app_context(), database.unit_of_work():
        row = queries.organization_by_id(customer.id)
        assert row is not None
        actions.add_member(row, given_name="A", family_name="B", address="second@contoso.example", roles=(role,))
    assert run("accounts", "disable", "second@contoso.example", "--why", "left")[0] == 0
    code, output = run(
        "accounts", "replace-administrator", "Contoso", "--address", "Second@contoso.example", "--given-name", "A",
        "--family-name", "B", "--why", "lost",
    )  # fmt: skip
    assert (code, "This person is disabled" in output) == (1, True)
    assert count(app, Fact, Fact.kind == "administrator.replaced") == 0
    with app.app_context():
        assert [each.id for each in queries.people_with(customer.id, "global_administrator")] == [
            customer["global_administrator"].id
        ]


def test_a_colleague_becomes_administrator_with_the_role_once(app: Flask, run: Run, world: World) -> None:
    customer = world.a_customer("Contoso", roles=("global_administrator", "global_reader"))
    colleague = customer["global_reader"]
    arguments = (
        "accounts", "replace-administrator", "Contoso", "--address", colleague.address, "--given-name", "A",
        "--family-name", "B", "--why", "lost",
    )  # fmt: skip
    for _ in range(2):
        assert run(*arguments)[0] == 0
    assert count(app, RoleAssignment, RoleAssignment.person_id == colleague.id) == 2
    with app.app_context():
        assert [each.id for each in queries.people_with(customer.id, "global_administrator")] == [colleague.id]


def test_a_reset_person_has_no_session_and_no_password_and_gets_a_link(
    app: Flask, run: Run, world: World, browser: Callable[..., Visitor]
) -> None:
    person = world.a_customer()["global_reader"]
    visitor = browser()
    visitor.sign_in(person.address)
    code, output = run("accounts", "reset", person.address, "--why", "phone lost")
    assert (code, f"A link goes to {person.address}." in output) == (0, True)
    assert visitor.open("/home").heading == "Sign in"
    assert browser().sign_in(person.address).status == 422
    assert run("accounts", "reset", person.address, "--why", "phone lost")[0] == 0
    assert count(app, Message) == 1


def test_inviting_adds_a_person_with_roles_once(app: Flask, run: Run, world: World) -> None:
    world.a_customer("Contoso")
    arguments = (
        "accounts", "invite", "Contoso", "--address", "jo@contoso.example", "--given-name", "Jo", "--family-name",
        "Ito", "--role", "global_reader",
    )  # fmt: skip
    assert run(*arguments)[0] == 0
    assert run(*arguments)[0] == 0
    assert count(app, Person, Person.address_key == "jo@contoso.example") == 1
    assert count(app, Message) == 1
    assert run(*arguments[:-1], "admin_agent")[0] == 2
    world.a_customer("Fabrikam")
    code, output = run(*(word if word != "Contoso" else "Fabrikam" for word in arguments))
    assert (code, "Another account signs in with this address." in output) == (1, True)


def test_erasing_asks_every_slice_removes_the_rest_and_prints_what_stays(
    app: Flask, run: Run, world: World, browser: Callable[..., Visitor], registries: None
) -> None:
    customer = world.a_customer()
    person = customer["global_reader"]
    browser().sign_in(person.address)
    browser().open("/password-reset")
    visitor = browser()
    visitor.open("/password-reset")
    visitor.submit(address=person.address)
    with app.app_context():
        kept = database.session().scalars(sa.select(PersonalFact).where(PersonalFact.person_id == person.id)).first()
        assert kept is not None
        kept_id = kept.id

    def signed(person_id: UUID) -> tuple[int, list[Stays]]:
        if person_id != person.id:
            return 0, []
        return 2, [Stays("the name under an acceptance", "evidence", date(2036, 1, 2), frozenset({kept_id}))]

    accounts.holds(signed)
    accounts.holds(lambda person_id: (1, [("a backup", "it ends by itself", None)]))
    code, output = run("accounts", "erase", person.address, "--why", "asked by letter", "--yes")
    assert code == 0, output
    assert "stays: the name under an acceptance, until 2036-01-02: evidence" in output
    assert "stays: a backup, without an end that is known now: it ends by itself" in output
    with app.app_context():
        row = database.session().get(Person, person.id)
        assert row is not None
        assert (row.given_name, row.family_name, row.address, row.password_hash) == ("", "", "", None)
        assert [each.id for each in database.session().scalars(
            sa.select(PersonalFact).where(PersonalFact.person_id == person.id)
        )] == [kept_id]  # fmt: skip
        message = database.session().scalars(sa.select(Message)).one()
        assert (message.recipient, message.text, message.html, message.subject) == ("", "", None, "")
        assert message.closed_at is not None
    assert count(app, Session, Session.person_id == person.id) == 0
    assert browser().sign_in(person.address).status == 422
    assert run("evidence", "verify")[0] == 0
    assert run("accounts", "erase", person.address, "--why", "again", "--yes")[0] == 1  # nobody has the address
    code, output = run("accounts", "erase", str(person.id), "--why", "again", "--yes")
    assert code == 0
    assert count(app, Fact, Fact.kind == "person.erased") == 1
    for act in ("reset", "enable"):
        assert "erased" in run("accounts", act, str(person.id), "--why", "x")[1]


def test_domains_and_pairs_are_confirmed_once(app: Flask, run: Run, world: World) -> None:
    provider = world.a_partner("Fabrikam", programme="indirect_provider")
    world.a_partner("Tailspin", programme="indirect_reseller")
    for _ in range(2):
        assert run("organizations", "pair", "Fabrikam", "Tailspin")[0] == 0
    assert count(app, Fact, Fact.kind == "pairing.confirmed") == 1
    assert run("organizations", "pair", "Tailspin", "Fabrikam")[0] == 1
    with app.app_context():
        domain = queries.domains_of(provider.id)[0].name
    for _ in range(2):
        assert run("organizations", "confirm-domain", domain)[0] == 0
    assert count(app, Fact, Fact.kind == "domain.confirmed") == 1
    code, output = run("organizations", "confirm-domain", "nobody.example")
    assert (code, "No organization has the domain" in output) == (1, True)


@pytest.mark.parametrize("word", ["nothing", "9999999", "00000000-0000-0000-0000-000000000000", ""])
def test_an_unknown_name_is_said(run: Run, world: World, word: str) -> None:
    world.a_customer()
    code, output = run("organizations", "disable", word, "--why", "x")
    assert code == 1
    assert "see `flask organizations list`" in output


def test_two_organizations_of_one_name_are_not_guessed_between(run: Run, world: World) -> None:
    world.a_customer("Contoso")
    world.a_customer("Contoso Inc.")
    assert run("organizations", "disable", "Contoso", "--why", "x")[0] == 1


@pytest.mark.parametrize("number", ["", "MPN-1", "４１００００１", "1" * 17])
def test_a_partners_number_is_digits_since_links_carry_it(app: Flask, run: Run, number: str) -> None:
    arguments = list(PARTNER)
    arguments[arguments.index("--number") + 1] = number
    code, output = run(*arguments)
    assert code != 0
    assert "1 to 16 digits" in output
    assert count(app, Message) == 0


def test_a_partner_is_enrolled_once_and_it_stands_in_the_evidence(app: Flask, run: Run) -> None:
    run(*PARTNER)
    assert run("organizations", "enroll", "4100001") == (0, "Northwind Cloud is enrolled.\n")
    assert "enrolled already" in run("organizations", "enroll", "4100001")[1]
    assert count(app, Fact, Fact.kind == "partner.enrolled") == 1
    run(*CUSTOMER)
    assert "not a partner" in run("organizations", "enroll", "contoso.example")[1]
