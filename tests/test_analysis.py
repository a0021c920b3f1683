"""What a run tells about itself: critical path, figures, timeline, log."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.handmade import EPOCH_NS, Story, at, flow, report_run
from wftrace.analysis import (
    BarKind,
    PathKind,
    PathPart,
    Workers,
    critical_edges,
    critical_path,
    log_rows,
    path_ms,
    queue_reason,
    summarise,
    timeline,
)
from wftrace.engine.graph import EventKind, StepNode
from wftrace.overlays import HUMAN, overlay_run
from wftrace.trace import ErrorFacts, Run

FORK = flow(
    "Fork",
    takes={"begin": ["Start"], "a": ["A"], "b": ["B"], "c": ["C"], "end": ["D"]},
    makes={"begin": ["A", "B"], "a": ["C"], "b": ["X"], "c": ["D"], "end": ["Stop"]},
)


def fork_run() -> Run:
    """``gather(a → c, b)``: b runs longer than anything, but nobody needs what it makes."""
    story = Story("Fork", FORK)
    story.run("begin#1", story.emit("Start", mode="start"), 0, 1)
    a, b = story.emit("A", "begin#1", 1), story.emit("B", "begin#1", 1)
    story.run("a#1", a, 1, 10)
    story.run("b#1", b, 1, 29)
    story.emit("X", "b#1", 29, delivered="unhandled")
    story.run("c#1", story.emit("C", "a#1", 10), 10, 30)
    story.run("end#1", story.emit("D", "c#1", 30), 30, 31)
    story.emit("Stop", "end#1", 31)
    return story.end(31)


def told(path: tuple[PathPart, ...]) -> list[tuple[str, str, float]]:
    """The path as kind, execution and milliseconds, without what took no time."""
    return [(part.kind.value, part.execution_id, round(part.duration_ms, 6)) for part in path if part.duration_ms]


def test_parallel_work_that_nobody_needed_is_not_on_the_path() -> None:
    """b took the longest and ended last before c, but it caused nothing."""
    assert told(critical_path(fork_run())) == [
        ("run", "begin#1", 1.0),
        ("run", "a#1", 9.0),
        ("run", "c#1", 20.0),
        ("run", "end#1", 1.0),
    ]


def test_critical_edges_are_those_between_the_causes() -> None:
    """Each event of the chain gives the edge that made it and the edge that took it."""
    assert critical_edges(critical_path(fork_run())) == {
        ("event:Start", "step:begin"),
        ("step:begin", "event:A"),
        ("event:A", "step:a"),
        ("step:a", "event:C"),
        ("event:C", "step:c"),
        ("step:c", "event:D"),
        ("event:D", "step:end"),
        ("step:end", "event:Stop"),
    }


def retry_run() -> Run:
    """One step that fails, backs off, is queued again and then stops the run."""
    graph = flow("Retry", takes={"work": ["Start"]}, makes={"work": ["Stop"]})
    story = Story("Retry", graph)
    start = story.emit("Start", mode="start")
    story.run("work#1", start, 2, 12, queued=2.0, error=ErrorFacts("ValueError", "no"), outcome="retrying")
    story.wait("retry", "work#1", 12, 22)
    story.run("work#1", start, 25, 40, number=2, queued=3.0)
    story.emit("Stop", "work#1", 40)
    return story.end(40)


def test_a_retry_is_linked_to_the_attempt_before_it() -> None:
    """Attempt, back-off, queue, attempt: linked parts whose sum is the wall time."""
    path = critical_path(retry_run())
    assert told(path) == [
        ("queue", "work#1", 2.0),
        ("run", "work#1", 10.0),
        ("back-off", "work#1", 10.0),
        ("queue", "work#1", 3.0),
        ("run", "work#1", 15.0),
    ]
    assert sum(part.duration_ms for part in path) == pytest.approx(40)


def test_a_join_waits_for_its_last_arrival() -> None:
    """Of two branches the one that arrived last is on the path, and the join is named as such."""
    graph = flow(
        "Join", takes={"go": ["Start"], "x": ["X"], "y": ["Y"], "meet": ["Xd", "Yd"]},
        makes={"go": ["X", "Y"], "x": ["Xd"], "y": ["Yd"], "meet": ["Stop"]},
    )  # fmt: skip
    story = Story("Join", graph)
    story.run("go#1", story.emit("Start", mode="start"), 0, 1)
    x, y = story.emit("X", "go#1", 1), story.emit("Y", "go#1", 1)
    story.run("x#1", x, 1, 5)
    story.run("y#1", y, 1, 9)
    xd = story.emit("Xd", "x#1", 5)
    story.run("meet#1", xd, 5, 5.1)
    yd = story.emit("Yd", "y#1", 9)
    story.run("meet#2", yd, 10, 11, joined=(xd, yd), collect_wait_ms=5.0)
    story.emit("Stop", "meet#2", 11)
    assert told(critical_path(story.end(11))) == [
        ("run", "go#1", 1.0),
        ("run", "y#1", 8.0),
        ("join", "meet#2", 1.0),
        ("run", "meet#2", 1.0),
    ]


def test_the_path_goes_through_the_human_to_whoever_asked() -> None:
    """The wait for an answer is a part of its own, with the edges to and from the human."""
    path = critical_path(report_run())
    human = [part for part in path if part.kind is PathKind.HUMAN]
    assert told(tuple(human)) == [("human", "review#3", 301.0)]
    prefix = "event:reports.flow."
    assert {(f"{prefix}ApprovalRequested", HUMAN), (HUMAN, f"{prefix}ApprovalGiven")} <= critical_edges(path)


def test_a_wait_inside_a_step_splits_its_run() -> None:
    """A step that waits for a human in ``wait_for_event`` runs before and after the wait."""
    kinds = {"Ask": EventKind.INPUT_REQUIRED, "Reply": EventKind.HUMAN_RESPONSE}
    graph = flow("Ask", takes={"ask": ["Start", "Reply"]}, makes={"ask": ["Ask", "Stop"]}, kinds=kinds)
    story = Story("Ask", graph)
    story.run("ask#1", story.emit("Start", mode="start"), 0, 20)
    asked, reply = story.emit("Ask", "ask#1", 3), story.emit("Reply", ms=15, mode="outside")
    story.wait("human", "ask#1", 3, 15, "Reply", (asked, reply))
    story.wait("event", "ask#1", 3, 15, "Reply", (reply,))
    story.emit("Stop", "ask#1", 20)
    run = story.end(20)
    assert told(critical_path(run)) == [("run", "ask#1", 3.0), ("human", "ask#1", 12.0), ("run", "ask#1", 5.0)]
    assert summarise(overlay_run(run)).busy_ms == pytest.approx(8)


def test_an_event_from_another_step_that_was_waited_for_is_walked_through() -> None:
    """A step that waits for an event of another step waits for that step."""
    graph = flow("Two", takes={"go": ["Start"], "main": ["M", "Done"], "help": ["H"]},
                 makes={"go": ["M", "H"], "main": ["Stop"], "help": ["Done"]})  # fmt: skip
    story = Story("Two", graph)
    story.run("go#1", story.emit("Start", mode="start"), 0, 1)
    m, h = story.emit("M", "go#1", 1), story.emit("H", "go#1", 1)
    story.run("main#1", m, 1, 12)
    story.run("help#1", h, 1, 9)
    done = story.emit("Done", "help#1", 9)
    story.wait("event", "main#1", 2, 10, "Done", (done,))
    story.emit("Stop", "main#1", 12)
    assert told(critical_path(story.end(12))) == [
        ("run", "go#1", 1.0),
        ("run", "help#1", 8.0),
        ("queue", "main#1", 1.0),
        ("run", "main#1", 2.0),
    ]


def test_a_failing_run_ends_in_the_attempt_that_failed() -> None:
    """Not the last attempt, but the one that the run names."""
    story = Story("Fork", FORK)
    story.run("begin#1", story.emit("Start", mode="start"), 0, 1)
    a, b = story.emit("A", "begin#1", 1), story.emit("B", "begin#1", 1)
    story.run("a#1", a, 1, 10, error=ErrorFacts("ValueError", "no"))
    story.run("b#1", b, 2, 10, outcome="cancelled")
    run = story.end(10, "failed", failed_execution="a#1", error=ErrorFacts("ValueError", "no"))
    assert told(critical_path(run)) == [("run", "begin#1", 1.0), ("run", "a#1", 9.0)]


def test_a_run_that_was_cancelled_while_a_human_was_asked_ends_in_that_wait() -> None:
    """The open question is what the run waited for."""
    kinds = {"Ask": EventKind.INPUT_REQUIRED, "Reply": EventKind.HUMAN_RESPONSE}
    takes, makes = {"ask": ["Start"], "end": ["Reply"]}, {"ask": ["Ask"], "end": ["Stop"]}
    graph = flow("Ask", takes=takes, makes=makes, kinds=kinds)
    story = Story("Ask", graph)
    story.run("ask#1", story.emit("Start", mode="start"), 0, 2)
    story.wait("human", "ask#1", 2, 50, "Reply", (story.emit("Ask", "ask#1", 2),), outcome="cancelled")
    run = story.end(50, "cancelled")
    assert told(critical_path(run)) == [("run", "ask#1", 2.0), ("human", "ask#1", 48.0)]


def test_a_run_without_attempts_has_no_path() -> None:
    """Nothing ran, so there is nothing to walk."""
    story = Story("Fork", FORK)
    story.emit("Start", mode="start")
    run = story.end(5, "cancelled")
    assert critical_path(run) == ()
    assert timeline(run) == ()


def test_a_run_without_a_graph_still_has_a_path() -> None:
    """Without the graph nobody knows the stop event: the path ends with the last attempt."""
    run = replace(fork_run(), graph=None)
    assert critical_path(run)[-1].execution_id == "end#1"


def test_causes_that_bite_their_own_tail_end_the_walk() -> None:
    """A damaged trace, in which an attempt made its own input, gives a path and not an endless loop."""
    run = fork_run()
    attempts = tuple(
        replace(each, inputs=each.outputs, input_executions=("a#1",)) if each.step == "a" else each
        for each in run.attempts
    )
    assert len(critical_path(replace(run, attempts=attempts))) < 20


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 5), st.integers(1, 9), st.booleans()), min_size=1, max_size=30
    )
)
def test_the_parts_of_any_path_touch_and_add_up(facts: list[tuple[int, int, int, bool]]) -> None:
    """Whatever caused what, the path is whole: from the start of the run to the stop event, without gap or overlap."""
    story = Story("Any", flow("Any", takes={"s": ["Start", "E"]}, makes={"s": ["E", "Stop"]}))
    event, ends = story.emit("Start", mode="start"), [0.0]
    events = [event]
    for number, (parent, delay, duration, fails) in enumerate(facts, 1):
        cause = parent % len(events)
        start = ends[cause] + delay
        name = f"s#{number}"
        if fails:
            story.run(name, events[cause], start, start + 1, error=ErrorFacts("E"), outcome="retrying")
            story.wait("retry", name, start + 1, start + 3)
            start += 4
        story.run(name, events[cause], start, start + duration, number=2 if fails else 1)
        ends.append(start + duration)
        events.append(story.emit("E", name, ends[-1]))
    story.emit("Stop", f"s#{len(facts)}", ends[-1])
    run = story.end(max(ends))
    path = critical_path(run)
    assert all(before.end_ns == after.start_ns for before, after in pairwise(path))
    assert path[0].start_ns == run.start_ns
    assert path[-1].end_ns == at(ends[-1])
    assert critical_edges(path) <= set(overlay_run(run).edges)


def test_where_the_time_went_is_sorted_by_size() -> None:
    """The kinds of the path's parts with their totals, the largest first."""
    assert list(path_ms(critical_path(report_run()))) == ["human", "run", "queue", "back-off", "join"]


