"""The partner's pages about one customer's agreement: where it stands, attesting, the proof, asking the provider.

What was entered travels in the forms; nothing is stored before the last button.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import actor as actors
from webapp import again, clock, errors, pages
from webapp.access import Permission, requires
from webapp.agreements import queries as agreements
from webapp.agreements.actions import Proof
from webapp.agreements.models import Attestation
from webapp.agreements.rules import SameAttestation
from webapp.attestations import actions, queries, rules
from webapp.attestations.forms import (
    ON_FIELDS,
    AttestationForm,
    ConfirmationForm,
    RequestForm,
    typed_in,
)
from webapp.attestations.queries import Review
from webapp.attestations.rules import AttestationHasChanged, NoProviderToAsk, ProofRefused
from webapp.organizations.models import Organization
from webapp.security import CONTENT_SECURITY

blueprint = Blueprint("attestations", __name__, url_prefix="/partner/customers/<uuid:customer_id>/agreement")

#: What a form with a file takes beside the file.
_BESIDE = 1024 * 1024
#: So much of it is read behind the file.
_BEHIND = 64 * 1024
#: So much of a body that is too large is read to the end, so that the browser listens to the answer.
_DRAINED = 128 * 1024 * 1024


@blueprint.get("")
@requires(Permission.READ_CUSTOMERS, on=queries.customer_for)
def show(customer: Organization) -> ResponseReturnValue:
    actor = actors.signed_in()
    own = queries.own_for(actor)
    return pages.render(
        "attestations/show.html",
        customer=customer,
        picture=queries.picture_of(actor, customer),
        obstacle=queries.obstacle(own, customer),
        providers=agreements.providers_for(own.id, customer.id) if own.programme == "indirect_reseller" else [],
        own=own,
        direct=not agreements.confirmers_of(customer),
    )


# --- attesting ---------------------------------------------------------------------------------------------------


@blueprint.get("/attestation")
@requires(Permission.ATTEST, on=queries.customer_for)
def attestation(customer: Organization) -> ResponseReturnValue:
    own = queries.own_for(actors.signed_in())
    if own.programme == "indirect_reseller":
        return redirect(url_for("attestations.request_form", customer_id=customer.id))
    agreements.check_may_attest(own, customer)
    return _form(customer, AttestationForm.begin(clock.today(customer.zone)))


def _form(customer: Organization, form: AttestationForm) -> str:
    return pages.render(
        "attestations/attestation.html", customer=customer, form=form, today=clock.today(customer.zone)
    )  # fmt: skip


@blueprint.get("/attestation/review", endpoint="review_again")
@blueprint.get("/attestation/confirmation", endpoint="confirm_again")
@requires(Permission.ATTEST, on=queries.customer_for)
def begin_again(customer: Organization) -> ResponseReturnValue:
    """A step opened by its address has no fields to go on with: begin with the form."""
    return redirect(url_for("attestations.attestation", customer_id=customer.id))


@blueprint.post("/attestation")
@requires(Permission.ATTEST, on=queries.customer_for)
def change(customer: Organization) -> ResponseReturnValue:
    """The form once more, with what was entered."""
    agreements.check_may_attest(queries.own_for(actors.signed_in()), customer)
    return _form(customer, AttestationForm())


@blueprint.post("/attestation/review")
@requires(Permission.ATTEST, on=queries.customer_for)
def review(customer: Organization) -> ResponseReturnValue:
    form = AttestationForm()
    if not form.validate_on_submit():
        return _form(customer, form), 422
    found = _reviewed(customer, form)
    if found is None:
        return _form(customer, form), 422
    fresh = ConfirmationForm(formdata=None, **form.data)
    return _review(found, fresh.ask(found.boxes).show(found.fingerprint, found.parts))


def _reviewed(customer: Organization, form: AttestationForm) -> Review | None:
    """What a valid form would attest; None when one of its fields is refused, which the form then says."""
    assert form.agreed_on.data is not None
    own = queries.own_for(actors.signed_in())
    try:
        return queries.review_of(own, customer, form.signatory(), form.agreed_on.data)
    except ON_FIELDS as refusal:
        form.refuse(refusal)
        return None


def _review(found: Review, form: ConfirmationForm, changes: list[str] | None = None) -> str:
    return pages.render(
        "attestations/review.html",
        review=found,
        customer=found.customer,
        form=form,
        changes=queries.changes_in_words(changes) if changes else [],
        endings=",".join(ending for endings in rules.ENDINGS.values() for ending in endings),
    )


def _review_again(customer: Organization, form: ConfirmationForm, changes: list[str]) -> ResponseReturnValue:
    """The review page once more, because what it showed is not what would be attested; the boxes are empty again."""
    found = _reviewed(customer, form)
    if found is None:
        return _form(customer, form), 422
    return _review(found, form.ask(found.boxes).show(found.fingerprint, found.parts), changes), 409


@blueprint.post("/attestation/confirmation")
@requires(Permission.ATTEST, on=queries.customer_for)
def confirm(customer: Organization) -> ResponseReturnValue:
    actor = actors.signed_in()
    entered = AttestationForm()
    if not entered.validate_on_submit():
        return _form(customer, entered), 422
    saved = _saved_already(customer, entered)
    if saved is not None:
        return saved
    found = _reviewed(customer, entered)
    if found is None:
        return _form(customer, entered), 422
    form = ConfirmationForm().ask(found.boxes)
    if form.fingerprint.data != found.fingerprint:
        return _review_again(customer, form, _changes(form, found))
    valid, proof = form.validate(), _proof(form)
    if not valid or form.proof.errors:
        if proof is not None:
            form.ask_for_file_again()
        return _review(found, form), 422
    try:
        actions.attest(
            customer, by=actor, signatory=found.signatory, agreed_on=found.agreed_on,
            fingerprint=form.fingerprint.data or "", parts=form.parts_before(), proof=proof,
        )  # fmt: skip
    except SameAttestation:  # somebody was quicker: perhaps a second click
        return _saved_already(customer, entered) or _refused(customer, entered)
    except AttestationHasChanged as changed:
        return _review_again(customer, form, changed.changes)
    flash(_("Saved. %(customer)s is told within minutes.", customer=customer.name), "done")
    return redirect(url_for("attestations.show", customer_id=customer.id))


def _saved_already(customer: Organization, form: AttestationForm) -> ResponseReturnValue | None:
    """Back to the page of the agreement where exactly this was saved before: twice pressed is once attested."""
    assert form.agreed_on.data is not None
    own = queries.own_for(actors.signed_in())
    row = queries.saved_already(own, customer, form.signatory(), form.agreed_on.data)
    if row is None:
        return None
    flash(
        _(
            "This was saved already, on %(at)s. Nothing was saved a second time.",
            at=pages.moment_text(row.at),
        ),
        "note",
    )
    return redirect(url_for("attestations.show", customer_id=customer.id))


def _refused(customer: Organization, form: AttestationForm) -> ResponseReturnValue:
    _reviewed(customer, form)
    return _form(customer, form), 422


def _changes(form: ConfirmationForm, found: Review) -> list[str]:
    before, now = form.parts_before(), found.parts
    return [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)] or ["other"]


# --- the proof ---------------------------------------------------------------------------------------------------


@blueprint.url_value_preprocessor
def _take_a_file(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Only the one form that carries a file may be larger than the others; before anything of it is parsed."""
    if endpoint == "attestations.confirm":
        request.max_content_length = rules.LARGEST + _BESIDE


