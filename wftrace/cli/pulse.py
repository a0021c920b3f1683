"""The figures of a run under way, for a thread that draws them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from wftrace.engine.handler import WorkflowHandler
from wftrace.engine.statistics import RunStatistics

SHARE = 0.05
"""At most this part of the loop's time goes into taking figures."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a run as they were at a moment of the clock, and what it is doing, a line each."""

    statistics: RunStatistics
    doing: tuple[str, ...]
    taken_at: float


class Pulse:
    """Has the figures taken on the run's own loop when somebody asks and the loop has time.

    The run is never held up: a loop that is busy leaves the question open, and ``held_up`` says for how long.
    """

    def __init__(self, handler: WorkflowHandler, clock: Callable[[], float] = time.monotonic) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._asked_at: float | None = None
        self._not_before = clock()
        self.figures = self._taken()

    def ask(self) -> None:
        """Ask for new figures, from any thread. One question at a time is open."""
        now = self._clock()
        if self._asked_at is None and now >= self._not_before:
            self._asked_at = now
            with suppress(RuntimeError):  # the loop is closed: the run is over, and its last figures stay
                self._loop.call_soon_threadsafe(self._take)

    @property
    def held_up(self) -> float:
        """How many seconds the loop has left the open question unanswered, 0 when there is none."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None or self._handler.is_done() else self._clock() - asked_at

    def _take(self) -> None:
        began = self._clock()
        self.figures = self._taken()
        ended = self._clock()
        self._not_before = ended + (ended - began) / SHARE
        self._asked_at = None

    def _taken(self) -> Figures:
        lines = self._handler.explain().splitlines()
        doing = tuple(line.strip().removeprefix("- ") for line in lines)
        return Figures(self._handler.statistics(), doing, self._clock())
