"""How a record is hashed, and what an untouched chain looks like. Plain values in, answers out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64


def canonical(record: Mapping[str, Any]) -> str:
    """The one spelling of a record: JSON, keys sorted, no blanks, UTF-8 kept readable."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(previous_hash: str, record: str) -> str:
    """SHA-256 (hex) over the previous hash and the canonical record."""
    return hashlib.sha256(f"{previous_hash}\n{record}".encode()).hexdigest()


def personal_digest(salt: str, value: str) -> str:
    """SHA-256 (hex) over salt and value: what a fact holds in place of a personal value."""
    return hashlib.sha256(f"{salt}\n{value}".encode()).hexdigest()


def document_digest(content: bytes) -> str:
    """SHA-256 (hex) of a document's bytes."""
    return hashlib.sha256(content).hexdigest()


#: What a partner may read of the person behind another organization's act: who, and in which words.
SEEN_BY_PARTNERS = frozenset({"actor_name", "name", "reason"})


#: What only the customer itself reads: how a request went round among its people.
CUSTOMERS_OWN = ("delegated_admin.handed_over", "invitation.handed_over")


def may_read(reader_kind: str, kind: str) -> bool:
    """Whether people of this kind of organization read of a kind of fact, where the fact names their organization."""
    return reader_kind == "customer" or kind not in CUSTOMERS_OWN


def seen_by(reader_kind: str, reader_id: str, record: Mapping[str, Any]) -> frozenset[str] | None:
    """The names of the personal values that a reader may see of a record; None: all of them.

    What a delegated administrator did for a customer holds values of the customer's people: its own partner sees no more
    of them than other partners do.
    """
    if reader_kind == "customer" or (record.get("organization_id") == reader_id and "acting" not in record):
        return None
    if record.get("organization_id") is None and record.get("customer_id") is None:
        return None  # what the operator recorded in the partner's own chain
    return SEEN_BY_PARTNERS


# --- verifying -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """What verifying needs of one fact: its columns and its record."""

    id: str
    position: int
    record: str
    previous_hash: str
    hash: str
    columns: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Finding:
    """Something wrong in a chain: which kind (edited, missing, inserted, reordered, cut, mismatch), and where."""

    kind: str
    position: int
    detail: str


MOST_ABSENT = 10_000  # places remembered while looking for records that stand elsewhere


class Walk:
    """One walk along a chain, fact after fact in the order of their positions, in constant memory.

    `follow()` answers what is wrong at each fact, `finish()` what only the end shows. The position in a record is
    covered by its hash, the column is not: where the two differ, the record tells where the fact belongs.
    """

    def __init__(self) -> None:
        self.last = 0  # the highest position met in the column
        self.head = GENESIS
        self._before_head = GENESIS
        self._shift = 0  # how many places further the column is than the record, since something was put in
        self._absent: dict[int, bool] = {}  # place whose record was not met -> whether that was said already
        self._displaced: dict[int, int] = {}  # position that a record names -> where it stands, ahead of its place
        self._trouble_at = -1  # where something was last found: its neighbour needs no second name for it
        self._watched: dict[int, str] = {}

    def watch(self, position: int) -> None:
        """Keep the hash at a position for `finish`."""
        self._watched.setdefault(position, GENESIS if position == 0 else "")

    def follow(self, link: Link) -> list[Finding]:
        """What is wrong at the next fact."""
        found = self._place(link)
        record = _parsed(link.record)
        if hash_of(link.previous_hash, link.record) != link.hash or record is None:
            found.append(Finding("edited", link.position, "the record does not match its hash"))
        else:
            found += _columns_that_differ(link, record)
        own = record.get("position") if record is not None else None
        found += self._order(link, own if isinstance(own, int) else link.position - self._shift)
        if found:
            self._trouble_at = link.position
        elif link.previous_hash != self.head and self._trouble_at not in (self.last, link.position):
            found.append(Finding("mismatch", link.position, "it does not follow the fact before it"))
        if link.position in self._watched:
            self._watched[link.position] = link.hash
        self._before_head, self.head = self.head, link.hash
        self.last = max(self.last, link.position)
        return found

    def _place(self, link: Link) -> list[Finding]:
        expected = self.last + 1
        if link.position < expected:
            return [Finding("inserted", link.position, "a second fact at this position")]
        if link.position == expected:
            return []
        self._miss(expected - self._shift, link.position - self._shift, said=True)
        gap = f"no fact at position {expected}"
        if link.position - expected > 1:
            gap = f"no facts at positions {expected} to {link.position - 1}"
        return [Finding("missing", expected, gap)]

    def _miss(self, first: int, end: int, *, said: bool = False) -> None:
        for place in range(first, min(end, first + MOST_ABSENT - len(self._absent))):
            self._absent.setdefault(place, said)

    def _order(self, link: Link, own: int) -> list[Finding]:
        expected = link.position - self._shift
        if own == expected:
            return []
        self._trouble_at = link.position
        if own in self._absent:
            del self._absent[own]
            if self._displaced.pop(expected, None) is None:
                self._miss(expected, expected + 1)
            return [Finding("reordered", link.position, f"the record was written at position {own}")]
        if own < expected:
            if link.previous_hash == self._before_head and link.previous_hash != self.head:
                self._shift += expected - own
                return [Finding("inserted", self.last, "the fact after it follows the one before it")]
            return [Finding("inserted", link.position, f"the record names position {own}, where another stands")]
        if link.previous_hash == self.head and self._displaced.pop(own - 1, None) == self.last:
            self._shift = link.position - own  # the places behind a removed fact were closed up
            self._miss(expected, own - 1)
            return []
        self._miss(expected, expected + 1)
        if len(self._displaced) < MOST_ABSENT:
            self._displaced[own] = link.position
        return []

    def finish(self, length: int, head: str, *, now: tuple[int, str] | None = None) -> list[Finding]:
        """What the end shows against the chain's row: `length` and `head` as they were before the walk, `now` as
        they are after it, where facts were recorded meanwhile."""
        newest_length, newest_head = now or (length, head)
        found = [
            Finding("missing", place, f"the record that was written at position {place} is gone")
            for place, said in sorted(self._absent.items())
            if not said
        ]
        if self.last < length:
            gone = length - self.last
            found.append(Finding("cut", self.last + 1, f"the chain counts {length} facts, the last {gone} are gone"))
        elif self.last > newest_length:
            extra = self.last - newest_length
            found.append(Finding("inserted", newest_length + 1, f"{extra} more than the chain counts"))
        elif self.last == newest_length and self.head != newest_head and self._trouble_at != self.last:
            found.append(Finding("mismatch", self.last, "the last fact's hash is not the chain's head"))
        elif self.last > length and self._watched.get(length, head) != head:
            found.append(Finding("mismatch", length, "the fact's hash was not the chain's head"))
        return found


