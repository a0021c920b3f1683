"""What is read back from a real backend is what happened: the run that a recorder saw in the process, equal in all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.backends.flows import FLOWS, WIDE
from tests.backends.servers import Backend
from wftrace.exporters.file import read_trace
from wftrace.exporters.jaeger import jaeger_web
from wftrace.exporters.jaeger_json import decode_traces
from wftrace.exporters.sources import BackendError, open_source
from wftrace.overlays import overlay_run
from wftrace.render import draw_overlay
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs

PROGRAM = Path(__file__).with_name("flows.py")
ARRIVAL_S = 60.0


def traced(backend: Backend, folder: Path, *names: str) -> dict[str, str]:
    """Run flows in a process of their own that traces to a backend; their run ids by name."""
    surroundings = {
        **os.environ,
        **backend.variables,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "XDG_STATE_HOME": str(folder / "state"),
        "WFTRACE_CAPTURE": "full",
    }
    command = [sys.executable, str(PROGRAM), backend.name, str(folder / "recorded.jsonl"), *names]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(line.split() for line in done.stdout.splitlines())


def arrived(read: Callable[[], Sequence[Span]], count: int) -> list[Span]:
    """What is read, as soon as ``count`` spans are there; both backends answer before they have stored."""
    deadline = time.monotonic() + ARRIVAL_S
    while True:
        try:
            spans = list(read())
        except BackendError as error:
            if error.kind != "missing" or time.monotonic() > deadline:
                raise
            spans = []
        if len(spans) >= count or time.monotonic() > deadline:
            return spans
        time.sleep(0.2)


def bare(run: Run) -> Run:
    """The run without what differs between two observers of it: ids of traces and spans, and the service's name."""
    return replace(
        run,
        segments=tuple(replace(each, trace_id="", span_id="") for each in run.segments),
        attempts=tuple(replace(each, trace_id="", span_id="") for each in run.attempts),
        emissions=tuple(replace(each, span_id="") for each in run.emissions),
        waits=tuple(replace(each, span_id="") for each in run.waits),
        checkpoints=tuple(replace(each, span_id="") for each in run.checkpoints),
        service="",
    )


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Backend], tuple[dict[str, str], list[Span]]]:
    """For a backend: the run ids of all flows that went there, and the spans that the recorder kept."""

    @cache
    def of(name: str, variables: tuple[tuple[str, str], ...], url: str) -> tuple[dict[str, str], list[Span]]:
        folder = tmp_path_factory.mktemp(name)
        ids = traced(Backend(name, url, dict(variables), folder), folder, *FLOWS)
        return ids, read_trace(folder / "recorded.jsonl")

    return lambda backend: of(backend.name, tuple(backend.variables.items()), backend.url)


Sent = Callable[[Backend], tuple[dict[str, str], list[Span]]]


def expected(spans: Sequence[Span], run_id: str) -> tuple[list[Run], int]:
    """The recorded run of that id with those nested in it, and how many spans they have."""
    ids = {run_id, *(run.run_id for run in read_runs(spans) if run.parent_run_id == run_id)}
    mine = [span for span in spans if span.attributes.get("wftrace.run.id") in ids]
    return read_runs(mine), len(mine)


@pytest.mark.parametrize("name", FLOWS)
def test_a_run_comes_back_as_it_was(name: str, pointed: Backend, sent: Sent) -> None:
    """Attempts, dispatches, emissions, waits, outcome, payloads, errors and graph: equal in every field."""
    ids, recorded = sent(pointed)
    runs, count = expected(recorded, ids[name])
    spans = arrived(open_source(f"{pointed.name}:run={ids[name]}").spans, count)
    assert [bare(run) for run in read_runs(spans)] == [bare(run) for run in runs]


@pytest.mark.parametrize("name", FLOWS)
def test_a_run_looks_as_it_was(name: str, pointed: Backend, sent: Sent) -> None:
    """The overlay is equal, and its picture is the same, byte for byte."""
    ids, recorded = sent(pointed)
    runs, count = expected(recorded, ids[name])
    back = read_runs(arrived(open_source(f"{pointed.name}:run={ids[name]}").spans, count))
    for here, there in zip(runs, back, strict=True):
        laid, laid_back = overlay_run(bare(here)), overlay_run(bare(there))
        assert laid == laid_back
        assert draw_overlay(laid).to_svg() == draw_overlay(laid_back).to_svg()


