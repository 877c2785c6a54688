"""A customer's people through the pages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.directory.scene import Office
from tests.support.visitor import Page, Visitor
from webapp.accounts.models import Person
from webapp.accounts.rules import AddressInUse
from webapp.directory import actions, queries
from webapp.errors import Refusal
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.subscriptions.models import Licence
from webapp.subscriptions.rules import NoLicencesNow


@pytest.fixture
def desk(office: Office, browser: Callable[..., Visitor]) -> Visitor:
    """The global administrator's browser."""
    visitor = browser()
    visitor.sign_in(office.customer["global_administrator"].address)
    return visitor


def own_forms(page: Page) -> list[str]:
    """Where the forms about people go."""
    paths = [urlsplit(form.action).path for form in page.forms]
    return [path for path in paths if path.startswith("/users/")]


def fill(office: Office, **more: object) -> dict[str, object]:
    return {"given_name": "Ann", "family_name": "Lee", "address": f"ann@{office.domain}", "language": "en"} | more


def test_somebody_is_added_with_licences_and_stands_in_the_list(office: Office, desk: Visitor) -> None:
    line = office.line(seats=3)
    desk.open("/users/new")
    assert "3 of 3 seats left" in desk.page.words
    page = desk.submit(fill(office, licences=[str(line)]), to="/users")
    assert page.heading == "Ann Lee"
    assert "The person is added" in page.words
    assert "has not signed in yet" in page.words
    desk.open(f"/users?licence={line}")
    assert "Ann Lee" in desk.page.links
    assert "1 person" in desk.page.words
    desk.open("/users/new")
    page = desk.submit(fill(office, given_name="Another"), to="/users")
    assert page.heading == "Ann Lee"
    assert "belongs to your organization already" in page.words
    assert len(office.rows(Message, Message.kind == "first_sign_in")) == 1


def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(office: Office, desk: Visitor) -> None:
    line = office.line(seats=1)
    office.add("bob", lines=(line,))
    desk.open("/users/new")
    page = desk.submit(fill(office, licences=[str(line)]), to="/users")
    assert (page.status, page.heading) == (422, "Add a person")
    assert "No seat of Suite is left" in page.words
    partner = office.partner["admin_agent"].address.partition("@")[2]
    page = desk.submit(fill(office, address=f"new@{partner}", licences=[]), to="/users")
    assert page.status == 422
    assert f"in the hands of {office.partner.name}" in page.words
    form = next(each for each in page.forms if each.action.endswith("/users"))
    assert form.fields["given_name"] == ["Ann"]
    stranger = office.world.a_customer()
    page = desk.submit(fill(office, address=stranger[""].address), to="/users")
    assert page.status == 422
    assert "Nobody can be added under this address" in page.words
    assert len(office.rows(Person, Person.given_name == "Ann")) == 1  # bob, who has the seat


def test_licences_are_ticked_on_one_page_and_refused_beyond_the_seats(office: Office, desk: Visitor) -> None:
    suite, mail = office.line(seats=1), office.line("Mail", seats=5, code="MAIL")
    person = office.add(lines=(mail,))
    desk.open(f"/users/{person}")
    page = desk.open(f"/users/{person}/licences")
    assert "1 of 1 seats left" in page.words
    page = desk.submit(licences=[str(suite)], to="/licences")
    assert "The licences are saved" in page.words
    assert [each.line_id for each in office.rows(Licence)] == [suite]
    other = office.add("bob")
    desk.open(f"/users/{other}/licences")
    page = desk.submit(licences=[str(suite), str(mail)], to="/licences")
    assert page.status == 422
    assert "No seat of Suite is left" in page.words
    assert [each.person_id for each in office.rows(Licence)] == [person]


def test_an_old_page_takes_nothing_back_that_another_administrator_gave(office: Office, desk: Visitor) -> None:
    suite, mail = office.line(), office.line("Mail", code="MAIL")
    person = office.add()
    desk.open(f"/users/{person}/licences")
    office.do(lambda by: actions.set_licences(office.person(person), [mail], by=by))
    page = desk.submit(licences=[str(suite)], to="/licences")
    assert "The licences are saved" in page.words
    assert {each.line_id for each in office.rows(Licence)} == {suite, mail}


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (NoLicencesNow(product="Suite", stage="disabled"), "No licence of Suite can be given now"),
        (AddressInUse(), "Nobody can be added under this address"),
    ],
)
def test_what_changes_while_somebody_is_added_keeps_the_form(
    office: Office, desk: Visitor, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, words: str
) -> None:
    office.line()
    desk.open("/users/new")

    def refuse(**_values: object) -> None:
        raise refusal

    monkeypatch.setattr(actions, "add", refuse)
    page = desk.submit(fill(office), to="/users")
    assert (page.status, page.heading) == (422, "Add a person")
    assert words in page.words
    form = next(each for each in page.forms if each.action.endswith("/users"))
    assert form.fields["given_name"] == ["Ann"]


def test_a_subscription_that_is_over_can_only_be_taken_back(office: Office, desk: Visitor) -> None:
    page = desk.open(f"/users/{office.customer[''].id}/licences")
    assert "No licences to give" in page.words


def test_roles_change_after_a_page_that_shows_what_changes(office: Office, desk: Visitor) -> None:
    member = office.customer[""]
    desk.open(f"/users/{member.id}/roles")
    page = desk.submit(roles=["global_administrator", "billing_administrator"], to="/roles")
    assert page.heading == "Change the roles like this?"
    assert "accepts agreements and decides on partners in your organization's name" in page.words
    with office.app.app_context():
        assert organizations.roles_of(member.id) == frozenset()
    page = desk.submit(to="/roles")
    assert "The roles are changed" in page.words
    own = office.customer["global_administrator"]
    desk.open(f"/users/{own.id}/roles")
    page = desk.submit(roles=[], to="/roles")
    assert page.heading == "Give up your own role of global administrator?"
    page = desk.submit(to="/roles")
    assert page.heading == "Home"
    assert desk.open(f"/users/{member.id}").status == 403


