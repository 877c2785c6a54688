"""What ends when, for the partner of record: the page, its file, and its calendar."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, flash, redirect, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import clock, pages, security, tokens
from webapp.access import Permission, anyone, requires
from webapp.actor import Actor
from webapp.customers.rules import cell
from webapp.forms import NoField
from webapp.messages.actions import reader_of
from webapp.organizations.models import Organization
from webapp.renewals import actions, queries, rules, schemas
from webapp.renewals.forms import EndsFilterForm
from webapp.renewals.queries import Listed, Row
from webapp.renewals.words import (
    contract_words,
    count_words,
    days_words,
    group_words,
    left_words,
    stage_words,
    told_words,
)

blueprint = Blueprint("renewals", __name__)
NAVIGATION = (pages.Item("partner", "renewals.index", lambda: _("Renewals"), Permission.READ_RENEWALS, 28),)


@blueprint.get("/partner/renewals")
@requires(Permission.READ_RENEWALS, on=queries.own_for)
def index(_own: Organization) -> ResponseReturnValue:
    actor, form = actors.signed_in(), _filter()
    valid, wanted = form.validate(), _wanted(form)
    after, before = _place("after"), _place("before")
    found = queries.ending_for(actor, after=after, before=before, **wanted)
    return pages.render(
        "renewals/index.html", form=form, page=_page(found), groups=_grouped(found.rows),
        filtered=any(wanted.values()), paged=bool(after or before),
        any_at_all=bool(found.rows) or queries.has_any(actor),
        file=url_for("renewals.export")
        + pages.with_arguments(after=None, before=None, lang=None).removeprefix(request.path),
        left_words=left_words, contract_words=contract_words, told_words=told_words,
        zone=actor.zone, days=days_words(queries.notice_days()),
    ), 200 if valid else 422  # fmt: skip


def _filter() -> EndsFilterForm:
    form = EndsFilterForm(request.args)
    form.offer()
    return form


def _wanted(form: EndsFilterForm) -> dict[str, str]:
    """What is asked for; a field with an error filters nothing."""
    return {"group": form.group.data or "", "search": "" if form.search.errors else form.search.data or ""}


def _place(name: str) -> tuple[date, UUID] | None:
    """A place in the list from the address; one that is none of ours is the list's beginning."""
    values = pages.read_cursor(request.args.get(name, ""), 2)
    try:
        return (date.fromisoformat(values[0]), UUID(values[1])) if values is not None else None
    except ValueError:
        return None


def _page(found: Listed) -> pages.Page:
    def turn(name: str, row: Row) -> str:
        word = pages.cursor(row.ends_on.isoformat(), str(row.line_id))
        return pages.with_arguments(**{"after": None, "before": None, name: word})

    return pages.Page(
        rows=found.rows,
        next_url=turn("after", found.rows[-1]) if found.rows and found.more_after else "",
        previous_url=turn("before", found.rows[0]) if found.rows and found.more_before else "",
        count_text=count_words(found.count, queries.MOST),
    )


def _grouped(rows: Sequence[Row]) -> list[tuple[str, str, list[Row]]]:
    """The rows under the headings of their groups: where two days meet, zones decide, so that they are sorted once more."""
    order = {name: number for number, (name, _low, _high) in enumerate(rules.GROUPS)}
    ordered = sorted(rows, key=lambda row: order[row.group])
    return [(name, group_words(name), list(each)) for name, each in groupby(ordered, key=lambda row: row.group)]


# --- the file ----------------------------------------------------------------------------------------------------


