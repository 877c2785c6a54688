"""The pages of webhooks, as an admin agent clicks through them."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from tests.support.visitor import Visitor
from tests.webhooks.conftest import Clock, Scene
from webapp import database
from webapp.webhooks import actions
from webapp.webhooks.models import WebhookDelivery
from webapp.webhooks.rules import DeliveryNotDead


@pytest.fixture
def agent(scene: Scene) -> Visitor:
    visitor = Visitor(scene.app)
    visitor.sign_in(scene.partner["admin_agent"].address)
    return visitor


def secret_on(visitor: Visitor) -> str:
    """The secret that the page shows, or an empty text."""
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", visitor.page.html)
    return found[0] if found else ""


def test_an_address_is_registered_and_its_secret_shown_once(scene: Scene, agent: Visitor) -> None:
    agent.open("/partner/api-clients")
    agent.follow("Have events sent to your programs")
    assert "No address is registered" in agent.page.words
    agent.follow("Register an address")
    agent.submit(to="/registration", url=scene.receiver.url, events=["customer-agreement-accepted"])
    secret = secret_on(agent)
    assert secret
    assert agent.page.response.headers["Cache-Control"] == "no-store"
    agent.follow("Go on")
    assert secret_on(agent) == ""
    assert scene.receiver.url in agent.page.words
    scene.happens("agreement.accepted")
    scene.deliver()
    assert scene.receiver.arrived[0].signed_with(secret)
    agent.open("/partner/webhooks")
    assert "A customer accepted the Microsoft Customer Agreement (customer-agreement-accepted)" in agent.page.words
    assert "Contoso Ltd." in agent.page.words
    assert "Delivered" in agent.page.words


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "Enter the address of your receiver."),
        ("https://10.0.0.1/", "This is an address inside a network."),
        ("https://localhost/", "This name only means something inside a network."),
        ("http://receiver.example/", "The address must begin with https://."),
        ("https://me@receiver.example/", "The address must not hold a user name or password."),
        ("https://receiver.example/#a", "The address must not hold a part after #."),
        ("https://receiver.example:22/", "Use port 443 or 8443."),
        ("https://receiver..example/", "Enter a complete address"),
    ],
)
def test_an_address_that_nothing_is_sent_to_is_said_on_its_field(agent: Visitor, url: str, words: str) -> None:
    agent.open("/partner/webhooks/registration")
    page = agent.submit(to="/registration", url=url, events=["test-created"])
    assert page.status == 422
    assert words in page.words


def test_at_least_one_event_is_chosen(scene: Scene, agent: Visitor) -> None:
    agent.open("/partner/webhooks/registration")
    page = agent.submit(to="/registration", url=scene.receiver.url)
    assert page.status == 422
    assert "Choose at least one event." in page.words


def test_address_and_events_are_changed_and_what_only_programs_know_stays(scene: Scene, agent: Visitor) -> None:
    scene.register(["test-created", "dap-admin-relationship-terminated-by-microsoft"])
    agent.open("/partner/webhooks")
    agent.follow("Change address and events")
    agent.submit(to="/registration", url=scene.receiver.url + "/new", events=["subscription-updated"])
    assert "Saved." in agent.page.words
    assert secret_on(agent) == ""
    with scene.app.app_context():
        row = scene.registration()
        assert row.url == scene.receiver.url + "/new"
        assert row.events == ["subscription-updated", "dap-admin-relationship-terminated-by-microsoft"]


def test_a_test_event_is_sent_and_its_attempts_are_shown(scene: Scene, agent: Visitor) -> None:
    scene.register(["subscription-updated"])
    scene.receiver.answer = lambda _arrived: 404
    agent.open("/partner/webhooks")
    agent.submit(to="/test-events")
    assert "A test event is being sent." in agent.page.words
    scene.deliver()
    agent.open(agent.page.url)
    assert "Not Found" in agent.page.words
    assert "It is tried again on" in agent.page.words
    for _ in range(2):
        agent.open("/partner/webhooks")
        page = agent.submit(to="/test-events")
    assert page.status == 429
    assert "Two test events a minute" in page.heading


def test_a_dead_letter_is_found_and_sent_once_more(scene: Scene, agent: Visitor) -> None:
    scene.register()
    scene.happens()
    with scene.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(WebhookDelivery).values(
                dead_at=WebhookDelivery.created_at, closed_at=WebhookDelivery.created_at, attempts=10
            )
        )
    agent.open("/partner/webhooks")
    agent.follow("1 event was given up")
    agent.follow("A subscription began or changed (subscription-updated)")
    agent.submit(to="/replay")
    assert "It is sent once more." in agent.page.words
    scene.deliver()
    assert scene.arrived() == ["subscription-updated"]
    agent.open("/partner/webhooks?only=dead")
    assert "Nothing was given up" in agent.page.words


def test_what_is_no_dead_letter_is_not_sent_once_more(scene: Scene, agent: Visitor, time: Clock) -> None:
    scene.register()
    scene.happens()
    scene.deliver()
    (row,) = scene.deliveries()
    with scene.app.app_context(), pytest.raises(DeliveryNotDead), database.unit_of_work():
        actions.replay(row, scene.registration())


def test_the_secret_is_made_anew_and_the_registration_ended(scene: Scene, agent: Visitor) -> None:
    scene.register()
    agent.open("/partner/webhooks")
    agent.submit(to="/secret")
    assert secret_on(agent) not in {"", scene.secret}
    assert "signed with the old secret as well until" in agent.page.words
    agent.open("/partner/webhooks")
    agent.submit(to="/closure")
    assert "The registration has ended." in agent.page.words
    assert "No address is registered" in agent.page.words
    agent.open("/history")
    assert "ended the registration of events: nothing is sent to" in agent.page.words


def test_a_list_of_many_is_turned_page_by_page(scene: Scene, agent: Visitor, time: Clock) -> None:
    scene.register()
    for _ in range(30):
        time.forward(seconds=1)
        scene.happens()
    agent.open("/partner/webhooks")
    assert "25 events on this page" in agent.page.words
    agent.follow("Next page")
    assert "5 events on this page" in agent.page.words
    agent.follow("Previous page")
    assert "25 events on this page" in agent.page.words


def test_a_certificate_is_everybody_s_and_another_is_not_found(scene: Scene) -> None:
    client = scene.app.test_client()
    assert client.get(f"/webhooks/v1/certificates/{scene.partner.id}").status_code == 404
    with scene.app.app_context():
        key_id = actions.ensure_signing_key().id
    answer = client.get(f"/webhooks/v1/certificates/{key_id}")
    assert answer.mimetype == "application/x-pem-file"
    assert answer.get_data().startswith(b"-----BEGIN CERTIFICATE-----")
