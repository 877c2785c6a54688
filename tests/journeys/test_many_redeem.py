"""Two hundred redemptions of one key at the same moment, by two administrators of one organization: one wins, and everybody
else reads that the key was redeemed already. As in `test_many_accept`, the test holds what the winner needs until all are on
their way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.journeys.test_many_accept import REQUESTS, Administrator, held, waiting_in_database
from tests.product_keys.scene import fill_catalogue, issue_keys
from tests.support.builders import World
from tests.support.scanner import forms_of
from tests.support.served import Served
from tests.support.visitor import Form
from webapp import database
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.product_keys.models import Redemption, RedemptionDraft
from webapp.subscriptions.models import Subscription, SubscriptionStanding


def ready_to_redeem(admin: Administrator, key: str) -> Form:
    """Enter the key: the last form, which only has to be sent."""
    form = admin.form("/redeem/own", "/redeem/own/keys")
    answer = admin.client.post(form.action, data=form.fields | {"keys": [key], "act": ["next"]})
    assert answer.status_code == 302, answer.text
    shown = admin.client.get("/redeem/own/choice")
    return next(form for form in forms_of(shown) if "fingerprint" in form.fields)


@pytest.mark.timeout(300)
def test_two_hundred_redemptions_of_one_key_have_one_effect(
    app: Flask, world: World, engine: str, database_url: str, tmp_path: Path
) -> None:
    customer = world.a_customer()
    fill_catalogue(app)
    (key,) = issue_keys(app)
    with Served(database_url, tmp_path, processes=4, threads=8) as served:
        admins = [
            Administrator(served, customer[role].address) for role in ("global_administrator", "billing_administrator")
        ]
        forms = [ready_to_redeem(admin, key) for admin in admins]
        answers: list[httpx.Response] = []
        started = threading.Semaphore(0)

        def redeem(number: int) -> None:
            admin, form = admins[number % 2], forms[number % 2]
            with httpx.Client(cookies=admin.client.cookies, timeout=120, headers=admin.client.headers) as client:
                started.release()
                answers.append(client.post(form.action, data=form.fields))

        with ThreadPoolExecutor(REQUESTS) as pool:
            with held(app, customer.chain_id):
                sent = [pool.submit(redeem, number) for number in range(REQUESTS)]
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
    assert statuses == [302] + [409] * (REQUESTS - 1), Counter(
        (answer.status_code, answer.headers.get("Location", "")) for answer in answers
    )
    said = {next(line for line in answer.text.splitlines() if "<h1>" in line) for answer in answers if answer.is_error}
    assert all("This product key was redeemed already" in words for words in said)
    assert said
    assert not faults
    with app.app_context():

        def count(model: type[database.Model], *where: sa.ColumnElement[bool]) -> int:
            return database.session().scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0

        assert count(Redemption) == count(Subscription) == count(SubscriptionStanding) == 1
        assert count(Fact, Fact.kind == "product_key.redeemed") == 1
        assert count(Message, Message.kind == "redeemed") == len(admins)
        assert count(RedemptionDraft, RedemptionDraft.redeemed_at.is_not(None)) == 1
