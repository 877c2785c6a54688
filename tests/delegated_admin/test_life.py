"""Delegated administration as a state machine: random histories through the actions, beside a model of their own.

The model is written from what was promised, not from the rules: nothing is in force without an approver who had the role
at that moment, nothing that is over comes back, an end is so many times 24 hours after the approval and 180 days more
for each end at which it extended itself, and rights are there exactly while it is in force.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask
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

from tests.delegated_admin.scene import BEGIN, Moment, Scene
from tests.support.builders import Party, World
from webapp import database
from webapp.actor import Actor
from webapp.delegated_admin import actions, queries, rules
from webapp.delegated_admin.models import DelegatedStanding
from webapp.delegated_admin.roles import GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, ROLES
from webapp.errors import Refusal
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships

APPROVERS = {"global_administrator", "delegated_admin_administrator"}
USER = next(role.id for role in ROLES if role.key == "user_administrator")
READER = next(role.id for role in ROLES if role.key == "global_reader")
OFFERABLE = (GLOBAL_ADMINISTRATOR, USER, HELPDESK_ADMINISTRATOR, READER)
#: What a helpdesk agent uses of these: those that reset passwords.
FOR_HELPDESK = {GLOBAL_ADMINISTRATOR, USER, HELPDESK_ADMINISTRATOR}
PEOPLE = ("global_administrator", "delegated_admin_administrator", "")

people = st.sampled_from(PEOPLE)
which = st.integers(0, 4)
some_roles = st.lists(st.sampled_from(OFFERABLE), min_size=1, max_size=4, unique=True)


@dataclass
class Told:
    """What the model knows of an offer."""

    id: UUID
    roles: list[str]
    days: int
    extends: bool
    closes: datetime
    approved_at: datetime | None = None
    approver_had_role: bool = False
    switches: list[tuple[datetime, bool]] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    over: tuple[str, datetime] | None = None

    def extends_at(self, moment: datetime) -> bool:
        return ([self.extends] + [on for at, on in self.switches if at <= moment])[-1]

    def end(self, now: datetime) -> datetime | None:
        """Activation plus the days, and 180 more for each end that came while it was on."""
        if self.approved_at is None:
            return None
        end = self.approved_at + timedelta(hours=24 * self.days)
        until = min(now, self.over[1]) if self.over else now
        while end <= until and self.extends_at(end):
            end += timedelta(hours=24 * 180)
        return end

    def state(self, now: datetime) -> str:
        if self.over is not None:
            return self.over[0]
        end = self.end(now)
        if end is not None:
            return "active" if now < end else "expired"
        return "pending" if now < self.closes else "lapsed"

    def left(self, now: datetime) -> set[str]:
        """The roles that are in force."""
        return set(self.roles) - self.removed if self.state(now) == "active" else set()


class Living(RuleBasedStateMachine):
    """One customer of a partner that offers."""

    app: ClassVar[Flask]
    world: ClassVar[World]
    moment: ClassVar[Moment]
    partner: ClassVar[Party]
    scene: Scene | None = None

    @initialize(zone=st.sampled_from(("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe")))
    def begin(self, zone: str) -> None:
        self.moment.now = BEGIN
        self.scene = Scene(self.app, self.world, self.moment, partner=self.partner, roles=PEOPLE, zone=zone)
        self.zone = ZoneInfo(zone)
        self.told: list[Told] = []
        self.held: dict[str, set[str]] = {each: {each} - {""} for each in PEOPLE}
        self.pages: dict[str, set[str]] = {}
        self.distrusted = False
        self.relationship: UUID | None = None
        self.working = True
        self.was_over: dict[UUID, str] = {}
        self.agents = {
            role: self.scene.actor(self.partner[role]) for role in ("admin_agent", "helpdesk_agent", "sales_agent")
        }

    @property
    def it(self) -> Scene:
        assert self.scene is not None
        return self.scene

    # --- what the model says ---

    def pick(self, number: int, state: str) -> Told:
        """One of those in a state; now and then any."""
        found = [told for told in self.told if self.state(told) == state] if number else []
        return (found or self.told)[number % len(found or self.told)]

    def has_room(self) -> bool:
        """Not so many at once that looking after all of them takes long."""
        return len(self.told) < 9 and sum(self.state(told) in {"pending", "active"} for told in self.told) < 4

    def state(self, told: Told) -> str:
        return told.state(self.moment.now)

    def by(self, person: str) -> Actor:
        """Somebody, with the roles of the moment in which the page was opened."""
        actor = self.it.actor(self.it.customer[person])
        return replace(actor, roles=frozenset(self.pages.pop(person, self.held[person])))

    def may_decide(self, person: str) -> bool:
        return bool(self.held[person] & APPROVERS)

    def attempt(self, expected: bool, verb: Callable[[], Any]) -> bool:
        """Do something; a refusal that the model does not expect is a fault."""
        try:
            verb()
        except Refusal:
            if expected:
                raise
            return False
        return True

    # --- what happens ---

    @rule(roles=some_roles, days=st.sampled_from((1, 2, 7, 8, 30, 45, 180, 365, 730)), extends=st.booleans())
    @precondition(lambda self: self.has_room())
    def offer(self, roles: list[str], days: int, extends: bool) -> None:
        may = not self.distrusted and not (extends and GLOBAL_ADMINISTRATOR in roles)
        made: list[UUID] = []
        if self.attempt(may, lambda: made.append(self.it.offer(roles, days, extends=extends))):
            assert may
            last = self.moment.now.astimezone(self.zone).date() + timedelta(days=91)
            closes = datetime(last.year, last.month, last.day, tzinfo=self.zone).astimezone(UTC)
            self.told.append(Told(made[0], roles, days, extends, closes))

    @rule(days=st.sampled_from((1, 7, 45, 365)), extends=st.booleans())
    @precondition(lambda self: self.has_room() and not self.distrusted and any(map(self.may_decide, PEOPLE)))
    def agree(self, days: int, extends: bool) -> None:
        """The usual way: an offer that somebody who may approves."""
        self.offer([USER, READER], days, extends)
        self._approve(self.told[-1], next(filter(self.may_decide, PEOPLE)))

    @rule(number=which, days=st.sampled_from((0, 1, 170)))
    @precondition(lambda self: any(self.state(told) == "active" for told in self.told))
    def reach_an_end(self, number: int, days: int) -> None:
        """Time passes until one that is in force would end (and some days more)."""
        ends = [told.end(self.moment.now) for told in self.told if self.state(told) == "active"]
        end = ends[number % len(ends)]
        assert end is not None
        until = end + timedelta(days=days)
        if self.working:
            self.it.live(until)
        self.moment.now = until

    @rule(person=people)
    def open_the_page(self, person: str) -> None:
        self.pages[person] = set(self.held[person])

    @rule(person=people, role=st.sampled_from(sorted(APPROVERS | {"billing_administrator"})))
    def give_or_take_a_role(self, person: str, role: str) -> None:
        member = self.it.customer[person]
        if role in self.held[person]:
            self.it.take(member, role)
        else:
            self.it.give(member, role)
        self.held[person] ^= {role}

    @rule(number=which, person=people)
    @precondition(lambda self: self.told)
    def approve(self, number: int, person: str) -> None:
        self._approve(self.pick(number, "pending"), person)

    def _approve(self, told: Told, person: str) -> None:
        may = self.may_decide(person)
        was, before = self.state(told), self.moment.now
        if self.attempt(
            was == "pending" and may and not self.distrusted, lambda: self.it.approve(told.id, by=self.by(person))
        ):
            assert was == "pending"
            assert not self.distrusted
            told.approver_had_role = may
            with self.app.app_context():
                act = queries.answer_of(told.id)
                assert act is not None
                told.approved_at = act.at
            assert before < told.approved_at <= self.moment.now

    @rule(number=which, person=people, fewer=st.booleans())
    @precondition(lambda self: self.told)
    def decline(self, number: int, person: str, fewer: bool) -> None:
        told = self.pick(number, "pending")
        wanted = told.roles[1:] if fewer else []
        was, may = self.state(told), self.may_decide(person)
        if self.attempt(was == "pending" and may, lambda: self.it.decline(told.id, by=self.by(person), wanted=wanted)):
            assert was == "pending"
            assert may
            told.over = ("declined", self.moment.now)

    @rule(number=which)
    @precondition(lambda self: self.told)
    def withdraw(self, number: int) -> None:
        told = self.pick(number, "pending")
        was = self.state(told)
        if self.attempt(was in {"pending", "withdrawn"}, lambda: self.it.withdraw(told.id)) and was != "withdrawn":
            assert was == "pending"
            told.over = ("withdrawn", self.moment.now)

    @rule(number=which, person=people, roles=some_roles)
    @precondition(lambda self: self.told)
    def remove_roles(self, number: int, person: str, roles: list[str]) -> None:
        told, may = self.pick(number, "active"), self.may_decide(person)
        was = self.state(told)
        expected = was == "ended" or (was == "active" and may)
        if self.attempt(expected, lambda: self.it.remove_roles(told.id, roles, by=self.by(person))) and was == "active":
            assert may
            told.removed |= set(roles)
            if not set(told.roles) - told.removed:
                told.over = ("ended", self.moment.now)

    @rule(number=which, person=st.none() | people, turn=st.sampled_from((True, True, False)))
    @precondition(lambda self: self.told)
    def switch(self, number: int, person: str | None, turn: bool) -> None:
        told = self.pick(number, "active")
        was, may = self.state(told), person is None or self.may_decide(person)
        is_on = told.extends_at(self.moment.now)
        on = is_on ^ turn
        can = not on or (GLOBAL_ADMINISTRATOR not in told.left(self.moment.now) and not self.distrusted)
        by = self.it.agent if person is None else self.by(person)
        if self.attempt(was == "active" and may and (on == is_on or can), lambda: self.it.switch(told.id, on, by=by)):
            assert was == "active"
            assert may
            told.switches.append((self.moment.now, on))

    @rule(number=which, person=st.none() | people)
    @precondition(lambda self: self.told)
    def end(self, number: int, person: str | None) -> None:
        told = self.pick(number, "active")
        was, may = self.state(told), person is None or self.may_decide(person)
        by = self.it.agent if person is None else self.by(person)
        expected = was == "ended" or (was == "active" and may)
        if self.attempt(expected, lambda: self.it.end(told.id, by=by)) and was != "ended":
            assert was == "active"
            assert may
            told.over = ("ended", self.moment.now)

    @rule()
    def say_whether_the_partner_is_known(self) -> None:
        verb: Any = relationship_actions.lift_unknown if self.distrusted else relationship_actions.say_unknown
        by = self.it.actor(self.it.customer[""])
        extending = [told for told in self.told if self.state(told) == "active" and told.extends_at(self.moment.now)]
        with self.it.unit():
            verb(self.it.organization(self.it.customer), self.it.organization(self.partner), by=by)
        self.distrusted = not self.distrusted
        if self.distrusted:  # none extends itself any more: that would be a new right
            for told in extending:
                told.switches.append((self.moment.now, False))

    @rule()
    def begin_or_end_the_relationship(self) -> None:
        if self.relationship is not None:
            by = self.it.agent
            with self.it.unit():
                row = relationships.relationship_by_id(self.relationship)
                assert row is not None
                relationship_actions.end(row, by=by)
            self.relationship = None
            for told in self.told:
                if self.state(told) in {"active", "pending"}:
                    told.over = ("ended" if told.approved_at is not None else "withdrawn", self.moment.now)
        elif not self.distrusted:
            by = self.it.actor(self.it.customer[""])
            with self.it.unit():
                self.relationship = relationship_actions.begin(
                    self.it.organization(self.it.customer), partner_id=self.partner.id, reseller_id=None,
                    origin="acceptance", by=by,
                ).id  # fmt: skip

    @rule(hours=st.sampled_from((1, 5, 24, 7 * 24, 29 * 24, 90 * 24, 181 * 24, 400 * 24)) | st.integers(1, 9600))
    def let_time_pass(self, hours: int) -> None:
        if self.working:
            self.it.live(self.moment.now + timedelta(hours=hours))
        else:
            self.moment.go(hours=hours)

    @rule()
    def stop_or_start_the_worker(self) -> None:
        self.working = not self.working
        if self.working:
            self.it.work()

    # --- what always holds ---

    @invariant()
    @precondition(lambda self: self.scene is not None)
    def everything_stands_where_the_model_says(self) -> None:
        with self.app.app_context():
            for told in self.told:
                self._check(told)
            now = self.moment.read()
            in_force = set().union(*(told.left(now) for told in self.told)) if self.told else set()
            rights = {role: queries.rights_of(actor, self.it.customer.id) for role, actor in self.agents.items()}
        assert rights["admin_agent"].roles == in_force
        assert rights["helpdesk_agent"].roles == in_force & FOR_HELPDESK
        assert rights["sales_agent"] == queries.Rights(frozenset(), frozenset())
        assert in_force or not any(each.permissions for each in rights.values())

    def _check(self, told: Told) -> None:
        row = self.it.row(told.id)
        life, standing, now = queries.life_of(row), queries.standing_of(row), self.moment.read()
        state = told.state(now)
        assert rules.state_of(life, now) == state
        assert rules.present_state(standing, now) == state
        assert self.was_over.get(told.id, state) == state, "it came back"
        if state in rules.OVER:
            self.was_over[told.id] = state
        if told.approved_at is not None:
            assert told.approver_had_role, "approved by somebody without the role"
            assert rules.end_of(life, now) == told.end(now)
        assert standing.activated_at == told.approved_at
        if state == "active":
            assert rules.present_end(standing, now) == told.end(now)
            assert set(standing.roles) == told.left(now)
            assert standing.auto_extends is told.extends_at(now)

    def teardown(self) -> None:
        if self.scene is None:
            return
        self.it.work()
        with self.app.app_context():
            for told in self.told:
                row = self.it.row(told.id)
                stored, wanted = queries.standing_of(row), queries.standing_by_acts(row)
                assert {name: getattr(stored, name) for name in wanted} == wanted
            approvals = [
                evidence.record_of(fact)
                for fact in database.session().scalars(
                    sa.select(Fact).where(
                        Fact.chain_id == self.it.customer.chain_id, Fact.kind == "delegated_admin.approved"
                    )
                )
            ]
        assert {UUID(each["facts"]["delegated_id"]) for each in approvals} == {
            told.id for told in self.told if told.approved_at is not None
        }
        assert all(APPROVERS & set(each["facts"]["approver_roles"]) for each in approvals)
        self.it.check_chain()
        with self.it.unit():  # the next history is not to work through this one's future
            database.write()
            database.session().execute(
                sa.update(DelegatedStanding)
                .where(DelegatedStanding.customer_id == self.it.customer.id)
                .values(next_at=None)
            )


def live(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch, **dose: Any) -> None:
    """Let the machine live so many lives."""
    partner = world.a_partner()
    world.enroll(partner)
    parts = {"app": app, "world": world, "moment": Moment(monkeypatch), "partner": partner}
    run_state_machine_as_test(
        type("Living", (Living,), parts),
        settings=settings(
            **{"phases": (Phase.generate,)} | dose,  # a smaller life takes minutes to find
            deadline=None, database=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_every_life_goes_as_promised(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch, engine: str, full: bool
) -> None:
    lives = (200 if full else 12) if engine == "sqlite" else (50 if full else 4)
    # the small dose lives the same lives each time, the full one new ones
    live(app, world, monkeypatch, max_examples=lives, stateful_step_count=60 if full else 30, derandomize=not full)


FAULTS: dict[str, tuple[object, str, object]] = {
    "anybody may decide": (rules, "check_may_decide", lambda *_: None),
    "an extension is a day longer": (rules, "EXTENSION", timedelta(days=181)),
    "rights ignore who asks": (rules, "roles_for", lambda _roles, delegated: frozenset(delegated)),
    "lists are not kept": (actions, "_project", lambda row: queries.standing_of(row) and None),
}  # fmt: skip


@pytest.mark.one_engine
@pytest.mark.parametrize("fault", FAULTS)
def test_the_machine_finds_a_broken_rule(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    with pytest.raises((AssertionError, Refusal)):
        live(
            app, world, monkeypatch, max_examples=150, stateful_step_count=30, derandomize=True,
            report_multiple_bugs=False,
        )  # fmt: skip
