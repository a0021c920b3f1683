"""Two runs or two cohorts of runs, compared.

Single runs are compared by their numbers: a count that differs is a change, a time is one when it is at least
``FACTOR`` times the other and ``LEAST_MS`` more. Cohorts are compared by a test of what each run did (see ``chance``);
a time that is less than ``NOTICED`` or ``NOTICED_MS`` away from the other is not called a change, whatever the test
says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from wftrace.engine.graph import FlowGraph, Provenance
from wftrace.overlays import HUMAN, EdgeKey

from .aggregate import Aggregate, EdgeFigures, StepFigures
from .chance import LEVEL, corrected, rank_test
from .difference import Change, Compared, Diff, Figure, Side, Unit
from .distribution import Distribution
from .tally import declared

FACTOR = 1.5
LEAST_MS = 1.0
NOTICED = 0.05
NOTICED_MS = 0.1

Numbers = Iterable[tuple[int, int]]
Question = tuple[str | EdgeKey, str]
"""What a figure belongs to (a node, an edge, or ``""`` for whole runs), and its name."""


def compare_runs(a: Aggregate, b: Aggregate, names: tuple[str, str] = ("A", "B")) -> Diff:
    """B held against A; single runs are compared as runs, all else as cohorts."""
    single = a.runs == 1 and b.runs == 1
    pair = _Pair(a, b, {} if single else _chances(a, b), single)
    graph = united(b.graph, a.graph)
    nodes = {node: pair.node(node) for node in graph.nodes}
    if a.tally.waited.count or b.tally.waited.count:
        nodes[HUMAN] = pair.human()
    keys = dict.fromkeys((*(edge.key for edge in graph.edges), *sorted(b.edges), *sorted(a.edges)))
    return Diff(
        kind="runs" if single else "cohorts",
        graph=graph,
        a=_side(a, names[0]),
        b=_side(b, names[1]),
        whole=pair.whole(),
        nodes=nodes,
        edges={key: pair.edge(key) for key in keys},
        notes=_notes(a, b),
    )


def united(first: FlowGraph, second: FlowGraph) -> FlowGraph:
    """The first graph with what only the second one has. An edge is observed only when neither declares it."""
    known = {edge.key: edge for edge in first.edges}
    told = declared(second)
    edges = [
        replace(edge, provenance=Provenance.DECLARED)
        if edge.provenance is Provenance.OBSERVED and edge.key in told
        else edge
        for edge in first.edges
    ]
    edges += [edge for edge in second.edges if edge.key not in known]
    return replace(
        first,
        steps=(*first.steps, *(step for step in second.steps if step.id not in first.nodes)),
        events=(*first.events, *(event for event in second.events if event.id not in first.nodes)),
        edges=tuple(sorted(edges, key=lambda edge: edge.provenance is Provenance.OBSERVED)),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """A and B while they are compared. ``chances`` are corrected, by question; empty for two single runs."""

    a: Aggregate
    b: Aggregate
    chances: Mapping[Question, float]
    single: bool

    def whole(self) -> tuple[Figure, ...]:
        """The figures of whole runs."""
        a, b = self.a, self.b
        figures = [
            self._figure("", "duration", a.time.p50_ms, b.time.p50_ms, "ms"),
            self._figure("", "busy", a.busy.p50_ms, b.busy.p50_ms, "ms"),
        ]
        if self.single:
            before, after = (next(iter(side.outcomes), "") for side in (a, b))
            return (*figures, Figure("outcome", before, after, "text", real=before != after))
        bad, worse = ((side.runs - side.good) / max(1, side.runs) for side in (a, b))
        return (*figures, self._figure("", "not completed", bad, worse, "share"))

    def node(self, node: str) -> Compared:
        """A step with its figures, an event with how often it was made, or the human with its waits."""
        if node.startswith("step:"):
            return self._step(node)
        counts = self.a.events.get(node, 0), self.b.events.get(node, 0)
        figure = Figure("made", *self._each(*counts), self._count_unit, real=self.single and counts[0] != counts[1])
        change = _presence(*counts)
        return Compared(node, change, (figure,) if any(counts) else ())

    def human(self) -> Compared:
        """How long a run waited for a human."""
        a, b = self.a.tally.waited, self.b.tally.waited
        times = a.percentile(0.5) / 1e6, b.percentile(0.5) / 1e6
        waited = self._figure(HUMAN, "waited", *times, "ms", both=bool(a.count and b.count))
        change = _presence(a.count, b.count)
        if change is Change.SAME and waited.real:
            change = Change.CHANGED
        return Compared(HUMAN, change, (waited,))

    def edge(self, key: EdgeKey) -> Compared:
        """An edge with how often it was taken, for cohorts a run."""
        a, b = self.a.edges.get(key, EdgeFigures()), self.b.edges.get(key, EdgeFigures())
        taken = self._figure(key, "taken", *self._each(a.count, b.count), self._count_unit)
        figures = [taken]
        if not self.single:
            parts = (a.runs / self.a.runs if self.a.runs else 0.0, b.runs / self.b.runs if self.b.runs else 0.0)
            figures.append(Figure("runs", *parts, "share", taken.chance, taken.real))
        change = _presence(a.count, b.count)
        if change is Change.SAME and taken.real:
            change = Change.CHANGED
        return Compared(key, change, tuple(figures) if a.count or b.count else ())

    def _step(self, node: str) -> Compared:
        a, b = self.a.steps.get(node, StepFigures()), self.b.steps.get(node, StepFigures())
        if not a.calls and not b.calls:
            return Compared(node, Change.SAME)
        bad, worse = (side.failed if self.single else side.failure_share for side in (a, b))
        figures = (
            self._figure(node, "calls", *self._each(a.calls, b.calls), self._count_unit),
            self._figure(node, "time", a.time.p50_ms, b.time.p50_ms, "ms", both=bool(a.calls and b.calls)),
            Figure("p95", a.time.p95_ms, b.time.p95_ms, "ms"),
            self._figure(node, "failed", bad, worse, "count" if self.single else "share"),
            self._figure(node, "queued", *self._queued(a, b), "ms"),
        )
        change = _presence(a.calls, b.calls)
        if change is Change.SAME and any(figure.real for figure in figures):
            change = Change.CHANGED
        return Compared(node, change, figures)

    def _queued(self, a: StepFigures, b: StepFigures) -> tuple[float, float]:
        """For single runs the time in the queue in all, for cohorts for each run."""
        return a.queue.total_ms / max(1, self.a.runs), b.queue.total_ms / max(1, self.b.runs)

    def _each(self, a: int, b: int) -> tuple[float, float]:
        """Counts of single runs as they are, of cohorts for each run."""
        return a / max(1, self.a.runs), b / max(1, self.b.runs)

    @property
    def _count_unit(self) -> Unit:
        return "count" if self.single else "mean"

    def _figure(
        self, of: str | EdgeKey, name: str, before: float, after: float, unit: Unit, *, both: bool = True
    ) -> Figure:
        if self.single:
            return Figure(name, before, after, unit, real=both and _differs(before, after, unit))
        chance = self.chances.get((of, name))
        real = chance is not None and chance < LEVEL and _is_noticed(before, after, unit)
        return Figure(name, before, after, unit, chance, real)


def _differs(before: float, after: float, unit: Unit) -> bool:
    if unit != "ms":
        return before != after
    less, more = sorted((before, after))
    return more >= FACTOR * less and more - less >= LEAST_MS


def _is_noticed(before: float, after: float, unit: Unit) -> bool:
    less, more = sorted((before, after))
    return unit != "ms" or (more >= (1 + NOTICED) * less and more - less >= NOTICED_MS)


def _presence(a: float, b: float) -> Change:
    if bool(a) == bool(b):
        return Change.SAME
    return Change.ADDED if b else Change.REMOVED


def _chances(a: Aggregate, b: Aggregate) -> dict[Question, float]:
    """The corrected chance of every question that a comparison asks.

    Questions with the same numbers on both sides are one: an event that one step makes and one step takes is counted
    twice. Where every run of A and of B has the same number there is nothing to ask.
    """
    asked = {question: (tuple(mine), tuple(others)) for question, mine, others in _questions(a, b)}
    open_ones = {
        numbers for numbers in asked.values() if len({number for side in numbers for number, n in side if n}) > 1
    }
    chances = corrected({numbers: rank_test(*numbers) for numbers in sorted(open_ones)})
    return {question: chances.get(numbers, 1.0) for question, numbers in asked.items()}


def _questions(a: Aggregate, b: Aggregate) -> Iterator[tuple[Question, Numbers, Numbers]]:
    first, second = a.tally, b.tally
    yield ("", "duration"), first.times, second.times
    yield ("", "busy"), first.busy, second.busy
    yield ("", "not completed"), _ends(a), _ends(b)
    if first.waited.count and second.waited.count:
        yield (HUMAN, "waited"), first.waited, second.waited
    for step in sorted({*first.steps, *second.steps}):
        mine = first.steps[step].per_run if step in first.steps else {}
        others = second.steps[step].per_run if step in second.steps else {}
        for name in ("calls", "failed", "queued"):
            yield (step, name), _padded(mine.get(name), a.runs), _padded(others.get(name), b.runs)
        if mine and others:
            yield (step, "time"), mine["time"], others["time"]
    for key in sorted({*first.edges, *second.edges}):
        yield (key, "taken"), _padded(first.edges.get(key), a.runs), _padded(second.edges.get(key), b.runs)


def _ends(side: Aggregate) -> Numbers:
    return ((0, side.good), (1, side.runs - side.good))


def _padded(numbers: Distribution | None, runs: int) -> Numbers:
    """The numbers of all runs, each with how many runs have it: 0 for those that have none."""
    counts = Counter(dict(numbers)) if numbers is not None else Counter[int]()
    counts[0] += runs - counts.total()
    return sorted(counts.items())


def _side(side: Aggregate, name: str) -> Side:
    version = side.versions[0].hash if side.versions else ""
    if side.runs == 1:
        outcome = next(iter(side.outcomes), "")
        return Side(name, 1, version, outcome.replace("_", " "))
    return Side(name, side.runs, version)


def _notes(a: Aggregate, b: Aggregate) -> tuple[str, ...]:
    notes = [*(f"A: {note}" for note in a.notes), *(f"B: {note}" for note in b.notes)]
    if a.workflow != b.workflow:
        notes.insert(0, f"two different workflows: {a.workflow} and {b.workflow}")
    versions = [{version.hash for version in side.versions} - {""} for side in (a, b)]
    if all(versions) and versions[0] != versions[1]:
        notes.append("A and B ran different versions of the flow")
    return tuple(notes)
