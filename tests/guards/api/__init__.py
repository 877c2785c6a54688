"""Who may do what on every operation of the API: one table in parts, `tests/guards/api/<slice>.py`.

HOW TO ADD AN OPERATION. Its key is the method and the rule as in the URL map; its value says which tokens reach it:

    OPERATIONS = {
        "GET /v1/agreements": op(200, to=READERS),
        "POST /v1/customers/<guid:customer_id>/agreements": op(
            201, to=AGENTS, prepare=lambda s: {"customer_id": …}, body=lambda s, parameters: {…},
        ),
    }

`op(status, to=tokens, ...)`: `status` for every token in `to`, 403 for the other tokens of the same partner, exceptions by
name. Nobody, a signed-in browser's cookie, an expired and a revoked token, and a refresh token get 401, always, before anything
is parsed. Another partner's token (`api_rival`) gets `rival=`: by default 404 on a rule with parameters, else what an admin
agent's token gets.

`prepare(story)` makes what it is about on a fresh copy of the story and answers the parameters of the rule (and, under names
the rule does not have, arguments after `?`). `body(story, parameters)` is the VALID JSON body: whoever is allowed reaches
`status` with it, and everybody else is refused with the very same body and changes no row. `headers(story, parameters)`:
headers besides (If-Match). Lists that must not cost more queries when they grow are named in LISTS, as in `tests/guards/routes`
(`many("api_admin_agent", add)`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.story import API_VISITORS, Story

READERS = ("api_admin_agent", "api_sales_agent", "api_read_only", "api_consented")
AGENTS = ("api_admin_agent", "api_sales_agent", "api_consented")
ADMINS = ("api_admin_agent",)
#: Whose token is none.
STRANGERS = ("api_nobody", "api_cookie", "api_expired", "api_revoked", "api_refresh")

Prepare = Callable[[Story], dict[str, Any]]
Body = Callable[[Story, dict[str, Any]], Any]
Headers = Callable[[Story, dict[str, Any]], dict[str, str]]


@dataclass(frozen=True)
class Op:
    """What one operation answers to each kind of token, and what is needed to ask it validly."""

    status: int
    to: tuple[str, ...]
    exceptions: Mapping[str, int]
    prepare: Prepare | None = None
    body: Body | None = None
    headers: Headers | None = None

    def expected(self, key: str) -> dict[str, int]:
        """The status by token."""
        rival = 404 if "<" in key else self.status if "api_admin_agent" in self.to else 403
        found = {each: self.status if each in self.to else 403 for each in API_VISITORS}
        return found | {"api_rival": rival} | dict.fromkeys(STRANGERS, 401) | dict(self.exceptions)


def op(
    status: int,
    *,
    to: Iterable[str],
    prepare: Prepare | None = None,
    body: Body | None = None,
    headers: Headers | None = None,
    rival: int | None = None,
    **exceptions: int,
) -> Op:
    """One operation of the table; see above."""
    unknown = {*to, *exceptions} - set(API_VISITORS)
    assert not unknown, f"no such tokens: {sorted(unknown)}; there are {API_VISITORS}"
    if rival is not None:
        exceptions["api_rival"] = rival
    return Op(status, tuple(to), exceptions, prepare, body, headers)


def operations() -> dict[str, Op]:
    """Every part's operations together."""
    return gather("OPERATIONS")


def gather(name: str) -> dict[str, Any]:
    """Every part's table of a name together."""
    found: dict[str, Any] = {}
    for part in pkgutil.iter_modules(__path__):
        rows = getattr(importlib.import_module(f"{__name__}.{part.name}"), name, {})
        twice = found.keys() & rows.keys()
        assert not twice, f"twice in the table: {sorted(twice)}"
        found |= rows
    return found
