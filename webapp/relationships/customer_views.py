"""The receipt of a relationship, asking to end one, and saying that a partner is not known."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, flash, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms.fields import SelectChoice

from webapp import actor as actors
from webapp import pages
from webapp.access import Permission, requires
from webapp.evidence import queries as evidence
from webapp.evidence.rules import reference_of
from webapp.forms import NoField
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions, queries
from webapp.relationships.forms import AskForm, DistrustForm
from webapp.relationships.models import Relationship

blueprint = Blueprint("relationships", __name__)


@blueprint.get("/relationship/receipts/<uuid:relationship_id>")
@requires(Permission.READ_RECEIPTS, on=queries.receipt_for)
def receipt(relationship: Relationship) -> ResponseReturnValue:
    fact = queries.fact_of(relationship)
    record = evidence.record_of(fact)
    return pages.render(
        "relationships/receipt.html",
        relationship=relationship,
        fact=fact,
        reference=reference_of(fact.hash),
        record=record,
        personal={name: value for name, (_salt, value) in evidence.personal_rows(record).items()},
        partner=organizations.organization_by_id(relationship.partner_id),
        reseller=organizations.organization_by_id(relationship.reseller_id) if relationship.reseller_id else None,
    )


@blueprint.get("/relationship/receipts/<uuid:relationship_id>.json")
@requires(Permission.READ_RECEIPTS, on=queries.receipt_for)
def receipt_json(relationship: Relationship) -> ResponseReturnValue:
    fact = queries.fact_of(relationship)
    response: Response = jsonify(evidence.receipt_of(fact))
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{reference_of(fact.hash)}.json"'
    return response


# --- asking to end ---------------------------------------------------------------------------------------------


@blueprint.get("/settings/partner-relationships/<uuid:relationship_id>/ending")
@requires(Permission.ASK_TO_END, on=queries.customers_own)
def ending(relationship: Relationship) -> ResponseReturnValue:
    return _ending(relationship, AskForm(formdata=None))


def _ending(relationship: Relationship, form: AskForm) -> str:
    _customer, partner, reseller = queries.parties_of(relationship)
    return pages.render(
        "relationships/ending.html", form=form, relationship=relationship, partner=partner, reseller=reseller,
        state=queries.ending_of(relationship.id),
    )  # fmt: skip


@blueprint.post("/settings/partner-relationships/<uuid:relationship_id>/ending")
@requires(Permission.ASK_TO_END, on=queries.customers_own)
def ask(relationship: Relationship) -> ResponseReturnValue:
    form = AskForm()
    if not form.validate_on_submit():
        return _ending(relationship, form), 422
    if actions.ask_to_end(relationship, by=actors.signed_in(), reason=form.reason.data or ""):
        flash(_("You asked to end the relationship. The partner is told by mail."), "done")
    else:
        flash(_("Your organization has asked already. Nothing was changed."), "note")
    return redirect(url_for("relationships.ending", relationship_id=relationship.id))


@blueprint.post("/settings/partner-relationships/<uuid:relationship_id>/ending/withdrawal")
@requires(Permission.ASK_TO_END, on=queries.customers_own)
def withdrawal(relationship: Relationship) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        newest = next(iter(queries.requests_of(relationship.id)), None)
        if newest is not None and actions.withdraw_ending_request(newest[0], by=actors.signed_in()):
            flash(_("You took the request back. The relationship goes on."), "done")
        else:
            flash(_("No request waits for an answer. Nothing was changed."), "note")
    return redirect(url_for("relationships.ending", relationship_id=relationship.id))


# --- a partner that is not known -------------------------------------------------------------------------------


@blueprint.get("/settings/partner-relationships/<uuid:relationship_id>/distrust")
@requires(Permission.DISTRUST_PARTNERS, on=queries.customers_own)
def distrust(relationship: Relationship) -> ResponseReturnValue:
    partners = _partners_of(relationship)
    if len(partners) == 1:
        return redirect(url_for("relationships.distrust_partner", partner_id=partners[0].id))
    return _distrust(partners, _choosing(DistrustForm(formdata=None), partners))


@blueprint.post("/settings/partner-relationships/<uuid:relationship_id>/distrust")
@requires(Permission.DISTRUST_PARTNERS, on=queries.customers_own)
def distrust_one_of(relationship: Relationship) -> ResponseReturnValue:
    partners = _partners_of(relationship)
    form = _choosing(DistrustForm(), partners)
    if not form.validate_on_submit():
        return _distrust(partners, form), 422
    chosen = form.partner.data if form.partner is not None else str(partners[0].id)
    return _say_unknown(next(each for each in partners if str(each.id) == chosen), form)


@blueprint.get("/settings/partner-relationships/partners/<uuid:partner_id>/distrust")
@requires(Permission.READ_PARTNER_RELATIONSHIPS, on=queries.partner_here)
def distrust_partner(partner: Organization) -> ResponseReturnValue:
    return _distrust([partner], _choosing(DistrustForm(formdata=None), [partner]))


@blueprint.post("/settings/partner-relationships/partners/<uuid:partner_id>/distrust")
@requires(Permission.DISTRUST_PARTNERS, on=queries.partner_here)
def say_unknown(partner: Organization) -> ResponseReturnValue:
    form = _choosing(DistrustForm(), [partner])
    if not form.validate_on_submit():
        return _distrust([partner], form), 422
    return _say_unknown(partner, form)


@blueprint.post("/settings/partner-relationships/partners/<uuid:partner_id>/trust")
@requires(Permission.DISTRUST_PARTNERS, on=queries.partner_here)
def trust(partner: Organization) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        actor = actors.signed_in()
        if actions.lift_unknown(_own(actor.organization_id), partner, by=actor):
            flash(
                _("You took it back. %(partner)s can get rights again if you agree to them.", partner=partner.name),
                "done",
            )
    return redirect(url_for("relationships.distrust_partner", partner_id=partner.id))


def _partners_of(relationship: Relationship) -> list[Organization]:
    """Whom a relationship is with: the one that the customer deals with first."""
    _customer, partner, reseller = queries.parties_of(relationship)
    return [reseller, partner] if reseller is not None else [partner]


def _own(organization_id: UUID) -> Organization:
    found = organizations.organization_by_id(organization_id)
    assert found is not None
    return found


def _choosing(form: DistrustForm, partners: list[Organization]) -> DistrustForm:
    """Ask whom only where there are two."""
    if len(partners) == 1:
        del form.partner
    else:
        form.partner.choices = [SelectChoice(str(each.id), each.name) for each in partners]
    return form


def _distrust(partners: list[Organization], form: DistrustForm) -> str:
    actor = actors.signed_in()
    partner = partners[0]
    said = queries.distrust_of(actor.organization_id, partner.id) if len(partners) == 1 else None
    return pages.render(
        "relationships/distrust.html", form=form, partners=partners, partner=partner,
        said=said if said is not None and said.kind == "said" else None,
        who=queries.name_of(said.person_id) if said is not None else "",
        related=queries.open_with_partner(actor.organization_id, partner.id) if said is not None else [],
    )  # fmt: skip


def _say_unknown(partner: Organization, form: DistrustForm) -> ResponseReturnValue:
    actor = actors.signed_in()
    customer = _own(actor.organization_id)
    if actions.say_unknown(customer, partner, by=actor, comment=form.comment.data or ""):
        flash(
            _("You said that you do not know %(partner)s. The operator is told by mail.", partner=partner.name), "done"
        )
    else:
        flash(_("Your organization says so already. Nothing was changed."), "note")
    return redirect(url_for("relationships.distrust_partner", partner_id=partner.id))
