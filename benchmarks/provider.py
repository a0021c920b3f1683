"""OpenTelemetry as a traced benchmark needs it: the SDK and its batch processor, but nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

QUEUE = 65536
"""Long enough that no span is dropped: a dropped span costs less than a kept one."""


class ExporterToNowhere(SpanExporter):
    """Takes spans and forgets them, so that no backend is measured."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def provider_to_nowhere() -> TracerProvider:
    """A provider of its own, not set globally."""
    return _provider(BatchSpanProcessor(ExporterToNowhere(), max_queue_size=QUEUE))


def trace_runs(processor: SpanProcessor | None = None) -> None:
    """Configure this process so that every run makes spans, which go to the processor or else to nowhere."""
    trace.set_tracer_provider(_provider(processor) if processor else provider_to_nowhere())


def _provider(processor: SpanProcessor) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(processor)
    return provider
