"""How a run stands: what is at work, what waits for what. A pure function over the run so far."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from wftrace.engine.graph import EdgeKind, EventKind, FlowGraph
from wftrace.overlays import event_id
from wftrace.trace import Attempt, Run, step_of

from .open_run import RUNNING


@dataclass(frozen=True, slots=True)
class Open:
    """Something that is under way: ``kind`` is ``at work``, ``asked``, ``back-off`` or ``queued``.

    ``what`` names it, ``since_ns`` is when it began, ``count`` how many there are.
    """

    kind: str
    what: str
    since_ns: int
    step: str = ""
    count: int = 1


def standing(run: Run, graph: FlowGraph | None = None) -> tuple[Open, ...]:
    """What of a run is under way, the longest first: questions, attempts at work, back-offs, and queued events.

    ``graph`` is used where the run brings none; without either, questions and queues cannot be told.
    """
    shape = run.graph or graph
    found = [*_at_work(run), *_back_offs(run)]
    if shape is not None:
        found += [*_questions(run, shape), *_queued(run, shape)]
    order = {"asked": 0, "at work": 1, "back-off": 2, "queued": 3}
    return tuple(sorted(found, key=lambda each: (order[each.kind], each.since_ns, each.what)))


def _at_work(run: Run) -> list[Open]:
    return [
        Open("at work", each.execution_id, each.start_ns, each.step) for each in run.attempts if each.outcome == RUNNING
    ]


def _back_offs(run: Run) -> list[Open]:
    """Executions whose last known attempt failed: those that back off, and those that have been begun with again."""
    last: dict[str, Attempt] = {}
    for attempt in run.attempts:
        known = last.get(attempt.execution_id)
        if known is None or attempt.number > known.number:
            last[attempt.execution_id] = attempt
    over = {wait.execution_id: wait for wait in run.waits if wait.kind == "retry" and wait.outcome == "completed"}
    found = []
    for each in last.values():
        wait = over.get(each.execution_id)
        if each.outcome == "retrying" and wait is not None and wait.seq > each.seq:
            found.append(Open("at work", each.execution_id, wait.end_ns, each.step))
        elif each.outcome == "retrying":
            found.append(Open("back-off", each.execution_id, each.end_ns, each.step))
    return found


def _questions(run: Run, graph: FlowGraph) -> list[Open]:
    kinds = {event.id: event.kind for event in graph.events}
    answered = {wait.events[0] for wait in run.waits if wait.kind == "human" and wait.events}
    return [
        Open("asked", each.type.rpartition(".")[2], each.time_ns, step_of(each.execution_id))
        for each in run.emissions
        if kinds.get(event_id(each.type)) is EventKind.INPUT_REQUIRED and each.event_id not in answered
    ]


def _queued(run: Run, graph: FlowGraph) -> list[Open]:
    """Events that a step takes and no worker has begun with."""
    takers: defaultdict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        if edge.kind is EdgeKind.ACCEPTS:
            takers[edge.source].append(graph.nodes[edge.target].name)
    waited = {event for wait in run.waits if wait.kind == "event" for event in wait.events}
    begun = {(event, attempt.step) for attempt in run.attempts for event in attempt.inputs}
    counts: Counter[str] = Counter()
    since: dict[str, int] = {}
    for each in run.emissions:
        if each.delivered != "delivered" or each.event_id in waited:
            continue
        for step in takers.get(event_id(each.type), ()):
            if (each.event_id, step) not in begun and each.target in ("", step):
                counts[step] += 1
                since.setdefault(step, each.time_ns)
    return [Open("queued", step, since[step], step, count) for step, count in counts.items()]
