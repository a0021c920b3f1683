"""Runs as the page shows them, made at a pace that leaves the process to its work."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from wftrace.engine.errors import WorkflowError
from wftrace.engine.graph import FlowGraph
from wftrace.exporters.html import report
from wftrace.trace import Run

from .board import Board, Entry
from .standing import Open, standing

KEPT = 4
"""How many runs are kept as they were shown last."""

LEAST_PAUSE = 1.0
SHARE = 0.1
"""A run under way is made anew once a second, or less often: making it takes at most this part of the time."""


@dataclass(slots=True)
class View:
    """A run as it was at one version of its entry; its report is made when it is first asked for."""

    version: int
    under_way: bool
    made_at: float
    took: float = 0.0
    run: Run | None = None
    graph: FlowGraph | None = None
    opens: tuple[Open, ...] = ()
    page: str = ""


class Views:
    """The last views of the runs that somebody looks at. Asked by many threads, made by one at a time."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._lock = threading.Lock()
        self._views: OrderedDict[int, View] = OrderedDict()

    def view(self, number: int) -> View | None:
        """A run as it stands, or as it stood a moment ago; None for a run that is not on the board."""
        with self._lock:
            return self._view(number)

    def page(self, number: int) -> str | None:
        """The report of the view that was handed out last; None for a run that is not on the board."""
        with self._lock:
            view = self._views.get(number) or self._view(number)
            if view is None or view.run is None:
                return None
            if not view.page:
                began = self._clock()
                view.page = _page(view.run, view.graph)
                view.took += self._clock() - began
            return view.page

    def _view(self, number: int) -> View | None:
        entry = self._board.find(number)
        if entry is None:
            self._views.pop(number, None)
            return None
        known = self._views.get(number)
        if known is not None and not self._is_due(known, entry):
            return known
        view = self._views[number] = self._made(entry)
        self._views.move_to_end(number)
        while len(self._views) > KEPT:
            self._views.popitem(last=False)
        return view

    def _is_due(self, known: View, entry: Entry) -> bool:
        """Whether there is something new, and the time for it; the end of a run is always worth it."""
        if known.version == entry.version:
            return False
        ended = known.under_way and not entry.under_way
        return ended or self._clock() - known.made_at >= max(LEAST_PAUSE, known.took / SHARE)

    def _made(self, entry: Entry) -> View:
        began = self._clock()
        run, graph = self._board.run(entry, time.time_ns())
        view = View(entry.version, entry.under_way, began, run=run, graph=graph)
        if run is not None and entry.under_way:
            view.opens = standing(run, graph)
        view.took = self._clock() - began
        return view


def _page(run: Run, graph: FlowGraph | None) -> str:
    try:
        return report([run], graph=graph).html
    except WorkflowError:
        if graph is None:
            raise
        return report([run]).html  # the graph of an earlier run does not fit
