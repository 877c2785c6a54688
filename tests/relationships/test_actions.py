"""Asking to end, answering, ending, and saying that a partner is not known."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.relationships.scene import Scene
from webapp import clock, database, errors
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin.roles import BASIC
from webapp.evidence.models import Fact
from webapp.evidence.queries import verify_chain
from webapp.invitations import actions as invitations
from webapp.invitations.models import Invitation
from webapp.messages.models import Message
from webapp.organizations import actions as organization_actions
from webapp.relationships import actions, queries, rules
from webapp.relationships.models import Distrust, Ending, EndingAnswer, EndingReminder, EndingRequest
from webapp.subscriptions.models import Subscription
from webapp.subscriptions.rules import NotRelated
from webapp.tasks.models import Task

REASON = "乗り換えるためです。"


def kinds(scene: Scene) -> list[str]:
    """The kinds of all facts about ending and distrust, oldest first."""
    wanted = ("relationship.end%", "relationship.distrusted", "relationship.trusted")
    facts = scene.rows(Fact, sa.or_(*(Fact.kind.like(each) for each in wanted)))
    return [each.kind for each in sorted(facts, key=lambda fact: (fact.chain_id.hex, fact.position))]


def receivers(scene: Scene, *, customer: bool = True, indirect: bool = False) -> set[str]:
    """Whom both sides' mails go to."""
    partners = (scene.provider, scene.reseller) if indirect else (scene.partner,)
    found = {each["admin_agent"].address for each in partners}
    if customer:
        roles = ("global_administrator", "billing_administrator", "delegated_admin_administrator")
        found |= {scene.customer[role].address for role in roles}
    return found


def open_tasks(scene: Scene, kind: str) -> list[Task]:
    return scene.rows(Task, Task.kind == kind, Task.done_at.is_(None))


# --- asking ----------------------------------------------------------------------------------------------------


def test_asking_is_one_fact_in_the_customer_s_chain_and_tells_both_sides(scene: Scene) -> None:
    relationship = scene.begin()
    assert scene.ask(relationship, reason=REASON)
    (fact,) = scene.rows(Fact, Fact.kind == "relationship.ending_asked")
    assert fact.chain_id == scene.customer.chain_id
    (request,) = scene.rows(EndingRequest)
    assert (request.ordinal, request.fact_id) == (1, fact.id)
    assert json.loads(fact.record)["facts"] == {
        "relationship_id": str(relationship), "request_id": str(request.id)
    }  # fmt: skip
    assert REASON not in fact.record  # it can be erased
    mails = scene.mails("ending_asked")
    assert set(mails) == receivers(scene)
    own = mails[scene.customer["global_administrator"].address]
    assert REASON in own.text
    assert f"/settings/partner-relationships/{relationship}" in own.text
    assert f"/partner/customers/relationships/{relationship}" in mails[scene.partner["admin_agent"].address].text
    (task,) = open_tasks(scene, "ending_asked")
    assert (task.organization_id, task.waits) == (scene.partner.id, True)


def test_a_second_press_asks_no_second_time(scene: Scene) -> None:
    relationship = scene.begin()
    assert scene.ask(relationship)
    assert not scene.ask(relationship, role="billing_administrator")
    assert kinds(scene) == ["relationship.ending_asked"]
    scene.mails("ending_asked")


def test_provider_and_reseller_are_both_asked_and_either_answers(scene: Scene) -> None:
    relationship = scene.begin(indirect=True)
    scene.ask(relationship)
    assert set(scene.mails("ending_asked")) == receivers(scene, indirect=True)
    assert {each.organization_id for each in open_tasks(scene, "ending_asked")} == {
        scene.provider.id, scene.reseller.id
    }  # fmt: skip
    assert scene.answer(relationship, agree=True, by=scene.reseller)
    assert open_tasks(scene, "ending_asked") == []
    ended = scene.state(relationship).ended
    assert ended is not None
    assert ended.organization == "Tailspin Resellers"


def test_a_request_can_be_taken_back_once_and_asked_again(scene: Scene) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    assert scene.withdraw(relationship)
    assert not scene.withdraw(relationship)
    assert open_tasks(scene, "ending_asked") == []
    assert set(scene.mails("ending_withdrawn")) == receivers(scene)
    assert scene.ask(relationship)
    assert kinds(scene) == [
        "relationship.ending_asked", "relationship.ending_withdrawn", "relationship.ending_asked"
    ]  # fmt: skip
    assert [each.ordinal for each in scene.rows(EndingRequest)] == [1, 2]


# --- answering -------------------------------------------------------------------------------------------------


