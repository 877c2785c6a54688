"""Fixtures of the tests of orders."""

from __future__ import annotations

import pytest

from tests.orders.scene import Market
from tests.support.builders import World


@pytest.fixture
def market(world: World) -> Market:
    """Customers, partners, a catalogue and a published agreement."""
    return Market(world.app, world)
