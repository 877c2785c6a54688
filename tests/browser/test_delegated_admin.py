"""Delegated administration in Chromium, from the program as it is served, with its worker and a real mail server: offered,
sent on, asked for fewer, offered again, approved, removed; and gone at once in every process."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.browser.test_main_job import Running
from tests.browser.test_main_job import run as run
from tests.support.builders import Party
from tests.support.main_job import Clicks, parties
from tests.support.served import Served, WorkerProcess
from tests.support.sink import Received, Sink
from webapp import actor as actors
from webapp import database
from webapp.accounts.models import Session
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin.models import DelegatedAct
from webapp.delegated_admin.roles import BASIC, BY_ID
from webapp.delegated_admin.words import role_name
from webapp.messages.actions import reader_of
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships

NAMES = {"en": "Everyday administration", "ja": "日常の管理"}
COMMENTS = {"en": "Mail we do ourselves.", "ja": "メールは自社で管理します。"}
USERS = next(role.id for role in BY_ID.values() if role.key == "user_administrator")
MAIL = next(role.id for role in BY_ID.values() if role.key == "exchange_administrator")
OFFERED = (*BASIC, USERS, MAIL)
WANTED = (*BASIC, USERS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_offered_sent_on_asked_for_fewer_approved_and_removed(
    run: Callable[..., Running], work: Callable[..., WorkerProcess], serve: Callable[..., Served], sink: Sink,
    language: str,
) -> None:  # fmt: skip
    running = run(processes=2)
    others = serve()
    partner, customer = parties(running.world, language)
    running.world.enroll(partner)
    relate(running.app, partner, customer)
    work(mail_port=sink.port, PUBLIC_URL=running.served.url)
    agent, administrator = partner["admin_agent"], customer["global_administrator"]

    offering = running.clicks(language)
    offering.open_signed_in("/partner/delegated-admin", agent.address)
    offering.look()
    offer(offering, customer, language)
    link = the_link(sink.wait_for(1, to=administrator.address)[-1])

    forwarding = running.clicks(language)
    passed_on = hand_over(forwarding, link, customer, sink, language)

    deciding = running.clicks(language)
    ask_for_fewer(deciding, passed_on, administrator.address, partner, language)
    told = mail_holding(sink, agent.address, COMMENTS[language])
    assert names(running.app, language, WANTED)[-1] in told.text

    offer_again(offering, told, language)
    second = mail_holding(sink, administrator.address, f"{NAMES[language]} (2)")
    approve(deciding, the_link(second), partner, language)
    relationship_id = id_in(deciding.path())
    for address in (administrator.address, customer["delegated_admin_administrator"].address, agent.address):
        approval = mail_holding(sink, address, str(relationship_id))
        assert (customer if address == agent.address else partner).name in approval.text
    check_listed(deciding, partner, language)
    check_partner_sees_it(offering, relationship_id, customer, language)

    assert rights(running.app, agent.id, customer.id) == set(WANTED)
    everywhere = Everywhere(offering, (running.served, others), f"/partner/delegated-admin/{relationship_id}")
    assert everywhere.shows(names(running.app, language, (USERS,))[0])

    before = {address: len(sink.to(address)) for address in (administrator.address, agent.address)}
    remove(deciding, relationship_id)
    assert rights(running.app, agent.id, customer.id) == set()
    assert everywhere.shows(offering.words("Ended"))
    nothing = "Nothing. Nobody of your organization has a delegated role at %(customer)s."
    assert everywhere.shows(offering.words(nothing, customer=customer.name))
    for address, count in before.items():
        ended = sink.wait_for(count + 1, to=address)[count]
        assert str(relationship_id) in ended.text
        assert (customer if address == agent.address else partner).name in ended.text
    assert acts(running.app) == [
        "requested", "announced", "handed_over", "declined", "requested", "announced", "approved", "ended"
    ]  # fmt: skip


def id_in(path: str) -> UUID:
    """Which one a path is about."""
    found = re.search(r"/delegated-admin/([0-9a-f-]{36})", path)
    assert found is not None, path
    return UUID(found[1])


def relate(app: Flask, partner: Party, customer: Party) -> None:
    """The partner sells to the customer, as one whose account it created."""
    with app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(customer.id)
        assert row is not None
        relationships.begin(row, partner_id=partner.id, reseller_id=None, origin="creation", by=None, source="operator")


def names(app: Flask, language: str, roles: tuple[str, ...]) -> list[str]:
    """What roles are called in a language."""
    with app.app_context(), reader_of(language, "UTC"):
        return [role_name(role) for role in roles]


def acts(app: Flask) -> list[str]:
    """What happened to both offers, in order."""
    with app.app_context():
        return list(database.session().scalars(sa.select(DelegatedAct.kind).order_by(DelegatedAct.at)))


def rights(app: Flask, person_id: UUID, customer_id: UUID) -> set[str]:
    """The roles that the agent holds at the customer, computed in this process."""
    with app.app_context():
        session_id = database.session().scalar(
            sa.select(Session.id).where(Session.person_id == person_id).order_by(Session.created_at.desc()).limit(1)
        )
        assert session_id is not None
        agent = actors.load(session_id)
        assert agent is not None
        found = delegated.rights_of(agent, customer_id)
        assert bool(found.roles) or not found.permissions
        return set(found.roles)


def mail_holding(sink: Sink, address: str, words: str) -> Received:
    """The first mail to an address that holds these words, once it is there."""
    count = 1
    while True:
        found = sink.wait_for(count, to=address)
        fitting = [mail for mail in found if words in mail.text]
        if fitting:
            return fitting[0]
        count = len(found) + 1


def the_link(mail: Received) -> str:
    """The one link of ours in a mail that leads to what it is about."""
    found = [each for each in mail.links if "ref=" in each or "/delegated-admin/" in each]
    assert found, mail.text
    return found[0]


# --- steps -----------------------------------------------------------------------------------------------------


def offer(offering: Clicks, customer: Party, language: str) -> None:
    """Choose the customer in the overview, fill in the offer, send it from here."""
    page = offering.page
    page.check(f"[name=customer][value='{customer.id}']")
    offering.press(page.locator("main form[action$='/partner/delegated-admin/new'] button").last)
    offering.look()
    page.fill("[name=name]", NAMES[language])
    page.fill("[name=duration_days]", "730")
    for role in BY_ID:
        box = page.locator(f"[name=roles][value='{role}']")
        box.evaluate(
            "(box, on) => { box.closest('details')?.setAttribute('open', ''); box.checked = on }", role in OFFERED
        )
    page.check("[name=sending][value=send]")
    offering.submit("/partner/delegated-admin/new")
    offering.look()


def hand_over(forwarding: Clicks, link: str, customer: Party, sink: Sink, language: str) -> str:
    """The billing administrator may read, not answer, and sends it on; the link in the mail that this makes."""
    page = forwarding.page
    page.goto(link)
    forwarding.follow("/sign-in")
    forwarding.sign_in(customer["billing_administrator"].address)
    forwarding.submit("/opening")
    forwarding.look()
    place = urlsplit(page.url).path
    assert "/approval" not in page.content()
    answer = page.goto(f"{place}/approval")
    assert answer is not None
    assert answer.status == 403
    page.goto(place)
    page.check(f"[name=person][value='{customer['global_administrator'].id}']")
    forwarding.submit("/hand-over")
    forwarding.look()
    receiver = customer["global_administrator"].address
    mail = sink.wait_for(2, to=receiver)[-1]
    assert "Billing" in mail.text, "who sends it on"
    return the_link(mail)


def ask_for_fewer(deciding: Clicks, link: str, address: str, partner: Party, language: str) -> None:
    """The global administrator finds it on the home page too, and asks for fewer roles."""
    page = deciding.page
    page.goto(link)
    deciding.sign_in(address)
    deciding.look()
    place = urlsplit(page.url).path
    page.goto("/home")
    deciding.look()
    assert "Billing" in page.inner_text("main"), "who sent it on"
    deciding.follow(place)
    assert partner.name in deciding.heading()
    deciding.follow("/fewer")
    deciding.look()
    page.check(f"[name=roles][value='{USERS}']")
    assert not page.is_checked(f"[name=roles][value='{MAIL}']")
    page.fill("[name=comment]", COMMENTS[language])
    deciding.press(page.locator("main form button[type=submit]").last)
    deciding.look()


def offer_again(offering: Clicks, told: Received, language: str) -> None:
    """From the mail to the page of the answer, to the next offer: prefilled with what the customer wants."""
    page = offering.page
    page.goto(the_link(told))
    offering.look()
    offering.follow("/partner/delegated-admin/new?after=")
    offering.look()
    ticked = page.locator("[name=roles]:checked").evaluate_all("boxes => boxes.map(box => box.value)")
    assert set(ticked) == set(WANTED)
    assert page.input_value("[name=duration_days]") == "730"
    assert page.input_value("[name=name]") == f"{NAMES[language]} (2)"
    page.check("[name=sending][value=send]")
    offering.submit("/partner/delegated-admin/new")
    offering.look()


def approve(deciding: Clicks, link: str, partner: Party, language: str) -> None:
    """The new offer is approved as it is."""
    page = deciding.page
    page.goto(link)
    if deciding.form("/opening").count():
        deciding.submit("/opening")
    deciding.look()
    deciding.follow("/approval")
    deciding.look()
    assert not page.is_checked("[name=approval]")
    page.check("[name=approval]")
    deciding.press(page.locator("main form button[type=submit]").last)
    deciding.look()
    assert partner.name in page.inner_text("main")


def check_listed(deciding: Clicks, partner: Party, language: str) -> None:
    """The customer's list names it with its dates."""
    deciding.page.goto("/settings/partner-relationships")
    deciding.look()
    row = deciding.page.locator("main tbody tr", has_text=f"{NAMES[language]} (2)")
    assert partner.name in row.inner_text()
    assert row.locator("time").count() == 2


