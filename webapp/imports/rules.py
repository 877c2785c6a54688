"""What a file may hold, what is wrong with a row, and what can be done with an import in each state."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from webapp.agreements import rules as agreements
from webapp.errors import Refusal
from webapp.invitations import rules as invitations
from webapp.organizations.rules import AddressNotUsable, domain_of, is_own_address

#: A file is at most so large; what it unpacks to, and how many times that may be the size of what was packed.
FILE_BYTES = 10 * 1024 * 1024
UNPACKED_BYTES = 60 * 1024 * 1024
PACKED_RATIO = 100
#: Parts of a packed file smaller than this may be packed as tightly as they like.
SMALL_PART = 1024 * 1024
PARTS = 500
COLUMNS = 50
CELL = 2000
#: A row is done under a lease of this length; workers may read the time so far apart and still see each other's.
LEASE = timedelta(seconds=60)
SKEW = timedelta(seconds=60)
#: Rows of one import that a worker takes before it looks at the next import.
BATCH = 50
#: A row that our own fault keeps from being done is given up after so many tries.
LAST_ATTEMPT = 3
#: No day's limit lasts longer than a day, of whatever zone: what lies further ahead was written by another clock.
LONGEST_WAIT = timedelta(hours=50)
#: The values of rows, which name persons, are let go after so many days.
KEPT = timedelta(days=90)

#: What each kind of organization imports.
KINDS_OF = {"partner": ("invitations", "attestations"), "customer": ("people",)}
KINDS = tuple(kind for kinds in KINDS_OF.values() for kind in kinds)
#: Domains of addresses in a file of people that are looked up before the start; of more, the rows themselves tell.
DOMAINS_AHEAD = 200


@dataclass(frozen=True)
class Column:
    """A column of a file. `required`: it must be there; `filled`: no row may leave it empty; `shape`: "text", "mail",
    "phone", "day" or "choice"; `longest`: characters."""

    name: str
    required: bool = False
    filled: bool = False
    shape: str = "text"
    longest: int = 200
    choices: tuple[str, ...] = ()


COLUMNS_OF: dict[str, tuple[Column, ...]] = {
    "invitations": (
        Column("customer", required=True, longest=300),
        Column("asks", shape="choice", choices=("relationship", "agreement")),
        Column("partner", longest=300),
        Column("recipient", shape="mail", longest=254),
        Column("language", shape="choice", choices=("ja", "en")),
        Column("last_day", shape="day", longest=40),
    ),
    "attestations": (
        Column("customer", required=True, filled=True, longest=300),
        Column("given_name", required=True, filled=True, longest=100),
        Column("family_name", required=True, filled=True, longest=100),
        Column("email", required=True, filled=True, shape="mail", longest=254),
        Column("phone", shape="phone", longest=40),
        Column("agreed_on", required=True, filled=True, shape="day", longest=40),
    ),
    "people": (
        Column("given_name", required=True, filled=True, longest=100),
        Column("family_name", required=True, filled=True, longest=100),
        Column("email", required=True, filled=True, shape="mail", longest=254),
        Column("language", shape="choice", choices=("ja", "en")),
        Column("licences", longest=500),
    ),
}
#: The column that holds a person's address, by kind.
ADDRESS = {"invitations": "recipient", "attestations": "email", "people": "email"}


class FileFault(Exception):
    """The file cannot be read as it is: nothing of it was kept. `faults`: codes with their facts, see words.html."""

    def __init__(self, *faults: tuple[str, dict[str, Any]]) -> None:
        super().__init__(", ".join(code for code, _facts in faults))
        self.faults = faults


class NoSuchLicence(Refusal):
    """No subscription whose seats can be given now is called so. `word`."""


class ImportStarted(Refusal):
    """Its rows can be changed no more: it was started. `import_id`."""


class NothingToImport(Refusal):
    """Every row is wrong or left out. `import_id`."""


class ImportOver(Refusal):
    """It was finished, cancelled or let go. `import_id`, `state`."""


class RowsLetGo(Refusal):
    """The values of its rows were let go, so there is no result to download any more. `import_id`, `at`."""


# --- values ----------------------------------------------------------------------------------------------------

_DAY = re.compile(r"(\d{4})\s*(?:-|/|\.|年)\s*(\d{1,2})\s*(?:-|/|\.|月)\s*(\d{1,2})\s*日?(?:[ T]00:00(?::00)?)?")
_PHONE = re.compile(r"\+?[0-9() ./-]+(?: ?(?:x|ext\.?) ?[0-9]+)?")
_JOINING = "\u200c\u200d"

#: What people write for a choice, folded.
_MEANS = {
    "asks": {
        "relationship": (
            "relationship", "reseller relationship", "reseller relationship and agreement", "リセラー関係",
            "リセラー関係と契約", "関係",
        ),
        "agreement": ("agreement", "agreement only", "契約", "契約のみ"),
    },
    "language": {"ja": ("ja", "jp", "japanese", "日本語"), "en": ("en", "english", "英語")},
}  # fmt: skip


def folded(text: str) -> str:
    """A text as it is compared: NFKC, case-folded, blanks in one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def day_in(text: str) -> date | None:
    """The day that a text names: 2026-11-20, 2026/11/20, 2026.11.20 or 2026年11月20日; None when none."""
    found = _DAY.fullmatch(unicodedata.normalize("NFKC", text).strip())
    try:
        return date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        return None


