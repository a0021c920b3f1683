"""``watching``: the runs of this process on a page of this machine, as they happen.

page = wftrace.watching()
print(page.url)
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from wftrace.engine.observers import Observer, install, uninstall
from wftrace.recorder import Recorder
from wftrace.telemetry import Capture
from wftrace.trace import Span

from .board import Board
from .open_run import OpenRun
from .server import WatchServer

KEPT_SPANS = 50_000
"""How many spans may wait to be taken to the page; of more the oldest are lost."""

TAKE_EVERY = 0.2
SOURCE = "this process"


class Watching:
    """A page that follows the runs that start in this process, until it is closed. Also a context manager.

    ``url`` is its address: whoever has it may read the page, nobody else. ``board`` holds what is known of the runs.
    The page is served by threads of this process, and made only while somebody looks.
    """

    def __init__(self, *, port: int = 0, capture: Capture | None = None) -> None:
        self.board = Board()
        self._recorder = Recorder(capture, limit=KEPT_SPANS)
        self._closing = threading.Event()
        self._server = WatchServer(self.board, SOURCE, port=port)
        self.url = self._server.url
        self._server.start()
        self._taker = threading.Thread(target=self._keep_taking, name="wftrace-watch", daemon=True)
        self._taker.start()
        install(self._recorder.observer)
        install(self._observer)

    def wait(self) -> None:
        """Block until the page is closed; Ctrl-C raises ``KeyboardInterrupt`` here as anywhere."""
        while not self._closing.wait(0.5):
            pass

    def close(self) -> None:
        """Follow no further runs, and serve the page no longer."""
        uninstall(self._observer)
        uninstall(self._recorder.observer)
        if not self._closing.is_set():
            self._closing.set()
            self._taker.join(timeout=2)
            self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _observer(self) -> Observer:
        return OpenRun(self._began, self._ended)

    def _began(self, run: OpenRun) -> None:
        self.board.open(SOURCE, run)

    def _ended(self, run: OpenRun) -> None:
        self._take()
        self.board.close(SOURCE, run)

    def _keep_taking(self) -> None:
        while not self._closing.wait(TAKE_EVERY):
            self._take()

    def _take(self) -> None:
        spans = self._recorder.spans
        if isinstance(spans, deque):  # as a recorder with a limit has
            self.board.add(SOURCE, _taken(spans))


def watching(*, port: int = 0, capture: Capture | None = None) -> Watching:
    """Follow the runs that start in this process from now on, on a page whose address is ``url``.

    The page is for this machine only (127.0.0.1). ``port`` 0 takes a free one. ``capture`` says how much of inputs and
    outputs is shown, as ``WFTRACE_CAPTURE`` does. Raises ``WatchError`` when the port is taken.
    """
    return Watching(port=port, capture=capture)


def _taken(spans: deque[Span]) -> Iterator[Span]:
    """Take away the spans that are there; the run may go on adding behind them."""
    for _ in range(len(spans)):
        try:
            yield spans.popleft()
        except IndexError:  # another thread took it
            return
