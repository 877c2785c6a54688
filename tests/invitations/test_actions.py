"""Acts on invitations at once, by two people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from config import MailServer
from tests.customers.acts import Acts
from tests.invitations.test_queries import actor_of, an_invitation, organization
from tests.support.builders import Party, World
from tests.support.sink import Sink
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.actor import Actor
from webapp.agreements.models import Acceptance
from webapp.errors import Refusal
from webapp.evidence.models import Fact, PersonalFact
from webapp.invitations import actions, queries
from webapp.invitations.models import Invitation, InvitationAct
from webapp.messages import actions as messages
from webapp.messages import queries as outbox
from webapp.messages.models import Message
from webapp.policies import actions as policies


def at_once(app: Flask, *acts: Callable[[], Any]) -> list[Any]:
    """What each act answered, or the refusal it met; all of them start together."""
    barrier = Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        with app.app_context():
            barrier.wait()
            try:
                with database.unit_of_work():
                    answers[number] = act()
            except Refusal as refusal:
                answers[number] = refusal

    threads = [Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_daily_number_holds_for_two_at_once(app: Flask, world: World) -> None:
    partner = world.a_partner()
    customers = [world.a_customer() for _ in range(4)]
    with app.app_context():
        with database.unit_of_work():
            policies.set_policy("invitation.sends_a_day", 2, "a test")
        by = actor_of(partner)
        made = [an_invitation(partner, each, recipient=each["global_administrator"].address).id for each in customers]

    def send(invitation_id: UUID) -> Callable[[], Any]:
        def act() -> Any:
            row = queries.by_id(invitation_id)
            assert row is not None
            return actions.send(row, by=by).id

        return act

    answers = at_once(app, *(send(each) for each in made))
    assert sorted(type(each).__name__ for each in answers) == ["SendLimitReached", "SendLimitReached", "UUID", "UUID"]
    with app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).select_from(Message)) == 2


def test_two_colleagues_withdraw_and_replace_once(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        one, other = actor_of(partner, "sales_agent"), actor_of(partner, "admin_agent")
        first, second = an_invitation(partner, customer).id, an_invitation(partner, customer).id
        day = clock.today("UTC") + timedelta(days=20)

    def loaded(invitation_id: UUID) -> Any:
        row = queries.by_id(invitation_id)
        assert row is not None
        return row

    answers = at_once(app, *(lambda by=by: actions.withdraw(loaded(first), by=by) for by in (one, other)))
    assert sorted(answers) == [False, True]
    made = at_once(
        app,
        *(lambda by=by: actions.replace(loaded(second), by=by, last_day=day, send_now=False).id for by in (one, other)),
    )
    assert made[0] == made[1]
    with app.app_context():
        kinds = list(database.session().scalars(sa.select(InvitationAct.kind).order_by(InvitationAct.kind)))
        assert kinds == ["superseded", "withdrawn"]
        facts = list(database.session().scalars(sa.select(Fact.kind).where(Fact.kind.like("invitation.%"))))
        assert sorted(facts) == ["invitation.made", "invitation.superseded", "invitation.withdrawn"]


def test_a_withdrawal_and_a_sending_at_once_leave_no_mail_after_the_withdrawal(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        by = actor_of(partner)
        made = an_invitation(partner, customer, recipient=customer["global_administrator"].address).id

    def loaded() -> Any:
        row = queries.by_id(made)
        assert row is not None
        return row

    answers = at_once(app, lambda: actions.withdraw(loaded(), by=by), lambda: actions.send(loaded(), by=by).kind)
    with app.app_context():
        order = [act.kind for act in queries.acts_of(made)]
        assert order in (["withdrawn"], ["sent", "withdrawn"])
        assert answers[0] is True
        assert isinstance(answers[1], Refusal) == (order == ["withdrawn"])


def test_an_erased_person_s_address_leaves_the_invitations(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        address = customer["global_administrator"].address
        made = an_invitation(partner, customer, recipient=address.upper()).id
        person = people.person_by_id(customer["global_administrator"].id)
        assert person is not None
        assert organization(customer) is not None
        with database.unit_of_work():
            accounts.erase(person, "asked for it")
        row = queries.by_id(made)
        assert row is not None
        assert row.recipient == ""


def receivers(app: Flask) -> list[str]:
    """Who gets a mail about an invitation when the worker runs now. Needs a mail server."""
    with app.app_context():
        messages.deliver_due()
        left = sa.select(Message.recipient).where(Message.handed_over_at.is_not(None), Message.kind == "invitation")
        return list(database.session().scalars(left))


def loaded(invitation_id: UUID) -> Invitation:
    found = queries.by_id(invitation_id)
    assert found is not None
    return found


def sent_invitation(partner: Party, customer: Party, by: Actor, recipient: str) -> Invitation:
    made = an_invitation(partner, customer, recipient=recipient)
    with database.unit_of_work():
        actions.send(made, by=by)
    return made


@pytest.mark.parametrize("ending", ["withdraw", "replace"])
def test_the_mail_of_an_invitation_that_ended_before_it_left_never_leaves(
    make_app: Callable[..., Flask], sink: Sink, ending: str
) -> None:
    app = make_app(mail_server=MailServer("127.0.0.1", sink.port, timeout=5))
    world = World(app)
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        by = actor_of(partner)
        made = sent_invitation(partner, customer, by, customer["global_administrator"].address)
        made_id = made.id
        with database.unit_of_work():
            if ending == "withdraw":
                actions.withdraw(made, by=by)
            else:
                actions.replace(made, by=by, last_day=clock.today("UTC") + timedelta(days=20), send_now=False)
    assert receivers(app) == []
    with app.app_context():
        row = loaded(made_id)
        assert queries.life_of(row).mail == ""
        kinds = [event.kind for event in queries.events_of(row)]
        assert "not_sent" in kinds
        assert "undeliverable" not in kinds
        with database.unit_of_work():
            assert messages.retry() == 0
        assert outbox.stuck() == []
    assert receivers(app) == []
    assert sink.received == []


def test_a_mail_to_an_address_corrected_before_it_left_goes_to_the_new_one_only(
    make_app: Callable[..., Flask], sink: Sink
) -> None:
    app = make_app(mail_server=MailServer("127.0.0.1", sink.port, timeout=5))
    world = World(app)
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        by = actor_of(partner)
        made = sent_invitation(partner, customer, by, "wrong@elsewhere.example")
        made_id = made.id
        with database.unit_of_work():
            actions.correct(made, by=by, recipient=customer["global_administrator"].address)
    assert receivers(app) == [customer["global_administrator"].address]
    assert len(sink.received) == 1
    with app.app_context():
        row = loaded(made_id)
        assert queries.state(row) == "delivered"
        assert [event.kind for event in queries.events_of(row)].count("not_sent") == 1


def test_what_came_back_is_not_tried_again_once_the_invitation_is_withdrawn(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        by = actor_of(partner)
        made = sent_invitation(partner, customer, by, "full@elsewhere.example")
        with database.unit_of_work():
            database.write()
            mail = database.session().scalars(sa.select(Message)).one()
            mail.given_up_at = mail.closed_at = clock.now()
        with database.unit_of_work():
            actions.withdraw(made, by=by)
        with database.unit_of_work():
            assert messages.retry() == 0


def test_a_mail_cancelled_while_it_lay_in_a_worker_s_batch_does_not_leave(
    make_app: Callable[..., Flask], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(mail_server=MailServer("127.0.0.1", sink.port, timeout=5))
    world = World(app)
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        by = actor_of(partner)
        made_id = sent_invitation(partner, customer, by, customer["global_administrator"].address).id
    claim = messages.claim

    def claim_and_withdraw(*held: Any) -> list[UUID]:
        claimed = claim(*held)
        with database.unit_of_work():
            actions.withdraw(loaded(made_id), by=by)
        return claimed

    monkeypatch.setattr(messages, "claim", claim_and_withdraw)
    assert receivers(app) == []
    assert sink.received == []
    with app.app_context():
        assert database.session().scalars(sa.select(Message)).one().closed_at is not None


def test_erasing_a_sender_takes_name_and_address_out_of_the_mails_it_sent(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    contact = customer["global_administrator"]
    with app.app_context():
        by = actor_of(partner)
        made = sent_invitation(partner, customer, by, "wrong@elsewhere.example")
        with database.unit_of_work():
            database.write()
            mail = database.session().scalars(sa.select(Message)).one()
            assert by.address in mail.text
            mail.handed_over_at = mail.closed_at = clock.now()
        with database.unit_of_work():
            actions.correct(made, by=by, recipient=contact.address)
        sender = people.person_by_id(by.person_id)
        assert sender is not None
        with database.unit_of_work():
            accounts.erase(sender, "asked for it")
        mails = database.session().scalars(sa.select(Message).order_by(Message.created_at)).all()
        assert [(mail.reply_to, mail.from_name, mail.subject, mail.text) for mail in mails] == [
            (None, None, "", "")
        ] * 2
        assert [mail.recipient for mail in mails] == ["wrong@elsewhere.example", contact.address]
        assert [mail.cancelled_at is not None for mail in mails] == [False, True]
        assert all(mail.closed_at is not None for mail in mails)


def test_a_corrected_address_is_personal_to_whoever_has_it(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    contact = customer["global_administrator"]
    with app.app_context():
        by = actor_of(partner)
        made = sent_invitation(partner, customer, by, "wrong@elsewhere.example")
        with database.unit_of_work():
            actions.correct(made, by=by, recipient=contact.address)
        owners = {kept.value: kept.person_id for kept in database.session().scalars(sa.select(PersonalFact))}
        assert owners[contact.address] == contact.id
        assert owners["wrong@elsewhere.example"] == by.person_id
        person = people.person_by_id(contact.id)
        assert person is not None
        with database.unit_of_work():
            accounts.erase(person, "asked for it")
        left = set(database.session().scalars(sa.select(PersonalFact.value)))
        assert contact.address not in left


def test_receipts_in_colleagues_mail_are_said_to_stay(app: Flask, world: World) -> None:
    acts = Acts(app, world)
    world.a_published_agreement()
    acts.accept_alone()
    colleague = world.a_customer()["global_administrator"]
    with app.app_context():
        acceptance = database.session().scalars(sa.select(Acceptance)).one()
        with database.unit_of_work():
            database.write()
            messages.put(
                kind="receipt", to=colleague.address, language="en", subject="Receipt", text="Ann Lee signed\n",
                about_id=acceptance.id, person_id=colleague.id,
            )  # fmt: skip
        person = people.person_by_id(acceptance.person_id)
        assert person is not None
        with database.unit_of_work():
            _count, stays = accounts.erase(person, "asked for it")
        assert f"receipts of acceptance {acceptance.reference} mailed to colleagues" in [each.what for each in stays]
