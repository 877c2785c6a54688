"""From a fact to what is sent: who is told, in which order, signed by whom, tried again how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.support.builders import Party
from tests.webhooks.conftest import Clock, Scene
from tests.webhooks.receiver import Arrived, Receiver
from webapp import database, worker
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships
from webapp.relationships.models import Relationship
from webapp.webhooks import actions, jobs, queries, rules
from webapp.webhooks.models import WebhookDelivery, WebhookKey, WebhookRegistration

# --- who is told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "events"), rules.OF_FACTS.items())
def test_every_kind_is_told_as_its_events(scene: Scene, kind: str, events: tuple[str, ...]) -> None:
    scene.register()
    fact_id = scene.happens(kind)
    assert [each.event for each in scene.deliveries()] == list(events)
    assert {each.audit_id for each in scene.deliveries()} == {fact_id}


def test_nothing_else_is_told(scene: Scene) -> None:
    scene.register()
    scene.happens("agreement.attested")
    assert scene.deliveries() == []


def test_each_partner_that_is_named_and_asked_for_it_is_told(scene: Scene) -> None:
    scene.register(["subscription-updated"])
    scene.register(["subscription-updated", "attestation-objected"], partner=scene.rival)
    scene.happens(partner_id=scene.rival.id)
    scene.happens(other_partner_id=scene.rival.id)
    scene.happens("agreement.objected", partner_id=scene.partner.id)
    scene.happens("agreement.objected", partner_id=scene.rival.id)
    told = [(each.organization_id, each.event) for each in scene.deliveries()]
    assert sorted(told, key=str) == sorted(
        [
            (scene.rival.id, "subscription-updated"),
            (scene.partner.id, "subscription-updated"),
            (scene.rival.id, "subscription-updated"),
            (scene.rival.id, "attestation-objected"),
        ],
        key=str,
    )


def test_what_is_undone_is_not_told(scene: Scene) -> None:
    scene.register()
    with scene.app.app_context(), pytest.raises(ZeroDivisionError), database.unit_of_work():
        database.write(chain=scene.customer.chain_id)
        evidence.record("agreement.objected", customer_id=scene.customer.id, partner_id=scene.partner.id)
        assert database.session().scalar(sa.select(sa.func.count()).select_from(WebhookDelivery)) == 1
        _ = 1 / 0
    assert scene.deliveries() == []


def test_what_ends_with_a_relationship_is_told_as_well(story: Any) -> None:
    story.related()
    offer = story.approve(story.offers["waiting"])
    story.webhook()
    with story.unit():
        related = story.only(Relationship, customer_id=story.customer.id, partner_id=story.partner.id)
        relationships.end(related, by=story.actor("admin_agent"), reason="")
    with story.app.app_context():
        rows = database.session().scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.place)).all()
        assert [each.event for each in rows] == [
            "granular-admin-relationship-terminated", "dap-admin-relationship-terminated"
        ]  # fmt: skip
        assert str(offer) in rows[0].body


def disable(scene: Scene, *, again: bool = False) -> None:
    """Close the partner's access, or open it again."""
    with scene.app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(scene.partner.id)
        assert row is not None
        if again:
            assert organization_actions.enable(row, "It was a mistake.")
        else:
            _closed, stopped = organization_actions.disable(row, "It left the programme.")
            assert [each.kind for each in stopped if each.kind == "webhook"] == ["webhook"]


def test_a_disabled_partner_is_told_nothing_until_it_is_enabled(scene: Scene) -> None:
    scene.register()
    scene.happens("agreement.accepted")
    disable(scene)
    assert scene.deliver() == 0
    scene.happens("agreement.objected")
    assert [each.event for each in scene.deliveries()] == ["customer-agreement-accepted"]
    disable(scene, again=True)
    scene.happens("agreement.objected")
    assert (scene.deliver(), scene.deliver()) == (1, 1)
    assert scene.arrived() == ["customer-agreement-accepted", "attestation-objected"]


def test_a_partner_that_is_disabled_while_a_run_holds_its_events_gets_none_of_them(scene: Scene, time: Clock) -> None:
    scene.register()
    scene.happens()
    by = uuid4()
    with scene.app.app_context():
        key_id = actions.ensure_signing_key().id
        ((delivery_id, _registration),) = actions.claim(time.now, by)
    disable(scene)
    with scene.app.app_context():
        assert jobs.deliver(delivery_id, by, key_id) is None
    assert scene.receiver.arrived == []


