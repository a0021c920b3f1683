"""``Context[MyState]``: how a run gets the state that its steps declare."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, WorkflowRuntimeError, WorkflowValidationError, step
from wftrace.engine.store import new_state


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(main())


class User(BaseModel):
    name: str = "nobody"


class Number(Event):
    n: int


class Counting(BaseModel):
    count: int = 0
    seen: list[int] = []


class Typed(Workflow):
    """Counts what it is given in a typed state."""

    @step
    async def plan(self, ctx: Context[Counting], ev: StartEvent) -> Number:
        return Number(n=ev.n)

    @step
    async def add(self, ctx: Context[Counting], ev: Number) -> StopEvent:
        async with ctx.store.edit_state() as state:
            state.count += 1
            state.seen.append(ev.n)
        return StopEvent(result=state)


def test_steps_find_the_state_that_they_declare() -> None:
    """It is made with its defaults when the run begins, anew for each run."""

    async def main() -> None:
        first, second = await Typed().run(n=1), await Typed().run(n=2)
        assert (first, second) == (Counting(count=1, seen=[1]), Counting(count=1, seen=[2]))

    run(main)


def test_typed_state_goes_with_the_context_to_the_next_run() -> None:
    """The instance is the same."""

    async def main() -> None:
        flow = Typed()
        handler = flow.run(n=1)
        first = await handler
        assert await flow.run(n=2, ctx=handler.ctx) is first
        assert first == Counting(count=2, seen=[1, 2])

    run(main)


def test_a_context_made_by_hand_has_the_typed_state() -> None:
    """It can be filled before the run."""

    async def main() -> None:
        flow = Typed()
        ctx: Context[Counting] = Context(flow)
        await ctx.store.set("count", 10)
        assert (await flow.run(n=1, ctx=ctx)).count == 11

    run(main)


def test_a_context_without_a_workflow_is_fitted() -> None:
    """What was set by name becomes the fields, and must fit them."""

    async def main() -> None:
        ctx: Context = Context()
        await ctx.set("count", 20)
        assert (await Typed().run(n=1, ctx=ctx)).count == 21
        wrong: Context = Context()
        await wrong.set("count", "many")
        with pytest.raises(WorkflowRuntimeError, match=r"state Counting cannot be made: count: .*valid integer"):
            await Typed().run(n=1, ctx=wrong)

    run(main)


def test_a_context_with_another_typed_state_is_refused() -> None:
    """Before anything runs, with both classes named."""

    class Other(Workflow):
        @step
        async def end(self, ctx: Context[User], ev: StartEvent) -> StopEvent:
            return StopEvent()

    async def main() -> None:
        handler = Other().run()
        await handler
        with pytest.raises(WorkflowRuntimeError, match="declare the state Counting, but this context has User"):
            await Typed().run(n=1, ctx=handler.ctx)

    run(main)


def test_get_and_set_reach_typed_state() -> None:
    """``ctx.get`` and ``ctx.set`` name fields, and are validated."""

    async def main() -> None:
        ctx: Context[Counting] = Context(Typed())
        await ctx.set("count", 3)
        assert await ctx.get("count") == 3
        with pytest.raises(ValueError, match="valid integer"):
            await ctx.set("count", "many")
        with pytest.raises(ValueError, match="has no 'cuont'"):
            await ctx.get("cuont")

    run(main)


def test_get_and_set_take_dots_as_they_are() -> None:
    """A file's name is one key, whatever else is there."""

    async def main() -> None:
        ctx: Context = Context()
        await ctx.set("report", 1)
        await ctx.set("report.pdf", 2)
        assert await ctx.get("report.pdf") == 2
        assert ctx.store.state == {"report": 1, "report.pdf": 2}

    run(main)


def test_state_that_cannot_be_made_is_refused_with_its_fields() -> None:
    """The cure is a default for each."""

    class Needs(BaseModel):
        topic: str
        size: int
        rest: str = ""

    class Flow(Workflow):
        @step
        async def end(self, ctx: Context[Needs], ev: StartEvent) -> StopEvent:
            return StopEvent()

    async def main() -> None:
        with pytest.raises(
            WorkflowRuntimeError, match=r"state Needs cannot be made .*: topic, size must have a default"
        ):
            await Flow().run()

    run(main)