def test_a_refusal_needs_a_reason_and_the_customer_may_ask_again(scene: Scene) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    with pytest.raises(rules.ReasonMissing):
        scene.answer(relationship, agree=False, reason=" \n ")
    assert scene.answer(relationship, agree=False, reason="The term is not over.")
    assert not scene.answer(relationship, agree=False, reason="Again.")
    state = scene.state(relationship)
    assert state.request is None
    assert state.answer is not None
    assert (state.answer.kind, state.answer.reason) == ("refused", "The term is not over.")
    mails = scene.mails("ending_refused")
    assert set(mails) == receivers(scene)
    assert all("The term is not over." in each.text for each in mails.values())
    (task,) = open_tasks(scene, "ending_answered")
    assert (task.organization_id, task.waits, task.facts["answer"]) == (scene.customer.id, False, "refused")
    assert scene.ask(relationship)


def test_agreeing_ends_it_with_one_fact(scene: Scene) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    request = scene.newest(relationship)
    assert scene.answer(relationship, agree=True)
    assert not scene.answer(relationship, agree=True)
    assert kinds(scene) == ["relationship.ending_asked", "relationship.ended"]
    (ending,), (answer,) = scene.rows(Ending), scene.rows(EndingAnswer)
    assert ending.fact_id == answer.fact_id
    assert (answer.request_id, answer.answer, answer.by_organization_id) == (request, "agreed", scene.partner.id)
    mails = scene.mails("ended")
    assert set(mails) == receivers(scene)
    assert "operator@countersign.example" in mails[scene.partner["admin_agent"].address].text
    with scene.app.app_context():
        assert [each for each in verify_chain(scene.customer.chain_id) if not isinstance(each, int)] == []


def test_what_was_answered_in_one_way_is_not_answered_in_another(scene: Scene) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    request = scene.newest(relationship)
    scene.answer(relationship, agree=False, reason="No.")
    with pytest.raises(rules.RequestAnswered) as refused:
        scene.answer(relationship, agree=True, request_id=request)
    assert (refused.value.answer, refused.value.by) == ("refused", "Northwind Cloud")
    with pytest.raises(rules.RequestAnswered):
        scene.withdraw(relationship)


def test_agreeing_is_refused_while_something_is_active_and_says_what(scene: Scene) -> None:
    relationship = scene.begin()
    with scene.app.app_context():
        today = clock.today("Asia/Tokyo")
    scene.buy(until=today)
    scene.buy(until=today + timedelta(days=9), product="Visio")
    scene.buy(until=today - timedelta(days=1), product="Project")
    scene.ask(relationship)
    with pytest.raises(rules.SubscriptionsActive) as refused:
        scene.answer(relationship, agree=True)
    assert [each.product for each in refused.value.subscriptions] == ["Microsoft 365 Business Premium", "Visio"]
    assert refused.value.free_on == today + timedelta(days=10)
    assert "Visio" in scene.mails("ending_asked")[scene.partner["admin_agent"].address].text
    with pytest.raises(rules.SubscriptionsActive):
        scene.end(relationship)
    assert scene.rows(Ending) == []
    assert scene.answer(relationship, agree=False, reason="Visio runs.")


def test_what_was_bought_through_another_partner_holds_nothing_up(scene: Scene) -> None:
    relationship, _other = scene.begin(), scene.begin(indirect=True)
    scene.buy(indirect=True)
    assert scene.end(relationship)


# --- ending ----------------------------------------------------------------------------------------------------


def test_a_partner_ends_it_once_and_the_request_that_waited_is_answered(scene: Scene) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    assert scene.end(relationship, reason="We close.")
    assert not scene.end(relationship)
    (answer,) = scene.rows(EndingAnswer)
    assert answer.answer == "agreed"
    assert open_tasks(scene, "ending_asked") == []
    assert [each.facts["answer"] for each in open_tasks(scene, "ending_answered")] == ["ended"]
    with pytest.raises(rules.RelationshipOver) as refused:
        scene.ask(relationship)
    assert refused.value.by == "Northwind Cloud"


def test_after_the_end_a_new_one_begins_and_the_old_one_stays_ended(scene: Scene) -> None:
    first = scene.begin()
    scene.end(first)
    second = scene.begin()
    with scene.app.app_context():
        row = queries.open_between(scene.customer.id, scene.partner.id)
        assert row is not None
        assert (row.id, row.ordinal) == (second, 2)
    assert scene.state(first).ended is not None
    assert scene.state(second).ended is None


