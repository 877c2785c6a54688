"""Adding a customer through the pages, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.accounts.test_temporary_passwords import OWN, code_to, spend
from tests.onboarding.scene import ADDRESS, COMPANY, CONTACT, as_partner, begin, create, fill, password_on
from tests.support.builders import Member, Party, World
from tests.support.main_job import publish
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.agreements import queries as agreements
from webapp.agreements.models import Attestation
from webapp.evidence import queries as records
from webapp.evidence.actions import new_chain
from webapp.evidence.models import Fact
from webapp.messages.actions import filled
from webapp.messages.models import Message
from webapp.onboarding import actions, jobs
from webapp.onboarding.models import CustomerDraft
from webapp.onboarding.rules import DraftFinished
from webapp.organizations import actions as organizations
from webapp.organizations.models import Domain, Organization, Pairing, RoleAssignment
from webapp.organizations.rules import name_key
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships
from webapp.relationships.models import Relationship

Browser = Callable[..., Visitor]


@pytest.fixture(autouse=True)
def _published(app: Flask) -> None:
    publish(app)


@pytest.fixture
def partner(world: World) -> Party:
    return world.a_partner("Northwind Cloud")


@pytest.fixture
def agent(browser: Browser, partner: Party) -> Visitor:
    return as_partner(browser(), partner["sales_agent"])


def customers(app: Flask) -> list[Organization]:
    with app.app_context():
        found = database.session().scalars(sa.select(Organization).where(Organization.kind == "customer")).all()
        return list(found)


def facts_of(app: Flask, customer_id: UUID) -> list[str]:
    with app.app_context():
        return list(
            database.session().scalars(
                sa.select(Fact.kind).where(Fact.customer_id == customer_id).order_by(Fact.position)
            )
        )


def messages(app: Flask, **columns: Any) -> list[Message]:
    with app.app_context():
        return list(database.session().scalars(sa.select(Message).filter_by(**columns).order_by(Message.created_at)))


# --- creating ----------------------------------------------------------------------------------------------------


def test_a_customer_that_will_be_asked_is_made_with_its_administrator_and_the_relationship_by_creation(
    app: Flask, agent: Visitor, partner: Party
) -> None:
    page, password = create(agent)
    (customer,) = customers(app)
    with app.app_context():
        session = database.session()
        person = session.scalars(sa.select(Person).where(Person.organization_id == customer.id)).one()
        roles = session.scalars(sa.select(RoleAssignment.role).where(RoleAssignment.person_id == person.id)).all()
        domain = session.scalars(sa.select(Domain.name).where(Domain.organization_id == customer.id)).one()
        relationship = session.scalars(sa.select(Relationship)).one()
        draft = session.scalars(sa.select(CustomerDraft)).one()
        assert not session.scalars(sa.select(Attestation)).all()
    assert (customer.name, customer.country, customer.region, customer.zone) == (
        "Woodgrove Bank Ltd.", "US", "WA", "America/Los_Angeles",
    )  # fmt: skip
    assert (customer.postal_code, customer.created_by_partner_id, domain) == ("98052", partner.id, "woodgrove.example")
    assert (person.address, person.created_by_partner_id, person.confirmed_at) == (CONTACT["address"], partner.id, None)
    assert roles == ["global_administrator"]
    assert person.temporary_until is not None
    assert timedelta(days=13) < person.temporary_until - clock.now() <= timedelta(days=14)
    assert (relationship.partner_id, relationship.reseller_id, relationship.origin) == (partner.id, None, "creation")
    assert facts_of(app, customer.id) == ["customer.created", "person.added", "relationship.created"]
    assert (draft.customer_id, draft.values) == (customer.id, {})
    assert not messages(app, recipient=CONTACT["address"]), "no mail goes to the customer but a notice"
    assert password in page.words
    assert page.response.headers["Cache-Control"] == "no-store"
    assert page.response.headers["Content-Encoding"] == "identity"


def test_the_password_is_shown_once_and_stands_nowhere(app: Flask, agent: Visitor) -> None:
    page, password = create(agent)
    done = agent.open(page.url.replace("/creation", "/done"))
    assert password not in done.html
    with app.app_context():
        for table in database.Model.metadata.sorted_tables:
            for row in database.session().execute(sa.select(table)):
                assert password not in str(tuple(row)), table.name


def test_the_fitting_invitation_is_one_click_away_and_filled_in(app: Flask, agent: Visitor) -> None:
    create(agent)
    agent.follow("Prepare the invitation")
    page = agent.submit(to="/partner/invitations")
    assert page.status == 200
    assert "Woodgrove Bank Ltd." in page.words
    assert "Agreement only" in page.words
    assert CONTACT["address"] in page.html


def test_an_attestation_goes_with_the_creation_and_the_contact_gets_its_notice(app: Flask, agent: Visitor) -> None:
    day = clock.today("America/Los_Angeles") - timedelta(days=3)
    page = fill(agent, agreement={"agreement": "attest", "attested": True, "agreed_on": day.isoformat()})
    assert "I confirm that Kim Abercrombie accepted the" in page.words
    agent.follow("Update")
    agent.submit(given_name="Terry", family_name="Adams", email="terry@woodgrove.example", phone="+1 425 555 0100")
    assert "I confirm that Terry Adams accepted the" in agent.page.words
    agent.submit(to="/creation")
    assert "The customer can buy." in agent.page.words
    (customer,) = customers(app)
    with app.app_context():
        row = database.session().scalars(sa.select(Attestation)).one()
        assert row.agreed_on == day
        assert agreements.signatory_of(row)["email"] == "terry@woodgrove.example"
        assert agreements.standing_of_customer(customer).state == "attested"
        personal = records.record_of(database.session().get_one(Fact, row.fact_id))["personal"]
        assert "shown" in personal
    assert facts_of(app, customer.id)[-1] == "agreement.attested"
    (notice,) = messages(app, recipient=CONTACT["address"])
    assert notice.kind == "attested"


def test_a_date_that_must_be_renewed_at_once_is_said_before_creating(app: Flask, agent: Visitor) -> None:
    today = clock.today("America/Los_Angeles")
    before = today - timedelta(days=3)
    attest = {"agreement": "attest", "attested": True, "agreed_on": before.isoformat()}
    page = fill(agent, agreement=attest)
    warning = "the customer still cannot buy until it is renewed"
    assert warning not in page.words
    with app.app_context(), database.unit_of_work():
        policies.set_policy("agreement.renew_before", (before + timedelta(days=1)).isoformat(), "a test")
    assert agent.submit(to="/creation").status == 409, "the page had not said it"
    assert agent.follow("Check it again").status == 200
    assert warning in agent.page.words
    assert "Whatever was accepted before" in agent.page.words
    agent.submit(to="/creation")
    (customer,) = customers(app)
    with app.app_context():
        assert agreements.standing_of_customer(customer).state == "must_renew"
    assert "The customer can buy." not in agent.page.words


def test_a_version_that_asks_everybody_again_is_said_before_creating(world: World, agent: Visitor) -> None:
    today = clock.today("America/Los_Angeles")
    world.a_published_agreement("US", version="2026-99", effective_on=today - timedelta(days=1), requires_renewal=True)
    day = today - timedelta(days=3)
    fill(agent, agreement={"agreement": "attest", "attested": True, "agreed_on": day.isoformat()})
    assert "Version 2026-99, in force since" in agent.page.words
    assert "the customer still cannot buy until it is renewed" in agent.page.words
    agent.follow("Change the date of acceptance")
    agent.submit(agreement="attest", attested=True, agreed_on=today.isoformat())
    assert "the customer still cannot buy until it is renewed" not in agent.page.words


@pytest.mark.parametrize(("values", "words"), [
    ({"agreement": "attest", "agreed_on": "2026-01-05"}, "Tick the box if you attest it."),
    ({"agreement": "attest", "attested": True, "agreed_on": ""}, "Enter the date of acceptance."),
    ({"agreement": "attest", "attested": True, "agreed_on": "2026-02-30"}, "Enter a real date"),
    ({"agreement": "attest", "attested": True, "agreed_on": "2020-02-29"}, "No version of the agreement was in force"),
    ({}, "Choose how the customer accepts the agreement."),
])  # fmt: skip
def test_an_attestation_that_cannot_be_is_refused_on_its_field(
    agent: Visitor, values: dict[str, Any], words: str
) -> None:
    fill(agent, until="agreement")
    page = agent.submit(values, to="/agreement")
    assert page.status == 422
    assert words in page.words


def test_the_day_of_acceptance_is_the_customers(app: Flask, browser: Browser, partner: Party) -> None:
    # 20:00 UTC on the 20th is the 21st in Tokyo and the 20th in New York
    with time_machine.travel(clock.now().replace(hour=20, minute=0)):
        tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
        attest = {"agreement": "attest", "attested": True, "agreed_on": tomorrow}
        japan = {"address_line": "丸の内１－１", "city": "千代田区", "region": "東京", "postal_code": "１０００００１"}
        visitor = as_partner(browser(), partner["admin_agent"])
        assert fill(visitor, agreement=attest).status == 422
        assert "cannot lie in the future" in visitor.page.words
        assert fill(visitor, company={"country": "JP", "name": "Aki"}, address=japan, agreement=attest).status == 200
        assert visitor.page.url.endswith("/review")
        assert "東京都" in visitor.page.words
        assert "100-0001" in visitor.page.words


# --- drafts ------------------------------------------------------------------------------------------------------


def test_a_draft_survives_a_closed_browser_and_a_colleague_goes_on_with_it(browser: Browser, partner: Party) -> None:
    first = as_partner(browser(), partner["sales_agent"])
    fill(first, until="contact")
    second = as_partner(browser(), partner["admin_agent"])
    second.open("/partner/customers/new")
    second.follow("Woodgrove Bank Ltd.")
    assert second.page.heading == "Who is the primary contact?"
    second.submit(CONTACT)
    second.submit(agreement="ask")
    assert second.page.heading == "Check before you create the customer"


def test_another_partner_and_a_helpdesk_agent_see_no_draft(world: World, browser: Browser, partner: Party) -> None:
    page = fill(as_partner(browser(), partner["sales_agent"]), until="domain")
    other = as_partner(browser(), world.a_partner()["admin_agent"])
    assert other.open(page.url).status == 404
    assert "Woodgrove" not in other.open("/partner/customers/new").words
    assert as_partner(browser(), partner["helpdesk_agent"]).open("/partner/customers/new").status == 403


def test_drafts_are_deleted_by_hand_and_after_thirty_days_of_rest(app: Flask, agent: Visitor) -> None:
    fill(agent, until="domain")
    fill(agent, until="company")
    agent.open("/partner/customers/new")
    assert "Without a name yet" in agent.page.words
    agent.submit(to="/deletion")
    with app.app_context():
        assert len(database.session().scalars(sa.select(CustomerDraft)).all()) == 1
        with time_machine.travel(clock.now() + timedelta(days=29)):
            assert jobs.forget_resting() == 0
        with time_machine.travel(clock.now() + timedelta(days=31)):
            assert jobs.forget_resting() == 1
            assert jobs.forget_resting() == 0


def test_changing_the_country_asks_for_the_address_again(agent: Visitor) -> None:
    fill(agent)
    agent.follow("Change the company name")
    agent.submit(country="JP")
    assert agent.page.url.endswith("/address")
    assert "Prefecture" in agent.page.words


def test_a_page_in_the_middle_leads_back_to_the_check_once_everything_is_there(agent: Visitor) -> None:
    fill(agent)
    agent.follow("Change the primary contact")
    assert agent.submit(given_name="Kimiko").url.endswith("/review")
    assert "Kimiko Abercrombie" in agent.page.words


def test_an_address_typed_too_early_leads_to_what_is_missing(agent: Visitor) -> None:
    page = begin(agent)
    for step in ("address", "agreement", "signatory", "review", "done"):
        assert agent.open(page.url.replace("/company", f"/{step}")).url.endswith("/company"), step


def test_no_more_drafts_than_a_partner_may_have(app: Flask, agent: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.onboarding.rules.MOST_DRAFTS", 1)
    begin(agent)
    page = begin(agent)
    assert (page.status, page.heading) == (409, "There are too many drafts")


def test_an_erased_persons_drafts_go_with_it(app: Flask, world: World, browser: Browser, partner: Party) -> None:
    fill(as_partner(browser(), partner["sales_agent"]), until="domain")
    with app.app_context(), database.unit_of_work():
        organizations.erase_person(database.session().get_one(Person, partner["sales_agent"].id), "asked")
    with app.app_context():
        assert not database.session().scalars(sa.select(CustomerDraft)).all()


# --- once --------------------------------------------------------------------------------------------------------


def test_two_tabs_and_a_double_click_make_one_customer(app: Flask, browser: Browser, partner: Party) -> None:
    first = as_partner(browser(), partner["sales_agent"])
    page = fill(first)
    second = as_partner(browser(), partner["admin_agent"])
    second.open(page.url)
    first.submit(to="/creation")
    assert second.submit(to="/creation").url.endswith("/done")
    assert len(customers(app)) == 1
    first.open(page.url)
    assert first.page.url.endswith("/done")
    for step in ("company", "address", "domain", "contact", "agreement", "signatory", "duplicates", "review"):
        assert first.open(page.url.replace("/review", f"/{step}")).url.endswith("/done"), step


def test_the_action_makes_one_customer_of_a_draft_whoever_comes_second(
    app: Flask, agent: Visitor, partner: Party, world: World
) -> None:
    page = fill(agent)
    fingerprint = next(form.fields["fingerprint"][0] for form in page.forms if "fingerprint" in form.fields)
    draft_id = UUID(page.url.split("/")[-2])
    with app.app_context(), database.unit_of_work():
        by = world._acting(partner["admin_agent"])
    with app.app_context(), database.unit_of_work():
        actions.create(database.session().get_one(CustomerDraft, draft_id), by=by, fingerprint=fingerprint)
    with app.app_context(), pytest.raises(DraftFinished), database.unit_of_work():
        actions.create(database.session().get_one(CustomerDraft, draft_id), by=by, fingerprint=fingerprint)
    assert len(customers(app)) == 1


def test_what_another_tab_changed_is_not_created_unseen(app: Flask, browser: Browser, partner: Party) -> None:
    first = as_partner(browser(), partner["sales_agent"])
    page = fill(first)
    second = as_partner(browser(), partner["sales_agent"])
    second.open(page.url)
    second.follow("Change the company name")
    second.submit(name="Another Bank Ltd.")
    assert (first.submit(to="/creation").status, first.page.heading) == (409, "The draft has changed")
    assert customers(app) == []
    first.follow("Check it again")
    assert "Another Bank Ltd." in first.page.words


def test_a_domain_taken_meanwhile_is_refused_and_nothing_is_made(
    app: Flask, browser: Browser, world: World, partner: Party
) -> None:
    visitor = as_partner(browser(), partner["sales_agent"])
    fill(visitor)
    other = as_partner(browser(), world.a_partner()["admin_agent"])
    create(other, contact={"address": "somebody@else.example"}, company={"name": "Other"})
    assert visitor.submit(to="/creation").status == 409
    assert len(customers(app)) == 1


# --- company, address, domain, contact -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "  ", "A", "---", "Inc.", "株式会社", "x" * 201])
def test_what_is_no_name_is_refused(agent: Visitor, name: str) -> None:
    begin(agent)
    assert agent.submit(COMPANY | {"name": name}).status == 422


@pytest.mark.parametrize(
    ("name", "words"), [("contoso.example", "reads like a web address"), ("aaaa", "one character repeated")]
)
def test_an_odd_name_is_a_warning_and_no_error(app: Flask, agent: Visitor, name: str, words: str) -> None:
    assert words in fill(agent, company={"name": name}).words
    agent.submit(to="/creation")
    assert customers(app)[0].name == name


@pytest.mark.parametrize(
    ("country", "shown"),
    [
        ("US", {"address_line", "city", "region", "postal_code", "phone"}),
        ("SG", {"address_line", "postal_code", "phone"}),
        ("DE", {"address_line", "city", "postal_code", "phone"}),
        ("JP", {"address_line", "city", "region", "postal_code", "phone"}),
        ("IN", {"address_line", "city", "postal_code", "phone", "registration_number"}),
    ],
)
def test_an_address_is_asked_by_the_rules_of_its_country(
    app: Flask, agent: Visitor, country: str, shown: set[str]
) -> None:
    with app.app_context(), database.unit_of_work():
        policies.set_policy("countries.served", ["US", "SG", "DE", "JP", "IN"], "a test")
    page = fill(agent, company={"country": country}, until="address")
    form = next(each for each in page.forms if "address_line" in each.names)
    assert form.names - {"csrf_token"} == shown
    page = agent.submit(dict.fromkeys(shown, ""))
    assert page.status == 422
    assert ("Enter the registration number" in page.words) is (country == "IN")


def test_the_registration_number_is_kept(app: Flask, agent: Visitor) -> None:
    with app.app_context(), database.unit_of_work():
        policies.set_policy("countries.served", ["US", "BR"], "a test")
    address = {
        "address_line": "Rua A 1",
        "city": "Rio",
        "postal_code": "20000-000",
        "registration_number": "１２.３４５/6",
    }
    create(agent, company={"country": "BR"}, address=address)
    assert customers(app)[0].registration_number == "12.345/6"


def test_a_country_that_is_not_served_is_not_offered_and_not_created(app: Flask, agent: Visitor) -> None:
    page = fill(agent)
    with app.app_context(), database.unit_of_work():
        policies.set_policy("countries.served", ["JP"], "a test")
    assert agent.submit(to="/creation").status == 409
    assert agent.open(page.url).url.endswith("/company")
    assert customers(app) == []


def test_a_taken_domain_says_only_taken(world: World, browser: Browser, partner: Party) -> None:
    others = world.a_customer("Secret Holdings")
    taken = others["global_administrator"].address.partition("@")[2]
    rival = world.a_partner("Proseware Services")
    visitor = as_partner(browser(), partner["sales_agent"])
    fill(visitor, until="domain")
    for domain in (taken, rival["admin_agent"].address.partition("@")[2]):
        page = visitor.submit(domain=domain)
        assert page.status == 422
        assert "This domain is taken." in page.words
        assert "Secret" not in page.html
        assert "Proseware" not in page.html


def test_whether_a_domain_is_available_is_shown_before_going_on(agent: Visitor) -> None:
    fill(agent, until="domain")
    page = agent.submit(domain="HTTPS://www.Woodgrove.example/about", button="Check")
    assert "woodgrove.example is available." in page.words


@pytest.mark.parametrize("domain", ["", "nodots", "gmail.com", "a b.example", "-a.example", "contoso..example"])
def test_what_is_no_domain_of_a_customer_is_refused(agent: Visitor, domain: str) -> None:
    fill(agent, until="domain")
    assert agent.submit(domain=domain).status == 422


def test_the_contacts_mailbox_lies_in_no_partners_hands(world: World, browser: Browser, partner: Party) -> None:
    own = partner["admin_agent"].address
    rival = world.a_partner("Proseware Services")["admin_agent"].address
    visitor = as_partner(browser(), partner["sales_agent"])
    fill(visitor, until="contact")
    for address in (own, f"made.up@{own.partition('@')[2]}", f"x@sub.{own.partition('@')[2]}"):
        page = visitor.submit(CONTACT | {"address": address})
        assert page.status == 422
        assert "lies in the hands of Northwind Cloud" in page.words
    page = visitor.submit(CONTACT | {"address": rival})
    assert page.status == 422
    assert "Proseware" not in page.html
    assert visitor.submit(CONTACT | {"address": "a@microsoft.com"}).status == 422
    somebody = world.a_customer("Secret Holdings")["global_administrator"].address
    page = visitor.submit(CONTACT | {"address": somebody})
    assert "This address cannot be used for a new customer." in page.words
    assert "Secret" not in page.html


# --- duplicates --------------------------------------------------------------------------------------------------


def test_a_likely_duplicate_of_ones_own_is_shown_first(app: Flask, agent: Visitor) -> None:
    create(agent, company={"name": "Woodgrove Bank Inc."})
    begin(agent)
    page = agent.submit(COMPANY | {"name": "株式会社ＷＯＯＤＧＲＯＶＥ bank"})
    assert page.heading == "Is it one of these customers?"
    assert "Woodgrove Bank Inc." in page.links
    page = agent.submit(button="It is another one")
    assert page.url.endswith("/address"), "it goes on where it was"
    agent.submit(ADDRESS)
    page = agent.submit(domain="woodgrove.example")
    assert page.status == 422
    assert "Woodgrove Bank Inc." in page.links, "the own customer that has this domain is named"
    agent.submit(domain="other.example")
    page = agent.submit(CONTACT)
    assert "Woodgrove Bank Inc." in page.links
    agent.submit(CONTACT | {"address": "another@other.example"})
    agent.submit(agreement="ask")
    agent.submit(to="/creation")
    assert len(customers(app)) == 2


def test_others_customers_are_never_shown_as_duplicates(world: World, browser: Browser, partner: Party) -> None:
    other = as_partner(browser(), world.a_partner()["admin_agent"])
    create(other)
    mine = as_partner(browser(), partner["sales_agent"])
    begin(mine)
    assert mine.submit(COMPANY).url.endswith("/address")


def test_namesakes_among_others_customers_do_not_hide_ones_own(app: Flask, agent: Visitor) -> None:
    create(agent)
    for number in range(51):  # whose ids come first
        with app.app_context(), database.unit_of_work():
            database.write()
            row = Organization(
                id=UUID(int=number + 1), chain_id=new_chain(), kind="customer", name=COMPANY["name"],
                name_key=name_key(COMPANY["name"]), country="US", language="en", zone="UTC", created_at=clock.now(),
            )  # fmt: skip
            database.session().add(row)
    begin(agent)
    page = agent.submit(COMPANY)
    assert page.heading == "Is it one of these customers?"
    assert [link for link in page.links if link == COMPANY["name"]] == [COMPANY["name"]]


# --- indirect ----------------------------------------------------------------------------------------------------


def test_an_indirect_reseller_adds_through_its_provider_and_does_not_attest(
    app: Flask, world: World, browser: Browser
) -> None:
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    visitor = as_partner(browser(), reseller["admin_agent"])
    assert visitor.open("/partner/customers/new").heading == "You need an indirect provider first"
    provider = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
    world.pair(provider, reseller)
    page = fill(visitor, until="agreement")
    assert "ask your indirect provider Fabrikam Distribution" in page.words
    assert "attested" not in {name for form in page.forms for name in form.names}
    assert visitor.submit(to="/agreement").url.endswith("/review")
    assert "Fabrikam Distribution" in visitor.page.words
    visitor.submit(to="/creation")
    with app.app_context():
        row = database.session().scalars(sa.select(Relationship)).one()
        assert (row.partner_id, row.reseller_id) == (provider.id, reseller.id)


def test_an_attestation_sent_by_an_indirect_reseller_anyway_is_refused(world: World, browser: Browser) -> None:
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    world.pair(world.a_partner(programme="indirect_provider"), reseller)
    visitor = as_partner(browser(), reseller["admin_agent"])
    page = fill(visitor, until="agreement")
    token = page.forms[-1].fields["csrf_token"]
    sent = {"csrf_token": token, "agreement": ["attest"], "attested": ["y"], "agreed_on": ["2026-05-01"]}
    assert visitor._go("POST", page.url, sent).status == 403


def test_a_reseller_with_two_providers_chooses_and_a_provider_may_name_its_reseller(
    app: Flask, world: World, browser: Browser
) -> None:
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    providers = [world.a_partner(name, programme="indirect_provider") for name in ("Fabrikam", "Tasmania")]
    for each in providers:
        world.pair(each, reseller)
    visitor = as_partner(browser(), reseller["admin_agent"])
    create(visitor, company={"other": str(providers[1].id)})
    other = as_partner(browser(), providers[0]["admin_agent"])
    create(
        other, company={"name": "Litware", "other": str(reseller.id)}, domain="litware.example",
        contact={"address": "kim@litware.example"},
    )  # fmt: skip
    with app.app_context():
        rows = database.session().scalars(sa.select(Relationship).order_by(Relationship.began_at)).all()
    assert [(each.partner_id, each.reseller_id) for each in rows] == [
        (providers[1].id, reseller.id), (providers[0].id, reseller.id),
    ]  # fmt: skip


def test_a_pairing_that_ended_meanwhile_makes_no_customer(app: Flask, world: World, browser: Browser) -> None:
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    provider = world.a_partner("Fabrikam", programme="indirect_provider")
    world.pair(provider, reseller)
    visitor = as_partner(browser(), reseller["admin_agent"])
    fill(visitor)
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Pairing).values(ended_at=clock.now()))
    assert visitor.submit(to="/creation").status in {403, 409}
    assert customers(app) == []


# --- until somebody signed in ------------------------------------------------------------------------------------


def contact_of(app: Flask) -> Member:
    (customer,) = customers(app)
    with app.app_context():
        person = database.session().scalars(sa.select(Person).where(Person.organization_id == customer.id)).one()
        return Member(person.id, person.address, ("global_administrator",))


def test_the_contact_signs_in_with_the_password_and_the_code_and_accepts(
    app: Flask, agent: Visitor, browser: Browser
) -> None:
    _page, password = create(agent)
    contact = contact_of(app)
    visitor = browser()
    visitor.open("/agreement/acceptance")
    visitor.sign_in(contact.address, password)
    visitor.submit(code=code_to(app, contact))
    visitor.submit(new_password=OWN, new_password_again=OWN)
    assert visitor.page.url.endswith("/agreement/acceptance")
    visitor.submit(agreement=True, authority=True, title="Director", to="/check")
    visitor.submit(to="/acceptance")
    (customer,) = customers(app)
    with app.app_context():
        assert agreements.standing_of_customer(customer).state == "accepted"
        acceptance, _text = agreements.acceptances_of(customer.id)[0]
        facts = records.record_of(database.session().get_one(Fact, acceptance.fact_id))["facts"]
    assert facts["proof"] == "temporary_password_and_code"
    assert facts["account_made_by_partner_id"]


def test_a_corrected_address_kills_the_earlier_password_code_and_links(
    app: Flask, agent: Visitor, browser: Browser, partner: Party
) -> None:
    page, password = create(agent)
    contact = contact_of(app)
    holder = browser()
    holder.sign_in(contact.address, password)
    code = code_to(app, contact)
    holder.open("/password-reset")
    holder.submit(address=contact.address)
    (reset,) = messages(app, kind="password_reset")
    with app.app_context():
        link = next(word for word in filled(reset)[0].split() if "/password-reset/" in word)
    agent.open(page.url.replace("/creation", "/done"))
    agent.follow("Correct the contact's address")
    own = f"x@{partner['admin_agent'].address.partition('@')[2]}"
    assert agent.submit(address=own).status == 422
    assert agent.submit(address=contact.address).status == 422
    agent.submit(address="right@woodgrove.example")
    renewed = password_on(agent.page)
    assert renewed != password
    holder.open("/sign-in/code")
    assert holder.submit(code=code).status == 410
    assert holder.open(link).status == 410
    assert browser().sign_in(contact.address, password).status == 422
    assert browser().sign_in("right@woodgrove.example", password).status == 422
    new = browser()
    assert new.sign_in("right@woodgrove.example", renewed).heading == "Enter the code from our message"
    (customer,) = customers(app)
    assert facts_of(app, customer.id)[-1] == "person.contact_corrected"
    corrected = contact_of(app)
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        new.submit(to="/renewal")
        assert new.submit(code=code_to(app, corrected)).heading == "Choose a password of your own"


def test_a_corrected_address_is_told_what_was_attested_and_the_wrong_one_objects_no_more(
    app: Flask, agent: Visitor, browser: Browser
) -> None:
    day = clock.today("America/Los_Angeles").isoformat()
    create(agent, agreement={"agreement": "attest", "attested": True, "agreed_on": day})
    agent.follow("Correct the contact's address")
    agent.submit(address="right@woodgrove.example")
    (first, second) = messages(app, kind="attested")
    assert (first.recipient, second.recipient) == (CONTACT["address"], "right@woodgrove.example")
    with app.app_context():
        links = [
            next(word for word in filled(each)[0].split() if "/objection/" in word) for each in (first, second)
        ]  # fmt: skip
    assert browser().open(links[0]).status == 410
    assert browser().open(links[1]).status == 200


def test_once_somebody_signed_in_the_partner_corrects_and_renews_nothing(
    app: Flask, agent: Visitor, browser: Browser
) -> None:
    page, password = create(agent)
    contact = contact_of(app)
    (customer,) = customers(app)
    done = page.url.replace("/creation", "/done")
    agent.open(done)
    renewal = next(form for form in agent.page.forms if form.action.endswith("/contact/password"))
    visitor = browser()
    visitor.sign_in(contact.address, password)
    visitor.submit(code=code_to(app, contact))
    address = f"/partner/customers/{customer.id}/contact"
    assert (agent.open(address).status, agent.page.heading) == (409, "Somebody has signed in there")
    token = renewal.fields["csrf_token"]
    assert agent._go("POST", address, {"csrf_token": token, "address": ["evil@else.example"]}).status == 409
    assert agent._go("POST", f"{address}/password", {"csrf_token": token}).status == 409
    assert "Somebody has signed in there" in agent.open(done).words
    assert "Correct the contact's address" not in agent.page.links


def test_another_temporary_password_ends_the_earlier_and_is_a_fact(
    app: Flask, agent: Visitor, browser: Browser
) -> None:
    page, password = create(agent)
    contact = contact_of(app)
    agent.open(page.url.replace("/creation", "/done"))
    agent.submit(to="/contact/password")
    renewed = password_on(agent.page)
    assert browser().sign_in(contact.address, password).status == 422
    assert browser().sign_in(contact.address, renewed).status == 200
    (customer,) = customers(app)
    assert facts_of(app, customer.id)[-1] == "person.temporary_password_given"


def test_no_password_is_made_that_no_code_is_left_for_and_a_corrected_address_gets_its_own(
    app: Flask, agent: Visitor, browser: Browser
) -> None:
    page, password = create(agent)
    first = contact_of(app)
    done = page.url.replace("/creation", "/done")
    agent.open(done)
    spend(app, first, first.address, 10)
    assert agent.submit(to="/contact/password").status == 409
    assert agent.page.heading == "No other temporary password can be made"
    assert first.address in agent.page.words
    assert "temporary-password" not in agent.page.html
    with app.app_context():
        assert database.session().get_one(Person, first.id).password_hash is not None, "nothing was changed"
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        assert browser().sign_in(first.address, password).status == 403
    (customer,) = customers(app)
    assert facts_of(app, customer.id)[-1] == "relationship.created"
    assert "No other temporary password can be made" in agent.open(done).words
    assert not [form for form in agent.page.forms if form.action.endswith("/contact/password")]
    agent.open(f"/partner/customers/{customer.id}/contact")
    agent.submit(address="right@woodgrove.example")
    visitor, second = browser(), contact_of(app)
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        visitor.sign_in("right@woodgrove.example", password_on(agent.page))
        assert visitor.submit(code=code_to(app, second)).heading == "Choose a password of your own"


def test_going_back_to_an_address_gives_no_new_codes_but_the_mailed_link_sets_a_password(
    app: Flask, agent: Visitor, browser: Browser
) -> None:
    create(agent)
    contact = contact_of(app)
    (customer,) = customers(app)
    spend(app, contact, contact.address, 10)
    path = f"/partner/customers/{customer.id}/contact"
    agent.open(path)
    agent.submit(address="other@woodgrove.example")
    between = password_on(agent.page)
    agent.open(path)
    page = agent.submit(address=contact.address)
    assert page.url.endswith(f"/partner/customers/{customer.id}")
    assert "The address is corrected. No temporary password can be made for it" in page.words
    assert browser().sign_in("other@woodgrove.example", between).status == 422
    assert browser().sign_in(contact.address, between).status == 422
    visitor = browser()
    visitor.open("/password-reset")
    visitor.submit(address=contact.address)
    (mail,) = messages(app, recipient=contact.address)
    with app.app_context():
        link = next(word for word in filled(mail)[0].split() if "://" in word and "/first-sign-in/" in word)
    visitor.open(link)
    visitor.submit(address=contact.address, password=OWN, password_again=OWN)
    assert visitor.page.status == 200
    assert browser().sign_in(contact.address, OWN).url.endswith("/home")


def test_ever_other_addresses_give_a_partner_no_more_than_thirty_codes(app: Flask, agent: Visitor) -> None:
    create(agent)
    contact = contact_of(app)
    (customer,) = customers(app)
    for number in range(3):
        spend(app, contact, f"kim.{number}@woodgrove.example", 10)
    agent.open(f"/partner/customers/{customer.id}/contact")
    agent.submit(address="yet.another@woodgrove.example")
    assert "No temporary password can be made for it" in agent.page.words
    with app.app_context():
        person = database.session().get_one(Person, contact.id)
        assert (person.address, person.password_hash) == ("yet.another@woodgrove.example", None)


def test_only_the_partner_that_made_the_customer_corrects_its_contact(
    app: Flask, world: World, browser: Browser, agent: Visitor
) -> None:
    create(agent)
    (customer,) = customers(app)
    rival = world.a_partner()
    with app.app_context(), database.unit_of_work():
        row = database.session().get_one(Organization, customer.id)
        relationships.begin(row, partner_id=rival.id, reseller_id=None, origin="creation", by=None)
    other = as_partner(browser(), rival["admin_agent"])
    assert other.open(f"/partner/customers/{customer.id}").status == 200
    assert other.open(f"/partner/customers/{customer.id}/contact").status == 404


def test_the_history_says_who_corrected_what_in_words(app: Flask, agent: Visitor, browser: Browser) -> None:
    create(agent)
    agent.follow("Correct the contact's address")
    agent.submit(address="right@woodgrove.example")
    words = agent.open("/history").words
    assert "corrected the address" in words


def test_the_customers_page_leads_to_the_correction_until_somebody_signed_in(
    app: Flask, agent: Visitor, browser: Browser
) -> None:
    _page, password = create(agent)
    contact = contact_of(app)
    (customer,) = customers(app)
    agent.open(f"/partner/customers/{customer.id}")
    assert agent.follow("Correct the contact's address").heading == "Correct the contact's address"
    visitor = browser()
    visitor.sign_in(contact.address, password)
    visitor.submit(code=code_to(app, contact))
    assert "Correct the contact's address" not in agent.open(f"/partner/customers/{customer.id}").links
