"""Which values a policy can have."""

from __future__ import annotations

from typing import Any

import pytest

from webapp.policies.rules import POLICIES, PolicyOutOfBounds, UnknownPolicy, check_value

GOOD: list[tuple[str, Any]] = [
    ("invitation.days", 1),
    ("invitation.days", 365),
    ("invitation.reminder_days", 0),
    ("session.days", 90),
    ("agreement.acceptors", ["global_administrator"]),
    ("countries.served", ["JP"]),
    ("agreement.renew_before", "2024-02-29"),
    ("attestation.programmes", ["direct_bill"]),
    ("attestation.programmes", ["indirect_provider", "direct_bill"]),
    ("attestation.last_day", "2026-01-05"),
    ("attestation.last_day", "9999-12-31"),
    ("attestation.objection_days", 7),
    ("attestation.objection_days", 365),
    ("link.temporary_password_days", 1),
    ("link.temporary_password_days", 60),
    ("import.rows", 1),
    ("import.rows", 100_000),
    ("pairing.request_days", 1),
    ("pairing.request_days", 365),
]
BAD: list[tuple[str, Any]] = [
    ("invitation.days", 0),
    ("invitation.days", 366),
    ("invitation.days", -1),
    ("invitation.days", "30"),
    ("invitation.days", 30.0),
    ("invitation.days", True),
    ("invitation.days", None),
    ("invitation.days", [30]),
    ("invitation.reminder_days", -1),
    ("session.days", 91),
    ("agreement.acceptors", []),
    ("agreement.acceptors", ["global_reader"]),
    ("agreement.acceptors", ["global_administrator", "global_administrator"]),
    ("agreement.acceptors", ["global_administrator", 1]),
    ("agreement.acceptors", [{}]),
    ("agreement.acceptors", "global_administrator"),
    ("countries.served", ["jp"]),
    ("countries.served", ["JPN"]),
    ("countries.served", [1]),
    ("countries.served", ["JP", "JP"]),
    ("countries.served", ["JP\n"]),
    ("agreement.renew_before", ""),
    ("agreement.renew_before", "soon"),
    ("agreement.renew_before", "2023-02-29"),
    ("agreement.renew_before", "20230401"),
    ("agreement.renew_before", "2023-04-01T00:00"),
    ("agreement.renew_before", 20230401),
    ("attestation.programmes", []),
    ("attestation.programmes", ["indirect_reseller"]),
    ("attestation.last_day", ""),
    ("attestation.last_day", "never"),
    ("attestation.last_day", "2026-02-29"),
    ("attestation.last_day", "2026-1-5"),
    ("attestation.last_day", None),
    ("attestation.objection_days", 6),
    ("attestation.objection_days", 366),
    ("link.temporary_password_days", 0),
    ("link.temporary_password_days", 61),
    ("import.rows", 0),
    ("import.rows", 100_001),
    ("import.rows", "10000"),
    ("pairing.request_days", 0),
    ("pairing.request_days", 366),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_value_of_the_type_within_the_bounds_is_taken(name: str, value: Any) -> None:
    assert check_value(name, value) == value


@pytest.mark.parametrize(("name", "value"), BAD)
def test_any_other_value_is_refused(name: str, value: Any) -> None:
    with pytest.raises(PolicyOutOfBounds):
        check_value(name, value)


def test_a_policy_nobody_declared_is_unknown() -> None:
    with pytest.raises(UnknownPolicy):
        check_value("invitation.hours", 1)


def test_every_default_is_a_value_that_its_policy_can_have_and_names_its_source() -> None:
    for name, policy in POLICIES.items():
        assert check_value(name, policy.default) == policy.default
        assert policy.name == name
        assert policy.source
