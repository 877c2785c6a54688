"""The contact's address was wrong: who is told again, by when, and who hears nothing any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from tests.agreements.scene import Attesting
from tests.agreements.test_actions import KENJI
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.agreements import actions, queries
from webapp.agreements.models import Attestation
from webapp.messages import actions as messages
from webapp.messages import queries as outbox
from webapp.messages.models import Message

RIGHT = "right@contoso.example"


def correct(scene: Attesting) -> int:
    """Correct the address of the primary contact; how many attestations it is told of."""
    with scene.app.app_context(), database.unit_of_work():
        customer = database.locked(scene.organization(scene.customer))
        contact = people.person_by_id(scene.customer["global_administrator"].id)
        assert contact is not None
        accounts.correct_address(contact, RIGHT)
        return actions.tell_again(customer)


def hand_over(scene: Attesting, message: Message) -> None:
    """A message leaves now."""
    with scene.app.app_context(), database.unit_of_work():
        database.write()
        row = database.session().get_one(Message, message.id)
        row.handed_over_at = row.closed_at = clock.now()


def test_every_partners_attestation_is_told_in_its_own_name(scene: Attesting) -> None:
    scene.attest()
    scene.attest(KENJI, partner=scene.provider)
    assert correct(scene) == 2
    told = [scene.text_of(each) for each in scene.messages("attested") if each.recipient == RIGHT]
    named = {name for name in ("Northwind Cloud", "Fabrikam Distribution") for text in told if name in text}
    assert named == {"Northwind Cloud", "Fabrikam Distribution"}
    assert not [text for text in told if "Northwind Cloud" in text and "Fabrikam Distribution" in text]


def test_a_notice_that_did_not_leave_leaves_no_more_for_the_wrong_address(scene: Attesting) -> None:
    scene.attest()
    objected = scene.attest(KENJI)
    scene.object_on_page(objected)
    assert correct(scene) == 1, "what was objected to is not told again"
    with scene.app.app_context():
        waiting = messages.claim(clock.now(), scene.partner.id)
        rows = [outbox.message_by_id(each) for each in waiting]
        assert [each.recipient for each in rows if each is not None and each.kind == "attested"] == [RIGHT]
    assert [each.cancelled_at is None for each in scene.messages("attested")] == [False, False, True]


def test_what_left_for_the_wrong_address_stays_as_it_was(scene: Attesting) -> None:
    scene.attest()
    (first,) = scene.messages("attested")
    hand_over(scene, first)
    correct(scene)
    left, waits = scene.messages("attested")
    assert (left.id, left.cancelled_at, waits.recipient) == (first.id, None, RIGHT)
    assert left.handed_over_at is not None


@pytest.mark.parametrize("left", [False, True])
def test_a_correction_gives_the_notice_no_other_deadline(scene: Attesting, left: bool) -> None:
    attestation_id = scene.attest()
    if left:
        hand_over(scene, scene.messages("attested")[0])
    with scene.app.app_context():
        at = database.session().get_one(Attestation, attestation_id).at
    with time_machine.travel(at + timedelta(minutes=45), tick=False):
        correct(scene)
        second = scene.messages("attested")[1]
        assert (second.recipient, second.due_at) == (RIGHT, at + actions.NOTICE_DUE)
        with scene.app.app_context():
            notice = queries.notice_of(attestation_id)
            assert notice is not None
            assert (notice.message_id, notice.state, notice.late_by) == (second.id, "waiting", timedelta(minutes=15))
            assert [row.id for row, _delivery in outbox.late(at - timedelta(days=1))] == [second.id]
        hand_over(scene, second)
    with scene.app.app_context():
        notice = queries.notice_of(attestation_id)
        assert notice is not None
        assert (notice.state, notice.late_by) == ("handed_over", timedelta(minutes=15))


def test_a_correction_within_the_deadline_is_in_time(scene: Attesting) -> None:
    attestation_id = scene.attest()
    with scene.app.app_context():
        at = database.session().get_one(Attestation, attestation_id).at
    with time_machine.travel(at + timedelta(minutes=20), tick=False):
        correct(scene)
        with scene.app.app_context():
            notice = queries.notice_of(attestation_id)
            assert notice is not None
            assert (notice.is_late, notice.due_at) == (False, at + actions.NOTICE_DUE)
