"""The timeline of a run: a row per step, a lane per worker, and a bar for every stretch of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from heapq import heappop, heappush

from wftrace.engine.graph import FlowGraph
from wftrace.overlays import HUMAN
from wftrace.trace import Attempt, Run, Wait, step_of
from wftrace.units import format_ms


class BarKind(StrEnum):
    """What happens in a bar."""

    RUN = "run"
    FAILED = "failed"
    CANCELLED = "cancelled"
    QUEUE = "queue"
    BACK_OFF = "back-off"
    HUMAN = "human"
    WAIT = "wait"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time in a lane. ``number`` is the attempt's, 0 for what belongs to no attempt."""

    kind: BarKind
    start_ns: int
    end_ns: int
    text: str
    execution_id: str = ""
    number: int = 0

    @property
    def duration_ms(self) -> float:
        """How long it lasted."""
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """A step, or the human: first a lane per worker, then lanes for what waits. Bars of one lane do not overlap."""

    name: str
    lanes: tuple[tuple[Bar, ...], ...]
    workers: int = 0
    human: bool = False

    @property
    def start_ns(self) -> int:
        """When its first bar begins."""
        return min(bar.start_ns for lane in self.lanes for bar in lane)


@dataclass(frozen=True)
class Workers:
    """How many workers of each step were busy at any time."""

    run: Run

    @cached_property
    def _times(self) -> dict[str, tuple[list[int], list[int]]]:
        groups: defaultdict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for attempt in self.run.attempts:
            starts, ends = groups[attempt.step]
            starts.append(attempt.start_ns)
            ends.append(attempt.end_ns)
        return {step: (sorted(starts), sorted(ends)) for step, (starts, ends) in groups.items()}

    def busy(self, step: str, time_ns: int) -> int:
        """How many attempts of the step ran at a time."""
        starts, ends = self._times.get(step, ([], []))
        return bisect_right(starts, time_ns) - bisect_right(ends, time_ns)


