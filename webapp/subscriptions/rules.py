"""What a subscription must be, the stages it passes, its arithmetic, licences, and who its partner of record can be."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

from webapp.errors import Refusal

LONGEST_PRODUCT = 200
MOST_SEATS = 1_000_000

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
    if not 1 <= seats <= MOST_SEATS:
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


@dataclass(frozen=True)
class Term:
    """A term from its first to its last day. `anchor`: the day from which its months, and those of the next, are counted."""

    anchor: date
    first: date
    last: date


def _months_of(term: Term) -> int | None:
    """The whole months of a term, counted from its anchor; None when it is none of whole months."""
    before = 0 if term.first == term.anchor else months_between(term.anchor, term.first - timedelta(days=1))
    so_far = months_between(term.anchor, term.last)
    if before is None or so_far is None or so_far <= before:
        return months_between(term.first, term.last)
    return so_far - before


def next_term(ordered: Term, ends_on: date) -> Term:
    """The term that follows one, of the length that was ordered, whatever end a change has given it since (`ends_on`).

    The anchor is the first day of the very first term: a month from 31 January ends with 27 February, and the one after
    it with 30 March again. Where a change moved the end off the days that are counted from there, the next term is its
    own anchor. A term that is not of whole months is followed by one of as many days.
    """
    begins = ends_on + timedelta(days=1)
    months = _months_of(ordered)
    if months is None:
        return Term(ordered.anchor, begins, begins + (ordered.last - ordered.first))
    so_far = months_between(ordered.anchor, ends_on)
    if so_far is None:
        return Term(begins, begins, last_day(begins, months))
    return Term(ordered.anchor, begins, last_day(ordered.anchor, so_far + months))


def is_due(ends_on: date, today: date) -> bool:
    """Whether a subscription that renews by itself does so now: its last day is over in the customer's zone.

    Nothing else is asked: automatic renewals are exempt from the agreement (seed 002).
    """
    return ends_on < today


# --- stages --------------------------------------------------------------------------------------------------

#: Where a subscription stands: before its first day; running; over but usable by its people ("expired"); open to
#: administrators only, its data kept ("disabled"); gone.
STAGES = ("coming", "active", "expired", "disabled", "deleted")


@dataclass(frozen=True)
class Stages:
    """How many days a subscription is expired, and then disabled (policy for each contract; seed 000: 30 and 90, so that
    it can be reactivated until day 120)."""

    expired_days: int = 30
    disabled_days: int = 90


def stage_of(starts_on: date, ends_on: date, today: date, stages: Stages) -> str:
    """One of STAGES on the customer's day. Day 1 is the day after the last one; day 30 is still expired, day 120 still
    disabled (seed 000: usable for 30 days after the end; data kept, and reactivation possible, until day 120)."""
    if today < starts_on:
        return "coming"
    day = (today - ends_on).days
    if day <= 0:
        return "active"
    if day <= stages.expired_days:
        return "expired"
    return "disabled" if day <= stages.expired_days + stages.disabled_days else "deleted"


@dataclass(frozen=True)
class Turns:
    """The days on which a subscription's stages end, each the last one of it."""

    expired_until: date
    disabled_until: date


def turns_of(ends_on: date, stages: Stages) -> Turns:
    """When people lose access, and when the data is deleted."""
    expired = ends_on + timedelta(days=stages.expired_days)
    return Turns(expired, expired + timedelta(days=stages.disabled_days))


def kind_of_change(seats_before: int, seats: int, ended_on_before: date, ends_on: date, day: date) -> str:
    """What a change within a term did, told by what it changed: "seats"; "extension", or "reactivation" once the end had
    passed on the customer's day; "renewal" (it renews itself from now on) where neither changed."""
    if seats != seats_before:
        return "seats"
    if ends_on == ended_on_before:
        return "renewal"
    return "reactivation" if day > ended_on_before else "extension"


