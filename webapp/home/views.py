"""The landing page, both first pages, and the pages that belong to nobody else."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import again, languages, pages
from webapp.access import Permission, anyone, requires
from webapp.actor import Actor, RightsOver
from webapp.delegated_admin import queries as delegated_admin
from webapp.directory import actions as directory
from webapp.forms import NoField
from webapp.home import queries
from webapp.policies import queries as policies

blueprint = Blueprint("home", __name__)

NAVIGATION = (
    pages.Item("customer", "home.show", lambda: _("Home"), Permission.READ_HOME, 10),
    pages.Item("partner", "home.partner", lambda: _("Overview"), Permission.READ_HOME, 10),
)


@blueprint.get("/")
@anyone(because="the first page says what this is")
def landing() -> ResponseReturnValue:
    if isinstance(actors.administering(), RightsOver):
        return redirect(url_for("home.partner"))  # where it is told that its rights ended
    if actors.current() is not None:
        return redirect(url_for("home.show"))
    return pages.render("home/landing.html")


@blueprint.get("/home")
@requires(Permission.READ_HOME)
def show() -> ResponseReturnValue:
    actor = actors.signed_in()
    if actor.acting is not None:
        return redirect(url_for("acting.show"))
    if actor.is_partner:
        return redirect(url_for("home.partner"))
    return pages.render(
        "home/show.html", home=queries.customer_home(actor), may_decide=delegated_admin.may_decide(actor)
    )


def _customer_only(actor: Actor) -> Actor | None:
    return actor if actor.is_customer else None


@blueprint.post("/home/setup-dismissal")
@requires(Permission.GIVE_ROLES, on=_customer_only)
def dismiss_setup(actor: Actor) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        if directory.dismiss_setup(by=actor):
            flash(_("The list is put away. You can show it again at the bottom of this page."), "done")
        else:
            flash(_("The list was put away before."), "note")
    return redirect(url_for("home.show"))


@blueprint.post("/home/setup-list")
@requires(Permission.GIVE_ROLES, on=_customer_only)
def show_setup(actor: Actor) -> ResponseReturnValue:
    if NoField().validate_on_submit():
        directory.show_setup_again(by=actor)
    return redirect(url_for("home.show"))


def _partner_only(actor: Actor) -> Actor | None:
    return actor if actor.is_partner else None


@blueprint.get("/partner")
@requires(Permission.READ_HOME, on=_partner_only)
def partner(actor: Actor) -> ResponseReturnValue:
    return pages.render("home/partner.html", home=queries.partner_home(actor))


@blueprint.get("/language/<code>")
@anyone(because="whoever cannot read the page must be able to change its language")
def language(code: str) -> ResponseReturnValue:
    if code in languages.LANGUAGES:
        session["lang"] = code
    return redirect(again.local(request.args.get("back")) or url_for("home.landing"))


@blueprint.get("/help", endpoint="help")
@anyone(because="help is for everybody")
def show_help() -> ResponseReturnValue:
    return pages.render("home/help.html")


@blueprint.get("/privacy")
@anyone(because="everybody may know what is kept of him")
def privacy() -> ResponseReturnValue:
    return pages.render("home/privacy.html", years=policies.value("evidence.retention_years"))


@blueprint.get("/health/live")
@anyone(because="says only that the process answers")
def live() -> ResponseReturnValue:
    return {"status": "live"}


@blueprint.get("/health/ready")
@anyone(because="says only whether the database answers and is migrated")
def ready() -> ResponseReturnValue:
    if queries.is_ready():
        return {"status": "ready"}
    return {"status": "not ready"}, 503
