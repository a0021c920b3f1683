"""Pictures of many runs and of differences: the same places, every number on its edge, signs beside colours."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.drawing.report_flow import REPORT_FLOW, small
from tests.handmade import MODULE, Story, report_graph, report_run
from tests.many.stories import small_graph, small_run
from wftrace.drawing.comparison import compose_diff
from wftrace.drawing.compose import compose_graph
from wftrace.drawing.many import compose_aggregate
from wftrace.drawing.scene import Node, Scene, Text
from wftrace.drawing.view import View
from wftrace.engine.graph import FlowGraph
from wftrace.many import Aggregate, Diff, aggregate_of, compare_code, compare_runs, tally_of
from wftrace.many_pictures import aggregate, coverage, diff
from wftrace.overlays import HUMAN, overlay_run
from wftrace.render.picture import Picture

HOSTILE = [
    '"><script>alert(1)</script>',
    "a\nb\x1b[31m",
    "]]>",
    "%% -->",
    "\\N\\G",
    "{|<x>}",
    "\u202eabc",
    "x" * 900,
    "&lt;",
]


def figures() -> Aggregate:
    """Two runs of the reference flow."""
    return aggregate_of(tally_of([report_run(), replace(report_run(), run_id="other")]))


def node(scene: Scene, name: str) -> Node:
    """The node with this label."""
    return next(each for each in scene.nodes if each.label == name)


def texts(scene: Scene, name: str) -> list[str]:
    """What is written in a node."""
    return [mark.text for mark in node(scene, name).marks if isinstance(mark, Text)]


def changed() -> Diff:
    """A run of two items, and one that takes another branch too and fails once."""
    a, b = small_run("a"), small_run("b", items=3, failing=1, extra=True, ms=40)
    return compare_runs(aggregate_of(tally_of([a])), aggregate_of(tally_of([b])))


@pytest.mark.parametrize("which", ["aggregate", "diff", "code"])
def test_static_aggregate_and_difference_have_one_geometry(which: str) -> None:
    """Flipping between them moves no node and no line."""
    static = compose_graph(report_graph())
    found = figures()
    scene = {
        "aggregate": lambda: compose_aggregate(found),
        "diff": lambda: compose_diff(compare_runs(found, found)),
        "code": lambda: compose_diff(compare_code(report_graph(), report_graph())),
    }[which]()
    assert {each.id: each.box for each in scene.nodes} == {each.id: each.box for each in static.nodes}
    assert [each.path for each in scene.lines] == [each.path for each in static.lines]


def test_every_count_of_the_runs_stands_on_an_edge() -> None:
    """The sum over the lines is that of the two runs' overlays, the human's edges included."""
    scene = compose_aggregate(figures())
    once = overlay_run(report_run())
    assert {(line.source, line.target): line.count for line in scene.lines if line.count} == {
        key: 2 * count for key, count in once.edges.items()
    }


def test_what_no_run_did_is_a_hole_and_what_none_can_do_is_not() -> None:
    """The branch not taken is dashed and named; the unreachable step stays pale."""
    scene = compose_aggregate(figures())
    states = {(line.source, line.target): line.states for line in scene.lines}
    assert "hole" in states["step:publish", f"event:{MODULE}DraftEvent"]
    assert "hole" not in states[f"event:{MODULE}AuditEvent", "step:audit"]
    labels = [line.label.text for line in scene.lines if line.label and "hole" in line.states]
    assert labels == ["never taken"]


def test_an_edge_that_some_runs_took_says_how_many_of_them() -> None:
    """One of four runs sent Extra: 25 %."""
    runs = [small_run("x", extra=True), *(small_run(f"{n}") for n in range(3))]
    scene = compose_aggregate(aggregate_of(tally_of(runs)))
    labels = {line.target: line.label.text for line in scene.lines if line.label and line.source == "step:work"}
    assert labels["event:Extra"] == "1 · 25 %"


def test_failures_are_told_as_their_part_of_all_calls() -> None:
    """One of five calls failed and was retried."""
    scene = compose_aggregate(aggregate_of(tally_of([small_run(), small_run("x", failing=1)])))
    pill = node(scene, "work").pill
    assert pill is not None
    assert [mark.text for mark in pill.marks if isinstance(mark, Text)] == ["20 % failed", "1 retried"]


def test_the_waits_for_a_human_stand_at_the_human() -> None:
    """p50 and p95 of all answers."""
    words = texts(compose_aggregate(figures()), "human")
    assert words[1].replace("\xa0", " ") == "p50 301 ms · p95 301 ms"


def test_signs_and_numbers_tell_changes_without_colour() -> None:
    """Each changed line and step bears +, − or Δ, and what does not change bears none."""
    scene = compose_diff(changed())
    labels = {(line.source, line.target): line.label.text for line in scene.lines if line.label}
    assert labels["step:work", "event:Extra"] == "+ ×1"
    assert labels["event:Item", "step:work"] == "Δ 2 → 4"
    assert ("event:Begin", "step:split") not in labels
    assert "Δ 2 → 4 calls" in texts(scene, "work")
    assert any(getattr(mark, "name", "") == "changed" for mark in node(scene, "work").marks)
    back = compose_diff(compare_code(small_graph(), replace(small_graph(), steps=small_graph().steps[:2], edges=())))
    assert {"removed"} <= {state for each in back.nodes for state in each.states}


def test_a_difference_that_may_be_chance_is_in_brackets() -> None:
    """One of three runs on one side took a branch: the sign is shown, and called not distinguishable."""
    a = aggregate_of(tally_of(small_run(f"{n}") for n in range(3)))
    b = aggregate_of(tally_of(small_run(f"{n}", extra=n == 0) for n in range(3)))
    scene = compose_diff(compare_runs(a, b))
    label = next(line.label for line in scene.lines if line.target == "event:Extra")
    assert label is not None
    assert label.text == "(+ 33 %)"
    assert "not distinguishable (n=3)" in scene.summary


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["svg", "html", "dot", "mermaid", "ascii", "json"])
def test_names_from_outside_stay_text(text: str, form: str) -> None:
    """Hostile names of steps and events make no markup, and no node or line is lost."""
    story = Story(text, hostile_graph(text))
    begin, middle, end = (event.type for event in story.graph.events)  # type: ignore[union-attr]
    story.run(f"{text}#1", story.emit(begin, mode="start"), 0, 1)
    story.run("last#1", story.emit(middle, f"{text}#1", 1), 1, 2)
    story.emit(end, "last#1", 2)
    found = aggregate_of(tally_of([story.end(3)]))
    pictures = (
        Picture(compose_aggregate(found)),
        Picture(compose_diff(compare_runs(found, aggregate_of(tally_of([small_run()])), (text, text)))),
    )
    for picture in pictures:
        made = getattr(picture, f"to_{form}")()
        assert "<script" not in made or form in ("ascii", "dot", "json")
        assert "\x1b" not in made
        if form == "svg":
            tree = ElementTree.fromstring(made)
            lines = [each for each in tree.iter() if each.get("data-source")]
            assert len(lines) == len(picture.scene.lines)


def hostile_graph(text: str) -> FlowGraph:
    """A flow with the text in every name."""
    return small(text, (f"m.{text}", f"m.{text}2", f"m.{text}3"), text)


def test_the_same_figures_make_the_same_bytes() -> None:
    """Whatever the order of the runs was."""
    runs = [report_run(), replace(report_run(), run_id="other")]
    first, second = (aggregate(order).picture().to_svg() for order in (runs, runs[::-1]))
    assert first == second


def test_folded_events_keep_their_names_and_counts() -> None:
    """With events on the edges a label has the event and how often it was taken."""
    scene = compose_aggregate(figures(), view=View(events="edges"))
    labels = [line.label.text for line in scene.lines if line.label]
    assert any(re.fullmatch(r"QueryEvent ×1[02]", text) for text in labels), labels


def test_figures_from_python_draw_and_write_themselves() -> None:
    """``aggregate``, ``coverage`` and ``diff`` give figures, a picture and a document; a notebook shows the picture."""
    runs = [report_run()]
    for made, schema in (
        (aggregate(runs), "wftrace/aggregate@1"),
        (coverage(report_graph(), runs), "wftrace/coverage@1"),
        (diff(runs[0], runs), "wftrace/diff@1"),
        (diff(REPORT_FLOW, report_graph()), "wftrace/diff@1"),
    ):
        assert f'"schema": "{schema}"' in made.to_json()
        assert any(kind.startswith("image/svg") or kind == "text/html" for kind in made._repr_mimebundle_())
        assert made.picture().to_svg().startswith("<svg")


def test_the_human_of_a_comparison_says_how_long_it_took() -> None:
    """301 ms on both sides."""
    found = compare_runs(figures(), figures())
    assert found.nodes[HUMAN].figures[0].before == 301