def choice_in(column: str, text: str) -> str | None:
    """The choice that a text means; None when none."""
    word = folded(text)
    return next((choice for choice, words in _MEANS[column].items() if word in words), None)


def is_readable(text: str) -> bool:
    """Whether a text holds no control characters and none that hide or turn what is read."""
    return not any(
        unicodedata.category(each) in {"Cc", "Cs", "Cf"} and each not in _JOINING for each in text
    )  # fmt: skip


def mail_in(text: str) -> str | None:
    """The mail address that a text is, normalised; None when it is none."""
    try:
        return validate_email(
            text, check_deliverability=False, test_environment=True, allow_smtputf8=False
        ).normalized  # fmt: skip
    except EmailNotValidError:
        return None


def is_phone(text: str) -> bool:
    """Whether a text reads like a telephone number."""
    plain = unicodedata.normalize("NFKC", text).replace("\N{EN DASH}", "-").replace("\N{MINUS SIGN}", "-")
    return _PHONE.fullmatch(plain) is not None and sum(each.isdecimal() for each in plain) >= 4


# --- rows ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A customer of the partner as rows are compared with it. `today` is its day; `on_file` the address that invitations
    go to; `texts` the agreement's texts of its country; `last` the newest attestation's signatory (None: none)."""

    id: UUID
    name: str
    domains: frozenset[str]
    country: str
    today: date
    on_file: str = ""
    sells: bool = False
    invited: bool = False
    accepted: bool = False
    unknown_to: tuple[str, ...] = ()
    texts: Sequence[Any] = ()
    last: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Other:
    """A provider or reseller that an invitation can name."""

    id: UUID
    words: frozenset[str]


@dataclass(frozen=True)
class Known:
    """All that rows are checked against. `programme`: the partner's own; `today` in UTC."""

    candidates: Sequence[Candidate]
    programme: str | None
    people: set[str]
    domains: set[str]
    others: Sequence[Other] = ()
    allowed: Sequence[str] = ()
    today: date = date.max
    last_day: date = date.max
    providers: Sequence[str] = ()
    _by: dict[str, list[Candidate]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for each in self.candidates:
            for word in {str(each.id), folded(each.name), *each.domains}:
                self._by.setdefault(word, []).append(each)

    def named(self, word: str) -> list[Candidate]:
        """The customers that a word names: by id, domain or exact name."""
        return self._by.get(folded(word), [])


@dataclass(frozen=True)
class Seats:
    """A subscription of a customer as rows ask for it; `left`: how many of its seats are not given."""

    line_id: UUID
    left: int


@dataclass(frozen=True)
class KnownPeople:
    """All that rows about a customer's people are checked against.

    `members`: addresses that sign in at the customer; `elsewhere`: those that sign in at others, each with the partner's
    name where it is one; `held` and `others`: domains of partners (with the name) and of other organizations; `seats`: by
    what a subscription is called, those whose seats can be given now.
    """

    customer_id: UUID
    members: frozenset[str] = frozenset()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    seats: Mapping[str, Sequence[Seats]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row: its column (empty: the whole row), a code, and facts for its words."""

    column: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Checked:
    """What a check found. `values` are normalised; a row without faults can be done."""

    values: dict[str, str]
    faults: list[Fault] = field(default_factory=list)
    warning: str = ""
    customer_id: UUID | None = None
    other_id: UUID | None = None


def check_row(kind: str, values: Mapping[str, str], known: Known | KnownPeople) -> Checked:
    """Check one row as far as can be told before it is done; the actions decide again."""
    found = Checked(dict(values))
    for column in COLUMNS_OF[kind]:
        _check_shape(column, found)
    if isinstance(known, KnownPeople):
        _check_person(found, known)
        return found
    candidate = _candidate(kind, found, known)
    if candidate is not None:
        found.customer_id = candidate.id
        (_check_invitation if kind == "invitations" else _check_attestation)(found, candidate, known)
    return found


def _check_shape(column: Column, found: Checked) -> None:
    text = found.values.get(column.name, "")
    code = ""
    if not text:
        code = "empty" if column.filled else ""
    elif text.startswith(("=", "＝")):
        code = "formula"
    elif not is_readable(text):
        code = "unreadable"
    elif len(text) > column.longest:
        code = "too_long"
    elif column.shape == "mail":
        address = mail_in(text)
        code = "" if address else "no_mail"
        found.values[column.name] = address or text
    elif column.shape == "phone":
        code = "" if is_phone(text) else "no_phone"
    elif column.shape == "day":
        day = day_in(text)
        code = "" if day else "no_day"
        found.values[column.name] = day.isoformat() if day else text
    elif column.shape == "choice":
        choice = choice_in(column.name, text)
        code = "" if choice else "no_choice"
        found.values[column.name] = choice or text
    if code:
        found.faults.append(Fault(column.name, code, {"longest": column.longest} if code == "too_long" else {}))


def _candidate(kind: str, found: Checked, known: Known) -> Candidate | None:
    """The customer that a row names, or that the recipient's domain names where it says none."""
    if any(fault.column == "customer" for fault in found.faults):
        return None
    word, by_mail = found.values.get("customer", ""), ""
    if not word and kind == "invitations":
        by_mail = found.values.get("recipient", "")
        if not by_mail:
            found.faults.append(Fault("customer", "empty"))
            return None
        word = domain_of(by_mail)
    named = known.named(word)
    if len(named) == 1:
        return named[0]
    code = "several_customers" if named else "no_customer_of_mail" if by_mail else "no_customer"
    found.faults.append(Fault("customer", code))
    return None


def _is_well(found: Checked, *columns: str) -> bool:
    return not any(fault.column in columns for fault in found.faults)


def _refused(found: Checked, column: str, refusal: Refusal) -> None:
    found.faults.append(Fault(column, refusal.name, plain(refusal.facts)))


def _check_invitation(found: Checked, customer: Candidate, known: Known) -> None:
    values = found.values
    _check_other(found, known)
    recipient = values.get("recipient") or customer.on_file
    if not recipient:
        found.faults.append(Fault("recipient", "no_recipient"))
    elif _is_well(found, "recipient") and is_own_address(recipient, known.people, known.domains):
        _refused(found, "recipient", invitations.OwnRecipient())
    day = day_in(values.get("last_day", ""))
    if day is not None:
        try:
            invitations.check_last_day(day, customer.today)
        except Refusal as refusal:
            _refused(found, "last_day", refusal)
    if customer.unknown_to:
        found.faults.append(Fault("customer", "PartnerDistrusted", {"partner": customer.unknown_to[0]}))
    found.warning = "invited" if customer.invited else "accepted" if customer.accepted else ""


def _check_other(found: Checked, known: Known) -> None:
    """Whom an indirect invitation names beside the partner: a reseller must name its provider if it has several."""
    word, asks = folded(found.values.get("partner", "")), found.values.get("asks") or "relationship"
    if not _is_well(found, "asks", "partner") or asks == "agreement":
        return
    if word:
        fitting = [each for each in known.others if word in each.words]
        if len(fitting) == 1:
            found.other_id = fitting[0].id
        else:
            found.faults.append(Fault("partner", "no_partner"))
    elif known.programme == "indirect_reseller":
        if len(known.others) == 1:
            found.other_id = known.others[0].id
        else:
            found.faults.append(Fault("partner", "NoProvider" if not known.others else "empty"))


def _check_attestation(found: Checked, customer: Candidate, known: Known) -> None:
    try:
        agreements.check_may_attest(
            known.programme, allowed=known.allowed, today=known.today, last_day=known.last_day,
            sells=customer.sells, customer=customer.name, providers=known.providers,
        )  # fmt: skip
    except Refusal as refusal:
        _refused(found, "customer", refusal)
    if not customer.on_file:
        _refused(found, "customer", agreements.NobodyToTell())
    day = day_in(found.values.get("agreed_on", ""))
    if day is not None:
        try:
            agreements.check_agreed_on(day, customer.today)
            first = min((text.effective_on for text in customer.texts), default=None)
            agreements.check_text_on(
                agreements.newest_in_force(customer.texts, day), customer.country, day, first
            )  # fmt: skip
        except Refusal as refusal:
            _refused(found, "agreed_on", refusal)
    if customer.last:
        try:
            agreements.check_differs(signatory_of(found.values), customer.last)
        except agreements.SameAttestation:
            found.warning = "attested"


def _check_person(found: Checked, known: KnownPeople) -> None:
    found.customer_id = known.customer_id
    address = found.values.get("email", "").casefold()
    domain = domain_of(address)
    if _is_well(found, "email"):
        if address in known.members:
            found.warning = "member"
        elif known.elsewhere.get(address) or domain in known.held:
            partner = known.elsewhere.get(address) or known.held[domain]
            found.faults.append(Fault("email", "AddressOfPartner", {"partner": partner}))
        elif address in known.elsewhere or domain in known.others:
            _refused(found, "email", AddressNotUsable())
    if _is_well(found, "licences"):
        unknown = [word for word in words_in(found.values.get("licences", "")) if folded(word) not in known.seats]
        if unknown:
            found.faults.append(Fault("licences", NoSuchLicence.__name__, {"word": unknown[0][:100]}))


def words_in(text: str) -> list[str]:
    """What a cell with several words holds: between commas, semicolons, bars or lines, in whatever width; each once."""
    found = (" ".join(word.split()) for word in re.split(r"[,;|\n、，；｜]", text))
    return list(dict.fromkeys(word for word in found if word))


def chosen(seats: Sequence[Seats]) -> Seats:
    """Which of several subscriptions of one name a row gets a seat of: the first that has one left."""
    return next((each for each in seats if each.left > 0), seats[0])


def mark_without_seats(rows: Iterable[tuple[int, Checked]], known: KnownPeople) -> None:
    """Warn of rows that ask for a licence of which the rows before them take the last seat: kept as "seats"."""
    left = {each.line_id: each.left for seats in known.seats.values() for each in seats}
    for _number, row in rows:
        if row.faults or row.warning:
            continue
        for word in words_in(row.values.get("licences", "")):
            line = chosen([Seats(each.line_id, left[each.line_id]) for each in known.seats[folded(word)]]).line_id
            left[line] -= 1
            if left[line] < 0:
                row.warning = "seats"


def signatory_of(values: Mapping[str, str]) -> agreements.Signatory:
    """Who agreed, as a row says."""
    return agreements.Signatory(*(values.get(name, "") for name in agreements.SIGNATORY))


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a refusal as they are stored: days and moments as ISO, what is no plain value left out."""
    found: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, date | datetime):
            found[name] = value.isoformat()
        elif isinstance(value, tuple | list) and all(isinstance(each, str) for each in value):
            found[name] = list(value)
        elif value is None or isinstance(value, str | int | bool):
            found[name] = value
    return found


def mark_repeated(kind: str, rows: Iterable[tuple[int, Checked]]) -> None:
    """Warn of rows that say the same of a customer (or name the same person) as a row before: kept as "repeated"."""
    seen: set[tuple[Any, ...]] = set()
    names = {"invitations": ("asks",), "people": ("email",)}.get(
        kind, ("given_name", "family_name", "email", "phone")
    )  # fmt: skip
    for _number, row in rows:
        if row.faults or row.customer_id is None:
            continue
        key = (row.customer_id, *(agreements.compared(row.values.get(name, "")) for name in names))
        if key in seen:
            row.warning = "repeated"
        seen.add(key)


# --- states ----------------------------------------------------------------------------------------------------


def state_of(row: Any, now: datetime) -> str:
    """Where an import stands: "checked" (not started), "running", "waiting" (the day's mails are used up), "paused",
    "stopped" (paused by the worker), "cancelled", "finished"."""
    if row.cancelled_at is not None:
        return "cancelled"
    if row.ended_at is not None:
        return "finished"
    if row.started_at is None:
        return "checked"
    if row.paused_at is not None:
        return "stopped" if row.stopped_for else "paused"
    return "waiting" if row.waits_until is not None and row.waits_until > now else "running"


def check_unstarted(row: Any, now: datetime) -> None:
    """Raises ImportStarted, ImportOver unless its rows can still be changed."""
    state = state_of(row, now)
    if state in {"cancelled", "finished"}:
        raise ImportOver(import_id=row.id, state=state)
    if state != "checked":
        raise ImportStarted(import_id=row.id)


def check_open(row: Any, now: datetime) -> None:
    """Raises ImportOver unless there is still something to do or to stop."""
    state = state_of(row, now)
    if state in {"cancelled", "finished"}:
        raise ImportOver(import_id=row.id, state=state)


def check_some(good: int, import_id: UUID) -> None:
    """Raises NothingToImport."""
    if not good:
        raise NothingToImport(import_id=import_id)


def check_kept(row: Any) -> None:
    """Raises RowsLetGo."""
    if row.emptied_at is not None:
        raise RowsLetGo(import_id=row.id, at=row.emptied_at)
