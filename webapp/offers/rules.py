"""Offering to one customer or to several at once: what makes it happen once, and what stands in the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID, uuid5

from webapp.errors import Refusal

#: Customers that one form offers to.
MOST_AT_ONCE = 50
#: An offer whose term is over within so many days is marked in the list.
SOON_DAYS = 30
STATES = ("current", "active", "ending", "pending", "over", "all")
SORTS = ("end", "end_down")


#: Graph's word for each state; nothing here stays in one of its states in between.
GRAPH_STATUS = {
    "created": "created", "pending": "approvalPending", "active": "active", "expired": "expired", "lapsed": "expired",
    "ended": "terminated", "declined": "terminated", "withdrawn": "terminated",
}  # fmt: skip
GRAPH_STATUSES = (
    "created", "approvalPending", "approved", "activating", "active", "expiring", "expired", "terminationRequested",
    "terminating", "terminated",
)  # fmt: skip
ORDERS = ("createdDateTime", "displayName", "lastModifiedDateTime")


class NoRecipient(Refusal):
    """Nobody at the customer has an address that a message could be sent to. `customer`."""


class SuccessorMade(Refusal):
    """The smaller offer that the customer asked for was made already. `offer_id`."""


def offer_id(key: UUID, customer_id: UUID) -> UUID:
    """The id of the offer that a form (its `key`) makes to a customer: the same form makes it once."""
    return uuid5(key, f"offer to {customer_id}")


def invitation_id(key: UUID, customer_id: UUID) -> UUID:
    """The id of the invitation that tells of it."""
    return uuid5(key, f"invitation of {customer_id}")


# --- what Graph's clients send ---------------------------------------------------------------------------------

_DAYS = "(?:[1-9]|[1-9][0-9]|[1-6][0-9]{2}|7[0-2][0-9]|730)"
#: A term of 1 to 730 days as clients write it: ISO 8601 ("P730D", "P2Y", "p24m", "P104W", "P730DT0H"), Python's
#: ("730 days, 0:00:00") and .NET's ("730.00:00:00").
DURATION = (
    rf"^(?:[Pp]{_DAYS}[Dd](?:[Tt]0[HhMmSs])?|[Pp](?:[1-9]|[1-9][0-9]|10[0-4])[Ww]|[Pp](?:[1-9]|1[0-9]|2[0-4])[Mm]"
    rf"|[Pp][12][Yy]|{_DAYS} days?(?:, 0:00:00)?|{_DAYS}\.00:00:00)$"
)
#: The automatic extension, off or by 180 days, written in the same ways.
EXTENSION = (
    r"^(?:[Pp]0[Dd]|[Pp][Tt]0[Ss]|0:00:00|00:00:00|[Pp]180[Dd](?:[Tt]0[HhMmSs])?|180 days(?:, 0:00:00)?|180\.00:00:00)$"
)
_UNITS = {"D": 1, "W": 7, "M": 30, "Y": 365}


def days_of(text: str) -> int:
    """The days of a text that is like DURATION or EXTENSION; a month is 30 days, a year 365."""
    text = text.upper()
    found = re.match(r"P(\d+)([DWMY])", text)
    if found is not None:
        return int(found[1]) * _UNITS[found[2]]
    found = re.match(r"(\d+)(?: DAY|\.)", text)
    return int(found[1]) if found is not None else 0


def duration_text(days: int) -> str:
    """A term as Graph writes it."""
    return f"P{days}D"


@dataclass(frozen=True)
class Comparison:
    """One condition of a filter: `field` is "status", "tenant" or "name", `operator` "eq" or "startswith"."""

    field: str
    operator: str
    value: str


_TEXT = "'(?:[^'\\x00-\\x1f\\x7f]|''){1,50}'"
_GUID = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_COMPARISON = (
    f"(?:status eq '(?:{'|'.join(GRAPH_STATUSES)})'|customer/tenantId eq (?:'{_GUID}'|{_GUID})"
    f"|displayName eq {_TEXT}|startswith\\(displayName, ?{_TEXT}\\))"
)
#: A filter: up to ten comparisons, joined by and (which binds tighter) and or.
FILTER = f"^{_COMPARISON}(?: (?:and|or) {_COMPARISON}){{0,9}}$"
_PART = re.compile(
    rf"(?P<joined>^| and | or )(?:(?P<field>status|customer/tenantId|displayName) eq (?P<value>{_TEXT}|{_GUID})"
    rf"|startswith\(displayName, ?(?P<begin>{_TEXT})\))"
)
_FIELDS = {"status": "status", "customer/tenantId": "tenant", "displayName": "name"}


def read_filter(text: str) -> tuple[tuple[Comparison, ...], ...]:
    """A filter that is like FILTER: what is true when one of the groups is, all of whose comparisons are."""
    groups: list[list[Comparison]] = [[]]
    for part in _PART.finditer(text):
        if part["joined"] == " or ":
            groups.append([])
        value = (part["value"] or part["begin"]).removeprefix("'").removesuffix("'").replace("''", "'")
        operator = "eq" if part["field"] else "startswith"
        groups[-1].append(Comparison(_FIELDS[part["field"] or "displayName"], operator, value))
    return tuple(tuple(group) for group in groups)
