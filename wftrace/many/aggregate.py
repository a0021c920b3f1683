"""Many runs in figures: what a tally says when it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from wftrace.engine.graph import Edge, EdgeKind, EventKind, EventNode, FlowGraph, Provenance, StepNode
from wftrace.overlays import HUMAN, EdgeKey
from wftrace.trace import Run
from wftrace.units import count_of

from .distribution import LARGEST_ERROR, Distribution
from .tally import StepTally, Tally, VersionTally, declared
from .variants import Variant


@dataclass(frozen=True, slots=True)
class Spread:
    """How a duration is spread, in milliseconds. ``exact`` is False where percentiles are rounded (by less than 0.4 %).

    The total, the least and the most are always exact.
    """

    count: int = 0
    total_ms: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    least_ms: float = 0.0
    most_ms: float = 0.0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What a step did in all runs. ``runs`` are those in which it ran; ``share`` is its part of all step time, 0 to 1.

    ``calls`` counts attempts, ``executions`` those that were not retries; ``lost`` are executions that failed for good.
    ``time`` is the run time of a call, ``queue`` how long its event waited for a worker.
    """

    runs: int = 0
    calls: int = 0
    executions: int = 0
    failed: int = 0
    retried: int = 0
    lost: int = 0
    cancelled: int = 0
    timed_out: int = 0
    unfinished: int = 0
    time: Spread = field(default_factory=Spread)
    queue: Spread = field(default_factory=Spread)
    share: float = 0.0

    @property
    def failure_share(self) -> float:
        """The part of its calls that failed, 0 to 1."""
        return self.failed / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class EdgeFigures:
    """How often an edge was taken, and in how many runs."""

    count: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the flow among the runs: the hash of its graph (``""`` where traces carry none) and its runs."""

    hash: str
    runs: int
    newest_run: str


@dataclass(frozen=True)
class Aggregate:
    """Many runs of one workflow, in figures.

    ``graph`` is the possible graph and, after it, what was observed beyond it. ``edges`` are by (source, target) node
    id, those of the human included; ``undeclared`` are the keys that the possible graph does not have. ``tally`` is
    what the figures were worked out from.
    """

    workflow: str
    graph: FlowGraph
    runs: int
    outcomes: Mapping[str, int]
    time: Spread
    busy: Spread
    human: Spread
    human_share: float
    unanswered: int
    steps: Mapping[str, StepFigures]
    events: Mapping[str, int]
    edges: Mapping[EdgeKey, EdgeFigures]
    undeclared: frozenset[EdgeKey]
    variants: tuple[Variant, ...]
    versions: tuple[Version, ...]
    first_ns: int
    last_ns: int
    notes: tuple[str, ...] = ()
    tally: Tally = field(default_factory=Tally, repr=False, compare=False)

    @property
    def possible(self) -> tuple[Edge, ...]:
        """The edges of the possible graph, without those that only traces know."""
        return tuple(edge for edge in self.graph.edges if edge.provenance is not Provenance.OBSERVED)

    @property
    def taken(self) -> int:
        """How many of the possible edges were taken at least once."""
        return sum(edge.key in self.edges for edge in self.possible)

    @property
    def good(self) -> int:
        """How many runs completed."""
        return self.outcomes.get("completed", 0)


def tally_of(runs: Iterable[Run], flow: FlowGraph | None = None) -> Tally:
    """The tally of some runs, read one at a time."""
    tally = Tally(flow)
    for run in runs:
        tally.add(run)
    return tally


def aggregate_of(tally: Tally, flow: FlowGraph | None = None) -> Aggregate:
    """The figures of a tally over the graph of ``flow``; without it over that of the newest run that carries one."""
    possible = flow or tally.model or _newest_graph(tally.versions.values())
    graph, undeclared = _drawn_graph(tally, possible)
    whole = sum(step.time.total for step in tally.steps.values())
    return Aggregate(
        workflow=possible.name if possible else min(tally.names, default=""),
        graph=graph,
        runs=tally.runs,
        outcomes=dict(tally.outcomes.most_common()),
        time=spread(tally.times),
        busy=spread(tally.busy),
        human=spread(tally.human),
        human_share=tally.human_ns / tally.times.total if tally.times.total else 0.0,
        unanswered=tally.unanswered,
        steps={name: _step_figures(step, whole) for name, step in sorted(tally.steps.items())},
        events=dict(sorted(tally.events.items())),
        edges={key: EdgeFigures(counts.total, counts.count) for key, counts in sorted(tally.edges.items())},
        undeclared=undeclared,
        variants=_variants(tally),
        versions=_versions(tally),
        first_ns=tally.first_ns,
        last_ns=tally.last_ns,
        notes=_notes(tally, possible),
        tally=tally,
    )


def spread(times: Distribution) -> Spread:
    """The spread of nanoseconds, as milliseconds."""
    return Spread(
        count=times.count,
        total_ms=times.total / 1e6,
        p50_ms=times.percentile(0.5) / 1e6,
        p95_ms=times.percentile(0.95) / 1e6,
        least_ms=times.least / 1e6,
        most_ms=times.most / 1e6,
        exact=times.exact,
    )


def _step_figures(step: StepTally, whole_ns: int) -> StepFigures:
    return StepFigures(
        runs=step.runs,
        **{name: step.counts[name] for name in _COUNTED},
        time=spread(step.time),
        queue=spread(step.queue),
        share=step.time.total / whole_ns if whole_ns else 0.0,
    )


_COUNTED = ("calls", "executions", "failed", "retried", "lost", "cancelled", "timed_out", "unfinished")


def _variants(tally: Tally) -> tuple[Variant, ...]:
    ordered = sorted(tally.variants.items(), key=lambda item: (-item[1].times.count, item[0]))
    return tuple(
        Variant(
            way,
            outcome,
            found.times.count,
            found.times.count / tally.runs,
            found.example[1],
            found.times.percentile(0.5) / 1e6,
        )
        for (way, outcome), found in ordered
    )


def _versions(tally: Tally) -> tuple[Version, ...]:
    ordered = sorted(tally.versions.items(), key=lambda item: item[1].newest, reverse=True)
    return tuple(Version(version, found.runs, found.newest[1]) for version, found in ordered)


def _newest_graph(versions: Iterable[VersionTally]) -> FlowGraph | None:
    known = [version for version in versions if version.graph is not None]
    return max(known, key=lambda version: version.newest).graph if known else None


def _drawn_graph(tally: Tally, possible: FlowGraph | None) -> tuple[FlowGraph, frozenset[EdgeKey]]:
    """The possible graph with what was seen beyond it, and the keys of the edges that it does not have."""
    seen = [key for key in sorted(tally.edges) if HUMAN not in key]
    if possible is None:
        graph = FlowGraph(min(tally.names, default=""), (), (), ())
        return _extended(graph, tally, seen, Provenance.INFERRED), frozenset()
    known = declared(possible)
    undeclared = [key for key in seen if key not in known]
    return _extended(possible, tally, undeclared, Provenance.OBSERVED), frozenset(undeclared)


def _extended(graph: FlowGraph, tally: Tally, keys: Iterable[EdgeKey], provenance: Provenance) -> FlowGraph:
    """The graph with more edges, and the nodes at their ends."""
    edges = tuple(
        Edge(*key, EdgeKind.SENDS if key[0].startswith("step:") else EdgeKind.ACCEPTS, provenance) for key in keys
    )
    ran = dict.fromkeys((*(node for edge in edges for node in edge.key), *sorted(tally.steps), *sorted(tally.events)))
    nodes = [_node(node, tally) for node in ran if node not in graph.nodes]
    if not edges and not nodes:
        return graph
    return replace(
        graph,
        steps=(*graph.steps, *(node for node in nodes if isinstance(node, StepNode))),
        events=(*graph.events, *(node for node in nodes if isinstance(node, EventNode))),
        edges=(*graph.edges, *edges),
    )


def _node(node: str, tally: Tally) -> StepNode | EventNode:
    """A node that the graph does not have: as another version knows it, or as it was seen."""
    for version in sorted(tally.versions.values(), key=lambda each: each.newest, reverse=True):
        if version.graph is not None and node in version.graph.nodes:
            return version.graph.nodes[node]
    if node in tally.seen:
        return tally.seen[node]
    if node.startswith("step:"):
        return StepNode(node, node.removeprefix("step:"))
    return EventNode(node, node.rpartition(".")[2], EventKind.EVENT)


def _notes(tally: Tally, possible: FlowGraph | None) -> tuple[str, ...]:
    notes: list[str] = []
    if tally.incomplete:
        verb = "is" if tally.incomplete == 1 else "are"
        notes.append(f"{tally.incomplete} of {count_of(tally.runs, 'trace')} {verb} incomplete")
    if possible is None:
        notes.append("the traces carry no graph of the flow: what is drawn is what was seen")
        return tuple(notes)
    others = sum(version.runs for name, version in tally.versions.items() if name not in ("", possible.hash))
    if others:
        verb = "was" if others == 1 else "were"
        notes.append(f"{count_of(others, 'run')} {verb} of another version of the flow than the one drawn")
    if len(tally.names) > 1:
        notes.append(f"runs of {len(tally.names)} workflows are counted as one: {', '.join(sorted(tally.names))}")
    if not tally.times.exact:
        notes.append(f"many different times: percentiles are rounded by up to {LARGEST_ERROR:.1%}")
    return tuple(notes)
