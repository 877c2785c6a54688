"""Fixtures of the tests of programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.api_clients.scene import Scene
from tests.support.builders import World
from webapp import clock


@pytest.fixture
def scene(app: Flask, world: World) -> Scene:
    """Two partners, today."""
    return Scene(app, world)


@pytest.fixture
def moved_scene(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Scene]:
    """The same, with a clock that can be set."""
    clock_file = tmp_path / "clock"
    app = make_app(clock_offset_file=clock_file)
    yield Scene(app, World(app), clock_file)
    clock.read_offset_from(None)
