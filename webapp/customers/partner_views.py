"""The partner's customers: the list, and one customer's page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from babel.dates import format_timedelta
from flask import Blueprint, Response, redirect, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires
from webapp.actor import Actor
from webapp.agreements import queries as agreements
from webapp.customers import queries, rules
from webapp.customers.forms import CustomersFilterForm
from webapp.customers.models import Overview
from webapp.customers.queries import Beside, Listed, Wanted
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization

blueprint = Blueprint("customers", __name__, url_prefix="/partner")

NAVIGATION = (pages.Item("partner", "customers.index", lambda: _("Customers"), Permission.READ_CUSTOMERS, 20),)


@blueprint.get("/customers")
@requires(Permission.READ_CUSTOMERS)
def index() -> ResponseReturnValue:
    actor = actors.signed_in()
    form = _filter(actor)
    valid = form.validate()
    wanted = _wanted(form)
    after, before = _place("after", wanted), _place("before", wanted)
    found = queries.customers_for(actor, wanted, after=after, before=before)
    template = pages.render(
        "customers/index.html",
        form=form,
        page=_page(found, wanted),
        lines=[_line(row, found) for row in found.rows],
        columns=_columns(wanted),
        filtered=wanted.is_filtered,
        any_at_all=bool(found.rows) or queries.has_any(actor),
        file=_with_filter("customers.export"),
    )
    return template, 200 if valid else 422


def _filter(actor: Actor) -> CustomersFilterForm:
    form = CustomersFilterForm(request.args)
    others = {*organizations.resellers_of(actor.organization_id), *organizations.providers_of(actor.organization_id)}
    form.offer((each.id, each.name) for each in sorted(others, key=lambda each: each.name_key))
    return form


def _with_filter(endpoint: str) -> str:
    """Another address with the filter and order of this one, from its beginning."""
    return url_for(endpoint) + pages.with_arguments(after=None, before=None).removeprefix(request.path)


def _wanted(form: CustomersFilterForm) -> Wanted:
    """What is asked for; a field with an error filters nothing."""

    def chosen(name: str) -> str:
        field = form[name]
        return "" if field.errors else field.data or ""

    return Wanted(
        search=chosen("search"),
        agreement=chosen("agreement"),
        relationship=chosen("relationship"),
        sort=form.sort.data if form.sort.data in rules.SORTS else "name",
        delegated=chosen("delegated"),
        programme=chosen("programme"),
        other_id=UUID(chosen("other")) if chosen("other") else None,
    )


def _place(name: str, wanted: Wanted) -> tuple[str, UUID] | None:
    """A place in the list from the address; one of another order, or none of ours, is the list's beginning."""
    word = request.args.get(name, "")
    if not wanted.sort.startswith("name"):
        place = pages.read_place(word, wanted.sort)
        return (place[0].isoformat(), place[1]) if place is not None else None
    values = pages.read_cursor(word, 3)
    try:
        return (values[1], UUID(values[2])) if values is not None and values[0] == wanted.sort else None
    except ValueError:
        return None


def _page(found: Listed, wanted: Wanted) -> pages.Page:
    def turn(name: str, row: Any) -> str:
        value = row.name_key if wanted.sort.startswith("name") else row.since.isoformat()
        word = pages.cursor(wanted.sort, value, str(row.customer_id))
        return pages.with_arguments(**{"after": None, "before": None, name: word})

    return pages.Page(
        rows=found.rows,
        next_url=turn("after", found.rows[-1]) if found.more_after else "",
        previous_url=turn("before", found.rows[0]) if found.more_before else "",
        count_text=count_words(found.count),
    )


def count_words(count: int) -> str:
    """How many customers there are, counted no further than a thousand."""
    if count > queries.MOST:
        return str(_("1,000+ customers"))
    return str(ngettext("%(num)s customer", "%(num)s customers", count))


