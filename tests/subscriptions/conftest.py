"""Fixtures of the tests of subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.subscriptions.scene import Holding
from tests.support.builders import World
from webapp import clock


@pytest.fixture
def holding(world: World) -> Holding:
    """A customer, its partners, and what it holds."""
    return Holding(world.app, world)


@pytest.fixture
def timed(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Holding]:
    """The same with a clock that can be set."""
    clock_file = tmp_path / "clock"
    app = make_app(clock_offset_file=clock_file)
    yield Holding(app, World(app), clock_file)
    clock.read_offset_from(None)
