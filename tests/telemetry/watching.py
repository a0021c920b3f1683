"""Runs that are watched through either sink, and the spans that come out, looked up by what they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from wftrace import Workflow, WorkflowHandler, observing
from wftrace import semconv as words
from wftrace.engine.alive import abandon_closed
from wftrace.exporters.readable import plain_span
from wftrace.recorder import Recorder
from wftrace.settings import Capture, TracingSettings
from wftrace.telemetry import SpanObserver
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs
from wftrace.tracing import OpenTelemetrySink

How = TracingSettings | Capture
Drive = Callable[[WorkflowHandler], Awaitable[Any]]


@dataclass(frozen=True)
class Trace:
    """What came out of one or more runs: the spans in the order in which they ended, the result and the error."""

    spans: Sequence[Span]
    result: Any = None
    error: BaseException | None = None

    @property
    def run(self) -> Span:
        """The only run span."""
        (span,) = self.runs()
        return span

    def runs(self) -> list[Span]:
        """All run spans, in order of their start."""
        return self._sorted(span for span in self.spans if words.GRAPH_HASH in span.attributes)

    def attempts(self, step: str = "") -> list[Span]:
        """The attempts, of one step or of all."""
        return self._sorted(
            span
            for span in self.spans
            if words.STEP_NAME in span.attributes and step in ("", span.attributes[words.STEP_NAME])
        )

    def attempt(self, step: str) -> Span:
        """The only attempt of a step."""
        (span,) = self.attempts(step)
        return span

    def emissions(self, kind: str = "") -> list[Span]:
        """The emissions, of one event class (by its short name) or of all."""
        return self._sorted(
            span
            for span in self.spans
            if words.EVENT_ID in span.attributes and kind in ("", span.name.removeprefix("send "))
        )

    def waits(self, kind: str) -> list[Span]:
        """The waits of one kind."""
        return self._sorted(span for span in self.spans if span.attributes.get(words.WAIT_KIND) == kind)

    def read(self) -> Run:
        """The only run, read back."""
        (run,) = read_runs(self.spans)
        return run

    @staticmethod
    def _sorted(spans: Any) -> list[Span]:
        return sorted(spans, key=lambda span: (span.start_ns, span.attributes[words.SEQ]))


class Watch:
    """Watches runs through one sink."""

    def factory(self, how: How) -> SpanObserver:
        """The observer of a run that starts now."""
        raise NotImplementedError

    def spans(self) -> list[Span]:
        """The spans so far."""
        raise NotImplementedError

    def main(self, main: Callable[[], Awaitable[Any]], how: How = "types") -> Trace:
        """Run a main function; an error of it is kept."""
        result, error = None, None
        with observing(lambda: self.factory(how)):
            try:
                result = asyncio.run(_awaited(main))
            except BaseException as raised:  # whatever it is, it is looked at
                error = raised
            abandon_closed()
        return Trace(self.spans(), result, error)

    def run(self, flow: Workflow, drive: Drive | None = None, how: How = "types", **fields: Any) -> Trace:
        """Run a flow to its end; ``drive`` does something else with its handler than to await it."""

        async def main() -> Any:
            handler = flow.run(**fields)
            return await (handler if drive is None else drive(handler))

        return self.main(main, how)


class RecorderWatch(Watch):
    """Through the recorder."""

    def __init__(self) -> None:
        self.recorder = Recorder()

    def factory(self, how: How) -> SpanObserver:
        return SpanObserver(self.recorder, how)

    def spans(self) -> list[Span]:
        return list(self.recorder.spans)


class SdkWatch(Watch):
    """Through an OpenTelemetry SDK with a provider of its own."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer(words.SCOPE)

    def factory(self, how: How) -> SpanObserver:
        return SpanObserver(OpenTelemetrySink(self.tracer), how)

    def spans(self) -> list[Span]:
        return [plain_span(span) for span in self.exporter.get_finished_spans()]


async def _awaited(main: Callable[[], Awaitable[Any]]) -> Any:
    return await main()


async def cancelled_when(handler: WorkflowHandler, begun: asyncio.Event) -> None:
    """Cancel a run as soon as it has begun something, and wait for its end."""
    await begun.wait()
    await handler.cancel_run()
    with contextlib.suppress(Exception):
        await handler