def check_partner_sees_it(offering: Clicks, relationship_id: UUID, customer: Party, language: str) -> None:
    """The partner finds it in the inbox, in the overview and on its page."""
    page = offering.page
    page.goto("/partner/inbox")
    offering.look()
    assert customer.name in page.inner_text("main")
    page.goto(f"/partner/delegated-admin/{relationship_id}")
    offering.look()
    assert offering.words("Active") in page.inner_text("main .status >> nth=0")


def remove(deciding: Clicks, relationship_id: UUID) -> None:
    """Take all roles away."""
    page = deciding.page
    page.goto(f"/delegated-admin/{relationship_id}")
    deciding.follow(f"{relationship_id}/removal")
    deciding.look()
    deciding.press(page.locator("main form button[type=submit]").last)
    deciding.look()


class Everywhere:
    """A partner's page asked for again and again, on new connections, of every server: each process answers."""

    def __init__(self, clicks: Clicks, servers: tuple[Served, ...], path: str) -> None:
        self.cookies = "; ".join(f"{c['name']}={c['value']}" for c in clicks.page.context.cookies())
        self.servers = servers
        self.path = path
        self.language = clicks.language

    def answers(self) -> list[str]:
        found = []
        for server in self.servers:
            for _ in range(12):
                connection: http.client.HTTPConnection = server.connection()
                connection.request("GET", self.path, headers={"Cookie": self.cookies, "Accept-Language": self.language})
                answer = connection.getresponse()
                words = answer.read().decode()
                connection.close()
                assert answer.status == 200, (answer.status, words[:300])
                found.append(words)
        return found

    def shows(self, words: str) -> bool:
        return all(words in answer for answer in self.answers())
