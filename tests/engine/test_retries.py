"""Retries: when they come, how often, and what a policy is told."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    ExponentialBackoffRetryPolicy,
    RetryPolicy,
    StartEvent,
    StepTimeoutError,
    StopEvent,
    Workflow,
    WorkflowRuntimeError,
    WorkflowValidationError,
    step,
)


class Asked:
    """A policy that notes what it is told."""

    def __init__(self, delays: list[float | None]) -> None:
        self.delays = delays
        self.told: list[tuple[float, int, str]] = []

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        self.told.append((elapsed_time, attempts, str(error)))
        return self.delays[attempts]


def failing(times: int, policy: RetryPolicy, *, sync: bool = False) -> type[Workflow]:
    """A flow whose only step fails some times; its result is the number of attempts."""
    calls: list[int] = []

    def attempt() -> StopEvent:
        calls.append(1)
        if len(calls) <= times:
            raise OSError(f"failure {len(calls)}")
        return StopEvent(result=len(calls))

    if sync:

        class Sync(Workflow):
            @step(retry_policy=policy)
            def work(self, ev: StartEvent) -> StopEvent:
                return attempt()

        return Sync

    class Async(Workflow):
        @step(retry_policy=policy)
        async def work(self, ev: StartEvent) -> StopEvent:
            return attempt()

    return Async


async def result(flow: type[Workflow]) -> Any:
    return await flow().run()


def test_a_policy_is_told_the_truth() -> None:
    """Elapsed seconds since the first failure, retries already made, and the error itself."""
    policy = Asked([0.02, 0.03, None])
    with pytest.raises(OSError, match="failure 3"):
        asyncio.run(result(failing(9, policy)))
    (first, second, third) = policy.told
    assert first == (0.0, 0, "failure 1")
    assert second[1:] == (1, "failure 2")
    assert third[1:] == (2, "failure 3")
    assert 0.02 <= second[0] < third[0]
    assert third[0] >= 0.05


@pytest.mark.parametrize("sync", [False, True])
def test_maximum_attempts_are_retries(sync: bool) -> None:
    """At most three retries, as the page says: four attempts; sync steps too."""
    policy = ConstantDelayRetryPolicy(maximum_attempts=3, delay=0)
    assert asyncio.run(result(failing(3, policy, sync=sync))) == 4
    with pytest.raises(OSError, match="failure 4"):
        asyncio.run(result(failing(4, policy, sync=sync)))


def test_the_delay_does_not_hold_a_worker() -> None:
    """While one event is backed off, the only worker takes the others."""
    order: list[str] = []

    class Number(Event):
        n: int

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))

        @step(num_workers=1, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0.02))
        async def work(self, ctx: Context[Any], ev: Number) -> StopEvent | None:
            order.append(f"{ev.n}.{ctx.retry_info().retry_number}")
            if ev.n == 0 and ctx.retry_info().retry_number == 0:
                raise OSError("later")
            return StopEvent() if ev.n == 0 else None

    asyncio.run(result(Flow))
    assert order == ["0.0", "1.0", "2.0", "0.1"]


def test_retry_info_tells_the_step() -> None:
    """A step sees which retry it is, since when, and why."""
    seen: list[tuple[int, str]] = []

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=2, delay=0.01))
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            info = ctx.retry_info()
            seen.append((info.retry_number, str(info.last_exception)))
            if info.retry_number < 2:
                raise OSError(f"number {info.retry_number}")
            assert info.elapsed_seconds >= 0.02
            return StopEvent()

    asyncio.run(result(Flow))
    assert seen == [(0, "None"), (1, "number 0"), (2, "number 1")]


def test_a_foreign_cancellation_is_a_failure_of_the_step() -> None:
    """Something that the step awaited was cancelled: it is retried by its policy."""
    calls: list[int] = []

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0))
        async def work(self, ev: StartEvent) -> StopEvent:
            calls.append(1)
            if len(calls) == 1:
                other = asyncio.ensure_future(asyncio.sleep(60))
                asyncio.get_running_loop().call_soon(other.cancel)
                await other
            return StopEvent(result=len(calls))

    assert asyncio.run(result(Flow)) == 2


def test_a_foreign_cancellation_without_retries_ends_the_run_with_a_sentence() -> None:
    """The caller does not see a bare CancelledError, which would look like his own."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise asyncio.CancelledError

    with pytest.raises(WorkflowRuntimeError, match="step 'work' was cancelled from inside"):
        asyncio.run(result(Flow))


