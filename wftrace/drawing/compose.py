"""Chart, room and geometry become a scene: the one place where a static picture and an overlay part ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from wftrace.engine.graph import FlowGraph
from wftrace.overlays import HUMAN, EdgeKey, Overlay, StepFacts

from .chart import Chart, ChartNode, Link, LinkKind, NodeKind, chart_of
from .content import measured_rows, node_icon, node_size, policy_words, static_rows, trouble_spans
from .geometry import Box
from .icons import SIGNS
from .layout import Direction, Geometry, LinkRequest, NodeRequest, layout
from .lines import compose_line, label_room
from .marks import place_pill, place_rows
from .order import back_links
from .page import Options, Theme, finish
from .scene import Line, Node, Scene
from .words import describe_node, node_tooltip

_HEAT_LIMITS = (0.05, 0.15, 0.30, 0.50)
_RADII = {NodeKind.STEP: 10.0, NodeKind.HUMAN: 14.0, NodeKind.OUTSIDE: 6.0}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run did to a chart; all empty for the picture of all possible flows."""

    overlay: Overlay | None = None
    critical: frozenset[EdgeKey] = frozenset()

    def count(self, key: EdgeKey) -> int | None:
        """How often a link was taken; None where no run is looked at."""
        return None if self.overlay is None else self.overlay.edges.get(key, 0)

    def step(self, node: str) -> StepFacts | None:
        """What a step did; None when it did nothing."""
        return None if self.overlay is None else self.overlay.steps.get(node)


def compose_graph(
    graph: FlowGraph, *, direction: Direction = "TB", theme: Theme = "auto", legend: bool | None = None
) -> Scene:
    """The scene of all possible flows. ``legend=None`` shows a legend from 6 steps on."""
    return _compose(graph, Facts(), Options(direction, theme, legend))


def compose_overlay(
    overlay: Overlay,
    *,
    critical: frozenset[EdgeKey] = frozenset(),
    direction: Direction = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
) -> Scene:
    """The scene of one run. Boxes and links stand where they stand in the scene of all possible flows.

    What only the trace knows stands at the right of the rest and is routed around it, so it moves nothing; only a flow
    that has no node for the human gets one there when events came from outside.
    """
    return _compose(overlay.graph, Facts(overlay, critical), Options(direction, theme, legend))


def _compose(graph: FlowGraph, facts: Facts, options: Options) -> Scene:
    chart = chart_of(graph, facts.overlay.edges if facts.overlay else ())
    back = _back(chart)
    geometry = _geometry(chart, back, options.direction)
    radii = {node.id: _radius(node) for node in chart.nodes}
    boxes = {node: replace(box, radius=radii[node]) for node, box in geometry.boxes.items()}
    lines = tuple(
        compose_line(
            f"e{index}",
            link,
            geometry.paths[link.key],
            (boxes[link.source], boxes[link.target]),
            geometry.labels.get(link.key),
            options.direction,
            link.key in back,
            facts.count(link.key),
            link.key in facts.critical,
            _names(chart, link),
        )
        for index, link in enumerate(chart.links)
    )
    nodes = tuple(_node(f"n{index}", node, boxes[node.id], facts, lines) for index, node in enumerate(chart.nodes))
    return finish(graph, facts.overlay, nodes, lines, geometry.labels, options)


def _names(chart: Chart, link: Link) -> tuple[str, str]:
    labels = {node.id: node.label or "outside" for node in chart.nodes if node.id in link.key}
    return labels[link.source], labels[link.target]


def _back(chart: Chart) -> frozenset[EdgeKey]:
    nodes = [node.id for node in chart.nodes if not node.extra]
    starts = [node.id for node in chart.nodes if node.kind is NodeKind.START and not node.extra]
    return back_links(nodes, starts, [link.key for link in chart.links if not link.extra])


