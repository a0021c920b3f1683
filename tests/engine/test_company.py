"""Tasks that a step starts and leaves behind: the run waits for what they may send."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable
from typing import Any

import pytest

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, WorkflowDeadEndError, WorkflowTimeoutError, step
from wftrace.testing import run_deterministic


class Late(Event):
    """Sent by a task that a step has left behind."""

    n: int


class Behind(Workflow):
    """The first step ends at once; a task of it works on."""

    sends = True

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> Late | None:
        async def later() -> None:
            await asyncio.sleep(100)
            if self.sends:
                ctx.send_event(Late(n=3))

        self.task = asyncio.create_task(later())
        return None

    @step
    async def end(self, ev: Late) -> StopEvent:
        return StopEvent(result=ev.n)


def test_a_run_waits_for_a_task_that_may_still_send() -> None:
    """It is no dead end while a task that a step started is alive."""

    async def main() -> Any:
        return await Behind(timeout=None).run()

    assert run_deterministic(main()) == 3


def test_a_task_that_ends_without_sending_leaves_a_dead_end() -> None:
    """The run fails when the last such task is done, not before, and without waiting for its timeout."""

    class Silent(Behind):
        sends = False

    async def main() -> float:
        with pytest.raises(WorkflowDeadEndError, match="must derive from HumanResponseEvent"):
            await Silent(timeout=None).run()
        return asyncio.get_running_loop().time()

    assert run_deterministic(main()) == pytest.approx(100)


def test_stepwise_waits_for_it_too() -> None:
    """``run_step`` hands out what the task sends."""

    async def main() -> Any:
        handler = Behind(timeout=None).run(stepwise=True)
        while made := await handler.run_step():
            for event in made:
                handler.ctx.send_event(event)
        return await handler

    assert run_deterministic(main()) == 3


def test_tasks_of_others_do_not_keep_a_run_alive() -> None:
    """A task of the caller's is no reason to wait."""

    async def main() -> None:
        other = asyncio.create_task(asyncio.sleep(1000))

        class Ends(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent | None:
                return None

        with pytest.raises(WorkflowDeadEndError):
            await Ends(timeout=None).run()
        assert asyncio.get_running_loop().time() < 1
        other.cancel()

    run_deterministic(main())


calls: list[str] = []


def noted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator as users write them."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls.append(function.__name__)
        return await function(*args, **kwargs)

    return wrapper


async def test_a_decorator_above_step_is_called() -> None:
    """What stands in the class is what runs."""

    class Wrapped(Workflow):
        @noted
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
            return StopEvent(result="ran")

    calls.clear()
    assert await Wrapped().run() == "ran"
    assert calls == ["only"]
    assert Wrapped.graph.step["only"].file.endswith("test_company.py")


async def test_what_a_task_writes_after_the_end_does_not_stand_behind_the_stop_event() -> None:
    """The stop event is the last on the stream."""

    class Chatty(Workflow):
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
            async def later() -> None:
                await asyncio.sleep(0.01)
                ctx.write_event_to_stream(Late(n=1))

            self.task = asyncio.create_task(later())
            return StopEvent()

    handler = Chatty().run()
    await handler
    await asyncio.sleep(0.05)
    assert [type(event).__name__ async for event in handler.stream_events()] == ["StopEvent"]


def test_what_is_waited_for_is_named() -> None:
    """``explain`` and the timeout say which task of which step keeps the run alive, and where it stands."""

    class Endless(Behind):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Late | None:
            async def heartbeat() -> None:
                while True:  # noqa: ASYNC110  # a heartbeat
                    await asyncio.sleep(1)

            self.task = asyncio.create_task(heartbeat())
            return None

    async def main() -> str:
        with pytest.raises(WorkflowTimeoutError) as caught:
            await Endless(timeout=10).run()
        return str(caught.value)

    assert re.search(
        r"begin#1 has left a task behind that may still send: .*heartbeat \(.*test_company.py:\d+\)",
        run_deterministic(main()),
    )


@pytest.mark.parametrize("seed", range(4))
def test_stepwise_hands_out_what_a_task_sends_while_it_works_on(seed: int) -> None:
    """An event that is held back is handed out at once, and is no dead end, whether its sender ends or not."""

    class Sender(Behind):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Late | None:
            async def send_and_stay() -> None:
                await asyncio.sleep(10)
                ctx.send_event(Late(n=4))
                await asyncio.sleep(1000)

            self.task = asyncio.create_task(send_and_stay())
            return None

    async def main() -> tuple[Any, float]:
        handler = Sender(timeout=None).run(stepwise=True)
        while made := await handler.run_step():
            for event in made:
                handler.ctx.send_event(event)
        return await handler, asyncio.get_running_loop().time()

    result, ended = run_deterministic(main(), seed)
    assert result == 4
    assert ended == pytest.approx(10, abs=1)
