"""From an invitation to the offer that it asks for or carries: who gets there, and what never depends on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.builders import World
from tests.support.story import Story
from tests.support.visitor import Page, Visitor
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.agreements.models import Acceptance
from webapp.answers import queries
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import BASIC
from webapp.delegated_admin.words import role_words
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.invitations.models import Invitation, InvitationAct
from webapp.organizations import actions as organizations
from webapp.organizations.models import Pairing
from webapp.relationships import actions as relationships
from webapp.relationships.models import Relationship

BOXES = {"agreement": True, "relationship": True, "authority": True, "title": "Director"}


class Asking:
    """An invitation with its offer, which the customer was not told of yet."""

    def __init__(self, story: Story, asks: str) -> None:
        self.story, self.name = story, f"Night watch, {asks}"
        with story.unit():
            by = story.actor("admin_agent")
            offer = delegated_admin.offer(
                story.organization(story.customer), by=by, name=self.name, roles=BASIC, duration_days=90,
                auto_extends=True,
            )  # fmt: skip
            row = invitations.make(
                by=by, asks=asks, customer=story.organization(story.customer), other=None, offer=offer, language="en",
                last_day=clock.today("UTC") + timedelta(days=9), recipient="admin@contoso.example",
            )  # fmt: skip
            self.offer_id, self.id, self.ref = offer.id, row.id, row.ref

    @property
    def path(self) -> str:
        return f"/invitation?ref={self.ref}"

    @property
    def offer_path(self) -> str:
        return f"/delegated-admin/{self.offer_id}"

    def state(self) -> str:
        with self.story.app.app_context():
            found = delegated.by_id(self.offer_id)
            assert found is not None
            return delegated.state(found)

    def acts(self) -> list[str]:
        with self.story.app.app_context():
            return [act.kind for act in invitation_queries.acts_of(self.id)]

    def answered(self, how: str) -> None:
        with self.story.unit():
            row = database.session().get_one(DelegatedRelationship, self.offer_id)
            delegated_admin.announce(row)
        if how == "approved":
            self.story.approve(self.offer_id)
            return
        with self.story.unit():
            row = database.session().get_one(DelegatedRelationship, self.offer_id)
            if how == "declined":
                delegated_admin.decline(row, by=self.story.actor("global_administrator"), reason="not_needed")
            else:
                delegated_admin.withdraw(row, by=self.story.actor("admin_agent"))


@pytest.fixture
def alone(story: Story) -> Asking:
    return Asking(story, "administration")


@pytest.fixture
def beside(story: Story) -> Asking:
    return Asking(story, "relationship")


def come(story: Story, who: str = "", language: str = "en") -> Visitor:
    visitor = Visitor(story.app, language=language)
    if who:
        visitor.sign_in(story.address_of(who))
    return visitor


def accept(visitor: Visitor, asking: Asking) -> Page:
    visitor.open(asking.path)
    visitor.submit(to="/opening")
    visitor.submit(BOXES, to="/check")
    return visitor.submit(to="/acceptance")


# --- delegated administration alone ----------------------------------------------------------------------------


def test_whoever_holds_the_link_reads_who_asks_for_which_roles_and_nothing_happens(story: Story, alone: Asking) -> None:
    page = come(story).open(alone.path)
    assert page.heading == "Northwind Cloud asks you to decide about delegated administration"
    assert role_words(BASIC[0]).name in page.words
    assert "90 days" in page.words
    assert "Continue to sign in" in page.links
    assert alone.acts() == []


@pytest.mark.parametrize(
    "who", ["global_administrator", "delegated_admin_administrator", "billing_administrator", "member"]
)
def test_everybody_of_the_customer_gets_through_to_the_offer(story: Story, alone: Asking, who: str) -> None:
    visitor = come(story, who)
    assert visitor.open(alone.offer_path).status == 404  # nobody was told of it yet
    assert visitor.open(alone.path).status == 200
    page = visitor.submit(to="/opening")
    assert (page.status, page.url.endswith(alone.offer_path)) == (200, True)
    assert alone.acts() == ["opened"]
    visitor.open(alone.path)
    visitor.submit(to="/opening")
    assert alone.acts() == ["opened"]


def test_nobody_else_gets_through(story: Story, alone: Asking) -> None:
    assert come(story, "stranger").open(alone.path).heading == "You are signed in for another organization"
    own = come(story, "admin_agent").open(alone.path)
    assert own.heading == "This link is for your customer"
    assert come(story, "rival").open(alone.path).heading == "This link is for customers"
    preview = come(story, "sales_agent").open(f"/invitation/{alone.ref}/preview")
    assert preview.heading == "Northwind Cloud asks you to decide about delegated administration"
    assert not preview.forms or all("opening" not in form.action for form in preview.forms)
    assert alone.state() == "pending"


def test_the_steps_to_an_agreement_are_not_its_steps(story: Story, alone: Asking) -> None:
    visitor = come(story, "global_administrator")
    for path in ("acceptance", "acceptance/check", "decline", "confirmation", "hand-over"):
        assert visitor.open(f"/invitation/{alone.ref}/{path}").status == 404, path


@pytest.mark.parametrize("how", ["approved", "declined"])
def test_the_link_of_an_answered_offer_leads_to_what_became_of_it(story: Story, alone: Asking, how: str) -> None:
    alone.answered(how)
    page = come(story, "global_reader").open(alone.path)
    assert (page.status, page.url.endswith(alone.offer_path)) == (200, True)
    outside = come(story).open(alone.path)
    assert outside.status == (409 if how == "approved" else 410)
    assert outside.heading == (
        "This invitation was accepted already" if how == "approved" else "This offer was declined"
    )


def test_the_link_of_a_withdrawn_offer_says_so(story: Story, alone: Asking) -> None:
    alone.answered("withdrawn")
    assert come(story).open(alone.path).heading == "This invitation was withdrawn"
    assert come(story, "global_administrator").open(alone.path).status == 200


def test_the_last_day_ends_it_and_the_page_says_whom_to_write_to(story: Story) -> None:
    with story.unit():
        database.write()
        row = database.session().get_one(Invitation, story.invitations["open"].id)
        row.last_day, row.closes_at = clock.today("UTC") - timedelta(days=1), clock.now() - timedelta(hours=1)
    page = come(story).open(f"/invitation?ref={story.invitations['open'].ref}")
    assert page.status == 410
    assert any(url.startswith("mailto:contact@") for url in page.links.values())


def test_a_link_with_the_parameters_of_the_message_agrees_whatever_dap_says(
    story: Story, alone: Asking, beside: Asking
) -> None:
    partner = story.partner.id
    for dap in ("true", "false"):
        query = f"invType=ResellerRelationship&partnerId={partner}&msppId=0&DAP={dap}&ref={beside.ref}"
        assert come(story).open(f"/invitation?{query}").status == 200
    query = f"invType=Administration&partnerId={partner}&ref={alone.ref}"
    assert come(story).open(f"/AdminPortal/Home?{query}").status == 200
    assert come(story).open(f"/invitation?invType=ResellerRelationship&ref={alone.ref}").status == 404
    assert come(story).open(f"/invitation?invType=Administration&partnerId={partner}").heading == (
        "Ask the partner for a new link"
    )


def test_a_first_visitor_gets_the_link_to_sign_in_at_the_address_of_somebody_who_decides(
    story: Story, alone: Asking
) -> None:
    with story.app.app_context():
        asked = queries.asked_by(database.session().get_one(Invitation, alone.id))
        contact = queries.contact_on_file(asked)
        assert contact is not None
        assert contact.id in {each.id for each in delegated.deciders(story.customer.id)}


# --- beside a relationship -------------------------------------------------------------------------------------


def test_the_offer_comes_after_the_relationship_and_never_holds_it_up(story: Story, beside: Asking) -> None:
    visitor = come(story, "billing_administrator")  # may accept the first, not decide the second
    landing = visitor.open(beside.path)
    assert "With it comes an offer of delegated administration" in landing.words
    done = accept(visitor, beside)
    assert done.status == 200
    assert "One more decision waits" in done.words
    assert beside.state() == "pending"
    assert visitor.open(done.links["Go on to the offer"]).status == 200
    again = visitor.open(beside.path)
    assert again.status == 409
    assert "Go on to the offer" in again.links
    beside.answered("declined")
    assert "One more decision waits" not in visitor.open(f"/invitation/{beside.ref}/confirmation").words
    with story.app.app_context():
        begun = (
            sa.select(sa.func.count()).select_from(Relationship).where(Relationship.customer_id == story.customer.id)
        )
        assert database.session().scalar(begun) == 1


def test_an_offer_that_was_declined_first_holds_up_nothing(story: Story, beside: Asking) -> None:
    beside.answered("declined")
    visitor = come(story, "global_administrator")
    assert "With it comes an offer" not in visitor.open(beside.path).words
    page = accept(visitor, beside)
    assert page.status == 200
    assert "One more decision waits" not in page.words


def test_where_the_relationship_is_there_already_only_the_offer_is_left(story: Story, beside: Asking) -> None:
    story.accept("global_administrator", story.partner)
    visitor = come(story, "member")
    page = visitor.open(beside.path)
    assert page.heading == "Northwind Cloud asks you to decide about delegated administration"
    assert visitor.submit(to="/opening").url.endswith(beside.offer_path)
    beside.answered("approved")
    assert come(story, "global_administrator").open(beside.path).status == 409


@pytest.mark.parametrize("maker", ["provider", "reseller"])
def test_an_indirect_invitation_names_who_would_get_the_rights(story: Story, maker: str) -> None:
    party, other = story.provider, story.reseller
    if maker == "reseller":
        party, other = other, party
    World(story.app).enroll(party)
    asking = story.invite(
        party, story.customer, reseller=other, offer_id=story.offer(party, story.customer, f"By the {maker}")
    )  # fmt: skip
    visitor = come(story)
    path = f"/invitation?ref={asking.ref}"
    assert f"{party.name} offers to administer part of your Microsoft services" in visitor.open(path).words
    japanese = Visitor(story.app, language="ja").open(path).words
    assert f"{party.name} が、Microsoft サービスの一部を" in japanese
    form = f"/invitation/{story.invitations['indirect'].ref}/acceptance"
    story.post("global_administrator", form, **story.last_form("global_administrator", form))
    page = come(story, "member").open(path)
    assert page.heading == f"{party.name} asks you to decide about delegated administration"
    assert f"Who asks {party.name} Your organization" in " ".join(page.words.split())


def test_an_administrator_of_delegated_administration_is_led_to_the_offer(story: Story, beside: Asking) -> None:
    visitor = come(story, "delegated_admin_administrator")
    assert "Read the offer" not in visitor.open(beside.path).links
    come(story, "global_administrator").open(beside.path)
    with story.unit():
        delegated_admin.announce(database.session().get_one(DelegatedRelationship, beside.offer_id))
    page = visitor.open(beside.path)
    assert page.status == 403
    assert visitor.open(page.links["Read the offer"]).status == 200


@pytest.mark.parametrize(
    ("language", "link", "heading"),
    [
        ("en", "I do not know this partner", "Say that you do not know Northwind Cloud"),
        ("ja", "このパートナーに心当たりがありません", ""),
    ],
)
def test_whoever_decides_can_say_on_the_offer_that_nobody_knows_the_partner(
    story: Story, language: str, link: str, heading: str
) -> None:
    alone = Asking(story, "administration")
    with story.unit():
        delegated_admin.announce(database.session().get_one(DelegatedRelationship, alone.offer_id))
        database.session().get_one(
            Person, story.actor("delegated_admin_administrator").person_id
        ).language = language  # fmt: skip
    visitor = come(story, "delegated_admin_administrator", language)
    page = visitor.open(alone.offer_path)
    assert link in page.links
    page = visitor.open(page.links[link])
    assert not heading or page.heading == heading
    page = visitor.submit(to="/distrust", comment="Nobody knows it.")
    assert any(form.action.endswith("/trust") for form in page.forms)
    assert "Ask to end" not in page.words  # that is for those who agree to relationships
    reader = come(story, "member").open(alone.offer_path)
    assert "I do not know this partner" not in reader.links
    seen = come(story, "global_reader").open(f"/settings/partner-relationships/partners/{story.partner.id}/distrust")
    assert "A global, billing or delegated administration administrator of your organization can take it" in seen.words


# --- what waits ------------------------------------------------------------------------------------------------


def waiting(story: Story, who: str) -> list[Any]:
    with story.app.app_context(), story.app.test_request_context(base_url="http://localhost"):
        return queries.waiting_for(story.actor(who))


def test_an_invitation_and_its_offer_are_one_entry_and_none_before_its_message_left(
    story: Story, alone: Asking
) -> None:
    name = alone.name
    assert name not in {each.name for each in waiting(story, "member")}
    with story.unit():
        invitations.say_sent(
            database.session().get_one(Invitation, alone.id), by=story.actor("admin_agent")
        )  # fmt: skip
    found = [each for each in waiting(story, "member") if each.name == name]
    assert [(each.asks, each.path, each.partner) for each in found] == [
        ("administration", alone.offer_path, "Northwind Cloud")
    ]
    assert not [each for each in waiting(story, "member") if alone.ref in each.path]
    alone.answered("approved")
    assert name not in {each.name for each in waiting(story, "member")}


def test_an_offer_beside_a_relationship_is_a_second_entry(story: Story, beside: Asking) -> None:
    with story.unit():
        invitations.say_sent(
            database.session().get_one(Invitation, beside.id), by=story.actor("admin_agent")
        )  # fmt: skip
    found = waiting(story, "global_administrator")
    assert [each.carries for each in found if beside.ref in each.path] == [True]
    assert [each.name for each in found if each.path == beside.offer_path] == [beside.name]


def test_what_waits_is_what_can_be_answered(story: Story) -> None:
    """Kept in SQL for its speed; here each invitation is asked for itself."""
    sent = {
        name: story.invite(partner, story.customer, asks=asks, reseller=reseller, sent=True).ref
        for name, partner, asks, reseller in (
            ("direct", story.partner, "relationship", None), ("agreement", story.partner, "agreement", None),
            ("indirect", story.provider, "relationship", story.reseller), ("rival", story.rival, "relationship", None),
        )
    }  # fmt: skip
    story.note(story.invite(story.partner, story.customer, sent=True), "withdrawn")

    def shown() -> set[str]:
        refs = {each.path.partition("=")[2] for each in waiting(story, "global_administrator") if each.partner}
        return {name for name, ref in sent.items() if ref in refs}

    assert shown() == {"direct", "agreement", "indirect", "rival"}
    story.accept("global_administrator", story.partner)
    assert shown() == {"indirect", "rival"}
    with story.unit():
        organizations.disable(story.organization(story.rival), "a test")
    assert shown() == {"indirect"}
    with story.unit():
        database.write()
        database.session().query(Pairing).one().ended_at = clock.now()
    assert shown() == set()


def test_nothing_of_a_partner_waits_that_the_organization_does_not_know(story: Story, beside: Asking) -> None:
    with story.unit():
        invitations.say_sent(database.session().get_one(Invitation, beside.id), by=story.actor("admin_agent"))
    story.invite(story.provider, story.customer, reseller=story.reseller, sent=True)
    assert {each.partner for each in waiting(story, "member")} >= {"Northwind Cloud", "Fabrikam Distribution"}
    story.distrust()
    assert "Northwind Cloud" not in {each.partner for each in waiting(story, "member")}
    with story.unit():
        relationships.say_unknown(
            story.organization(story.customer), story.organization(story.reseller),
            by=story.actor("global_administrator"),
        )  # fmt: skip
    assert {each.partner for each in waiting(story, "member")} == {""}  # the agreement alone
    with story.unit():
        relationships.lift_unknown(
            story.organization(story.customer), story.organization(story.partner),
            by=story.actor("global_administrator"),
        )  # fmt: skip
    assert "Northwind Cloud" in {each.partner for each in waiting(story, "member")}


def test_nothing_is_accepted_by_any_of_this(story: Story, alone: Asking) -> None:
    visitor = come(story, "global_administrator")
    visitor.open(alone.path)
    visitor.submit(to="/opening")
    with story.app.app_context():
        mine = Acceptance.customer_id == story.customer.id
        assert database.session().scalar(sa.select(sa.func.count()).select_from(Acceptance).where(mine)) == 0
        assert database.session().scalars(sa.select(InvitationAct.kind)).all().count("accepted") <= 1
    assert alone.state() == "pending"


def test_an_invitation_without_an_offer_leads_nowhere(story: Story) -> None:
    with story.unit():
        database.write(chain=story.customer.chain_id)
        row = invitations.insert(
            story.organization(story.partner), asks="administration", customer=story.organization(story.customer),
            language="en", last_day=clock.today("UTC") + timedelta(days=2),
        )  # fmt: skip
        ref = row.ref
    assert come(story).open(f"/invitation?ref={ref}").heading == "Ask the partner for a new link"
