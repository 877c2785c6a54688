"""A partner's delegated administration at all its customers: the overview, making offers, saved sets of roles."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms.fields import SelectChoice

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires
from webapp.actor import Actor
from webapp.customers import queries as customers
from webapp.customers import rules as customer_rules
from webapp.delegated_admin import actions as delegated_actions
from webapp.delegated_admin import queries as delegated_admin
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedRelationship, RoleSet
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR, ROLES, in_order
from webapp.delegated_admin.words import by_risk, role_name, role_words
from webapp.errors import Refusal
from webapp.invitations import queries as invitations
from webapp.invitations import rules as invitation_rules
from webapp.offers import actions, queries, rules
from webapp.offers.forms import CustomersFilterForm, OfferForm, RelationshipsFilterForm
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import queries as relationship_queries
from webapp.relationships.rules import PartnerDistrusted

blueprint = Blueprint("offers", __name__, url_prefix="/partner/delegated-admin")
NAVIGATION = (
    pages.Item("partner", "offers.index", lambda: _("Delegated administration"), Permission.READ_DELEGATED_ADMIN, 25),
)
DEFAULT_DAYS = 365


# --- the overview ----------------------------------------------------------------------------------------------


@blueprint.get("")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.own_for)
def index(own: Organization) -> ResponseReturnValue:
    """The customers, with and without it."""
    actor = actors.signed_in()
    form = CustomersFilterForm(request.args)
    valid = form.validate()
    wanted = customers.Wanted(
        search="" if form.search.errors else form.search.data or "",
        delegated="" if form.delegated.errors else form.delegated.data or "",
    )
    after, before = (_name_place(request.args.get(name, "")) for name in ("after", "before"))
    found = customers.customers_for(actor, wanted, after=after, before=before)

    def turn(word: str, row: Any) -> str:
        place = pages.cursor(row.name_key, str(row.customer_id))
        return pages.with_arguments(**{"after": None, "before": None, word: place})

    page = pages.Page(
        found.rows,
        next_url=turn("after", found.rows[-1]) if found.more_after else "",
        previous_url=turn("before", found.rows[0]) if found.more_before else "",
        count_text=_customer_count(found.count),
    )
    now = clock.now()
    template = pages.render(
        "offers/index.html",
        form=form,
        page=page,
        lines=[(row, *_delegated(row, now), found.beside.zones.get(row.customer_id)) for row in found.rows],
        filtered=wanted.is_filtered,
        any_at_all=bool(found.rows) or customers.has_any(actor),
        may_offer=actor.may(Permission.OFFER_DELEGATED_ADMIN),
        carrier="relationship" if request.args.get("with") == "relationship" else "",
        enrolled=_is_enrolled(own),
        most=rules.MOST_AT_ONCE,
    )
    return template, 200 if valid else 422


def _delegated(row: Any, now: datetime) -> tuple[str, datetime | None]:
    """Where it stands, and the moment whose day is shown with it."""
    state = customer_rules.listed_delegated(row.delegated_state, row.delegated_ends_at, now)
    return state, customer_rules.shown_until(state, row.delegated_ends_at)


def _name_place(word: str) -> tuple[str, UUID] | None:
    values = pages.read_cursor(word, 2)
    try:
        return (values[0], UUID(values[1])) if values is not None else None
    except ValueError:
        return None


def _customer_count(count: int) -> str:
    if count > customers.MOST:
        return str(_("1,000+ customers"))
    return str(ngettext("%(num)s customer", "%(num)s customers", count))


def _is_enrolled(own: Organization) -> bool:
    try:
        delegated_rules.check_enrolled(own.enrolled_at, clock.now())
    except delegated_rules.NotEnrolled:
        return False
    return True


def _own(actor: Actor) -> Organization:
    found = organizations.partner_by_id(actor.organization_id)
    assert found is not None
    return found


@blueprint.get("/relationships")
@requires(Permission.READ_DELEGATED_ADMIN, on=queries.own_for)
def relationships(_partner: Organization) -> ResponseReturnValue:
    """Every relationship, what ends first in front."""
    actor = actors.signed_in()
    form = RelationshipsFilterForm(request.args)
    valid = form.validate()
    state = form.state.data if form.state.data in rules.STATES else "current"
    form.state.data = state
    wanted = queries.Wanted(
        state=state,
        search="" if form.search.errors else form.search.data or "",
        sort=form.sort.data if form.sort.data in rules.SORTS else "end",
    )
    after, before = (pages.read_place(request.args.get(name, ""), wanted.sort) for name in ("after", "before"))
    found = queries.relationships_for(actor, wanted, after=after, before=before)

    def turn(word: str, line: queries.Line) -> str:
        place = pages.cursor(wanted.sort, line.place[0].isoformat(), str(line.place[1]))
        return pages.with_arguments(**{"after": None, "before": None, word: place})

    page = pages.Page(
        found.rows,
        next_url=turn("after", found.rows[-1]) if found.more_after else "",
        previous_url=turn("before", found.rows[0]) if found.more_before else "",
        count_text=_relationship_count(found.count),
    )
    drafts, more_drafts = queries.drafts_for(actor)
    template = pages.render(
        "offers/relationships.html",
        form=form,
        drafts=drafts,
        more_drafts=more_drafts,
        page=page,
        columns=_columns(wanted),
        role_name=role_name,
        filtered=bool(wanted.search) or wanted.state != "current",
        any_at_all=bool(found.rows) or queries.has_any(actor),
        may_offer=actor.may(Permission.OFFER_DELEGATED_ADMIN),
    )
    return template, 200 if valid else 422


def _relationship_count(count: int) -> str:
    if count > queries.MOST:
        return str(_("1,000+ delegated administrations"))
    return str(ngettext("%(num)s delegated administration", "%(num)s delegated administrations", count))


def _columns(wanted: queries.Wanted) -> list[dict[str, Any]]:
    other = "end_down" if wanted.sort == "end" else "end"
    ends = {
        "label": _("Ends"),
        "url": pages.with_arguments(sort=other, after=None, before=None),
        "sort": "ascending" if wanted.sort == "end" else "descending",
    }
    return [
        {"label": _("Relationship name")},
        {"label": _("Customer")},
        {"label": _("State")},
        {"label": _("Roles")},
        ends,
    ]


@blueprint.get("/<uuid:relationship_id>/message")
@requires(Permission.READ_DELEGATED_ADMIN, on=delegated_admin.of_partner)
def message(row: DelegatedRelationship) -> ResponseReturnValue:
    """The page of the invitation that carries an offer."""
    found = invitations.invitation_of_offer(row.id)
    if found is None:
        return redirect(url_for("delegated_admin_at_partner.show", relationship_id=row.id))
    return redirect(url_for("invitations.show", invitation_id=found.id))


# --- making offers ---------------------------------------------------------------------------------------------


@blueprint.get("/new")
@requires(Permission.OFFER_DELEGATED_ADMIN)
def new() -> ResponseReturnValue:
    actor = actors.signed_in()
    own = _own(actor)
    delegated_rules.check_enrolled(own.enrolled_at, clock.now())
    ids = _ids(request.args.getlist("customer"))
    form = OfferForm(
        formdata=None, roles=list(BASIC), duration_days=str(DEFAULT_DAYS), language="customer", sending="own",
        key=str(uuid4()), carrier="relationship" if request.args.get("with") == "relationship" else "own",
    )  # fmt: skip
    after = request.args.get("after", "")
    if after:
        declined = queries.declined_for(actor, after) or abort(404)
        successor = delegated_admin.successor_of(declined.id)
        if successor is not None:
            return redirect(url_for("delegated_admin_at_partner.show", relationship_id=successor.id))
        ids = [declined.customer_id]
        _follow(form, declined, actor)
    chosen = _chosen(actor, ids)
    if len(chosen) == 1 and not after and _is_related(actor, chosen[0]):
        form.carrier.data = "own"
    return _page(form, actor, chosen, limited=len(ids) > rules.MOST_AT_ONCE)


def _follow(form: OfferForm, declined: DelegatedRelationship, actor: Actor) -> None:
    """Fill in what the customer would agree to."""
    answer = delegated_admin.answer_of(declined.id)
    assert answer is not None
    form.after.data = str(declined.id)
    form.roles.data = list(answer.facts["wanted"])
    taken = delegated_admin.taken_names(actor.organization_id, declined.name)
    form.name.data = delegated_rules.free_name(declined.name, taken)
    form.duration_days.data = str(declined.duration_days)
    form.auto_extends.data = declined.auto_extends and GLOBAL_ADMINISTRATOR not in form.roles.data
    told = invitations.invitation_of_offer(declined.id)
    if told is not None:
        form.language.data = told.language


def _is_related(actor: Actor, row: Any) -> bool:
    """Whether the customer has a relationship with the actor's organization already."""
    return bool(relationship_queries.open_with_partner(row.customer_id, actor.organization_id))


