"""The event log of a run: everything that happened, a line each, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from wftrace.engine.graph import FlowGraph
from wftrace.trace import Attempt, CheckpointMark, Emission, Run, Segment, Wait
from wftrace.units import format_ms

from .causes import Causes
from .lanes import Workers, queue_reason

NUMBERED_LATE = ("wait", "human", "retry", "checkpoint")
"""The kinds of row that a trace numbers when they are over, because only then they are known."""


WAIT_IS_OVER = "numbered when it was over"
CLOCK_WENT_BACK = "the clock was set back"


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line of the log.

    ``seq`` is its number in the trace, 0 for what has none. ``ms`` is the time since the run's start, ``took_ms`` None
    for what is a moment, ``queued_ms`` how long an attempt waited for a worker (``queue_reason``: why). ``late`` says
    why its number is greater than those of rows below it, ``""`` where it is not.
    """

    seq: int
    ms: float
    kind: str
    text: str
    step: str = ""
    execution_id: str = ""
    number: int = 0
    took_ms: float | None = None
    status: str = "ok"
    events: tuple[str, ...] = ()
    outcome: str = ""
    worker: int | None = None
    queued_ms: float = 0.0
    queue_reason: str = ""
    late: str = ""


def log_rows(run: Run, graph: FlowGraph | None = None) -> tuple[LogRow, ...]:
    """The log in the order in which things began: attempts, events made, waits, checkpoints and segments.

    That is the order of their sequence numbers, but for waits, which are numbered when they end, and for a clock that
    was set back; ``LogRow.late`` marks them.
    """
    log = _Log(run, graph or run.graph)
    ordered = sorted(log.rows(), key=lambda row: (row.ms, row.seq))
    return tuple(_folded(_marked(ordered)))


def _marked(rows: Sequence[LogRow]) -> list[LogRow]:
    """The rows with a mark on those that are numbered after a row which began later."""
    marked: list[LogRow] = []
    least = float("inf")
    for row in reversed(rows):
        late = row.seq > least
        why = WAIT_IS_OVER if row.kind in NUMBERED_LATE else CLOCK_WENT_BACK
        marked.append(replace(row, late=why) if late else row)
        if row.seq and row.kind not in NUMBERED_LATE:
            least = min(least, row.seq)
    return marked[::-1]


def _folded(rows: Iterable[LogRow]) -> Iterator[LogRow]:
    """The rows, with neighbours that say the same about several events made one: ``plan#1 → QueryEvent ×5``."""
    for (_, kind, _), group in groupby(rows, key=lambda row: (row.text, row.kind, row.status)):
        same = list(group)
        if kind in ("event", "send") and len(same) > 1:
            yield replace(same[0], text=f"{same[0].text} ×{len(same)}")
        else:
            yield from same


