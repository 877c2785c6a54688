"""The journey from a link to the receipt, and everything that ends it earlier."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Asked, Party, World
from tests.support.visitor import Form, Visitor
from webapp import database
from webapp.agreements.models import Acceptance
from webapp.evidence import rules as evidence
from webapp.evidence.models import Fact
from webapp.invitations.models import InvitationAct
from webapp.messages.models import Message
from webapp.organizations.models import Organization
from webapp.relationships.models import Relationship
from webapp.tasks.models import Task

Browser = Callable[..., Visitor]
WORDS = {
    "en": {
        "continue": "Continue", "sign_in": "Continue to sign in", "check": "Check before you accept",
        "accept": "Accept agreement and relationship", "done": "Agreement and relationship accepted",
        "receipt": "See the receipt", "json": "Save as JSON", "title": "Director",
    },
    "ja": {
        "continue": "続ける", "sign_in": "サインインして続ける", "check": "同意する前に確認",
        "accept": "契約とリセラー関係に同意する", "done": "契約とリセラー関係への同意が完了しました",
        "receipt": "受領書を見る", "json": "JSON を保存", "title": "取締役",
    },
}  # fmt: skip


@pytest.fixture
def partner(world: World) -> Party:
    world.a_published_agreement()
    world.a_published_agreement("JP")
    return world.a_partner("Northwind Cloud")


@pytest.fixture
def customer(world: World) -> Party:
    return world.a_customer("Adventure Works")


def counted(app: Flask, model: type[Any], *conditions: Any) -> int:
    with app.app_context():
        return database.session().scalar(sa.select(sa.func.count()).select_from(model).where(*conditions)) or 0


def reviewing(browser: Browser, invitation: Asked, person: Any, **options: Any) -> Visitor:
    """A visitor who signed in and stands on the review page."""
    visitor = browser(**options)
    words = WORDS[options.get("language", "en")]
    visitor.open(invitation.path)
    visitor.follow(words["sign_in"])
    visitor.sign_in(person.address)
    visitor.submit(button=words["continue"])
    return visitor


def form_with(visitor: Visitor, name: str) -> Form:
    """The form of the page that has a field of this name."""
    return next(form for form in visitor.page.forms if name in form.names)


def fill(visitor: Visitor, **changes: Any) -> None:
    given = {"agreement": True, "relationship": True, "authority": True, "title": "Director"} | changes
    visitor.submit({name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_administrator_comes_from_the_link_to_the_receipt(
    app: Flask, world: World, browser: Browser, partner: Party, language: str
) -> None:
    words = WORDS[language]
    country = "JP" if language == "ja" else "US"
    customer = world.a_customer("Contoso 株式会社", language=language, country=country, zone="Asia/Tokyo")
    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["billing_administrator"], language=language)
    assert visitor.page.status == 200
    assert "2026-03" in visitor.page.words
    assert f"({language})" in visitor.page.words
    fill(visitor, title=words["title"])
    assert visitor.page.status == 200
    assert visitor.page.heading.startswith(words["check"][:5])
    assert counted(app, Acceptance) == 0
    visitor.submit(button=words["accept"])
    assert visitor.page.heading == words["done"]
    visitor.follow(words["receipt"])
    assert words["title"] in visitor.page.words
    file = json.loads(visitor.client.get(visitor.page.links[words["json"]]).text)
    assert set(file) == {"record", "previous_hash", "hash", "chain_id", "position", "personal", "documents"}
    assert evidence.receipt_findings(file) == []
    record = json.loads(file["record"])
    assert set(record["facts"]["shown"]["boxes"]) == {"agreement", "relationship", "authority"}
    assert record["facts"]["shown"]["shown_language"] == language
    assert record["facts"]["proof"] == "password"
    assert file["personal"]["title"]["value"] == words["title"]
    assert set(record["personal"]) >= {"name", "address", "title", "network_address"}
    for digest, document in file["documents"].items():
        assert evidence.document_digest(document["content"].encode()) == digest
    assert counted(app, Relationship) == 1
    assert counted(app, InvitationAct, InvitationAct.kind == "accepted") == 1
    assert counted(app, Message, Message.kind == "receipt") == 2
    assert counted(app, Task, Task.organization_id == partner.id, Task.kind == "invitation_accepted") == 1


def test_boxes_are_empty_and_each_is_needed(world: World, browser: Browser, partner: Party, customer: Party) -> None:
    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    for missing in ("agreement", "relationship", "authority"):
        assert not {"agreement", "relationship", "authority"} & {
            name for name in form_with(visitor, "title").fields if form_with(visitor, "title").fields[name] == ["y"]
        }
        fill(visitor, **{missing: False})
        assert visitor.page.status == 422
        assert "There is a problem" in visitor.page.html
        visitor.open(f"/invitation/{invitation.ref}/acceptance")
    fill(visitor, title="  ")
    assert visitor.page.status == 422
    assert "Enter your title" in visitor.page.words


def test_change_keeps_what_was_typed(world: World, browser: Browser, partner: Party, customer: Party) -> None:
    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    fill(visitor, title="Head of 購買 <b>", department="Ops & more")
    form = form_with(visitor, "title")
    visitor._go("POST", f"/invitation/{invitation.ref}/acceptance/change", form.fields)
    assert visitor.page.status == 200
    again = form_with(visitor, "title")
    assert again.fields["title"] == ["Head of 購買 <b>"]
    assert again.fields["department"] == ["Ops & more"]


def test_a_second_accept_changes_nothing_and_says_by_whom(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    first = reviewing(browser, invitation, customer["global_administrator"])
    second = reviewing(browser, invitation, customer["billing_administrator"])
    fill(first)
    fill(second)
    again = form_with(first, "title")
    first.submit(button="Accept")
    assert first.page.status == 200
    first._go("POST", again.action, again.fields)
    assert first.page.status == 409
    assert first.page.heading == "You accepted this already"
    second.submit(button="Accept")
    assert second.page.status == 409
    assert "Global Of" in second.page.words
    second.follow("See the receipt")
    assert second.page.status == 200
    assert counted(app, Acceptance) == counted(app, Relationship) == 1
    assert counted(app, Message, Message.kind == "receipt") == 2
    assert second.open(invitation.path).status == 409


def test_a_version_published_meanwhile_is_not_signed(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    from datetime import date

    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    fill(visitor, department="Purchasing")
    world.a_published_agreement(version="2026-09", effective_on=date(2026, 9, 1))
    visitor.submit(button="Accept")
    assert visitor.page.status == 409
    assert "another version" in visitor.page.words
    form = form_with(visitor, "title")
    assert form.fields["department"] == ["Purchasing"]
    assert "agreement" not in form.fields
    assert counted(app, Acceptance) == 0
    fill(visitor)
    visitor.submit(button="Accept")
    assert visitor.page.status == 200
    with app.app_context():
        fact = database.session().scalar(sa.select(Fact).where(Fact.kind == "agreement.accepted"))
        assert fact is not None
        assert json.loads(fact.record)["facts"]["version"] == "2026-09"


def test_a_renamed_partner_is_not_signed_under_its_old_name(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    fill(visitor)
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Organization).where(Organization.id == partner.id).values(name="Other"))
    visitor.submit(button="Accept")
    assert visitor.page.status == 409
    assert "The name of the partner." in visitor.page.words
    assert counted(app, Relationship) == 0


def test_a_forged_fingerprint_signs_nothing(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    fill(visitor)
    form = form_with(visitor, "title")
    for value in ("", "0" * 64, "x" * 5000):
        visitor._go("POST", form.action, form.fields | {"fingerprint": [value], "parts": ["[1"]})
        assert visitor.page.status == 409
    assert counted(app, Acceptance) == 0


def test_who_declined_may_still_accept(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    visitor.follow("Decline")
    visitor.submit(comment="why?")
    assert visitor.page.status == 422
    visitor.submit(reason="not_now", comment="次の四半期に")
    assert "declined" in visitor.page.words
    visitor.open(f"/invitation/{invitation.ref}/decline")
    visitor.submit(reason="other")
    assert counted(app, InvitationAct, InvitationAct.kind == "declined") == 1
    visitor.submit(button="Continue")
    fill(visitor)
    visitor.submit(button="Accept")
    assert visitor.page.status == 200
    with app.app_context():
        kinds = database.session().scalars(sa.select(InvitationAct.kind).order_by(InvitationAct.at)).all()
    assert kinds == ["opened", "declined", "accepted"]
    assert counted(app, Task, Task.organization_id == partner.id) == 2


def test_opening_by_itself_notes_nothing(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    visitor = browser()
    visitor.open(invitation.path)
    visitor.follow("Continue to sign in")
    visitor.sign_in(customer["global_administrator"].address)
    visitor.open(f"/invitation/{invitation.ref}/acceptance")
    assert counted(app, InvitationAct) == 0
    visitor.open(invitation.path)
    visitor.submit(button="Continue")
    visitor.open(invitation.path)
    visitor.submit(button="Continue")
    assert counted(app, InvitationAct, InvitationAct.kind == "opened") == 1


def test_an_agreement_accepted_before_is_not_asked_again(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = browser()
    visitor.open("/AdminPortal/home?ref=/BillingAccounts/agreement")
    visitor.sign_in(customer["global_administrator"].address)
    assert visitor.page.heading == "Review the agreement"
    fill(visitor, relationship=None)
    visitor.submit(button="Accept agreement")
    assert visitor.page.heading == "Agreement accepted"
    assert visitor.open("/agreement/acceptance").status == 409
    invitation = world.an_invitation(partner, customer)
    visitor.open(invitation.path)
    visitor.submit(button="Continue")
    assert "It is not asked again." in visitor.page.words
    fill(visitor, agreement=None)
    visitor.submit(button="Accept relationship")
    assert visitor.page.heading == "Relationship accepted"
    visitor.follow("See the receipt")
    file = json.loads(visitor.client.get(visitor.page.links["Save as JSON"]).text)
    assert evidence.receipt_findings(file) == []
    assert counted(app, Acceptance) == counted(app, Relationship) == 1
    again = world.an_invitation(partner, customer, asks="agreement")
    assert visitor.open(again.path).status == 409
    assert visitor.page.heading == "The agreement was accepted already"


def test_an_indirect_relationship_names_both_and_tells_both(
    app: Flask, world: World, browser: Browser, partner: Party
) -> None:
    provider = world.a_partner("Fabrikam", programme="indirect_provider")
    reseller = world.a_partner("Tailspin", programme="indirect_reseller")
    world.pair(provider, reseller)
    customer = world.a_customer()
    invitation = world.an_invitation(provider, customer, reseller=reseller)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    assert "Tailspin" in visitor.page.words
    assert "Fabrikam" in visitor.page.words
    fill(visitor)
    visitor.submit(button="Accept")
    assert visitor.page.status == 200
    for party in (provider, reseller):
        assert counted(app, Task, Task.organization_id == party.id, Task.kind == "invitation_accepted") == 1
    with app.app_context():
        row = database.session().scalar(sa.select(Relationship))
        assert row is not None
        assert (row.partner_id, row.reseller_id) == (provider.id, reseller.id)


def test_a_person_without_the_role_is_told_who_can(
    world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    for role in ("", "global_reader"):
        visitor = browser()
        visitor.open(invitation.path)
        visitor.follow("Continue to sign in")
        visitor.sign_in(customer[role].address)
        assert visitor.page.status == 403
        assert "Global Of" in visitor.page.words
        assert visitor.open(f"/invitation/{invitation.ref}/acceptance").status == 403
        visitor.open(invitation.path)
        visitor.follow("Read the agreement")
        assert visitor.page.status == 200
        visitor.open(invitation.path)
        visitor.submit(button="Switch account")
        visitor.sign_in(customer["billing_administrator"].address)
        assert visitor.page.status == 200
        assert "Northwind Cloud asks" in visitor.page.heading


def test_another_customers_administrator_switches_account_in_one_click(
    world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    other = world.a_customer("Wingtip")
    invitation = world.an_invitation(partner, customer)
    visitor = browser()
    visitor.sign_in(other["global_administrator"].address)
    assert visitor.open(invitation.path).status == 403
    assert "somebody at Adventure Works" in visitor.page.words
    assert visitor.open(f"/invitation/{invitation.ref}/acceptance").status == 404
    visitor.open(invitation.path)
    visitor.submit(button="Switch account")
    visitor.sign_in(customer["global_administrator"].address)
    assert visitor.page.url.endswith(invitation.path)
    assert visitor.page.status == 200


def test_a_partner_with_all_it_knows_cannot_accept(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    administrator = reviewing(browser, invitation, customer["global_administrator"])
    fill(administrator)
    valid = form_with(administrator, "title")
    for role in ("admin_agent", "sales_agent", "helpdesk_agent", ""):
        visitor = browser()
        visitor.sign_in(partner[role].address)
        assert visitor.open(invitation.path).status == 403
        assert visitor.page.heading == "This link is for your customer"
        visitor.follow("See what your customer sees")
        assert visitor.page.status == (200 if role else 403)
        token = next(f.fields["csrf_token"] for f in visitor.page.forms if "csrf_token" in f.fields)
        for path in ("acceptance", "acceptance/check", "acceptance/change", "opening", "decline"):
            body = valid.fields | {"csrf_token": token, "reason": ["not_now"]}
            visitor._go("POST", f"/invitation/{invitation.ref}/{path}", body)
            assert visitor.page.status in {403, 404}
        visitor._go("POST", "/agreement/acceptance", valid.fields | {"csrf_token": token})
        assert visitor.page.status == 403
    assert counted(app, Acceptance) == counted(app, InvitationAct, InvitationAct.kind != "opened") == 0
    administrator.submit(button="Accept")
    assert administrator.page.status == 200


def test_a_policy_takes_the_billing_administrator_out(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    from webapp.policies import actions as policies

    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["billing_administrator"])
    fill(visitor)
    with app.app_context(), database.unit_of_work():
        policies.set_policy("agreement.acceptors", ["global_administrator"], "test")
    visitor.submit(button="Accept")
    assert visitor.page.status == 403
    assert counted(app, Acceptance) == 0


def test_who_never_showed_the_mailbox_accepts_only_after_that(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    from webapp.accounts.models import Person

    person = customer["global_administrator"]
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Person).where(Person.id == person.id).values(confirmed_at=None))
    invitation = world.an_invitation(partner, customer)
    visitor = browser()
    visitor.sign_in(person.address)
    visitor.open(f"/invitation/{invitation.ref}/acceptance")
    assert visitor.page.status == 403
    assert visitor.page.heading == "First show that your mailbox is yours"
    visitor.submit(button="Send me the link")
    assert visitor.page.status == 200
    assert counted(app, Message, Message.recipient == person.address) == 1


def test_receipts_belong_to_the_customers_readers(
    world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    fill(visitor)
    visitor.submit(button="Accept")
    visitor.follow("See the receipt")
    receipt = visitor.page.url
    other = world.a_customer()
    for person, status in (
        (customer["global_reader"], 200), (customer[""], 403), (other["global_administrator"], 404),
        (partner["admin_agent"], 404),
    ):  # fmt: skip
        reader = browser()
        reader.sign_in(person.address)
        assert reader.open(receipt).status == status
        assert reader.client.get(receipt + ".json").status_code == status


def test_the_partner_sees_who_when_and_which_version(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    from webapp.agreements import queries

    invitation = world.an_invitation(partner, customer)
    visitor = reviewing(browser, invitation, customer["global_administrator"])
    fill(visitor)
    visitor.submit(button="Accept")
    with app.app_context():
        acceptance = database.session().scalars(sa.select(Acceptance)).one()
        shown = queries.shown_to_partner(acceptance)
        assert (shown.version, shown.at) == ("2026-03", acceptance.at)
        assert shown.name.startswith("Global Of")
        assert set(shown.__dict__) == {"reference", "name", "at", "version", "language"}


def test_what_waits_stands_without_a_link(app: Flask, world: World, partner: Party, customer: Party) -> None:
    from webapp import actor as actors
    from webapp.accounts import actions as accounts
    from webapp.answers import queries

    world.an_invitation(partner, customer, sent=True)
    world.an_invitation(partner, customer)  # a draft: nobody was asked yet
    world.an_invitation(partner, customer, sent=True, expired=True)
    with app.app_context():
        with database.unit_of_work():
            session_id = accounts.start_session(
                customer["global_administrator"].id, proof="password", network_address="", browser=""
            ).id
        actor = actors.load(session_id)
        assert actor is not None
        waiting = queries.waiting_for(actor)
    assert [(each.asks, each.partner) for each in waiting] == [("relationship", "Northwind Cloud"), ("agreement", "")]
