"""Ticks as plain data, so that they can be kept, generated and played again on a state that is new."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wftrace import Event
from wftrace.engine import reducer
from wftrace.engine.flow import Flow
from wftrace.engine.state import Envelope, Execution, RunState, Waiter


@dataclass(frozen=True, slots=True)
class Sent:
    """An envelope as data."""

    number: int
    event: Event
    producer: str
    mode: str
    seq: int
    sent_at: float
    target: str

    @classmethod
    def of(cls, envelope: Envelope | None) -> Sent | None:
        """The data of an envelope."""
        if envelope is None:
            return None
        names = ("number", "event", "producer", "mode", "seq", "sent_at", "target")
        return cls(*(getattr(envelope, name) for name in names))

    def envelope(self, flow: Flow) -> Envelope:
        """A new envelope."""
        route = flow.route(type(self.event))
        return Envelope(self.number, self.event, route, self.producer, self.mode, self.seq, self.sent_at, self.target)


@dataclass(frozen=True, slots=True)
class Note:
    """A tick as data: executions by id, waiters by number."""

    kind: type[Any]
    now: float = 0.0
    execution: str = ""
    sent: Sent | None = None
    error: BaseException | None = None
    delay: float | None = None
    waiter: int = -1
    event_type: type[Event] = Event
    requirements: tuple[tuple[str, Any], ...] = ()


class Tape:
    """Records the ticks of a run on their way into ``reduce``, and what the state was after each."""

    def __init__(self, reduce: Callable[[RunState, Any], list[Any]]) -> None:
        self._reduce = reduce
        self._waiters: dict[int, int] = {}
        self._kept: list[Any] = []
        self.notes: list[Note] = []
        self.dumps: list[Any] = []

    def __call__(self, state: RunState, tick: Any) -> list[Any]:
        """In place of ``reduce``."""
        self.notes.append(self._note(tick))
        commands = self._reduce(state, tick)
        self.dumps.append((dump(state), [describe(each) for each in commands]))
        return commands

    def _note(self, tick: Any) -> Note:
        self._kept.append(tick)  # an id belongs to a living object only
        waiter = getattr(tick, "waiter", None)
        execution = getattr(tick, "execution", None)
        if waiter is None:
            return Note(
                type(tick),
                tick.now,
                execution.id if execution is not None else "",
                Sent.of(getattr(tick, "envelope", None)),
                getattr(tick, "error", None),
                getattr(tick, "delay", None),
            )
        number = self._waiters.setdefault(id(waiter), len(self._waiters))
        wanted = tuple(waiter.requirements.items())
        return Note(type(tick), waiter.since, waiter.execution.id, None, None, None, number, waiter.type, wanted)


class Player:
    """Plays notes on a new state."""

    def __init__(self, flow: Flow) -> None:
        self.state = RunState(flow)
        self._flow = flow
        self._waiters: dict[int, Waiter] = {}

    def play(self, note: Note) -> list[Any]:
        """One tick: its commands."""
        commands = reducer.reduce(self.state, self._tick(note))
        for command in commands:
            if isinstance(command, Execution):
                command.begin(0, note.now)
        return commands

    def executions(self) -> dict[str, Execution]:
        """All that are running, queued or delayed, by id."""
        steps = self.state.steps.values()
        known = [*self.state.delayed, *(each for step in steps for each in (*step.running, *step.queue))]
        return {each.id: each for each in known}

    def _tick(self, note: Note) -> Any:
        envelope = note.sent.envelope(self._flow) if note.sent is not None else None
        if note.kind in (reducer.TimedOut, reducer.Cancelled):
            return note.kind(note.now)
        if note.kind in (reducer.EventAdded, reducer.Asked):
            return note.kind(envelope, note.now)
        if note.kind is reducer.WaitClosed:
            return reducer.WaitClosed(self._waiters[note.waiter])
        execution = self.executions()[note.execution]
        if note.kind is reducer.WaitOpened:
            waiter = self._waiters[note.waiter] = Waiter(execution, note.event_type, dict(note.requirements), note.now)
            return reducer.WaitOpened(waiter)
        if note.kind is reducer.StepReturned:
            return reducer.StepReturned(execution, envelope, note.now)
        if note.kind is reducer.StepFailed:
            assert note.error is not None
            return reducer.StepFailed(execution, note.error, note.delay, note.now)
        if note.kind is reducer.StepCut:
            return reducer.StepCut(execution, note.now)
        return reducer.RetryDue(execution, note.now)


def dump(state: RunState) -> dict[str, Any]:
    """All that the reducer keeps, as plain values."""
    return {
        "ended": state.ended,
        "counts": (state.running, state.queued, state.retries),
        "delayed": [(each.id, each.attempt, due) for each, due in state.delayed.items()],
        "asked": [(envelope.id, since) for envelope, since in state.asked],
        "waiters": [(each.execution.id, each.type, each.since) for each in state.waiters],
        "unhandled": list(state.unhandled),
        "steps": {
            name: (
                step.executions,
                step.used,
                sorted(step.free),
                _places(step.running),
                [(each.id, each.attempt, each.queued_at, each.envelope.id) for each in step.queue],
            )
            for name, step in state.steps.items()
        },
    }


def describe(command: Any) -> tuple[Any, ...]:
    """A command as plain values."""
    envelope, execution = getattr(command, "envelope", None), getattr(command, "execution", None)
    return (
        type(command).__name__,
        envelope.id if envelope is not None else "",
        execution.id if execution is not None else "",
        getattr(command, "seconds", None),
    )


def _places(running: Iterable[Execution]) -> list[tuple[str, int, int]]:
    return [(each.id, each.attempt, each.worker) for each in running]
