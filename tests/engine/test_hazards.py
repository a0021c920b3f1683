"""Hazards of errors: whatever a step or its policy raises, the run ends at once, says what happened, and never hangs.

Elsewhere: a foreign ``CancelledError`` (test_retries.py), a step that swallows its cancellation, interrupts and loops
that are closed (test_ends.py), a step that blocks past the deadline, a caller's ``wait_for``, 40 sync workers, a parked
run whose handler was dropped (test_run.py); load and loops in test_hazards_load.py and test_hazards_loops.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError as ThreadCancelledError
from typing import Any, NoReturn

import pytest

from wftrace import ConstantDelayRetryPolicy, StartEvent, StopEvent, Workflow, recording, step
from wftrace.testing import run_deterministic, running_loop
from wftrace.trace import Run


class Rude(Exception):
    """Cannot be shown, pickled, or made without arguments."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__()

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __reduce__(self) -> NoReturn:
        raise TypeError("no pickle")


class WithoutNotes(Exception):
    def add_note(self, note: str) -> None:
        raise TypeError("no notes")


class Own(BaseException):
    pass


def failing(make: Callable[[], BaseException], *, sync: bool = False, policy: Any = None) -> type[Workflow]:
    """A flow whose only step raises."""

    class Flow(Workflow):
        pass

    def work(ev: StartEvent) -> StopEvent:
        raise make()

    async def work_async(ev: StartEvent) -> StopEvent:
        raise make()

    step(workflow=Flow, retry_policy=policy)(work if sync else work_async)
    return Flow


def end_of(flow: type[Workflow]) -> tuple[BaseException, float, Run]:
    """The error of a run that fails, when it came, and the run's trace."""

    async def main() -> tuple[BaseException, float, Run]:
        with recording() as recorder:
            handler = flow(timeout=1000).run()
        try:
            await handler
        except BaseException as error:
            return error, running_loop().time(), recorder.runs()[0]
        raise AssertionError("the run did not fail")

    return run_deterministic(main())


KINDS: list[Callable[[], BaseException]] = [
    OSError,
    StopAsyncIteration,
    asyncio.InvalidStateError,
    TimeoutError,
    GeneratorExit,
    WithoutNotes,
    Own,
    lambda: Rude(1, 2),
    lambda: ExceptionGroup("many", [OSError(), Rude(1, 2)]),
    lambda: BaseExceptionGroup("many", [OSError(), Own()]),
]
each_kind = pytest.mark.parametrize("make", KINDS, ids=lambda make: type(make()).__name__)


@each_kind
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
def test_an_error_of_a_rare_kind(make: Callable[[], BaseException], sync: bool) -> None:
    """The run fails at once with the error itself, and its trace names the class."""
    kind = type(make())
    error, when, run = end_of(failing(make, sync=sync))
    assert (type(error), when, run.outcome) == (kind, 0.0, "failed")
    assert run.error is not None
    assert run.error.type.rpartition(".")[2] == kind.__name__


@each_kind
def test_an_error_of_a_rare_kind_is_retried(make: Callable[[], BaseException]) -> None:
    """A retry policy decides over it as over any other."""
    error, when, run = end_of(failing(make, policy=ConstantDelayRetryPolicy(maximum_attempts=2, delay=3)))
    assert (type(error), when) == (type(make()), 6.0)
    assert [attempt.outcome for attempt in run.attempts] == ["retrying", "retrying", "failed"]


@pytest.mark.parametrize("make", [asyncio.CancelledError, ThreadCancelledError], ids=["asyncio", "threads"])
def test_a_cancellation_raised_in_a_thread(make: Callable[[], BaseException]) -> None:
    """A sync step that raises a cancellation has failed; nobody else is cancelled by it."""
    error, when, run = end_of(failing(make, sync=True))
    assert (str(error), when) == ("step 'work' was cancelled from inside, not by its run", 0.0)
    assert run.outcome == "failed"


class Raises:
    """A policy that raises."""

    def __init__(self, make: Callable[[], BaseException]) -> None:
        self.make = make

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        raise self.make()


class Says:
    """A policy that answers anything."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> Any:
        return self.answer


BROKEN = [
    Raises(lambda: Rude(1, 2)),
    Raises(OSError),
    Raises(Own),
    Raises(asyncio.CancelledError),
    Says("soon"),
    Says(float("nan")),
    Says(-1),
    Says([]),
]


@pytest.mark.parametrize("make", [OSError, WithoutNotes, lambda: Rude(1, 2)], ids=["OSError", "WithoutNotes", "Rude"])
@pytest.mark.parametrize(
    "policy", BROKEN, ids=lambda p: str(p.answer if isinstance(p, Says) else type(p.make()).__name__)
)
def test_a_policy_that_fails_badly(policy: Any, make: Callable[[], BaseException]) -> None:
    """Whatever a broken policy does, and whatever the step's error refuses, the run fails at once with that error."""
    error, when, run = end_of(failing(make, policy=policy))
    assert (type(error), when, run.outcome) == (type(make()), 0.0, "failed")


class Group(Workflow):
    """Two children of a task group fail."""

    @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=2))
    async def work(self, ev: StartEvent) -> StopEvent:
        async def child(number: int) -> None:
            await asyncio.sleep(0)
            raise ValueError(f"child {number}")

        async with asyncio.TaskGroup() as group:
            group.create_task(child(1))
            group.create_task(child(2))
        return StopEvent()


def test_a_task_group_that_fails() -> None:
    """The group comes out whole, after its retry, with one note that says where; the trace has what each child said."""
    error, when, run = end_of(Group)
    assert isinstance(error, ExceptionGroup)
    assert sorted(map(str, error.exceptions)) == ["child 1", "child 2"]
    assert when == 2.0
    assert [note.partition(", run")[0] for note in error.__notes__] == ["in step 'work' of Group"]
    assert error.__notes__[0].endswith("attempt 2")
    assert run.error is not None
    assert "ValueError: child 1" in (run.error.stacktrace or "")
    assert "ValueError: child 2" in (run.error.stacktrace or "")


def test_notes_of_the_step_stay() -> None:
    """What a step has added to its error is still there, before the engine's own note."""

    def make() -> BaseException:
        error = OSError("no")
        error.add_note("disk 7")
        return error

    error, _, _ = end_of(failing(make))
    assert error.__notes__[0] == "disk 7"
    assert len(error.__notes__) == 2


def test_one_error_object_in_many_runs() -> None:
    """An error that is raised again and again carries the note of its last place only."""
    shared = OSError("shared")
    flow = failing(lambda: shared)
    for _ in range(5):
        error, _, _ = end_of(flow)
    assert error is shared
    assert len([note for note in error.__notes__ if note.startswith("in step")]) == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_thread_ends_the_run_and_goes_on(kind: type[BaseException]) -> None:
    """A sync step that raises it ends the run as failed, and it reaches whoever runs the loop."""
    outcomes: list[str] = []

    async def main() -> None:
        with recording() as recorder:
            handler = failing(kind, sync=True)().run()
        try:
            await handler
        finally:
            outcomes.extend(run.outcome for run in recorder.runs())

    with pytest.raises(kind):
        asyncio.run(main())
    assert outcomes == ["failed"]
