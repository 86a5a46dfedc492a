"""A headless Chromium of this machine, driven by Playwright; skipped with the reason where one of them is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_PATIENCE_MS = 120_000  # the machine may be busy with other tests
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a worker."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        pytest.skip("playwright is not installed: make .venv/.browser")
    executable = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if executable is None:
        pytest.skip(f"no browser on PATH: {', '.join(CHROMIUMS)}")
    with sync_playwright() as playwright:
        # In a container Chromium cannot make its own sandbox; what it opens are our own pages.
        running = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield running
        running.close()


class Visit:
    """A page that was opened from a file, and everything it asked for or complained about meanwhile."""

    def __init__(self, browser: Browser, **context: Any) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.failed: dict[str, str | None] = {}
        self._context = browser.new_context(**context)
        self._context.set_default_timeout(_PATIENCE_MS)
        self.page: Page = self._context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("requestfailed", lambda request: self.failed.update({request.url: request.failure}))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: Path) -> Page:
        """Open *path*, and let nothing out."""
        here = path.as_uri()
        self._context.route("**/*", lambda route: route.continue_() if route.request.url == here else route.abort())
        self.page.goto(here)
        return self.page

    def close(self) -> None:
        self._context.close()
