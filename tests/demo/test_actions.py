"""The demonstration: what somebody finds in it who clicks for the first time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.agreements.rules import DirectAcceptanceClosed
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.demo import actions, queries, rules
from webapp.imports.models import ImportRow
from webapp.invitations import queries as invitations
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.product_keys import queries as product_keys
from webapp.product_keys.rules import read_keys
from webapp.subscriptions import queries as subscriptions
from webapp.tasks.models import Task


@pytest.fixture
def demo(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(demo=True)
    with app.app_context():
        actions.load()
    return app


def named(name: str) -> Organization:
    found = organizations.organization_named(name)
    assert found is not None, name
    return found


def test_the_offers_and_subscriptions_are_there_in_their_stages(demo: Flask) -> None:
    with demo.app_context():
        rows = database.session().scalars(
            sa.select(DelegatedRelationship).order_by(DelegatedRelationship.created_at)
        ).all()  # fmt: skip
        assert [(organizations.names_of({row.customer_id})[row.customer_id], delegated.state(row)) for row in rows] == [
            ("Adventure Works", "active"), ("Fourth Coffee", "active"), ("Adventure Works", "pending"),
            ("Contoso 株式会社", "pending"),
        ]  # fmt: skip
        adventure, northwind = named("Adventure Works"), named("Northwind Cloud")
        fabrikam, tailspin = named("Fabrikam Distribution"), named("Tailspin Resellers")
        today = clock.today(adventure.zone)
        assert len(subscriptions.active_between(adventure.id, northwind.id, None, today)) == 3
        assert len(subscriptions.active_between(adventure.id, fabrikam.id, tailspin.id, today)) == 1
        carried = invitations.invitation_of_offer(rows[3].id)
        assert carried is not None
        assert carried.asks == "relationship"


def test_every_stage_of_a_subscription_is_there_and_people_have_licences(demo: Flask) -> None:
    with demo.app_context():
        coffee = named("Fourth Coffee")
        rows = subscriptions.of_customer(coffee.id)
        stages = [subscriptions.stage_of(row, coffee.zone) for row in rows]
        assert set(stages) == {"active", "expired", "disabled", "deleted"}
        assert sum(subscriptions.given_by_line(coffee.id).values()) == 3


def test_there_are_keys_to_try_and_one_that_is_expired(demo: Flask) -> None:
    with demo.app_context():
        lines = queries.keys_to_try()
        assert len(lines) == 6
        typed = [read_keys(line.split()[0])[0].key for line in lines]
        known = product_keys.keys_of(typed)
        assert set(known) == set(typed)
        assert [known[each].expires_on >= clock.today("UTC") for each in typed] == [True] * 5 + [False]
    shown = demo.test_cli_runner().invoke(args=["demo", "show"]).output
    assert all(line in shown for line in lines)


def test_the_program_to_try_gets_a_token_with_what_the_file_says(demo: Flask) -> None:
    with demo.app_context():
        lines = queries.client_to_try()
        mode = queries.client_file().stat().st_mode & 0o777
        listed = queries.people()
    facts = dict(line.split("=", 1) for line in lines)
    form = {
        "grant_type": "client_credentials", "client_id": facts["CLIENT_ID"], "client_secret": facts["CLIENT_SECRET"]
    }  # fmt: skip
    client = demo.test_client()
    answer = client.post(f"/{facts['TENANT_ID']}/oauth2/v2.0/token", data=form)
    assert answer.status_code == 200
    token = answer.get_json()["access_token"]
    assert client.get("/v1/agreements", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert mode == 0o600
    assert not any("clients.invalid" in address for _name, _what, addresses in listed for address in addresses)
    assert all(line in demo.test_cli_runner().invoke(args=["demo", "show"]).output for line in lines)


def test_every_state_of_the_agreement_is_there(demo: Flask) -> None:
    with demo.app_context():
        states = {
            each.name: agreements.standing_of_customer(each).state for each in organizations.organizations("customer")
        }
        assert states == {
            "Adventure Works": "accepted", "Contoso 株式会社": "none", "Wingtip Toys": "none",
            "Litware 合同会社": "none", "Fourth Coffee": "must_renew", "Woodgrove Bank": "objected",
        }  # fmt: skip
        with pytest.raises(DirectAcceptanceClosed):
            agreements.check_direct(named("Wingtip Toys"))
        agreements.check_direct(named("Litware 合同会社"))


def test_of_the_uploaded_rows_one_is_still_to_be_repaired(demo: Flask) -> None:
    with demo.app_context():
        rows = database.session().scalars(sa.select(ImportRow).order_by(ImportRow.number)).all()
        assert [bool(row.fault) for row in rows] == [False, False, True]


def test_every_chain_of_it_verifies(demo: Flask) -> None:
    runner = demo.test_cli_runner()
    answer = runner.invoke(args=["evidence", "verify"])
    assert answer.exit_code == 0, answer.output


def test_it_is_loaded_once(demo: Flask) -> None:
    with demo.app_context(), pytest.raises(rules.DatabaseNotEmpty):
        actions.load()


WAITS = (
    ("admin@contoso.example", "/home", "ヘルプデスクの支援"),
    ("admin@adventure-works.example", "/home", "Everyday administration"),
    ("billing@adventure-works.example", "/settings/partner-relationships", "Help desk, first weeks"),
    ("admin.agent@northwind.example", "/partner/delegated-admin", "Adventure Works"),
    ("admin.agent@northwind.example", "/partner/inbox", "Woodgrove Bank"),
    ("admin.agent@northwind.example", "/partner/customers?agreement=needs_attestation", "Wingtip Toys"),
    ("admin.agent@northwind.example", "/partner/customers?agreement=must_renew", "Fourth Coffee"),
    ("admin.agent@northwind.example", "/partner/customers?agreement=none", "Litware 合同会社"),
    ("admin.agent@northwind.example", "/partner/team", "高橋 由美"),
    ("sales.agent@northwind.example", "/partner/customers/new", "Tailwind Traders"),
    ("sales.agent@northwind.example", "/partner/imports", "attestations.csv"),
    ("sales.agent@northwind.example", "/partner/orders", "Visio"),
    ("admin.agent@fabrikam.example", "/partner/inbox", "Proseware Services asks to work with you"),
    ("admin@woodgrove.example", "/agreement", "Northwind Cloud"),
)


def test_whoever_signs_in_finds_what_waits(demo: Flask) -> None:
    visitors: dict[str, Visitor] = {}
    missing = []
    for address, path, words in WAITS:
        if address not in visitors:
            visitors[address] = Visitor(demo)
            visitors[address].sign_in(address)
        if words not in visitors[address].open(path).words:
            missing.append(f"{address} does not find {words!r} at {path}: {visitors[address].page.words[:200]}")
    assert not missing, "\n".join(missing)


def test_every_entry_of_an_inbox_leads_somewhere(demo: Flask) -> None:
    with demo.app_context():
        entries = [
            (
                next(
                    iter(organizations.people_with(task.organization_id, "admin_agent", "global_administrator"))
                ).address,
                task,
            )
            for task in database.session().scalars(sa.select(Task).order_by(Task.created_at))
        ]
        found = [(address, task.kind, task.path) for address, task in entries]
    kinds = {kind for _address, kind, _path in found}
    assert {"invitation_accepted", "attestation_objected", "pairing_asked"} <= kinds
    visitors: dict[str, Visitor] = {}
    for address, kind, path in found:
        if address not in visitors:
            visitors[address] = Visitor(demo)
            visitors[address].sign_in(address)
        assert visitors[address].open(path).status == 200, f"{kind} leads {address} to {path}"