def test_the_sentence_says_how_the_run_went() -> None:
    """Verdict, times in one unit, retries, coverage."""
    sentence = summarise(overlay_run(report_run())).sentence.replace("\xa0", " ")
    assert sentence == "✓ ok · 385 ms (76 busy · 301 human) · 1 retry · 13 of 15 edges taken"


def test_the_sentence_of_a_failed_run_counts_its_failed_attempts() -> None:
    """A failure that no retry mended is said."""
    run = replace(fork_run(), outcome="failed")
    attempts = tuple(replace(each, error=ErrorFacts("E")) if each.step == "b" else each for each in run.attempts)
    summary = summarise(overlay_run(replace(run, attempts=attempts)))
    assert summary.sentence.startswith("✗ failed · ")
    assert "1 failed attempt" in summary.sentence
    assert not summary.good


def test_every_attempt_is_one_bar_and_bars_of_a_lane_do_not_overlap() -> None:
    """The timeline leaves nothing out and draws nothing over another."""
    run = report_run()
    rows = timeline(run)
    ran = {BarKind.RUN, BarKind.FAILED, BarKind.CANCELLED}
    bars = [bar for row in rows for lane in row.lanes for bar in lane if bar.kind in ran]
    assert sorted((bar.execution_id, bar.number) for bar in bars) == sorted(each.key for each in run.attempts)
    for row in rows:
        for lane in row.lanes:
            assert all(before.end_ns <= after.start_ns for before, after in pairwise(lane))


