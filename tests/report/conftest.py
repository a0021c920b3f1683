"""A real browser without a network, and reports opened in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.needs import need
from wftrace.exporters.html import Report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Opened:
    """A report in a browser tab, and what the tab complained about or asked the network for."""

    page: Page
    path: Path
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def show(self, report: Report, fragment: str = "") -> None:
        """Open another report in the same tab."""
        self.page.goto("about:blank")
        report.save(self.path)
        self.page.goto(self.path.as_uri() + (f"#{fragment}" if fragment else ""))

    def ready(self) -> None:
        """Wait until the figures of a large run are unfolded."""
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def until(self, expression: str) -> None:
        """Wait until an expression in JavaScript holds; the page's policy lets nobody else evaluate one."""
        deadline = time.monotonic() + 5
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"{expression} does not come true"
            self.page.wait_for_timeout(20)

    def ref(self) -> str:
        """What is selected, as the address says."""
        return self.page.url.partition("#")[2]

    def count(self, query: str) -> int:
        """How many elements match and can be seen."""
        return sum(each.is_visible() for each in self.page.locator(query).all())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        need(False, "the Python package playwright is not installed", "pip install playwright")
        raise
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    need(chromium, "Chromium is not installed", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Save a report, open it offline, and close the tab after the test."""
    contexts = []

    def opened(
        report: Report, fragment: str = "", scripts: bool = True, theme: str = "light", width: int = 1680
    ) -> Opened:
        path = report.save(tmp_path / "report.html")
        context = browser.new_context(
            offline=True,
            java_script_enabled=scripts,
            color_scheme="dark" if theme == "dark" else "light",
            viewport={"width": width, "height": 950},
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(5_000)
        tab = Opened(context.new_page(), path)
        tab.page.on("console", lambda message: tab.complaints.append(message.text))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("dialog", lambda dialog: tab.complaints.append(f"dialog {dialog.message}"))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.goto(path.as_uri() + (f"#{fragment}" if fragment else ""))
        return tab

    yield opened
    for context in contexts:
        context.close()
