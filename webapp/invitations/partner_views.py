"""A partner's invitations: the list, making one, its message, sending and following it."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, flash, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms.fields import SelectChoice

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires
from webapp.actor import Actor
from webapp.invitations import actions, queries, rules
from webapp.invitations.forms import CorrectForm, MakeForm, MessageForm, ReplaceForm
from webapp.invitations.models import Invitation
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization

blueprint = Blueprint("invitations", __name__, url_prefix="/partner/invitations")
NAVIGATION = (
    pages.Item("partner", "invitations.index", lambda: _("Invitations"), Permission.READ_INVITATIONS, order=30),
)
LONGEST_SELECT = 100  # customers offered at once; more are found by name


# --- the list --------------------------------------------------------------------------------------------------


@blueprint.get("")
@requires(Permission.READ_INVITATIONS)
def index() -> ResponseReturnValue:
    actor = actors.signed_in()
    wanted = {name: request.args.get(name, "").strip()[:200] for name in ("state", "asks", "search")}
    older, newer = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    rows, more = queries.list_for(actor, **wanted, older_than=older, newer_than=None if older else newer)
    count = queries.how_many(actor, **wanted)
    is_first = older is None and (newer is None or not more)
    has_next = more if newer is None or older is not None else True
    page = pages.Page(
        rows,
        next_url=pages.with_arguments(after=_cursor(rows[-1]), before=None) if rows and has_next else "",
        previous_url=pages.with_arguments(before=_cursor(rows[0]), after=None) if rows and not is_first else "",
        count_text=_count_words(count),
    )
    return pages.render("invitations/index.html", page=page, wanted=wanted, states=queries.STATES)


def _count_words(count: int) -> str:
    if count >= queries.COUNTED:
        return str(_("More than %(number)s invitations", number=queries.COUNTED - 1))
    return str(ngettext("%(num)s invitation", "%(num)s invitations", count))


def _cursor(row: queries.Row) -> str:
    return pages.cursor(row.created_at.isoformat(), str(row.id))


# --- making one ------------------------------------------------------------------------------------------------


@blueprint.get("/new")
@requires(Permission.WRITE_INVITATIONS)
def new() -> ResponseReturnValue:
    actor = actors.signed_in()
    own = _own(actor)
    others = queries.partners_beside(own)
    if own.programme == "indirect_reseller" and not others:
        return pages.render("invitations/no_provider.html")
    customer = _named_customer(actor, request.args.get("customer", ""))
    zone = (customer or own).zone
    form = MakeForm(
        formdata=None,
        asks="agreement" if request.args.get("asks") == "agreement" else "relationship",
        for_whom="named" if customer is not None else None,
        other=str(others[0].id) if own.programme == "indirect_reseller" else "",
        customer=str(customer.id) if customer is not None else "",
        recipient=queries.address_on_file(customer.id) if customer is not None else "",
        language=(customer or own).language,
        last_day=queries.usual_last_day(zone),
        key=str(uuid4()),
    )
    return _new_page(form, actor, own, others, customer)


def _named_customer(actor: Actor, word: str) -> Organization | None:
    """The customer that the address names; none of the actor's is not found."""
    if not word:
        return None
    try:
        found = queries.customer_for(actor, UUID(word))
    except ValueError:
        found = None
    return found or abort(404)


def _own(actor: Actor) -> Organization:
    found = organizations.partner_by_id(actor.organization_id)
    assert found is not None
    return found


def _new_page(
    form: MakeForm, actor: Actor, own: Organization, others: list[Organization], customer: Organization | None
) -> ResponseReturnValue:
    find = request.args.get("find", "").strip()[:200]
    rows = list(queries.customers_for(actor, find, LONGEST_SELECT + 1))
    many = len(rows) > LONGEST_SELECT or bool(find)
    choices = [(str(row.id), row.name) for row in rows[:LONGEST_SELECT]]
    if customer is not None and str(customer.id) not in dict(choices):
        choices.insert(0, (str(customer.id), customer.name))
    form.customer.choices = [SelectChoice("", _("Choose a customer")), *(SelectChoice(*each) for each in choices)]
    form.other.choices = _other_choices(own, others)
    today = clock.today((customer or own).zone)
    return pages.render(
        "invitations/new.html", form=form, own=own, others=others, many=many, find=find, has_customers=bool(choices),
        first=today, last=today + timedelta(days=rules.LONGEST_DAYS),
    )  # fmt: skip


