"""What happens next: ``reduce(state, tick)`` changes the state and returns the commands that follow.

It never waits, reads a clock, draws a random number or does I/O: times and decisions come in with the tick. So every
loop that drives it (in this process, or on a durable engine) decides alike, and replaying the ticks gives the same
state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .state import Envelope, Execution, Past, RunState, StepState, Waiter

# Ticks: what has happened.


@dataclass(slots=True, eq=False)
class EventAdded:
    """An event came in: the start, from outside, or sent by a step."""

    envelope: Envelope
    now: float


@dataclass(slots=True, eq=False)
class StepReturned:
    """An attempt returned, with an event or without one."""

    execution: Execution
    envelope: Envelope | None
    now: float


@dataclass(slots=True, eq=False)
class StepFailed:
    """An attempt raised. ``delay`` is the seconds until its retry, None when there is none.

    ``caught`` says that other steps take the failure, ``envelope`` is then the event that tells them, unless it is
    held back.
    """

    execution: Execution
    error: BaseException
    delay: float | None
    now: float
    caught: bool = False
    envelope: Envelope | None = None


@dataclass(slots=True, eq=False)
class StepCut:
    """An attempt is over that the end of the run has cut off."""

    execution: Execution
    now: float


@dataclass(slots=True, eq=False)
class RetryDue:
    """A back-off is over."""

    execution: Execution
    now: float


@dataclass(slots=True, eq=False)
class Asked:
    """A step wrote a question to the stream."""

    envelope: Envelope
    now: float


@dataclass(slots=True, eq=False)
class WaitOpened:
    """A step began to wait for an event."""

    waiter: Waiter


@dataclass(slots=True, eq=False)
class WaitClosed:
    """A step no longer waits: its time was up, or its attempt ended."""

    waiter: Waiter


@dataclass(slots=True, eq=False)
class TimedOut:
    """The run's time is up."""

    now: float


@dataclass(slots=True, eq=False)
class Cancelled:
    """Somebody cancelled the run."""

    now: float


@dataclass(slots=True, eq=False)
class Resumed:
    """A saved run goes on: its queues are full of what it had, its back-offs begin anew with what was left of them."""

    now: float


Tick = (
    EventAdded
    | StepReturned
    | StepFailed
    | StepCut
    | RetryDue
    | Asked
    | WaitOpened
    | WaitClosed
    | TimedOut
    | Cancelled
    | Resumed
)

# Commands: what is to be done. An ``Execution`` among them is to be started: its next attempt is due.


@dataclass(slots=True, eq=False)
class Delay:
    """Tick ``RetryDue`` after some seconds."""

    execution: Execution
    seconds: float


@dataclass(slots=True, eq=False)
class Publish:
    """Put an event on the stream."""

    envelope: Envelope


@dataclass(slots=True, eq=False)
class Report:
    """Nobody accepted an event: say so."""

    envelope: Envelope


@dataclass(slots=True, eq=False)
class Resume:
    """What a step waits for has arrived."""

    waiter: Waiter


@dataclass(slots=True, eq=False)
class Answered:
    """An answer came to a question that was asked at ``since``."""

    question: Envelope
    answer: Envelope
    since: float


@dataclass(slots=True, eq=False)
class End:
    """The run is over."""

    outcome: str
    envelope: Envelope | None = None
    error: BaseException | None = None
    execution: Execution | None = None


Command = Execution | Delay | Publish | Report | Resume | Answered | End


def reduce(state: RunState, tick: Tick) -> list[Command]:
    """Change the state by what has happened and say what is to be done. After the end only workers come back."""
    if state.ended:
        if isinstance(tick, StepReturned | StepCut):
            _after_the_end(state, tick)
        return []
    commands: list[Command] = []
    _REDUCERS[type(tick)](state, tick, commands)
    return commands


def destination(state: RunState, envelope: Envelope) -> str:
    """What will become of an event that is added now: ``delivered``, ``unhandled`` or ``dropped_at_stop``."""
    if state.ended:
        return "dropped_at_stop"
    route = envelope.route
    taken = (
        route.stops
        or route.asks
        or envelope.target
        or route.targets
        or any(_matches(waiter, envelope) for waiter in state.waiters)
    )
    return "delivered" if taken else "unhandled"


def _event_added(state: RunState, tick: EventAdded, commands: list[Command]) -> None:
    _route(state, tick.envelope, tick.now, commands)


def _step_returned(state: RunState, tick: StepReturned, commands: list[Command]) -> None:
    if tick.envelope is not None:
        _route(state, tick.envelope, tick.now, commands)
    _release(state, tick.execution, commands)


def _step_failed(state: RunState, tick: StepFailed, commands: list[Command]) -> None:
    execution, step = tick.execution, tick.execution.step
    final = tick.delay is None
    state.ended = final and not tick.caught
    execution.recall().fail(tick.error, tick.now)
    step.failures += final
    if tick.envelope is not None:
        _route(state, tick.envelope, tick.now, commands)
    _release(state, execution, commands)
    if tick.delay is not None:
        execution.attempt += 1
        state.retries += 1
        step.retries += 1
        state.delayed[execution] = tick.now + tick.delay
        commands.append(Delay(execution, tick.delay))
    elif not tick.caught:
        commands.append(End("failed", error=tick.error, execution=execution))