def test_attempts_of_one_worker_that_overlap_get_lanes_of_their_own() -> None:
    """A trace that does not tell the worker is drawn without overlap."""
    run = report_run()
    blind = replace(run, attempts=tuple(replace(each, worker=0) for each in run.attempts))
    fetch = next(row for row in timeline(blind) if row.name == "fetch")
    assert fetch.workers == 3


def test_a_back_off_stands_before_its_retry() -> None:
    """Failed attempt, back-off and retry are three bars; the last two stand in one lane."""
    fetch = next(row for row in timeline(report_run()) if row.name == "fetch")
    lane = next(lane for lane in fetch.lanes if any(bar.kind is BarKind.BACK_OFF for bar in lane))
    assert [(bar.kind.value, bar.execution_id) for bar in lane[-2:]] == [("back-off", "fetch#4"), ("run", "fetch#4")]


def test_a_queue_names_its_reason() -> None:
    """An attempt that queued while all workers of its step ran says so; one that did not says nothing."""
    run = report_run()
    workers = Workers(run)
    reasons = {each.execution_id: queue_reason(each, workers, run.graph) for each in run.attempts if each.number == 1}
    assert reasons["fetch#5"] == "3 of 3 workers busy"
    assert reasons["fetch#1"] == reasons["plan#1"] == ""


