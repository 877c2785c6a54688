"""What a product key is, how one is read from whatever people type, and when it can be redeemed."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from webapp.errors import Refusal
from webapp.subscriptions.rules import Arithmetic

#: No vowels, no 0 1 5, no L N S Z: nothing that is taken for another. Public decoders of such keys agree on these 24.
ALPHABET = "BCDFGHJKMPQRTVWXY2346789"
#: Some keys hold one of these besides, in a place that means something; ours never do.
ONCE = "N"
GROUPS, GROUP = 5, 5
LENGTH = GROUPS * GROUP
#: So many keys are redeemed together at most.
MOST_KEYS = 100
MOST_ISSUED = 10_000
#: Products for the home have codes that begin so: their keys are redeemed elsewhere.
HOME = "HOME-"


class CountOutOfBounds(Refusal):
    """From 1 to 10,000 keys are issued at once."""

    operator = True


class ExpiredAlready(Refusal):
    """The last day of keys to issue is over."""

    operator = True


class MoreThanProduct(Refusal):
    """A key carries no more licences than its product is sold for. `most`: how many that are."""

    operator = True


class KeyForHome(Refusal):
    """The key is for a product for the home, not for organizations. `last_five`, `product`."""


class KeyExpired(Refusal):
    """The key's last day is over. `last_five`, `product`, `expires_on`."""

    status = 410


class KeyUsed(Refusal):
    """The key was redeemed. `last_five`; `own`: for the very organization that redeems it now. Only then are known:
    `product`, `by` (a name, empty where nobody was signed in or who it was is erased), `at`, `draft_id` (of the result of
    whoever redeems now; None where it was in another go)."""


class ProductUnavailable(Refusal):
    """The key's product cannot be had. `last_five`, `product`, `why`: "closed", "country" (the service is not offered
    there) or "trial" (the customer had it before)."""


class TooManyLicences(Refusal):
    """A product is not sold for so many licences. `product`, `most`, `seats` (how many it would be)."""


class TooManyWrongKeys(Refusal):
    """A limit on wrong keys was reached. `minutes`: until the next one may be wrong; `everybody`: it is the limit for all
    together."""

    status = 429


class NoKeyEntered(Refusal):
    """There is nothing to redeem: the keys were removed, or have rested too long."""


class RedemptionOver(Refusal):
    """This very draft was redeemed, and its account exists. `customer`: its name."""


class RedemptionChanged(Refusal):
    """What would happen is not what the page showed: a subscription moved, or another day has begun. `changes`: for each
    subscription that is otherwise now, its `product` with `seats_before`, `ended_before`, `seats` and `ends_on` (strings
    and days; empty where there is none)."""


class OrganizationKnown(Refusal):
    """An organization with this mail domain is here already: it is not made twice. `domain`."""


class NotRightAddress(Refusal):
    """Microsoft's own addresses are no customer's."""

    status = 422


# --- reading -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stranger:
    """A character that is in no key: the `position` from 1 that it has in the key (`place` from 1 in `group` from 1), and
    what it may be on the card (letters of the alphabet)."""

    typed: str
    position: int
    maybe: str

    @property
    def group(self) -> int:
        return (self.position - 1) // GROUP + 1

    @property
    def place(self) -> int:
        return (self.position - 1) % GROUP + 1


@dataclass(frozen=True)
class Typed:
    """One key as it was typed: `key` (25 characters, no dashes) when it can be one; else `strangers`, or its `length` is
    not 25."""

    text: str
    key: str = ""
    length: int = LENGTH
    strangers: tuple[Stranger, ...] = ()


