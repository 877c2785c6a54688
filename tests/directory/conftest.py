"""Fixtures of the tests of a customer's people."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.directory.scene import Office
from tests.support.builders import World


@pytest.fixture
def office(app: Flask, world: World) -> Office:
    """A customer's office."""
    return Office(app, world)
