"""Whatever a run does and however it ends: exactly one ended span for each attempt, one for each segment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan

from tests.telemetry.watching import RecorderWatch, SdkWatch, Watch
from wftrace import ConstantDelayRetryPolicy, Context, Event, StartEvent, StopEvent, Workflow, WorkflowHandler, step
from wftrace import semconv as words
from wftrace.engine.observers import AttemptStarted, Observer, observing
from wftrace.settings import Detail, TracingSettings
from wftrace.trace_reader import read_runs


class Task(Event):
    """What a worker is to do: one word, and the words of further tasks that it makes."""

    what: str
    more: list[Any] | tuple[()] = ()


class InThread(Task):
    pass


class BadError(Exception):
    pass


class Quit(BaseException):
    pass


WHATS = ("return", "raise", "retry", "base", "nap", "sleep", "swallow", "send", "stop", "self cancel", "wrong")


class Anything(Workflow):
    """Does what its tasks say, on few workers."""

    @step
    async def begin(self, ctx: Context[Any], ev: StartEvent) -> Task | InThread | None:
        for what, thread, more in ev.plan:
            ctx.send_event((InThread if thread else Task)(what=what, more=more))
        return None

    @step(num_workers=2, retry_policy=ConstantDelayRetryPolicy(1, 0.001))
    async def work(self, ctx: Context[Any], ev: Task) -> Task | StopEvent | None:
        await asyncio.sleep(0)
        for what in ev.more:
            ctx.send_event(Task(what=what))
        try:
            if ev.what in ("nap", "sleep", "swallow"):
                await asyncio.sleep(0.001 if ev.what == "nap" else 0.05)
        except asyncio.CancelledError:
            if ev.what != "swallow":
                raise
        return act(ctx, ev)

    @step(num_workers=2)
    def threaded(self, ctx: Context[Any], ev: InThread) -> Task | StopEvent | None:
        if ev.what in ("nap", "sleep"):
            time.sleep(0.002)
        return act(ctx, ev)


def act(ctx: Context[Any], ev: Task) -> Task | StopEvent | None:
    """What a task says."""
    if ev.what == "raise" or (ev.what == "retry" and ctx.retry_info().retry_number == 0):
        raise BadError("as told")
    if ev.what == "base":
        raise Quit
    if ev.what == "self cancel":
        raise asyncio.CancelledError
    if ev.what == "wrong":
        return "no event"  # type: ignore[return-value]
    if ev.what == "stop":
        return StopEvent()
    return Task(what="return") if ev.what == "send" else None


class Starts(Observer):
    """Counts the attempts that are told to begin."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, int]] = Counter()

    def attempt_started(self, fact: AttemptStarted) -> None:
        self.seen[fact.execution, fact.attempt] += 1


class Open(SpanProcessor):
    """Counts the spans that are begun and ended."""

    def __init__(self) -> None:
        self.begun: Counter[int] = Counter()
        self.ended: Counter[int] = Counter()

    def on_start(self, span: SdkSpan, parent_context: Any = None) -> None:
        self.begun[span.get_span_context().span_id] += 1

    def on_end(self, span: ReadableSpan) -> None:
        ids = span.get_span_context()
        assert ids is not None
        self.ended[ids.span_id] += 1


TASKS = st.tuples(st.sampled_from(WHATS), st.booleans(), st.lists(st.sampled_from(WHATS), max_size=2))
PLANS = st.lists(TASKS, max_size=6)
ENDS = st.sampled_from(["await", "cancel", "timeout", "leave", "caller cancelled"])


async def driven(handler: WorkflowHandler, end: str, after: float) -> None:
    """End a run in some way."""
    if end == "leave":
        await asyncio.sleep(after)
        return
    if end == "cancel":
        await asyncio.sleep(after)
        await handler.cancel_run()
    with contextlib.suppress(Exception, asyncio.CancelledError, Quit):
        await asyncio.wait_for(_result(handler), after if end == "caller cancelled" else None)


async def _result(handler: WorkflowHandler) -> Any:
    return await handler


@pytest.mark.parametrize("sink", [RecorderWatch, SdkWatch])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=PLANS, end=ENDS, after=st.sampled_from([0.0, 0.001, 0.004]), detail=st.sampled_from(["full", "steps"]))
def test_every_attempt_is_one_ended_span(
    sink: type[Watch], plan: list[Any], end: str, after: float, detail: Detail
) -> None:
    """Returned, raised, retried, cancelled, timed out, left alone, in threads, or ended by something unheard of."""
    watch, starts, open_spans = sink(), Starts(), Open()
    if isinstance(watch, SdkWatch):
        watch.provider.add_span_processor(open_spans)
    flow = Anything(timeout=0.02 if end == "timeout" else 5.0, disable_validation=True)
    logging.getLogger("wftrace").setLevel(logging.CRITICAL)
    try:
        with observing(lambda: starts):
            trace = watch.run(
                flow, lambda handler: driven(handler, end, after), TracingSettings(detail=detail), plan=plan
            )
    finally:
        logging.getLogger("wftrace").setLevel(logging.NOTSET)
    made = Counter((span.attributes[words.EXECUTION_ID], span.attributes[words.ATTEMPT]) for span in trace.attempts())
    assert made == starts.seen
    assert set(made.values()) <= {1}
    assert trace.run.attributes[words.STEPS_COUNT] == len(made)
    assert all(words.OUTCOME in span.attributes for span in [trace.run, *trace.attempts()])
    assert open_spans.begun == open_spans.ended
    (run,) = read_runs(trace.spans)
    assert run.missing == ()
