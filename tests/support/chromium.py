"""Chromium: windows of every width, language and colour scheme; pictures; accessibility."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from config import ROOT

EXECUTABLE = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
SCREENSHOTS = ROOT / "screenshots"
LOCALES = {"ja": "ja-JP", "en": "en-US"}

Scheme = Literal["light", "dark"]
#: How pages are looked at: every width in both schemes.
LOOKS: tuple[tuple[int, Scheme], ...] = ((1280, "light"), (320, "light"), (320, "dark"), (1280, "dark"))


@contextmanager
def started() -> Iterator[Browser]:
    """Chromium, started once for all tests of a process."""
    assert os.access(EXECUTABLE, os.X_OK), f"no Chromium at {EXECUTABLE}: install it, or set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Windows:
    """Opens windows, and remembers what went wrong in them: scripts' errors, refused styles, foreign addresses."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.faults: list[str] = []
        self._contexts: list[BrowserContext] = []

    def open(
        self, url: str = "about:blank", *, language: str = "en", width: int = 1280, height: int = 800,
        scheme: Scheme = "light", javascript: bool = True, **more: Any,
    ) -> Page:  # fmt: skip
        """A window with its own cookies. `url` is where its pages lie ("http://localhost:8000")."""
        context = self.browser.new_context(
            base_url=url if url.startswith("http") else None, locale=LOCALES[language],
            viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=javascript,
            timezone_id="Asia/Tokyo" if language == "ja" else "America/New_York", ignore_https_errors=True,
            reduced_motion="reduce", **more,
        )  # fmt: skip
        context.set_default_timeout(20_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", self._hear)
        page.on("request", lambda request: self._see(request.url))
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        refused_page = "Failed to load resource: the server responded with a status of 4"
        if message.type == "error" and refused_page not in message.text:
            self.faults.append(message.text)

    def _see(self, url: str) -> None:
        if not url.startswith(("http://localhost", "https://localhost", "about:", "data:", "blob:")):
            self.faults.append(f"asked for {url}")

    def close(self) -> None:
        """Close every window; fails when one of them met a fault."""
        for context in self._contexts:
            with suppress(Exception):
                context.close()
        assert not self.faults, "in the browser: " + "; ".join(self.faults[:5])


def screenshot(page: Page, name: str) -> None:
    """Keep a picture of the whole page as screenshots/<name>-<language>-<width>-<scheme>.jpeg (not in
    Git)."""
    SCREENSHOTS.mkdir(exist_ok=True)
    language = page.get_attribute("html", "lang") or "xx"
    width = (page.viewport_size or {"width": 0})["width"]
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    path = SCREENSHOTS / f"{name}-{language}-{width}-{'dark' if dark else 'light'}.jpeg"
    page.screenshot(path=path, full_page=True, quality=85)


def assert_accessible(page: Page) -> None:
    """Fail with every fault against WCAG 2.2 A and AA (and axe's good practice) that axe finds in this page-state,
    and when the page is wider than its window."""
    results = Axe().run(page)
    faults = [
        f"{each['id']} ({each['impact']}): {each['help']} at {', '.join(str(n['target']) for n in each['nodes'][:3])}"
        for each in results.response["violations"]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        faults.append(f"the page is {wide} px wider than its window")
    assert not faults, f"{page.url}: " + "; ".join(faults)
