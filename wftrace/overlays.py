"""One run laid over the flow graph: what each node and edge of the possible flows really did.

Edge for edge equal to the trace: every dispatch and every emission of the run is counted on exactly one edge, and an
edge that the graph does not have is added as *observed*, never hidden.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wftrace.engine.graph import Edge, EdgeKind, EventKind, EventNode, FlowGraph, Provenance, StepNode

from .trace import Attempt, Run, Wait, step_of

HUMAN = "human"
"""The id of the node that stands for whoever answers requests."""

EdgeKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What one step did in a run. Times are milliseconds; ``share`` is its part of all step time, 0 to 1.

    ``calls`` counts attempts, ``executions`` those that were not retries, ``p50`` and ``p95`` are of the attempts' run
    time, ``queued_ms`` is the time that its events waited for a worker, added up.
    """

    calls: int = 0
    executions: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    timed_out: int = 0
    unfinished: int = 0
    total_ms: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    queued_ms: float = 0.0
    queued_max_ms: float = 0.0
    share: float = 0.0
    recovered: bool = True


@dataclass(frozen=True, slots=True)
class Overlay:
    """A run on its graph.

    ``graph`` is the possible graph and, after it, what was observed beyond it. ``edges`` counts by (source, target)
    node id; the human node (``HUMAN``) takes part with the edges *request to human* and *human to answer*.
    ``undeclared`` are the keys that only the trace knows.
    """

    graph: FlowGraph
    run: Run
    steps: Mapping[str, StepFacts]
    events: Mapping[str, int]
    edges: Mapping[EdgeKey, int]
    undeclared: frozenset[EdgeKey] = frozenset()
    human_ms: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def taken(self) -> int:
        """How many edges of the possible graph were taken at least once."""
        return sum(self.edges.get(edge.key, 0) > 0 for edge in self.possible)

    @property
    def possible(self) -> tuple[Edge, ...]:
        """The edges of the possible graph, without those that only the trace knows."""
        return tuple(edge for edge in self.graph.edges if edge.provenance is not Provenance.OBSERVED)


def overlay_run(run: Run, graph: FlowGraph | None = None) -> Overlay:
    """Lay a run over ``graph``, or over the graph that its trace carries.

    Where neither is there (the run span is missing), the graph is what was seen, and the notes say so.
    """
    possible = graph or run.graph
    edges = _count_edges(run)
    if possible is None:
        whole, undeclared = _graph_as_seen(run, edges), frozenset[EdgeKey]()
    else:
        whole, undeclared = _with_observed(possible, run, edges)
    kinds = {event.id: event.kind for event in whole.events}
    for emission in run.emissions:
        node = event_id(emission.type)
        if kinds[node] is EventKind.INPUT_REQUIRED:
            edges[(node, HUMAN)] += 1
        elif emission.mode == "outside" and kinds[node] is EventKind.HUMAN_RESPONSE:
            edges[(HUMAN, node)] += 1
    events = Counter(event_id(emission.type) for emission in run.emissions)
    for attempt in run.attempts:
        events.update({event_id(kind): count for kind, count in attempt.streamed.items()})
    return Overlay(
        graph=whole,
        run=run,
        steps=_step_facts(run.attempts),
        events=dict(events),
        edges=dict(edges),
        undeclared=undeclared,
        human_ms=covered_ms(wait for wait in run.waits if wait.kind == "human"),
        notes=_notes(run, possible),
    )


def step_id(name: str) -> str:
    """The node id of a step."""
    return f"step:{name}"


