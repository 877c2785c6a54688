"""Two hundred acceptances of one invitation at the same moment, by two administrators: one effect.

The test itself holds what the winner needs (the customer's chain; on SQLite the database) until all are on their way,
so that they really meet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import World
from tests.support.scanner import forms_of
from tests.support.served import Served
from tests.support.visitor import Form
from webapp import clock, database
from webapp.agreements import actions as agreements
from webapp.agreements.models import Acceptance
from webapp.evidence.models import Fact
from webapp.invitations import actions as invitations
from webapp.invitations.models import InvitationAct
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.relationships.models import Relationship
from webapp.tasks.models import Task

REQUESTS = 200


class Administrator:
    """Somebody signed in over real HTTP."""

    def __init__(self, served: Served, address: str) -> None:
        self.origin = served.url
        self.client = httpx.Client(
            base_url=served.url, timeout=120, headers={"Origin": served.url, "Accept-Language": "en"},
            limits=httpx.Limits(max_connections=None), follow_redirects=False,
        )  # fmt: skip
        form = self.form("/sign-in", "/sign-in")
        answer = self.client.post(
            "/sign-in", data=form.fields | {"address": [address], "password": ["countersign-demo"]}
        )
        assert answer.status_code == 302, answer.text

    def form(self, url: str, ends: str, answer: httpx.Response | None = None) -> Form:
        """The form of a page whose action ends so."""
        shown = answer if answer is not None else self.client.get(url)
        return next(form for form in forms_of(shown) if form.action.endswith(ends))

    def ready_to_accept(self, ref: str) -> Form:
        """Review, tick, check: the last form, which only has to be sent."""
        form = self.form(f"/invitation/{ref}/acceptance", "/acceptance/check")
        ticked = {name: choices[:1] for name, choices in form.options.items()}
        answer = self.client.post(form.action, data=form.fields | ticked | {"title": ["Director"]})
        assert answer.status_code == 200, answer.text
        return self.form("", f"/invitation/{ref}/acceptance", answer)


@contextmanager
def held(app: Flask, chain_id: UUID) -> Iterator[sa.Connection]:
    """Hold what an act on this chain has to wait for."""
    with app.app_context(), database.db.engines["default"].connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT id FROM chains WHERE id = :id FOR UPDATE"), {"id": chain_id})
        else:
            connection.execute(sa.text("SELECT 1"))  # its transaction began with BEGIN IMMEDIATE
        yield connection
        connection.rollback()


def waiting_in_database(app: Flask) -> int:
    """How many connections PostgreSQL keeps waiting for a lock."""
    with app.app_context():
        statement = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return int(database.session().scalar(statement) or 0)


@pytest.mark.timeout(300)
def test_two_hundred_acceptances_have_one_effect(
    app: Flask, world: World, engine: str, database_url: str, tmp_path: Path
) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    ref = an_invitation(app, partner.id, customer.id)
    with Served(database_url, tmp_path, processes=4, threads=8) as served:
        admins = [
            Administrator(served, customer[role].address) for role in ("global_administrator", "billing_administrator")
        ]
        forms = [admin.ready_to_accept(ref) for admin in admins]
        answers: list[httpx.Response] = []
        started = threading.Semaphore(0)

        def accept(number: int) -> None:
            admin, form = admins[number % 2], forms[number % 2]
            with httpx.Client(cookies=admin.client.cookies, timeout=120, headers=admin.client.headers) as client:
                started.release()
                answers.append(client.post(form.action, data=form.fields))

        with ThreadPoolExecutor(REQUESTS) as pool:
            with held(app, customer.chain_id):
                sent = [pool.submit(accept, number) for number in range(REQUESTS)]
                for _ in range(REQUESTS):
                    assert started.acquire(timeout=60)
                until = time.monotonic() + 20
                if engine == "postgresql":
                    while waiting_in_database(app) < 20 and time.monotonic() < until:
                        time.sleep(0.05)
                    assert waiting_in_database(app) >= 20
                else:
                    time.sleep(1.5)
                assert not answers  # all two hundred are in flight, and nobody has won yet
            for each in sent:
                each.result()
        for admin in admins:
            admin.client.close()
        faults = [line for line in served.said.splitlines() if "Traceback" in line]
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [302] + [409] * (REQUESTS - 1)
    said = {next(line for line in answer.text.splitlines() if "<h1>" in line) for answer in answers if answer.is_error}
    assert said
    assert all("accepted this already" in words or "was accepted already" in words for words in said)
    assert not faults
    check_one_effect(app, customer.id, partner.id, len(admins))


def an_invitation(app: Flask, partner_id: UUID, customer_id: UUID) -> str:
    """A named invitation for relationship and agreement, with a published agreement; its reference."""
    with app.app_context():
        with database.unit_of_work():
            agreements.publish_samples(["US"])
        partner, customer = organizations.organization_by_id(partner_id), organizations.organization_by_id(customer_id)
        assert partner is not None
        assert customer is not None
        with database.unit_of_work():
            database.write(chain=customer.chain_id)
            row = invitations.insert(
                partner, asks="relationship", customer=customer, language="en",
                last_day=clock.today(customer.zone) + timedelta(days=30),
            )  # fmt: skip
            invitations.told(row, "made", by=None, source="test")
            return row.ref


def check_one_effect(app: Flask, customer_id: UUID, partner_id: UUID, administrators: int) -> None:
    """One act and one fact of each kind, one receipt an administrator, one entry at the partner."""
    with app.app_context():

        def count(model: type[database.Model], *where: sa.ColumnElement[bool]) -> int:
            return database.session().scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0

        assert count(Acceptance, Acceptance.customer_id == customer_id) == 1
        assert count(Relationship, Relationship.customer_id == customer_id) == 1
        assert count(Fact, Fact.kind == "agreement.accepted") == 1
        assert count(Fact, Fact.kind == "relationship.accepted") == 1
        assert count(InvitationAct, InvitationAct.kind == "accepted") == 1
        assert count(Message, Message.kind == "receipt") == administrators
        assert count(Task, Task.organization_id == partner_id, Task.kind == "invitation_accepted") == 1
