"""Routes of the tests' own, declared like any other, on an application of this test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from webapp.access import Requirement, anyone

Probe = Callable[..., None]


@pytest.fixture
def probe(app: Flask) -> Probe:
    """Add a route: `probe("/probe", view, methods=["POST"], requirement=…)`; open to anyone by default."""

    def add(
        path: str, view: Any, *, methods: tuple[str, ...] = ("GET",), requirement: Requirement | None = None
    ) -> None:
        if requirement is None:
            anyone(because="a test's own route")(view)
        else:
            view.requirement = requirement
        app.add_url_rule(path, endpoint=f"probe{path}", view_func=view, methods=list(methods))

    return add