# --- signatures --------------------------------------------------------------------------------------------------


def certificate(scene: Scene, arrived: Arrived) -> bytes:
    """What a receiver finds where the delivery says the certificate is."""
    address = arrived.headers["X-MS-Certificate-Url"]
    assert address.startswith("http://localhost/webhooks/v1/certificates/")
    answer = scene.app.test_client().get(address.removeprefix("http://localhost"))
    assert answer.status_code == 200
    return answer.get_data()


def test_both_signatures_hold(scene: Scene) -> None:
    scene.register()
    fact_id = scene.happens("agreement.accepted")
    assert scene.deliver() == 1
    (arrived,) = scene.receiver.arrived
    assert arrived.signed_with(scene.secret)
    assert not arrived.signed_with("whsec_" + "A" * 44)
    pem = certificate(scene, arrived)
    arrived.check_certificate(pem)
    with pytest.raises(InvalidSignature):
        Arrived(arrived.path, arrived.headers, arrived.content + b" ").check_certificate(pem)
    assert x509.load_pem_x509_certificate(pem).not_valid_after_utc is not None
    assert arrived.body == {
        "EventName": "customer-agreement-accepted",
        "ResourceUri": f"http://localhost/v1/customers/{scene.customer.id}/agreements",
        "ResourceName": "CustomerAgreement",
        "AuditUri": f"http://localhost/v1/auditrecords/{fact_id}",
        "ResourceChangeUtcDate": arrived.body["ResourceChangeUtcDate"],
    }
    assert arrived.id == f"msg_{scene.deliveries()[0].id.hex}"


def test_all_processes_sign_with_one_key(scene: Scene, make_app: Callable[..., Flask]) -> None:
    apps = [scene.app, make_app(web_threads=5), make_app(web_threads=6)]
    found: list[UUID] = []

    def ensure(app: Flask) -> None:
        with app.app_context():
            found.append(actions.ensure_signing_key().id)

    threads = [threading.Thread(target=ensure, args=(app,)) for app in apps]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    with scene.app.app_context():
        (row,) = database.session().scalars(sa.select(WebhookKey)).all()
        assert b"PRIVATE" not in row.sealed


def test_a_lost_key_of_the_application_gives_a_new_pair_and_no_secret(
    scene: Scene, make_app: Callable[..., Flask]
) -> None:
    scene.register()
    scene.happens()
    with scene.app.app_context():
        before = actions.ensure_signing_key().id
    later = make_app(keys={"k2": bytes(range(2, 34))}, webhook_targets=(scene.receiver.target,))
    with later.app_context():
        assert jobs.deliver_due() == 1
        assert actions.ensure_signing_key().id != before
        assert actions.secret_of(scene.registration()) == ""
    (arrived,) = scene.receiver.arrived
    assert "webhook-signature" not in arrived.headers
    arrived.check_certificate(certificate(scene, arrived))


def test_after_a_rotation_both_secrets_sign_for_a_day(scene: Scene, time: Clock) -> None:
    scene.register()
    old, by = scene.secret, scene.agent()
    with scene.app.app_context(), database.unit_of_work():
        _row, new = actions.rotate(scene.registration(), by=by)
    assert new != old
    scene.happens()
    scene.deliver()
    time.forward(hours=25)
    scene.happens()
    scene.deliver()
    during, after = scene.receiver.arrived
    assert (during.signed_with(old), during.signed_with(new)) == (True, True)
    assert (after.signed_with(old), after.signed_with(new)) == (False, True)


def test_the_secret_is_stored_nowhere(scene: Scene) -> None:
    scene.register()
    kept = scene.secret.removeprefix("whsec_")
    with scene.app.app_context():
        for table in database.Model.metadata.sorted_tables:
            for row in database.session().execute(sa.select(table)):
                assert kept not in str(row), table.name


# --- trying again ------------------------------------------------------------------------------------------------


def test_ten_attempts_then_a_dead_letter_that_holds_nobody_up(scene: Scene, time: Clock) -> None:
    scene.register()
    scene.receiver.answer = lambda arrived: 503 if "customer-agreement" in arrived.content.decode() else 200
    scene.happens("agreement.accepted")
    time.forward(seconds=1)
    scene.happens("agreement.objected")
    for attempt in range(1, 11):
        assert scene.deliver() == 1, attempt
        first, second = scene.deliveries()
        assert attempt == 10 or scene.deliver() == 0  # not before the pause is over
        assert second.attempts == 0
        time.now = max(time.now, first.next_attempt_at)
    assert first.dead_at is not None
    assert len(scene.attempts(first.id)) == 10
    assert {each.response_code for each in scene.attempts(first.id)} == {503}
    assert scene.deliver() == 1
    assert scene.arrived() == ["customer-agreement-accepted"] * 10 + ["attestation-objected"]
    assert len({each.id for each in scene.receiver.arrived[:10]}) == 1


