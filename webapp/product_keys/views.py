"""Redeeming keys together with the account that they are for: by a newcomer, signed out, or by a partner for its customer."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import access, clock, languages, pages
from webapp import actor as actors
from webapp.access import Permission, anyone
from webapp.actor import Actor
from webapp.errors import Forbidden
from webapp.forms import NoField
from webapp.onboarding import rules as customer_rules
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import domain_of
from webapp.policies import queries as policies
from webapp.product_keys import actions, queries, rules
from webapp.product_keys.forms import AccountForm, CreateForm, KeysForm, StartForm, months_words, sum_words
from webapp.product_keys.models import RedemptionDraft

blueprint = Blueprint("redemption", __name__, url_prefix="/redeem")

#: What the cookie of a browser keeps: that its reader is the right person, and which draft is its own.
RIGHT, DRAFT = "right_person", "redemption"
WHY = "a newcomer has no account yet; whoever is signed in is asked by the page for the permission it needs"


@dataclass(frozen=True)
class Setter:
    """Who sets up an account: a partner's person (`partner` is its organization), or a newcomer (both None)."""

    actor: Actor | None
    partner: Organization | None


def _setter() -> Setter:
    """Who comes. A customer's people have pages of their own: 404. Raises Forbidden, ProviderMissing."""
    actor = actors.current()
    if actor is None:
        return Setter(None, None)
    if actor.is_customer:
        abort(404)
    if not actor.may(Permission.SET_UP_CUSTOMERS):
        needed = Permission.SET_UP_CUSTOMERS
        raise Forbidden(permission=needed, roles=access.roles_with(actor.organization_kind, needed))
    return Setter(actor, queries.setter_for(actor))


def _word() -> str:
    return str(session.get(DRAFT, ""))


def _draft(setter: Setter) -> RedemptionDraft | None:
    return queries.draft_of(setter.actor, _word())


def _with_keys(setter: Setter) -> RedemptionDraft:
    """The draft, which holds a key; whoever comes back to a page after redeeming is led to what came of it. Raises
    NoKeyEntered."""
    draft = _draft(setter)
    if draft is None and queries.done_by(setter.actor, _word()) is not None:
        abort(redirect(url_for("redemption.done")))
    rules.check_any(draft.key_ids if draft is not None else [])
    assert draft is not None
    return draft


# --- before it begins --------------------------------------------------------------------------------------------


@blueprint.get("")
@anyone(because=WHY)
def start() -> ResponseReturnValue:
    """What is needed; what rests from before."""
    actor = actors.current()
    if actor is not None and actor.is_customer:
        return redirect(url_for("own_redemption.show", subscription=request.args.get("subscription") or None))
    return _start_page(StartForm(formdata=None), _setter())


def _start_page(form: StartForm, setter: Setter) -> str:
    if setter.partner is not None:
        form.right_person.label.text = _("My customer wants this, and I am the right person to do it for my customer")
    return pages.render(
        "product_keys/start.html", form=form, partner=setter.partner, draft=_draft(setter),
        days=policies.value("product_key.draft_days"),
    )  # fmt: skip


@blueprint.post("")
@anyone(because=WHY)
def begin() -> ResponseReturnValue:
    """Nothing is stored yet: only the browser keeps that its reader said who it is."""
    setter, form = _setter(), StartForm()
    if not form.validate_on_submit():
        return _start_page(form, setter), 422
    session[RIGHT] = True
    return redirect(url_for("redemption.keys"))


@blueprint.post("/deletion")
@anyone(because=WHY)
def delete() -> ResponseReturnValue:
    """Start over."""
    setter = _setter()
    draft = _draft(setter)
    if draft is not None and NoField().validate_on_submit():
        actions.discard(draft, by=setter.actor)
        flash(_("What was entered before is deleted. No product key was used."), "done")
    for word in (RIGHT, DRAFT):
        session.pop(word, None)
    return redirect(url_for("redemption.start"))


# --- step 1: the keys --------------------------------------------------------------------------------------------


@blueprint.get("/keys")
@anyone(because=WHY)
def keys() -> ResponseReturnValue:
    setter = _setter()
    draft = _draft(setter)
    if draft is None and not session.get(RIGHT):
        return redirect(url_for("redemption.start"))
    return _keys_page(KeysForm(formdata=None), setter, draft)


def _keys_page(form: KeysForm, setter: Setter, draft: RedemptionDraft | None) -> str:
    entered = queries.entered_in(draft.key_ids) if draft is not None else []
    return pages.render("product_keys/keys.html", form=form, partner=setter.partner, entered=entered)


