"""``overlay``, ``report`` and ``show``: what is read from a trace, without any of the user's code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import ASKING, FAILING, JOKE, RETRYING, Call

Write = Callable[..., Path]
Traced = Callable[..., Path]


@pytest.fixture
def traced(flow: Write, call: Call, tmp_path: Path) -> Traced:
    """Run a flow, keep its trace, and delete the flow."""

    def run(text: str, *arguments: str, name: str = "run.jsonl") -> Path:
        path = flow(text, f"gone_{len(list(tmp_path.iterdir()))}.py")
        call("run", path.name, *arguments, "--trace", name)
        path.unlink()
        return tmp_path / name

    return run


def test_overlay_needs_no_code(traced: Traced, call: Call, tmp_path: Path) -> None:
    """A trace is drawn over the graph that it carries."""
    traced(JOKE, "topic=x")
    done = call("overlay", "run.jsonl", "-o", "run.svg")
    assert (done.code, done.out, done.err) == (0, "", "wrote run.svg (4 of 4 edges taken)\n")
    assert ElementTree.parse(tmp_path / "run.svg").getroot().tag.endswith("svg")


def test_overlay_over_another_graph(traced: Traced, flow: Write, call: Call) -> None:
    """--graph draws the run over the workflow that is named, and says that it is another version."""
    traced(JOKE, "topic=x")
    flow(JOKE.replace("async def judge", "async def weigh"), "newer.py")
    done = call("overlay", "run.jsonl", "--graph", "newer.py:JokeFlow", "-f", "ascii")
    assert done.code == 0
    assert "another version" in done.err
    assert "weigh" in done.out


def test_standard_input_is_a_trace(traced: Traced, shell: Call) -> None:
    """The trace - is read from standard input."""
    text = traced(JOKE, "topic=x").read_text()
    assert "judge#1" in shell("show", "-", stdin=text).out
    assert 'digraph "JokeFlow"' in shell("overlay", "-", stdin=text).out


def test_report_joins_traces(traced: Traced, call: Call, tmp_path: Path) -> None:
    """Several traces become one page."""
    traced(JOKE, "topic=x", name="one.jsonl")
    traced(ASKING, "--reply", 'Approval={"approved": true}', name="two.jsonl")
    done = call("report", "one.jsonl", "two.jsonl", "-o", "both.html")
    assert (done.code, done.err) == (0, "wrote both.html (2 runs)\n")
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert "JokeFlow" in page
    assert "Audit" in page


def test_the_tree_has_attempts_and_back_offs(traced: Traced, call: Call) -> None:
    """show has a line for each execution; below it its attempts, back-offs and errors."""
    traced(RETRYING)
    lines = [line.split() for line in call("show", "run.jsonl").out.splitlines()]
    names = [" ".join(line[:4]) for line in lines]
    order = [name for name in names if "attempt" in name or "back-off" in name or "fetch#1" in name]
    assert [name.split(" +")[0].lstrip("├└│─ ") for name in order] == [
        "fetch#1",
        "attempt 1",
        "back-off",
        "attempt 2",
        "back-off",
        "attempt 3",
    ]


@pytest.mark.parametrize("view", ["--tree", "--timeline", "--log"])
def test_control_characters_do_not_reach_the_terminal(traced: Traced, call: Call, view: str) -> None:
    """An escape sequence in an error's text is shown harmless in every view."""
    traced(RETRYING)
    done = call("show", "run.jsonl", view)
    assert done.code == 0
    assert "\x1b" not in done.out


def test_the_tree_shows_the_human(traced: Traced, call: Call) -> None:
    """A question to a human and its time stand below the execution that asked."""
    traced(ASKING, "--reply", 'Approval={"approved": true}')
    assert "└─ ☺ human" in call("show", "run.jsonl").out


def test_the_timeline_has_a_row_per_step_and_a_legend(traced: Traced, call: Call) -> None:
    """--timeline draws a bar per attempt and explains its signs."""
    traced(RETRYING)
    out = call("show", "run.jsonl", "--timeline").out
    assert "✗" in out
    assert "✗ failed" in out
    assert "┄ back-off" in out


def test_the_log_is_in_order(traced: Traced, call: Call) -> None:
    """--log has a line for everything, by sequence number."""
    traced(JOKE, "topic=x")
    lines = call("show", "run.jsonl", "--log").out.splitlines()[4:]
    numbers = [int(line.split()[0]) for line in lines]
    assert numbers == sorted(numbers)
    assert any("judge#1" in line for line in lines)


def test_one_step_is_shown_alone(traced: Traced, call: Call) -> None:
    """show TRACE STEP has that step's lines only, in every view."""
    traced(JOKE, "topic=x")
    for view in ("--tree", "--timeline"):
        body = "\n".join(call("show", "run.jsonl", "judge", view).out.splitlines()[3:])
        assert "judge" in body
        assert "\ntell" not in body
        assert " tell#1 " not in body.replace("from tell#1", "")


def test_one_execution_is_shown_with_all_its_facts(traced: Traced, call: Call) -> None:
    """show TRACE STEP#N has outcome, times, events, error and traceback of each attempt."""
    traced(FAILING)
    done = call("show", "run.jsonl", "work#1")
    assert done.code == 0
    for fact in ("outcome", "queued", "StartEvent from outside", "KeyError", 'known["missing"]', "span"):
        assert fact in done.out


