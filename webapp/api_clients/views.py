"""OAuth 2: where programs fetch tokens, and where a person agrees to what a program may do in its name, and takes that back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import again, clock, pages, security
from webapp.access import Permission, anyone, requires
from webapp.api_clients import actions, grants, queries, rules, words
from webapp.api_clients.forms import ConsentForm
from webapp.api_clients.grants import Answer, Asked
from webapp.api_clients.models import ApiClient
from webapp.errors import TooManyAttempts
from webapp.forms import NoField
from webapp.rest import ApiError

blueprint = Blueprint("oauth", __name__)
_PROVES = "a program proves itself by its secret, not by a session; no browser sends its cookie here"


@blueprint.post("/<tenant>/oauth2/v2.0/token")
@anyone(because=_PROVES)
def token(tenant: str) -> ResponseReturnValue:
    return _said(_answer(tenant, {}))


@blueprint.post("/<tenant>/oauth2/token")
@anyone(because=_PROVES)
def token_v1(tenant: str) -> ResponseReturnValue:
    """The older endpoint: `resource` in the place of `scope`, and numbers as texts in its answer."""
    resource = request.form.get("resource", "")
    answer = _answer(tenant, {"scope": [resource]} if resource else {})
    if answer.status == 200:
        now, lasts = int(clock.now().timestamp()), int(answer.body["expires_in"])
        answer.body.update(
            expires_in=str(lasts), ext_expires_in=str(lasts), not_before=str(now), expires_on=str(now + lasts)
        )
        answer.body["resource"] = answer.body.pop("scope", "")
    return _said(answer)


def _answer(tenant: str, more: Mapping[str, list[str]]) -> Answer:
    form = {**dict(request.form.lists()), **more}
    headers = {"Authorization": request.headers.get("Authorization", "")}
    try:
        return grants.answer_token_request(tenant, form, headers, network_address=request.remote_addr or "")
    except TooManyAttempts as refusal:
        return _wait(int(refusal.minutes) * 60)
    except ApiError as error:
        if error.status != 429:
            raise
        return _wait(60)


def _wait(seconds: int) -> Answer:
    body = {"error": "temporarily_unavailable", "error_description": f"Wait {seconds} seconds."}
    return Answer(429, body, {"Retry-After": str(seconds)})


def _said(answer: Answer) -> Response:
    response = Response(json.dumps(answer.body), answer.status, mimetype="application/json")
    for name, value in answer.headers.items():
        if name != "Content-Type":
            response.headers[name] = value
    response.headers["Cache-Control"], response.headers["Pragma"] = "no-store", "no-cache"
    return response


# --- consent ---------------------------------------------------------------------------------------------------


@blueprint.get("/<tenant>/oauth2/v2.0/authorize")
@anyone(because="what is wrong with a request is told to its program at once; whoever shall agree signs in first")
def authorize(tenant: str) -> ResponseReturnValue:
    try:
        asked = grants.read_request(tenant, dict(request.args.lists()))
    except grants.Returned as returned:  # before signing in: no form of ours may lead to another site
        return redirect(returned.address)
    if actors.current() is None:
        return again.sign_in_first()
    return _page(asked, _offered(asked))


@blueprint.post("/<tenant>/oauth2/v2.0/authorize")
@requires(Permission.USE_ACCOUNT)
def agree(tenant: str) -> ResponseReturnValue:
    try:
        asked = grants.read_request(tenant, dict(request.args.lists()))
    except grants.Returned as returned:
        return redirect(returned.address, 303)
    roles, form = _offered(asked), ConsentForm()
    if request.form.get("act") != "agree":
        return redirect(grants.refused(asked), 303)
    if not form.validate_on_submit() or form.shown.data != " ".join(roles):
        return _page(asked, roles, changed=True)
    return redirect(grants.agreed(asked, by=actors.signed_in(), roles=roles), 303)


def _offered(asked: Asked) -> tuple[str, ...]:
    """The roles that the signed-in person can give the program. Raises ProgramOfAnother, NoRoleForProgram."""
    actor, client = actors.signed_in(), asked.client
    roles = queries.offered_by(client, actor.person_id)
    rules.check_consent(
        actor.organization_id, client.organization_id, roles, program=client.name, partner=asked.partner
    )
    return roles


def _page(asked: Asked, roles: tuple[str, ...], *, changed: bool = False) -> Response:
    form: Any = ConsentForm(formdata=None, shown=" ".join(roles))
    page = pages.render(
        "api_clients/authorize.html", form=form, asked=asked, roles=roles, changed=changed, can=words.can(roles),
        cannot=words.cannot(roles), returns_to=rules.origin_of(asked.address),
    )  # fmt: skip
    response = make_response(page, 409 if changed else 200)
    # A browser follows a form's redirect only to where form-action allows: the place that the program registered.
    response.headers["Content-Security-Policy"] = security.CONTENT_SECURITY.replace(
        "form-action 'self'", f"form-action 'self' {rules.origin_of(asked.address)}"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


# --- taking it back --------------------------------------------------------------------------------------------


@blueprint.get("/account/programs")
@requires(Permission.USE_ACCOUNT)
def programs() -> ResponseReturnValue:
    found = queries.consented_by(actors.signed_in().person_id)
    return pages.render("api_clients/consents.html", consents=found)


@blueprint.post("/account/programs/<uuid:client_id>/withdrawal")
@requires(Permission.USE_ACCOUNT, on=queries.consented_client)
def withdraw(row: ApiClient) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if actions.withdraw(row, by=actors.signed_in()):
            flash(_("The program %(program)s no longer acts in your name.", program=row.name), "done")
        else:
            flash(
                _("The program %(program)s did not act in your name any more. Nothing was changed.", program=row.name),
                "note",
            )
    return redirect(url_for("oauth.programs"))
