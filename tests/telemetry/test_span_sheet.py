"""The sheet, row by row: names, parents, links and attributes of the spans of a run that goes well."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler, SamplingResult

from tests.telemetry.watching import SdkWatch, Trace, Watch
from wftrace import ConstantDelayRetryPolicy, Context, Event, FlowGraph, StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.trace import Span


class Item(Event):
    n: int


class Done(Event):
    n: int


class Shown(Event):
    n: int


class Stray(Event):
    pass


class FanOut(Workflow):
    """Three items on two workers; the second item fails once."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        for n in range(3):
            ctx.send_event(Item(n=n))
        return None

    @step(num_workers=2, retry_policy=ConstantDelayRetryPolicy(2, 0.002), span_kind="TOOL")
    async def work(self, ctx: Context[Any], ev: Item) -> Done:
        ctx.write_event_to_stream(Shown(n=ev.n))
        await asyncio.sleep(0.01)
        if ev.n == 1 and ctx.retry_info().retry_number == 0:
            raise OSError("the first time always fails")
        return Done(n=ev.n)

    @step(num_workers=1)
    async def join(self, ctx: Context[Any], ev: Done) -> StopEvent | None:
        done = ctx.collect_events(ev, [Done] * 3)
        return StopEvent(result=len(done)) if done else None


@pytest.fixture
def trace(watch: Watch) -> Trace:
    """The trace of one run of the flow above."""
    return watch.run(FanOut())


def parent(trace: Trace, span: Span) -> Span:
    """The span above a span."""
    return next(each for each in trace.spans if each.span_id == span.parent_id)


def links(span: Span, kind: str) -> list[str]:
    """The ids of the spans that a span points to."""
    return [link.span_id for link in span.links if link.attributes == {words.LINK_TYPE: kind}]


def test_the_names_of_all_spans(trace: Trace) -> None:
    """Each name is a word, a blank and a name of low cardinality; each thing that happened is one span."""
    names = sorted(span.name for span in trace.spans)
    assert names == sorted(
        [
            "invoke_workflow FanOut",
            *["run_step plan", *["run_step work"] * 4, *["run_step join"] * 3],
            *["send StartEvent", *["send Item"] * 3, *["send Done"] * 3, "send StopEvent"],
            *["wait retry", "wait Done"],
        ]
    )


def test_all_spans_are_one_trace(trace: Trace) -> None:
    """One run in one process is one trace."""
    assert {span.trace_id for span in trace.spans} == {trace.run.trace_id}


def test_the_run_is_the_root(trace: Trace) -> None:
    """Without a span around it the run has no parent."""
    assert trace.run.parent_id == ""


def test_attempts_are_children_of_the_run(trace: Trace) -> None:
    """The parent of an attempt is the segment."""
    assert {span.parent_id for span in trace.attempts()} == {trace.run.span_id}


def test_an_emission_is_a_child_of_the_attempt_that_made_it(trace: Trace) -> None:
    """Returned and sent events alike."""
    made_by = [parent(trace, span).name for span in trace.emissions() if span.name != "send StartEvent"]
    assert made_by == [*["run_step plan"] * 3, *["run_step work"] * 3, "run_step join"]


def test_the_start_event_is_a_child_of_the_run(trace: Trace) -> None:
    """Nobody inside made it."""
    (start,) = trace.emissions("StartEvent")
    assert start.parent_id == trace.run.span_id
    assert start.attributes[words.EVENT_EXECUTION_ID] == ""
    assert start.attributes[words.EVENT_MODE] == "start"


def test_an_attempt_links_to_the_emission_that_it_took(trace: Trace) -> None:
    """One link of type ``event``, to the very emission whose id it names as its input."""
    emitted = {span.span_id: span.attributes[words.EVENT_ID] for span in trace.emissions()}
    for span in trace.attempts():
        assert tuple(emitted[each] for each in links(span, "event")) == span.attributes[words.INPUT_EVENT_IDS]


def test_a_retry_links_to_the_failed_attempt(trace: Trace) -> None:
    """One link of type ``retry_of``, and only there."""
    failed, again = (span for span in trace.attempts("work") if span.attributes[words.EXECUTION_ID] == "work#2")
    assert links(again, "retry_of") == [failed.span_id]
    assert sum(len(links(span, "retry_of")) for span in trace.attempts()) == 1


