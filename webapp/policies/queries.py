"""The value of a policy now."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp import database
from webapp.policies.models import PolicyDeviation
from webapp.policies.rules import POLICIES


def value(name: str) -> Any:
    """The value in force: the operator's, else the declared default."""
    default = POLICIES[name].default
    row = database.session().execute(sa.select(PolicyDeviation.value).where(PolicyDeviation.name == name)).first()
    return default if row is None else row.value


def all_values() -> dict[str, Any]:
    """Every policy with its value in force."""
    set_values = {row.name: row.value for row in database.session().scalars(sa.select(PolicyDeviation))}
    return {name: set_values.get(name, policy.default) for name, policy in POLICIES.items()}