def may_renew(stage: str) -> bool:
    """Whether a subscription can still be extended or reactivated: what is deleted begins anew."""
    return stage != "deleted"


# --- more seats, a later end ---------------------------------------------------------------------------------

#: What pays in advance: (seats, months) of each product key.
Paid = Iterable[tuple[int, int]]
LONGEST_EXTENSION = 36
LOSES_MUCH = 30


class ExtensionTooLong(Refusal):
    """At most three years are added at once (domain facts: a key with more than three times the licences is refused).
    `months`: how many whole months it would be."""


class SubscriptionOver(Refusal):
    """Seats are added to what runs; what is over is extended, or begins anew. `ends_on`: its last day."""


class SubscriptionMoved(Refusal):
    """The subscription has changed since the page was shown. `line_id`: its id."""


def licence_months(paid: Paid) -> int:
    """What keys carry: a key of N licences for M months holds N x M licence-months."""
    return sum(seats * months for seats, months in paid)


def months_left(first: date, ends_on: date) -> Fraction:
    """The months from a day to a last day, both included: whole ones by the calendar, the rest by the length of the month
    that it lies in. Nothing where the last day lies before."""
    if ends_on < first:
        return Fraction(0)
    whole = 0
    while last_day(first, whole + 1) <= ends_on:
        whole += 1
    base = last_day(first, whole) if whole else first - timedelta(days=1)
    return whole + Fraction((ends_on - base).days, (last_day(first, whole + 1) - base).days)


def end_after(first: date, months: Fraction) -> date:
    """The last day of so many months that begin on a day: the inverse of `months_left`. A part of a day counts as a whole
    one: rounding is in the customer's favour, by less than a day."""
    whole = int(months)
    base = last_day(first, whole) if whole else first - timedelta(days=1)
    length = (last_day(first, whole + 1) - base).days
    return base + timedelta(days=ceil((months - whole) * length))


@dataclass(frozen=True)
class Arithmetic:
    """What keys make of a subscription, and the numbers that say why: `seats` and `ends_on` afterwards; `had` seats with
    `left` months left; `licence_months` that are added; `months` that the result runs, counted from `first`."""

    seats: int
    ends_on: date
    first: date
    had: int
    left: Fraction
    licence_months: int
    months: Fraction
    lost_days: int = 0


def with_seats(seats: int, ends_on: date, today: date, paid: Paid) -> Arithmetic:
    """Add the keys' licences: one end for all, (A x B + licence-months of the keys) / (A + C) months from today.

    A licences have B months left, the keys carry C. Raises SubscriptionOver once the last day is over,
    SeatsOutOfBounds, ExtensionTooLong.
    """
    paid = list(paid)
    if ends_on < today:
        raise SubscriptionOver(ends_on=ends_on)
    more, added = sum(each for each, _months in paid), licence_months(paid)
    if seats + more > MOST_SEATS:
        raise SeatsOutOfBounds(seats=seats + more)
    left = months_left(today, ends_on)
    months = (seats * left + added) / (seats + more)
    _check_extension(months - left)
    return Arithmetic(seats + more, end_after(today, months), today, seats, left, added, months)


def extended(seats: int, ends_on: date, today: date, paid: Paid) -> Arithmetic:
    """Let the same licences run longer: licence-months of the keys / A months, counted from the old end.

    What lies between an end that has passed and today is lost: `lost_days` says how much. Raises ExtensionTooLong.
    """
    added = licence_months(paid)
    first = ends_on + timedelta(days=1)
    months = Fraction(added, seats)
    _check_extension(months)
    new_end = end_after(first, months)
    lost = max(0, (min(today - timedelta(days=1), new_end) - ends_on).days)
    return Arithmetic(seats, new_end, first, seats, months_left(today, ends_on), added, months, lost)


