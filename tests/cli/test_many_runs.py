"""``wftrace stats``, ``aggregate``, ``variants``, ``coverage`` and ``conform`` as they are called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ASKING, JOKE, RETRYING, Call
from wftrace.cli.filters import parse_filter
from wftrace.cli.many_runs import is_code

BRANCHING = """
from wftrace import Event, StartEvent, StopEvent, Workflow, step

class Left(Event):
    pass

class Right(Event):
    pass

class Fork(Workflow):
    @step
    async def choose(self, ev: StartEvent) -> Left | Right:
        return Left() if ev.go == "left" else Right()

    @step
    async def left(self, ev: Left) -> StopEvent:
        return StopEvent(result="left")

    @step
    async def right(self, ev: Right) -> StopEvent:
        if ev_is_bad:
            raise ValueError("bad")
        return StopEvent(result="right")

ev_is_bad = False
"""


@pytest.fixture
def forked(flow: Callable[..., Path], call: Call) -> Call:
    """Three runs of Fork to the left, in ``runs.jsonl`` beside ``fork.py``."""
    flow(BRANCHING, "fork.py")
    for _ in range(3):
        assert call("run", "fork.py", "go=left", "--trace", "runs.jsonl").code == 0
    return call


def test_stats_counts_runs_steps_and_outcomes(forked: Call) -> None:
    """A headline for the flow and a line for each step, also for one that never ran."""
    done = forked("stats", "runs.jsonl")
    assert done.code == 0
    assert done.out.startswith("Fork · 3 runs · 3 completed · 4 of 7 edges taken · 1 variant\n")
    assert "never ran" in next(line for line in done.out.splitlines() if line.startswith("right"))


def test_stats_as_json_names_its_schema(forked: Call) -> None:
    """The document has every figure of each workflow."""
    found = json.loads(forked("stats", "runs.jsonl", "--json").out)
    assert (found["schema"], found["workflows"][0]["runs"]) == ("wftrace/stats@1", 3)
    assert {step["id"]: step["calls"] for step in found["workflows"][0]["steps"]} == {"step:choose": 3, "step:left": 3}


def test_two_workflows_in_one_file_get_a_table_each(forked: Call, flow: Callable[..., Path]) -> None:
    """``stats`` tells all of them; a command about one of them asks which."""
    flow(JOKE, "joke.py")
    forked("run", "joke.py", "topic=x", "--trace", "runs.jsonl")
    done = forked("stats", "runs.jsonl")
    assert "JokeFlow · 1 run" in done.out
    assert "Fork · 3 runs" in done.out
    unclear = forked("variants", "runs.jsonl")
    assert (unclear.code, "--only workflow=Fork" in unclear.err) == (2, True)
    assert forked("variants", "runs.jsonl", "--only", "workflow=Fork").code == 0


def test_aggregate_draws_runs_over_the_flow(forked: Call, tmp_path: Path) -> None:
    """The file is an SVG of three runs; the figures are in the document."""
    done = forked("aggregate", "runs.jsonl", "fork.py", "-o", "runs.svg")
    assert (done.code, "3 runs, 4 of 7 edges taken" in done.err) == (0, True)
    assert "3 runs" in (tmp_path / "runs.svg").read_text()
    found = json.loads(forked("aggregate", "runs.jsonl", "--json").out)
    assert found["schema"] == "wftrace/aggregate@1"
    assert len(found["variants"]) == 1


def test_aggregate_reads_folders_and_patterns(forked: Call, tmp_path: Path) -> None:
    """The same run in two files is counted once."""
    (tmp_path / "traces").mkdir()
    text = (tmp_path / "runs.jsonl").read_text()
    (tmp_path / "traces" / "a.jsonl").write_text(text)
    (tmp_path / "traces" / "b.jsonl").write_text(text)
    for source in ("traces", "traces/*.jsonl"):
        assert json.loads(forked("aggregate", source, "--json").out)["runs"] == 3


def test_variants_lists_ways_with_an_example(forked: Call) -> None:
    """The most frequent way comes first, each with a run that took it."""
    forked("run", "fork.py", "go=right", "--trace", "runs.jsonl")
    done = forked("variants", "runs.jsonl")
    rows = done.out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["3", "1"]
    assert [row.endswith(way) for row, way in zip(rows, ("choose → left", "choose → right"), strict=True)] == [
        True,
        True,
    ]
    found = json.loads(forked("variants", "runs.jsonl", "--json").out)
    example = found["variants"][1]["example"]
    assert forked("show", "runs.jsonl", "--run", example[:12]).code == 0


def test_coverage_lists_holes_with_file_and_line_and_fails_below_the_minimum(forked: Call) -> None:
    """4 of 7 edges are 57 %: enough for 50, too little for 90."""
    done = forked("coverage", "fork.py:Fork", "runs.jsonl", "--min", "50")
    assert done.code == 0
    assert done.out.splitlines()[0] == "Fork: 4 of 7 edges taken (57 %), 2 of 3 steps, 3 of 4 events"
    assert "fork.py:19: edge Right → right: never taken" in done.out
    low = forked("coverage", "fork.py:Fork", "runs.jsonl", "--min", "90")
    assert (low.code, "57 % is less than 90 %" in low.err) == (1, True)
    found = json.loads(forked("coverage", "fork.py", "runs.jsonl", "--min", "90", "--json", "-q").out)
    assert (found["schema"], found["ok"], found["edges"]) == (
        "wftrace/coverage@1",
        False,
        {"taken": 4, "possible": 7},
    )


def test_coverage_draws_the_holes(forked: Call, tmp_path: Path) -> None:
    """With -o the picture has them dashed."""
    forked("coverage", "fork.py", "runs.jsonl", "-o", "coverage.svg")
    assert "never taken" in (tmp_path / "coverage.svg").read_text()


def test_conform_accepts_runs_of_the_flow_itself(forked: Call) -> None:
    """What a flow did, its graph allows."""
    done = forked("conform", "fork.py", "runs.jsonl")
    assert (done.code, "ok: 3 runs of Fork" in done.err) == (0, True)


def test_conform_finds_runs_of_another_version(forked: Call, flow: Callable[..., Path], shell: Call) -> None:
    """A step was renamed: its runs are of another version, and do what the flow no longer allows."""
    flow(BRANCHING.replace("def left(", "def port("), "fork.py")
    done = shell("conform", "fork.py", "runs.jsonl")
    assert done.code == 1
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["version", "step", "edge", "edge"]
    assert "step: left is not a step of the flow (3 runs, 3 times; for example run" in done.out
    found = json.loads(shell("conform", "fork.py", "runs.jsonl", "--any-version", "--json").out)
    assert (found["schema"], [each["kind"] for each in found["deviations"]]) == (
        "wftrace/conform@1",
        ["step", "edge", "edge"],
    )


def test_retries_and_humans_are_counted(flow: Callable[..., Path], call: Call) -> None:
    """A step that failed twice before it worked, and a flow that asked."""
    flow(RETRYING, "stubborn.py")
    call("run", "stubborn.py", "--trace", "r.jsonl")
    step = json.loads(call("stats", "r.jsonl", "--json").out)["workflows"][0]["steps"][0]
    assert (step["calls"], step["failed"], step["retried"], step["lost"]) == (3, 2, 2, 0)
    flow(ASKING, "asking.py")
    call("run", "asking.py", "--trace", "h.jsonl", "--reply", 'Approval={"approved": true}')
    found = json.loads(call("stats", "h.jsonl", "--json").out)["workflows"][0]
    assert (found["human"]["count"], found["human"]["unanswered"]) == (1, 0)


@pytest.mark.parametrize("command", ["stats", "aggregate", "variants"])
def test_what_is_not_there_ends_with_4_and_a_cure(command: str, call: Call, tmp_path: Path) -> None:
    """A missing file, an empty folder, a pattern that fits nothing, a file without runs."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.jsonl").write_text("")
    for source in ("missing.jsonl", "empty", "*.none", "none.jsonl"):
        done = call(command, source)
        assert (done.code, done.out, "try: " in done.err) == (4, "", True), source


