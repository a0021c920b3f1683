"""Nothing is left behind, whatever the end: no task, thread, timer, held run or growing list; and state is atomic."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowHandler,
    step,
)
from wftrace.engine import alive, observers
from wftrace.testing import DeterministicLoop, for_seeds, run_deterministic, running_loop


class Go(Event):
    n: int


class Ask(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class Busy(Workflow):
    """At each moment of its life something sleeps, is queued, backs off, waits for an event and asks a human."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Ask:
        await ctx.set("end", ev.end)
        for n in range(12):
            ctx.send_event(Go(n=n))
        return Ask()

    @step(num_workers=8, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=1000))
    async def work(self, ctx: Context[Any], ev: Go) -> StopEvent | None:
        end = await ctx.get("end")
        if ev.n == 0:
            raise OSError("backs off")
        if ev.n == 1:
            await ctx.wait_for_event(Answer, timeout=500)
        if ev.n == 2:
            await asyncio.sleep(1)
            if end == "result":
                return StopEvent(result="done")
        if ev.n > 2:
            async with asyncio.timeout(600):
                await asyncio.sleep(800)
        return None

    @step(num_workers=2)
    def in_thread(self, ev: Go) -> None:
        threading.Event().wait(0.001)

    @step(retry_policy=None)
    async def fail(self, ctx: Context[Any], ev: Go) -> None:
        await asyncio.sleep(2)
        if await ctx.get("end") == "error":
            raise ZeroDivisionError


class DeadEnd(Workflow):
    """Comes to nothing after a while."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Go | StopEvent:
        await asyncio.sleep(1)
        return Go(n=1)

    @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=1))
    async def work(self, ctx: Context[Any], ev: Go) -> StopEvent | None:
        ctx.collect_events(ev, [Go, Go])
        if ctx.retry_info().retry_number == 0:
            raise OSError
        return None

    @step
    def in_thread(self, ev: Go) -> None: ...


async def result() -> WorkflowHandler:
    return await finished(Busy().run(end="result"))


async def error() -> WorkflowHandler:
    return await finished(Busy().run(end="error"))


async def timeout() -> WorkflowHandler:
    return await finished(Busy(timeout=3).run(end="timeout"))


async def cancelled() -> WorkflowHandler:
    handler = Busy().run(end="cancel")
    await asyncio.sleep(0.1)
    await handler.cancel_run()
    return handler


async def cancelled_at_once() -> WorkflowHandler:
    handler = Busy().run(end="cancel")
    await handler.cancel_run()
    return handler


async def cancelled_while_queued() -> WorkflowHandler:
    flow = Busy(num_concurrent_runs=1)
    first, second = flow.run(end="cancel"), flow.run(end="cancel")
    await asyncio.sleep(0.1)
    await second.cancel_run()
    await first.cancel_run()
    return second


async def caller_gone() -> WorkflowHandler:
    handler = Busy().run(end="caller")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(handler, 1)
    return handler


async def handler_dropped() -> WorkflowHandler | None:
    Busy(timeout=20).run(end="timeout")
    gc.collect()
    await asyncio.sleep(30)
    return None


async def dead_end() -> WorkflowHandler:
    return await finished(DeadEnd().run())


async def stream_broken_off() -> WorkflowHandler:
    handler = Busy().run(end="result")
    async for _ in handler.stream_events():
        break
    return await finished(handler)


async def finished(handler: WorkflowHandler) -> WorkflowHandler:
    """A run that has ended in whatever way."""
    await asyncio.wait([asyncio.ensure_future(_quiet(handler))])
    return handler


async def _quiet(handler: WorkflowHandler) -> None:
    try:
        await handler
    except Exception:
        return


ENDS = [
    result,
    error,
    timeout,
    cancelled,
    cancelled_at_once,
    cancelled_while_queued,
    caller_gone,
    handler_dropped,
    dead_end,
    stream_broken_off,
]
End = Callable[[], Awaitable[WorkflowHandler | None]]
each_end = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)


def live_timers() -> list[asyncio.TimerHandle]:
    """The timers of the running loop that would still fire."""
    scheduled: list[asyncio.TimerHandle] = running_loop()._scheduled  # type: ignore[attr-defined]
    return [handle for handle in scheduled if not handle.cancelled()]


@each_end
def test_no_task_is_left(end: End) -> None:
    """When a run has ended, no task but the caller's is there, under any order."""

    async def main() -> None:
        await end()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    for seed in range(10):
        run_deterministic(main(), seed)