def _columns(wanted: Wanted) -> list[dict[str, Any]]:
    def sorted_by(label: str, up: str, down: str, first: str) -> dict[str, Any]:
        other = down if wanted.sort == up else up if wanted.sort == down else first
        column: dict[str, Any] = {"label": label, "url": pages.with_arguments(sort=other, after=None, before=None)}
        if wanted.sort in (up, down):
            column["sort"] = "ascending" if wanted.sort == up else "descending"
        return column

    return [
        sorted_by(_("Customer"), "name", "name_down", "name"),
        {"label": _("Agreement")},
        {"label": _("Through Microsoft")},
        {"label": _("Attestation")},
        {"label": _("Relationship")},
        {"label": _("Delegated")},
        {"label": _("Invitation")},
        sorted_by(_("Customer since"), "oldest", "newest", "newest"),
    ]


def _line(row: Any, found: Listed) -> dict[str, Any]:
    """One row of the list as it is shown now."""
    now = clock.now()
    step = rules.present_step(row.invitation_step, row.invitation_closes_at, now)
    mail = found.mails.get(row.invitation_id, "")
    agreement = found.beside.agreement(row, now)
    return {
        "row": row,
        "agreement": agreement,
        "agreement_words": agreement_words(agreement),
        "agreement_tone": agreement_tone(agreement),
        "attested_by": found.beside.names.get(row.attested_by or row.objected_partner_id, ""),
        "other": found.beside.names.get(row.other_partner_id, ""),
        "delegated": rules.listed_delegated(row.delegated_state, row.delegated_ends_at, now),
        "zone": found.beside.zones.get(row.customer_id),
        "step": step,
        "step_words": step_words(step, mail, found.invited_at.get(row.invitation_id)) if row.invitation_id else "",
        "step_tone": step_tone(step, mail),
    }


def agreement_words(state: str) -> str:
    """The state of the agreement as it is shown."""
    words = {
        "none": lambda: _("Not asked"),
        "invited": lambda: _("Invited"),
        "opened": lambda: _("Invitation opened"),
        "needs_attestation": lambda: _("Needs attestation"),
        "accepted": lambda: _("Accepted"),
        "attested": lambda: _("Attested"),
        "must_renew": lambda: _("Must be renewed"),
        "objected": lambda: _("Objected"),
    }
    return str(words[state]()) if state in words else ""


def agreement_tone(state: str) -> str:
    """How a state of the agreement is marked: whatever somebody must act on draws attention."""
    tones = {"accepted": "good", "attested": "good", "invited": "waiting", "opened": "waiting"}
    return tones.get(state, "attention" if state in {"must_renew", "needs_attestation", "objected"} else "neutral")


def step_words(step: str, mail: str, made_at: datetime | None) -> str:
    """The last step of an invitation in words, with how long ago it was made."""
    when = ago(made_at)
    if step in {"made", "sent"} and mail:
        step = f"mail {mail}"
    words = {
        "made": lambda: _("Prepared %(when)s, not sent yet", when=when),
        "sent": lambda: _("Invited %(when)s", when=when),
        "mail waiting": lambda: _("Invited %(when)s, being sent", when=when),
        "mail delivered": lambda: _("Invited %(when)s, delivered", when=when),
        "mail undeliverable": lambda: _("Invited %(when)s, could not be delivered", when=when),
        "said_sent": lambda: _("Invited %(when)s, sent by you", when=when),
        "opened": lambda: _("Invited %(when)s, opened", when=when),
        "declined": lambda: _("Invited %(when)s, declined", when=when),
        "accepted": lambda: _("Invited %(when)s, accepted", when=when),
        "withdrawn": lambda: _("Invited %(when)s, withdrawn", when=when),
        "superseded": lambda: _("Invited %(when)s, replaced by a newer one", when=when),
        "expired": lambda: _("Invited %(when)s, expired", when=when),
    }
    return str(words[step]()) if step in words else ""


def step_tone(step: str, mail: str) -> str:
    """How a step is marked."""
    if step in {"made", "sent"} and mail == "undeliverable":
        return "attention"
    tones = {"accepted": "good", "declined": "attention", "made": "neutral"}
    return tones.get(step, "ended" if step in rules.ENDED else "waiting")


