"""The critical path: what a run really waited for, from its end back to its start.

It is a walk through causes (this attempt ran because that event was made by that attempt …), so work that went on
beside it is never on it, however long it took. Times only say how long each part lasted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from wftrace.overlays import HUMAN, EdgeKey, event_id, step_id
from wftrace.trace import Attempt, Emission, Run, Wait

from .causes import Causes


class PathKind(StrEnum):
    """What the time of a part went to."""

    RUN = "run"
    QUEUE = "queue"
    BACK_OFF = "back-off"
    JOIN = "join"
    HUMAN = "human"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class PathPart:
    """One stretch of the critical path. ``edges`` are those of the drawing that the run went along at its beginning."""

    kind: PathKind
    start_ns: int
    end_ns: int
    text: str
    execution_id: str = ""
    number: int = 0
    edges: tuple[EdgeKey, ...] = ()

    @property
    def duration_ms(self) -> float:
        """How long it lasted."""
        return (self.end_ns - self.start_ns) / 1e6


def critical_path(run: Run) -> tuple[PathPart, ...]:
    """The parts of the run's critical path in the order of time, each beginning where the one before it ended.

    It ends with the attempt that made the stop event; in a run that did not complete with the attempt that failed, or
    with the last one. A run without attempts has none.
    """
    return _Walk(Causes(run)).parts()


def critical_edges(path: Iterable[PathPart]) -> frozenset[EdgeKey]:
    """The edges of the drawing that the path goes along, as pairs of node ids."""
    return frozenset(edge for part in path for edge in part.edges)


def path_ms(path: Iterable[PathPart]) -> dict[PathKind, float]:
    """What the time of the path went to, the largest first."""
    totals: dict[PathKind, float] = {}
    for part in path:
        totals[part.kind] = totals.get(part.kind, 0.0) + part.duration_ms
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


_Place = tuple[Attempt, int, str]
"""Where a walk stands: an attempt, the time, and the event that the attempt made then."""


class _Walk:
    """One walk from the end of a run to its start."""

    def __init__(self, causes: Causes) -> None:
        self._causes = causes
        self._run = causes.run
        self._found: list[PathPart] = []
        self._seen: set[tuple[str, int, str]] = set()

    def parts(self) -> tuple[PathPart, ...]:
        at = self._end_of_run()
        while at is not None:
            at = self._step_back(*at)
        return tuple(reversed(self._found))

    def _end_of_run(self) -> _Place | None:
        stop = self._causes.stop
        attempt = self._causes.last
        if attempt is None:
            return None
        if self._run.outcome == "completed":
            return (attempt, stop.time_ns, stop.event_id) if stop else (attempt, attempt.end_ns, "")
        for wait in reversed(self._run.waits):
            request = self._request(wait)
            emitter = self._causes.emitter(request.event_id) if request else None
            if wait.outcome != "completed" and request and emitter:
                text = f"no answer to {_short(request.type)}"
                self._add(PathKind.HUMAN, request.time_ns, self._run.end_ns, text, emitter, _asked(request))
                return emitter, request.time_ns, request.event_id
        self._add(PathKind.WAIT, attempt.end_ns, self._run.end_ns, "until the run ended", attempt)
        return attempt, attempt.end_ns, ""

    def _request(self, wait: Wait | None) -> Emission | None:
        """The event with which a human was asked."""
        asked = wait is not None and wait.kind == "human" and wait.events
        return self._causes.emission.get(wait.events[0]) if wait and asked else None

    def _step_back(self, attempt: Attempt, end: int, event: str) -> _Place | None:
        """Add the attempt up to ``end``, when it made ``event``, and say what came before it."""
        mark = (*attempt.key, event)
        if mark in self._seen:
            return None
        self._seen.add(mark)
        inside = self._wait_inside(attempt, end)
        start = inside.end_ns if inside else attempt.start_ns
        made = self._causes.emission.get(event)
        edges = ((step_id(attempt.step), event_id(made.type)),) if made else ()
        self._add(PathKind.RUN, start, end, f"{_name(attempt)} ran", attempt, edges)
        if inside is not None:
            return self._before_wait(inside, attempt)
        previous = self._causes.previous(attempt)
        if previous is not None:
            return self._before_retry(attempt, previous)
        return self._before_dispatch(attempt)

    def _wait_inside(self, attempt: Attempt, end: int) -> Wait | None:
        """The last wait for an event that the attempt came back from before ``end``."""
        waits = [
            wait
            for wait in self._causes.waits.get(attempt.execution_id, ())
            if wait.kind == "event" and attempt.start_ns <= wait.start_ns < end and wait.end_ns <= end
        ]
        return waits[-1] if waits else None

    def _before_wait(self, wait: Wait, attempt: Attempt) -> _Place:
        event = wait.events[-1] if wait.events and wait.outcome == "completed" else ""
        made = self._causes.emission.get(event)
        taken = ((event_id(wait.waiting_for), step_id(attempt.step)),)
        emitter = self._causes.emitter(event) if made and made.mode != "outside" else None
        if made is not None and emitter is not None and emitter.key != attempt.key:
            text = f"{_short(made.type)} on its way to {attempt.execution_id}"
            self._add(PathKind.QUEUE, made.time_ns, wait.end_ns, text, attempt, taken)
            return emitter, made.time_ns, made.event_id
        text = f"{attempt.execution_id} waited for {_short(wait.waiting_for)}"
        if made is not None and made.mode == "outside":
            asked = self._request(self._causes.human.get(event))
            edges = (*taken, (HUMAN, event_id(made.type)), *(_asked(asked) if asked else ()))
            self._add(PathKind.HUMAN, wait.start_ns, wait.end_ns, text, attempt, edges)
        else:
            self._add(PathKind.WAIT, wait.start_ns, wait.end_ns, text, attempt, taken if made else ())
        return attempt, wait.start_ns, f"wait {wait.seq}"

    def _before_retry(self, attempt: Attempt, previous: Attempt) -> _Place:
        ready = self._back_off_end(attempt, previous)
        self._add(PathKind.QUEUE, ready, attempt.start_ns, f"{attempt.execution_id} queued again", attempt)
        text = f"{attempt.execution_id} backed off after attempt {previous.number}"
        self._add(PathKind.BACK_OFF, previous.end_ns, ready, text, attempt)
        return previous, previous.end_ns, ""

    def _back_off_end(self, attempt: Attempt, previous: Attempt) -> int:
        waits = [w for w in self._causes.waits.get(attempt.execution_id, ()) if w.kind == "retry"]
        between = [w for w in waits if previous.seq < w.seq < attempt.seq]
        if between:
            return min(between[-1].end_ns, attempt.start_ns)
        if previous.retry_delay_ms is not None:
            return min(previous.end_ns + round(previous.retry_delay_ms * 1e6), attempt.start_ns)
        return min(max(attempt.queued_ns, previous.end_ns), attempt.start_ns)

    def _before_dispatch(self, attempt: Attempt) -> _Place | None:
        event, execution = self._causes.last_input(attempt)
        made = self._causes.emission.get(event)
        emitter = self._causes.emitter(event, execution)
        kinds = [kind for each, kind in zip(attempt.inputs, attempt.input_types, strict=False) if each == event]
        taken = tuple((event_id(kind), step_id(attempt.step)) for kind in kinds[:1])
        if made is not None and made.mode == "outside":
            return self._before_answer(attempt, made, taken)
        if emitter is None:
            text = f"{attempt.execution_id} queued"
            self._add(PathKind.QUEUE, self._run.start_ns, attempt.start_ns, text, attempt, taken)
            return None
        sent = made.time_ns if made else emitter.end_ns
        self._queued(attempt, emitter, sent, taken)
        return emitter, sent, event

    def _queued(self, attempt: Attempt, emitter: Attempt, sent: int, taken: tuple[EdgeKey, ...]) -> None:
        """The time from when an event was made until a worker took it."""
        queued = sent
        if emitter.segment != attempt.segment:
            queued = min(max(attempt.queued_ns, sent), attempt.start_ns)
        if len(attempt.joined) > 1:
            text = f"{attempt.execution_id} took the last of {len(attempt.joined)} events"
            self._add(PathKind.JOIN, queued, attempt.start_ns, text, attempt, taken)
        else:
            text = f"{attempt.execution_id} queued"
            self._add(PathKind.QUEUE, queued, attempt.start_ns, text, attempt, taken)
        self._add(PathKind.WAIT, sent, queued, "suspended", attempt)

    def _before_answer(self, attempt: Attempt, made: Emission, taken: tuple[EdgeKey, ...]) -> _Place | None:
        """Walk through the human: from the answer's dispatch to whoever asked."""
        given = (HUMAN, event_id(made.type))
        self._add(PathKind.QUEUE, made.time_ns, attempt.start_ns, f"{attempt.execution_id} queued", attempt, taken)
        request = self._request(self._causes.human.get(made.event_id))
        emitter = self._causes.emitter(request.event_id) if request else None
        if request is None or emitter is None:
            text = f"{_short(made.type)} came from outside"
            self._add(PathKind.WAIT, self._run.start_ns, made.time_ns, text, attempt, (given,))
            return None
        text = f"a human answered {_short(request.type)}"
        self._add(PathKind.HUMAN, request.time_ns, made.time_ns, text, emitter, (given, *_asked(request)))
        return emitter, request.time_ns, request.event_id

    def _add(
        self,
        kind: PathKind,
        start: int,
        end: int,
        text: str,
        attempt: Attempt,
        edges: tuple[EdgeKey, ...] = (),
    ) -> None:
        """Put a part before what was found; it ends where the next one begins. An empty one leaves its edges only."""
        if self._found:
            end = self._found[-1].start_ns
        if start < end or not self._found:
            self._found.append(PathPart(kind, min(start, end), end, text, attempt.execution_id, attempt.number, edges))
        elif edges:
            self._found[-1] = replace(self._found[-1], edges=(*edges, *self._found[-1].edges))


def _asked(request: Emission) -> tuple[EdgeKey, ...]:
    """The edges from whoever asked to the human."""
    return ((event_id(request.type), HUMAN),)


def _name(attempt: Attempt) -> str:
    return attempt.execution_id if attempt.number == 1 else f"{attempt.execution_id} (attempt {attempt.number})"


def _short(kind: str) -> str:
    return kind.rpartition(".")[2]
