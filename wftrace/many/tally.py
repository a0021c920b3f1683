"""What many runs did, counted up one run at a time.

A tally grows with what is different (steps, edges, ways, versions, lengths of time up to a bound), not with the number
of runs. It depends on the runs alone: their order does not matter, and tallies of parts merge into that of the whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from wftrace.analysis import intervals_ms, work_of
from wftrace.engine.graph import EventKind, EventNode, FlowGraph, Provenance, StepNode
from wftrace.overlays import EdgeKey, Overlay, covered_ms, overlay_run, step_id
from wftrace.trace import Attempt, Run

from .alignment import aligned
from .distribution import Distribution
from .variants import Way, way_of

Mark = tuple[int, str]
"""When a run began and its id: what orders runs, wherever they were read."""

PER_RUN = ("calls", "time", "failed", "queued")
"""What is kept of each step for each run in which it ran: calls, mean time of a call (ns), failed calls, time that its
events were queued (ns)."""

_ENDS = {"cancelled": "cancelled", "timed_out": "timed_out", "interrupted": "unfinished", "abandoned": "unfinished"}
_KINDS = list(EventKind)


@dataclass(slots=True)
class StepTally:
    """What one step did. ``lost`` counts executions whose last attempt failed. Times are nanoseconds."""

    runs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    time: Distribution = field(default_factory=Distribution)
    queue: Distribution = field(default_factory=Distribution)
    per_run: dict[str, Distribution] = field(default_factory=lambda: {name: Distribution() for name in PER_RUN})

    def add(self, attempts: Iterable[Attempt]) -> None:
        """Take in all attempts of the step in one run."""
        mine = list(attempts)
        last = {attempt.execution_id: attempt for attempt in sorted(mine, key=attrgetter("number"))}
        failed = sum(attempt.error is not None for attempt in mine)
        self.runs += 1
        self.counts.update(calls=len(mine), executions=len(last), failed=failed)
        self.counts["retried"] += sum(attempt.number > 1 for attempt in mine)
        self.counts["lost"] += sum(attempt.error is not None for attempt in last.values())
        self.counts.update(_ENDS[attempt.outcome] for attempt in mine if attempt.outcome in _ENDS)
        for attempt in mine:
            self.time.add(attempt.end_ns - attempt.start_ns)
            self.queue.add(_queue_ns(attempt))
        took = sum(max(0, attempt.end_ns - attempt.start_ns) for attempt in mine)
        queued = sum(_queue_ns(attempt) for attempt in mine)
        for name, number in zip(PER_RUN, (len(mine), took // len(mine), failed, queued), strict=True):
            self.per_run[name].add(number)

    def merge(self, other: StepTally) -> None:
        """Take in what another tally of the step counted."""
        self.runs += other.runs
        self.counts.update(other.counts)
        self.time.merge(other.time)
        self.queue.merge(other.queue)
        for name, numbers in other.per_run.items():
            self.per_run[name].merge(numbers)


@dataclass(slots=True)
class VariantTally:
    """The runs of one way: how many, how long, and the earliest of them."""

    times: Distribution
    example: Mark


@dataclass(slots=True)
class VersionTally:
    """The runs of one version of the flow, the newest of them, and the graph that its trace carries."""

    runs: int
    newest: Mark
    graph: FlowGraph | None


@dataclass(slots=True)
class Tally:
    """Runs of one workflow. ``model`` is the graph whose names are used for events that traces know by another module.

    ``edges`` holds for each edge how often it was taken in each run that took it, ``human`` how long each answer took,
    ``waited`` how long each run that asked a human waited for answers.
    """

    model: FlowGraph | None = None
    names: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    times: Distribution = field(default_factory=Distribution)
    busy: Distribution = field(default_factory=Distribution)
    human: Distribution = field(default_factory=Distribution)
    waited: Distribution = field(default_factory=Distribution)
    human_ns: int = 0
    unanswered: int = 0
    steps: defaultdict[str, StepTally] = field(default_factory=lambda: defaultdict(StepTally))
    events: Counter[str] = field(default_factory=Counter)
    edges: defaultdict[EdgeKey, Distribution] = field(default_factory=lambda: defaultdict(Distribution))
    variants: dict[tuple[Way, str], VariantTally] = field(default_factory=dict)
    versions: dict[str, VersionTally] = field(default_factory=dict)
    seen: dict[str, StepNode | EventNode] = field(default_factory=dict)
    incomplete: int = 0
    first_ns: int = 0
    last_ns: int = 0

    @property
    def runs(self) -> int:
        """How many runs were counted."""
        return self.outcomes.total()

    def add(self, run: Run) -> None:
        """Count a run. It is laid over the graph that its own trace carries."""
        run = run if self.model is None else aligned(run, self.model)
        laid = overlay_run(run, run.graph or self.model)
        self.first_ns = min(self.first_ns, run.start_ns) if self.runs else run.start_ns
        self.last_ns = max(self.last_ns, run.end_ns)
        self.names[run.workflow] += 1
        self.outcomes[run.outcome] += 1
        self.incomplete += bool(run.missing)
        self.times.add(run.end_ns - run.start_ns)
        self.busy.add(round(intervals_ms(work_of(run)) * 1e6))
        self._add_waits(run)
        self._add_steps(run)
        self.events.update(laid.events)
        for key, count in laid.edges.items():
            self.edges[key].add(count)
        mark = (run.start_ns, run.run_id)
        self._add_variant(way_of(run), run, mark)
        _newer(self.versions, run.graph_hash if run.graph else "", VersionTally(1, mark, run.graph))
        self._see(laid)

    def merge(self, other: Tally) -> None:
        """Count all that another tally counted."""
        if not other.runs:
            return
        self.first_ns = min(self.first_ns, other.first_ns) if self.runs else other.first_ns
        self.last_ns = max(self.last_ns, other.last_ns)
        for mine, others in ((self.names, other.names), (self.outcomes, other.outcomes), (self.events, other.events)):
            mine.update(others)
        for name in ("times", "busy", "human", "waited"):
            getattr(self, name).merge(getattr(other, name))
        self.incomplete += other.incomplete
        self.human_ns += other.human_ns
        self.unanswered += other.unanswered
        for name, step in other.steps.items():
            self.steps[name].merge(step)
        for key, counts in other.edges.items():
            self.edges[key].merge(counts)
        for way, variant in other.variants.items():
            _earlier(self.variants, way, variant)
        for version, tally in other.versions.items():
            _newer(self.versions, version, tally)
        for node in other.seen.values():
            self._keep(node)

    def _add_waits(self, run: Run) -> None:
        asked = [wait for wait in run.waits if wait.kind == "human"]
        for wait in asked:
            if wait.outcome == "completed":
                self.human.add(wait.end_ns - wait.start_ns)
            else:
                self.unanswered += 1
        waited = round(covered_ms(asked) * 1e6)
        self.human_ns += waited
        if asked:
            self.waited.add(waited)

    def _add_steps(self, run: Run) -> None:
        by_step: defaultdict[str, list[Attempt]] = defaultdict(list)
        for attempt in run.attempts:
            by_step[step_id(attempt.step)].append(attempt)
        for step, attempts in by_step.items():
            self.steps[step].add(attempts)

    def _add_variant(self, way: Way, run: Run, mark: Mark) -> None:
        times = Distribution()
        times.add(run.end_ns - run.start_ns)
        _earlier(self.variants, (way, run.outcome), VariantTally(times, mark))

    def _see(self, laid: Overlay) -> None:
        """Keep the nodes that the run's own graph does not have; the edges are counted anyway."""
        known = laid.run.graph.nodes if laid.run.graph else {}
        for node in laid.graph.nodes.values():
            if node.id not in known:
                self._keep(node)

    def _keep(self, node: StepNode | EventNode) -> None:
        """Keep the node that says most: runs that broke off show less of what an event is."""
        known = self.seen.get(node.id)
        if known is None or _telling(node) < _telling(known):
            self.seen[node.id] = node


def declared(graph: FlowGraph) -> frozenset[EdgeKey]:
    """The keys of the edges that a flow says to have."""
    return frozenset(edge.key for edge in graph.edges if edge.provenance is not Provenance.OBSERVED)


def _queue_ns(attempt: Attempt) -> int:
    return max(0, round(attempt.queue_wait_ms * 1e6))


def _telling(node: StepNode | EventNode) -> tuple[int, str]:
    return (_KINDS.index(node.kind) if isinstance(node, EventNode) else 0, repr(node))


def _earlier(variants: dict[tuple[Way, str], VariantTally], key: tuple[Way, str], found: VariantTally) -> None:
    known = variants.get(key)
    if known is None:
        times = Distribution()
        times.merge(found.times)
        variants[key] = VariantTally(times, found.example)
        return
    known.times.merge(found.times)
    known.example = min(known.example, found.example)


def _newer(versions: dict[str, VersionTally], version: str, found: VersionTally) -> None:
    known = versions.get(version)
    if known is None:
        versions[version] = VersionTally(found.runs, found.newest, found.graph)
        return
    known.runs += found.runs
    if found.newest > known.newest:
        known.newest, known.graph = found.newest, found.graph
