"""Spans of others: runs inside runs, libraries inside steps, the caller's own span around a run."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tests.telemetry.watching import SdkWatch, Trace, Watch
from wftrace import Context, Event, StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.trace import Span


class Shown(Event):
    pass


class Inner(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result="inner")


class Outer(Workflow):
    @step
    async def call(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=await Inner().run())


def named(trace: Trace, name: str) -> Span:
    """The only span of that name."""
    (span,) = [each for each in trace.spans if each.name == name]
    return span


def test_a_nested_run_is_a_child_of_the_calling_attempt(watch: Watch) -> None:
    """Same trace, below the step that started it."""
    trace = watch.run(Outer())
    inner, call = named(trace, "invoke_workflow Inner"), trace.attempt("call")
    assert (inner.trace_id, inner.parent_id) == (call.trace_id, call.span_id)


def test_a_nested_run_names_its_parent(watch: Watch) -> None:
    """Run and execution, for readers that get the runs one by one."""
    trace = watch.run(Outer())
    inner, outer = named(trace, "invoke_workflow Inner"), named(trace, "invoke_workflow Outer")
    assert inner.attributes[words.PARENT_RUN_ID] == outer.attributes[words.RUN_ID]
    assert inner.attributes[words.PARENT_EXECUTION_ID] == "call#1"
    assert words.PARENT_RUN_ID not in outer.attributes


def test_a_nested_run_counts_for_itself(watch: Watch) -> None:
    """Its own id, its own sequence from 1, its own counts."""
    inner, outer = sorted(watch.run(Outer()).runs(), key=lambda span: span.name)
    assert inner.attributes[words.RUN_ID] != outer.attributes[words.RUN_ID]
    assert inner.attributes[words.SEQ] == outer.attributes[words.SEQ] == 1
    assert inner.attributes[words.STEPS_COUNT] == outer.attributes[words.STEPS_COUNT] == 1


def test_runs_at_the_same_time_do_not_mix(watch: Watch) -> None:
    """Each run's spans are one trace, and all of them are there."""

    async def main() -> None:
        await asyncio.gather(*(Inner().run() for _ in range(10)))

    trace = watch.main(main)
    assert len({span.trace_id for span in trace.runs()}) == 10
    for run in trace.runs():
        mine = [span for span in trace.spans if span.trace_id == run.trace_id]
        assert {span.attributes[words.RUN_ID] for span in mine} == {run.attributes[words.RUN_ID]}
        assert len(mine) == 4


def test_a_run_is_a_child_of_the_callers_span(sdk: SdkWatch) -> None:
    """A web request around it, for example."""

    async def main() -> None:
        with sdk.tracer.start_as_current_span("request"):
            await Inner().run()

    trace = sdk.main(main)
    assert trace.run.parent_id == named(trace, "request").span_id


def test_the_callers_span_stays_current(sdk: SdkWatch) -> None:
    """A run leaves nothing behind in its caller's context."""

    async def main() -> None:
        with sdk.tracer.start_as_current_span("request"):
            await Inner().run()
            sdk.tracer.start_span("after").end()

    trace = sdk.main(main)
    assert named(trace, "after").parent_id == named(trace, "request").span_id


@pytest.mark.parametrize("in_thread", [False, True], ids=["async", "thread"])
def test_a_librarys_span_is_a_child_of_the_attempt(sdk: SdkWatch, in_thread: bool) -> None:
    """Whatever is traced inside a step nests under it, in the event loop and in a thread."""

    class Async(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            sdk.tracer.start_span("library").end()
            return StopEvent()

    class Threaded(Workflow):
        @step
        def work(self, ev: StartEvent) -> StopEvent:
            sdk.tracer.start_span("library").end()
            return StopEvent()

    trace = sdk.run(Threaded() if in_thread else Async())
    assert named(trace, "library").parent_id == trace.attempt("work").span_id


def test_workers_do_not_mix_their_spans(sdk: SdkWatch) -> None:
    """Of many attempts at once, each has the library span that was made in it."""

    class Item(Event):
        n: int

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
            for n in range(8):
                ctx.send_event(Item(n=n))
            return None

        @step(num_workers=8)
        async def work(self, ctx: Context[Any], ev: Item) -> StopEvent | None:
            with sdk.tracer.start_as_current_span("library", attributes={"n": ev.n}):
                await asyncio.sleep(0.002)
                sdk.tracer.start_span("deeper", attributes={"n": ev.n}).end()
            return StopEvent() if ctx.collect_events(ev, [Item] * 8) else None

    trace = sdk.run(Flow())
    by_id = {span.span_id: span for span in trace.spans}
    deeper = [span for span in trace.spans if span.name == "deeper"]
    assert len(deeper) == 8
    for span in deeper:
        above = by_id[span.parent_id]
        assert above.attributes["n"] == span.attributes["n"]
        assert by_id[above.parent_id].attributes[words.INPUT_EVENT_IDS] == (
            f"Item#{int(str(span.attributes['n'])) + 2}",
        )


def test_a_broken_off_stream_says_nothing_of_contexts(sdk: SdkWatch, caplog: pytest.LogCaptureFixture) -> None:
    """Leaving ``stream_events`` early makes OpenTelemetry complain about no context."""

    class Flow(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            for _ in range(3):
                ctx.write_event_to_stream(Shown())
                await asyncio.sleep(0)
            return StopEvent()

    async def main() -> None:
        with sdk.tracer.start_as_current_span("request"):
            handler = Flow().run()
            async for _ in handler.stream_events():
                break
            await handler

    with caplog.at_level(logging.DEBUG):
        trace = sdk.main(main)
    assert trace.error is None
    assert "detach" not in caplog.text


def test_a_cancelled_run_says_nothing_of_contexts(sdk: SdkWatch, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does a run whose steps are cancelled in the middle."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            with sdk.tracer.start_as_current_span("library"):
                await asyncio.sleep(30)
            return StopEvent()

    with caplog.at_level(logging.DEBUG):
        sdk.run(Flow(timeout=0.01))
    assert "detach" not in caplog.text


def test_streamed_events_are_counted_not_spans(watch: Watch) -> None:
    """A thousand tokens are one number."""

    class Flow(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            for _ in range(1000):
                ctx.write_event_to_stream(Shown())
            return StopEvent()

    trace = watch.run(Flow())
    assert trace.attempt("work").attributes[words.STREAM_EVENT_COUNTS] == (1000,)
    assert len(trace.spans) == 4
