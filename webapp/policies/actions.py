"""Setting a policy."""

from __future__ import annotations

from typing import Any

from webapp import clock, database
from webapp.evidence import actions as evidence
from webapp.evidence.models import SITE_CHAIN
from webapp.policies import rules
from webapp.policies.models import PolicyDeviation


def set_policy(name: str, value: Any, why: str) -> None:
    """Set a policy and record the change; what is so already is left as it is.

    Raises UnknownPolicy, PolicyOutOfBounds, ValueError for an empty reason.
    """
    value = rules.check_value(name, value)
    if not why.strip():
        raise ValueError("a change of a policy has a reason")
    database.write(chain=SITE_CHAIN)
    session = database.session()
    row = session.get(PolicyDeviation, name)
    before = rules.POLICIES[name].default if row is None else row.value
    if before == value:
        return
    if row is None:
        row = PolicyDeviation(name=name)
        session.add(row)
    row.value, row.set_at, row.why = value, clock.now(), why
    evidence.record("policy.set", source="operator", facts={"policy": name, "from": before, "to": value, "why": why})
