"""Redeeming without pages: all or nothing, once, for a delegated administrator as well; what erasing takes along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.product_keys.scene import Counter
from webapp import clock, database
from webapp.access import delegated_permissions
from webapp.accounts import actions as accounts
from webapp.accounts.models import Attempt, Person
from webapp.actor import Acting, Actor
from webapp.customers import actions as customers
from webapp.errors import Refusal
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.product_keys import actions, queries, rules
from webapp.product_keys.models import Redemption, RedemptionDraft
from webapp.subscriptions.models import Subscription, SubscriptionStanding

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


def enter(counter: Counter, by: Actor, *keys: str) -> UUID:
    """Enter keys for the customer; the draft's id."""
    with counter.app.app_context(), database.unit_of_work():
        customer = counter.organization(counter.customer)
        draft, faults = actions.enter(None, "\n".join(keys), by=by, customer=customer, network_address="192.0.2.1")
        assert not faults
        assert draft is not None
        return draft.id


def redeem(counter: Counter, by: Actor, draft_id: UUID, way: str = "new") -> None:
    """Redeem a draft for the customer, each product's keys the same way."""
    with counter.app.app_context(), database.unit_of_work():
        draft = database.session().get_one(RedemptionDraft, draft_id)
        choices = queries.choices_of(counter.organization(counter.customer), queries.entered_in(draft.key_ids))
        actions.redeem(
            draft, by=by, ways={each.product.id: way for each in choices}, parts=queries.parts_of(choices),
            fingerprint=queries.fingerprint_of_choices(draft, choices), network_address="192.0.2.1",
        )  # fmt: skip


def administrator(counter: Counter) -> Actor:
    with counter.app.app_context():
        return counter.actor(counter.customer["global_administrator"])


def delegate(counter: Counter) -> Actor:
    """An admin agent of the partner, acting for the customer."""
    with counter.app.app_context():
        agent, customer = counter.actor(counter.partner["admin_agent"]), counter.organization(counter.customer)
        roles = frozenset({GLOBAL_ADMINISTRATOR})
        return replace(
            agent, organization_id=customer.id, organization_kind="customer", organization_name=customer.name,
            chain_id=customer.chain_id, zone=customer.zone, country=customer.country, roles=frozenset(),
            permissions=delegated_permissions(agent.roles, roles),
            acting=Acting(counter.partner.id, counter.partner.name, roles),
        )  # fmt: skip


def test_a_delegated_administrator_redeems_under_its_own_name(counter: Counter) -> None:
    by = delegate(counter)
    redeem(counter, by, enter(counter, by, *counter.keys()))
    (row,) = counter.rows(Redemption)
    assert (row.customer_id, row.organization_id, row.person_id) == (
        counter.customer.id, counter.partner.id, counter.partner["admin_agent"].id,
    )  # fmt: skip
    (subscription,) = counter.rows(Subscription)
    assert subscription.partner_id is None  # whoever redeems does not bill it
    assert counter.rows(SubscriptionStanding)[0].record_partner_id is None
    (fact,) = counter.rows(Fact, Fact.kind == "product_key.redeemed")
    assert (fact.chain_id, fact.acting_partner_id) == (counter.customer.chain_id, counter.partner.id)
    mails = counter.rows(Message, Message.kind == "redeemed")
    assert all("Admin Of" in mail.text and "as its delegated administrator" in mail.text for mail in mails)
    with counter.app.app_context(), database.unit_of_work():
        assert customers.rebuild_customer(counter.customer.id) == 0  # the partner's list is what the acts make of it


def test_keys_of_a_partner_are_billed_by_it_and_it_is_partner_of_record(counter: Counter) -> None:
    by = administrator(counter)
    redeem(counter, by, enter(counter, by, *counter.keys(count=2, partner=counter.partner)))
    standing = counter.rows(SubscriptionStanding)[0]
    assert (standing.partner_id, standing.record_partner_id) == (counter.partner.id, counter.partner.id)
    mixed = [*counter.keys("OTHER", partner=counter.partner), *counter.keys("OTHER", partner=counter.provider)]
    redeem(counter, by, enter(counter, by, *mixed))
    assert counter.rows(SubscriptionStanding, SubscriptionStanding.product == "Mail Plan")[0].partner_id is None
    with counter.app.app_context(), database.unit_of_work():
        assert customers.rebuild_customer(counter.customer.id) == 0