def _other_choices(own: Organization, others: list[Organization]) -> list[SelectChoice]:
    choices = [SelectChoice(str(each.id), each.name) for each in others]
    if own.programme == "indirect_reseller":
        return choices
    return [SelectChoice("", _("%(partner)s directly", partner=own.name)), *choices]


@blueprint.post("")
@requires(Permission.WRITE_INVITATIONS)
def make() -> ResponseReturnValue:
    actor = actors.signed_in()
    own = _own(actor)
    others = queries.partners_beside(own)
    if own.programme == "indirect_reseller" and not others:
        raise rules.NoProvider()
    form = MakeForm()
    named = form.for_whom.data == "named"
    customer = _chosen_customer(actor, form.customer.data) if named else None
    offered = [SelectChoice(str(customer.id), customer.name)] if customer is not None else []
    form.customer.choices = [SelectChoice("", ""), *offered]
    form.other.choices = _other_choices(own, others)
    if form.other.data is None:
        form.other.data = ""
    valid = form.validate_on_submit()
    if named and customer is None and not form.customer.errors:
        form.customer.errors = [_("Choose a customer.")]
        valid = False
    if named and customer is not None and not form.recipient.data:
        form.recipient.data = queries.address_on_file(customer.id)
    if named and customer is not None and not form.recipient.data:
        form.recipient.errors = [_("Enter the address that the invitation goes to.")]
        valid = False
    if valid:
        made = _make(form, actor, customer, others)
        if made is not None:
            return redirect(url_for("invitations.show", invitation_id=made.id))
    page = _new_page(form, actor, own, others, customer)
    return page, 422  # type: ignore[return-value]


def _chosen_customer(actor: Actor, word: str | None) -> Organization | None:
    try:
        return _named_customer(actor, str(UUID(word or "")))
    except ValueError:
        return None


def _make(form: MakeForm, actor: Actor, customer: Organization | None, others: list[Organization]) -> Invitation | None:
    """Make it; None when the rules refuse what was typed (the form then says why)."""
    assert form.last_day.data is not None
    try:
        key = UUID(form.key.data)
    except (TypeError, ValueError):
        key = uuid4()
    try:
        return actions.make(
            by=actor,
            asks=form.asks.data,
            customer=customer,
            other=next((each for each in others if str(each.id) == form.other.data), None),
            language=form.language.data,
            last_day=form.last_day.data,
            recipient=form.recipient.data,
            key=key,
        )
    except rules.OwnRecipient:
        form.recipient.errors = [_own_recipient_words()]
    except rules.LastDayOutOfBounds as refusal:
        form.last_day.errors = [_last_day_words(refusal)]
    return None


def _own_recipient_words() -> str:
    return str(_("This address is your own organization's. An invitation goes to somebody at the customer."))


def _last_day_words(refusal: rules.LastDayOutOfBounds) -> str:
    return str(
        _(
            "Choose a day from %(first)s to %(last)s.",
            first=pages.day_text(refusal.first),
            last=pages.day_text(refusal.last),
        )
    )


# --- one invitation --------------------------------------------------------------------------------------------


def _context(invitation: Invitation) -> dict[str, Any]:
    """What the pages of one invitation show."""
    partner, reseller, customer = queries.parties_of(invitation)
    life, now = queries.life_of(invitation), clock.now()
    subject, body = queries.message_words(invitation)
    may_write = actors.signed_in().may(Permission.WRITE_INVITATIONS)
    is_open = not rules.ended_by(life, now)
    pending, actor = queries.pending_offer_of(invitation), actors.signed_in()
    own_pending = pending if pending is not None and pending.partner_id == actor.organization_id else None
    return {
        "invitation": invitation, "partner": partner, "reseller": reseller, "customer": customer,
        "state": rules.state_of(life, now), "is_open": is_open, "subject": subject, "body": body,
        "link": queries.link_of(invitation), "may_write": may_write and not invitation.standing,
        "can_edit": rules.can_edit(life, now), "mail": life.mail, "zone": (customer or partner).zone,
        "offer": queries.offer_of(invitation), "pending_offer": pending,
        "own_pending_offer": own_pending, "tells_of_lost_offer": is_open and queries.tells_of_lost_offer(invitation),
        "may_withdraw": own_pending is None or actor.may(Permission.OFFER_DELEGATED_ADMIN),
    }  # fmt: skip


