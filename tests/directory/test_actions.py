"""Adding, licences, roles, links, blocking: what happens, what is recorded, and what nobody may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.directory.scene import Office
from tests.team.scene import together
from webapp import actor as actors
from webapp import database
from webapp.accounts import actions as accounts
from webapp.accounts import rules as account_rules
from webapp.accounts.models import Person, Session
from webapp.actor import Actor
from webapp.directory import actions, queries, rules
from webapp.directory.models import SetupList
from webapp.directory.queries import Wanted
from webapp.evidence.models import Fact
from webapp.evidence.queries import verify_chain
from webapp.evidence.rules import Finding
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.rules import AddressNotUsable, AddressOfPartner, LastAdministrator
from webapp.subscriptions.models import Licence
from webapp.subscriptions.rules import NoSeatLeft


def mails(office: Office, kind: str) -> list[Any]:
    return office.rows(Message, Message.kind == kind)


def kinds(office: Office, start: str) -> list[str]:
    return sorted(
        each.kind for each in office.rows(Fact, Fact.kind.startswith(start), Fact.customer_id == office.customer.id)
    )


# --- adding ----------------------------------------------------------------------------------------------------


def test_somebody_is_added_once_with_licences_and_gets_one_mail(office: Office) -> None:
    line = office.line()
    first, second = office.add(lines=(line,)), office.add(lines=(line,))
    assert first == second
    assert len(mails(office, "first_sign_in")) == 1
    assert len(office.rows(Licence)) == 1
    (fact,) = office.rows(
        Fact, Fact.kind == "person.added", Fact.person_id == office.customer["global_administrator"].id
    )
    assert (fact.customer_id, fact.partner_id) == (office.customer.id, None)
    with office.app.app_context():
        assert [each for each in verify_chain(office.customer.chain_id) if isinstance(each, Finding)] == []


def test_two_at_once_add_one_person(office: Office) -> None:
    found = together(lambda: office.add(), lambda: office.add())
    assert len({each for each in found if isinstance(each, UUID)}) == 1
    assert len(office.rows(Person, Person.address_key == f"ann@{office.domain}")) == 1
    assert len(mails(office, "first_sign_in")) == 1


@pytest.mark.parametrize("role", ["delegate", "global_administrator"])
def test_somebody_who_is_there_is_sent_nothing_and_stays_as_it_is(
    office: Office, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = office.line()
    lead = office.add("lead", roles=("global_administrator",))
    if role == "delegate":
        with office.app.app_context():
            office.delegate()
    before = len(office.rows(Fact))
    monkeypatch.setattr(account_rules, "may_mail_again", lambda *_moments: True)
    assert office.add("LEAD", given_name="Another", lines=(line,), role=role) == lead
    assert len(mails(office, "first_sign_in")) == 1
    assert len(office.rows(Fact)) == before
    assert office.rows(Licence) == []


def test_without_a_seat_left_nobody_is_added(office: Office) -> None:
    line = office.line(seats=1)
    office.add(lines=(line,))
    with pytest.raises(NoSeatLeft):
        office.add("bob", lines=(line,))
    assert office.rows(Person, Person.address_key == f"bob@{office.domain}") == []
    assert len(mails(office, "first_sign_in")) == 1


@pytest.mark.parametrize(
    ("whose", "refusal"), [("partner", AddressOfPartner), ("customer", AddressNotUsable), ("domain", AddressNotUsable)]
)
def test_an_address_that_is_anothers_is_refused(office: Office, whose: str, refusal: type[Exception]) -> None:
    other = office.world.a_customer()
    address = {
        "partner": f"new@{office.partner['admin_agent'].address.partition('@')[2]}",
        "customer": other[""].address,
        "domain": f"new@{other[''].address.partition('@')[2]}",
    }[whose]
    with pytest.raises(refusal):
        office.add(address=address)
    assert mails(office, "first_sign_in") == []


# --- licences --------------------------------------------------------------------------------------------------


def set_licences(office: Office, person: UUID, *lines: UUID, role: str = "global_administrator") -> tuple[int, int]:
    found: tuple[int, int] = office.do(
        lambda by: actions.set_licences(office.person(person), list(lines), by=by), role
    )  # fmt: skip
    return found


def test_licences_are_given_and_taken_back_each_with_a_fact(office: Office) -> None:
    one, other = office.line(), office.line("Mail", code="MAIL")
    person = office.add(lines=(one,))
    assert set_licences(office, person, other) == (1, 1)
    assert set_licences(office, person, other) == (0, 0)
    assert [each.line_id for each in office.rows(Licence)] == [other]
    assert kinds(office, "licence.") == ["licence.given", "licence.given", "licence.taken"]


def test_of_two_at_once_the_last_seat_goes_to_one(office: Office) -> None:
    line = office.line(seats=1)
    people = [office.add("ann"), office.add("bob")]
    found = together(*(partial(set_licences, office, person, line) for person in people))
    assert sorted(map(str, found)) == sorted(map(str, [(1, 0), NoSeatLeft]))
    assert len(office.rows(Licence)) == 1


def test_what_is_refused_changes_nothing_of_the_rest(office: Office) -> None:
    full, free = office.line(seats=1), office.line("Mail", code="MAIL")
    office.add("ann", lines=(full,))
    person = office.add("bob")
    with pytest.raises(NoSeatLeft):
        set_licences(office, person, free, full)
    assert len(office.rows(Licence, Licence.person_id == person)) == 0


def test_a_foreign_subscription_is_none_of_them(office: Office) -> None:
    person, stranger = office.add(), Office(office.app, office.world)
    foreign = stranger.line(code="OTHER")
    assert set_licences(office, person, foreign) == (0, 0)
    assert office.rows(Licence) == []


# --- roles, links, blocking ------------------------------------------------------------------------------------


def test_the_last_global_administrator_stays(office: Office) -> None:
    last = office.customer["global_administrator"]
    with pytest.raises(LastAdministrator):
        office.do(lambda by: actions.change_roles(office.person(last), frozenset(), by=by))
    other = office.customer[""]
    assert office.do(lambda by: actions.change_roles(office.person(other), frozenset({"global_administrator"}), by=by))
    assert office.do(lambda by: actions.change_roles(office.person(last), frozenset(), by=by))
    with office.app.app_context():
        assert organizations.roles_of(last.id) == frozenset()


def test_a_link_for_a_password_goes_to_the_person_once_in_ten_minutes_and_takes_nothing_away(office: Office) -> None:
    member = office.customer[""]
    before = office.rows(Person, Person.id == member.id)[0].password_hash
    assert office.do(lambda by: actions.send_link(office.person(member), by=by))
    assert not office.do(lambda by: actions.send_link(office.person(member), by=by))
    (mail,) = mails(office, "password_reset")
    assert mail.person_id == member.id
    assert office.rows(Person, Person.id == member.id)[0].password_hash == before
    assert kinds(office, "person.link") == ["person.link_sent"]


def test_blocking_signs_out_at_once_and_keeps_licences_and_roles(office: Office) -> None:
    line = office.line()
    person = office.add(lines=(line,))
    with office.app.app_context(), database.unit_of_work():
        session_id = accounts.start_session(person, proof="password", network_address="", browser="Test").id
    assert office.do(lambda by: actions.block(office.person(person), by=by))
    assert not office.do(lambda by: actions.block(office.person(person), by=by))
    assert office.rows(Session, Session.id == session_id)[0].ended_at is not None
    with office.app.app_context():
        assert actors.load(session_id) is None
    assert len(office.rows(Licence)) == 1
    with pytest.raises(rules.PersonBlocked):
        office.do(lambda by: actions.send_link(office.person(person), by=by))
    with pytest.raises(rules.PersonBlocked):
        set_licences(office, person, line, office.line("Mail", code="MAIL"))
    assert set_licences(office, person) == (0, 1)  # taking back is possible
    assert office.do(lambda by: actions.unblock(office.person(person), by=by))
    assert not office.do(lambda by: actions.unblock(office.person(person), by=by))


def test_nobody_blocks_itself(office: Office) -> None:
    with pytest.raises(rules.OneselfUntouchable):
        office.do(lambda by: actions.block(office.person(by.person_id), by=by))


# --- who acts for the customer ---------------------------------------------------------------------------------


def test_a_delegates_acts_stand_in_the_customers_history_under_its_own_name(office: Office) -> None:
    line = office.line()
    person = office.add(lines=(line,), role="delegate")
    assert office.rows(Person, Person.id == person)[0].created_by_partner_id == office.partner.id
    member = office.customer[""]
    assert office.do(lambda by: actions.send_link(office.person(member), by=by), "delegate")
    assert office.do(lambda by: actions.block(office.person(person), by=by), "delegate")
    own = Fact.person_id == office.partner["admin_agent"].id
    facts = office.rows(Fact, own, Fact.kind.not_like("delegated_admin.%"))
    assert {each.kind for each in facts} == {"person.added", "licence.given", "person.link_sent", "person.disabled"}
    assert {each.customer_id for each in facts} == {office.customer.id}
    assert {(each.partner_id, each.acting_partner_id) for each in facts} == {(None, office.partner.id)}
    assert {each.chain_id for each in facts} == {office.customer.chain_id}
    assert {json.loads(each.record)["organization_id"] for each in facts} == {str(office.partner.id)}
    with office.app.app_context():
        assert [each for each in verify_chain(office.customer.chain_id) if isinstance(each, Finding)] == []


ACTS: dict[str, Callable[[Actor, Person, UUID], Any]] = {
    "licences": lambda by, person, line: actions.set_licences(person, [line], by=by),
    "roles": lambda by, person, line: actions.change_roles(person, frozenset(), by=by),
    "link": lambda by, person, line: actions.send_link(person, by=by),
    "block": lambda by, person, line: actions.block(person, by=by),
    "unblock": lambda by, person, line: actions.unblock(person, by=by),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    "role", ["global_administrator", "billing_administrator", "delegated_admin_administrator", "global_reader"]
)
def test_a_delegate_with_every_role_cannot_touch_an_administrator(office: Office, act: str, role: str) -> None:
    line = office.line()
    with office.app.app_context():
        office.delegate()
    before = len(office.rows(Fact))
    with pytest.raises(rules.AdministratorUntouchable) as refused:
        office.do(lambda by: ACTS[act](by, office.person(office.customer[role]), line), "delegate")
    assert len(refused.value.administrators) == 1
    assert len(office.rows(Fact)) == before


@pytest.mark.parametrize("roles", [("global_administrator",), ("global_reader",)])
def test_a_delegate_gives_no_role_to_anybody(office: Office, roles: tuple[str, ...]) -> None:
    with pytest.raises(rules.AdministratorUntouchable):
        office.add(roles=roles, role="delegate")
    with pytest.raises(rules.AdministratorUntouchable):
        office.do(
            lambda by: actions.change_roles(office.person(office.customer[""]), frozenset(roles), by=by), "delegate"
        )


# --- the list --------------------------------------------------------------------------------------------------


def names(office: Office, **wanted: Any) -> list[str]:
    with office.app.app_context():
        found = queries.people_of(office.customer.id, Wanted(**wanted))
    return [each.address.partition("@")[0] for each in found.rows]


def test_people_are_found_by_the_beginning_of_names_and_addresses_by_state_and_by_licence(office: Office) -> None:
    line = office.line()
    office.add("zoe", given_name="美佳", family_name="佐藤", lines=(line,))
    blocked = office.add("bob", given_name="Bob", family_name="Stone")
    office.do(lambda by: actions.block(office.person(blocked), by=by))
    assert names(office, search="佐") == ["zoe"]
    assert names(office, search="STO bo") == ["bob"]
    assert names(office, search="zoe@") == ["zoe"]
    assert names(office, search="ＳＴＯ　ｂｏ") == ["bob"]
    assert names(office, search="100%") == []
    assert names(office, line_id=line) == ["zoe"]
    assert names(office, state="blocked") == ["bob"]
    assert names(office, state="invited") == ["zoe"]
    assert set(names(office, state="active")) == {
        each.address.partition("@")[0] for each in office.customer.people.values()
    }


def test_the_list_goes_on_and_back_without_losing_anybody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    everybody = []
    with office.app.app_context():
        after: queries.Place | None = None
        while True:
            found = queries.people_of(office.customer.id, Wanted(), after=after)
            everybody += [each.id for each in found.rows]
            last = found.rows[-1]
            if not found.more_after:
                break
            after = (last.family_name, last.given_name, last.id)
        assert set(everybody) == {each.id for each in office.customer.people.values()}
        assert len(everybody) == 5
        back = queries.people_of(office.customer.id, Wanted(), before=(last.family_name, last.given_name, last.id))
        assert [each.id for each in back.rows] == everybody[2:4]
        assert back.more_before
        assert back.more_after


# --- the list of what is left to set up ------------------------------------------------------------------------


def test_the_set_up_list_is_there_once_there_is_something_to_set_up_until_it_is_put_away(office: Office) -> None:
    with office.app.app_context():
        assert queries.set_up_of(office.organization(), True) is None
    line = office.line(seats=5)
    office.add(lines=(line,))
    with office.app.app_context():
        assert queries.set_up_of(office.organization(), False) is None
        found = queries.set_up_of(office.organization(), True)
        assert found is not None
        assert (found.people, found.seats, found.given, found.is_dismissed) == (6, 5, 1, False)
        assert (found.has_people, found.has_licences, found.has_domain) == (True, True, False)
    assert office.do(lambda by: actions.dismiss_setup(by=by))
    assert not office.do(lambda by: actions.dismiss_setup(by=by))
    assert len(office.rows(SetupList)) == 1
    assert office.do(lambda by: actions.show_setup_again(by=by))
    assert not office.do(lambda by: actions.show_setup_again(by=by))
    with office.app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).select_from(SetupList)) == 0
