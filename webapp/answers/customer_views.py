"""The customer's steps: review, check, accept or decline; what was done; and admitting people.

Steps travel in the form's fields; nothing is stored before Accept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from webapp import actor as actors
from webapp import again, pages
from webapp.access import Permission, requires
from webapp.accounts import actions as accounts
from webapp.actor import full_name
from webapp.agreements import queries as agreements
from webapp.agreements import rules as agreement_rules
from webapp.agreements.models import Acceptance
from webapp.answers import actions, queries, rules
from webapp.answers.actions import Signature
from webapp.answers.forms import AcceptanceForm, AdmissionForm, DeclineForm, HandOverForm
from webapp.answers.models import AdmissionRequest
from webapp.answers.queries import Asked, Offer
from webapp.forms import NoField
from webapp.invitations.models import InvitationAct
from webapp.relationships import queries as relationships

blueprint = Blueprint("acceptance", __name__)


# --- the steps, the same for an invitation and for the agreement alone -----------------------------------------


@dataclass(frozen=True)
class Step:
    """Where the forms of one journey go."""

    review: str
    check: str
    change: str
    accept: str
    decline: str = ""


def _steps(asked: Asked | None) -> Step:
    if asked is None:
        return Step(
            url_for("acceptance.agreement_review"), url_for("acceptance.agreement_check"),
            url_for("acceptance.agreement_change"), url_for("acceptance.agreement_accept"),
        )  # fmt: skip
    return Step(
        *(url_for(f"acceptance.{name}", ref=asked.ref) for name in ("review", "check", "change", "accept", "decline"))
    )


def _offer(asked: Asked | None) -> Offer:
    """What the reader would accept now; raises whatever stands in the way."""
    actor = actors.signed_in()
    if asked is not None:
        queries.check_partners(asked)
        queries.check_open(asked, actor)
    queries.check_may_accept(actor, asked)
    offer = queries.offer_to(actor.organization_id, asked)
    agreement_rules.check_mailbox(actor.confirmed)
    return offer


def _fresh_form(offer: Offer) -> AcceptanceForm:
    return AcceptanceForm(formdata=None).ask(offer.boxes).shown(offer.fingerprint, offer.parts)


def _review(offer: Offer, form: AcceptanceForm, changes: Sequence[str] = ()) -> str:
    html = agreements.html_of(offer.text) if offer.text is not None else ""
    return pages.render(
        "answers/review.html",
        offer=offer,
        asked=offer.asked,
        form=form,
        steps_to=_steps(offer.asked),
        html=Markup(html),  # noqa: S704 - rendered by us from the operator's Markdown, without raw HTML
        headings=agreement_rules.headings_of(html),
        differs=queries.changes_in_words(changes) if changes else [],
        changes=agreements.changes_between(offer.compared, offer.text) if offer.compared and offer.text else None,
        renew_before=agreements.renew_before(offer.customer.zone),
        microsofts_own=agreement_rules.MICROSOFTS_OWN,
    )


def _review_again(offer: Offer, form: AcceptanceForm) -> ResponseReturnValue:
    """The review page once more, because what was shown is not what would be signed; boxes are empty again."""
    before, now = form.parts_before(), offer.parts
    changes = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)] or ["other"]
    fresh = _fresh_form(offer)
    fresh.title.data, fresh.department.data = form.title.data, form.department.data
    return _review(offer, fresh, changes), 409


def _check(asked: Asked | None) -> ResponseReturnValue:
    offer = _offer(asked)
    form = AcceptanceForm().ask(offer.boxes)
    if form.fingerprint.data != offer.fingerprint:
        return _review_again(offer, form)
    if not form.validate_on_submit():
        return _review(offer, form), 422
    return pages.render("answers/check.html", offer=offer, asked=asked, form=form, steps_to=_steps(asked))


def _change(asked: Asked | None) -> ResponseReturnValue:
    offer = _offer(asked)
    form = AcceptanceForm().ask(offer.boxes)
    if form.fingerprint.data != offer.fingerprint:
        return _review_again(offer, form)
    return _review(offer, form)


def _accept(asked: Asked | None) -> actions.Accepted | ResponseReturnValue:
    """The act, or the page that says why nothing was accepted."""
    offer = _offer(asked)
    form = AcceptanceForm().ask(offer.boxes)
    if form.fingerprint.data != offer.fingerprint:
        return _review_again(offer, form)
    if not form.validate_on_submit():
        return _review(offer, form), 422
    signature = Signature(
        form.title.data, form.department.data, request.remote_addr or "", request.user_agent.string
    )  # fmt: skip
    by, shown, parts = actors.signed_in(), form.fingerprint.data or "", form.parts_before()
    try:
        if asked is None:
            return actions.accept_agreement(by=by, fingerprint=shown, parts=parts, signature=signature)
        return actions.accept_invitation(asked, by=by, fingerprint=shown, parts=parts, signature=signature)
    except rules.ShownHasChanged:
        return _review_again(queries.offer_to(by.organization_id, asked), form)


# --- by an invitation ------------------------------------------------------------------------------------------


@blueprint.post("/invitation/<ref>/opening")
@requires(Permission.ANSWER_INVITATIONS, on=queries.asked_of)
def open_invitation(asked: Asked) -> ResponseReturnValue:
    actions.open_invitation(asked, actors.signed_in())
    return redirect(url_for("acceptance.review", ref=asked.ref))


@blueprint.post("/invitation/<ref>/offer/opening")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.offered_to)
def open_offer(asked: Asked) -> ResponseReturnValue:
    actions.open_offer(asked, actors.signed_in())
    return redirect(url_for("delegated_admin.show", relationship_id=asked.invitation.offer_id))


@blueprint.get("/invitation/<ref>/hand-over")
@requires(Permission.HAND_OVER, on=queries.asked_of)
def forward(asked: Asked) -> ResponseReturnValue:
    actor = actors.signed_in()
    queries.check_open(asked, actor)
    return _forward(asked, HandOverForm(formdata=None))


def _forward(asked: Asked, form: HandOverForm) -> str:
    people = queries.receivers_for(actors.signed_in())
    return pages.render("answers/hand_over.html", asked=asked, form=form.offer(people), people=people)


@blueprint.post("/invitation/<ref>/hand-over")
@requires(Permission.HAND_OVER, on=queries.asked_of)
def hand_over(asked: Asked) -> ResponseReturnValue:
    people = queries.receivers_for(actors.signed_in())
    form = HandOverForm().offer(people)
    if not form.validate_on_submit():
        return _forward(asked, form), 422
    to = next(each for each in people if str(each.id) == form.receiver.data)
    name = full_name(to.given_name, to.family_name)
    if actions.hand_over(asked, by=actors.signed_in(), to=to):
        flash(_("Sent on to %(name)s.", name=name), "done")
    else:
        flash(_("It was sent on to %(name)s today already. Nothing was sent a second time.", name=name), "note")
    return redirect(url_for("home.show"))


@blueprint.get("/invitation/<ref>/acceptance")
@requires(Permission.READ_AGREEMENT, on=queries.asked_of)
def review(asked: Asked) -> ResponseReturnValue:
    offer = _offer(asked)
    return _review(offer, _fresh_form(offer))


@blueprint.get("/invitation/<ref>/acceptance/check", endpoint="check_again")
@blueprint.get("/invitation/<ref>/acceptance/change", endpoint="change_again")
@requires(Permission.READ_AGREEMENT, on=queries.asked_of)
def begin_again(asked: Asked) -> ResponseReturnValue:
    """A step opened by its address has no fields to go on with: begin at the review."""
    return redirect(url_for("acceptance.review", ref=asked.ref))


@blueprint.post("/invitation/<ref>/acceptance/check")
@requires(Permission.ANSWER_INVITATIONS, on=queries.asked_of)
def check(asked: Asked) -> ResponseReturnValue:
    return _check(asked)


@blueprint.post("/invitation/<ref>/acceptance/change")
@requires(Permission.ANSWER_INVITATIONS, on=queries.asked_of)
def change(asked: Asked) -> ResponseReturnValue:
    return _change(asked)


@blueprint.post("/invitation/<ref>/acceptance")
@requires(Permission.ANSWER_INVITATIONS, on=queries.asked_of)
def accept(asked: Asked) -> ResponseReturnValue:
    made = _accept(asked)
    if not isinstance(made, actions.Accepted):
        return made
    return redirect(url_for("acceptance.confirmation", ref=asked.ref))


@blueprint.get("/invitation/<ref>/confirmation")
@requires(Permission.READ_RECEIPTS, on=queries.answered_of)
def confirmation(answered: tuple[Asked, InvitationAct]) -> ResponseReturnValue:
    asked, act = answered
    acceptance = agreements.acceptance_by_id(act.acceptance_id) if act.acceptance_id else None
    relationship = relationships.relationship_by_id(act.relationship_id) if act.relationship_id else None
    reference = relationships.reference_of(relationship) if relationship is not None else None
    return _confirmation(acceptance, asked, reference, act)


def _confirmation(
    acceptance: Acceptance | None, asked: Asked | None, reference: str | None, act: InvitationAct | None
) -> str:
    actor = actors.signed_in()
    return pages.render(
        "answers/confirmation.html",
        acceptance=acceptance,
        text=agreements.text_by_id(acceptance.text_id) if acceptance is not None else None,
        asked=asked,
        act=act,
        reference=acceptance.reference if acceptance is not None else reference,
        administrators=queries.administrators_of(actor.organization_id),
        offer=asked.offer if asked is not None and queries.is_shown(asked, actor) else None,
    )


@blueprint.get("/invitation/<ref>/decline")
@requires(Permission.ANSWER_INVITATIONS, on=queries.asked_of)
def decline(asked: Asked) -> ResponseReturnValue:
    queries.check_open(asked, actors.signed_in())
    return pages.render("answers/decline.html", asked=asked, form=DeclineForm())


@blueprint.post("/invitation/<ref>/decline")
@requires(Permission.ANSWER_INVITATIONS, on=queries.asked_of)
def decline_invitation(asked: Asked) -> ResponseReturnValue:
    form = DeclineForm()
    if not form.validate_on_submit():
        return pages.render("answers/decline.html", asked=asked, form=form), 422
    actions.decline_invitation(
        asked, by=actors.signed_in(), reason=form.reason.data, comment=form.comment.data
    )  # fmt: skip
    flash(_("You declined. %(partner)s is told by mail.", partner=asked.partner.name), "done")
    return redirect(url_for("answers.invitation", ref=asked.ref))


# --- the agreement alone -----------------------------------------------------------------------------------------


@blueprint.get("/agreement/acceptance")
@requires(Permission.READ_AGREEMENT)
def agreement_review() -> ResponseReturnValue:
    offer = _offer(None)
    return _review(offer, _fresh_form(offer))


@blueprint.get("/agreement/acceptance/check", endpoint="agreement_check_again")
@blueprint.get("/agreement/acceptance/change", endpoint="agreement_change_again")
@requires(Permission.READ_AGREEMENT)
def agreement_begin_again() -> ResponseReturnValue:
    """A step opened by its address has no fields to go on with: begin at the review."""
    return redirect(url_for("acceptance.agreement_review"))


@blueprint.post("/agreement/acceptance/check")
@requires(Permission.ANSWER_INVITATIONS)
def agreement_check() -> ResponseReturnValue:
    return _check(None)


@blueprint.post("/agreement/acceptance/change")
@requires(Permission.ANSWER_INVITATIONS)
def agreement_change() -> ResponseReturnValue:
    return _change(None)


@blueprint.post("/agreement/acceptance")
@requires(Permission.ANSWER_INVITATIONS)
def agreement_accept() -> ResponseReturnValue:
    made = _accept(None)
    if not isinstance(made, actions.Accepted):
        return made
    assert made.acceptance is not None
    return redirect(url_for("acceptance.agreement_confirmation", acceptance_id=made.acceptance.id))


@blueprint.get("/agreement/acceptance/<uuid:acceptance_id>")
@requires(Permission.READ_RECEIPTS, on=agreements.receipt_for)
def agreement_confirmation(acceptance: Acceptance) -> ResponseReturnValue:
    return _confirmation(acceptance, None, None, None)


# --- the mailbox, and admitting people ---------------------------------------------------------------------------


@blueprint.post("/mailbox-link")
@requires(Permission.USE_ACCOUNT)
def mailbox_link() -> ResponseReturnValue:
    actor = actors.signed_in()
    accounts.request_link(
        actor.address, network_address=request.remote_addr or "", continue_to=again.local(request.form.get("next"))
    )
    return pages.render("answers/look_into_mailbox.html", masked=actor.address, ref="")


@blueprint.get("/admissions/<uuid:request_id>")
@requires(Permission.ADMIT_PEOPLE, on=queries.admission_for)
def admission(asked: AdmissionRequest) -> ResponseReturnValue:
    return pages.render("answers/admission.html", asked=asked, form=AdmissionForm(formdata=None))


@blueprint.post("/admissions/<uuid:request_id>/admission")
@requires(Permission.ADMIT_PEOPLE, on=queries.admission_for)
def admit(asked: AdmissionRequest) -> ResponseReturnValue:
    form = AdmissionForm()
    if not form.validate_on_submit():
        return pages.render("answers/admission.html", asked=asked, form=form), 422
    actions.answer_admission(asked, by=actors.signed_in(), admit=True, role=form.role.data)
    flash(_("Admitted. A link to sign in is on its way."), "done")
    return redirect(url_for("acceptance.admission", request_id=asked.id))


@blueprint.post("/admissions/<uuid:request_id>/refusal")
@requires(Permission.ADMIT_PEOPLE, on=queries.admission_for)
def refuse(asked: AdmissionRequest) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        actions.answer_admission(asked, by=actors.signed_in(), admit=False)
        flash(_("Refused. Whoever asked is told by mail."), "done")
    return redirect(url_for("acceptance.admission", request_id=asked.id))
