"""The clock and the timers of a run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Timers:
    """What a run has to do later. None fires after ``cancel``."""

    __slots__ = ("_handles", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handles: set[asyncio.TimerHandle] = set()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after so many seconds."""

        def fire() -> None:
            self._handles.discard(handle)
            call()

        handle = self._loop.call_later(seconds, fire)
        self._handles.add(handle)

    def cancel(self) -> None:
        """Forget all."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """The loop's clock, without the method around it where that is asyncio's own."""
    own = getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time
    return time.monotonic if own else loop.time
