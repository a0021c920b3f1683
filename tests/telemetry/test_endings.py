"""However an attempt or a run ends: exactly one span, the right outcome, the right status."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.telemetry.watching import Trace, Watch, cancelled_when
from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowCancelledByUser,
    WorkflowHandler,
    WorkflowTimeoutError,
    step,
)
from wftrace import semconv as words
from wftrace.trace import Span


class Go(Event):
    pass


class BadLuckError(Exception):
    pass


class Failing(Workflow):
    """Fails ``fails`` times; two retries are allowed."""

    def __init__(self, fails: int) -> None:
        super().__init__()
        self.fails = fails

    @step(retry_policy=ConstantDelayRetryPolicy(2, 0.001))
    async def work(self, ev: StartEvent) -> StopEvent:
        if self.fails:
            self.fails -= 1
            raise BadLuckError("no luck this time")
        return StopEvent(result="done")


class Slow(Workflow):
    """One step sleeps; it tells when it has begun."""

    def __init__(self, begun: asyncio.Event | None = None, timeout: float | None = None) -> None:
        super().__init__(timeout=timeout)
        self.begun = begun or asyncio.Event()

    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        self.begun.set()
        await asyncio.sleep(30)
        return StopEvent()


class Stopping(Workflow):
    """One step stops the run while another is in flight; that one may refuse to go."""

    def __init__(self, stubborn: bool = False) -> None:
        super().__init__()
        self.stubborn = stubborn

    @step
    async def begin(self, ctx: Context[Any], ev: StartEvent) -> Go | None:
        ctx.send_event(Go())
        return None

    @step
    async def hang(self, ev: Go) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            if not self.stubborn:
                raise
            await asyncio.sleep(1)

    @step
    async def stop(self, ev: Go) -> StopEvent:
        await asyncio.sleep(0.01)
        return StopEvent(result="stopped")


class InThread(Workflow):
    """A sync step that outlives its run."""

    @step
    def work(self, ev: StartEvent) -> StopEvent:
        time.sleep(0.8)
        return StopEvent()


def cancelled(watch: Watch) -> Trace:
    """The trace of a run that was cancelled."""
    flow = Slow()
    return watch.run(flow, lambda handler: cancelled_when(handler, flow.begun))


def left_behind(watch: Watch) -> Trace:
    """The trace of a run that nobody awaited: the event loop closed around it."""

    async def drive(handler: WorkflowHandler) -> None:
        await asyncio.sleep(0.01)

    return watch.run(Slow(), drive)


ENDINGS: dict[str, Callable[[Watch], Trace]] = {
    "return": lambda watch: watch.run(Failing(0)),
    "raise": lambda watch: watch.run(Failing(9)),
    "retry": lambda watch: watch.run(Failing(1)),
    "cancel": cancelled,
    "timeout": lambda watch: watch.run(Slow(timeout=0.02)),
    "stop with others in flight": lambda watch: watch.run(Stopping()),
    "cancellation swallowed": lambda watch: watch.run(Stopping(stubborn=True)),
    "thread outlives the run": lambda watch: watch.run(InThread(timeout=0.02)),
    "loop closed": left_behind,
}

OUTCOMES = {
    "return": {"completed": 1},
    "raise": {"retrying": 2, "failed": 1},
    "retry": {"retrying": 1, "completed": 1},
    "cancel": {"cancelled": 1},
    "timeout": {"cancelled": 1},
    "stop with others in flight": {"completed": 2, "cancelled": 1},
    "cancellation swallowed": {"completed": 2, "abandoned": 1},
    "thread outlives the run": {"abandoned": 1},
    "loop closed": {"cancelled": 1},
}

RUN_OUTCOMES = {
    "return": "completed",
    "raise": "failed",
    "retry": "completed",
    "cancel": "cancelled",
    "timeout": "timed_out",
    "stop with others in flight": "completed",
    "cancellation swallowed": "completed",
    "thread outlives the run": "timed_out",
    "loop closed": "cancelled",
}


@pytest.fixture(params=ENDINGS)
def ending(request: pytest.FixtureRequest) -> str:
    """The name of an ending."""
    return str(request.param)


@pytest.fixture
def trace(watch: Watch, ending: str) -> Trace:
    """The trace of a run with that ending."""
    return ENDINGS[ending](watch)


def exceptions(span: Span) -> list[dict[str, Any]]:
    """The attributes of a span's exception events."""
    return [dict(event.attributes) for event in span.events if event.name == words.EXCEPTION_EVENT]


