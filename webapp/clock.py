"""The only clock. Everything that asks for the time asks here, so that tests can move it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

_offset_file: Path | None = None


def read_offset_from(path: Path | None) -> None:
    """Add the seconds written in this file to every answer (tests and demonstration only; None: never)."""
    global _offset_file
    _offset_file = path


def now() -> datetime:
    """The present moment in UTC, with zone."""
    moment = datetime.now(UTC)
    if _offset_file is not None:
        with suppress(FileNotFoundError):
            moment += timedelta(seconds=float(_offset_file.read_text() or 0))
    return moment


def today(zone: str) -> date:
    """The present day in a time zone (an IANA name)."""
    return now().astimezone(ZoneInfo(zone)).date()


def day_of(moment: datetime, zone: str) -> date:
    """The local day on which a moment falls."""
    return moment.astimezone(ZoneInfo(zone)).date()


def end_of(day: date, zone: str) -> datetime:
    """The first moment after a local day, in UTC: what lasts "until that day" is open before it."""
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
