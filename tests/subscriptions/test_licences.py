"""Seats given to people: never more than there are, also by two at once; nothing after the end of its use."""

from __future__ import annotations

import threading

import pytest

from tests.subscriptions.scene import Holding
from webapp import database
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.evidence.models import Fact
from webapp.subscriptions import queries, rules
from webapp.subscriptions.models import Licence


def test_a_seat_is_given_once_and_taken_back_once_each_with_a_fact(holding: Holding) -> None:
    holding.begin()
    line = holding.line(seats=1)
    person = holding.customer[""]
    assert holding.give(line, person)
    assert not holding.give(line, person)
    assert holding.take(line, person)
    assert not holding.take(line, person)
    kinds = [fact.kind for fact in holding.rows(Fact, Fact.kind.startswith("licence."))]
    assert sorted(kinds) == ["licence.given", "licence.taken"]
    assert holding.rows(Licence) == []


def test_no_more_licences_than_seats_until_seats_are_added(holding: Holding) -> None:
    holding.begin()
    line = holding.line(seats=1)
    one, other = holding.customer[""], holding.customer["global_reader"]
    holding.give(line, one)
    with pytest.raises(rules.NoSeatLeft) as refused:
        holding.give(line, other)
    assert (refused.value.product, refused.value.seats) == ("Suite", 1)
    holding.change(line, seats=2)
    assert holding.give(line, other)
    with holding.app.app_context():
        assert queries.given(line) == 2


def test_of_two_at_once_the_last_seat_goes_to_one(holding: Holding) -> None:
    holding.begin()
    line = holding.line(seats=1)
    start, refused = threading.Barrier(2), []

    def work(role: str) -> None:
        start.wait()
        try:
            holding.give(line, holding.customer[role])
        except rules.NoSeatLeft:
            refused.append(role)

    threads = [threading.Thread(target=work, args=(role,)) for role in ("", "global_reader")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert len(holding.rows(Licence)) == 1


@pytest.mark.parametrize(
    ("ended", "given"), [(-1, True), (0, True), (30, True), (31, False), (120, False), (121, False)]
)
def test_licences_are_given_until_the_last_day_of_use(holding: Holding, ended: int, given: bool) -> None:
    holding.begin()
    line = holding.line(ended=ended)
    if given:
        assert holding.give(line, holding.customer[""])
    else:
        with pytest.raises(rules.NoLicencesNow):
            holding.give(line, holding.customer[""])


def test_nobody_of_another_organization_gets_one(holding: Holding) -> None:
    holding.begin()
    line = holding.line()
    with pytest.raises(rules.NotOneOfThem):
        holding.give(line, holding.partner["admin_agent"])


def test_erasing_a_person_takes_its_licence_along(holding: Holding) -> None:
    holding.begin()
    line = holding.line()
    holding.give(line, holding.customer[""])
    with holding.app.app_context(), database.unit_of_work():
        accounts.erase(database.session().get_one(Person, holding.customer[""].id), "for a test")
    assert holding.rows(Licence) == []
