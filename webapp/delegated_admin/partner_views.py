"""One delegated administration on its partner's side: where it stands, its switch, taking it back and ending it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires
from webapp.delegated_admin import actions, queries, rules
from webapp.delegated_admin.forms import EndForm
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import GLOBAL_ADMINISTRATOR, in_order
from webapp.delegated_admin.words import RoleWords, by_risk, role_words
from webapp.evidence import queries as evidence

blueprint = Blueprint("delegated_admin_at_partner", __name__, url_prefix="/partner/delegated-admin")


def _context(row: DelegatedRelationship) -> dict[str, Any]:
    """What every page of one shows."""
    life, now = queries.life_of(row), clock.now()
    customer, _partner = queries.parties_of(row)
    end = rules.end_of(life, now)
    state = rules.state_of(life, now)
    left = rules.roles_now(life)
    return {
        "row": row, "customer": customer, "state": state, "end": end, "over_at": rules.over_at(life, now),
        "days_left": rules.days_left(end, now, life.zone) if end is not None and state == "active" else None,
        "activated_at": rules.activated_at(life), "extends": rules.extends_at(life, now), "left": left,
        "can_extend": GLOBAL_ADMINISTRATOR not in left,
        "may_offer": actors.signed_in().may(Permission.OFFER_DELEGATED_ADMIN),
    }  # fmt: skip


@blueprint.get("/<uuid:relationship_id>")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.of_partner)
def show(row: DelegatedRelationship) -> ResponseReturnValue:
    context, actor = _context(row), actors.signed_in()
    answer = queries.answer_of(row.id)
    over = queries.ending_of(row.id)
    delegated = queries.roles_between(row.customer_id, row.partner_id)
    return pages.render(
        "delegated_admin/partner/show.html",
        **context,
        shown_state=rules.state_for_partner(queries.standing_of(row), clock.now()),
        roles=by_risk(context["left"]),
        removed=[role_words(role) for role in row.roles if role not in context["left"]],
        answer=answer,
        answered_by=queries.name_of(answer.person_id) if answer is not None else "",
        comment=queries.comment_of(answer),
        wanted=by_risk(answer.facts.get("wanted", ()) if answer is not None else ()),
        successor=queries.successor_of(row.id),
        ending=over,
        ended_by=queries.name_of(over.person_id) if over is not None else "",
        end_comment=queries.comment_of(over),
        held=delegated,
        people={role: _in_words(rules.roles_for(frozenset({role}), delegated)) for role in _PARTNER_ROLES},
        history=evidence.tell(queries.facts_of(row, actor), actor),
    )


_PARTNER_ROLES = ("admin_agent", "helpdesk_agent", "sales_agent")


def _in_words(role_ids: frozenset[str]) -> list[RoleWords]:
    return [role_words(role) for role in in_order(role_ids)]


def _back(row: DelegatedRelationship, words: str, kind: str = "done") -> ResponseReturnValue:
    flash(words, kind)
    return redirect(url_for("delegated_admin_at_partner.show", relationship_id=row.id))


@blueprint.post("/<uuid:relationship_id>/auto-extension")
@requires(Permission.OFFER_DELEGATED_ADMIN, on=queries.of_partner)
def switch_extension(row: DelegatedRelationship) -> ResponseReturnValue:
    on = request.form.get("on") == "yes"
    if not actions.switch_extension(row, by=actors.signed_in(), on=on):
        return _back(row, _("It is so already; nothing was changed."), "note")
    if on:
        return _back(row, _("It extends itself from now on. The customer is told."))
    return _back(row, _("It no longer extends itself. The customer is told."))


@blueprint.get("/<uuid:relationship_id>/withdrawal")
@requires(Permission.OFFER_DELEGATED_ADMIN, on=queries.of_partner)
def withdrawal(row: DelegatedRelationship) -> ResponseReturnValue:
    return pages.render("delegated_admin/partner/withdrawal.html", **_context(row))


@blueprint.post("/<uuid:relationship_id>/withdrawal")
@requires(Permission.OFFER_DELEGATED_ADMIN, on=queries.of_partner)
def withdraw(row: DelegatedRelationship) -> ResponseReturnValue:
    if actions.withdraw(row, by=actors.signed_in()):
        return _back(row, _("The offer is withdrawn. Nobody can approve it any more."))
    return _back(row, _("It was withdrawn before; see below by whom and when."), "note")


@blueprint.get("/<uuid:relationship_id>/ending")
@requires(Permission.OFFER_DELEGATED_ADMIN, on=queries.of_partner)
def ending(row: DelegatedRelationship) -> ResponseReturnValue:
    return _ending_page(row, EndForm(formdata=None))


@blueprint.post("/<uuid:relationship_id>/ending")
@requires(Permission.OFFER_DELEGATED_ADMIN, on=queries.of_partner)
def end(row: DelegatedRelationship) -> ResponseReturnValue:
    form = EndForm()
    if not form.validate_on_submit():
        return _ending_page(row, form), 422
    if actions.end(row, by=actors.signed_in(), reason=form.reason.data or ""):
        return _back(row, _("Delegated administration is ended. Your people have none of its roles any more."))
    return _back(row, _("It was ended before; see below by whom and when."), "note")


def _ending_page(row: DelegatedRelationship, form: EndForm) -> str:
    context = _context(row)
    return pages.render("delegated_admin/partner/ending.html", form=form, roles=by_risk(context["left"]), **context)
