"""Who acts: one plain, frozen value for the request, loaded once and holding no database rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from flask import g
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
class Actor:
    """A signed-in person of one organization, with what the policy table allows it.

    `name` is ready to be shown; `zone` is an IANA time zone; `confirmed` says that
    the person proved to read the mailbox `address`. `session_id` is NO_SESSION for what the worker does in its name.
    `must_choose_password`: it signed in with a temporary password and sees nothing before it chose its own.
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


_load: Callable[[UUID], Actor | None] = lambda _session_id: None  # noqa: E731


def loaded_by(load: Callable[[UUID], Actor | None]) -> None:
    """Set the query that makes an actor of a session's id (None: the session ended)."""
    global _load
    _load = load


def current() -> Actor | None:
    """The actor of this request, or None for somebody who is not signed in."""
    if "actor" not in g:
        g.actor = current_user.actor if current_user and current_user.is_authenticated else None
    found: Actor | None = g.actor
    return found


def load(session_id: UUID) -> Actor | None:
    """Load an actor afresh, through the session of the moment."""
    return _load(session_id)


def signed_in() -> Actor:
    """The actor where the route's rule guarantees one."""
    found = current()
    if found is None:
        raise RuntimeError("no actor: the route is declared for anyone")
    return found
