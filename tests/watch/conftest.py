"""A board, a server on it, and flows to be followed."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.needs import need
from wftrace import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent, Workflow, step
from wftrace.recorder import recording
from wftrace.trace import Span
from wftrace.watch.board import Board
from wftrace.watch.server import WatchServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LIMIT = 20.0
"""Seconds after which something that was waited for does not come any more."""


class Half(Event):
    """What the first step makes."""


class Question(InputRequiredEvent):
    """May it go on?"""


class Answer(HumanResponseEvent):
    """It may."""


class Asks(Workflow):
    """Works, asks, and ends with the answer."""

    @step
    async def begin(self, ev: StartEvent) -> Half:
        """Work."""
        return Half()

    @step
    async def ask(self, ev: Half) -> Question:
        """Ask."""
        return Question(prefix="Go on?")

    @step
    async def end(self, ev: Answer) -> StopEvent:
        """End."""
        return StopEvent(result=ev.response)


class Short(Workflow):
    """One step."""

    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        """End."""
        return StopEvent(result=1)


def spans_of(flow: Workflow) -> list[Span]:
    """The spans of one run of a flow. It runs in a thread: the browser's driver has a loop in the test's own."""
    found: list[Span] = []

    def work() -> None:
        with recording() as recorder:
            asyncio.run(_run(flow))
        found.extend(recorder.spans)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(LIMIT)
    return found


async def _run(flow: Workflow) -> Any:
    return await flow.run()


def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds; what it gave."""
    deadline = time.monotonic() + LIMIT
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
    return found


@contextmanager
def asking() -> Iterator[Callable[[str], None]]:
    """A run of ``Asks`` that waits for its answer in a thread of its own; call what is given to answer it."""
    asked, answered = threading.Event(), threading.Event()
    answers: list[str] = []

    async def hold() -> None:
        handler = Asks(timeout=None).run()
        async for event in handler.stream_events():
            if isinstance(event, Question):
                asked.set()
                await asyncio.to_thread(answered.wait, LIMIT)
                handler.ctx.send_event(Answer(response=answers[0] if answers else "late"))
        await handler

    def answer(text: str) -> None:
        answers.append(text)
        answered.set()
        thread.join(LIMIT)

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    assert asked.wait(LIMIT)
    try:
        yield answer
    finally:
        answered.set()
        thread.join(LIMIT)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server sent."""

    status: int
    headers: dict[str, str]
    text: str


def get(url: str, *, method: str = "GET", **headers: str) -> Answered:
    """Ask for a page. Headers are given with underscores."""
    place = url.removeprefix("http://")
    host, _, path = place.partition("/")
    connection = http.client.HTTPConnection(host, timeout=LIMIT)
    try:
        connection.request(method, f"/{path}", headers={name.replace("_", "-"): each for name, each in headers.items()})
        answer = connection.getresponse()
        return Answered(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


@contextmanager
def stream(url: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """Read a stream of server-sent events: each call gives the next message."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=LIMIT)
    connection.request("GET", f"/{path}")
    answer = connection.getresponse()

    def following() -> dict[str, Any]:
        name = "message"
        while line := answer.readline().decode():
            if line.startswith("event: "):
                name = line.removeprefix("event: ").strip()
            if line.startswith("data: "):
                return {"event": name, **json.loads(line.removeprefix("data: "))}
        return {"event": "closed"}

    try:
        yield following
    finally:
        answer.close()
        connection.close()


@pytest.fixture
def board() -> Board:
    """An empty board."""
    return Board()


@pytest.fixture
def server(board: Board) -> Iterator[WatchServer]:
    """A server that serves the board."""
    serving = WatchServer(board, "a test")
    serving.start()
    yield serving
    serving.close()


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
    quiet = ("no-first-run", "disable-background-networking", "disable-component-update", "disable-sync")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", *(f"--{each}" for each in quiet)]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()
