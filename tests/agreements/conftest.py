"""Fixtures of the tests of agreements."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.agreements.scene import Attesting
from tests.support.builders import World


@pytest.fixture
def scene(app: Flask, world: World) -> Attesting:
    """A customer in Tokyo with an open relationship to each kind of partner."""
    return Attesting(app, world)
