"""The customer's agreement: where it stands, its versions, their texts, the receipts, and objecting to an attestation."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from webapp import actor as actors
from webapp import languages, pages, security
from webapp.access import Permission, anyone, requires
from webapp.agreements import actions, queries, rules
from webapp.agreements.forms import AttestationRequestForm, ObjectByLinkForm, ObjectForm
from webapp.agreements.models import Acceptance, AgreementText, Attestation, Objection
from webapp.evidence import queries as evidence
from webapp.evidence.rules import reference_of
from webapp.organizations import queries as organizations
from webapp.policies import queries as policies
from webapp.relationships import queries as relationships

blueprint = Blueprint("agreements", __name__)

NAVIGATION = (pages.Item("customer", "agreements.show", lambda: _("Agreement"), Permission.READ_AGREEMENT, 20),)


@blueprint.get("/agreement")
@requires(Permission.READ_AGREEMENT)
def show() -> ResponseReturnValue:
    actor = actors.signed_in()
    customer = organizations.organization_by_id(actor.organization_id)
    assert customer is not None
    acceptors = policies.value("agreement.acceptors")
    return pages.render(
        "agreements/show.html",
        customer=customer,
        acceptances=[(row, text, queries.signer_of(row)) for row, text in queries.acceptances_of(customer.id)],
        position=queries.position_of(customer, languages.language()),
        renew_before=queries.renew_before(customer.zone),
        versions=queries.versions_for(customer.country, customer.zone, languages.language()),
        may_accept=bool(actor.roles & set(acceptors)),
        acceptors=acceptors,
        people=organizations.people_with(customer.id, *acceptors),
        attestations=queries.shown_attestations(queries.attestations_of(customer.id)),
        microsofts_own=rules.MICROSOFTS_OWN,
    )


@blueprint.get("/agreement/texts/<uuid:text_id>")
@requires(Permission.USE_ACCOUNT, on=queries.text_for)
def text(published: AgreementText) -> ResponseReturnValue:
    actor = actors.signed_in()
    own = organizations.organization_by_id(actor.organization_id)
    assert own is not None
    html = queries.html_of(published)
    return pages.render(
        "agreements/text.html",
        text=published,
        html=_markup(html),
        headings=rules.headings_of(html),
        standing=queries.standing_of(published, own.zone),  # as on the list: not the reader's own zone,
        others=queries.other_languages(published),
        microsofts_own=rules.MICROSOFTS_OWN,
    )


@blueprint.get("/agreement/receipts/<uuid:acceptance_id>")
@requires(Permission.READ_RECEIPTS, on=queries.receipt_for)
def receipt(acceptance: Acceptance) -> ResponseReturnValue:
    fact = evidence.fact_by_id(acceptance.fact_id)
    accepted = queries.text_by_id(acceptance.text_id)
    assert fact is not None
    assert accepted is not None
    record = evidence.record_of(fact)
    found = None
    if acceptance.invitation_id is not None:
        found = relationships.begun_by(acceptance.invitation_id, acceptance.customer_id)
    return pages.render(
        "agreements/receipt.html",
        acceptance=acceptance,
        text=accepted,
        fact=fact,
        record=record,
        personal={name: value for name, (_salt, value) in evidence.personal_rows(record).items()},
        relationship=found,
        partner=organizations.organization_by_id(acceptance.partner_id) if acceptance.partner_id else None,
        microsofts_own=rules.MICROSOFTS_OWN,
    )


@blueprint.get("/agreement/receipts/<uuid:acceptance_id>.json")
@requires(Permission.READ_RECEIPTS, on=queries.receipt_for)
def receipt_json(acceptance: Acceptance) -> ResponseReturnValue:
    fact = evidence.fact_by_id(acceptance.fact_id)
    accepted = queries.text_by_id(acceptance.text_id)
    assert fact is not None
    assert accepted is not None
    response: Response = jsonify(evidence.receipt_of(fact, (accepted.source_sha256, accepted.html_sha256)))
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{acceptance.reference}.json"'
    return response


@blueprint.post("/agreement/attestation-request")
@requires(Permission.ANSWER_INVITATIONS)
def attestation_request() -> ResponseReturnValue:
    actor, form = actors.signed_in(), AttestationRequestForm()
    customer = organizations.organization_by_id(actor.organization_id)
    assert customer is not None
    partner = queries.confirmer_of(customer, form.partner.data or "") if form.validate_on_submit() else None
    if partner is None:
        flash(_("This partner cannot be asked to confirm. Below is what can be done."), "note")
    elif actions.ask_for_attestation(customer, partner, by=actor):
        flash(_("%(partner)s was asked to confirm your acceptance.", partner=partner.name), "done")
    else:
        flash(_("%(partner)s was asked today already. Nothing was sent a second time.", partner=partner.name), "note")
    return redirect(url_for("agreements.show"))


# --- objecting to an attestation -------------------------------------------------------------------------------


@blueprint.get("/objection/<secret>")
@anyone(because="the link from a notice; opening it changes nothing")
def objection(secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    _token, attestation, made = queries.objection_link(secret)
    if made is not None:
        return _objected(attestation, made)
    return _objection(attestation, ObjectByLinkForm(formdata=None))


@blueprint.post("/objection/<secret>")
@anyone(because="whoever reads the mailbox of the customer's contact may object without an account")
def object_by_link(secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    _token, attestation = queries.open_objection(secret)
    form = ObjectByLinkForm()
    if form.validate_on_submit():
        made = actions.object_to(
            secret, form.address.data or "", comment=form.comment.data or "", network_address=request.remote_addr or ""
        )
        if made is not None:
            return redirect(url_for("agreements.objection", secret=secret))
        form.address.errors = [_("The message was not sent to this address.")]
    return _objection(attestation, form), 422


@blueprint.get("/agreement/attestations/<uuid:attestation_id>/objection")
@requires(Permission.ANSWER_INVITATIONS, on=queries.attestation_for)
def objection_signed_in(attestation: Attestation) -> ResponseReturnValue:
    made = queries.objection_to(attestation.id)
    if made is not None:
        return _objected(attestation, made)
    return _objection(attestation, ObjectForm(formdata=None))


@blueprint.post("/agreement/attestations/<uuid:attestation_id>/objection")
@requires(Permission.ANSWER_INVITATIONS, on=queries.attestation_for)
def object_signed_in(attestation: Attestation) -> ResponseReturnValue:
    form = ObjectForm()
    if not form.validate_on_submit():
        return _objection(attestation, form), 422
    actions.object_signed_in(attestation, by=actors.signed_in(), comment=form.comment.data or "")
    return redirect(url_for("agreements.objection_signed_in", attestation_id=attestation.id))


def _objection(attestation: Attestation, form: ObjectForm) -> str:
    """What is objected to; no more than whoever holds the link may know: no names of people."""
    return pages.render(
        "agreements/objection.html", form=form, attestation=attestation, replaced=queries.is_replaced(attestation),
        **_about(attestation),
    )  # fmt: skip


def _objected(attestation: Attestation, made: Objection) -> str:
    fact = evidence.fact_by_id(made.fact_id)
    assert fact is not None
    return pages.render(
        "agreements/objected.html", attestation=attestation, objection=made, reference=reference_of(fact.hash),
        **_about(attestation),
    )  # fmt: skip


def _about(attestation: Attestation) -> dict[str, Any]:
    return {
        "customer": organizations.organization_by_id(attestation.customer_id),
        "partner": organizations.organization_by_id(attestation.partner_id),
        "text": queries.text_by_id(attestation.text_id),
    }


# --- published texts by a link of the API ------------------------------------------------------------------------


@blueprint.get("/agreement-documents/<secret>")
@anyone(because="a link of the API, good for five minutes; what it leads to is published, and names nobody")
def document(secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    published, use = queries.document_by(secret)
    if use == queries.DOWNLOAD:
        name = rules.document_name(published.type, published.version, published.country, published.language)
        response = Response(queries.source_of(published), content_type="text/markdown; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
    html = queries.html_of(published)
    return pages.render(
        "agreements/document.html",
        text=published,
        html=_markup(html),
        headings=rules.headings_of(html),
    )


def _markup(html: str) -> Markup:
    return Markup(html)  # noqa: S704 - rendered by us from the operator's Markdown, without raw HTML
