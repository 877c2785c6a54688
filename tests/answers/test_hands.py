"""Authority needs a mailbox that no partner near the customer reads, and a link tells nobody who has an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import World
from tests.support.visitor import Visitor
from webapp import database
from webapp.accounts.models import Person
from webapp.messages.models import Message
from webapp.organizations import queries as organizations

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)


def move(app: Flask, person_id: object, address: str) -> None:
    """Let a person have an address that it could not have got through the pages."""
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(Person).where(Person.id == person_id).values(address=address, address_key=address.casefold())
        )


def test_the_agreement_alone_is_not_accepted_from_a_related_partners_mailbox(
    app: Flask, world: World, browser: Callable[..., Visitor]
) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    world.a_published_agreement()
    world.an_invitation(partner, customer)
    domain = partner["admin_agent"].address.split("@")[1]
    administrator = customer["global_administrator"]
    visitor = browser()
    visitor.sign_in(administrator.address)
    visitor.open("/agreement/acceptance")
    visitor.submit({"agreement": True, "authority": True, "title": "Director"}, button="Continue to check")
    move(app, administrator.id, f"director@mail.{domain}")
    assert visitor.submit(to="/agreement/acceptance", button="Accept").heading == "This address belongs to a partner"
    move(app, administrator.id, administrator.address)
    visitor.open("/agreement/acceptance")
    visitor.submit({"agreement": True, "authority": True, "title": "Director"}, button="Continue to check")
    assert visitor.submit(to="/agreement/acceptance", button="Accept").status == 200


@pytest.mark.parametrize("where", ["{domain}", "deep.sub.{domain}", "{people}"])
def test_nobody_of_a_customer_moves_to_a_partners_mailbox(
    app: Flask, world: World, browser: Callable[..., Visitor], where: str
) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    move(app, partner["sales_agent"].id, "sales@agents.example")
    domain = partner["admin_agent"].address.split("@")[1]
    address = "someone@" + where.format(domain=domain, people="agents.example")
    with app.app_context():
        held = organizations.partner_holding(address)
        assert held is not None
        assert held.id == partner.id
        assert organizations.partner_holding("someone@elsewhere.example") is None
        assert organizations.partner_holding("someone@gmail.com") is None
    visitor = browser()
    visitor.sign_in(customer["global_administrator"].address)
    visitor.open("/account/address")
    page = visitor.submit(address=address, current_password="countersign-demo")
    assert page.status == 409
    assert "lies in a domain of" in page.heading
    with app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).select_from(Message)) == 0


@pytest.mark.parametrize(
    ("state", "holds"),
    [
        ({"disabled_at": None}, True),
        ({"confirmed_at": None}, False),
        ({"disabled_at": MOMENT}, False),
        ({"erased_at": MOMENT}, False),
    ],
)
def test_a_domain_is_a_partners_by_its_people_only_while_somebody_there_reads_a_mailbox(
    app: Flask, world: World, state: dict[str, datetime | None], holds: bool
) -> None:
    partner = world.a_partner()
    seller = partner["sales_agent"]
    move(app, seller.id, "taro@contoso.example")
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Person).where(Person.id == seller.id).values(**state))
    with app.app_context():
        for address in ("hanako@contoso.example", "hanako@mail.contoso.example"):
            assert (organizations.partner_holding(address) is not None) is holds, address
        assert organizations.partner_holding("Taro@contoso.example") is not None
        domain = partner["admin_agent"].address.split("@")[1]
        assert organizations.partner_holding(f"anybody@{domain}") is not None


def test_what_a_partner_may_not_use_itself_counts_people_who_never_signed_in(app: Flask, world: World) -> None:
    partner = world.a_partner()
    seller = partner["sales_agent"]
    move(app, seller.id, "taro@contoso.example")
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Person).where(Person.id == seller.id).values(confirmed_at=None))
    with app.app_context():
        assert organizations.is_own_address(partner.id, "hanako@contoso.example")
        assert organizations.is_own_address(partner.id, "hanako@mail.contoso.example")


def test_the_link_shows_the_same_contact_whomever_the_partner_wrote_to(
    app: Flask, world: World, browser: Callable[..., Visitor]
) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    local, domain = customer[""].address.split("@")
    shown = set()
    for recipient in (customer[""].address, f"nobody@{domain}"):
        asked = world.an_invitation(partner, customer, recipient=recipient)
        page = browser().open(f"/invitation?ref={asked.ref}")
        shown.add(next(word for word in page.words.split() if "•••" in word))
        assert local not in page.words
    assert len(shown) == 1


def test_a_known_address_gets_one_mail_however_often_it_is_typed(
    app: Flask, world: World, browser: Callable[..., Visitor]
) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    asked = world.an_invitation(partner, None)
    for _ in range(4):
        visitor = browser()
        visitor.open(f"/invitation/{asked.ref}/sign-up")
        visitor.submit(address=customer["global_administrator"].address)
    with app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).select_from(Message)) == 1


def test_a_withdrawn_link_has_no_preview_for_others(world: World, browser: Callable[..., Visitor]) -> None:
    partner, rival, customer = world.a_partner(), world.a_partner(), world.a_customer()
    asked = world.an_invitation(partner, customer, last_day=None)
    assert browser().open(f"/invitation/{asked.ref}/preview").heading == "Sign in"
    for address, status in ((rival["admin_agent"].address, 404), (partner["helpdesk_agent"].address, 200)):
        visitor = browser()
        visitor.sign_in(address)
        assert visitor.open(f"/invitation/{asked.ref}/preview").status == status
