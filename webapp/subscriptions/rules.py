"""What a subscription must be, and when it is active."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from webapp.errors import Refusal

LONGEST_PRODUCT = 200

#: What a product can be.
KINDS = ("offer", "software", "software_subscription", "reserved_instance", "azure_plan", "trial")
#: Bought through a partner, one of these closes direct acceptance to a customer that never agreed (seed 002).
CLOSE_DIRECT_ACCEPTANCE = frozenset({"offer", "software", "software_subscription", "reserved_instance", "azure_plan"})


class ProductNotNamed(Refusal):
    """A product's name has from 1 to 200 characters, in one line."""

    operator = True


class UnknownKind(Refusal):
    """A product is of one of the KINDS. `kind`: what was said."""

    operator = True


class CodeMalformed(Refusal):
    """A product's code has from 1 to 40 letters, digits, dots, colons, hyphens or underscores, without blanks."""

    operator = True


class MonthsOutOfBounds(Refusal):
    """A product runs from 1 to 60 whole months."""

    operator = True


class ProductDiffers(Refusal):
    """The code belongs to a product that is otherwise: what was sold under it does not change. `product`: its row."""

    operator = True


class UnknownProduct(Refusal):
    """No product has this code. `code`: what was said."""

    operator = True


class SeatsOutOfBounds(Refusal):
    """A subscription has from 1 to 1,000,000 seats."""

    operator = True


class TermOutOfOrder(Refusal):
    """The last day lies before the first."""

    operator = True


class NotRelated(Refusal):
    """The customer has no relationship with this partner: nothing is sold without one."""

    operator = True


def check_product(code: str, names: Iterable[str], kind: str, months: int, seats_min: int, seats_max: int) -> None:
    """Raises CodeMalformed, ProductNotNamed, UnknownKind, MonthsOutOfBounds, SeatsOutOfBounds."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,39}", code):
        raise CodeMalformed(code=code)
    for name in names:
        check_name(name)
    check_kind(kind)
    if not 1 <= months <= 60:
        raise MonthsOutOfBounds(months=months)
    if not 1 <= seats_min <= seats_max <= 1_000_000:
        raise SeatsOutOfBounds(seats=seats_max)


def check_same_product(present: object, wanted: Mapping[str, Any]) -> None:
    """Raises ProductDiffers unless a product is all that is wanted under its code."""
    if any(getattr(present, name) != value for name, value in wanted.items()):
        raise ProductDiffers(product=present)


def check_name(product: str) -> None:
    """Raises ProductNotNamed."""
    if not 1 <= len(product.strip()) <= LONGEST_PRODUCT or not product.isprintable():
        raise ProductNotNamed(product=product)


def check_kind(kind: str) -> None:
    """Raises UnknownKind."""
    if kind not in KINDS:
        raise UnknownKind(kind=kind)


def check_subscription(
    product: str, seats: int, starts_on: date, ends_on: date, kind: str = "software_subscription"
) -> None:
    """Raises ProductNotNamed, UnknownKind, SeatsOutOfBounds, TermOutOfOrder."""
    check_name(product)
    check_kind(kind)
    if not 1 <= seats <= 1_000_000:
        raise SeatsOutOfBounds(seats=seats)
    if ends_on < starts_on:
        raise TermOutOfOrder(starts_on=starts_on, ends_on=ends_on)


def last_day(first: date, months: int) -> date:
    """The last day, included, of a term of whole months that begins on a day.

    The next term would begin on the same day of a later month, or on that month's last day where it has no such day: a
    year from 29 February ends with 27 February, and the next one begins on the 28th.
    """
    year, month = divmod(first.month - 1 + months, 12)
    year, month = first.year + year, month + 1
    return date(year, month, min(first.day, monthrange(year, month)[1])) - timedelta(days=1)


def months_between(first: date, last: date) -> int | None:
    """The whole months of a term, both days included; None when it is none of whole months."""
    months = (last.year - first.year) * 12 + last.month - first.month
    return next((each for each in (months, months + 1) if each > 0 and last_day(first, each) == last), None)


def next_term(anchor: date, starts_on: date, ends_on: date) -> tuple[date, date]:
    """First and last day of the term that follows one, of the same length.

    `anchor` is the first day of the very first term: a month from 31 January ends with 27 February, and the one after
    it with 30 March again. A term that is not of whole months is followed by one of as many days.
    """
    begins = ends_on + timedelta(days=1)
    so_far = months_between(anchor, ends_on)
    before = months_between(anchor, starts_on - timedelta(days=1)) or 0
    if so_far is None or so_far <= before:
        return begins, ends_on + (ends_on - starts_on) + timedelta(days=1)
    return begins, last_day(anchor, 2 * so_far - before)


def is_due(ends_on: date, today: date) -> bool:
    """Whether a subscription that renews by itself does so now: its last day is over in the customer's zone.

    Nothing else is asked: automatic renewals are exempt from the agreement (seed 002).
    """
    return ends_on < today


#: Where a subscription stands.
STATES = ("coming", "running", "over")


def state_of(starts_on: date, ends_on: date, today: date) -> str:
    """One of STATES, on the customer's day."""
    if today < starts_on:
        return "coming"
    return "running" if is_active(ends_on, today) else "over"


def check_related(related: bool) -> None:
    """Raises NotRelated."""
    if not related:
        raise NotRelated()


def is_active(ends_on: date, today: date) -> bool:
    """Whether a subscription holds up the end of a relationship: its last day is not over.

    One that begins later counts: it was bought. `today` is the customer's day.
    """
    return today <= ends_on
