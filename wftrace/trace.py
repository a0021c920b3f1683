"""The trace model: spans as plain values, and the runs that are read from them.

Every reader (recorder, OTLP file, Jaeger, Phoenix) ends in ``Span`` values, and ``read_runs`` makes ``Run`` values of
them. Everything that is shown about a run comes from here and from nowhere else.

Times are nanoseconds since the Unix epoch; waits and delays are milliseconds, as their names say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wftrace.engine.graph import FlowGraph

AttributeValue = str | bool | int | float | tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]
Outcome = Literal[
    "completed", "failed", "retrying", "cancelled", "timed_out", "suspended", "waiting", "abandoned", "interrupted"
]
"""How something ended. *abandoned*: its process gave it up, and says so; *interrupted*: nobody was left to say so."""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened inside a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A pointer to another span. Backends may lose it, so nothing rests on it alone."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """One span as any backend returns it. Ids are lower-case hex (32 and 16 digits); a root's parent is ``""``."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    status: Literal["unset", "ok", "error"] = "unset"
    status_message: str = ""
    resource: Mapping[str, AttributeValue] = field(default_factory=dict)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """An exception as the trace tells it."""

    type: str
    message: str = ""
    stacktrace: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dispatch of an event to a step: it was queued, it ran on a worker, it ended.

    ``execution_id`` (``step#n``) is shared by all attempts of one execution; ``number`` counts them from 1.
    ``inputs`` are the events that were dispatched (one, unless a step takes several), ``joined`` all the events that a
    completed join handed over, ``outputs`` what it returned and sent, ``streamed`` how many events of each type it
    wrote to the stream. ``cause`` is the execution that made the first input, ``""`` for the start and what comes
    from outside.
    """

    step: str
    execution_id: str
    number: int
    seq: int
    segment: int
    start_ns: int
    end_ns: int
    outcome: Outcome
    inputs: tuple[str, ...] = ()
    input_types: tuple[str, ...] = ()
    input_executions: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()
    streamed: Mapping[str, int] = field(default_factory=dict)
    worker: int = 0
    queue_wait_ms: float = 0.0
    collect_wait_ms: float | None = None
    retry_delay_ms: float | None = None
    error: ErrorFacts | None = None
    trace_id: str = ""
    span_id: str = ""
    input_value: str | None = None
    output_value: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What identifies the attempt within its run."""
        return (self.execution_id, self.number)

    @property
    def cause(self) -> str:
        """The execution that made the first input event."""
        return self.input_executions[0] if self.input_executions else ""

    @property
    def duration_ms(self) -> float:
        """How long it ran, without its time in the queue."""
        return (self.end_ns - self.start_ns) / 1e6

    @property
    def queued_ns(self) -> int:
        """When its event was queued."""
        return self.start_ns - round(self.queue_wait_ms * 1e6)


@dataclass(frozen=True, slots=True)
class Emission:
    """One event that was made: by whom, how (``start``, ``return``, ``send``, ``outside``), and whether anybody took
    it.

    ``execution_id`` is ``""`` for the start event and for what came from outside.
    """

    event_id: str
    type: str
    execution_id: str
    mode: str
    delivered: str
    seq: int
    time_ns: int
    target: str = ""
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """A stretch of time in which something was waited for.

    ``kind``: ``retry`` (a back-off), ``event`` (a step inside ``wait_for_event``), ``human`` (a request that was
    streamed until its answer came) or ``join`` (from the first buffered event until the join was full).
    ``execution_id`` is who waits (for ``human``: who asked), ``events`` the ids of the request and the answer, or of
    the joined events.
    """

    kind: str
    waiting_for: str
    execution_id: str
    seq: int
    start_ns: int
    end_ns: int
    outcome: Outcome
    events: tuple[str, ...] = ()
    span_id: str = ""

    @property
    def duration_ms(self) -> float:
        """How long it lasted."""
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True, slots=True)
class CheckpointMark:
    """The run was saved (``save``) or a saved one was taken up (``load``); ``execution_id`` is the one after which."""

    operation: str
    execution_id: str
    seq: int
    start_ns: int
    end_ns: int
    outcome: Outcome
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One uninterrupted stretch of a run in one process: one run span."""

    number: int
    start_ns: int
    end_ns: int
    outcome: Outcome
    trace_id: str = ""
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An event on its way to a step: the true edge of a run.

    ``producer`` is a step name, or ``""`` for the start event and for what came from outside; ``producer_execution``
    is its execution id or ``""``.
    """

    producer: str
    producer_execution: str
    event_id: str
    type: str
    attempt: Attempt

    @property
    def consumer(self) -> str:
        """The step that took the event."""
        return self.attempt.step


@dataclass(frozen=True)
class Run:
    """One run, whole: everything that a picture or a report says about it.

    ``attempts``, ``emissions`` and ``waits`` stand in the order of (segment, sequence number). ``graph`` is the flow as
    it was when it ran, ``missing`` says in plain sentences what the trace lacks.
    """

    run_id: str
    workflow: str
    outcome: Outcome
    start_ns: int
    end_ns: int
    segments: tuple[Segment, ...]
    attempts: tuple[Attempt, ...]
    emissions: tuple[Emission, ...]
    waits: tuple[Wait, ...]
    graph: FlowGraph | None = None
    graph_hash: str = ""
    error: ErrorFacts | None = None
    failed_execution: str = ""
    parent_run_id: str = ""
    parent_execution: str = ""
    version: str = ""
    dropped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    input_value: str | None = None
    output_value: str | None = None
    service: str = ""
    session_id: str = ""
    user_id: str = ""
    metadata: str = ""
    tags: tuple[str, ...] = ()
    checkpoints: tuple[CheckpointMark, ...] = ()

    @property
    def duration_ms(self) -> float:
        """From the start of the first segment to the end of the last."""
        return (self.end_ns - self.start_ns) / 1e6

    @property
    def trace_id(self) -> str:
        """The trace of the first segment."""
        return self.segments[0].trace_id if self.segments else ""

    def dispatches(self) -> tuple[Dispatch, ...]:
        """Every dispatch in order: one for each input of each attempt."""
        return tuple(
            Dispatch(step_of(execution), execution, event, kind, attempt)
            for attempt in self.attempts
            for event, kind, execution in zip(
                attempt.inputs, attempt.input_types, attempt.input_executions, strict=True
            )
        )


def step_of(execution_id: str) -> str:
    """The step name in an execution id.

    >>> step_of("fetch#3"), step_of("")
    ('fetch', '')
    """
    return execution_id.rpartition("#")[0]
