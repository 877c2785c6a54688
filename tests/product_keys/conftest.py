"""Fixtures of the tests of product keys."""

from __future__ import annotations

import pytest

from tests.product_keys.scene import Counter
from tests.support.builders import World


@pytest.fixture
def counter(world: World) -> Counter:
    """A customer, its partners, and a catalogue that keys pay for."""
    return Counter(world.app, world)
