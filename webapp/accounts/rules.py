"""Passwords, limits on failures, links from mails, and what stays when a person is erased."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID

from webapp.errors import Refusal, TooManyAttempts

WINDOW = timedelta(minutes=5)
PAIR_LIMIT = 10  # failures of one person from one network in WINDOW
NETWORK_LIMIT = 100  # failures of anybody from one network in WINDOW
MAIL_PAUSE = timedelta(minutes=10)  # between two mails with a link to the same person
ADDRESS_CHANGES = 5  # links for another own address in ADDRESS_WINDOW
ADDRESS_WINDOW = timedelta(days=1)
ATTEMPTS_KEPT = timedelta(days=1)  # then a failure is deleted
SESSIONS_KEPT = timedelta(days=90)  # after its end a session is deleted
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200

#: What a link is for. A link of one purpose does nothing at another's page.
RESET, FIRST, CONFIRM = "password-reset", "first-sign-in", "mailbox-confirmation"

#: What the mailed code is for that a temporary password needs besides.
CODE = "sign-in-code"
CODE_LASTS = timedelta(minutes=10)
CODE_PAUSE = timedelta(minutes=1)  # between two mails with a code to the same person
CODE_TRIES = 5  # of one code
#: Codes that one person is ever sent at one address, and at all its addresses: a corrected address gets codes of its own,
#: but with CODE_TRIES each, whoever gives the passwords and corrects the address guesses one in 6,667 times at most.
CODES_OF_ADDRESS, CODES_OF_PERSON = 10, 30
#: How a session was proved that a temporary password and a code began.
WITH_CODE = "temporary_password_and_code"
#: No letter or digit that is taken for another; 31 of them.
TEMPORARY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
TEMPORARY_GROUPS, TEMPORARY_GROUP = 4, 4

_COMMON = frozenset(
    {"password1234", "passwordpassword", "123456789012", "qwertyuiop12", "administrator", "letmeinletmein"}
)


class AddressInUse(Refusal):
    """Another account signs in with this address."""


class LinkUsedOrExpired(Refusal):
    """A link from a mail was used, replaced, or is too old. `purpose` says which kind."""

    status = 410


class OrganizationClosed(Refusal):
    """The operator closed the organization: its people cannot sign in. `organization` is its name."""

    status = 403


class PersonErased(Refusal):
    """The person was erased: nothing of it can be changed or sent."""


class TemporaryPasswordOver(Refusal):
    """A temporary password is too old, or was tried with too many wrong codes. It is right, but signs in no more."""

    status = 403


class CodeOver(Refusal):
    """A mailed code was used, replaced, tried too often, or is too old."""

    status = 410


@dataclass(frozen=True)
class Stays:
    """Something of a person that an erasure leaves: what, why, and until when (None: no end is known).

    `personal` are the ids of personal values in the evidence that stay with it. Plain English: operators read it.
    """

    what: str
    why: str
    until: date | None = None
    personal: frozenset[UUID] = frozenset()


def may_mail_again(last: datetime | None, now: datetime) -> bool:
    """Whether another mail with a link may go to a person whose last one was written at `last`.

    A clock that was set back meanwhile does not lock anybody out.
    """
    return last is None or not timedelta(0) <= now - last < MAIL_PAUSE


def temporary_password(choose: Callable[[str], str]) -> str:
    """A temporary password as it is read out: four groups of four letters (79 bits). `choose` picks one of a text."""
    groups = ["".join(choose(TEMPORARY_LETTERS) for _ in range(TEMPORARY_GROUP)) for _ in range(TEMPORARY_GROUPS)]
    return "-".join(groups)


def codes_left(to_address: int, in_all: int) -> int:
    """How many more codes may be sent to somebody who was sent so many at the address on file, and at all addresses."""
    return max(0, min(CODES_OF_ADDRESS - to_address, CODES_OF_PERSON - in_all))


def check_temporary(until: datetime, now: datetime, codes: int) -> None:
    """Raises TemporaryPasswordOver from `until` on, or when no codes are left: guessing could begin to pay."""
    if now >= until or codes <= 0:
        raise TemporaryPasswordOver()


def may_send_code(last: datetime | None, now: datetime) -> bool:
    """Whether another code may be mailed; a clock that was set back locks nobody out."""
    return last is None or not timedelta(0) <= now - last < CODE_PAUSE


def check_code(is_open: bool, tries: int) -> None:
    """Raises CodeOver for a code that was used, is too old, or was tried too often."""
    if not is_open or tries >= CODE_TRIES:
        raise CodeOver()


def check_address_changes(asked: int) -> None:
    """Raises TooManyAttempts once too many links for another address were asked for in ADDRESS_WINDOW."""
    if asked >= ADDRESS_CHANGES:
        raise TooManyAttempts(minutes=int(ADDRESS_WINDOW.total_seconds() // 60))


def network_of(address: str) -> str:
    """The network that failures are counted for: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 6:
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network(f"{parsed}/64", strict=False))
    return str(parsed)


def check_attempts(of_pair: int, of_network: int) -> None:
    """Raises TooManyAttempts once failures reached a limit."""
    if of_pair >= PAIR_LIMIT or of_network >= NETWORK_LIMIT:
        raise TooManyAttempts(minutes=int(WINDOW.total_seconds() // 60))


def password_fault(password: str, address: str) -> str | None:
    """What is wrong with a new password: "short", "long", "common", "address"; None when it will do."""
    if len(password) < SHORTEST_PASSWORD:
        return "short"
    if len(password) > LONGEST_PASSWORD:
        return "long"
    folded = password.casefold()
    if folded in _COMMON or len(set(folded)) < 4:
        return "common"
    if address.casefold() in folded or folded == address.casefold().split("@")[0] * 2:
        return "address"
    return None


_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("Windows", r"Windows"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("ChromeOS", r"CrOS"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("Linux", r"Linux|X11"),
)


def device_of(browser: str) -> tuple[str, str]:
    """The names of browser and system in what a browser says of itself; empty where it does not say."""
    found = [next((name for name, sign in names if re.search(sign, browser)), "") for names in (_BROWSERS, _SYSTEMS)]
    return found[0], found[1]
