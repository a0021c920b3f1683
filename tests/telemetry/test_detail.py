"""Two ways to write a run, all spans or attempts only: readers make the same of both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.telemetry.test_span_sheet import FanOut
from tests.telemetry.test_waits import Asking, Joined, Retried, Waiting, answer
from tests.telemetry.watching import Trace, Watch
from wftrace import Context, Event, Recorder, StartEvent, StopEvent, Workflow, WorkflowHandler, observing, step
from wftrace import semconv as words
from wftrace.settings import TracingSettings
from wftrace.telemetry import SpanObserver
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs

STEPS = TracingSettings(detail="steps")


class Item(Event):
    n: int


class Wide(Workflow):
    """One step sends more than a span may hold events."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        for n in range(250):
            ctx.send_event(Item(n=n))
        return None

    @step
    async def join(self, ctx: Context[Any], ev: Item) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Item] * 250) else None


class Failing(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        raise ValueError("no")


FLOWS: dict[str, tuple[Callable[[], Workflow], Any]] = {
    "fan-out, retry and join": (FanOut, None),
    "retry": (Retried, None),
    "join": (Joined, None),
    "human": (Asking, answer),
    "wait in a step": (Waiting, answer),
    "more events than a span holds": (Wide, None),
    "failure": (Failing, None),
}


def both(flow: Workflow, drive: Any) -> tuple[list[Span], list[Span]]:
    """The spans of one run, written in full and in steps."""
    full, steps = Recorder(detail="full"), Recorder(detail="steps")

    async def main() -> None:
        handler: WorkflowHandler = flow.run()
        await asyncio.wait([asyncio.ensure_future(_driven(handler, drive))])

    with observing(full.observer, steps.observer):
        asyncio.run(main())
    return list(full.spans), list(steps.spans)


async def _driven(handler: WorkflowHandler, drive: Any) -> None:
    with contextlib.suppress(ValueError):
        await (handler if drive is None else drive(handler))


def without_ids(run: Run) -> Run:
    """A run without the ids of its spans, which are made anew for each recorder."""
    return replace(
        run,
        segments=tuple(replace(each, trace_id="", span_id="") for each in run.segments),
        attempts=tuple(replace(each, trace_id="", span_id="") for each in run.attempts),
        emissions=tuple(replace(each, span_id="") for each in run.emissions),
        waits=tuple(replace(each, span_id="") for each in run.waits),
    )


@pytest.mark.parametrize("name", FLOWS)
def test_both_read_back_as_the_same_run(name: str) -> None:
    """Attempts, emissions, waits, order, times, outcome: all of it."""
    make, drive = FLOWS[name]
    full, steps = both(make(), drive)
    (one,), (two,) = read_runs(full), read_runs(steps)
    assert without_ids(one) == without_ids(two)
    assert one.missing == ()
    assert len(steps) < len(full)


@pytest.mark.parametrize("name", FLOWS)
def test_the_order_of_spans_and_events_does_not_matter(name: str) -> None:
    """Backends sort both as they like, and some keep a span twice."""
    make, drive = FLOWS[name]
    _, steps = both(make(), drive)
    shuffled = [replace(span, events=span.events[::-1]) for span in reversed(steps)]
    assert read_runs([*shuffled, *steps]) == read_runs(steps)


@pytest.fixture
def trace(watch: Watch) -> Trace:
    """The trace of a run in steps."""
    return watch.run(FanOut(), how=STEPS)


def test_only_the_run_and_its_attempts_are_spans(trace: Trace) -> None:
    """The rest are events on them."""
    assert {span.name.split(maxsplit=1)[0] for span in trace.spans} == {"invoke_workflow", "run_step"}


def test_events_have_sequence_numbers(trace: Trace) -> None:
    """Which with those of the spans leave none out."""
    spans = [int(str(span.attributes[words.SEQ])) for span in trace.spans]
    events = [
        int(str(event.attributes[words.SEQ]))
        for span in trace.spans
        for event in span.events
        if event.name != words.EXCEPTION_EVENT
    ]
    assert sorted([*spans, *events]) == list(range(1, len(spans) + len(events) + 1))


def test_an_attempt_links_to_the_attempt_that_made_its_event(trace: Trace) -> None:
    """There is no span of the emission to point to."""
    plan = trace.attempt("plan")
    for span in trace.attempts("work"):
        assert [each.span_id for each in span.links if each.attributes[words.LINK_TYPE] == "event"] == [plan.span_id]


def test_no_span_links_to_its_own_parent(trace: Trace) -> None:
    """The start event stands on the run; Jaeger would draw its attempt elsewhere."""
    for span in trace.spans:
        assert span.parent_id not in {link.span_id for link in span.links}


def test_what_is_too_much_for_one_span_becomes_spans(watch: Watch) -> None:
    """A span holds a hundred events; nothing is lost."""
    trace = watch.run(Wide(), how=STEPS)
    assert len(trace.attempt("plan").events) == 100
    assert len(trace.emissions("Item")) == 150
    assert len(trace.read().emissions) == 252


def test_a_lower_limit_of_the_sdk_is_kept(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would drop the oldest events; some room is left for others."""
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "10")
    trace = watch.run(Wide(), how=STEPS)
    assert len(trace.attempt("plan").events) == 6
    assert trace.read().missing == ()


def test_the_exception_is_there_too(watch: Watch) -> None:
    """Beside the events of the attempt."""
    attempt = watch.run(Failing(), how=STEPS).attempt("work")
    assert [event.name for event in attempt.events] == [words.EXCEPTION_EVENT]


def test_full_is_the_default() -> None:
    """Every dispatch, retry and emission is a span unless somebody says otherwise."""
    assert SpanObserver(Recorder()).settings.detail == Recorder().observer().settings.detail == "full"


def test_the_environment_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """``WFTRACE_DETAIL``."""
    monkeypatch.setenv("WFTRACE_DETAIL", "steps")
    assert Recorder().observer().settings.detail == "steps"
    assert Recorder(detail="full").observer().settings.detail == "full"