def test_filters_choose_runs(forked: Call) -> None:
    """By outcome, by moment, by the beginning of an id; what fits nothing says so."""
    assert forked("stats", "runs.jsonl", "--only", "outcome=failed").code == 4
    assert forked("stats", "runs.jsonl", "--only", "since=2001-01-01,outcome=ok").code == 0
    wrong = forked("stats", "runs.jsonl", "--only", "outcom=ok")
    assert (wrong.code, "--only outcome=VALUE" in wrong.err) == (2, True)
    assert forked("stats", "runs.jsonl", "--only", "since=yesterday").code == 2


def test_a_filter_is_read_as_it_is_written() -> None:
    """Several in one option, or several options."""
    found = parse_filter(["outcome=ok, since=2026-01-01", "run=8f"], "--only")
    assert found.text == "outcome=ok,since=2026-01-01,run=8f"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("flow.py", True),
        ("a/b.py:Flow", True),
        ("pkg.mod:Flow", True),
        ("flow.py@HEAD~1", True),
        ("pkg.mod:Flow@feature/x", True),
        ("runs.jsonl", False),
        ("traces/", False),
        ("*.jsonl", False),
        ("phoenix:last", False),
        ("jaeger", False),
        ("https://example.org/trace/1", False),
        ("-", False),
    ],
)
def test_traces_and_workflows_are_told_apart(text: str, code: bool) -> None:
    """By how they are written; nothing is opened."""
    assert is_code(text) is code
