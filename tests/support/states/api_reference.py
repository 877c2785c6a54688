"""What the API offers."""

from __future__ import annotations

from typing import Any

from tests.support.state import State

STATES = (State("api-docs", "", "/api/docs"),)


def fill(_filling: Any) -> None:
    """Nothing: the page is made of what the operations declare."""