def findings_in(links: Iterable[Link], length: int, head: str) -> list[Finding]:
    """Compare the facts of a chain, in the order of their positions, with each other and with its row."""
    walk = Walk()
    found = [finding for link in links for finding in walk.follow(link)]
    return found + walk.finish(length, head)


def _columns_that_differ(link: Link, record: Mapping[str, Any]) -> list[Finding]:
    return [
        Finding("edited", link.position, f"the column {name} says something else than the record")
        for name, value in (link.columns or {}).items()
        if record.get(name) != value
    ]


def personal_findings(position: int, record: Mapping[str, Any], rows: Mapping[str, tuple[str, str]]) -> list[Finding]:
    """Compare personal values (id -> salt, value) with the digests in a record; erased ones are no finding."""
    return [
        Finding("edited", position, f"the personal value {name} does not match its digest")
        for name, entry in record.get("personal", {}).items()
        if entry["id"] in rows and personal_digest(*rows[entry["id"]]) != entry["sha256"]
    ]


def receipt_findings(receipt: Mapping[str, Any]) -> list[Finding]:
    """Check a receipt by itself: its hash, its place, its personal values, its documents.

    A personal value may be left out (it was erased, or blackened on purpose); a document may not. Raises ValueError
    when it is no receipt.
    """
    try:
        text, previous = str(receipt["record"]), str(receipt["previous_hash"])
        stated, chain_id, position = str(receipt["hash"]), str(receipt["chain_id"]), int(receipt["position"])
        personal = {name: (str(row["salt"]), str(row["value"])) for name, row in receipt.get("personal", {}).items()}
    except (KeyError, TypeError, AttributeError) as missing:
        raise ValueError(f"not a receipt: {missing}") from missing
    found = []
    if hash_of(previous, text) != stated:
        found.append(Finding("edited", position, "the receipt's record does not match its hash"))
    record = _parsed(text) or {}
    if (record.get("chain_id"), record.get("position")) != (chain_id, position):
        found.append(Finding("mismatch", position, "the receipt names another place than its record"))
    named = record.get("personal", {})
    for name, (salt, value) in personal.items():
        if name not in named or personal_digest(salt, value) != named[name].get("sha256"):
            found.append(Finding("edited", position, f"the receipt's personal value {name} does not match its digest"))
    if "documents" in receipt:
        found += _document_findings(receipt["documents"], record.get("facts", {}), position)
    return found


def _document_findings(enclosed: Any, facts: Mapping[str, Any], position: int) -> list[Finding]:
    """Each enclosed text must be the one that the record names by its SHA-256, and none may be missing."""
    if not isinstance(enclosed, dict):
        return [Finding("edited", position, "the receipt's documents cannot be read")]
    named = {facts[name] for name in ("source_sha256", "html_sha256") if facts.get(name)}
    found = [Finding("missing", position, f"the receipt lacks document {each}") for each in sorted(named - {*enclosed})]
    for digest, document in enclosed.items():
        content = document.get("content") if isinstance(document, dict) else None
        if digest not in named or not isinstance(content, str) or document_digest(content.encode()) != digest:
            found.append(Finding("edited", position, f"the receipt's document {digest} is not the one of the record"))
    return found


def _parsed(record: str) -> dict[str, Any] | None:
    try:
        value = json.loads(record)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def reference_of(fact_hash: str) -> str:
    """A short reference of a fact that people can read out: twelve characters in groups of four, from its hash."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = int(fact_hash[:15], 16)
    letters = "".join(alphabet[(number >> shift) & 31] for shift in range(55, -1, -5))
    return "-".join(letters[start : start + 4] for start in (0, 4, 8))
