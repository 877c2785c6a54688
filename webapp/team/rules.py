"""What a person's state is, which addresses a partner's people may have, and when a pairing can be asked and answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from webapp.errors import Refusal


class PairingAskedAlready(Refusal):
    """A request between these two waits for its answer. `by_us`: whether the reader's organization asked;
    `at`: when, None when it was in this very moment."""


class PairingRequestOver(Refusal):
    """A request waits no more. `how`: "confirmed", "declined", "withdrawn", "expired", or empty when it was answered
    in this very moment; `at`: when; `by`: the name of the organization."""


@dataclass(frozen=True)
class Asked:
    """A request as far as rules look: `how` it was answered ("" when it was not), and until when it waits."""

    at: datetime
    expires_at: datetime
    by_us: bool = False
    how: str = ""
    answered_at: datetime | None = None
    by: str = ""


def state_of(has_password: bool, is_disabled: bool) -> str:
    """A person's state in its team: "removed", "invited" (has not signed in yet), "active"."""
    if is_disabled:
        return "removed"
    return "active" if has_password else "invited"


def state_of_request(asked: Asked, now: datetime) -> str:
    """A request's state: "waiting", "confirmed", "declined", "withdrawn" or "expired"."""
    return asked.how or ("waiting" if now < asked.expires_at else "expired")


def check_can_ask(earlier: Iterable[Asked], now: datetime) -> None:
    """Raises PairingAskedAlready while a request between the two waits, whoever made it."""
    for each in earlier:
        if state_of_request(each, now) == "waiting":
            raise PairingAskedAlready(by_us=each.by_us, at=each.at)


def is_repeated(asked: Asked, wanted: str, now: datetime) -> bool:
    """Whether a request has this answer already. Raises PairingRequestOver when it has another or waits no more."""
    state = state_of_request(asked, now)
    if state == "waiting":
        return False
    if state == wanted:
        return True
    raise PairingRequestOver(how=state, at=asked.answered_at or asked.expires_at, by=asked.by)