def begun(today: date, paid: Paid) -> Arithmetic:
    """A subscription of its own from today: one end for the licences of all keys. Raises SeatsOutOfBounds."""
    paid = list(paid)
    seats, added = sum(each for each, _months in paid), licence_months(paid)
    if not 1 <= seats <= MOST_SEATS:
        raise SeatsOutOfBounds(seats=seats)
    months = Fraction(added, seats)
    return Arithmetic(seats, end_after(today, months), today, 0, Fraction(0), added, months)


def loses_much(arithmetic: Arithmetic) -> bool:
    """Whether counting from an old end loses so much that the other way is shown beside it."""
    return arithmetic.lost_days > LOSES_MUCH


def _check_extension(months: Fraction) -> None:
    if months > LONGEST_EXTENSION:
        raise ExtensionTooLong(months=ceil(months))


# --- licences ------------------------------------------------------------------------------------------------


class NoSeatLeft(Refusal):
    """Every seat of a subscription is given. `product`, `seats`."""


class NoLicencesNow(Refusal):
    """Licences are given while a subscription runs or is expired, not later. `product`, `stage`."""


class NotOneOfThem(Refusal):
    """The person does not belong to the organization that has the subscription."""

    status = 404


def check_member(is_member: bool) -> None:
    """Raises NotOneOfThem."""
    if not is_member:
        raise NotOneOfThem()


def check_licence(product: str, seats: int, given: int, stage: str) -> None:
    """Whether one more person can get a licence. Raises NoLicencesNow, NoSeatLeft."""
    if stage not in {"active", "expired"}:
        raise NoLicencesNow(product=product, stage=stage)
    if given >= seats:
        raise NoSeatLeft(product=product, seats=seats)


# --- partner of record ---------------------------------------------------------------------------------------


class UnknownPartnerNumber(Refusal):
    """No open partner has this number. `number`: what was typed."""

    status = 422


class PartnerDisabled(Refusal):
    """The partner's access is closed: it can be nobody's partner of record."""


class PartnerOfRecordChanged(Refusal):
    """Another partner is partner of record than the page showed: nothing is confirmed that nobody saw. `line_id`: the
    subscription's."""


class NoPartnerOfRecord(Refusal):
    """The subscription has no partner of record that could be asked. `line_id`: its id."""


class PartnerCannotOffer(Refusal):
    """The partner is not enrolled to offer delegated administration (seed 000). `partner`: its name; `line_id`."""


def check_partner_open(is_open: bool) -> None:
    """Raises PartnerDisabled."""
    if not is_open:
        raise PartnerDisabled()


def check_known(number: str, known: bool) -> None:
    """Raises UnknownPartnerNumber."""
    if not known:
        raise UnknownPartnerNumber(number=number)


def record_word(partner_id: object | None) -> str:
    """Who is partner of record, as a form carries it: what its page showed."""
    return str(partner_id) if partner_id is not None else "none"


def check_same_record(shown: str, now: str, line_id: object) -> None:
    """Whether a form (a `record_word`; empty: there was none) shows who is partner of record now.

    Raises PartnerOfRecordChanged.
    """
    if shown and shown != now:
        raise PartnerOfRecordChanged(line_id=line_id)


def check_can_offer(partner: str, is_open: bool, enrolled: bool, line_id: object) -> None:
    """Whether a partner can be asked for an offer of delegated administration. Raises PartnerDisabled,
    PartnerCannotOffer."""
    check_partner_open(is_open)
    if not enrolled:
        raise PartnerCannotOffer(partner=partner, line_id=line_id)


def read_partner_number(typed: str) -> str:
    """A partner's number as it is kept: digits only, whatever width and blanks were typed."""
    return re.sub(r"[\s\-\u2010-\u2015\u2212]", "", unicodedata.normalize("NFKC", typed))


def check_related(related: bool) -> None:
    """Raises NotRelated."""
    if not related:
        raise NotRelated()


def is_active(ends_on: date, today: date) -> bool:
    """Whether a subscription holds up the end of a relationship: its last day is not over.

    One that begins later counts: it was bought. `today` is the customer's day.
    """
    return today <= ends_on