def event_id(kind: str) -> str:
    """The node id of an event type."""
    return f"event:{kind}"


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest-rank percentile of some values, 0 when there are none.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 0.5), percentile([], 0.5)
    (2.0, 0.0)
    """
    if not values:
        return 0.0
    ordered = sorted(values)
    rank = max(1, -(-round(part * 100) * len(ordered) // 100))
    return ordered[rank - 1]


def covered_ms(waits: Iterable[Wait]) -> float:
    """How long at least one of the waits lasted: overlapping waits count once."""
    total = 0
    reached = 0
    for start, end in sorted((wait.start_ns, wait.end_ns) for wait in waits):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total / 1e6


def _count_edges(run: Run) -> Counter[EdgeKey]:
    edges: Counter[EdgeKey] = Counter()
    for dispatch in run.dispatches():
        edges[(event_id(dispatch.type), step_id(dispatch.consumer))] += 1
    for emission in run.emissions:
        if emission.execution_id:
            edges[(step_id(step_of(emission.execution_id)), event_id(emission.type))] += 1
    for attempt in run.attempts:
        for kind, count in attempt.streamed.items():
            edges[(step_id(attempt.step), event_id(kind))] += count
    for wait in run.waits:
        if wait.kind == "event" and wait.outcome == "completed":
            edges[(event_id(wait.waiting_for), step_id(step_of(wait.execution_id)))] += 1
    return edges


def _with_observed(graph: FlowGraph, run: Run, counts: Mapping[EdgeKey, int]) -> tuple[FlowGraph, frozenset[EdgeKey]]:
    """The graph with the nodes and edges that only the trace knows, and the keys of those edges."""
    known = {edge.key for edge in graph.edges}
    undeclared = [key for key in counts if key not in known]
    steps = [step for step in _seen_steps(run) if step.id not in graph.nodes]
    events = [event for event in _seen_events(run) if event.id not in graph.nodes]
    if not (events or steps or undeclared):
        return graph, frozenset()
    whole = replace(
        graph,
        steps=(*graph.steps, *steps),
        events=(*graph.events, *events),
        edges=(*graph.edges, *(_seen_edge(key, Provenance.OBSERVED) for key in undeclared)),
    )
    return whole, frozenset(undeclared)


def _graph_as_seen(run: Run, counts: Mapping[EdgeKey, int]) -> FlowGraph:
    """The graph of a run whose trace carries none: what the run did, taken for what it can do."""
    edges = tuple(_seen_edge(key, Provenance.INFERRED) for key in counts)
    streamed = {event_id(kind) for attempt in run.attempts for kind in attempt.streamed}
    edges = tuple(replace(edge, kind=EdgeKind.STREAMS) if edge.target in streamed else edge for edge in edges)
    return FlowGraph(run.workflow, tuple(_seen_steps(run)), tuple(_seen_events(run)), edges)


def _seen_edge(key: EdgeKey, provenance: Provenance) -> Edge:
    source, target = key
    return Edge(source, target, EdgeKind.SENDS if source.startswith("step:") else EdgeKind.ACCEPTS, provenance)


def _seen_steps(run: Run) -> list[StepNode]:
    makers = (step_of(emission.execution_id) for emission in run.emissions if emission.execution_id)
    names = dict.fromkeys([*(attempt.step for attempt in run.attempts), *makers])
    return [StepNode(id=step_id(name), name=name) for name in names]


def _seen_events(run: Run) -> list[EventNode]:
    """The event types of a run, each with what the run shows it to be."""
    types = dict.fromkeys(
        [
            *(emission.type for emission in run.emissions),
            *(kind for attempt in run.attempts for kind in (*attempt.input_types, *attempt.streamed)),
            *(wait.waiting_for for wait in run.waits if wait.kind in ("event", "human")),
        ]
    )
    kinds = _seen_kinds(run)
    return [EventNode(event_id(kind), kind.rpartition(".")[2], kinds.get(kind, EventKind.EVENT)) for kind in types]


def _seen_kinds(run: Run) -> dict[str, EventKind]:
    """Start events by their mode, questions and answers by their wait; what was delivered to nobody else ended the
    run.
    """
    made = {emission.event_id: emission for emission in run.emissions}
    taken = {event for attempt in run.attempts for event in attempt.inputs}
    kinds = {emission.type: EventKind.START for emission in run.emissions if emission.mode == "start"}
    for wait in run.waits:
        taken.update(wait.events)
        if wait.kind == "human":
            pairs = zip(wait.events, (EventKind.INPUT_REQUIRED, EventKind.HUMAN_RESPONSE), strict=False)
            kinds |= {made[event].type: kind for event, kind in pairs if event in made}
    for emission in run.emissions:
        if emission.mode == "return" and emission.delivered == "delivered" and emission.event_id not in taken:
            kinds.setdefault(emission.type, EventKind.STOP)
    return kinds


def _step_facts(attempts: Sequence[Attempt]) -> dict[str, StepFacts]:
    by_step: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_step[attempt.step].append(attempt)
    whole = sum(attempt.duration_ms for attempt in attempts)
    return {step_id(name): _facts(of_step, whole) for name, of_step in by_step.items()}


def _facts(attempts: Sequence[Attempt], whole_ms: float) -> StepFacts:
    times = [attempt.duration_ms for attempt in attempts]
    total = sum(times)
    outcomes = Counter(attempt.outcome for attempt in attempts)
    last = {attempt.execution_id: attempt for attempt in sorted(attempts, key=lambda each: each.number)}
    return StepFacts(
        calls=len(attempts),
        executions=len(last),
        failed=sum(attempt.error is not None for attempt in attempts),
        retried=sum(attempt.number > 1 for attempt in attempts),
        cancelled=outcomes["cancelled"],
        timed_out=outcomes["timed_out"],
        unfinished=outcomes["interrupted"] + outcomes["abandoned"],
        total_ms=total,
        p50_ms=percentile(times, 0.5),
        p95_ms=percentile(times, 0.95),
        queued_ms=sum(attempt.queue_wait_ms for attempt in attempts),
        queued_max_ms=max(attempt.queue_wait_ms for attempt in attempts),
        share=total / whole_ms if whole_ms else 0.0,
        recovered=all(attempt.error is None for attempt in last.values()),
    )


def _notes(run: Run, graph: FlowGraph | None) -> tuple[str, ...]:
    notes = list(run.missing)
    if graph is None:
        notes.append("the trace carries no graph of the flow: what is drawn is what was seen")
    elif run.graph_hash and run.graph_hash != graph.hash:
        notes.append(f"the run's flow was another version ({run.graph_hash}) than the one drawn ({graph.hash})")
    return tuple(notes)
