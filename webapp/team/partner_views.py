"""A partner's team: its people, their roles, and the partners it works together with."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import languages, pages
from webapp.access import Permission, requires
from webapp.accounts.models import Person
from webapp.accounts.queries import open_sessions_of
from webapp.evidence import queries as evidence
from webapp.forms import NoField
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization, Pairing
from webapp.organizations.rules import AddressNotUsable, AlreadyPaired
from webapp.team import actions, queries
from webapp.team.forms import DeclineForm, InviteForm, NumberForm, RolesForm
from webapp.team.models import PairingRequest

blueprint = Blueprint("team", __name__, url_prefix="/partner/team")

NAVIGATION = (pages.Item("partner", "team.index", lambda: _("Team"), Permission.READ_TEAM, 50),)
_INDIRECT = ("indirect_provider", "indirect_reseller")


# --- people ----------------------------------------------------------------------------------------------------


@blueprint.get("")
@requires(Permission.READ_TEAM, on=queries.team_of)
def index(organization_id: UUID) -> ResponseReturnValue:
    place = _place(request.args.get("after", ""))
    people, more = queries.people_of(organization_id, place)
    last = people[-1] if people else None
    after = pages.cursor(last.family_name, last.given_name, str(last.id)) if last is not None and more else None
    page = pages.Page(
        rows=people,
        next_url=pages.with_arguments(after=after) if after else "",
        previous_url=pages.with_arguments(after=None) if place is not None else "",
        count_text=ngettext("%(num)s person on this page", "%(num)s people on this page", len(people)),
    )
    own = _own()
    return pages.render("team/index.html", page=page, organization=own, is_indirect=own.programme in _INDIRECT)


def _place(word: str) -> queries.Place | None:
    values = pages.read_cursor(word, 3)
    if values is None:
        return None
    try:
        return values[0], values[1], UUID(values[2])
    except ValueError:
        return None


def _own() -> Organization:
    found = organizations.organization_by_id(actors.signed_in().organization_id)
    assert found is not None
    return found


@blueprint.get("/new")
@requires(Permission.LEAD_TEAM, on=queries.team_of)
def new(_organization_id: UUID) -> ResponseReturnValue:
    form = InviteForm(formdata=None, language=languages.language())
    form.offer()
    return _new(form)


@blueprint.post("")
@requires(Permission.LEAD_TEAM, on=queries.team_of)
def invite(organization_id: UUID) -> ResponseReturnValue:
    form = InviteForm()
    form.offer()
    if not form.validate_on_submit():
        return _new(form), 422
    address = form.address.data or ""
    if not form.outside.data and queries.is_outside(organization_id, address):
        form.address.errors = [
            _("This address lies outside your organization's domains. Check it, then confirm below.")
        ]
        return _new(form, outside=True), 422
    try:
        person, is_new, sent = actions.invite(
            by=actors.signed_in(), given_name=form.given_name.data or "", family_name=form.family_name.data or "",
            address=address, roles=tuple(form.roles.data or ()), language=form.language.data,
        )  # fmt: skip
    except AddressNotUsable:
        form.address.errors = [_("Nobody can be invited under this address. Use another one.")]
        return _new(form, outside=bool(form.outside.data)), 422
    if not is_new:
        flash(_("This person belongs to your team already. Name and roles were not changed."), "note")
    elif sent:
        flash(_("The person is in your team, and gets a message with a link to sign in for the first time."), "done")
    return _to(person)


def _new(form: InviteForm, *, outside: bool = False) -> str:
    domains = [each.name for each in organizations.domains_of(actors.signed_in().organization_id)]
    return pages.render("team/new.html", form=form, outside=outside, domains=domains)


@blueprint.get("/people/<uuid:person_id>")
@requires(Permission.READ_TEAM, on=queries.colleague)
def show(person: Person) -> ResponseReturnValue:
    return pages.render(
        "team/show.html", person=queries.shown(person), row=person, is_self=person.id == actors.signed_in().person_id
    )


@blueprint.get("/people/<uuid:person_id>/roles")
@requires(Permission.LEAD_TEAM, on=queries.colleague)
def roles(person: Person) -> ResponseReturnValue:
    form = RolesForm(formdata=None)
    form.offer()
    form.roles.data = list(queries.shown(person).roles)
    return _roles(person, form)


@blueprint.post("/people/<uuid:person_id>/roles")
@requires(Permission.LEAD_TEAM, on=queries.colleague)
def change_roles(person: Person) -> ResponseReturnValue:
    form = RolesForm()
    form.offer()
    if not form.validate_on_submit():
        return _roles(person, form), 422
    wanted = frozenset(form.roles.data or ())
    gives_up = person.id == actors.signed_in().person_id and "admin_agent" not in wanted
    if gives_up and not form.sure.data and not queries.is_last_administrator(person):
        form.sure.data = "yes"
        return pages.render("team/own_roles.html", form=form, row=person, wanted=sorted(wanted))
    if not actions.change_roles(person, wanted, by=actors.signed_in()):
        flash(_("The roles were so already. Nothing was changed."), "note")
    else:
        flash(_("The roles are changed. They count from the next page on that the person opens."), "done")
    return redirect("/partner") if gives_up else _to(person)


def _roles(person: Person, form: RolesForm) -> str:
    return pages.render("team/roles.html", form=form, row=person, is_last=queries.is_last_administrator(person))


@blueprint.get("/people/<uuid:person_id>/removal")
@requires(Permission.LEAD_TEAM, on=queries.colleague)
def removal(person: Person) -> ResponseReturnValue:
    return pages.render(
        "team/removal.html",
        person=queries.shown(person),
        row=person,
        is_last=queries.is_last_administrator(person),
        is_self=person.id == actors.signed_in().person_id,
        sessions=len(open_sessions_of(person.id)),
    )


@blueprint.post("/people/<uuid:person_id>/removal")
@requires(Permission.LEAD_TEAM, on=queries.colleague)
def remove(person: Person) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.remove(person, by=actors.signed_in()):
            flash(_("The person is removed and signed out everywhere."), "done")
        else:
            flash(_("The person was removed before. Nothing was changed."), "note")
    return _to(person)


@blueprint.post("/people/<uuid:person_id>/readmission")
@requires(Permission.LEAD_TEAM, on=queries.colleague)
def readmission(person: Person) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.readmit(person, by=actors.signed_in()):
            flash(_("The person can sign in again, with the roles from before."), "done")
        else:
            flash(_("The person can sign in. Nothing was changed."), "note")
    return _to(person)


@blueprint.post("/people/<uuid:person_id>/link")
@requires(Permission.LEAD_TEAM, on=queries.colleague)
def link(person: Person) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.send_link(person):
            flash(_("A new link is on its way."), "done")
        else:
            flash(_("No message was sent: one is less than ten minutes old, or none is needed."), "note")
    return _to(person)


def _to(person: Person) -> ResponseReturnValue:
    return redirect(url_for("team.show", person_id=person.id))


# --- pairings --------------------------------------------------------------------------------------------------


@blueprint.get("/pairings")
@requires(Permission.READ_TEAM, on=queries.team_of)
def pairings(organization_id: UUID) -> ResponseReturnValue:
    own = _own()
    return pages.render(
        "team/pairings/index.html",
        organization=own,
        is_indirect=own.programme in _INDIRECT,
        requests=queries.requests_of(organization_id),
        pairs=queries.pairs_of(organization_id),
    )


@blueprint.get("/pairings/new")
@requires(Permission.PAIR_PARTNERS, on=queries.team_of)
def new_pairing(_organization_id: UUID) -> ResponseReturnValue:
    return _new_pairing(NumberForm(formdata=None))


def _new_pairing(form: NumberForm) -> str:
    own = _own()
    return pages.render("team/pairings/new.html", form=form, organization=own, is_indirect=own.programme in _INDIRECT)


@blueprint.post("/pairings/check")
@requires(Permission.PAIR_PARTNERS, on=queries.team_of)
def check_pairing(_organization_id: UUID) -> ResponseReturnValue:
    form = NumberForm()
    other = _named(form)
    if other is None:
        return _new_pairing(form), 422
    return pages.render("team/pairings/check.html", form=form, organization=_own(), other=other)


@blueprint.post("/pairings")
@requires(Permission.PAIR_PARTNERS, on=queries.team_of)
def ask(_organization_id: UUID) -> ResponseReturnValue:
    form = NumberForm()
    other = _named(form)
    if other is None:
        return _new_pairing(form), 422
    waiting = _waiting_with(other)
    if waiting is not None:
        words = _("You asked before.") if waiting.by_us else _("This partner asked you already. Answer here.")
        flash(words, "note")
        return redirect(url_for("team.request_for_pairing", request_id=waiting.row.id))
    row = actions.ask(other, by=actors.signed_in())
    flash(_("The request is made. The other partner is told by mail and in its inbox."), "done")
    return redirect(url_for("team.request_for_pairing", request_id=row.id))


def _named(form: NumberForm) -> Organization | None:
    """The partner that the form names, where it can be asked; otherwise the form says why not."""
    if not form.validate_on_submit():
        return None
    own, other = _own(), organizations.partner_by_number(form.number.data or "")
    if other is not None and other.id == own.id:
        form.number.errors = [_("This is your own number. Enter the number of the other partner.")]
    elif other is None or not other.is_open or other.programme not in _INDIRECT or other.programme == own.programme:
        if own.programme == "indirect_reseller":
            form.number.errors = [_("No indirect provider works here under this number.")]
        else:
            form.number.errors = [_("No indirect reseller works here under this number.")]
    else:
        return other
    return None


def _waiting_with(other: Organization) -> queries.Request | None:
    found = queries.requests_of(actors.signed_in().organization_id)
    return next((each for each in found if each.other.id == other.id), None)


@blueprint.get("/pairings/requests/<uuid:request_id>")
@requires(Permission.READ_TEAM, on=queries.request_for)
def request_for_pairing(row: PairingRequest) -> ResponseReturnValue:
    return _request(row, DeclineForm(formdata=None))


def _request(row: PairingRequest, form: DeclineForm) -> str:
    asked = queries.request_shown(row, actors.signed_in().organization_id)
    paired = organizations.pairing(row.provider_id, row.reseller_id)
    return pages.render(
        "team/pairings/request.html",
        form=form,
        asked=asked,
        paired=paired,
        reason=queries.reason_of(asked.answer, actors.signed_in()),
        we_provide=row.provider_id == actors.signed_in().organization_id,
    )


@blueprint.post("/pairings/requests/<uuid:request_id>/confirmation")
@requires(Permission.PAIR_PARTNERS, on=queries.asked_of)
def confirmation(row: PairingRequest) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        try:
            confirmed = actions.confirm(row, by=actors.signed_in())
        except AlreadyPaired:
            flash(_("You work together already. Nothing was changed."), "note")
            return redirect(url_for("team.pairings"))
        if confirmed:
            flash(_("Confirmed. You work together from now on, and the other partner is told."), "done")
        else:
            flash(_("It was confirmed before. Nothing was changed."), "note")
    return _to_request(row)


@blueprint.post("/pairings/requests/<uuid:request_id>/decline")
@requires(Permission.PAIR_PARTNERS, on=queries.asked_of)
def decline(row: PairingRequest) -> ResponseReturnValue:
    form = DeclineForm()
    if not form.validate_on_submit():
        return _request(row, form), 422
    if actions.decline(row, by=actors.signed_in(), reason=form.reason.data or ""):
        flash(_("Declined. The other partner is told."), "done")
    else:
        flash(_("It was declined before. Nothing was changed."), "note")
    return _to_request(row)


@blueprint.post("/pairings/requests/<uuid:request_id>/withdrawal")
@requires(Permission.PAIR_PARTNERS, on=queries.asked_by)
def withdrawal(row: PairingRequest) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.withdraw(row, by=actors.signed_in()):
            flash(_("The request is taken back. The other partner is told."), "done")
        else:
            flash(_("It was taken back before. Nothing was changed."), "note")
    return _to_request(row)


def _to_request(row: PairingRequest) -> ResponseReturnValue:
    return redirect(url_for("team.request_for_pairing", request_id=row.id))


@blueprint.get("/pairings/<uuid:pairing_id>")
@requires(Permission.READ_TEAM, on=queries.pairing_for)
def pairing(row: Pairing) -> ResponseReturnValue:
    actor = actors.signed_in()
    return pages.render(
        "team/pairings/show.html",
        pair=queries.pair_shown(row, actor.organization_id),
        relationships=queries.relationships_through(row),
        we_provide=row.provider_id == actor.organization_id,
        history=evidence.tell(queries.history_of(row.provider_id, row.reseller_id), actor),
    )


@blueprint.get("/pairings/<uuid:pairing_id>/ending")
@requires(Permission.PAIR_PARTNERS, on=queries.pairing_for)
def ending(row: Pairing) -> ResponseReturnValue:
    actor = actors.signed_in()
    return pages.render(
        "team/pairings/ending.html",
        pair=queries.pair_shown(row, actor.organization_id),
        relationships=queries.relationships_through(row),
        we_provide=row.provider_id == actor.organization_id,
    )


@blueprint.post("/pairings/<uuid:pairing_id>/ending")
@requires(Permission.PAIR_PARTNERS, on=queries.pairing_for)
def end(row: Pairing) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.end(row, by=actors.signed_in()):
            flash(_("You no longer work together. The other partner is told."), "done")
        else:
            flash(_("It has ended already. Nothing was changed."), "note")
    return redirect(url_for("team.pairing", pairing_id=row.id))