def test_a_dataclass_that_cannot_be_made_names_its_fields_too() -> None:
    """Fields without defaults, and no others."""

    @dataclass
    class Needs:
        topic: str
        size: int = 0

    with pytest.raises(WorkflowRuntimeError, match="begins: topic must have a default"):
        new_state(Needs)


def test_state_of_another_kind_is_refused() -> None:
    """The error says what it may be."""
    with pytest.raises(
        WorkflowRuntimeError, match=r"Context\[int\]: a run's state is a pydantic model, a dataclass or"
    ):
        new_state(int)


def test_a_constructor_that_raises_is_named() -> None:
    """With what it said, and as the cause."""

    class Broken(BaseModel):
        def __init__(self, **values: Any) -> None:
            raise OSError("no disk")

    with pytest.raises(WorkflowRuntimeError, match="Broken cannot be made: OSError: no disk") as caught:
        new_state(Broken)
    assert isinstance(caught.value.__cause__, OSError)


def test_the_most_derived_state_wins() -> None:
    """Steps may know the state by a base class."""

    class Base(BaseModel):
        n: int = 0

    class Derived(Base):
        more: int = 5

    class Flow(Workflow):
        @step
        async def first(self, ctx: Context[Base], ev: StartEvent) -> Number:
            await ctx.store.set_state(Base(n=3))
            return Number(n=0)

        @step
        async def second(self, ctx: Context[Derived], ev: Number) -> StopEvent:
            return StopEvent(result=await ctx.store.get_state())

    async def main() -> None:
        assert await Flow().run() == Derived(n=3, more=5)

    run(main)


def test_states_that_are_no_family_are_refused() -> None:
    """One run has one state."""

    class Flow(Workflow):
        @step
        async def first(self, ctx: Context[User], ev: StartEvent) -> Number:
            return Number(n=0)

        @step
        async def second(self, ctx: Context[Counting], ev: Number) -> StopEvent:
            return StopEvent()

    async def main() -> None:
        with pytest.raises(WorkflowValidationError, match="declare different states"):
            await Flow().run()

    run(main)


def test_a_retry_finds_the_state_without_the_failed_attempt() -> None:
    """A block that failed has not counted."""

    class Twice:
        def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
            return 0.0 if attempts < 2 else None

    class Flow(Workflow):
        @step(retry_policy=Twice())
        async def work(self, ctx: Context[Counting], ev: StartEvent) -> StopEvent:
            async with ctx.store.edit_state() as state:
                state.count += 1
                if ctx.retry_info().retry_number < 2:
                    raise OSError("flaky")
            return StopEvent(result=state.count)

    async def main() -> None:
        assert await Flow().run() == 1

    run(main)


def test_untyped_state_may_be_named_a_dict() -> None:
    """``Context[dict[str, Any]]`` types the dict that a run has anyway."""

    class Flow(Workflow):
        @step
        async def end(self, ctx: Context[dict[str, Any]], ev: StartEvent) -> StopEvent:
            async with ctx.store.edit_state() as state:
                state["n"] = 1
            return StopEvent(result=state)

    async def main() -> None:
        assert await Flow().run() == {"n": 1}

    run(main)


def test_typed_state_is_saved_with_the_context() -> None:
    """It comes back as an instance of its class, and the next run goes on with it."""

    async def main() -> None:
        flow = Typed()
        handler = flow.run(n=1)
        await handler
        ctx = Context.from_dict(flow, json.loads(json.dumps(handler.ctx.to_dict())))
        assert ctx.store.state == Counting(count=1, seen=[1])
        assert await flow.run(n=2, ctx=ctx) == Counting(count=2, seen=[1, 2])

    run(main)


async def test_a_value_that_the_declared_state_has_no_field_for_is_not_lost_silently() -> None:
    """A hand-made context with a strange value is refused by name."""

    class Small(BaseModel):
        count: int = 0

    class Typed(Workflow):
        @step
        async def only(self, ctx: Context[Small], ev: StartEvent) -> StopEvent:
            return StopEvent()

    context: Context[Any] = Context()
    await context.set("strange", 8)
    with pytest.raises(WorkflowRuntimeError, match="'strange'"):
        Typed().run(ctx=context)
