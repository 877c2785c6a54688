"""Adding a customer, page by page; the page that shows its temporary password once; correcting the contact's address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, pages, security
from webapp.access import Permission, requires
from webapp.agreements import queries as agreements
from webapp.agreements.rules import AgreedInFuture, NoTextOnDay
from webapp.attestations.forms import ON_FIELDS, AttestationForm
from webapp.onboarding import actions, queries, rules
from webapp.onboarding.forms import (
    AgreementForm,
    CompanyForm,
    ContactForm,
    CorrectContactForm,
    CreateForm,
    DomainForm,
    PlaceForm,
    address_words,
    domain_words,
)
from webapp.onboarding.models import CustomerDraft
from webapp.onboarding.queries import Added
from webapp.policies import queries as policies

blueprint = Blueprint("onboarding", __name__, url_prefix="/partner/customers")


# --- the list ----------------------------------------------------------------------------------------------------


@blueprint.get("/new")
@requires(Permission.ADD_CUSTOMERS)
def new() -> ResponseReturnValue:
    actor = actors.signed_in()
    own = queries.own_for(actor)
    if own.programme == "indirect_reseller" and not queries.others_of(own):
        return pages.render("onboarding/no_provider.html")
    return pages.render("onboarding/new.html", drafts=queries.drafts_for(actor), days=rules.RESTS.days)


@blueprint.post("/new")
@requires(Permission.ADD_CUSTOMERS)
def begin() -> ResponseReturnValue:
    row = actions.begin(by=actors.signed_in())
    return redirect(url_for("onboarding.company", draft_id=row.id))


@blueprint.post("/new/<uuid:draft_id>/deletion")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def delete(draft: CustomerDraft) -> ResponseReturnValue:
    actions.delete(draft)
    flash(_("The draft is deleted."), "done")
    return redirect(url_for("onboarding.new"))


# --- the pages ---------------------------------------------------------------------------------------------------


def _page(draft: CustomerDraft, step: str, form: Any, **more: Any) -> str:
    """One page of a draft."""
    return pages.render(
        f"onboarding/{step}.html", draft=draft, form=form, step=rules.STEPS.index(step) + 1, values=draft.values,
        before=rules.STEPS[rules.STEPS.index(step) - 1] if step != rules.STEPS[0] else "", **more,
    )  # fmt: skip


def _finished(draft: CustomerDraft) -> ResponseReturnValue | None:
    """Where a finished draft leads: nothing of it is typed again."""
    return redirect(url_for("onboarding.done", draft_id=draft.id)) if draft.customer_id is not None else None


def _go_on(draft: CustomerDraft, values: Mapping[str, Any]) -> ResponseReturnValue:
    """Keep what a page gave and go on: to likely duplicates first, then to the first page with something missing."""
    own = queries.own_for(actors.signed_in())
    together = {**draft.values, **values}
    missing = rules.step_missing(together, may_attest=queries.attestation_obstacle(own) is None)
    on = missing or "review"
    row = actions.keep(draft, values, step=on)
    if queries.unseen_duplicates(actors.signed_in(), row):
        return redirect(url_for("onboarding.duplicates", draft_id=row.id))
    return redirect(url_for(f"onboarding.{on}", draft_id=row.id))


def _company_form(draft: CustomerDraft, **given: Any) -> CompanyForm:
    own = queries.own_for(actors.signed_in())
    return CompanyForm(**given).offer(policies.value("countries.served"), own, queries.others_of(own))


@blueprint.get("/new/<uuid:draft_id>/company")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def company(draft: CustomerDraft) -> ResponseReturnValue:
    own = queries.own_for(actors.signed_in())
    known = {"country": own.country, "language": own.language} | draft.values
    return _finished(draft) or _page(draft, "company", _company_form(draft, formdata=None, **_of(CompanyForm, known)))


@blueprint.post("/new/<uuid:draft_id>/company")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def keep_company(draft: CustomerDraft) -> ResponseReturnValue:
    form = _company_form(draft)
    if not form.validate_on_submit():
        return _page(draft, "company", form), 422
    values = _typed(form)
    if values["country"] != draft.values.get("country"):  # what was typed by another country's rules
        values |= dict.fromkeys(("address_line", "city", "region", "postal_code", "registration_number"), "")
    return _go_on(draft, values)


@blueprint.get("/new/<uuid:draft_id>/address")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def address(draft: CustomerDraft) -> ResponseReturnValue:
    if not draft.values.get("country"):
        return _finished(draft) or redirect(url_for("onboarding.company", draft_id=draft.id))
    form = PlaceForm(formdata=None, **_of(PlaceForm, draft.values)).within(draft.values["country"])
    return _finished(draft) or _page(draft, "address", form)


@blueprint.post("/new/<uuid:draft_id>/address")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def keep_address(draft: CustomerDraft) -> ResponseReturnValue:
    if not draft.values.get("country"):
        return _finished(draft) or redirect(url_for("onboarding.company", draft_id=draft.id))
    form = PlaceForm().within(draft.values["country"])
    if not form.validate_on_submit():
        return _page(draft, "address", form), 422
    return _go_on(draft, _typed(form))


@blueprint.get("/new/<uuid:draft_id>/domain")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def domain(draft: CustomerDraft) -> ResponseReturnValue:
    form = DomainForm(formdata=None, **_of(DomainForm, draft.values))
    return _finished(draft) or _page(draft, "domain", form, available="")


@blueprint.post("/new/<uuid:draft_id>/domain")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def keep_domain(draft: CustomerDraft) -> ResponseReturnValue:
    actor, form = actors.signed_in(), DomainForm()
    if not form.validate_on_submit():
        return _page(draft, "domain", form, available=""), 422
    known = queries.duplicates_for(actor, {"domain": form.domain.data})
    fault = queries.domain_fault(queries.own_for(actor), form.domain.data)
    if fault is not None:
        form.domain.errors = [domain_words(fault)]
        return _page(draft, "domain", form, available="", known=known), 422
    if request.form.get("act") == "check":
        return _page(draft, "domain", form, available=form.domain.data)
    return _go_on(draft, _typed(form))


@blueprint.get("/new/<uuid:draft_id>/contact")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def contact(draft: CustomerDraft) -> ResponseReturnValue:
    form = ContactForm(formdata=None, **_of(ContactForm, draft.values))
    return _finished(draft) or _page(draft, "contact", form)


@blueprint.post("/new/<uuid:draft_id>/contact")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def keep_contact(draft: CustomerDraft) -> ResponseReturnValue:
    actor, form = actors.signed_in(), ContactForm()
    valid = form.validate_on_submit()
    fault = queries.address_fault(queries.own_for(actor), form.address.data) if valid else None
    if fault is not None:
        form.address.errors = [address_words(fault, actor.organization_name)]
        known = queries.duplicates_for(actor, {"address": form.address.data})
        return _page(draft, "contact", form, known=known), 422
    if not valid:
        return _page(draft, "contact", form), 422
    return _go_on(draft, _typed(form))


# --- likely duplicates -------------------------------------------------------------------------------------------


@blueprint.get("/new/<uuid:draft_id>/duplicates")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def duplicates(draft: CustomerDraft) -> ResponseReturnValue:
    found = queries.unseen_duplicates(actors.signed_in(), draft)
    if not found:
        return _finished(draft) or redirect(url_for(f"onboarding.{draft.step}", draft_id=draft.id))
    return pages.render("onboarding/duplicates.html", draft=draft, found=found)


@blueprint.post("/new/<uuid:draft_id>/duplicates")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def dismiss(draft: CustomerDraft) -> ResponseReturnValue:
    shown = set(request.form.getlist("shown"))
    found = queries.unseen_duplicates(actors.signed_in(), draft)
    row = actions.dismiss(draft, [mark for each in found if (mark := rules.mark_of(each)) in shown])
    return redirect(
        url_for("onboarding.duplicates" if len(found) > len(shown) else f"onboarding.{row.step}", draft_id=row.id)
    )


# --- the agreement -----------------------------------------------------------------------------------------------


def _agreement_page(draft: CustomerDraft, form: AgreementForm) -> str:
    own, values = queries.own_for(actors.signed_in()), draft.values
    zone = _zone(values)
    title = queries.title_for(values["country"], zone)
    form.attested.label.text = _(
        "I attest that %(customer)s accepted the %(title)s.", customer=values["name"], title=title
    )
    obstacle = queries.attestation_obstacle(own)
    return _page(
        draft, "agreement", form, obstacle=obstacle, today=clock.today(zone), title=title,
        provider=queries.parties_of(own, values.get("other", ""))[0],
    )  # fmt: skip


def _zone(values: Mapping[str, Any]) -> str:
    return rules.zone_of(values["country"], values.get("region", ""))


@blueprint.get("/new/<uuid:draft_id>/agreement")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def agreement(draft: CustomerDraft) -> ResponseReturnValue:
    if not draft.values.get("country"):
        return _finished(draft) or redirect(url_for("onboarding.company", draft_id=draft.id))
    form = AgreementForm(
        formdata=None, agreement=draft.values.get("agreement"), agreed_on=rules.agreed_on(draft.values)
    )  # fmt: skip
    return _finished(draft) or _agreement_page(draft, form)


@blueprint.post("/new/<uuid:draft_id>/agreement")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def keep_agreement(draft: CustomerDraft) -> ResponseReturnValue:
    if not draft.values.get("country"):
        return _finished(draft) or redirect(url_for("onboarding.company", draft_id=draft.id))
    form = AgreementForm()
    obstacle = queries.attestation_obstacle(queries.own_for(actors.signed_in()))
    if obstacle is not None and form.agreement.data == "attest":
        raise obstacle
    if not form.validate_on_submit():
        return _agreement_page(draft, form), 422
    if form.agreement.data == "ask":
        return _go_on(draft, {"agreement": "ask", "agreed_on": "", "signatory": None})
    assert form.agreed_on.data is not None
    try:
        queries.check_day(draft.values["country"], _zone(draft.values), form.agreed_on.data)
    except (AgreedInFuture, NoTextOnDay) as refusal:
        AttestationForm.refuse(form, refusal)
        return _agreement_page(draft, form), 422
    return _go_on(draft, {"agreement": "attest", "agreed_on": form.agreed_on.data.isoformat()})


@blueprint.get("/new/<uuid:draft_id>/signatory")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def signatory(draft: CustomerDraft) -> ResponseReturnValue:
    day = rules.agreed_on(draft.values)
    if day is None or draft.values.get("agreement") != "attest":
        return _finished(draft) or redirect(url_for("onboarding.review", draft_id=draft.id))
    form = AttestationForm.begin(day, queries.signatory_of(draft.values).as_personal())
    return _signatory_page(draft, form)


@blueprint.post("/new/<uuid:draft_id>/signatory")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def name_signatory(draft: CustomerDraft) -> ResponseReturnValue:
    if rules.agreed_on(draft.values) is None or draft.values.get("agreement") != "attest":
        return _finished(draft) or redirect(url_for("onboarding.review", draft_id=draft.id))
    form = AttestationForm()
    if not form.validate_on_submit():
        return _signatory_page(draft, form), 422
    assert form.agreed_on.data is not None
    try:
        queries.check_day(draft.values["country"], _zone(draft.values), form.agreed_on.data)
        agreements.check_signatory(queries.own_for(actors.signed_in()), form.email.data or "")
    except ON_FIELDS as refusal:
        form.refuse(refusal)
        return _signatory_page(draft, form), 422
    named = form.signatory().as_personal()
    actions.keep(draft, {"signatory": named, "agreed_on": form.agreed_on.data.isoformat()}, step="review")
    return redirect(url_for("onboarding.review", draft_id=draft.id))


def _signatory_page(draft: CustomerDraft, form: AttestationForm) -> str:
    today = clock.today(_zone(draft.values))
    return pages.render("onboarding/signatory.html", draft=draft, form=form, values=draft.values, today=today)


# --- review, creation, and what is shown once --------------------------------------------------------------------


@blueprint.get("/new/<uuid:draft_id>/review")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def review(draft: CustomerDraft) -> ResponseReturnValue:
    if draft.customer_id is not None:
        return redirect(url_for("onboarding.done", draft_id=draft.id))
    actor = actors.signed_in()
    try:
        found = queries.review_of(draft, queries.own_for(actor))
    except rules.DraftIncomplete as refusal:
        return redirect(url_for(f"onboarding.{refusal.step}", draft_id=draft.id))
    if queries.unseen_duplicates(actor, draft):
        return redirect(url_for("onboarding.duplicates", draft_id=draft.id))
    form = CreateForm(formdata=None, fingerprint=found.fingerprint)
    return _page(
        draft,
        "review",
        form,
        review=found,
        days=policies.value("link.temporary_password_days"),
        zone_words=_zone_words(found.zone),
    )


def _zone_words(zone: str) -> str:
    """A zone by its name, with how far it is from UTC now."""
    local = clock.now().astimezone(ZoneInfo(zone))
    distance = f"{local:%z}"
    return str(_("%(zone)s (UTC%(distance)s)", zone=pages.zone_text(local), distance=f"{distance[:3]}:{distance[3:]}"))


@blueprint.post("/new/<uuid:draft_id>/creation")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def create(draft: CustomerDraft) -> ResponseReturnValue:
    if draft.customer_id is not None:
        return redirect(url_for("onboarding.done", draft_id=draft.id))
    if draft.values and queries.unseen_duplicates(actors.signed_in(), draft):
        return redirect(url_for("onboarding.duplicates", draft_id=draft.id))
    made = actions.create(draft, by=actors.signed_in(), fingerprint=CreateForm().fingerprint.data or "")
    return _done_page(Added(made.customer, made.contact, True), made.password)


@blueprint.get("/new/<uuid:draft_id>/done")
@requires(Permission.ADD_CUSTOMERS, on=queries.draft_for)
def done(draft: CustomerDraft) -> ResponseReturnValue:
    if draft.customer_id is None:
        return redirect(url_for("onboarding.review", draft_id=draft.id))
    added = queries.added_for(actors.signed_in(), draft.customer_id)
    if added is None:  # its administrator is another by now, or the relationship ended
        return redirect(url_for("customers.show", customer_id=draft.customer_id))
    return _done_page(added, "")


def _done_page(added: Added, password: str) -> str:
    """What there is to know of a customer that was added; the password, if one was just made, this once."""
    if password:
        security.one_time_secret()
    return pages.render(
        "onboarding/done.html", customer=added.customer, contact=added.contact, open=added.open, password=password,
        until=added.contact.temporary_until, sign_in_url=pages.absolute("accounts.sign_in"),
        attested=queries.is_attested(added.customer), renewable=queries.can_have_password(added.contact),
    )  # fmt: skip


# --- until somebody signed in there ------------------------------------------------------------------------------


@blueprint.get("/<uuid:customer_id>/contact")
@requires(Permission.ADD_CUSTOMERS, on=queries.added_for)
def correction(added: Added) -> ResponseReturnValue:
    rules.check_nobody_signed_in(not added.open, added.customer.name)
    form = CorrectContactForm(formdata=None, address=added.contact.address)
    return pages.render("onboarding/correction.html", form=form, customer=added.customer, contact=added.contact)


@blueprint.post("/<uuid:customer_id>/contact")
@requires(Permission.ADD_CUSTOMERS, on=queries.added_for)
def correct(added: Added) -> ResponseReturnValue:
    rules.check_nobody_signed_in(not added.open, added.customer.name)
    actor, form = actors.signed_in(), CorrectContactForm()
    valid = form.validate_on_submit()
    if valid and form.address.data.casefold() == added.contact.address_key:
        form.address.errors, valid = [_("This is the address on file already.")], False
    fault = queries.address_fault(queries.own_for(actor), form.address.data, added.contact.id) if valid else None
    if fault is not None:
        form.address.errors, valid = [address_words(fault, actor.organization_name)], False
    if not valid:
        page = pages.render("onboarding/correction.html", form=form, customer=added.customer, contact=added.contact)
        return page, 422
    made = actions.correct_contact(added.customer, by=actor, address=form.address.data)
    if not made.password:
        flash(
            _(
                "The address is corrected. No temporary password can be made for it: the contact sets a password with a link"
                " to its mailbox, from the sign-in page."
            ),
            "done",
        )
        return redirect(url_for("customers.show", customer_id=made.customer.id))
    return _done_page(Added(made.customer, made.contact, True), made.password)


@blueprint.post("/<uuid:customer_id>/contact/password")
@requires(Permission.ADD_CUSTOMERS, on=queries.added_for)
def renew_password(added: Added) -> ResponseReturnValue:
    made = actions.renew_temporary_password(added.customer, by=actors.signed_in())
    return _done_page(Added(made.customer, made.contact, True), made.password)


# --- forms and values --------------------------------------------------------------------------------------------


def _typed(form: Any) -> dict[str, Any]:
    """What a form gave, by the names of its fields."""
    return {name: value or "" for name, value in form.data.items() if name != "csrf_token"}


def _of(form: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a draft's values that a form has fields for."""
    return {name: values[name] for name in values if hasattr(form, name)}
