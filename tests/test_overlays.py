"""Overlays of traces that are not whole: what is there is drawn, and what is missing is said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from report_flow import ApprovalGiven, ApprovalRequested, ReportFlow

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, observing, overlay, recording, step
from wftrace.engine.graph import EventKind
from wftrace.exporters.readable import plain_span
from wftrace.overlays import overlay_run
from wftrace.telemetry import SpanObserver
from wftrace.trace import Span
from wftrace.trace_reader import read_runs
from wftrace.tracing import OpenTelemetrySink


def spans_of_a_report() -> list[Span]:
    """The spans of a run of the reference flow."""

    async def main() -> list[Span]:
        with recording() as recorder:
            handler = ReportFlow(fetch_seconds=0.001, step_seconds=0).run()
            async for event in handler.stream_events():
                if isinstance(event, ApprovalRequested):
                    handler.ctx.send_event(ApprovalGiven(approved=True))
            await handler
        return list(recorder.spans)

    return asyncio.run(main())


def test_a_trace_without_its_run_span_is_drawn_as_it_was_seen() -> None:
    """The counts on the edges are those of the whole trace; kinds are read from what happened; the notes say it."""
    spans = spans_of_a_report()
    (whole,) = read_runs(spans)
    (cut,) = read_runs([span for span in spans if not span.name.startswith("invoke_workflow")])
    laid, seen = overlay_run(whole), overlay_run(cut)
    assert seen.edges == laid.edges
    assert seen.undeclared == frozenset()
    assert cut.outcome == "interrupted"
    assert any("run span is missing" in note for note in seen.notes)
    assert any("what was seen" in note for note in seen.notes)
    kinds = {event.id: event.kind for event in laid.graph.events}
    assert all(event.kind is kinds[event.id] for event in seen.graph.events)
    assert {event.kind for event in seen.graph.events} >= {EventKind.START, EventKind.STOP, EventKind.HUMAN_RESPONSE}
    assert "ReportFlow" in overlay(cut).to_svg()


@pytest.mark.parametrize("limit", ["256", "512", "4096"])
def test_the_graph_survives_the_attribute_limits_of_the_sdk(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment lets the SDK cut long texts, the graph goes in pieces that are not cut."""
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", limit)
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("wftrace")

    class Middle(Event):
        pass

    Middle.__doc__ = "A text that makes the graph long enough to be cut. " * 20

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> Middle:
            return Middle()

        @step
        async def end(self, ev: Middle) -> StopEvent:
            return StopEvent()

    async def main() -> None:
        with observing(lambda: SpanObserver(OpenTelemetrySink(tracer), "types")):
            await Flow().run()

    asyncio.run(main())
    (run,) = read_runs(map(plain_span, exporter.get_finished_spans()))
    assert run.graph == Flow.graph
    provider.shutdown()


def test_names_with_control_characters_are_the_same_in_graph_and_spans() -> None:
    """A step or event that is named like a terminal command is one node, taken and declared."""
    red = type("\x1b[31mred\u202e", (Event,), {"__module__": __name__})

    async def end(ev: Any) -> StopEvent:
        return StopEvent()

    end.__annotations__["ev"] = red
    end.__name__ = "\x1b[31mend"

    async def made(ev: StartEvent) -> Any:
        return red()

    made.__annotations__["return"] = red
    flow = Workflow()
    step(workflow=flow)(made)
    step(workflow=flow)(end)

    async def main() -> Any:
        with recording() as recorder:
            await flow.run()
        return recorder.runs()[0]

    laid = overlay_run(asyncio.run(main()))
    assert laid.undeclared == frozenset()
    assert (laid.taken, len(laid.possible)) == (4, 4)
    assert laid.notes == ()


def test_what_comes_from_outside_is_not_said_to_be_human() -> None:
    """An ordinary event that a callback sends without the step's context is nobody's answer."""

    class Ping(Event):
        pass

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> Ping | None:
            await asyncio.get_running_loop().run_in_executor(None, lambda: ctx.send_event(Ping()))
            return None

        @step
        async def end(self, ev: Ping) -> StopEvent:
            return StopEvent()

    async def main() -> Any:
        with recording() as recorder:
            await Flow().run()
        return recorder.runs()[0]

    laid = overlay_run(asyncio.run(main()))
    assert not any("human" in key for key in laid.edges)
    assert laid.events[next(event.id for event in laid.graph.events if event.name == "Ping")] == 1
