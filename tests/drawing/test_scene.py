"""What is seen: names, states, words and colours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.drawing.report_flow import CRITICAL, FACTS, REPORT_FLOW, report_overlay, small
from wftrace.drawing.chart import NodeKind, chart_of
from wftrace.drawing.compose import compose_graph, compose_overlay
from wftrace.drawing.errors import LayoutError
from wftrace.drawing.graphviz import run_graphviz
from wftrace.drawing.palette import THEMES, contrast, line_pairs, text_pairs
from wftrace.drawing.scene import Node, Scene, Text
from wftrace.engine.graph import Edge, EdgeKind, EventKind, EventNode, FlowGraph, StepNode
from wftrace.overlays import HUMAN


def node(scene: Scene, name: str) -> Node:
    """The node with this label."""
    return next(each for each in scene.nodes if each.label == name)


def texts(scene: Scene, name: str) -> list[str]:
    """The texts in the node with this label."""
    return [mark.text for mark in node(scene, name).marks if isinstance(mark, Text)]


def three_done() -> FlowGraph:
    """Two events and a step that are all called ``Done``."""
    return FlowGraph(
        "Three",
        (StepNode("step:Done", "Done"),),
        (
            EventNode("event:app.a.Done", "Done", EventKind.START),
            EventNode("event:app.b.Done", "Done", EventKind.STOP),
        ),
        (
            Edge("event:app.a.Done", "step:Done", EdgeKind.ACCEPTS),
            Edge("step:Done", "event:app.b.Done", EdgeKind.RETURNS),
        ),
    )


def test_two_events_and_a_step_of_one_name_are_three_nodes() -> None:
    """Nodes are keyed by qualified names, and labels say which is which."""
    scene = compose_graph(three_done())
    assert sorted(each.label for each in scene.nodes) == ["Done", "a.Done", "b.Done"]


def test_a_step_shows_its_policy_its_resource_and_its_docstring() -> None:
    """Retry and workers stand at the right, what is the default is left out."""
    scene = compose_graph(REPORT_FLOW)
    shown = texts(scene, "fetch")
    assert {"fetch", "3× · 10 ms", "3 workers", "index: VectorIndex"} <= set(shown)
    assert any(text.startswith("Look one query up") for text in shown)
    assert not any("workers" in text for text in texts(scene, "plan"))


def test_a_join_says_what_it_waits_for() -> None:
    """A step that collects events says which and how many, and its edge has a crow's foot."""
    scene = compose_graph(REPORT_FLOW)
    assert "wait for FetchedEvent × 5" in texts(scene, "draft")
    assert [line.source.rpartition(".")[2] for line in scene.lines if line.foot] == ["FetchedEvent"]


def test_an_overlay_shows_measures_instead_of_the_docstring() -> None:
    """Calls, percentiles and the queue stand in the step; a single call has just its duration."""
    scene = compose_overlay(report_overlay())
    assert texts(scene, "fetch")[-2:] == ["6 calls · p50 21\u00a0ms", "p95 30\u00a0ms · queued 14\u00a0ms"]
    assert texts(scene, "draft")[-1] == "18\u00a0ms"
    assert texts(scene, "audit")[-1] == "not reachable"


def test_a_recovered_failure_is_told_in_a_pill() -> None:
    """What failed and was retried is said in words, not by colour alone."""
    fetch = node(compose_overlay(report_overlay()), "fetch")
    assert fetch.pill is not None
    assert fetch.pill.tone == "recovered"
    assert [mark.text for mark in fetch.pill.marks if isinstance(mark, Text)] == ["1 failed", "1 retried"]


def test_a_final_failure_is_a_state_of_its_own() -> None:
    """A step whose last attempt failed is failed, not recovered."""
    facts = {**FACTS, "step:review": replace(FACTS["step:review"], failed=1, recovered=False)}
    review = node(compose_overlay(report_overlay(steps=facts)), "review")
    assert "failed" in review.states
    assert "recovered" not in review.states


def test_what_did_not_happen_is_idle() -> None:
    """The branch that was not taken and the step that was not reached are idle, the rest is executed."""
    scene = compose_overlay(report_overlay())
    idle = {each.label for each in scene.nodes if "idle" in each.states}
    assert idle == {"audit", "AuditEvent"}
    assert sum("idle" in line.states for line in scene.lines) == 3


