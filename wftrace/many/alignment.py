"""One flow under two module names: a file that is run, imported from a package, or imported by its path.

Event types are qualified by their module. ``python flow.py`` calls it ``__main__``, a test ``shop.flow``, and a TARGET
``shop/flow.py`` calls it ``flow``. Before runs are held against a graph, their types are given the graph's names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from wftrace.engine.graph import Edge, FlowGraph
from wftrace.overlays import event_id
from wftrace.trace import Attempt, Run


def aligned(run: Run, graph: FlowGraph) -> Run:
    """The run with the names of the graph's events, where the run knows the same events by another module's name."""
    names = _renamed(_types(run), [event.type for event in graph.events])
    return _run_with(run, names) if names else run


def renamed_graph(graph: FlowGraph, model: FlowGraph) -> FlowGraph:
    """The graph with the event names of another one, where both know the same events by different modules' names."""
    names = _renamed([event.type for event in graph.events], [event.type for event in model.events])
    return _graph_with(graph, names) if names else graph


def _types(run: Run) -> Iterable[str]:
    known = [event.type for event in run.graph.events] if run.graph else []
    seen = (emission.type for emission in run.emissions)
    taken = (kind for attempt in run.attempts for kind in (*attempt.input_types, *attempt.streamed))
    return dict.fromkeys((*known, *seen, *taken))


def _renamed(found: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """The new name of each type that the graph does not know, where exactly one of its types must be meant."""
    types = frozenset(known)
    names: dict[str, str] = {}
    for kind in found:
        if kind not in types:
            meant = [each for each in types if _same(kind, each)]
            if len(meant) == 1:
                names[kind] = meant[0]
    taken = list(names.values())
    return {kind: name for kind, name in names.items() if taken.count(name) == 1}


def _same(first: str, second: str) -> bool:
    """Whether two types can be one: the same name in ``__main__``, or in modules of which one ends as the other is.

    >>> _same("shop.flow.Done", "flow.Done"), _same("__main__.Done", "flow.Done"), _same("a.Done", "b.Done")
    (True, True, False)
    """
    module, _, name = first.rpartition(".")
    other, _, same = second.rpartition(".")
    if name != same or not module or not other:
        return False
    return "__main__" in (module, other) or module.endswith(f".{other}") or other.endswith(f".{module}")


def _run_with(run: Run, names: Mapping[str, str]) -> Run:
    def new(kind: str) -> str:
        return names.get(kind, kind)

    graph = _graph_with(run.graph, names) if run.graph else None
    return replace(
        run,
        attempts=tuple(_attempt_with(attempt, names) for attempt in run.attempts),
        emissions=tuple(replace(emission, type=new(emission.type)) for emission in run.emissions),
        waits=tuple(replace(wait, waiting_for=new(wait.waiting_for)) for wait in run.waits),
        graph=graph,
        graph_hash=graph.hash if graph else run.graph_hash,
    )


def _attempt_with(attempt: Attempt, names: Mapping[str, str]) -> Attempt:
    return replace(
        attempt,
        input_types=tuple(names.get(kind, kind) for kind in attempt.input_types),
        output_types=tuple(names.get(kind, kind) for kind in attempt.output_types),
        streamed={names.get(kind, kind): count for kind, count in attempt.streamed.items()},
    )


def _graph_with(graph: FlowGraph, names: Mapping[str, str]) -> FlowGraph:
    ids = {event_id(old): event_id(new) for old, new in names.items()}
    if not ids.keys() & graph.nodes.keys():
        return graph
    return replace(
        graph,
        steps=tuple(
            replace(step, joins=tuple(replace(join, event=ids.get(join.event, join.event)) for join in step.joins))
            for step in graph.steps
        ),
        events=tuple(replace(event, id=ids.get(event.id, event.id)) for event in graph.events),
        edges=tuple(_edge_with(edge, ids) for edge in graph.edges),
    )


def _edge_with(edge: Edge, ids: Mapping[str, str]) -> Edge:
    return replace(edge, source=ids.get(edge.source, edge.source), target=ids.get(edge.target, edge.target))
