"""``WorkflowHandler``: what the caller holds of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

from .closing import GRACE
from .context import Context
from .events import Event
from .loop import RunLoop

if TYPE_CHECKING:
    from .statistics import RunStatistics


class WorkflowHandler:
    """A run under way. Await it for the result, iterate its stream, send it events through ``ctx``, cancel it.

    When the only task that awaits it is cancelled, the run is cancelled with it, unless it was detached.
    """

    __slots__ = ("_awaiting", "_detached", "_run")

    def __init__(self, run: RunLoop) -> None:
        self._run = run
        self._detached = False
        self._awaiting = 0

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._run.run_id

    @property
    def ctx(self) -> Context[Any]:
        """The run's context: for sending events from outside, and for its state."""
        return self._run.context

    def stream_events(self) -> AsyncIterator[Event]:
        """The events that the run shows, each once, until it has ended.

        Reading may be broken off and taken up again with another call: it goes on where it stopped.
        """
        return self._run.stream.read()

    def is_done(self) -> bool:
        """Whether the run has ended."""
        return self._run.future.done()

    def exception(self) -> BaseException | None:
        """The error of an ended run, None when it ended well. Raises ``asyncio.InvalidStateError`` before the end."""
        return self._run.future.exception()

    async def run_step(self) -> list[Event] | None:
        """In a stepwise run: let the steps under way finish, and take the events that they made.

        They go nowhere until they are sent on with ``ctx.send_event``. None when the run is over.
        """
        return await self._run.run_step()

    def done(self) -> bool:
        """Whether the run has ended."""
        return self.is_done()

    def result(self) -> Any:
        """The result of an ended run, or its error raised. Raises ``asyncio.InvalidStateError`` before the end."""
        return self._run.future.result()

    def cancel(self) -> None:
        """Begin to cancel the run, without waiting for it; see ``cancel_run``."""
        self._run.cancel()

    def detach(self) -> WorkflowHandler:
        """Let the run go on when whoever awaits it is cancelled."""
        self._detached = True
        return self

    async def cancel_run(self) -> None:
        """Cancel the run and wait until nothing of it is left. Awaiting it then raises ``WorkflowCancelledByUser``."""
        self._run.cancel()
        await asyncio.wait([self._run.future])

    def explain(self) -> str:
        """What the run is doing and what it waits for, one line a fact; empty when it does nothing."""
        return self._run.explain()

    def statistics(self) -> RunStatistics:
        """The run in figures, now or as it ended."""
        return self._run.statistics()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result().__await__()

    async def _result(self) -> Any:
        future = self._run.future
        self._awaiting += 1
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not (self._detached or future.done() or self._awaiting > 1):
                self._run.cancel()
                await asyncio.wait([future], timeout=2 * GRACE)
            raise
        finally:
            self._awaiting -= 1

    def __repr__(self) -> str:
        return f"<WorkflowHandler run_id={self.run_id!r} {'done' if self.is_done() else 'running'}>"
