"""Signing in and out, links from mails, and a person's own account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from babel.dates import get_timezone_location
from flask import Blueprint, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import logout_user
from wtforms.fields import SelectChoice

from webapp import actor as actors
from webapp import again, clock, languages, pages, security
from webapp.access import Permission, anyone, requires
from webapp.accounts import actions, queries, rules
from webapp.accounts.forms import (
    ChangeNameForm,
    ChangePasswordForm,
    ChooseLanguageForm,
    ChooseZoneForm,
    CodeForm,
    ConfirmMailboxForm,
    LinkRequestForm,
    OwnPasswordForm,
    RequestAddressChangeForm,
    SetPasswordForm,
    SignInForm,
)
from webapp.accounts.models import Session
from webapp.evidence import queries as evidence
from webapp.tokens import Token

blueprint = Blueprint("accounts", __name__)


@blueprint.before_app_request
def see() -> None:
    """Note that the session was seen, or that the program called (at most once in five minutes)."""
    person = actors.current()
    if person is not None and request.endpoint != "static":
        actions.note_activity(person.client_id or person.session_id)


@blueprint.get("/sign-in")
@anyone(because="this is where signing in begins")
def sign_in() -> ResponseReturnValue:
    form = SignInForm(formdata=None, next=again.local(request.args.get("next")))
    return pages.render("accounts/sign_in.html", form=form)


@blueprint.post("/sign-in")
@anyone(because="this is where signing in begins")
def sign_in_with_password() -> ResponseReturnValue:
    form = SignInForm()
    if "address" not in request.form:  # a form that lost its session asks to sign in first
        fresh = SignInForm(formdata=None, next=form.next.data, carried_fields=form.carried_fields.data)
        return pages.render("accounts/sign_in.html", form=fresh)
    if form.validate_on_submit():
        row = actions.sign_in(
            form.address.data,
            form.password.data,
            network_address=request.remote_addr or "",
            browser=request.user_agent.string,
            continue_to=again.local(form.next.data),
        )
        if isinstance(row, Token):
            actions.remember_code(row)
            return redirect(url_for("accounts.sign_in_code"))
        if row is not None:
            actions.remember(row)
            return _onward(again.local(form.next.data), form.carried_fields.data)
        form.form_errors.append(_("The email address or the password is not right."))
    return pages.render("accounts/sign_in.html", form=form), 422


def _onward(target: str, carried: str) -> ResponseReturnValue:
    """Back to the same step; with the form as it was typed, where one was on its way."""
    try:
        pairs = [(str(name), str(value)) for name, value in json.loads(carried or "[]")]
    except (ValueError, TypeError, RecursionError):
        pairs = []
    if target and pairs:
        return pages.render("errors/again.html", carried=pairs, target=target, signed_out=False)
    return redirect(target or url_for("home.show"))


# --- a temporary password: a code, then a password of one's own ------------------------------------------------


def _code_waiting() -> UUID | None:
    """The code that this browser may enter: it typed the right temporary password before."""
    try:
        return UUID(session.get("code", ""))
    except ValueError:
        return None


@blueprint.get("/sign-in/code")
@anyone(because="whoever typed a right temporary password is not signed in yet")
def sign_in_code() -> ResponseReturnValue:
    if _code_waiting() is None:
        return redirect(url_for("accounts.sign_in"))
    return pages.render("accounts/sign_in_code.html", form=CodeForm(formdata=None))


@blueprint.post("/sign-in/code")
@anyone(because="whoever typed a right temporary password is not signed in yet")
def sign_in_with_code() -> ResponseReturnValue:
    waiting = _code_waiting()
    if waiting is None:
        return redirect(url_for("accounts.sign_in"))
    form = CodeForm()
    if form.validate_on_submit():
        used = actions.sign_in_with_code(
            waiting, form.code.data, network_address=request.remote_addr or "", browser=request.user_agent.string
        )
        if used is not None:
            row, target = used
            actions.remember(row)
            session["onward"] = again.local(target)
            return redirect(url_for("accounts.own_password"))
        form.code.errors = [_("The code is not right.")]
    return pages.render("accounts/sign_in_code.html", form=form), 422


@blueprint.post("/sign-in/code/renewal")
@anyone(because="whoever typed a right temporary password is not signed in yet")
def renew_code() -> ResponseReturnValue:
    waiting = _code_waiting()
    found = queries.waiting_code(waiting) if waiting is not None else None
    if found is None:
        return redirect(url_for("accounts.sign_in"))
    before, person = found
    token = actions.send_code(person, str(before.facts.get("continue_to", "")))
    actions.remember_code(token)
    if token.id == before.id:
        flash(_("A message with a code left less than a minute ago. Wait a minute before you ask for another."), "note")
    else:
        flash(_("A message with a new code is on its way. The earlier code no longer works."), "done")
    return redirect(url_for("accounts.sign_in_code"))


@blueprint.get("/account/own-password")
@requires(Permission.USE_ACCOUNT)
def own_password() -> ResponseReturnValue:
    if not actors.signed_in().must_choose_password:
        return redirect(url_for("accounts.password"))
    return pages.render("accounts/own_password.html", form=OwnPasswordForm(formdata=None))


@blueprint.post("/account/own-password")
@requires(Permission.USE_ACCOUNT)
def choose_own_password() -> ResponseReturnValue:
    actor = actors.signed_in()
    if not actor.must_choose_password:
        return redirect(url_for("accounts.password"))
    form = OwnPasswordForm()
    if form.validate_on_submit():
        if rules.password_fault(form.new_password.data, actor.address) == "address":
            form.new_password.errors = [_("The password must not contain your email address.")]
        elif actions.choose_own_password(actor, form.new_password.data):
            flash(_("Your password is set. The temporary one no longer works."), "done")
            return redirect(again.local(session.pop("onward", "")) or url_for("home.show"))
        else:
            form.new_password.errors = [_("This is the temporary password. Choose another one.")]
    return pages.render("accounts/own_password.html", form=form), 422


@blueprint.post("/sign-out")
@requires(Permission.USE_ACCOUNT)
def sign_out() -> ResponseReturnValue:
    actions.end_session(actors.signed_in().session_id)
    logout_user()
    session.clear()
    flash(_("You are signed out."), "done")
    return redirect(again.local(request.args.get("next")) or url_for("home.landing"))


# --- links from mails ----------------------------------------------------------------------------------------


@blueprint.get("/password-reset")
@anyone(because="whoever forgot the password cannot sign in")
def password_reset() -> ResponseReturnValue:
    form = LinkRequestForm(formdata=None, next=again.local(request.args.get("next")))
    return pages.render("accounts/password_reset.html", form=form)


@blueprint.post("/password-reset")
@anyone(because="whoever forgot the password cannot sign in")
def request_password_reset() -> ResponseReturnValue:
    return _request_link("accounts/password_reset.html")


@blueprint.get("/first-sign-in")
@anyone(because="whoever has no password yet cannot sign in")
def first_sign_in() -> ResponseReturnValue:
    form = LinkRequestForm(formdata=None, next=again.local(request.args.get("next")))
    return pages.render("accounts/first_sign_in.html", form=form)


@blueprint.post("/first-sign-in")
@anyone(because="whoever has no password yet cannot sign in")
def request_first_sign_in() -> ResponseReturnValue:
    return _request_link("accounts/first_sign_in.html")


def _request_link(template: str) -> ResponseReturnValue:
    form = LinkRequestForm()
    if not form.validate_on_submit():
        return pages.render(template, form=form), 422
    actions.request_link(
        form.address.data, network_address=request.remote_addr or "", continue_to=again.local(form.next.data)
    )
    return redirect(url_for("accounts.link_sent"))


@blueprint.get("/link-sent")
@anyone(because="the same answer for everybody who asked for a link")
def link_sent() -> ResponseReturnValue:
    return pages.render("accounts/link_sent.html")


@blueprint.get("/password-reset/<secret>")
@anyone(because="the link from a mail; opening it changes nothing")
def password_reset_link(secret: str) -> ResponseReturnValue:
    return _show_link(rules.RESET, secret)


@blueprint.post("/password-reset/<secret>")
@anyone(because="whoever reads the mailbox and knows its address proves the account")
def set_new_password(secret: str) -> ResponseReturnValue:
    return _use_link(rules.RESET, secret)


@blueprint.get("/first-sign-in/<secret>")
@anyone(because="the link from a mail; opening it changes nothing")
def first_sign_in_link(secret: str) -> ResponseReturnValue:
    return _show_link(rules.FIRST, secret)


@blueprint.post("/first-sign-in/<secret>")
@anyone(because="whoever reads the mailbox and knows its address proves the account")
def set_first_password(secret: str) -> ResponseReturnValue:
    return _use_link(rules.FIRST, secret)


def _show_link(purpose: str, secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    queries.open_link(purpose, secret)
    return pages.render("accounts/new_password.html", form=SetPasswordForm(formdata=None), purpose=purpose)


def _use_link(purpose: str, secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    queries.open_link(purpose, secret)
    form = SetPasswordForm()
    if form.validate_on_submit():
        used = actions.set_password_by_link(
            purpose, secret, address=form.address.data, password=form.password.data,
            network_address=request.remote_addr or "", browser=request.user_agent.string,
        )  # fmt: skip
        if used is not None:
            row, target = used
            actions.remember(row)
            flash(_("Your password is set, and you are signed in."), "done")
            return redirect(again.local(target) or url_for("home.show"))
        form.address.errors = [_("The message was not sent to this address.")]
    return pages.render("accounts/new_password.html", form=form, purpose=purpose), 422


@blueprint.get("/mailbox-confirmation/<secret>")
@anyone(because="the link from a mail; opening it changes nothing")
def mailbox_confirmation_link(secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    queries.open_link(rules.CONFIRM, secret)
    return pages.render("accounts/mailbox_confirmation.html", form=ConfirmMailboxForm(formdata=None))


@blueprint.post("/mailbox-confirmation/<secret>")
@anyone(because="whoever reads the mailbox may be in another browser than the one that asked")
def confirm_mailbox(secret: str) -> ResponseReturnValue:
    security.one_time_secret()
    queries.open_link(rules.CONFIRM, secret)
    form = ConfirmMailboxForm()
    if form.validate_on_submit():
        person = actions.confirm_mailbox(secret, form.address.data, network_address=request.remote_addr or "")
        if person is not None:
            flash(_("The address is confirmed. From now on you sign in with it."), "done")
            return redirect(url_for("accounts.account" if actors.current() else "accounts.sign_in"))
        form.address.errors = [_("The message was not sent to this address.")]
    return pages.render("accounts/mailbox_confirmation.html", form=form), 422


# --- the own account -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OpenSession:
    """A signed-in browser as the account page lists it."""

    session: Session
    device: tuple[str, str]
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True)
class Event:
    """Something of the last time, in words. `device` for a sign-in, `words` for a fact."""

    at: datetime
    words: str = ""
    device: tuple[str, str] | None = None


@blueprint.get("/account")
@requires(Permission.USE_ACCOUNT)
def account() -> ResponseReturnValue:
    actor = actors.signed_in()
    sessions = [
        OpenSession(row, rules.device_of(row.browser), seen_at or row.created_at, row.id == actor.session_id)
        for row, seen_at in queries.open_sessions_of(actor.person_id)
    ]
    sessions.sort(key=lambda each: (not each.is_this, -each.seen_at.timestamp()))
    return pages.render(
        "accounts/account.html",
        sessions=sessions,
        events=_events(actor),
        address_asked_at=queries.address_in_waiting(actor.person_id),
        language_form=ChooseLanguageForm(formdata=None, language=actor.language),
        zone_words=_zone_words(actor.zone, languages.language()),
    )


def _events(actor: actors.Actor) -> list[Event]:
    told = [Event(each.at, words=each.words) for each in evidence.tell(evidence.by_person(actor.person_id, 10), actor)]
    signed_in = queries.recent_sessions_of(actor.person_id, 10)
    events = told + [Event(each.created_at, device=rules.device_of(each.browser)) for each in signed_in]
    return sorted(events, key=lambda each: each.at, reverse=True)[:10]


@blueprint.post("/account/language")
@requires(Permission.USE_ACCOUNT)
def choose_language() -> ResponseReturnValue:
    form = ChooseLanguageForm()
    if form.validate_on_submit():
        actions.choose_language(actors.signed_in(), form.language.data)
        session["lang"] = form.language.data
    return redirect(again.local(request.args.get("back")) or url_for("accounts.account"))


@blueprint.get("/account/zone")
@requires(Permission.USE_ACCOUNT)
def zone() -> ResponseReturnValue:
    person = queries.person_by_id(actors.signed_in().person_id)
    assert person is not None
    form = ChooseZoneForm(formdata=None, zone=person.zone or "")
    return _zone_page(form)


@blueprint.post("/account/zone")
@requires(Permission.USE_ACCOUNT)
def choose_zone() -> ResponseReturnValue:
    form = ChooseZoneForm()
    form.zone.choices = [SelectChoice(name, words) for name, words in _zones()]
    if not form.validate_on_submit():
        return _zone_page(form), 422
    actions.choose_zone(actors.signed_in(), form.zone.data or None)
    flash(_("Times are shown in the zone you chose."), "done")
    return redirect(url_for("accounts.account"))


def _zone_page(form: ChooseZoneForm) -> str:
    form.zone.choices = [SelectChoice(name, words) for name, words in _zones()]
    return pages.render("accounts/zone.html", form=form)


def _zones() -> list[tuple[str, str]]:
    now = clock.now()
    offsets = {name: now.astimezone(ZoneInfo(name)).utcoffset() for name in _zone_names()}
    ordered = sorted(offsets, key=lambda name: (offsets[name], name))
    return [("", _("As your organization")), *((name, _zone_words(name, languages.language())) for name in ordered)]


@cache
def _zone_names() -> tuple[str, ...]:
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *(name for name in available_timezones() if name.startswith(areas)))


def _zone_words(name: str, language: str) -> str:
    distance = clock.now().astimezone(ZoneInfo(name)).strftime("%z")
    place = name.rsplit("/", 1)[-1].replace("_", " ")
    return str(
        _(
            "UTC%(distance)s – %(zone)s (%(city)s)",
            distance=f"{distance[:3]}:{distance[3:]}", zone=_zone_location(name, language), city=place,
        )
    )  # fmt: skip


@cache
def _zone_location(name: str, language: str) -> str:
    return "UTC" if name == "UTC" else get_timezone_location(name, locale=language)


@blueprint.get("/account/name")
@requires(Permission.USE_ACCOUNT)
def name() -> ResponseReturnValue:
    actor = actors.signed_in()
    form = ChangeNameForm(formdata=None, given_name=actor.given_name, family_name=actor.family_name)
    return pages.render("accounts/name.html", form=form)


@blueprint.post("/account/name")
@requires(Permission.USE_ACCOUNT)
def change_name() -> ResponseReturnValue:
    form = ChangeNameForm()
    if not form.validate_on_submit():
        return pages.render("accounts/name.html", form=form), 422
    actions.change_name(actors.signed_in(), given_name=form.given_name.data, family_name=form.family_name.data)
    flash(_("Your name is changed."), "done")
    return redirect(url_for("accounts.account"))


@blueprint.get("/account/address")
@requires(Permission.USE_ACCOUNT)
def address() -> ResponseReturnValue:
    return pages.render("accounts/address.html", form=RequestAddressChangeForm(formdata=None))


@blueprint.post("/account/address")
@requires(Permission.USE_ACCOUNT)
def request_address_change() -> ResponseReturnValue:
    form = RequestAddressChangeForm()
    actor = actors.signed_in()
    if form.validate_on_submit():
        if queries.address_key(form.address.data) == queries.address_key(actor.address):
            form.address.errors = [_("This is the address you sign in with now.")]
        elif actions.request_address_change(
            actor, form.address.data, form.current_password.data, network_address=request.remote_addr or ""
        ):
            flash(
                _("A message with a link is on its way to the new address. Until it is used, nothing changes."), "done"
            )
            return redirect(url_for("accounts.account"))
        else:
            form.current_password.errors = [_("The password is not right.")]
    return pages.render("accounts/address.html", form=form), 422


@blueprint.get("/account/password")
@requires(Permission.USE_ACCOUNT)
def password() -> ResponseReturnValue:
    return pages.render("accounts/password.html", form=ChangePasswordForm(formdata=None))


@blueprint.post("/account/password")
@requires(Permission.USE_ACCOUNT)
def change_password() -> ResponseReturnValue:
    form = ChangePasswordForm()
    actor = actors.signed_in()
    if form.validate_on_submit():
        fault = rules.password_fault(form.new_password.data, actor.address)
        if fault == "address":
            form.new_password.errors = [_("The password must not contain your email address.")]
        elif actions.change_password(
            actor, form.current_password.data, form.new_password.data, network_address=request.remote_addr or ""
        ):
            flash(_("Your password is changed. Every other session has ended."), "done")
            return redirect(url_for("accounts.account"))
        else:
            form.current_password.errors = [_("The password is not right.")]
    return pages.render("accounts/password.html", form=form), 422


@blueprint.post("/account/sessions/<uuid:session_id>/ending")
@requires(Permission.USE_ACCOUNT, on=queries.own_session)
def end_session(row: Session) -> ResponseReturnValue:
    actor = actors.signed_in()
    actions.end_session(row.id)
    if row.id == actor.session_id:
        return _leave()
    flash(_("The session has ended."), "done")
    return redirect(url_for("accounts.account"))


@blueprint.post("/account/sessions/ending")
@requires(Permission.USE_ACCOUNT)
def end_other_sessions() -> ResponseReturnValue:
    actor = actors.signed_in()
    actions.end_sessions_of(actor.person_id, but=actor.session_id)
    flash(_("Every other session has ended."), "done")
    return redirect(url_for("accounts.account"))


def _leave() -> ResponseReturnValue:
    logout_user()
    session.clear()
    flash(_("You are signed out."), "done")
    return redirect(url_for("home.landing"))