@blueprint.get("/<uuid:invitation_id>")
@requires(Permission.READ_INVITATIONS, on=queries.invitation_for)
def show(invitation: Invitation) -> ResponseReturnValue:
    context = _context(invitation)
    state = context["state"]
    return pages.render(
        "invitations/show.html",
        **context,
        events=queries.events_of(invitation),
        successor=queries.successor_of(invitation.id),
        mailto=queries.mailto_of(invitation),
        html=queries.html_of(invitation),
        arrival=queries.arrival_of(invitation, actors.signed_in()),
        microsoft_link=queries.microsoft_link_of(invitation),
        can_replace=context["may_write"]
        and (context["is_open"] or state == "expired")
        and state != "prepared"
        and invitation.asks != "administration",
    )


@blueprint.get("/<uuid:invitation_id>/message")
@requires(Permission.WRITE_INVITATIONS, on=queries.own_for)
def message(invitation: Invitation) -> ResponseReturnValue:
    context = _context(invitation)
    if not context["can_edit"]:
        return redirect(url_for("invitations.show", invitation_id=invitation.id))
    form = MessageForm(formdata=None, subject=context["subject"], body=context["body"])
    return pages.render("invitations/message.html", form=form, lost=False, **context)


@blueprint.post("/<uuid:invitation_id>/message")
@requires(Permission.WRITE_INVITATIONS, on=queries.own_for)
def write_message(invitation: Invitation) -> ResponseReturnValue:
    form, lost = MessageForm(), False
    restored = "restore" in request.form
    if restored:
        form.body.data = rules.with_link(form.body.data or "", queries.link_of(invitation))
    if form.validate_on_submit():
        try:
            actions.write_message(invitation, subject=form.subject.data, body=form.body.data)
        except rules.LinkMissing:
            lost = True
            form.body.errors = [_("Your message must keep the link. It is missing or changed.")]
        else:
            words = _("The link is back, and the message is saved.") if restored else _("The message is saved.")
            flash(words, "done")
            return redirect(url_for("invitations.show", invitation_id=invitation.id))
    return pages.render("invitations/message.html", form=form, lost=lost, **_context(invitation)), 422


@blueprint.get("/<uuid:invitation_id>/message.eml")
@requires(Permission.WRITE_INVITATIONS, on=queries.invitation_for)
def eml(invitation: Invitation) -> ResponseReturnValue:
    _partner, _reseller, customer = queries.parties_of(invitation)
    if rules.can_edit(queries.life_of(invitation), clock.now()):
        queries.check_words(invitation)
    name = customer.name if customer is not None else _("any customer")
    return send_file(
        BytesIO(queries.eml_of(invitation)),
        mimetype="message/rfc822",
        as_attachment=True,
        download_name=_("Invitation %(name)s", name=_file_name(name)) + ".eml",
        max_age=0,
    )


def _file_name(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in " -_." else " " for c in name)
    return " ".join(kept.split())[:80]


# --- acts ------------------------------------------------------------------------------------------------------


def _back(invitation: Invitation, words: str, kind: str = "done") -> ResponseReturnValue:
    flash(words, kind)
    return redirect(url_for("invitations.show", invitation_id=invitation.id))


@blueprint.post("/<uuid:invitation_id>/sending")
@requires(Permission.WRITE_INVITATIONS, on=queries.named_for)
def send(invitation: Invitation) -> ResponseReturnValue:
    try:
        sent = actions.send(invitation, by=actors.signed_in())
    except rules.AlreadySent:
        return _back(invitation, _("It was sent before. Nothing was sent a second time."), "note")
    return _back(invitation, _("The invitation is on its way to %(address)s.", address=sent.recipient))


@blueprint.post("/<uuid:invitation_id>/own-sending")
@requires(Permission.WRITE_INVITATIONS, on=queries.own_for)
def say_sent(invitation: Invitation) -> ResponseReturnValue:
    if actions.say_sent(invitation, by=actors.signed_in()):
        return _back(invitation, _("Noted: you have sent it yourself."))
    return _back(invitation, _("This was noted before."), "note")


@blueprint.get("/<uuid:invitation_id>/withdrawal")
@requires(Permission.WRITE_INVITATIONS, on=queries.own_for)
def withdrawal(invitation: Invitation) -> ResponseReturnValue:
    return pages.render("invitations/withdrawal.html", **_context(invitation))