def test_a_broken_policy_does_not_hide_the_error() -> None:
    """The step's error comes out; a note tells of the policy's."""

    class Broken:
        def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
            raise ZeroDivisionError("oh")

    with pytest.raises(OSError, match="failure 1") as caught:
        asyncio.run(result(failing(1, Broken())))
    assert "its retry policy failed as well: ZeroDivisionError: oh" in caught.value.__notes__


def test_what_is_no_policy_is_refused_at_once() -> None:
    """A number is no policy; the message says what one is."""
    with pytest.raises(WorkflowValidationError, match=r"next\(elapsed_time, attempts, error\)"):
        step(retry_policy=3)  # type: ignore[call-overload]  # that is the point


def test_stop_iteration_in_a_thread_does_not_hang() -> None:
    """An exception that a future cannot carry still fails the step."""

    class Flow(Workflow):
        @step
        def work(self, ev: StartEvent) -> StopEvent:
            raise StopIteration

    async def main() -> None:
        await asyncio.wait_for(Flow().run(), 5)

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        asyncio.run(main())


@given(
    initial=st.floats(0, 100),
    multiplier=st.floats(1, 10),
    limit=st.floats(0, 1000),
    attempts=st.integers(0, 5000),
    jitter=st.floats(0, 1),
    drawn=st.floats(0, 1, exclude_max=True),
)
def test_exponential_delays_stay_in_their_bounds(
    initial: float, multiplier: float, limit: float, attempts: int, jitter: float, drawn: float
) -> None:
    """Never below zero, never above the limit, however many attempts."""
    policy = ExponentialBackoffRetryPolicy(initial, multiplier, limit, 10_000, jitter, random=lambda: drawn)
    delay = policy.next(0, attempts, OSError())
    assert delay is not None
    assert 0 <= delay <= limit


def test_exponential_delays_double() -> None:
    """Without jitter each delay is twice the one before, up to the limit, and then it gives up."""
    policy = ExponentialBackoffRetryPolicy(1, 2, 5, 4, jitter=0)
    assert [policy.next(0, n, OSError()) for n in range(5)] == [1, 2, 4, 5, None]


def test_a_retry_waits_as_long_as_it_says() -> None:
    """The next attempt does not begin before its delay is over."""
    begun = time.monotonic()
    asyncio.run(result(failing(1, ConstantDelayRetryPolicy(maximum_attempts=1, delay=0.05))))
    assert time.monotonic() - begun >= 0.05


def test_a_step_with_a_timeout_of_its_own() -> None:
    """An attempt that takes too long fails with a sentence and is retried by the policy."""
    calls: list[int] = []

    class Flow(Workflow):
        @step(timeout=0.02, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0))
        async def work(self, ev: StartEvent) -> StopEvent:
            calls.append(1)
            await asyncio.sleep(60 if len(calls) < ev.slow else 0)
            return StopEvent(result=len(calls))

    async def main(slow: int) -> Any:
        calls.clear()
        return await Flow().run(slow=slow)

    assert asyncio.run(main(2)) == 2
    with pytest.raises(StepTimeoutError, match=r"step 'work' took longer than its timeout of 0\.02 s"):
        asyncio.run(main(3))
    assert Flow.graph.step["work"].timeout == 0.02


def test_a_timeout_error_of_the_step_itself_is_its_own() -> None:
    """What the step raises is not taken for the step's timeout."""

    class Flow(Workflow):
        @step(timeout=60)
        async def work(self, ev: StartEvent) -> StopEvent:
            raise TimeoutError("the server's")

    with pytest.raises(TimeoutError, match="the server's") as caught:
        asyncio.run(result(Flow))
    assert type(caught.value) is TimeoutError