def ago(moment: datetime | None) -> str:
    """How long ago a moment was, in the reader's language ("3 days ago")."""
    if moment is None:
        return ""
    return str(format_timedelta(moment - clock.now(), granularity="minute", add_direction=True, locale=get_locale()))


# --- the file ----------------------------------------------------------------------------------------------------


@blueprint.get("/customers.csv")
@requires(Permission.READ_CUSTOMERS)
def export() -> ResponseReturnValue:
    """All that the list shows under its filter, as a file; sent while it is read, so that it never stands in memory."""
    actor = actors.signed_in()
    form = _filter(actor)
    if not form.validate():
        return redirect(_with_filter("customers.index"))
    response = Response(stream_with_context(_file(actor, _wanted(form))), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="customers-{clock.today(actor.zone)}.csv"'
    return response


def _file(actor: Actor, wanted: Wanted) -> Iterator[str]:
    """UTF-8 with the mark that spreadsheets know it by, and rows as RFC 4180 has them."""
    columns = _file_columns()
    yield "\ufeff" + _rows([[label for label, _of in columns]])
    now = clock.now()
    for rows, beside in queries.exported_for(actor, wanted):
        lines = [Exported(row, beside, now) for row in rows]
        yield _rows([[value(line) for _label, value in columns] for line in lines])


def _rows(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([rules.cell(value) for value in row] for row in rows)
    return text.getvalue()


class Exported:
    """A row of the file: what its columns are read from. Days are the customer's."""

    def __init__(self, row: Any, beside: Beside, now: datetime) -> None:
        self.row, self.now = row, now
        self.zone = beside.zones.get(row.customer_id, "UTC")
        self.state = beside.agreement(row, now)
        self.sees = bool(self.state)
        self.attested_by = beside.names.get(row.attested_by or row.objected_partner_id, "")
        self.other = beside.names.get(row.other_partner_id, "")
        self.delegated = rules.listed_delegated(row.delegated_state, row.delegated_ends_at, now)
        self.until = rules.shown_until(self.delegated, row.delegated_ends_at) if self.delegated != "none" else None
        self.step = rules.present_step(row.invitation_step, row.invitation_closes_at, now)

    def day(self, of: date | datetime | None) -> str:
        """A day as ISO 8601 has it."""
        if isinstance(of, datetime):
            of = clock.day_of(of, self.zone)
        return of.isoformat() if of is not None else ""

    def agreed(self, value: str) -> str:
        """What only those see who see more than history."""
        return value if self.sees else ""


def _file_columns() -> list[tuple[str, Callable[[Exported], str]]]:
    """The file's columns in the reader's language: label, and what it holds of a row."""
    return [
        (_("Customer"), lambda e: e.row.name),
        (_("Domain"), lambda e: e.row.domain),
        (_("Country or region"), lambda e: e.row.country),
        (_("Customer since"), lambda e: e.day(e.row.since)),
        (_("Agreement"), lambda e: agreement_words(e.state)),
        (_("Customer acceptance through Microsoft"), lambda e: e.agreed(provided_words(e.row.agreement_at))),
        (_("Accepted on"), lambda e: e.agreed(e.day(e.row.agreement_at))),
        (_("Accepted version"), lambda e: e.agreed(e.row.agreement_version or "")),
        (_("Attested"), lambda e: e.agreed(yes_or_no(e.row.attested_at or e.row.objected_at))),
        (_("Attested by"), lambda e: e.agreed(e.attested_by)),
        (_("Day agreed on, as attested"), lambda e: e.agreed(e.day(e.row.attested_on))),
        (_("Attested version"), lambda e: e.agreed(e.row.attested_version or "")),
        (_("Attestation recorded on"), lambda e: e.agreed(e.day(e.row.attested_at))),
        (_("Customer objected on"), lambda e: e.agreed(e.day(e.row.objected_at))),
        (_("Relationship"), lambda e: relationship_words(e.row.relationship_state)),
        (_("Relationship since"), lambda e: e.day(e.row.relationship_at)),
        (_("Relationship ended on"), lambda e: e.day(e.row.relationship_ended_at)),
        (_("Programme"), lambda e: place_words(e.row.sold_as or "")),
        (_("Provider or reseller"), lambda e: e.other),
        (_("Delegated administration"), lambda e: delegated_words(e.delegated)),
        (_("Delegated until"), lambda e: e.day(e.until)),
        (_("Invitation"), lambda e: last_step_words(e.step)),
        (_("Last step of the invitation"), lambda e: e.day(e.row.invitation_at)),
        (_("Customer ID"), lambda e: str(e.row.customer_id)),
    ]


def provided_words(at: object | None) -> str:
    """Whether a customer accepted directly."""
    return str(_("Provided") if at is not None else _("Not provided"))


def yes_or_no(fact: object | None) -> str:
    """A plain answer."""
    return str(_("Yes") if fact is not None else _("No"))


def relationship_words(state: str) -> str:
    """The state of a relationship as it is shown."""
    return str({"current": _("Active"), "ended": _("Ended")}.get(state, _("None")))


def place_words(place: str) -> str:
    """A partner's place in a relationship as it is shown."""
    words = {"direct": _("Direct bill"), "provider": _("Indirect provider"), "reseller": _("Indirect reseller")}
    return str(words.get(place, ""))


def delegated_words(state: str) -> str:
    """The state of delegated administration as it is shown."""
    return str({"active": _("Active"), "offered": _("Offered"), "ended": _("Ended")}.get(state, _("None")))


def last_step_words(step: str) -> str:
    """How far an invitation came, in a word or two."""
    words = {
        "made": _("Prepared"), "sent": _("Sent"), "said_sent": _("Sent"), "opened": _("Opened"),
        "declined": _("Declined"), "accepted": _("Accepted"), "withdrawn": _("Withdrawn"),
        "superseded": _("Replaced"), "expired": _("Expired"),
    }  # fmt: skip
    return str(words.get(step, ""))


# --- one customer ------------------------------------------------------------------------------------------------


@blueprint.get("/customers/<uuid:customer_id>")
@requires(Permission.READ_CUSTOMERS, on=queries.customer_for)
def show(overview: Overview) -> ResponseReturnValue:
    full = rules.may_see_profile(queries.sight_of(overview))
    customer = organizations.organization_by_id(overview.customer_id)
    assert customer is not None
    actor = actors.signed_in()
    return pages.render(
        "customers/show.html",
        overview=overview,
        customer=customer,
        full=full,
        domains=organizations.domains_of(customer.id) if full else [],
        contact=queries.contact_of(customer.id) if full else None,
        agreement=_agreement(overview, customer) if full else None,
        place=place_words(overview.sold_as or ""),
        relationships=queries.relationships_with(actor, customer.id),
        delegations=queries.delegations_at(actor, customer.id),
        rights=queries.rights_by_role(actor, customer.id),
        invitations=[
            {
                "row": each,
                "words": step_words(each.step, each.mail, each.made_at),
                "tone": step_tone(each.step, each.mail),
            }
            for each in queries.invitations_to(actor, customer.id)
        ],
    )


def _agreement(overview: Overview, customer: Organization) -> dict[str, Any]:
    """How the agreement stands at a customer: its state, who accepted, and the newest attestation."""
    standing = agreements.standing_of_customer(customer)
    state = rules.present_agreement(
        overview, clock.now(), renewals=queries.renewals(overview.partner_id), today=clock.today(customer.zone)
    )  # fmt: skip
    attested = next(iter(standing.attestations), None)
    attester = organizations.organization_by_id(attested.row.partner_id) if attested is not None else None
    accepted = next(iter(standing.acceptances), None)
    return {
        "state": state,
        "words": agreement_words(state),
        "tone": agreement_tone(state),
        "signed": agreements.shown_to_partner(accepted[0]) if accepted is not None else None,
        "attested": attested,
        "attested_by": attester.name if attester is not None else "",
    }
