"""Inviting, removing, roles, and pairings as acts."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from tests.team.scene import Scene, together
from webapp import actor as actors
from webapp import database, worker
from webapp.accounts.actions import start_session
from webapp.accounts.models import Person
from webapp.evidence.models import Fact
from webapp.evidence.queries import verify_chain
from webapp.invitations import queries as invitations
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Pairing
from webapp.organizations.rules import (
    AddressNotUsable,
    AlreadyPaired,
    LastAdministrator,
    PartnerInactive,
    WrongProgramme,
)
from webapp.tasks.models import Task
from webapp.team import actions, queries, rules
from webapp.team.models import PairingAnswer, PairingRequest


def invite(scene: Scene, address: str, roles: tuple[str, ...] = ("sales_agent",)) -> tuple[bool, bool]:
    def act(actor: actors.Actor) -> tuple[bool, bool]:
        _person, is_new, sent = actions.invite(
            by=actor, given_name="Ann", family_name="Lee", address=address, roles=roles, language="en"
        )
        return is_new, sent

    found: tuple[bool, bool] = scene.do(scene.partner, act)
    return found


# --- people ----------------------------------------------------------------------------------------------------


def test_inviting_adds_a_person_once_and_says_who_did_it(scene: Scene) -> None:
    assert invite(scene, "ann@northwind.example") == (True, True)
    assert invite(scene, "Ann@Northwind.example", ("admin_agent",)) == (False, False)
    (person,) = scene.rows(Person, Person.address_key == "ann@northwind.example")
    with scene.app.app_context():
        assert organizations.roles_of(person.id) == {"sales_agent"}
    facts = scene.rows(Fact, Fact.kind == "person.added", Fact.person_id == scene.partner["admin_agent"].id)
    assert [(each.partner_id, each.chain_id) for each in facts] == [(scene.partner.id, scene.partner.chain_id)]
    assert json.loads(facts[0].record)["source"] == "page"
    assert len(scene.mails("first_sign_in")) == 1


@pytest.mark.parametrize("whose", ["customer", "customer's domain", "partner's domain"])
def test_nobody_is_invited_under_an_address_that_is_anothers(scene: Scene, whose: str) -> None:
    customer = scene.world.a_customer()
    address = customer["global_administrator"].address
    if whose == "customer's domain":
        address = "new." + address
    if whose == "partner's domain":
        address = "new@" + scene.provider["admin_agent"].address.split("@")[1]
    with pytest.raises(AddressNotUsable) as refused:
        invite(scene, address)
    assert refused.value.facts == {}
    assert not scene.mails("first_sign_in")


def test_an_address_at_a_public_mail_service_is_nobodys(scene: Scene) -> None:
    scene.world.a_customer()
    assert invite(scene, "ann@publicmail.example") == (True, True)


def test_roles_given_and_taken_are_one_fact_and_count_at_once(scene: Scene) -> None:
    seller = scene.partner["sales_agent"]
    with scene.app.app_context():
        with database.unit_of_work():
            session_id = start_session(seller.id, proof="password", network_address="", browser="Test").id
    assert scene.give(seller, {"admin_agent", "helpdesk_agent"}, scene.partner)
    assert not scene.give(seller, {"admin_agent", "helpdesk_agent"}, scene.partner)
    with scene.app.app_context():
        found = actors.load(session_id)
        assert found is not None
        assert found.roles == {"admin_agent", "helpdesk_agent"}
    (fact,) = scene.rows(Fact, Fact.kind == "person.roles_changed")
    assert json.loads(fact.record)["facts"] == {
        "about_person_id": str(seller.id), "given": ["admin_agent", "helpdesk_agent"], "taken": ["sales_agent"]
    }  # fmt: skip


def test_the_last_admin_agent_stays(scene: Scene) -> None:
    last = scene.partner["admin_agent"]
    with pytest.raises(LastAdministrator):
        scene.give(last, {"sales_agent"}, scene.partner)
    with pytest.raises(LastAdministrator):
        scene.remove(last, scene.partner)
    assert scene.give(last, {"admin_agent", "sales_agent"}, scene.partner)
    assert scene.give(scene.partner["sales_agent"], {"admin_agent"}, scene.partner)
    assert scene.give(last, set(), scene.partner)


def test_an_invited_admin_agent_counts_from_its_first_password_on(scene: Scene) -> None:
    last = scene.partner["admin_agent"]
    invite(scene, "typo@northwind.example", ("admin_agent",))
    (invited,) = scene.rows(Person, Person.address_key == "typo@northwind.example")
    with scene.app.app_context():
        assert queries.is_last_administrator(scene.person(last))
    for roles in (set(), {"sales_agent"}):
        with pytest.raises(LastAdministrator):
            scene.give(last, roles, scene.partner)
    with pytest.raises(LastAdministrator):
        scene.remove(last, scene.partner)
    with scene.app.app_context(), database.unit_of_work():
        database.write()
        database.session().get_one(Person, invited.id).password_hash = "chosen"
    with scene.app.app_context():
        assert not queries.is_last_administrator(scene.person(last))
    assert scene.give(last, {"sales_agent"}, scene.partner)


def test_who_never_signed_in_is_removed_while_somebody_else_administers(scene: Scene) -> None:
    invite(scene, "typo@northwind.example", ("admin_agent",))
    (invited,) = scene.rows(Person, Person.address_key == "typo@northwind.example")

    def remove(actor: actors.Actor) -> bool:
        return actions.remove(database.session().get_one(Person, invited.id), by=actor)

    assert scene.do(scene.partner, remove)


def test_a_removed_admin_agent_is_not_counted_as_one(scene: Scene) -> None:
    seller = scene.partner["sales_agent"]
    scene.give(seller, {"admin_agent"}, scene.partner)
    scene.remove(seller, scene.partner)
    with pytest.raises(LastAdministrator):
        scene.give(scene.partner["admin_agent"], set(), scene.partner)


def test_two_admin_agents_who_give_up_at_once_do_not_both(scene: Scene) -> None:
    one, two = scene.partner["admin_agent"], scene.partner["sales_agent"]
    scene.give(two, {"admin_agent"}, scene.partner)
    results = together(
        lambda: scene.give(one, set(), scene.partner), lambda: scene.give(two, {"sales_agent"}, scene.partner)
    )
    assert sorted(map(str, results)) == sorted(map(str, [True, LastAdministrator]))


def test_removing_closes_access_names_who_did_it_and_can_be_undone(scene: Scene) -> None:
    seller = scene.partner["sales_agent"]
    assert scene.remove(seller, scene.partner)
    assert not scene.remove(seller, scene.partner)
    (fact,) = scene.rows(Fact, Fact.kind == "person.disabled")
    assert (fact.person_id, fact.partner_id) == (scene.partner["admin_agent"].id, scene.partner.id)
    assert scene.do(scene.partner, lambda actor: actions.readmit(scene.person(seller), by=actor))
    assert not scene.do(scene.partner, lambda actor: actions.readmit(scene.person(seller), by=actor))
    with scene.app.app_context():
        assert organizations.roles_of(seller.id) == {"sales_agent"}


def test_a_link_goes_only_to_whoever_never_had_a_password_and_not_twice_in_ten_minutes(moved_scene: Scene) -> None:
    scene = moved_scene
    invite(scene, "ann@northwind.example")
    (person,) = scene.rows(Person, Person.address_key == "ann@northwind.example")

    def again() -> bool:
        return bool(scene.do(scene.partner, lambda _actor: actions.send_link(database.session().merge(person))))

    assert not again()
    scene.days_later(1)
    assert again()
    assert len(scene.mails("first_sign_in")) == 2
    seller = scene.partner["sales_agent"]
    assert not scene.do(scene.partner, lambda _actor: actions.send_link(scene.person(seller)))


# --- pairings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", ["reseller", "provider"])
def test_the_request_stands_in_the_askers_chain_and_the_confirmation_in_the_others(scene: Scene, asks: str) -> None:
    one, other = (scene.reseller, scene.provider) if asks == "reseller" else (scene.provider, scene.reseller)
    request = scene.ask(one, other)
    assert not scene.is_paired()
    assert scene.confirm(other, request)
    assert scene.is_paired()
    (asked,) = scene.rows(Fact, Fact.kind == "pairing.asked")
    (confirmed,) = scene.rows(Fact, Fact.kind == "pairing.confirmed")
    assert (asked.chain_id, confirmed.chain_id) == (one.chain_id, other.chain_id)
    for fact in (asked, confirmed):
        assert (fact.partner_id, fact.other_partner_id) == (scene.provider.id, scene.reseller.id)
    (answer,) = scene.rows(PairingAnswer)
    assert (answer.request_id, answer.answer, answer.fact_id) == (request, "confirmed", confirmed.id)
    with scene.app.app_context():
        for party in (one, other):
            assert [each for each in verify_chain(party.chain_id) if not isinstance(each, int)] == []
        assert invitations.standing(scene.provider.id, "relationship", scene.reseller.id) is not None


def test_the_other_side_has_it_waiting_and_the_asker_sees_the_answer(scene: Scene) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    (waiting,) = scene.rows(Task)
    assert (waiting.organization_id, waiting.kind, waiting.waits) == (scene.provider.id, "pairing_asked", True)
    assert [each.recipient for each in scene.mails("pairing_asked")] == [scene.provider["admin_agent"].address]
    scene.confirm(scene.provider, request)
    (told,) = scene.rows(Task, Task.kind == "pairing_confirmed")
    assert (told.organization_id, told.waits) == (scene.reseller.id, False)
    (waiting,) = scene.rows(Task, Task.kind == "pairing_asked")
    assert waiting.done_at is not None
    assert [each.recipient for each in scene.mails("pairing_answered")] == [scene.reseller["admin_agent"].address]


def test_declined_nobody_is_paired_and_it_can_be_asked_again(scene: Scene) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    assert scene.decline(scene.provider, request, "Not this year.")
    assert not scene.decline(scene.provider, request)
    with pytest.raises(rules.PairingRequestOver):
        scene.confirm(scene.provider, request)
    assert not scene.is_paired()
    (mail,) = scene.mails("pairing_answered")
    assert "Not this year." in mail.text
    scene.ask(scene.provider, scene.reseller)
    assert [each.ordinal for each in scene.rows(PairingRequest)] == [1, 2]


def test_withdrawn_it_cannot_be_confirmed(scene: Scene) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    assert scene.withdraw(scene.reseller, request)
    assert not scene.withdraw(scene.reseller, request)
    with pytest.raises(rules.PairingRequestOver):
        scene.confirm(scene.provider, request)
    (waiting,) = scene.rows(Task, Task.kind == "pairing_asked")
    assert waiting.done_at is not None


def test_asking_twice_or_from_the_other_side_makes_one_request(scene: Scene) -> None:
    scene.ask(scene.reseller, scene.provider)
    for one, other in ((scene.reseller, scene.provider), (scene.provider, scene.reseller)):
        with pytest.raises(rules.PairingAskedAlready):
            scene.ask(one, other)
    assert len(scene.rows(PairingRequest)) == 1


def test_both_asking_at_once_make_one_request(scene: Scene) -> None:
    results = together(
        lambda: scene.ask(scene.reseller, scene.provider), lambda: scene.ask(scene.provider, scene.reseller)
    )
    assert results.count(rules.PairingAskedAlready) == 1
    assert len(scene.rows(PairingRequest)) == 1


def test_withdrawing_and_confirming_at_once_leave_one_answer(scene: Scene) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    results = together(lambda: scene.withdraw(scene.reseller, request), lambda: scene.confirm(scene.provider, request))
    assert results.count(True) == 1
    assert results.count(rules.PairingRequestOver) == 1
    (answer,) = scene.rows(PairingAnswer)
    assert scene.is_paired() == (answer.answer == "confirmed")


def test_a_double_click_confirms_once(scene: Scene) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    results = together(*[lambda: scene.confirm(scene.provider, request)] * 3)
    assert sorted(results) == [False, False, True]
    assert len(scene.rows(Fact, Fact.kind == "pairing.confirmed")) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("provider", "provider"), ("reseller", "partner"), ("partner", "provider"), ("partner", "partner")],
)
def test_only_a_provider_and_a_reseller_work_in_pairs(scene: Scene, one: str, other: str) -> None:
    with pytest.raises(WrongProgramme):
        scene.ask(getattr(scene, one), getattr(scene, other))


def test_two_providers_do_not_pair(scene: Scene) -> None:
    other = scene.world.a_partner(programme="indirect_provider")
    with pytest.raises(WrongProgramme):
        scene.ask(scene.provider, other)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_closed_partner_is_neither_asked_nor_confirmed(scene: Scene, when: str) -> None:
    request = scene.ask(scene.reseller, scene.provider) if when == "after" else None
    with scene.app.app_context(), database.unit_of_work():
        organization_actions.disable(scene.organization(scene.reseller), "a test")
    with pytest.raises(PartnerInactive):
        if request is None:
            scene.ask(scene.provider, scene.reseller)
        else:
            scene.confirm(scene.provider, request)
    assert not scene.is_paired()


def test_a_request_waits_ninety_days_and_leaves_the_inbox_then(moved_scene: Scene) -> None:
    scene = moved_scene
    request = scene.ask(scene.reseller, scene.provider)
    scene.days_later(89.9)
    worker.run_once(scene.app)
    assert [each.done_at for each in scene.rows(Task, Task.kind == "pairing_asked")] == [None]
    scene.days_later(90.1)
    with pytest.raises(rules.PairingRequestOver):
        scene.confirm(scene.provider, request)
    worker.run_once(scene.app)
    assert None not in [each.done_at for each in scene.rows(Task, Task.kind == "pairing_asked")]
    assert worker.run_once(scene.app)["let go of requests between partners"] == 0
    scene.ask(scene.reseller, scene.provider)


def test_what_the_operator_confirmed_meanwhile_is_not_confirmed_again(scene: Scene) -> None:
    request = scene.ask(scene.reseller, scene.provider)
    scene.world.pair(scene.provider, scene.reseller)
    with pytest.raises(AlreadyPaired):
        scene.confirm(scene.provider, request)
    with pytest.raises(AlreadyPaired):
        scene.ask(scene.provider, scene.reseller)
    with scene.app.app_context():
        assert queries.requests_of(scene.provider.id) == []
    worker.run_once(scene.app)
    (waiting,) = scene.rows(Task, Task.kind == "pairing_asked")
    assert waiting.done_at is not None


@pytest.mark.parametrize("side", ["provider", "reseller"])
def test_either_side_ends_it_in_its_own_chain_and_it_can_begin_again(scene: Scene, side: str) -> None:
    scene.pair()
    party, other = getattr(scene, side), scene.reseller if side == "provider" else scene.provider
    assert scene.end(party)
    assert not scene.end(other)
    assert not scene.is_paired()
    (fact,) = scene.rows(Fact, Fact.kind == "pairing.ended")
    assert fact.chain_id == party.chain_id
    (task,) = scene.rows(Task, Task.kind == "pairing_ended")
    assert (task.organization_id, task.waits) == (other.id, False)
    assert [each.recipient for each in scene.mails("pairing_ended")] == [other["admin_agent"].address]
    scene.pair()
    assert scene.is_paired()
    assert len(scene.rows(Pairing)) == 1


def test_both_ending_it_at_once_end_it_once(scene: Scene) -> None:
    scene.pair()
    results = together(lambda: scene.end(scene.provider), lambda: scene.end(scene.reseller))
    assert sorted(results) == [False, True]
    assert len(scene.rows(Fact, Fact.kind == "pairing.ended")) == 1


@pytest.mark.parametrize("table", ["pairing_requests", "pairing_answers"])
def test_a_request_and_its_answer_are_never_changed(scene: Scene, table: str) -> None:
    scene.pair()
    for statement in (f"UPDATE {table} SET at = at", f"DELETE FROM {table}"):
        with scene.app.app_context(), pytest.raises(sa.exc.DBAPIError, match="append-only"), database.unit_of_work():
            database.write()
            database.session().execute(sa.text(statement))
