"""A partner's programs: made, changed, given secrets and revoked by its admin agents."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import pages, security
from webapp.access import Permission, requires
from webapp.api_clients import actions, queries, rules
from webapp.api_clients.forms import NewProgramForm, ProgramForm
from webapp.api_clients.models import ApiClient
from webapp.api_clients.queries import OfClient
from webapp.evidence import queries as evidence
from webapp.forms import NoField

blueprint = Blueprint("api_clients", __name__, url_prefix="/partner/api-clients")

NAVIGATION = (pages.Item("partner", "api_clients.index", lambda: _("API clients"), Permission.LEAD_API_CLIENTS, 55),)
#: How much of what a program did its page tells.
LATELY = 10


@blueprint.get("")
@requires(Permission.LEAD_API_CLIENTS, on=queries.partner_of)
def index(partner_id: UUID) -> ResponseReturnValue:
    place = pages.read_place(request.args.get("after", ""))
    rows, more = queries.clients_of(partner_id, place)
    last = rows[-1] if rows and more else None
    after = pages.cursor(last.created_at.isoformat(), str(last.id)) if last is not None else None
    page = pages.Page(
        rows=rows,
        next_url=pages.with_arguments(after=after) if after else "",
        previous_url=pages.with_arguments(after=None) if place is not None else "",
        count_text=ngettext("%(num)s program on this page", "%(num)s programs on this page", len(rows)),
    )
    return pages.render("api_clients/index.html", page=page)


@blueprint.get("/new")
@requires(Permission.LEAD_API_CLIENTS, on=queries.partner_of)
def new(_partner_id: UUID) -> ResponseReturnValue:
    form = NewProgramForm(formdata=None)
    form.offer()
    return pages.render("api_clients/new.html", form=form)


@blueprint.post("")
@requires(Permission.LEAD_API_CLIENTS, on=queries.partner_of)
def create(_partner_id: UUID) -> ResponseReturnValue:
    form = NewProgramForm()
    form.offer()
    if not form.validate_on_submit():
        return pages.render("api_clients/new.html", form=form), 422
    row, secret = actions.create(
        by=actors.signed_in(), name=form.name.data or "", roles=form.chosen, redirect_uris=form.addresses
    )
    return _secret(row, secret, is_first=True)


def _secret(row: ApiClient, secret: str, *, is_first: bool) -> str:
    """The one page that shows a secret. Opened again it is not there any more."""
    security.one_time_secret()
    return pages.render("api_clients/secret.html", client=row, secret=secret, is_first=is_first)


@blueprint.get("/<uuid:client_id>")
@requires(Permission.LEAD_API_CLIENTS, on=queries.client_for)
def show(row: ApiClient) -> ResponseReturnValue:
    did = evidence.tell(evidence.by_person(row.person_id, LATELY), actors.signed_in())
    return pages.render(
        "api_clients/show.html", client=queries.shown(row), row=row, did=did, most_secrets=rules.MOST_SECRETS
    )


@blueprint.get("/<uuid:client_id>/roles")
@requires(Permission.LEAD_API_CLIENTS, on=queries.client_for)
def edit(row: ApiClient) -> ResponseReturnValue:
    form = ProgramForm(formdata=None, redirect_uris="\n".join(row.redirect_uris))
    form.offer()
    form.roles.data = list(row.roles)
    return pages.render("api_clients/edit.html", form=form, client=row)


@blueprint.post("/<uuid:client_id>/roles")
@requires(Permission.LEAD_API_CLIENTS, on=queries.client_for)
def change(row: ApiClient) -> ResponseReturnValue:
    form = ProgramForm()
    form.offer()
    if not form.validate_on_submit():
        return pages.render("api_clients/edit.html", form=form, client=row), 422
    if actions.change(row, roles=form.chosen, redirect_uris=form.addresses, by=actors.signed_in()):
        flash(_("The program is changed. Tokens that it holds have its new roles at once."), "done")
    else:
        flash(_("It was so already. Nothing was changed."), "note")
    return _to(row)


@blueprint.post("/<uuid:client_id>/secrets")
@requires(Permission.LEAD_API_CLIENTS, on=queries.client_for)
def add_secret(row: ApiClient) -> ResponseReturnValue:
    if not NoField().validate_on_submit():
        return _to(row)
    return _secret(row, actions.add_secret(row, by=actors.signed_in()), is_first=False)


@blueprint.get("/<uuid:client_id>/secrets/<uuid:secret_id>/revocation")
@requires(Permission.LEAD_API_CLIENTS, on=queries.secret_for)
def secret_revocation(found: OfClient) -> ResponseReturnValue:
    good = queries.open_secrets([found.client.id]).get(found.client.id, [])
    return pages.render(
        "api_clients/secret_revocation.html", client=found.client, secret=found.secret, is_only=len(good) == 1
    )


@blueprint.post("/<uuid:client_id>/secrets/<uuid:secret_id>/revocation")
@requires(Permission.LEAD_API_CLIENTS, on=queries.secret_for)
def revoke_secret(found: OfClient) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.revoke_secret(found.client, found.secret, by=actors.signed_in()):
            flash(_("The secret is revoked. Nobody gets a token with it any more."), "done")
        else:
            flash(_("The secret was revoked before. Nothing was changed."), "note")
    return _to(found.client)


@blueprint.get("/<uuid:client_id>/revocation")
@requires(Permission.LEAD_API_CLIENTS, on=queries.client_for)
def revocation(row: ApiClient) -> ResponseReturnValue:
    return pages.render("api_clients/revocation.html", client=queries.shown(row))


@blueprint.post("/<uuid:client_id>/revocation")
@requires(Permission.LEAD_API_CLIENTS, on=queries.client_for)
def revoke(row: ApiClient) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.revoke(row, by=actors.signed_in()):
            flash(_("The program is revoked. Its secrets and tokens no longer work."), "done")
        else:
            flash(_("The program was revoked before. Nothing was changed."), "note")
    return _to(row)


def _to(row: ApiClient) -> ResponseReturnValue:
    return redirect(url_for("api_clients.show", client_id=row.id))
