"""Who may do what: the permissions, the one policy table, and the hook that enforces it.

Every rule of the URL map declares itself with `@requires(...)` or `@anyone(because=...)`; the application
refuses to start while one does not. `enforce()` runs before anything of a request is parsed.

The only exception to "GET never writes" is the table `activity` (when a session was last seen, a program of the API last
called), written at most once in five minutes in a transaction of its own.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from webapp import actor as actors
from webapp import clock, database
from webapp.actor import Actor
from webapp.errors import Forbidden


class Permission(StrEnum):
    """What can be allowed; each page, endpoint and command asks for one of these."""

    USE_ACCOUNT = "use_account"
    READ_HOME = "read_home"
    READ_AGREEMENT = "read_agreement"
    READ_RECEIPTS = "read_receipts"
    ANSWER_INVITATIONS = "answer_invitations"
    READ_PARTNER_RELATIONSHIPS = "read_partner_relationships"
    READ_HISTORY = "read_history"
    READ_INBOX = "read_inbox"
    WORK_INBOX = "work_inbox"
    ADMIT_PEOPLE = "admit_people"
    READ_CUSTOMERS = "read_customers"
    READ_INVITATIONS = "read_invitations"
    WRITE_INVITATIONS = "write_invitations"
    CLOSE_STANDING_INVITATIONS = "close_standing_invitations"
    READ_DELEGATED_ADMIN = "read_delegated_admin"
    ANSWER_DELEGATED_ADMIN = "answer_delegated_admin"
    OFFER_DELEGATED_ADMIN = "offer_delegated_admin"
    HAND_OVER = "hand_over"
    ASK_TO_END = "ask_to_end"
    DISTRUST_PARTNERS = "distrust_partners"
    END_RELATIONSHIPS = "end_relationships"
    ADD_CUSTOMERS = "add_customers"
    ATTEST = "attest"
    READ_ORDERS = "read_orders"
    PLACE_ORDERS = "place_orders"
    BUY = "buy"
    IMPORT = "import"
    READ_TEAM = "read_team"
    LEAD_TEAM = "lead_team"
    PAIR_PARTNERS = "pair_partners"
    READ_SUBSCRIPTIONS = "read_subscriptions"
    NAME_PARTNER_OF_RECORD = "name_partner_of_record"
    REDEEM_KEYS = "redeem_keys"
    RENEW = "renew"
    READ_PEOPLE = "read_people"
    MANAGE_PEOPLE = "manage_people"
    GIVE_LICENCES = "give_licences"
    RESET_PASSWORDS = "reset_passwords"
    GIVE_ROLES = "give_roles"
    READ_RENEWALS = "read_renewals"
    SET_UP_CUSTOMERS = "set_up_customers"
    ADMINISTER_CUSTOMERS = "administer_customers"
    USE_API = "use_api"
    LEAD_API_CLIENTS = "lead_api_clients"
    LEAD_WEBHOOKS = "lead_webhooks"


P = Permission

_EVERYBODY = {P.USE_ACCOUNT, P.READ_HOME}
_CUSTOMER_MEMBER = _EVERYBODY | {P.READ_AGREEMENT, P.READ_DELEGATED_ADMIN, P.HAND_OVER}
_CUSTOMER_READER = _CUSTOMER_MEMBER | {
    P.READ_RECEIPTS, P.READ_PARTNER_RELATIONSHIPS, P.READ_HISTORY, P.READ_INBOX, P.READ_ORDERS, P.READ_SUBSCRIPTIONS,
    P.READ_PEOPLE,
}  # fmt: skip
_PARTNER_MEMBER = _EVERYBODY
_PARTNER_READER = _PARTNER_MEMBER | {
    P.READ_CUSTOMERS, P.READ_INVITATIONS, P.READ_DELEGATED_ADMIN, P.READ_HISTORY, P.READ_INBOX, P.READ_ORDERS,
    P.READ_TEAM, P.READ_RENEWALS, P.READ_SUBSCRIPTIONS,
}  # fmt: skip
#: What admin agents and sales agents both do: the seeds name these two roles for everything about agreements.
_SELLS = {
    P.WRITE_INVITATIONS, P.WORK_INBOX, P.ADD_CUSTOMERS, P.ATTEST, P.PLACE_ORDERS, P.IMPORT, P.SET_UP_CUSTOMERS
}  # fmt: skip
_CUSTOMER_ADMINISTRATOR = _CUSTOMER_READER | {P.WORK_INBOX}
_AGREES = {P.ANSWER_INVITATIONS, P.ASK_TO_END, P.DISTRUST_PARTNERS, P.BUY}
#: What touches subscriptions without signing anything: whoever pays does it, and so does a delegated billing administrator.
_PAYS = {P.READ_SUBSCRIPTIONS, P.NAME_PARTNER_OF_RECORD, P.REDEEM_KEYS, P.RENEW}
_LEADS_PEOPLE = {P.READ_PEOPLE, P.MANAGE_PEOPLE, P.GIVE_LICENCES, P.RESET_PASSWORDS, P.READ_SUBSCRIPTIONS}

#: (kind of organization, role) -> permissions. The empty role is what every member has.
POLICY: dict[tuple[str, str], frozenset[Permission]] = {
    key: frozenset(permissions)
    for key, permissions in {
        ("customer", ""): _CUSTOMER_MEMBER,
        ("customer", "global_administrator"): _CUSTOMER_ADMINISTRATOR
        | _AGREES
        | _PAYS
        | _LEADS_PEOPLE
        | {P.ADMIT_PEOPLE, P.ANSWER_DELEGATED_ADMIN, P.GIVE_ROLES},
        ("customer", "billing_administrator"): _CUSTOMER_ADMINISTRATOR | _AGREES | _PAYS,
        ("customer", "delegated_admin_administrator"): _CUSTOMER_ADMINISTRATOR
        | {P.ANSWER_DELEGATED_ADMIN, P.DISTRUST_PARTNERS},
        ("customer", "global_reader"): _CUSTOMER_READER,
        ("partner", ""): _PARTNER_MEMBER,
        ("partner", "admin_agent"): _PARTNER_READER
        | _SELLS
        | {
            P.CLOSE_STANDING_INVITATIONS,
            P.OFFER_DELEGATED_ADMIN,
            P.END_RELATIONSHIPS,
            P.LEAD_TEAM,
            P.PAIR_PARTNERS,
            P.ADMINISTER_CUSTOMERS,
            P.LEAD_API_CLIENTS,
            P.LEAD_WEBHOOKS,
        },
        ("partner", "sales_agent"): _PARTNER_READER | _SELLS,
        ("partner", "helpdesk_agent"): _PARTNER_READER | {P.ADMINISTER_CUSTOMERS},
    }.items()
}

ROLES: dict[str, tuple[str, ...]] = {
    kind: tuple(role for of_kind, role in POLICY if of_kind == kind and role) for kind in ("customer", "partner")
}

#: What a token of the API allows by the roles that it carries. No token leads people or clients, or administers a customer.
_NEVER_BY_TOKEN = {P.LEAD_TEAM, P.LEAD_API_CLIENTS, P.ADMINISTER_CUSTOMERS, P.USE_ACCOUNT, P.READ_HOME}
BY_TOKEN: dict[str, frozenset[Permission]] = {
    "admin_agent": (POLICY["partner", "admin_agent"] | {P.USE_API}) - _NEVER_BY_TOKEN,
    "sales_agent": (POLICY["partner", "sales_agent"] | {P.USE_API}) - _NEVER_BY_TOKEN,
    "read_only": frozenset((_PARTNER_READER | {P.USE_API}) - _NEVER_BY_TOKEN),
}


def permissions_by_token(roles: frozenset[str]) -> frozenset[Permission]:
    """What a token of the API with these roles allows."""
    found: frozenset[Permission] = frozenset()
    for role in roles:
        found |= BY_TOKEN.get(role, frozenset())
    return found


#: What a delegated role (Microsoft's template id) allows here: the permissions of the customer's own roles, without
#: any that binds or opens the customer. A partner can never accept, decide, buy, admit or give a role for a customer.
#: Every other role is recorded, and opens no page here.
_READS = frozenset({P.READ_AGREEMENT, P.READ_RECEIPTS, P.READ_PARTNER_RELATIONSHIPS, P.READ_HISTORY})
_READS_ALL = _READS | {P.READ_ORDERS, P.READ_SUBSCRIPTIONS, P.READ_PEOPLE}
DELEGATED: dict[str, frozenset[Permission]] = {
    "62e90394-69f5-4237-9190-012177145e10": _READS_ALL | _PAYS | _LEADS_PEOPLE,  # global administrator
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": _READS_ALL,  # global reader
    "b0f54661-2d74-4c50-afa3-1ec803f12efe": (_READS - {P.READ_HISTORY}) | _PAYS | {P.READ_ORDERS},  # billing
    "fc8ad4e2-40e4-4724-8317-bcda7503ecbf": frozenset({P.READ_PARTNER_RELATIONSHIPS}),  # relationship administrator
    "fe930be7-5e62-47db-91af-98c3a49a38b1": frozenset(_LEADS_PEOPLE),  # user administrator
    "4d6ac14f-3453-41d0-bef9-a3e0c569773a": frozenset(  # license administrator
        {P.READ_PEOPLE, P.GIVE_LICENCES, P.READ_SUBSCRIPTIONS}
    ),
    "729827e3-9c14-49f7-bb1b-9608f156bbb8": frozenset({P.READ_PEOPLE, P.RESET_PASSWORDS}),  # helpdesk administrator
}


#: How much of the delegated roles a partner's person uses, by its own role at the partner.
REACH: dict[str, frozenset[Permission]] = {
    "admin_agent": frozenset(Permission),
    "helpdesk_agent": frozenset({P.READ_PEOPLE, P.RESET_PASSWORDS}),
}
#: What everybody who acts for a customer reaches there: the page that says so, and what is for everybody signed in.
ACTS = frozenset(_EVERYBODY)


def delegated_permissions(partner_roles: frozenset[str], roles: frozenset[str]) -> frozenset[Permission]:
    """What delegated roles allow somebody with these roles at the partner who acts for a customer."""
    found: frozenset[Permission] = frozenset()
    reach: frozenset[Permission] = frozenset()
    for role in roles:
        found |= DELEGATED.get(role, frozenset())
    for role in partner_roles:
        reach |= REACH.get(role, frozenset())
    return found & reach


def permissions_of(kind: str, roles: frozenset[str]) -> frozenset[Permission]:
    """What a member of an organization of this kind may do with these roles."""
    found: frozenset[Permission] = POLICY[kind, ""]
    for role in roles:
        found |= POLICY.get((kind, role), frozenset())
    return found


def roles_with(kind: str, permission: Permission) -> tuple[str, ...]:
    """The roles that carry a permission: what a 403 page names."""
    return tuple(role for (of_kind, role), granted in POLICY.items() if of_kind == kind and permission in granted)


# --- declaring -----------------------------------------------------------------------------------------------

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Requirement:
    """What a route asks of whoever comes."""

    permission: Permission | None = None
    on: Callable[..., Any] | None = None
    because: str = ""


def requires(permission: Permission, on: Callable[..., Any] | None = None) -> Callable[[View], View]:
    """Declare who may call a view. `on(actor, **url_parameters)` finds the object (None: 404); the view
    receives the object instead of the parameters."""

    def mark(view: View) -> View:
        view.requirement = Requirement(permission, on)  # type: ignore[attr-defined]
        return view

    return mark


def anyone(because: str) -> Callable[[View], View]:
    """Declare a view open to everybody, with the reason."""

    def mark(view: View) -> View:
        view.requirement = Requirement(because=because)  # type: ignore[attr-defined]
        return view

    return mark


def requirement_of(app: Flask, endpoint: str) -> Requirement | None:
    """What the view behind an endpoint declares, or None."""
    view = app.view_functions[endpoint]
    found: Requirement | None = getattr(view, "requirement", None)
    return found


def refuse_undeclared(app: Flask) -> None:
    """Raise RuntimeError while any route says nothing about who may call it."""
    missing = sorted({r.endpoint for r in app.url_map.iter_rules() if requirement_of(app, r.endpoint) is None})
    if missing:
        raise RuntimeError("routes that do not say who may call them: " + ", ".join(missing))


# --- enforcing -----------------------------------------------------------------------------------------------


class SubjectMissing(NotFound):
    """404: this actor has no such object here, or none any more."""


#: All that somebody reaches who signed in with a temporary password and has not chosen its own yet.
BEFORE_OWN_PASSWORD = frozenset(
    {
        "static", "accounts.own_password", "accounts.choose_own_password", "accounts.sign_out",
        "accounts.choose_language", "home.language", "home.help", "home.privacy", "home.live", "home.ready",
    }
)  # fmt: skip


def enforce() -> ResponseReturnValue | None:
    """Before a request is parsed: 404 for what this actor cannot see, 403 for what it may not do."""
    if request.endpoint is None:
        return None  # no route: Flask answers 404
    by_token = actors.is_api_place(request.path)
    if not by_token and request.endpoint not in BEFORE_OWN_PASSWORD and _must_choose_password():
        return redirect(url_for("accounts.own_password"))
    requirement = requirement_of(current_app, request.endpoint)
    assert requirement is not None
    if not by_token and actors.is_shut_out():
        abort(404)
    arguments = dict(request.view_args or {})
    if requirement.permission is None:
        _begin(None)
        return None
    actor = actors.current()
    if actor is None:
        return abort(401) if by_token else _sign_in_first()
    try:
        subject = _decide(requirement, actor, arguments)
    except SubjectMissing:
        first = _first_answer(requirement, actor) if by_token else None
        if first is None:
            raise
        return first
    if requirement.on is not None:
        parameter = next(iter(inspect.signature(current_app.view_functions[request.endpoint]).parameters))
        request.view_args = {parameter: subject}
    _begin(lambda: _decide_again(requirement, actor, arguments))
    return None


def _must_choose_password() -> bool:
    actor = actors.current()
    return actor is not None and actor.must_choose_password


def _sign_in_first() -> BaseResponse:
    from webapp import again  # renders pages, which ask this module

    return again.sign_in_first()


def _first_answer(requirement: Requirement, actor: Actor) -> Response | None:
    """The first answer to a retried call of which the object is gone: the call itself may have removed it."""
    from webapp import replays  # asks this module

    first = replays.first_answer(actor)
    if first is not None:
        _check_permission(requirement, actor)
    return first


def _begin(after_lock: Callable[[], None] | None) -> None:
    if request.method not in database.READING:
        database.begin_unit(after_lock)


def _decide(requirement: Requirement, actor: Actor, arguments: dict[str, Any]) -> Any:
    subject = requirement.on(actor, **arguments) if requirement.on is not None else None
    if requirement.on is not None and subject is None:
        raise SubjectMissing()
    _check_permission(requirement, actor)
    return subject


def _check_permission(requirement: Requirement, actor: Actor) -> None:
    if requirement.permission is not None and not actor.may(requirement.permission):
        raise Forbidden(
            permission=requirement.permission, roles=roles_with(actor.organization_kind, requirement.permission)
        )


def _decide_again(requirement: Requirement, actor: Actor, arguments: dict[str, Any]) -> None:
    """Once the lock is held: a role, a session, a view or a delegated right lost meanwhile counts."""
    _decide(requirement, _as_of_now(actor), arguments)


def check_still_may(requirement: Requirement, actor: Actor) -> None:
    """Raises 401, 404 or Forbidden where the actor lost meanwhile what a route asks for; its object is not asked for."""
    _check_permission(requirement, _as_of_now(actor))


def _as_of_now(actor: Actor) -> Actor:
    fresh = actors.again(actor)
    if fresh is None:
        abort(401 if actor.token_id is not None else _sign_in_first())
    if fresh.organization_id != actor.organization_id:
        abort(404)  # its rights ended, or another window began to act for somebody else
    return fresh


# --- the access log ------------------------------------------------------------------------------------------

log = logging.getLogger("countersign.access")


def init_app(app: Flask) -> None:
    """Keep the access log: a line on standard error for each request by which somebody who acts for a customer reads or
    changes something there. No other requests are logged; addresses may hold secrets."""
    if not log.handlers:
        log.addHandler(logging.StreamHandler())
        log.setLevel(logging.INFO)
    app.after_request(_note_access)


def _note_access(response: Response) -> Response:
    actor: Actor | None = g.get("actor")
    if actor is None or actor.acting is None or request.url_rule is None:
        return response
    secret = "secret" in request.url_rule.arguments
    log.info(
        "%s acting person=%s partner=%s customer=%s %s %s %s", clock.now().isoformat(timespec="seconds"), actor.person_id,
        actor.home_id, actor.organization_id, request.method, request.url_rule.rule if secret else request.path,
        response.status_code,
    )  # fmt: skip
    return response
