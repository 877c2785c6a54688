"""The history of the own organization, and the state of its chain."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import clock, languages, pages
from webapp.access import Permission, requires
from webapp.evidence import queries
from webapp.evidence.forms import GROUPS, HistoryFilterForm
from webapp.evidence.queries import Filter

blueprint = Blueprint("evidence", __name__)
SIZE = 25
COUNTED = 1000


@blueprint.get("/history")
@requires(Permission.READ_HISTORY)
def history() -> ResponseReturnValue:
    actor = actors.signed_in()
    form = HistoryFilterForm(request.args)
    form.offer(queries.members_of(actor.organization_id))
    valid = form.validate()
    wanted = _wanted(form)
    older, newer = (pages.read_place(request.args.get(name, "")) for name in ("older", "newer"))
    rows = queries.history(actor, wanted, size=SIZE + 1, older_than=older, newer_than=newer)
    more = len(rows) > SIZE
    rows = rows[1:] if more and newer else rows[:SIZE]
    page = pages.Page(
        rows=queries.tell(rows, actor),
        next_url=_at("older", rows[-1]) if rows and (more or newer) else "",
        previous_url=_at("newer", rows[0]) if rows and (older or (newer and more)) else "",
        count_text=_count(queries.how_many(actor, wanted, COUNTED + 1)),
    )
    filtered = any(value for name, value in form.data.items() if name in {"kind", "person", "since", "until"})
    template = pages.render(
        "evidence/history.html", form=form, page=page, chain=queries.chain(actor.chain_id), filtered=filtered
    )
    return template, 200 if valid else 422


def _wanted(form: HistoryFilterForm) -> Filter:
    """The filter as asked for; a field with an error filters nothing."""
    zone = languages.zone()
    first = form.since.data if not form.since.errors else None
    last = form.until.data if not form.until.errors else None
    return Filter(
        kinds=GROUPS[form.kind.data][1] if form.kind.data in GROUPS else (),
        person_id=UUID(form.person.data) if form.person.data and not form.person.errors else None,
        since=clock.end_of(first - timedelta(days=1), zone) if first is not None and first.year > 1 else None,
        until=clock.end_of(last, zone) if last is not None and last.year < 9999 else None,
    )


def _at(name: str, row: object) -> str:
    place = pages.cursor(row.at.isoformat(), str(row.id))  # type: ignore[attr-defined]
    return pages.with_arguments(**{"older": None, "newer": None, name: place})


def _count(found: int) -> str:
    if found > COUNTED:
        return str(_("More than 1,000 entries"))
    return str(ngettext("%(num)s entry", "%(num)s entries", found))


@blueprint.get("/history/verification")
@requires(Permission.READ_HISTORY)
def verification() -> ResponseReturnValue:
    actor = actors.signed_in()
    results = list(queries.verify_chain(actor.chain_id))
    findings = [each for each in results if not isinstance(each, int)]
    chain = queries.chain(actor.chain_id)
    return pages.render(
        "evidence/verification.html", findings=findings, count=results[-1], chain=chain, at=clock.now()
    )  # fmt: skip


NAVIGATION = tuple(
    pages.Item(kind, "evidence.history", lambda: _("History"), Permission.READ_HISTORY, 80)
    for kind in ("customer", "partner")
)
