"""A run that is under way in this process: what its spans cannot tell yet, because they have not ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import cast

from wftrace.engine.observers import AttemptEnded, AttemptStarted, Observer, RunEnded, RunStarted
from wftrace.gate import clean_text
from wftrace.trace import Attempt, Outcome, Run, Span
from wftrace.trace_reader import read_runs

RUNNING = cast(Outcome, "running")
"""The outcome of a run or an attempt that is under way."""


class OpenRun(Observer):
    """Keeps the attempts of one run that are at work. Its hooks store and forget, and nothing else."""

    def __init__(self, began: Callable[[OpenRun], None], ended: Callable[[OpenRun], None]) -> None:
        self._began = began
        self._ended = ended
        self._open: dict[str, AttemptStarted] = {}
        self.started: RunStarted | None = None

    @property
    def run_id(self) -> str:
        """The id of the run, ``""`` before its start."""
        return clean_text(self.started.run_id) if self.started else ""

    def run_started(self, fact: RunStarted) -> None:
        """The run begins."""
        self.started = fact
        self._began(self)

    def attempt_started(self, fact: AttemptStarted) -> None:
        """A step begins to work."""
        self._open[fact.execution] = fact

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """A step is done."""
        self._open.pop(fact.execution, None)

    def run_ended(self, fact: RunEnded) -> None:
        """The run has ended."""
        self._ended(self)

    def attempts(self, now_ns: int) -> list[Attempt]:
        """The attempts at work, as if they ended now. May be called from another thread."""
        segment = self.started.segment if self.started else 1
        return [_attempt(fact, segment, now_ns) for fact in list(self._open.values())]


def so_far(ended: Run | None, open_run: OpenRun, now_ns: int) -> Run | None:
    """A run as it stands: what its ended spans tell (None when there is none yet), and what is at work."""
    start = open_run.started
    if start is None:
        return ended
    began = Run(
        run_id=open_run.run_id,
        workflow=clean_text(start.workflow),
        outcome=RUNNING,
        start_ns=start.time_ns,
        end_ns=start.time_ns,
        segments=(),
        attempts=(),
        emissions=(),
        waits=(),
    )
    run = ended or began
    known = {attempt.key for attempt in run.attempts}
    at_work = [each for each in open_run.attempts(now_ns) if each.key not in known]
    return replace(
        run,
        outcome=RUNNING,
        end_ns=max(run.end_ns, now_ns),
        attempts=tuple(sorted((*run.attempts, *at_work), key=lambda each: (each.segment, each.seq))),
        graph=run.graph or start.flow.graph,
        graph_hash=run.graph_hash or start.flow.graph.hash,
        parent_run_id=clean_text(start.parent_run_id),
        parent_execution=clean_text(start.parent_execution),
        missing=(),
    )


def read_run(spans: Iterable[Span], run_id: str) -> Run | None:
    """The run of that id among some spans, None when there is none."""
    return next((run for run in read_runs(spans) if run.run_id == run_id), None)


def _attempt(fact: AttemptStarted, segment: int, now_ns: int) -> Attempt:
    return Attempt(
        step=clean_text(fact.step),
        execution_id=clean_text(fact.execution),
        number=fact.attempt,
        seq=fact.seq,
        segment=segment,
        start_ns=fact.time_ns,
        end_ns=max(fact.time_ns, now_ns),
        outcome=RUNNING,
        inputs=(clean_text(fact.event_id),),
        input_types=(clean_text(fact.event_type),),
        input_executions=(clean_text(fact.producer),),
        worker=fact.worker,
        queue_wait_ms=(fact.time_ns - fact.queued_ns) / 1e6,
    )
