"""The verbs: what each leaves behind, whom it tells, who may, and how often."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.delegated_admin.scene import BEGIN, Moment, Scene
from tests.support.builders import World
from webapp import clock, database
from webapp.access import Permission
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.agreements.rules import MailboxUnconfirmed
from webapp.delegated_admin import actions, queries, rules
from webapp.delegated_admin.models import DelegatedAct, DelegatedRelationship, DelegatedStanding
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, ROLES
from webapp.errors import Refusal, refusal_of
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact, PersonalFact
from webapp.messages.models import Message
from webapp.organizations import actions as organizations
from webapp.organizations.rules import AddressOfPartner, PartnerInactive
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.relationships.rules import PartnerDistrusted
from webapp.tasks.models import Task

USER = next(role.id for role in ROLES if role.key == "user_administrator")
READER = next(role.id for role in ROLES if role.key == "global_reader")


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    return Moment(monkeypatch)


@pytest.fixture
def scene(app: Flask, world: World, moment: Moment) -> Scene:
    return Scene(app, world, moment)


def facts_of(scene: Scene, offer_id: UUID) -> list[dict[str, Any]]:
    """The records about one, in order."""
    with scene.app.app_context():
        rows = database.session().scalars(
            sa.select(Fact)
            .where(Fact.chain_id == scene.customer.chain_id, Fact.kind.startswith("delegated_admin."))
            .order_by(Fact.position)
        )
        records = [evidence.record_of(row) for row in rows]
    return [record for record in records if record["facts"]["delegated_id"] == str(offer_id)]


def fact_kinds(scene: Scene, offer_id: UUID) -> list[str]:
    return [record["kind"].removeprefix("delegated_admin.") for record in facts_of(scene, offer_id)]


def tasks_of(scene: Scene, organization_id: UUID) -> list[Task]:
    with scene.app.app_context():
        found = database.session().scalars(
            sa.select(Task).where(Task.organization_id == organization_id).order_by(Task.created_at)
        ).all()  # fmt: skip
        database.session().expunge_all()
    return list(found)


def receivers(scene: Scene, offer_id: UUID, kind: str) -> Counter[str]:
    return Counter(mail.recipient for mail in scene.mails(offer_id, kind))


def both_sides(scene: Scene) -> Counter[str]:
    """Who decides at the customer, and who offers at the partner."""
    customer = scene.customer
    return Counter(
        each.address
        for each in (
            customer["global_administrator"], customer["delegated_admin_administrator"], scene.partner["admin_agent"],
        )
    )  # fmt: skip


def refused(refusal: type[Refusal], verb: Callable[..., object], *arguments: Any, **more: Any) -> Refusal:
    with pytest.raises(refusal) as found:
        verb(*arguments, **more)
    return found.value


# --- offering --------------------------------------------------------------------------------------------------


def test_an_offer_waits_for_90_days_of_the_customer_and_is_seen_once_it_was_told(
    app: Flask, world: World, moment: Moment
) -> None:
    moment.now = datetime(2026, 12, 1, 16, tzinfo=UTC)  # 2 December in Tokyo
    scene = Scene(app, world, moment, zone="Asia/Tokyo")
    offer = scene.offer([USER, BASIC[0]], 30, announced=False)
    assert scene.state(offer) == "pending"
    assert scene.kinds(offer) == ["requested"]
    assert scene.standing(offer).closes_at == datetime(2027, 3, 2, 15, tzinfo=UTC)  # the end of 2 March
    record = facts_of(scene, offer)[0]
    assert record["kind"] == "delegated_admin.offered"
    assert record["facts"]["roles"] == [USER, BASIC[0]]
    assert record["facts"]["last_day"] == "2027-03-02"
    admin = scene.administrator
    with app.app_context():
        assert queries.of_customer(admin, offer) is None
        assert queries.waiting_for(scene.customer.id) == []
    for _ in range(2):
        with scene.unit():
            actions.announce(scene.row(offer))
    assert scene.kinds(offer) == ["requested", "announced"]
    with app.app_context():
        assert queries.of_customer(admin, offer) is not None
        assert [row.relationship_id for row in queries.waiting_for(scene.customer.id)] == [offer]
    moment.now = datetime(2027, 3, 2, 14, 59, 59, tzinfo=UTC)
    assert scene.state(offer) == "pending"
    moment.go(seconds=1)
    assert scene.state(offer) == "lapsed"
    refused(rules.OfferOver, scene.approve, offer)


def test_what_cannot_be_offered_is_refused_and_leaves_nothing(scene: Scene) -> None:
    first = scene.offer(name="Support")
    assert refused(rules.NameTaken, scene.offer, name="ＳＵＰＰＯＲＴ").facts["free"]
    refused(rules.NoRoles, scene.offer, [])
    refused(rules.UnknownRole, scene.offer, ["none"])
    refused(rules.DurationOutOfBounds, scene.offer, BASIC, 731)
    refused(rules.CannotExtend, scene.offer, [GLOBAL_ADMINISTRATOR], extends=True)
    stranger = scene.world.a_partner()
    refused(rules.NotEnrolled, scene.offer, by=scene.actor(stranger["admin_agent"]))
    say_unknown(scene)
    refused(PartnerDistrusted, scene.offer)
    with scene.app.app_context():
        assert database.session().scalars(sa.select(DelegatedRelationship.id)).all() == [first]
        assert queries.taken_names(scene.partner.id, "Support") == {"support"}
        assert queries.taken_names(scene.partner.id, "Another") == set()


def test_a_free_name_is_found_however_many_are_taken(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_NAMES_AT_ONCE", 3)
    for name in ("Support", "Support (2)", "Support (3)", "Support (4)", "Support (5)", "Supporters"):
        scene.offer(name=name)
    assert refused(rules.NameTaken, scene.offer, name="ＳＵＰＰＯＲＴ").free == "ＳＵＰＰＯＲＴ (6)"
    with scene.app.app_context():
        assert "supporters" not in queries.taken_names(scene.partner.id, "Support")


def test_two_partners_may_use_one_name(scene: Scene) -> None:
    scene.offer(name="Support")
    other = Scene(scene.app, scene.world, scene.moment)
    assert other.offer(name="Support")


def say_unknown(scene: Scene) -> None:
    by = scene.administrator
    with scene.unit():
        relationship_actions.say_unknown(scene.organization(scene.customer), scene.organization(scene.partner), by=by)


def test_saved_sets_of_roles_keep_their_names_apart_and_go_without_a_trace_in_offers(scene: Scene) -> None:
    by = scene.agent
    with scene.unit():
        kept = actions.save_role_set(by=by, name="Everyday", roles=[READER, USER]).id
    with scene.app.app_context():
        assert [(each.name, each.roles) for each in queries.role_sets(scene.partner.id)] == [
            ("Everyday", [USER, READER])
        ]
        stranger = scene.world.a_partner()
        assert queries.role_set_for(scene.actor(stranger["admin_agent"]), kept) is None
    for name, roles, refusal in (("EVERYDAY", [USER], rules.NameTaken), ("Other", [], rules.NoRoles)):
        with scene.unit(), pytest.raises(refusal):
            actions.save_role_set(by=by, name=name, roles=roles)
    offer = scene.offer([USER, READER])
    with scene.unit():
        found = queries.role_set_for(by, kept)
        assert found is not None
        actions.delete_role_set(found)
    with scene.app.app_context():
        assert queries.role_sets(scene.partner.id) == []
    assert scene.standing(offer).roles == [USER, READER]


def test_an_offer_is_withdrawn_once_and_cannot_be_answered_then(scene: Scene) -> None:
    offer = scene.offer()
    assert scene.withdraw(offer)
    assert not scene.withdraw(offer)
    assert scene.state(offer) == "withdrawn"
    assert scene.kinds(offer) == ["requested", "announced", "withdrawn"]
    assert fact_kinds(scene, offer) == ["offered", "withdrawn"]
    refusal = refused(rules.OfferOver, scene.approve, offer)
    assert refusal.facts["state"] == "withdrawn"
    assert refusal.facts["at"] is not None
    refused(rules.OfferOver, scene.decline, offer)
    active = scene.offer()
    scene.approve(active)
    refused(rules.OfferOver, scene.withdraw, active)


# --- answering -------------------------------------------------------------------------------------------------


def test_an_approval_is_evidence_a_right_and_a_mail_to_both_sides_in_each_readers_language(
    app: Flask, world: World, moment: Moment
) -> None:
    partner = world.a_partner(language="ja", country="JP", zone="Asia/Tokyo")
    world.enroll(partner)
    scene = Scene(app, world, moment, partner=partner)
    offer = scene.offer([USER], 30)
    scene.approve(offer)
    assert scene.state(offer) == "active"
    record = facts_of(scene, offer)[-1]
    assert record["kind"] == "delegated_admin.approved"
    facts = record["facts"]
    assert facts["approver_roles"] == ["global_administrator"]
    assert facts["proof"] == "password"
    assert facts["shown"]["roles"] == [
        {
            "id": USER, "name": "User Administrator", "risk": "medium",
            "can": facts["shown"]["roles"][0]["can"], "cannot": facts["shown"]["roles"][0]["cannot"],
        }
    ]  # fmt: skip
    assert facts["shown"]["duration_days"] == 30
    assert facts["fingerprint"] == scene.fingerprint(offer)
    with app.app_context():
        values = evidence.personal_values([record])
        said = {name: values.get(entry["id"]) for name, entry in record["personal"].items()}
    administrator = scene.customer["global_administrator"]
    assert said["address"] == administrator.address
    assert said["network_address"] == "192.0.2.7"
    standing = scene.standing(offer)
    assert standing.activated_at is not None
    assert standing.ends_at == standing.activated_at + timedelta(days=30)
    assert receivers(scene, offer, "approved") == both_sides(scene)
    by_language = {mail.language: mail for mail in scene.mails(offer, "approved")}
    assert by_language["en"].recipient != partner["admin_agent"].address
    assert by_language["ja"].recipient == partner["admin_agent"].address
    assert "ユーザー管理者" in by_language["ja"].text
    assert "User Administrator" in by_language["en"].text
    for mail in by_language.values():
        assert "http://localhost/" in mail.text
        assert administrator.address in mail.text or "Global" in mail.text  # who did it
        assert "operator@countersign.example" in mail.text  # the way to object
    assert [(task.kind, task.waits) for task in tasks_of(scene, partner.id)] == [("offer_approved", False)]
    scene.check_chain()


def test_an_offer_is_answered_once_and_the_second_learns_by_whom(scene: Scene) -> None:
    offer = scene.offer()
    scene.approve(offer)
    second = scene.actor(scene.customer["delegated_admin_administrator"])
    refusal = refused(rules.OfferOver, scene.approve, offer, by=second)
    assert refusal.facts["state"] == "active"
    assert refusal.facts["person"] == "Global Of Customer" + scene.customer.name.removeprefix("Customer ")
    refused(rules.OfferOver, scene.decline, offer, by=second)
    assert fact_kinds(scene, offer) == ["offered", "approved"]
    assert sum(receivers(scene, offer, "approved").values()) == 3


@pytest.mark.parametrize("role", ["billing_administrator", "global_reader", ""])
def test_whoever_has_not_the_role_cannot_answer_or_end(scene: Scene, role: str) -> None:
    offer, active = scene.offer(), scene.offer()
    scene.approve(active)
    by = scene.actor(scene.customer[role])
    for verb in (scene.approve, scene.decline):
        refusal = refused(rules.RoleCannotApprove, verb, offer, by=by)
        assert len(refusal.facts["people"]) == 2
    refused(rules.RoleCannotApprove, scene.end, active, by=by)
    refused(rules.RoleCannotApprove, scene.remove_roles, active, BASIC[:1], by=by)
    refused(rules.RoleCannotApprove, scene.switch, active, True, by=by)
    assert (scene.state(offer), scene.state(active)) == ("pending", "active")
    assert scene.standing(active).roles == list(BASIC)


def test_a_role_lost_between_the_page_and_the_act_counts(scene: Scene) -> None:
    offer, active = scene.offer(), scene.offer()
    scene.approve(active)
    page = scene.administrator
    scene.take(scene.customer["global_administrator"], "global_administrator")
    for verb in (scene.approve, scene.decline):
        refused(rules.RoleCannotApprove, verb, offer, by=page)
    for change in (scene.end, lambda it, by: scene.remove_roles(it, BASIC, by=by)):
        refused(rules.RoleCannotApprove, change, active, by=page)
    refused(rules.RoleCannotApprove, scene.switch, active, True, by=page)
    assert (scene.state(offer), scene.state(active)) == ("pending", "active")
    scene.give(scene.customer["global_administrator"], "global_administrator")
    scene.approve(offer, by=page)


def test_a_session_that_ended_between_the_page_and_the_act_has_no_role_left(scene: Scene) -> None:
    offer, page = scene.offer(), scene.administrator
    with scene.unit():
        accounts.end_sessions_of(page.person_id)
    refused(rules.RoleCannotApprove, scene.approve, offer, by=page)
    assert scene.state(offer) == "pending"


def test_what_was_shown_is_what_is_approved(scene: Scene) -> None:
    offer, other = scene.offer([USER]), scene.offer([USER, READER])
    refused(rules.OfferHasChanged, scene.approve, offer, fingerprint=scene.fingerprint(other))
    refused(rules.OfferHasChanged, scene.approve, offer, fingerprint="x")
    assert scene.state(offer) == "pending"


def test_a_mailbox_in_the_partners_hands_or_not_proved_approves_nothing(scene: Scene) -> None:
    offer = scene.offer()
    member = scene.customer["global_administrator"]
    with scene.unit():
        database.write()
        person = people.person_by_id(member.id)
        assert person is not None
        person.confirmed_at = None
    refused(MailboxUnconfirmed, scene.approve, offer)
    with scene.unit():
        database.write()
        person = people.person_by_id(member.id)
        assert person is not None
        person.confirmed_at = scene.moment.now
        person.address = "spy@" + scene.partner["admin_agent"].address.split("@")[1]
    refused(AddressOfPartner, scene.approve, offer)
    assert scene.state(offer) == "pending"


def test_a_partner_the_customer_does_not_know_gets_no_new_right_and_keeps_the_old(scene: Scene) -> None:
    waiting, active = scene.offer(), scene.offer()
    scene.approve(active)
    say_unknown(scene)
    refused(PartnerDistrusted, scene.approve, waiting)
    refused(PartnerDistrusted, scene.switch, active, True)
    assert scene.state(active) == "active"
    scene.decline(waiting, reason="unknown_partner")
    assert scene.end(active)


def test_asking_for_fewer_declines_with_what_is_wanted_and_the_next_offer_settles_it(scene: Scene) -> None:
    offer = scene.offer([USER, READER, BASIC[0]])
    refused(rules.NotFewer, scene.decline, offer, wanted=[USER, READER, BASIC[0]])
    refused(rules.NotFewer, scene.decline, offer, wanted=[GLOBAL_ADMINISTRATOR])
    scene.decline(offer, wanted=[READER], comment="Reading is enough")
    assert scene.state(offer) == "declined"
    record = facts_of(scene, offer)[-1]
    assert (record["facts"]["reason"], record["facts"]["wanted"]) == ("fewer", [READER])
    assert receivers(scene, offer, "declined") == both_sides(scene)
    assert all("Reading is enough" in mail.text for mail in scene.mails(offer, "declined"))
    (task,) = tasks_of(scene, scene.partner.id)
    assert (task.kind, task.waits, task.done_at) == ("offer_declined", True, None)
    smaller = scene.offer([READER], replaces=offer)
    with scene.app.app_context():
        successor = queries.successor_of(offer)
        assert successor is not None
        assert successor.id == smaller
    (task,) = tasks_of(scene, scene.partner.id)
    assert task.done_at is not None
    with pytest.raises(IntegrityError):
        scene.offer([READER], replaces=offer)
    scene.approve(smaller)
    assert scene.state(smaller) == "active"
    refused(rules.OfferOver, scene.approve, offer)


def test_a_decline_keeps_its_reason_and_tells_both_sides(scene: Scene) -> None:
    offer = scene.offer()
    scene.decline(offer, reason="too_much", comment="We look after this ourselves")
    record = facts_of(scene, offer)[-1]
    assert record["facts"]["reason"] == "too_much"
    assert "wanted" not in record["facts"]
    assert "We look after" not in str(record)  # what somebody wrote can be erased
    assert receivers(scene, offer, "declined") == both_sides(scene)
    (task,) = tasks_of(scene, scene.partner.id)
    assert not task.waits


def test_a_request_is_sent_on_once_a_day_and_custody_is_kept(scene: Scene) -> None:
    offer = scene.offer(announced=False)
    by, receiver = scene.actor(scene.customer["billing_administrator"]), scene.customer["delegated_admin_administrator"]

    def hand_over(to: UUID) -> bool:
        with scene.unit():
            person = people.person_by_id(to)
            assert person is not None
            return actions.hand_over(scene.row(offer), by=by, to=person)

    assert hand_over(receiver.id)
    assert not hand_over(receiver.id)
    assert receivers(scene, offer, "handed_over") == {receiver.address: 1}
    assert scene.standing(offer).announced
    record = facts_of(scene, offer)[-1]
    assert (record["kind"], record["person_id"]) == ("delegated_admin.handed_over", str(by.person_id))
    assert record["facts"]["receiver_id"] == str(receiver.id)
    with scene.app.app_context():
        assert queries.sent_on_to(receiver.id)[offer].person_id == by.person_id
        assert queries.sent_on_to(by.person_id) == {}
        assert queries.sent_on_to(receiver.id).keys() == {offer}
    for role in ("billing_administrator", "global_reader", ""):
        refused(rules.CannotReceive, hand_over, scene.customer[role].id)
    refused(rules.CannotReceive, hand_over, scene.partner["admin_agent"].id)
    scene.moment.go(days=1)
    assert hand_over(receiver.id)
    assert hand_over(scene.customer["global_administrator"].id)
    scene.approve(offer, by=scene.actor(receiver))
    refused(rules.OfferOver, hand_over, receiver.id)
    with scene.app.app_context():
        assert queries.sent_on_to(receiver.id) == {}  # it waits no longer


# --- while it is in force --------------------------------------------------------------------------------------


def test_either_side_switches_the_extension_and_both_are_told(scene: Scene) -> None:
    offer = scene.offer([USER], 10)
    scene.approve(offer)
    assert scene.switch(offer, True, by=scene.agent)
    assert not scene.switch(offer, True, by=scene.administrator)
    assert scene.standing(offer).auto_extends
    assert receivers(scene, offer, "switched") == both_sides(scene)
    assert scene.switch(offer, False, by=scene.administrator)
    assert sum(receivers(scene, offer, "switched").values()) == 6
    assert [record["facts"]["on"] for record in facts_of(scene, offer)[2:]] == [True, False]
    scene.moment.go(days=10)
    refused(rules.NotActive, scene.switch, offer, True)
    assert scene.state(offer) == "expired"


def test_with_the_global_administrator_nothing_extends_until_that_role_is_gone(scene: Scene) -> None:
    offer = scene.offer([GLOBAL_ADMINISTRATOR, USER], 10)
    scene.approve(offer)
    refused(rules.CannotExtend, scene.switch, offer, True)
    assert scene.remove_roles(offer, [GLOBAL_ADMINISTRATOR])
    assert scene.switch(offer, True)
    scene.moment.go(days=30)
    assert scene.state(offer) == "active"


def test_a_single_role_goes_at_once_and_the_last_one_ends_it(scene: Scene) -> None:
    offer = scene.offer([USER, READER])
    scene.approve(offer)
    assert scene.remove_roles(offer, [USER])
    assert not scene.remove_roles(offer, [USER])
    assert scene.standing(offer).roles == [READER]
    assert scene.rights(scene.partner["admin_agent"]).roles == {READER}
    assert receivers(scene, offer, "roles_removed") == both_sides(scene)
    assert fact_kinds(scene, offer) == ["offered", "approved", "roles_removed"]
    assert [task.kind for task in tasks_of(scene, scene.partner.id)] == ["offer_approved", "delegated_admin_changed"]
    assert scene.remove_roles(offer, [READER])
    assert scene.state(offer) == "ended"
    assert not scene.remove_roles(offer, [READER])  # a second click says the same
    assert scene.rights(scene.partner["admin_agent"]).roles == frozenset()
    assert receivers(scene, offer, "ended") == both_sides(scene)


@pytest.mark.parametrize("side", ["customer", "partner"])
def test_either_side_ends_it_once_and_the_other_finds_it_in_its_inbox(scene: Scene, side: str) -> None:
    offer = scene.offer()
    scene.approve(offer)
    by = scene.administrator if side == "customer" else scene.agent
    assert scene.end(offer, by=by, reason="The project is over")
    assert not scene.end(offer, by=scene.agent)
    assert not scene.end(offer, by=scene.administrator)
    assert scene.state(offer) == "ended"
    record = facts_of(scene, offer)[-1]
    assert (record["kind"], record["facts"]["by"]) == ("delegated_admin.ended", side)
    assert receivers(scene, offer, "ended") == both_sides(scene)
    other = scene.partner if side == "customer" else scene.customer
    assert [task.kind for task in tasks_of(scene, other.id)][-1] == "delegated_admin_changed"
    own = scene.customer if side == "customer" else scene.partner
    assert "delegated_admin_changed" not in [task.kind for task in tasks_of(scene, own.id)]
    refused(rules.NotActive, scene.switch, offer, True)
    refused(rules.OfferOver, scene.approve, offer)
    scene.check_chain()


def test_what_waits_cannot_be_ended_or_changed(scene: Scene) -> None:
    offer = scene.offer()
    for verb in (scene.end, lambda it: scene.remove_roles(it, BASIC), lambda it: scene.switch(it, True)):
        refused(rules.NotActive, verb, offer)


# --- rights ----------------------------------------------------------------------------------------------------


def test_rights_are_those_of_the_moment_by_the_persons_role_at_the_partner(scene: Scene) -> None:
    agent, helpdesk, sales = (scene.partner[each] for each in ("admin_agent", "helpdesk_agent", "sales_agent"))
    offer = scene.offer([GLOBAL_ADMINISTRATOR, USER, HELPDESK_ADMINISTRATOR, READER], 10)
    everybody = [*scene.partner.people.values(), *scene.customer.people.values()]
    assert {scene.rights(each).roles for each in everybody} == {frozenset()}
    scene.approve(offer)
    assert scene.rights(agent).roles == {GLOBAL_ADMINISTRATOR, USER, HELPDESK_ADMINISTRATOR, READER}
    assert scene.rights(helpdesk).roles == {GLOBAL_ADMINISTRATOR, USER, HELPDESK_ADMINISTRATOR}
    assert scene.rights(sales).roles == scene.rights(scene.partner[""]).roles == frozenset()
    assert {scene.rights(each).roles for each in scene.customer.people.values()} == {frozenset()}
    assert Permission.READ_PARTNER_RELATIONSHIPS in scene.rights(agent).permissions
    forbidden = {Permission.ANSWER_INVITATIONS, Permission.ANSWER_DELEGATED_ADMIN, Permission.ADMIT_PEOPLE}
    assert not forbidden & scene.rights(agent).permissions
    assert scene.rights(sales).permissions == frozenset()
    scene.take(helpdesk, "helpdesk_agent")
    assert scene.rights(helpdesk) == queries.Rights(frozenset(), frozenset())
    scene.moment.go(days=10)  # nobody has to notice that it is over
    assert {scene.rights(each).roles for each in everybody} == {frozenset()}
    assert scene.rights(agent).permissions == frozenset()


def test_rights_add_up_and_are_of_one_customer_and_one_partner(scene: Scene) -> None:
    agent = scene.partner["admin_agent"]
    one, other = scene.offer([USER]), scene.offer([READER])
    scene.approve(one)
    scene.approve(other)
    elsewhere = Scene(scene.app, scene.world, scene.moment, partner=scene.partner)
    rival = Scene(scene.app, scene.world, scene.moment)
    assert scene.rights(agent).roles == {USER, READER}
    assert elsewhere.rights(agent).roles == frozenset()
    assert scene.rights(rival.partner["admin_agent"]).roles == frozenset()
    scene.end(one)
    assert scene.rights(agent).roles == {READER}


def test_rights_and_offers_end_with_the_last_relationship_of_the_partner(scene: Scene) -> None:
    first, second = scene.offer(), scene.offer()
    waiting, untold = scene.offer(), scene.offer(announced=False)
    scene.approve(first)
    scene.approve(second)
    provider = scene.world.a_partner(programme="indirect_provider")
    own = begin(scene, scene.partner.id)
    through = begin(scene, provider.id, scene.partner.id)
    end_relationship(scene, own)
    assert (scene.state(first), scene.state(second), scene.state(waiting)) == (
        "active",
        "active",
        "pending",
    )  # it still sells through the provider
    by = scene.actor(provider["admin_agent"])
    end_relationship(scene, through, by=by)
    assert (scene.state(first), scene.state(second)) == ("ended", "ended")
    assert (scene.state(waiting), scene.state(untold)) == ("withdrawn", "withdrawn")
    over = refused(rules.OfferOver, scene.approve, waiting)
    assert (over.state, over.by, over.person) == ("withdrawn", "relationship", "")
    assert scene.state(scene.offer()) == "pending"  # a new one is another matter
    assert scene.rights(scene.partner["admin_agent"]).roles == frozenset()
    assert (scene.standing(first).state, scene.standing(first).next_at) == ("ended", None)
    assert scene.work() == 0
    scene.check_chain()


def test_what_ends_with_a_relationship_is_named_in_its_evidence_and_in_the_mails_of_whom_it_concerns(
    scene: Scene,
) -> None:
    with scene.unit():
        database.write()
        database.session().get_one(Person, scene.customer["global_administrator"].id).language = "ja"
    active = scene.offer(name="Everyday support")
    scene.approve(active)
    waiting = scene.offer(name="More of it")
    over = scene.offer(name="Over")
    scene.withdraw(over)
    provider = scene.world.a_partner(programme="indirect_provider")
    related = begin(scene, provider.id, scene.partner.id)
    end_relationship(scene, related)
    with scene.app.app_context():
        fact = database.session().scalar(sa.select(Fact).where(Fact.kind == "relationship.ended"))
        assert fact is not None
        told = evidence.record_of(fact)["facts"]
        mails = {
            mail.recipient: mail
            for mail in database.session().scalars(sa.select(Message).where(Message.about_id == related))
        }
    assert told["ends"] == [{"id": str(active), "name": "Everyday support"}]
    assert told["withdraws"] == [{"id": str(waiting), "name": "More of it"}]
    own = mails[scene.partner["admin_agent"].address]
    japanese = mails[scene.customer["global_administrator"].address]
    for text in (own.text, own.html or ""):
        assert "Delegated administration “Everyday support” ended at the same moment." in text
        assert "“More of it” was withdrawn at the same moment." in text
        assert "Over" not in text
    for text in (japanese.text, japanese.html or ""):
        assert "代理管理「Everyday support」も、同時に終了しました。" in text
        assert "代理管理の依頼「More of it」も、同時に取り下げられました。" in text
    others = mails[provider["admin_agent"].address].text
    assert "No delegated administration ended with it." in others
    assert "Everyday support" not in others
    scene.check_chain()


def test_what_another_relationship_keeps_is_not_named_as_ended(scene: Scene) -> None:
    scene.approve(scene.offer(name="Everyday support"))
    provider = scene.world.a_partner(programme="indirect_provider")
    related = begin(scene, provider.id, scene.partner.id)
    begin(scene, scene.partner.id)
    end_relationship(scene, related)
    with scene.app.app_context():
        fact = database.session().scalar(sa.select(Fact).where(Fact.kind == "relationship.ended"))
        assert fact is not None
        told = evidence.record_of(fact)["facts"]
        texts = database.session().scalars(sa.select(Message.text).where(Message.about_id == related)).all()
    assert (told["ends"], told["withdraws"]) == ([], [])
    assert texts
    assert all("Everyday support" not in text for text in texts)
    assert all("Its delegated administration goes on." in text for text in texts)


def begin(scene: Scene, partner_id: UUID, reseller_id: UUID | None = None) -> UUID:
    by = scene.administrator
    with scene.unit():
        row = relationship_actions.begin(
            scene.organization(scene.customer),
            partner_id=partner_id,
            reseller_id=reseller_id,
            origin="acceptance",
            by=by,
        )
        return row.id


def end_relationship(scene: Scene, relationship_id: UUID, by: Actor | None = None) -> None:
    by = by or scene.agent
    with scene.unit():
        row = relationships.relationship_by_id(relationship_id)
        assert row is not None
        relationship_actions.end(row, by=by)


# --- time ------------------------------------------------------------------------------------------------------


def test_the_end_is_noted_once_with_a_mail_to_both_sides(scene: Scene) -> None:
    offer = scene.offer([USER], 5)
    scene.approve(offer)
    scene.live(scene.moment.now + timedelta(days=30))
    assert scene.kinds(offer) == ["requested", "announced", "approved", "noticed", "expired"]
    assert receivers(scene, offer, "expired") == receivers(scene, offer, "expiring") == both_sides(scene)
    assert scene.standing(offer).over_at == scene.standing(offer).ends_at
    assert scene.work() == 0
    assert fact_kinds(scene, offer) == ["offered", "approved", "expired"]
    assert refused(rules.NotActive, scene.end, offer).facts["state"] == "expired"


def test_an_extension_moves_the_end_and_says_so(scene: Scene) -> None:
    offer = scene.offer([USER], 5, extends=True)
    scene.approve(offer)
    first = scene.standing(offer).ends_at
    assert first is not None
    scene.live(first + timedelta(days=200))
    assert scene.standing(offer).ends_at == first + timedelta(days=360)
    assert [record["facts"]["until"] for record in facts_of(scene, offer) if "until" in record["facts"]] == [
        (first + timedelta(days=days)).isoformat() for days in (180, 360)
    ]
    assert sum(receivers(scene, offer, "extended").values()) == 6
    scene.switch(offer, False)
    scene.live(first + timedelta(days=400))
    assert scene.state(offer) == "expired"
    assert scene.standing(offer).over_at == first + timedelta(days=360)  # the end with its extensions
    with scene.app.app_context():
        assert queries.standing_by_acts(scene.row(offer))["ends_at"] == first + timedelta(days=360)


def test_what_cannot_be_attended_to_keeps_nobody_else_waiting(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, whole = scene.offer(), scene.offer()
    attend = actions.attend

    def stumble(row: DelegatedRelationship) -> bool:
        if row.id == broken:
            raise RuntimeError("a fault")
        return attend(row)

    monkeypatch.setattr(actions, "attend", stumble)
    scene.moment.go(days=100)
    assert scene.work() == 1
    assert scene.standing(whole).state == "lapsed"
    assert scene.standing(broken).state == "pending"
    assert str(broken) in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(clock, "now", scene.moment.read)
    assert scene.work() == 1
    assert scene.standing(broken).state == "lapsed"


def test_an_offer_that_nobody_answers_lapses_without_a_word(scene: Scene) -> None:
    offer = scene.offer()
    scene.live(scene.moment.now + timedelta(days=100))
    assert scene.kinds(offer)[-1] == "lapsed"
    assert scene.mails(offer) == []
    assert fact_kinds(scene, offer) == ["offered", "lapsed"]


# --- once means once -------------------------------------------------------------------------------------------


def at_once(app: Flask, *acts: Callable[[], object]) -> Counter[str]:
    """Do things in threads of their own at one moment; how each ended."""
    together = Barrier(len(acts))

    def do(act: Callable[[], object]) -> str:
        together.wait()
        try:
            act()
        except Refusal as refusal:
            return type(refusal).__name__
        except IntegrityError:
            return "constraint"
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(do, acts))


def test_of_many_answers_at_once_one_counts(scene: Scene) -> None:
    offer = scene.offer()
    by = [scene.administrator, scene.actor(scene.customer["delegated_admin_administrator"])]
    seen, agent = scene.fingerprint(offer), scene.agent
    acts: list[Callable[[], object]] = [
        *(lambda each=each: scene.approve(offer, by=each, fingerprint=seen) for each in by),
        *(lambda each=each: scene.decline(offer, by=each) for each in by),
        lambda: scene.withdraw(offer, by=agent),
    ]
    ended = at_once(scene.app, *acts)
    assert ended == {"done": 1, "OfferOver": 4}
    assert len(fact_kinds(scene, offer)) == 2
    scene.check_chain()


def test_of_many_ends_at_once_one_counts_and_nobody_is_refused(scene: Scene) -> None:
    offer = scene.offer()
    scene.approve(offer)
    admin, agent = scene.administrator, scene.agent
    acts: list[Callable[[], object]] = [lambda: scene.end(offer, by=admin), lambda: scene.end(offer, by=agent)]
    acts.append(lambda: scene.remove_roles(offer, BASIC, by=admin))
    assert at_once(scene.app, *acts) == {"done": 3}
    assert fact_kinds(scene, offer) == ["offered", "approved", "ended"]


def test_two_workers_at_once_tell_once(scene: Scene) -> None:
    offer = scene.offer([USER], 40)
    scene.approve(offer)
    scene.moment.go(days=20)
    at_once(scene.app, scene.work, scene.work, scene.work)
    assert receivers(scene, offer, "expiring") == both_sides(scene)


def test_of_two_offers_of_one_name_at_once_one_is_made(scene: Scene) -> None:
    other = Scene(scene.app, scene.world, scene.moment, partner=scene.partner)
    by = scene.agent
    ended = at_once(
        scene.app, lambda: scene.offer(name="Same", by=by), lambda: other.offer(name="Same", by=by)
    )  # fmt: skip
    assert ended["done"] == 1
    assert ended["NameTaken"] + ended["constraint"] == 1


@pytest.mark.parametrize("once", ["answer", "end"])
def test_the_database_itself_keeps_what_happens_once_to_once(scene: Scene, once: str) -> None:
    offer = scene.offer()
    scene.approve(offer)
    scene.end(offer)
    with scene.app.app_context():
        with pytest.raises(IntegrityError) as found, database.unit_of_work():
            database.write()
            database.session().add(
                DelegatedAct(
                    relationship_id=offer, kind="approved", once_key=once, facts={}, at=scene.moment.now,
                    organization_id=None, person_id=None, receiver_id=None, fact_id=None,
                )
            )  # fmt: skip
        assert isinstance(refusal_of(found.value), rules.OfferOver)


# --- people and organizations that go ----------------------------------------------------------------------------


def test_an_erased_approver_stays_in_the_evidence_of_the_approval_alone(scene: Scene) -> None:
    offer = scene.offer()
    scene.approve(offer)
    member = scene.customer["global_administrator"]
    with scene.unit():
        person = people.person_by_id(member.id)
        assert person is not None
        _gone, stays = accounts.erase(person, "asked for")
    (kept,) = [each for each in stays if "the approval of delegated administration" in each.what]
    assert kept.until is not None
    assert kept.until.year == BEGIN.year + 10
    record = facts_of(scene, offer)[-1]
    with scene.app.app_context():
        values = evidence.personal_values([record])
        assert {values[entry["id"]] for entry in record["personal"].values()} >= {member.address, "192.0.2.7"}
        names = database.session().scalars(sa.select(PersonalFact.value).where(PersonalFact.person_id == member.id))
        assert member.address in set(names)
    scene.check_chain()
    assert scene.state(offer) == "active"


def test_disabling_an_organization_lists_what_is_in_force_or_waits(scene: Scene) -> None:
    waiting, active, over = scene.offer(name="One"), scene.offer(name="Two"), scene.offer(name="Three")
    scene.approve(active)
    scene.withdraw(over)
    for party in (scene.customer, scene.partner):
        with scene.app.app_context():
            stops = [each for each in organizations.what_stops(party.id) if each.kind == "delegated_administration"]
        assert {stop.about_id for stop in stops} == {waiting, active}
        assert all(scene.partner.name in stop.words and scene.customer.name in stop.words for stop in stops)
    with scene.app.app_context():
        member = scene.customer["global_administrator"].id
        found = organizations.what_stops(scene.customer.id, member)
        assert "delegated_administration" not in {each.kind for each in found}


def test_the_offer_of_a_disabled_partner_waits_for_nobody_and_is_approved_by_nobody(scene: Scene) -> None:
    offer = scene.offer()

    def waiting() -> list[UUID]:
        with scene.app.app_context():
            return [each.relationship_id for each in queries.waiting_for(scene.customer.id)]

    assert waiting() == [offer]
    with scene.unit():
        organizations.disable(scene.organization(scene.partner), "unpaid")
    assert waiting() == []
    assert refused(PartnerInactive, scene.approve, offer).partner == scene.partner.name
    refused(PartnerInactive, scene.decline, offer)
    assert scene.state(offer) == "pending"
    with scene.unit():
        organizations.enable(scene.organization(scene.partner), "paid")
    assert waiting() == [offer]
    scene.approve(offer)


def test_nobody_of_a_disabled_organization_is_told(scene: Scene) -> None:
    offer = scene.offer([USER], 5)
    scene.approve(offer)
    with scene.unit():
        organizations.disable(scene.organization(scene.partner), "unpaid")
    scene.live(scene.moment.now + timedelta(days=6))
    assert scene.partner["admin_agent"].address not in receivers(scene, offer, "expired")
    assert len(receivers(scene, offer, "expired")) == 2


# --- what lists read -------------------------------------------------------------------------------------------


def standings(scene: Scene) -> dict[UUID, dict[str, Any]]:
    """All standings as stored."""
    with scene.app.app_context():
        rows = database.session().execute(sa.select(DelegatedStanding.__table__)).mappings()
        return {row["relationship_id"]: dict(row) for row in rows}


def by_acts(scene: Scene) -> dict[UUID, dict[str, Any]]:
    with scene.app.app_context():
        return {id_: queries.standing_by_acts(scene.row(id_)) for id_ in queries.all_ids()}


@pytest.mark.parametrize("number", range(4))
def test_what_the_actions_keep_is_what_follows_from_the_acts(scene: Scene, number: int) -> None:
    dice, offers = random.Random(number), list[UUID]()
    verbs: list[Callable[[UUID], object]] = [
        scene.approve, scene.approve, scene.approve, scene.decline, scene.withdraw, scene.end,
        lambda it: scene.decline(it, wanted=[USER]),
        lambda it: scene.remove_roles(it, [dice.choice([USER, READER, HELPDESK_ADMINISTRATOR])]),
        lambda it: scene.switch(it, dice.random() < 0.6),
        lambda _it: scene.live(scene.moment.go(hours=dice.choice([1, 30, 900]))),
        lambda _it: scene.moment.go(hours=dice.choice([1, 30, 3000])),
    ]  # fmt: skip
    for _ in range(40):
        if not offers or dice.random() < 0.2:
            offers.append(
                scene.offer(
                    [USER, READER, HELPDESK_ADMINISTRATOR], dice.choice([1, 20, 200]), extends=dice.random() < 0.5
                )
            )
        try:
            dice.choice(verbs)(dice.choice(offers[-4:]))
        except Refusal:
            continue
    scene.work()
    assert standings(scene) == by_acts(scene)
    for row in standings(scene).values():
        with scene.app.app_context():
            assert rules.present_state(queries.standing_of(scene.row(row["relationship_id"])), scene.moment.now) == (
                queries.state(scene.row(row["relationship_id"]))
            )
    scene.check_chain()