def test_a_replay_is_sent_with_its_id(scene: Scene, time: Clock) -> None:
    scene.register()
    scene.receiver.answer = lambda _arrived: 410
    scene.happens()
    for _ in range(10):
        scene.deliver()
        time.now = max(time.now, scene.deliveries()[0].next_attempt_at)
    (dead,) = scene.deliveries()
    assert dead.dead_at is not None
    scene.receiver.answer = lambda _arrived: 200
    with scene.app.app_context():
        with database.unit_of_work():
            actions.replay(dead, scene.registration())
        with pytest.raises(rules.DeliveryNotDead), database.unit_of_work():
            actions.replay(dead, scene.registration())
    assert scene.deliver() == 1
    assert scene.deliveries()[0].delivered_at is not None
    assert len({each.id for each in scene.receiver.arrived}) == 1
    with scene.app.app_context():
        assert queries.registration_of(scene.partner.id) is not None  # 410 ends no registration


def test_events_of_one_customer_wait_for_each_other_and_for_nobody_else(scene: Scene, time: Clock) -> None:
    scene.register()
    other = scene.world.a_customer("Wingtip Toys")
    scene.receiver.answer = lambda arrived: 500 if str(scene.customer.id) in arrived.content.decode() else 200
    scene.happens("agreement.accepted")
    scene.happens("agreement.objected")
    scene.happens("agreement.accepted", other)
    scene.happens("agreement.objected", other)
    for _ in range(3):
        scene.deliver()
    sent = [(str(other.id) in each.content.decode(), each.body["EventName"]) for each in scene.receiver.arrived]
    assert sent.count((False, "customer-agreement-accepted")) == 1
    assert (False, "attestation-objected") not in sent
    assert [name for of_other, name in sent if of_other] == ["customer-agreement-accepted", "attestation-objected"]
    scene.receiver.answer = lambda _arrived: 200
    time.forward(minutes=1)
    scene.deliver()
    scene.deliver()
    assert scene.arrived()[-2:] == ["customer-agreement-accepted", "attestation-objected"]


def test_events_of_one_fact_arrive_in_their_order(scene: Scene) -> None:
    scene.register()
    scene.happens("delegated_admin.approved", facts={"delegated_id": "d"})
    for _ in range(3):
        scene.deliver()
    assert scene.arrived() == list(rules.OF_FACTS["delegated_admin.approved"])


def test_a_receiver_that_is_away_is_left_alone_for_a_while(scene: Scene, time: Clock) -> None:
    scene.register(url=f"http://127.0.0.1:{scene.receiver.port}/")
    scene.receiver.server.server_close()
    for number in range(5):
        scene.happens(customer=scene.world.a_customer(f"Customer {number}"))
    assert scene.deliver() == 1  # the first says that nobody is there
    assert scene.deliver() == 0
    time.forward(seconds=31)
    assert scene.deliver() == 1
    assert sorted(each.attempts for each in scene.deliveries()) == [0, 0, 0, 1, 1]
    assert all(each.leased_until is None for each in scene.deliveries())


def _wait(gate: threading.Event) -> None:
    gate.wait(10)


def test_one_receiver_that_is_slow_holds_no_other_up(scene: Scene) -> None:
    scene.register()
    with Receiver() as slow:
        gate = threading.Event()
        slow.before = lambda _arrived: _wait(gate)
        scene.receiver.before = lambda _arrived: gate.set()  # answers the slow one only once the other has arrived
        listed = (scene.receiver.target, slow.target)
        config = scene.app.config["COUNTERSIGN"]
        scene.app.config["COUNTERSIGN"] = type(config)(**{**vars(config), "webhook_targets": listed})
        scene.register(url=slow.url, partner=scene.rival)
        scene.happens(partner_id=scene.rival.id)
        scene.happens()
        assert scene.deliver() == 2
    assert len(slow.arrived) == len(scene.receiver.arrived) == 1


