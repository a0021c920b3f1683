"""The page as somebody sees it: in a browser that follows a run, with scripts and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.watch.conftest import Short, asking, spans_of, until
from wftrace.watch.board import Board
from wftrace.watch.pushing import Watching, watching
from wftrace.watch.server import WatchServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass
class Tab:
    """A tab, and what it complained about or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def report(self) -> str:
        """The headline of the report that is shown."""
        return self.page.frame_locator("iframe").last.locator(".verdict").inner_text()


Open = Callable[..., Tab]


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Open]:
    """Open an address, and close the tab after the test."""
    contexts = []

    def opened(url: str, *, scripts: bool = True, theme: str = "light", width: int = 1400) -> Tab:
        context = browser.new_context(
            java_script_enabled=scripts,
            color_scheme="dark" if theme == "dark" else "light",
            viewport={"width": width, "height": 900},
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        tab = Tab(context.new_page())
        tab.page.on("console", lambda message: tab.complaints.append(message.text))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.goto(url)
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page() -> Iterator[Watching]:
    """A page that follows this process."""
    with watching() as watched:
        yield watched


def test_a_run_is_followed_from_its_beginning_to_its_end(page: Watching, open_tab: Open) -> None:
    """The page was open before there was a run; nothing was reloaded by hand, and nothing was complained about."""
    tab = open_tab(page.url)
    tab.page.get_by_text("No run yet").wait_for()
    with asking() as answer:
        tab.page.get_by_text("waits for an answer").wait_for()
        tab.page.locator("iframe").wait_for()
        assert tab.report().startswith("running")
        answer("yes")
    tab.page.frame_locator("iframe:last-child").get_by_text("✓ ok").first.wait_for()
    tab.page.locator("iframe.behind").wait_for(state="detached")
    assert tab.page.locator("iframe").count() == 1
    assert tab.page.locator("#now").inner_text() == ""
    assert tab.complaints == []
    assert {url.partition("/")[2].split("/")[1] for url in tab.requests} == {page.url.split("/")[2]}


def test_what_is_selected_stays_selected_when_the_run_goes_on(page: Watching, open_tab: Open) -> None:
    """A newer report takes over the selection of the one before."""
    with asking() as answer:
        tab = open_tab(page.url)
        tab.page.frame_locator("iframe").locator(".picture [data-id='step:ask']").click()
        until(lambda: tab.page.frames[-1].url.endswith("#r1.ask"))
        answer("yes")
    tab.page.frame_locator("iframe:last-child").get_by_text("✓ ok").first.wait_for()
    tab.page.locator("iframe.behind").wait_for(state="detached")
    assert tab.page.frames[-1].url.endswith("#r1.ask")


def test_pause_holds_the_report_and_not_the_list(page: Watching, open_tab: Open) -> None:
    """Somebody who reads is not disturbed."""
    with asking() as answer:
        tab = open_tab(page.url)
        tab.page.frame_locator("iframe").locator(".verdict").wait_for()
        tab.page.get_by_role("button", name="Pause").click()
        answer("yes")
    tab.page.locator("#runs").get_by_text("✓ ok").wait_for()
    assert tab.report().startswith("running")
    tab.page.get_by_role("button", name="Pause").click()
    tab.page.frame_locator("iframe:last-child").get_by_text("✓ ok").first.wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [1400, 420])
def test_a_finished_run_is_to_be_seen(
    server: WatchServer, board: Board, open_tab: Open, scripts: bool, width: int
) -> None:
    """On wide and narrow screens, with scripts off too; nothing hangs over the edge."""
    board.add("a.jsonl", spans_of(Short()))
    tab = open_tab(server.url, scripts=scripts, width=width)
    tab.page.frame_locator("iframe").locator(".graph svg").wait_for()
    assert tab.page.get_by_role("link", name="Reload").is_visible()
    assert tab.page.get_by_role("button").count() == (1 if scripts else 0)
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth") if scripts else True
    assert tab.complaints == []


def test_without_scripts_a_reload_shows_what_is_new(server: WatchServer, board: Board, open_tab: Open) -> None:
    """The link does what the stream does elsewhere."""
    tab = open_tab(server.url, scripts=False)
    assert tab.page.get_by_text("No run yet").is_visible()
    board.add("a.jsonl", spans_of(Short()))
    tab.page.get_by_role("link", name="Reload").click()
    assert "Short" in tab.page.locator("#runs").inner_text()


def test_a_run_of_the_list_can_be_chosen(server: WatchServer, board: Board, open_tab: Open) -> None:
    """Its page stays with it when newer runs come."""
    board.add("a.jsonl", spans_of(Short()))
    first = board.entries()[0].run_id
    board.add("a.jsonl", spans_of(Short()))
    tab = open_tab(server.url)
    tab.page.get_by_role("link", name=first).click()
    board.add("a.jsonl", spans_of(Short()))
    until(lambda: tab.page.locator("#runs li").count() == 3)
    assert first in tab.page.locator("#runs a[aria-current=true]").inner_text()
    assert tab.page.get_by_role("link", name="follow the newest run").is_visible()


def test_the_page_says_when_nobody_is_there_any_more(board: Board, open_tab: Open) -> None:
    """What it showed last stays."""
    server = WatchServer(board, "a test")
    server.start()
    board.add("a.jsonl", spans_of(Short()))
    tab = open_tab(server.url)
    tab.page.get_by_text("live", exact=True).wait_for()
    server.close()
    tab.page.get_by_text("ended; this is how it was last").wait_for()
    assert tab.report().startswith("✓ ok")


def test_the_page_comes_back_when_the_server_does(board: Board, open_tab: Open) -> None:
    """A watch that is started again at its old address is found again by itself."""
    server = WatchServer(board, "a test")
    server.start()
    tab = open_tab(server.url)
    tab.page.get_by_text("live", exact=True).wait_for()
    server.close()
    tab.page.get_by_text("ended; this is how it was last").wait_for()
    again = WatchServer(board, "a test", port=server.server_port, token=server.token)
    again.start()
    try:
        tab.page.get_by_text("live", exact=True).wait_for()
    finally:
        again.close()
