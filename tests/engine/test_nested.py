"""Workflows inside steps: added by name, or made where they are needed."""

from __future__ import annotations

import pytest

from wftrace import (
    Event,
    ServiceNotFoundError,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowValidationError,
    recording,
    step,
)


class Reflection(Workflow):
    """The nested one."""

    @step
    async def improve(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=f"better {ev.query}")


class Politely(Workflow):
    """Can stand in for it."""

    @step
    async def improve(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=f"please, {ev.query}")


class Main(Workflow):
    """Asks for a workflow by the name of a parameter."""

    @step
    async def think(self, ev: StartEvent, reflection: Workflow) -> StopEvent:
        return StopEvent(result=await reflection.run(query=ev.query))


async def test_an_added_workflow_is_handed_to_the_parameter_of_its_name() -> None:
    """``add_workflows(reflection=...)`` fills the parameter ``reflection``."""
    main = Main()
    main.add_workflows(reflection=Reflection())
    assert await main.run(query="plan") == "better plan"


async def test_another_may_be_added_in_its_place() -> None:
    """The one that was added last is used from the next run on, and other instances keep theirs."""
    one, other = Main(), Main()
    one.add_workflows(reflection=Reflection())
    other.add_workflows(reflection=Politely())
    assert await one.run(query="x") == "better x"
    one.add_workflows(reflection=Politely())
    assert await one.run(query="x") == await other.run(query="x") == "please, x"


async def test_a_missing_workflow_is_said_before_the_run() -> None:
    """The error names the parameter, the step, and how to give it."""
    with pytest.raises(ServiceNotFoundError, match=r"not available: reflection.*'think'.*add_workflows\(reflection="):
        Main().run(query="plan")


async def test_a_default_stands_in_for_a_missing_workflow() -> None:
    """A parameter with a default is not required."""

    class Modest(Workflow):
        @step
        async def think(self, ev: StartEvent, reflection: Reflection | None = None) -> StopEvent:
            return StopEvent(result="alone" if reflection is None else await reflection.run(query="x"))

    modest = Modest()
    assert await modest.run() == "alone"
    modest.add_workflows(reflection=Reflection())
    assert await modest.run() == "better x"


async def test_a_parameter_without_annotation_is_a_workflow_by_name() -> None:
    """As on LlamaIndex 0.12, what is neither event nor context is asked for by its name."""
    flow = Workflow()

    @step(workflow=flow)
    async def think(ev: StartEvent, reflection) -> StopEvent:  # type: ignore[no-untyped-def]
        return StopEvent(result=await reflection.run(query="x"))

    flow.add_workflows(reflection=Reflection())
    assert await flow.run() == "better x"


async def test_sync_steps_are_handed_workflows_too() -> None:
    """A step in a thread gets the workflow; it has its own event loop to run it in."""
    import asyncio

    class InThread(Workflow):
        @step
        def think(self, ev: StartEvent, reflection: Reflection) -> StopEvent:
            async def inner() -> object:
                return await reflection.run(query="x")

            return StopEvent(result=asyncio.run(inner()))

    flow = InThread()
    flow.add_workflows(reflection=Reflection())
    assert await flow.run() == "better x"


def test_only_workflows_may_be_added() -> None:
    """Something else is refused at once, by name."""
    with pytest.raises(WorkflowValidationError, match="reflection is a str"):
        Main().add_workflows(reflection="Reflection")  # type: ignore[arg-type]


async def test_the_nested_run_is_traced_below_its_step() -> None:
    """A nested run knows the run and the execution that started it."""
    main = Main()
    main.add_workflows(reflection=Reflection())
    with recording() as recorder:
        await main.run(query="plan")
    outer, inner = sorted(recorder.runs(), key=lambda run: run.workflow)
    assert (inner.parent_run_id, inner.parent_execution) == (outer.run_id, "think#1")


async def test_an_error_in_the_nested_run_is_the_error_of_the_step() -> None:
    """The nested error comes out of the outer run, with a note for each step on its way."""

    class Broken(Workflow):
        @step
        async def improve(self, ev: StartEvent) -> StopEvent:
            raise OSError("inside")

    main = Main()
    main.add_workflows(reflection=Broken())
    with pytest.raises(OSError, match="inside") as caught:
        await main.run(query="plan")
    assert any("think" in note for note in caught.value.__notes__)


class Ping(Event):
    """To be sent from outside."""


def test_the_graph_shows_what_is_asked_for() -> None:
    """A step's nested workflow stands among its resources."""
    assert [(each.name, each.type) for each in Main.graph.step["think"].resources] == [("reflection", "Workflow")]
