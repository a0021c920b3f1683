"""What is true now in a run. Changed by the reducer only; times are seconds of the loop's monotonic clock."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .events import Event
from .flow import Flow, Route
from .steps import StepSpec

EventClass = type[Event]


class Envelope:
    """An event on its way. ``producer`` is the execution that made it, ``""`` for the start and for outside.

    ``number`` counts the events of a run, 0 for one that was not sent through it; ``headers`` travel with the event
    (W3C trace context); ``target`` names the one step it was sent to, or ``""``.
    """

    __slots__ = ("event", "headers", "mode", "number", "producer", "route", "sent_at", "seq", "target")

    def __init__(
        self,
        number: int,
        event: Event,
        route: Route,
        producer: str,
        mode: str,
        seq: int,
        sent_at: float,
        target: str = "",
    ) -> None:
        self.number = number
        self.event = event
        self.route = route
        self.producer = producer
        self.mode = mode
        self.seq = seq
        self.sent_at = sent_at
        self.target = target
        self.headers: dict[str, str] | None = None

    @property
    def waits(self) -> bool:
        """Whether it was not sent yet: its run had not begun."""
        return not self.number

    @property
    def id(self) -> str:
        """The event's id, unique in its run."""
        return f"{self.route.name}#{self.number}" if self.number else ""

    @property
    def type(self) -> str:
        """The qualified name of the event's class."""
        return self.route.type


class Execution:
    """One event at one step, through all its attempts.

    ``past`` is what it remembers beyond one attempt, None as long as there is nothing. ``outputs``, ``streamed`` and
    ``joined`` are of the current attempt; ``entered`` says that its task has reached the step.
    """

    __slots__ = (
        "attempt",
        "entered",
        "envelope",
        "id",
        "joined",
        "outputs",
        "past",
        "queued_at",
        "seq",
        "started_at",
        "step",
        "streamed",
        "worker",
    )

    def __init__(self, id: str, step: StepState, envelope: Envelope, queued_at: float) -> None:
        self.id = id
        self.step = step
        self.envelope = envelope
        self.queued_at = queued_at
        self.attempt = 1
        self.past: Past | None = None
        self.worker: int
        self.seq: int
        self.started_at: float
        self.entered: bool
        self.outputs: list[Envelope] | None
        self.streamed: dict[str, int] | None
        self.joined: tuple[list[Envelope], float] | None

    def begin(self, seq: int, now: float) -> None:
        """Start a new attempt."""
        self.seq = seq
        self.started_at = now
        self.entered = False
        self.outputs = self.streamed = self.joined = None
        if self.past is not None:
            self.past.begin()

    def recall(self) -> Past:
        """The ``past``, made when first needed."""
        if self.past is None:
            self.past = Past()
        return self.past

    @property
    def failures(self) -> int:
        """How many attempts have failed."""
        return 0 if self.past is None else self.past.failures

    @property
    def last_error(self) -> BaseException | None:
        """What the last attempt raised."""
        return None if self.past is None else self.past.last_error

    def failing_for(self, now: float) -> float:
        """Seconds since the first failure, 0 when there was none."""
        return 0.0 if self.past is None or not self.past.failures else now - self.past.failed_at


Answer = list["Envelope"] | None
"""What a join has answered: the events that it handed over, or None for: not yet."""


class Past:
    """What an execution remembers beyond one attempt.

    ``failures`` counts its failed attempts: the first ended at ``failed_at``, the last at ``ended_at`` with
    ``last_error``. ``answers`` are what each join has answered, to be told again to the next attempt: ``told`` says how
    many of them it has heard, None in the first. ``waits`` are the waits of the current attempt; ``earlier`` those of
    the attempt that a save has cut off, for the next one to take up.
    """

    failures = 0
    failed_at = 0.0
    ended_at = 0.0
    last_error: BaseException | None = None
    told: dict[Buffer, int] | None = None
    waits: list[Waiter] | tuple[()] = ()
    earlier: tuple[Waiter, ...] = ()

    def __init__(self) -> None:
        self.answers: dict[Buffer, list[Answer]] = {}

    def begin(self) -> None:
        """A new attempt asks from the beginning."""
        self.waits = ()
        self.told = {}

    def known(self, buffer: Buffer) -> bool:
        """Whether the join has answered the next question of this attempt before; ``recalled`` is that answer."""
        return self.told is not None and self.told.get(buffer, 0) < len(self.answers[buffer])

    def recalled(self, buffer: Buffer) -> Answer:
        """What the join answered to this question of an attempt before."""
        told: dict[Buffer, int] = self.told or {}
        self.told = {**told, buffer: told.get(buffer, 0) + 1}
        return self.answers[buffer][self.told[buffer] - 1]

    def wait(self, waiter: Waiter) -> None:
        """The current attempt waits."""
        if not self.waits:
            self.waits = []
        self.waits.append(waiter)

    def give_up(self, waiter: Waiter) -> None:
        """A wait ended without what it waited for: another attempt need not hear of it."""
        if self.waits:
            self.waits.remove(waiter)

    def adopt(self, event_type: type[Event], requirements: dict[str, Any]) -> Waiter | None:
        """The next wait of the attempt that was cut off, when this is the same one."""
        if not self.earlier or not self.earlier[0].asks(event_type, requirements):
            return None
        waiter, *rest = self.earlier
        self.earlier = tuple(rest)
        return waiter

    def fail(self, error: BaseException, now: float) -> None:
        """An attempt has failed."""
        self.failures += 1
        if self.failures == 1:
            self.failed_at = now
        self.ended_at = now
        self.last_error = error


