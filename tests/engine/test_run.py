"""Runs: what comes out, in which order, how many at once, and how they end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import threading
import time
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
    UnhandledEvent,
    Workflow,
    WorkflowCancelledByUser,
    WorkflowDeadEndError,
    WorkflowRuntimeError,
    WorkflowStepDoesNotExistError,
    WorkflowTimeoutError,
    step,
)


class Number(Event):
    n: int


class Square(Event):
    n: int


class Special(Number):
    pass


def fan_out(count: int, workers: int, *, sync: bool = False) -> type[Workflow]:
    """A flow that squares numbers on some workers and returns them with the most that ran at once.

    Each call waits until as many as there are workers have come, so the flow only ends when they really run at once.
    """
    lock = threading.Lock()
    running = [0, 0]
    threads = threading.Barrier(workers, timeout=20)
    tasks = asyncio.Barrier(workers)

    def enter(change: int) -> None:
        with lock:
            running[0] += change
            running[1] = max(running)

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
            for n in range(count):
                ctx.send_event(Number(n=n))

        @step
        async def join(self, ctx: Context[Any], ev: Square) -> StopEvent | None:
            squares = ctx.collect_events(ev, [Square] * count)
            return StopEvent(result=(sorted(s.n for s in squares), running[1])) if squares else None

    def square(ev: Number) -> Square:
        enter(+1)
        threads.wait()
        enter(-1)
        return Square(n=ev.n**2)

    async def square_async(ev: Number) -> Square:
        enter(+1)
        await tasks.wait()
        enter(-1)
        return Square(n=ev.n**2)

    step(workflow=Flow, num_workers=workers)(square if sync else square_async)
    return Flow


def test_a_chain_of_steps() -> None:
    """Keyword arguments go in, the stop event's result comes out."""

    class Flow(Workflow):
        @step
        async def double(self, ev: StartEvent) -> Number:
            return Number(n=2 * ev.n)

        @step
        async def end(self, ev: Number) -> StopEvent:
            return StopEvent(result=ev.n + 1)

    async def main() -> Any:
        return await Flow().run(n=4)

    assert asyncio.run(main()) == 9


@pytest.mark.parametrize("sync", [False, True])
def test_exactly_num_workers_at_once(sync: bool) -> None:
    """A step runs on as many workers as it asked for, sync steps too."""

    async def main() -> Any:
        return await fan_out(24, 6, sync=sync)().run()

    assert asyncio.run(main()) == ([n**2 for n in range(24)], 6)


def test_forty_sync_workers_are_forty() -> None:
    """The default thread pool of asyncio does not cap them."""

    async def main() -> Any:
        return await fan_out(40, 40, sync=True)().run()

    assert asyncio.run(main())[1] == 40


def test_a_step_takes_its_events_in_order() -> None:
    """One worker sees the events in the order in which they were sent."""
    seen: list[int] = []

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
            for n in range(20):
                ctx.send_event(Number(n=n))

        @step(num_workers=1)
        async def take(self, ev: Number) -> StopEvent | None:
            seen.append(ev.n)
            await asyncio.sleep(0)
            return StopEvent() if ev.n == 19 else None

    async def main() -> None:
        await Flow().run()

    asyncio.run(main())
    assert seen == list(range(20))


def test_every_accepting_step_gets_the_event() -> None:
    """An event is broadcast to all steps that accept it."""
    seen: list[str] = []

    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Number:
            return Number(n=1)

        @step
        async def one(self, ev: Number) -> None:
            seen.append("one")

        @step
        async def two(self, ev: Number) -> StopEvent:
            await asyncio.sleep(0.01)
            seen.append("two")
            return StopEvent()

    async def main() -> None:
        await Flow().run()

    asyncio.run(main())
    assert seen == ["one", "two"]


def test_a_subclass_goes_to_its_nearest_base() -> None:
    """When no step names the exact class, those that name its nearest base get it."""

    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Number:
            return Special(n=1)

        @step
        async def end(self, ev: Number) -> StopEvent:
            return StopEvent(result=type(ev).__name__)

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == "Special"


