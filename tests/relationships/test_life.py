"""The life of relationships as a stateful property: whatever both sides do in whatever order, never two of the same are
open at once, nothing comes back from its end, and nothing ends while something bought through it is active.

The model below is written from the sentences of the issue; it does not call the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.relationships.scene import Scene
from tests.support.builders import Party, World
from webapp.evidence.models import Fact
from webapp.relationships import rules
from webapp.relationships.models import Distrust, Ending, EndingAnswer, EndingRequest, Relationship
from webapp.subscriptions.models import Subscription
from webapp.subscriptions.rules import NotRelated

BEGINS = datetime(2026, 10, 1, 3, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


@dataclass
class Known:
    """A relationship as the model knows it; `request` is "waits", "refused", "withdrawn", "agreed" or empty."""

    id: UUID
    indirect: bool
    ended: bool = False
    request: str = ""
    bought: list[date] = field(default_factory=list)


class Life(RuleBasedStateMachine):
    """One customer with a direct partner, and with a reseller through its provider."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.now = scene, BEGINS
        self.known: list[Known] = []
        self.bought: dict[bool, list[date]] = {False: [], True: []}
        self.distrusted: set[UUID] = set()
        self.ends: dict[UUID, datetime] = {}
        scene.it_is(self.now)

    # --- what the model expects ---

    def today(self) -> date:
        return self.now.astimezone(TOKYO).date()

    def parties(self, indirect: bool) -> list[Party]:
        return [self.scene.provider, self.scene.reseller] if indirect else [self.scene.partner]

    def open(self, indirect: bool) -> Known | None:
        return next((each for each in self.known if each.indirect is indirect and not each.ended), None)

    def is_held_up(self, indirect: bool) -> bool:
        return any(self.today() <= until for until in self.bought[indirect])

    def expect(self, refusal: type[Exception] | None, act: Callable[[], Any]) -> Any:
        """Do something that must succeed, or be refused just so."""
        if refusal is None:
            return act()
        with pytest.raises(refusal):
            act()
        return None

    def pick(self, number: int) -> Known:
        """One of the newest: what is open lies at the end."""
        return self.known[-1 - number % len(self.known)]

    def has_any(self) -> bool:
        return bool(self.known)

    # --- what happens ---

    @initialize()
    def both_begin(self) -> None:
        for indirect in (False, True):
            self.known.append(Known(self.scene.begin(indirect=indirect), indirect))

    @rule(indirect=st.booleans())
    def begin(self, indirect: bool) -> None:
        refusal: type[Exception] | None = None
        if any(each.id in self.distrusted for each in self.parties(indirect)):
            refusal = rules.PartnerDistrusted
        elif self.open(indirect) is not None:
            refusal = rules.AlreadyRelated
        made = self.expect(refusal, lambda: self.scene.begin(indirect=indirect))
        if made is not None:
            self.known.append(Known(made, indirect))

    @rule(indirect=st.booleans(), days=st.sampled_from([-40, -1, 0, 1, 3]))
    def buy(self, indirect: bool, days: int) -> None:
        until = self.today() + timedelta(days=days)
        refusal = NotRelated if self.open(indirect) is None and until not in self.bought[indirect] else None
        if self.expect(refusal, lambda: self.scene.buy(indirect=indirect, until=until)) is not None:
            self.bought[indirect].append(until)

    @precondition(has_any)
    @rule(number=st.integers(0, 2), role=st.sampled_from(["global_administrator", "billing_administrator"]))
    def ask(self, number: int, role: str) -> None:
        of = self.pick(number)
        refusal = rules.RelationshipOver if of.ended else None
        asked = self.expect(refusal, lambda: self.scene.ask(of.id, role=role))
        if refusal is None:
            assert asked is (of.request != "waits")
            of.request = "waits"

    @precondition(lambda self: any(each.request for each in self.known))
    @rule(number=st.integers(0, 2))
    def withdraw(self, number: int) -> None:
        asked = [each for each in self.known if each.request]
        of = asked[-1 - number % len(asked)]
        refusal = rules.RequestAnswered if of.request in {"refused", "agreed"} else None
        done = self.expect(refusal, lambda: self.scene.withdraw(of.id))
        if refusal is None:
            assert done is (of.request == "waits")
            of.request = "withdrawn"

    @precondition(lambda self: any(each.request for each in self.known))
    @rule(number=st.integers(0, 2), agree=st.booleans(), second=st.booleans(), reason=st.sampled_from(["", "No."]))
    def answer(self, number: int, agree: bool, second: bool, reason: str) -> None:
        asked = [each for each in self.known if each.request]
        of = asked[-1 - number % len(asked)]
        wanted = "agreed" if agree else "refused"
        refusal: type[Exception] | None = None
        if of.request not in {"waits", wanted}:
            refusal = rules.RequestAnswered
        elif of.request == "waits" and not agree and not reason:
            refusal = rules.ReasonMissing
        elif of.request == "waits" and agree and self.is_held_up(of.indirect):
            refusal = rules.SubscriptionsActive
        by = self.parties(of.indirect)[-1 if second else 0]
        done = self.expect(refusal, lambda: self.scene.answer(of.id, agree=agree, reason=reason, by=by))
        if refusal is None:
            assert done is (of.request == "waits")
            of.request = wanted
            of.ended = of.ended or agree

    @precondition(has_any)
    @rule(number=st.integers(0, 2), second=st.booleans())
    def end(self, number: int, second: bool) -> None:
        of = self.pick(number)
        refusal = rules.SubscriptionsActive if not of.ended and self.is_held_up(of.indirect) else None
        by = self.parties(of.indirect)[-1 if second else 0]
        done = self.expect(refusal, lambda: self.scene.end(of.id, by=by))
        if refusal is None:
            assert done is not of.ended
            of.ended = True
            of.request = "agreed" if of.request == "waits" else of.request

    @rule(number=st.integers(0, 2))
    def distrust(self, number: int) -> None:
        party = (self.scene.partner, self.scene.provider, self.scene.reseller)[number]
        assert self.scene.distrust(party) is (party.id not in self.distrusted)
        self.distrusted.add(party.id)

    @rule(number=st.integers(0, 2))
    def trust(self, number: int) -> None:
        party = (self.scene.partner, self.scene.provider, self.scene.reseller)[number]
        assert self.scene.trust(party) is (party.id in self.distrusted)
        self.distrusted.discard(party.id)

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.scene.it_is(self.now)

    # --- what is always so ---

    def rows(self, model: type[Any], *where: Any) -> list[Any]:
        return self.scene.rows(model, *where)

    def relationships(self) -> dict[UUID, Relationship]:
        rows = self.rows(Relationship, Relationship.customer_id == self.scene.customer.id)
        return {each.id: each for each in rows}

    @invariant()
    def never_two_of_the_same_are_open(self) -> None:
        ended = {each.relationship_id for each in self.rows(Ending)}
        open_ = [(r.partner_id, r.reseller_id) for r in self.relationships().values() if r.id not in ended]
        assert len(open_) == len(set(open_))

    @invariant()
    def nothing_comes_back_from_its_end(self) -> None:
        mine = self.relationships()
        ends = {each.relationship_id: each.at for each in self.rows(Ending) if each.relationship_id in mine}
        assert self.ends.items() <= ends.items()
        assert set(ends) == {each.id for each in self.known if each.ended}
        self.ends = ends

    @invariant()
    def nothing_ended_while_something_was_active(self) -> None:
        mine = self.relationships()
        bought = self.rows(Subscription, Subscription.customer_id == self.scene.customer.id)
        for id_, at in self.ends.items():
            of, day = mine[id_], at.astimezone(TOKYO).date()
            held = [
                each
                for each in bought
                if (each.partner_id, each.reseller_id) == (of.partner_id, of.reseller_id)
                and each.created_at < at
                and each.ends_on >= day
            ]
            assert not held

    @invariant()
    def at_most_one_request_waits_and_none_where_it_ended(self) -> None:
        answered = {each.request_id for each in self.rows(EndingAnswer)}
        mine = self.relationships()
        waiting = [
            each.relationship_id
            for each in self.rows(EndingRequest)
            if each.id not in answered and each.relationship_id in mine
        ]
        assert len(waiting) == len(set(waiting))
        assert set(waiting) == {each.id for each in self.known if each.request == "waits"}
        assert not set(waiting) & set(self.ends)

    @invariant()
    def each_act_is_one_fact_of_the_customer(self) -> None:
        mine = self.relationships()
        facts = self.rows(Fact, Fact.customer_id == self.scene.customer.id)
        assert {each.chain_id for each in facts} == {self.scene.customer.chain_id}
        requests = [each for each in self.rows(EndingRequest) if each.relationship_id in mine]
        answers = [each for each in self.rows(EndingAnswer) if each.request_id in {r.id for r in requests}]
        acts = (
            [each.fact_id for each in requests]
            + [each.fact_id for each in answers if each.answer != "agreed"]
            + [each.fact_id for each in self.rows(Ending) if each.relationship_id in mine]
            + [each.fact_id for each in self.rows(Distrust, Distrust.customer_id == self.scene.customer.id)]
        )
        wanted = ("relationship.end", "relationship.distrusted", "relationship.trusted")
        assert sorted(acts) == sorted(each.id for each in facts if each.kind.startswith(wanted))


@pytest.mark.timeout(600)
def test_the_life_of_relationships(moved_scene: Scene, full: bool) -> None:
    first = [moved_scene]

    def life() -> Life:
        """Organizations of their own for each run, in one database."""
        if first:
            return Life(first.pop())
        app, clock_file = moved_scene.app, moved_scene.clock_file
        return Life(Scene(app, World(app), clock_file))

    factory: Any = life  # hypothesis takes any function that makes a machine, and says so only in words
    run_state_machine_as_test(
        factory,
        settings=settings(
            max_examples=60 if full else 12,
            stateful_step_count=40 if full else 25,
            deadline=None,
            database=None,
            derandomize=not full,  # the small dose lives the same lives each time, the full one new ones
            phases=(Phase.generate, Phase.shrink) if full else (Phase.generate,),  # a smaller story takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
