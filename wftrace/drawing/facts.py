"""What a run did to the nodes and links of a chart, also to those that stand for several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from wftrace.overlays import EdgeKey, Overlay, StepFacts

from .chart import ChartNode, Link, Part
from .seen import Seen


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run did to a chart; all empty for the picture of all possible flows."""

    overlay: Overlay | None = None
    critical: frozenset[EdgeKey] = frozenset()
    seen: Seen = field(default_factory=lambda: Seen({}))

    def count(self, link: Link) -> int | None:
        """How often a link was taken; None where no run is looked at."""
        return None if self.overlay is None else sum(self.seen.count(part) for part in link.parts)

    def is_critical(self, link: Link) -> bool:
        """Whether the critical path goes along one of the ways of a link."""
        return any(self.critical.issuperset(_pairs(part)) for part in link.parts)

    def step(self, node: ChartNode) -> StepFacts | None:
        """What a step did, or the steps of a box together; None when they did nothing."""
        if self.overlay is None:
            return None
        if node.step is not None:
            return self.overlay.steps.get(node.id)
        return together([self.overlay.steps[each] for each in node.members if each in self.overlay.steps])

    def was_seen(self, node: ChartNode) -> bool:
        """Whether a run got to a node, or to a member of it."""
        overlay = self.overlay
        if overlay is None:
            return False
        if node.step is not None and node.id in overlay.steps:
            return overlay.steps[node.id].calls > 0
        ids = {node.id, *node.members}
        if any(overlay.events.get(each, 0) > 0 for each in ids):
            return True
        return any(count > 0 and not ids.isdisjoint(key) for key, count in overlay.edges.items())


def together(parts: Sequence[StepFacts]) -> StepFacts | None:
    """The facts of several steps as those of one; percentiles are the largest of theirs. None without a call."""
    if not any(part.calls for part in parts):
        return None
    return StepFacts(
        calls=sum(part.calls for part in parts),
        executions=sum(part.executions for part in parts),
        failed=sum(part.failed for part in parts),
        retried=sum(part.retried for part in parts),
        cancelled=sum(part.cancelled for part in parts),
        timed_out=sum(part.timed_out for part in parts),
        unfinished=sum(part.unfinished for part in parts),
        total_ms=sum(part.total_ms for part in parts),
        p50_ms=max(part.p50_ms for part in parts),
        p95_ms=max(part.p95_ms for part in parts),
        queued_ms=sum(part.queued_ms for part in parts),
        queued_max_ms=max(part.queued_max_ms for part in parts),
        share=sum(part.share for part in parts),
        recovered=all(part.recovered for part in parts),
    )


def _pairs(part: Part) -> list[EdgeKey]:
    return list(pairwise(part))