def test_exactly_one_ended_span_for_each_attempt(trace: Trace) -> None:
    """As many as the run counts, each (execution, attempt) once, each ended."""
    keys = [(span.attributes[words.EXECUTION_ID], span.attributes[words.ATTEMPT]) for span in trace.attempts()]
    assert len(keys) == len(set(keys)) == trace.run.attributes[words.STEPS_COUNT]
    assert all(span.end_ns >= span.start_ns > 0 for span in trace.attempts())


def test_the_outcomes_of_the_attempts(trace: Trace, ending: str) -> None:
    """Each says how it ended."""
    assert Counter(str(span.attributes[words.OUTCOME]) for span in trace.attempts()) == OUTCOMES[ending]


def test_the_outcome_of_the_run(trace: Trace, ending: str) -> None:
    """A cancelled run never looks like a completed one."""
    assert trace.run.attributes[words.OUTCOME] == RUN_OUTCOMES[ending]


def test_exactly_the_failed_attempts_are_errors(trace: Trace) -> None:
    """Status ERROR and one exception event for what raised, also when it is retried; UNSET and none for the rest."""
    for span in trace.attempts():
        failed = span.attributes[words.OUTCOME] in ("failed", "retrying")
        assert span.status == ("error" if failed else "unset")
        assert len(exceptions(span)) == failed
        assert (words.ERROR_TYPE in span.attributes) is failed


def test_exactly_the_failed_runs_are_errors(trace: Trace, ending: str) -> None:
    """Failed and timed out: ERROR. Completed and cancelled: UNSET."""
    failed = RUN_OUTCOMES[ending] in ("failed", "timed_out")
    assert trace.run.status == ("error" if failed else "unset")
    assert (words.ERROR_TYPE in trace.run.attributes) is failed


def test_the_run_has_no_stack_trace_of_its_own(trace: Trace) -> None:
    """It points at the attempt; the exception is not told twice."""
    assert exceptions(trace.run) == []


def ends_last(trace: Trace) -> bool:
    """Whether the run span is the last to end, by its time and by the order in which spans were handed over."""
    return trace.spans[-1] == trace.run and max(span.end_ns for span in trace.spans) == trace.run.end_ns


@pytest.mark.parametrize("ending", [name for name in ENDINGS if name != "loop closed"])
def test_the_run_ends_last(watch: Watch, ending: str) -> None:
    """No span of the run ends after it, and none is left open for later."""
    assert ends_last(ENDINGS[ending](watch))


def test_the_run_ends_last_when_the_loop_closes(watch: Watch) -> None:
    """Also when the event loop ends around it."""
    assert ends_last(left_behind(watch))


def test_the_run_ends_last_when_a_step_held_up_the_loop(watch: Watch) -> None:
    """Also when the deadline passed while a step blocked the loop."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            time.sleep(0.05)  # noqa: ASYNC251  # the fault that is tested
            return StopEvent()

    assert ends_last(watch.run(Flow(timeout=0.02)))


def test_it_reads_back_without_a_gap(trace: Trace, ending: str) -> None:
    """The reader misses nothing and tells the same outcome."""
    run = trace.read()
    assert run.missing == ()
    assert run.outcome == RUN_OUTCOMES[ending]


def test_a_failed_attempt_tells_its_exception(watch: Watch) -> None:
    """Class with module, text, and a stack trace that names the line."""
    (told,) = exceptions(watch.run(Failing(9)).attempts()[-1])
    assert told[words.EXCEPTION_TYPE] == f"{__name__}.BadLuckError"
    assert "no luck this time" in told[words.EXCEPTION_MESSAGE]
    assert 'raise BadLuckError("no luck this time")' in told[words.EXCEPTION_STACKTRACE]


def test_a_failed_run_points_at_the_attempt(watch: Watch) -> None:
    """It names the execution and the class of the error."""
    run = watch.run(Failing(9)).run
    assert run.attributes[words.FAILED_EXECUTION_ID] == "work#1"
    assert run.attributes[words.ERROR_TYPE] == f"{__name__}.BadLuckError"


def test_a_built_in_error_has_no_module(watch: Watch) -> None:
    """``ValueError``, as the convention has it."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise ValueError("x")

    assert watch.run(Flow()).attempt("work").attributes[words.ERROR_TYPE] == "ValueError"


