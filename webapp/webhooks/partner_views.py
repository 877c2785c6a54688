"""A partner's webhook: where what is sent, what came of it, and what was given up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, pages, security
from webapp.access import Permission, anyone, requires
from webapp.organizations.models import Organization
from webapp.webhooks import actions, queries, rules
from webapp.webhooks.forms import RegistrationForm
from webapp.webhooks.models import WebhookDelivery, WebhookRegistration
from webapp.webhooks.words import count_words, error_words, event_words, state_words

blueprint = Blueprint("webhooks", __name__)
P = Permission


@blueprint.get("/partner/webhooks")
@requires(P.LEAD_WEBHOOKS, on=queries.own_for)
def index(own: Organization) -> ResponseReturnValue:
    actor = actors.signed_in()
    after, before = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    dead = request.args.get("only") == "dead"
    found = queries.deliveries_for(actor, dead=dead, after=after, before=before)
    page = pages.turned(found, lambda row: (row.created_at, row.id), count_words(len(found.rows)))
    return pages.render(
        "webhooks/index.html", registration=queries.registration_of(own.id), page=page, dead=dead,
        paged=bool(after or before), dead_count=queries.how_many_dead(own.id), **_words(),
    )  # fmt: skip


def _words() -> dict[str, Any]:
    return {"event_words": event_words, "error_words": error_words, "state_words": state_words}


@blueprint.get("/partner/webhooks/registration")
@requires(P.LEAD_WEBHOOKS, on=queries.own_for)
def registration(own: Organization) -> ResponseReturnValue:
    found = queries.registration_of(own.id)
    form = RegistrationForm(
        formdata=None, url=found.url if found is not None else "", events=found.events if found is not None else []
    )
    form.offer()
    return pages.render("webhooks/registration.html", form=form, registration=found)


@blueprint.post("/partner/webhooks/registration")
@requires(P.LEAD_WEBHOOKS, on=queries.own_for)
def save(own: Organization) -> ResponseReturnValue:
    found, form = queries.registration_of(own.id), RegistrationForm()
    form.offer()
    if not form.validate_on_submit():
        return pages.render("webhooks/registration.html", form=form, registration=found), 422
    url, events = form.url.data or "", _kept(found, form.events.data or [])
    try:
        if found is None:
            made, secret = actions.register_webhook(by=actors.signed_in(), url=url, events=events)
            return _secret(made, secret)
        actions.change(found, by=actors.signed_in(), url=url, events=events)
    except rules.TargetForbidden as refusal:
        form.refuse(refusal)
        return pages.render("webhooks/registration.html", form=form, registration=found), 422
    flash(_("Saved. What waits goes to the new address as well."), "done")
    return redirect(url_for("webhooks.index"))


def _kept(found: WebhookRegistration | None, chosen: list[str]) -> list[str]:
    """What was chosen, and what a program registered that the page does not offer."""
    return [*chosen, *(each for each in (found.events if found is not None else []) if each in rules.NEVER)]


def _secret(row: WebhookRegistration, secret: str) -> str:
    """The page that shows a new secret, this once."""
    security.one_time_secret()
    return pages.render("webhooks/secret.html", registration=row, secret=secret)


@blueprint.post("/partner/webhooks/secret")
@requires(P.LEAD_WEBHOOKS, on=queries.registration_for)
def secret(row: WebhookRegistration) -> ResponseReturnValue:
    """Rotate; the new secret is on the answer and nowhere else."""
    return _secret(*actions.rotate(row, by=actors.signed_in()))


@blueprint.post("/partner/webhooks/test-events")
@requires(P.LEAD_WEBHOOKS, on=queries.registration_for)
def test_event(row: WebhookRegistration) -> ResponseReturnValue:
    delivery = actions.send_test(row, by=actors.signed_in())
    flash(_("A test event is being sent. Load this page again to see what came of it."), "done")
    return redirect(url_for("webhooks.show", delivery_id=delivery.id))


@blueprint.post("/partner/webhooks/closure")
@requires(P.LEAD_WEBHOOKS, on=queries.registration_for)
def closure(row: WebhookRegistration) -> ResponseReturnValue:
    actions.end(row, by=actors.signed_in())
    flash(_("The registration has ended. Nothing is sent any more."), "done")
    return redirect(url_for("webhooks.index"))


@blueprint.get("/partner/webhooks/deliveries/<uuid:delivery_id>")
@requires(P.LEAD_WEBHOOKS, on=queries.delivery_for)
def show(delivery: WebhookDelivery) -> ResponseReturnValue:
    found = queries.registration_of(delivery.organization_id)
    return pages.render(
        "webhooks/show.html", delivery=delivery, attempts=queries.attempts_of(delivery.id),
        state=rules.state_of(delivery.delivered_at, delivery.dead_at, delivery.closed_at), most=rules.LAST_ATTEMPT,
        may_replay=found is not None and found.id == delivery.registration_id, now=clock.now(), **_words(),
    )  # fmt: skip


@blueprint.post("/partner/webhooks/deliveries/<uuid:delivery_id>/replay")
@requires(P.LEAD_WEBHOOKS, on=queries.delivery_for)
def replay(delivery: WebhookDelivery) -> ResponseReturnValue:
    actions.replay(delivery, queries.registration_of(delivery.organization_id))
    flash(_("It is sent once more."), "done")
    return redirect(url_for("webhooks.show", delivery_id=delivery.id))


@blueprint.get("/webhooks/v1/certificates/<uuid:key_id>")
@anyone(because="receivers check signatures with it; it is a public key")
def certificate(key_id: UUID) -> ResponseReturnValue:
    """The certificate that a delivery names, as PEM."""
    found = queries.certificate_of(key_id)
    if found is None:
        abort(404)
    return Response(found, mimetype="application/x-pem-file")
