"""The loop of a run: the only room that waits.

It owns tasks, timers, threads and the clock. Whatever happens becomes a tick, the reducer answers with commands, and
the commands are carried out at once; there is no queue and no task of its own in between. All ticks happen on the
thread of the event loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context as CallersContext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from . import reducer
from .closing import Closing
from .company import Company, ask_for_company, described
from .context import Context
from .errors import StepTimeoutError, WorkflowRuntimeError
from .events import Event, InputRequiredEvent, StepFailedEvent, UnhandledEvent
from .failures import add_note, cancelled_from_outside, failed_event, retry_delay
from .flow import Flow
from .observers import Hooks
from .port import Port, current_step
from .reducer import Tick, reduce
from .saved import SavedRun
from .state import Envelope, Execution, RunState, Waiter
from .steps import StepSpec
from .supplies import RunSupplies, Supplies
from .timeouts import bind_within

if TYPE_CHECKING:
    from .statistics import RunStatistics

CheckpointCallback = Callable[..., Awaitable[None] | None]
"""Called with ``run_id``, ``last_completed_step``, ``input_event``, ``output_event`` and ``ctx`` after each step."""

Answer = TypeVar("Answer")

_PATIENCE = 0.2
_logger = logging.getLogger("wftrace")


class RunLoop(Closing):
    """One run in this process, from its start event to its end."""

    __slots__ = (
        "_checkpoint",
        "_company",
        "_deadline",
        "_early",
        "_entering",
        "_entry",
        "_saved",
        "_steps_context",
        "_supplies",
        "_thread",
        "_workflow",
        "context",
    )

    def __init__(
        self,
        flow: Flow,
        workflow: object,
        context: Context[Any],
        run_id: str,
        hooks: Hooks,
        supplies: Supplies,
        *,
        entry: Event | None = None,
        saved: SavedRun | None = None,
        stepwise: bool = False,
        checkpoint: CheckpointCallback | None = None,
        on_closed: Callable[[bool], None] | None = None,
    ) -> None:
        context.bind(Port(self))
        super().__init__(flow, RunState(flow) if saved is None else saved.state, run_id, hooks, stepwise, on_closed)
        self._thread = threading.get_ident()
        self._workflow = workflow
        self._supplies = supplies
        self._checkpoint = checkpoint
        self._steps_context = copy_context()
        self._deadline: float | None = None
        self._company: Company = frozenset()
        self._entering = False
        self._entry = entry
        self._saved = saved
        self._early: list[tuple[Event, str, CallersContext]] = []
        self.context = context

    # The caller's side.

    def start(self, timeout: float | None) -> None:
        """Begin with the start event, or go on where a saved run was; ``timeout`` in seconds from now.

        Does nothing when the run was cancelled before.
        """
        if self.state.ended:
            return
        saved, entry = self._saved, self._entry
        self._saved = self._entry = None
        self._begin(entry, timeout)
        if saved is not None:
            if self._hooks.checkpointed:
                self._reporter.checkpointed("load", self._began_at)
            self._take_up(saved)
        if entry is not None:
            self._add(entry, None, "", "start")
        early, self._early = self._early, []
        for event, target, sender in early:
            sender.run(self._add, event, None, target, "outside")
        self._look(self.state)

    def _take_up(self, saved: SavedRun) -> None:
        for question in saved.questions:
            self.stream.put(question)
        self._entering = True
        self.tick(reducer.Resumed(self.clock()))
        for envelope in saved.held:
            if envelope.waits:
                self._add(envelope.event, None, envelope.target, envelope.mode)
            elif self._stepwise is not None:
                self._stepwise.hold(envelope)
            else:
                self.tick(reducer.EventAdded(envelope, self.clock()))
        self._entering = False

    def _begin(self, event: Event | None, timeout: float | None) -> None:
        self._started = True
        self._began_at = self.clock()
        if self._hooks.run_started:
            parent = self._steps_context.get(current_step)
            above = (parent[0].run_id, parent[1].id) if parent else ("", "")
            self._reporter.run_started(event, self._steps_context, *above)
        if timeout is not None:
            self._timeout = timeout
            self._deadline = self.clock() + timeout
            self._timers.after(timeout, lambda: self.tick(reducer.TimedOut(self.clock())))

    def cancel(self) -> None:
        """End the run as cancelled. Does nothing after its end."""
        self.on_thread(lambda: self.tick(reducer.Cancelled(self.clock())))

    async def run_step(self) -> list[Event] | None:
        """Let the steps under way finish: the events that they made, or None when the run is over."""
        stepwise = self._stepwise
        if stepwise is None:
            raise WorkflowRuntimeError("run_step() belongs to a stepwise run: workflow.run(stepwise=True)")
        while not self.future.done():
            if not self._started:
                await stepwise.wait()
                continue
            if self.state.idle and stepwise.holds:
                return stepwise.hand_out()
            if self.state.idle and not self.flow.open_to_outside:
                ask_for_company(self._loop, self, current_step, self._judge)
            await stepwise.wait()
        return None

    def explain(self) -> str:
        """What the run is doing and what it waits for, one line a fact."""
        lines = [super().explain()]
        if not (self._started or self._closed):
            lines = [f"  - it waits for its turn: as many runs of {self.flow.name} as may run at once are under way"]
        elif self._stepwise is not None and (held := self._stepwise.all()):
            names = ", ".join(dict.fromkeys(each.route.name for each in held))
            lines.append(f"  - {names} held back: take what run_step() gives, and send it on with ctx.send_event()")
        elif self.state.idle:
            lines += [f"  - {described(task, current_step)}" for task in self._company if not task.done()]
        return "\n".join(filter(None, lines))

    def statistics(self) -> RunStatistics:
        """The run in figures."""
        from .statistics import RunStatistics, step_statistics

        state, stream = self.state, self.stream
        return RunStatistics(
            run_id=self.run_id,
            workflow=self.flow.name,
            outcome=self.outcome,
            seconds=(self.clock() if self._end is None else self._ended_at) - self._began_at,
            attempts=state.attempts,
            retries=state.retries,
            events=state.events,
            waiting=len(state.waiters) + len(state.asked),
            unread=len(stream.unread()),
            dropped=stream.dropped,
            steps=step_statistics(state),
        )

    # The port's side: what steps and callers ask for through their context.

    @property
    def on_own_thread(self) -> bool:
        """Whether this is the thread of the run's event loop."""
        return threading.get_ident() == self._thread

    def on_thread(self, call: Callable[[], None]) -> None:
        """Call on the thread of the event loop: at once when this is it."""
        if threading.get_ident() == self._thread:
            call()
        elif self._loop.is_closed():
            _logger.warning("run %s of %s: its event loop is closed, nothing reaches it", self.run_id, self.flow.name)
        else:
            self._loop.call_soon_threadsafe(call)

    def from_thread(self, call: Callable[[], Answer]) -> Answer:
        """Call on the thread of the event loop from another thread, and wait for the answer.

        Raises ``WorkflowRuntimeError`` when the run ends without giving one.
        """
        answer: concurrent.futures.Future[Answer] = concurrent.futures.Future()

        def work() -> None:
            try:
                answer.set_result(call())
            except Exception as error:  # for whoever asked
                answer.set_exception(error)

        self.on_thread(work)
        while not concurrent.futures.wait([answer], _PATIENCE).done:
            if self._closed or self._loop.is_closed():
                raise WorkflowRuntimeError(f"run {self.run_id} of {self.flow.name} has ended")
        return answer.result()

    def send(self, event: Event, execution: Execution | None, target: str, mode: str) -> None:
        """Add an event, or keep it until the run has begun: it may still wait for its turn."""
        if self._started or self._closed:
            self._add(event, execution, target, mode)
        else:
            self._early.append((event, target, copy_context()))

    def publish(self, event: Event, execution: Execution | None) -> None:
        """Write an event to the stream; a question is noted as asked."""
        if self._closed:
            _logger.warning("run %s of %s has ended: %s is dropped", self.run_id, self.flow.name, type(event).__name__)
            return
        if isinstance(event, InputRequiredEvent):
            mode = "send" if execution is not None else "outside"
            envelope = self._envelope(event, execution, "", mode)
            self.tick(reducer.Asked(envelope, envelope.sent_at))
            return
        if execution is not None:
            name = self.flow.type_name(type(event))
            if execution.streamed is None:
                execution.streamed = {}
            execution.streamed[name] = execution.streamed.get(name, 0) + 1
        self.stream.put(event)

    def waited(self, waiter: Waiter, outcome: str) -> None:
        """A wait of a step is over."""
        if self._hooks.waited:
            execution, name = waiter.execution, self.flow.type_name(waiter.type)
            taken = (waiter.arrived.id,) if waiter.arrived is not None else ()
            self._reporter.waited("event", name, execution.id, execution.attempt, waiter.since, outcome, taken)

    def pending(self) -> tuple[list[Event], list[Envelope]]:
        """What the caller has not taken yet: the questions on the stream, and what a stepwise run holds back."""
        saved, entry = self._saved, self._entry
        questions = [event for event in self.stream.unread() if isinstance(event, InputRequiredEvent)]
        held = self._stepwise.all() if self._stepwise is not None else []
        waiting = [(event, target, "outside") for event, target, _ in self._early]
        if entry is not None:
            waiting.insert(0, (entry, "", "start"))
        held += [
            Envelope(0, event, self.flow.route(type(event)), "", mode, 0, self.clock(), target)
            for event, target, mode in waiting
        ]
        if saved is not None:
            return [*saved.questions, *questions], [*saved.held, *held]
        return [*questions], held

    # Ticks and commands.

    def tick(self, tick: Tick) -> None:
        """Something has happened: work out what follows, and do it."""
        state = self.state
        for command in reduce(state, tick):
            _PERFORM[type(command)](self, command)
        if self._stepwise is not None or not state.running:
            self._look(state)

    def _look(self, state: RunState) -> None:
        """See whether anything can still happen."""
        if self._stepwise is not None:
            self._stepwise.wake()
        elif state.idle and not (state.ended or self._entering or self.flow.open_to_outside):
            ask_for_company(self._loop, self, current_step, self._judge)

    def _judge(self, company: Company) -> None:
        """Nothing ran, was queued or timed: a dead end, unless tasks that steps have left behind may still send."""
        state = self.state
        if state.ended or not state.idle or (self._stepwise is not None and self._stepwise.holds):
            return
        if not company:
            self._dead_end()
        for task in company - self._company:
            task.add_done_callback(self._left_by)
        self._company = company

    def _left_by(self, task: asyncio.Task[Any]) -> None:
        self._company -= {task}
        self._look(self.state)

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
            self.tick(reducer.EventAdded(envelope, envelope.sent_at))

    def _envelope(
        self, event: Event, execution: Execution | None, target: str, mode: str, now: float | None = None
    ) -> Envelope:
        state = self.state
        state.seq += 1
        state.events += 1
        producer = execution.id if execution is not None else ""
        route = self.flow.routes.get(type(event)) or self.flow.route(type(event))
        sent_at = self.clock() if now is None else now
        envelope = Envelope(state.events, event, route, producer, mode, state.seq, sent_at, target)
        if execution is not None:
            if execution.outputs is None:
                execution.outputs = []
            execution.outputs.append(envelope)
        if self._hooks.event_sent:
            self._reporter.event_sent(envelope, execution.attempt if execution is not None else 0)
        return envelope

    def _start(self, execution: Execution) -> None:
        state = self.state
        state.seq += 1
        state.attempts += 1
        execution.begin(state.seq, self.clock())
        context = self._steps_context.copy()
        context.run(current_step.set, (self, execution))
        if self._hooks.attempt_started:
            self._reporter.attempt_started(execution, context)
        step = execution.step
        if step.call is None:
            step.call = self._bind(step.spec)
        self._tasks[execution] = asyncio.Task(self._attempt(execution), loop=self._loop, context=context)

    def _bind(self, spec: StepSpec) -> Callable[[Any, Event], Any]:
        """A step as a call with context and event that holds to all that its declaration says."""
        call = self._threads.bind(spec, self._workflow)
        if spec.wants:
            if self._run_supplies is None:
                self._run_supplies = RunSupplies(self._supplies, self._loop, self._steps_context.copy(), self.cancel)
            call = self._run_supplies.bind(spec, call)
        return bind_within(spec, call)

    async def _attempt(self, execution: Execution) -> None:
        execution.entered = True
        try:
            try:
                result = await execution.step.call(self.context, execution.envelope.event)
            except BaseException as error:  # strangers' code: every end of a step is recorded
                if isinstance(error, GeneratorExit) and not self._loop.is_running():  # it takes its tasks with it
                    self.abandon()
                    raise
                if not self._closed:
                    self._raised(execution, error)
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    self._loop.call_soon(_raise, error)  # out of the loop, as any callback's would go
            else:
                if not self._closed:
                    self._returned(execution, result)
        except Exception as error:  # in what follows a step: strangers' comparisons, or a fault of ours
            self._break(execution, error)

    def _break(self, execution: Execution, error: Exception) -> None:
        """What followed a step has failed: the run cannot go on, and must not hang."""
        add_note(error, execution, self.flow.name, self.run_id)
        self._tasks.pop(execution, None)
        if self._end is None:
            self.finish(reducer.End("failed", error=error))
        self._close_when_idle()

    def _returned(self, execution: Execution, result: Any) -> None:
        if result is not None and type(result) not in self.flow.routes and not isinstance(result, Event):
            name = execution.step.name
            error = WorkflowRuntimeError(
                f"Step function {name} returned {type(result).__name__} instead of an Event instance."
            )
            self._raised(execution, error)
            return
        now = self._check_deadline()
        envelope = None if result is None else self._envelope(result, execution, "", "return", now)
        del self._tasks[execution]
        if self._hooks.attempt_ended:
            self._reporter.attempt_ended(execution, "completed", None, None, result)
        if envelope is not None and self._stepwise is not None:
            self._stepwise.hold(envelope)
            envelope = None
        if self._checkpoint is None:
            self.tick(reducer.StepReturned(execution, envelope, now))
        else:
            self._return_and_save(self._checkpoint, reducer.StepReturned(execution, envelope, now), result)
        if self._end is not None:
            self._close_when_idle()

    def _return_and_save(self, save: CheckpointCallback, tick: reducer.StepReturned, result: Event | None) -> None:
        """Go on, and let the checkpoint see what is true then: the end too, before the run is closed."""
        self._holding += 1
        self.tick(tick)
        execution, since = tick.execution, self.clock()
        try:
            saving = save(
                run_id=self.run_id,
                last_completed_step=execution.step.name,
                input_event=execution.envelope.event,
                output_event=result,
                ctx=self.context,
            )
        except Exception as error:  # strangers' callbacks
            self._saved_at(execution, since, error)
            self._not_saved(error)
        else:
            if saving is None:
                self._saved_at(execution, since, None)
            else:
                task = self._loop.create_task(_whole(saving), context=self._steps_context.copy())
                task.add_done_callback(lambda done: self._saved_at(execution, since, _error_of(done)))
                self._hold_for(task)
        self._holding -= 1

    def _saved_at(self, execution: Execution, since: float, error: BaseException | None) -> None:
        if self._hooks.checkpointed and not self._closed:
            self._reporter.checkpointed("save", since, execution.id, error)

    def _raised(self, execution: Execution, error: BaseException) -> None:
        now = self._check_deadline()
        if isinstance(error, asyncio.CancelledError) and cancelled_from_outside():
            self._torn = self._torn or not self.state.ended
            self.tick(reducer.Cancelled(now))
        if self.state.ended:
            outcome = "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"
            self._leave(execution, outcome, error if outcome == "failed" else None)
            self._cut(execution)
            self._close_when_idle()
            return
        delay = retry_delay(execution, error, now)
        add_note(error, execution, self.flow.name, self.run_id)
        caught = delay is None and self._is_caught(execution.step.name, error)
        envelope = self._envelope(failed_event(execution, error, now), execution, "", "fail") if caught else None
        last = "timed_out" if isinstance(error, StepTimeoutError) else "failed"
        self._leave(execution, last if delay is None else "retrying", error, delay)
        if envelope is not None and self._stepwise is not None:
            self._stepwise.hold(envelope)
            envelope = None
        self.tick(reducer.StepFailed(execution, error, delay, now, caught, envelope))
        self._close_when_idle()

    def _is_caught(self, step: str, error: BaseException) -> bool:
        """Whether other steps take this failure: not that of a step which takes failures itself."""
        return (
            self.flow.catches
            and step not in self.flow.route(StepFailedEvent).targets
            and not isinstance(error, KeyboardInterrupt | SystemExit)
        )

    def _check_deadline(self) -> float:
        """The time now. A step that held up the loop past the deadline does not count as in time."""
        now = self.clock()
        if self._deadline is not None and now > self._deadline:
            self.tick(reducer.TimedOut(now))
        return now

    def _delay(self, command: reducer.Delay) -> None:
        execution, since = command.execution, self.clock()

        def due() -> None:
            if self._hooks.waited:
                self._reporter.waited("retry", "retry", execution.id, execution.attempt - 1, since, "completed")
            self.tick(reducer.RetryDue(execution, self.clock()))

        self._timers.after(command.seconds, due)

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
        if future is not None and not future.done():
            future.set_result(None)

    def _answered(self, command: reducer.Answered) -> None:
        if self._hooks.waited:
            question, answer = command.question, command.answer
            ids = (question.id, answer.id)
            self._reporter.waited("human", answer.type, question.producer, 0, command.since, "completed", ids)


_PERFORM: dict[type[Any], Callable[[RunLoop, Any], None]] = {
    Execution: RunLoop._start,
    reducer.Delay: RunLoop._delay,
    reducer.Publish: RunLoop._to_stream,
    reducer.Report: RunLoop._report,
    reducer.Resume: RunLoop._resume,
    reducer.Answered: RunLoop._answered,
    reducer.End: RunLoop.finish,
}


async def _whole(saving: Awaitable[None]) -> None:
    await saving


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


def _raise(error: BaseException) -> None:
    raise error