def test_the_exact_class_wins() -> None:
    """Where a step names the exact class, steps that name a base do not get it."""

    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Number | Special:
            return Special(n=1)

        @step
        async def base(self, ev: Number) -> StopEvent:
            return StopEvent(result="base")

        @step
        async def exact(self, ev: Special) -> StopEvent:
            return StopEvent(result="exact")

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == "exact"


def test_a_custom_start_and_stop_event() -> None:
    """A custom stop event is itself the result; a custom start event is made of the keyword arguments."""

    class Begin(StartEvent):
        topic: str

    class Finished(StopEvent):
        words: int

    class Flow(Workflow):
        @step
        async def work(self, ev: Begin) -> Finished:
            return Finished(words=len(ev.topic.split()))

    async def main() -> Any:
        return await Flow().run(topic="a b c"), await Flow().run(start_event=Begin(topic="a"))

    first, second = asyncio.run(main())
    assert (type(first), first.words, second.words) == (Finished, 3, 1)

    async def wrong() -> None:
        await Flow().run(theme="x")

    with pytest.raises(WorkflowRuntimeError, match=r"start event of type 'Begin' .* theme: topic"):
        asyncio.run(wrong())

    async def no_event() -> None:
        await Flow().run(start_event=Number(n=1))  # type: ignore[arg-type]  # that is the point

    with pytest.raises(ValueError, match="must be an instance of 'StartEvent'"):
        asyncio.run(no_event())


def test_steps_on_an_instance() -> None:
    """Functions attached to one instance are steps of that instance only."""
    flow = Workflow(timeout=60)

    @step(workflow=flow)
    async def begin(ev: StartEvent) -> Number:
        return Number(n=ev.n)

    @step(workflow=flow)
    def end(ev: Number) -> StopEvent:
        return StopEvent(result=ev.n)

    async def main() -> Any:
        return await flow.run(n=5)

    assert asyncio.run(main()) == 5
    assert [each.name for each in flow.graph.steps] == ["begin", "end"]
    assert Workflow.graph.steps == ()


def test_steps_on_a_class() -> None:
    """Functions attached to a class are steps of all its instances, those made before too."""

    class Flow(Workflow):
        pass

    early = Flow()

    @step(workflow=Flow)
    async def work(ctx: Context[Any], ev: StartEvent) -> StopEvent:
        return StopEvent(result=ctx.run_id)

    async def main() -> Any:
        return await early.run(run_id="r1")

    assert asyncio.run(main()) == "r1"


def test_run_outside_a_loop() -> None:
    """The message says where to call it."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent()

    with pytest.raises(WorkflowRuntimeError, match=r"asyncio\.run\(main\(\)\)"):
        Flow().run()


def test_the_first_stop_event_wins_and_the_rest_is_cancelled() -> None:
    """Steps under way are cancelled, what they make is dropped."""
    ends: list[str] = []

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))

        @step
        async def work(self, ev: Number) -> StopEvent:
            try:
                await asyncio.sleep(0.01 + ev.n)
            except asyncio.CancelledError:
                ends.append(f"{ev.n} cancelled")
                raise
            return StopEvent(result=ev.n)

    async def main() -> Any:
        result = await Flow().run()
        return result, len(asyncio.all_tasks())

    assert asyncio.run(main()) == (0, 1)
    assert ends == ["1 cancelled", "2 cancelled"]


def test_the_original_error_comes_out_with_a_note() -> None:
    """Nothing wraps it; a note says step, workflow, run and attempt."""

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0))
        async def work(self, ev: StartEvent) -> StopEvent:
            raise KeyError("gone")

    async def main() -> None:
        await Flow().run(run_id="r7")

    with pytest.raises(KeyError) as caught:
        asyncio.run(main())
    assert caught.value.__notes__[-1] == "in step 'work' of Flow, run r7, attempt 2"


def test_a_result_that_is_no_event() -> None:
    """A step that returns something else fails, with the known sentence."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return "done"  # type: ignore[return-value]  # that is the point

    async def main() -> None:
        await Flow().run()

    with pytest.raises(WorkflowRuntimeError, match="Step function work returned str instead of an Event instance"):
        asyncio.run(main())


