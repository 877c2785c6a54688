"""A receiver that is down for an hour gets every event once it is back, in order for each customer, from two workers."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from tests.support.delegation import Delegation
from tests.support.served import WorkerProcess
from tests.webhooks.receiver import Arrived, Receiver
from webapp import database
from webapp.evidence import actions as evidence
from webapp.webhooks import actions
from webapp.webhooks.models import WebhookAttempt, WebhookDelivery

SEED = 20261128


class Outage:
    """A partner whose receiver comes and goes while things happen at its customers."""

    def __init__(self, app: Flask, receiver: Receiver, offset: Path) -> None:
        self.app, self.receiver, self.offset = app, receiver, offset
        world = World(app)
        self.partner = world.a_partner("Northwind Cloud")
        self.customers = [world.a_customer(f"Customer {number}") for number in range(4)]
        self.recorded: dict[UUID, list[str]] = defaultdict(list)
        self.seconds = 0
        by = Delegation(app).acting(self.partner, "admin_agent")
        with app.app_context(), database.unit_of_work():
            _row, self.secret = actions.register_webhook(
                by=by, url=receiver.url, events=["customer-agreement-accepted"]
            )

    def pass_time(self, seconds: int) -> None:
        """Move the clock of every process on."""
        self.seconds += seconds
        written = self.offset.with_suffix(".new")
        written.write_text(str(self.seconds))
        written.replace(self.offset)

    def happens(self, customer: Party) -> None:
        """Something that the partner is told of."""
        with self.app.app_context(), database.unit_of_work():
            database.write(chain=customer.chain_id)
            named: dict[str, Any] = {"partner_id": self.partner.id, "customer_id": customer.id}
            self.recorded[customer.id].append(str(evidence.record("agreement.accepted", source="job", **named).id))

    def waiting(self) -> int:
        """How many are not delivered."""
        with self.app.app_context():
            return self._count(sa.select(WebhookDelivery.id).where(WebhookDelivery.delivered_at.is_(None)))

    def attempts(self) -> int:
        """How many times something was tried."""
        with self.app.app_context():
            return self._count(sa.select(WebhookAttempt.id))

    def _count(self, found: sa.Select[Any]) -> int:
        return database.session().scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0

    def settle(self) -> None:
        """Wait until the workers find nothing to do at this moment."""
        before, quiet = -1, 0
        for _ in range(200):
            now = self.attempts()
            quiet = quiet + 1 if now == before else 0
            if quiet == 12:
                return
            before = now
            time.sleep(0.25)


@pytest.mark.timeout(600)
def test_every_event_arrives_in_order_after_an_hour_without_a_receiver(
    make_app: Callable[..., Flask], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, offset = random.Random(SEED), tmp_path / "offset"
    offset.write_text("0")
    with ExitStack() as running:
        receiver = running.enter_context(Receiver())
        outage = Outage(make_app(webhook_targets=(receiver.target,), clock_offset_file=offset), receiver, offset)
        # Facts are recorded alone here, without the acts that other slices' followers look for.
        monkeypatch.setattr(evidence, "_followers", [actions.follow])
        down: dict[str, bool] = {"it": True}
        receiver.answer = lambda _arrived: 503 if down["it"] else 200
        for number in range(2):
            directory = tmp_path / f"worker{number}"
            directory.mkdir()
            running.enter_context(
                WorkerProcess(
                    database_url, directory, mail_port=None, WEBHOOK_TARGETS=receiver.target,
                    CLOCK_OFFSET_FILE=str(offset), OPERATOR_CONTACT="operator@countersign.example",
                )
            )  # fmt: skip
        for _quarter in range(4):
            for _ in range(6):
                outage.happens(chance.choice(outage.customers))
            outage.settle()
            outage.pass_time(15 * 60)
        refused = len(receiver.arrived)
        assert refused > len(outage.recorded), "it was hardly tried while the receiver was down"
        assert outage.waiting() == 24
        down["it"] = False
        for _ in range(40):
            outage.settle()
            if not outage.waiting():
                break
            outage.pass_time(10 * 60)
        assert outage.waiting() == 0
        _check(outage, receiver.arrived[refused:])


def _check(outage: Outage, arrived: list[Arrived]) -> None:
    """Each event once at least, the first time of each in the order of its customer, signed."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in arrived:
        assert each.signed_with(outage.secret)
        customer = each.body["ResourceUri"].split("/customers/")[1].split("/")[0]
        audit_id = each.body["AuditUri"].rsplit("/", 1)[1]
        if audit_id not in found[customer]:
            found[customer].append(audit_id)
    assert found == {str(id_): ids for id_, ids in outage.recorded.items()}
    assert len({each.id for each in arrived}) == 24
