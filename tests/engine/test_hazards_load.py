"""Hazards of load: many threads, many runs, many events, many levels; none is lost, none starves, nothing grows."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from contextvars import ContextVar
from typing import Any

import pytest

from wftrace import Context, Event, HumanResponseEvent, StartEvent, StopEvent, Workflow, WorkflowCancelledByUser, step
from wftrace.engine import alive, observers
from wftrace.engine import stream as stream_room
from wftrace.testing import for_seeds, run_deterministic, running_loop


class Number(Event):
    n: int = 0


class Back(Event):
    n: int


class FromOutside(HumanResponseEvent):
    n: int


class Collects(Workflow):
    """Takes events from outside until there are enough; returns them in the order in which they came."""

    @step
    async def begin(self, ctx: Context[Any], ev: StartEvent) -> None:
        await ctx.set("count", ev.count)

    @step(num_workers=1)
    async def join(self, ctx: Context[Any], ev: FromOutside) -> StopEvent | None:
        batch = ctx.collect_events(ev, [FromOutside] * await ctx.get("count"))
        return StopEvent(result=[each.n for each in batch]) if batch else None


def test_a_hundred_threads_send_a_hundred_events_each() -> None:
    """All 10 000 arrive once, those of one thread in the order in which it sent them."""

    async def main() -> Any:
        handler = Collects(timeout=None).run(count=10_000)
        await asyncio.sleep(0)

        def send(number: int) -> None:
            for n in range(100):
                handler.ctx.send_event(FromOutside(n=100 * number + n))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        arrived = await handler
        for thread in threads:
            thread.join()
        return arrived

    arrived: list[int] = asyncio.run(main())
    assert sorted(arrived) == list(range(10_000))
    assert all(part == sorted(part) for part in ([n for n in arrived if n // 100 == k] for k in range(100)))


class NestedInThreads(Workflow):
    """Each sync step runs the flow again in a loop of its own, level below level."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Number | None:
        await ctx.set("wide", ev.wide)
        for _ in range(ev.wide):
            ctx.send_event(Number(n=ev.deep))
        return None

    @step(num_workers=2)
    def work(self, ctx: Context[Any], ev: Number) -> Back:
        async def below() -> Any:
            return await NestedInThreads(timeout=None).run(wide=3, deep=ev.n - 1)

        return Back(n=asyncio.run(below()) if ev.n else 1)

    @step
    async def join(self, ctx: Context[Any], ev: Back) -> StopEvent | None:
        parts = ctx.collect_events(ev, [Back] * await ctx.get("wide"))
        return StopEvent(result=sum(each.n for each in parts)) if parts else None


def test_sync_steps_that_run_flows_do_not_starve_each_other() -> None:
    """Four levels of sync steps, each waiting for runs whose sync steps wait in turn: every one gets its thread."""

    async def main() -> Any:
        return await NestedInThreads(timeout=None).run(wide=3, deep=3)

    assert asyncio.run(main()) == 3**4


class Nested(Workflow):
    """Awaits itself, so many levels deep."""

    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        if ev.n == 0:
            await asyncio.sleep(ev.seconds)
            if ev.seconds == 0.25:
                raise OSError("at the bottom")
            return StopEvent(result=0)
        return StopEvent(result=1 + await Nested(timeout=None).run(n=ev.n - 1, seconds=ev.seconds))


def test_flows_nested_three_hundred_deep() -> None:
    """Each level is a task of its own: the stack does not grow with them."""

    async def main() -> Any:
        return await Nested(timeout=None).run(n=300, seconds=0)

    assert asyncio.run(main()) == 300


def test_an_error_comes_up_from_a_hundred_levels() -> None:
    """The error of the innermost run is that of the outermost, with one note, and no run is left."""

    async def main() -> OSError:
        with pytest.raises(OSError, match="at the bottom") as caught:
            await Nested(timeout=None).run(n=100, seconds=0.25)
        assert asyncio.get_running_loop() not in alive._runs
        return caught.value

    assert len(run_deterministic(main()).__notes__) == 1


def test_cancelling_reaches_down_a_hundred_levels() -> None:
    """Cancelling the outermost run ends all of them at once, without waiting for any grace."""

    async def main() -> float:
        handler = Nested(timeout=None).run(n=100, seconds=1000)
        await asyncio.sleep(1)
        await handler.cancel_run()
        with pytest.raises(WorkflowCancelledByUser):
            await handler
        assert asyncio.get_running_loop() not in alive._runs
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return running_loop().time()

    assert run_deterministic(main()) == 1.0


class Hops(Workflow):
    """Three steps in a row."""

    @step
    async def one(self, ev: StartEvent) -> Number:
        await asyncio.sleep(0)
        return Number(n=ev.n)

    @step
    async def two(self, ev: Number) -> Back:
        await asyncio.sleep(0)
        return Back(n=ev.n)

    @step
    async def three(self, ev: Back) -> StopEvent:
        return StopEvent(result=ev.n)


def test_a_thousand_runs_at_once() -> None:
    """Each gives its own result."""

    async def main() -> list[Any]:
        flow = Hops(timeout=None)
        return await asyncio.gather(*(flow.run(n=n) for n in range(1_000)))

    assert run_deterministic(main()) == list(range(1_000))


