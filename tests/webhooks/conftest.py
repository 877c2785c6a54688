"""A partner, its customers, a receiver that the operator lists, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from tests.support.delegation import Delegation
from tests.webhooks.receiver import Receiver
from webapp import clock, database
from webapp.actor import Actor
from webapp.evidence import actions as evidence
from webapp.webhooks import actions, jobs, queries
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookRegistration
from webapp.webhooks.rules import EVENTS


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

    def forward(self, **more: float) -> None:
        self.now += timedelta(**more)


class Scene:
    """One partner with a registered receiver and customers."""

    def __init__(self, app: Flask, receiver: Receiver) -> None:
        self.app, self.receiver, self.world = app, receiver, World(app)
        self.partner, self.rival = self.world.a_partner("Northwind Cloud"), self.world.a_partner("Proseware Services")
        self.customer = self.world.a_customer("Contoso Ltd.")
        self.secret = ""

    def agent(self, partner: Party | None = None) -> Actor:
        """An admin agent."""
        return Delegation(self.app).acting(partner or self.partner, "admin_agent")

    def register(self, events: Any = tuple(EVENTS), url: str = "", partner: Party | None = None) -> UUID:
        """Register the receiver; the registration's id."""
        by = self.agent(partner)
        with self.app.app_context(), database.unit_of_work():
            row, self.secret = actions.register_webhook(by=by, url=url or self.receiver.url, events=events)
            return row.id

    def registration(self) -> WebhookRegistration:
        """The partner's open registration; needs an application context."""
        found = queries.registration_of(self.partner.id)
        assert found is not None
        return found

    def happens(self, kind: str = "subscription.added", customer: Party | None = None, **more: Any) -> UUID:
        """Let something happen at a customer that names the partner; the fact's id."""
        whose = customer or self.customer
        named: dict[str, Any] = {"partner_id": self.partner.id, "facts": {"subscription_id": str(UUID(int=7))}} | more
        with self.app.app_context(), database.unit_of_work():
            database.write(chain=whose.chain_id)
            return evidence.record(kind, customer_id=whose.id, source="job", **named).id

    def deliver(self) -> int:
        """One run of the worker's job."""
        with self.app.app_context():
            return jobs.deliver_due()

    def deliveries(self) -> list[WebhookDelivery]:
        """All of them, in the order in which they were made."""
        with self.app.app_context():
            order = (WebhookDelivery.created_at, WebhookDelivery.place)
            return list(database.session().scalars(sa.select(WebhookDelivery).order_by(*order)))

    def attempts(self, delivery_id: UUID) -> list[WebhookAttempt]:
        """Of one delivery, the newest first."""
        with self.app.app_context():
            return list(queries.attempts_of(delivery_id))

    def arrived(self) -> list[str]:
        """The names of the events that arrived."""
        return [each.body["EventName"] for each in self.receiver.arrived]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    standing = Clock()
    monkeypatch.setattr(clock, "now", lambda: standing.now)
    return standing


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def scene(make_app: Callable[..., Flask], receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Facts are recorded alone here, without the acts that other slices' followers look for."""
    made = Scene(make_app(webhook_targets=(receiver.target,)), receiver)
    monkeypatch.setattr(evidence, "_followers", [actions.follow])
    return made