def test_a_timed_out_run_says_timeout(watch: Watch) -> None:
    """The error type of the run is the word; its text says what the run was doing."""
    trace = watch.run(Slow(timeout=0.02))
    assert isinstance(trace.error, WorkflowTimeoutError)
    assert trace.run.attributes[words.ERROR_TYPE] == "timeout"
    assert "work" in trace.run.status_message


def test_a_retried_attempt_says_when_it_goes_on(watch: Watch) -> None:
    """The delay in milliseconds."""
    assert watch.run(Failing(1)).attempts()[0].attributes[words.RETRY_DELAY_MS] == 1.0


def test_the_last_attempt_has_no_delay(watch: Watch) -> None:
    """What is given up is not retried."""
    assert words.RETRY_DELAY_MS not in watch.run(Failing(9)).attempts()[-1].attributes


def test_a_step_that_returns_no_event_has_failed(watch: Watch) -> None:
    """A wrong return value is an error of the attempt."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return "text"  # type: ignore[return-value]

    assert watch.run(Flow()).attempt("work").attributes[words.OUTCOME] == "failed"


def test_a_dead_end_is_a_failed_run(watch: Watch) -> None:
    """The run is ERROR, its attempts are not."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent | None:
            return None

    trace = watch.run(Flow())
    assert trace.run.status == "error"
    assert str(trace.run.attributes[words.ERROR_TYPE]).endswith("WorkflowDeadEndError")
    assert trace.attempt("work").status == "unset"


def test_who_waits_for_a_run_and_is_cancelled_cancels_it(watch: Watch) -> None:
    """The run ends as cancelled."""

    async def drive(handler: WorkflowHandler) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_result(handler), 0.02)

    assert watch.run(Slow(), drive).run.attributes[words.OUTCOME] == "cancelled"


def test_what_a_step_makes_after_the_end_is_dropped_at_stop(watch: Watch) -> None:
    """A step that cleans up after the stop may send; the emission says that nobody gets it."""

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> Go | None:
            ctx.send_event(Go())
            return None

        @step
        async def hang(self, ctx: Context[Any], ev: Go) -> Go | None:
            try:
                await asyncio.sleep(30)
            finally:
                ctx.send_event(Go())
            return None

        @step
        async def stop(self, ev: Go) -> StopEvent:
            await asyncio.sleep(0.01)
            return StopEvent()

    last = watch.run(Flow(disable_validation=True)).emissions("Go")[-1]
    assert last.attributes[words.EVENT_DELIVERED] == "dropped_at_stop"


def test_a_question_that_nobody_answers_ends_with_the_run(watch: Watch) -> None:
    """The wait for the human is told, as timed out."""

    class Flow(Workflow):
        @step
        async def ask(self, ev: StartEvent) -> InputRequiredEvent:
            return InputRequiredEvent(prefix="?")

        @step
        async def end(self, ev: Go) -> StopEvent:
            return StopEvent()

    (wait,) = watch.run(Flow(timeout=0.02, disable_validation=True)).waits("human")
    assert wait.attributes[words.OUTCOME] == "timed_out"


def test_an_exit_inside_a_step_leaves_no_open_span() -> None:
    """``sys.exit`` in a step ends the process; the attempt and the run are ended before."""
    code = """
import asyncio, sys
from wftrace import StartEvent, StopEvent, Workflow, recording, step
class Flow(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        sys.exit(7)
async def main():
    await Flow().run()
with recording() as recorder:
    try:
        asyncio.run(main())
    finally:
        print(sorted((span.name, span.attributes.get("wftrace.outcome")) for span in recorder.spans))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "('run_step work', 'failed')" in done.stdout
    assert "('invoke_workflow Flow', 'failed')" in done.stdout


def test_a_cancelled_run_raises_for_its_caller(watch: Watch) -> None:
    """The trace and the caller agree."""

    async def drive(handler: WorkflowHandler) -> None:
        await asyncio.sleep(0.01)
        await handler.cancel_run()
        await handler

    trace = watch.run(Slow(), drive)
    assert isinstance(trace.error, WorkflowCancelledByUser)
    assert trace.run.attributes[words.OUTCOME] == "cancelled"


async def _result(handler: WorkflowHandler) -> Any:
    return await handler
