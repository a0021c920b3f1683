"""Flow coverage: how much of what a flow can do some runs did, and what they never did."""

from __future__ import annotations

from dataclasses import dataclass

from wftrace.engine.graph import Edge, EventNode, FlowGraph, Provenance, StepNode

from .aggregate import Aggregate


@dataclass(frozen=True, slots=True)
class Hole:
    """Something that no run did. ``kind`` is ``edge``, ``step`` or ``event``; ``dead`` when no run can do it.

    ``what`` names it in words, ``file`` and ``line`` are where it is written.
    """

    kind: str
    what: str
    source: str
    target: str
    file: str
    line: int
    dead: bool = False


@dataclass(frozen=True)
class Coverage:
    """What of a flow was done: edges, steps and events that took part, of how many, and the holes.

    The percentage that counts is that of the edges.
    """

    figures: Aggregate
    edges: tuple[int, int]
    steps: tuple[int, int]
    events: tuple[int, int]
    holes: tuple[Hole, ...]

    @property
    def percent(self) -> float:
        """The part of the edges that were taken, 0 to 100; a flow without edges is covered."""
        taken, possible = self.edges
        return 100 * taken / possible if possible else 100.0

    @property
    def sentence(self) -> str:
        """``14 of 15 edges taken (93 %)``."""
        return f"{self.edges[0]} of {self.edges[1]} edges taken ({shown_percent(self.percent)} %)"

    def reaches(self, least: float) -> bool:
        """Whether at least so many percent of the edges were taken."""
        return self.percent >= least


def shown_percent(percent: float) -> str:
    """A percentage that says 0 and 100 only when it is.

    >>> shown_percent(99.7), shown_percent(0.2), shown_percent(100), shown_percent(93.3)
    ('99.7', '0.2', '100', '93')
    """
    near = 0 < percent < 1 or 99 < percent < 100
    return f"{min(percent, 99.9):.1f}" if near else f"{percent:.0f}"


def coverage_of(figures: Aggregate) -> Coverage:
    """The coverage of the possible graph that the figures were laid over."""
    graph = figures.graph
    possible = figures.possible
    ends = {node for edge in possible for node in edge.key}
    only_seen = {node for edge in graph.edges if edge.provenance is Provenance.OBSERVED for node in edge.key} - ends
    steps = [step for step in graph.steps if step.id not in only_seen]
    events = [event for event in graph.events if event.id not in only_seen]
    taken = {node for key in figures.edges for node in key}
    ran = [step for step in steps if step.id in figures.steps]
    made = [event for event in events if event.id in figures.events or event.id in taken]
    holes = [
        *(_edge_hole(edge, graph) for edge in possible if edge.key not in figures.edges),
        *(_node_hole("step", step, graph) for step in steps if step not in ran),
        *(_node_hole("event", event, graph) for event in events if event not in made),
    ]
    return Coverage(
        figures,
        (figures.taken, len(possible)),
        (len(ran), len(steps)),
        (len(made), len(events)),
        tuple(holes),
    )


def _edge_hole(edge: Edge, graph: FlowGraph) -> Hole:
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    step = source if isinstance(source, StepNode) else target
    dead = edge.source in graph.unreachable
    return Hole("edge", f"{source.name} → {target.name}", edge.source, edge.target, step.file, step.line, dead)


def _node_hole(kind: str, node: StepNode | EventNode, graph: FlowGraph) -> Hole:
    return Hole(kind, node.name, node.id, "", node.file, node.line, node.id in graph.unreachable)
