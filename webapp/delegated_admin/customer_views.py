"""The customer's side of delegated administration: reading an offer, answering it, sending it on; and what is in force:
its roles, its end, taking roles away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires
from webapp.accounts.models import Person
from webapp.agreements import rules as agreement_rules
from webapp.delegated_admin import actions, queries, rules, words
from webapp.delegated_admin.forms import ApprovalForm, FewerForm, HandOverForm, RefusalForm, RemovalForm
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import GLOBAL_ADMINISTRATOR
from webapp.evidence import queries as evidence
from webapp.forms import NoField
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships

blueprint = Blueprint("delegated_admin", __name__, url_prefix="/delegated-admin/<uuid:relationship_id>")


# --- what pages show -------------------------------------------------------------------------------------------


def _context(row: DelegatedRelationship) -> dict[str, Any]:
    """What every page of one shows: parties, dates, and roles by risk."""
    life, now = queries.life_of(row), clock.now()
    customer, partner = queries.parties_of(row)
    left = rules.roles_now(life)
    return {
        "row": row, "customer": customer, "partner": partner, "verified": organizations.verified_domain_of(partner.id),
        "state": rules.state_of(life, now), "activated_at": rules.activated_at(life), "end": rules.end_of(life, now),
        "over_at": rules.over_at(life, now), "extends": rules.extends_at(life, now),
        "can_extend": GLOBAL_ADMINISTRATOR not in left, "left": left, "roles": words.by_risk(left),
        "last_day": rules.last_day(row.closes_at - timedelta(seconds=1), customer.zone),
        "may_decide": queries.may_decide(actors.signed_in()),
    }  # fmt: skip


def _offered(row: DelegatedRelationship) -> dict[str, Any]:
    """What an offer would mean if it were approved now."""
    return {
        "would_end": rules.first_end(clock.now(), row.duration_days),
        "beyond": [words.role_words(role) for role in rules.beyond_basic(row.roles)],
        "has_global_administrator": GLOBAL_ADMINISTRATOR in row.roles,
        "extension": words.extension_words(row.roles, row.auto_extends),
    }


def _decided(row: DelegatedRelationship) -> dict[str, Any]:
    """Who answered, who ended it, and what was taken away between."""
    answer, over, removed = queries.answer_of(row.id), queries.ending_of(row.id), queries.removed_roles(row)
    names = queries.names_of(act.person_id for _role, act in removed)
    return {
        "answer": answer, "answered_by": queries.name_of(answer.person_id) if answer is not None else "",
        "comment": queries.comment_of(answer), "ending": over, "end_comment": queries.comment_of(over),
        "ended_by": queries.name_of(over.person_id) if over is not None else "",
        "removed": [(words.role_words(role), act.at, names.get(act.person_id, "")) for role, act in removed],
        "history": evidence.tell(queries.facts_of(row, actors.signed_in()), actors.signed_in()),
    }  # fmt: skip


def _deciders(row: DelegatedRelationship) -> list[Person]:
    """Who can decide in the reader's place."""
    return [each for each in queries.deciders(row.customer_id) if each.id != actors.signed_in().person_id]


def _offer(row: DelegatedRelationship, *, form: HandOverForm | None = None, changed: bool = False) -> str:
    """The page of an offer that waits."""
    actor = actors.signed_in()
    people = _deciders(row)
    handed = queries.handed_over(row)
    names = queries.names_of(id_ for act in handed for id_ in (act.person_id, act.receiver_id))
    return pages.render(
        "delegated_admin/offer.html",
        **_context(row),
        **_offered(row),
        form=form or HandOverForm(formdata=None).offer(people),
        people=people,
        changed=changed,
        sent_to_me=next(
            ((each.at, names.get(each.person_id, "")) for each in handed if each.receiver_id == actor.person_id), None
        ),
        handed=[(each.at, names.get(each.person_id, ""), names.get(each.receiver_id, "")) for each in handed],
    )


