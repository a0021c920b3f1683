"""A clock that stands still while something happens, and jumps to the next timer when nothing does."""

from __future__ import annotations

import selectors
from collections.abc import Callable

from wftrace.engine.errors import WorkflowError


class StuckError(WorkflowError):
    """Nothing is ready, timed or in a thread: what is awaited can never come."""


class ManualClock:
    """Seconds since the loop was made, moved by whoever waits or by hand."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0.0

    def advance(self, seconds: float) -> None:
        """Move the clock on. Raises ``ValueError`` when that would turn it back."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"a clock is moved on by 0 or more seconds, not by {seconds!r}")
        self.now += seconds


class JumpingSelector(selectors.DefaultSelector):
    """Waits for a loop: real files and wake-ups come at once, timers by moving the clock.

    While ``working`` says that threads are at work the clock stands still, for at most ``patience`` real seconds at a
    time. Without timers and threads it waits that long for somebody from outside, and then raises ``StuckError`` with
    the sentence that ``stuck`` makes.
    """

    def __init__(
        self, clock: ManualClock, patience: float, working: Callable[[], bool], stuck: Callable[[], str]
    ) -> None:
        super().__init__()
        self._clock = clock
        self._patience = patience
        self._working = working
        self._stuck = stuck

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now, or after the wait of ``timeout`` seconds on the clock."""
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        working = self._working()
        if timeout is None:
            found = super().select(None if working else self._patience)
            if not (found or working):
                raise StuckError(self._stuck())
            return found
        if working:
            found = super().select(self._patience)
            if found:
                return found
        self._clock.advance(timeout)
        return found
