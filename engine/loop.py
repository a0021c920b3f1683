"""The loop of a run: the only room that waits.

It owns tasks, timers, threads and the clock. Whatever happens becomes a tick, the reducer answers with commands, and
the commands are carried out at once; there is no queue and no task of its own in between. All ticks happen on the
thread of the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar, copy_context
from typing import Any, cast

from . import reducer
from .alive import hold, let_go
from .context import Context, EventT, RetryInfo
from .diagnosis import explain
from .errors import (
    StepTimeoutError,
    WorkflowCancelledByUser,
    WorkflowDeadEndError,
    WorkflowRuntimeError,
    WorkflowStepDoesNotExistError,
    WorkflowTimeoutError,
)
from .events import Event, InputRequiredEvent, StopEvent, UnhandledEvent
from .flow import Flow
from .joins import collect
from .observers import Hooks
from .reducer import Tick, reduce
from .reporter import Reporter
from .state import Envelope, Execution, RunState, Waiter
from .stepwise import Stepwise
from .stream import Stream
from .threads import StepThreads
from .timeouts import bind_within

GRACE = 0.5
"""Seconds that cancelled steps get to clean up before the run ends without them."""

_NOTE = "in step "
_logger = logging.getLogger("wftrace")
_current: ContextVar[tuple[RunLoop, Execution] | None] = ContextVar("wftrace_current_step", default=None)


class RunLoop:
    """One run in this process, from its start event to its end.

    ``future`` is done when the run has ended and nothing of it is left: with the result, or with the error.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_context",
        "_deadline",
        "_early",
        "_end",
        "_hooks",
        "_loop",
        "_on_closed",
        "_reporter",
        "_started",
        "_steps_context",
        "_stepwise",
        "_tasks",
        "_thread",
        "_threads",
        "_timeout",
        "_timers",
        "_workflow",
        "context",
        "flow",
        "future",
        "run_id",
        "state",
        "stream",
    )

    def __init__(
        self,
        flow: Flow,
        workflow: object,
        context: Context[Any],
        run_id: str,
        hooks: Hooks,
        stepwise: bool = False,
        on_closed: Callable[[], None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = _clock_of(self._loop)
        self._thread = threading.get_ident()
        self._workflow = workflow
        self._context = context
        self._hooks = hooks
        self._on_closed = on_closed
        self._steps_context = copy_context()
        self._tasks: dict[Execution, asyncio.Task[None]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._timeout: float | None = None
        self._deadline: float | None = None
        self._threads = StepThreads(flow.steps.values())
        self._end: reducer.End | None = None
        self._stepwise = Stepwise() if stepwise else None
        self._closed = False
        self._started = False
        self._early: list[Callable[[], None]] = []
        self.flow = flow
        self.context = context
        self.run_id = run_id
        self.state = RunState(flow)
        self._reporter = Reporter(hooks, self.state, run_id, self._clock)
        self.stream = Stream()
        self.future: asyncio.Future[Any] = self._loop.create_future()
        hold(self._loop, self)

    # The caller's side.

    @property
    def is_running(self) -> bool:
        """Whether the run has not ended yet."""
        return not self.future.done()

    def start(self, event: Event, timeout: float | None) -> None:
        """Begin with the start event; ``timeout`` in seconds from now. Does nothing when the run was cancelled
        before.
        """
        if self.state.ended:
            return
        self._started = True
        if self._hooks.run_started:
            parent = self._steps_context.get(_current)
            above = (parent[0].run_id, parent[1].id) if parent else ("", "")
            self._reporter.run_started(event, self._steps_context, *above)
        if timeout is not None:
            self._timeout = timeout
            self._deadline = self._clock() + timeout
            self._timer(timeout, lambda: self._tick(reducer.TimedOut(self._clock())))
        self._add(event, None, "", "start")
        early, self._early = self._early, []
        for call in early:
            call()

    def cancel(self) -> None:
        """End the run as cancelled. Does nothing after its end."""
        self._on_thread(lambda: self._tick(reducer.Cancelled(self._clock())))

    async def run_step(self) -> list[Event] | None:
        """Let the steps under way finish: the events that they made, or None when the run is over."""
        stepwise = self._stepwise
        if stepwise is None:
            raise WorkflowRuntimeError("run_step() belongs to a stepwise run: workflow.run(stepwise=True)")
        while not self.future.done():
            if self.state.idle and stepwise.holds:
                return stepwise.hand_out()
            if self.state.idle and not self.flow.open_to_outside:
                self._dead_end()
            else:
                await stepwise.wait()
        return None

    def abandon(self) -> None:
        """End the run after its loop: observers are told, nothing else can happen any more."""
        if not self._closed:
            self.state.ended = True
            self._end = self._end or reducer.End("abandoned")
            self._close()

    def explain(self) -> str:
        """What the run is doing and what it waits for, one line a fact."""
        return explain(self.state, self._clock())

    # The steps' side: the port that Context speaks to.

    def send(self, event: Event, step: str | None) -> None:
        """Add an event, made by the current step or from outside."""
        if type(event) not in self.flow.routes and not isinstance(event, Event):
            raise WorkflowRuntimeError(f"send_event takes an Event, not {type(event).__name__}")
        if step is not None:
            self._check_target(event, step)
        execution = self._current()
        mode = "send" if execution is not None else "outside"
        self._on_thread(lambda: self._send(event, execution, step or "", mode))

    def publish(self, event: Event) -> None:
        """Write an event to the stream."""
        execution = self._current()
        self._on_thread(lambda: self._publish(event, execution))

    def collect(self, event: Event, expected: Sequence[type[Event]], buffer_id: str | None) -> list[Event] | None:
        """Hold the event until the join is full."""
        execution = self._step_only("collect_events")
        envelope = execution.envelope
        if envelope.event is not event:
            envelope = Envelope(0, event, self.flow.route(type(event)), "", "return", 0, self._clock())
        taken = collect(execution, envelope, expected, buffer_id, self._clock())
        return None if taken is None else [each.event for each in taken]

    async def wait(
        self, event_type: type[EventT], question: Event | None, requirements: dict[str, Any], seconds: float | None
    ) -> EventT:
        """Wait inside a step for an event."""
        execution = self._step_only("wait_for_event")
        now = self._clock()
        waiter = Waiter(execution, event_type, requirements, now)
        waiter.future = self._loop.create_future()
        self._tick(reducer.WaitOpened(waiter))
        if question is not None:
            self._publish(question, execution)
        outcome = "cancelled"
        taken: tuple[str, ...] = ()
        try:
            async with asyncio.timeout(seconds):
                envelope: Envelope = await waiter.future
            outcome, taken = "completed", (envelope.id,)
            return cast(EventT, envelope.event)
        except TimeoutError:
            outcome = "timed_out"
            raise TimeoutError(
                f"no {event_type.__name__} came to step {execution.step.name!r} within {seconds:g} s"
            ) from None
        finally:
            self._tick(reducer.WaitClosed(waiter))
            if self._hooks.waited:
                name = self.flow.type_name(event_type)
                self._reporter.waited("event", name, execution.id, execution.attempt, now, outcome, taken)

    def retry_info(self) -> RetryInfo:
        """Where the current step stands in its retries."""
        execution = self._step_only("retry_info")
        elapsed = self._clock() - execution.failed_at if execution.attempt > 1 else 0.0
        return RetryInfo(execution.attempt - 1, elapsed, execution.last_error)

    # Ticks and commands.

    def _tick(self, tick: Tick) -> None:
        state = self.state
        for command in reduce(state, tick):
            _PERFORM[type(command)](self, command)
        if self._stepwise is not None:
            self._stepwise.wake()
        elif not (state.running or state.queued or state.delayed or state.ended or self.flow.open_to_outside):
            self._dead_end()

    def _add(self, event: Event, execution: Execution | None, target: str, mode: str) -> None:
        if self._closed:
            _logger.warning("run %s of %s has ended: %s is dropped", self.run_id, self.flow.name, type(event).__name__)
            return
        envelope = self._stepwise.take_back(event) if self._stepwise is not None else None
        if envelope is None:
            envelope = self._envelope(event, execution, target, mode)
        if self._stepwise is not None and execution is not None:
            self._stepwise.hold(envelope)
        else:
            self._tick(reducer.EventAdded(envelope, self._clock()))

    def _send(self, event: Event, execution: Execution | None, target: str, mode: str) -> None:
        """Add an event, or keep it until the run has begun: it may still wait for its turn."""
        if self._started or self._closed:
            self._add(event, execution, target, mode)
        else:
            self._early.append(lambda: self._add(event, execution, target, mode))

    def _envelope(self, event: Event, execution: Execution | None, target: str, mode: str) -> Envelope:
        state = self.state
        state.seq += 1
        state.events += 1
        producer = execution.id if execution is not None else ""
        route = self.flow.routes.get(type(event)) or self.flow.route(type(event))
        envelope = Envelope(state.events, event, route, producer, mode, state.seq, self._clock(), target)
        if execution is not None:
            if execution.outputs is None:
                execution.outputs = []
            execution.outputs.append(envelope)
        if self._hooks.event_sent:
            self._reporter.event_sent(envelope, execution.attempt if execution is not None else 0)
        return envelope

    def _start(self, command: reducer.Start) -> None:
        execution = command.execution
        state = self.state
        state.seq += 1
        state.attempts += 1
        execution.begin(state.seq, self._clock())
        context = self._steps_context.copy()
        context.run(_current.set, (self, execution))
        if self._hooks.attempt_started:
            self._reporter.attempt_started(execution, context)
        step = execution.step
        if step.call is None:
            step.call = bind_within(step.spec, self._threads.bind(step.spec, self._workflow))
        self._tasks[execution] = self._loop.create_task(self._attempt(execution), context=context)

    async def _attempt(self, execution: Execution) -> None:
        execution.entered = True
        try:
            result = await execution.step.call(self._context, execution.envelope.event)
        except BaseException as error:  # strangers' code: every end of a step is recorded
            if isinstance(error, GeneratorExit):  # the loop is gone, and takes its tasks with it
                self.abandon()
                raise
            if not self._closed:
                self._raised(execution, error)
            if isinstance(error, KeyboardInterrupt | SystemExit):
                self._loop.call_soon(_raise, error)  # out of the loop, as any callback's would go
        else:
            if not self._closed:
                self._returned(execution, result)

    def _returned(self, execution: Execution, result: Any) -> None:
        if result is not None and type(result) not in self.flow.routes and not isinstance(result, Event):
            name = execution.step.name
            error = WorkflowRuntimeError(
                f"Step function {name} returned {type(result).__name__} instead of an Event instance."
            )
            self._raised(execution, error)
            return
        now = self._check_deadline()
        envelope = None if result is None else self._envelope(result, execution, "", "return")
        del self._tasks[execution]
        if self._hooks.attempt_ended:
            self._reporter.attempt_ended(execution, "completed", None, None, result)
        if envelope is not None and self._stepwise is not None:
            self._stepwise.hold(envelope)
            envelope = None
        self._tick(reducer.StepReturned(execution, envelope, now))
        if self._end is not None:
            self._close_when_idle()

    def _raised(self, execution: Execution, error: BaseException) -> None:
        now = self._check_deadline()
        if isinstance(error, asyncio.CancelledError) and _cancelled_from_outside():
            self._tick(reducer.Cancelled(now))
        if self.state.ended:
            outcome = self._cut_short(execution) if isinstance(error, asyncio.CancelledError) else "failed"
            self._leave(execution, outcome, error if outcome == "failed" else None)
            self._close_when_idle()
            return
        delay = self._retry_delay(execution, error, now)
        _add_note(error, execution, self.flow.name, self.run_id)
        last = "timed_out" if isinstance(error, StepTimeoutError) else "failed"
        self._leave(execution, last if delay is None else "retrying", error, delay)
        self._tick(reducer.StepFailed(execution, error, delay, now))
        self._close_when_idle()

    def _cut_short(self, execution: Execution) -> str:
        """What becomes of a cancelled attempt: a thread cannot be cancelled, it works on unheard."""
        if execution.step.spec.is_async:
            return "cancelled"
        _logger.warning(
            "run %s of %s has ended, but step %s works on in its thread", self.run_id, self.flow.name, execution.id
        )
        return "abandoned"

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

    def _check_deadline(self) -> float:
        """The time now. A step that held up the loop past the deadline does not count as in time."""
        now = self._clock()
        if self._deadline is not None and now > self._deadline:
            self._tick(reducer.TimedOut(now))
        return now

    def _retry_delay(self, execution: Execution, error: BaseException, now: float) -> float | None:
        policy = execution.step.spec.retry_policy
        if policy is None or isinstance(error, KeyboardInterrupt | SystemExit):
            return None
        elapsed = now - execution.failed_at if execution.attempt > 1 else 0.0
        try:
            delay = policy.next(elapsed, execution.attempt - 1, error)  # type: ignore[arg-type]
            if delay is None:
                return None
            if not 0 <= float(delay) < float("inf"):
                raise ValueError(f"it asked for a delay of {delay} s")
            return float(delay)
        except Exception as broken:  # strangers' policies
            error.add_note(f"its retry policy failed as well: {type(broken).__name__}: {broken}")
            return None

    def _delay(self, command: reducer.Delay) -> None:
        execution, since = command.execution, self._clock()

        def due() -> None:
            if self._hooks.waited:
                self._reporter.waited("retry", "retry", execution.id, execution.attempt - 1, since, "completed")
            self._tick(reducer.RetryDue(execution, self._clock()))

        self._timer(command.seconds, due)

    def _to_stream(self, command: reducer.Publish) -> None:
        self.stream.put(command.envelope.event)

    def _report(self, command: reducer.Report) -> None:
        envelope = command.envelope
        _logger.warning(
            "run %s of %s: no step accepts %s (made by %s)",
            self.run_id,
            self.flow.name,
            envelope.type,
            envelope.producer or "the caller",
        )
        self.stream.put(UnhandledEvent(event_type=envelope.type, producer=envelope.producer))

    def _resume(self, command: reducer.Resume) -> None:
        future = command.waiter.future
        if not future.done():
            future.set_result(command.envelope)

    def _answered(self, command: reducer.Answered) -> None:
        if self._hooks.waited:
            question, answer = command.question, command.answer
            ids = (question.id, answer.id)
            self._reporter.waited("human", answer.type, question.producer, 0, command.since, "completed", ids)

    def _publish(self, event: Event, execution: Execution | None) -> None:
        if isinstance(event, InputRequiredEvent):
            mode = "send" if execution is not None else "outside"
            envelope = self._envelope(event, execution, "", mode)
            self._tick(reducer.Asked(envelope, envelope.sent_at))
            return
        if execution is not None:
            name = self.flow.type_name(type(event))
            if execution.streamed is None:
                execution.streamed = {}
            execution.streamed[name] = execution.streamed.get(name, 0) + 1
        self.stream.put(event)

    # The end.

    def _dead_end(self) -> None:
        state = self.state
        state.ended = True
        what = explain(state, self._clock()) or "  - every step returned None"
        error = WorkflowDeadEndError(
            f"run {self.run_id} of {self.flow.name} has come to a dead end: nothing runs, is queued or awaited, and "
            f"no StopEvent was made.\n{what}"
        )
        self._finish(reducer.End("failed", error=error))

    def _finish(self, end: reducer.End) -> None:
        self.state.ended = True
        self._end = end
        if end.outcome == "timed_out":
            end.error = self._timeout_error()
        elif end.outcome == "cancelled":
            end.error = WorkflowCancelledByUser(f"run {self.run_id} of {self.flow.name} was cancelled")
        elif isinstance(end.error, asyncio.CancelledError) and end.execution is not None:
            cause, name = end.error, end.execution.step.name
            end.error = WorkflowRuntimeError(f"step {name!r} was cancelled from inside, not by its run")
            end.error.__cause__ = cause
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for execution, task in list(self._tasks.items()):
            task.cancel()
            if not execution.entered:  # its task ends without ever reaching the step
                self._leave(execution, "cancelled")
        if self._tasks:
            self._timers.add(self._loop.call_later(GRACE, self._close))
        else:
            self._close()

    def _timeout_error(self) -> WorkflowTimeoutError:
        what = self.explain() or "  - no step was running"
        return WorkflowTimeoutError(
            f"run {self.run_id} of {self.flow.name} took longer than its timeout of {self._timeout:g} s.\n{what}"
        )

    def _close_when_idle(self) -> None:
        if self._end is not None and not self._tasks:
            self._close()

    def _close(self) -> None:
        """Nothing runs any more, or the grace is over: say so to everybody."""
        end = self._end
        if self._closed or end is None:
            return
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._threads.close()
        if self._hooks.attempt_ended:
            for execution in self._tasks:
                self._reporter.attempt_ended(execution, "abandoned", None, None, None)
        if self._hooks.run_ended and self._started:
            self._reporter.run_ended(end)
        self._settle(end)
        self.stream.close()
        if self._stepwise is not None:
            self._stepwise.wake()
        let_go(self._loop, self)
        if self._started and self._on_closed is not None:
            self._on_closed()

    def _settle(self, end: reducer.End) -> None:
        if end.envelope is not None:
            self.stream.put(end.envelope.event)
        if self.future.done() or self._loop.is_closed():
            return
        if end.error is not None:
            self.future.set_exception(end.error)
            if end.outcome == "cancelled" or not isinstance(end.error, Exception):
                self.future.exception()  # who cancels or interrupts a run need not await it
        elif end.envelope is not None:
            self.future.set_result(_result(end.envelope.event))

    # Tasks, timers and threads.

    def _timer(self, seconds: float, call: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(handle)
            call()

        handle = self._loop.call_later(seconds, fire)
        self._timers.add(handle)

    def _on_thread(self, call: Callable[[], None]) -> None:
        if threading.get_ident() == self._thread:
            call()
        elif self._loop.is_closed():
            _logger.warning("run %s of %s: its event loop is closed, nothing reaches it", self.run_id, self.flow.name)
        else:
            self._loop.call_soon_threadsafe(call)

    def _current(self) -> Execution | None:
        current = _current.get()
        return current[1] if current is not None and current[0] is self else None

    def _step_only(self, what: str) -> Execution:
        execution = self._current()
        if execution is None:
            raise WorkflowRuntimeError(f"{what} belongs inside a step of run {self.run_id}")
        return execution

    def _check_target(self, event: Event, name: str) -> None:
        spec = self.flow.steps.get(name)
        if spec is None:
            raise WorkflowStepDoesNotExistError(
                f"workflow {self.flow.name!r} has no step {name!r}; it has {', '.join(map(repr, self.flow.steps))}"
            )
        if not isinstance(event, spec.accepts):
            raise WorkflowRuntimeError(
                f"step {name!r} does not accept {type(event).__name__}; it accepts "
                f"{', '.join(cls.__name__ for cls in spec.accepts)}"
            )


_PERFORM: dict[type[Any], Callable[[RunLoop, Any], None]] = {
    reducer.Start: RunLoop._start,
    reducer.Delay: RunLoop._delay,
    reducer.Publish: RunLoop._to_stream,
    reducer.Report: RunLoop._report,
    reducer.Resume: RunLoop._resume,
    reducer.Answered: RunLoop._answered,
    reducer.End: RunLoop._finish,
}


def _clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """The loop's clock, without the method around it where that is asyncio's own."""
    own = getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time
    return time.monotonic if own else loop.time


def _raise(error: BaseException) -> None:
    raise error


def _cancelled_from_outside() -> bool:
    """Whether somebody cancelled the task of this step, and not just something that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _result(event: Event) -> Any:
    return event.result if type(event) is StopEvent else event


def _add_note(error: BaseException, execution: Execution, workflow: str, run_id: str) -> None:
    try:
        notes = getattr(error, "__notes__", [])
        notes[:] = [note for note in notes if not note.startswith(_NOTE)]  # of an attempt before, or of another run
        error.add_note(f"{_NOTE}{execution.step.name!r} of {workflow}, run {run_id}, attempt {execution.attempt}")
    except Exception:  # strangers' exceptions may refuse notes
        _logger.debug("no note could be added to %s", type(error).__name__)