class _Log:
    """The log of one run while it is written."""

    def __init__(self, run: Run, graph: FlowGraph | None) -> None:
        self._run = run
        self._graph = graph
        self._causes = Causes(run)
        self._workers = Workers(run)

    def rows(self) -> Iterator[LogRow]:
        """Every row, in no order."""
        for attempt in self._run.attempts:
            yield self._attempt(attempt)
        for emission in self._run.emissions:
            yield self._emission(emission)
        for wait in self._run.waits:
            yield self._wait(wait)
        for before, segment in pairwise(self._run.segments):
            yield self._segment(before, segment)
        for mark in self._run.checkpoints:
            yield self._checkpoint(mark)

    def _since_start(self, time_ns: int) -> float:
        return (time_ns - self._run.start_ns) / 1e6

    def _attempt(self, attempt: Attempt) -> LogRow:
        name = attempt.execution_id if attempt.number == 1 else f"{attempt.execution_id} attempt {attempt.number}"
        kind, status = "step", "ok"
        if attempt.error is not None:
            kind, status = "error", "error"
            text = f"{name} ✗ {attempt.error.type.rpartition('.')[2]}: {_first_line(attempt.error.message)}"
        elif attempt.outcome in ("cancelled", "timed_out", "interrupted", "abandoned"):
            status = attempt.outcome
            text = f"{name} {attempt.outcome.replace('_', ' ')}"
        else:
            made = ", ".join(dict.fromkeys(short_type(kind) for kind in attempt.output_types))
            text = f"{name} → {made}" if made else name
        reason = queue_reason(attempt, self._workers, self._graph)
        if reason:
            text = f"{text} · queued {format_ms(attempt.queue_wait_ms)}, {reason}"
        return LogRow(
            seq=attempt.seq,
            ms=self._since_start(attempt.start_ns),
            kind=kind,
            text=text,
            step=attempt.step,
            execution_id=attempt.execution_id,
            number=attempt.number,
            took_ms=attempt.duration_ms,
            status=status,
            events=tuple(dict.fromkeys((*attempt.input_types, *attempt.output_types))),
            outcome=attempt.outcome,
            worker=attempt.worker,
            queued_ms=attempt.queue_wait_ms,
            queue_reason=reason,
        )

    def _emission(self, emission: Emission) -> LogRow:
        takers = self._causes.consumers.get(emission.event_id, ())
        targets = ", ".join(dict.fromkeys(attempt.step for attempt in takers))
        maker = self._causes.emitter(emission.event_id) if emission.execution_id else None
        source = emission.execution_id or ("start" if emission.mode == "start" else "outside")
        text = f"{source} → {short_type(emission.type)}" + (f" → {targets}" if targets else "")
        taken = emission.delivered in ("", "delivered")
        if not taken:
            text = f"{text} · {emission.delivered.replace('_', ' ')}"
        return LogRow(
            seq=emission.seq,
            ms=self._since_start(emission.time_ns),
            kind="send" if emission.mode == "send" else "event",
            text=text,
            step=maker.step if maker else "",
            execution_id=maker.execution_id if maker else (takers[0].execution_id if takers else ""),
            number=maker.number if maker else (takers[0].number if takers else 0),
            status="ok" if taken else emission.delivered,
            events=(emission.type,),
            outcome=emission.delivered,
        )

    def _wait(self, wait: Wait) -> LogRow:
        name = short_type(wait.waiting_for)
        types = self._types(wait) if wait.kind == "human" else []
        text = {
            "retry": f"{wait.execution_id} backs off",
            "event": f"{wait.execution_id} waits for {name}",
            "human": f"{wait.execution_id} ☺ asks a human: {' → '.join(map(short_type, types)) or name}",
            "join": f"{wait.execution_id} ⋈ waits until {len(wait.events)} {name} are there",
        }.get(wait.kind, f"{wait.execution_id} waits for {name}")
        attempts = self._causes.attempts.get(wait.execution_id, ())
        before = [attempt for attempt in attempts if attempt.seq <= wait.seq] or list(attempts[:1])
        return LogRow(
            seq=wait.seq,
            ms=self._since_start(wait.start_ns),
            kind="retry" if wait.kind == "retry" else "human" if wait.kind == "human" else "wait",
            text=text if wait.outcome == "completed" else f"{text} · {wait.outcome.replace('_', ' ')}",
            step=before[-1].step if before else "",
            execution_id=wait.execution_id if before else "",
            number=before[-1].number if before else 0,
            took_ms=wait.duration_ms,
            status="ok" if wait.outcome == "completed" else wait.outcome,
            events=tuple(types or filter(None, [wait.waiting_for])),
            outcome=wait.outcome,
        )

    def _checkpoint(self, mark: CheckpointMark) -> LogRow:
        attempts = self._causes.attempts.get(mark.execution_id, ())
        what = "saved" if mark.operation == "save" else "a saved run is taken up"
        text = f"{what} after {mark.execution_id}" if mark.execution_id else what
        return LogRow(
            seq=mark.seq,
            ms=self._since_start(mark.start_ns),
            kind="checkpoint",
            text=text if mark.outcome == "completed" else f"{text} · {mark.outcome.replace('_', ' ')}",
            step=attempts[-1].step if attempts else "",
            execution_id=mark.execution_id if attempts else "",
            number=attempts[-1].number if attempts else 0,
            took_ms=(mark.end_ns - mark.start_ns) / 1e6,
            status="ok" if mark.outcome == "completed" else mark.outcome,
            outcome=mark.outcome,
        )

    def _segment(self, before: Segment, segment: Segment) -> LogRow:
        pause = (segment.start_ns - before.end_ns) / 1e6
        rest = f", {format_ms(pause)} after segment {before.number} ended" if pause >= 0 else ""
        return LogRow(
            seq=0,
            ms=self._since_start(segment.start_ns),
            kind="segment",
            text=f"segment {segment.number} begins{rest}",
            outcome=segment.outcome,
        )

    def _types(self, wait: Wait) -> list[str]:
        """The types of the request and of the answer."""
        made = (self._causes.emission.get(event) for event in wait.events)
        return [each.type for each in made if each is not None]


def short_type(kind: str) -> str:
    """The class name in a qualified name."""
    return kind.rpartition(".")[2]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
