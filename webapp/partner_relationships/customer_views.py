"""Settings > Partner relationships."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import actor as actors
from webapp import clock, pages
from webapp.access import Permission, requires, roles_with
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.words import role_name as delegated_role_name
from webapp.pages import role_name
from webapp.partner_relationships import queries, rules
from webapp.partner_relationships.forms import PartnersFilterForm
from webapp.partner_relationships.queries import Place, Wanted
from webapp.policies import queries as policies
from webapp.relationships.models import Relationship

blueprint = Blueprint("partner_relationships", __name__, url_prefix="/settings/partner-relationships")

NAVIGATION = (
    pages.Item(
        "customer",
        "partner_relationships.index",
        lambda: _("Partner relationships"),
        Permission.READ_PARTNER_RELATIONSHIPS,
        30,
    ),
)


@blueprint.get("")
@requires(Permission.READ_PARTNER_RELATIONSHIPS)
def index() -> ResponseReturnValue:
    actor = actors.signed_in()
    form = PartnersFilterForm(request.args)
    valid = form.validate()
    wanted = Wanted(
        search="" if form.search.errors else form.search.data or "",
        status="active" if form.status.errors else form.status.data or "active",
        kind="" if form.kind.errors else form.kind.data or "",
    )
    after, before = _place("after"), _place("before")
    rows, more = queries.relationships_of(actor, wanted, after=after, before=before)
    counted = queries.counted(actor, wanted)
    earlier = after is not None if before is None else more
    later = more if before is None else True
    page = pages.Page(
        rows=[_line(row) for row in rows],
        next_url=_turn("after", rows[-1]) if rows and later else "",
        previous_url=_turn("before", rows[0]) if rows and earlier else "",
        count_text=ngettext("%(num)s relationship", "%(num)s relationships", counted.fitting),
    )
    template = pages.render(
        "partner_relationships/index.html",
        form=form, page=page, filtered=wanted.is_filtered, status=wanted.status, counted=counted,
        type_name=type_name, state_words=state_words,
    )  # fmt: skip
    return template, 200 if valid else 422


def type_name(kind: str) -> str:
    """What a kind of relationship is called."""
    names = {
        "reseller": _("Reseller"),
        "indirect_reseller": _("Indirect reseller"),
        "delegated_administration": _("Delegated administration"),
    }
    return str(names[kind])


def state_words(state: str) -> tuple[str, str]:
    """What a state is called, and its tone."""
    words = {
        "active": (_("Active"), "good"),
        "pending": (_("Waiting for your answer"), "waiting"),
        "declined": (_("Declined"), "ended"),
        "withdrawn": (_("Withdrawn"), "ended"),
        "lapsed": (_("Not answered in time"), "ended"),
        "expired": (_("Expired"), "ended"),
        "ended": (_("Ended"), "ended"),
    }
    name, tone = words[state]
    return str(name), tone


@dataclass(frozen=True)
class Line:
    """One relationship as the list shows it now. `state` is one of delegated administration's, of a reseller "active"
    or "ended"; `roles` are the first names; `until` is the end or, waiting, the last moment to answer, in `zone`."""

    id: UUID
    kind: str
    partner: str
    provider: str
    name: str
    roles: list[str]
    more_roles: int
    state: str
    began_at: datetime | None
    until: datetime | None
    zone: str | None
    duration_days: int
    ends_soon: bool
    auto_extends: bool
    asked_to_end: bool

    @property
    def url(self) -> str:
        if self.kind == "delegated_administration":
            return url_for("delegated_admin.show", relationship_id=self.id)
        return url_for("partner_relationships.show", relationship_id=self.id)


def _line(row: Any) -> Line:
    now, state, until = clock.now(), row.state, row.over_at
    if row.kind == "delegated_administration":
        state, until = delegated_rules.present_state(row, now), delegated_rules.shown_until(row, now)
    roles, more = rules.first_roles(row.roles or [])
    return Line(
        id=row.id, kind=row.kind, partner=row.partner, provider=row.provider or "", name=row.name or "",
        roles=[delegated_role_name(role) for role in roles], more_roles=more, state=state,
        began_at=row.began_at, until=until, zone=row.zone, duration_days=row.duration_days or 0,
        ends_soon=rules.ends_soon(state, row.ends_at, row.auto_extends, now),
        auto_extends=bool(row.auto_extends), asked_to_end=bool(row.asked_to_end),
    )  # fmt: skip


def _place(name: str) -> Place | None:
    values = pages.read_cursor(request.args.get(name, ""), 3)
    try:
        return (values[0], values[1], UUID(values[2])) if values else None
    except ValueError:
        return None


def _turn(name: str, row: Any) -> str:
    word = pages.cursor(row.shown_key, row.own_key, str(row.id))
    return pages.with_arguments(**{"after": None, "before": None, name: word})


@blueprint.get("/<uuid:relationship_id>")
@requires(Permission.READ_PARTNER_RELATIONSHIPS, on=queries.relationship_for)
def show(relationship: Relationship) -> ResponseReturnValue:
    actor = actors.signed_in()
    details = queries.details_of(actor, relationship)
    return pages.render(
        "partner_relationships/show.html",
        details=details,
        type_name=type_name(rules.type_of(relationship.reseller_id is not None)),
        state_words=state_words,
        deciders=[role_name(role) for role in policies.value("delegated_admin.approvers")],
        may_decide=delegated.may_decide(actor),
        askers=[role_name(role) for role in roles_with("customer", Permission.ASK_TO_END)],
        distrusters=[role_name(role) for role in roles_with("customer", Permission.DISTRUST_PARTNERS)],
    )
