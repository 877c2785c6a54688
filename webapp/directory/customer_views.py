"""A customer's people: the list, adding one, and the page of each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import database, pages
from webapp.access import ROLES, Permission, requires
from webapp.accounts.models import Person
from webapp.accounts.rules import AddressInUse
from webapp.directory import actions, queries, rules
from webapp.directory.forms import HeldLicencesForm, PeopleFilterForm, PersonForm, RolesForm, labels
from webapp.directory.queries import Seats, Wanted
from webapp.forms import NoField
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import AddressNotUsable, AddressOfPartner
from webapp.subscriptions.rules import NoLicencesNow, NoSeatLeft

blueprint = Blueprint("directory", __name__, url_prefix="/users")

NAVIGATION = (pages.Item("customer", "directory.index", lambda: _("People"), Permission.READ_PEOPLE, 36),)


def _own() -> Organization:
    found = organizations.organization_by_id(actors.signed_in().organization_id)
    assert found is not None
    return found


# --- the list --------------------------------------------------------------------------------------------------


@blueprint.get("")
@requires(Permission.READ_PEOPLE, on=queries.customer_of)
def index(customer_id: UUID) -> ResponseReturnValue:
    line = queries.line_of(customer_id, request.args.get("licence", ""))
    state = request.args.get("state", "")
    wanted = Wanted(
        search=" ".join(request.args.get("search", "")[:200].split()),
        state=state if state in rules.STATES else "",
        line_id=line.line_id if line is not None else None,
    )
    after, before = _place(request.args.get("after", "")), _place(request.args.get("before", ""))
    found = queries.people_of(customer_id, wanted, after=after, before=before if after is None else None)
    rows = found.rows
    page = pages.Page(
        rows=rows,
        next_url=pages.with_arguments(after=_cursor(rows[-1]), before=None) if rows and found.more_after else "",
        previous_url=pages.with_arguments(before=_cursor(rows[0]), after=None) if rows and found.more_before else "",
        count_text=_count(found.count),
    )
    form = PeopleFilterForm(request.args)
    lines = {each.standing.line_id: each.standing for each in queries.seats_of(_own())}
    if line is not None:
        lines[line.line_id] = line  # one that ended can still be asked for
    form.offer(labels([(each.line_id, each.product, each.ends_on) for each in lines.values()]))
    return pages.render("directory/index.html", form=form, page=page, wanted=wanted, line=line)


def _place(word: str) -> queries.Place | None:
    values = pages.read_cursor(word, 3)
    if values is None:
        return None
    try:
        return values[0], values[1], UUID(values[2])
    except ValueError:
        return None


def _cursor(row: queries.Listed) -> str:
    return pages.cursor(row.family_name, row.given_name, str(row.id))


def _count(number: int) -> str:
    if number > queries.MOST:
        return str(_("More than %(num)s people", num=f"{queries.MOST:,}"))
    return str(ngettext("%(num)s person", "%(num)s people", number))


def _labelled(seats: list[Seats]) -> list[tuple[UUID, str]]:
    return labels([(each.standing.line_id, each.standing.product, each.standing.ends_on) for each in seats])


def _left(seats: list[Seats]) -> dict[str, str]:
    """What stands below each box: how many seats are left."""
    return {
        str(each.standing.line_id): str(
            ngettext(
                "%(num)s of %(all)s seats left", "%(num)s of %(all)s seats left", each.left, all=each.standing.seats
            )
            if each.can_give
            else _("It has ended: a seat can only be taken back.")
        )
        for each in seats
    }


# --- adding somebody -------------------------------------------------------------------------------------------


@blueprint.get("/new")
@requires(Permission.MANAGE_PEOPLE, on=queries.customer_of)
def new(_customer_id: UUID) -> ResponseReturnValue:
    form, seats = _person_form(formdata=None, language=_own().language)
    return _new(form, seats)


def _person_form(**options: Any) -> tuple[PersonForm, list[Seats]]:
    form, seats = PersonForm(**options), [each for each in queries.seats_of(_own()) if each.can_give]
    form.offer(_labelled(seats))
    if not actors.signed_in().may(Permission.GIVE_ROLES):
        del form.roles
    if not seats:
        del form.licences
    return form, seats


def _new(form: PersonForm, seats: list[Seats]) -> str:
    domains = [each.name for each in organizations.domains_of(actors.signed_in().organization_id)]
    return pages.render("directory/new.html", form=form, left=_left(seats), domains=domains)


@blueprint.post("")
@requires(Permission.MANAGE_PEOPLE, on=queries.customer_of)
def add(customer_id: UUID) -> ResponseReturnValue:
    form, seats = _person_form()
    if not form.validate_on_submit():
        return _new(form, seats), 422
    lines = queries.lines_by_id(customer_id, form.lines if "licences" in form else ())
    try:
        added = actions.add(
            by=actors.signed_in(), given_name=form.given_name.data or "", family_name=form.family_name.data or "",
            address=form.address.data or "", language=form.language.data,
            roles=form.roles.data or () if "roles" in form else (), lines=list(lines.values()),
        )  # fmt: skip
    except AddressOfPartner as refusal:
        return _wrong(form, seats, "address", _in_partners_hands(refusal.partner))
    except (AddressNotUsable, AddressInUse):
        return _wrong(form, seats, "address", _("Nobody can be added under this address. Use another one."))
    except NoSeatLeft as refusal:
        return _wrong(form, seats, "licences", _no_seat(refusal.product))
    except NoLicencesNow as refusal:
        words = _("No licence of %(product)s can be given now. Go on without it.", product=refusal.product)
        return _wrong(form, seats, "licences", words)
    if not added.is_new:
        flash(_("This person belongs to your organization already. Nothing was changed."), "note")
    elif added.sent:
        flash(_("The person is added, and gets a message with a link to sign in for the first time."), "done")
    return _to(added.person)


def _wrong(form: PersonForm, seats: list[Seats], field: str, words: str) -> ResponseReturnValue:
    database.rollback()
    form[field].errors = [words]
    return _new(form, seats), 422


def _in_partners_hands(partner: str) -> str:
    return str(_("This address lies in the hands of %(partner)s. Enter one that no partner reads.", partner=partner))


def _no_seat(product: str) -> str:
    return str(_("No seat of %(product)s is left. Take one back from somebody, or add seats first.", product=product))


# --- one person ------------------------------------------------------------------------------------------------


@blueprint.get("/<uuid:person_id>")
@requires(Permission.READ_PEOPLE, on=queries.person_for)
def show(person: Person) -> ResponseReturnValue:
    actor, details = actors.signed_in(), queries.details_of(person)
    return pages.render(
        "directory/show.html", row=person, details=details, person=details.listed,
        is_self=person.id == actor.person_id, is_untouchable=actor.acting is not None and bool(details.listed.roles),
    )  # fmt: skip


@blueprint.get("/<uuid:person_id>/licences")
@requires(Permission.GIVE_LICENCES, on=queries.person_for)
def licences(person: Person) -> ResponseReturnValue:
    actions.check_may_touch(person, actors.signed_in())
    form, seats = _licences_form(person, formdata=None)
    form.show([each.standing.line_id for each in seats if each.has])
    return _licences(person, form, seats)


def _licences_form(person: Person, **options: Any) -> tuple[HeldLicencesForm, list[Seats]]:
    form, seats = HeldLicencesForm(**options), queries.seats_of(_own(), person.id)
    form.offer(_labelled(seats))
    return form, seats


def _licences(person: Person, form: HeldLicencesForm, seats: list[Seats]) -> str:
    return pages.render("directory/licences.html", form=form, row=person, seats=seats, left=_left(seats))


@blueprint.post("/<uuid:person_id>/licences")
@requires(Permission.GIVE_LICENCES, on=queries.person_for)
def set_licences(person: Person) -> ResponseReturnValue:
    form, seats = _licences_form(person)
    if not form.validate_on_submit():
        return _licences(person, form, seats), 422
    try:
        given, taken = actions.set_licences(person, form.lines, shown=form.lines_shown, by=actors.signed_in())
    except (NoSeatLeft, NoLicencesNow) as refusal:
        database.rollback()
        words = _("It has ended: a seat can only be taken back.")
        form.licences.errors = [_no_seat(refusal.product) if isinstance(refusal, NoSeatLeft) else words]
        return _licences(person, form, seats), 422
    if given or taken:
        flash(_("The licences are saved. They count at once."), "done")
    else:
        flash(_("The licences were so already. Nothing was changed."), "note")
    return _to(person)


@blueprint.get("/<uuid:person_id>/roles")
@requires(Permission.GIVE_ROLES, on=queries.person_for)
def roles(person: Person) -> ResponseReturnValue:
    form = RolesForm(formdata=None)
    form.roles.data = sorted(organizations.roles_of(person.id))
    return _roles(person, form)


def _roles(person: Person, form: RolesForm) -> str:
    is_last = organizations.is_last_administrator(person, rules.ADMINISTRATOR)
    return pages.render("directory/roles.html", form=form, row=person, is_last=is_last)


@blueprint.post("/<uuid:person_id>/roles")
@requires(Permission.GIVE_ROLES, on=queries.person_for)
def change_roles(person: Person) -> ResponseReturnValue:
    form = RolesForm()
    if not form.validate_on_submit():
        return _roles(person, form), 422
    wanted, held = frozenset(form.roles.data or ()), organizations.roles_of(person.id)
    gives_up = person.id == actors.signed_in().person_id and rules.ADMINISTRATOR in held - wanted
    if wanted == held:
        flash(_("The roles were so already. Nothing was changed."), "note")
        return _to(person)
    if not form.sure.data:
        form.sure.data = "yes"
        return pages.render(
            "directory/roles_check.html", form=form, row=person, given=_in_order(wanted - held), taken=_in_order(held - wanted),
            wanted=_in_order(wanted), gives_up=gives_up,
        )  # fmt: skip
    actions.change_roles(person, wanted, by=actors.signed_in())
    flash(_("The roles are changed. They count from the next page on that the person opens."), "done")
    return redirect("/home") if gives_up else _to(person)


def _in_order(held: frozenset[str]) -> list[str]:
    return [role for role in ROLES["customer"] if role in held]


@blueprint.post("/<uuid:person_id>/password-reset")
@requires(Permission.RESET_PASSWORDS, on=queries.person_for)
def password_reset(person: Person) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.send_link(person, by=actors.signed_in()):
            flash(
                _("A link for a password is on its way to the person. The present password works until it is used."),
                "done",
            )
        else:
            flash(_("No message was sent: the last one is less than ten minutes old."), "note")
    return _to(person)


@blueprint.get("/<uuid:person_id>/block")
@requires(Permission.MANAGE_PEOPLE, on=queries.person_for)
def blocking(person: Person) -> ResponseReturnValue:
    actor, details = actors.signed_in(), queries.details_of(person)
    actions.check_may_touch(person, actor)
    return pages.render(
        "directory/blocking.html", row=person, details=details, person=details.listed,
        is_self=person.id == actor.person_id, stops=actions.stopped_with(person),
    )  # fmt: skip


@blueprint.post("/<uuid:person_id>/block")
@requires(Permission.MANAGE_PEOPLE, on=queries.person_for)
def block(person: Person) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.block(person, by=actors.signed_in()):
            flash(_("The person is blocked and signed out everywhere."), "done")
        else:
            flash(_("The person was blocked before. Nothing was changed."), "note")
    return _to(person)


@blueprint.post("/<uuid:person_id>/unblock")
@requires(Permission.MANAGE_PEOPLE, on=queries.person_for)
def unblock(person: Person) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.unblock(person, by=actors.signed_in()):
            flash(_("The person can sign in again, with roles and licences as before."), "done")
        else:
            flash(_("The person can sign in. Nothing was changed."), "note")
    return _to(person)


def _to(person: Person) -> ResponseReturnValue:
    return redirect(url_for("directory.show", person_id=person.id))
