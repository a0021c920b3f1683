"""``wftrace.testing`` with flows: a run, everything that it showed, and what seeds find."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowTimeoutError,
    step,
)
from wftrace.testing import WorkflowTestRunner, run_deterministic, running_loop


class Draft(Event):
    n: int


class Flow(Workflow):
    """Fails once, waits an hour, goes on in a thread."""

    @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=3600))
    async def begin(self, ctx: Context[Any], ev: StartEvent) -> Draft:
        if not ctx.retry_info().retry_number:
            raise OSError("once")
        for n in range(ev.get("shown", 2)):
            ctx.write_event_to_stream(Draft(n=n))
        await ctx.set("runs", await ctx.get("runs", 0) + 1)
        return Draft(n=7)

    @step
    def end(self, ev: Draft) -> StopEvent:
        return StopEvent(result=ev.n)


def test_a_run_shows_everything() -> None:
    """The result has the stream, the count of each class, the result, the context and the trace."""

    async def main() -> None:
        done = await WorkflowTestRunner(Flow(timeout=None)).run()
        assert [type(event).__name__ for event in done.collected] == ["Draft", "Draft", "StopEvent"]
        assert done.event_types == {Draft: 2, StopEvent: 1}
        assert done.result == 7
        assert await done.ctx.get("runs") == 1
        assert [attempt.outcome for attempt in done.run.attempts] == ["retrying", "completed", "completed"]
        assert done.run.duration_ms == 3_600_000

    run_deterministic(main())


def test_a_run_with_a_start_event_a_context_and_without_a_class() -> None:
    """All that ``run`` takes is passed on; excluded classes are not collected."""

    async def main() -> None:
        runner = WorkflowTestRunner(Flow(timeout=None))
        first = await runner.run(StartEvent(shown=3), exclude_events=[StopEvent])
        second = await runner.run(ctx=first.ctx, shown=0)
        assert (len(first.collected), len(second.collected)) == (3, 1)
        assert await second.ctx.get("runs") == 2

    run_deterministic(main())


def test_the_error_of_a_run_is_raised() -> None:
    """A run that fails fails the test, at its time."""

    async def main() -> float:
        with pytest.raises(WorkflowTimeoutError):
            await WorkflowTestRunner(Flow(timeout=60)).run()
        return running_loop().time()

    assert run_deterministic(main()) == 60


def test_a_runner_needs_no_loop_of_ours() -> None:
    """It works under ``asyncio.run`` as well."""

    class Quick(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result="quick")

    assert asyncio.run(WorkflowTestRunner(Quick()).run()).result == "quick"


def test_seeds_find_a_race() -> None:
    """A flow whose result depends on who is first gives another one under some seed, never in asyncio's own order."""

    class Races(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> Draft | None:
            for n in range(2):
                ctx.send_event(Draft(n=n))
            return None

        @step
        async def first_wins(self, ctx: Context[Any], ev: Draft) -> StopEvent:
            return StopEvent(result=ev.n)

    async def main() -> Any:
        return await Races().run()

    assert run_deterministic(main(), None) == 0
    assert {run_deterministic(main(), seed) for seed in range(20)} == {0, 1}
