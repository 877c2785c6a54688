"""What API clients and tokens may carry, and how long they last."""

from __future__ import annotations

from datetime import timedelta

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
    as that person has it (`person`: its roles at the partner; None: the client acts as itself). Whoever has any role at
    the partner may have a program read for it."""
    found = token & client
    if person is None:
        return found
    return frozenset(each for each in found if each in person or (each == "read_only" and person))
