"""What is different between A and B: two runs, two cohorts of runs, or two versions of the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from wftrace.engine.graph import FlowGraph
from wftrace.overlays import EdgeKey

Unit = Literal["count", "mean", "ms", "share", "text"]


class Change(StrEnum):
    """How B stands to A: something is only in B, only in A, changed, or not known to have changed."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"

    @property
    def sign(self) -> str:
        """``+``, ``−``, ``Δ`` or nothing."""
        return {"added": "+", "removed": "−", "changed": "Δ", "same": ""}[self.value]

    @property
    def mirrored(self) -> Change:
        """The same seen from B."""
        return {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED}.get(self, self)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number or text of A beside that of B; None where a side has none.

    ``chance`` is how likely such a difference is by chance, corrected for all that were asked about (None where nothing
    was asked: two single runs, two graphs, numbers that no test belongs to). ``real`` says whether it is taken for a
    change.
    """

    name: str
    before: float | str | None
    after: float | str | None
    unit: Unit
    chance: float | None = None
    real: bool = False

    @property
    def mirrored(self) -> Figure:
        """The same seen from B."""
        return Figure(self.name, self.after, self.before, self.unit, self.chance, self.real)


@dataclass(frozen=True, slots=True)
class Compared:
    """A node or an edge of A and B: how it changed, and its figures. ``key`` is a node id or a pair of them."""

    key: str | EdgeKey
    change: Change
    figures: tuple[Figure, ...] = ()

    @property
    def mirrored(self) -> Compared:
        """The same seen from B."""
        return Compared(self.key, self.change.mirrored, tuple(figure.mirrored for figure in self.figures))

    @property
    def sure(self) -> bool:
        """Whether the change is more than chance may have made: in cohorts what was tested has to say so."""
        asked = [figure for figure in self.figures if figure.chance is not None]
        return self.change is Change.SAME or not asked or any(figure.real for figure in asked)

    def figure(self, name: str) -> Figure | None:
        """The figure of that name."""
        return next((figure for figure in self.figures if figure.name == name), None)


@dataclass(frozen=True, slots=True)
class Side:
    """A or B: what it is called, how many runs it has (0 for code), and its graph's hash."""

    label: str
    runs: int = 0
    version: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Diff:
    """B held against A. ``whole`` are figures of whole runs; nodes and edges that did not change are there too.

    ``graph`` has all nodes and edges of both, those of B first.
    """

    kind: Literal["runs", "cohorts", "code"]
    graph: FlowGraph
    a: Side
    b: Side
    whole: tuple[Figure, ...] = ()
    nodes: Mapping[str, Compared] = field(default_factory=dict)
    edges: Mapping[EdgeKey, Compared] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Compared, ...]:
        """All nodes and edges that changed."""
        return tuple(each for each in (*self.nodes.values(), *self.edges.values()) if each.change is not Change.SAME)

    @property
    def empty(self) -> bool:
        """Whether nothing is known to be different."""
        return not self.changes and not any(figure.real for figure in self.whole)

    @property
    def sentence(self) -> str:
        """What is different in one line: ``+ 1 · − 2 · Δ 3``, or that nothing is."""
        counts = {change: sum(each.change is change for each in self.changes) for change in Change}
        parts = [f"{change.sign} {number}" for change, number in counts.items() if number]
        unsure = sum(not each.sure for each in self.changes)
        if parts and unsure:
            which = "" if unsure == len(self.changes) else f"{unsure} of them "
            parts.append(f"{which}not distinguishable (n={self.least})")
        if parts:
            return " · ".join(parts)
        if any(figure.real for figure in self.whole):
            return "Δ whole runs only"
        return f"not distinguishable (n={self.least})" if self.kind == "cohorts" else "no difference"

    @property
    def least(self) -> int:
        """How many runs the smaller cohort has."""
        return min(self.a.runs, self.b.runs)