def test_delegated_administration_ends_with_the_last_relationship(scene: Scene, world: Any) -> None:
    world.enroll(scene.partner)
    relationship = scene.begin()
    offer = _approved(scene)
    scene.end(relationship)
    assert offer() == "ended"


def _approved(scene: Scene) -> Callable[[], str]:
    from webapp.delegated_admin import queries as delegated

    with scene.app.app_context():
        by, approver = (
            scene.actor(each) for each in (scene.partner["admin_agent"], scene.customer["global_administrator"])
        )
        with database.unit_of_work():
            row = delegated_admin.offer(
                scene.organization(scene.customer), by=by, name="Support", roles=BASIC, duration_days=30,
                auto_extends=False,
            )  # fmt: skip
            id_ = row.id
        offer = delegated.by_id(id_)
        assert offer is not None
        with database.unit_of_work():
            shown = delegated.shown_to(offer)
            delegated_admin.approve(offer, by=approver, fingerprint=shown.fingerprint, network_address="", browser="")

    def state() -> str:
        with scene.app.app_context():
            found = delegated.by_id(id_)
            assert found is not None
            return delegated.state(found)

    assert state() == "active"
    return state


def test_a_disabled_partner_gets_no_mail(scene: Scene) -> None:
    relationship = scene.begin()
    with scene.app.app_context(), database.unit_of_work():
        organization_actions.disable(scene.organization(scene.partner), "a test")
    scene.ask(relationship)
    assert scene.partner["admin_agent"].address not in scene.mails("ending_asked")


def _together(*acts: Callable[[], Any]) -> list[Any]:
    """Do several things at the same moment; answer what each gave or how it was refused."""
    results: list[Any] = []

    def run(act: Callable[[], Any]) -> None:
        try:
            results.append(act())
        except errors.Refusal as refusal:
            results.append(type(refusal))

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(results) == len(acts), "one of them failed without a word"
    return results


def test_two_administrators_who_ask_at_once_ask_once(scene: Scene) -> None:
    relationship = scene.begin()
    results = _together(
        lambda: scene.ask(relationship), lambda: scene.ask(relationship, role="billing_administrator")
    )  # fmt: skip
    assert sorted(results) == [False, True]
    assert len(scene.rows(EndingRequest)) == 1


def test_buying_and_ending_at_once_leave_nothing_active_in_an_ended_relationship(scene: Scene) -> None:
    relationship = scene.begin()
    results = _together(lambda: scene.buy() and "bought", lambda: scene.end(relationship) and "ended")
    assert set(results) in ({"bought", rules.SubscriptionsActive}, {NotRelated, "ended"})
    assert bool(scene.rows(Ending)) != bool(scene.rows(Subscription))


# --- the constraints say "once" too ----------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["ending", "request", "answer", "reminder", "distrust"])
def test_the_database_keeps_each_to_once_and_its_constraint_speaks(scene: Scene, table: str) -> None:
    relationship = scene.begin()
    scene.ask(relationship)
    request = scene.newest(relationship)
    scene.distrust()
    scene.answer(relationship, agree=True)
    (fact,) = scene.rows(Fact, Fact.kind == "relationship.ended")
    now, more = fact.at, {"at": fact.at, "fact_id": fact.id}
    twice: dict[str, Callable[[], Any]] = {
        "ending": lambda: Ending(relationship_id=relationship, **more),
        "request": lambda: EndingRequest(relationship_id=relationship, ordinal=1, **more),
        "answer": lambda: EndingAnswer(request_id=request, answer="refused", **more),
        "reminder": lambda: EndingReminder(request_id=request, days=7, at=now),
        "distrust": lambda: Distrust(
            customer_id=scene.customer.id, partner_id=scene.partner.id, ordinal=1, kind="said", **more
        ),
    }
    refusals = {
        "ending": rules.RelationshipOver, "request": rules.EndingAskedAlready, "answer": rules.RequestAnswered,
        "distrust": rules.DistrustChanged,
    }  # fmt: skip
    with scene.app.app_context(), pytest.raises(IntegrityError) as failed, database.unit_of_work():
        database.write()
        database.session().add_all([twice[table](), *([twice[table]()] if table == "reminder" else [])])
        database.session().flush()
    assert isinstance(errors.refusal_of(failed.value), refusals.get(table, type(None)))


# --- a partner that is not known -------------------------------------------------------------------------------


