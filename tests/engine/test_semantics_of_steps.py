"""The table "Semantics, decided" of the design, a test a row, from retries on."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    ContextSerdeError,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    Resource,
    SqliteKeeper,
    StartEvent,
    StepFailedEvent,
    StepTimeoutError,
    StopEvent,
    Workflow,
    WorkflowCancelledByUser,
    WorkflowCheckpointer,
    WorkflowHandler,
    WorkflowRuntimeError,
    WorkflowStepDoesNotExistError,
    WorkflowValidationError,
    recording,
    step,
)
from wftrace.engine import stream
from wftrace.testing import run_deterministic


class Number(Event):
    n: int


class Letter(Event):
    text: str


class Human(Workflow):
    """Asks, and ends with the answer."""

    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> InputRequiredEvent:
        await ctx.set("topic", ev.get("topic"))
        return InputRequiredEvent(prefix="how many?")

    @step
    async def take(self, ctx: Context, ev: HumanResponseEvent) -> StopEvent:
        return StopEvent(result=(await ctx.get("topic"), ev.response))


async def until_idle() -> None:
    """Let steps that need no time finish."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_retry_protocol() -> None:
    """``elapsed_time`` since the first failure, ``attempts`` retries made; at most 3 retries; no worker is held."""
    told: list[tuple[float, int, str]] = []

    class Policy:
        def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
            told.append((round(elapsed_time, 3), attempts, str(error)))
            return 5 if attempts < 2 else None

    class Own(Workflow):
        tries = 0

        @step(retry_policy=Policy())
        async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(1)
            assert ctx.retry_info().retry_number == self.tries
            self.tries += 1
            raise OSError(self.tries)

    class Constant(Workflow):
        tries = 0

        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=3, delay=5))
        def work(self, ev: StartEvent) -> StopEvent:
            self.tries += 1
            raise OSError("no")

    class OneWorker(Workflow):
        order: str = ""

        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))

        @step(num_workers=1, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=5))
        async def work(self, ctx: Context, ev: Number) -> StopEvent | None:
            self.order += str(ev.n)
            if ev.n == 0 and ctx.retry_info().retry_number == 0:
                raise OSError("later")
            return None if ev.n else StopEvent(result=self.order)

    async def main() -> Any:
        with pytest.raises(OSError, match="3"):
            await Own().run()
        constant = Constant()
        with pytest.raises(OSError, match="no"):
            await constant.run()
        return constant.tries, await OneWorker().run()

    assert run_deterministic(main()) == (4, "0120")
    assert told == [(0, 0, "1"), (6, 1, "2"), (12, 2, "3")]


