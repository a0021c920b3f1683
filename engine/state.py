"""What is true now in a run. Changed by the reducer only; times are seconds of the loop's monotonic clock."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .events import Event
from .flow import Flow
from .steps import StepSpec


@dataclass(slots=True, eq=False)
class Envelope:
    """An event on its way. ``producer`` is the execution that made it, ``""`` for the start and for outside.

    ``headers`` travel with the event (W3C trace context); ``target`` names the one step it was sent to, or ``""``.
    """

    id: str
    event: Event
    type: str
    producer: str
    mode: str
    seq: int
    sent_at: float
    target: str = ""
    headers: dict[str, str] | None = None


@dataclass(slots=True, eq=False)
class Execution:
    """One event at one step, through all its attempts.

    ``failed_at`` is when its first attempt failed, ``last_ended_at`` when its last one did. ``joins`` remembers what
    ``collect_events`` answered by buffer, so that a retry gets the same answer. ``outputs``, ``streamed`` and
    ``joined`` are of the current attempt; they are made when first needed. ``entered`` says that its task has reached
    the step.
    """

    id: str
    step: StepState
    envelope: Envelope
    queued_at: float
    attempt: int = 1
    worker: int = 0
    seq: int = 0
    started_at: float = 0.0
    failed_at: float = 0.0
    last_ended_at: float = 0.0
    last_error: BaseException | None = None
    entered: bool = False
    joins: dict[str, list[Envelope] | None] | None = None
    outputs: list[Envelope] | None = None
    streamed: dict[str, int] | None = None
    joined: tuple[list[Envelope], float] | None = None


@dataclass(slots=True, eq=False)
class Buffer:
    """What a join holds: the events by class in order of arrival, how many, and since when."""

    events: dict[type[Event], deque[Envelope]] = field(default_factory=dict)
    count: int = 0
    since: float = 0.0
    expected: list[type[Event]] = field(default_factory=list)
    needed: dict[type[Event], int] = field(default_factory=dict)


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

    __slots__ = ("buffers", "call", "executions", "free", "name", "queue", "running", "spec", "used")

    def __init__(self, spec: StepSpec) -> None:
        self.name = spec.name
        self.spec = spec
        self.queue: deque[Execution] = deque()
        self.running: dict[Execution, None] = {}
        self.executions = 0
        self.used = 0
        self.free: list[int] = []
        self.buffers: dict[str, Buffer] | None = None
        self.call: Any = None

    @property
    def has_worker(self) -> bool:
        """Whether one more may run now."""
        return len(self.running) < self.spec.num_workers

    def take_worker(self, execution: Execution) -> None:
        """Give the execution the smallest free worker number."""
        if self.free:
            execution.worker = heapq.heappop(self.free)
        else:
            execution.worker = self.used
            self.used += 1
        self.running[execution] = None

    def give_back(self, execution: Execution) -> bool:
        """Take the worker back; False when the execution had none any more."""
        if execution not in self.running:
            return False
        del self.running[execution]
        heapq.heappush(self.free, execution.worker)
        return True


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
