"""Links that set a password or confirm a mailbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import PASSWORD, Member, World
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts import actions, queries
from webapp.accounts.models import Attempt, Person, Session
from webapp.evidence.models import Fact
from webapp.messages import actions as messages
from webapp.messages.models import Message
from webapp.tokens import Token

NEW = "a new password of mine"
Browser = Callable[..., Visitor]


def mails(app: Flask) -> list[tuple[str, str, str]]:
    """Recipient, kind and text, as handed over, of every message; oldest first."""
    with app.app_context():
        rows = database.session().scalars(sa.select(Message).order_by(Message.created_at)).all()
        return [(row.recipient, row.kind, messages.filled(row)[0]) for row in rows]


def link_in(text: str) -> str:
    found = re.search(r"http://localhost(/\S+)", text)
    assert found is not None
    return found[1]


def asked(app: Flask, browser: Browser, address: str, at: str = "/password-reset") -> str:
    """Ask for a link and answer its path, as it stands in the newest mail."""
    visitor = browser()
    visitor.open(at)
    visitor.submit(address=address)
    assert visitor.page.heading == "Look into your mailbox"
    return link_in(mails(app)[-1][2])


def without_password(app: Flask, member: Member) -> None:
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(Person).where(Person.id == member.id).values(password_hash=None, confirmed_at=None)
        )


def counted(app: Flask, model: type) -> int:
    with app.app_context():
        return database.session().scalar(sa.select(sa.func.count()).select_from(model)) or 0


def test_a_forgotten_password_is_set_anew_and_ends_the_other_sessions(
    app: Flask, world: World, browser: Browser
) -> None:
    person = world.a_customer()["global_administrator"]
    elsewhere = browser()
    elsewhere.sign_in(person.address)
    path = asked(app, browser, person.address)
    visitor = browser()
    assert visitor.open(path).heading == "Set a new password"
    visitor.submit(address=person.address.upper(), password=NEW, password_again=NEW)
    assert visitor.page.url.endswith("/home")
    assert elsewhere.open("/home").heading == "Sign in"
    assert browser().sign_in(person.address, PASSWORD).status == 422
    assert browser().sign_in(person.address, NEW).url.endswith("/home")
    with app.app_context():
        fact = database.session().scalars(sa.select(Fact).where(Fact.kind == "person.password_set")).one()
        assert fact.person_id == person.id
        assert fact.customer_id is not None


def test_the_answer_is_the_same_whoever_asks_and_one_mail_goes_out_in_ten_minutes(
    app: Flask, world: World, browser: Browser
) -> None:
    person = world.a_customer()["global_administrator"]
    pages = set()
    for address in (person.address, person.address, "nobody@nowhere.example", person.address):
        visitor = browser()
        visitor.open("/password-reset")
        pages.add((visitor.submit(address=address).words, visitor.page.url))
    assert len(pages) == 1
    assert [(to, kind) for to, kind, _text in mails(app)] == [(person.address, "password_reset")]


def test_after_ten_minutes_another_mail_goes_out(app: Flask, world: World, browser: Browser) -> None:
    person = world.a_customer()["global_administrator"]
    asked(app, browser, person.address)
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Token).values(created_at=clock.now() - timedelta(minutes=10, seconds=1)))
    asked(app, browser, person.address)
    assert len(mails(app)) == 2


def test_somebody_without_a_password_gets_the_first_sign_in_link_and_goes_on_where_it_came_from(
    app: Flask, world: World, browser: Browser
) -> None:
    person = world.a_customer()["global_administrator"]
    without_password(app, person)
    path = asked(app, browser, person.address, "/first-sign-in?next=/history")
    assert path.startswith("/first-sign-in/")
    visitor = browser()
    visitor.open(path)
    visitor.submit(address=person.address, password=NEW, password_again=NEW)
    assert visitor.page.url.endswith("/history")
    with app.app_context():
        row = queries.person_by_id(person.id)
        assert row is not None
        assert row.confirmed_at is not None


def test_another_slice_may_send_the_link_with_the_step_to_continue_at(
    app: Flask, world: World, browser: Browser
) -> None:
    person = world.a_customer()["global_administrator"]
    without_password(app, person)
    with app.app_context():
        row = queries.person_by_id(person.id)
        assert row is not None
        with database.unit_of_work():
            assert actions.send_first_sign_in(row, continue_to="/account?x=1")
        with database.unit_of_work():
            assert not actions.send_first_sign_in(row, continue_to="/account?x=1")
    visitor = browser()
    visitor.open(link_in(mails(app)[-1][2]))
    visitor.submit(address=person.address, password=NEW, password_again=NEW)
    assert visitor.page.url.endswith("/account?x=1")


@pytest.mark.parametrize("times", [1, 3])
def test_opening_a_link_changes_nothing(app: Flask, world: World, browser: Browser, times: int) -> None:
    person = world.a_customer()["global_administrator"]
    path = asked(app, browser, person.address)
    before = [counted(app, model) for model in (Token, Session, Attempt, Message, Fact)]
    for _ in range(times):
        assert browser().open(path).status == 200
    assert [counted(app, model) for model in (Token, Session, Attempt, Message, Fact)] == before


def test_a_wrong_address_is_counted_and_never_uses_the_link_up(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    person = customer["global_administrator"]
    path = asked(app, browser, person.address)
    visitor = browser(network="192.0.2.9")
    for _ in range(10):
        visitor.open(path)
        wrong = visitor.submit(address="somebody@else.example", password=NEW, password_again=NEW)
        assert wrong.status == 422
        assert "The message was not sent to this address." in wrong.words
    visitor.open(path)
    assert visitor.submit(address=person.address, password=NEW, password_again=NEW).status == 429
    fresh = browser(network="192.0.2.10")
    fresh.open(path)
    assert fresh.submit(address=person.address, password=NEW, password_again=NEW).url.endswith("/home")


def test_a_form_that_is_submitted_without_the_address_counts_nothing(
    app: Flask, world: World, browser: Browser
) -> None:
    person = world.a_customer()["global_administrator"]
    path = asked(app, browser, person.address)
    before = counted(app, Attempt)
    visitor = browser()
    visitor.open(path)
    assert visitor.submit(password=NEW, password_again=NEW).status == 422
    assert counted(app, Attempt) == before


def test_a_used_an_old_an_altered_and_a_foreign_link_share_one_page(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    used = asked(app, browser, customer["global_administrator"].address)
    visitor = browser()
    visitor.open(used)
    visitor.submit(address=customer["global_administrator"].address, password=NEW, password_again=NEW)
    old = asked(app, browser, customer["billing_administrator"].address)
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Token).where(Token.used_at.is_(None)).values(expires_at=clock.now()))
    reader = asked(app, browser, customer["global_reader"].address)
    other_purpose = reader.replace("/password-reset/", "/first-sign-in/")
    altered = reader[:-1] + ("A" if reader[-1] != "A" else "B")
    words = set()
    for path in (used, old, altered, "/password-reset/nothing", "/password-reset/%E3%81%82"):
        page = browser().open(path)
        assert page.status == 410, path
        words.add(re.sub(r"Reference: \w+", "", page.words))
    assert len(words) == 1
    assert browser().open(other_purpose).status == 410
    page = visitor.open(used)
    visitor.follow("Ask for a new link")
    assert visitor.page.heading == "Set a new password"


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "Use at least 12 characters."),
        ("aaaaaaaaaaaaaaa", "This password is too easy to guess."),
        ("x" * 201, "Use 200 characters or fewer."),
    ],
)
def test_a_password_that_will_not_do_is_explained(
    app: Flask, world: World, browser: Browser, password: str, words: str
) -> None:
    person = world.a_customer()["global_administrator"]
    visitor = browser()
    visitor.open(asked(app, browser, person.address))
    page = visitor.submit(address=person.address, password=password, password_again=password)
    assert page.status == 422
    assert words in page.words
    assert visitor.submit(address=person.address, password=NEW, password_again=NEW + "!").status == 422
    assert visitor.submit(address=person.address, password=f"{person.address} x", password_again="").status == 422
    assert visitor.submit(address=person.address, password=NEW, password_again=NEW).url.endswith("/home")


def test_a_stored_message_holds_no_secret(app: Flask, world: World, browser: Browser) -> None:
    person = world.a_customer()["global_administrator"]
    secret = asked(app, browser, person.address).rsplit("/", 1)[1]
    with app.app_context():
        row = database.session().scalars(sa.select(Message)).one()
        assert secret not in row.text + (row.html or "") + row.subject
        assert row.text.count("/password-reset/…") == 1
        text, html = messages.filled(row)
        assert f"/password-reset/{secret}" in text
        assert html is not None
        assert html.count(f"/password-reset/{secret}") == 2


def test_a_closed_organization_signs_nobody_in(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer("Contoso")
    person = customer["global_administrator"]
    path = asked(app, browser, person.address)
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.text("UPDATE organizations SET disabled_at = created_at"))
    assert browser().sign_in(person.address).heading == "Access for Contoso is closed"
    visitor = browser()
    visitor.open(path)
    assert visitor.submit(address=person.address, password=NEW, password_again=NEW).status == 403


# --- another own address -------------------------------------------------------------------------------------


def test_only_the_confirmed_address_becomes_the_sign_in_name(app: Flask, world: World, browser: Browser) -> None:
    person = world.a_customer()["global_administrator"]
    new = "somebody@elsewhere.example"
    visitor = browser()
    visitor.sign_in(person.address)
    visitor.open("/account/address")
    visitor.submit(address=new, current_password=PASSWORD)
    assert visitor.page.url.endswith("/account")
    assert [(to, kind) for to, kind, _text in mails(app)] == [
        (person.address, "address_change_notice"),
        (new, "mailbox_confirmation"),
    ]
    assert new not in mails(app)[0][2]
    assert browser().sign_in(new).status == 422
    path = link_in(mails(app)[1][2])
    other = browser()
    other.open(path)
    assert other.submit(address=person.address).status == 422
    other.open(path)
    other.submit(address=new)
    assert other.page.heading == "Sign in"
    assert other.open(path).status == 410
    assert browser().sign_in(person.address).status == 422
    assert browser().sign_in(new).url.endswith("/home")
    assert visitor.open("/account").words.count(new) == 1


def test_an_address_that_signs_in_elsewhere_gets_no_link_and_the_asker_does_not_learn_it(
    app: Flask, world: World, browser: Browser
) -> None:
    customer = world.a_customer()
    answers = set()
    for role, address in (
        ("global_administrator", customer["global_reader"].address),
        ("billing_administrator", "free@elsewhere.example"),
    ):
        visitor = browser()
        visitor.sign_in(customer[role].address)
        visitor.open("/account/address")
        page = visitor.submit(address=address, current_password=PASSWORD)
        answers.add(re.findall(r"A message with a link is on its way[^.]*\.", page.words)[0])
    assert len(answers) == 1
    assert [kind for _to, kind, _text in mails(app)].count("mailbox_confirmation") == 1


def test_an_address_that_was_taken_meanwhile_is_refused(app: Flask, world: World, browser: Browser) -> None:
    customer = world.a_customer()
    new = "wanted@elsewhere.example"
    for role in ("global_administrator", "billing_administrator"):
        visitor = browser()
        visitor.sign_in(customer[role].address)
        visitor.open("/account/address")
        visitor.submit(address=new, current_password=PASSWORD)
    first, second = (link_in(text) for _to, kind, text in mails(app) if kind == "mailbox_confirmation")
    visitor = browser()
    visitor.open(first)
    assert visitor.submit(address=new).status == 200
    visitor.open(second)
    page = visitor.submit(address=new)
    assert (page.status, page.heading) == (409, "This address is in use already")


def test_another_address_needs_the_password(app: Flask, world: World, browser: Browser) -> None:
    person = world.a_customer()["global_administrator"]
    visitor = browser()
    visitor.sign_in(person.address)
    visitor.open("/account/address")
    assert visitor.submit(address="x@elsewhere.example", current_password="wrong").status == 422
    assert mails(app) == []