#: What a character that is in no key is often read for.
_LOOKS = {
    "0": "QD8", "O": "QDC", "1": "7T", "I": "T7J", "L": "T7", "5": "68", "S": "68", "Z": "27", "A": "4R", "E": "FB3",
    "U": "VW", "N": "MH",
}  # fmt: skip
#: Letters of other scripts that look just like one of the alphabet.
_SAME = str.maketrans("ВСНКМРТХУΒΗΚΜΡΤΧΥ", "BCHKMPTXYBHKMPTXY")
#: What stands before a key without a colon.
_LABEL = re.compile(
    r"^(?:(?:THE|YOUR|MY|NEW|PRODUCT|LICEN[CS]E|ACTIVATION|OFFICE|MICROSOFT|365)\s+)*KEY(?:\s+IS)?\s+"
    r"|^(?:プロダクト|ライセンス)\s*(?:キー|ID)\s*[はが]?\s*"
)
_NUMBERED = re.compile(r"^\s*(?:\(?[0-9]{1,3}[.)]\s*|[*•・-]\s+)")
#: Long vowels, which are typed for a dash: they are letters by their category.
_VOWELS = "\u30fc\uff70"
_BETWEEN = re.compile(r"[\n\r\f\v\u2028\u2029,;、|/]+")


def _folded(text: str) -> str:
    """One width, one case."""
    return unicodedata.normalize("NFKC", text).upper().translate(_SAME)


def _bare(piece: str) -> str:
    """The letters and digits of a piece, its number and label dropped."""
    parts = [_plain(_LABEL.sub("", _NUMBERED.sub("", part), count=1)) for part in re.split("[:=]", piece)]
    return next((part for part in parts if part and len(part) % LENGTH == 0), parts[-1] or "".join(parts))


def _plain(part: str) -> str:
    return "".join(each for each in part if unicodedata.category(each)[0] in "LN" and each not in _VOWELS)


def read_keys(text: str) -> list[Typed]:
    """Every key in a text, in its order: letter case, width, any kind of dash, blanks, quotes and labels are forgiven.

    Several keys stand on lines of their own, or between commas, semicolons or blanks. A key may also be spread over
    several lines or commas, group by group.
    """
    pieces = [bare for piece in _BETWEEN.split(_folded(text)) if (bare := _bare(piece))]
    together = "".join(pieces)
    if len(pieces) > 1 and len(together) % LENGTH == 0 and all(len(piece) < LENGTH for piece in pieces):
        pieces = [together]
    found = []
    for piece in pieces:
        if len(piece) > LENGTH and len(piece) % LENGTH == 0:
            found += [_typed(piece[at : at + LENGTH]) for at in range(0, len(piece), LENGTH)]
        else:
            found.append(_typed(piece))
    return found


def _typed(piece: str) -> Typed:
    strangers = []
    spare = 1
    for position, letter in enumerate(piece, 1):
        if letter in ALPHABET:
            continue
        if letter == ONCE and spare:
            spare -= 1
            continue
        strangers.append(Stranger(letter, position, _LOOKS.get(letter, "")))
    if strangers or len(piece) != LENGTH:
        return Typed(piece, "", len(piece), tuple(strangers))
    return Typed(piece, piece)


def new_key(choose: Callable[[str], str]) -> str:
    """A synthetic key of 25 characters, without dashes (114 bits). `choose` picks one of a text."""
    return "".join(choose(ALPHABET) for _ in range(LENGTH))