@each_end
def test_no_timer_is_left(end: End) -> None:
    """When a run has ended, no timer of it would fire any more."""

    async def main() -> None:
        await end()
        await asyncio.sleep(0)
        assert live_timers() == []

    for seed in range(10):
        run_deterministic(main(), seed)


@each_end
def test_no_run_is_held(end: End) -> None:
    """When a run has ended, the engine knows nothing of it."""

    async def main() -> None:
        await end()
        assert asyncio.get_running_loop() not in alive._runs

    for seed in range(10):
        run_deterministic(main(), seed)


@each_end
def test_no_thread_is_left(end: End) -> None:
    """When a run has ended, its threads end."""
    before = set(threading.enumerate())
    run_deterministic(_awaited(end))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
    assert set(threading.enumerate()) <= before


@each_end
def test_no_object_is_left(end: End) -> None:
    """When a run has ended and its handler is dropped, its context is garbage."""

    async def main() -> None:
        handler = await end()
        if handler is None:
            return
        context = weakref.ref(handler.ctx)
        del handler
        await asyncio.sleep(1)
        gc.collect()
        assert context() is None

    run_deterministic(main())


async def _awaited(end: End) -> None:
    await end()


def test_a_loop_that_is_closed_leaves_no_run_behind() -> None:
    """``asyncio.run`` that returns with a run under way takes its tasks, timers and threads along; the parked rest is
    let go when the next loop starts a run.
    """
    before = set(threading.enumerate())
    loops: list[weakref.ref[DeterministicLoop]] = []

    async def leave_it() -> None:
        loops.append(weakref.ref(running_loop()))
        Busy(timeout=None).run(end="never")
        await asyncio.sleep(0.5)

    run_deterministic(leave_it())
    run_deterministic(_awaited(result))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
    gc.collect()
    assert set(threading.enumerate()) <= before
    assert [loop for loop in alive._runs if loop.is_closed()] == []
    assert loops[0]() is None


class Hops(Workflow):
    """Goes round and round."""

    @step
    async def hop(self, ctx: Context[Any], ev: StartEvent | Go) -> Go | StopEvent:
        n = ev.get("n", 0)
        left: list[int] = await ctx.get("objects", [])
        if n in (1_000, 9_000):
            gc.collect()
            left = [*left, len(gc.get_objects())]
            await ctx.set("objects", left)
        return Go(n=n + 1) if n < 10_000 else StopEvent(result=left)


def test_ten_thousand_hops_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop of 10 000 hops needs as many objects at its end as at its beginning, and no deeper stack."""
    monkeypatch.setattr(observers, "_installed", [])  # other tests let the process keep the spans of recent runs

    async def main() -> list[int]:
        return list(await Hops(timeout=None).run())

    at_the_beginning, at_the_end = run_deterministic(main())
    assert at_the_end - at_the_beginning < 100


class Writers(Workflow):
    """Each writer reads, waits and writes."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Go | None:
        await ctx.set("left", ev.writers)
        for _ in range(ev.writers):
            ctx.send_event(Go(n=ev.increments))
        return None

    @step(num_workers=100)
    async def add(self, ctx: Context[Any], ev: Go) -> StopEvent | None:
        for _ in range(ev.n):
            async with ctx.store.edit_state() as state:
                count = state.get("count", 0)
                await asyncio.sleep(0)
                state["count"] = count + 1
        async with ctx.store.edit_state() as state:
            state["left"] -= 1
            return StopEvent(result=state["count"]) if state["left"] == 0 else None


def test_a_hundred_writers() -> None:
    """100 writers × 100 increments make 10 000, under shuffled order."""

    async def main() -> Any:
        return await Writers(timeout=None).run(writers=100, increments=100)

    assert run_deterministic(main(), seed=7) == 10_000


@for_seeds(50)
async def test_writers_under_many_orders() -> None:
    """No increment is lost under any order."""
    assert await Writers().run(writers=10, increments=5) == 50
