"""A partner, a customer and what they do with each other, through the actions, at a moment that the test sets."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Member, Party, World
from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.delegated_admin import actions, jobs, queries
from webapp.delegated_admin.models import DelegatedRelationship, DelegatedStanding
from webapp.delegated_admin.roles import BASIC
from webapp.evidence import queries as evidence
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization, RoleAssignment

BEGIN = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)


class Moment:
    """The clock that every process of the test reads; each reading is a microsecond later, as on a real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: datetime = BEGIN) -> None:
        self.now = now
        monkeypatch.setattr(clock, "now", self.read)

    def read(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def go(self, **amount: float) -> datetime:
        """Let time pass: `go(days=3, hours=2)`."""
        self.now += timedelta(**amount)
        return self.now


class Scene:
    """A partner that may offer, a customer, and verbs for both."""

    def __init__(
        self, app: Flask, world: World, moment: Moment, *, partner: Party | None = None, **customer: Any
    ) -> None:
        self.app, self.world, self.moment = app, world, moment
        if partner is None:
            partner = world.a_partner()
            world.enroll(partner)
        self.partner = partner
        self.customer = world.a_customer(**customer)
        self._sessions: dict[UUID, UUID] = {}
        self._named = 0

    # --- who ---

    @contextmanager
    def unit(self) -> Iterator[None]:
        """An application context with a unit of work."""
        with self.app.app_context(), database.unit_of_work():
            yield

    def actor(self, member: Member) -> Actor:
        """Somebody signed in, as the actions take them; the session is made anew when it ran out."""
        session_id = self._sessions.get(member.id)
        with self.app.app_context():
            found = actors.load(session_id) if session_id is not None else None
        if found is not None:
            return found
        with self.unit():
            row = accounts.start_session(member.id, proof="password", network_address="192.0.2.1", browser="Test")
            self._sessions[member.id] = row.id
            loaded = actors.load(row.id)
        assert loaded is not None
        return loaded

    @property
    def agent(self) -> Actor:
        """The partner's admin agent."""
        return self.actor(self.partner["admin_agent"])

    @property
    def administrator(self) -> Actor:
        """The customer's global administrator."""
        return self.actor(self.customer["global_administrator"])

    def organization(self, party: Party) -> Organization:
        """The row of an organization (inside a unit)."""
        found = organizations.organization_by_id(party.id)
        assert found is not None
        return found

    def give(self, member: Member, role: str) -> None:
        """Give somebody a role of its organization."""
        with self.unit():
            database.write()
            database.session().add(RoleAssignment(person_id=member.id, role=role, given_at=clock.now()))

    def take(self, member: Member, role: str) -> None:
        """Take a role away from somebody."""
        with self.unit():
            database.write()
            database.session().execute(
                sa.delete(RoleAssignment).where(RoleAssignment.person_id == member.id, RoleAssignment.role == role)
            )

    # --- verbs ---

    def offer(
        self, roles: Collection[str] = BASIC, days: int = 365, *, extends: bool = False, by: Actor | None = None,
        name: str = "", announced: bool = True, customer: Party | None = None, replaces: UUID | None = None,
    ) -> UUID:  # fmt: skip
        """The partner offers; the customer was told."""
        by = by or self.agent
        self._named += 1
        with self.unit():
            row = actions.offer(
                self.organization(customer or self.customer), by=by, name=name or f"Offer {self._named} {self.customer.name}",
                roles=roles, duration_days=days, auto_extends=extends, replaces=self.row(replaces) if replaces else None,
            )  # fmt: skip
            if announced:
                actions.announce(row)
            return row.id

    def row(self, offer_id: UUID) -> DelegatedRelationship:
        """The row of an offer (inside an application context)."""
        return database.session().get_one(DelegatedRelationship, offer_id)

    def fingerprint(self, offer_id: UUID) -> str:
        """Of what is shown now."""
        with self.app.app_context():
            return queries.shown_to(self.row(offer_id)).fingerprint

    def approve(self, offer_id: UUID, by: Actor | None = None, fingerprint: str = "") -> None:
        by, fingerprint = by or self.administrator, fingerprint or self.fingerprint(offer_id)
        with self.unit():
            actions.approve(
                self.row(offer_id), by=by, fingerprint=fingerprint, network_address="192.0.2.7", browser="Test"
            )

    def decline(self, offer_id: UUID, by: Actor | None = None, **more: Any) -> None:
        by = by or self.administrator
        with self.unit():
            actions.decline(self.row(offer_id), by=by, **({"reason": "other"} | more))

    def withdraw(self, offer_id: UUID, by: Actor | None = None) -> bool:
        by = by or self.agent
        with self.unit():
            return actions.withdraw(self.row(offer_id), by=by)

    def end(self, offer_id: UUID, by: Actor | None = None, reason: str = "") -> bool:
        by = by or self.administrator
        with self.unit():
            return actions.end(self.row(offer_id), by=by, reason=reason)

    def remove_roles(self, offer_id: UUID, roles: Collection[str], by: Actor | None = None) -> bool:
        by = by or self.administrator
        with self.unit():
            return actions.remove_roles(self.row(offer_id), by=by, roles=roles)

    def switch(self, offer_id: UUID, on: bool, by: Actor | None = None) -> bool:
        by = by or self.administrator
        with self.unit():
            return actions.switch_extension(self.row(offer_id), by=by, on=on)

    # --- time ---

    def work(self) -> int:
        """The worker looks once."""
        with self.app.app_context():
            return jobs.attend()

    def next_at(self) -> datetime | None:
        """When the worker has something to do next, for any of the customer's."""
        with self.app.app_context():
            return database.session().scalar(
                sa.select(sa.func.min(DelegatedStanding.next_at)).where(
                    DelegatedStanding.customer_id == self.customer.id
                )
            )

    def live(self, until: datetime) -> None:
        """Let time pass with a worker that never rests."""
        while (due := self.next_at()) is not None and due <= until:
            self.moment.now = max(self.moment.now, due)
            self.work()
            assert self.next_at() != due, "the worker did not do what was due"
        self.moment.now = max(self.moment.now, until)

    # --- what became of it ---

    def state(self, offer_id: UUID) -> str:
        with self.app.app_context():
            return queries.state(self.row(offer_id))

    def standing(self, offer_id: UUID) -> DelegatedStanding:
        with self.app.app_context():
            found = queries.standing_of(self.row(offer_id))
            database.session().expunge(found)
            return found

    def kinds(self, offer_id: UUID) -> list[str]:
        """The kinds of its acts, in order."""
        with self.app.app_context():
            return [act.kind for act in queries.acts_of(offer_id)]

    def mails(self, offer_id: UUID, *kinds: str) -> list[Message]:
        """The mails about it (of these kinds), in the order in which they were written."""
        with self.app.app_context():
            query = sa.select(Message).where(Message.about_id == offer_id).order_by(Message.created_at, Message.id)
            found = database.session().scalars(query).all()
            database.session().expunge_all()
        return [mail for mail in found if not kinds or mail.kind in kinds]

    def rights(self, member: Member) -> queries.Rights:
        """What a person of the partner may do at the customer now."""
        actor = self.actor(member)
        with self.app.app_context():
            return queries.rights_of(actor, self.customer.id)

    def check_chain(self) -> None:
        """The customer's chain verifies, and holds something."""
        with self.app.app_context():
            *findings, count = evidence.verify_chain(self.customer.chain_id)
        assert findings == []
        assert isinstance(count, int)
        assert count > 1
