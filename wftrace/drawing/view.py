"""What of a flow is shown, and how closely: a chart becomes a smaller one.

Only what is possible is folded and cut, so the picture of a run keeps the places of the picture of all possible flows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from .chart import Chart, NodeKind
from .errors import ViewError
from .folding import folded_chains, folded_events, folded_groups
from .grouping import GroupBy, grouped
from .nearness import between, near
from .seen import Seen

Events = Literal["auto", "nodes", "edges"]
Fold = Literal["chains", "groups"]

EDGES_FROM = 31
"""From so many steps on events are written on the links, unless nodes are asked for."""

_FOCUS = re.compile(r"(?P<name>.+?)(?:~(?P<steps>\d{1,4}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class View:
    """How closely a flow is looked at.

    ``events``: as nodes of their own, or written on the edges; ``auto`` writes them there from 31 steps on.
    ``focus``: names of steps or events, each with ``~N`` for N steps before and after it (1 when left out).
    ``between``: two names; only what lies on a way from the first to the second is drawn. ``group_by`` frames steps
    that belong together, ``fold`` makes one box of each chain of three steps and more, or of each group.
    """

    events: Events = "auto"
    focus: tuple[str, ...] = ()
    between: tuple[str, str] | None = None
    group_by: GroupBy | None = None
    fold: frozenset[Fold] = frozenset()

    def __post_init__(self) -> None:
        _known("events", self.events, get_args(Events))
        for each in self.fold:
            _known("fold", each, get_args(Fold))
        if self.group_by is not None:
            _known("group_by", self.group_by, get_args(GroupBy))
        if "groups" in self.fold and self.group_by is None:
            raise ViewError("fold='groups' needs groups; say by what: group_by='module', 'class', 'file' or 'prefix'")

    @property
    def whole(self) -> bool:
        """Whether nothing is cut off."""
        return not self.focus and self.between is None


def looked_at(chart: Chart, view: View, seen: Seen) -> Chart:
    """The chart as a view shows it. ``seen`` are the ways that a run went, for what is undeclared in it.

    Raises ``ViewError`` when a name is not in the chart, or no way leads from the one to the other.
    """
    steps = sum(node.kind is NodeKind.STEP and not node.extra for node in chart.nodes)
    if view.between is not None:
        chart = between(chart, *view.between)
    if view.focus:
        chart = near(chart, [_focus(text) for text in view.focus])
    if view.events == "edges" or (view.events == "auto" and steps >= EDGES_FROM):
        chart = folded_events(chart, seen)
    if view.group_by is not None:
        chart = grouped(chart, view.group_by)
    if "groups" in view.fold:
        chart = folded_groups(chart)
    return folded_chains(chart) if "chains" in view.fold else chart


def _focus(text: str) -> tuple[str, int]:
    found = _FOCUS.fullmatch(text)
    if found is None:
        raise ViewError("focus names nothing; write a step and how many steps around it: fetch~2")
    return found["name"], int(found["steps"] or 1)


def _known(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ViewError(f"{what}={value!r} is not known; there are {', '.join(known)}")
