"""Reminding before the last day, noting that it is over, and telling partners what could not be delivered.

Each invitation is a unit of work of its own, decided again under its lock: safe to run twice and on several workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.exc import IntegrityError

from webapp import database
from webapp.invitations import actions, queries
from webapp.invitations.models import Invitation
from webapp.messages.models import Message
from webapp.policies import queries as policies
from webapp.worker import Job

Subject = TypeVar("Subject", Invitation, Message)


def remind() -> int:
    """Remind named contacts so many days before the last day (policy; 0: never)."""
    days = policies.value("invitation.reminder_days")
    if not days:
        return 0
    return _each(queries.soon_closing(timedelta(days=days + 1, hours=2)), actions.remind)  # clocks change by hours


def note_expiry() -> int:
    """Note which invitations are over."""
    return _each(queries.lately_closed(), actions.note_expiry)


def settle() -> int:
    """Stop mails about offers that were answered or taken back meanwhile."""
    return _each(queries.answered_unsettled(), actions.settle)


def note_undeliverable() -> int:
    """Tell partners of invitations that came back."""
    return _each(queries.undelivered(), actions.note_undeliverable)


def _each(subjects: Sequence[Subject], act: Callable[[Subject], bool]) -> int:
    done = 0
    for subject in subjects:
        try:
            with database.unit_of_work():
                done += act(subject)
        except IntegrityError:  # another worker was first; the constraint kept it to once
            continue
    return done


JOBS = (
    Job("remind of invitations", 60.0, remind),
    Job("note expired invitations", 60.0, note_expiry),
    Job("settle answered invitations", 10.0, settle),
    Job("note undeliverable invitations", 10.0, note_undeliverable),
)
