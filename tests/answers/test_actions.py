"""Many at once, and what stays of whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import sqlalchemy as sa
from flask import Flask

from tests.answers.test_customer_views import counted, fill, form_with, reviewing
from tests.answers.test_views import sign_up
from tests.support.builders import World
from tests.support.visitor import Form, Visitor
from webapp import database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.agreements.models import Acceptance
from webapp.answers.models import AdmissionRequest
from webapp.evidence.models import Fact, PersonalFact
from webapp.messages.models import Message
from webapp.relationships.models import Relationship
from webapp.tasks.models import Task

Browser = Callable[..., Visitor]


def test_two_administrators_pressing_at_once_accept_once(app: Flask, world: World, browser: Browser) -> None:
    world.a_published_agreement()
    partner, customer = world.a_partner(), world.a_customer()
    invitation = world.an_invitation(partner, customer)
    visitors = []
    for role in ("global_administrator", "billing_administrator") * 3:
        visitor = reviewing(browser, invitation, customer[role])
        fill(visitor)
        visitors.append((visitor, form_with(visitor, "title")))
    together = Barrier(len(visitors))

    def press(pair: tuple[Visitor, Form]) -> int:
        visitor, form = pair
        together.wait()
        answer = visitor.client.post(
            form.action, data=form.fields, base_url=visitor.origin, headers={"Origin": visitor.origin}
        )
        return answer.status_code

    with ThreadPoolExecutor(len(visitors)) as pool:
        answers = Counter(pool.map(press, visitors))
    assert answers == {302: 1, 409: 5}
    assert counted(app, Acceptance) == counted(app, Relationship) == 1
    assert counted(app, Fact, Fact.kind.in_(("agreement.accepted", "relationship.accepted"))) == 2
    assert counted(app, Message, Message.kind == "receipt") == 2
    assert counted(app, Task, Task.organization_id == partner.id) == 1


def test_two_invitations_for_the_same_agreement_accept_it_once(app: Flask, world: World, browser: Browser) -> None:
    world.a_published_agreement()
    customer = world.a_customer()
    first, second = (world.an_invitation(world.a_partner(), customer, asks="agreement") for _ in range(2))
    one = reviewing(browser, first, customer["global_administrator"])
    other = reviewing(browser, second, customer["billing_administrator"])
    fill(one, relationship=None)
    fill(other, relationship=None)
    one.submit(button="Accept agreement")
    assert one.page.status == 200
    other.submit(button="Accept agreement")
    assert (other.page.status, other.page.heading) == (409, "The agreement was accepted already")
    assert counted(app, Acceptance) == 1


def test_a_signature_outlives_the_erasure_of_its_signer(app: Flask, world: World, browser: Browser) -> None:
    world.a_published_agreement()
    customer = world.a_customer()
    visitor = reviewing(browser, world.an_invitation(world.a_partner(), customer), customer["global_administrator"])
    fill(visitor)
    visitor.submit(button="Accept")
    with app.app_context():
        with database.unit_of_work():
            person = people.person_by_id(customer["global_administrator"].id)
            assert person is not None
            _gone, stays = accounts.erase(person, "test")
        assert sum("the signature of" in each.what for each in stays) == 2
        assert sum("colleagues" in each.what for each in stays) == len(stays) - 2 == 1
        kept = database.session().scalars(sa.select(PersonalFact.value)).all()
        assert "Director" in kept
    reader = browser()
    reader.sign_in(customer["billing_administrator"].address)
    reader.open("/agreement")
    reader.follow(next(words for words in reader.page.links if words.count("-") == 2))
    assert "Director" in reader.page.words


def test_a_refused_request_leaves_no_personal_value(app: Flask, world: World, browser: Browser) -> None:
    world.a_published_agreement()
    customer = world.a_customer()
    address = "somebody@" + customer[""].address.split("@")[1]
    sign_up(app, browser, world.an_invitation(world.a_partner()).ref, address, country="US")
    with app.app_context():
        request_id = database.session().scalars(sa.select(AdmissionRequest.id)).one()
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    visitor.open(f"/admissions/{request_id}")
    visitor.submit(button="Refuse")
    assert visitor.page.status == 200
    with app.app_context():
        kept = database.session().scalars(sa.select(PersonalFact.value)).all()
        assert address not in kept
        assert "Sato Aiko" not in kept
        assert database.session().scalars(sa.select(AdmissionRequest.address)).one() == ""