async def test_collect_events() -> None:
    """In the order asked; surplus is kept first in, first out for the next call; ``buffer_id`` keeps joins apart."""
    pairs: list[tuple[str, int]] = []

    class Pairs(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))
            for text in "abc":
                ctx.send_event(Letter(text=text))

        @step(num_workers=1)
        async def join(self, ctx: Context, ev: Number | Letter) -> StopEvent | None:
            both = ctx.collect_events(ev, [Letter, Number])
            if both is not None:
                pairs.append((both[0].text, both[1].n))
            return StopEvent() if len(pairs) == 3 else None

    class Buffers(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            for n in range(4):
                ctx.send_event(Number(n=n))

        @step(num_workers=1)
        async def join(self, ctx: Context, ev: Number) -> StopEvent | None:
            both = ctx.collect_events(ev, [Number, Number], buffer_id="odd" if ev.n % 2 else "even")
            return StopEvent(result=[each.n for each in both]) if both and ev.n == 3 else None

    await Pairs().run()
    assert pairs == [("a", 0), ("b", 1), ("c", 2)]
    assert await Buffers().run() == [1, 3]


async def test_wait_for_event() -> None:
    """The coroutine really waits; only after a restore does the step start again. It gives up after its timeout."""
    begun: list[int] = []

    class Waits(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            begun.append(1)
            question = InputRequiredEvent(prefix="?")
            answer = await ctx.wait_for_event(
                HumanResponseEvent, waiter_event=question, requirements={"response": "yes"}, timeout=60
            )
            return StopEvent(result=answer.response)

    async def answered(handler: WorkflowHandler) -> Any:
        for response in ("no", "yes"):
            handler.ctx.send_event(HumanResponseEvent(response=response))
        return await handler

    handler = Waits().run()
    await until_idle()
    data = json.loads(json.dumps(handler.ctx.to_dict()))
    assert (await answered(handler), len(begun)) == ("yes", 1)
    asked = [event.prefix async for event in handler.stream_events() if isinstance(event, InputRequiredEvent)]
    assert asked == ["?"]
    again = Waits().run(ctx=Context.from_dict(Waits(), data))
    assert (await answered(again), len(begun)) == ("yes", 2)

    class Impatient(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await ctx.wait_for_event(HumanResponseEvent, timeout=0.01)
            return StopEvent()

    with pytest.raises(TimeoutError, match="HumanResponseEvent"):
        await Impatient().run()


class MyState(BaseModel):
    count: int = 0


async def test_context_state() -> None:
    """Both ways; a missing key without default is a ``ValueError``; ``edit_state``; ``Context[MyState]``."""

    class Plain(Workflow):
        @step
        async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await ctx.set("a", 1)
            await ctx.store.set("b.c", 2)
            for missing in (ctx.get("x"), ctx.store.get("x")):
                with pytest.raises(ValueError, match="x"):
                    await missing
            async with ctx.store.edit_state() as state:
                state["a"] += 10
            defaults = (await ctx.get("x", default=3), await ctx.store.get("x", default=4))
            return StopEvent(result=(await ctx.store.get("a"), await ctx.store.get("b.c"), *defaults))

    class Typed(Workflow):
        @step
        async def work(self, ctx: Context[MyState], ev: StartEvent) -> StopEvent:
            async with ctx.store.edit_state() as state:
                state.count += 1
            return StopEvent(result=await ctx.store.get_state())

    assert await Plain().run() == (11, 2, 3, 4)
    assert await Typed().run() == MyState(count=1)


async def test_send_event() -> None:
    """An unknown step and one that does not accept the event are errors; a named step gets it alone; from threads."""

    class Sends(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Number | None:
            with pytest.raises(WorkflowStepDoesNotExistError, match="twoo"):
                ctx.send_event(Number(n=1), step="two" + "o")
            with pytest.raises(WorkflowRuntimeError, match="does not accept"):
                ctx.send_event(Number(n=1), step="be" + "gin")
            thread = threading.Thread(target=lambda: ctx.send_event(Number(n=7), step="two"))
            thread.start()
            await asyncio.to_thread(thread.join)
            return None

        @step
        async def one(self, ev: Number) -> StopEvent:
            return StopEvent(result=("one", ev.n))

        @step
        async def two(self, ev: Number) -> StopEvent:
            return StopEvent(result=("two", ev.n))

    assert await Sends().run() == ("two", 7)


async def test_stream() -> None:
    """Broken off and taken up where it stopped; ends at once after the end; bounded, the oldest dropped, counted."""

    class Tells(Workflow):
        @step
        async def tell(self, ctx: Context, ev: StartEvent) -> StopEvent:
            for n in range(ev.count):
                ctx.write_event_to_stream(Number(n=n))
            return StopEvent()

    handler = Tells().run(count=3)
    async for event in handler.stream_events():
        assert event.n == 0
        break
    rest = [event.get("n") async for event in handler.stream_events()]
    assert rest == [1, 2, None]
    assert [event async for event in handler.stream_events()] == []

    over = Tells().run(count=stream.CAPACITY + 2)
    await over
    assert (over.statistics().dropped, over.statistics().unread) == (3, stream.CAPACITY)
    async for event in over.stream_events():
        assert event.n == 3
        break


async def test_human_in_the_loop() -> None:
    """A question goes to the stream, and to the steps that accept it."""
    seen: list[str] = []

    class Noted(Human):
        @step
        async def note(self, ev: InputRequiredEvent) -> None:
            seen.append(ev.prefix)

    handler = Noted().run(topic="ships")
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            seen.append("stream")
            handler.ctx.send_event(HumanResponseEvent(response=7))
    assert await handler == ("ships", 7)
    assert sorted(seen) == ["how many?", "stream"]


async def test_stepwise() -> None:
    """Each produced event exactly once, at least one each time, None only when the run is over; with a human too."""

    class Joins(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))

        @step
        async def join(self, ctx: Context, ev: Number) -> InputRequiredEvent | None:
            three = ctx.collect_events(ev, [Number] * 3)
            return None if three is None else InputRequiredEvent(prefix="?")

        @step
        async def end(self, ev: HumanResponseEvent) -> StopEvent:
            return StopEvent(result=ev.response)

    handler = Joins().run(stepwise=True)
    produced: list[list[str]] = []
    while events := await handler.run_step():
        produced.append([type(event).__name__ for event in events])
        for event in events:
            asked = isinstance(event, InputRequiredEvent)
            handler.ctx.send_event(HumanResponseEvent(response="yes") if asked else event)
    assert handler.is_done()
    assert await handler.run_step() is None
    assert produced == [["Number"] * 3, ["InputRequiredEvent"], ["StopEvent"]]
    assert await handler == "yes"


async def test_context_across_runs() -> None:
    """``run(ctx=handler.ctx)`` keeps the state."""

    class Counts(Workflow):
        @step
        async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await ctx.set("n", await ctx.get("n", default=0) + 1)
            return StopEvent(result=await ctx.get("n"))

    flow = Counts()
    handler = flow.run()
    assert [await handler, await flow.run(ctx=handler.ctx), await flow.run()] == [1, 2, 1]


class Part(Event):
    text: str


class Answer(HumanResponseEvent):
    text: str


class Busy(Workflow):
    """Has a queue, a join, a wait, a back-off and work in progress at once."""

    failed = False

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> None:
        for n in range(4):
            ctx.send_event(Number(n=n))
        ctx.send_event(Letter(text="later"))
        ctx.send_event(HumanResponseEvent(response="ask"))

    @step(num_workers=1)
    async def work(self, ev: Number) -> StopEvent | Part:
        await asyncio.sleep(10 * ev.n)
        return Part(text=str(ev.n))

    @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=60))
    async def flaky(self, ctx: Context, ev: Letter) -> Part:
        if ctx.retry_info().retry_number == 0:
            raise OSError("once")
        return Part(text=f"retried at {asyncio.get_running_loop().time() - self.since:g}")

    since = 0.0

    @step
    async def wait(self, ctx: Context, ev: HumanResponseEvent) -> Part:
        return Part(text=(await ctx.wait_for_event(Answer)).text)

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        parts = ctx.collect_events(ev, [Part] * 6)
        return None if parts is None else StopEvent(result=sorted(each.text for each in parts))


def test_context_to_dict() -> None:
    """Versioned JSON with queues, joins, waits, remaining delays and work in progress; what is unknown is refused."""

    async def first() -> dict[str, Any]:
        handler = Busy(timeout=None, disable_validation=True).run()
        await asyncio.sleep(15)
        data: dict[str, Any] = json.loads(json.dumps(handler.ctx.to_dict()))
        await handler.cancel_run()
        return data

    async def second(data: dict[str, Any]) -> Any:
        flow = Busy(timeout=None, disable_validation=True)
        flow.since = asyncio.get_running_loop().time()
        handler = flow.run(ctx=Context.from_dict(flow, data))
        handler.ctx.send_event(Answer(text="answered"))
        return await handler

    data = run_deterministic(first())
    assert run_deterministic(second(data)) == ["0", "1", "2", "3", "answered", "retried at 45"]
    flow = Busy(disable_validation=True)
    foreign = json.loads(json.dumps(data).replace("Number", "Stranger"))
    for unknown in ({**data, "format": "wftrace/context@99"}, foreign):
        with pytest.raises(ContextSerdeError):
            Context.from_dict(flow, unknown)

    async def undeclared() -> None:
        context = Context()
        await context.set("state", MyState())
        with pytest.raises(ContextSerdeError, match="MyState"):
            context.to_dict()

    run_deterministic(undeclared())


@pytest.mark.parametrize("kept_in", ["memory", "file"])
async def test_checkpointer(kept_in: str, tmp_path: Path) -> None:
    """All methods of 0.12; fields given to ``run_from`` are applied to the state or refused; a SQLite keeper too."""

    class Two(Workflow):
        @step
        async def one(self, ctx: Context, ev: StartEvent) -> Number:
            return Number(n=1)

        @step
        async def two(self, ctx: Context, ev: Number) -> StopEvent:
            return StopEvent(result=(ev.n, await ctx.get("more", default=0)))

    class Strict(Workflow):
        @step
        async def one(self, ctx: Context[MyState], ev: StartEvent) -> Number:
            return Number(n=1)

        @step
        async def two(self, ctx: Context[MyState], ev: Number) -> StopEvent:
            return StopEvent(result=await ctx.store.get("count"))

    with closing(SqliteKeeper(tmp_path / "kept.db")) as file:
        keeper = file if kept_in == "file" else None
        checkpointer = WorkflowCheckpointer(Two(), keeper)
        handler = checkpointer.run()
        assert await handler == (1, 0)
        made = checkpointer.checkpoints[handler.run_id]
        assert [each.last_completed_step for each in made] == ["one", "two"]
        assert await checkpointer.run_from(made[0], more=10) == (1, 10)
        found = checkpointer.filter_checkpoints(run_id=handler.run_id, output_event_type=Number)
        assert [each.id_ for each in found] == [made[0].id_]
        checkpointer.disable_checkpoint("one")
        less = checkpointer.run()
        await less
        assert [each.last_completed_step for each in checkpointer.checkpoints[less.run_id]] == ["two"]
        checkpointer.enable_checkpoint("one")
        more = checkpointer.run()
        await more
        assert len(checkpointer.checkpoints[more.run_id]) == 2

        strict = WorkflowCheckpointer(Strict(), keeper)
        handler = strict.run()
        await handler
        begun = strict.checkpoints[handler.run_id][0]
        assert await strict.run_from(begun, count=5) == 5
        with pytest.raises(WorkflowRuntimeError, match="topic"):
            strict.run_from(begun, topic="ships")


async def test_nested_workflows() -> None:
    """Injected by parameter name, or plainly run in a step; both traced as children."""

    class Inner(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=ev.n + 1)

    class Outer(Workflow):
        @step
        async def work(self, ev: StartEvent, helper: Workflow) -> StopEvent:
            return StopEvent(result=(await helper.run(n=1), await Inner().run(n=2)))

    outer = Outer()
    outer.add_workflows(helper=Inner())
    with recording() as recorder:
        handler = outer.run()
        assert await handler == (2, 3)
    children = [run for run in recorder.runs() if run.workflow.endswith("Inner")]
    assert [(run.parent_run_id, run.parent_execution) for run in children] == [(handler.run_id, "work#1")] * 2


made_things: list[str] = []


@asynccontextmanager
async def connected() -> AsyncIterator[str]:
    """Says when it is opened and closed."""
    made_things.append("open")
    yield "connection"
    made_things.append("closed")


async def make_connection() -> Any:
    """An asynchronous factory of a context manager."""
    await asyncio.sleep(0)
    return connected()


def make_fresh() -> str:
    """Counts its calls."""
    made_things.append("fresh")
    return "fresh"


def one_way(other: Annotated[str, Resource(lambda: "")]) -> str:
    """Half of a circle, when its parameter is annotated anew."""
    return other


async def test_resource() -> None:
    """Shared with ``cache=True``, async too, closed at the end; circles are refused."""

    class Uses(Workflow):
        @step
        async def one(
            self,
            ev: StartEvent,
            link: Annotated[str, Resource(make_connection)],
            new: Annotated[str, Resource(make_fresh, cache=False)],
        ) -> Number:
            return Number(n=1)

        @step
        async def two(
            self,
            ev: Number,
            link: Annotated[str, Resource(make_connection)],
            new: Annotated[str, Resource(make_fresh, cache=False)],
        ) -> StopEvent:
            return StopEvent(result=(link, new))

    made_things.clear()
    assert await Uses().run() == ("connection", "fresh")
    assert sorted(made_things) == ["closed", "fresh", "fresh", "open"]
    assert made_things.index("open") < made_things.index("closed")

    def other_way(one: Annotated[str, Resource(one_way)]) -> str:
        return one

    one_way.__annotations__["other"] = Annotated[str, Resource(other_way)]

    def circle() -> Workflow:
        class Circle(Workflow):
            @step
            async def work(self, ev: StartEvent, one: Annotated[str, Resource(one_way)]) -> StopEvent:
                return StopEvent()

        return Circle()

    with pytest.raises(WorkflowValidationError, match="one_way"):
        circle().run()


async def test_exhausted_retries() -> None:
    """A step that takes ``StepFailedEvent`` gets the failure after the last retry."""

    class Rescued(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=2, delay=0))
        async def work(self, ev: StartEvent) -> StopEvent:
            raise OSError("down")

        @step
        async def rescue(self, ev: StepFailedEvent) -> StopEvent:
            return StopEvent(result=(ev.step_name, ev.attempts, str(ev.exception)))

    assert await Rescued().run() == ("work", 3, "down")


