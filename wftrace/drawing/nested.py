"""Workflows that a step runs: as a box beside it, or with all their steps in a frame."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from wftrace.engine.graph import FlowGraph
from wftrace.engine.steps import spec_of
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.units import count_of

from .chart import Chart, ChartNode, Group, Link, LinkKind, NodeKind, chart_of
from .names import clipped, one_line

Nesting = Literal["rows", "boxes", "frames"]

_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Nested:
    """A workflow that a step gets under the name of a parameter, with those that run inside it."""

    step: str
    parameter: str
    graph: FlowGraph
    inside: tuple[Nested, ...] = field(default=())


def nested_in(flow: Workflow | type[Workflow], depth: int = _DEPTH) -> tuple[Nested, ...]:
    """The workflows that the steps of a flow run, by the classes in their annotations; four floors deep."""
    owner = flow if isinstance(flow, type) else type(flow)
    found = []
    for step in graph_of(flow).steps if depth else ():
        function = getattr(owner, step.name, None)
        hints = _hints(function)
        for item in step.resources:
            inner = _workflow_in(hints.get(item.name))
            if inner is not None:
                found.append(Nested(step.id, item.name, graph_of(inner), nested_in(inner, depth - 1)))
    return tuple(found)


def with_nested(chart: Chart, nested: tuple[Nested, ...], how: Nesting, prefix: str = "") -> Chart:
    """The chart with nested workflows as boxes or frames instead of rows in the steps."""
    if how == "rows" or not nested:
        return chart
    ids = {node.id for node in chart.nodes}
    nodes, links, groups = list(chart.nodes), list(chart.links), list(chart.groups)
    for each in nested:
        step = prefix + each.step
        if step not in ids:
            continue
        place = next(index for index, node in enumerate(nodes) if node.id == step)
        nodes[place] = _without_row(nodes[place], each.parameter)
        name = f"{step}/{each.parameter}"
        title = clipped(one_line(f"{each.parameter}: {each.graph.name}"))
        if how == "boxes":
            nodes.append(_box(name, title, each))
            links.append(Link(step, name, LinkKind.RUNS))
            continue
        inner = with_nested(_renamed(chart_of(each.graph), name), each.inside, how, f"{name}/")
        nodes += inner.nodes
        groups += [Group(name, title, tuple(node.id for node in inner.nodes)), *inner.groups]
        links += [*inner.links, *_doors(step, inner, name)]
    return Chart(tuple(nodes), tuple(links), tuple(groups))


def _doors(step: str, inner: Chart, name: str) -> list[Link]:
    starts = [node.id for node in inner.nodes if node.kind is NodeKind.START and node.id.startswith(f"{name}/event:")]
    return [Link(step, start, LinkKind.RUNS) for start in starts]


def _box(name: str, title: str, each: Nested) -> ChartNode:
    graph = each.graph
    totals = f"{count_of(len(graph.steps), 'step')} · {count_of(len(graph.events), 'event')}"
    more = [f"in it {inner.parameter}: {inner.graph.name}" for inner in each.inside]
    return ChartNode(name, NodeKind.NESTED, title, facts=(totals, one_line(graph.doc.partition("\n")[0]), *more))


def _without_row(node: ChartNode, parameter: str) -> ChartNode:
    if node.step is None:
        return node
    rest = tuple(item for item in node.step.resources if item.name != parameter)
    return replace(node, step=replace(node.step, resources=rest))


def _renamed(chart: Chart, name: str) -> Chart:
    """The chart with every id behind the name of its place."""
    return Chart(
        tuple(replace(node, id=f"{name}/{node.id}") for node in chart.nodes),
        tuple(
            replace(
                link,
                source=f"{name}/{link.source}",
                target=f"{name}/{link.target}",
                ways=tuple(tuple(f"{name}/{each}" for each in way) for way in link.ways),
            )
            for link in chart.links
        ),
    )


def _hints(function: object) -> dict[str, Any]:
    spec = spec_of(function)
    if spec is None:
        return {}
    try:
        return typing.get_type_hints(spec.function, localns=spec.namespace, include_extras=False)
    except Exception:  # the annotations are strangers' code
        return {}


def _workflow_in(annotation: object) -> type[Workflow] | None:
    """The workflow class that an annotation names, also where it may be None."""
    for each in (annotation, *typing.get_args(annotation)):
        if isinstance(each, type) and issubclass(each, Workflow) and each is not Workflow:
            return each
    return None
