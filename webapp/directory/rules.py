"""What a person's state is at a customer, and whom a delegated administrator and oneself may not touch."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from webapp.errors import Refusal

STATES = ("invited", "active", "blocked")
ADMINISTRATOR = "global_administrator"


class AdministratorUntouchable(Refusal):
    """Who acts for a customer does not touch a person with a role there. `organization`: the customer's name;
    `administrators`: the names of those who can."""

    status = 403


class OneselfUntouchable(Refusal):
    """Nobody blocks itself: it would be shut out in the middle of its own act."""


class PersonBlocked(Refusal):
    """The person is blocked: it gets neither links nor licences before it is unblocked. `person_id`."""


class PersonKnown(Refusal):
    """The person belongs to the customer already; nothing was changed. `person_id`."""


def state_of(has_own_password: bool, is_disabled: bool) -> str:
    """A person's state: "blocked", "invited" (has not chosen a password of its own yet), "active"."""
    if is_disabled:
        return "blocked"
    return "active" if has_own_password else "invited"


def check_touches(
    is_acting: bool, roles: Collection[str], organization: str = "", administrators: Collection[str] = ()
) -> None:
    """Raises AdministratorUntouchable when somebody acts for the customer, and the person has any role there.

    Every role counts, reading ones too: what a delegated administrator may do never depends on which roles a customer
    will call administrators tomorrow (the accounts that can accept, decide or give roles are out of its reach).
    """
    if is_acting and roles:
        raise AdministratorUntouchable(organization=organization, administrators=tuple(administrators))


def check_other(person_id: UUID, own_id: UUID) -> None:
    """Raises OneselfUntouchable."""
    if person_id == own_id:
        raise OneselfUntouchable()


def check_can_sign_in(is_disabled: bool, person_id: UUID) -> None:
    """Raises PersonBlocked."""
    if is_disabled:
        raise PersonBlocked(person_id=person_id)


def check_new(is_new: bool, person_id: UUID) -> None:
    """Raises PersonKnown."""
    if not is_new:
        raise PersonKnown(person_id=person_id)


def licence_changes(
    present: Collection[UUID], wanted: Collection[UUID], shown: Collection[UUID] | None = None
) -> tuple[list[UUID], list[UUID]]:
    """What is to be given, and what is to be taken back. `shown`: what was given when `wanted` was chosen (None: what is
    now); where both agree, nobody asked for a change."""
    before = present if shown is None else shown
    give = [each for each in wanted if each not in before and each not in present]
    return give, [each for each in present if each in before and each not in wanted]


# --- the list of what is left to set up ------------------------------------------------------------------------


def is_shown(has_subscription: bool, may_set_up: bool, is_dismissed: bool) -> bool:
    """Whether the list of what is left to set up is on the first page: for who can do it, once there is something to
    set up, until it was put away."""
    return has_subscription and may_set_up and not is_dismissed