def test_all_attempts_of_an_execution_have_its_id(trace: Trace) -> None:
    """``step#n`` stays, the attempt number goes up from 1."""
    keys = [(span.attributes[words.EXECUTION_ID], span.attributes[words.ATTEMPT]) for span in trace.attempts("work")]
    assert sorted(keys, key=str) == [("work#1", 1), ("work#2", 1), ("work#2", 2), ("work#3", 1)]


def test_sequence_numbers_are_unique(trace: Trace) -> None:
    """No two spans of a run have the same, and none is left out."""
    numbers = sorted(int(str(span.attributes[words.SEQ])) for span in trace.spans)
    assert numbers == list(range(1, len(numbers) + 1))


def test_sequence_numbers_grow_with_time(trace: Trace) -> None:
    """In the order of the numbers, attempts and emissions never start before those ahead of them."""
    ordered = sorted([*trace.attempts(), *trace.emissions()], key=lambda span: int(str(span.attributes[words.SEQ])))
    starts = [span.start_ns for span in ordered]
    assert starts == sorted(starts)


def test_an_emission_comes_before_its_dispatch(trace: Trace) -> None:
    """What is taken was made before, by the numbers."""
    seq = {span.attributes[words.EVENT_ID]: int(str(span.attributes[words.SEQ])) for span in trace.emissions()}
    for span in trace.attempts():
        (taken,) = cast(tuple[str, ...], span.attributes[words.INPUT_EVENT_IDS])
        assert seq[taken] < int(str(span.attributes[words.SEQ]))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (words.OPERATION_NAME, "invoke_workflow"),
        (words.GEN_AI_WORKFLOW_NAME, "FanOut"),
        (words.WORKFLOW_NAME, "FanOut"),
        (words.SPAN_KIND, "CHAIN"),
        (words.RUN_SEGMENT, 1),
        (words.SEQ, 1),
        (words.OUTCOME, "completed"),
        (words.STEPS_COUNT, 8),
        (words.RETRIES_COUNT, 1),
        (words.EVENTS_COUNT, 8),
        (words.GRAPH_HASH, FanOut.graph.hash),
        (words.GEN_AI_WORKFLOW_NODES, ("plan", "work", "join")),
        (words.GEN_AI_WORKFLOW_EDGES, ("plan -> work", "work -> join")),
    ],
)
def test_an_attribute_of_the_run(trace: Trace, key: str, value: object) -> None:
    """The run says who it is, how it ended and how much there is to find."""
    assert trace.run.attributes[key] == value


def test_the_counts_are_those_of_the_spans(trace: Trace) -> None:
    """A reader that has fewer spans than the run counts knows that some are missing."""
    attributes = trace.run.attributes
    assert attributes[words.STEPS_COUNT] == len(trace.attempts())
    assert attributes[words.EVENTS_COUNT] == len(trace.emissions())


def test_the_run_carries_its_flow(trace: Trace) -> None:
    """A reader needs no code: the graph is in the trace, whole."""
    text = trace.run.attributes[words.GRAPH]
    assert FlowGraph.from_json(text if isinstance(text, str) else "".join(map(str, text))) == FanOut.graph  # type: ignore[arg-type]


def test_the_session_is_the_run(trace: Trace) -> None:
    """So that Phoenix puts the segments together."""
    assert all(span.attributes[words.SESSION_ID] == span.attributes[words.RUN_ID] for span in trace.spans)


@pytest.mark.parametrize("key", [words.RUN_ID, words.RUN_SEGMENT, words.SEQ, words.SPAN_KIND, words.WORKFLOW_NAME])
def test_all_spans_have(trace: Trace, key: str) -> None:
    """What identifies a run stands on each of its spans, so that none depends on the root."""
    assert all(key in span.attributes for span in trace.spans)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (words.OPERATION_NAME, "run_step"),
        (words.GEN_AI_WORKFLOW_NAME, "FanOut"),
        (words.STEP_NAME, "work"),
        (words.NODE_ID, "work"),
        (words.NODE_NAME, "work"),
        (words.NODE_PARENT_ID, "plan"),
        (words.SPAN_KIND, "TOOL"),
        (words.EXECUTION_ID, "work#1"),
        (words.ATTEMPT, 1),
        (words.WORKER, 0),
        (words.INPUT_EVENT_IDS, ("Item#2",)),
        (words.INPUT_EVENT_TYPES, (f"{__name__}.Item",)),
        (words.INPUT_EXECUTION_IDS, ("plan#1",)),
        (words.OUTPUT_EVENT_TYPES, (f"{__name__}.Done",)),
        (words.OUTPUT_EVENT_COUNT, 1),
        (words.OUTPUT_MODE, "return"),
        (words.STREAM_EVENT_TYPES, (f"{__name__}.Shown",)),
        (words.STREAM_EVENT_COUNTS, (1,)),
        (words.CODE_FUNCTION, f"{__name__}.FanOut.work"),
        (words.OUTCOME, "completed"),
    ],
)
def test_an_attribute_of_an_attempt(trace: Trace, key: str, value: object) -> None:
    """The first attempt of ``work`` says what it took, what it made, where it ran and where its code is."""
    assert trace.attempts("work")[0].attributes[key] == value