def test_the_width_of_a_line_grows_with_the_root_of_its_count() -> None:
    """1.4 plus the root of the count, up to a limit."""
    widths = {line.count: line.width for line in compose_overlay(report_overlay()).lines}
    assert widths[1] == 2.4
    assert widths[5] == pytest.approx(1.4 + 5**0.5, abs=0.01)


def test_the_critical_path_is_marked() -> None:
    """Edges named as critical are, and no others."""
    scene = compose_overlay(report_overlay(), critical=CRITICAL)
    assert {(line.source, line.target) for line in scene.lines if "critical" in line.states} == CRITICAL


def test_the_human_says_how_long_it_took() -> None:
    """The wait for a person stands at the person."""
    assert texts(compose_overlay(report_overlay()), "human") == ["human", "waited 301\u00a0ms"]


def test_heat_has_five_steps() -> None:
    """A step's share of the time is one of five fills."""
    heats = {each.label: each.heat for each in compose_overlay(report_overlay()).nodes if each.kind == "step"}
    assert heats == {"plan": 1, "fetch": 5, "draft": 2, "review": 2, "publish": 1, "audit": 0}


def test_a_request_that_nobody_streams_is_still_paired_with_the_human() -> None:
    """The human stands in the chart whenever a flow can ask or be answered."""
    chart = chart_of(REPORT_FLOW)
    assert [each.kind for each in chart.nodes if each.id == HUMAN] == [NodeKind.HUMAN]


def test_an_event_sent_from_outside_is_not_called_undeclared() -> None:
    """A caller may send any event; the line from the human is drawn, but it breaks no rule."""
    edges = {**report_overlay().edges, (HUMAN, REPORT_FLOW.events[1].id): 3}
    line = next(
        each
        for each in compose_overlay(report_overlay(edges=edges)).lines
        if (each.source, each.target) == (HUMAN, REPORT_FLOW.events[1].id)
    )
    assert line.count == 3
    assert "undeclared" not in line.states


def test_what_a_run_reached_is_not_called_unreachable() -> None:
    """An event that came from outside after all loses its warning, and its box stays as it was."""
    audit = REPORT_FLOW.events[8].id
    known = report_overlay()
    sent = report_overlay(edges={**known.edges, (HUMAN, audit): 1}, events={**known.events, audit: 1})
    reached, idle = node(compose_overlay(sent), "AuditEvent"), node(compose_overlay(known), "AuditEvent")
    assert "unreachable" in idle.states
    assert "unreachable" not in reached.states
    assert [mark.text for mark in reached.marks if isinstance(mark, Text)] == ["AuditEvent"]
    assert reached.box == idle.box


def test_a_streamed_event_leaves_the_flow() -> None:
    """An event that is only written to the stream is a pill of its own kind with a ring at the line's end."""
    scene = compose_graph(REPORT_FLOW)
    assert node(scene, "ProgressEvent").kind == "stream"
    assert [line.head for line in scene.lines if line.kind == "streams"] == ["ring"]


def test_the_legend_shows_what_is_there_and_only_from_six_steps_on() -> None:
    """A small flow needs no legend; a larger one explains what it has."""
    assert not compose_graph(small()).legend
    words = {item.text.text for item in compose_graph(REPORT_FLOW).legend}
    assert "sent with ctx.send_event" in words
    assert "awaited inside the step" not in words


def test_the_title_says_what_is_drawn() -> None:
    """Name, kind of picture, and the figures that matter."""
    assert compose_graph(REPORT_FLOW).summary == "all possible flows · 6 steps, 10 events"
    assert compose_overlay(report_overlay()).summary == "run 8f2c41d0… · 480\u00a0ms · completed, 1 retry"


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_has_a_contrast_of_4_5(theme: str) -> None:
    """Each colour of a text with each fill it stands on can be read, also when it is pale."""
    low = {pair: contrast(*pair) for pair in text_pairs(THEMES[theme]) if contrast(*pair) < 4.5}
    assert not low


@pytest.mark.parametrize("theme", THEMES)
def test_every_line_has_a_contrast_of_3(theme: str) -> None:
    """Each line and border can be seen on the paper."""
    low = {pair: contrast(*pair) for pair in line_pairs(THEMES[theme]) if contrast(*pair) < 3}
    assert not low


def test_a_broken_dot_text_is_a_layout_error() -> None:
    """What Graphviz refuses becomes an error of ours, and the next layout works again."""
    with pytest.raises(LayoutError, match="could not lay out"):
        run_graphviz("digraph { a -> ")
    assert '"pos"' in run_graphviz("digraph { a -> b }")