@blueprint.get("/partner/renewals/export")
@requires(Permission.READ_RENEWALS, on=queries.own_for)
def export(_own: Organization) -> ResponseReturnValue:
    """All that the list shows under its filter, as a file; sent while it is read, so that it never stands in memory."""
    actor, form = actors.signed_in(), _filter()
    form.validate()
    response = Response(stream_with_context(_file(actor, _wanted(form))), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="renewals-{clock.today(actor.zone)}.csv"'
    return response


def _file(actor: Actor, wanted: dict[str, str]) -> Iterator[str]:
    """UTF-8 with the mark that spreadsheets know it by, and rows as RFC 4180 has them."""
    yield "\ufeff" + _lines([
        [
            _("Customer"), _("Product"), _("Seats"), _("Billing"), _("Last day"), _("Days left"), _("Stage"), _("Group"),
            _("Told"), _("Subscription"),
        ]
    ])  # fmt: skip
    for rows in queries.exported_for(actor, **wanted):
        yield _lines([_exported(row, actor.zone) for row in rows])


def _exported(row: Row, zone: str) -> list[str]:
    return [
        row.customer, row.product, str(row.seats), contract_words(row.contract), row.ends_on.isoformat(),
        str(row.days_left), stage_words(row.stage), group_words(row.group),
        "; ".join(told_words(each, zone) for each in row.told), str(row.line_id),
    ]  # fmt: skip


def _lines(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_safe(value) for value in row] for row in rows)
    return text.getvalue()


def _safe(value: str) -> str:
    """A cell that no spreadsheet calculates; a number below zero is left a number."""
    return value if value.lstrip("-").isdigit() else cell(value)


# --- the calendar ------------------------------------------------------------------------------------------------


@blueprint.get("/partner/renewals/feed")
@requires(Permission.READ_RENEWALS, on=queries.own_for)
def feed(_own: Organization) -> ResponseReturnValue:
    """The person's link to its calendar, and how to use it."""
    token = queries.feed_of(actors.signed_in().person_id)
    link = ""
    if token is not None:
        security.one_time_secret()
        link = pages.absolute("renewals.calendar", secret=tokens.secret_of(token))
    return pages.render("renewals/feed.html", link=link, token=token)


@blueprint.post("/partner/renewals/feed")
@requires(Permission.READ_RENEWALS, on=queries.own_for)
def feed_link(_own: Organization) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        actions.link_calendar(actors.signed_in())
        flash(_("The link was made. An earlier one opens nothing any more."), "done")
    return redirect(url_for("renewals.feed"))


@blueprint.post("/partner/renewals/feed/revocation")
@requires(Permission.READ_RENEWALS, on=queries.own_for)
def feed_revocation(_own: Organization) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.revoke_calendar(actors.signed_in()):
            flash(
                _("The link opens nothing any more. Calendars that used it stay as they are, or become empty."), "done"
            )
        else:
            flash(_("There is no link. Nothing was changed."), "note")
    return redirect(url_for("renewals.feed"))


@blueprint.get("/calendar/renewals/<secret>.ics")
@anyone(because="calendar programs cannot sign in: the link's secret is the right to read, until it is revoked")
def calendar(secret: str) -> ResponseReturnValue:
    """The calendar of whoever made the link, as it may read the renewals now; 404 for every other link."""
    reader = queries.reader_of_feed(secret)
    if reader is None:
        abort(404)
    with reader_of(reader.language, reader.zone):
        host = urlsplit(current_app.config["PUBLIC_URL"]).hostname or "localhost"
        events = [_event(row) for row in queries.events_for(reader)]
        name = str(_("Renewals – %(organization)s", organization=reader.organization_name))
        text = schemas.calendar(name, host, reader.language, events)
    response = Response(text.encode(), content_type="text/calendar; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _event(row: Any) -> schemas.Event:
    url = f"{current_app.config['PUBLIC_URL']}/partner/subscriptions/{row.line_id}"
    seats = ngettext("%(num)s seat", "%(num)s seats", row.seats)
    description = "\n".join([
        _("Last day of %(product)s at %(customer)s.", product=row.product, customer=row.customer),
        f"{seats}. {contract_words(row.contract)}.", url,
    ])  # fmt: skip
    summary = _("%(product)s of %(customer)s expires", product=row.product, customer=row.customer)
    return schemas.Event(row.line_id, row.ends_on, row.since, str(summary), description, url)
