"""What the list calls a relationship, which roles it names, and what ends soon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.partner_relationships import rules

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(("indirect", "kind"), [(False, "reseller"), (True, "indirect_reseller")])
def test_a_relationship_with_a_reseller_behind_a_provider_is_indirect(indirect: bool, kind: str) -> None:
    assert rules.type_of(indirect) == kind


@pytest.mark.parametrize(
    ("roles", "named", "more"),
    [([], [], 0), (["a"], ["a"], 0), (["a", "b"], ["a", "b"], 0), (["a", "b", "c"], ["a", "b"], 1), (list("abcdef"), ["a", "b"], 4)],
)  # fmt: skip
def test_a_line_names_two_roles_and_counts_the_others(roles: list[str], named: list[str], more: int) -> None:
    assert rules.first_roles(roles) == (named, more)


@pytest.mark.parametrize(
    ("state", "left", "auto_extends", "soon"),
    [
        ("active", timedelta(days=30), False, True),
        ("active", timedelta(seconds=1), False, True),
        ("active", timedelta(days=30, seconds=1), False, False),
        ("active", timedelta(0), False, False),
        ("active", timedelta(days=3), True, False),
        ("ended", timedelta(days=3), False, False),
        ("pending", None, False, False),
        ("active", None, False, False),
    ],
)
def test_only_what_is_in_force_and_does_not_extend_itself_ends_soon(
    state: str, left: timedelta | None, auto_extends: bool, soon: bool
) -> None:
    assert rules.ends_soon(state, NOW + left if left is not None else None, auto_extends, NOW) == soon
