"""A customer that bought before it agreed, from its partner's confirmation to a version that it must accept again: what it
can buy on the way, and what goes on running."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from tests.agreements.buying import Scene
from tests.support.builders import World
from tests.support.visitor import Page, Visitor
from webapp import database
from webapp.agreements import queries as agreements
from webapp.evidence import queries as evidence
from webapp.messages.models import Message
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscriptions_of
from webapp.tasks.models import Task

Browser = Callable[..., Visitor]
MARCH = "# Agreement\n\n## 1. Data\n\nWe keep it for 30 days.\n"
JUNE = "# Agreement\n\n## 1. Data\n\nWe keep it for 90 days.\n"


def _buy(visitor: Visitor, product_id: str) -> Page:
    """Try to buy one of a product; where it ends."""
    if visitor.open("/orders/new").status != 200:
        return visitor.page
    visitor.submit(product=product_id, seats="1", to="/review")
    return visitor.submit(to="/orders") if visitor.page.status == 200 else visitor.page


def test_buying_waits_for_consent_and_what_runs_does_not(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), MARCH)
    scene.buy("azure_plan")
    with world.app.app_context(), database.unit_of_work():
        product, _new = subscriptions.add_product(
            "office", name_en="Office", name_ja="Office", kind="software_subscription", term_months=12, per_seat=True,
            seats_min=1, seats_max=300,
        )  # fmt: skip
        product_id = str(product.id)
    customer, partner = browser(), browser()
    customer.sign_in(scene.customer["global_administrator"].address)
    partner.sign_in(scene.partner["sales_agent"].address)

    # It bought and never agreed: neither buying nor accepting, but asking.
    assert _buy(customer, product_id).status == 403
    assert customer.open("/agreement/acceptance").status == 403
    customer.submit(button=f"Ask {scene.partner.name} to confirm")
    words = f"{scene.customer.name} asks you to confirm that it accepted the Microsoft Customer Agreement"
    assert words in partner.open("/partner/inbox").words
    assert partner.follow(words).status == 200
    scene.attest()
    with world.app.app_context():
        [task] = database.session().scalars(sa.select(Task).where(Task.kind == "attestation_wanted")).all()
        assert task.done_at is not None
        notices = database.session().scalars(sa.select(Message).where(Message.kind == "attested")).all()
        assert len(notices) == 1

    # Confirmed: it buys.
    assert _buy(customer, product_id).status == 200
    assert "Office" in customer.page.words

    # A version that everybody must accept again, from its first day.
    scene.publish("2026-06", date(2026, 6, 1), JUNE, requires_renewal=True)
    assert _buy(customer, product_id).status == 403
    assert "A azure_plan" in customer.open("/subscriptions").words
    customer.open("/home")
    customer.follow("See what changed and answer")
    assert f"{scene.partner.name} confirmed that your organization accepted version 2026-03" in customer.page.words
    assert "30 is now 90" in customer.page.words
    customer.submit(agreement=True, authority=True, title="Owner")
    customer.submit(button="Accept agreement")
    assert customer.page.heading == "Agreement accepted"
    assert _buy(customer, product_id).status == 200

    with world.app.app_context():
        assert agreements.standing_of_customer(scene.customer_row()).state == "accepted"
        assert len(subscriptions_of.of_customer(scene.customer.id)) == 3
        found = list(evidence.verify_chain(scene.customer_row().chain_id))
        assert not [each for each in found if not isinstance(each, int)]
