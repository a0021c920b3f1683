"""A recorder: the same spans as plain values, without any OpenTelemetry SDK.

with recording() as recorder:
    await workflow.run()
run = recorder.runs()[-1]
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping, MutableSequence
from contextlib import contextmanager
from contextvars import Context, ContextVar

from wftrace.engine.observers import observing

from . import semconv as words
from .gate import Redact
from .settings import Capture, Detail, tracing_settings
from .sinks import Links, OpenSpan, span_ids
from .sinks import traceparent as name_of
from .telemetry import SpanObserver
from .trace import AttributeValue, Run, Span, SpanEvent, SpanLink
from .trace_reader import read_runs

_current: ContextVar[tuple[RecordedSpan, ...]] = ContextVar("wftrace_recorded_spans", default=())
"""The spans in which the code under way works: one for each recorder that watches."""


class RecordedSpan:
    """A span under way; when it ends its value goes to the list of its recorder."""

    __slots__ = ("_attributes", "_events", "_into", "_links", "_name", "_parent_id", "_start_ns", "id", "traceparent")

    is_recording = True

    def __init__(
        self,
        into: MutableSequence[Span],
        name: str,
        id: tuple[str, str],
        parent_id: str,
        attributes: Mapping[str, AttributeValue],
        start_ns: int,
        links: Links,
    ) -> None:
        self._into = into
        self._name = name
        self.id = id
        self.traceparent = name_of(*id)
        self._parent_id = parent_id
        self._attributes = dict(attributes)
        self._start_ns = start_ns
        self._links = tuple(_link(*link) for link in links)
        self._events: list[SpanEvent] = []

    def set(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes."""
        self._attributes.update(attributes)

    def add_event(self, name: str, attributes: Mapping[str, AttributeValue], time_ns: int) -> None:
        """Add an event."""
        self._events.append(SpanEvent(name, time_ns, dict(attributes)))

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

    def goes_to(self, spans: MutableSequence[Span]) -> bool:
        """Whether it is handed over to that list."""
        return self._into is spans

    def enter(self, context: Context) -> None:
        """Make it the current span of its recorder in a context."""
        others = [each for each in context.get(_current, ()) if each._into is not self._into]
        context.run(_current.set, (*others, self))


class Recorder:
    """Keeps the ended spans of the runs that it watched, in the order in which they ended; the last ``limit`` of
    them.
    """

    header = "wftrace-recorded"

    def __init__(
        self,
        capture: Capture | None = None,
        limit: int | None = None,
        *,
        detail: Detail | None = None,
        redact: Redact | None = None,
    ) -> None:
        self.spans: MutableSequence[Span] = [] if limit is None else deque(maxlen=limit)
        self._capture = capture
        self._detail = detail
        self._redact = redact

    def observer(self) -> SpanObserver:
        """The observer of a run that starts now."""
        return SpanObserver(self, tracing_settings(self._capture, self._detail, self._redact))

    def runs(self) -> list[Run]:
        """The runs so far, in order of their start."""
        return read_runs(self.spans)

    def current(self) -> str:
        """The recorded span in which the code under way works, or ``""``."""
        span = self._in(_current.get())
        return "" if span is None else span.traceparent

    def _in(self, spans: tuple[RecordedSpan, ...]) -> RecordedSpan | None:
        return next((each for each in spans if each.goes_to(self.spans)), None)

    def root(
        self,
        name: str,
        context: Context,
        attributes: Mapping[str, AttributeValue],
        time_ns: int,
        links: Links = (),
        *,
        apart: bool = False,
        handed_on: Mapping[str, AttributeValue] | None = None,
    ) -> RecordedSpan:
        """A span below that of the step which started the run, or a trace of its own."""
        above = None if apart else self._in(context.get(_current, ()))
        trace_id = above.id[0] if above is not None else f"{random.getrandbits(128) or 1:032x}"
        parent_id = above.id[1] if above is not None else ""
        return RecordedSpan(self.spans, name, (trace_id, _new_id()), parent_id, attributes, time_ns, links)

    def child(
        self, name: str, parent: OpenSpan, attributes: Mapping[str, AttributeValue], time_ns: int, links: Links = ()
    ) -> RecordedSpan:
        """A span below another."""
        trace_id, parent_id = parent.id  # type: ignore[attr-defined]  # all of its spans are ours
        return RecordedSpan(self.spans, name, (trace_id, _new_id()), parent_id, attributes, time_ns, links)

    def ended(
        self,
        name: str,
        parent: OpenSpan,
        attributes: Mapping[str, AttributeValue],
        start_ns: int,
        end_ns: int,
        links: Links = (),
    ) -> str:
        """A span below another that is over already."""
        span = self.child(name, parent, attributes, start_ns, links)
        span.end(end_ns, None)
        return span.traceparent


@contextmanager
def recording(
    capture: Capture | None = None, *, detail: Detail | None = None, redact: Redact | None = None
) -> Iterator[Recorder]:
    """Record the runs that start inside the block, nested runs included. What is not given is as configured."""
    recorder = Recorder(capture, detail=detail, redact=redact)
    with observing(recorder.observer):
        yield recorder


def current_ids() -> tuple[str, str] | None:
    """Trace id and span id of the recorded span in which the code under way works."""
    spans = _current.get()
    return spans[-1].id if spans else None


def _link(name: str, kind: str) -> SpanLink:
    return SpanLink(*(span_ids(name) or ("", "")), {words.LINK_TYPE: kind})


def _new_id() -> str:
    return f"{random.getrandbits(64) or 1:016x}"