def test_a_failure_after_the_first_product_leaves_nothing(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    by = administrator(counter)
    draft_id = enter(counter, by, *counter.keys(), *counter.keys("OTHER"))
    before = len(counter.rows(Fact))

    def fails(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("webapp.product_keys.emails.redeemed", fails)
    with pytest.raises(RuntimeError, match="planted"):
        redeem(counter, by, draft_id)
    assert counter.rows(Redemption) == counter.rows(Subscription) == []
    assert len(counter.rows(Fact)) == before
    monkeypatch.undo()
    redeem(counter, by, draft_id)
    assert len(counter.rows(Redemption)) == 2


def test_a_redeemed_draft_takes_nothing_more(counter: Counter) -> None:
    by = administrator(counter)
    one, two = counter.keys(count=2)
    draft_id = enter(counter, by, one)
    redeem(counter, by, draft_id)
    with counter.app.app_context():
        draft = database.session().get_one(RedemptionDraft, draft_id)
        for act in (
            lambda: actions.enter(draft, two, by=by, network_address="192.0.2.1"),
            lambda: actions.remove(draft, draft.key_ids[0], by=by),
            lambda: actions.keep(draft, {"a": "b"}, step="keys", by=by),
            lambda: actions.discard(draft, by=by),
        ):
            with pytest.raises(rules.RedemptionOver), database.unit_of_work():
                act()


def test_more_than_a_hundred_keys_are_too_many(counter: Counter) -> None:
    by = administrator(counter)
    keys = counter.keys(count=101, seats=1)
    with counter.app.app_context(), database.unit_of_work():
        draft, faults = actions.enter(None, "\n".join(keys), by=by, network_address="192.0.2.1")
        assert (draft, [fault.kind for fault in faults]) == (None, ["many"])
    assert enter(counter, by, *keys[:100])
    assert counter.rows(Attempt) == []


def test_a_success_clears_the_pair_and_not_everybody(counter: Counter) -> None:
    by = administrator(counter)
    with counter.app.app_context(), database.unit_of_work():
        _draft, faults = actions.enter(None, "BCDFG-HJKMP-QRTVW-XY234-67896", by=by, network_address="192.0.2.1")
        assert [fault.kind for fault in faults] == ["unknown"]
    redeem(counter, by, enter(counter, by, *counter.keys()))
    with counter.app.app_context():
        pair, everybody = queries.attempt_words(by, "192.0.2.1")
        (row,) = counter.rows(Attempt, Attempt.network == everybody)
        assert row.pair != pair
    with counter.app.app_context(), database.unit_of_work():
        assert accounts.forget_attempts() == 0


def _together(*acts: Callable[[], Any]) -> list[Any]:
    """Do several things at the same moment; what each gave, or how it was refused."""
    results: list[Any] = []
    begun = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> None:
        begun.wait(30)
        try:
            results.append(act())
        except Refusal as refusal:
            results.append(type(refusal))

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return results


@pytest.mark.parametrize("signed_in", ["customer", "partner"])
def test_two_clicks_on_next_make_one_draft(counter: Counter, signed_in: str) -> None:
    one, two = counter.keys(count=2)
    with counter.app.app_context(), database.unit_of_work():
        by = counter.world._acting(counter.partner["sales_agent"])
    if signed_in == "customer":
        by = administrator(counter)

    def click(key: str) -> UUID:
        with counter.app.app_context(), database.unit_of_work():
            customer = counter.organization(counter.customer) if by.is_customer else None
            draft, _faults = actions.enter(None, key, by=by, customer=customer, network_address="192.0.2.1")
            assert draft is not None
            return draft.id

    results = _together(lambda: click(one), lambda: click(two))
    (draft,) = counter.rows(RedemptionDraft)
    assert results == [draft.id, draft.id]
    assert len(draft.key_ids) == 2


def test_what_has_rested_too_long_is_not_taken_up_again(counter: Counter) -> None:
    by = administrator(counter)
    one, two = counter.keys(count=2)
    old = enter(counter, by, one)
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(RedemptionDraft).values(updated_at=clock.now() - timedelta(days=31)))
    new = enter(counter, by, two)
    (draft,) = counter.rows(RedemptionDraft)
    assert (draft.id, len(draft.key_ids), new == old) == (new, 1, False)


def test_whoever_tries_in_parallel_tries_no_more(counter: Counter) -> None:
    by = administrator(counter)
    wrong = [f"BCDFG-HJKMP-QRTVW-XY234-6789{letter}" for letter in "BCDFGHJKMP"]

    def guess() -> int:
        with counter.app.app_context(), database.unit_of_work():
            _draft, faults = actions.enter(None, "\n".join(wrong), by=by, network_address="192.0.2.1")
            return len(faults)

    results = _together(*[guess] * 5)
    assert sorted(map(str, results)) == sorted(map(str, [10, 10, *[rules.TooManyWrongKeys] * 3]))
    assert len(counter.rows(Attempt)) == 20


def test_failures_of_the_future_lock_nobody_out(counter: Counter) -> None:
    by = administrator(counter)
    with counter.app.app_context():
        pair, everybody = queries.attempt_words(by, "192.0.2.1")
        with database.unit_of_work():
            database.write()
            later = clock.now() + timedelta(hours=2)
            database.session().add_all(
                Attempt(kind=queries.ABOUT, pair=pair, network=everybody, at=later) for _ in range(30)
            )
        assert queries.left_to_try((pair, everybody)) == rules.Left(20, everybody=False)


def test_what_was_entered_goes_with_whoever_is_erased_and_the_redemption_stays(counter: Counter) -> None:
    by = administrator(counter)
    one, two = counter.keys(count=2)
    redeem(counter, by, enter(counter, by, one))
    enter(counter, by, two)
    with counter.app.app_context(), database.unit_of_work():
        person = database.session().get_one(Person, by.person_id)
        accounts.erase(person, "asked for it")
    assert counter.rows(RedemptionDraft) == []
    (row,) = counter.rows(Redemption)
    with counter.app.app_context():
        assert queries.name_of(row) == ""
