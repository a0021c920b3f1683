"""How a run's end is told: its errors in words, and what its future is given."""

from __future__ import annotations

import asyncio
from typing import Any

from .diagnosis import explain
from .errors import WorkflowCancelledByUser, WorkflowDeadEndError, WorkflowTimeoutError
from .events import Event, StopEvent
from .reducer import End
from .state import RunState
from .stream import Stream


def dead_end_error(state: RunState, run_id: str, now: float) -> WorkflowDeadEndError:
    """Nothing can happen any more: what the run has come to."""
    what = explain(state, now) or "  - every step returned None"
    return WorkflowDeadEndError(
        f"run {run_id} of {state.flow.name} has come to a dead end: nothing runs, is queued or awaited, and "
        f"no StopEvent was made.\n{what}\n"
        "  An event that somebody outside sends later must derive from HumanResponseEvent: then the run waits for it."
    )


def timeout_error(workflow: str, run_id: str, seconds: float, what: str) -> WorkflowTimeoutError:
    """The time is up: what was going on, one line a fact."""
    return WorkflowTimeoutError(
        f"run {run_id} of {workflow} took longer than its timeout of {seconds:g} s.\n"
        f"{what or '  - no step was running'}"
    )


def cancelled_error(workflow: str, run_id: str) -> WorkflowCancelledByUser:
    """Somebody has cancelled the run."""
    return WorkflowCancelledByUser(f"run {run_id} of {workflow} was cancelled")


def settle(end: End, future: asyncio.Future[Any], stream: Stream) -> None:
    """Tell the end to who reads the stream and to who awaits the run."""
    if end.envelope is not None:
        stream.put(end.envelope.event)
    if future.done() or future.get_loop().is_closed():
        return
    if end.error is not None:
        future.set_exception(end.error)
        if end.outcome == "cancelled" or not isinstance(end.error, Exception):
            future.exception()  # who cancels or interrupts a run need not await it
    elif end.envelope is not None:
        future.set_result(_result(end.envelope.event))


def _result(event: Event) -> Any:
    return event.result if type(event) is StopEvent else event
