"""Attesting and objecting: one act, one fact, one notice; nothing overwritten."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.agreements.scene import TANIA, Attesting
from tests.support.builders import World
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.models import Person
from webapp.accounts.rules import LinkUsedOrExpired
from webapp.actor import Actor
from webapp.agreements import actions, queries, rules
from webapp.agreements.models import Attestation
from webapp.agreements.rules import Signatory
from webapp.errors import Refusal, TooManyAttempts
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact, PersonalFact
from webapp.messages.models import Message
from webapp.organizations import actions as organizations
from webapp.organizations.rules import AddressOfPartner
from webapp.relationships import actions as relationships
from webapp.relationships.models import Relationship
from webapp.relationships.rules import PartnerDistrusted
from webapp.tasks.models import Task

KENJI = Signatory("Kenji", "Sato", "kenji.sato@contoso.example")


def facts(app: Flask, kind: str) -> list[dict[str, Any]]:
    """The records of every fact of a kind, oldest first."""
    with app.app_context():
        rows = database.session().scalars(sa.select(Fact).where(Fact.kind == kind).order_by(Fact.at))
        return [evidence.record_of(row) for row in rows]


def personal(app: Flask, record: dict[str, Any]) -> dict[str, str]:
    """The personal values of a record, by name."""
    with app.app_context():
        return {name: value for name, (_salt, value) in evidence.personal_rows(record).items()}


def tasks_at(app: Flask, kind: str) -> list[tuple[Any, bool]]:
    """For whom entries of a kind lie in an inbox, and whether they wait."""
    with app.app_context():
        rows = database.session().scalars(sa.select(Task).where(Task.kind == kind).order_by(Task.created_at))
        return [(row.organization_id, row.done_at is None) for row in rows]


# --- attesting ---------------------------------------------------------------------------------------------------


def test_an_attestation_is_one_row_one_fact_in_the_customers_chain_and_one_notice(scene: Attesting) -> None:
    attestation_id = scene.attest(shown={"words": "I confirm that Tania Carr accepted"})
    (row,) = scene.attestations()
    (record,) = facts(scene.app, "agreement.attested")
    assert (row.id, row.partner_id, row.person_id) == (
        attestation_id, scene.partner.id, scene.partner["sales_agent"].id
    )  # fmt: skip
    assert record["chain_id"] == str(scene.customer.chain_id)
    assert (record["facts"]["version"], record["facts"]["agreed_on"]) == ("2026-03", row.agreed_on.isoformat())
    kept = personal(scene.app, record)
    assert {name: kept[name] for name in rules.SIGNATORY} == TANIA.as_personal()
    assert kept["actor_name"].startswith("Sales")
    (notice,) = scene.messages("attested")
    assert (notice.about_id, notice.due_at) == (row.id, notice.created_at + actions.NOTICE_DUE)
    assert actions.NOTICE_DUE.total_seconds() == 30 * 60
    assert scene.consent() == "attested"


def test_nothing_that_names_a_person_stands_in_the_part_of_the_evidence_that_cannot_be_erased(
    scene: Attesting,
) -> None:
    scene.attest(shown={"words": "I confirm that Tania Carr accepted"})
    scene.object_on_page(scene.attestations()[0].id, "Tania Carr left years ago.")
    for kind in ("agreement.attested", "agreement.objected"):
        (record,) = facts(scene.app, kind)
        assert not {word for word in ("Tania", "Carr", "tania.carr", "555 0100") if word in str(record)}, record


def test_the_notice_goes_to_the_primary_contact_and_never_to_whoever_is_said_to_have_agreed(scene: Attesting) -> None:
    scene.attest(Signatory("Bill", "Ing", scene.customer["billing_administrator"].address))
    scene.attest(KENJI)
    assert {each.recipient for each in scene.messages("attested")} == {scene.customer["global_administrator"].address}


def test_a_customers_own_acceptance_sends_no_notice_of_an_attestation(scene: Attesting) -> None:
    accept(scene)
    assert scene.messages("attested") == []
    assert scene.consent() == "accepted"


@pytest.mark.parametrize(("partner", "role"), [("partner", "admin_agent"), ("provider", "admin_agent")])
def test_a_direct_bill_partner_and_a_provider_attest(scene: Attesting, partner: str, role: str) -> None:
    scene.attest(partner=getattr(scene, partner), role=role)
    assert scene.consent() == "attested"


def test_an_indirect_reseller_does_not_attest_and_learns_its_provider(scene: Attesting) -> None:
    with pytest.raises(rules.ResellerCannotAttest) as refused:
        scene.attest(partner=scene.reseller)
    assert refused.value.providers == ("Fabrikam Distribution",)


def test_without_an_open_relationship_nobody_attests(app: Flask, world: World) -> None:
    scene = Attesting(app, world, related=False)
    with pytest.raises(rules.NotTheSeller):
        scene.attest()
    relationship = scene.begin()
    scene.attest()
    with app.app_context():
        by = scene.actor(scene.partner["admin_agent"])
    with app.app_context(), database.unit_of_work():
        row = database.session().get(Relationship, relationship)
        assert row is not None
        relationships.end(row, by=by)
    with pytest.raises(rules.NotTheSeller):
        scene.attest(KENJI)
    assert len(scene.attestations()) == 1


def test_a_provider_in_a_relationship_of_its_reseller_does_not_make_the_reseller_a_seller(scene: Attesting) -> None:
    with scene.app.app_context():
        customer = scene.customer.id
        assert queries.sells_to(scene.provider.id, customer)
        assert not queries.sells_to(scene.reseller.id, customer)


def test_policy_ends_attesting_by_programme_and_by_day(scene: Attesting) -> None:
    scene.set_policy("attestation.programmes", ["indirect_provider"])
    with pytest.raises(rules.AttestationClosed) as refused:
        scene.attest()
    assert refused.value.ended is False
    scene.attest(partner=scene.provider, role="admin_agent")
    scene.set_policy("attestation.last_day", "2026-01-05")
    with pytest.raises(rules.AttestationClosed) as refused:
        scene.attest(KENJI, partner=scene.provider)
    assert refused.value.facts == {"last_day": date(2026, 1, 5), "ended": True}


def test_a_partner_that_the_customer_does_not_know_confirms_nothing(scene: Attesting) -> None:
    with scene.app.app_context():
        by = scene.actor(scene.customer["global_administrator"])
    with scene.app.app_context(), database.unit_of_work():
        relationships.say_unknown(scene.organization(scene.customer), scene.organization(scene.partner), by=by)
    with pytest.raises(PartnerDistrusted):
        scene.attest()
    assert scene.attestations() == []


def test_nobody_who_reads_its_mail_at_the_partner_agreed_for_the_customer(scene: Attesting) -> None:
    domain = scene.partner["sales_agent"].address.partition("@")[2]
    for address in (scene.partner["sales_agent"].address, f"somebody@{domain}", f"somebody@mail.{domain.upper()}"):
        with pytest.raises(AddressOfPartner):
            scene.attest(Signatory("Tania", "Carr", address))
    assert scene.attestations() == []
    scene.attest(Signatory("Tania", "Carr", "tania@publicmail.example"))


# --- days --------------------------------------------------------------------------------------------------------

#: Nine in the morning in Tokyo comes at midnight in UTC.
MIDNIGHT_IN_TOKYO = datetime(2026, 5, 31, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "agreed_on", "refused"),
    [
        (MIDNIGHT_IN_TOKYO - timedelta(seconds=1), date(2026, 5, 31), False),
        (MIDNIGHT_IN_TOKYO - timedelta(seconds=1), date(2026, 6, 1), True),
        (MIDNIGHT_IN_TOKYO, date(2026, 6, 1), False),  # 31 May in UTC, and in New York where the partner is
        (MIDNIGHT_IN_TOKYO, date(2026, 6, 2), True),
        (datetime(2028, 2, 28, 14, 59, 59, tzinfo=UTC), date(2028, 2, 29), True),
        (datetime(2028, 2, 28, 15, 0, tzinfo=UTC), date(2028, 2, 29), False),
        (datetime(2028, 2, 29, 15, 0, tzinfo=UTC), date(2028, 3, 1), False),
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), date(2027, 1, 1), False),
    ],
)
def test_the_customers_day_decides_what_lies_in_the_future(
    scene: Attesting, now: datetime, agreed_on: date, refused: bool
) -> None:
    with time_machine.travel(now, tick=False):
        if refused:
            with pytest.raises(rules.AgreedInFuture) as future:
                scene.attest(agreed_on=agreed_on)
            assert future.value.today == clock.day_of(now, "Asia/Tokyo")
        else:
            scene.attest(agreed_on=agreed_on)
            assert scene.attestations()[0].agreed_on == agreed_on


def test_an_attestation_is_for_the_version_in_force_on_its_day(scene: Attesting) -> None:
    scene.world.a_published_agreement("JP", version="2022-10", effective_on=date(2022, 10, 1))
    scene.world.a_published_agreement("JP", version="2099-01", effective_on=date(2099, 1, 1))
    days = (date(2026, 2, 28), date(2026, 3, 1), date(2024, 2, 29), date(2022, 10, 1))
    for number, day in enumerate(days):
        scene.attest(Signatory("Ann", "Lee", f"ann{number}@contoso.example"), agreed_on=day)
    assert [each["facts"]["version"] for each in facts(scene.app, "agreement.attested")] == [
        "2022-10", "2026-03", "2022-10", "2022-10"
    ]  # fmt: skip
    with pytest.raises(rules.NoTextOnDay) as refused:
        scene.attest(KENJI, agreed_on=date(2022, 9, 30))
    assert refused.value.facts == {"country": "JP", "day": date(2022, 9, 30), "first": date(2022, 10, 1)}


def test_what_was_attested_for_a_day_before_the_policys_must_be_renewed(scene: Attesting) -> None:
    scene.world.a_published_agreement("JP", version="2022-10", effective_on=date(2022, 10, 1))
    scene.attest(agreed_on=date(2023, 3, 31))
    assert scene.consent() == "must_renew"
    scene.set_policy("agreement.renew_before", "2023-03-31")
    assert scene.consent() == "attested"


# --- the same again ----------------------------------------------------------------------------------------------


def test_the_same_data_is_refused_and_a_real_change_adds_a_row(scene: Attesting) -> None:
    first = scene.attest()
    with pytest.raises(rules.SameAttestation) as refused:
        scene.attest(Signatory(" TANIA", "Carr ", "Tania.Carr@contoso.example", "+1 (555) 0100"), role="admin_agent")
    assert (refused.value.equal, refused.value.by) == (rules.SIGNATORY, "Northwind Cloud")
    assert refused.value.at == scene.attestations()[0].at
    second = scene.attest(Signatory("Tania", "Carr", TANIA.email, "+1 555 0101"))
    assert [(each.id, each.replaces_id) for each in scene.attestations()] == [(first, None), (second, first)]
    scene.attest()  # only the last one is compared: the telephone number changed back
    assert len(scene.messages("attested")) == 3


def test_another_partner_that_sells_learns_that_it_is_the_same_and_who_attested(scene: Attesting) -> None:
    scene.attest()
    with pytest.raises(rules.SameAttestation) as refused:
        scene.attest(partner=scene.provider)
    at = scene.attestations()[0].at
    assert refused.value.facts == {"equal": rules.SIGNATORY, "at": at, "by": "Northwind Cloud"}


def test_two_agents_at_once_with_the_same_data_make_one_attestation(scene: Attesting) -> None:
    with scene.app.app_context():
        agents: list[Actor] = [scene.actor(scene.partner[role]) for role in ("admin_agent", "sales_agent")]
    ready, said = threading.Barrier(2), list[str]()

    def attest(by: Actor) -> None:
        with scene.app.app_context():
            customer = scene.organization(scene.customer)
            ready.wait()
            try:
                with database.unit_of_work():
                    actions.attest(customer, by=by, signatory=TANIA, agreed_on=clock.today("Asia/Tokyo"))
                said.append("attested")
            except Refusal as refusal:
                said.append(refusal.name)

    threads = [threading.Thread(target=attest, args=(each,)) for each in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["SameAttestation", "attested"]
    assert len(scene.attestations()) == len(scene.messages("attested")) == 1


# --- whom to tell ------------------------------------------------------------------------------------------------


def test_nobody_to_tell_means_no_attestation(scene: Attesting) -> None:
    with scene.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(Person)
            .where(Person.id == scene.customer["global_administrator"].id)
            .values(disabled_at=clock.now())
        )
    with pytest.raises(rules.NobodyToTell):
        scene.attest()
    assert scene.attestations() == []


def test_the_primary_contact_reads_a_mailbox_that_was_confirmed_and_is_there_the_longest(scene: Attesting) -> None:
    def contact() -> str:
        with scene.app.app_context():
            found = queries.primary_contact_of(scene.customer.id)
            assert found is not None
            return found.address

    first = scene.customer["global_administrator"]
    with scene.app.app_context(), database.unit_of_work():
        organizations.add_member(
            scene.organization(scene.customer), given_name="Abel", family_name="Aaronson", address="abel@contoso.example",
            roles=("global_administrator",), password_hash=None, confirmed=True,
        )  # fmt: skip
    assert contact() == first.address  # not the first by name
    with scene.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Person).where(Person.id == first.id).values(confirmed_at=None))
    assert contact() == "abel@contoso.example"


# --- objecting ---------------------------------------------------------------------------------------------------


def object_by_link(scene: Attesting, path: str, address: str, comment: str = "") -> bool:
    """Use a link; whether it was used up."""
    with scene.app.app_context(), database.unit_of_work():
        secret = path.rsplit("/", 1)[1]
        return actions.object_to(secret, address, comment=comment, network_address="192.0.2.7") is not None


def test_whoever_reads_the_mailbox_objects_by_the_link_and_the_partner_is_told(scene: Attesting) -> None:
    attestation_id = scene.attest()
    address = scene.customer["global_administrator"].address
    assert object_by_link(scene, scene.link(attestation_id), f" {address.upper()} ", "Nobody of us did.")
    assert scene.consent() == "objected"
    (row,) = scene.objections()
    assert row.attestation_id == attestation_id
    (record,) = facts(scene.app, "agreement.objected")
    assert (record["source"], record["person_id"], record["chain_id"]) == ("link", None, str(scene.customer.chain_id))
    kept = personal(scene.app, record)
    assert (kept["reason"], kept["network_address"]) == ("Nobody of us did.", "192.0.2.7")
    assert tasks_at(scene.app, "attestation_objected") == [(scene.partner.id, True)]
    told = scene.messages("objected")
    assert {each.recipient for each in told} == {scene.partner[r].address for r in ("admin_agent", "sales_agent")}
    for each in told:
        text = scene.text_of(each)
        assert "Nobody of us did." in text
        assert f"/partner/customers/{scene.customer.id}/agreement" in text
        assert address not in text


def test_an_administrator_objects_signed_in_by_the_same_act(scene: Attesting) -> None:
    attestation_id = scene.attest()
    scene.object_on_page(attestation_id, "Nobody of us did.")
    (record,) = facts(scene.app, "agreement.objected")
    assert (record["source"], record["person_id"]) == ("page", str(scene.customer["billing_administrator"].id))
    assert scene.consent() == "objected"
    with pytest.raises(rules.AlreadyObjected):
        scene.object_on_page(attestation_id)
    with pytest.raises(rules.AlreadyObjected):
        object_by_link(scene, scene.link(attestation_id), scene.customer["global_administrator"].address)
    assert len(scene.objections()) == len(tasks_at(scene.app, "attestation_objected")) == 1


def test_a_wrong_address_is_counted_and_leaves_the_link_as_it_was(scene: Attesting) -> None:
    path = scene.link(scene.attest())
    for _ in range(10):
        assert not object_by_link(scene, path, TANIA.email)
    with pytest.raises(TooManyAttempts):
        object_by_link(scene, path, scene.customer["global_administrator"].address)
    assert scene.objections() == []
    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        assert object_by_link(scene, path, scene.customer["global_administrator"].address)


def test_a_link_that_is_too_old_no_longer_works_and_an_administrator_still_can(scene: Attesting) -> None:
    scene.set_policy("attestation.objection_days", 7)
    attestation_id = scene.attest()
    path, address = scene.link(attestation_id), scene.customer["global_administrator"].address
    with time_machine.travel(clock.now() + timedelta(days=7)):
        with pytest.raises(LinkUsedOrExpired):
            object_by_link(scene, path, address)
        scene.object_on_page(attestation_id)
    assert scene.consent() == "objected"


def test_no_other_link_and_no_altered_one_objects(scene: Attesting) -> None:
    secret = scene.link(scene.attest())
    for wrong in (secret[:-1], secret + "A", "/objection/" + "A" * 43):
        with pytest.raises(LinkUsedOrExpired):
            object_by_link(scene, wrong, scene.customer["global_administrator"].address)


def test_a_new_attestation_after_an_objection_counts_until_it_is_objected_to_and_does_the_task(
    scene: Attesting,
) -> None:
    first = scene.attest()
    scene.object_on_page(first)
    second = scene.attest(KENJI)
    assert scene.consent() == "attested"
    assert tasks_at(scene.app, "attestation_objected") == [(scene.partner.id, False)]
    scene.object_on_page(second)
    assert scene.consent() == "objected"
    assert tasks_at(scene.app, "attestation_objected") == [(scene.partner.id, False), (scene.partner.id, True)]


def accept(scene: Attesting) -> None:
    """The customer accepts what is in force itself."""
    with scene.app.app_context():
        by = scene.actor(scene.customer["global_administrator"])
    with scene.app.app_context(), database.unit_of_work():
        text = queries.text_in_force("JP", "Asia/Tokyo", "en")
        assert text is not None
        actions.accept(
            scene.organization(scene.customer), text, by=by, shown={}, signer={"name": by.name}, proof="password"
        )


def test_a_customer_that_accepts_itself_settles_its_objection(scene: Attesting) -> None:
    scene.object_on_page(scene.attest())
    accept(scene)
    assert scene.consent() == "accepted"
    assert tasks_at(scene.app, "attestation_objected") == [(scene.partner.id, False)]


def test_objecting_to_what_was_replaced_is_recorded_and_leaves_what_counts(scene: Attesting) -> None:
    first, _second = scene.attest(), scene.attest(KENJI)
    object_by_link(scene, scene.link(first), scene.customer["global_administrator"].address)
    assert scene.consent() == "attested"
    assert [each.attestation_id for each in scene.objections()] == [first]


def test_a_closed_partner_is_not_told_by_mail(scene: Attesting) -> None:
    attestation_id = scene.attest()
    scene.close(scene.partner)
    scene.object_on_page(attestation_id)
    assert scene.messages("objected") == []


# --- what stays, and what is shown -------------------------------------------------------------------------------


def erase(scene: Attesting, person_id: Any) -> list[str]:
    """Erase a person; what stays."""
    with scene.app.app_context(), database.unit_of_work():
        person = people.person_by_id(person_id)
        assert person is not None
        _count, stays = accounts.erase(person, "asked for it")
        return [each.what for each in stays]


def test_who_attested_who_agreed_and_who_objected_stay_when_they_are_erased(scene: Attesting) -> None:
    signer, contact = scene.customer["billing_administrator"], scene.customer["global_administrator"]
    attestation_id = scene.attest(Signatory("Billie", "Ing", signer.address))
    object_by_link(scene, scene.link(attestation_id), contact.address, "No.")
    (row,) = scene.attestations()
    assert erase(scene, signer.id) == [
        f"the attestation {row.reference}, made in this person's name or by it",
        f"the notice of attestation {row.reference} mailed to somebody else",
    ]
    assert erase(scene, scene.partner["sales_agent"].id)[0].startswith(f"the attestation {row.reference}")
    assert erase(scene, contact.id) == [f"the objection to attestation {row.reference}"]
    (attested,), (objected,) = facts(scene.app, "agreement.attested"), facts(scene.app, "agreement.objected")
    assert personal(scene.app, attested)["email"] == signer.address
    assert personal(scene.app, attested)["actor_name"]
    assert personal(scene.app, objected)["address"] == contact.address
    with scene.app.app_context():
        findings = list(evidence.verify_chain(scene.customer.chain_id))
        assert [each for each in findings if not isinstance(each, int)] == []


def test_an_erased_bystander_keeps_nothing_of_an_attestation(scene: Attesting) -> None:
    scene.attest()
    assert erase(scene, scene.customer["global_reader"].id) == []


def test_attestations_are_shown_with_their_people_objections_and_notices(scene: Attesting) -> None:
    first, second = scene.attest(), scene.attest(KENJI, partner=scene.provider)
    scene.object_on_page(first, "No.")
    with scene.app.app_context():
        shown = queries.shown_attestations(queries.attestations_of(scene.customer.id))
    assert [(each.row.id, each.partner, each.signatory["given_name"]) for each in shown] == [
        (second, "Fabrikam Distribution", "Kenji"), (first, "Northwind Cloud", "Tania")
    ]  # fmt: skip
    assert (shown[1].comment, shown[1].objector.split()[0]) == ("No.", "Billing")
    assert (shown[0].objection, shown[0].comment, shown[0].objector) == (None, "", "")
    assert [each.notice.state for each in shown if each.notice] == ["waiting", "waiting"]
    with scene.app.app_context():
        assert queries.shown_attestations([]) == []


def test_an_erased_signatory_is_equal_to_nobody_and_shown_without_a_name(scene: Attesting) -> None:
    scene.attest()
    with scene.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.delete(PersonalFact))
    with scene.app.app_context():
        (shown,) = queries.shown_attestations(queries.attestations_of(scene.customer.id))
        assert (shown.signatory, shown.attester) == ({}, "")
    scene.attest()
    assert len(scene.attestations()) == 2


def test_the_notice_says_whether_it_left_in_time(scene: Attesting) -> None:
    attestation_id = scene.attest()
    (row,) = scene.attestations()

    def notice() -> tuple[str, timedelta]:
        with scene.app.app_context():
            found = queries.notice_of(attestation_id)
            assert found is not None
            return found.state, found.late_by

    assert notice() == ("waiting", timedelta(0))
    due = scene.messages("attested")[0].due_at
    assert due is not None
    with time_machine.travel(due + timedelta(minutes=5), tick=False):
        assert notice() == ("waiting", timedelta(minutes=5))
        with scene.app.app_context(), database.unit_of_work():
            database.write()
            message = database.session().get_one(Message, scene.messages("attested")[0].id)
            message.handed_over_at = message.closed_at = clock.now()
    assert notice() == ("handed_over", timedelta(minutes=5))
    with scene.app.app_context():
        assert queries.notice_of(row.partner_id) is None
        assert database.session().get_one(Attestation, attestation_id).replaces_id is None
