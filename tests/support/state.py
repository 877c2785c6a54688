"""One page in one state that people meet: who looks, at which address, and what is done before looking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.main_job import Clicks


@dataclass(frozen=True)
class State:
    """`visitor` "" is signed out; `then` is done before looking."""

    name: str
    visitor: str
    path: str
    then: Callable[[Clicks], None] | None = None
    status: int = 200
