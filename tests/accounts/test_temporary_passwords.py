"""Signing in with a temporary password: only with the code from the mailbox, and only to choose another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.support.builders import Member, World
from tests.support.visitor import Visitor
from webapp import actor as actors
from webapp import clock, database, tokens
from webapp.accounts import actions, queries, rules
from webapp.accounts.models import Person, Session
from webapp.accounts.rules import CodeOver, TemporaryPasswordOver
from webapp.evidence.models import Fact
from webapp.messages.actions import filled
from webapp.messages.models import Message
from webapp.messages.rules import CODE_GAP
from webapp.tokens import Token

Browser = Callable[..., Visitor]
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OWN = "a long and unusual password"


# --- rules -----------------------------------------------------------------------------------------------------


def test_a_temporary_password_has_sixty_bits_and_no_letter_that_is_taken_for_another() -> None:
    chosen: list[str] = []

    def choose(letters: str) -> str:
        chosen.append(letters)
        return letters[len(chosen) % len(letters)]

    password = rules.temporary_password(choose)
    assert re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){3}", password)
    assert sum(math.log2(len(set(letters))) for letters in chosen) >= 60
    assert not set("il1o0") & set(rules.TEMPORARY_LETTERS)


@pytest.mark.parametrize(
    ("until", "codes", "over"),
    [
        (NOW + timedelta(seconds=1), 10, False),
        (NOW, 10, True),
        (NOW - timedelta(days=1), 10, True),
        (NOW + timedelta(days=14), 1, False),
        (NOW + timedelta(days=14), 0, True),
    ],
)
def test_a_temporary_password_ends_with_its_time_and_with_too_many_codes(
    until: datetime, codes: int, over: bool
) -> None:
    if over:
        with pytest.raises(TemporaryPasswordOver):
            rules.check_temporary(until, NOW, codes)
    else:
        rules.check_temporary(until, NOW, codes)


@pytest.mark.parametrize(
    ("to_address", "in_all", "left"),
    [(0, 0, 10), (9, 9, 1), (10, 10, 0), (11, 11, 0), (0, 10, 10), (0, 25, 5), (3, 28, 2), (0, 30, 0), (0, 31, 0)],
)
def test_an_address_gets_ten_codes_and_a_person_thirty(to_address: int, in_all: int, left: int) -> None:
    assert rules.codes_left(to_address, in_all) == left


@pytest.mark.parametrize(
    ("seconds", "may"), [(None, True), (0, False), (59, False), (60, True), (-5, True)]
)  # fmt: skip
def test_one_code_a_minute_is_mailed(seconds: int | None, may: bool) -> None:
    last = NOW - timedelta(seconds=seconds) if seconds is not None else None
    assert rules.may_send_code(last, NOW) is may


@pytest.mark.parametrize(("is_open", "tries", "over"), [(True, 4, False), (True, 5, True), (False, 0, True)])
def test_a_code_is_over_when_it_is_closed_or_was_tried_five_times(is_open: bool, tries: int, over: bool) -> None:
    if over:
        with pytest.raises(CodeOver):
            rules.check_code(is_open, tries)
    else:
        rules.check_code(is_open, tries)


# --- pages -----------------------------------------------------------------------------------------------------


def a_temporary(world: World, *, days: int = 14) -> tuple[Member, str]:
    """Somebody new of a customer, with a temporary password that is good for so many days."""
    member = world.a_customer(roles=("global_administrator",))["global_administrator"]
    password, hashed = actions.new_temporary_password()
    with world.app.app_context(), database.unit_of_work():
        database.write()
        person = database.session().get_one(Person, member.id)
        person.confirmed_at = None
        person.password_hash = hashed
        person.temporary_until = clock.now() + timedelta(days=days)
    return member, password


def code_to(app: Flask, member: Member) -> str:
    """The code in the newest mail to somebody, as it leaves."""
    with app.app_context():
        message = (
            database.session()
            .scalars(
                sa.select(Message)
                .where(Message.recipient == member.address, Message.kind == "code")
                .order_by(Message.created_at.desc(), Message.id)
            )
            .first()
        )
        assert message is not None
        text, html = filled(message)
        found = re.search(r"^([0-9]{6})$", text, re.MULTILINE)
        assert found is not None
        assert found[1] in (html or "")
        return found[1]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def mails_to(app: Flask, member: Member) -> int:
    with app.app_context():
        return (
            database.session().scalar(
                sa.select(sa.func.count()).where(Message.recipient == member.address, Message.kind == "code")
            )
            or 0
        )


def test_the_mailed_code_signs_in_and_a_password_of_ones_own_comes_before_any_other_page(
    app: Flask, world: World, browser: Browser
) -> None:
    member, password = a_temporary(world)
    visitor = browser()
    visitor.open("/agreement")
    visitor.sign_in(member.address, password)
    assert visitor.page.heading == "Enter the code from our message"
    assert visitor.open("/home").heading == "Sign in"
    visitor.open("/sign-in/code")
    code = code_to(app, member)
    visitor.submit(code=f" {code[:3]} {code[3:]}")
    assert visitor.page.heading == "Choose a password of your own"
    for path in (
        "/home",
        "/agreement",
        "/agreement/acceptance",
        "/account",
        "/account/password",
        "/",
        "/inbox",
        "/sign-in",
    ):
        assert visitor.open(path).heading == "Choose a password of your own", path
    assert visitor.open("/help").heading != "Choose a password of your own"
    visitor.open("/account/own-password")
    assert visitor.submit(new_password=password, new_password_again=password).status == 422
    assert visitor.submit(new_password=member.address, new_password_again=member.address).status == 422
    visitor.submit(new_password=OWN, new_password_again=OWN)
    assert visitor.page.url.endswith("/agreement"), "it goes on where it wanted to"
    with app.app_context():
        person = database.session().get_one(Person, member.id)
        assert (person.temporary_until, person.confirmed_at is None) == (None, False)
        (session,) = database.session().scalars(sa.select(Session).where(Session.person_id == member.id))
        assert session.proof == "temporary_password_and_code"
        kinds = database.session().scalars(sa.select(Fact.kind).where(Fact.person_id == member.id)).all()
    assert sorted(kinds) == ["person.mailbox_confirmed", "person.password_set"]
    assert visitor.open("/account/own-password").heading == "Change your password"
    assert browser().sign_in(member.address, OWN).url.endswith("/home")
    assert browser().sign_in(member.address, password).status == 422


def test_the_code_is_not_in_the_database_and_not_on_the_page(app: Flask, world: World, browser: Browser) -> None:
    member, password = a_temporary(world)
    visitor = browser()
    visitor.sign_in(member.address, password)
    code = code_to(app, member)
    assert code not in visitor.page.html
    with app.app_context():
        token = database.session().scalars(sa.select(Token).where(Token.person_id == member.id)).one()
        message = database.session().scalars(sa.select(Message).where(Message.kind == "code")).one()
        assert code not in f"{token.facts} {token.code_digest} {message.text} {message.html} {message.subject}"
        assert CODE_GAP in message.text


def test_a_code_takes_five_tries_and_then_not_even_the_right_one(app: Flask, world: World, browser: Browser) -> None:
    member, password = a_temporary(world)
    visitor = browser()
    visitor.sign_in(member.address, password)
    code = code_to(app, member)
    for _ in range(5):
        assert visitor.submit(code=wrong(code)).status == 422
    assert visitor.submit(code=code).status == 410
    with app.app_context():
        assert not database.session().scalars(sa.select(Session).where(Session.person_id == member.id)).all()


def test_what_is_not_six_digits_counts_as_no_try(app: Flask, world: World, browser: Browser) -> None:
    member, password = a_temporary(world)
    visitor = browser()
    visitor.sign_in(member.address, password)
    for text in ("", "12345", "1234567", "abcdef", "12 34"):
        assert visitor.submit(code=text).status == 422
    assert visitor.submit(code=code_to(app, member)).heading == "Choose a password of your own"


def test_a_code_is_good_for_ten_minutes(app: Flask, world: World, browser: Browser) -> None:
    member, password = a_temporary(world)
    visitor = browser()
    visitor.sign_in(member.address, password)
    code = code_to(app, member)
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        assert visitor.submit(code=code).status == 410


def test_one_code_a_minute_is_mailed_and_a_new_one_ends_the_earlier(app: Flask, world: World, browser: Browser) -> None:
    member, password = a_temporary(world)
    visitor, other = browser(), browser()
    visitor.sign_in(member.address, password)
    first = code_to(app, member)
    other.sign_in(member.address, password)
    visitor.submit(to="/renewal")
    assert "less than a minute ago" in visitor.page.words
    assert mails_to(app, member) == 1
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        visitor.submit(to="/renewal")
        assert mails_to(app, member) == 2
        other.open("/sign-in/code")
        assert other.submit(code=first).status == 410
        assert visitor.submit(code=code_to(app, member)).heading == "Choose a password of your own"


def test_no_more_than_ten_codes_are_ever_sent_to_one_address(app: Flask, world: World, browser: Browser) -> None:
    member, password = a_temporary(world)
    begins = clock.now()
    for number in range(11):
        with time_machine.travel(begins + timedelta(minutes=number * 6)):
            visitor = browser()
            visitor.sign_in(member.address, password)
            assert visitor.page.status == (200 if number < 10 else 403)
    assert visitor.page.heading == "This temporary password no longer works"
    assert mails_to(app, member) == 10


def spend(app: Flask, member: Member, address: str, count: int) -> None:
    """As if so many codes had gone to somebody at an address, none of them open any more."""
    with app.app_context(), database.unit_of_work():
        database.write()
        for _number in range(count):
            tokens.issue_code(rules.CODE, address, lasts=timedelta(0), person_id=member.id, continue_to="", tries=0)


def left_of(app: Flask, member: Member) -> int:
    """How many codes somebody can still be sent at the address on file."""
    with app.app_context():
        return queries.codes_left(database.session().get_one(Person, member.id))


def test_codes_are_counted_by_address_whatever_its_case_and_in_all(app: Flask, world: World) -> None:
    member, _password = a_temporary(world)
    other, _password = a_temporary(world)
    spend(app, member, "wrong@contoso.example", 10)
    spend(app, other, member.address, 10)
    assert left_of(app, member) == 10
    spend(app, member, member.address.upper(), 4)
    assert left_of(app, member) == 6
    spend(app, member, "wrong@contoso.example", 14)
    assert left_of(app, member) == 2


def test_codes_that_another_key_made_count_as_well(app: Flask, world: World) -> None:
    member, _password = a_temporary(world)
    spend(app, member, member.address, 4)
    spend(app, member, "wrong@contoso.example", 2)
    before = app.config["KEYS"]
    app.config["KEYS"] = {"new": b"another key" * 4} | before
    spend(app, member, member.address, 3)
    assert left_of(app, member) == 3
    app.config["KEYS"] = {"new": b"another key" * 4}
    assert left_of(app, member) == 1, "where the codes of a key that is gone went cannot be told: they count"


def test_after_its_time_it_signs_in_no_more_and_the_page_says_how_to_get_a_link(
    app: Flask, world: World, browser: Browser
) -> None:
    member, password = a_temporary(world, days=14)
    visitor = browser()
    with time_machine.travel(clock.now() + timedelta(days=14)):
        assert visitor.sign_in(member.address, password).status == 403
        assert mails_to(app, member) == 0
        visitor.follow("Ask for a new link")
        visitor.submit(address=member.address)
        assert browser().sign_in(member.address, "something else").status == 422
    with app.app_context():
        message = database.session().scalars(sa.select(Message).where(Message.kind == "password_reset")).one()
        link = next(word for word in filled(message)[0].split() if "/password-reset/" in word)
    visitor.open(link)
    visitor.submit(address=member.address, password=OWN, password_again=OWN)
    assert visitor.page.url.endswith("/home")
    with app.app_context():
        assert database.session().get_one(Person, member.id).temporary_until is None
    assert browser().sign_in(member.address, OWN).url.endswith("/home")


def test_a_wrong_password_says_the_same_whether_a_temporary_one_exists(world: World, browser: Browser) -> None:
    member, _password = a_temporary(world)
    words = set()
    for address in (member.address, "nobody@nowhere.example"):
        visitor = browser()
        visitor.sign_in(address, "not the password")
        assert visitor.page.status == 422
        words.add(visitor.page.words.replace(address, ""))
    assert len(words) == 1


def test_the_page_for_the_code_needs_the_browser_that_typed_the_password(
    app: Flask, world: World, browser: Browser
) -> None:
    member, password = a_temporary(world)
    browser().sign_in(member.address, password)
    other = browser()
    assert other.open("/sign-in/code").heading == "Sign in"
    token = other.page.forms[-1].fields["csrf_token"]
    assert (
        other._go("POST", "/sign-in/code", {"csrf_token": token, "code": [code_to(app, member)]}).heading == "Sign in"
    )
    assert other._go("POST", "/sign-in/code/renewal", {"csrf_token": token}).heading == "Sign in"
    with app.app_context():
        assert not database.session().scalars(sa.select(Session).where(Session.person_id == member.id)).all()


def test_a_session_with_a_temporary_password_may_nothing_but_its_account(app: Flask, world: World) -> None:
    member, _password = a_temporary(world)
    with app.app_context():
        with database.unit_of_work():
            session = actions.start_session(member.id, proof=rules.WITH_CODE, network_address="", browser="")
            session_id = session.id
        found = actors.load(session_id)
        assert found is not None
        assert found.must_choose_password
        assert {each.value for each in found.permissions} == {"use_account"}
        assert queries.waiting_code(session_id) is None