class Buffer:
    """What a join holds: the events by class in order of arrival, how many, and since when.

    ``name`` is the user's buffer id or None; ``given`` the list that was last asked with, ``expected`` a copy of it,
    ``needed`` how often it names each class.
    """

    __slots__ = ("_needed", "classes", "count", "events", "expected", "given", "name", "since")

    def __init__(self, name: str | None, expected: Sequence[type[Event]]) -> None:
        self.name = name
        self.events: dict[type[Event], deque[Envelope]] = {}
        self.count = 0
        self.since = 0.0
        self.ask(expected)

    def ask(self, expected: Sequence[type[Event]]) -> None:
        """Take note of what is asked for now."""
        self.given = expected
        self.expected = list(expected)
        self.classes = frozenset(expected)
        self._needed: dict[type[Event], int] | None = None

    @property
    def needed(self) -> dict[type[Event], int]:
        """How many events of each class the join takes, counted when first needed."""
        if self._needed is None:
            self._needed = dict(Counter(self.expected))
        return self._needed


@dataclass(slots=True, eq=False)
class Waiter:
    """A step that waits inside ``wait_for_event``. ``arrived`` is what came; ``future`` is the loop's business."""

    execution: Execution
    type: type[Event]
    requirements: dict[str, Any]
    since: float
    arrived: Envelope | None = None
    future: Any = None

    def asks(self, event_type: EventClass, requirements: dict[str, Any]) -> bool:
        """Whether it waits for this."""
        return self.type is event_type and self.requirements == requirements


class StepState:
    """A step in a run: its queue, its workers, its joins. Worker numbers are the smallest free ones.

    ``executions`` counts the events that it was given, ``retries`` and ``failures`` how often it was tried again and
    failed for good, ``cut`` how often the end of the run cut it off.
    """

    __slots__ = (
        "buffers",
        "call",
        "cut",
        "executions",
        "failures",
        "free",
        "name",
        "queue",
        "retries",
        "running",
        "spec",
        "used",
        "workers",
    )

    def __init__(self, spec: StepSpec) -> None:
        self.name = spec.name
        self.spec = spec
        self.workers = spec.num_workers
        self.queue: deque[Execution] = deque()
        self.running: dict[Execution, None] = {}
        self.executions = 0
        self.retries = 0
        self.failures = 0
        self.cut = 0
        self.used = 0
        self.free: list[int] = []
        self.buffers: list[Buffer] | None = None
        self.call: Any = None

    def take_worker(self, execution: Execution) -> None:
        """Give the execution the smallest free worker number."""
        if self.free:
            execution.worker = heapq.heappop(self.free)
        else:
            execution.worker = self.used
            self.used += 1
        self.running[execution] = None

    def give_back(self, execution: Execution) -> None:
        """Take the worker back."""
        del self.running[execution]
        heapq.heappush(self.free, execution.worker)


class RunState:
    """A run: its steps as far as they were needed, its counters, what it waits for, and whether it has ended.

    ``segment`` is 1, and one more each time that a saved run goes on. ``headers`` (W3C trace context) stand for the
    segment where it is saved; ``previous`` are those of the segment before.
    """

    __slots__ = (
        "asked",
        "attempts",
        "delayed",
        "ended",
        "events",
        "flow",
        "headers",
        "previous",
        "queued",
        "retries",
        "running",
        "segment",
        "seq",
        "steps",
        "unhandled",
        "waiters",
    )

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.segment = 1
        self.headers: dict[str, str] = {}
        self.previous: dict[str, str] = {}
        self.steps: dict[str, StepState] = {}
        self.seq = 0
        self.events = 0
        self.attempts = 0
        self.retries = 0
        self.running = 0
        self.queued = 0
        self.delayed: dict[Execution, float] = {}
        self.waiters: list[Waiter] = []
        self.asked: list[tuple[Envelope, float]] = []
        self.unhandled: list[str] = []
        self.ended = False

    def step(self, name: str) -> StepState:
        """The state of a step, made when it is first needed."""
        step = self.steps.get(name)
        if step is None:
            step = self.steps[name] = StepState(self.flow.steps[name])
        return step

    @property
    def idle(self) -> bool:
        """Whether nothing runs, is queued or is timed."""
        return not (self.running or self.queued or self.delayed)
