"""Stepwise runs: each event is handed out once, and the loop of the seed page ends when the run is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from wftrace import (
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowDeadEndError,
    WorkflowHandler,
    WorkflowRuntimeError,
    recording,
    step,
)
from wftrace.overlays import overlay_run


class Number(Event):
    n: int


class Square(Event):
    n: int


class Fan(Workflow):
    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> None:
        for n in range(3):
            ctx.send_event(Number(n=n))

    @step(num_workers=2)
    async def square(self, ev: Number) -> Square:
        return Square(n=ev.n**2)

    @step
    async def join(self, ctx: Context[Any], ev: Square) -> StopEvent | None:
        squares = ctx.collect_events(ev, [Square] * 3)
        return StopEvent(result=sorted(each.n for each in squares)) if squares else None


async def by_the_page(handler: WorkflowHandler) -> list[list[str]]:
    """The loop as the seed page prints it; what it saw."""
    seen = []
    while produced_events := await handler.run_step():
        seen.append([type(event).__name__ for event in produced_events])
        for event in produced_events:
            handler.ctx.send_event(event)
    return seen


def test_each_event_is_handed_out_once() -> None:
    """Sent and returned events come out once each; the loop ends with the run, and its result is right."""

    async def main() -> tuple[list[list[str]], Any]:
        handler = Fan().run(stepwise=True)
        return await by_the_page(handler), await handler

    seen, result = asyncio.run(main())
    assert seen == [["Number"] * 3, ["Square"] * 3, ["StopEvent"]]
    assert result == [0, 1, 4]


def test_the_trace_of_a_stepwise_run_is_that_of_the_flow() -> None:
    """What the caller passes on is still the event that a step made."""

    async def main() -> tuple[Counter[Any], Counter[Any]]:
        with recording() as recorder:
            handler = Fan().run(stepwise=True)
            await by_the_page(handler)
            await handler
            await Fan().run()
        stepwise, plain = (Counter(overlay_run(run).edges) for run in recorder.runs())
        return stepwise, plain

    stepwise, plain = asyncio.run(main())
    assert stepwise == plain


def test_with_a_human() -> None:
    """A question comes out like any event; answering it goes on with the run."""

    class Flow(Workflow):
        @step
        async def ask(self, ev: StartEvent) -> InputRequiredEvent:
            return InputRequiredEvent(prefix="?")

        @step
        async def end(self, ev: HumanResponseEvent) -> StopEvent:
            return StopEvent(result=ev.response)

    async def main() -> Any:
        handler = Flow().run(stepwise=True)
        while produced := await handler.run_step():
            for event in produced:
                answer = isinstance(event, InputRequiredEvent)
                handler.ctx.send_event(HumanResponseEvent(response="yes") if answer else event)
        return await handler

    assert asyncio.run(main()) == "yes"


def test_events_that_are_not_passed_on_are_a_dead_end() -> None:
    """Asking on without sending anything does not hang."""

    async def main() -> None:
        handler = Fan(timeout=None).run(stepwise=True)
        assert await handler.run_step()
        assert await handler.run_step() is None
        await handler

    with pytest.raises(WorkflowDeadEndError):
        asyncio.run(main())


def test_run_step_of_a_plain_run() -> None:
    """It says what kind of run it belongs to."""

    async def main() -> None:
        handler = Fan().run()
        with pytest.raises(WorkflowRuntimeError, match="stepwise=True"):
            await handler.run_step()
        await handler

    asyncio.run(main())


def test_an_error_ends_the_stepping() -> None:
    """``run_step`` is None then, and awaiting the handler raises it."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise ZeroDivisionError

    async def main() -> None:
        handler = Flow().run(stepwise=True)
        assert await handler.run_step() is None
        await handler

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_a_stepwise_run_that_waits_for_its_turn_waits_in_run_step() -> None:
    """It has not begun, so it is no dead end."""

    class Two(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(0.02)
            return StopEvent(result=ev.n)

    async def main() -> Any:
        flow = Two(num_concurrent_runs=1)
        first = flow.run(n=1)
        second = flow.run(n=2, stepwise=True)
        while made := await second.run_step():
            for event in made:
                second.ctx.send_event(event)
        await first
        return await second

    assert asyncio.run(main()) == 2
