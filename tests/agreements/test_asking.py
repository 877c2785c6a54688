"""A customer asks its partner to confirm that it agreed: one task, one fact a day."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
import time_machine

from tests.support.story import Story
from webapp import clock, database
from webapp.agreements import actions
from webapp.evidence.models import Fact
from webapp.tasks import actions as tasks
from webapp.tasks.models import Task


def _ask(story: Story) -> bool:
    with story.unit():
        by = story.actor("global_administrator")
        return actions.ask_for_attestation(
            story.organization(story.customer), story.organization(story.partner), by=by
        )  # fmt: skip


def _wanted(story: Story) -> list[Task]:
    with story.app.app_context():
        return list(database.session().scalars(sa.select(Task).where(Task.kind == "attestation_wanted")))


def _facts(story: Story) -> int:
    with story.app.app_context():
        return database.session().scalar(
            sa.select(sa.func.count()).select_from(Fact).where(Fact.kind == "attestation.wanted")
        ) or 0  # fmt: skip


def test_asking_puts_one_task_into_the_partners_inbox_and_one_fact_a_day_into_the_customers_chain(story: Story) -> None:
    before, facts = len(_wanted(story)), _facts(story)
    now = clock.now()
    with time_machine.travel(now + timedelta(days=3), tick=False):
        assert [_ask(story), _ask(story)] == [True, False]
    assert len(_wanted(story)) - before <= 1
    assert _facts(story) - facts == 1
    with time_machine.travel(now + timedelta(days=4), tick=False):
        assert _ask(story)
    assert _facts(story) - facts == 2


def test_a_request_that_the_partner_put_aside_waits_again_when_it_is_asked_on_another_day(story: Story) -> None:
    now = clock.now()
    with time_machine.travel(now + timedelta(days=3), tick=False):
        assert _ask(story)
        with story.unit():
            tasks.done(story.partner.id, "attestation_wanted", str(story.customer.id))
        assert [task.done_at is not None for task in _wanted(story)] == [True]
    with time_machine.travel(now + timedelta(days=5), tick=False):
        assert _ask(story)
        assert [task.done_at for task in _wanted(story)] == [None]
