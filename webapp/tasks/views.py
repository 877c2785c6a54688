"""The inbox of both sides."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import pages
from webapp.access import Permission, requires
from webapp.forms import NoField
from webapp.tasks import actions, queries
from webapp.tasks.models import Task

blueprint = Blueprint("tasks", __name__)

NAVIGATION = (
    pages.Item("customer", "tasks.inbox", lambda: _("Inbox"), Permission.READ_INBOX, 40, queries.count_open),
    pages.Item("partner", "tasks.partner_inbox", lambda: _("Inbox"), Permission.READ_INBOX, 40, queries.count_open),
)


@blueprint.get("/inbox")
@requires(Permission.READ_INBOX, on=queries.of_customer)
def inbox(organization_id: UUID) -> ResponseReturnValue:
    return _shown(organization_id)


@blueprint.get("/partner/inbox")
@requires(Permission.READ_INBOX, on=queries.of_partner)
def partner_inbox(organization_id: UUID) -> ResponseReturnValue:
    return _shown(organization_id)


@blueprint.post("/inbox/<uuid:task_id>/completion")
@requires(Permission.WORK_INBOX, on=queries.entry_for)
def completion(task: Task) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        actions.mark(task, by=actors.signed_in())
    return _back()


@blueprint.post("/inbox/completion")
@requires(Permission.WORK_INBOX)
def completion_of_all() -> ResponseReturnValue:
    if NoField().validate_on_submit():
        actions.mark_seen(actors.signed_in())
    return _back()


def _back() -> ResponseReturnValue:
    return redirect(url_for("tasks.inbox" if actors.signed_in().is_customer else "tasks.partner_inbox"))


def _shown(organization_id: UUID) -> str:
    after, before = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    rows, more = queries.happened(organization_id, after=after, before=before)
    earlier = (after is not None) if before is None else more
    later = more if before is None else True

    def turn(name: str, row: object) -> str:
        word = pages.cursor(row.created_at.isoformat(), str(row.id))  # type: ignore[attr-defined]
        return pages.with_arguments(**{"after": None, "before": None, name: word})

    page = pages.Page(
        rows=rows,
        next_url=turn("after", rows[-1]) if rows and later else "",
        previous_url=turn("before", rows[0]) if rows and earlier else "",
        count_text=ngettext("%(num)s entry on this page", "%(num)s entries on this page", len(rows)),
    )
    waiting = [] if after or before else queries.waiting(organization_id, queries.PAGE + 1)
    return pages.render(
        "tasks/inbox.html",
        page=page,
        waiting=waiting[: queries.PAGE],
        more_waiting=len(waiting) > queries.PAGE,
        first=not (after or before),
        unseen=queries.unseen(organization_id),
    )
