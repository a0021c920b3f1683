"""Places: one geometry for all pictures of a flow, the start first and the stop last, the same bytes everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drawing.report_flow import (
    COUNTS,
    CRITICAL,
    EDGES,
    EVENTS,
    REPORT_FLOW,
    STEPS,
    chain,
    report_overlay,
    with_undeclared,
)
from wftrace.drawing.compose import compose_graph, compose_overlay
from wftrace.drawing.graphviz import run_graphviz
from wftrace.drawing.layout import Direction
from wftrace.drawing.page import Options
from wftrace.drawing.scene import Scene
from wftrace.drawing.view import View
from wftrace.overlays import HUMAN

DIRECTIONS: list[Direction] = ["TB", "LR"]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_static_and_overlay_share_one_geometry(direction: Direction) -> None:
    """Flipping between all possible flows and one run moves no node and no line."""
    static = compose_graph(REPORT_FLOW, Options(direction))
    overlay = compose_overlay(report_overlay(), Options(direction), critical=CRITICAL)
    assert [(node.id, node.box) for node in static.nodes] == [(node.id, node.box) for node in overlay.nodes]
    assert [(line.source, line.target, line.path) for line in static.lines] == [
        (line.source, line.target, line.path) for line in overlay.lines
    ]


def test_what_only_the_trace_knows_moves_nothing() -> None:
    """Undeclared nodes and edges stand beside the rest, which keeps its places."""
    static = {node.id: node.box for node in compose_graph(REPORT_FLOW).nodes}
    overlay = {node.id: node.box for node in compose_overlay(with_undeclared()).nodes}
    assert {node: overlay[node] for node in static} == static
    assert set(overlay) - set(static) == {"event:other.Strange", "step:ghost"}


def test_undeclared_edges_are_drawn_as_such() -> None:
    """An edge that the trace has and the graph has not is drawn, marked and counted."""
    strange = [line for line in compose_overlay(with_undeclared()).lines if "undeclared" in line.states]
    assert len(strange) == 3
    assert all(line.label and line.label.text.startswith("!") for line in strange)


def test_start_is_topmost_and_stop_is_bottommost() -> None:
    """Loops and a human between do not push the start down or the stop up."""
    nodes = compose_graph(REPORT_FLOW).nodes
    tops = {node.kind: node.box.top for node in nodes}
    bottoms = {node.kind: node.box.bottom for node in nodes}
    assert tops["start"] == min(node.box.top for node in nodes)
    assert bottoms["stop"] == max(node.box.bottom for node in nodes)
    assert [node.kind for node in nodes if node.box.top == tops["start"]] == ["start"]


def test_start_is_leftmost_and_stop_is_rightmost_from_left_to_right() -> None:
    """The same holds in a picture that runs to the right."""
    nodes = compose_graph(REPORT_FLOW, Options("LR")).nodes
    assert min(nodes, key=lambda node: node.box.left).kind == "start"
    assert max(nodes, key=lambda node: node.box.right).kind == "stop"


def test_the_human_stands_between_request_and_answer() -> None:
    """A request goes down to the human, the answer comes from below it."""
    y = {node.kind: node.box.y for node in compose_graph(REPORT_FLOW).nodes}
    assert y["request"] < y["human"] < y["answer"]


def test_no_two_boxes_overlap() -> None:
    """Every box has its place for itself, also those beside the flow."""
    boxes = [node.box for node in compose_overlay(with_undeclared()).nodes]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = abs(one.x - other.x) >= (one.width + other.width) / 2
            assert apart or abs(one.y - other.y) >= (one.height + other.height) / 2


def test_every_text_stands_in_its_box() -> None:
    """No text of a node is wider than the node."""
    for scene in (compose_graph(REPORT_FLOW), compose_overlay(report_overlay())):
        for node in scene.nodes:
            for mark in node.marks:
                width = getattr(mark, "width", 0) or getattr(mark, "size", 0)
                assert node.box.left <= mark.x
                assert mark.x + width <= node.box.right


@pytest.mark.parametrize("scene", [compose_graph(REPORT_FLOW), compose_overlay(with_undeclared())])
def test_everything_stands_on_the_page(scene: Scene) -> None:
    """No node, line or text reaches over the border of the picture."""
    xs = [x for node in scene.nodes for x in (node.box.left, node.box.right)]
    xs += [x for line in scene.lines for x, _ in line.path.points]
    xs += [text.x + text.width for text in (*scene.title, *scene.notes, *(item.text for item in scene.legend))]
    ys = [y for line in scene.lines for _, y in line.path.points] + [node.box.bottom for node in scene.nodes]
    assert scene.left <= min(xs)
    assert max(xs) <= scene.left + scene.width
    assert min(ys) >= 0
    assert max(ys) <= scene.height


def test_every_edge_of_the_graph_is_one_line() -> None:
    """Lines are the edges of the graph and the two at the human; no more, no fewer."""
    lines = [(line.source, line.target) for line in compose_graph(REPORT_FLOW).lines]
    assert len(lines) == len(set(lines))
    human = {key for key in lines if HUMAN in key}
    assert set(lines) - human == {edge.key for edge in EDGES}
    assert len(human) == 2


def test_counts_on_lines_are_the_counts_of_the_overlay() -> None:
    """The sum of the counts drawn is the sum of the counts in the run."""
    lines = compose_overlay(report_overlay()).lines
    assert sum(line.count or 0 for line in lines) == sum(COUNTS.values())


def test_a_chain_of_200_steps_is_laid_out() -> None:
    """Long flows are drawn as well: 401 nodes, 400 lines."""
    scene = compose_graph(chain(200), view=View(events="nodes"))
    assert (len(scene.nodes), len(scene.lines)) == (401, 400)


def test_many_layouts_do_not_let_the_memory_grow() -> None:
    """After a thousand layouts the embedded Graphviz holds no more memory than after a hundred."""
    from wftrace.drawing.graphviz import _backend

    dot = "digraph { a -> b -> c -> a; b -> d [label=xx] }"
    sizes = []
    for count in (100, 900):
        for _ in range(count):
            run_graphviz(dot)
        session = _backend()._session
        sizes.append(session.memory.data_len(session.store))
    assert sizes[0] == sizes[1]


def test_the_bytes_do_not_depend_on_the_hash_seed(repository: Path) -> None:
    """Four processes with four hash seeds write the same SVG, DOT, Mermaid and text."""
    code = (
        "from tests.drawing.report_flow import *\n"
        "from wftrace.render import draw_overlay\n"
        "import hashlib\n"
        "p = draw_overlay(with_undeclared(), critical=CRITICAL)\n"
        "print(hashlib.sha256((p.to_svg() + p.to_dot() + p.to_mermaid() + p.to_ascii()).encode()).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=repository,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(repository)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(found) == 1


def test_the_reference_flow_is_whole() -> None:
    """The fixture has what the design's reference flow has."""
    assert (len(STEPS), len(EVENTS)) == (6, 10)
