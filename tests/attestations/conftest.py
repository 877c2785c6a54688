"""The scene of these tests."""

import pytest
from flask import Flask

from tests.attestations.scene import Scene, a_scene
from tests.support.builders import World


@pytest.fixture
def scene(app: Flask, world: World) -> Scene:
    return a_scene(app, world)
