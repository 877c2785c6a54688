"""Mails to a partner's agents about their customers' answers."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import current_app

from webapp import pages
from webapp.messages import actions as messages
from webapp.messages.models import Message
from webapp.tasks.models import Task

#: A mail names so many answers; the inbox shows the others.
NAMED = 50


def answer(entry: Task, *, to: str, language: str, zone: str, person_id: UUID) -> Message:
    """One customer's answer."""
    return messages.send(
        "tasks/emails/answer", to=to, language=language, zone=zone, person_id=person_id, about_id=entry.id,
        entry=entry, url=current_app.config["PUBLIC_URL"] + entry.path,
    )  # fmt: skip


def answers(entries: Sequence[Task], *, to: str, language: str, zone: str, person_id: UUID) -> Message:
    """Many answers as one mail."""
    return messages.send(
        "tasks/emails/answers", to=to, language=language, zone=zone, person_id=person_id,
        entries=entries[:NAMED], count=len(entries), more=max(len(entries) - NAMED, 0),
        accepted=sum(each.kind == "invitation_accepted" for each in entries),
        declined=sum(each.kind == "invitation_declined" for each in entries),
        url=pages.absolute("tasks.partner_inbox"),
    )  # fmt: skip