def test_the_last_run_is_taken_and_said(traced: Traced, call: Call) -> None:
    """Of several runs the last one is shown, and standard error says so; --run chooses another."""
    traced(JOKE, "topic=x")
    traced(ASKING, "--reply", 'Approval={"approved": true}')
    done = call("show", "run.jsonl")
    assert "Audit" in done.out
    assert done.err.startswith("2 runs in the trace, taking the last (")
    assert "--run ID" in done.err
    first = call("overlay", "run.jsonl", "--run", "zzz").err
    wanted = next(line for line in first.splitlines() if "runs: " in line).split("runs: ")[1].split(", ")[0]
    assert "JokeFlow" in call("show", "run.jsonl", "--run", wanted[:6]).out


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def test_a_cut_trace_is_read_as_far_as_it_goes(traced: Traced, call: Call) -> None:
    """A trace whose end is missing is shown, and what is missing is said."""
    cut(traced(JOKE, "topic=x"))
    done = call("show", "run.jsonl")
    assert done.code == 0
    assert "cut short" in done.err
    assert "run span is missing" in done.err
    assert "judge#1" in done.out


@pytest.mark.parametrize(
    "command", [("overlay", "-f", "ascii"), ("overlay", "-o", "a.svg"), ("report", "-o", "a.html")]
)
def test_a_run_without_its_graph_is_drawn_as_it_was_seen(traced: Traced, call: Call, command: tuple[str, ...]) -> None:
    """A trace that lost its graph is drawn and reported; what is missing is a warning."""
    cut(traced(JOKE, "topic=x"))
    done = call(*command, "run.jsonl")
    assert done.code == 0
    assert "warning: " in done.err
    assert "run span is missing" in done.err


def test_a_graph_may_be_named_for_a_run_that_lost_its_own(traced: Traced, flow: Write, call: Call) -> None:
    """--graph draws a cut trace over the whole flow; the note without it says so."""
    cut(traced(JOKE, "topic=x"))
    assert "wftrace overlay run.jsonl --graph" in call("overlay", "run.jsonl", "-o", "a.svg").err
    flow(JOKE)
    assert "of 4 edges taken" in call("overlay", "run.jsonl", "--graph", "flow.py", "-o", "a.svg").err


def test_only_traces_are_suggested(flow: Write, call: Call) -> None:
    """In the place of a missing trace a .jsonl file is suggested, as a command, and nothing else."""
    flow("", "missing.json")
    flow("", "z.jsonl")
    assert "try: wftrace run " in call("show", "missing.jsonl").err
    flow("", "mising.jsonl")
    assert "try: wftrace show mising.jsonl\n" in call("show", "missing.jsonl").err


FOREIGN = {
    "resourceSpans": [
        {
            "scopeSpans": [
                {
                    "scope": {"name": "other"},
                    "spans": [
                        {
                            "name": "GET /",
                            "traceId": "1" * 32,
                            "spanId": "2" * 16,
                            "startTimeUnixNano": "1",
                            "endTimeUnixNano": "2",
                        }
                    ],
                }
            ]
        }
    ]
}


@pytest.mark.parametrize("command", [("show",), ("overlay",), ("report", "-o", "a.html")])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("zzz", "--trace"),
        ("rn.jsonl", "run.jsonl"),
        ("empty.jsonl", "--trace"),
        ("cut.jsonl", "--trace"),
        ("text.jsonl", "--trace"),
        ("foreign.jsonl", "none of a workflow run"),
        (".", "directory"),
    ],
)
def test_unreadable_traces(flow: Write, call: Call, command: tuple[str, ...], name: str, told: str) -> None:
    """A trace that is missing, empty, cut, no trace or somebody else's ends with code 4 and a cure."""
    flow("", "empty.jsonl")
    flow('{"resourceSpans": [', "cut.jsonl")
    flow("hello\n", "text.jsonl")
    flow("", "run.jsonl")
    flow(json.dumps(FOREIGN), "foreign.jsonl")
    done = call(*command, name)
    assert (done.code, done.out) == (4, "")
    assert told in done.err
    assert "  try: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "run.jsonl", "tel"), 2, "try: wftrace show run.jsonl tell"),
        (("show", "run.jsonl", "tell#9"), 2, "try: wftrace show run.jsonl tell#1"),
        (("show",), 2, "try: wftrace show --help"),
        (("show", "run.jsonl", "--run", "zzz"), 4, "try: --run"),
        (("overlay", "run.jsonl", "-o", "a.svgg"), 2, "try: -o a.svg"),
        (("overlay", "run.jsonl", "-o", "gone/a.svg"), 2, "try: mkdir -p gone"),
        (("overlay", "run.jsonl", "--graph", "nowhere.py"), 3, "there is no file nowhere.py"),
        (("report", "run.jsonl"), 2, "try: wftrace report --help"),
        (("report", "-o", "a.html"), 2, "try: wftrace report --help"),
        (("report", "run.jsonl", "-o", "a.txt"), 2, "try: -o a.html"),
        (("report", "run.jsonl", "-o", "gone/a.html"), 2, "try: mkdir -p gone"),
    ],
)
def test_bad_input(traced: Traced, call: Call, arguments: tuple[str, ...], code: int, told: str) -> None:
    """Each wrong call has its exit code, writes nothing to standard output, and names the cure."""
    traced(JOKE, "topic=x")
    done = call(*arguments)
    assert (done.code, done.out) == (code, "")
    assert told in done.err