def test_a_timeout_says_what_was_going_on() -> None:
    """The error names what ran, what was queued, and what a join still missed."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))

        @step(num_workers=1)
        async def work(self, ev: Number) -> Square:
            await asyncio.sleep(0 if ev.n == 0 else 60)
            return Square(n=ev.n)

        @step
        async def join(self, ctx: Context[Any], ev: Square) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Square] * 3) else None

    async def main() -> None:
        await Flow(timeout=0.05).run()

    with pytest.raises(WorkflowTimeoutError) as caught:
        asyncio.run(main())
    message = str(caught.value)
    assert "longer than its timeout of 0.05 s" in message
    assert "work#2 runs since" in message
    assert "1 queued at work: 1 of 1 workers busy" in message
    assert "the join in join holds 1 and still misses 2 × Square" in message


def test_a_step_that_blocks_past_the_deadline_does_not_count() -> None:
    """A result that comes too late is no success, even when the loop could not say so in time."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            time.sleep(0.05)  # noqa: ASYNC251  # that is the point
            return StopEvent(result="late")

    async def main() -> None:
        await Flow(timeout=0.01).run()

    with pytest.raises(WorkflowTimeoutError):
        asyncio.run(main())


def test_a_dead_end_fails_at_once() -> None:
    """When nothing can happen any more the run says so, with what its joins miss, instead of hanging."""

    class Flow(Workflow):
        @step
        async def plan(self, ev: StartEvent) -> Number:
            return Number(n=1)

        @step
        async def join(self, ctx: Context[Any], ev: Number) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Number, Number]) else None

    async def main() -> None:
        await asyncio.wait_for(Flow(timeout=None).run(), 5)

    with pytest.raises(WorkflowDeadEndError, match="the join in join holds 1 and still misses 1 × Number"):
        asyncio.run(main())


def test_an_event_that_nobody_takes_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """It is on the stream, in the log, and in the error of the dead end."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> Number | StopEvent:
            return Number(n=1)

    async def main() -> list[Event]:
        handler = Flow(disable_validation=True).run()
        events = [event async for event in handler.stream_events()]
        with pytest.raises(WorkflowDeadEndError, match="Number was made 1× and no step accepts it"):
            await handler
        return events

    with caplog.at_level(logging.WARNING, "wftrace"):
        (event,) = asyncio.run(main())
    assert isinstance(event, UnhandledEvent)
    assert event.event_type.endswith(".Number")
    assert "no step accepts" in caplog.text


def test_send_event_checks_its_target() -> None:
    """An unknown step and a step that does not accept the event are named."""

    class Flow(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            with pytest.raises(WorkflowStepDoesNotExistError, match="no step 'wrok'; it has 'work'"):
                ctx.send_event(StartEvent(), step="wrok")
            with pytest.raises(WorkflowRuntimeError, match="'work' does not accept Number; it accepts StartEvent"):
                ctx.send_event(Number(n=1), step="work")
            return StopEvent(result="checked")

    async def main() -> Any:
        return await Flow(disable_validation=True).run()

    assert asyncio.run(main()) == "checked"


def test_send_event_to_one_step() -> None:
    """A named step gets the event alone."""

    class Flow(Workflow):
        @step
        async def begin(self, ctx: Context[Any], ev: StartEvent) -> None:
            ctx.send_event(Number(n=1), step="two")

        @step
        async def one(self, ev: Number) -> StopEvent:
            return StopEvent(result="one")

        @step
        async def two(self, ev: Number) -> StopEvent:
            return StopEvent(result="two")

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == "two"


def test_sync_steps_send_from_their_thread_in_order() -> None:
    """Events from another thread arrive, before the step's own result."""

    class Flow(Workflow):
        @step
        def begin(self, ctx: Context[Any], ev: StartEvent) -> Square:
            for n in range(3):
                ctx.send_event(Number(n=n))
            return Square(n=3)

        @step(num_workers=1)
        async def take(self, ctx: Context[Any], ev: Number | Square) -> StopEvent | None:
            seen = [*await ctx.get("seen", []), ev.n]
            await ctx.set("seen", seen)
            return StopEvent(result=seen) if isinstance(ev, Square) else None

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == [0, 1, 2, 3]


