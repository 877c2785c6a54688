"""Who acts: one plain, frozen value for the request, loaded once and holding no database rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from flask import g, has_request_context, request
from flask import session as cookie
from flask_login import current_user

if TYPE_CHECKING:
    from webapp.access import Permission


#: Kana, Han and Hangul: names written in them begin with the family name, in whatever language they are read.
_FAMILY_FIRST = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")


def full_name(given_name: str, family_name: str) -> str:
    """A person's name in the order in which the person writes it."""
    if _FAMILY_FIRST.search(family_name + given_name):
        return f"{family_name} {given_name}".strip()
    return f"{given_name} {family_name}".strip()


#: In the place of a session where the worker goes on with what a person started: it is none, and opens nothing.
NO_SESSION = UUID(int=0)


@dataclass(frozen=True)
class Acting:
    """For whom a delegated administrator works: a person of this partner, by these roles (template ids) that it may use."""

    partner_id: UUID
    partner_name: str
    roles: frozenset[str]


@dataclass(frozen=True)
class RightsOver:
    """Whoever acts for a customer has no rights there any more. `at`: since when, in UTC; None where that is not known
    (its own role at its partner was taken, for one)."""

    customer_id: UUID
    customer_name: str
    at: datetime | None


@dataclass(frozen=True)
class Actor:
    """A signed-in person of one organization, with what the policy table allows it.

    While a partner's person acts for a customer (`acting`), the organization, its kind, chain, zone and country are the
    customer's, `roles` are none, and `permissions` what the delegated roles allow; person, name and address stay its own.
    `acting_for_id`: the customer that its browser acts for, on whatever page it is; by itself it opens nothing.

    `name` is ready to be shown; `zone` is an IANA time zone; `confirmed` says that
    the person proved to read the mailbox `address`. `session_id` is NO_SESSION for what the worker does in its name.
    `must_choose_password`: it signed in with a temporary password and sees nothing before it chose its own.

    A client of the API carries a token instead of a session: `client_id` and `token_id` are set, `roles` are the token's.
    Without a person who consented, the client acts as itself: its own row among the people of its organization.
    """

    person_id: UUID
    session_id: UUID
    organization_id: UUID
    organization_kind: str
    organization_name: str
    chain_id: UUID
    given_name: str
    family_name: str
    address: str
    language: str
    zone: str
    country: str
    confirmed: bool
    roles: frozenset[str]
    permissions: frozenset[Permission]
    must_choose_password: bool = False
    acting: Acting | None = None
    acting_for_id: UUID | None = None
    client_id: UUID | None = None
    token_id: UUID | None = None

    @property
    def home_id(self) -> UUID:
        """The organization that the person itself belongs to."""
        return self.acting.partner_id if self.acting is not None else self.organization_id

    @property
    def name(self) -> str:
        return full_name(self.given_name, self.family_name)

    @property
    def is_customer(self) -> bool:
        return self.organization_kind == "customer"

    @property
    def is_partner(self) -> bool:
        return self.organization_kind == "partner"

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


#: Where a person is always itself, for whomever it acts. Every other page is the customer's that it acts for.
#: The pages of invitations are among them: whoever acts for a customer never comes to one as that customer.
OWN_PLACES = (
    "/partner", "/account", "/acting/end", "/sign-in", "/sign-out", "/sign-up", "/first-sign-in", "/password-reset",
    "/link-sent", "/mailbox-confirmation", "/mailbox-link", "/mailbox", "/objection", "/invitation", "/adminportal",
    "/language", "/help", "/privacy", "/health", "/static", "/api", "/agreement-documents",
)  # fmt: skip
#: In the cookie: the customer about which the browser was told that the rights there ended.
_TOLD = "acting_over"
#: In the cookie: it began or stopped to act for a customer in this session.
_MOVED = "acting_moved"


#: Where only the bearer of a token is somebody, never a browser's cookie: the API.
_API_PLACES = re.compile(r"/(?:v1|v1\.0|webhooks)(?:/|$)|/[^/]+/oauth2/(?:v2\.0/)?token$", re.IGNORECASE)


def is_api_place(path: str) -> bool:
    """Whether a path is the API's: a token decides who comes, answers and errors are JSON."""
    return _API_PLACES.match(path) is not None