def queue_reason(attempt: Attempt, workers: Workers, graph: FlowGraph | None) -> str:
    """Why an attempt had to queue: ``3 of 3 workers busy``, or ``""`` when its workers were not all busy."""
    step = graph.step.get(attempt.step) if graph else None
    if step is None or attempt.queue_wait_ms <= 0:
        return ""
    busy = workers.busy(attempt.step, (attempt.queued_ns + attempt.start_ns) // 2)
    if busy < step.num_workers:
        return ""
    word = "worker" if step.num_workers == 1 else "workers"
    return f"{step.num_workers} of {step.num_workers} {word} busy"


def timeline(run: Run, least_queue_ms: float = 0.0) -> tuple[Row, ...]:
    """The rows of a run in the order in which they begin.

    Times in the queue of ``least_queue_ms`` or less make no bar.
    """
    by_step: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in run.attempts:
        by_step[attempt.step].append(attempt)
    waits: defaultdict[str, list[Wait]] = defaultdict(list)
    for wait in run.waits:
        if wait.kind != "human":
            waits[step_of(wait.execution_id)].append(wait)
    rows = [_step_row(step, of_step, waits[step], least_queue_ms) for step, of_step in by_step.items()]
    asked = [_wait_bar(wait, BarKind.HUMAN) for wait in run.waits if wait.kind == "human"]
    if asked:
        rows.append(Row(HUMAN, packed(asked), human=True))
    return tuple(sorted(rows, key=lambda row: row.start_ns))


def packed(bars: Iterable[Bar]) -> tuple[tuple[Bar, ...], ...]:
    """The bars in as few lanes as they need: each goes to the lane that has been free for the longest."""
    lanes: list[list[Bar]] = []
    free: list[tuple[int, int]] = []
    for bar in sorted(bars, key=lambda each: (each.start_ns, each.end_ns)):
        if free and free[0][0] <= bar.start_ns:
            lane = heappop(free)[1]
        else:
            lane = len(lanes)
            lanes.append([])
        lanes[lane].append(bar)
        heappush(free, (bar.end_ns, lane))
    return tuple(tuple(lane) for lane in lanes)


def _step_row(step: str, attempts: Sequence[Attempt], waits: Sequence[Wait], least_queue_ms: float) -> Row:
    by_worker: defaultdict[int, list[Bar]] = defaultdict(list)
    for attempt in attempts:
        by_worker[attempt.worker].append(_attempt_bar(attempt))
    lanes = [list(lane) for worker in sorted(by_worker) for lane in packed(by_worker[worker])]
    homeless = _place_back_offs(lanes, _back_offs(attempts, waits))
    queues = [_queue_bar(each) for each in attempts if each.queue_wait_ms > least_queue_ms]
    inner = [_wait_bar(wait, BarKind.WAIT) for wait in waits if wait.kind == "event"]
    joins = [_wait_bar(wait, BarKind.JOIN) for wait in waits if wait.kind == "join"]
    others = (*packed(homeless), *packed(queues), *packed(inner), *packed(joins))
    return Row(step, (*(tuple(lane) for lane in lanes), *others), workers=len(lanes))


def _place_back_offs(lanes: list[list[Bar]], back_offs: Iterable[Bar]) -> list[Bar]:
    """Put each back-off into the lane of the attempt that follows it; return those for which there is no room."""
    homes = {(bar.execution_id, bar.number): lane for lane in lanes for bar in lane}
    homeless = []
    for bar in back_offs:
        lane = homes.get((bar.execution_id, bar.number), [])
        place = bisect_left(lane, bar.start_ns, key=lambda each: each.start_ns)
        after = place < len(lane) and lane[place].start_ns >= bar.end_ns
        if after and (not place or lane[place - 1].end_ns <= bar.start_ns):
            lane.insert(place, bar)
        else:
            homeless.append(bar)
    return homeless


def _back_offs(attempts: Sequence[Attempt], waits: Iterable[Wait]) -> list[Bar]:
    """The retry waits, each with the number of the attempt that came after it (0 when none did)."""
    starts: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        starts[attempt.execution_id].append(attempt)
    bars = []
    for wait in waits:
        if wait.kind == "retry":
            after = [each.number for each in starts[wait.execution_id] if each.seq > wait.seq]
            bar = Bar(BarKind.BACK_OFF, wait.start_ns, wait.end_ns, "", wait.execution_id, min(after, default=0))
            bars.append(replace(bar, text=f"↻ {format_ms(bar.duration_ms)}"))
    return bars


def _queue_bar(attempt: Attempt) -> Bar:
    text = f"#{attempt.execution_id.rpartition('#')[2]} queued {format_ms(attempt.queue_wait_ms)}"
    return Bar(BarKind.QUEUE, attempt.queued_ns, attempt.start_ns, text, attempt.execution_id, attempt.number)


def _wait_bar(wait: Wait, kind: BarKind) -> Bar:
    name = wait.waiting_for.rpartition(".")[2]
    words = {BarKind.HUMAN: "☺", BarKind.WAIT: "waits for", BarKind.JOIN: "⋈"}[kind]
    text = f"{words} {name} {format_ms(wait.duration_ms)}"
    return Bar(kind, wait.start_ns, wait.end_ns, text, wait.execution_id)


def _attempt_bar(attempt: Attempt) -> Bar:
    number = attempt.execution_id.rpartition("#")[2]
    text = f"#{number}" if attempt.number == 1 else f"#{number} ↻ attempt {attempt.number}"
    if attempt.error is not None:
        kind, text = BarKind.FAILED, f"{text} ✗ {attempt.error.type.rpartition('.')[2]}"
    elif attempt.outcome in ("cancelled", "timed_out", "interrupted", "abandoned"):
        kind, text = BarKind.CANCELLED, f"{text} {attempt.outcome.replace('_', ' ')}"
    else:
        kind = BarKind.RUN
    return Bar(kind, attempt.start_ns, attempt.end_ns, text, attempt.execution_id, attempt.number)
