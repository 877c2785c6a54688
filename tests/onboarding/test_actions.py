"""What follows when the partner that made a customer corrects its contact."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask

from tests.onboarding.scene import CONTACT, as_partner, create
from tests.support.builders import World
from tests.support.main_job import publish
from tests.support.visitor import Visitor
from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.agreements import actions as agreements
from webapp.agreements.rules import Signatory
from webapp.messages.actions import filled
from webapp.messages.models import Message
from webapp.organizations.models import Organization

RIGHT = "right@woodgrove.example"


def test_what_the_provider_attested_is_told_to_the_address_that_its_reseller_corrected(
    app: Flask, world: World, browser: Callable[..., Visitor]
) -> None:
    publish(app)
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    provider = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
    world.pair(provider, reseller)
    agent = as_partner(browser(), reseller["admin_agent"])
    create(agent)
    with app.app_context(), database.unit_of_work():
        session = accounts.start_session(
            provider["admin_agent"].id, proof="password", network_address="", browser="Test"
        )
        session_id = session.id
    with app.app_context(), database.unit_of_work():
        by = actors.load(session_id)
        assert by is not None
        customer = database.session().scalars(sa.select(Organization).where(Organization.kind == "customer")).one()
        signatory = Signatory("Kim", "Abercrombie", CONTACT["address"])
        agreements.attest(customer, by=by, signatory=signatory, agreed_on=clock.today(customer.zone))
        customer_id = customer.id
    agent.open(f"/partner/customers/{customer_id}")
    agent.follow("Correct the contact's address")
    agent.submit(address=RIGHT)
    with app.app_context():
        found = database.session().scalars(
            sa.select(Message).where(Message.kind == "attested").order_by(Message.created_at)
        )
        first, second = found.all()
        assert (first.recipient, second.recipient) == (CONTACT["address"], RIGHT)
        assert first.cancelled_at is not None
        assert second.cancelled_at is None
        texts = [filled(each)[0] for each in (first, second)]
    assert "Fabrikam Distribution" in texts[1]
    wrong, right = (next(word for word in text.split() if "/objection/" in word) for text in texts)
    assert browser().open(wrong).status == 410
    page = browser()
    assert page.open(right).status == 200
