"""Invitations that ask for delegated administration, or carry it beside a relationship."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.support.builders import World
from tests.support.story import Story
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.customers import actions as customers
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import jobs as delegated_jobs
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR
from webapp.delegated_admin.rules import OfferOver
from webapp.delegated_admin.words import role_words
from webapp.errors import Forbidden
from webapp.evidence.models import Fact
from webapp.invitations import actions, emails, jobs, queries, rules
from webapp.invitations.models import Invitation, InvitationAct
from webapp.messages import actions as messages
from webapp.messages.models import Message
from webapp.organizations import actions as organizations
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.relationships.rules import PartnerDistrusted
from webapp.tasks.models import Task


@pytest.fixture
def alone(story: Story) -> UUID:
    """An invitation that asks for an offer and nothing else, prepared."""
    return asking(story, story.offer(story.partner, story.customer, "Night watch"))


def asking(
    story: Story, offer_id: UUID, asks: str = "administration", visitor: str = "admin_agent", **more: Any
) -> UUID:
    with story.unit():
        return actions.make(
            by=story.actor(visitor), asks=asks, customer=story.organization(story.customer), other=None,
            offer=delegated.by_id(offer_id), recipient=story.customer["global_administrator"].address,
            **{"language": "en", "last_day": None, **more},
        ).id  # fmt: skip


def unannounced(story: Story, name: str = "Quiet") -> UUID:
    """An offer whose message has not gone out."""
    with story.unit():
        return delegated_admin.offer(
            story.organization(story.customer), by=story.actor("admin_agent"), name=name, roles=BASIC,
            duration_days=365, auto_extends=False,
        ).id  # fmt: skip


def of(story: Story, invitation_id: UUID) -> Invitation:
    found = queries.by_id(invitation_id)
    assert found is not None
    return found


def offer_of(invitation: Invitation) -> DelegatedRelationship:
    found = queries.offer_of(invitation)
    assert found is not None
    return found


def kinds(invitation_id: UUID) -> list[str]:
    return [act.kind for act in queries.acts_of(invitation_id)]


# --- making ----------------------------------------------------------------------------------------------------


def test_it_closes_with_its_offer_and_its_link_says_what_it_asks(story: Story, alone: UUID) -> None:
    with story.app.app_context():
        row = of(story, alone)
        assert row.closes_at == offer_of(row).closes_at
        assert row.customer_id == story.customer.id
        said = parse_qs(urlsplit(queries.link_of(row)).query)
        assert said == {
            "invType": ["Administration"], "partnerId": [str(story.partner.id)], "ref": [row.ref], "lang": ["en"]
        }  # fmt: skip
        found = queries.invitation_of_offer(offer_of(row).id)
        assert found is not None
        assert found.id == alone


def test_one_with_a_relationship_says_so_in_its_link(story: Story) -> None:
    offer_id = story.offer(story.partner, story.customer, "Beside it")
    with story.app.app_context():
        row = of(story, asking(story, offer_id, "relationship", last_day=clock.today("UTC") + timedelta(days=5)))
        assert parse_qs(urlsplit(queries.link_of(row)).query)["DAP"] == ["true"]
        plain = of(story, story.invitations["open"].id)
        assert parse_qs(urlsplit(queries.link_of(plain)).query)["DAP"] == ["false"]


def test_an_offer_of_somebody_else_or_for_somebody_else_is_carried_by_nothing(story: Story) -> None:
    ours = story.offer(story.partner, story.customer, "Ours")
    theirs = story.offer(story.rival, story.customer, "Theirs")
    elsewhere = story.offer(story.partner, story.newcomer, "Elsewhere")
    for asks, offer_id in (("administration", theirs), ("relationship", elsewhere), ("agreement", ours)):
        with pytest.raises(LookupError):
            asking(story, offer_id, asks, last_day=clock.today("UTC"))
    with pytest.raises(LookupError), story.unit():
        actions.make(
            by=story.actor("admin_agent"), asks="administration", customer=story.organization(story.customer),
            other=None, language="en", last_day=clock.today("UTC"), recipient="a@contoso.example",
        )  # fmt: skip


def test_an_offer_that_is_over_is_carried_by_nothing(story: Story) -> None:
    offer_id = story.approve(story.offer(story.partner, story.customer, "Given"))
    with pytest.raises(OfferOver):
        asking(story, offer_id)


# --- the customer is told --------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", ["administration", "relationship"])
@pytest.mark.parametrize("how", ["send", "say_sent"])
def test_the_offer_is_the_customer_s_to_see_once_its_message_left(story: Story, asks: str, how: str) -> None:
    made = asking(story, unannounced(story), asks, last_day=clock.today("UTC") + timedelta(days=5))
    with story.app.app_context():
        reader = story.actor("global_administrator")
        offer_id = offer_of(of(story, made)).id
        assert delegated.of_customer(reader, offer_id) is None
    with story.unit():
        getattr(actions, how)(of(story, made), by=story.actor("admin_agent"))
    with story.app.app_context():
        assert delegated.of_customer(reader, offer_id) is not None


# --- what becomes of it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", ["administration", "relationship"])
def test_withdrawing_an_invitation_withdraws_its_offer(story: Story, asks: str) -> None:
    offer_id = story.offer(story.partner, story.customer, "Taken back")
    made = asking(story, offer_id, asks, last_day=clock.today("UTC") + timedelta(days=5))
    with pytest.raises(Forbidden), story.unit():
        actions.withdraw(of(story, made), by=story.actor("sales_agent"))
    with story.unit():
        assert actions.withdraw(of(story, made), by=story.actor("admin_agent"))
    with story.app.app_context():
        assert delegated.state(offer_of(of(story, made))) == "withdrawn"
        assert kinds(made) == ["withdrawn"]
        counted = sa.select(sa.func.count()).select_from(Fact).where(Fact.kind == "delegated_admin.withdrawn")
        assert database.session().scalar(counted) == 1
    with story.unit():
        assert not actions.withdraw(of(story, made), by=story.actor("admin_agent"))


class Indirect:
    """An indirect invitation of a provider with its reseller, which carries an offer of the provider alone."""

    def __init__(self, story: Story, name: str = "The provider's", language: str = "en") -> None:
        World(story.app).enroll(story.provider)
        self.offer_id = story.offer(story.provider, story.customer, name)
        with story.unit():
            self.provider, self.reseller = (
                story._acting(party["admin_agent"]) for party in (story.provider, story.reseller)
            )
        with story.unit():
            made = actions.make(
                by=self.provider, asks="relationship", customer=story.organization(story.customer),
                other=story.organization(story.reseller), offer=delegated.by_id(self.offer_id), language=language,
                last_day=clock.today("UTC") + timedelta(days=5), recipient="admin@contoso.example",
            )  # fmt: skip
            self.id, self.ref = made.id, made.ref


def test_a_reseller_withdraws_the_invitation_but_never_its_provider_s_offer(story: Story) -> None:
    indirect = Indirect(story)
    visitor = Visitor(story.app)
    visitor.sign_in(story.reseller["admin_agent"].address)
    page = visitor.open(f"/partner/invitations/{indirect.id}/withdrawal")
    assert "Fabrikam Distribution's own: it is not withdrawn with it" in page.words
    with story.unit():
        assert actions.withdraw(of(story, indirect.id), by=indirect.reseller)
    with story.app.app_context():
        assert kinds(indirect.id) == ["withdrawn"]
        assert delegated.state(offer_of(of(story, indirect.id))) == "pending"
    with pytest.raises(LookupError), story.unit():
        delegated_admin.withdraw(offer_of(of(story, indirect.id)), by=indirect.reseller)


def test_withdrawing_leaves_an_answered_offer_alone(story: Story) -> None:
    offer_id = story.offer(story.partner, story.customer, "Stays")
    made = asking(story, offer_id, "relationship", last_day=clock.today("UTC") + timedelta(days=5))
    story.approve(offer_id)
    with story.unit():
        assert actions.withdraw(of(story, made), by=story.actor("sales_agent"))
    with story.app.app_context():
        assert delegated.state(offer_of(of(story, made))) == "active"


def answer(story: Story, offer_id: UUID, how: str) -> None:
    if how == "approved":
        story.approve(offer_id)
        return
    if how == "ended":
        end_relationship(story, story.related()["relationship_id"])
        return
    with story.unit():
        row = delegated.by_id(offer_id)
        assert row is not None
        if how == "withdrawn":
            delegated_admin.withdraw(row, by=story.actor("admin_agent"))
            return
        wanted = BASIC[:1] if how == "fewer" else ()
        delegated_admin.decline(
            row, by=story.actor("global_administrator"), reason="too_much", comment="Not so much", wanted=wanted
        )


@pytest.mark.parametrize(
    ("how", "state"),
    [("approved", "accepted"), ("declined", "declined"), ("fewer", "declined"), ("withdrawn", "withdrawn")],
)
def test_the_partner_follows_in_its_invitation_what_became_of_the_offer(story: Story, how: str, state: str) -> None:
    offer_id = story.offer(story.partner, story.customer, "Followed")
    alone = asking(story, offer_id)
    beside = asking(story, offer_id, "relationship", last_day=clock.today("UTC") + timedelta(days=5))
    answer(story, offer_id, how)
    with story.app.app_context():
        row = of(story, alone)
        act = queries.acts_of(alone)[-1]
        assert (queries.state(row), act.kind) == (state, state)
        assert act.person_id == story.actor("admin_agent" if how == "withdrawn" else "global_administrator").person_id
        assert kinds(beside) == []
        rows, _more = queries.list_for(story.actor("sales_agent"), asks="administration")
        assert [(each.id, each.state) for each in rows] == [(alone, state)]
        assert not queries.is_open(row)
        told = [event for event in queries.events_of(row) if event.kind == state]
        if state == "declined":
            assert told[0].facts["reason"] == ("fewer" if how == "fewer" else "too_much")
            assert told[0].facts["comment"] == "Not so much"
        with pytest.raises(rules.InvitationEnded), database.unit_of_work():
            actions.say_sent(row, by=story.actor("admin_agent"))


def end_relationship(story: Story, relationship_id: UUID) -> None:
    with story.unit():
        row = relationships.relationship_by_id(relationship_id)
        assert row is not None
        relationship_actions.end(row, by=story.actor("admin_agent"))


def test_an_invitation_is_over_with_the_partners_last_relationship(story: Story) -> None:
    offer_id = story.offer(story.partner, story.customer, "Alone after all")
    alone = asking(story, offer_id)
    answer(story, offer_id, "ended")
    with story.app.app_context():
        row = of(story, alone)
        assert (queries.state(row), queries.acts_of(alone)[-1].kind) == ("withdrawn", "withdrawn")
        assert delegated.state(offer_of(row)) == "withdrawn"
    page = visitor_of(story, "admin_agent").open(f"/partner/delegated-admin/{offer_id}")
    assert "Withdrawn by The end of the reseller relationship" in page.words


@pytest.mark.parametrize("how", ["approved", "declined", "withdrawn", "lapsed", "ended"])
def test_the_overview_of_customers_says_the_same_as_the_acts(story: Story, how: str) -> None:
    offer_id = story.offer(story.partner, story.customer, "Overview")
    asking(story, offer_id)
    with story.unit():
        customers.rebuild_customer(story.customer.id)
    if how == "lapsed":
        with time_machine.travel(clock.now() + timedelta(days=200)), story.app.app_context():
            delegated_jobs.attend()
            jobs.note_expiry()
    else:
        answer(story, offer_id, how)
    with story.unit():
        assert customers.rebuild_customer(story.customer.id) == 0


def test_nobody_answers_and_both_end_at_the_same_moment(story: Story, alone: UUID) -> None:
    with story.app.app_context():
        ends = of(story, alone).closes_at
    assert ends is not None
    with time_machine.travel(ends - timedelta(seconds=1), tick=False), story.app.app_context():
        assert (queries.state(of(story, alone)), delegated.state(offer_of(of(story, alone)))) == ("prepared", "pending")
    with time_machine.travel(ends, tick=False), story.app.app_context():
        assert (queries.state(of(story, alone)), delegated.state(offer_of(of(story, alone)))) == ("expired", "lapsed")
        delegated_jobs.attend()
        jobs.note_expiry()
        assert jobs.note_expiry() == 0
        assert kinds(alone) == ["expired"]
        told = database.session().scalars(sa.select(Task).where(Task.about_key == str(alone))).all()
        assert [each.kind for each in told] == ["invitation_expired"]


def test_a_declined_one_is_not_looked_at_again_by_the_worker(story: Story, alone: UUID) -> None:
    with story.app.app_context():
        answer(story, offer_of(of(story, alone)).id, "declined")
    with time_machine.travel(clock.now() + timedelta(days=200)), story.app.app_context():
        assert alone not in {each.id for each in queries.lately_closed()}
        assert queries.state(of(story, alone)) == "declined"


def test_the_mail_about_an_answered_offer_does_not_leave(story: Story, alone: UUID) -> None:
    with story.unit():
        actions.send(of(story, alone), by=story.actor("admin_agent"))
    with story.app.app_context():
        assert jobs.settle() == 0
        answer(story, offer_of(of(story, alone)).id, "withdrawn")
        assert jobs.settle() == 1
        assert jobs.settle() == 0
        messages.deliver_due()
        mail = database.session().scalar(sa.select(Message).where(Message.about_id == alone))
        assert mail is not None
        assert mail.handed_over_at is None


def test_it_is_reminded_of_once_while_its_offer_waits(story: Story, alone: UUID) -> None:
    declined = asking(story, story.offer(story.partner, story.customer, "Refused"))
    with story.unit():
        for each in (alone, declined):
            message = actions.send(of(story, each), by=story.actor("admin_agent"))
            message.handed_over_at = message.closed_at = clock.now()
    with story.app.app_context():
        answer(story, offer_of(of(story, declined)).id, "declined")
        ends = of(story, alone).closes_at
    assert ends is not None
    with time_machine.travel(ends - timedelta(days=1)), story.app.app_context():
        assert jobs.remind() == 1
        assert jobs.remind() == 0
        mails = database.session().scalars(sa.select(Message).where(Message.kind == "reminder")).all()
        assert [each.about_id for each in mails] == [alone]
        assert "delegated administration" in mails[0].text


# --- a partner that the customer does not know -----------------------------------------------------------------


def test_nothing_leaves_to_a_customer_that_does_not_know_the_partner(story: Story, alone: UUID) -> None:
    beside = asking(story, alone_offer(story, alone), "relationship", last_day=clock.today("UTC") + timedelta(days=5))
    story.distrust()
    for each in (alone, beside):
        with pytest.raises(PartnerDistrusted), story.unit():
            actions.send(of(story, each), by=story.actor("admin_agent"))
        with pytest.raises(PartnerDistrusted), story.unit():
            actions.correct(of(story, each), by=story.actor("admin_agent"), recipient="other@contoso.example")
        with story.app.app_context():
            assert kinds(each) == []
    visitor = visitor_of(story, "admin_agent")
    visitor.open(f"/partner/invitations/{alone}")
    assert visitor.submit(to="/sending").heading == "This customer says that it does not know the partner"


@pytest.mark.parametrize("gone", ["distrusted", "disabled"])
def test_nobody_is_reminded_of_a_partner_that_is_gone(story: Story, alone: UUID, gone: str) -> None:
    with story.unit():
        message = actions.send(of(story, alone), by=story.actor("admin_agent"))
        message.handed_over_at = message.closed_at = clock.now()
    if gone == "distrusted":
        story.distrust()
    else:
        with story.unit():
            organizations.disable(story.organization(story.partner), "a test")
    with story.app.app_context():
        ends = of(story, alone).closes_at
    assert ends is not None
    with time_machine.travel(ends - timedelta(days=1)), story.app.app_context():
        assert jobs.remind() == 0
        assert kinds(alone) == ["sent"]


# --- instead of sending again ----------------------------------------------------------------------------------


def test_one_for_delegated_administration_alone_is_not_sent_again(story: Story, alone: UUID) -> None:
    with pytest.raises(rules.NewOfferNeeded), story.unit():
        actions.replace(
            of(story, alone), by=story.actor("admin_agent"), last_day=clock.today("UTC"), send_now=False
        )  # fmt: skip


def test_what_takes_the_place_of_another_carries_its_offer_on_while_it_waits(story: Story) -> None:
    offer_id = story.offer(story.partner, story.customer, "Carried on")
    day = clock.today("UTC") + timedelta(days=5)
    made = asking(story, offer_id, "relationship", last_day=day)
    with story.unit():
        second = actions.replace(of(story, made), by=story.actor("admin_agent"), last_day=day, send_now=False).id
    with story.app.app_context():
        assert of(story, second).offer_id == offer_id
        assert delegated.state(offer_of(of(story, second))) == "pending"
        assert "DAP=true" in of(story, second).body
        found = queries.invitation_of_offer(offer_id)
        assert found is not None
        assert found.id == second
        answer(story, offer_id, "declined")
    with story.unit():
        third = actions.replace(of(story, second), by=story.actor("admin_agent"), last_day=day, send_now=False).id
    with story.app.app_context():
        row = of(story, third)
        assert row.offer_id is None
        assert "DAP=false" in row.body
        assert "offer" not in row.body
        rules.check_link(row.body, queries.link_of(row))


# --- words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("extends", [True, False])
def test_the_message_says_roles_duration_extension_link_and_last_day(
    story: Story, language: str, extends: bool
) -> None:
    offer_id = story.offer(story.partner, story.customer, "Told", auto_extends=extends, duration_days=90)
    with story.app.app_context():
        row = of(story, asking(story, offer_id, language=language))
        subject, body = queries.message_words(row)
        rules.check_link(body, queries.link_of(row))
        with messages.reader_of(language, "UTC"):
            for role in BASIC:
                assert role_words(role).name in body
                assert role_words(role).can in body
        assert "90" in body
        later = {"en": "can switch on the automatic extension", "ja": "自動延長を設定できます"}[language]
        assert "180" in body
        assert (later in body) != extends
        assert story.partner.name in subject
        assert story.customer.name in subject
        assert row.ref in queries.mailto_of(row)
        assert len(queries.mailto_of(row)) < rules.MAILTO_LIMIT
        assert queries.link_of(row).encode() in queries.eml_of(row) or b"base64" in queries.eml_of(row)
        assert queries.arrival_of(row, story.actor("admin_agent")).text.count(queries.link_of(row)) == 1


def test_the_longest_message_fits(app: Flask) -> None:
    from webapp.delegated_admin.roles import ROLES

    offer = emails.Offered("株" * 200, "N" * 50, tuple(role.id for role in ROLES), 730, auto_extends=False)
    with app.app_context():
        for language in rules.LANGUAGES:
            _subject, body = emails.generated(
                asks="administration", partner="株" * 200, reseller="", customer="式" * 200, link="https://x.example/i",
                language=language, zone="Asia/Tokyo", last_day=clock.today("UTC"),
                acceptors=["global_administrator"], offer=offer,
            )  # fmt: skip
            assert len(body) < rules.BODY_LIMIT


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_message_of_a_relationship_names_the_roles_of_the_offer_it_carries(story: Story, language: str) -> None:
    offer_id = story.offer(story.partner, story.customer, "Beside", roles=(GLOBAL_ADMINISTRATOR,))
    day = clock.today("UTC") + timedelta(days=5)
    with story.app.app_context():
        row = of(story, asking(story, offer_id, "relationship", last_day=day, language=language))
        with messages.reader_of(language, "UTC"):
            name = role_words(GLOBAL_ADMINISTRATOR).name
        later = {"en": "If you remove that role, either side", "ja": "このロールを削除した後は"}[language]
        assert later in queries.message_words(row)[1]
        assert name in queries.message_words(row)[1]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "offer of delegated administration: Fabrikam Distribution would administer"),
        ("ja", "Fabrikam Distribution が貴組織の Microsoft のサービスの一部を 365 日間管理"),
    ],
)
def test_the_message_of_an_indirect_relationship_names_who_made_the_offer(
    story: Story, language: str, said: str
) -> None:
    indirect = Indirect(story, language=language)
    with story.app.app_context():
        assert said in queries.message_words(of(story, indirect.id))[1]


def after_its_offer(story: Story, language: str = "en", own_words: str = "") -> UUID:
    """A prepared invitation to a relationship whose offer was withdrawn afterwards."""
    offer_id = story.offer(story.partner, story.customer, f"Lost {language} {own_words}")
    made = asking(
        story, offer_id, "relationship", language=language, last_day=clock.today("UTC") + timedelta(days=5)
    )  # fmt: skip
    if own_words:
        with story.unit():
            row = of(story, made)
            actions.write_message(row, subject="Ours", body=f"{own_words}\n\n{row.body}")
    answer(story, offer_id, "withdrawn")
    return made


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_message_that_goes_out_after_its_offer_is_over_does_not_tell_of_it(story: Story, language: str) -> None:
    made = after_its_offer(story, language)
    with story.unit():
        text = actions.send(of(story, made), by=story.actor("admin_agent")).text
    with messages_in(story, language):
        assert role_words(BASIC[0]).name not in text
    assert "DAP=false" in text
    with story.app.app_context():
        plain = of(story, made)
        assert queries.link_of(plain) in text


def messages_in(story: Story, language: str) -> Any:
    context = ExitStack()
    context.enter_context(story.app.app_context())
    context.enter_context(messages.reader_of(language, "UTC"))
    return context


def test_the_partner_s_own_text_is_looked_at_again_once_the_offer_is_over(story: Story) -> None:
    made = after_its_offer(story, own_words="Dear customer,")
    visitor = visitor_of(story, "admin_agent")
    page = visitor.open(f"/partner/invitations/{made}")
    assert "Look at the text again, and take out" in page.words
    assert visitor.submit(to="/sending").heading == "Look at the text again first"
    assert visitor.open(f"/partner/invitations/{made}/message.eml").status == 409
    assert "The link leads to no offer any more" in visitor.open(f"/partner/invitations/{made}/message").words
    with story.app.app_context():
        assert kinds(made) == []
        link = queries.link_of(of(story, made))
    assert visitor.submit(to="/message", body=f"Dear customer,\n\n{link}").status == 200
    page = visitor.open(f"/partner/invitations/{made}")
    assert "Look at the text again" not in page.words
    assert "on its way" in visitor.submit(to="/sending").words
    japanese = visitor_of(story, "admin_agent", "ja")
    page = japanese.open(f"/partner/invitations/{after_its_offer(story, own_words='Hello,')}")
    assert "文面を見直し" in page.words
    assert japanese.submit(to="/sending").heading == "先に文面を見直してください"


# --- the partner's pages ---------------------------------------------------------------------------------------


def visitor_of(story: Story, who: str, language: str = "en") -> Visitor:
    visitor = Visitor(story.app, language=language)
    with story.unit():
        person_id = story.actor(who).person_id
        database.write()
        database.session().get_one(Person, person_id).language = language
    visitor.sign_in(story.address_of(who))
    return visitor


def test_the_partner_s_pages_know_the_third_kind(story: Story, alone: UUID) -> None:
    beside = asking(
        story, story.offer(story.partner, story.customer, "Beside"), "relationship",
        last_day=clock.today("UTC") + timedelta(days=5),
    )  # fmt: skip
    agent, seller = visitor_of(story, "admin_agent"), visitor_of(story, "sales_agent")
    listed = agent.open("/partner/invitations?asks=administration")
    assert "1 invitation" in listed.words
    assert "with an offer of delegated administration" in agent.open("/partner/invitations").words
    page = agent.open(f"/partner/invitations/{alone}")
    assert "Night watch" in page.links
    assert "Send again" not in page.words
    assert "“Night watch” is withdrawn with it" in agent.open(f"/partner/invitations/{alone}/withdrawal").words
    assert "Only an admin agent" in seller.open(f"/partner/invitations/{alone}/withdrawal").words
    assert "/withdrawal" not in str(seller.open(f"/partner/invitations/{alone}").links)
    assert "make a new offer" in agent.open(f"/partner/invitations/{alone}/replacement").words
    assert "“Beside” comes with the new one" in agent.open(f"/partner/invitations/{beside}/replacement").words
    assert "Offer delegated administration" in agent.open("/partner/invitations/new").links
    answer(story, alone_offer(story, alone), "approved")
    assert "You or the customer can end delegated administration" in (
        agent.open(f"/partner/invitations/{alone}/withdrawal").words
    )


def alone_offer(story: Story, alone: UUID) -> UUID:
    with story.app.app_context():
        return offer_of(of(story, alone)).id


def test_a_new_invitation_says_whom_it_is_for_only_once_somebody_chose(
    world: World, browser: Callable[[], Visitor]
) -> None:
    partner = world.a_partner()
    visitor = browser()
    visitor.sign_in(partner["sales_agent"].address)
    visitor.open("/partner/invitations/new")
    page = visitor.submit(to="/partner/invitations")
    assert page.status == 422
    assert "Choose who the invitation is for." in page.words


def test_each_act_of_an_invitation_is_found_once(story: Story, alone: UUID) -> None:
    with story.app.app_context():
        answer(story, offer_of(of(story, alone)).id, "approved")
        rows = database.session().scalars(sa.select(InvitationAct).where(InvitationAct.invitation_id == alone)).all()
        assert [row.kind for row in rows] == ["accepted"]
        assert rows[0].fact_id is not None
