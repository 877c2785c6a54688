"""Fixtures of the tests of renewals."""

from __future__ import annotations

import pytest

from tests.delegated_admin.scene import Moment
from tests.renewals.scene import BEGIN, Ends
from tests.support.builders import World


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    return Moment(monkeypatch, BEGIN)


@pytest.fixture
def ends(world: World, moment: Moment) -> Ends:
    """A customer and its partner, on a morning in January."""
    return Ends(world.app, world, moment)
