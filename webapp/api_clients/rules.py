"""What API clients and tokens may carry, and how long they last."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from webapp.errors import Refusal

#: In the order in which pages offer them.
ROLES = ("admin_agent", "sales_agent", "read_only")
MOST_SECRETS = 2
ACCESS_LASTS = timedelta(hours=1)
REFRESH_LASTS = timedelta(days=90)
CODE_LASTS = timedelta(minutes=5)
#: What secrets and tokens begin with, so that a scanner of source code recognizes one that leaked.
SECRET_PREFIX, ACCESS_PREFIX, REFRESH_PREFIX, CODE_PREFIX = "css_", "csa_", "csr_", "csc_"


def roles_in_force(token: frozenset[str], client: frozenset[str], person: frozenset[str] | None) -> frozenset[str]:
    """The roles of a token now: what it was given, as far as its client still has it and, where a person consented, as far
    as that person has it (`person`: its roles at the partner; None: the client acts as itself). An admin agent does all
    that a sales agent does, and whoever has any role at the partner may have a program read for it."""
    found = token & client
    if person is None:
        return found
    held = person | ({"sales_agent"} if "admin_agent" in person else set()) | ({"read_only"} if person else set())
    return found & held


def offered(client: Iterable[str], person: frozenset[str]) -> tuple[str, ...]:
    """The roles that a person with these roles at the partner can consent to for a client, in the order of ROLES."""
    roles = frozenset(client)
    return in_order(roles_in_force(roles, roles, person))


def in_order(roles: Collection[str]) -> tuple[str, ...]:
    """Roles in the order of ROLES."""
    return tuple(role for role in ROLES if role in roles)


# --- refusals ------------------------------------------------------------------------------------------------


class ProgramUnknown(Refusal):
    """An address that asks for consent names no program, or a place to return to that the program did not register: nobody
    is sent there. `what`: "client" or "redirect"."""

    status = 400


class ProgramOfAnother(Refusal):
    """Who is signed in belongs to another organization than the program. `program`, `partner`: names."""

    status = 403


class NoRoleForProgram(Refusal):
    """Nothing that the program may do is allowed to whoever is signed in. `program`: its name."""

    status = 403


class TooManySecrets(Refusal):
    """Two secrets are good already. `program`: its name; `client_id`: its id."""


class ProgramRevoked(Refusal):
    """The program was revoked: nothing about it changes any more. `program`: its name; `at`: UTC."""


def check_consent(own: UUID, of_client: UUID, roles: tuple[str, ...], *, program: str, partner: str) -> None:
    """Whether a person of the organization `own` can consent for a client. Raises ProgramOfAnother, NoRoleForProgram."""
    if own != of_client:
        raise ProgramOfAnother(program=program, partner=partner)
    if not roles:
        raise NoRoleForProgram(program=program)


# --- what is written into addresses and forms ----------------------------------------------------------------

LONGEST_URI, LONGEST_SCOPE = 2000, 400
#: RFC 6749, 3.3: words of these characters, one blank between them.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?", re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1"})
#: Whom a client may name as its tenant besides its own organization.
ANY_TENANT = frozenset({"common", "organizations"})


def is_scope(scope: str) -> bool:
    """Whether a text is a scope. What it says is not asked: roles decide what a token may do."""
    return not scope or (len(scope) <= LONGEST_SCOPE and _SCOPE.fullmatch(scope) is not None)


def redirect_fault(uri: str) -> str:
    """What is wrong with a place to return to; empty: nothing. "long", "characters", "fragment", "host", "scheme" (neither
    https nor http on loopback)."""
    if len(uri) > LONGEST_URI:
        return "long"
    if not uri.isascii() or any(not each.isprintable() or each in " \"'<>\\^`{|}*" for each in uri):
        return "characters"
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return "host"
    if parts.scheme not in {"https", "http"} or (parts.scheme == "http" and host not in _LOOPBACK):
        return "scheme"
    if "#" in uri:
        return "fragment"
    return "" if _HOST.fullmatch(parts.netloc) else "host"


def origin_of(uri: str) -> str:
    """Scheme and host of a place to return to, as a Content-Security-Policy names it."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def is_tenant(word: str, organization_id: UUID, domains: Iterable[str]) -> bool:
    """Whether the first part of an address of OAuth means this organization: its id, one of its domains, or any."""
    folded = word.casefold()
    return folded in ANY_TENANT or folded == str(organization_id) or folded in {each.casefold() for each in domains}
