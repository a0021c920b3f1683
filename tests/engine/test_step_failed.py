"""``StepFailedEvent``: a failure for good goes to the steps that take it."""

from __future__ import annotations

import asyncio

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Event,
    StartEvent,
    StepFailedEvent,
    StepTimeoutError,
    StopEvent,
    Workflow,
    WorkflowRuntimeError,
    recording,
    step,
)


class Again(Event):
    """Another try by another way."""

    by: str = ""


class Rescued(Workflow):
    """A step that fails, and one that takes it."""

    @step(retry_policy=ConstantDelayRetryPolicy(2, 0))
    async def work(self, ev: StartEvent) -> Again:
        raise OSError(ev.get("why", "down"))

    @step
    async def rescue(self, ev: StepFailedEvent) -> StopEvent:
        return StopEvent(result=ev)

    @step
    async def finish(self, ev: Again) -> StopEvent:
        return StopEvent()


async def test_the_handler_learns_all_about_the_failure() -> None:
    """Step, input, error, number of attempts and the time that they took are in the event."""
    failed = await Rescued().run(why="no network")
    assert failed.step_name == "work"
    assert failed.input_event == StartEvent(why="no network")
    assert isinstance(failed.exception, OSError)
    assert failed.attempts == 3
    assert failed.elapsed_seconds >= 0


async def test_the_run_goes_on_with_what_the_handler_makes() -> None:
    """The handler's event goes its way like any other."""

    class Fallback(Workflow):
        @step
        async def work(self, ev: StartEvent) -> Again:
            raise OSError

        @step
        async def rescue(self, ev: StepFailedEvent) -> Again:
            return Again(by=ev.step_name)

        @step
        async def finish(self, ev: Again) -> StopEvent:
            return StopEvent(result=ev.by)

    assert await Fallback().run() == "work"


async def test_a_handler_that_returns_nothing_lets_the_others_go_on() -> None:
    """One of two branches fails; the other one ends the run."""

    class Two(Workflow):
        @step
        async def breaks(self, ev: StartEvent) -> Again:
            raise OSError

        @step
        async def works(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(0.01)
            return StopEvent(result="well")

        @step
        async def rescue(self, ev: StepFailedEvent) -> None:
            return None

        @step
        async def finish(self, ev: Again) -> None:
            return None

    assert await Two().run() == "well"


async def test_without_a_handler_the_run_fails() -> None:
    """Nothing changes for flows that take no failures."""

    class Plain(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise OSError("down")

    with pytest.raises(OSError, match="down"):
        await Plain().run()


async def test_a_step_that_takes_any_event_takes_no_failures() -> None:
    """A failure is taken only by steps that name ``StepFailedEvent``, not by those that name a base class."""

    class Sink(Workflow):
        @step
        async def work(self, ev: StartEvent) -> Again:
            raise OSError("down")

        @step
        async def sink(self, ev: Event) -> StopEvent:
            return StopEvent(result="swallowed")

    with pytest.raises(OSError, match="down"):
        await Sink().run()


async def test_a_handler_that_fails_fails_the_run() -> None:
    """The failure of a handler is not handed to a handler."""

    class Worse(Workflow):
        @step
        async def work(self, ev: StartEvent) -> Again:
            raise OSError("first")

        @step
        async def rescue(self, ev: StepFailedEvent) -> StopEvent:
            raise ev.exception

        @step
        async def finish(self, ev: Again) -> StopEvent:
            return StopEvent()

    with pytest.raises(OSError, match="first"):
        await Worse().run()


async def test_a_step_timeout_is_taken_too() -> None:
    """A step that took too long has failed as well."""

    class Slow(Workflow):
        @step(timeout=0.01)
        async def work(self, ev: StartEvent) -> Again:
            await asyncio.sleep(60)
            return Again()

        @step
        async def rescue(self, ev: StepFailedEvent) -> StopEvent:
            return StopEvent(result=ev.exception)

        @step
        async def finish(self, ev: Again) -> StopEvent:
            return StopEvent()

    assert isinstance(await Slow().run(), StepTimeoutError)


async def test_a_cancellation_from_inside_arrives_as_an_error_that_can_be_raised() -> None:
    """A foreign CancelledError would cancel whoever raises it again."""

    class Foreign(Workflow):
        @step
        async def work(self, ev: StartEvent) -> Again:
            raise asyncio.CancelledError

        @step
        async def rescue(self, ev: StepFailedEvent) -> StopEvent:
            return StopEvent(result=ev.exception)

        @step
        async def finish(self, ev: Again) -> StopEvent:
            return StopEvent()

    error = await Foreign().run()
    assert isinstance(error, WorkflowRuntimeError)
    assert isinstance(error.__cause__, asyncio.CancelledError)


async def test_stepwise_hands_out_failures() -> None:
    """In a stepwise run the failure is held back like any event that a step makes."""
    handler = Rescued().run(stepwise=True)
    kinds: list[type] = []
    while made := await handler.run_step():
        for event in made:
            kinds.append(type(event))
            handler.ctx.send_event(event)
    assert kinds == [StepFailedEvent, StopEvent]
    assert (await handler).step_name == "work"


async def test_the_trace_has_the_failure_and_what_came_of_it() -> None:
    """The failed attempt made the event, which the handler's attempt took; the run is completed."""
    with recording() as recorder:
        await Rescued().run()
    (run,) = recorder.runs()
    failed = next(each for each in run.attempts if each.step == "work" and each.number == 3)
    rescue = next(each for each in run.attempts if each.step == "rescue")
    assert failed.outcome == "failed"
    assert rescue.input_executions == ("work#1",)
    assert run.outcome == "completed"


def test_the_graph_has_an_edge_from_each_step_that_may_fail() -> None:
    """Every step but the handler leads to the failure, and the failure to the handler."""
    fails = {edge.source for edge in Rescued.graph.edges if edge.kind == "fails"}
    assert fails == {"step:work", "step:finish"}


def test_flows_with_handlers_are_valid() -> None:
    """The failure counts as made, and its handler as reachable."""
    Rescued().validate()
    assert not [finding for finding in Rescued.graph.findings if finding.fatal]
