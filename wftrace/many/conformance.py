"""Conformance: whether runs only did what the graph of a flow allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wftrace.engine.graph import FlowGraph
from wftrace.overlays import overlay_run
from wftrace.trace import Run

from .alignment import aligned
from .tally import Mark, declared

VERSION = "version"
STEP = "step"
EVENT = "event"
EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that the graph does not allow. ``kind`` is ``edge``, ``step``, ``event`` or ``version``.

    ``what`` names it, ``runs`` and ``times`` count it, ``example`` is the id of the earliest run that did it.
    """

    kind: str
    what: str
    source: str
    target: str
    runs: int
    times: int
    example: str

    @property
    def sentence(self) -> str:
        """The deviation in words."""
        if self.kind == VERSION:
            return f"the run was of another version of the flow ({self.what})"
        words = {EDGE: "is not an edge", STEP: "is not a step", EVENT: "is not an event"}
        return f"{self.what} {words[self.kind]} of the flow"


@dataclass(slots=True)
class _Found:
    runs: int
    times: int
    example: Mark


@dataclass(slots=True)
class Conformance:
    """Runs held against a graph, one at a time. ``any_version`` lets runs of other versions pass as such."""

    graph: FlowGraph
    any_version: bool = False
    runs: int = 0
    deviating: int = 0
    unread: int = 0
    _found: dict[tuple[str, str, str], _Found] = field(default_factory=dict)

    def add(self, run: Run) -> None:
        """Look at a run."""
        found = dict(self._deviations(aligned(run, self.graph)))
        self.runs += 1
        self.deviating += bool(found)
        self.unread += bool(run.missing)
        for key, times in found.items():
            known = self._found.setdefault(key, _Found(0, 0, (run.start_ns, run.run_id)))
            known.runs += 1
            known.times += times
            known.example = min(known.example, (run.start_ns, run.run_id))

    @property
    def conforms(self) -> bool:
        """Whether no run did anything that the graph does not allow."""
        return not self._found

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """All that was found: versions, then steps, events and edges, each kind by its names."""
        order = (VERSION, STEP, EVENT, EDGE)
        found = sorted(self._found.items(), key=lambda item: (order.index(item[0][0]), item[0][1:]))
        return tuple(
            Deviation(kind, _named(kind, source, target), source, target, each.runs, each.times, each.example[1])
            for (kind, source, target), each in found
        )

    def _deviations(self, run: Run) -> Iterator[tuple[tuple[str, str, str], int]]:
        """Each deviation of a run, with how often it happened."""
        if run.graph_hash and run.graph_hash != self.graph.hash and not self.any_version:
            yield (VERSION, run.graph_hash, ""), 1
        laid = overlay_run(run, self.graph)
        for node in laid.graph.nodes:
            if node not in self.graph.nodes:
                kind = STEP if node.startswith("step:") else EVENT
                times = laid.steps[node].calls if node in laid.steps else laid.events.get(node, 0)
                yield (kind, node, ""), max(times, 1)
        known = declared(self.graph)
        for key in laid.undeclared:
            if key not in known:
                yield (EDGE, *key), laid.edges[key]


def _named(kind: str, source: str, target: str) -> str:
    return f"{_name(source)} → {_name(target)}" if kind == EDGE else _name(source)


def _name(node: str) -> str:
    return node.partition(":")[2] if node.startswith(("step:", "event:")) else node