def test_a_wide_run_comes_in_pages(pointed: Backend, sent: Sent) -> None:
    """Five hundred events at once are all there, though Phoenix gives a thousand spans a page at most."""
    ids, recorded = sent(pointed)
    _, count = expected(recorded, ids["wide"])
    spans = arrived(open_source(f"{pointed.name}:run={ids['wide']}").spans, count)
    (run,) = read_runs(spans)
    assert len({(span.trace_id, span.span_id) for span in spans}) == count > 2 * WIDE
    assert sum(dispatch.consumer == "join" for dispatch in run.dispatches()) == WIDE


def test_a_trace_leads_to_all_segments_of_its_run(pointed: Backend, sent: Sent) -> None:
    """A run that paused has a trace for each segment; from any of them the whole run is found."""
    ids, recorded = sent(pointed)
    _, count = expected(recorded, ids["paused"])
    spans = arrived(open_source(f"{pointed.name}:run={ids['paused']}").spans, count)
    traces = {span.trace_id for span in spans}
    assert len(traces) == 2
    for trace in traces:
        (run,) = read_runs(open_source(f"{pointed.name}:{trace}").spans())
        assert (run.run_id, [segment.number for segment in run.segments]) == (ids["paused"], [1, 2])


def test_a_nested_run_comes_alone_too(pointed: Backend, sent: Sent) -> None:
    """A run that another one started is found by its own id."""
    ids, recorded = sent(pointed)
    runs, count = expected(recorded, ids["nested"])
    arrived(open_source(f"{pointed.name}:run={ids['nested']}").spans, count)
    inner = runs[-1]
    assert inner.parent_run_id == ids["nested"]
    back = read_runs(open_source(f"{pointed.name}:run={inner.run_id}").spans())
    assert bare(inner) in [bare(run) for run in back]


def test_the_page_of_a_trace_is_a_source(pointed: Backend, sent: Sent) -> None:
    """The address that links and browsers show is read like any other TRACE."""
    ids, recorded = sent(pointed)
    _, count = expected(recorded, ids["report"])
    source = open_source(f"{pointed.name}:run={ids['report']}")
    spans = arrived(source.spans, count)
    (link,) = source.links.values()
    page = link.replace("{trace_id}", spans[0].trace_id)
    assert page.startswith(pointed.url)
    assert read_runs(open_source(page).spans()) == read_runs(spans)


def test_the_beginning_of_a_run_id_is_enough(pointed: Backend, sent: Sent) -> None:
    """Ids are found by their first letters, as ``--run`` does it."""
    ids, recorded = sent(pointed)
    _, count = expected(recorded, ids["report"])
    arrived(open_source(f"{pointed.name}:run={ids['report']}").spans, count)
    begun = open_source(f"{pointed.name}:run={ids['report'][:7]}").spans()
    assert {run.run_id for run in read_runs(begun)} == {ids["report"]}


def test_recent_runs_are_listed_newest_first(pointed: Backend, sent: Sent) -> None:
    """Top-level runs only, filtered by workflow, and by whether they failed."""
    ids, recorded = sent(pointed)
    for name in FLOWS:
        arrived(open_source(f"{pointed.name}:run={ids[name]}").spans, expected(recorded, ids[name])[1])
    source = open_source(pointed.name)
    listed = source.recent(limit=100)
    starts = [run.start_ns for run in listed]
    assert starts == sorted(starts, reverse=True)
    assert set(ids.values()) <= {run.run_id for run in listed}
    assert not any(run.parent_run_id for run in listed)
    assert ids["wide"] in [run.run_id for run in source.recent(workflow="Wide")]
    assert {run.workflow for run in source.recent(workflow="Wide")} == {"Wide"}
    failed = source.recent(errors=True)
    assert ids["failing"] in [run.run_id for run in failed]
    assert {run.outcome for run in failed} == {"failed"}


def test_jaegers_older_interface_tells_the_same(jaeger: Backend, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists as text, numbers as text, links without attributes: the same run."""
    monkeypatch.setenv("JAEGER_UI", jaeger.url)
    ids, recorded = sent(jaeger)
    for name in ("report", "failing"):
        runs, count = expected(recorded, ids[name])
        newer = arrived(open_source(f"jaeger:run={ids[name]}").spans, count)
        older = jaeger_web().document(f"/api/traces/{newer[0].trace_id}", [("raw", "true")])
        assert [bare(run) for run in read_runs(decode_traces(older))] == [bare(run) for run in runs]