#: Where a person agrees to a program: in its own name, for whomever it acts.
_CONSENT = re.compile(r"/[^/]+/oauth2/v2\.0/authorize$", re.IGNORECASE)


def is_own_place(path: str) -> bool:
    """Whether a path is one where a person is itself, not the customer it acts for."""
    folded = path.casefold()
    if _CONSENT.match(folded) is not None or is_api_place(folded):
        return True
    return folded == "/" or any(folded == each or folded.startswith(f"{each}/") for each in OWN_PLACES)


_load: Callable[[UUID], Actor | None] = lambda _session_id: None  # noqa: E731
_act: Callable[[Actor, UUID], Actor | RightsOver]
_bear: Callable[[str], Actor | None] = lambda _token: None  # noqa: E731


def loaded_by(load: Callable[[UUID], Actor | None]) -> None:
    """Set the query that makes an actor of a session's id (None: the session ended)."""
    global _load
    _load = load


def borne_by(bear: Callable[[str], Actor | None]) -> None:
    """Set the query that makes an actor of a token of the API (None: unknown, over or revoked)."""
    global _bear
    _bear = bear


def acting_by(act: Callable[[Actor, UUID], Actor | RightsOver]) -> None:
    """Set the query that makes of a partner's person the actor that it is at a customer, by its rights at this moment."""
    global _act
    _act = act


def current() -> Actor | None:
    """The actor of this request, or None for somebody who is not signed in. Whoever acts for a customer is itself in
    OWN_PLACES, and the customer's delegated administrator everywhere else."""
    if "actor" not in g:
        if has_request_context() and is_api_place(request.path):
            g.actor, g.acting = _bear(_token()), None
        else:
            enter(current_user.actor if current_user and current_user.is_authenticated else None)
    found: Actor | None = g.actor
    return found


def _token() -> str:
    """The token that this request carries, or an empty text."""
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


def again(actor: Actor) -> Actor | None:
    """The actor of this request as it is now, through the session of the moment: what it lost meanwhile counts."""
    if actor.token_id is not None:
        g.actor = _bear(_token())
        found: Actor | None = g.actor
        return found
    return enter(load(actor.session_id))


def enter(own: Actor | None) -> Actor | None:
    """Decide anew who acts in this request, from the person's own actor: rights that ended meanwhile count."""
    acts_for = own.acting_for_id if own is not None else None
    if own is None or acts_for is None or (has_request_context() and cookie.get(_TOLD) == str(acts_for)):
        g.actor, g.acting = own, None
        return own
    g.acting = _act(own, acts_for)
    there = isinstance(g.acting, Actor) and has_request_context() and not is_own_place(request.path)
    g.actor = g.acting if there else own
    found: Actor = g.actor
    return found


def administering() -> Actor | RightsOver | None:
    """As what the signed-in person acts for a customer, on whatever page it is now; RightsOver: it did, and its rights
    ended."""
    current()
    found: Actor | RightsOver | None = g.get("acting")
    return found


def is_shut_out() -> bool:
    """Whether this is a page of a customer for whom the person acted until its rights ended."""
    return not is_own_place(request.path) and isinstance(administering(), RightsOver)


def told_over(over: RightsOver) -> None:
    """Note in the cookie that the person was told that its rights ended: from now on it acts for nobody."""
    cookie[_TOLD] = str(over.customer_id)


def changed_place() -> None:
    """Begin or stop to act for a customer: forms that are open in other windows were meant for another organization, and
    nothing is done with them."""
    cookie.pop(_TOLD, None)
    cookie.pop("csrf_token", None)
    cookie[_MOVED] = True


def has_moved() -> bool:
    """Whether this browser began or stopped to act for a customer since it signed in."""
    return bool(cookie.get(_MOVED))


def has_left() -> bool:
    """Whether this is a customer's page, and the person has stopped to act for one since it signed in."""
    return has_moved() and not is_own_place(request.path) and administering() is None


def load(session_id: UUID) -> Actor | None:
    """Load a person's own actor afresh, through the session of the moment."""
    return _load(session_id)


def signed_in() -> Actor:
    """The actor where the route's rule guarantees one."""
    found = current()
    if found is None:
        raise RuntimeError("no actor: the route is declared for anyone")
    return found
