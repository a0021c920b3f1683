"""The last runs of this process, kept for ``draw_most_recent_execution``; nothing is kept until somebody asks."""

from __future__ import annotations

from collections import deque

from wftrace.engine.errors import TraceError
from wftrace.engine.observers import install

from . import semconv as words
from .recorder import Recorder
from .telemetry import SpanObserver
from .trace import Run

KEPT_RUNS = 64
KEPT_SPANS = 50_000
KEPT_IN_ALL = 200_000
"""Spans over all kept runs: beyond that the oldest runs go."""

_recorders: deque[Recorder] = deque(maxlen=KEPT_RUNS)


def keep_recent_runs() -> None:
    """Keep the last ``KEPT_RUNS`` runs from now on, of each its last ``KEPT_SPANS`` spans, ``KEPT_IN_ALL`` together."""
    install(_observer)


def find_run(run_id: str) -> Run:
    """The kept run of that id. Raises ``TraceError`` when there is none."""
    for recorder in reversed(_recorders):
        if any(span.attributes.get(words.RUN_ID) == run_id for span in list(recorder.spans)[-1:]):
            return next(run for run in recorder.runs() if run.run_id == run_id)
    raise TraceError(
        f"run {run_id} is not kept: the last {KEPT_RUNS} runs are, from the moment on that "
        "draw_most_recent_execution was imported; import it before the run, or use: with recording() as recorder"
    )


def _observer() -> SpanObserver:
    while sum(len(each.spans) for each in _recorders) > KEPT_IN_ALL:
        _recorders.popleft()
    recorder = Recorder(limit=KEPT_SPANS)
    _recorders.append(recorder)
    return recorder.observer()
