"""What Graph's clients send, read without a database."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from webapp.delegated_admin import rules as delegated_rules
from webapp.offers import rules
from webapp.offers.rules import Comparison


def like(pattern: str, text: str) -> bool:
    """Whether a text is like a pattern as a whole."""
    return re.fullmatch(pattern, text) is not None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P1D", 1), ("P730D", 730), ("p730d", 730), ("P2Y", 730), ("P1Y", 365), ("p2y", 730), ("P24M", 720), ("P104W", 728),
        ("P365DT0H", 365), ("730 days, 0:00:00", 730), ("1 day, 0:00:00", 1), ("730 days", 730), ("730.00:00:00", 730),
    ],
)  # fmt: skip
def test_a_term_is_read_as_clients_write_it(text: str, days: int) -> None:
    assert like(rules.DURATION, text)
    assert rules.days_of(text) == days


@pytest.mark.parametrize(
    "text", ["", "P0D", "P731D", "P3Y", "P25M", "730", "P1.5Y", "-P1D", "P1D\n", "PT24H", "1 days, 1:00:00"]
)
def test_what_is_no_term_is_not_taken_for_one(text: str) -> None:
    assert not like(rules.DURATION, text)


def test_the_terms_that_are_taken_are_those_of_the_rule() -> None:
    taken = [days for days in range(1000) if like(rules.DURATION, f"P{days}D")]
    assert taken == list(range(1, delegated_rules.LONGEST_DAYS + 1))
    assert all(str(timedelta(days=days)) and like(rules.DURATION, str(timedelta(days=days))) for days in taken)
    assert all(rules.days_of(rules.duration_text(days)) == days for days in taken)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P0D", 0),
        ("PT0S", 0),
        ("pt0s", 0),
        ("0:00:00", 0),
        ("P180D", 180),
        ("180 days, 0:00:00", 180),
        ("180.00:00:00", 180),
    ],
)
def test_the_automatic_extension_is_read_as_clients_write_it(text: str, days: int) -> None:
    assert like(rules.EXTENSION, text)
    assert rules.days_of(text) == days
    assert days in {0, delegated_rules.EXTENSION.days}


@pytest.mark.parametrize("text", ["P181D", "P90D", "180", "PT1S", ""])
def test_other_extensions_are_none(text: str) -> None:
    assert not like(rules.EXTENSION, text)


GUID = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("status eq 'active'", [[("status", "eq", "active")]]),
        (f"customer/tenantId eq '{GUID}'", [[("tenant", "eq", GUID)]]),
        (f"customer/tenantId eq {GUID}", [[("tenant", "eq", GUID)]]),
        ("displayName eq 'O''Neil'", [[("name", "eq", "O'Neil")]]),
        ("startswith(displayName, 'CIPP_')", [[("name", "startswith", "CIPP_")]]),
        (
            "status eq 'active' and displayName eq 'a or b' or status eq 'created'",
            [[("status", "eq", "active"), ("name", "eq", "a or b")], [("status", "eq", "created")]],
        ),
        (
            "displayName eq ' and status eq ''active''' and status eq 'expired'",
            [[("name", "eq", " and status eq 'active'"), ("status", "eq", "expired")]],
        ),
    ],
)
def test_a_filter_is_read(text: str, groups: list[list[tuple[str, str, str]]]) -> None:
    assert like(rules.FILTER, text)
    assert rules.read_filter(text) == tuple(tuple(Comparison(*each) for each in group) for group in groups)


@pytest.mark.parametrize(
    "text",
    [
        "", "status eq active", "status eq 'sleeping'", "status ne 'active'", "duration eq 'P1D'", "(status eq 'active')",
        "not status eq 'active'", "status eq 'active' and", "displayName eq 'a' b'", "contains(displayName,'a')",
        "customer/tenantId eq 'none'", "status eq 'active'\n", " and ".join(["status eq 'active'"] * 11),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_not_taken_for_one(text: str) -> None:
    assert not like(rules.FILTER, text)


def test_every_state_has_a_word_of_graph_s() -> None:
    assert set(rules.GRAPH_STATUS) == set(delegated_rules.STATES)
    assert set(rules.GRAPH_STATUS.values()) <= set(rules.GRAPH_STATUSES)