def _proof(form: ConfirmationForm) -> Proof | None:
    """The file that was sent, if one was; the form says why it is refused."""
    sent = request.files.get("proof")
    if sent is None:
        if "proof" not in request.form:  # carried over a sign-in, which carries no files
            form.ask_for_file_again()
        return None
    if not sent.filename:
        return None
    content = sent.stream.read(rules.LARGEST + 1)
    try:
        return actions.proof_from(sent.filename, content)
    except ProofRefused as refusal:
        form.refuse_proof(refusal)
        return None


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """The review page again with everything that was entered, without the file."""
    customer = (request.view_args or {}).get("customer")
    typed = _typed()
    if request.endpoint != "attestations.confirm" or not isinstance(customer, Organization) or not typed:
        return pages.render("errors/413.html", reference=errors.reference()), 413
    entered = AttestationForm(formdata=typed, meta={"csrf": False})
    found = _reviewed(customer, entered) if entered.validate() else None
    if found is None:
        return _form(customer, entered), 413
    form = ConfirmationForm(formdata=typed, meta={"csrf": False}).ask(found.boxes)
    if form.fingerprint.data != found.fingerprint:
        return _review_again(customer, form, _changes(form, found))
    form.proof.errors = []
    form.refuse_proof(ProofRefused(why="large", file=""))
    return _review(found, form), 413


