"""Figures of runs that were counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.handmade import MODULE, Story, report_graph, report_run
from tests.many.stories import small_graph, small_run
from wftrace.engine.graph import Edge, EdgeKind, StepNode
from wftrace.many import (
    Change,
    Conformance,
    aggregate_of,
    compare_code,
    compare_runs,
    coverage_of,
    folded,
    tally_of,
    way_of,
)
from wftrace.overlays import HUMAN
from wftrace.trace import Run


def runs(number: int, **facts: object) -> list[Run]:
    """Runs that differ in their ids only."""
    return [small_run(f"{facts.get('items', 2)}-{n}", **facts) for n in range(number)]  # type: ignore[arg-type]


def test_steps_are_counted_over_all_runs() -> None:
    """Three runs of two items, one of which fails once in one run."""
    found = aggregate_of(tally_of([*runs(2), small_run("x", failing=1, ms=30)]))
    work = found.steps["step:work"]
    assert (work.runs, work.calls, work.executions, work.failed, work.retried, work.lost) == (3, 7, 6, 1, 1, 0)
    assert work.failure_share == 1 / 7
    assert (work.time.p50_ms, work.time.p95_ms, work.time.total_ms) == (10, 30, 130)
    assert (work.queue.p50_ms, work.queue.total_ms) == (1, 6)
    assert found.edges["event:Item", "step:work"].count == 7
    assert found.edges["step:split", "event:Item"].count == 6
    assert found.outcomes == {"completed": 3}


def test_an_edge_knows_how_many_runs_took_it() -> None:
    """Taken twice in one run is taken in one run."""
    found = aggregate_of(tally_of([*runs(3), small_run("x", extra=True)]))
    edge = found.edges["step:work", "event:Extra"]
    assert (edge.count, edge.runs) == (1, 1)
    assert found.edges["event:Done", "step:join"].runs == 4


def test_a_human_is_told_apart_from_work() -> None:
    """The reference run waited 301 ms for its answer, most of its time."""
    found = aggregate_of(tally_of([report_run()]))
    assert (found.human.count, found.human.p50_ms, found.unanswered) == (1, 301, 0)
    assert found.human_share == pytest.approx(301 / 385)
    assert found.edges[f"event:{MODULE}ApprovalRequested", HUMAN].count == 1


def test_a_run_of_the_reference_flow_covers_13_of_15_edges() -> None:
    """The holes are the branch that was not taken and the step that cannot be reached."""
    found = coverage_of(aggregate_of(tally_of([report_run()], report_graph())))
    assert (found.edges, found.steps, found.events) == ((13, 15), (5, 6), (9, 10))
    assert found.sentence == "13 of 15 edges taken (87 %)"
    assert [(hole.what, hole.dead) for hole in found.holes] == [
        ("publish → DraftEvent", False),
        ("AuditEvent → audit", True),
        ("audit", True),
        ("AuditEvent", True),
    ]


def test_holes_say_where_they_are_written() -> None:
    """An edge's place is that of its step."""
    found = coverage_of(aggregate_of(tally_of(runs(1), report_graph())))
    holes = {hole.what: (hole.file, hole.line) for hole in found.holes if hole.kind == "edge"}
    assert holes["QueryEvent → fetch"] == ("flow.py", 44)


def test_no_run_covers_nothing() -> None:
    """Coverage without runs is 0 %, not an error."""
    found = coverage_of(aggregate_of(tally_of([], small_graph())))
    assert (found.percent, found.edges[0], found.reaches(0)) == (0, 0, True)


@pytest.mark.parametrize(
    ("places", "way"),
    [
        ("a b c", "a b c"),
        ("a a a", "(a)+"),
        ("a b a b a", "(a → b)+ a"),
        ("a b b c b b c d", "a ((b)+ → c)+ d"),
        ("", ""),
    ],
)
def test_loops_are_folded(places: str, way: str) -> None:
    """However often a loop goes round, its way is the same."""
    found = " ".join(folded(places.split()))
    assert found == way


def test_a_way_tells_causes_and_not_times() -> None:
    """Fan-out, retry, loop and human of the reference run in one line."""
    assert " → ".join(way_of(report_run())) == "plan → fetch↻ → draft → (review)+ → ☺ → publish"


def test_how_wide_a_fan_out_is_makes_no_variant_and_a_retry_does() -> None:
    """Runs are told apart by what they did, not by how much of it."""
    found = aggregate_of(tally_of([*runs(2), *runs(3, items=4), small_run("x", failing=1)]))
    assert [(each.text, each.runs) for each in found.variants] == [
        ("split → work → join", 5),
        ("split → work↻ → join", 1),
    ]


