"""A customer's subscriptions: what it has, until when, what follows, and who its partner of record is."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires
from webapp.forms import NoField
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.subscriptions import actions, queries, rules
from webapp.subscriptions.forms import RecordForm, ShownForm
from webapp.subscriptions.models import SubscriptionStanding
from webapp.subscriptions.words import count_words

blueprint = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")
NAVIGATION = (
    pages.Item("customer", "subscriptions.index", lambda: _("Subscriptions"), Permission.READ_SUBSCRIPTIONS, 34),
)


@blueprint.get("")
@requires(Permission.READ_SUBSCRIPTIONS, on=queries.holder_for)
def index(own: Organization) -> ResponseReturnValue:
    after, before = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    found = queries.listed(own, after=after, before=before)
    page = pages.turned(
        found, lambda row: (row.created_at, row.line_id), count_words(found.count, queries.MOST)
    )  # fmt: skip
    return pages.render("subscriptions/index.html", page=page, paged=bool(after or before), own=own)


@blueprint.get("/<uuid:line_id>")
@requires(Permission.READ_SUBSCRIPTIONS, on=queries.customers_line)
def show(standing: SubscriptionStanding) -> ResponseReturnValue:
    of = queries.details_of(standing)
    return pages.render(
        "subscriptions/show.html",
        of=of,
        zone=pages.zone_text(clock.now().astimezone(ZoneInfo(of.customer.zone))),
        may_renew=rules.may_renew(of.stage),
        may_use_key=rules.may_renew(of.stage) and standing.left_for_id is None,
    )


@blueprint.post("/<uuid:line_id>/renewal-stop")
@requires(Permission.RENEW, on=queries.customers_line)
def renewal_stop(standing: SubscriptionStanding) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.stop_renewal_of(standing, by=actors.signed_in()):
            flash(_("It will not renew itself any more. It runs until its last day."), "done")
        else:
            flash(_("It does not renew itself. Nothing was changed."), "note")
    return redirect(url_for("subscriptions.show", line_id=standing.line_id))


# --- partner of record -------------------------------------------------------------------------------------------


@blueprint.get("/<uuid:line_id>/partner-of-record")
@requires(Permission.NAME_PARTNER_OF_RECORD, on=queries.customers_line)
def partner_of_record(standing: SubscriptionStanding) -> ResponseReturnValue:
    """Who it is, the offer it can be asked for, and naming another. What was typed before comes back with "Change"."""
    return _naming(standing, RecordForm(formdata=None, number=request.args.get("number", "")))


def _naming(standing: SubscriptionStanding, form: RecordForm) -> str:
    return pages.render("subscriptions/partner_of_record/show.html", of=queries.details_of(standing), form=form)


@blueprint.post("/<uuid:line_id>/partner-of-record/check")
@requires(Permission.NAME_PARTNER_OF_RECORD, on=queries.customers_line)
def check(standing: SubscriptionStanding) -> ResponseReturnValue:
    """Whom the number means, before anything is changed."""
    form = RecordForm()
    partner = _meant(standing, form)
    if partner is None:
        return _naming(standing, form), 422
    form.shown.data = rules.record_word(standing.record_partner_id)
    return pages.render(
        "subscriptions/partner_of_record/check.html",
        of=queries.details_of(standing),
        form=form,
        partner=partner,
        domain=organizations.verified_domain_of(partner.id),
    )


def _meant(standing: SubscriptionStanding, form: RecordForm) -> Organization | None:
    """The partner that the form means; None when a field says why not."""
    if not form.validate_on_submit():
        return None
    try:
        partner = queries.partner_with_number(form.number.data or "")
    except rules.UnknownPartnerNumber:
        form.refuse_unknown()
        return None
    if partner.id == standing.record_partner_id and not form.shown.data:
        form.refuse_same(partner.name)
        return None
    return partner


@blueprint.post("/<uuid:line_id>/partner-of-record")
@requires(Permission.NAME_PARTNER_OF_RECORD, on=queries.customers_line)
def name(standing: SubscriptionStanding) -> ResponseReturnValue:
    form = RecordForm()
    partner = _meant(standing, form)
    if partner is None:
        return _naming(standing, form), 422
    if actions.name_partner_of_record(standing, partner, by=actors.signed_in(), shown=form.shown.data or ""):
        flash(
            _("%(partner)s is partner of record now. It is told by mail and in its inbox.", partner=partner.name),
            "done",
        )
    else:
        flash(_("%(partner)s is partner of record already. Nothing was changed.", partner=partner.name), "note")
    return _to_record(standing.line_id)


@blueprint.get("/<uuid:line_id>/partner-of-record/removal")
@requires(Permission.NAME_PARTNER_OF_RECORD, on=queries.customers_line)
def removal(standing: SubscriptionStanding) -> ResponseReturnValue:
    form = ShownForm(formdata=None, shown=rules.record_word(standing.record_partner_id))
    return pages.render("subscriptions/partner_of_record/removal.html", of=queries.details_of(standing), form=form)


@blueprint.post("/<uuid:line_id>/partner-of-record/removal")
@requires(Permission.NAME_PARTNER_OF_RECORD, on=queries.customers_line)
def remove(standing: SubscriptionStanding) -> ResponseReturnValue:
    form = ShownForm()
    if form.validate_on_submit():
        if actions.name_partner_of_record(standing, None, by=actors.signed_in(), shown=form.shown.data or ""):
            flash(_("The subscription has no partner of record any more. The former one is told."), "done")
        else:
            flash(_("There is no partner of record. Nothing was changed."), "note")
    return _to_record(standing.line_id)


@blueprint.post("/<uuid:line_id>/partner-of-record/offer-request")
@requires(Permission.NAME_PARTNER_OF_RECORD, on=queries.customers_line)
def offer_request(standing: SubscriptionStanding) -> ResponseReturnValue:
    """Ask the partner of record for an offer of delegated administration."""
    if NoField().validate_on_submit():
        if actions.ask_for_offer(standing, by=actors.signed_in()):
            flash(
                _("You asked for an offer. The partner is told by mail, and your request waits in its inbox."), "done"
            )
        else:
            flash(_("The partner was asked today already. Nothing was sent twice."), "note")
    return _to_record(standing.line_id)


def _to_record(line_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("subscriptions.partner_of_record", line_id=line_id))
