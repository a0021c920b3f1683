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
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from wftrace import semconv as words
from wftrace.version import VERSION

from .file import FileSpanExporter
from .jaeger import DEFAULT_ADDRESS as JAEGER_ADDRESS
from .jaeger import jaeger_link
from .otlp import TRACES_PATH, configured_endpoint, otlp_address, otlp_exporter
from .phoenix import phoenix_address, phoenix_headers, phoenix_link, phoenix_project
from .spool import Spool
from .spool_folder import spool_wanted

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

CLOSE_SECONDS = 4.0

_LINKS: dict[str, Callable[[str], str]] = {"phoenix": phoenix_link, "jaeger": jaeger_link}


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
        """Send what is there and stop, within ``timeout`` seconds; False when that was not enough.

        What a spool could not send lies on the disk, and goes out with the next process that traces to the same place.
        """
        if not self._open:
            return True
        self._open = False
        if isinstance(self._processor, Spool):
            return self._processor.close(timeout)
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


def trace_to(target: str | Path, *, spool: bool | str | Path | None = None) -> Tracing:
    """Send the spans of this process to ``target``: ``phoenix``, ``jaeger``, an http address, or a file.

    A file gets each span as it ends. What goes to a backend is put into a spool first, a folder from which a thread
    sends: an outage or a crash loses nothing. ``spool=False`` keeps the spans in memory only, as OpenTelemetry itself
    does; a path is the folder to use. The default is ``WFTRACE_SPOOL`` (``off`` for none) and ``WFTRACE_SPOOL_DIR``.

    The OpenTelemetry provider that the process has is used; where it has none, one is made and set. Raises
    ``EndpointError`` for an address that is none, ``TraceError`` for a file that cannot be opened, and ``SpoolError``
    for a setting of the spool that is none.
    """
    name = str(target)
    place = network_place(name)
    if place is None:
        return _add(Tracing(name, SimpleSpanProcessor(FileSpanExporter(target)), None))
    processor: SpanProcessor
    if spool is False or (spool is None and not spool_wanted()):
        processor = BatchSpanProcessor(otlp_exporter(*place))
    else:
        folder = None if spool is None or spool is True else Path(spool).expanduser().absolute()
        processor = Spool(otlp_address(*place), target=name if name in _LINKS else "", folder=folder)
    return _add(Tracing(name, processor, _LINKS.get(name)))


def network_place(target: str) -> tuple[str | None, dict[str, str] | None] | None:
    """The endpoint (None for what the variables say) and the headers of a backend; None when ``target`` is a file."""
    if target == "phoenix":
        return phoenix_address() + TRACES_PATH, phoenix_headers()
    if target == "jaeger":
        return None if configured_endpoint() else JAEGER_ADDRESS, None
    return (target, None) if "://" in target else None


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
