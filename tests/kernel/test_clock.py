"""Where a local day ends, also where clocks are changed at midnight and where a day was left out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from webapp import clock

ENDS = [
    ("UTC", "2026-03-01", "2026-03-02T00:00"),
    ("Asia/Tokyo", "2026-12-31", "2026-12-31T15:00"),
    ("Asia/Kolkata", "2026-03-01", "2026-03-01T18:30"),
    ("Asia/Kathmandu", "2026-03-01", "2026-03-01T18:15"),
    ("Australia/Lord_Howe", "2026-04-04", "2026-04-04T13:00"),  # half an hour of summer time
    ("Europe/Berlin", "2026-03-28", "2026-03-28T23:00"),
    ("Europe/Berlin", "2026-03-29", "2026-03-29T22:00"),  # 23 hours
    ("Europe/Berlin", "2026-10-25", "2026-10-25T23:00"),  # 25 hours
    ("America/New_York", "2026-03-08", "2026-03-09T04:00"),
    ("America/Santiago", "2026-09-05", "2026-09-06T04:00"),  # midnight is skipped: the day begins at one
    ("America/Santiago", "2026-04-04", "2026-04-05T04:00"),  # the last hour comes twice
    ("America/Havana", "2026-10-31", "2026-11-01T04:00"),  # the first hour of the next day comes twice
    ("Africa/Cairo", "2026-04-23", "2026-04-23T22:00"),
    ("Pacific/Kiritimati", "2026-01-01", "2026-01-01T10:00"),
    ("Etc/GMT+12", "2026-01-01", "2026-01-02T12:00"),
    ("Pacific/Apia", "2011-12-29", "2011-12-30T10:00"),  # the 30th never was
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),
]


@pytest.mark.parametrize(("zone", "day", "end"), ENDS)
def test_a_day_ends_at_the_first_moment_that_is_not_in_it(zone: str, day: str, end: str) -> None:
    found = clock.end_of(date.fromisoformat(day), zone)
    assert found == datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert found.tzinfo is UTC
    assert clock.day_of(found, zone) > date.fromisoformat(day)
    assert clock.day_of(found - timedelta(microseconds=1), zone) <= date.fromisoformat(day)


def test_in_every_zone_of_a_year_days_follow_each_other_without_gap() -> None:
    for zone in (
        "America/Santiago",
        "America/Havana",
        "Africa/Cairo",
        "Asia/Beirut",
        "Pacific/Auckland",
        "Asia/Tehran",
    ):
        for number in range(366):
            day = date(2026, 1, 1) + timedelta(days=number)
            end = clock.end_of(day, zone)
            assert clock.day_of(end, zone) == day + timedelta(days=1), (zone, day)
            assert clock.day_of(end - timedelta(microseconds=1), zone) == day, (zone, day)


def test_now_has_a_zone_and_is_moved_by_the_file_only(tmp_path: Path) -> None:
    path = tmp_path / "offset"
    try:
        clock.read_offset_from(path)
        before = datetime.now(UTC)
        assert before <= clock.now() <= before + timedelta(minutes=1)  # no file yet
        path.write_text("-86400.5")
        assert clock.now() < before - timedelta(hours=23)
        path.write_text("")
        assert clock.now() >= before
        path.write_text("3600\n")
        assert clock.now() >= before + timedelta(hours=1)
        assert clock.now().tzinfo is UTC
    finally:
        clock.read_offset_from(None)


def test_today_is_the_day_of_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 5, 1, 22, 0, tzinfo=UTC))
    assert clock.today("Asia/Tokyo") == date(2026, 5, 2)
    assert clock.today("America/New_York") == date(2026, 5, 1)
    assert clock.day_of(datetime(2026, 5, 1, 0, 0, tzinfo=ZoneInfo("Asia/Tokyo")), "UTC") == date(2026, 4, 30)