def test_runs_of_two_versions_are_counted_and_told() -> None:
    """The newest graph is drawn; what only the older one has is drawn as observed, and the note counts its runs."""
    old = small_graph()
    old = replace(
        old,
        steps=(*old.steps, StepNode("step:gone", "gone", file="flow.py", line=9)),
        edges=(*old.edges, Edge("event:Item", "step:gone", EdgeKind.ACCEPTS)),
    )
    story = Story("Small", old)
    story.run("split#1", story.emit("Begin", mode="start"), 0, 1)
    story.run("gone#1", story.emit("Item", "split#1", 1), 1, 2)
    found = aggregate_of(tally_of([replace(story.end(2), run_id="old"), small_run("new", begin=10**9)]))
    assert [version.runs for version in found.versions] == [1, 1]
    assert found.graph.nodes["step:gone"].line == 9
    assert found.undeclared == {("event:Item", "step:gone")}
    assert found.notes == ("1 run was of another version of the flow than the one drawn",)


def test_a_flow_that_ran_as_main_is_the_same_flow() -> None:
    """Types of ``__main__`` and of the module that the target is in are one where the name leaves no doubt."""
    graph = report_graph()
    renamed = report_run()
    text = graph.to_json().replace(MODULE, "__main__.")
    renamed = replace(
        renamed,
        graph=type(graph).from_json(text),
        graph_hash="",
        emissions=tuple(replace(each, type=each.type.replace(MODULE, "__main__.")) for each in renamed.emissions),
        attempts=tuple(
            replace(
                each,
                input_types=tuple(kind.replace(MODULE, "__main__.") for kind in each.input_types),
                streamed={kind.replace(MODULE, "__main__."): count for kind, count in each.streamed.items()},
            )
            for each in renamed.attempts
        ),
    )
    found = Conformance(graph)
    found.add(renamed)
    assert found.deviations == ()
    assert coverage_of(aggregate_of(tally_of([renamed], graph))).edges == (13, 15)


def test_conformance_names_what_the_flow_does_not_allow() -> None:
    """An undeclared edge, an unknown step and event, and another version, each with its runs and an example."""
    story = Story("Small", small_graph())
    story.run("split#1", story.emit("Begin", mode="start"), 0, 1)
    story.run("ghost#1", story.emit("Odd", "split#1", 1), 1, 2)
    strange = replace(story.end(2), run_id="strange", graph_hash="other")
    found = Conformance(small_graph())
    for run in (strange, small_run()):
        found.add(run)
    assert (found.runs, found.deviating, found.conforms) == (2, 1, False)
    assert [(each.kind, each.what, each.example) for each in found.deviations] == [
        ("version", "other", "strange"),
        ("step", "ghost", "strange"),
        ("event", "Odd", "strange"),
        ("edge", "Odd → ghost", "strange"),
        ("edge", "split → Odd", "strange"),
    ]


def test_two_runs_are_compared_by_their_numbers() -> None:
    """A branch only in B, more calls, more failures; times only when they are half as long again."""
    a, b = small_run("a", ms=10), small_run("b", items=3, failing=1, extra=True, ms=14)
    found = compare_runs(aggregate_of(tally_of([a])), aggregate_of(tally_of([b])))
    assert found.edges["step:work", "event:Extra"].change is Change.ADDED
    work = found.nodes["step:work"]
    figures = {figure.name: (figure.before, figure.after, figure.real) for figure in work.figures}
    assert figures["calls"] == (2, 4, True)
    assert figures["time"] == (10, 14, False)
    assert figures["failed"] == (0, 1, True)
    assert found.nodes["step:split"].change is Change.SAME


def test_small_cohorts_are_not_told_apart_and_large_ones_are() -> None:
    """Five runs on each side say nothing about 10 and 12 ms; forty do."""
    for number, expected in ((5, "not distinguishable (n=5)"), (40, "Δ 1")):
        a, b = (aggregate_of(tally_of(small_run(f"{n}", ms=ms + n % 5) for n in range(number))) for ms in (10.0, 12.0))
        assert compare_runs(a, b).sentence == expected


def test_code_is_compared_by_what_it_says() -> None:
    """Workers changed, a step and its edges gone; places in the file do not count."""
    before = small_graph()
    steps = tuple(replace(step, num_workers=9, line=99) for step in before.steps if step.name != "join")
    edges = tuple(edge for edge in before.edges if "step:join" not in edge.key)
    found = compare_code(before, replace(before, steps=steps, edges=edges))
    assert found.nodes["step:join"].change is Change.REMOVED
    assert found.nodes["step:work"].figures[0].name == "workers"
    assert found.sentence == "− 4 · Δ 2"
    assert compare_code(before, before).empty
