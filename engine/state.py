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
    def id(self) -> str:
        """The event's id, unique in its run."""
        return f"{self.route.name}#{self.number}" if self.number else ""

    @property
    def type(self) -> str:
        """The qualified name of the event's class."""
        return self.route.type


class Execution:
    """One event at one step, through all its attempts.

    ``failed_at`` is when its first attempt failed, ``last_ended_at`` when its last one did. ``answers``
    remembers what ``collect_events`` answered, so that a retry gets the same answer. ``outputs``, ``streamed`` and
    ``joined`` are of the current attempt; ``entered`` says that its task has reached the step.
    """

    __slots__ = (
        "_answers",
        "attempt",
        "entered",
        "envelope",
        "failed_at",
        "id",
        "joined",
        "last_ended_at",
        "last_error",
        "outputs",
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
        self.last_error: BaseException | None = None
        self._answers: dict[Buffer, Answers] | None = None
        self.failed_at: float
        self.last_ended_at: float
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
        if self._answers is not None:
            for answers in self._answers.values():
                answers.again()

    @property
    def answers(self) -> dict[Buffer, Answers]:
        """What each join has answered, made when first needed."""
        if self._answers is None:
            self._answers = {}
        return self._answers


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


UNKNOWN: Any = object()
"""The answer of a join that has not been asked yet."""


class Answers:
    """What a join has answered to one execution, to be told again to a retry."""

    __slots__ = ("_asked", "given")

    def __init__(self) -> None:
        self.given: list[list[Envelope] | None] = []
        self._asked = 0

    def next(self) -> Any:
        """The answer to the next question of this attempt, or ``UNKNOWN``."""
        answer = self.given[self._asked] if self._asked < len(self.given) else UNKNOWN
        self._asked += 1
        return answer

    def again(self) -> None:
        """A new attempt asks from the beginning."""
        self._asked = 0


@dataclass(slots=True, eq=False)
class Waiter:
    """A step that waits inside ``wait_for_event``. ``future`` is the loop's business."""

    execution: Execution
    type: type[Event]
    requirements: dict[str, Any]
    since: float
    future: Any = None


class StepState:
    """A step in a run: its queue, its workers, its joins. Worker numbers are the smallest free ones."""

    __slots__ = ("buffers", "call", "executions", "free", "name", "queue", "running", "spec", "used", "workers")

    def __init__(self, spec: StepSpec) -> None:
        self.name = spec.name
        self.spec = spec
        self.workers = spec.num_workers
        self.queue: deque[Execution] = deque()
        self.running: dict[Execution, None] = {}
        self.executions = 0
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
    """A run: its steps as far as they were needed, its counters, what it waits for, and whether it has ended."""

    __slots__ = (
        "asked",
        "attempts",
        "delayed",
        "ended",
        "events",
        "flow",
        "queued",
        "retries",
        "running",
        "seq",
        "steps",
        "unhandled",
        "waiters",
    )

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.steps: dict[str, StepState] = {}
        self.seq = 0
        self.events = 0
        self.attempts = 0
        self.retries = 0
        self.running = 0
        self.queued = 0
        self.delayed: dict[Execution, float] = {}
        self.waiters: list[Waiter] = []
        self.asked: deque[tuple[Envelope, float]] = deque()
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