def _ids(words: Sequence[str]) -> list[UUID]:
    """The ids among some words, each once; what is none is not found."""
    try:
        return list(dict.fromkeys(UUID(word) for word in words))
    except ValueError:
        abort(404)


def _chosen(actor: Actor, ids: Sequence[UUID]) -> list[Any]:
    """The chosen customers; one that the actor does not see is not found."""
    wanted = ids[: rules.MOST_AT_ONCE]
    found = customers.chosen_for(actor, wanted) if wanted else []
    return found if len(found) == len(wanted) else abort(404)


def _role_set(actor: Actor, word: str) -> RoleSet | None:
    try:
        return delegated_admin.role_set_for(actor, UUID(word)) if word else None
    except ValueError:
        return None


def _page(form: OfferForm, actor: Actor, chosen: list[Any], *, limited: bool = False) -> str:
    saved = delegated_admin.role_sets(actor.organization_id)
    least = _("Least privilege (%(count)s roles)", count=len(BASIC))
    form.role_set.choices = [SelectChoice("basic", least)] + [
        SelectChoice(str(each.id), _("%(name)s (%(count)s roles)", name=each.name, count=len(each.roles)))
        for each in saved
    ]
    others = _others(_own(actor))
    may_choose = bool(others) and len(chosen) == 1 and not form.after.data and not _is_related(actor, chosen[0])
    form.other.choices = others if may_choose or form.carried() else [SelectChoice("", "")]
    ticked = in_order(form.roles.data or ())
    find = (form.find.data or "").strip()
    left = [role.id for role in ROLES if role.id not in ticked and _fits(role.id, find)]
    now = clock.now()
    return pages.render(
        "offers/new.html",
        form=form,
        chosen=[(row, _delegated(row, now)) for row in chosen],
        limited=limited,
        may_choose_carrier=may_choose,
        most=rules.MOST_AT_ONCE,
        ticked=[role_words(role) for role in ticked],
        groups=by_risk(left),
        find=find,
        has_global=GLOBAL_ADMINISTRATOR in ticked,
        longest=delegated_rules.LONGEST_DAYS,
    )


