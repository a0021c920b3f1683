"""``trace_to``: traces go to a backend or a file with one line.

trace_to("phoenix")          trace_to("jaeger")
trace_to("http://collector:4318")          trace_to("run.otlp.jsonl")
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opentelemetry import trace as otel
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter

from wftrace import semconv as words
from wftrace.version import VERSION

from .file import FileSpanExporter
from .jaeger import jaeger_exporter, jaeger_link
from .otlp import otlp_exporter
from .phoenix import phoenix_exporter, phoenix_link, phoenix_project

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

CLOSE_SECONDS = 5.0

_NETWORK: dict[str, tuple[Callable[[], SpanExporter], Callable[[str], str]]] = {
    "phoenix": (phoenix_exporter, phoenix_link),
    "jaeger": (jaeger_exporter, jaeger_link),
}


class Tracing(SpanProcessor):
    """A place that traces go to, until it is closed. Also a context manager that closes it.

    ``link`` makes the address of a trace's page there, where the place has pages.
    """

    def __init__(self, target: str, processor: SpanProcessor, link: Callable[[str], str] | None) -> None:
        self.target = target
        self.link = link
        self._processor = processor
        self._open = True

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass a started span on."""
        if self._open:
            self._processor.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass an ended span on."""
        if self._open:
            self._processor.on_end(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what is there."""
        return self._processor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Called by the provider at its end."""
        self.close()

    def close(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Send what is there and stop, within ``timeout`` seconds; False when that was not enough."""
        if not self._open:
            return True
        self._open = False
        closing = threading.Thread(target=self._processor.shutdown, name="wftrace-close", daemon=True)
        closing.start()
        closing.join(timeout)
        return not closing.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def trace_to(target: str | Path) -> Tracing:
    """Send the spans of this process to ``target``: ``phoenix``, ``jaeger``, an http address, or a file.

    A file gets each span as it ends; a backend gets batches from a thread. The OpenTelemetry provider that the process
    has is used; where it has none, one is made and set. Raises ``EndpointError`` for an address that is none, and
    ``TraceError`` for a file that cannot be opened.
    """
    name = str(target)
    if name in _NETWORK:
        make, link = _NETWORK[name]
        return _add(Tracing(name, BatchSpanProcessor(make()), link))
    if "://" in name:
        return _add(Tracing(name, BatchSpanProcessor(otlp_exporter(name)), None))
    return _add(Tracing(name, SimpleSpanProcessor(FileSpanExporter(target)), None))


def _add(tracing: Tracing) -> Tracing:
    _provider().add_span_processor(tracing)
    return tracing


def _provider() -> TracerProvider:
    provider = otel.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(resource=_resource())
        otel.set_tracer_provider(provider)
    return provider


def _resource() -> Resource:
    attributes = {"wftrace.version": VERSION}
    if not os.environ.get("OTEL_SERVICE_NAME") and "service.name" not in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        attributes["service.name"] = words.SCOPE
    project = phoenix_project()
    if project:
        attributes[words.PROJECT_NAME] = project
    return Resource.create(attributes)