def test_ten_thousand_runs_in_a_row_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many objects are alive after the last as after the first hundred."""
    monkeypatch.setattr(observers, "_installed", [])  # other tests let the process keep the spans of recent runs

    async def main() -> int:
        flow = Hops(timeout=None)
        before = 0
        for n in range(10_000):
            await flow.run(n=n)
            if n == 100:
                gc.collect()
                before = len(gc.get_objects())
        gc.collect()
        return len(gc.get_objects()) - before

    assert asyncio.run(main()) < 100


class Parked(Workflow):
    """Waits for ever: nothing but the engine holds it."""

    @step
    async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
        answer = await ctx.wait_for_event(FromOutside, timeout=None)
        ev.ended.append(answer.n)
        return StopEvent()


def test_runs_that_nobody_holds_survive_the_garbage_collector() -> None:
    """A run that was fired and forgotten is still there when its event comes, though its handler is gone at once."""
    ended: list[int] = []

    async def main() -> None:
        contexts = [weakref.ref(Parked(timeout=None).run(ended=ended).ctx) for _ in range(20)]
        await asyncio.sleep(1)
        gc.collect()
        for n, reference in enumerate(contexts):
            context = reference()
            assert context is not None
            context.send_event(FromOutside(n=n))
        del context
        await asyncio.sleep(1)
        gc.collect()
        assert [reference() for reference in contexts] == [None] * 20

    run_deterministic(main())
    assert sorted(ended) == list(range(20))


def test_a_thread_wakes_a_loop_that_sleeps() -> None:
    """An event from a thread arrives at once, though the loop has nothing else to do."""

    async def main() -> Any:
        handler = Collects(timeout=None).run(count=1)
        threading.Timer(0.02, handler.ctx.send_event, [FromOutside(n=7)]).start()
        return await handler

    assert run_deterministic(main()) == [7]


class Writes(Workflow):
    """Writes to a stream that nobody reads."""

    @step
    async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
        for n in range(ev.count):
            ctx.write_event_to_stream(Number(n=n))
        return StopEvent()


def test_fifty_thousand_unread_events_are_kept() -> None:
    """Whoever reads late reads them all, in order."""

    async def main() -> list[Any]:
        handler = Writes().run(count=50_000)
        await handler
        return [event.get("n") async for event in handler.stream_events()]

    assert asyncio.run(main()) == [*range(50_000), None]


def test_too_many_unread_events_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full stream drops its oldest event; how many there were, the handler says."""
    monkeypatch.setattr(stream_room, "CAPACITY", 1_000)

    async def main() -> tuple[list[Any], int, int]:
        handler = Writes().run(count=2_500)
        await handler
        figures = handler.statistics()
        return [event.get("n") async for event in handler.stream_events()], figures.unread, figures.dropped

    numbers, unread, dropped = asyncio.run(main())
    assert numbers == [*range(1_501, 2_500), None]
    assert (unread, dropped) == (1_000, 1_501)


@for_seeds(30)
async def test_a_cancelled_reader_does_not_take_a_wake_up_along() -> None:
    """Of two readers one is cancelled when an event comes: the other one gets it then, under any order."""

    class Late(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            await asyncio.sleep(1)
            ctx.write_event_to_stream(Number())
            first.cancel()
            await asyncio.sleep(5)
            return StopEvent()

    async def read() -> float:
        async for event in handler.stream_events():
            if isinstance(event, Number):
                return running_loop().time()
        raise AssertionError("the event went to nobody")

    handler = Late().run()
    first, second = asyncio.create_task(read()), asyncio.create_task(read())
    asyncio.get_running_loop().call_at(running_loop().random.choice((1.0, 2.0)), first.cancel)
    assert await second == 1.0
    await handler


variable: ContextVar[str] = ContextVar("variable", default="unset")


class Sees(Workflow):
    """Every step notes what it sees, and then sets its own."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Number | None:
        ev.seen.append(variable.get())
        variable.set("by plan")
        await ctx.set("seen", ev.seen)
        for n in range(8):
            ctx.send_event(Number(n=n))
        return None

    @step(num_workers=3)
    async def in_task(self, ctx: Context[Any], ev: Number) -> Back:
        (await ctx.get("seen")).append(variable.get())
        variable.set(f"by task {ev.n}")
        await asyncio.sleep(0.01)
        assert variable.get() == f"by task {ev.n}"
        return Back(n=ev.n)

    @step(num_workers=3)
    def in_thread(self, ctx: Context[Any], ev: Number) -> Back:
        seen = variable.get()
        variable.set(f"by thread {ev.n}")
        return Back(n=-1 if seen == "by the caller" else -100)

    @step
    async def join(self, ctx: Context[Any], ev: Back) -> StopEvent | None:
        (await ctx.get("seen")).append(variable.get())
        all_there = ctx.collect_events(ev, [Back] * 16)
        return StopEvent(result=sum(each.n for each in all_there)) if all_there else None


def test_context_variables_of_many_steps_do_not_mix() -> None:
    """Tasks and threads see the caller's value at their start, whatever the steps beside them and before them set."""
    seen: list[str] = []

    async def main() -> Any:
        variable.set("by the caller")
        result = await Sees().run(seen=seen)
        return result, variable.get()

    assert asyncio.run(main()) == ((sum(range(8)) - 8), "by the caller")
    assert set(seen) == {"by the caller"}
