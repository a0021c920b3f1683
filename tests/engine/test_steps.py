"""``@step`` reads signatures, and says at once what is wrong with one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, WorkflowValidationError, step


class A(Event):
    pass


class B(Event):
    pass


def test_unions_are_read_in_order() -> None:
    """Each member of a union is accepted or returned; None is left out."""

    class Flow(Workflow):
        @step
        async def work(self, ev: A | B | StartEvent) -> StopEvent | None:
            return None

    spec = Flow._class_specs()[0]
    assert spec.accepts == (A, B, StartEvent)
    assert spec.returns == (StopEvent,)


def test_events_of_the_enclosing_function_are_found() -> None:
    """Annotations as text resolve against local classes too."""

    class Local(Event):
        pass

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> Local:
            return Local()

    assert Flow._class_specs()[0].returns == (Local,)


def test_context_may_stand_anywhere() -> None:
    """Context before or behind the event: both are handed over right."""

    class Flow(Workflow):
        @step
        async def first(self, ctx: Context[Any], ev: StartEvent) -> A:
            return A()

        @step
        async def second(self, ev: A, ctx: Context[Any]) -> StopEvent:
            return StopEvent()

    first, second = Flow._class_specs()
    assert (first.context_parameter, second.context_parameter) == ("ctx", "ctx")


def test_no_event_parameter() -> None:
    """The message names the step, its place and the cure."""
    with pytest.raises(WorkflowValidationError, match=r"test_steps.py:\d+.*exactly one parameter .*type Event"):

        class Flow(Workflow):
            @step
            async def work(self) -> StopEvent:
                return StopEvent()


def test_two_event_parameters() -> None:
    """Two events ask for a union instead."""
    with pytest.raises(WorkflowValidationError, match=r"found 2: one, two; .*union"):

        class Flow(Workflow):
            @step
            async def work(self, one: A, two: B) -> StopEvent:
                return StopEvent()


def test_no_return_annotation() -> None:
    """Without a return annotation the flow cannot be known."""
    with pytest.raises(WorkflowValidationError, match=r"Return types .* must be annotated"):

        class Flow(Workflow):
            @step
            async def work(self, ev: StartEvent):  # type: ignore[no-untyped-def]  # that is the point
                return StopEvent()


def test_a_return_type_that_is_no_event() -> None:
    """A step makes events and nothing else."""
    with pytest.raises(WorkflowValidationError, match="names something that is not an event"):

        class Flow(Workflow):
            @step
            async def work(self, ev: StartEvent) -> StopEvent | int:
                return 1


def test_unknown_name_in_an_annotation() -> None:
    """A name that is nowhere defined is named."""
    with pytest.raises(WorkflowValidationError, match="'Nowhere'"):

        class Flow(Workflow):
            @step
            async def work(self, ev: Nowhere) -> StopEvent:  # type: ignore[name-defined]  # noqa: F821
                return StopEvent()


@pytest.mark.parametrize("number", [0, -1, True, 1.5])
def test_num_workers(number: Any) -> None:
    """The number of workers is a whole number above zero."""
    with pytest.raises(WorkflowValidationError, match="num_workers must be an integer greater than 0"):
        step(num_workers=number)


def test_a_function_needs_a_workflow() -> None:
    """Outside a class the decorator must be told where the step belongs."""
    with pytest.raises(WorkflowValidationError, match=r"@step\(workflow=MyWorkflow\)"):

        @step
        async def work(ev: StartEvent) -> StopEvent:
            return StopEvent()


def test_unknown_parameter() -> None:
    """A parameter that nobody can fill is refused, not filled with None."""
    with pytest.raises(WorkflowValidationError, match="'database'"):

        class Flow(Workflow):
            @step
            async def work(self, ev: StartEvent, database: str) -> StopEvent:
                return StopEvent()


def test_a_name_twice() -> None:
    """Two steps of one name on one workflow are refused."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent()

    with pytest.raises(WorkflowValidationError, match="A step work is already part"):

        @step(workflow=Flow)
        async def work(ev: StartEvent) -> StopEvent:
            return StopEvent()


def test_steps_never_land_on_all_workflows() -> None:
    """Workflow itself takes no steps: every workflow would get them."""
    with pytest.raises(WorkflowValidationError, match="Workflow itself"):

        @step(workflow=Workflow)
        async def work(ev: StartEvent) -> StopEvent:
            return StopEvent()


def test_a_subclass_inherits_replaces_and_removes_steps() -> None:
    """Steps follow the rules of methods."""

    class Base(Workflow):
        @step
        async def one(self, ev: StartEvent) -> A:
            return A()

        @step
        async def two(self, ev: A) -> StopEvent:
            return StopEvent(result="base")

    class Child(Base):
        @step
        async def two(self, ev: A) -> StopEvent:
            return StopEvent(result="child")

    class Bare(Base):
        two = None  # type: ignore[assignment]  # taken out

    assert [spec.name for spec in Child._class_specs()] == ["one", "two"]
    assert Child._class_specs()[1].function is Child.__dict__["two"]
    assert [spec.name for spec in Bare._class_specs()] == ["one"]


def test_a_step_may_take_its_parameters_by_keyword_only() -> None:
    """``def work(self, *, ev, ctx)`` is called as it wants."""

    class Flow(Workflow):
        @step
        async def work(self, *, ev: StartEvent, ctx: Context[Any]) -> StopEvent:
            return StopEvent(result=(ev.n, ctx.run_id))

    async def main() -> Any:
        return await Flow().run(n=3, run_id="r")

    assert asyncio.run(main()) == (3, "r")
