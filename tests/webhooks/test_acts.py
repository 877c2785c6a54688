"""What people and programs really do, as partners' programs are told of it: every address in an event opens for its
receiver's token."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.support.builders import Party
from tests.support.delegation import Delegation
from tests.support.story import Story
from webapp import clock, database
from webapp.agreements import actions as agreements
from webapp.agreements.models import Attestation
from webapp.api_clients import actions as api_clients
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin.models import AccessAssignment, DelegatedRelationship
from webapp.delegated_admin.roles import BASIC
from webapp.evidence.models import Fact
from webapp.renewals import actions as renewals
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries
from webapp.subscriptions.models import Subscription
from webapp.webhooks import actions as webhooks
from webapp.webhooks import queries, rules
from webapp.webhooks.models import WebhookDelivery

Act = Callable[[], object]


@dataclass(frozen=True)
class Event:
    """What one partner is told."""

    partner_id: UUID
    name: str
    resource: str | None
    record: str | None


def events(story: Story, of: Party | None = None) -> list[Event]:
    """What partners, or one of them, are told, in the order in which it happened."""
    with story.app.app_context():
        rows = database.session().scalars(
            sa.select(WebhookDelivery).order_by(WebhookDelivery.created_at, WebhookDelivery.place)
        )
        found = []
        for row in rows:
            body = json.loads(row.body)
            paths = [body[name] and body[name].removeprefix("http://localhost") for name in ("ResourceUri", "AuditUri")]
            found.append(Event(row.organization_id, row.event, *paths))
    return [each for each in found if of is None or each.partner_id == of.id]


def forget(story: Story) -> None:
    """Let nothing have been told so far."""
    with story.unit():
        database.write()
        database.session().execute(sa.delete(WebhookDelivery))


def register(story: Story, partner: Party) -> str:
    """Register a receiver of every event for another partner; a token of its."""
    by = Delegation(story.app).acting(partner, "admin_agent")
    with story.unit():
        webhooks.register_webhook(by=by, url="https://hooks.other.example/events", events=rules.EVENTS)
    with story.unit():
        client, _secret = api_clients.create(by=by, name="Follows events", roles=("admin_agent",))
        _row, access, _refresh = api_clients.give_token(client, roles=("admin_agent",), person_id=None)
        return access


def status(story: Story, path: str, token: str = "") -> int:
    """What a receiver is answered at an address of an event."""
    sent = {"Authorization": f"Bearer {token or story.tokens['api_admin_agent']}"}
    return story.app.test_client().get(path, headers=sent).status_code


# --- acts --------------------------------------------------------------------------------------------------------


class Acts:
    """For each kind of fact that is told, what leads to it: each prepares what comes before, and gives the act itself."""

    def __init__(self, story: Story, go: Callable[[timedelta], None]) -> None:
        self.story, self.go = story, go

    def _delegated(self, *, active: bool, act: Callable[[DelegatedRelationship], Any]) -> Act:
        id_ = self.story.offers["waiting"]
        if active:
            self.story.approve(id_)

        def do() -> None:
            with self.story.unit():
                act(database.session().get_one(DelegatedRelationship, id_))

        return do

    def _line(
        self, act: Callable[[Subscription], Any], *, starts: int = 0, days: int = 365, renews: bool = True
    ) -> Act:
        """Something that the partner sold, and what happens to it."""
        self.story.sells_to(self.story.customer)
        with self.story.unit():
            customer, partner = (
                self.story.organization(self.story.customer),
                self.story.organization(self.story.partner),
            )
            starts_on = clock.today(customer.zone) + timedelta(days=starts)
            row, _new = subscriptions.add(
                customer, partner, reseller=None, product="Suite", seats=5, starts_on=starts_on,
                ends_on=starts_on + timedelta(days=days), auto_renews=renews,
            )  # fmt: skip
            id_ = row.id

        def do() -> None:
            with self.story.unit():
                act(database.session().get_one(Subscription, id_))

        return do

    def relationship_accepted(self) -> Act:
        return lambda: self.story.accept("global_administrator", self.story.partner)

    def agreement_accepted(self) -> Act:
        return lambda: accept_alone(self.story)

    def agreement_objected(self) -> Act:
        attestation_id = self.story.attested()["attestation_id"]

        def do() -> None:
            with self.story.unit():
                row = database.session().get_one(Attestation, attestation_id)
                by = self.story.actor("global_administrator")
                agreements.object_signed_in(row, by=by, comment="Nobody agreed.")

        return do

    def subscription_added(self) -> Act:
        return lambda: self._line(lambda _row: None)()

    def subscription_changed(self) -> Act:
        by = "global_administrator"
        return self._line(
            lambda row: subscriptions.change(row, seats=9, ends_on=row.ends_on, why="seats", by=self.story.actor(by))
        )

    def subscription_renewed(self) -> Act:
        return self._line(subscriptions.renew, starts=-30, days=25)

    def subscription_renewal_stopped(self) -> Act:
        return self._line(lambda row: subscriptions.stop_renewal(row, by=self.story.actor("billing_administrator")))

    def delegated_admin_approved(self) -> Act:
        return lambda: self.story.approve(self.story.offers["waiting"])

    def delegated_admin_ended(self) -> Act:
        by = "global_administrator"
        return self._delegated(active=True, act=lambda row: delegated_admin.end(row, by=self.story.actor(by)))

    def delegated_admin_declined(self) -> Act:
        by = "global_administrator"
        return self._delegated(
            active=False, act=lambda row: delegated_admin.decline(row, by=self.story.actor(by), reason="other")
        )

    def delegated_admin_withdrawn(self) -> Act:
        by = "admin_agent"
        return self._delegated(active=False, act=lambda row: delegated_admin.withdraw(row, by=self.story.actor(by)))

    def _later(self, *, active: bool) -> Act:
        do = self._delegated(active=active, act=delegated_admin.attend)

        def wait() -> None:
            self.go(timedelta(days=800))
            try:
                do()
            finally:
                self.go(timedelta(0))  # a token that lives an hour reads what it was told

        return wait

    def delegated_admin_lapsed(self) -> Act:
        return self._later(active=False)

    def delegated_admin_expired(self) -> Act:
        return self._later(active=True)

    def delegated_admin_assignment_created(self) -> Act:
        id_ = self.story.approve(self.story.offers["waiting"])
        return lambda: self.story.assign(id_)

    def _assigned(self, act: Callable[[AccessAssignment], Any]) -> Act:
        id_ = self.story.assign(self.story.approve(self.story.offers["waiting"]))

        def do() -> None:
            with self.story.unit():
                act(database.session().get_one(AccessAssignment, id_))

        return do

    def delegated_admin_assignment_updated(self) -> Act:
        by = "admin_agent"
        return self._assigned(
            lambda row: delegated_admin.reassign(row, by=self.story.actor(by), roles=BASIC)
        )  # fmt: skip

    def delegated_admin_assignment_deleted(self) -> Act:
        return self._assigned(lambda row: delegated_admin.unassign(row, by=self.story.actor("admin_agent")))


def accept_alone(story: Story) -> None:
    """The customer accepts the agreement by itself, asked by nobody."""
    address = "/agreement/acceptance"
    story.post("global_administrator", address, **story.last_form("global_administrator", address))


@pytest.fixture
def acts(story: Story, monkeypatch: pytest.MonkeyPatch) -> Acts:
    real, shift = clock.now, [timedelta(0)]
    monkeypatch.setattr(clock, "now", lambda: real() + shift[0])

    def go(by: timedelta) -> None:
        shift[0] = by

    return Acts(story, go)


@pytest.mark.parametrize("kind", rules.OF_FACTS)
def test_what_an_act_is_told_with_can_be_read(story: Story, acts: Acts, kind: str) -> None:
    story.webhook()
    if kind == "agreement.accepted":
        story.sells_to(story.customer)
    act = getattr(acts, kind.replace(".", "_"))()
    forget(story)
    act()
    found = events(story)
    assert [each.name for each in found if each.name in rules.OF_FACTS[kind]] == list(rules.OF_FACTS[kind])
    for each in found:
        assert each.record is not None
        assert status(story, each.record) == 200, each
        if each.name.startswith("dap-"):  # the older kind has no address
            assert each.resource is None
            continue
        assert each.resource is not None
        # What was deleted is gone: the event says which it was.
        expected = 404 if each.name == "granular-admin-access-assignment-deleted" else 200
        assert status(story, each.resource) == expected, each


def test_what_a_test_event_names_can_be_read(story: Story) -> None:
    story.webhook()
    with story.unit():
        registration = queries.registration_of(story.partner.id)
        assert registration is not None
        webhooks.send_test(registration, by=story.actor("admin_agent"))
    (told,) = events(story)
    assert told.record is None
    assert told.resource is not None
    assert status(story, told.resource) == 200


# --- who is told -------------------------------------------------------------------------------------------------


def test_the_record_of_an_acceptance_opens_for_a_partner_that_the_customer_did_not_name(story: Story) -> None:
    story.sells_to(story.customer)
    story.webhook()
    accept_alone(story)
    (told,) = events(story)
    assert told.name == "customer-agreement-accepted"
    assert told.record is not None
    with story.app.app_context():
        fact = database.session().get_one(Fact, UUID(told.record.rsplit("/", 1)[1]))
        assert {fact.partner_id, fact.other_partner_id} == {None}
    assert status(story, told.record) == 200
    assert status(story, told.record, story.tokens["api_rival"]) == 404


def name_of_record(story: Story, line_id: UUID, partner: Party | None) -> None:
    """The customer names a partner of record, or none."""
    with story.unit():
        standing = subscription_queries.standing_of(line_id)
        assert standing is not None
        named = story.organization(partner) if partner is not None else None
        assert subscriptions.name_partner_of_record(standing, named, by=story.actor("billing_administrator"))


def test_who_sells_a_subscription_is_told_whoever_becomes_its_partner_of_record(story: Story) -> None:
    line_id = story.ending_line()
    story.webhook()
    token, other = register(story, story.provider), register(story, story.helper)
    forget(story)
    seen = []
    for partner in (story.provider, story.helper, None, story.provider, story.partner):
        name_of_record(story, line_id, partner)
        told = events(story)
        assert {each.name for each in told} == {"subscription-updated"}
        for each in told:
            sells = each.partner_id == story.partner.id
            reads = {story.partner.id: "", story.provider.id: token, story.helper.id: other}[each.partner_id]
            assert (each.resource is not None) == sells
            for address in (each.resource, each.record):
                assert address is None or status(story, address, reads) == 200
        seen.append(sorted((_name(story, each.partner_id), each.record is not None) for each in told))
        forget(story)
    assert seen == [
        [("provider", True), ("seller", True)],
        # a seller that was not the one, nor is: whom the customer named is the customer's to tell
        [("helper", True), ("provider", True), ("seller", False)],
        [("helper", True), ("seller", False)],
        [("provider", True), ("seller", False)],
        [("provider", True), ("seller", False), ("seller", True)],
    ]


def _name(story: Story, partner_id: UUID) -> str:
    return {story.partner.id: "seller", story.provider.id: "provider", story.helper.id: "helper"}[partner_id]


def test_the_reseller_is_told_as_well(story: Story) -> None:
    story.make_provider()
    story.sells_with(story.customer, story.reseller)
    with story.unit():
        customer = story.organization(story.customer)
        today = clock.today(customer.zone)
        row, _new = subscriptions.add(
            customer, story.organization(story.partner), reseller=story.organization(story.reseller), product="Suite",
            seats=5, starts_on=today, ends_on=today + timedelta(days=90),
        )  # fmt: skip
        line_id = row.line_id
    story.webhook()
    token = register(story, story.reseller)
    forget(story)
    name_of_record(story, line_id, story.provider)
    found = {each.partner_id: each for each in events(story)}
    assert found.keys() == {story.partner.id, story.reseller.id}
    for partner_id, reads in ((story.partner.id, ""), (story.reseller.id, token)):
        resource = found[partner_id].resource
        assert resource is not None
        assert status(story, resource, reads) == 200
    # the reseller was partner of record, and reads that it no longer is
    assert (found[story.partner.id].record, found[story.reseller.id].record is None) == (None, False)


def test_who_sold_what_is_billed_directly_now_is_told(story: Story) -> None:
    line_id = story.partner_of_record()
    story.webhook()
    token = register(story, story.provider)
    forget(story)
    with story.unit():
        standing = subscription_queries.standing_of(line_id)
        assert standing is not None
        direct = renewals.check_direct(standing, story.organization(story.customer))
        renewals.switch_to_direct(
            standing, by=story.actor("global_administrator"), seats=5, shown=direct.shown, loss_accepted=False
        )  # fmt: skip
    for each in events(story):
        sells = each.partner_id == story.partner.id
        assert each.record is not None
        assert (each.resource is not None) == sells
        for address in filter(None, (each.resource, each.record)):
            assert status(story, address, "" if sells else token) == 200
    assert {each.partner_id for each in events(story)} == {story.partner.id, story.provider.id}


def test_an_assignment_that_stays_as_it_is_is_no_event(story: Story) -> None:
    story.webhook()
    id_ = story.assign(story.approve(story.offers["waiting"]))
    forget(story)
    with story.unit():
        row = database.session().get_one(AccessAssignment, id_)
        delegated_admin.reassign(row, by=story.actor("admin_agent"), roles=row.roles)
    assert events(story) == []
    assert status(story, f"/v1/auditrecords/{uuid4()}") == 404
