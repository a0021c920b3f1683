"""Hazards of event loops: debug mode, eager tasks, uvloop, a loop that is stopped; a run behaves alike or says why."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from tests.needs import need
from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowTimeoutError,
    recording,
    step,
)

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class Go(Event):
    n: int


class Done(Event):
    n: int


class Ask(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class Everything(Workflow):
    """Fan-out to tasks and threads, a retry, a join, a wait, a question."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Go | None:
        for n in range(5):
            ctx.send_event(Go(n=n))
        return None

    @step(num_workers=2, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0.001))
    async def work(self, ctx: Context[Any], ev: Go) -> Done:
        if ev.n == 2 and not ctx.retry_info().retry_number:
            raise OSError("once")
        if ev.n % 2:
            await asyncio.sleep(0.001)
        return Done(n=ev.n)

    @step(num_workers=2)
    def in_thread(self, ev: Go) -> Done:
        return Done(n=10 + ev.n)

    @step
    async def join(self, ctx: Context[Any], ev: Done) -> StopEvent | None:
        numbers = ctx.collect_events(ev, [Done] * 10)
        if numbers is None:
            return None
        answer = await ctx.wait_for_event(Answer, waiter_event=Ask(), timeout=20)
        return StopEvent(result=(answer.response, sorted(each.n for each in numbers)))


EXPECTED = ("yes", [0, 1, 2, 3, 4, 10, 11, 12, 13, 14])


async def run_everything() -> tuple[Any, list[str]]:
    """The result, and the outcomes of the attempts in the trace."""
    with recording() as recorder:
        handler = Everything(timeout=20).run()
    async for event in handler.stream_events():
        if isinstance(event, Ask):
            handler.ctx.send_event(Answer(response="yes"))
    result = await handler
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return result, sorted(attempt.outcome for attempt in recorder.runs()[0].attempts)


OUTCOMES = ["completed"] * (1 + 5 + 5 + 10) + ["retrying"]


def test_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    """``asyncio.run(debug=True)`` with warnings as errors finds nothing to say."""
    with warnings.catch_warnings(), caplog.at_level(logging.ERROR, "asyncio"):
        warnings.simplefilter("error")
        assert asyncio.run(run_everything(), debug=True) == (EXPECTED, OUTCOMES)
    assert caplog.text == ""


def test_uvloop() -> None:
    """On uvloop a run does what it does on asyncio's own loop."""
    need(find_spec("uvloop") is not None, "uvloop is not installed", "pip install uvloop")
    uvloop = importlib.import_module("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run_everything()) == (EXPECTED, OUTCOMES)


def test_uvloop_keeps_the_timeout() -> None:
    """A run's timeout holds on uvloop's clock too."""
    need(find_spec("uvloop") is not None, "uvloop is not installed", "pip install uvloop")
    uvloop = importlib.import_module("uvloop")

    class Sleeps(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(60)
            return StopEvent()

    async def main() -> None:
        await Sleeps(timeout=0.05).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, pytest.raises(WorkflowTimeoutError):
        runner.run(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are there from Python 3.12 on: use a newer Python")
class TestEagerTasks:
    """``asyncio.eager_task_factory`` starts a task inside ``create_task``, in the middle of a tick."""

    @staticmethod
    def run(main: Any) -> Any:
        """Run with eager tasks."""

        def factory() -> asyncio.AbstractEventLoop:
            loop = asyncio.new_event_loop()
            loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009  # unknown to Python 3.11
            return loop

        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)

    def test_everything(self) -> None:
        """A run does what it does elsewhere."""
        assert self.run(run_everything()) == (EXPECTED, OUTCOMES)

    def test_steps_that_never_wait(self) -> None:
        """Ten thousand hops of steps that never wait do not nest in each other."""

        class Hops(Workflow):
            @step
            async def hop(self, ev: StartEvent | Go) -> Go | StopEvent:
                n = ev.get("n", 0)
                return Go(n=n + 1) if n < 10_000 else StopEvent(result=n)

        async def main() -> Any:
            return await Hops(timeout=20).run()

        assert self.run(main()) == 10_000

    def test_errors_and_fan_out(self) -> None:
        """A step that fails inside ``create_task`` ends the run as any other."""

        class Fails(Workflow):
            @step
            async def plan(self, ctx: Context[Any], ev: StartEvent) -> Go | StopEvent | None:
                for n in range(3):
                    ctx.send_event(Go(n=n))
                return None

            @step
            async def work(self, ev: Go) -> None:
                raise ZeroDivisionError

        async def main() -> None:
            with pytest.raises(ZeroDivisionError):
                await Fails(timeout=20).run()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        self.run(main())


def test_a_step_that_stops_the_loop() -> None:
    """Python says that the loop was stopped; the run is cancelled and told as ended, not left hanging."""
    outcomes: list[str] = []

    class Stops(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)
            return StopEvent()

    async def main() -> None:
        with recording() as recorder:
            handler = Stops().run()
        try:
            await handler
        finally:
            await asyncio.sleep(0)
            outcomes.extend(run.outcome for run in recorder.runs())

    with pytest.raises(RuntimeError, match="loop stopped"):
        asyncio.run(main())
    assert outcomes == ["cancelled"]


def test_a_stopped_loop_that_goes_on() -> None:
    """A loop that a step has stopped may be run again, and the run goes on where it was."""

    class Stops(Workflow):
        @step
        async def work(self, ev: StartEvent) -> Go:
            asyncio.get_running_loop().stop()
            return Go(n=1)

        @step
        async def end(self, ev: Go) -> StopEvent:
            await asyncio.sleep(0)
            return StopEvent(result="went on")

    async def main() -> Any:
        return await Stops().run()

    loop = asyncio.new_event_loop()
    try:
        task = loop.create_task(main())
        loop.run_forever()
        assert not task.done()
        assert loop.run_until_complete(task) == "went on"
    finally:
        loop.close()
