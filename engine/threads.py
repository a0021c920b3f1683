"""Threads for sync steps: as many as there are workers, started when first needed, gone when the run ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from .events import Event
from .steps import StepSpec


class StepThreads:
    """The threads of one run. ``steps`` are all its steps: the sync ones get a thread for each worker."""

    __slots__ = ("_pool", "_steps")

    def __init__(self, steps: Iterable[StepSpec]) -> None:
        self._steps = steps
        self._pool: ThreadPoolExecutor | None = None

    def bind(self, spec: StepSpec, workflow: object) -> Callable[..., Any]:
        """A step as a call to be awaited, with context and event; a sync step runs in a thread.

        The thread sees the context variables of the step's task.
        """
        call = spec.bind(workflow)
        if spec.is_async:
            return call

        def work(context: Any, event: Event, more: dict[str, Any]) -> Any:
            try:
                return call(context, event, **more)
            except StopIteration as error:  # a future cannot carry it
                raise RuntimeError(f"step {spec.name!r} raised StopIteration") from error

        async def in_thread(context: Any, event: Event, **more: Any) -> Any:
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._started(), copy_context().run, work, context, event, more)
            except asyncio.CancelledError:
                self._replace()
                raise

        return in_thread

    def close(self) -> None:
        """Let idle threads go; busy ones go when their step returns."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)

    def _replace(self) -> None:
        """A thread works on unheard, because its step took too long: let others take its place."""
        self.close()
        self._pool = None

    def _started(self) -> ThreadPoolExecutor:
        if self._pool is None:
            workers = sum(spec.num_workers for spec in self._steps if not spec.is_async)
            self._pool = ThreadPoolExecutor(workers, thread_name_prefix="wftrace-step")
        return self._pool