def test_one_worker_is_said_in_the_singular() -> None:
    """``1 of 1 worker busy``."""
    single = StepNode("step:s", "s", num_workers=1)
    graph = flow("One", takes={"s": ["Start"]}, makes={"s": ["Stop"]}, steps={"s": single})
    story = Story("One", graph)
    start = story.emit("Start", mode="start")
    story.run("s#1", start, 0, 10)
    story.run("s#2", start, 10, 20, queued=10.0)
    run = story.end(20)
    assert queue_reason(run.attempts[1], Workers(run), graph) == "1 of 1 worker busy"


def test_the_log_stands_in_the_order_of_sequence_numbers() -> None:
    """Whatever order the run's parts come in."""
    run = report_run()
    shuffled = replace(run, attempts=run.attempts[::-1], emissions=run.emissions[::-1], waits=run.waits[::-1])
    rows = log_rows(shuffled)
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    assert [row.text for row in rows] == [row.text for row in log_rows(run)]


def test_the_log_folds_a_fan_out_into_one_line() -> None:
    """Five events of one type, made by one attempt for one step, are one line."""
    assert [row.text for row in log_rows(report_run()) if row.kind == "send"] == ["plan#1 → QueryEvent → fetch ×5"]


def test_a_failed_attempt_is_an_error_in_the_log() -> None:
    """With its exception and the reason of its queue."""
    errors = [row for row in log_rows(report_run()) if row.status == "error"]
    assert [row.text.replace("\xa0", " ") for row in errors] == [
        "fetch#4 ✗ RuntimeError: flaky · queued 21 ms, 3 of 3 workers busy"
    ]
    assert errors[0].ms == pytest.approx((at(20.9) - EPOCH_NS) / 1e6)


def test_parts_touch_when_the_times_of_a_trace_disagree() -> None:
    """A backend that rounds times may let a step begin before its event was made: the path has no overlap for it."""
    run = fork_run()
    late = tuple(replace(each, time_ns=each.time_ns + 400_000) for each in run.emissions)
    path = critical_path(replace(run, emissions=late))
    assert all(before.end_ns == after.start_ns for before, after in pairwise(path))
    assert all(part.duration_ms >= 0 for part in path)