@blueprint.post("/keys")
@anyone(because=WHY)
def enter() -> ResponseReturnValue:
    """Take what was typed, and go on or ask for another key."""
    setter, form = _setter(), KeysForm()
    draft = _draft(setter)
    if not form.validate_on_submit():
        return _keys_page(form, setter, draft), 422
    adds = request.form.get("act") == "add"
    if not rules.read_keys(form.keys.data or ""):
        if adds or draft is None or not draft.key_ids:
            form.ask()
            return _keys_page(form, setter, draft), 422
        return redirect(url_for("redemption.review"))
    try:
        draft, faults = actions.enter(
            draft, form.keys.data or "", by=setter.actor, network_address=request.remote_addr or ""
        )  # fmt: skip
    except rules.TooManyWrongKeys as refusal:
        form.wait(refusal)
        return _keys_page(form, setter, draft), refusal.status, {"Retry-After": str(refusal.minutes * 60)}
    if faults:
        form.refuse(faults)
        return _keys_page(form, setter, draft), 422
    if draft is not None and setter.actor is None:
        session[DRAFT] = str(draft.id)
        session.permanent = True  # a closed browser comes back to it
    return redirect(url_for("redemption.keys" if adds else "redemption.review"))


@blueprint.post("/keys/removal")
@anyone(because=WHY)
def remove() -> ResponseReturnValue:
    setter = _setter()
    draft = _with_keys(setter)
    if NoField().validate_on_submit():
        actions.remove(draft, request.form.get("key", ""), by=setter.actor)
    return redirect(url_for("redemption.keys"))


@blueprint.get("/review")
@anyone(because=WHY)
def review() -> ResponseReturnValue:
    """Is everything correct?"""
    setter = _setter()
    draft = _with_keys(setter)
    plan = queries.planned(draft, clock.today("UTC"))
    return pages.render(
        "product_keys/review.html", partner=setter.partner, plan=plan, months_words=months_words, sum_words=sum_words
    )  # fmt: skip


@blueprint.post("/review")
@anyone(because=WHY)
def finish() -> ResponseReturnValue:
    setter = _setter()
    draft = _with_keys(setter)
    if NoField().validate_on_submit():
        step = "step_two" if not draft.values.get("address") else "check"
        actions.keep(draft, {}, step=step, by=setter.actor)
    return redirect(url_for("redemption.step_two"))


# --- step 2: the account -----------------------------------------------------------------------------------------


@blueprint.get("/step-2")
@anyone(because=WHY)
def step_two() -> ResponseReturnValue:
    setter = _setter()
    _with_keys(setter)
    return pages.render("product_keys/step_two.html", partner=setter.partner)


@blueprint.get("/account")
@anyone(because=WHY)
def account() -> ResponseReturnValue:
    setter = _setter()
    values = _with_keys(setter).values
    language = setter.partner.language if setter.partner is not None else languages.language()
    country = setter.partner.country if setter.partner is not None else ""
    form = AccountForm(formdata=None, **({"language": language, "country": country} | values))
    return _account_page(form, setter)


def _account_page(form: AccountForm, setter: Setter, known: str = "") -> str:
    form.offer(policies.value("countries.served"))
    return pages.render("product_keys/account.html", form=form, partner=setter.partner, known=known)


@blueprint.post("/account")
@anyone(because=WHY)
def keep_account() -> ResponseReturnValue:
    setter = _setter()
    draft, form = _with_keys(setter), AccountForm()
    form.offer(policies.value("countries.served"))
    if not form.validate_on_submit():
        return _account_page(form, setter), 422
    fault = actions.address_fault(form.address.data)
    if fault is not None:
        form.refuse_address(fault)
        known = domain_of(form.address.data) if fault == "known" else ""
        return _account_page(form, setter, known), 422
    typed = {name: value or "" for name, value in form.data.items() if name != "csrf_token"}
    actions.keep(draft, typed, step="check", by=setter.actor)
    return redirect(url_for("redemption.check"))


@blueprint.get("/check")
@anyone(because=WHY)
def check() -> ResponseReturnValue:
    """The last page before anything is made."""
    setter = _setter()
    draft = _with_keys(setter)
    if not draft.values.get("address"):
        return redirect(url_for("redemption.account"))
    zone = customer_rules.zone_of(draft.values["country"], "")
    plan = queries.planned(draft, clock.today(zone))
    form = CreateForm(formdata=None, fingerprint=queries.fingerprint_of_account(draft, plan))
    return pages.render("product_keys/check.html", form=form, partner=setter.partner, plan=plan, values=draft.values)


@blueprint.post("/creation")
@anyone(because=WHY)
def create() -> ResponseReturnValue:
    """Create account: only now are the keys consumed. A second click finds what the first one made."""
    setter = _setter()
    draft, form = _with_keys(setter), CreateForm()
    if not draft.values.get("address"):
        return redirect(url_for("redemption.account"))
    actions.create_account(
        draft, by=setter.actor, fingerprint=form.fingerprint.data or "", network_address=request.remote_addr or ""
    )  # fmt: skip
    session.pop(RIGHT, None)
    return redirect(url_for("redemption.done"))


@blueprint.get("/done")
@anyone(because=WHY)
def done() -> ResponseReturnValue:
    setter = _setter()
    draft = queries.done_by(setter.actor, _word())
    customer = organizations.organization_by_id(draft.customer_id) if draft is not None and draft.customer_id else None
    if draft is None or customer is None:
        return redirect(url_for("redemption.start"))
    return pages.render(
        "product_keys/done.html", partner=setter.partner, customer=customer, redeemed=queries.redeemed_in(draft),
        days=policies.value("link.first_sign_in_days"),
    )  # fmt: skip
