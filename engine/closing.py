"""How a run ends: steps that work on get a moment, what the run holds is left, then everybody is told, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from . import endings
from .alive import hold, let_go
from .diagnosis import explain
from .failures import as_failure
from .flow import Flow
from .observers import Hooks
from .reducer import End, StepCut, Tick
from .reporter import Reporter
from .state import Execution, RunState
from .stepwise import Stepwise
from .stream import Stream
from .supplies import RunSupplies
from .threads import StepThreads
from .timers import Timers, clock_of

GRACE = 0.5
"""Seconds that cancelled steps get to clean up before the run ends without them."""

CLOSING = 5.0
"""Seconds that a run's resources get to be left, and its checkpoints to be kept, before it ends without them."""

_logger = logging.getLogger("wftrace")


class Closing:
    """What a run has to end: its tasks, timers and threads, and who awaits it.

    ``future`` is done when the run has ended and nothing of it is left: with the result, or with the error.
    """

    __slots__ = (
        "_began_at",
        "_closed",
        "_end",
        "_ended_at",
        "_holding",
        "_hooks",
        "_late",
        "_loop",
        "_on_closed",
        "_reporter",
        "_run_supplies",
        "_started",
        "_stepwise",
        "_tasks",
        "_threads",
        "_timeout",
        "_timers",
        "_torn",
        "clock",
        "flow",
        "future",
        "run_id",
        "state",
        "stream",
    )

    def __init__(
        self,
        flow: Flow,
        state: RunState,
        run_id: str,
        hooks: Hooks,
        stepwise: bool,
        on_closed: Callable[[bool], None] | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.clock = clock_of(self._loop)
        self._hooks = hooks
        self._run_supplies: RunSupplies | None = None
        self._on_closed = on_closed
        self._tasks: dict[Execution, asyncio.Task[None]] = {}
        self._holding = 0
        self._late: tuple[asyncio.Task[None], ...] = ()
        self._timers = Timers(self._loop)
        self._timeout: float | None = None
        self._threads = StepThreads(flow.steps.values())
        self._end: End | None = None
        self._stepwise = Stepwise() if stepwise else None
        self._closed = False
        self._started = False
        self._torn = False
        self._began_at = self._ended_at = self.clock()
        self.flow = flow
        self.run_id = run_id
        self.state = state
        self._reporter = Reporter(hooks, state, run_id, self.clock)
        self.stream = Stream()
        self.future: asyncio.Future[Any] = self._loop.create_future()
        hold(self._loop, self)

    @property
    def is_running(self) -> bool:
        """Whether the run has not ended yet."""
        return not self.future.done()

    def explain(self) -> str:
        """What the run is doing and what it waits for, one line a fact."""
        return explain(self.state, self.clock())

    @property
    def outcome(self) -> str:
        """How the run ended, or ``running``."""
        return self._end.outcome if self._end is not None else "running"

    def abandon(self) -> None:
        """End the run after its loop: observers are told, nothing else can happen any more."""
        if not self._closed:
            self.state.ended = True
            self._end = self._end or End("abandoned")
            self._close()

    def _dead_end(self) -> None:
        """Nothing can happen any more."""
        error = endings.dead_end_error(self.state, self.run_id, self.clock())
        self.finish(End("failed", error=error))

    def finish(self, end: End) -> None:
        """Begin to end: who works is told to stop, and has a while to do so."""
        self.state.ended = True
        self._end = end
        self._ended_at = self.clock()
        if end.outcome == "timed_out":
            end.error = endings.timeout_error(self.flow.name, self.run_id, self._timeout or 0.0, self.explain())
        elif end.outcome == "cancelled":
            end.error = endings.cancelled_error(self.flow.name, self.run_id)
        elif end.error is not None and end.execution is not None:
            end.error = as_failure(end.execution, end.error)
        self._timers.cancel()
        leaving = self._run_supplies.leaving if self._run_supplies is not None else ()
        for execution, task in list(self._tasks.items()):
            if not execution.entered:  # its task ends without ever reaching the step
                task.cancel()
                self._leave(execution, "cancelled")
                self._cut(execution)
            elif execution.step.spec.is_async and task not in leaving and not task.cancelling():
                task.cancel()
        if self._tasks:
            self._timers.after(GRACE, self._close_without_tasks)
        self._close_when_idle()
        if not self._closed:
            self._timers.after(CLOSING, self._give_up)

    def _close_when_idle(self) -> None:
        """Go on with the end when the last step has ended."""
        if self._end is not None and not self._tasks:
            self._close_without_tasks()

    def _close_without_tasks(self) -> None:
        """All steps have ended, or their grace is over: leave what the run holds, then say that it is over."""
        if self._closed or self._holding:
            return
        supplies, self._run_supplies = self._run_supplies, None
        if supplies is not None and supplies.keeper is not None:
            supplies.close()
            self._hold_for(supplies.keeper)
        else:
            self._close()

    def _give_up(self) -> None:
        """What the run holds takes too long to be left: end without it."""
        for task in self._late:
            if not task.done():
                _logger.warning(
                    "run %s of %s ends although a resource or checkpoint of it still needs time after %g s",
                    self.run_id,
                    self.flow.name,
                    CLOSING,
                )
                task.cancel()
        self._close()

    def _close(self) -> None:
        """Nothing runs any more, or the grace is over: say so to everybody."""
        end = self._end
        if self._closed or end is None:
            return
        self._closed = True
        self._timers.cancel()
        self._threads.close()
        for execution in self._tasks:
            _logger.warning(
                "run %s of %s has ended, but step %s works on unheard%s",
                self.run_id,
                self.flow.name,
                execution.id,
                "" if execution.step.spec.is_async else " in its thread, which cannot be cancelled",
            )
        try:
            self._tell_end(end)
        except Exception:  # whoever awaits the run must hear of its end
            _logger.exception("the end of run %s of %s could not be told to its observers", self.run_id, self.flow.name)
        for execution in self._tasks:
            self._cut(execution)
        endings.settle(end, self.future, self.stream)
        self.stream.close()
        if self._stepwise is not None:
            self._stepwise.wake()
        let_go(self._loop, self)
        if self._started and self._on_closed is not None:
            self._on_closed(self._torn)

    def tick(self, tick: Tick) -> None:
        """Something has happened; the loop says what follows."""
        raise NotImplementedError

    def _cut(self, execution: Execution) -> None:
        self.tick(StepCut(execution, self.clock()))

    def _tell_end(self, end: End) -> None:
        if self._hooks.attempt_ended:
            for execution in self._tasks:
                self._reporter.attempt_ended(execution, "abandoned", None, None, None)
        if self._hooks.run_ended and self._started:
            self._reporter.run_ended(end)

    def _leave(
        self,
        execution: Execution,
        outcome: str,
        error: BaseException | None = None,
        delay: float | None = None,
    ) -> None:
        """An attempt is over without a result: it is told as ended before anything that follows from it."""
        del self._tasks[execution]
        if self._hooks.attempt_ended:
            self._reporter.attempt_ended(execution, outcome, error, delay, None)

    def _hold_for(self, task: asyncio.Task[None]) -> None:
        """Do not close the run before a task of its own is done."""
        self._holding += 1
        self._late = (*self._late, task)

        def done(task: asyncio.Task[None]) -> None:
            self._holding -= 1
            self._late = tuple(each for each in self._late if each is not task)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._not_saved(error)
            self._close_when_idle()

        task.add_done_callback(done)

    def _not_saved(self, error: BaseException) -> None:
        """A checkpoint or the leaving of a resource failed: so does the run, unless it has ended already."""
        if self.state.ended:
            _logger.error(
                "run %s of %s has ended, but something failed behind it", self.run_id, self.flow.name, exc_info=error
            )
        else:
            self.finish(End("failed", error=error))
