"""What an error of a step means: whether it is tried again, and what is said about it."""

from __future__ import annotations

import asyncio
import logging

from .errors import WorkflowRuntimeError
from .events import StepFailedEvent
from .state import Execution

_PLACE = "in step "
_logger = logging.getLogger("wftrace")


def retry_delay(execution: Execution, error: BaseException, now: float) -> float | None:
    """The seconds until the next attempt by the step's policy; None when there is none, or the policy fails."""
    policy = execution.step.spec.retry_policy
    if policy is None or isinstance(error, KeyboardInterrupt | SystemExit):
        return None
    try:
        delay = policy.next(execution.failing_for(now), execution.failures, error)  # type: ignore[arg-type]
        if delay is None:
            return None
        if not 0 <= float(delay) < float("inf"):
            raise ValueError(f"it asked for a delay of {delay} s")
        return float(delay)
    except BaseException as broken:  # strangers' policies
        _note(error, "its retry policy failed as well: " + _told(broken))
        return None


def failed_event(execution: Execution, error: BaseException, now: float) -> StepFailedEvent:
    """The event that tells other steps about a failure for good."""
    return StepFailedEvent(
        step_name=execution.step.name,
        input_event=execution.envelope.event,
        exception=as_failure(execution, error),
        attempts=execution.failures + 1,
        elapsed_seconds=execution.failing_for(now),
    )


def as_failure(execution: Execution, error: BaseException) -> BaseException:
    """The error as the run's own: a cancellation that came from inside a step would cancel whoever awaits the run."""
    if not isinstance(error, asyncio.CancelledError):
        return error
    failure = WorkflowRuntimeError(f"step {execution.step.name!r} was cancelled from inside, not by its run")
    failure.__cause__ = error
    return failure


def cancelled_from_outside() -> bool:
    """Whether somebody cancelled the task of this step, and not just something that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def add_note(error: BaseException, execution: Execution, workflow: str, run_id: str) -> None:
    """Say in a note where the error happened; of an attempt before, or of another run, only the last place stays."""
    try:
        notes = getattr(error, "__notes__", [])
        notes[:] = [note for note in notes if not note.startswith(_PLACE)]
    except Exception:  # strangers' exceptions
        _logger.debug("the notes of %s cannot be read", type(error).__name__)
    _note(error, f"{_PLACE}{execution.step.name!r} of {workflow}, run {run_id}, attempt {execution.attempt}")


def _note(error: BaseException, text: str) -> None:
    try:
        error.add_note(text)
    except Exception:  # strangers' exceptions may refuse notes
        _logger.debug("no note could be added to %s: %s", type(error).__name__, text)


def _told(error: BaseException) -> str:
    """Type and text of an error, as far as it has one."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # strangers' exceptions
        return type(error).__name__
