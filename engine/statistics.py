"""The figures of a run, while it is under way or after its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .state import RunState, StepState


@dataclass(frozen=True, slots=True)
class StepStatistics:
    """A step in a run.

    ``executions`` counts the events that it was given; ``running``, ``queued`` and ``delayed`` (for a retry) are those
    under way, or were when the run ended; ``completed`` those that ended well, ``failed`` those that failed for good,
    ``cut`` those that the end of the run cut off; ``retries`` counts the attempts beyond the first; ``workers`` is how
    many may run at once.
    """

    executions: int
    running: int
    queued: int
    delayed: int
    completed: int
    failed: int
    cut: int
    retries: int
    workers: int


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """A run. ``outcome`` is ``running`` until it has ended, ``seconds`` the time since its start or up to its end.

    ``attempts``, ``retries`` and ``events`` are totals; ``waiting`` counts the waits of steps and unanswered questions
    that are open, ``unread`` the events on the stream, ``dropped`` those that were too many for it. ``steps`` holds
    the steps that were given something.
    """

    run_id: str
    workflow: str
    outcome: str
    seconds: float
    attempts: int
    retries: int
    events: int
    waiting: int
    unread: int
    dropped: int
    steps: Mapping[str, StepStatistics]


def step_statistics(state: RunState) -> dict[str, StepStatistics]:
    """The figures of every step that was given something."""
    delayed: dict[str, int] = {}
    for execution in state.delayed:
        delayed[execution.step.name] = delayed.get(execution.step.name, 0) + 1
    return {name: _of_step(step, delayed.get(name, 0)) for name, step in state.steps.items()}


def _of_step(step: StepState, delayed: int) -> StepStatistics:
    running, queued = len(step.running), len(step.queue)
    return StepStatistics(
        executions=step.executions,
        running=running,
        queued=queued,
        delayed=delayed,
        completed=step.executions - running - queued - delayed - step.failures - step.cut,
        failed=step.failures,
        cut=step.cut,
        retries=step.retries,
        workers=step.workers,
    )