def _geometry(chart: Chart, back: frozenset[EdgeKey], direction: Direction) -> Geometry:
    ranks: dict[NodeKind, Literal["source", "sink"]] = {NodeKind.START: "source", NodeKind.STOP: "sink"}
    nodes = [
        NodeRequest(node.id, *node_size(node), "" if node.note else ranks.get(node.kind, ""), node.extra)
        for node in chart.nodes
    ]
    labels = {node.id: node.label for node in chart.nodes}
    links = [
        LinkRequest(
            link.source,
            link.target,
            label_room(link, labels[link.source]),
            back=link.key in back,
            extra=link.extra,
            side=link.kind is LinkKind.FAILS,
        )
        for link in chart.links
    ]
    return layout(nodes, links, direction)


def _radius(node: ChartNode) -> float:
    if node.kind in _RADII:
        return _RADII[node.kind]
    return min(13.0, node_size(node)[1] / 2)


def _node(ref: str, node: ChartNode, box: Box, facts: Facts, lines: tuple[Line, ...]) -> Node:
    step = facts.step(node.id)
    waited = facts.overlay.human_ms if facts.overlay and node.id == HUMAN else 0.0
    seen = facts.overlay is not None and _was_seen(node, facts.overlay)
    if seen:
        node = replace(node, note="")  # a run got here, whatever the flow says
    touching = [line for line in lines if node.id in (line.source, line.target)]
    rows = static_rows(node) if facts.overlay is None else measured_rows(node, step, waited)
    trouble = trouble_spans(step) if step else ()
    tone = "failed" if step and not step.recovered else "recovered"
    return Node(
        id=node.id,
        ref=ref,
        kind=node.kind.value,
        states=_states(node, facts, seen, step, touching),
        box=box,
        marks=place_rows(rows, box),
        label=node.label,
        icon=node_icon(node),
        details=_details(node, facts, step),
        pill=place_pill(trouble, box, tone, touching) if trouble else None,
        heat=_heat(step),
        tooltip=node_tooltip(node, step),
        spoken=describe_node(node, step, seen if facts.overlay else None, waited),
    )


def _states(
    node: ChartNode, facts: Facts, seen: bool, step: StepFacts | None, touching: Iterable[Line]
) -> tuple[str, ...]:
    states: list[str] = []
    if facts.overlay is not None:
        states.append("executed" if seen else "idle")
    if node.note and not seen:
        states.append("unreachable")
    if step is not None and step.failed:
        states.append("recovered" if step.recovered else "failed")
    if node.extra:
        states.append("aside" if node.id == HUMAN else "undeclared")
    if seen and any("critical" in line.states for line in touching):
        states.append("critical")
    return tuple(states)


def _was_seen(node: ChartNode, overlay: Overlay) -> bool:
    if node.step is not None and node.id in overlay.steps:
        return overlay.steps[node.id].calls > 0
    return overlay.events.get(node.id, 0) > 0 or any(
        count > 0 and node.id in key for key, count in overlay.edges.items()
    )


def _heat(step: StepFacts | None) -> int:
    if step is None or not step.calls:
        return 0
    return 1 + sum(step.share >= limit for limit in _HEAT_LIMITS)


def _details(node: ChartNode, facts: Facts, step: StepFacts | None) -> tuple[str, ...]:
    """What a text-only picture says about a node besides its name."""
    words = [f"{SIGNS['join'].glyph} {text}" for text in node.joins]
    if node.step is not None:
        words += [_in_words(icon, text) for icon, text in policy_words(node.step)]
    if facts.overlay is not None and node.step is not None:
        rows = measured_rows(replace(node, joins=()), step, 0.0)
        words += [span.text for row in rows for span in row.spans if span.role == "measure"]
    if step is not None:
        words += [_in_words(span.icon, span.text) for span in trouble_spans(step) if span.text]
    if node.id == HUMAN and facts.overlay is not None and facts.overlay.human_ms:
        words += [span.text for row in measured_rows(node, None, facts.overlay.human_ms)[1:] for span in row.spans]
    if node.note and node.note not in words:
        words.append(node.note)
    return tuple(words)


def _in_words(icon: str, text: str) -> str:
    if icon == "timeout":
        return f"timeout {text}"
    return f"{SIGNS[icon].glyph} {text}" if icon else text