def _typed() -> MultiDict[str, str]:
    """What was entered into a form of ours that came with too large a file: what stands before the file, and behind it.
    Nothing of a foreign page's."""
    stream, left = request.environ["wsgi.input"], min(request.content_length or 0, _DRAINED)
    beginning = end = stream.read(min(left, _BESIDE))
    left -= len(beginning)
    while left > 0 and (more := stream.read(min(left, _BESIDE))):
        left -= len(more)
        end = (end + more)[-_BEHIND:]
    boundary = request.mimetype_params.get("boundary", "").encode("ascii", "replace")
    if not boundary or not again.came_from_us():
        return MultiDict()
    found = typed_in(beginning, boundary)
    _file, mark, behind = end.partition(b"--" + boundary)
    found.update(typed_in(mark + behind, boundary))
    return found


@blueprint.get("/attestations/<uuid:attestation_id>/proof")
@requires(Permission.READ_CUSTOMERS, on=queries.with_proof_of)
def proof(row: Attestation) -> ResponseReturnValue:
    return as_download(row)


def as_download(row: Attestation) -> Response:
    """The proof as a file to keep: no browser shows it as a page of ours, whatever it holds."""
    document = queries.proof_of(row)
    response = Response(document.content, mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=row.proof_name or "proof")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY}; sandbox"
    return response


# --- asking the provider -----------------------------------------------------------------------------------------


@blueprint.get("/attestation-request")
@requires(Permission.ATTEST, on=queries.customer_for)
def request_form(customer: Organization) -> ResponseReturnValue:
    own, providers = _providers(customer)
    if own.programme != "indirect_reseller":
        return redirect(url_for("attestations.attestation", customer_id=customer.id))
    words = queries.request_words(own, customer)
    return _request_page(customer, RequestForm(formdata=None, words=words).offer(providers), providers)


def _providers(customer: Organization) -> tuple[Organization, list[Organization]]:
    """The own organization and its providers for a customer. Raises NoProviderToAsk."""
    own = queries.own_for(actors.signed_in())
    providers = agreements.providers_for(own.id, customer.id)
    if own.programme == "indirect_reseller" and not providers:
        raise NoProviderToAsk(customer=customer.name, customer_id=customer.id, provider="")
    return own, providers


def _request_page(customer: Organization, form: RequestForm, providers: list[Organization]) -> str:
    own = actors.signed_in().organization_id
    asked = {each.id: queries.requested_at(customer.id, own, each.id) for each in providers}
    return pages.render(
        "attestations/request.html", customer=customer, form=form, providers=providers, asked=asked
    )  # fmt: skip


@blueprint.post("/attestation-request")
@requires(Permission.ATTEST, on=queries.customer_for)
def ask(customer: Organization) -> ResponseReturnValue:
    own, providers = _providers(customer)
    if own.programme != "indirect_reseller":
        return redirect(url_for("attestations.attestation", customer_id=customer.id))
    form = RequestForm().offer(providers)
    if not form.validate_on_submit():
        return _request_page(customer, form, providers), 422
    provider = next(each for each in providers if str(each.id) == form.provider.data)
    if actions.request(customer, provider, by=actors.signed_in(), words=form.words.data or ""):
        flash(_("%(provider)s was asked, by email and in its inbox.", provider=provider.name), "done")
    else:
        flash(
            _("%(provider)s was asked today already. Nothing was sent a second time.", provider=provider.name), "note"
        )
    return redirect(url_for("attestations.show", customer_id=customer.id))
