"""What is drawn is what happened: a run's overlay, edge for edge, against a ledger that knows nothing of traces."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_flow import CALLER, HUMAN, STREAM, ApprovalGiven, ApprovalRequested, LedgerEntry, ReportFlow

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, draw, overlay, recording, step
from wftrace.exporters.file import FileSpanExporter, read_trace
from wftrace.overlays import HUMAN as HUMAN_NODE
from wftrace.overlays import Overlay, overlay_run
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs

Triple = tuple[str, str, str]

TRACED = """
import asyncio, sys
from report_flow import ApprovalGiven, ApprovalRequested, ReportFlow
from wftrace import trace_to
async def main():
    flow = ReportFlow(fetch_seconds=0.002, step_seconds=0.0)
    handler = flow.run()
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequested):
            handler.ctx.send_event(ApprovalGiven(approved=True))
    await handler
    for entry in flow.ledger:
        print(entry.producer, entry.event, entry.consumer, entry.outcome, sep="|")
with trace_to(sys.argv[1]):
    asyncio.run(main())
"""


def run_python(code: str, *arguments: str, seed: str = "0") -> str:
    """Run code in an interpreter of its own."""
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def recorded() -> tuple[list[Span], list[LedgerEntry]]:
    """Spans and ledger of a run that was refused once, through the recorder."""
    flow = ReportFlow(fetch_seconds=0.002, step_seconds=0.0)
    answers = [ApprovalGiven(approved=False), ApprovalGiven(approved=True)]

    async def main() -> None:
        handler = flow.run()
        async for event in handler.stream_events():
            if isinstance(event, ApprovalRequested):
                handler.ctx.send_event(answers.pop(0))
        await handler

    with recording() as recorder:
        asyncio.run(main())
    return list(recorder.spans), flow.ledger


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[LedgerEntry]]:
    """Trace file and ledger of a run in a process of its own, through the SDK."""
    file = tmp_path_factory.mktemp("trace") / "run.otlp.jsonl"
    rows = run_python(TRACED, str(file)).splitlines()
    return file, [LedgerEntry(*row.split("|")) for row in rows]


def _as_is(spans: list[Span], folder: Path) -> list[Span]:
    return spans


def _through_a_file(spans: list[Span], folder: Path) -> list[Span]:
    file = folder / "again.otlp.jsonl"
    exporter = FileSpanExporter(file)
    for span in spans:
        exporter.write([span])
    exporter.shutdown()
    return read_trace(file)


def _shuffled(spans: list[Span], folder: Path) -> list[Span]:
    return random.Random(7).sample(spans, len(spans))


def _doubled(spans: list[Span], folder: Path) -> list[Span]:
    return [*spans, *(replace(span) for span in reversed(spans))]


def _without_links(spans: list[Span], folder: Path) -> list[Span]:
    return [replace(span, links=(), parent_id="", events=()) for span in spans]


TREATMENTS = [_as_is, _through_a_file, _shuffled, _doubled, _without_links]


@pytest.fixture(params=["recorder", "otlp file"])
def source(request: pytest.FixtureRequest, recorded: Any, traced: Any) -> tuple[list[Span], list[LedgerEntry]]:
    """Spans and ledger, from both sources."""
    return recorded if request.param == "recorder" else (read_trace(traced[0]), traced[1])


@pytest.fixture(params=TREATMENTS, ids=lambda treat: treat.__name__.strip("_").replace("_", " "))
def run_and_ledger(request: pytest.FixtureRequest, source: Any, tmp_path: Path) -> tuple[Run, list[LedgerEntry]]:
    """The run as it is read from treated spans, and the ledger."""
    spans, ledger = source
    (run,) = read_runs(request.param(spans, tmp_path))
    return run, ledger


def short(kind: str) -> str:
    """The class name in a qualified name."""
    return kind.rpartition(".")[2]


def taken(ledger: list[LedgerEntry]) -> Counter[Triple]:
    """The attempts in the ledger: producer, event, consumer; ``""`` for those outside."""
    return Counter(
        ("" if row.producer in (CALLER, HUMAN) else row.producer, row.event, row.consumer)
        for row in ledger
        if row.outcome in ("completed", "failed")
    )


def from_edges(laid: Overlay) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """The counts of an overlay by short names: event to step, and step to event; without the human's edges."""
    names = {node: found.name for node, found in laid.graph.nodes.items()}
    into: Counter[tuple[str, str]] = Counter()
    out: Counter[tuple[str, str]] = Counter()
    for (start, end), count in laid.edges.items():
        if HUMAN_NODE not in (start, end):
            (into if start.startswith("event:") else out)[(names[start], names[end])] += count
    return into, out


