"""The navigation on a wide screen, for whom it is longest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.builders import PASSWORD, World
from tests.support.chromium import Windows
from tests.support.served import Served


@pytest.mark.one_engine
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_entries_of_an_admin_agent_stand_in_one_line(
    world: World, serve: Callable[..., Served], windows: Windows, language: str
) -> None:
    agent = world.a_partner(language=language)["admin_agent"]
    page = windows.open(serve().url, language=language, width=1280)
    page.goto("/sign-in")
    page.fill("[name=address]", agent.address)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector(".navigation")
    assert page.get_attribute("html", "lang") == language
    tops = page.eval_on_selector_all(".navigation li", "all => all.map((each) => each.getBoundingClientRect().top)")
    assert len(tops) == 12
    assert len(set(tops)) == 1
