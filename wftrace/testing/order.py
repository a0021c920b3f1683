"""In which order the ready callbacks of an event loop run, drawn by a seed."""

from __future__ import annotations

import asyncio
from asyncio import Handle
from collections import deque
from random import Random


class TurnOrder(deque[Handle]):
    """A queue of ready callbacks that hands out each turn of the loop in a drawn order.

    A turn is what was ready when it began, as asyncio has it. Within a turn tasks come in any order, and as late as
    can be; callbacks that are no tasks keep their order, and no task comes before a callback that was ready before it.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._turn: deque[Handle] = deque()

    def __len__(self) -> int:
        return super().__len__() + len(self._turn)

    def popleft(self) -> Handle:
        """The next callback of this turn, or the first of the next one."""
        if not self._turn:
            ready = [super(TurnOrder, self).popleft() for _ in range(super().__len__())]  # threads may append meanwhile
            self._turn.extend(self._drawn(ready) if len(ready) > 1 else ready)
        return self._turn.popleft()

    def clear(self) -> None:
        """Forget all callbacks."""
        self._turn.clear()
        super().clear()

    def _drawn(self, ready: list[Handle]) -> list[Handle]:
        tasks = [_is_task(handle) for handle in ready]
        last = len(ready) - sum(tasks)
        places: list[tuple[int, int, float, Handle]] = []
        before = 0
        for handle, is_task in zip(ready, tasks, strict=True):
            if is_task:
                places.append((self._random.randint(before, last), 1, self._random.random(), handle))
            else:
                before += 1
                places.append((before, 0, 0.0, handle))
        places.sort(key=lambda place: place[:3])
        return [place[3] for place in places]


def _is_task(handle: Handle) -> bool:
    """Whether the callback is a task that goes on; asyncio names no public way to ask."""
    return isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)  # type: ignore[attr-defined]
