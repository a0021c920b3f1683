"""Chart, room and geometry become a scene: the one place where a static picture and an overlay part ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from wftrace.engine.graph import FlowGraph
from wftrace.overlays import HUMAN, EdgeKey, Overlay, StepFacts

from .chart import Chart, ChartNode, Group, Link, LinkKind, NodeKind, chart_of
from .coat import Coat
from .content import measured_rows, node_icon, node_size, policy_words, static_rows, trouble_spans
from .facts import Facts
from .geometry import Box
from .heat import Heat, heat_of
from .icons import SIGNS
from .layout import FrameRequest, Geometry, LinkRequest, NodeRequest, layout
from .lines import compose_line, label_room
from .marks import place_pill, place_rows
from .metrics import text_width
from .nested import Nested, with_nested
from .order import back_links
from .page import Options, finish
from .scene import SIZES, Frame, Line, Node, Scene, Text
from .seen import seen_in
from .sources import source_link
from .view import View, looked_at
from .words import describe_node, node_tooltip

_RADII = {NodeKind.STEP: 10.0, NodeKind.HUMAN: 14.0, NodeKind.OUTSIDE: 6.0, NodeKind.FOLDED: 10.0, NodeKind.NESTED: 3.0}


def compose_graph(
    graph: FlowGraph, options: Options | None = None, *, view: View | None = None, nested: tuple[Nested, ...] = ()
) -> Scene:
    """The scene of all possible flows, as far as ``view`` looks. ``nested`` are the workflows that steps run.

    Raises ``ViewError`` when the view names what is not there, ``LayoutError`` when Graphviz cannot lay it out.
    """
    return _compose(graph, Facts(), options or Options(), view or View(), nested)


def compose_overlay(
    overlay: Overlay,
    options: Options | None = None,
    *,
    critical: frozenset[EdgeKey] = frozenset(),
    view: View | None = None,
    nested: tuple[Nested, ...] = (),
) -> Scene:
    """The scene of one run. Boxes and links stand where they stand in the scene of all possible flows.

    What only the trace knows stands at the right of the rest and is routed around it, so it moves nothing; only a flow
    that has no node for the human gets one there when events came from outside.
    """
    facts = Facts(overlay, critical, seen_in(overlay))
    return _compose(overlay.graph, facts, options or Options(), view or View(), nested)


def _compose(graph: FlowGraph, facts: Facts, options: Options, view: View, nested: tuple[Nested, ...] = ()) -> Scene:
    chart = chart_of(graph, facts.overlay.edges if facts.overlay else ())
    if options.nesting != "rows":
        chart = with_nested(chart, nested, options.nesting)
    return compose_chart(looked_at(chart, view, facts.seen), graph, facts, options, view)


def compose_chart(
    chart: Chart,
    graph: FlowGraph,
    facts: Facts,
    options: Options,
    view: View | None = None,
    coat: Coat | None = None,
) -> Scene:
    """The scene of a chart that is made already; ``graph`` gives its name and figures to the title.

    A ``coat`` says of nodes and lines what several runs did, or how two versions differ.
    """
    back = _back(chart)
    geometry = _geometry(chart, back, options)
    direction = geometry.direction
    radii = {node.id: _radius(node) for node in chart.nodes}
    boxes = {node: replace(box, radius=radii[node]) for node, box in geometry.boxes.items()}
    lines = tuple(
        compose_line(
            f"e{index}",
            link,
            geometry.paths[link.key],
            (boxes[link.source], boxes[link.target]),
            geometry.labels.get(link.key),
            direction,
            link.key in back,
            facts.count(link),
            facts.is_critical(link),
            _names(chart, link),
        )
        for index, link in enumerate(chart.links)
    )
    ran = [step for node in chart.nodes if (step := facts.step(node)) is not None]
    heat = heat_of(options.color_by, ran)
    nodes = tuple(
        _node(f"n{index}", node, boxes[node.id], facts, lines, heat, options.source_link)
        for index, node in enumerate(chart.nodes)
    )
    if coat is not None:
        lines, nodes = _coated(coat, chart, geometry, lines, nodes)
    frames = tuple(_frame(f"g{index}", group, geometry) for index, group in enumerate(chart.groups))
    options = replace(options, direction=direction)
    caption = coat.caption if coat is not None else None
    return finish(
        graph, facts.overlay, nodes, lines, geometry.labels, options, frames, view or View(), heat.words, caption
    )


def _coated(
    coat: Coat, chart: Chart, geometry: Geometry, lines: tuple[Line, ...], nodes: tuple[Node, ...]
) -> tuple[tuple[Line, ...], tuple[Node, ...]]:
    lines = tuple(
        coat.line(line, link, geometry.labels.get(link.key), geometry.direction)
        for line, link in zip(lines, chart.links, strict=True)
    )
    touching: dict[str, list[Line]] = {node.id: [] for node in nodes}
    for line in lines:
        for end in dict.fromkeys((line.source, line.target)):
            touching[end].append(line)
    coated = (coat.node(node, of, touching[node.id]) for node, of in zip(nodes, chart.nodes, strict=True))
    return lines, tuple(coated)


def _frame(ref: str, group: Group, geometry: Geometry) -> Frame:
    box = geometry.frames[group.id]
    size, bold = SIZES["group"]
    label = Text(
        round(box.left + 10, 2), round(box.top + 15, 2), group.label, "group", text_width(group.label, size, bold=bold)
    )
    return Frame(ref, box, label, group.members)


def _names(chart: Chart, link: Link) -> tuple[str, str]:
    labels = {node.id: node.label or "outside" for node in chart.nodes if node.id in link.key}
    return labels[link.source], labels[link.target]


def _back(chart: Chart) -> frozenset[EdgeKey]:
    nodes = [node.id for node in chart.nodes if not node.extra]
    inside = _inside(chart)
    starts = [
        node.id for node in chart.nodes if node.kind is NodeKind.START and not node.extra and (node.id not in inside)
    ]
    return back_links(nodes, starts, [link.key for link in chart.links if not link.extra])


def _inside(chart: Chart) -> frozenset[str]:
    """The nodes that stand in a frame."""
    return frozenset(member for group in chart.groups for member in group.members)


def _geometry(chart: Chart, back: frozenset[EdgeKey], options: Options) -> Geometry:
    inside = _inside(chart)
    ranks: dict[NodeKind, Literal["source", "sink"]] = {NodeKind.START: "source", NodeKind.STOP: "sink"}
    nodes = [
        NodeRequest(
            node.id,
            *node_size(node),
            "" if node.note or node.id in inside else ranks.get(node.kind, ""),
            node.extra,
        )
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
            side=link.kind is LinkKind.FAILS and not link.source.startswith("any:"),
        )
        for link in chart.links
    ]
    size, bold = SIZES["group"]
    frames = [
        FrameRequest(group.id, text_width(group.label, size, bold=bold) + 8, group.members) for group in chart.groups
    ]
    return layout(nodes, links, options.direction, frames)


def _radius(node: ChartNode) -> float:
    if node.kind in _RADII:
        return _RADII[node.kind]
    return min(13.0, node_size(node)[1] / 2)


def _node(
    ref: str, node: ChartNode, box: Box, facts: Facts, lines: tuple[Line, ...], heat: Heat, template: str
) -> Node:
    step = facts.step(node) if node.kind in (NodeKind.STEP, NodeKind.FOLDED) else None
    waited = facts.overlay.human_ms if facts.overlay and node.id == HUMAN else 0.0
    seen = facts.was_seen(node)
    if seen:
        node = replace(node, note="")  # a run got here, whatever the flow says
    touching = [line for line in lines if node.id in (line.source, line.target)]
    rows = static_rows(node) if facts.overlay is None else measured_rows(node, step, waited)
    trouble = trouble_spans(step) if step and not node.brief else ()
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
        heat=heat.of(step),
        tooltip=node_tooltip(node, step),
        spoken=describe_node(node, step, seen if facts.overlay else None, waited),
        href=source_link(node, template),
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


def _details(node: ChartNode, facts: Facts, step: StepFacts | None) -> tuple[str, ...]:
    """What a text-only picture says about a node besides its name."""
    if node.facts:
        rows = measured_rows(node, step, 0.0) if facts.overlay is not None else static_rows(node)
        return tuple(span.text for row in rows[1:] for span in row.spans)
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