def test_the_code_of_a_step_can_be_found(trace: Trace) -> None:
    """The file ends as this one does, and the line is that of the step."""
    attributes = trace.attempts("join")[0].attributes
    assert str(attributes[words.CODE_FILE]).endswith("test_span_sheet.py")
    assert attributes[words.CODE_LINE] == FanOut.join.__code__.co_firstlineno


def test_an_attempt_without_a_producer_has_no_parent_node(trace: Trace) -> None:
    """The start is made by nobody: no hint instead of a wrong one."""
    plan = trace.attempt("plan").attributes
    assert plan[words.INPUT_EXECUTION_IDS] == ("",)
    assert words.NODE_PARENT_ID not in plan


def test_a_step_that_sends_says_so(trace: Trace) -> None:
    """The ids, the types and the mode of what it sent."""
    plan = trace.attempt("plan").attributes
    assert plan[words.OUTPUT_MODE] == "send"
    assert plan[words.OUTPUT_EVENT_IDS] == ("Item#2", "Item#3", "Item#4")


def test_no_more_workers_than_there_are(trace: Trace) -> None:
    """Worker numbers count from 0; two workers are 0 and 1."""
    assert {span.attributes[words.WORKER] for span in trace.attempts("work")} == {0, 1}


def test_attempts_on_one_worker_do_not_overlap(trace: Trace) -> None:
    """A worker does one thing at a time."""
    for worker in (0, 1):
        mine = [span for span in trace.attempts("work") if span.attributes[words.WORKER] == worker]
        assert all(one.end_ns <= two.start_ns for one, two in pairwise(mine))


def test_the_time_in_the_queue_is_told(trace: Trace) -> None:
    """The third item waits until one of two workers is free; the first two wait not at all."""
    waits = {
        span.attributes[words.EXECUTION_ID]: float(str(span.attributes[words.QUEUE_WAIT_MS]))
        for span in trace.attempts("work")
        if span.attributes[words.ATTEMPT] == 1
    }
    assert waits["work#1"] < 5
    assert waits["work#2"] < 5
    assert waits["work#3"] > 5


def test_a_join_names_all_that_it_joined(trace: Trace) -> None:
    """The attempt that filled the join says which events it got and how long it took to gather them."""
    last = trace.attempts("join")[-1].attributes
    assert last[words.JOIN_EVENT_COUNT] == 3
    assert set(last[words.JOIN_EVENT_IDS]) == {span.attributes[words.EVENT_ID] for span in trace.emissions("Done")}  # type: ignore[arg-type]
    assert float(str(last[words.COLLECT_WAIT_MS])) > 5


def test_an_arrival_at_a_join_made_nothing(trace: Trace) -> None:
    """Mode ``none``, no outputs, and no word of a join that is not full."""
    first = trace.attempts("join")[0].attributes
    assert first[words.OUTPUT_MODE] == "none"
    assert first[words.OUTPUT_EVENT_COUNT] == 0
    assert words.JOIN_EVENT_IDS not in first


@pytest.mark.parametrize("kind", ["StartEvent", "Item", "Done", "StopEvent"])
def test_an_event_that_somebody_took_is_delivered(trace: Trace, kind: str) -> None:
    """The stop event counts as taken: by the caller."""
    assert {span.attributes[words.EVENT_DELIVERED] for span in trace.emissions(kind)} == {"delivered"}


