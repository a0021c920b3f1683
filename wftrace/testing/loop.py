"""``DeterministicLoop``: an asyncio event loop whose time and order are made, not measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from random import Random
from typing import Any, TypeVar, TypeVarTuple

from wftrace.engine.errors import WorkflowRuntimeError

from .clock import JumpingSelector, ManualClock
from .order import TurnOrder

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 5.0
"""Real seconds that a thread may work before the clock goes on without it."""

RESOLUTION = 1e-6
"""Seconds between two times that are one for the loop: more than the rounding of a clock that has gone for years."""


class DeterministicLoop(asyncio.SelectorEventLoop):
    """Runs the same code in the same order whenever it has the same ``seed``, and waits without waiting.

    Time begins at 0 and jumps to the next timer when nothing is ready. It stands still while threads work that
    somebody awaits (sync steps, ``asyncio.to_thread``), for at most ``patience`` real seconds at a time.

    In each turn of the loop all runs that was ready when the turn began, as in every asyncio loop. The ``seed`` draws
    the order of the tasks in it. Everything else keeps its order: ``call_soon``, ``call_soon_threadsafe``, timers; no
    task runs before a callback that was ready before it. ``seed=None`` keeps asyncio's own order.

    ``random`` is a generator of the seed's own, for tests that draw delays or data.
    """

    def __init__(self, seed: int | None = 0, patience: float = PATIENCE) -> None:
        self._clock = ManualClock()
        self._at_work: set[asyncio.Future[Any]] = set()
        self._closing_pool = 0
        self.seed = seed
        self.random = Random(seed or 0)
        super().__init__(JumpingSelector(self._clock, patience, self._works, self._stuck))
        self._clock_resolution = RESOLUTION
        if seed is not None:
            self._ready = TurnOrder(Random(f"order {seed}"))

    def time(self) -> float:
        """Seconds on the loop's own clock."""
        return self._clock.now

    def advance(self, seconds: float) -> None:
        """Move the clock on by hand, also from a thread. Timers that are due then run in the next turn."""
        self._clock.advance(seconds)
        self.call_soon_threadsafe(_look_again)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As asyncio's; the clock stands still until the future is done."""
        future = super().run_in_executor(executor, func, *args)
        self._at_work.add(future)
        future.add_done_callback(self._at_work.discard)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncio's name
        """As asyncio's, without a limit."""
        self._closing_pool += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._closing_pool -= 1

    def _works(self) -> bool:
        return bool(self._at_work or self._closing_pool)

    def _stuck(self) -> str:
        waiting = "\n".join(f"  - {_where(task)}" for task in asyncio.all_tasks(self)) or "  - (no task)"
        return (
            "nothing is ready, timed or in a thread, so nothing can happen any more; these tasks wait:\n"
            f"{waiting}\nsend what they wait for, or give them a timeout"
        )


def running_loop() -> DeterministicLoop:
    """The running loop, when it is one of ours: its clock and its generator. Raises ``WorkflowRuntimeError`` else."""
    try:
        loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if isinstance(loop, DeterministicLoop):
        return loop
    raise WorkflowRuntimeError(
        f"running_loop() belongs inside run_deterministic(), here runs {type(loop).__name__ if loop else 'no loop'}"
    )


def _look_again() -> None:
    """Ends the wait of the loop."""


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    name = getattr(task.get_coro(), "__qualname__", repr(task.get_coro()))
    if not frames:
        return f"{task.get_name()}: {name}"
    return f"{task.get_name()}: {name}, {frames[0].f_code.co_filename}:{frames[0].f_lineno}"
