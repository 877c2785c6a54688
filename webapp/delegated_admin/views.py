"""Acting for a customer: whom a partner's person may administer, beginning, what that means, and stopping."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import database, pages
from webapp.access import Permission, requires
from webapp.actor import Actor
from webapp.delegated_admin import actions, queries, words
from webapp.delegated_admin.roles import in_order
from webapp.organizations.models import Organization

blueprint = Blueprint("acting", __name__)
NAVIGATION = (
    pages.Item(
        "partner", "acting.index", lambda: _("Administered"), Permission.ADMINISTER_CUSTOMERS, 27
    ),
)  # fmt: skip
PAGE_SIZE = 50


@blueprint.get("/partner/administered")
@requires(Permission.ADMINISTER_CUSTOMERS, on=queries.at_partner)
def index(actor: Actor) -> ResponseReturnValue:
    """The customers at which the partner has roles in force, with what the reader can do of them."""
    found = queries.administered_by(actor, size=PAGE_SIZE + 1, after=_place(request.args.get("after", "")))
    rows, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    place = pages.cursor(rows[-1].name_key, str(rows[-1].customer_id)) if more else ""
    page = pages.Page(
        rows, next_url=pages.with_arguments(after=place) if more else "",
        previous_url=pages.with_arguments(after=None) if request.args.get("after") else "",
        count_text=str(ngettext("%(num)s customer on this page", "%(num)s customers on this page", len(rows))),
    )  # fmt: skip
    return pages.render(
        "delegated_admin/acting/index.html",
        page=page,
        lines=[(row, [words.role_here(role, actor.roles) for role in row.roles]) for row in rows],
    )


def _place(word: str) -> tuple[str, UUID] | None:
    values = pages.read_cursor(word, 2)
    try:
        return (values[0], UUID(values[1])) if values is not None else None
    except ValueError:
        return None


@blueprint.post("/partner/administered/<uuid:customer_id>/acting")
@requires(Permission.ADMINISTER_CUSTOMERS, on=queries.to_administer)
def begin(customer: Organization) -> ResponseReturnValue:
    actor, now = actors.signed_in(), actors.administering()
    acts = isinstance(now, Actor)
    if actor.acting_for_id is not None and not (acts and actor.acting_for_id == customer.id):
        with database.unit_of_work():  # that it stopped belongs into the history of the customer before
            actions.end_acting(by=actor, records=acts)
    actions.begin_acting(customer, by=actor)
    actors.changed_place()
    return redirect(url_for("acting.show"))


@blueprint.get("/acting")
@requires(Permission.READ_HOME, on=queries.acting_as)
def show(actor: Actor) -> ResponseReturnValue:
    """Who acts for whom, by which roles, and what they open."""
    acting = actor.acting
    assert acting is not None
    own = actors.load(actor.session_id)
    held = in_order(acting.roles)
    return pages.render(
        "delegated_admin/acting/show.html",
        roles=[words.role_here(role, own.roles if own is not None else frozenset()) for role in held],
    )


@blueprint.post("/acting/end")
@requires(Permission.USE_ACCOUNT)
def end() -> ResponseReturnValue:
    """Stop, whatever became of the rights meanwhile; whoever acts for nobody has nothing to stop."""
    actor = actors.signed_in()
    name = actions.end_acting(by=actor)
    if name:
        actors.changed_place()
        flash(_("You no longer administer %(customer)s.", customer=name), "done")
    return redirect(url_for("acting.index") if actor.may(Permission.ADMINISTER_CUSTOMERS) else url_for("home.landing"))
