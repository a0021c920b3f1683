"""Several runs in one report: their order, and which run was started by which attempt of which other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from wftrace.trace import Run

RUNS_CAP = 100
"""How many runs a report holds; the last ones are kept."""


class Nest:
    """The runs of a report by their ids, each with the runs inside it."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._children: defaultdict[str, list[int]] = defaultdict(list)
        self._places: dict[str, int] = {}
        self.runs = _ordered(runs)
        for place, run in enumerate(self.runs):
            self._places.setdefault(run.run_id, place)
            if run.parent_run_id and run.parent_run_id != run.run_id:
                self._children[run.parent_run_id].append(place)

    def place(self, run_id: str) -> int | None:
        """Where a run stands in the report (from 0), None when it is not there."""
        return self._places.get(run_id)

    def parent(self, run: Run) -> int | None:
        """Where the run stands that a run was started in."""
        place = self.place(run.parent_run_id) if run.parent_run_id else None
        return None if place is None or self.runs[place].run_id == run.run_id else place

    def children(self, run: Run, execution: str | None = None) -> list[int]:
        """Where the runs stand that were started inside a run, or inside one execution of it."""
        places = self._children.get(run.run_id, [])
        return [at for at in places if execution is None or self.runs[at].parent_execution == execution]

    def depth(self, run: Run) -> int:
        """How many runs of the report a run lies inside."""
        depth, seen = 0, {run.run_id}
        place = self.parent(run)
        while place is not None and self.runs[place].run_id not in seen:
            depth += 1
            seen.add(self.runs[place].run_id)
            place = self.parent(self.runs[place])
        return depth


def _ordered(runs: Sequence[Run]) -> list[Run]:
    """The runs, each followed by those inside it."""
    ids = {run.run_id for run in runs}
    inside: defaultdict[str, list[Run]] = defaultdict(list)
    tops: list[Run] = []
    for run in runs:
        nested = run.parent_run_id in ids and run.parent_run_id != run.run_id
        (inside[run.parent_run_id] if nested else tops).append(run)
    ordered = [each for top in tops for each in _with_inner(top, inside)]
    return ordered + [each for rest in inside.values() for each in rest]


def _with_inner(run: Run, inside: dict[str, list[Run]]) -> Iterator[Run]:
    yield run
    for each in inside.pop(run.run_id, ()):
        yield from _with_inner(each, inside)
