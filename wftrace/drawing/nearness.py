"""A part of a chart: what lies near some nodes, or between two."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wftrace.units import count_of

from .chart import Chart, ChartNode, Link, LinkKind, NodeKind
from .errors import ViewError
from .names import one_line

_COUNTED = (NodeKind.STEP, NodeKind.HUMAN)


def near(chart: Chart, wanted: Sequence[tuple[str, int]]) -> Chart:
    """The nodes that so many steps before and after each named node reach; what goes on beyond them ends in a stub."""
    kept: set[str] = set()
    after, before = _ways(chart)
    for name, steps in wanted:
        root = _named(chart, name)
        kept |= _within(chart, root, steps, after) | _within(chart, root, steps, before)
    return _with_stubs(chart, kept)


def between(chart: Chart, first: str, second: str) -> Chart:
    """The nodes on all ways from one node to another.

    Raises ``ViewError`` when there is none.
    """
    after, before = _ways(chart)
    start, end = _named(chart, first), _named(chart, second)
    kept = _reached(start, after) & _reached(end, before)
    if not kept:
        turned = _reached(end, after) & _reached(start, before)
        hint = f"; there is one from {second!r} to {first!r}" if turned else ""
        raise ViewError(f"no way leads from {first!r} to {second!r} in this flow{hint}")
    return _only(chart, kept)


def _ways(chart: Chart) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    after: defaultdict[str, list[str]] = defaultdict(list)
    before: defaultdict[str, list[str]] = defaultdict(list)
    for link in chart.links:
        if not link.extra:
            after[link.source].append(link.target)
            before[link.target].append(link.source)
    return after, before


def _within(chart: Chart, root: str, steps: int, ways: Mapping[str, list[str]]) -> set[str]:
    """What so many steps reach; events cost nothing, and the events behind the last step belong to it."""
    counted = {node.id for node in chart.nodes if node.kind in _COUNTED}
    found = {root: 0}
    todo = [root]
    while todo:
        node = todo.pop(0)
        for other in ways.get(node, ()):
            cost = found[node] + (other in counted)
            if cost <= steps and cost < found.get(other, steps + 1):
                found[other] = cost
                todo.append(other)
    return set(found)


def _reached(root: str, ways: Mapping[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += ways.get(node, ())
    return seen


def _only(chart: Chart, kept: set[str]) -> Chart:
    """The chart without all other nodes; what only a trace knows stays where both ends stay."""
    kept = kept | {node.id for node in chart.nodes if node.extra and _touches(chart, node.id, kept)}
    return replace(
        chart,
        nodes=tuple(node for node in chart.nodes if node.id in kept),
        links=tuple(link for link in chart.links if link.source in kept and link.target in kept),
    )


def _touches(chart: Chart, node: str, kept: set[str]) -> bool:
    return any(node in link.key and kept.intersection(link.key) for link in chart.links)


def _with_stubs(chart: Chart, kept: set[str]) -> Chart:
    part = _only(chart, kept)
    stubs: list[ChartNode] = []
    links: list[Link] = []
    for node in part.nodes:
        away = [link for link in chart.links if not link.extra and link.source == node.id and link.target not in kept]
        here = [link for link in chart.links if not link.extra and link.target == node.id and link.source not in kept]
        if away:
            stubs.append(_stub(f"after:{node.id}", (link.target for link in away)))
            links.append(Link(node.id, stubs[-1].id, LinkKind.CUT, ways=tuple(w for link in away for w in link.parts)))
        if here:
            stubs.append(_stub(f"before:{node.id}", (link.source for link in here)))
            links.append(Link(stubs[-1].id, node.id, LinkKind.CUT, ways=tuple(w for link in here for w in link.parts)))
    possible = [node for node in part.nodes if not node.extra]
    extra = [node for node in part.nodes if node.extra]
    known = [link for link in part.links if not link.extra]
    return Chart((*possible, *stubs, *extra), (*known, *links, *(link for link in part.links if link.extra)))


def _stub(node: str, others: Iterable[str]) -> ChartNode:
    members = tuple(dict.fromkeys(others))
    return ChartNode(
        node, NodeKind.MORE, f"… {len(members)} more", members=members, facts=(count_of(len(members), "more"),)
    )


def _named(chart: Chart, name: str) -> str:
    """The id of the node that a name means: its label, its id, or a step's or event's own name; steps come first."""
    known = [node for node in chart.nodes if node.kind is not NodeKind.OUTSIDE and not node.extra]
    found = [node.id for node in known if name in (node.id, node.label, _own_name(node))]
    if found:
        return found[0]
    folded = {label.lower(): label for node in known for label in (node.label, _own_name(node)) if label}
    close = difflib.get_close_matches(name.lower(), folded, n=1)
    hint = f"; did you mean {folded[close[0]]!r}?" if close else "; name a step or an event"
    raise ViewError(f"there is no {one_line(name)!r} in this flow{hint}")


def _own_name(node: ChartNode) -> str:
    thing = node.step or node.event
    return thing.name if thing is not None else ""
