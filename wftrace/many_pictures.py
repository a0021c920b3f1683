"""Many runs from Python: figures of them that draw themselves.

aggregate(runs).save("runs.svg")
diff(before, after).save("diff.svg")
coverage(MyFlow, runs).figures.percent
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wftrace.engine.errors import TraceError
from wftrace.engine.graph import FlowGraph
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.many import Aggregate, Coverage, Diff, aggregate_of, compare_code, compare_runs, coverage_of, tally_of
from wftrace.many.documents import aggregate_document, coverage_document, diff_document
from wftrace.render.many import draw_aggregate, draw_diff
from wftrace.trace import Run

if TYPE_CHECKING:
    from wftrace.render import Picture

Flow = Workflow | type[Workflow] | FlowGraph
Cohort = Run | Iterable[Run]


class _Drawn:
    """Figures that can be drawn and written; in a notebook they show their picture."""

    def picture(self, **options: Any) -> Picture:
        """The picture; ``options`` are those of ``wftrace.draw``."""
        raise NotImplementedError

    def to_json(self) -> str:
        """All figures as a JSON document."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str], format: str | None = None) -> Path:
        """Write the picture; its format is that of the suffix, or ``format``."""
        return self.picture().save(path, format)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.picture()._repr_mimebundle_(include, exclude)


@dataclass(frozen=True)
class AggregatedRuns(_Drawn):
    """Many runs of one workflow: their ``figures`` and their picture."""

    figures: Aggregate

    def picture(self, **options: Any) -> Picture:
        """The runs over all possible flows."""
        return draw_aggregate(self.figures, **options)

    def to_json(self) -> str:
        """All figures as a JSON document (``wftrace/aggregate@1``)."""
        return json.dumps(aggregate_document(self.figures), ensure_ascii=False, indent=2)


@dataclass(frozen=True)
class FlowCoverage(_Drawn):
    """What of a flow some runs did: its ``figures`` and its picture, with the holes."""

    figures: Coverage

    def picture(self, **options: Any) -> Picture:
        """The runs over all possible flows."""
        return draw_aggregate(self.figures.figures, **options)

    def to_json(self) -> str:
        """All figures as a JSON document (``wftrace/coverage@1``)."""
        return json.dumps(coverage_document(self.figures), ensure_ascii=False, indent=2)


@dataclass(frozen=True)
class Comparison(_Drawn):
    """What is different between A and B: its ``figures`` and its picture."""

    figures: Diff

    def picture(self, **options: Any) -> Picture:
        """A and B in one picture."""
        return draw_diff(self.figures, **options)

    def to_json(self) -> str:
        """All changes as a JSON document (``wftrace/diff@1``)."""
        return json.dumps(diff_document(self.figures), ensure_ascii=False, indent=2)


def aggregate(runs: Iterable[Run], flow: Flow | None = None) -> AggregatedRuns:
    """Many runs of one workflow in figures, over the graph of ``flow`` or of the newest run.

    Runs are taken one at a time and are not kept. Raises ``TraceError`` when there is none.
    """
    return AggregatedRuns(_figures(runs, flow, "aggregate"))


def coverage(flow: Flow, runs: Iterable[Run]) -> FlowCoverage:
    """How much of what a flow can do the runs did. No run at all covers nothing."""
    return FlowCoverage(coverage_of(aggregate_of(tally_of(runs, graph(flow)))))


def diff(a: Cohort | Flow, b: Cohort | Flow, names: tuple[str, str] = ("A", "B")) -> Comparison:
    """B held against A: two runs, two cohorts of runs, or two flows.

    ``names`` are what the picture calls them. Raises ``TraceError`` for a cohort without runs.
    """
    if _is_flow(a) and _is_flow(b):
        return Comparison(compare_code(graph(a), graph(b), names))  # type: ignore[arg-type]
    if _is_flow(a) or _is_flow(b):
        raise TraceError("a flow can only be compared with a flow, and runs with runs: diff(run, other_run)")
    return Comparison(compare_runs(_cohort(a), _cohort(b), names))


def graph(flow: Flow) -> FlowGraph:
    """The graph of a workflow class, an instance or a graph."""
    return flow if isinstance(flow, FlowGraph) else graph_of(flow)


def _cohort(side: Any) -> Aggregate:
    return _figures([side] if isinstance(side, Run) else side, None, "diff")


def _figures(runs: Iterable[Run], flow: Flow | None, what: str) -> Aggregate:
    tally = tally_of(runs, None if flow is None else graph(flow))
    if not tally.runs:
        raise TraceError(f"{what}() was given no runs; those of a file are iter_runs('runs.otlp.jsonl')")
    return aggregate_of(tally)


def _is_flow(side: object) -> bool:
    return isinstance(side, FlowGraph | Workflow) or (isinstance(side, type) and issubclass(side, Workflow))
