"""A mail scanner opens every link of every live mail and submits every form: nothing follows from possession.

What it may cause: counted attempts, and at most one further mail to the address on file. The same program, signed in
as the administrator, does accept: so it could, if a link were enough.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page

from config import MailServer
from tests.support.builders import PASSWORD, World
from tests.support.chromium import Windows
from tests.support.scanner import Scanner, changes, rows
from tests.support.served import Served
from tests.support.sink import Sink
from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.agreements import actions as agreements
from webapp.agreements.models import Acceptance
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin.models import DelegatedAct
from webapp.delegated_admin.roles import BASIC
from webapp.invitations import actions as invitations
from webapp.messages.actions import deliver_due
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.tokens import Token

#: What a scanner may change: counted attempts. Messages and their tokens are counted on their own.
HARMLESS = {"attempts"}


def send_all(app: Flask, world: World) -> dict[str, str]:
    """Put the four mails that carry a link into the outbox; answer each one's recipient."""
    partner = world.a_partner()
    world.enroll(partner)
    invited, new, forgetful, offered = (world.a_customer() for _ in range(4))
    with app.app_context():
        with database.unit_of_work():
            agreements.publish_samples(["US"])
        send_invitation(partner["admin_agent"].id, invited.id, invited["global_administrator"].address)
        send_invitation(partner["admin_agent"].id, offered.id, offered["global_administrator"].address, offers=True)
        with database.unit_of_work():
            database.write()
            person = people.person_by_id(new["global_administrator"].id)
            assert person is not None
            person.password_hash = person.confirmed_at = None
        with database.unit_of_work():
            database.write()
            fresh = people.person_by_address(new["global_administrator"].address)
            assert fresh is not None
            accounts.send_first_sign_in(fresh, "/home")
        with database.unit_of_work():
            accounts.request_link(forgetful["global_administrator"].address, network_address="192.0.2.9")
    return {
        "invitation": invited["global_administrator"].address,
        "offer": offered["global_administrator"].address,
        "first sign-in": new["global_administrator"].address,
        "reset": forgetful["global_administrator"].address,
    }


def send_invitation(agent_id: UUID, customer_id: UUID, recipient: str, *, offers: bool = False) -> None:
    """Make and send an invitation as a partner's person, for a relationship, or for an offer and nothing else."""
    with database.unit_of_work():
        session_id = accounts.start_session(agent_id, proof="password", network_address="192.0.2.8", browser="").id
    by = actors.load(session_id)
    assert by is not None
    with database.unit_of_work():
        customer = organizations.organization_by_id(customer_id)
        assert customer is not None
        offer = None
        if offers:
            offer = delegated_admin.offer(
                customer, by=by, name="Everyday support", roles=BASIC, duration_days=365, auto_extends=True
            )
        row = invitations.make(
            by=by, asks="administration" if offers else "relationship", customer=customer, other=None, language="en",
            last_day=clock.today(customer.zone) + timedelta(days=20), recipient=recipient, offer=offer,
        )  # fmt: skip
        invitations.send(row, by=by)


@pytest.mark.timeout(1800)
def test_possession_of_a_mail_changes_nothing(
    world: World, make_app: Callable[..., Flask], serve: Callable[..., Served], sink: Sink, windows: Windows,
    tmp_path: Path, full: bool,
) -> None:  # fmt: skip
    served = serve()
    app = make_app(public_url=served.url, mail_server=MailServer("127.0.0.1", sink.port))
    recipients = send_all(app, World(app))
    with app.app_context():
        assert deliver_due() == len(recipients)
    by_program, by_browser = (1000, 100) if full else (100, 20)
    visits = 0
    for kind, address in recipients.items():
        links = sink.wait_for(1, to=address)[0].links
        assert any(link.startswith(served.url) for link in links), f"{kind}: no link in the mail"
        before = rows(app)
        scanner = Scanner(served.url)
        while scanner.visits < by_program // len(recipients) + 1:
            scanner.follow(links)
        programs = scanner.visits
        while scanner.visits - programs < by_browser // len(recipients) + 1:
            for link in links:
                if scanner.is_ours(link):
                    scanner.run(windows.open(served.url), link)
        visits += scanner.visits
        check_harmless(app, before, address, kind)
    print(f"{visits} visits to {len(recipients)} mails")
    check_control(app, sink, windows, served, recipients["invitation"])
    check_control_of_offer(app, sink, windows, served, recipients["offer"])


def check_harmless(app: Flask, before: dict[str, dict[str, str]], address: str, kind: str) -> None:
    """Nothing changed but attempts, and at most one further mail went to the address on file."""
    found = changes(before, rows(app))
    tokens, messages = found.pop("tokens", set()), found.pop("messages", set())
    assert set(found) <= HARMLESS, f"{kind}: {found}"
    assert len(messages) <= 1, f"{kind}: {messages}"
    assert len(tokens) <= len(messages), f"{kind}: {tokens}"
    with app.app_context():
        for message in database.session().scalars(sa.select(Message).where(Message.id.in_(map(UUID, messages)))):
            assert message.recipient == address
        used = sa.select(sa.func.count()).select_from(Token).where(Token.used_at.is_not(None))
        assert database.session().scalar(used) == 0


def check_control(app: Flask, sink: Sink, windows: Windows, served: Served, address: str) -> None:
    """The same program, signed in as the administrator, accepts."""
    window = signed_in(windows, served, address)
    before = rows(app)
    for link in sink.to(address)[0].links:
        if link.startswith(served.url + "/invitation"):
            Scanner(served.url).run(window, link, depth=5)
    assert {"invitation_acts", "acceptances", "relationships"} <= set(changes(before, rows(app)))
    with app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).select_from(Acceptance)) == 1


def check_control_of_offer(app: Flask, sink: Sink, windows: Windows, served: Served, address: str) -> None:
    """The same program, signed in as the administrator, comes through to the offer, and approves on its page."""
    window = signed_in(windows, served, address)
    before = rows(app)
    for link in sink.to(address)[0].links:
        if link.startswith(served.url + "/invitation"):
            window.goto(link)
            with window.expect_navigation():
                window.click("main form[action$='/opening'] button")
            Scanner(served.url).run(window, f"{window.url}/approval")
    assert {"invitation_acts", "delegated_acts"} <= set(changes(before, rows(app)))
    with app.app_context():
        approved = sa.select(sa.func.count()).select_from(DelegatedAct).where(DelegatedAct.kind == "approved")
        assert database.session().scalar(approved) == 1


def signed_in(windows: Windows, served: Served, address: str) -> Page:
    """A window of somebody who signed in."""
    window = windows.open(served.url)
    window.goto("/sign-in")
    window.fill("[name=address]", address)
    window.fill("[name=password]", PASSWORD)
    window.press("[name=password]", "Enter")
    window.wait_for_url("**/home")
    return window