def _retry_due(state: RunState, tick: RetryDue, commands: list[Command]) -> None:
    execution = tick.execution
    if state.delayed.pop(execution, None) is not None:
        execution.queued_at = tick.now
        _enqueue(state, execution, commands)


def _asked(state: RunState, tick: Asked, commands: list[Command]) -> None:
    state.asked.append((tick.envelope, tick.now))
    commands.append(Publish(tick.envelope))


def _wait_opened(state: RunState, tick: WaitOpened, commands: list[Command]) -> None:
    state.waiters.append(tick.waiter)


def _wait_closed(state: RunState, tick: WaitClosed, commands: list[Command]) -> None:
    if tick.waiter in state.waiters:
        state.waiters.remove(tick.waiter)


def _timed_out(state: RunState, tick: TimedOut, commands: list[Command]) -> None:
    state.ended = True
    commands.append(End("timed_out"))


def _cancelled(state: RunState, tick: Cancelled, commands: list[Command]) -> None:
    state.ended = True
    commands.append(End("cancelled"))


def _resumed(state: RunState, tick: Resumed, commands: list[Command]) -> None:
    for step in state.steps.values():
        while step.queue and len(step.running) < step.workers:
            state.queued -= 1
            _enqueue(state, step.queue.popleft(), commands)
    commands += [Delay(execution, max(0.0, due - tick.now)) for execution, due in state.delayed.items()]


_REDUCERS: dict[type, Callable[[RunState, Any, list[Command]], None]] = {
    EventAdded: _event_added,
    StepReturned: _step_returned,
    StepFailed: _step_failed,
    RetryDue: _retry_due,
    Asked: _asked,
    WaitOpened: _wait_opened,
    WaitClosed: _wait_closed,
    TimedOut: _timed_out,
    Cancelled: _cancelled,
    Resumed: _resumed,
}


def _route(state: RunState, envelope: Envelope, now: float, commands: list[Command]) -> None:
    route = envelope.route
    if route.stops:
        state.ended = True
        commands.append(End("completed", envelope))
        return
    if route.asks:
        state.asked.append((envelope, now))
        commands.append(Publish(envelope))
    waiting = _resume(state, envelope, commands) if state.waiters else {}
    if state.asked and envelope.mode == "outside":
        _answer(state, envelope, waiting, commands)
    targets = (envelope.target,) if envelope.target else route.targets
    for name in targets:
        if name not in waiting:
            _queue(state, state.step(name), envelope, now, commands)
    if not (targets or waiting or route.asks):
        state.unhandled.append(envelope.type)
        commands.append(Report(envelope))


def _queue(state: RunState, step: StepState, envelope: Envelope, now: float, commands: list[Command]) -> None:
    step.executions += 1
    _enqueue(state, Execution(f"{step.name}#{step.executions}", step, envelope, now), commands)


def _enqueue(state: RunState, execution: Execution, commands: list[Command]) -> None:
    step = execution.step
    if len(step.running) < step.workers:
        step.take_worker(execution)
        state.running += 1
        commands.append(execution)
    else:
        step.queue.append(execution)
        state.queued += 1


def _release(state: RunState, execution: Execution, commands: list[Command]) -> None:
    """Take the worker back and give it to the next in the queue, unless the run has just ended."""
    step = execution.step
    step.give_back(execution)
    state.running -= 1
    if execution.past is not None and execution.past.earlier:
        _forget_waits(state, execution.past)
    if step.queue and not state.ended:
        state.queued -= 1
        _enqueue(state, step.queue.popleft(), commands)


def _after_the_end(state: RunState, tick: StepReturned | StepCut) -> None:
    step = tick.execution.step
    step.give_back(tick.execution)
    state.running -= 1
    step.cut += isinstance(tick, StepCut)


def _forget_waits(state: RunState, past: Past) -> None:
    """The waits that an attempt did not take up again are no longer open; what has arrived is kept for the next one."""
    for waiter in past.earlier:
        if waiter in state.waiters:
            state.waiters.remove(waiter)
    past.earlier = tuple(waiter for waiter in past.earlier if waiter.arrived is not None)


def _resume(state: RunState, envelope: Envelope, commands: list[Command]) -> dict[str, Waiter]:
    """Hand the event to the steps that wait for it: them by name. Of several waits in one step the oldest gets it."""
    served: dict[str, Waiter] = {}
    for waiter in state.waiters:
        if waiter.execution.step.name not in served and _matches(waiter, envelope):
            served[waiter.execution.step.name] = waiter
    for waiter in served.values():
        state.waiters.remove(waiter)
        waiter.arrived = envelope
        commands.append(Resume(waiter))
    return served


def _answer(state: RunState, envelope: Envelope, waiting: dict[str, Waiter], commands: list[Command]) -> None:
    """Pair an event from outside with a question: that of a step that waits for it, else the oldest."""
    waits = {waiter.execution.id for waiter in waiting.values()}
    asked = next((each for each in state.asked if each[0].producer in waits), None)
    if asked is None and envelope.route.answers:
        asked = state.asked[0]
    if asked is not None:
        state.asked.remove(asked)
        commands.append(Answered(asked[0], envelope, asked[1]))


def _matches(waiter: Waiter, envelope: Envelope) -> bool:
    event = envelope.event
    if not isinstance(event, waiter.type) or envelope.target not in ("", waiter.execution.step.name):
        return False
    missing = object()
    return all(event.get(name, missing) == value for name, value in waiter.requirements.items())