def test_a_receiver_with_much_to_get_leaves_room_for_another(scene: Scene, time: Clock) -> None:
    busy, other = scene.register(), scene.register(partner=scene.rival)
    early = time.now - timedelta(hours=1)

    def due(partner: Party, registration_id: UUID, moment: datetime) -> WebhookDelivery:
        return WebhookDelivery(
            id=uuid4(), organization_id=partner.id, registration_id=registration_id, event=rules.TEST, stream=uuid4(),
            place=0, body="{}", created_at=moment, next_attempt_at=moment, attempts=0,
        )  # fmt: skip

    with scene.app.app_context(), database.unit_of_work():
        database.write()
        rows = [due(scene.partner, busy, early + timedelta(seconds=number)) for number in range(300)]
        last = due(scene.rival, other, time.now)
        first = [each.id for each in rows[: rules.AT_A_TIME]]
        last_id = last.id
        database.session().add_all([*rows, last])
        database.session().flush()
    with scene.app.app_context():
        claimed = actions.claim(time.now, uuid4())
        assert claimed == [*((each, busy) for each in first), (last_id, other)]
        following = actions.claim(time.now, uuid4())
        assert [each for _id, each in following] == [busy] * rules.AT_A_TIME
        assert {each for each, _ in following}.isdisjoint(first)