def test_the_dispatches_are_the_ledgers(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """Every (producer, event, consumer), as often as the flow itself counted it."""
    run, ledger = run_and_ledger
    assert Counter((each.producer, short(each.type), each.consumer) for each in run.dispatches()) == taken(ledger)


def test_the_failures_are_the_ledgers(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """By step: as many failed attempts as the flow saw."""
    run, ledger = run_and_ledger
    failed = Counter(attempt.step for attempt in run.attempts if attempt.error is not None)
    assert failed == Counter(row.consumer for row in ledger if row.outcome == "failed") == {"fetch": 1}


def test_the_edges_into_steps_are_the_ledgers(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """Each edge from an event to a step has the ledger's count, and there is no other."""
    run, ledger = run_and_ledger
    expected: Counter[tuple[str, str]] = Counter()
    for (_, event, consumer), count in taken(ledger).items():
        expected[(event, consumer)] += count
    assert from_edges(overlay_run(run))[0] == expected


def test_the_edges_out_of_steps_are_the_ledgers(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """What steps made: handed over to human, stream and caller, or taken by a step (retries do not count)."""
    run, ledger = run_and_ledger
    expected: Counter[tuple[str, str]] = Counter()
    for row in ledger:
        if row.producer not in (CALLER, HUMAN) and row.outcome != "failed":
            expected[(row.producer, row.event)] += 1
    assert from_edges(overlay_run(run))[1] == expected


def test_the_stream_is_the_ledgers(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """As many events of each type from each step."""
    run, ledger = run_and_ledger
    streamed: Counter[tuple[str, str]] = Counter()
    for attempt in run.attempts:
        streamed.update({(attempt.step, short(kind)): count for kind, count in attempt.streamed.items()})
    assert streamed == Counter((row.producer, row.event) for row in ledger if row.consumer == STREAM)


def test_the_humans_edges_are_the_ledgers(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """As many questions to the human and answers from the human."""
    run, ledger = run_and_ledger
    edges = overlay_run(run).edges
    asked = sum(count for (_, end), count in edges.items() if end == HUMAN_NODE)
    answered = sum(count for (start, _), count in edges.items() if start == HUMAN_NODE)
    assert asked == sum(row.consumer == HUMAN for row in ledger)
    assert answered == sum(row.producer == HUMAN for row in ledger)


def test_every_dispatch_and_emission_is_on_exactly_one_edge(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """The counts add up: dispatches, emissions that a step made, and the stream."""
    run, _ = run_and_ledger
    into, out = from_edges(overlay_run(run))
    streamed = sum(count for attempt in run.attempts for count in attempt.streamed.values())
    made = sum(emission.execution_id != "" for emission in run.emissions)
    assert into.total() == len(run.dispatches())
    assert out.total() == made + streamed


def test_nothing_is_undeclared(run_and_ledger: tuple[Run, list[LedgerEntry]]) -> None:
    """The possible flows hold every edge that was taken, and nothing is missing."""
    laid = overlay_run(run_and_ledger[0])
    assert laid.undeclared == frozenset()
    assert laid.notes == ()


def test_a_lost_span_is_noticed(recorded: tuple[list[Span], list[LedgerEntry]]) -> None:
    """These tests could fail: without one attempt the counts differ, and the run says so."""
    spans, ledger = recorded
    fetch = next(span for span in spans if span.name == "run_step fetch")
    (run,) = read_runs([span for span in spans if span is not fetch])
    assert Counter((each.producer, short(each.type), each.consumer) for each in run.dispatches()) != taken(ledger)
    assert run.missing


DRAWN = """
import sys
from report_flow import ReportFlow
from wftrace import draw, overlay
from wftrace.exporters.file import read_trace
from wftrace.trace_reader import read_runs
sys.stdout.write(draw(ReportFlow).to_svg())
sys.stdout.write(overlay(read_runs(read_trace(sys.argv[1]))[0]).to_svg())
"""


def test_pictures_are_the_same_bytes_under_every_hash_seed(traced: tuple[Path, list[LedgerEntry]]) -> None:
    """Flow and overlay of one trace file, drawn by four interpreters."""
    drawn = [run_python(DRAWN, str(traced[0]), seed=seed) for seed in ("0", "1", "42", "4294967295")]
    assert drawn[0].count("</svg>") == 2
    assert len({hashlib.sha256(each.encode()).hexdigest() for each in drawn}) == 1


class Left:
    class Done(Event):
        pass


class Right:
    class Done(Event):
        pass


class Alike(Workflow):
    """Two events called Done and a step called Done."""

    @step
    async def begin(self, ctx: Context[Any], ev: StartEvent) -> Left.Done | Right.Done:
        ctx.send_event(Left.Done())
        return Right.Done()

    @step
    async def Done(self, ctx: Context[Any], ev: Left.Done | Right.Done) -> StopEvent | None:  # noqa: N802
        return StopEvent() if ctx.collect_events(ev, [Left.Done, Right.Done]) else None


def test_three_things_of_one_name_are_three_nodes() -> None:
    """In the graph: two events and a step."""
    assert len([node for node in Alike.graph.nodes.values() if node.name == "Done"]) == 3


def test_three_things_of_one_name_are_three_shapes() -> None:
    """In the drawing, each at a place of its own."""
    shapes = [node for node in draw(Alike).scene.nodes if node.id in _done_ids()]
    assert len(shapes) == len({node.id for node in shapes}) == 3


def test_three_things_of_one_name_are_counted_apart() -> None:
    """In the overlay: each event came once, the step ran twice."""
    with recording() as recorder:
        asyncio.run(_alike())
    (run,) = recorder.runs()
    laid = overlay_run(run)
    assert laid.steps["step:Done"].calls == 2
    assert [laid.events[node] for node in sorted(_done_ids()) if node.startswith("event:")] == [1, 1]
    assert overlay(run).to_svg().count("</svg>") == 1


def _done_ids() -> set[str]:
    return {node for node, found in Alike.graph.nodes.items() if found.name == "Done"}


async def _alike() -> None:
    await Alike().run()
