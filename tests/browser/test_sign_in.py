"""The sign-in page in Chromium, from the program as it is served."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.builders import PASSWORD, World
from tests.support.chromium import LOOKS, Windows, assert_accessible, screenshot
from tests.support.served import Served

HEADINGS = {"en": "Sign in", "ja": "サインイン"}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_person_signs_in_at_the_served_page(
    world: World, serve: Callable[..., Served], windows: Windows, language: str
) -> None:
    administrator = world.a_customer(language=language)["global_administrator"]
    served = serve()
    for width, scheme in LOOKS:
        page = windows.open(served.url, language=language, width=width, scheme=scheme)
        page.goto("/sign-in")
        assert page.inner_text("h1") == HEADINGS[language]
        assert_accessible(page)
        screenshot(page, "sign-in")
    page.fill("[name=address]", administrator.address)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/home")
    assert_accessible(page)


def test_signing_in_works_over_https(world: World, serve: Callable[..., Served], windows: Windows) -> None:
    administrator = world.a_customer()["global_administrator"]
    page = windows.open(serve(https=True).url)
    page.goto("/sign-in")
    page.fill("[name=address]", administrator.address)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/home")
    names = {(each["name"], each["secure"], each["httpOnly"], each["sameSite"]) for each in page.context.cookies()}
    assert ("__Host-session", True, True, "Lax") in names