def test_a_crash_between_sending_and_commit_repeats_with_the_same_id(
    scene: Scene, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.register()
    scene.happens()
    with monkeypatch.context() as dying:

        def dies(*_args: Any) -> None:
            raise SystemExit("killed")

        dying.setattr(actions, "keep_outcome", dies)
        dying.setattr(actions, "release", lambda _by: None)
        with pytest.raises(SystemExit):
            scene.deliver()
    assert scene.deliveries()[0].delivered_at is None
    assert scene.deliver() == 0  # its lease lasts
    time.forward(seconds=61)
    assert scene.deliver() == 1
    one, other = scene.receiver.arrived
    assert one.id == other.id
    assert one.content == other.content
    assert other.signed_with(scene.secret)
    assert scene.deliveries()[0].delivered_at is not None


def test_a_worker_that_lost_its_lease_sends_nothing(scene: Scene, time: Clock) -> None:
    scene.register()
    scene.happens()
    with scene.app.app_context():
        key_id = actions.ensure_signing_key().id
        one, other = uuid4(), uuid4()
        ((delivery_id, _registration),) = actions.claim(time.now, one)
        assert actions.claim(time.now, other) == []
        time.forward(seconds=61)
        assert [each for each, _ in actions.claim(time.now, other)] == [delivery_id]
        assert jobs.deliver(delivery_id, one, key_id) is None
        outcome = jobs.deliver(delivery_id, other, key_id)
        assert outcome is not None
        assert outcome.is_delivered
    assert len(scene.receiver.arrived) == 1


def test_a_clock_that_was_set_back_keeps_nothing_waiting(scene: Scene, time: Clock) -> None:
    scene.register()
    scene.receiver.answer = lambda _arrived: 500
    scene.happens()
    scene.deliver()
    scene.receiver.answer = lambda _arrived: 200
    time.forward(days=-30)
    assert scene.deliver() == 1
    assert scene.deliveries()[0].delivered_at is not None


def test_a_worker_that_is_told_to_stop_gives_back_what_it_did_not_try(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.register()
    scene.happens()
    with monkeypatch.context() as stopping:
        stopping.setattr(worker, "is_stopping", lambda: True)
        assert scene.deliver() == 0
    assert scene.deliver() == 1


def test_what_cannot_be_sent_at_all_holds_nobody_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.register()
    scene.happens("agreement.accepted")
    scene.happens("agreement.accepted", scene.world.a_customer("Wingtip Toys"))
    real = actions.headers_of
    failed: list[int] = []

    def fails_once(*args: Any) -> dict[str, str]:
        if not failed:
            failed.append(1)
            raise ValueError("never mind")
        return real(*args)

    monkeypatch.setattr(actions, "headers_of", fails_once)
    assert scene.deliver() == 2
    assert len(scene.receiver.arrived) == 1
    assert sorted(each.attempts for each in scene.deliveries()) == [1, 1]
    assert "fault" in {each.error for row in scene.deliveries() for each in scene.attempts(row.id)}


# --- the registration --------------------------------------------------------------------------------------------


def test_a_partner_has_one_registration(scene: Scene) -> None:
    scene.register()
    with pytest.raises(rules.AlreadyRegistered):
        scene.register()
    with scene.app.app_context(), pytest.raises(IntegrityError), database.unit_of_work():
        database.write()
        row = scene.registration()
        copy = {name: getattr(row, name) for name in ("organization_id", "url", "events", "key_id", "created_at")}
        database.session().add(WebhookRegistration(id=uuid4(), changed_at=row.changed_at, **copy))


def test_what_waits_goes_to_the_new_address(scene: Scene) -> None:
    scene.register(url=scene.receiver.url + "/old")
    scene.happens()
    by = scene.agent()
    with scene.app.app_context(), database.unit_of_work():
        actions.change(scene.registration(), by=by, url=scene.receiver.url + "/new", events=["test-created"])
    scene.happens()
    scene.deliver()
    assert [each.path for each in scene.receiver.arrived] == ["/events/new"]


def test_when_it_ends_what_waits_is_dropped_and_another_can_begin(scene: Scene) -> None:
    scene.register()
    scene.happens()
    by = scene.agent()
    with scene.app.app_context(), database.unit_of_work():
        actions.end(scene.registration(), by=by)
    scene.happens()
    assert scene.deliver() == 0
    (dropped,) = scene.deliveries()
    assert rules.state_of(dropped.delivered_at, dropped.dead_at, dropped.closed_at) == "dropped"
    old = scene.secret
    scene.register()
    assert scene.secret != old


def test_what_is_done_to_it_stands_in_the_history_without_what_an_address_may_hide(scene: Scene) -> None:
    scene.register(url=scene.receiver.url + "?code=hidden")
    by = scene.agent()
    with scene.app.app_context():
        for act in (
            lambda row: actions.rotate(row, by=by),
            lambda row: actions.change(row, by=by, url=scene.receiver.url, events=["test-created"]),
            lambda row: actions.end(row, by=by),
        ):
            with database.unit_of_work():
                act(scene.registration())
        facts = database.session().scalars(sa.select(Fact).where(Fact.kind.startswith("webhook.")).order_by(Fact.at))
        records = [(each.kind, each.record) for each in facts]
    assert [kind for kind, _record in records] == [
        "webhook.registered", "webhook.secret_rotated", "webhook.changed", "webhook.ended"
    ]  # fmt: skip
    assert not any("hidden" in record or "whsec_" in record for _kind, record in records)


def test_two_test_events_a_minute(scene: Scene, time: Clock) -> None:
    scene.register(["subscription-updated"])
    by = scene.agent()

    def ask() -> None:
        with scene.app.app_context(), database.unit_of_work():
            actions.send_test(scene.registration(), by=by)

    ask()
    ask()
    with pytest.raises(rules.TooManyTestEvents):
        ask()
    time.forward(seconds=61)
    ask()
    scene.deliver()
    assert scene.arrived() == ["test-created"] * 3


def test_old_deliveries_are_forgotten_and_waiting_ones_are_not(scene: Scene, time: Clock) -> None:
    scene.register()
    scene.happens()
    scene.deliver()
    scene.receiver.answer = lambda _arrived: 500
    scene.happens("agreement.accepted")
    scene.deliver()
    time.forward(days=31)
    with scene.app.app_context():
        assert actions.forget_old() == 1
        assert actions.forget_old() == 0
    assert [each.event for each in scene.deliveries()] == ["customer-agreement-accepted"]
    assert time.now - scene.deliveries()[0].created_at > timedelta(days=30)


def test_commands_list_what_is_stuck_and_send_it_once_more(scene: Scene, time: Clock) -> None:
    scene.register()
    scene.receiver.answer = lambda _arrived: 500
    scene.happens()
    scene.deliver()
    run = scene.app.test_cli_runner().invoke
    assert "tried 1 times; 500" in run(args=["webhooks", "list"]).output
    for _ in range(9):
        time.now = max(time.now, scene.deliveries()[0].next_attempt_at)
        scene.deliver()
    listed = run(args=["webhooks", "list"]).output
    assert f"subscription-updated of partner {scene.partner.id}: given up; 500" in listed
    assert "1 stuck." in listed
    assert "0 will be sent again." in run(args=["webhooks", "replay", str(uuid4())]).output
    assert "1 will be sent again." in run(args=["webhooks", "replay"]).output
    scene.receiver.answer = lambda _arrived: 200
    scene.deliver()
    assert "0 stuck." in run(args=["webhooks", "list"]).output
