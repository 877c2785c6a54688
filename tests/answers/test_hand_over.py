"""Sending an invitation on: only to own administrators, once a day, with forwarder and receiver kept."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from tests.support.story import Story
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts import queries as people
from webapp.accounts.models import Person
from webapp.answers import actions, queries
from webapp.delegated_admin.rules import CannotReceive
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact, PersonalFact
from webapp.invitations import queries as invitations
from webapp.invitations.models import InvitationAct
from webapp.messages.models import Message


def come(story: Story, who: str, language: str = "en") -> Visitor:
    visitor = Visitor(story.app, language=language)
    visitor.sign_in(story.address_of(who))
    return visitor


def mails(story: Story) -> list[Message]:
    with story.app.app_context():
        return list(
            database.session().scalars(
                sa.select(Message).where(Message.kind == "handed_over").order_by(Message.created_at)
            )
        )


def send_on(story: Story, receiver_id: UUID, by: str = "member", name: str = "open") -> bool:
    with story.unit():
        asked = queries.asked_of(story.actor(by), story.invitations[name].ref)
        to = people.person_by_id(receiver_id)
        assert asked is not None
        assert to is not None
        return actions.hand_over(asked, by=story.actor(by), to=to)


@pytest.mark.parametrize("who", ["member", "global_reader", "delegated_admin_administrator"])
def test_whoever_may_not_accept_sends_it_on_by_name_from_the_page_that_says_so(story: Story, who: str) -> None:
    receiver = story.customer["billing_administrator"]
    visitor = come(story, who)
    page = visitor.open(f"/invitation?ref={story.invitations['open'].ref}")
    assert page.status == 403
    assert "Northwind Cloud asks Contoso Ltd. for a reseller relationship" in page.words
    page = visitor.submit(receiver=str(receiver.id), to="/hand-over")
    assert "Sent on to Billing Of" in page.words
    (mail,) = mails(story)
    assert mail.recipient == receiver.address
    assert story.address_of(who) in mail.text
    assert f"ref={story.invitations['open'].ref}" in mail.text


def test_the_receiver_reads_the_mail_in_the_own_language_and_zone_and_finds_the_request_at_home(story: Story) -> None:
    receiver = story.customer["global_administrator"]
    with story.unit():
        database.write()
        database.session().get_one(Person, receiver.id).language = "ja"
    assert send_on(story, receiver.id)
    (mail,) = mails(story)
    assert mail.language == "ja"
    assert "転送されました" in mail.text
    story_sent = story.invite(story.partner, story.customer, sent=True)
    story.invitations["said"] = story_sent
    assert send_on(story, receiver.id, name="said")
    with story.app.test_request_context(base_url="http://localhost"):
        waiting = queries.waiting_for(story.actor("global_administrator"))
        assert waiting[0].path.endswith(story_sent.ref)
        assert waiting[0].sent_on_by == story.actor("member").name
        assert not [e for e in queries.waiting_for(story.actor("billing_administrator")) if e.sent_on_by]


def sent_on(story: Story, who: str) -> list[str]:
    """The addresses of what colleagues sent on to somebody."""
    with story.app.test_request_context(base_url="http://localhost"):
        return [each.path for each in queries.waiting_for(story.actor(who)) if each.sent_on_by]


def test_one_for_any_customer_waits_for_whom_it_was_sent_on_to_and_for_nobody_else(story: Story) -> None:
    receiver = story.customer["global_administrator"]
    assert send_on(story, receiver.id, name="for_anyone")
    path = f"/invitation?ref={story.invitations['for_anyone'].ref}"
    assert sent_on(story, "global_administrator") == [path]
    assert "Sent on to you by" in come(story, "global_administrator").open("/home").words
    for other in ("billing_administrator", "member", "stranger"):
        assert sent_on(story, other) == []
    story.post("stranger", f"/invitation/{story.invitations['for_anyone'].ref}/decline", **declined(story, "stranger"))
    assert sent_on(story, "global_administrator") == [path]
    with story.app.test_request_context(base_url="http://localhost"):
        (mine,) = [each for each in queries.waiting_for(story.actor("global_administrator")) if each.path == path]
        assert mine.declined_at is None  # what another customer answered is its own
    form = f"/invitation/{story.invitations['for_anyone'].ref}/acceptance"
    story.post("global_administrator", form, **story.last_form("global_administrator", form))
    assert sent_on(story, "global_administrator") == []


def declined(story: Story, visitor: str) -> dict[str, Any]:
    address = f"/invitation/{story.invitations['for_anyone'].ref}/decline"
    return story.fields(visitor, address, to="/decline", reason="not_now")


def test_one_for_any_customer_that_was_withdrawn_waits_no_more(story: Story) -> None:
    assert send_on(story, story.customer["global_administrator"].id, name="for_anyone")
    story.note(story.invitations["for_anyone"], "withdrawn")
    assert sent_on(story, "global_administrator") == []


def test_forwarder_and_receiver_are_evidence_that_can_be_erased(story: Story) -> None:
    receiver = story.customer["global_administrator"]
    send_on(story, receiver.id)
    with story.app.app_context():
        fact = database.session().scalar(sa.select(Fact).where(Fact.kind == "invitation.handed_over"))
        assert fact is not None
        record = json.loads(fact.record)
        assert fact.person_id == story.customer[""].id
        assert record["facts"]["receiver_id"] == str(receiver.id)
        owners = {
            name: database.session().get_one(PersonalFact, UUID(entry["id"])).person_id
            for name, entry in record["personal"].items()
        }
        forwarder = story.customer[""].id
        assert owners == {
            "forwarder": forwarder, "forwarder_address": forwarder, "actor_name": forwarder,
            "receiver": receiver.id, "receiver_address": receiver.id,
        }  # fmt: skip
        act = invitations.acts_of(story.invitations["open"].id)[-1]
        assert (act.kind, act.receiver_id, act.fact_id) == ("handed_over", receiver.id, fact.id)
    with story.unit():
        database.write()
        assert evidence.forget_personal(receiver.id, set()) >= 2
    assert "(not shown)" not in come(story, "global_reader").open("/history").words
    seen_by_partner = come(story, "admin_agent").open("/history").words
    assert receiver.address not in seen_by_partner
    assert "sent the invitation" not in seen_by_partner  # how it went round is the customer's own


def test_the_partner_s_time_line_does_not_tell_it(story: Story) -> None:
    send_on(story, story.customer["global_administrator"].id)
    with story.app.app_context():
        row = invitations.by_id(story.invitations["open"].id)
        assert row is not None
        assert [event.kind for event in invitations.events_of(row)] == ["made"]
        assert invitations.state(row) == "prepared"


def test_one_mail_a_day_to_the_same_person_about_the_same_invitation(story: Story) -> None:
    first, second = story.customer["global_administrator"].id, story.customer["billing_administrator"].id
    assert send_on(story, first)
    assert not send_on(story, first)
    assert not send_on(story, first, by="global_reader")
    assert send_on(story, second)
    assert send_on(story, first, name="indirect")
    assert len(mails(story)) == 3
    with time_machine.travel(clock.now() + timedelta(days=1)), story.app.app_context():
        assert send_on(story, first)
    assert len(mails(story)) == 4
    visitor = come(story, "member")
    visitor.open(f"/invitation/{story.invitations['open'].ref}/hand-over")
    visitor.submit(receiver=str(second), to="/hand-over")
    assert len(mails(story)) == 4


def test_it_is_no_relay(story: Story) -> None:
    """Neither strangers, nor partners, nor own people who could not answer are sent anything."""
    others = [
        story.stranger["everything"], story.partner["admin_agent"], story.newcomer["global_administrator"],
        story.customer[""], story.customer["global_reader"], story.customer["delegated_admin_administrator"],
    ]  # fmt: skip
    client, signed = story.client("member"), story.signed["member"]
    for member in others:
        with pytest.raises(CannotReceive):
            send_on(story, member.id)
        answer = client.post(
            f"/invitation/{story.invitations['open'].ref}/hand-over",
            data={"receiver": str(member.id), "csrf_token": signed.csrf_token},
            headers={"Referer": "http://localhost/"},
        )
        assert answer.status_code == 422
    assert mails(story) == []
    with story.app.app_context():
        assert "handed_over" not in database.session().scalars(sa.select(InvitationAct.kind)).all()


def test_what_is_over_or_accepted_is_not_sent_on(story: Story) -> None:
    visitor = come(story, "member")
    for name in ("withdrawn",):
        assert visitor.open(f"/invitation/{story.invitations[name].ref}/hand-over").status == 410
    visitor.open(f"/invitation/{story.invitations['agreement_only'].ref}/hand-over")
    story.accept("global_administrator")
    page = visitor.submit(receiver=str(story.customer["global_administrator"].id), to="/hand-over")
    assert page.status == 409
    assert mails(story) == []


def test_who_can_answer_may_send_it_on_as_well(story: Story) -> None:
    visitor = come(story, "billing_administrator")
    page = visitor.open(f"/invitation?ref={story.invitations['open'].ref}")
    page = visitor.open(page.links["Send it on to a colleague who can answer"])
    assert "Billing Of" not in page.words
    page = visitor.submit(receiver=str(story.customer["global_administrator"].id), to="/hand-over")
    assert "Sent on to" in page.words
    page = visitor.open(f"/invitation/{story.invitations['open'].ref}/hand-over")
    assert visitor.submit(to="/hand-over").status == 422