@blueprint.get("")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.of_customer)
def show(row: DelegatedRelationship) -> ResponseReturnValue:
    context = _context(row)
    if context["state"] == "pending":
        queries.check_can_answer(row)
        return _offer(row)
    if context["state"] == "active":
        return pages.render("delegated_admin/show.html", **context, **_decided(row))
    successor = queries.successor_of(row.id)
    known = successor is not None and queries.standing_of(successor).announced
    return pages.render(
        "delegated_admin/over.html", **context, **_decided(row), successor=successor if known else None
    )  # fmt: skip


def _back(row: DelegatedRelationship, said: str, kind: str = "done") -> ResponseReturnValue:
    flash(said, kind)
    return redirect(url_for("delegated_admin.show", relationship_id=row.id))


# --- answering -------------------------------------------------------------------------------------------------


def _check_can_decide(row: DelegatedRelationship) -> None:
    """Raises what stands in the way of the reader's answer, before anything is filled in."""
    queries.check_can_answer(row)
    queries.check_may_decide(actors.signed_in())


def _approval(row: DelegatedRelationship, form: ApprovalForm) -> str:
    return pages.render("delegated_admin/approval.html", **_context(row), **_offered(row), form=form)


@blueprint.get("/approval")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.of_customer)
def approval(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_decide(row)
    agreement_rules.check_mailbox(actors.signed_in().confirmed)
    relationships.check_trusted(row.customer_id, row.partner_id)
    shown = queries.shown_to(row)
    form = ApprovalForm(formdata=None).ask(shown.box)
    form.fingerprint.data = shown.fingerprint
    return _approval(row, form)


@blueprint.post("/approval")
@requires(Permission.ANSWER_DELEGATED_ADMIN, on=queries.of_customer)
def approve(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_decide(row)
    shown = queries.shown_to(row)
    form = ApprovalForm().ask(shown.box)
    if form.fingerprint.data != shown.fingerprint:
        return _offer(row, changed=True), rules.OfferHasChanged.status
    if not form.validate_on_submit():
        return _approval(row, form), 422
    actions.approve(
        row, by=actors.signed_in(), fingerprint=form.fingerprint.data or "",
        network_address=request.remote_addr or "", browser=request.user_agent.string,
    )  # fmt: skip
    return _back(row, _("You approved. It is in force from now on; both sides are told by mail."))


def _fewer(row: DelegatedRelationship, form: FewerForm) -> str:
    return pages.render("delegated_admin/fewer.html", **_context(row), form=form)


@blueprint.get("/fewer")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.of_customer)
def fewer(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_decide(row)
    return _fewer(row, FewerForm(formdata=None).offer(row.roles))


@blueprint.post("/fewer")
@requires(Permission.ANSWER_DELEGATED_ADMIN, on=queries.of_customer)
def ask_for_fewer(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_decide(row)
    form = FewerForm().offer(row.roles)
    if not form.validate_on_submit():
        return _fewer(row, form), 422
    wanted = form.roles.data or []
    try:
        rules.check_fewer(wanted, row.roles)
    except rules.NotFewer:
        form.roles.errors = (_("These are all roles. Leave out at least one, or go back and approve all."),)
        return _fewer(row, form), 422
    actions.decline(row, by=actors.signed_in(), reason="fewer", comment=form.comment.data or "", wanted=wanted)
    _customer, partner = queries.parties_of(row)
    return _back(
        row,
        _("You asked for fewer roles. %(partner)s is told by mail, and can make a new offer.", partner=partner.name),
    )


def _decline(row: DelegatedRelationship, form: RefusalForm) -> str:
    return pages.render("delegated_admin/decline.html", **_context(row), form=form)


@blueprint.get("/decline")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.of_customer)
def decline(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_decide(row)
    return _decline(row, RefusalForm(formdata=None))


@blueprint.post("/decline")
@requires(Permission.ANSWER_DELEGATED_ADMIN, on=queries.of_customer)
def decline_offer(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_decide(row)
    form = RefusalForm()
    if not form.validate_on_submit():
        return _decline(row, form), 422
    actions.decline(row, by=actors.signed_in(), reason=form.reason.data, comment=form.comment.data or "")
    _customer, partner = queries.parties_of(row)
    return _back(row, _("You declined. %(partner)s is told by mail.", partner=partner.name))


@blueprint.post("/hand-over")
@requires(Permission.HAND_OVER, on=queries.of_customer)
def hand_over(row: DelegatedRelationship) -> ResponseReturnValue:
    queries.check_can_answer(row)
    people = _deciders(row)
    form = HandOverForm().offer(people)
    if not form.validate_on_submit():
        return _offer(row, form=form), 422
    to = form.chosen(people)
    name = queries.name_of(to.id)
    if not actions.hand_over(row, by=actors.signed_in(), to=to):
        return _back(
            row, _("%(name)s was sent this request today already. No second email was sent.", name=name), "note"
        )
    return _back(row, _("Sent on to %(name)s, who gets an email with the link.", name=name))


# --- while it is in force --------------------------------------------------------------------------------------


@blueprint.post("/auto-extension")
@requires(Permission.ANSWER_DELEGATED_ADMIN, on=queries.of_customer)
def switch_extension(row: DelegatedRelationship) -> ResponseReturnValue:
    on = request.form.get("on") == "yes"
    if not actions.switch_extension(row, by=actors.signed_in(), on=on):
        return _back(row, _("It was so already. Nothing was changed."), "note")
    if on:
        return _back(row, _("It extends itself from now on. Both sides are told by mail."))
    return _back(row, _("It no longer extends itself. Both sides are told by mail."))


def _check_can_change(row: DelegatedRelationship) -> None:
    """Raises what stands in the way of changing what is in force."""
    queries.check_may_decide(actors.signed_in())
    queries.check_active(row)


@blueprint.get("/roles/<role_id>/removal")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.role_of_customer)
def role_removal(of: tuple[DelegatedRelationship, str]) -> ResponseReturnValue:
    row, role = of
    _check_can_change(row)
    context = _context(row)
    if role not in context["left"]:
        return _back(row, _removed_already(row, role), "note")
    return pages.render(
        "delegated_admin/role_removal.html", **context, role=words.role_words(role), form=NoField(formdata=None)
    )  # fmt: skip


@blueprint.post("/roles/<role_id>/removal")
@requires(Permission.ANSWER_DELEGATED_ADMIN, on=queries.role_of_customer)
def remove_role(of: tuple[DelegatedRelationship, str]) -> ResponseReturnValue:
    row, role = of
    _check_can_change(row)
    if not actions.remove_roles(row, by=actors.signed_in(), roles=[role]):
        return _back(row, _removed_already(row, role), "note")
    return _back(
        row,
        _("Removed: %(role)s. The partner no longer has it; both sides are told by email.", role=words.role_name(role)),
    )


def _removed_already(row: DelegatedRelationship, role: str) -> str:
    act = next(act for removed, act in queries.removed_roles(row) if removed == role)
    said: str = _(
        "%(role)s was removed already, by %(name)s on %(when)s. Nothing was done a second time.",
        role=words.role_name(role), name=queries.name_of(act.person_id) or _("an erased person"),
        when=pages.moment_text(act.at),
    )  # fmt: skip
    return said


def _removal(row: DelegatedRelationship, form: RemovalForm) -> str:
    return pages.render("delegated_admin/removal.html", **_context(row), form=form)


@blueprint.get("/removal")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.of_customer)
def removal(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_change(row)
    return _removal(row, RemovalForm(formdata=None))


@blueprint.post("/removal")
@requires(Permission.ANSWER_DELEGATED_ADMIN, on=queries.of_customer)
def remove_all(row: DelegatedRelationship) -> ResponseReturnValue:
    _check_can_change(row)
    form = RemovalForm()
    if not form.validate_on_submit():
        return _removal(row, form), 422
    if not actions.end(row, by=actors.signed_in(), reason=form.comment.data or ""):
        return _back(row, _("It was ended before. Nothing was done a second time."), "note")
    return _back(row, _("All roles were removed, at once. Both sides are told by mail."))
