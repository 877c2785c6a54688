"""Who may do what on every route: one table in parts, `tests/guards/routes/<slice>.py`.

HOW TO ADD A ROUTE. Its key is the method and the rule as in the URL map; its value says who reaches it:

    ROUTES = {
        "GET /agreement": row(200, to=CUSTOMERS),
        "GET /agreement/receipts/<uuid:acceptance_id>": row(
            200, to=CUSTOMER_READERS, member=403, otherwise=404,
            prepare=lambda s: {"acceptance_id": s.accept()},
        ),
        "POST /account/name": row(302, to=SIGNED_IN, form=lambda s: {"given_name": "Ann", "family_name": "Lee"}),
    }

`row(status, to=who, ...)`: `status` for everyone in `to`; `otherwise` (403) for everybody else who is signed in;
`nobody` is sent to sign in (302, POST 401) unless "nobody" is in `to`; exceptions by name of the visitor (`member=403`,
`stranger=404`, `partner_member=403`). On a rule without parameters each organization has its own page, so a
stranger (another customer's, every role) and a rival (another partner's, every role) reach it as the customer's and the
partner's people do; on a rule with parameters they get `otherwise`, which is then 404 in nearly every case.

A delegate (an admin agent of a third partner, who acts for the customer with every delegated role) is itself in
`actor.OWN_PLACES`: there it gets what another partner's admin agent gets. On the customer's pages it reads what a global
reader reads, and is refused where that is; what it may do besides, or may not read, is named: `delegate=…`.

`prepare(story)` makes what the route is about, on a fresh copy of the story, and answers the parameters of the rule
(and, under names the rule does not have, arguments after `?`). `form(story)`, or `form(story, parameters)`, is the VALID
body of a POST: whoever is allowed must reach `status` with it, and everybody else is refused with the very same body and
changes no row. Names of visitors and groups: `tests/support/story.py` and below. Lists that must not cost more
queries when they grow are named here too: `LISTS = {"GET /partner/customers": many(...)}`, see there.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.story import CUSTOMER, PARTNER, VISITORS, Story
from webapp.actor import is_own_place

CUSTOMERS = CUSTOMER
ANSWERERS = ("global_administrator", "billing_administrator")
DECIDERS = ("global_administrator", "delegated_admin_administrator")
ADMINISTRATORS = (*ANSWERERS, "delegated_admin_administrator")
CUSTOMER_READERS = (*ADMINISTRATORS, "global_reader")
PARTNERS = PARTNER
AGENTS = ("admin_agent", "sales_agent")
PARTNER_READERS = (*AGENTS, "helpdesk_agent")
SIGNED_IN = (*CUSTOMER, *PARTNER, "delegate")
EVERYBODY = ("nobody", *SIGNED_IN)


@dataclass(frozen=True)
class Row:
    """What one route answers to each kind of visitor, and what is needed to ask it validly."""

    status: int
    to: tuple[str, ...]
    otherwise: int
    exceptions: Mapping[str, int]
    prepare: Callable[[Story], dict[str, Any]] | None = None
    form: Callable[..., dict[str, Any]] | None = None

    def expected(self, key: str) -> dict[str, int]:
        """The status by visitor."""
        method, rule = key.split(" ", 1)
        found = {}
        for visitor in VISITORS:
            if visitor in self.exceptions:
                found[visitor] = self.exceptions[visitor]
            elif visitor in self.to or (visitor in {"stranger", "rival", "delegate"} and self._own(visitor, rule)):
                found[visitor] = self.status
            elif visitor == "nobody":
                found[visitor] = 302 if method == "GET" else 401
            elif visitor == "delegate" and not is_own_place(rule):
                found[visitor] = found["global_reader"]
            else:
                found[visitor] = self.otherwise
        return found

    def _own(self, visitor: str, rule: str) -> bool:
        if "nobody" in self.to:
            return True
        if visitor == "delegate":
            return is_own_place(rule) and "<" not in rule and "admin_agent" in self.to
        return "<" not in rule and any(each in self.to for each in (CUSTOMER if visitor == "stranger" else PARTNER))

    def body(self, story: Story, parameters: dict[str, Any]) -> dict[str, Any]:
        """The valid body of a POST."""
        if self.form is None:
            return {}
        wants = len(inspect.signature(self.form).parameters)
        return self.form(story, parameters) if wants == 2 else self.form(story)


def row(
    status: int,
    *,
    to: Iterable[str],
    otherwise: int = 403,
    prepare: Callable[[Story], dict[str, Any]] | None = None,
    form: Callable[..., dict[str, Any]] | None = None,
    **exceptions: int,
) -> Row:
    """One row of the table; see above."""
    unknown = {*to, *exceptions} - set(VISITORS)
    assert not unknown, f"no such visitors: {sorted(unknown)}; there are {VISITORS}"
    return Row(status, tuple(to), otherwise, exceptions, prepare, form)


@dataclass(frozen=True)
class Growing:
    """A list: who reads it, and what adds so many entries to it."""

    visitor: str
    add: Callable[[Story, int], None]
    prepare: Callable[[Story], dict[str, Any]] | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)


def many(
    visitor: str,
    add: Callable[[Story, int], None],
    *,
    prepare: Callable[[Story], dict[str, Any]] | None = None,
    **arguments: str,
) -> Growing:
    """A list that must take as many queries with 40 entries as with 2: `add(story, count)` adds entries."""
    return Growing(visitor, add, prepare, arguments)


def table() -> dict[str, Row]:
    """Every part's rows together."""
    return _gather("ROUTES")


def lists() -> dict[str, Growing]:
    """Every part's lists together, pages' and the API's."""
    from tests.guards.api import gather

    return _gather("LISTS") | gather("LISTS")


def _gather(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in pkgutil.iter_modules(__path__):
        rows = getattr(importlib.import_module(f"{__name__}.{part.name}"), name, {})
        twice = found.keys() & rows.keys()
        assert not twice, f"twice in the table: {sorted(twice)}"
        found |= rows
    return found
