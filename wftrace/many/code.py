"""Two versions of a flow's code, compared by their graphs."""

from __future__ import annotations

from collections.abc import Iterator

from wftrace.engine.graph import Edge, EventNode, FlowGraph, StepNode
from wftrace.overlays import EdgeKey
from wftrace.units import format_ms

from .alignment import renamed_graph
from .comparing import united
from .difference import Change, Compared, Diff, Figure, Side


def compare_code(a: FlowGraph, b: FlowGraph, names: tuple[str, str] = ("A", "B")) -> Diff:
    """B held against A: steps, events and edges that are new, gone, or say something else. Places do not count."""
    a = renamed_graph(a, b)
    edges_a, edges_b = _edges(a), _edges(b)
    graph = united(b, a)
    return Diff(
        kind="code",
        graph=graph,
        a=Side(names[0], version=a.hash),
        b=Side(names[1], version=b.hash),
        nodes={node: _node(node, a.nodes.get(node), b.nodes.get(node)) for node in graph.nodes},
        edges={key: _edge(key, edges_a.get(key), edges_b.get(key)) for key in dict.fromkeys((*edges_b, *edges_a))},
        notes=() if a.name == b.name else (f"two different workflows: {a.name} and {b.name}",),
    )


def _edges(graph: FlowGraph) -> dict[EdgeKey, tuple[Edge, ...]]:
    """All edges between two nodes: they are one line in a picture."""
    edges: dict[EdgeKey, tuple[Edge, ...]] = {}
    for edge in graph.edges:
        edges[edge.key] = (*edges.get(edge.key, ()), edge)
    return edges


def _node(node: str, a: StepNode | EventNode | None, b: StepNode | EventNode | None) -> Compared:
    if a is None or b is None:
        return Compared(node, Change.ADDED if a is None else Change.REMOVED)
    before, after = dict(_said(a)), dict(_said(b))
    figures = tuple(
        Figure(name, before.get(name), after.get(name), "text", real=True)
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )
    return Compared(node, Change.CHANGED if figures else Change.SAME, figures)


def _edge(key: EdgeKey, a: tuple[Edge, ...] | None, b: tuple[Edge, ...] | None) -> Compared:
    if a is None or b is None:
        return Compared(key, Change.ADDED if a is None else Change.REMOVED)
    before, after = _kinds(a), _kinds(b)
    figures = (Figure("kind", before, after, "text", real=True),) if before != after else ()
    return Compared(key, Change.CHANGED if figures else Change.SAME, figures)


def _kinds(edges: tuple[Edge, ...]) -> str:
    return ", ".join(sorted(edge.kind.value for edge in edges))


def _said(node: StepNode | EventNode) -> Iterator[tuple[str, str]]:
    """What a node says of itself, each by a name."""
    if isinstance(node, EventNode):
        yield "kind", node.kind.value.replace("_", " ")
        for part in node.fields:
            yield f"field {part.name}", part.type
        return
    yield "workers", str(node.num_workers)
    if node.retry:
        yield "retry", node.retry
    if node.timeout is not None:
        yield "timeout", format_ms(node.timeout * 1000)
    for join in node.joins:
        yield f"join {join.event.rpartition('.')[2]}", "?" if join.count is None else str(join.count)
    for item in node.resources:
        yield f"resource {item.name}", item.type
    if node.sync:
        yield "function", "sync"
