"""A subscription as the partner sees it that sells it or is its partner of record."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires
from webapp.forms import NoField
from webapp.subscriptions import actions, queries
from webapp.subscriptions.models import SubscriptionStanding
from webapp.tasks import queries as tasks

blueprint = Blueprint("subscriptions_at_partner", __name__, url_prefix="/partner/subscriptions")


@blueprint.get("/<uuid:line_id>")
@requires(Permission.READ_SUBSCRIPTIONS, on=queries.sellers_line)
def show(standing: SubscriptionStanding) -> ResponseReturnValue:
    own, of = actors.signed_in().organization_id, queries.details_of(standing)
    wanted = tasks.waits(own, "offer_wanted", str(standing.customer_id))
    return pages.render(
        "subscriptions/at_partner.html",
        of=of,
        zone=pages.zone_text(clock.now().astimezone(ZoneInfo(of.customer.zone))),
        sells=own in {standing.partner_id, standing.reseller_id},
        wanted_at=queries.offer_wanted_at(standing.customer_id, own) if wanted else None,
        may_offer=queries.may_offer_to(standing, own),
    )


@blueprint.post("/<uuid:line_id>/renewal-stop")
@requires(Permission.PLACE_ORDERS, on=queries.sold_line)
def renewal_stop(standing: SubscriptionStanding) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.stop_renewal_of(standing, by=actors.signed_in()):
            flash(_("It will not renew itself any more. It runs until its last day."), "done")
        else:
            flash(_("It does not renew itself. Nothing was changed."), "note")
    return redirect(url_for("subscriptions_at_partner.show", line_id=standing.line_id))
