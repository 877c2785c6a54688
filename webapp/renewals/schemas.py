"""Ends as other programs read them: a calendar as RFC 5545 has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

#: Octets of a line, without its end (RFC 5545, 3.1).
LONGEST_LINE = 75
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u2028\u2029]+")


@dataclass(frozen=True)
class Event:
    """A day in a calendar: the last one of a subscription, in its customer's zone. `since`: since when it stands."""

    line_id: UUID
    day: date
    since: datetime
    summary: str
    description: str
    url: str


def calendar(name: str, host: str, language: str, events: Iterable[Event]) -> str:
    """A calendar: lines that end in CRLF and hold at most 75 octets, texts escaped, whole days without a zone."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//Countersign//Renewals//{language.upper()}", "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH", f"NAME:{text(name)}", f"X-WR-CALNAME:{text(name)}", "REFRESH-INTERVAL;VALUE=DURATION:PT12H",
        "X-PUBLISHED-TTL:PT12H",
    ]  # fmt: skip
    found = [line for event in events for line in _event(event, host)]
    lines += found or _TIME_ZONE
    lines.append("END:VCALENDAR")
    return "".join(folded(line) + "\r\n" for line in lines)


#: A calendar holds at least one component; where nothing ends, it is this one.
_TIME_ZONE = [
    "BEGIN:VTIMEZONE", "TZID:Etc/UTC", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000", "TZNAME:UTC", "END:STANDARD", "END:VTIMEZONE",
]  # fmt: skip


def _event(event: Event, host: str) -> Iterator[str]:
    stamp = event.since.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    yield "BEGIN:VEVENT"
    yield f"UID:{event.line_id}-{event.day:%Y%m%d}@{host}"
    yield f"DTSTAMP:{stamp}"
    yield f"LAST-MODIFIED:{stamp}"
    yield f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{text(event.summary)}"
    yield f"DESCRIPTION:{text(event.description)}"
    yield f"URL:{event.url}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def text(value: str) -> str:
    """A text as a value: backslash, semicolon, comma and line break escaped, other control characters as blanks."""
    plain = _CONTROL.sub(" ", value.replace("\r\n", "\n").replace("\r", "\n"))
    for character, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        plain = plain.replace(character, written)
    return plain


def folded(line: str) -> str:
    """A line in pieces of at most 75 octets, each after the first begun by a blank; no character is broken."""
    pieces, piece, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > LONGEST_LINE:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + character, size + octets
    return "\r\n".join([*pieces, piece])