def test_per_step_timeout() -> None:
    """``@step(timeout=…)`` is what one attempt may take; it is a failure, and retried."""

    class Slow(Workflow):
        @step(timeout=2, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0))
        async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(1 if ctx.retry_info().retry_number >= ev.good_from else 3)
            return StopEvent(result="in time")

    async def main() -> Any:
        with pytest.raises(StepTimeoutError, match="work"):
            await Slow().run(good_from=2)
        return await Slow().run(good_from=1)

    assert run_deterministic(main()) == "in time"


def test_caller_cancelled() -> None:
    """The run is cancelled with its caller, unless it was detached."""

    class Slow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(5)
            return StopEvent(result="done")

    async def main() -> Any:
        attached, detached = Slow().run(), Slow().run().detach()
        for handler in (attached, detached):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handler, 1)
        assert isinstance(attached.exception(), WorkflowCancelledByUser)
        return await detached

    assert run_deterministic(main()) == "done"


async def test_verbose(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """It speaks through ``logging``, and prints nothing."""
    with caplog.at_level(logging.DEBUG, "wftrace"):
        handler = Human(verbose=True).run(topic="ships")
        handler.ctx.send_event(HumanResponseEvent(response=1))
        await handler
    assert "ask" in caplog.text
    assert "take" in caplog.text
    assert {record.name.partition(".")[0] for record in caplog.records} == {"wftrace"}
    assert capsys.readouterr().out == ""
