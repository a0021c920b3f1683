"""The OpenTelemetry API as a place for spans. Without a configured SDK a run makes none and costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.trace import Link, Span, SpanContext, StatusCode, TraceFlags, Tracer

from . import semconv as words
from .settings import tracing_settings
from .sinks import Links, OpenSpan
from .telemetry import SpanObserver
from .trace import AttributeValue
from .version import VERSION

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSAMPLED = TraceFlags(TraceFlags.DEFAULT)


class OpenTelemetrySpan:
    """A started span, and the OpenTelemetry context in which it is current."""

    __slots__ = ("_span", "context")

    def __init__(self, span: Span, above: otel_context.Context) -> None:
        self._span = span
        self.context = otel.set_span_in_context(span, above)

    @property
    def traceparent(self) -> str:
        """Its name in W3C's form."""
        return _traceparent(self._span.get_span_context())

    @property
    def is_recording(self) -> bool:
        """Whether anybody will see it."""
        return self._span.is_recording()

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

    def current(self) -> str:
        """The span in which the code under way works, or ``""``."""
        ids = otel.get_current_span().get_span_context()
        return _traceparent(ids) if ids.is_valid else ""

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
    ) -> OpenTelemetrySpan:
        """A span below the caller's current one, or apart from it."""
        above = context.run(otel_context.get_current)
        if apart:
            above = otel.set_span_in_context(otel.INVALID_SPAN, above)
        for key, value in (handed_on or {}).items():
            above = otel_context.set_value(key, value, above)
        span = self._tracer.start_span(
            name, above, attributes=attributes, links=[_link(*link) for link in links], start_time=time_ns
        )
        return OpenTelemetrySpan(span, above)

    def child(
        self, name: str, parent: OpenSpan, attributes: Mapping[str, AttributeValue], time_ns: int, links: Links = ()
    ) -> OpenTelemetrySpan:
        """A span below another."""
        above: otel_context.Context = parent.context  # type: ignore[attr-defined]  # all of its spans are ours
        span = self._tracer.start_span(
            name, above, attributes=attributes, links=[_link(*link) for link in links], start_time=time_ns
        )
        return OpenTelemetrySpan(span, above)

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
        span = self._tracer.start_span(
            name,
            parent.context,  # type: ignore[attr-defined]  # all of its spans are ours
            attributes=attributes,
            links=[_link(*link) for link in links] if links else None,
            start_time=start_ns,
        )
        span.end(end_ns)
        return _traceparent(span.get_span_context())


def observer() -> SpanObserver | None:
    """The observer of a run that starts now; None while no OpenTelemetry SDK is configured, and for a run without a
    span around it when runs are never to be roots.
    """
    provider = otel.get_tracer_provider()
    if isinstance(provider, otel.ProxyTracerProvider | otel.NoOpTracerProvider):
        return None
    tracer = provider.get_tracer(words.SCOPE, VERSION, SCHEMA_URL)
    if isinstance(tracer, otel.NoOpTracer):
        return None
    settings = tracing_settings()
    if settings.root == "never" and not otel.get_current_span().get_span_context().is_valid:
        return None
    return SpanObserver(OpenTelemetrySink(tracer), settings)


def _traceparent(ids: SpanContext) -> str:
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{'01' if ids.trace_flags & 1 else '00'}"


def _link(name: str, kind: str) -> Link:
    flags = _SAMPLED if name[-1] == "1" else _UNSAMPLED
    return Link(SpanContext(int(name[3:35], 16), int(name[36:52], 16), False, flags), {words.LINK_TYPE: kind})
