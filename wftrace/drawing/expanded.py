"""One run unrolled: every attempt a node of its own, every event a node of its own, no loop closed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from wftrace.analysis import PathKind, PathPart
from wftrace.engine.graph import EventKind, EventNode, FlowGraph, Provenance, StepNode
from wftrace.overlays import EdgeKey, Overlay, StepFacts, event_id, step_id
from wftrace.trace import Attempt, Emission, Run, Wait
from wftrace.units import count_of, format_ms

from .chart import Chart, ChartNode, Link, LinkKind, NodeKind
from .compose import compose_chart
from .facts import Facts
from .names import clipped, one_line, short_names
from .page import Options
from .scene import Scene
from .seen import Seen

MOST_ATTEMPTS = 400
"""So many attempts are drawn at most; the notes say how many more there were."""

_KINDS = {
    EventKind.START: NodeKind.START,
    EventKind.STOP: NodeKind.STOP,
    EventKind.INPUT_REQUIRED: NodeKind.REQUEST,
    EventKind.HUMAN_RESPONSE: NodeKind.ANSWER,
}


def compose_expanded(overlay: Overlay, options: Options | None = None, *, path: Sequence[PathPart] = ()) -> Scene:
    """The scene of one run as a chain of causes; ``path`` is its critical path.

    A node is an attempt (``fetch#4``, and ``fetch#4 attempt 2`` for a retry), an event that was made, or a human who
    answered. Links are drawn as what happened: made, taken, joined, tried again after a back-off.
    """
    unrolled = _Unrolled(overlay.run, overlay.graph)
    chart = unrolled.chart()
    edges = Counter({link.key: 1 for link in chart.links})
    flat = replace(
        overlay,
        steps=unrolled.facts(),
        events={node.id: 1 for node in chart.nodes if node.event is not None},
        edges=edges,
        undeclared=frozenset(),
        notes=(*overlay.notes, *unrolled.notes()),
    )
    return compose_chart(chart, overlay.graph, Facts(flat, _on_path(chart, path), Seen(edges)), options or Options())


@dataclass(slots=True)
class _Unrolled:
    """A run while its chart is made."""

    run: Run
    graph: FlowGraph
    attempts: tuple[Attempt, ...] = field(init=False)
    made: dict[str, Emission] = field(init=False)
    labels: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.attempts = self.run.attempts[:MOST_ATTEMPTS]
        taken = {event for attempt in self.attempts for event in (*attempt.inputs, *attempt.joined)}
        makers = {attempt.execution_id for attempt in self.attempts}
        self.made = {
            each.event_id: each
            for each in self.run.emissions
            if each.event_id in taken or each.execution_id in makers or not each.execution_id
        }
        self.labels = short_names(one_line(each.type) for each in self.made.values())

    def notes(self) -> tuple[str, ...]:
        """What is not drawn."""
        left = len(self.run.attempts) - len(self.attempts)
        return (f"{count_of(left, 'later attempt')} not drawn",) if left else ()

    def facts(self) -> dict[str, StepFacts]:
        """What each attempt did, by its node."""
        whole = sum(attempt.duration_ms for attempt in self.run.attempts) or 1.0
        last = {attempt.execution_id: attempt for attempt in self.run.attempts}
        return {_node_of(each): _facts(each, whole, last[each.execution_id]) for each in self.attempts}

    def chart(self) -> Chart:
        """Attempts, events and humans, and what led from one to the other."""
        links = {link.key: link for link in (*self._made(), *self._taken(), *self._retries(), *self._humans())}
        nodes = (*map(self._event, self.made.values()), *map(self._attempt, self.attempts), *self._people())
        known = {node.id for node in nodes}
        return Chart(nodes, tuple(link for link in links.values() if known.issuperset(link.key)))

    def _attempt(self, attempt: Attempt) -> ChartNode:
        known = self.graph.nodes.get(step_id(attempt.step))
        place = known if isinstance(known, StepNode) else StepNode("", attempt.step)
        name = one_line(attempt.execution_id) + (f" attempt {attempt.number}" if attempt.number > 1 else "")
        node = _node_of(attempt)
        step = StepNode(node, name, place.doc, place.file, place.line, place.function)
        return ChartNode(node, NodeKind.STEP, clipped(name), step, brief=True)

    def _event(self, emission: Emission) -> ChartNode:
        known = self.graph.nodes.get(event_id(emission.type))
        place = known if isinstance(known, EventNode) else EventNode("", emission.type)
        event = replace(place, id=_event_of(emission.event_id))
        kind = _KINDS.get(place.kind, NodeKind.EVENT)
        return ChartNode(event.id, kind, clipped(self.labels[one_line(emission.type)]), event=event)

    def _people(self) -> Iterator[ChartNode]:
        for wait in self._asked():
            words = f"waited {format_ms(wait.duration_ms)}"
            yield ChartNode(_human_of(wait), NodeKind.HUMAN, "human", facts=(words,))

    def _asked(self) -> Iterator[Wait]:
        yield from (wait for wait in self.run.waits if wait.kind == "human" and wait.events)

    def _made(self) -> Iterator[Link]:
        for emission in self.made.values():
            maker = self._maker(emission)
            if maker is not None:
                kind = LinkKind.RETURNS if emission.mode == "return" else LinkKind.SENDS
                yield Link(_node_of(maker), _event_of(emission.event_id), kind, Provenance.OBSERVED)

    def _maker(self, emission: Emission) -> Attempt | None:
        """The attempt that made an event: of its execution the last one that began before."""
        found = None
        for attempt in self._by_execution().get(emission.execution_id, ()):
            if attempt.start_ns <= emission.time_ns or found is None:
                found = attempt
        return found

    def _by_execution(self) -> dict[str, list[Attempt]]:
        found: defaultdict[str, list[Attempt]] = defaultdict(list)
        for attempt in sorted(self.attempts, key=lambda each: each.number):
            found[attempt.execution_id].append(attempt)
        return found

    def _taken(self) -> Iterator[Link]:
        for attempt in self.attempts:
            events = (*attempt.inputs, *attempt.joined) if attempt.number == 1 or attempt.joined else ()
            for event in dict.fromkeys(events):
                joins = event in attempt.joined
                yield Link(_event_of(event), _node_of(attempt), LinkKind.ACCEPTS, Provenance.OBSERVED, joins=joins)
        for wait in self.run.waits:
            if wait.kind == "event" and wait.events:
                for attempt in self._by_execution().get(wait.execution_id, ())[-1:]:
                    yield Link(_event_of(wait.events[-1]), _node_of(attempt), LinkKind.WAITS, Provenance.OBSERVED)

    def _retries(self) -> Iterator[Link]:
        for attempts in self._by_execution().values():
            for before, after in pairwise(attempts):
                ms = before.retry_delay_ms or after.retry_delay_ms
                delay = f"again after {format_ms(ms)}" if ms else "again"
                yield Link(_node_of(before), _node_of(after), LinkKind.RETRIES, Provenance.OBSERVED, events=(delay,))

    def _humans(self) -> Iterator[Link]:
        for wait in self._asked():
            yield Link(_event_of(wait.events[0]), _human_of(wait), LinkKind.ASKS, Provenance.OBSERVED)
            for answer in wait.events[1:2]:
                yield Link(_human_of(wait), _event_of(answer), LinkKind.ANSWERS, Provenance.OBSERVED)


def _node_of(attempt: Attempt) -> str:
    return f"attempt:{attempt.execution_id}/{attempt.number}"


def _event_of(event: str) -> str:
    return f"made:{event}"


def _human_of(wait: Wait) -> str:
    return f"human:{wait.events[0]}"


def _facts(attempt: Attempt, whole_ms: float, last: Attempt) -> StepFacts:
    ms = attempt.duration_ms
    return StepFacts(
        calls=1,
        executions=1,
        failed=int(attempt.error is not None),
        retried=int(attempt.number > 1),
        cancelled=int(attempt.outcome == "cancelled"),
        timed_out=int(attempt.outcome == "timed_out"),
        unfinished=int(attempt.outcome in ("interrupted", "abandoned")),
        total_ms=ms,
        p50_ms=ms,
        p95_ms=ms,
        queued_ms=attempt.queue_wait_ms,
        queued_max_ms=attempt.queue_wait_ms,
        share=ms / whole_ms,
        recovered=last.error is None,
    )


def _on_path(chart: Chart, path: Sequence[PathPart]) -> frozenset[EdgeKey]:
    """The links that the critical path goes along: from its start to its first attempt, from each to the next, and to
    the end.
    """
    ran = (f"attempt:{part.execution_id}/{part.number}" for part in path if part.kind is PathKind.RUN)
    nodes = list(dict.fromkeys(ran))
    kinds = {node.id: node.kind for node in chart.nodes}
    nodes = [node for node in nodes if node in kinds]
    after: defaultdict[str, list[str]] = defaultdict(list)
    before: defaultdict[str, list[str]] = defaultdict(list)
    for link in chart.links:
        after[link.source].append(link.target)
        before[link.target].append(link.source)
    keys = {(each, nodes[0]) for each in before[nodes[0]] if kinds[each] is NodeKind.START} if nodes else set()
    keys |= {(nodes[-1], each) for each in after[nodes[-1]] if kinds[each] is NodeKind.STOP} if nodes else set()
    for first, second in pairwise(nodes):
        keys.update(_way(first, second, after, kinds))
    return frozenset(keys)


def _way(
    first: str, second: str, after: Mapping[str, Sequence[str]], kinds: Mapping[str, NodeKind]
) -> tuple[EdgeKey, ...]:
    """A way from one attempt to the next through events and humans only."""
    todo: list[tuple[str, tuple[EdgeKey, ...]]] = [(first, ())]
    seen = {first}
    while todo:
        node, way = todo.pop(0)
        for other in after.get(node, ()):
            if other == second:
                return (*way, (node, other))
            if other not in seen and kinds[other] is not NodeKind.STEP:
                seen.add(other)
                todo.append((other, (*way, (node, other))))
    return ()
