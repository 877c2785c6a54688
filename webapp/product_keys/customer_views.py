"""Redeeming keys for the organization of whoever is signed in, or that a delegated administrator works for."""

from __future__ import annotations

import json
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import actor as actors
from webapp import pages
from webapp.access import Permission, requires
from webapp.forms import NoField
from webapp.organizations.models import Organization
from webapp.product_keys import actions, queries, rules
from webapp.product_keys.forms import (
    KeysForm,
    RedeemForm,
    had_words,
    hint_words,
    licences_words,
    obstacle_words,
    option_words,
    redeem_form,
)
from webapp.product_keys.models import RedemptionDraft

blueprint = Blueprint("own_redemption", __name__, url_prefix="/redeem/own")


# --- the keys ----------------------------------------------------------------------------------------------------


@blueprint.get("")
@requires(Permission.REDEEM_KEYS, on=queries.receiver_for)
def show(own: Organization) -> ResponseReturnValue:
    """Which organization receives the keys, and the keys."""
    draft = queries.draft_of(actors.signed_in())
    wanted = request.args.get("subscription", "")[:36]
    return _keys_page(own, KeysForm(formdata=None, subscription=wanted), draft)


def _keys_page(own: Organization, form: KeysForm, draft: RedemptionDraft | None) -> str:
    entered = queries.entered_in(draft.key_ids) if draft is not None else []
    return pages.render("product_keys/own/keys.html", form=form, own=own, entered=entered)


@blueprint.post("/keys")
@requires(Permission.REDEEM_KEYS, on=queries.receiver_for)
def enter(own: Organization) -> ResponseReturnValue:
    """Take what was typed, and go on or ask for another key."""
    actor, form = actors.signed_in(), KeysForm()
    draft = queries.draft_of(actor)
    if not form.validate_on_submit():
        return _keys_page(own, form, draft), 422
    adds = request.form.get("act") == "add"
    has_typed = bool(rules.read_keys(form.keys.data or ""))
    if not has_typed and (adds or draft is None or not draft.key_ids):
        form.ask()
        return _keys_page(own, form, draft), 422
    if has_typed:
        try:
            draft, faults = actions.enter(
                draft, form.keys.data or "", by=actor, customer=own, network_address=request.remote_addr or ""
            )
        except rules.TooManyWrongKeys as refusal:
            form.wait(refusal)
            return _keys_page(own, form, draft), refusal.status, {"Retry-After": str(refusal.minutes * 60)}
        if faults:
            form.refuse(faults)
            return _keys_page(own, form, draft), 422
    assert draft is not None
    if form.subscription.data:
        actions.keep(draft, {"subscription": form.subscription.data}, step="choice", by=actor)
    if adds:
        return redirect(url_for("own_redemption.show", subscription=form.subscription.data or None))
    return redirect(url_for("own_redemption.choice"))


@blueprint.post("/keys/removal")
@requires(Permission.REDEEM_KEYS, on=queries.receiver_for)
def remove(_own: Organization) -> ResponseReturnValue:
    actor = actors.signed_in()
    draft = queries.draft_of(actor)
    rules.check_any(draft.key_ids if draft is not None else [])
    if draft is not None and NoField().validate_on_submit():
        actions.remove(draft, request.form.get("key", ""), by=actor)
    return redirect(url_for("own_redemption.show"))


# --- what they do ------------------------------------------------------------------------------------------------


@blueprint.get("/choice")
@requires(Permission.REDEEM_KEYS, on=queries.receiver_for)
def choice(own: Organization) -> ResponseReturnValue:
    """What each product's keys would do, with the arithmetic, before anything is redeemed."""
    draft = queries.draft_of(actors.signed_in())
    rules.check_any(draft.key_ids if draft is not None else [])
    assert draft is not None
    return _choice_page(own, draft)


def _choice_page(own: Organization, draft: RedemptionDraft, *, sent: bool = False) -> ResponseReturnValue:
    """The page before Redeem. `sent`: it comes again, with what was chosen and what is missing."""
    line_id = _id(str(draft.values.get("subscription", "")))
    choices = queries.choices_of(own, queries.entered_in(draft.key_ids), line_id)
    form = redeem_form(choices) if sent else redeem_form(choices, str(line_id or ""), formdata=None)
    if sent:
        form.validate_on_submit()
    form.fingerprint.data = queries.fingerprint_of_choices(draft, choices)
    form.parts.data = json.dumps(queries.parts_of(choices))
    page = pages.render(
        "product_keys/own/choice.html", form=form, own=own, choices=choices, option_words=option_words,
        hint_words=hint_words, had_words=had_words, obstacle_words=obstacle_words, licences_words=licences_words,
    )  # fmt: skip
    return (page, 422) if sent else page


def _id(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


@blueprint.post("")
@requires(Permission.REDEEM_KEYS, on=queries.receiver_for)
def redeem(own: Organization) -> ResponseReturnValue:
    """Redeem what was shown. A second click is told by whom and when it was done."""
    actor = actors.signed_in()
    shown = RedeemForm()
    draft = queries.draft_of(actor) or queries.done_by(actor)
    rules.check_any(draft.key_ids if draft is not None else [])
    assert draft is not None
    choices = queries.choices_of(own, queries.entered_in(draft.key_ids), _id(str(draft.values.get("subscription", ""))))
    form = redeem_form(choices)
    ways = form.ways(choices)
    if draft.redeemed_at is None and not all(ways.values()):
        return _choice_page(own, draft, sent=True)
    actions.redeem(
        draft, by=actor, ways=ways, fingerprint=shown.fingerprint.data or "", parts=shown.shown_parts(),
        network_address=request.remote_addr or "",
    )  # fmt: skip
    return redirect(url_for("own_redemption.result", draft_id=draft.id))


@blueprint.get("/<uuid:draft_id>")
@requires(Permission.READ_SUBSCRIPTIONS, on=queries.result_for)
def result(draft: RedemptionDraft) -> ResponseReturnValue:
    """What was redeemed; it stays when it is opened again."""
    return pages.render("product_keys/own/result.html", redeemed=queries.redeemed_in(draft))