def _others(own: Organization) -> list[SelectChoice]:
    """With whom a relationship can be asked for: a provider's resellers, a reseller's providers."""
    if own.programme == "indirect_reseller":
        return [SelectChoice(str(each.id), each.name) for each in organizations.providers_of(own.id)]
    directly = SelectChoice("", _("%(partner)s directly", partner=own.name))
    if own.programme == "indirect_provider":
        return [directly, *(SelectChoice(str(each.id), each.name) for each in organizations.resellers_of(own.id))]
    return [directly]


def _fits(role_id: str, find: str) -> bool:
    """Whether a role's name or its words hold every word that is looked for."""
    words = role_words(role_id)
    text = unicodedata.normalize("NFKC", f"{words.name} {words.can}").casefold()
    return all(each in text for each in unicodedata.normalize("NFKC", find).casefold().split())


@blueprint.post("/new")
@requires(Permission.OFFER_DELEGATED_ADMIN)
def make() -> ResponseReturnValue:
    actor = actors.signed_in()
    delegated_rules.check_enrolled(_own(actor).enrolled_at, clock.now())
    act, _colon, value = request.form.get("act", "make").partition(":")
    ids = _ids(request.form.getlist("customer"))
    if act == "remove":
        ids = [each for each in ids if str(each) != value]
    chosen = _chosen(actor, ids)
    form = OfferForm()
    form.carrier.data = form.carrier.data or "own"
    form.other.choices = _others(_own(actor)) if form.carried() else [SelectChoice("", "")]
    if form.other.data is None or not form.carried():
        form.other.data = ""
    if act == "make" and chosen:
        return _make(form, actor, chosen)
    if act == "save":
        _save(form, actor)
    elif act == "use":
        found = _role_set(actor, form.role_set.data or "")
        form.roles.data = list(found.roles) if found is not None else list(BASIC)
    page = _page(form, actor, chosen)  # nothing is offered yet: the same form, changed
    return (page, 422) if form.errors else page


def _save(form: OfferForm, actor: Actor) -> None:
    """Save the ticked roles as a set; the form says why not."""
    if not form.set_name.data:
        form.set_name.errors = [_("Enter a name.")]
        return
    if not (form.set_name.validate(form) and form.roles.validate(form)):
        return
    try:
        saved = delegated_actions.save_role_set(by=actor, name=form.set_name.data, roles=form.roles.data or [])
    except delegated_rules.NameTaken as refusal:
        form.set_name.errors = [_taken_words(refusal)]
    else:
        form.set_name.data = ""
        flash(_("The set “%(name)s” is saved.", name=saved.name), "done")


def _taken_words(refusal: delegated_rules.NameTaken) -> str:
    if not refusal.free:
        return str(_("This name is taken. Choose another one."))
    return str(_("This name is taken. “%(free)s” is free.", free=refusal.free))


