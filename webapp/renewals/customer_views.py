"""Renewing a subscription: the ways and what follows from each, automatic renewal, and direct billing. What buys for the
customer is for those who buy: nobody who acts for it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import pages
from webapp.access import Permission, requires
from webapp.forms import NoField
from webapp.organizations import queries as organizations
from webapp.renewals import actions, queries
from webapp.renewals.forms import DirectForm
from webapp.renewals.queries import Direct
from webapp.renewals.rules import LossNotAccepted, OfferMoved, SeatsOutOfRange, SeatsTaken
from webapp.renewals.words import contract_words, left_words, told_words
from webapp.subscriptions import actions as subscription_actions
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Subscription, SubscriptionStanding

blueprint = Blueprint("renewing", __name__, url_prefix="/subscriptions/<uuid:line_id>/renewal")


@blueprint.get("")
@requires(Permission.RENEW, on=subscriptions.customers_line)
def show(standing: SubscriptionStanding) -> ResponseReturnValue:
    """The ways to renew it today."""
    ways = queries.ways_of(standing)
    customer = organizations.organization_by_id(standing.customer_id)
    assert customer is not None
    return pages.render(
        "renewals/renewing.html", ways=ways, standing=standing, contract_words=contract_words, told_words=told_words,
        left=left_words(standing.ends_on, (standing.ends_on - ways.today).days),
        may_start=subscriptions.may_start_renewal(_newest(standing), customer),
    )  # fmt: skip


def _newest(standing: SubscriptionStanding) -> Subscription:
    found = subscriptions.subscription_by_id(standing.subscription_id)
    assert found is not None
    return found


# --- automatic renewal -------------------------------------------------------------------------------------------


@blueprint.post("/automatic-renewal")
@requires(Permission.BUY, on=subscriptions.customers_line)
def automatic(standing: SubscriptionStanding) -> ResponseReturnValue:
    """Switch automatic renewal on, which buys further terms; it is stopped on the subscription's own page."""
    if NoField().validate_on_submit():
        if subscription_actions.start_renewal(_newest(standing), by=actors.signed_in()):
            flash(_("It renews itself at the end of each term, until somebody stops that."), "done")
        else:
            flash(_("Nothing was changed: it renews itself already, or nobody sells it any more."), "note")
    return redirect(url_for("renewing.show", line_id=standing.line_id))


# --- direct billing ----------------------------------------------------------------------------------------------


@blueprint.get("/direct-billing")
@requires(Permission.BUY, on=subscriptions.customers_line)
def direct_billing(standing: SubscriptionStanding) -> ResponseReturnValue:
    """Check what would begin. Nobody fills it in for nothing: what refuses it refuses it here."""
    direct = _offered(standing)
    return _check(standing, DirectForm(formdata=None, shown=direct.shown, seats=str(direct.seats)), direct)


def _offered(standing: SubscriptionStanding) -> Direct:
    customer = organizations.organization_by_id(standing.customer_id)
    assert customer is not None
    return actions.check_direct(standing, customer)


def _check(standing: SubscriptionStanding, form: DirectForm, direct: Direct, *, moved: bool = False) -> str:
    form.loss.label.text = ngettext(
        "I want it now, though %(num)s paid day is lost",
        "I want it now, though %(num)s paid days are lost",
        direct.lost,
    )
    return pages.render(
        "renewals/direct_billing.html", form=form, standing=standing, direct=direct, moved=moved,
        contract_words=contract_words,
    )  # fmt: skip


@blueprint.post("/direct-billing")
@requires(Permission.BUY, on=subscriptions.customers_line)
def switch(standing: SubscriptionStanding) -> ResponseReturnValue:
    form, direct = DirectForm(), _offered(standing)
    if not form.validate_on_submit():
        return _check(standing, form, direct), 422
    try:
        row = actions.switch_to_direct(
            standing, by=actors.signed_in(), seats=int(form.seats.data or 0), shown=form.shown.data or "",
            loss_accepted=bool(form.loss.data),
        )  # fmt: skip
    except OfferMoved:
        form.shown.data, form.loss.data = direct.shown, False
        return _check(standing, form, direct, moved=True), 409
    except (SeatsOutOfRange, SeatsTaken, LossNotAccepted) as refusal:
        form.refuse(refusal)
        return _check(standing, form, direct), 422
    flash(_("The new subscription has begun. Your people go on working in it."), "done")
    return redirect(f"/subscriptions/{row.line_id}")
