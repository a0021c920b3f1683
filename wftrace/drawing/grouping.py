"""Steps that belong together, by their module, class, file, or the first word of their names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Literal

from wftrace.engine.graph import StepNode

from .chart import Chart, Group, NodeKind
from .names import clipped, one_line

GroupBy = Literal["module", "class", "file", "prefix"]

_INSIDE = (NodeKind.EVENT, NodeKind.STREAM)


def grouped(chart: Chart, by: GroupBy) -> Chart:
    """The chart with a frame around the steps of each group and the events that only they know.

    A group has two steps and more; where all steps are in one there are no frames.
    """
    keys = {
        node.id: _key(node.step, by)
        for node in chart.nodes
        if node.step is not None and not node.extra and not node.note
    }
    sizes = Counter(key for key in keys.values() if key)
    names = [key for key, size in sizes.items() if size > 1]
    if not names or sizes[names[0]] == len(keys):
        return chart
    place = {node: key for node, key in keys.items() if key in names}
    place |= _events_inside(chart, place)
    groups = (
        Group(f"group:{name}", clipped(one_line(name)), tuple(n.id for n in chart.nodes if place.get(n.id) == name))
        for name in names
    )
    return replace(chart, groups=(*chart.groups, *groups))


def _key(step: StepNode, by: GroupBy) -> str:
    if by == "file":
        return step.file
    if by == "prefix":
        first, mark, _ = step.name.partition("_")
        return first if mark and first else ""
    owner = step.function.removesuffix(f".{step.name}")
    module, _, last = owner.rpartition(".")
    in_class = last[:1].isupper()
    if by == "class":
        return last if in_class else ""
    return module if in_class and module else owner


def _events_inside(chart: Chart, place: dict[str, str]) -> dict[str, str]:
    """The events all of whose steps are of one group."""
    around: dict[str, set[str]] = {}
    for link in chart.links:
        if not link.extra:
            around.setdefault(link.source, set()).add(place.get(link.target, ""))
            around.setdefault(link.target, set()).add(place.get(link.source, ""))
    return {
        node.id: next(iter(around[node.id]))
        for node in chart.nodes
        if node.kind in _INSIDE and not node.note and len(around.get(node.id, ())) == 1 and "" not in around[node.id]
    }
