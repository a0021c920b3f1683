"""``handler.statistics()``: a run in figures."""

from __future__ import annotations

import asyncio

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    RunStatistics,
    StartEvent,
    StepStatistics,
    StopEvent,
    Workflow,
    step,
)
from wftrace.testing import run_deterministic


class Work(Event):
    """One of five."""

    n: int


class Busy(Workflow):
    """Two workers for five events; the first fails once and is retried after a minute."""

    failed = False

    @step
    async def split(self, ctx: Context, ev: StartEvent) -> Work | None:
        for n in range(5):
            ctx.send_event(Work(n=n))
        return None

    @step(num_workers=2, retry_policy=ConstantDelayRetryPolicy(1, 60))
    async def work(self, ctx: Context, ev: Work) -> StopEvent | None:
        if ev.n == 0 and not self.failed:
            self.failed = True
            raise OSError
        await asyncio.sleep(10)
        return StopEvent(result="done") if ev.n == 0 else None


def test_the_figures_of_a_run_under_way() -> None:
    """After 5 s: one waits for its retry, two run, two are queued."""

    async def main() -> RunStatistics:
        handler = Busy(timeout=None).run()
        await asyncio.sleep(5)
        now = handler.statistics()
        await handler
        return now

    now = run_deterministic(main())
    assert now.outcome == "running"
    assert now.seconds == pytest.approx(5)
    assert (now.attempts, now.retries, now.events) == (4, 1, 6)
    assert now.steps["work"] == StepStatistics(
        executions=5, running=2, queued=2, delayed=1, completed=0, failed=0, cut=0, retries=1, workers=2
    )
    assert now.steps["split"].completed == 1


def test_the_figures_of_a_run_that_has_ended() -> None:
    """The clock stops with the run; nothing runs any more."""

    async def main() -> RunStatistics:
        handler = Busy(timeout=None).run()
        await handler
        await asyncio.sleep(1000)
        return handler.statistics()

    end = run_deterministic(main())
    assert end.outcome == "completed"
    assert end.seconds == pytest.approx(70)
    assert end.steps["work"].running == end.steps["work"].queued == end.steps["work"].delayed == 0
    assert end.steps["work"].completed == 5


async def test_a_failed_step_counts_as_failed() -> None:
    """What fails for good is not completed."""

    class Fails(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise OSError

    handler = Fails().run(run_id="f")
    await asyncio.wait([asyncio.ensure_future(_quietly(handler))])
    end = handler.statistics()
    assert (end.run_id, end.workflow, end.outcome) == ("f", "Fails", "failed")
    assert (end.steps["work"].completed, end.steps["work"].failed) == (0, 1)


async def _quietly(handler: object) -> None:
    await asyncio.gather(handler, return_exceptions=True)  # type: ignore[call-overload]


async def test_waits_and_unread_events_are_counted() -> None:
    """An open question is waited for, and is unread on the stream."""

    class Asks(Workflow):
        @step
        async def ask(self, ev: StartEvent) -> InputRequiredEvent:
            return InputRequiredEvent()

        @step
        async def take(self, ev: HumanResponseEvent) -> StopEvent:
            return StopEvent()

    handler = Asks().run()
    await asyncio.sleep(0.01)
    now = handler.statistics()
    assert (now.waiting, now.unread, now.dropped) == (1, 1, 0)
    await handler.cancel_run()


@pytest.mark.parametrize("ending", ["returned", "cut off"])
async def test_a_step_that_outlives_the_end_is_not_counted_as_running(ending: str) -> None:
    """Who returns in the grace has completed, who is cancelled was cut off; nobody runs for ever."""

    class Ends(Workflow):
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent | None:
            ctx.send_event(StopEvent(result=1))
            if ending == "cut off":
                await asyncio.sleep(60)
            return None

    handler = Ends().run()
    await handler
    (figures,) = handler.statistics().steps.values()
    expected = (1, 0) if ending == "returned" else (0, 1)
    assert (figures.running, figures.completed, figures.cut) == (0, *expected)