def test_context_variables_reach_steps_and_threads_but_do_not_leak() -> None:
    """A step sees the caller's variables; what it sets, the next step does not see."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    class Flow(Workflow):
        @step
        async def one(self, ev: StartEvent) -> Number:
            seen.append(variable.get())
            variable.set("by one")
            return Number(n=1)

        @step
        def two(self, ev: Number) -> StopEvent:
            seen.append(variable.get())
            return StopEvent()

    async def main() -> None:
        variable.set("by the caller")
        await Flow().run()

    asyncio.run(main())
    assert seen == ["by the caller", "by the caller"]


def test_the_stream_is_taken_up_where_it_stopped() -> None:
    """Breaking off and reading again loses and repeats nothing; after the end it ends at once."""

    class Flow(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            for n in range(4):
                ctx.write_event_to_stream(Number(n=n))
            return StopEvent()

    async def main() -> list[list[str]]:
        handler = Flow().run()
        first = []
        async for event in handler.stream_events():
            first.append(str(event.get("n", "stop")))
            if len(first) == 2:
                break
        second = [str(event.get("n", "stop")) async for event in handler.stream_events()]
        third = [str(event) async for event in handler.stream_events()]
        await handler
        return [first, second, third]

    assert asyncio.run(main()) == [["0", "1"], ["2", "3", "stop"], []]


class Ask(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class Human(Workflow):
    """Asks, and returns the answer."""

    @step
    async def ask(self, ev: StartEvent) -> Ask:
        return Ask(prefix="a number: ")

    @step
    async def take(self, ev: Answer) -> StopEvent:
        return StopEvent(result=ev.response)


def test_a_human_answers_through_the_stream() -> None:
    """The question is on the stream; the answer goes in through the handler's context."""

    async def main() -> Any:
        handler = Human(timeout=None).run()
        async for event in handler.stream_events():
            if isinstance(event, Ask):
                handler.ctx.send_event(Answer(response=event.prefix + "42"))
        return await handler

    assert asyncio.run(main()) == "a number: 42"


def test_a_run_that_waits_for_a_human_says_so() -> None:
    """``explain`` names the open question; it is no dead end."""

    async def main() -> str:
        handler = Human(timeout=None).run()
        await asyncio.sleep(0.01)
        text = handler.explain()
        await handler.cancel_run()
        return text

    assert "Ask was asked" in asyncio.run(main())


def test_a_parked_run_whose_handler_was_dropped_still_ends() -> None:
    """The garbage collector does not take a run that waits."""
    ended: list[str] = []

    class Flow(Human):
        @step
        async def take(self, ev: Answer) -> StopEvent:
            ended.append(ev.response)
            return StopEvent()

    async def main() -> None:
        context: Context[Any] = Context()
        Flow(timeout=None).run(ctx=context)
        await asyncio.sleep(0)
        gc.collect()
        await asyncio.sleep(0.01)
        context.send_event(Answer(response="late"))
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert ended == ["late"]


def test_a_question_goes_to_steps_that_accept_it_too() -> None:
    """Asking and answering may both happen inside."""

    class Flow(Workflow):
        @step
        async def ask(self, ev: StartEvent) -> Ask:
            return Ask()

        @step
        async def automatic(self, ev: Ask) -> StopEvent:
            return StopEvent(result="answered inside")

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == "answered inside"


