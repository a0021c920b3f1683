"""The OpenTelemetry API as a place for spans. Without a configured SDK a run makes none and costs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import Context

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.trace import Link, Span, SpanContext, StatusCode, TraceFlags, Tracer

from . import semconv as words
from .telemetry import OpenSpan, SpanId, SpanObserver, capture_from_environment
from .trace import AttributeValue
from .version import VERSION

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class OpenTelemetrySpan:
    """A started span, and the OpenTelemetry context in which it is current, made when it is first needed."""

    __slots__ = ("_above", "_context", "_span", "_trace_id")

    def __init__(self, span: Span, above: otel_context.Context, trace_id: str = "") -> None:
        self._span = span
        self._above = above
        self._context: otel_context.Context | None = None
        self._trace_id = trace_id or f"{span.get_span_context().trace_id:032x}"

    @property
    def context(self) -> otel_context.Context:
        """The context in which it is current."""
        if self._context is None:
            self._context = otel.set_span_in_context(self._span, self._above)
        return self._context

    @property
    def id(self) -> SpanId:
        """Trace id and span id."""
        return (self._trace_id, f"{self._span.get_span_context().span_id:016x}")

    def below(self, span: Span) -> OpenTelemetrySpan:
        """A span of the same trace whose parent is this one."""
        return OpenTelemetrySpan(span, self.context, self._trace_id)

    def set(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)

    def add_event(self, name: str, attributes: Mapping[str, AttributeValue], time_ns: int) -> None:
        """Add an event."""
        self._span.add_event(name, attributes, time_ns)

    def end(self, time_ns: int, error: str | None) -> None:
        """End it; with an error text its status is ERROR, else it stays unset."""
        if error is not None:
            self._span.set_status(StatusCode.ERROR, error)
        self._span.end(time_ns)

    def enter(self, context: Context) -> None:
        """Make it the current span in a context. Nothing detaches it: the context ends with its task."""
        context.run(otel_context.attach, self.context)


class OpenTelemetrySink:
    """Spans of a tracer."""

    header = "traceparent"

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def root(
        self, name: str, context: Context, attributes: Mapping[str, AttributeValue], time_ns: int
    ) -> OpenTelemetrySpan:
        """A span below the caller's current one."""
        above = context.run(otel_context.get_current)
        return OpenTelemetrySpan(self._tracer.start_span(name, above, attributes=attributes, start_time=time_ns), above)

    def child(
        self,
        name: str,
        parent: OpenSpan,
        attributes: Mapping[str, AttributeValue],
        time_ns: int,
        links: Sequence[tuple[SpanId, str]] = (),
    ) -> OpenTelemetrySpan:
        """A span below another."""
        assert isinstance(parent, OpenTelemetrySpan)
        span = self._tracer.start_span(
            name,
            parent.context,
            attributes=attributes,
            links=[_link(*link) for link in links],
            start_time=time_ns,
            record_exception=False,
            set_status_on_exception=False,
        )
        return parent.below(span)


def observer() -> SpanObserver | None:
    """The observer of a run that starts now; None while no OpenTelemetry SDK is configured."""
    provider = otel.get_tracer_provider()
    if isinstance(provider, otel.ProxyTracerProvider | otel.NoOpTracerProvider):
        return None
    tracer = provider.get_tracer(words.SCOPE, VERSION, SCHEMA_URL)
    if isinstance(tracer, otel.NoOpTracer):
        return None
    return SpanObserver(OpenTelemetrySink(tracer), capture_from_environment())


def _link(to: SpanId, kind: str) -> Link:
    target = SpanContext(int(to[0], 16), int(to[1], 16), is_remote=False, trace_flags=_SAMPLED)
    return Link(target, {words.LINK_TYPE: kind})
