"""The ways that events went in a run: from node to event to node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from wftrace.overlays import HUMAN, EdgeKey, Overlay, event_id, step_id
from wftrace.trace import step_of

from .chart import Part

OUTSIDE = ""
"""Who made the events that no step made."""


class Seen:
    """How often each way was gone. ``hops`` are whole ways (maker, event, taker), none where only edges are known."""

    def __init__(self, edges: Mapping[EdgeKey, int], hops: Mapping[tuple[str, str, str], int] | None = None) -> None:
        self.edges = edges
        self.hops = hops or {}
        self._makers = Counter(target for (_, target), count in edges.items() if count)

    def count(self, part: Part) -> int:
        """How often one way was gone; of a folded event's the whole way, from maker to taker."""
        if len(part) == 2:
            return self.edges.get((part[0], part[1]), 0)
        maker, event, taker = part
        if self.hops:
            return self.hops.get((_maker(maker), event, taker), 0)
        first, second = self.edges.get((maker, event), 0), self.edges.get((event, taker), 0)
        return second if first and self._makers[event] == 1 else min(first, second)


def seen_in(overlay: Overlay | None) -> Seen:
    """What a run did, as ways; nothing where no run is looked at."""
    if overlay is None:
        return Seen({})
    run = overlay.run
    made = {emission.event_id: emission for emission in run.emissions}
    hops: Counter[tuple[str, str, str]] = Counter()
    for dispatch in run.dispatches():
        maker = step_id(dispatch.producer) if dispatch.producer else OUTSIDE
        hops[maker, event_id(dispatch.type), step_id(dispatch.consumer)] += 1
    for wait in run.waits:
        if wait.kind == "event" and wait.outcome == "completed":
            emission = made.get(wait.events[-1]) if wait.events else None
            maker = step_id(step_of(emission.execution_id)) if emission and emission.execution_id else OUTSIDE
            hops[maker, event_id(wait.waiting_for), step_id(step_of(wait.execution_id))] += 1
    for emission in run.emissions:
        if emission.execution_id and (event_id(emission.type), HUMAN) in overlay.edges:
            hops[step_id(step_of(emission.execution_id)), event_id(emission.type), HUMAN] += 1
    return Seen(overlay.edges, hops)


def _maker(node: str) -> str:
    """Whoever sends from outside is nobody to a trace."""
    return OUTSIDE if node == HUMAN or node.startswith("outside:") else node
