"""What a person's state is, and who is out of whose reach, as tables of plain facts."""

from __future__ import annotations

from uuid import UUID

import pytest

from webapp.directory import rules

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("own_password", "disabled", "state"),
    [(False, False, "invited"), (True, False, "active"), (True, True, "blocked"), (False, True, "blocked")],
)
def test_a_person_is_invited_active_or_blocked(own_password: bool, disabled: bool, state: str) -> None:
    assert rules.state_of(own_password, disabled) == state


@pytest.mark.parametrize("role", ["global_administrator", "billing_administrator", "global_reader", "any later role"])
def test_whoever_acts_for_a_customer_touches_nobody_with_a_role(role: str) -> None:
    with pytest.raises(rules.AdministratorUntouchable) as refused:
        rules.check_touches(True, {role}, "Contoso", ["Ann Lee"])
    assert (refused.value.organization, refused.value.administrators) == ("Contoso", ("Ann Lee",))
    assert refused.value.status == 403
    rules.check_touches(False, {role})
    rules.check_touches(True, frozenset())


def test_nobody_blocks_itself() -> None:
    with pytest.raises(rules.OneselfUntouchable):
        rules.check_other(ONE, ONE)
    rules.check_other(ONE, TWO)


def test_a_blocked_person_gets_nothing_new() -> None:
    with pytest.raises(rules.PersonBlocked):
        rules.check_can_sign_in(True, ONE)
    rules.check_can_sign_in(False, ONE)


def test_somebody_who_is_here_is_not_new() -> None:
    with pytest.raises(rules.PersonKnown):
        rules.check_new(False, ONE)
    rules.check_new(True, ONE)


@pytest.mark.parametrize(
    ("present", "wanted", "given", "taken"),
    [
        ([], [ONE], [ONE], []),
        ([ONE], [], [], [ONE]),
        ([ONE, TWO], [TWO, THREE], [THREE], [ONE]),
        ([ONE], [ONE], [], []),
        ([], [], [], []),
    ],
)
def test_only_what_differs_is_given_and_taken(
    present: list[UUID], wanted: list[UUID], given: list[UUID], taken: list[UUID]
) -> None:
    assert rules.licence_changes(present, wanted) == (given, taken)


@pytest.mark.parametrize(
    ("present", "wanted", "shown", "given", "taken"),
    [
        ([ONE], [TWO], [], [TWO], []),  # somebody gave one meanwhile
        ([], [ONE, TWO], [ONE], [TWO], []),  # somebody took it back meanwhile
        ([TWO], [TWO], [], [], []),  # both gave it
        ([], [], [ONE], [], []),  # both took it back
        ([ONE, TWO], [], [TWO], [], [TWO]),
    ],
)
def test_what_somebody_else_changed_meanwhile_stays(
    present: list[UUID], wanted: list[UUID], shown: list[UUID], given: list[UUID], taken: list[UUID]
) -> None:
    assert rules.licence_changes(present, wanted, shown) == (given, taken)
