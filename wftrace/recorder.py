"""A recorder: the same spans as plain values, without any OpenTelemetry SDK.

with recording() as recorder:
    await workflow.run()
run = recorder.runs()[-1]
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar

from wftrace.engine.observers import observing

from . import semconv as words
from .telemetry import Capture, OpenSpan, SpanId, SpanObserver, capture_from_environment
from .trace import AttributeValue, Run, Span, SpanEvent, SpanLink
from .trace_reader import read_runs

_current: ContextVar[RecordedSpan | None] = ContextVar("wftrace_recorded_span", default=None)


class RecordedSpan:
    """A span under way; when it ends its value goes to the list of its recorder."""

    __slots__ = ("_attributes", "_events", "_into", "_links", "_name", "_parent_id", "_start_ns", "id")

    def __init__(
        self,
        into: MutableSequence[Span],
        name: str,
        id: SpanId,
        parent_id: str,
        attributes: Mapping[str, AttributeValue],
        start_ns: int,
        links: tuple[SpanLink, ...],
    ) -> None:
        self._into = into
        self._name = name
        self.id = id
        self._parent_id = parent_id
        self._attributes = dict(attributes)
        self._start_ns = start_ns
        self._links = links
        self._events: list[SpanEvent] = []

    def set(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes."""
        self._attributes.update(attributes)

    def add_event(self, name: str, attributes: Mapping[str, AttributeValue], time_ns: int) -> None:
        """Add an event."""
        self._events.append(SpanEvent(name, time_ns, attributes))

    def end(self, time_ns: int, error: str | None) -> None:
        """End it and hand its value over."""
        self._into.append(
            Span(
                name=self._name,
                trace_id=self.id[0],
                span_id=self.id[1],
                parent_id=self._parent_id,
                start_ns=self._start_ns,
                end_ns=time_ns,
                attributes=self._attributes,
                events=tuple(self._events),
                links=self._links,
                status="unset" if error is None else "error",
                status_message=error or "",
                scope=words.SCOPE,
            )
        )

    def enter(self, context: Context) -> None:
        """Let nested runs in this context find it."""
        context.run(_current.set, self)


class Recorder:
    """Keeps the ended spans of the runs that it watched, in the order in which they ended; the last ``limit`` of
    them.
    """

    header = "wftrace-recorded"

    def __init__(self, capture: Capture | None = None, limit: int | None = None) -> None:
        self.spans: MutableSequence[Span] = [] if limit is None else deque(maxlen=limit)
        self._capture = capture

    def observer(self) -> SpanObserver:
        """The observer of a run that starts now."""
        return SpanObserver(self, self._capture or capture_from_environment())

    def runs(self) -> list[Run]:
        """The runs so far, in order of their start."""
        return read_runs(self.spans)

    def root(self, name: str, context: Context, attributes: Mapping[str, AttributeValue], time_ns: int) -> RecordedSpan:
        """A span below that of the step which started the run, or a trace of its own."""
        above = context.get(_current)
        trace_id = above.id[0] if above is not None else f"{random.getrandbits(128) or 1:032x}"
        parent_id = above.id[1] if above is not None else ""
        return RecordedSpan(self.spans, name, (trace_id, _new_id()), parent_id, attributes, time_ns, ())

    def child(
        self,
        name: str,
        parent: OpenSpan,
        attributes: Mapping[str, AttributeValue],
        time_ns: int,
        links: Sequence[tuple[SpanId, str]] = (),
    ) -> RecordedSpan:
        """A span below another."""
        trace_id, parent_id = parent.id
        kept = tuple(SpanLink(*to, {words.LINK_TYPE: kind}) for to, kind in links)
        return RecordedSpan(self.spans, name, (trace_id, _new_id()), parent_id, attributes, time_ns, kept)


@contextmanager
def recording(capture: Capture | None = None) -> Iterator[Recorder]:
    """Record the runs that start inside the block, nested runs included."""
    recorder = Recorder(capture)
    with observing(recorder.observer):
        yield recorder


def _new_id() -> str:
    return f"{random.getrandbits(64) or 1:016x}"
