"""``Port``: what a run does for its ``Context``: for the steps inside, and for the caller outside."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from . import reducer
from .context import EventT, RetryInfo
from .errors import WorkflowRuntimeError, WorkflowStepDoesNotExistError
from .events import Event
from .joins import collect
from .state import Envelope, Execution, Waiter

if TYPE_CHECKING:
    from .codec import JsonSerializer
    from .flow import Flow
    from .loop import RunLoop

current_step: ContextVar[tuple[RunLoop, Execution] | None] = ContextVar("wftrace_current_step", default=None)
"""The run and the execution that the code under way belongs to."""


class Port:
    """A run as its context sees it."""

    __slots__ = ("_run",)

    def __init__(self, run: RunLoop) -> None:
        self._run = run

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._run.run_id

    @property
    def flow(self) -> Flow:
        """What the run is a run of."""
        return self._run.flow

    @property
    def is_running(self) -> bool:
        """Whether the run has not ended yet."""
        return self._run.is_running

    def send(self, event: Event, step: str | None) -> None:
        """Add an event, made by the current step or from outside."""
        run = self._run
        if type(event) not in run.flow.routes and not isinstance(event, Event):
            raise WorkflowRuntimeError(f"send_event takes an Event, not {type(event).__name__}")
        if step is not None:
            _check_target(run, event, step)
        execution = self._current()
        mode = "send" if execution is not None else "outside"
        if run.on_own_thread:
            run.send(event, execution, step or "", mode)
        else:
            run.on_thread(lambda: run.send(event, execution, step or "", mode))

    def publish(self, event: Event) -> None:
        """Write an event to the stream."""
        run, execution = self._run, self._current()
        run.on_thread(lambda: run.publish(event, execution))

    def collect(self, event: Event, expected: Sequence[type[Event]], buffer_id: str | None) -> list[Event] | None:
        """Hold the event until the join is full."""
        execution = self._step_only("collect_events")
        if not self._run.on_own_thread:
            return self._run.from_thread(lambda: self._collect(execution, event, expected, buffer_id))
        return self._collect(execution, event, expected, buffer_id)

    def _collect(
        self, execution: Execution, event: Event, expected: Sequence[type[Event]], buffer_id: str | None
    ) -> list[Event] | None:
        run, envelope = self._run, execution.envelope
        if envelope.event is not event:
            envelope = Envelope(0, event, run.flow.route(type(event)), "", "return", 0, run.clock())
        taken = collect(execution, envelope, expected, buffer_id, run.clock())
        return None if taken is None else [each.event for each in taken]

    async def wait(
        self, event_type: type[EventT], question: Event | None, requirements: dict[str, Any], seconds: float | None
    ) -> EventT:
        """Wait inside a step for an event. A step that starts again after a restore takes up its waits again."""
        run, execution = self._run, self._step_only("wait_for_event")
        past = execution.recall()
        waiter = past.adopt(event_type, requirements)
        if waiter is None:
            waiter = Waiter(execution, event_type, requirements, run.clock())
            run.tick(reducer.WaitOpened(waiter))
            if question is not None:
                run.publish(question, execution)
        past.wait(waiter)
        outcome = "cancelled"
        try:
            envelope = await self._arrival(waiter, seconds)
            outcome = "completed"
            return cast(EventT, envelope.event)
        except asyncio.CancelledError:
            if waiter.arrived is not None:  # cut off before it could be handed over: the next attempt gets it
                past.earlier = (*past.earlier, waiter)
            raise
        except TimeoutError:
            outcome = "timed_out"
            past.give_up(waiter)
            raise TimeoutError(
                f"no {event_type.__name__} came to step {execution.step.name!r} within {seconds:g} s"
            ) from None
        finally:
            run.tick(reducer.WaitClosed(waiter))
            run.waited(waiter, outcome)

    async def _arrival(self, waiter: Waiter, seconds: float | None) -> Envelope:
        if waiter.arrived is None:
            waiter.future = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await waiter.future
            except TimeoutError:
                if waiter.arrived is None:
                    raise
        return cast(Envelope, waiter.arrived)

    def retry_info(self) -> RetryInfo:
        """Where the current step stands in its retries."""
        execution = self._step_only("retry_info")
        return RetryInfo(execution.failures, execution.failing_for(self._run.clock()), execution.last_error)

    def explain(self) -> str:
        """What the run is doing and what it waits for."""
        return self._run.explain()

    def save(self, serializer: JsonSerializer) -> dict[str, Any] | None:
        """The run as JSON data, without the shared state; None when it has come to its end."""
        from .snapshot import save

        run = self._run
        if not run.on_own_thread:
            raise WorkflowRuntimeError(f"the context of run {run.run_id} is saved on the thread of its event loop only")
        if run.state.ended:
            return None
        return save(run.run_id, run.state, *run.pending(), serializer, run.clock())

    def _current(self) -> Execution | None:
        current = current_step.get()
        return current[1] if current is not None and current[0] is self._run else None

    def _step_only(self, what: str) -> Execution:
        execution = self._current()
        if execution is None:
            raise WorkflowRuntimeError(f"{what} belongs inside a step of run {self.run_id}")
        return execution


def _check_target(run: RunLoop, event: Event, name: str) -> None:
    spec = run.flow.steps.get(name)
    if spec is None:
        raise WorkflowStepDoesNotExistError(
            f"workflow {run.flow.name!r} has no step {name!r}; it has {', '.join(map(repr, run.flow.steps))}"
        )
    if not isinstance(event, spec.accepts):
        raise WorkflowRuntimeError(
            f"step {name!r} does not accept {type(event).__name__}; it accepts "
            f"{', '.join(cls.__name__ for cls in spec.accepts)}"
        )
