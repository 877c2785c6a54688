"""What a file is that a partner keeps with an attestation, and that what was shown is what is attested.

A file's type is judged by its bytes; its name must agree. A file that is two things at once (a picture with an archive
behind it) is refused: whoever opens it later must see what was kept.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from webapp.errors import Refusal

#: The largest proof, in bytes.
LARGEST = 10 * 1024 * 1024
#: So long may a file's name be when it is kept.
LONGEST_NAME = 120
#: The types that are taken, with the endings a name may have.
ENDINGS = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "message/rfc822": (".eml",),
}
#: The longest text that goes with a request to attest.
LONGEST_REQUEST = 2000


class ProofRefused(Refusal):
    """The file is not kept. `why`: "large", "empty", "unknown", "renamed" (its name says something else than its bytes:
    `found` is their type) or "double" (it is `found` and something else at once); `file`: its name."""

    status = 422


class AttestationHasChanged(Refusal):
    """What would be attested is not what the page showed. `changes`: names of the parts that differ."""


class NoProviderToAsk(Refusal):
    """An indirect reseller without an open relationship with this customer has no provider to ask. `customer`: its
    name; `provider`: the name of the one that was to be asked and does not sell to it through the reseller any more,
    empty when there was none."""

    status = 403


class TemplateNotInForce(Refusal):
    """A program names a version of the agreement that was not in force on the day of acceptance and is not the one of
    today. `day`; `version`: the one that was in force there."""

    status = 400


#: A telephone number in any usual spelling: four digits at least.
PHONE = r"\+?(?:[() ./-]*[0-9]){4,}[() ./-]*(?: ?(?:x|ext\.?) ?[0-9]+)?"
LONGEST_PHONE = 40


def phone_of(text: str) -> str:
    """A telephone number as it is kept. Raises ValueError."""
    text = unicodedata.normalize("NFKC", text).replace("\N{EN DASH}", "-").replace("\N{MINUS SIGN}", "-")
    if not re.fullmatch(PHONE, text):
        raise ValueError("no telephone number")
    return text


def day_agreed(moment: datetime, zone: str, *, today: date, today_in_utc: date) -> date:
    """The customer's day that a program means by a date and time: midnight, in whatever zone, and a time without one are
    that very date; any other moment is the day that it was at the customer (`zone`).

    Programs send the date that it is in UTC. West of there it can be the customer's tomorrow; then it is the customer's
    `today` that is meant."""
    if moment.tzinfo is None or moment.time() == time():
        day = moment.date()
        return today if today < day <= today_in_utc else day
    try:
        return moment.astimezone(ZoneInfo(zone)).date()
    except OverflowError:
        return moment.date()


def check_template(named: UUID, *, current: frozenset[UUID], on_day: UUID, day: date, version: str) -> None:
    """Raises TemplateNotInForce unless the template that a program names is one that is listed today (`current`), which
    stands for the agreement whatever the day, or that of the version in force on the `day` of acceptance (`on_day`)."""
    if named != on_day and named not in current:
        raise TemplateNotInForce(day=day, version=version)


def check_same(changes: list[str], *, same: bool) -> None:
    """Raises AttestationHasChanged, naming the parts that differ, unless the fingerprint is the `same`."""
    if not same:
        raise AttestationHasChanged(changes=changes or ["other"])


def check_proof(name: str, content: bytes) -> str:
    """The media type of a file that is taken. Raises ProofRefused."""
    if len(content) > LARGEST:
        raise ProofRefused(why="large", file=name)
    if not content:
        raise ProofRefused(why="empty", file=name)
    found = media_type_of(content)
    if found is None:
        raise ProofRefused(why="unknown", file=name)
    if not name.lower().endswith(ENDINGS[found]):
        raise ProofRefused(why="renamed", file=name, found=found)
    if is_double(content, found):
        raise ProofRefused(why="double", file=name, found=found)
    return found


def media_type_of(content: bytes) -> str | None:
    """What a file is by its bytes; None for anything that is not taken."""
    if re.match(rb"%PDF-[12]\.\d", content):
        return "application/pdf" if b"%%EOF" in content[-2048:] else None
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png" if content[12:16] == b"IHDR" and b"IEND" in content else None
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg" if b"\xff\xd9" in content else None
    return "message/rfc822" if is_mail(content) else None


_HEADER = re.compile(rb"([!-9;-~]+):[ \t]?(.*)")


def is_mail(content: bytes) -> bool:
    """Whether bytes are a mail as it was saved: header lines first, among them From and Date, and no binary bytes."""
    text = content.removeprefix(b"\xef\xbb\xbf")
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):  # \x1b switches the script in Japanese mails
        return False
    seen: set[bytes] = set()
    for line in re.split(rb"\r\n|\n|\r", text[:262_144]):
        if not line:
            break
        if line[:1] in (b" ", b"\t") and seen:
            continue
        match = _HEADER.fullmatch(line)
        if match is None:
            return False
        seen.add(match[1].lower())
    return {b"from", b"date"} <= seen


def is_double(content: bytes, media_type: str) -> bool:
    """Whether a file of this type is something else as well."""
    if media_type == "message/rfc822":
        return False  # text throughout, and what it holds in other types is encoded
    if _is_archive(content) or _looks_like_a_page(content[:4096]):
        return True
    if media_type == "application/pdf":
        return bool(content[content.rindex(b"%%EOF") + 5 :].strip(b"\r\n\t \x00"))
    if b"%PDF-" in content[:4096]:
        return True
    return _end_of_png(content) != len(content) if media_type == "image/png" else _has_jpeg_tail(content)


def _is_archive(content: bytes) -> bool:
    """Whether an archive program finds a ZIP (or JAR, or Office document) in it: its directory stands at the end."""
    tail = content[-65_557 - 64 :]
    start = len(content) - len(tail)
    place = tail.rfind(b"PK\x05\x06")
    while place >= 0:
        if len(tail) - place >= 22:
            entries = int.from_bytes(tail[place + 10 : place + 12], "little")
            size = int.from_bytes(tail[place + 12 : place + 16], "little")
            if entries and size and size <= start + place and b"PK\x01\x02" in content[: start + place]:
                return True
        place = tail.rfind(b"PK\x05\x06", 0, place)
    return b"Rar!\x1a\x07" in content or b"7z\xbc\xaf\x27\x1c" in content


def _looks_like_a_page(beginning: bytes) -> bool:
    """Whether a browser that guesses would take it for a page with scripts."""
    return re.search(rb"<(?:!doctype\s+html|html|script|svg|\?php)[\s>]", beginning, re.IGNORECASE) is not None


def _end_of_png(content: bytes) -> int:
    """Where the last chunk of a PNG ends; 0 when its chunks do not lead there."""
    place = 8
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        kind = content[place + 4 : place + 8]
        place += 12 + length
        if kind == b"IEND":
            return place
    return 0


def _has_jpeg_tail(content: bytes) -> bool:
    """Whether something stands behind the picture. Cameras put further pictures there: those end as a picture does."""
    return not content.rstrip(b"\x00\r\n").endswith(b"\xff\xd9")


def name_of(name: str) -> str:
    """A file's name as it is kept: without folders and unreadable characters, with its ending."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(
        each for each in last if unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    )
    kept = " ".join(kept.split()).lstrip(".") or "proof"
    stem, dot, ending = kept.rpartition(".")
    if len(kept) <= LONGEST_NAME or not dot:
        return kept[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"[:LONGEST_NAME]
