"""What the tests of one process did of a workflow, as a value that adds up over processes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

from wftrace.cli.errors import CommandError
from wftrace.cli.speech import Speech
from wftrace.cli.target import Finder, split_target
from wftrace.engine.graph import FlowGraph
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.many.aggregate import aggregate_of
from wftrace.many.coverage import Coverage, coverage_of
from wftrace.many.tally import Tally
from wftrace.trace import Run

COUNTED = ("edges", "steps", "events", "outcomes")


@dataclass(slots=True)
class TestedFlow:
    """A workflow that tests are to cover. ``problem`` says why it was not found, ``""`` when it was.

    ``counts`` holds for each of ``COUNTED`` how often what occurred; an edge is its two node ids, a line each.
    """

    __test__ = False  # pytest takes every class of this name for a test

    target: str
    graph: FlowGraph | None = None
    problem: str = ""
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return self.counts["outcomes"].total()

    def add(self, run: Run) -> None:
        """Count a run when it is one of this workflow."""
        if self.graph is None or not _is_run_of(run, self.graph):
            return
        tally = Tally(self.graph)
        tally.add(run)
        self.counts["edges"].update({"\n".join(key): counts.total for key, counts in tally.edges.items()})
        self.counts["steps"].update({name: step.counts["calls"] for name, step in tally.steps.items()})
        self.counts["events"].update(tally.events)
        self.counts["outcomes"].update(tally.outcomes)

    def coverage(self) -> Coverage | None:
        """How much was covered; None as long as the workflow is not found."""
        if self.graph is None:
            return None
        tally = Tally(self.graph, outcomes=self.counts["outcomes"].copy(), events=self.counts["events"].copy())
        for key, count in self.counts["edges"].items():
            source, _, target = key.partition("\n")
            tally.edges[source, target].add(count)
        for name, calls in self.counts["steps"].items():
            tally.steps[name].counts["calls"] = calls
        return coverage_of(aggregate_of(tally, self.graph))

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON data, to be merged in another process."""
        return {
            "target": self.target,
            "graph": self.graph.to_json() if self.graph else None,
            "problem": self.problem,
            "counts": self.counts,
        }

    def merge(self, document: Mapping[str, Any]) -> None:
        """Add what another process counted. A workflow that any process found is found."""
        if document["graph"] is not None and self.graph is None:
            self.graph = FlowGraph.from_json(document["graph"])
        self.problem = "" if self.graph else document["problem"]
        for name in COUNTED:
            self.counts[name].update(document["counts"][name])


def find_flow(flow: TestedFlow, folder: Path) -> None:
    """Find the workflow: in the modules that tests have imported, or else by importing it. Paths begin at ``folder``.

    Where that fails, ``problem`` says why.
    """
    try:
        flow.graph = _graph(flow.target, folder)
        flow.problem = ""
    except CommandError as error:
        cure = f" (try: {error.cure})" if error.cure else ""
        flow.problem = " ".join(f"{error.what}{cure}".split())


def _graph(target: str, folder: Path) -> FlowGraph:
    place, attribute = split_target(target)
    value: Any = _loaded(place, folder)
    if value is not None and attribute:
        value = reduce(lambda found, name: getattr(found, name, None), attribute.split("."), value)
        if isinstance(value, Workflow) or (isinstance(value, type) and issubclass(value, Workflow)):
            return graph_of(value)
    path = folder / place
    text = f"{path}{':' if attribute else ''}{attribute}" if place.endswith(".py") else target
    return graph_of(Finder(Speech(-1), "pytest --wftrace-cov").find(text).flow)


def _loaded(place: str, folder: Path) -> ModuleType | None:
    """The module of that name or file, when it is imported already."""
    if not place.endswith(".py"):
        return sys.modules.get(place)
    file = (folder / place).resolve()
    for module in list(sys.modules.values()):
        known = getattr(module, "__file__", None)
        if isinstance(known, str) and known.endswith(file.name) and Path(known).resolve() == file:
            return module
    return None


def _is_run_of(run: Run, graph: FlowGraph) -> bool:
    """Whether a run is one of the workflow: the same graph, or a flow of that name from the same files."""
    if run.graph is None:
        return False
    if run.graph.hash == graph.hash:
        return True
    files = {step.file for step in graph.steps}
    return run.workflow == graph.name and any(step.file in files for step in run.graph.steps)
