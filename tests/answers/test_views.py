"""Links as they come: in Microsoft's shape and ours, whole, cut, altered and stale; and signing up by one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from tests.support.visitor import Visitor
from webapp import database, tokens
from webapp.accounts.models import Person
from webapp.answers.models import AdmissionRequest
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.messages.actions import filled
from webapp.messages.models import Message
from webapp.organizations.models import Organization, Pairing

Browser = Callable[..., Visitor]
PASSWORD = "a long and unusual password"


@pytest.fixture
def partner(world: World) -> Party:
    world.a_published_agreement()
    return world.a_partner("Northwind Cloud")


def end(app: Flask, ref: str, kind: str) -> None:
    """Let something end an invitation."""
    with app.app_context(), database.unit_of_work():
        row = invitation_queries.by_ref(ref)
        assert row is not None
        database.write()
        invitations.note(row, kind)


def newest_link(app: Flask, recipient: str) -> str:
    """The secret link in the newest mail to an address."""
    with app.app_context():
        message = database.session().scalar(
            sa.select(Message).where(Message.recipient == recipient).order_by(Message.created_at.desc()).limit(1)
        )
        assert message is not None
        found = re.search(r"http://localhost(/\S+/\S+)", filled(message)[0])
        assert found is not None
        return found[1]


def counted(app: Flask, model: type[Any], *conditions: Any) -> int:
    with app.app_context():
        return database.session().scalar(sa.select(sa.func.count()).select_from(model).where(*conditions)) or 0


NOBODY = "11111111-1111-4111-8111-111111111111"
LINKS = [
    ("", 400),
    ("invType=ResellerRelationship", 400),
    ("invType=ResellerRelationship&partnerId=", 400),
    ("invType=ResellerRelationship&partnerId=nonsense", 400),
    (f"invType=Nonsense&partnerId={NOBODY}", 400),
    (f"invType=ResellerRelationship&partnerId={NOBODY}&partnerId={NOBODY}", 400),
    (f"invType=IndirectResellerRelationship&partnerId={NOBODY}", 400),
    ("invType=%00&partnerId=%00", 400),
    ("partnerId=" + "9" * 3000, 400),
    ("DAP=perhaps", 400),
    (f"invType=ResellerRelationship&partnerId={NOBODY}", 404),
    ("ref=", 400),
    ("ref=%00", 404),
    ("ref=%F0%9F%99%82", 404),
    ("ref=%E2%80%AE" + "0" * 32, 404),
    ("ref=" + "0" * 32, 404),
    ("ref=" + "f" * 5000, 404),
    ("ref=%FF%FE", 404),
]


@pytest.mark.parametrize("shape", ["/invitation", "/adminPORTAL/home"])
def test_broken_links_get_a_clear_page_and_never_a_fault(browser: Browser, partner: Party, shape: str) -> None:
    visitor = browser()
    for query, status in LINKS:
        if shape != "/invitation" and query in {"", "ref=", "ref=%00"}:
            continue
        page = visitor.open(f"{shape}?{query}")
        assert page.status == status, query


def test_unknown_and_altered_links_look_the_same(world: World, browser: Browser, partner: Party) -> None:
    invitation = world.an_invitation(partner)
    rival = world.a_partner()
    words = set()
    for query in (
        "ref=" + "0" * 32,
        f"ref={invitation.ref}&partnerId={rival.id}",
        f"ref={invitation.ref}&invType=CustomerAgreement",
        f"ref={invitation.ref}&indirectCSPId={rival.id}",
        f"ref={invitation.ref}&msppId=77",
        f"invType=ResellerRelationship&partnerId={NOBODY}",
    ):
        page = browser().open(f"/invitation?{query}")
        assert page.status == 404
        words.add(re.sub(r"Reference: \w+", "", page.words))
    assert len(words) == 1


def test_links_in_microsofts_shape_lead_to_the_standing_invitation(
    world: World, browser: Browser, partner: Party
) -> None:
    reseller = world.a_partner("Tailspin", programme="indirect_reseller")
    provider = world.a_partner("Fabrikam", programme="indirect_provider")
    world.pair(provider, reseller)
    for query, heading in (
        (f"invType=ResellerRelationship&partnerId={partner.id}&msppId=0&DAP=true", "Northwind Cloud asks you"),
        (f"msppId=0&partnerId={str(partner.id).upper()}&invType=ResellerRelationship&x=1&x=2", "Northwind Cloud asks"),
        (f"invType=CustomerAgreement&partnerId={partner.id}&lang=en", "Northwind Cloud asks you to accept the Micr"),
        (
            f"invType=IndirectResellerRelationship&partnerId={provider.id}&indirectCSPId={reseller.id}",
            "Tailspin and Fab",
        ),
    ):
        for path in ("/AdminPortal/Home", "/adminportal/HOME", "/invitation"):
            page = browser().open(f"{path}?{query}")
            assert page.status == 200
            assert page.heading.startswith(heading)
    page = browser().open(f"/AdminPortal/Home?invType=Administration&partnerId={partner.id}")
    assert page.status == 404
    assert page.heading == "Ask the partner for a new link"


def test_provider_and_reseller_that_do_not_belong_together_are_refused(
    app: Flask, world: World, browser: Browser, partner: Party
) -> None:
    reseller = world.a_partner(programme="indirect_reseller")
    provider = world.a_partner(programme="indirect_provider")
    query = f"/invitation?invType=IndirectResellerRelationship&partnerId={provider.id}&indirectCSPId={reseller.id}"
    assert browser().open(query).status == 410
    world.pair(provider, reseller)
    assert browser().open(query).status == 200
    with app.app_context(), database.unit_of_work():
        from webapp import clock

        database.write()
        database.session().execute(sa.update(Pairing).values(ended_at=clock.now()))
    assert browser().open(query).heading == "These partners do not work together"


def test_a_disabled_partners_link_says_so(app: Flask, world: World, browser: Browser, partner: Party) -> None:
    invitation = world.an_invitation(partner)
    with app.app_context(), database.unit_of_work():
        from webapp import clock

        database.write()
        database.session().execute(
            sa.update(Organization).where(Organization.id == partner.id).values(disabled_at=clock.now())
        )
    page = browser().open(invitation.path)
    assert page.status == 410
    assert page.heading == "Northwind Cloud does not work here any more"


def test_each_end_of_an_invitation_has_its_page(app: Flask, world: World, browser: Browser, partner: Party) -> None:
    customer = world.a_customer()
    for kind, status, heading in (
        ("withdrawn", 410, "This invitation was withdrawn"),
        ("superseded", 410, "There is a newer invitation"),
        ("closed", 404, "This link leads to no open invitation"),
    ):
        invitation = world.an_invitation(partner, customer)
        end(app, invitation.ref, kind)
        page = browser().open(invitation.path)
        assert (page.status, page.heading) == (status, heading)
    page = browser().open(world.an_invitation(partner, customer, expired=True).path)
    assert (page.status, page.heading) == (410, "This invitation has expired")


def test_an_empty_address_of_microsofts_offers_where_to_go(browser: Browser, partner: Party) -> None:
    page = browser().open("/Adminportal/home")
    assert page.status == 200
    assert "data-fragment-redirect" in page.html


def test_a_partner_at_microsofts_agreement_link_is_told_whom_it_is_for(browser: Browser, partner: Party) -> None:
    visitor = browser()
    visitor.sign_in(partner["admin_agent"].address)
    page = visitor.open("/AdminPortal/Home?ref=/BillingAccounts/agreement")
    assert (page.status, page.heading) == (403, "This link is for customers")


def test_the_landing_page_says_what_a_reader_needs_before_signing_in(
    app: Flask, world: World, browser: Browser, partner: Party
) -> None:
    from webapp.organizations import actions as organizations

    customer = world.a_customer("Contoso 株式会社")
    invitation = world.an_invitation(partner, customer, recipient=customer["global_administrator"].address)
    page = browser().open(invitation.path)
    for words in ("Contoso 株式会社", "You will need", "What it does not let them do", "has not checked any domain"):
        assert words in page.words
    assert customer["global_administrator"].address not in page.html
    assert "g•••@customer" in page.words
    with app.app_context(), database.unit_of_work():
        domain = f"{partner['admin_agent'].address.split('@')[1]}"
        organizations.confirm_domain(domain)
    assert f"owns the domain {domain}" in browser().open(invitation.path).words
    assert browser().open(invitation.path + "&lang=ja").heading.startswith("Northwind Cloud から")


def test_the_first_sign_in_link_goes_to_the_address_on_file_only(
    app: Flask, world: World, browser: Browser, partner: Party
) -> None:
    customer = world.a_customer()
    recipient = customer["global_administrator"].address
    invitation = world.an_invitation(partner, customer, recipient=customer["billing_administrator"].address)
    visitor = browser()
    visitor.open(invitation.path)
    visitor.submit(button="Send me the link")
    assert visitor.page.status == 200
    assert recipient not in visitor.page.html
    assert counted(app, Message, Message.recipient == recipient) == 1
    visitor.open(invitation.path)
    visitor.submit(button="Send me the link")
    assert counted(app, Message) == 1


def sign_up(app: Flask, browser: Browser, ref: str, mailbox: str, **changes: Any) -> Visitor:
    """Go from an invitation for any customer to the answer of the sign-up form."""
    visitor = browser()
    visitor.open(f"/invitation?ref={ref}")
    visitor.follow("Create an account")
    visitor.submit(address=mailbox)
    assert visitor.page.heading == "Look into your mailbox"
    visitor.open(newest_link(app, mailbox))
    given = {
        "address": mailbox, "organization": "Fourth Coffee 合同会社", "country": "JP", "given_name": "Aiko",
        "family_name": "Sato", "password": PASSWORD, "password_again": PASSWORD,
    } | changes  # fmt: skip
    visitor.submit(given)
    return visitor


def test_a_new_customer_signs_up_mailbox_first_and_lands_on_the_invitation(
    app: Flask, world: World, browser: Browser, partner: Party
) -> None:
    world.a_published_agreement("JP")
    invitation = world.an_invitation(partner)
    visitor = sign_up(app, browser, invitation.ref, "aiko@fourthcoffee.example")
    assert visitor.page.url.endswith(invitation.path)
    visitor.submit(button="Continue")
    visitor.submit(agreement=True, relationship=True, authority=True, title="Owner")
    visitor.submit(button="Accept")
    assert visitor.page.heading == "Agreement and relationship accepted"
    with app.app_context():
        row = database.session().scalar(sa.select(Organization).where(Organization.name == "Fourth Coffee 合同会社"))
        assert row is not None
        assert (row.zone, row.created_by_partner_id) == ("Asia/Tokyo", None)
    other = browser()
    assert other.open(invitation.path).status == 200


def test_a_sign_up_link_works_once_and_only_with_its_address(
    app: Flask, world: World, browser: Browser, partner: Party
) -> None:
    invitation = world.an_invitation(partner)
    visitor = sign_up(
        app, browser, invitation.ref, "aiko@fourthcoffee.example", address="eve@fourthcoffee.example", country="US"
    )
    assert visitor.page.status == 422
    link = visitor.page.url
    assert counted(app, Organization, Organization.name == "Fourth Coffee 合同会社") == 0
    visitor.submit(address="AIKO@fourthcoffee.example", password=PASSWORD, password_again=PASSWORD)
    assert visitor.page.status == 200
    assert browser().open(link).status == 410


def test_the_partners_own_mailboxes_cannot_sign_up(world: World, browser: Browser, partner: Party, app: Flask) -> None:
    invitation = world.an_invitation(partner)
    domain = partner["admin_agent"].address.split("@")[1]
    for address in (f"new@{domain}", f"new@sub.{domain}", partner["sales_agent"].address):
        visitor = browser()
        visitor.open(f"/invitation/{invitation.ref}/sign-up")
        visitor.submit(address=address)
        assert visitor.page.status == 409
    assert counted(app, Message) == 0


def test_nobody_learns_whether_an_address_signs_in(app: Flask, world: World, browser: Browser, partner: Party) -> None:
    customer = world.a_customer()
    invitation = world.an_invitation(partner)
    words = set()
    for address in (customer["global_administrator"].address, "nobody@elsewhere.example"):
        visitor = browser()
        visitor.open(f"/invitation/{invitation.ref}/sign-up")
        visitor.submit(address=address)
        words.add(visitor.page.words.replace(address, ""))
        assert counted(app, Message, Message.recipient == address) == 1
    assert len(words) == 1


@pytest.mark.parametrize("admits", [True, False])
def test_a_known_mail_domain_makes_no_second_organization(
    app: Flask, world: World, browser: Browser, partner: Party, admits: bool
) -> None:
    customer = world.a_customer()
    invitation = world.an_invitation(partner)
    address = "new.person@" + customer["global_administrator"].address.split("@")[1]
    visitor = sign_up(app, browser, invitation.ref, address, country="US")
    assert visitor.page.heading == "Your organization has an account already"
    assert counted(app, Organization, Organization.kind == "customer") == 1
    assert counted(app, Person, Person.address == address) == 0
    link = newest_link(app, customer["global_administrator"].address)
    billing = browser()
    billing.sign_in(customer["billing_administrator"].address)
    assert billing.open(link).status == 403
    administrator = browser()
    administrator.sign_in(customer["global_administrator"].address)
    administrator.open(link)
    assert address in administrator.page.words
    if admits:
        administrator.submit(role="billing_administrator")
        assert administrator.page.status == 200
        assert counted(app, Person, Person.address == address, Person.confirmed_at.is_(None)) == 1
        person = browser()
        person.open(newest_link(app, address))
        assert person.page.status == 200
    else:
        administrator.submit(button="Refuse")
        assert "refused" in administrator.page.words
        assert counted(app, AdmissionRequest, AdmissionRequest.address == "") == 1
        assert counted(app, Person, Person.address == address) == 0
    assert tokens.Token is not None


def test_hostile_text_is_refused_or_kept_faithfully(app: Flask, world: World, browser: Browser, partner: Party) -> None:
    customer = world.a_customer()
    invitation = world.an_invitation(partner, customer)
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    visitor.open(f"/invitation/{invitation.ref}/decline")
    for comment in ("a\x00b", "\u202eabc", "x" * 501, "\x1b[31m"):
        visitor.submit(reason="other", comment=comment)
        assert visitor.page.status == 422
        visitor.open(f"/invitation/{invitation.ref}/decline")
    visitor.submit(reason="other", comment="<b>🙂 مرحبا</b>\nسلام")
    assert visitor.page.status == 200
    visitor.open("/history")