@blueprint.post("/<uuid:invitation_id>/withdrawal")
@requires(Permission.WRITE_INVITATIONS, on=queries.own_for)
def withdraw(invitation: Invitation) -> ResponseReturnValue:
    if actions.withdraw(invitation, by=actors.signed_in()):
        return _back(invitation, _("The invitation is withdrawn. Its link no longer works."))
    return _back(invitation, _("It was withdrawn before; see below by whom and when."), "note")


@blueprint.get("/<uuid:invitation_id>/correction")
@requires(Permission.WRITE_INVITATIONS, on=queries.named_for)
def correction(invitation: Invitation) -> ResponseReturnValue:
    form = CorrectForm(formdata=None, recipient=invitation.recipient)
    return pages.render("invitations/correction.html", form=form, **_context(invitation))


@blueprint.post("/<uuid:invitation_id>/correction")
@requires(Permission.WRITE_INVITATIONS, on=queries.named_for)
def correct(invitation: Invitation) -> ResponseReturnValue:
    form = CorrectForm()
    if form.validate_on_submit():
        try:
            changed = actions.correct(invitation, by=actors.signed_in(), recipient=form.recipient.data)
        except rules.OwnRecipient:
            form.recipient.errors = [_own_recipient_words()]
        else:
            if changed:
                return _back(invitation, _("The address is corrected."))
            return _back(invitation, _("It is this address already; nothing was changed."), "note")
    return pages.render("invitations/correction.html", form=form, **_context(invitation)), 422


@blueprint.get("/<uuid:invitation_id>/replacement")
@requires(Permission.WRITE_INVITATIONS, on=queries.own_for)
def replacement(invitation: Invitation) -> ResponseReturnValue:
    context = _context(invitation)
    form = ReplaceForm(formdata=None, last_day=queries.usual_last_day(context["zone"]))
    return pages.render("invitations/replacement.html", form=form, **_bounds(context))


@blueprint.post("/<uuid:invitation_id>/replacement")
@requires(Permission.WRITE_INVITATIONS, on=queries.own_for)
def replace(invitation: Invitation) -> ResponseReturnValue:
    form = ReplaceForm()
    if form.validate_on_submit():
        assert form.last_day.data is not None
        send_now = request.form.get("how") == "send"
        try:
            made = actions.replace(invitation, by=actors.signed_in(), last_day=form.last_day.data, send_now=send_now)
        except rules.LastDayOutOfBounds as refusal:
            form.last_day.errors = [_last_day_words(refusal)]
        else:
            words = _("The new invitation takes the place of the earlier one. The earlier link no longer works.")
            return _back(made, words)
    return pages.render("invitations/replacement.html", form=form, **_bounds(_context(invitation))), 422


def _bounds(context: dict[str, Any]) -> dict[str, Any]:
    today = clock.today(context["zone"])
    return context | {"first": today, "last": today + timedelta(days=rules.LONGEST_DAYS)}


# --- standing ones ---------------------------------------------------------------------------------------------


@blueprint.get("/standing")
@requires(Permission.READ_INVITATIONS)
def standing() -> ResponseReturnValue:
    actor = actors.signed_in()
    return pages.render(
        "invitations/standing.html",
        found=queries.standing_shown(actor),
        may_close=actor.may(Permission.CLOSE_STANDING_INVITATIONS),
    )


@blueprint.post("/<uuid:invitation_id>/closure")
@requires(Permission.CLOSE_STANDING_INVITATIONS, on=queries.standing_for)
def close(invitation: Invitation) -> ResponseReturnValue:
    if actions.close(invitation, by=actors.signed_in()):
        flash(_("The standing invitation is closed. Its links no longer work."), "done")
    else:
        flash(_("It was closed before."), "note")
    return redirect(url_for("invitations.standing"))


@blueprint.post("/<uuid:invitation_id>/reopening")
@requires(Permission.CLOSE_STANDING_INVITATIONS, on=queries.standing_for)
def reopen(invitation: Invitation) -> ResponseReturnValue:
    if actions.reopen(invitation, by=actors.signed_in()):
        flash(_("The standing invitation is open again. Its links work."), "done")
    else:
        flash(_("It is open already."), "note")
    return redirect(url_for("invitations.standing"))
