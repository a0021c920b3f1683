"""The spans that the OpenTelemetry SDK of this process makes, kept as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from wftrace.exporters.readable import plain_span
from wftrace.trace import Span


class Collector(SpanProcessor):
    """Appends each ended span to a list until it is stopped."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans: list[Span] | None = spans

    def on_end(self, span: ReadableSpan) -> None:
        """Keep an ended span."""
        if self._spans is not None:
            self._spans.append(plain_span(span))

    def shutdown(self) -> None:
        """Keep nothing more: a provider has no way to let go of a processor."""
        self._spans = None


@contextmanager
def collecting(spans: list[Span]) -> Iterator[None]:
    """Append the spans that end inside the block to ``spans``."""
    collector = Collector(spans)
    provider = otel.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(collector)
    try:
        yield
    finally:
        collector.shutdown()