def grouped(key: str) -> str:
    """A key as it is printed: five groups of five."""
    return "-".join(key[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def last_five(key: str) -> str:
    """What a key is told by."""
    return key[-GROUP:]


# --- issuing -----------------------------------------------------------------------------------------------------


def check_issue(count: int, seats: int, most: int, expires_on: date, today: date) -> None:
    """Raises CountOutOfBounds, MoreThanProduct, ExpiredAlready."""
    if not 1 <= count <= MOST_ISSUED:
        raise CountOutOfBounds(count=count)
    if seats > most:
        raise MoreThanProduct(most=most)
    if expires_on < today:
        raise ExpiredAlready(expires_on=expires_on)


# --- redeeming ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What is asked of a key before it is redeemed.

    `code`, `kind` and `is_open` are its product's; `expires_on` the last day, UTC, on which it can be redeemed; `served`:
    the service is offered in the customer's country (True while that is not known); `had`: the customer has or had the
    product.
    """

    last_five: str
    code: str
    product: str
    kind: str
    is_open: bool
    expires_on: date
    served: bool = True
    had: bool = False


def check_key(asked: Asked, today: date) -> None:
    """Whether a key that nobody redeemed can be redeemed. `today` is UTC's day. Raises KeyForHome, KeyExpired,
    ProductUnavailable."""
    names = {"last_five": asked.last_five, "product": asked.product}
    if asked.code.upper().startswith(HOME):
        raise KeyForHome(**names)
    if asked.expires_on < today:
        raise KeyExpired(**names, expires_on=asked.expires_on)
    why = "closed" if not asked.is_open else "country" if not asked.served else ""
    if not why and asked.kind == "trial" and asked.had:
        why = "trial"
    if why:
        raise ProductUnavailable(**names, why=why)


def check_licences(product: str, seats: int, most: int) -> None:
    """Raises TooManyLicences."""
    if seats > most:
        raise TooManyLicences(product=product, seats=seats, most=most)


def check_any(keys: Collection[object]) -> None:
    """Raises NoKeyEntered."""
    if not keys:
        raise NoKeyEntered()


def check_open(is_over: bool, customer: str) -> None:
    """Raises RedemptionOver once a draft was redeemed."""
    if is_over:
        raise RedemptionOver(customer=customer)


def check_unknown(is_known: bool, domain: str) -> None:
    """Raises OrganizationKnown."""
    if is_known:
        raise OrganizationKnown(domain=domain)


def check_not_microsofts(is_microsofts: bool) -> None:
    """Raises NotRightAddress."""
    if is_microsofts:
        raise NotRightAddress()


def one_partner(partner_ids: Iterable[UUID | None]) -> UUID | None:
    """Who bills a subscription that several keys pay for: the partner that all of them were issued for, or nobody."""
    found = set(partner_ids)
    return found.pop() if len(found) == 1 else None


def is_of_another(issued_for: Iterable[UUID | None], sold_by: Iterable[UUID | None]) -> bool:
    """Whether a key was issued for a partner that is none of those who sell a subscription. What nobody sells, and a key
    issued for nobody, go with anything."""
    sellers = {each for each in sold_by if each is not None}
    return bool(sellers) and not {each for each in issued_for if each is not None} <= sellers


def works_again(arithmetic: Arithmetic, today: date) -> bool:
    """Whether a later end reaches today: too few licence-months leave a subscription that is long over as it is."""
    return arithmetic.ends_on >= today


def why_of(way: str, ends_on: date, today: date) -> str:
    """What a change of a subscription is called: "seats", "extension", or "reactivation" of what was over."""
    if way == "seats":
        return way
    return "extension" if ends_on >= today else "reactivation"


# --- limits ------------------------------------------------------------------------------------------------------

#: Minutes of the window in which the wrong keys of one person at one address are counted, and of that for everybody.
HOUR, DAY = 60, 24 * 60


@dataclass(frozen=True)
class Left:
    """How many more keys may be wrong now; negative where the limit was lowered, or passed by one. `everybody`: the limit
    for all together is the nearer one."""

    count: int
    everybody: bool


def left_to_try(of_pair: int, in_all: int, an_hour: int, a_day: int) -> Left:
    """What the nearer of the two limits leaves, after so many wrong keys `of_pair` in the last hour and `in_all` in the
    last day."""
    pair, everybody = an_hour - of_pair, a_day - in_all
    return Left(min(pair, everybody), everybody < pair)


def minutes_until(counted_at: datetime, window: int, now: datetime) -> int:
    """In how many minutes, at least one, a wrong key leaves its window of so many minutes."""
    return max(1, math.ceil((counted_at + timedelta(minutes=window) - now) / timedelta(minutes=1)))