def test_emissions_have_no_duration(trace: Trace) -> None:
    """They are moments."""
    assert all(span.start_ns == span.end_ns for span in trace.emissions())


def test_success_leaves_the_status_unset(trace: Trace) -> None:
    """Never OK: only the attempt that failed has a status."""
    with_status = [span.name for span in trace.spans if span.status != "unset"]
    assert with_status == ["run_step work"]


def test_every_span_ends_after_its_start(trace: Trace) -> None:
    """And inside its run."""
    for span in trace.spans:
        assert trace.run.start_ns <= span.start_ns <= span.end_ns <= trace.run.end_ns


def test_an_event_that_nobody_takes_is_unhandled(watch: Watch) -> None:
    """The emission says so."""

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            ctx.send_event(Stray())
            return StopEvent()

    (stray,) = watch.run(Flow(disable_validation=True)).emissions("Stray")
    assert stray.attributes[words.EVENT_DELIVERED] == "unhandled"


def test_an_event_for_one_step_names_its_target(watch: Watch) -> None:
    """``send_event(..., step=...)`` stands on the emission."""

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
            ctx.send_event(Item(n=1), step="two")
            return None

        @step
        async def one(self, ev: Item) -> StopEvent:
            return StopEvent(result="one")

        @step
        async def two(self, ev: Item) -> StopEvent:
            return StopEvent(result="two")

    trace = watch.run(Flow())
    assert trace.result == "two"
    assert trace.emissions("Item")[0].attributes[words.EVENT_TARGET] == "two"


def test_what_still_waits_at_the_stop_is_dropped(watch: Watch) -> None:
    """The run names the events in the queue that nobody got to."""

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> Item | Stray | None:
            ctx.send_event(Item(n=1))
            ctx.send_event(Item(n=2))
            ctx.send_event(Stray())
            return None

        @step(num_workers=1)
        async def work(self, ev: Item) -> None:
            await asyncio.sleep(5)

        @step
        async def end(self, ev: Stray) -> StopEvent:
            return StopEvent()

    assert watch.run(Flow()).run.attributes[words.DROPPED_EVENT_IDS] == ("Item#3",)


def test_outputs_are_capped_and_counted(watch: Watch) -> None:
    """A span holds 64 ids and the true number."""

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
            for n in range(200):
                ctx.send_event(Item(n=n))
            return None

        @step
        async def end(self, ctx: Context[Any], ev: Item) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Item] * 200) else None

    trace = watch.run(Flow())
    begin = trace.attempt("begin").attributes
    assert len(begin[words.OUTPUT_EVENT_IDS]) == 64  # type: ignore[arg-type]
    assert begin[words.OUTPUT_EVENT_COUNT] == 200
    assert len(trace.emissions("Item")) == 200


class SeeingSampler(Sampler):
    """Takes everything and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {}

    def should_sample(self, parent_context: Any, trace_id: int, name: str, *rest: Any, **more: Any) -> SamplingResult:
        attributes = more.get("attributes", rest[1] if len(rest) > 1 else None) or {}
        self.seen.setdefault(name.split(maxsplit=1)[0], set()).update(attributes)
        return ALWAYS_ON.should_sample(parent_context, trace_id, name, *rest, **more)

    def get_description(self) -> str:
        return "SeeingSampler"


STARRED = [
    *[("invoke_workflow", key) for key in (words.OPERATION_NAME, words.WORKFLOW_NAME, words.GEN_AI_WORKFLOW_NAME)],
    *[
        (name, key)
        for name in ("invoke_workflow", "run_step", "send", "wait")
        for key in (words.SPAN_KIND, words.SESSION_ID, words.RUN_ID, words.RUN_SEGMENT, words.SEQ)
    ],
    *[
        ("run_step", key)
        for key in (
            *(words.OPERATION_NAME, words.STEP_NAME, words.EXECUTION_ID, words.ATTEMPT, words.INPUT_EVENT_IDS),
            *(words.INPUT_EVENT_TYPES, words.INPUT_EXECUTION_IDS),
        )
    ],
]


@pytest.mark.parametrize(("name", "key"), STARRED)
def test_a_sampler_sees(name: str, key: str) -> None:
    """What the sheet marks with a star is given when the span starts, so that samplers can decide by it."""
    sampler = SeeingSampler()
    SdkWatch(sampler).run(FanOut())
    assert key in sampler.seen[name]
