"""A partner's side of a relationship: what there is, the customer's request to end it, and ending it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import pages
from webapp.access import Permission, requires
from webapp.relationships import actions, queries
from webapp.relationships.forms import AgreeForm, EndForm, RefuseForm
from webapp.relationships.models import EndingRequest, Relationship

blueprint = Blueprint("relationships_at_partner", __name__, url_prefix="/partner/customers/relationships")


@blueprint.get("/<uuid:relationship_id>")
@requires(Permission.READ_CUSTOMERS, on=queries.partners_own)
def show(relationship: Relationship) -> ResponseReturnValue:
    return _show(relationship, RefuseForm(formdata=None))


def _show(relationship: Relationship, form: RefuseForm) -> str:
    facts = _facts(relationship)
    if not form.request.data and facts["state"].request is not None:
        form.request.data = str(facts["state"].request.id)
    return pages.render("relationships/partner/show.html", form=form, **facts)


def _facts(relationship: Relationship) -> dict[str, Any]:
    """What every page about a relationship says."""
    customer, partner, reseller = queries.parties_of(relationship)
    other = partner if actors.signed_in().organization_id != partner.id else reseller
    return {
        "relationship": relationship, "customer": customer, "other": other, "is_provider": other is reseller,
        "state": queries.ending_of(relationship.id),
    }  # fmt: skip


@blueprint.post("/<uuid:relationship_id>/agreement")
@requires(Permission.END_RELATIONSHIPS, on=queries.partners_own)
def agreement(relationship: Relationship) -> ResponseReturnValue:
    form = AgreeForm()
    if form.validate_on_submit():
        if actions.answer_ending(_shown(relationship, form), by=actors.signed_in(), agree=True):
            flash(_("You agreed. The relationship has ended, and both sides are told by mail."), "done")
        else:
            flash(_("It was answered already. Nothing was changed."), "note")
    return _back(relationship)


def _shown(relationship: Relationship, form: AgreeForm) -> EndingRequest:
    """The request that the page showed: a later one, for another reason, is not answered in its place."""
    for request, _answer in queries.requests_of(relationship.id):
        if str(request.id) == form.request.data:
            return request
    return abort(404)


@blueprint.post("/<uuid:relationship_id>/refusal")
@requires(Permission.END_RELATIONSHIPS, on=queries.partners_own)
def refusal(relationship: Relationship) -> ResponseReturnValue:
    form = RefuseForm()
    if not form.validate_on_submit():
        return _show(relationship, form), 422
    request = _shown(relationship, form)
    if actions.answer_ending(request, by=actors.signed_in(), agree=False, reason=form.reason.data or ""):
        flash(_("You did not agree. The customer is told by mail, with your reason."), "done")
    else:
        flash(_("It was answered already. Nothing was changed."), "note")
    return _back(relationship)


@blueprint.get("/<uuid:relationship_id>/end")
@requires(Permission.END_RELATIONSHIPS, on=queries.partners_own)
def end(relationship: Relationship) -> ResponseReturnValue:
    return _end(relationship, EndForm(formdata=None))


def _end(relationship: Relationship, form: EndForm) -> str:
    return pages.render("relationships/partner/end.html", form=form, **_facts(relationship))


@blueprint.post("/<uuid:relationship_id>/end")
@requires(Permission.END_RELATIONSHIPS, on=queries.partners_own)
def end_relationship(relationship: Relationship) -> ResponseReturnValue:
    form = EndForm()
    if not form.validate_on_submit():
        return _end(relationship, form), 422
    if actions.end(relationship, by=actors.signed_in(), reason=form.reason.data or ""):
        flash(_("You ended the relationship. Both sides are told by mail."), "done")
    else:
        flash(_("It has ended already. Nothing was changed."), "note")
    return _back(relationship)


def _back(relationship: Relationship) -> ResponseReturnValue:
    return redirect(url_for("relationships_at_partner.show", relationship_id=relationship.id))