def test_saying_so_reaches_the_operator_and_the_administrators_but_not_the_partner(scene: Scene) -> None:
    scene.begin()
    assert scene.distrust(comment="誰も知りません。")
    assert not scene.distrust()
    assert kinds(scene) == ["relationship.distrusted"]
    mail = scene.mails("distrust_to_operator")["operator@countersign.example"]
    assert mail.language == "en"
    said_by = scene.customer["global_administrator"].address
    for part in ("Contoso 株式会社", "Northwind Cloud", str(scene.customer.id), str(scene.partner.id), said_by, "誰も"):
        assert part in mail.text
    assert set(scene.mails("distrusted")) == receivers(scene) - receivers(scene, customer=False)
    domain = scene.partner["admin_agent"].address.split("@")[1]
    assert scene.rows(Message, Message.recipient.endswith(domain)) == []


def _offer(scene: Scene) -> None:
    with scene.app.app_context():
        by = scene.actor(scene.partner["admin_agent"])
        with database.unit_of_work():
            delegated_admin.offer(
                scene.organization(scene.customer), by=by, name=uuid4().hex, roles=BASIC, duration_days=30,
                auto_extends=False,
            )  # fmt: skip


def _invite(scene: Scene) -> None:
    with scene.app.app_context():
        by = scene.actor(scene.partner["admin_agent"])
        with database.unit_of_work():
            invitations.make(
                by=by, asks="relationship", customer=scene.organization(scene.customer), other=None, language="ja",
                last_day=clock.today("Asia/Tokyo") + timedelta(days=9), recipient=None,
            )  # fmt: skip


def test_a_partner_that_is_not_known_gets_no_new_right_until_it_is_lifted(scene: Scene, world: Any) -> None:
    world.enroll(scene.partner)
    scene.distrust()
    for verb in (scene.begin, lambda: _offer(scene), lambda: _invite(scene)):
        with pytest.raises(rules.PartnerDistrusted) as refused:
            verb()
        assert refused.value.partner == "Northwind Cloud"
    scene.begin(indirect=True)  # others are not concerned
    assert scene.trust()
    assert not scene.trust()
    assert set(scene.mails("trusted")) == receivers(scene) - receivers(scene, customer=False)
    for verb in (scene.begin, lambda: _offer(scene), lambda: _invite(scene)):
        verb()


def test_an_invitation_of_a_partner_that_is_not_known_is_not_replaced_by_a_new_one(scene: Scene) -> None:
    _invite(scene)
    scene.distrust()
    with scene.app.app_context():
        by = scene.actor(scene.partner["admin_agent"])
        row = database.session().scalars(
            sa.select(Invitation).where(Invitation.customer_id == scene.customer.id)
        ).one()  # fmt: skip
        with pytest.raises(rules.PartnerDistrusted), database.unit_of_work():
            invitations.replace(
                row, by=by, last_day=clock.today("Asia/Tokyo") + timedelta(days=9), send_now=False
            )  # fmt: skip


def test_an_indirect_relationship_does_not_begin_while_either_partner_is_not_known(scene: Scene) -> None:
    for party in (scene.provider, scene.reseller):
        scene.distrust(party)
        with pytest.raises(rules.PartnerDistrusted):
            scene.begin(indirect=True)
        scene.trust(party)
    scene.begin(indirect=True)


def test_rights_that_are_there_stay_with_a_partner_that_is_not_known(scene: Scene, world: Any) -> None:
    world.enroll(scene.partner)
    relationship = scene.begin()
    offer = _approved(scene)
    scene.distrust()
    assert scene.state(relationship).ended is None
    assert offer() == "active"


def test_the_operator_sees_the_open_ones_and_can_lift_one(scene: Scene) -> None:
    scene.distrust()
    scene.distrust(scene.provider)
    scene.trust(scene.provider)
    with scene.app.app_context():
        assert [each.partner_id for each in queries.open_distrusts()] == [scene.partner.id]
        with database.unit_of_work():
            customer, partner = scene.organization(scene.customer), scene.organization(scene.partner)
            assert actions.lift_unknown(customer, partner, by=None, why="They called.")
        assert queries.open_distrusts() == []
    mails: dict[str, Message] = {
        each.recipient: each for each in scene.rows(Message, Message.kind == "trusted") if "They called." in each.text
    }
    assert len(mails) == 3


def test_only_what_stands_in_the_evidence_is_known_here(scene: Scene) -> None:
    with scene.app.app_context():
        by = scene.actor(scene.customer["global_administrator"])
        found: list[UUID] = [
            each.id for each in (scene.partner, scene.provider) if queries.partner_here(by, each.id) is not None
        ]
    assert found == []
    scene.begin()
    with scene.app.app_context():
        assert queries.partner_here(scene.actor(scene.customer["global_administrator"]), scene.partner.id) is not None
        assert queries.partner_here(scene.actor(scene.partner["admin_agent"]), scene.partner.id) is None