def test_wait_for_event_really_waits() -> None:
    """The step goes on where it stood; only an event that meets the requirements wakes it."""
    starts: list[int] = []

    class Flow(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            starts.append(1)
            answer = await ctx.wait_for_event(Answer, waiter_event=Ask(), requirements={"response": "yes"})
            return StopEvent(result=answer.response)

    async def main() -> Any:
        handler = Flow().run()
        async for event in handler.stream_events():
            if isinstance(event, Ask):
                handler.ctx.send_event(Answer(response="no"))
                handler.ctx.send_event(Answer(response="yes"))
        return await handler

    assert asyncio.run(main()) == "yes"
    assert starts == [1]


def test_wait_for_event_gives_up() -> None:
    """After its timeout it raises, naming the event and the step."""

    class Flow(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            await ctx.wait_for_event(Answer, timeout=0.01)
            return StopEvent()

    async def main() -> None:
        await Flow().run()

    with pytest.raises(TimeoutError, match=r"no Answer came to step 'work' within 0\.01 s"):
        asyncio.run(main())


def test_cancel_run() -> None:
    """Cancelling ends everything; awaiting says who did it; a second time is no error."""

    async def main() -> int:
        handler = Human(timeout=None).run()
        await asyncio.sleep(0)
        await handler.cancel_run()
        await handler.cancel_run()
        assert handler.is_done()
        with pytest.raises(WorkflowCancelledByUser):
            await handler
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1


def test_who_awaits_is_cancelled_and_the_run_with_him() -> None:
    """A caller's timeout ends the run, unless it was detached."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(0.05)
            return StopEvent(result="done")

    async def main() -> tuple[bool, Any]:
        attached, detached = Flow().run(), Flow().run().detach()
        for handler in (attached, detached):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handler, 0.01)
        return isinstance(attached.exception(), WorkflowCancelledByUser), await detached

    assert asyncio.run(main()) == (True, "done")


def test_state_is_shared_and_carried_over() -> None:
    """What one run sets, the next run with the same context finds; a missing key is named."""

    class Flow(Workflow):
        @step
        async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
            with pytest.raises(ValueError, match="no 'nothing'"):
                await ctx.get("nothing")
            count = await ctx.get("count", 0) + 1
            await ctx.set("count", count)
            return StopEvent(result=count)

    async def main() -> Any:
        flow = Flow()
        handler = flow.run()
        await handler
        return await flow.run(ctx=handler.ctx)

    assert asyncio.run(main()) == 2


def test_a_context_belongs_to_one_run_at_a_time() -> None:
    """Two runs on one context at once are refused."""

    async def main() -> None:
        handler = Human(timeout=None).run()
        try:
            with pytest.raises(WorkflowRuntimeError, match="still under way"):
                Human().run(ctx=handler.ctx)
        finally:
            await handler.cancel_run()

    asyncio.run(main())


def test_edit_state_is_atomic() -> None:
    """A hundred writers that each add one a hundred times make ten thousand."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
            for n in range(100):
                ctx.send_event(Number(n=n))

        @step(num_workers=100)
        async def add(self, ctx: Context[Any], ev: Number) -> Square:
            for _ in range(100):
                async with ctx.store.edit_state() as state:
                    count = state.get("count", 0)
                    await asyncio.sleep(0)
                    state["count"] = count + 1
            return Square(n=0)

        @step
        async def end(self, ctx: Context[Any], ev: Square) -> StopEvent | None:
            done = ctx.collect_events(ev, [Square] * 100)
            return StopEvent(result=await ctx.get("count")) if done else None

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == 10_000


def test_num_concurrent_runs() -> None:
    """Further runs wait for a free place, also when one of them is cancelled while it waits."""
    running = [0, 0]

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            running[0] += 1
            running[1] = max(running)
            await asyncio.sleep(0.005)
            running[0] -= 1
            return StopEvent()

    async def main() -> None:
        flow = Flow(num_concurrent_runs=2)
        handlers = [flow.run() for _ in range(7)]
        await handlers[5].cancel_run()
        await asyncio.gather(*(handlers[n] for n in (0, 1, 2, 3, 4, 6)))

    asyncio.run(main())
    assert running == [0, 2]


def test_an_event_counts_once_in_a_join_also_when_its_step_is_retried() -> None:
    """A retry of the joining step neither holds its event twice nor loses what it got."""
    tries: list[int] = []

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))

        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=2, delay=0))
        async def join(self, ctx: Context[Any], ev: Number) -> StopEvent | None:
            numbers = ctx.collect_events(ev, [Number] * 3)
            if len(tries) < 4:
                tries.append(ev.n)
                raise OSError("not yet")
            return StopEvent(result=[each.n for each in numbers]) if numbers else None

    async def main() -> Any:
        return await Flow().run()

    assert sorted(asyncio.run(main())) == [0, 1, 2]


def test_nothing_is_left_of_ten_thousand_runs() -> None:
    """Runs in a row leave no objects behind."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent()

    async def main() -> int:
        flow = Flow()
        for _ in range(100):
            await flow.run()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(2_000):
            await flow.run()
        gc.collect()
        return len(gc.get_objects()) - before

    assert asyncio.run(main()) < 200