def _make(form: OfferForm, actor: Actor, chosen: list[Any]) -> ResponseReturnValue:
    if not form.validate_on_submit():
        return _page(form, actor, chosen), 422
    declined = queries.declined_for(actor, form.after.data) if form.after.data else None
    if form.after.data and (declined is None or [row.customer_id for row in chosen] != [declined.customer_id]):
        declined = None  # it goes to others than the customer that asked for fewer
    outcomes = actions.make_each(
        [row.customer_id for row in chosen], by=actor, terms=_terms(form), key=_key(form), replaces=declined
    )
    if len(outcomes) > 1:
        return pages.render("offers/result.html", lines=_results(chosen, outcomes), sent=form.sending.data == "send")
    return _answer(form, actor, chosen, outcomes[0])


def _terms(form: OfferForm) -> actions.Terms:
    assert form.days is not None
    other = organizations.partner_by_id(UUID(form.other.data)) if form.other.data else None
    return actions.Terms(
        name=form.name.data or "", roles=in_order(form.roles.data or ()), duration_days=form.days,
        auto_extends=bool(form.auto_extends.data), language="" if form.language.data == "customer" else form.language.data, send=form.sending.data == "send",
        asks="relationship" if form.carried() else "administration", other=other,
    )  # fmt: skip


def _key(form: OfferForm) -> UUID:
    try:
        return UUID(form.key.data)
    except (TypeError, ValueError):
        return uuid4()


def _answer(form: OfferForm, actor: Actor, chosen: list[Any], outcome: actions.Outcome) -> ResponseReturnValue:
    """What follows an offer to one customer."""
    if isinstance(outcome.refusal, delegated_rules.NameTaken):
        form.name.errors = [_taken_words(outcome.refusal)]
        return _page(form, actor, chosen), 422
    if isinstance(outcome.refusal, delegated_rules.CannotExtend):
        form.auto_extends.validate(form)
        return _page(form, actor, chosen), 422
    if outcome.refusal is not None:
        raise outcome.refusal
    if outcome.made_before:
        flash(_("This offer was made before. Nothing was made or sent a second time; see its message here."), "note")
        return redirect(url_for("offers.message", relationship_id=outcome.offer_id))
    if form.sending.data == "send":
        flash(_("The offer is made, and its message is on its way."), "done")
        return redirect(url_for("delegated_admin_at_partner.show", relationship_id=outcome.offer_id))
    flash(_("The offer is made. Now send its message: nobody at the customer knows of it yet."), "done")
    return redirect(url_for("invitations.show", invitation_id=outcome.invitation_id))


def _results(chosen: list[Any], outcomes: Sequence[actions.Outcome]) -> list[dict[str, Any]]:
    names = {row.customer_id: row.name for row in chosen}
    return [
        {
            "customer": names[each.customer_id],
            "outcome": each,
            "why": _why(each.refusal) if each.refusal is not None else "",
        }
        for each in outcomes
    ]


def _why(refusal: Refusal) -> str:
    """Why one of several offers was not made, in a sentence."""
    if isinstance(refusal, PartnerDistrusted):
        return str(_("The customer said that it does not know your organization."))
    if isinstance(refusal, rules.NoRecipient):
        return str(_("Nobody there has an address on file."))
    if isinstance(refusal, invitation_rules.OwnRecipient):
        return str(_("The address on file is your own organization's."))
    if isinstance(refusal, invitation_rules.SendLimitReached):
        return str(_("Your organization sent as many mails today as it may."))
    if isinstance(refusal, delegated_rules.NameTaken):
        return str(_("Another offer took this name at the same moment. Try again."))
    return str(_("It was refused. Offer it to this customer alone to see why."))


# --- saved sets of roles ---------------------------------------------------------------------------------------


@blueprint.get("/role-sets")
@requires(Permission.OFFER_DELEGATED_ADMIN)
def role_sets() -> ResponseReturnValue:
    saved = delegated_admin.role_sets(actors.signed_in().organization_id)
    return pages.render(
        "offers/role_sets.html", found=[(each, [role_words(role) for role in in_order(each.roles)]) for each in saved]
    )


@blueprint.post("/role-sets/<uuid:role_set_id>/deletion")
@requires(Permission.OFFER_DELEGATED_ADMIN, on=delegated_admin.role_set_for)
def delete_role_set(role_set: RoleSet) -> ResponseReturnValue:
    name = role_set.name
    delegated_actions.delete_role_set(role_set)
    flash(_("The set “%(name)s” is deleted. Offers made with it stay as they are.", name=name), "done")
    return redirect(url_for("offers.role_sets"))
