"""The table "Semantics, decided" of the design, a test a row, up to the errors of steps."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from contextvars import ContextVar
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
    WorkflowConfigurationError,
    WorkflowDeadEndError,
    WorkflowHandler,
    WorkflowRuntimeError,
    WorkflowTimeoutError,
    WorkflowValidationError,
    recording,
    step,
)
from wftrace.testing import run_deterministic


class Number(Event):
    n: int


class Odd(Number):
    pass


class Done(Event):
    n: int


class Topic(StartEvent):
    topic: str


class Report(StopEvent):
    text: str


class Telling(Workflow):
    """Begins and ends with classes of its own."""

    @step
    async def tell(self, ev: Topic) -> Report:
        return Report(text=f"about {ev.topic}")


class Doubling(Workflow):
    """Begins and ends plainly."""

    @step
    async def double(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=2 * ev.n)


def test_constructor() -> None:
    """The names of 0.12; the timeout is 45 s by default, and None is no limit."""

    class Slow(Workflow):
        @step
        async def doze(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(ev.seconds)
            return StopEvent(result="slept")

    names = inspect.signature(Workflow).parameters
    assert set(names) == {"timeout", "disable_validation", "verbose", "num_concurrent_runs"}
    assert names["timeout"].default == 45.0

    async def run(flow: Workflow, seconds: float) -> Any:
        return await flow.run(seconds=seconds)

    def outcome(flow: Workflow, seconds: float) -> Any:
        return run_deterministic(run(flow, seconds))

    assert outcome(Slow(), 44) == "slept"
    with pytest.raises(WorkflowTimeoutError, match="45"):
        outcome(Slow(), 46)
    flow = Slow(timeout=None, disable_validation=False, verbose=False, num_concurrent_runs=1)
    assert outcome(flow, 1_000_000) == "slept"


async def test_run_arguments() -> None:
    """The arguments of 0.12 and ``run_id``; the handler is awaitable; wrong start events and fields are refused."""
    names = list(inspect.signature(Workflow.run).parameters)[1:]
    assert names == ["ctx", "stepwise", "checkpoint_callback", "start_event", "run_id", "fields"]
    completed: list[str] = []

    async def note(run_id: str, last_completed_step: str | None, **rest: Any) -> None:
        completed.append(f"{run_id} {last_completed_step}")

    ctx = Context()
    handler = Telling().run(ctx=ctx, checkpoint_callback=note, start_event=Topic(topic="ships"), run_id="r1")
    assert (handler.run_id, handler.ctx is ctx) == ("r1", True)
    assert (await handler).text == "about ships"
    assert "r1 tell" in completed
    assert (await Telling().run(topic="tea")).text == "about tea"
    with pytest.raises(ValueError, match="start_event"):
        Telling().run(start_event=Number(n=1))  # type: ignore[arg-type]
    with pytest.raises(WorkflowRuntimeError, match=r"Topic.*topic"):
        Telling().run()
    with pytest.raises(WorkflowRuntimeError, match=r"Topic.*topic"):
        Telling().run(topic=[1])


async def test_result() -> None:
    """A plain StopEvent gives its result, one of a subclass is the result itself."""
    assert await Doubling().run(n=2) == 4
    report = await Telling().run(topic="tea")
    assert type(report) is Report
    assert report.text == "about tea"


async def test_steps_on_functions() -> None:
    """They work on an instance and on a class; validation waits until the first run."""
    flow = Workflow(timeout=5)
    with pytest.raises(WorkflowValidationError):
        flow.run()

    @step(workflow=flow)
    async def on_instance(ev: StartEvent) -> StopEvent:
        return StopEvent(result=f"instance {ev.n}")

    class Empty(Workflow):
        pass

    made_before = Empty()

    @step(workflow=Empty)
    async def on_class(ev: StartEvent) -> StopEvent:
        return StopEvent(result=f"class {ev.n}")

    assert await flow.run(n=1) == "instance 1"
    assert await made_before.run(n=2) == await Empty().run(n=2) == "class 2"


async def test_step_signature() -> None:
    """Event annotated, unions allowed, a return annotation required; errors come at once with file, line and cure."""

    class Either(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Number | Done:
            return Number(n=ev.n) if ev.n else Done(n=0)

        @step
        async def end(self, ev: Number | Done) -> StopEvent:
            return StopEvent(result=type(ev).__name__)

    assert [await Either().run(n=n) for n in (0, 1)] == ["Done", "Number"]

    def unannotated_event(self, ev) -> StopEvent:  # type: ignore[no-untyped-def]
        return StopEvent()

    def unannotated_result(self, ev: StartEvent):  # type: ignore[no-untyped-def]
        return StopEvent()

    def two_events(self: Workflow, one: Number, two: Done) -> StopEvent:
        return StopEvent()

    cures: dict[Any, str] = {
        unannotated_event: "ev: StartEvent|annotat",
        unannotated_result: "->|return",
        two_events: "exactly one",
    }
    for function, cure in cures.items():
        line = function.__code__.co_firstlineno
        function.__qualname__ = f"Flow.{function.__name__}"
        with pytest.raises(WorkflowValidationError, match=cure) as caught:
            step(function)
        assert f"test_semantics.py:{line}" in str(caught.value)


class Island(Doubling):
    """Two steps that nothing reaches."""

    @step
    async def there(self, ev: Number) -> Done:
        return Done(n=1)

    @step
    async def back(self, ev: Done) -> Number:
        return Number(n=1)


class Circle(Doubling):
    """Goes round for ever."""

    @step
    async def enter(self, ev: StartEvent) -> Number:
        return Number(n=1)

    @step
    async def around(self, ev: Number) -> Number:
        return ev


async def test_validation() -> None:
    """The sentences of 0.12, unreachable steps and dead ends too; it may be disabled; what is sent counts as made."""

    class NothingMakesIt(Doubling):
        @step
        async def extra(self, ev: Number) -> StopEvent:
            return StopEvent()

    class NobodyTakesIt(Doubling):
        @step
        async def extra(self, ev: StartEvent) -> Number:
            return Number(n=1)

    class NoStart(Workflow):
        @step
        async def only(self, ev: Number) -> StopEvent:
            return StopEvent()

    class NoStop(Workflow):
        @step
        async def only(self, ev: StartEvent) -> None: ...

    class TwoStarts(Doubling):
        @step
        async def extra(self, ev: Topic) -> StopEvent:
            return StopEvent()

    class TwoStops(Doubling):
        @step
        async def extra(self, ev: StartEvent) -> Report:
            return Report(text="")

    for flow, kind, sentence in (
        (NothingMakesIt, WorkflowValidationError, "The following events are consumed but never produced: Number"),
        (NobodyTakesIt, WorkflowValidationError, "The following events are produced but never consumed: Number"),
        (NoStart, WorkflowConfigurationError, "At least one Event of type StartEvent must be received by any step"),
        (NoStop, WorkflowConfigurationError, "At least one Event of type StopEvent must be returned by any step"),
        (TwoStarts, WorkflowConfigurationError, "Only one type of StartEvent is allowed per workflow"),
        (TwoStops, WorkflowConfigurationError, "Only one type of StopEvent is allowed per workflow"),
        (Island, WorkflowValidationError, "'there' can never run"),
        (Circle, WorkflowValidationError, "'around' makes can lead to a stop event"),
    ):
        with pytest.raises(kind, match=sentence):
            flow().run(n=1)
    assert await NothingMakesIt(disable_validation=True).run(n=1) == 2

    class Sends(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            ctx.send_event(Number(n=1))

        @step
        async def take(self, ev: Number) -> StopEvent:
            return StopEvent(result=ev.n)

    assert await Sends().run() == 1


async def test_routing() -> None:
    """To every step that accepts the exact class; if none does, to those that accept the nearest base class."""
    seen: list[str] = []

    class Odder(Odd):
        pass

    class Routes(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Number | Odder | Done:
            ctx.send_event(Number(n=1))
            ctx.send_event(Odder(n=2))
            return Done(n=0)

        @step
        async def base(self, ev: Number) -> None:
            seen.append(f"base {ev.n}")

        @step
        async def base_too(self, ev: Number) -> None:
            seen.append(f"base_too {ev.n}")

        @step
        async def nearest(self, ev: Odd) -> None:
            seen.append(f"nearest {ev.n}")

        @step
        async def end(self, ev: Done) -> StopEvent:
            await asyncio.sleep(0)
            return StopEvent()

    await Routes(disable_validation=True).run()
    assert sorted(seen) == ["base 1", "base_too 1", "nearest 2"]


async def test_nobody_accepts_it(caplog: pytest.LogCaptureFixture) -> None:
    """``UnhandledEvent`` on the stream, in the trace, and a warning."""

    class Loses(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Number | Done:
            ctx.send_event(Number(n=1))
            return Done(n=1)

        @step
        async def end(self, ev: Done) -> StopEvent:
            return StopEvent()

    with recording() as recorder, caplog.at_level(logging.WARNING, "wftrace"):
        handler = Loses(disable_validation=True).run()
        await handler
    (unhandled, _) = [event async for event in handler.stream_events()]
    assert isinstance(unhandled, UnhandledEvent)
    assert unhandled.event_type.endswith("Number")
    assert "no step accepts" in caplog.text
    (run,) = recorder.runs()
    assert "unhandled" in repr(run)


speaker: ContextVar[str] = ContextVar("speaker", default="nobody")


async def test_workers() -> None:
    """Exactly ``num_workers`` at once, for sync steps too; context variables reach the thread."""
    count = 40
    together = threading.Barrier(count)
    arrived: list[str] = []
    all_there = asyncio.Event()

    class Crowd(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            for n in range(2 * count):
                ctx.send_event(Number(n=n))
                ctx.send_event(Odd(n=n))

        @step(num_workers=count)
        def threads(self, ev: Number) -> Done:
            together.wait(30)  # no thread goes on before 40 are here
            arrived.append(speaker.get())
            return Done(n=ev.n)

        running = most = 0

        @step(num_workers=count)
        async def tasks(self, ev: Odd) -> Done:
            self.running += 1
            self.most = max(self.most, self.running)
            if self.running == count:
                all_there.set()
            await all_there.wait()
            self.running -= 1
            return Done(n=ev.n)

        @step
        async def end(self, ctx: Context, ev: Done) -> StopEvent | None:
            return StopEvent(result=self.most) if ctx.collect_events(ev, [Done] * 4 * count) else None

    speaker.set("the caller")
    assert await Crowd().run() == count
    assert arrived == ["the caller"] * 2 * count


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_order(seed: int) -> None:
    """First in, first out for each step; the same inputs, the same order."""
    seen: list[int] = []

    class Queue(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            for n in range(10):
                ctx.send_event(Number(n=n))

        @step(num_workers=1)
        async def take(self, ev: Number) -> StopEvent | None:
            seen.append(ev.n)
            await asyncio.sleep(10 - ev.n)
            return StopEvent() if ev.n == 9 else None

    async def main() -> None:
        await Queue(timeout=None).run()

    for _ in range(2):
        run_deterministic(main(), seed=seed)
    assert seen == [*range(10), *range(10)]


def test_stop_event() -> None:
    """The first one wins and ends the run once; others are cancelled, with half a second to clean up."""
    ends: list[str] = []

    class Race(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> None:
            for n in (5, 1, 3):
                ctx.send_event(Number(n=n))

        @step
        async def work(self, ev: Number) -> StopEvent:
            try:
                await asyncio.sleep(ev.n)
            except asyncio.CancelledError:
                await asyncio.sleep(0.1 if ev.n == 3 else 9)
                ends.append(f"{ev.n} cleaned up")
                raise
            return StopEvent(result=ev.n)

    async def main() -> tuple[Any, float, list[str]]:
        handler = Race().run()
        result = await handler
        at = asyncio.get_running_loop().time()
        return result, at, [type(event).__name__ async for event in handler.stream_events()]

    result, at, stream = run_deterministic(main())
    assert (result, stream, ends) == (1, ["StopEvent"], ["3 cleaned up"])
    assert at == pytest.approx(1.5)


async def test_dead_end() -> None:
    """It fails at once, naming events nobody took and what joins miss; not while someone outside may send."""

    class Stuck(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Number | Done:
            ctx.send_event(Done(n=1))
            return Number(n=1)

        @step
        async def join(self, ctx: Context, ev: Number) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Number, Number]) else None

    with pytest.raises(WorkflowDeadEndError) as caught:
        await Stuck(timeout=None, disable_validation=True).run()
    assert "Done was made 1" in str(caught.value)
    assert "the join in join holds 1 and still misses 1 × Number" in str(caught.value)

    class Human(Workflow):
        @step
        async def ask(self, ev: StartEvent) -> InputRequiredEvent:
            return InputRequiredEvent(prefix="?")

        @step
        async def take(self, ev: HumanResponseEvent) -> StopEvent:
            return StopEvent(result=ev.response)

    class Outside(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> None: ...

        @step
        async def take(self, ev: Number) -> StopEvent:
            return StopEvent(result=ev.n)

    human, outside = Human(timeout=None).run(), Outside(timeout=None, disable_validation=True).run()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not human.is_done()
    assert not outside.is_done()
    human.ctx.send_event(HumanResponseEvent(response="yes"))
    outside.ctx.send_event(Number(n=3))
    assert (await human, await outside) == ("yes", 3)


async def test_timeout() -> None:
    """A late result is none; the error says which steps ran, what was queued, which joins waited for what."""

    class Blocks(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            time.sleep(0.02)  # noqa: ASYNC251  # that is the point
            return StopEvent(result="late")

    with pytest.raises(WorkflowTimeoutError):
        await Blocks(timeout=0.01).run()

    class Long(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> None:
            for n in range(3):
                ctx.send_event(Number(n=n))

        @step(num_workers=1)
        async def work(self, ev: Number) -> Done:
            await asyncio.sleep(60 * ev.n)
            return Done(n=ev.n)

        @step
        async def join(self, ctx: Context, ev: Done) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Done] * 3) else None

    with pytest.raises(WorkflowTimeoutError) as caught:
        await Long(timeout=0.01).run()
    for part in ("work#2 runs", "1 queued at work", "the join in join holds 1 and still misses 2 × Done"):
        assert part in str(caught.value)


async def test_step_error() -> None:
    """The original exception, with a note that says step, workflow, run id and attempt."""
    error = KeyError("gone")

    class Fails(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0))
        async def work(self, ev: StartEvent) -> StopEvent:
            raise error

    with pytest.raises(KeyError) as caught:
        await Fails().run(run_id="r7")
    assert caught.value is error
    assert caught.value.__notes__[-1] == "in step 'work' of Fails, run r7, attempt 2"


async def test_foreign_cancelled_error() -> None:
    """It is a failure of the step, retried by its policy."""
    calls: list[int] = []

    class Foreign(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0))
        async def work(self, ev: StartEvent) -> StopEvent:
            calls.append(1)
            if len(calls) <= ev.failures:
                other = asyncio.ensure_future(asyncio.sleep(60))
                other.cancel()
                await other
            return StopEvent(result=len(calls))

    assert await Foreign().run(failures=1) == 2
    calls.clear()
    handler: WorkflowHandler = Foreign().run(failures=9)
    with pytest.raises(WorkflowRuntimeError):
        await handler
    assert len(calls) == 2
