"""In Chromium: a customer whose acceptance is too old reads what changed and accepts again, and one that bought before it
agreed asks its partner. In both languages, and whether everybody can use the pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.agreements.buying import Scene
from tests.support.builders import World
from tests.support.chromium import Windows
from tests.support.main_job import PLACES, Clicks
from tests.support.served import Served
from webapp import database
from webapp.agreements import queries as agreements
from webapp.tasks.models import Task

SEED = "Please reach out to your partner to confirm your acceptance of the Microsoft Customer Agreement"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_customer_reads_what_changed_and_accepts_again_and_another_asks_its_partner(
    make_app: Callable[..., Flask], serve: Callable[..., Served], windows: Windows, language: str
) -> None:
    served = serve()
    app = make_app(public_url=served.url)
    world = World(app)
    old, bought = Scene(world, **PLACES[language]), Scene(world, **PLACES[language])
    old.publish_samples(PLACES[language]["country"])
    with time_machine.travel("2022-12-01T12:00:00+00:00", tick=False):
        old.accept()
    bought.buy("reserved_instance")

    clicks = Clicks(windows.open(served.url, language=language), app, language)
    clicks.open_signed_in("/home", old.customer["billing_administrator"].address)
    clicks.look()
    assert clicks.words("The customer agreement has to be accepted again") in clicks.page.inner_text("main")
    clicks.follow("/agreement/acceptance")
    clicks.look()
    changes = clicks.page.locator("#changes")
    assert clicks.words("What changed since version %(version)s", version="2022-10") in changes.inner_text()
    assert clicks.words("%(old)s is now %(new)s", old="60", new="90") in changes.inner_text()
    removed, came = changes.locator("del strong").first, changes.locator("ins strong").first
    assert (removed.inner_text(), came.inner_text()) == ("60", "90")
    assert "line-through" in removed.evaluate("each => getComputedStyle(each.parentElement).textDecorationLine")
    assert "underline" in came.evaluate("each => getComputedStyle(each.parentElement).textDecorationLine")
    clicks.review()
    clicks.submit("/agreement/acceptance")
    clicks.look()
    clicks.page.goto("/home")
    assert clicks.words("Nothing waits for your organization.") in clicks.page.inner_text("main")
    with app.app_context():
        assert [text.version for _row, text in agreements.acceptances_of(old.customer.id)] == ["2026-03", "2022-10"]

    asking = Clicks(windows.open(served.url, language=language), app, language)
    asking.open_signed_in("/agreement/acceptance", bought.customer["global_administrator"].address)
    asking.look()
    assert asking.words(SEED) in asking.page.inner_text("main")
    asking.submit("/agreement/attestation-request")
    asking.look()
    said = asking.words("%(partner)s was asked to confirm your acceptance.", partner=bought.partner.name)
    assert said in asking.page.inner_text("body")
    with app.app_context():
        [task] = database.session().scalars(sa.select(Task).where(Task.kind == "attestation_wanted")).all()
        assert task.organization_id == bought.partner.id
        assert agreements.acceptances_of(bought.customer.id) == []