def test_the_last_global_administrator_cannot_give_the_role_up(office: Office, desk: Visitor) -> None:
    own = office.customer["global_administrator"]
    page = desk.open(f"/users/{own.id}/roles")
    assert "Nobody else is a global administrator here" in page.words
    desk.submit(roles=[], to="/roles")
    page = desk.submit(to="/roles")
    assert (page.status, page.heading) == (409, "The last administrator has to stay")
    page = desk.open(f"/users/{own.id}/block")
    assert page.heading.endswith("cannot be blocked")
    assert not own_forms(page)


def test_a_link_for_a_password_is_sent_once_in_ten_minutes(office: Office, desk: Visitor) -> None:
    desk.open(f"/users/{office.customer[''].id}")
    page = desk.submit(to="/password-reset")
    assert "is on its way to the person" in page.words
    page = desk.submit(to="/password-reset")
    assert "less than ten minutes old" in page.words
    assert len(office.rows(Message, Message.kind == "password_reset")) == 1


def test_blocking_names_what_stops_and_signs_out_an_open_page(
    office: Office, desk: Visitor, browser: Callable[..., Visitor]
) -> None:
    member, line = office.customer[""], office.line()
    theirs = browser()
    theirs.sign_in(member.address)
    desk.open(f"/users/{member.id}/licences")
    desk.submit(licences=[str(line)], to="/licences")
    page = desk.open(f"/users/{member.id}/block")
    assert "signed out at once, in 1 browser" in page.words
    assert "The licences stay given" in page.words
    page = desk.submit(to="/block")
    assert "blocked and signed out everywhere" in page.words
    assert "take up seats" in page.words
    assert theirs.open("/home").url.startswith("http://localhost/sign-in")
    assert len(office.rows(Licence)) == 1
    assert "Blocked" in desk.open("/users?state=blocked").words
    desk.open(f"/users/{member.id}")
    page = desk.submit(to="/unblock")
    assert "can sign in again" in page.words
    assert desk.open(f"/users/{member.id}/block").heading.startswith("Block ")


def test_filters_that_fit_nobody_say_so_and_strange_ones_filter_nothing(office: Office, desk: Visitor) -> None:
    page = desk.open("/users?search=zzz")
    assert "Nobody fits" in page.words
    assert "Show everybody" in page.links
    for strange in ("state=x", "licence=x", f"licence={UUID(int=5)}", "after=x", "before=%00"):
        assert "5 people" in desk.open(f"/users?{strange}").words


def test_long_lists_go_on_and_back(office: Office, desk: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    first = desk.open("/users")
    names = [each for each, url in first.links.items() if "/users/" in url and " Of " in each]
    assert len(names) == 2
    second = desk.follow("Next page")
    assert not set(names) & set(second.links)
    back = desk.follow("Previous page")
    assert set(names) <= set(back.links)


def test_a_reader_sees_and_changes_nothing(office: Office, browser: Callable[..., Visitor]) -> None:
    reader = browser()
    reader.sign_in(office.customer["global_reader"].address)
    page = reader.open(f"/users/{office.customer[''].id}")
    assert not own_forms(page)
    assert reader.open("/users/new").status == 403


def test_people_of_others_are_not_there(office: Office, desk: Visitor) -> None:
    stranger = office.world.a_customer()
    assert desk.open(f"/users/{stranger[''].id}").status == 404
    assert desk.open(f"/users/{office.partner['admin_agent'].id}").status == 404


def test_whoever_acts_for_a_customer_is_told_who_can_touch_an_administrator(
    office: Office, browser: Callable[..., Visitor]
) -> None:
    with office.app.app_context():
        office.delegate()
    agent = browser()
    agent.sign_in(office.partner["admin_agent"].address)
    agent.open("/partner/administered")
    agent.submit(to="/acting")
    own = office.customer["global_administrator"]
    page = agent.open(f"/users/{own.id}")
    assert "only its own global administrators can" in page.words
    assert not own_forms(page)
    for act in ("block", "licences"):
        page = agent.open(f"/users/{own.id}/{act}")
        assert (page.status, "out of reach" in page.heading) == (403, True)
    page = agent.open(f"/users/{office.customer[''].id}")
    page = agent.submit(to="/password-reset")
    assert "is on its way to the person" in page.words


# --- the first page --------------------------------------------------------------------------------------------


def test_the_set_up_list_ticks_what_is_done_and_can_be_put_away_and_shown_again(office: Office, desk: Visitor) -> None:
    assert "Set up your organization" not in desk.open("/home").words
    line = office.line(seats=3)
    page = desk.open("/home")
    assert "Set up your organization" in page.words
    assert "0 of 3 licences are given" in page.words
    office.add(lines=(line,))
    page = desk.open("/home")
    assert "1 of 3 licences are given" in page.words
    assert f"{office.domain}: not confirmed yet" in page.words
    page = desk.submit(to="/home/setup-dismissal")
    assert "The list is put away" in page.words
    assert "Set up your organization" not in page.words
    page = desk.submit(to="/home/setup-list")
    assert "Set up your organization" in page.words


def test_the_set_up_list_is_for_global_administrators(office: Office, browser: Callable[..., Visitor]) -> None:
    office.line()
    other = browser()
    other.sign_in(office.customer["billing_administrator"].address)
    assert "Set up your organization" not in other.open("/home").words
