"""``num_concurrent_runs``: so many runs at once, the others wait for their turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary


class Waiting(Protocol):
    """A run that waits for its turn."""

    @property
    def is_running(self) -> bool: ...
    def cancel(self) -> None: ...


class Turnstile:
    """Lets at most ``places`` runs of one event loop be under way."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._waiting: deque[tuple[Waiting, Callable[[], None]]] = deque()

    def enter(self, run: Waiting, start: Callable[[], None]) -> None:
        """Call ``start`` now, or when a place is free; never when the run was cancelled meanwhile."""
        self._waiting.append((run, start))
        self._let_in()

    def leave(self, torn: bool) -> None:
        """A run that was let in has ended. It was ``torn`` when its tasks were cancelled from outside, as at the end of
        the event loop: then those that wait are cancelled too.
        """
        self._taken -= 1
        if torn:
            waiting, self._waiting = self._waiting, deque()
            for run, _ in waiting:
                run.cancel()
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._taken < self._places:
            run, start = self._waiting.popleft()
            if run.is_running:
                self._taken += 1
                start()


class Turnstiles:
    """A turnstile for each event loop: runs of different threads do not wait for each other."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Turnstile] = WeakKeyDictionary()

    def here(self) -> Turnstile:
        """That of the running loop."""
        loop = asyncio.get_running_loop()
        turnstile = self._of_loop.get(loop)
        if turnstile is None:
            turnstile = self._of_loop[loop] = Turnstile(self._places)
        return turnstile
