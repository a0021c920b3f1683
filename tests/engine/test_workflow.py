"""Workflows: turns, names, settings, and what callers hold."""

from __future__ import annotations

import asyncio
import gc
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
    Workflow,
    WorkflowCancelledByUser,
    WorkflowRuntimeError,
    WorkflowTimeoutError,
    WorkflowValidationError,
    recording,
    step,
)
from wftrace.engine.workflow import graph_of


class Next(Event):
    """Goes on to the next step."""


class Ask(InputRequiredEvent):
    pass


class Human(Workflow):
    """Asks, and returns the answer."""

    @step
    async def ask(self, ev: StartEvent) -> Ask:
        return Ask()

    @step
    async def take(self, ev: HumanResponseEvent) -> StopEvent:
        return StopEvent(result=ev.response)


class Quick(Workflow):
    """Ends at once."""

    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        await asyncio.sleep(0)
        return StopEvent(result="done")


def test_an_event_for_a_run_that_waits_its_turn_waits_too() -> None:
    """Nothing runs before the start event; the trace has both runs."""

    async def main() -> Any:
        with recording() as recorder:
            flow = Human(num_concurrent_runs=1)
            first, second = flow.run(), flow.run()
            second.ctx.send_event(HumanResponseEvent(response="early"))
            await asyncio.sleep(0.01)
            assert not second.is_done()
            first.ctx.send_event(HumanResponseEvent(response="now"))
            results = [await first, await second]
        return results, [len(run.attempts) for run in recorder.runs()]

    assert asyncio.run(main()) == (["now", "early"], [2, 2])


def test_a_place_that_was_taken_in_a_closed_loop_is_not_missing_in_the_next() -> None:
    """Each event loop has places of its own."""
    flow = Human(num_concurrent_runs=1)

    async def park() -> None:
        flow.run()
        await asyncio.sleep(0)

    async def answer() -> Any:
        handler = flow.run()
        handler.ctx.send_event(HumanResponseEvent(response="here"))
        return await asyncio.wait_for(handler, 5)

    asyncio.run(park())
    assert asyncio.run(answer()) == "here"


def test_one_instance_in_many_threads() -> None:
    """Threads with a loop each do not wait for each other's places."""
    flow = Quick(num_concurrent_runs=2)
    done: list[Any] = []

    async def main() -> None:
        done.extend(await asyncio.gather(*(flow.run() for _ in range(20))))

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert done == ["done"] * 80


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "5", True])
def test_a_timeout_that_is_none(timeout: Any) -> None:
    """What is no number of seconds above zero is refused when the workflow is made."""
    with pytest.raises(WorkflowValidationError, match="timeout must be a number of seconds above 0"):
        Quick(timeout=timeout)


@pytest.mark.parametrize("name", ["run", "add_step"])
def test_a_step_with_the_name_of_a_part_of_workflow(name: str) -> None:
    """It is refused at once, on classes and on instances."""

    async def function(self: Any, ev: StartEvent) -> StopEvent:
        return StopEvent()

    function.__name__ = name
    function.__qualname__ = f"Flow.{name}"
    with pytest.raises(WorkflowValidationError, match=name):
        type("Flow", (Workflow,), {name: step(function)})


def test_an_attribute_that_hides_the_graph() -> None:
    """A user's own ``graph`` neither breaks the run nor the drawing."""

    class Flow(Quick):
        graph = {"mine": 1}  # type: ignore[assignment]  # noqa: RUF012

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == "done"
    assert [each.name for each in graph_of(Flow).steps] == ["work"]


def test_a_subclass_of_an_event_is_taken_by_its_base() -> None:
    """The checks know the way that the run takes, and so does the picture."""

    class Base(Event):
        pass

    class Sub(Base):
        pass

    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Sub:
            return Sub()

        @step
        async def end(self, ev: Base) -> StopEvent:
            return StopEvent(result=type(ev).__name__)

    async def main() -> Any:
        return await Flow().run()

    assert Flow.graph.findings == ()
    assert asyncio.run(main()) == "Sub"


def test_a_thread_that_works_on_is_abandoned_not_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """A sync step cannot be stopped: after half a second the run ends without it, and trace and log say so."""

    class Flow(Workflow):
        @step
        def work(self, ev: StartEvent) -> StopEvent:
            time.sleep(1)
            return StopEvent()

    async def main() -> Any:
        with recording() as recorder, pytest.raises(WorkflowTimeoutError):
            await Flow(timeout=0.02).run()
        return [attempt.outcome for attempt in recorder.runs()[0].attempts]

    assert asyncio.run(main()) == ["abandoned"]
    assert "works on unheard in its thread" in caplog.text


def test_a_sync_step_that_returns_in_time_is_told_as_completed(caplog: pytest.LogCaptureFixture) -> None:
    """What it sent ended the run, which waits the moment that its thread needs to return."""

    class Flow(Workflow):
        @step
        def work(self, ctx: Context[Any], ev: StartEvent) -> Next | None:
            ctx.send_event(Next())
            return None

        @step
        async def end(self, ev: Next) -> StopEvent:
            return StopEvent()

    async def main() -> Any:
        with recording() as recorder:
            await Flow().run()
        return [attempt.outcome for attempt in recorder.runs()[0].attempts]

    for _ in range(20):
        assert asyncio.run(main()) == ["completed", "completed"]
    assert "works on" not in caplog.text


def test_a_sync_step_that_took_too_long_does_not_hold_up_the_next() -> None:
    """A thread that works on after its step's timeout is replaced: other events and retries run at once."""
    calls: list[int] = []
    release = threading.Event()

    class Flow(Workflow):
        @step(timeout=0.2, num_workers=1, retry_policy=ConstantDelayRetryPolicy(1, 0))
        def work(self, ev: StartEvent) -> StopEvent:
            calls.append(1)
            if len(calls) == 1:
                release.wait(20)
            return StopEvent(result=len(calls))

    async def main() -> Any:
        return await Flow().run()

    assert asyncio.run(main()) == 2
    release.set()


def test_a_run_that_waits_for_its_turn_says_so() -> None:
    """``explain`` tells of the turn, and the caller knows why nothing happens."""

    async def main() -> str:
        flow = Human(num_concurrent_runs=1)
        first, second = flow.run(), flow.run()
        said = second.explain()
        await first.cancel_run()
        await second.cancel_run()
        return said

    assert "waits for its turn" in asyncio.run(main())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"ctx": 1}, "takes a Context, not int"), ({"run_id": 5}, "takes a text"), ({"run_id": ""}, "takes a text")],
)
def test_arguments_of_run_are_checked(wrong: dict[str, Any], said: str) -> None:
    """What is no context and no run id is refused at once."""

    async def main() -> None:
        with pytest.raises(WorkflowRuntimeError, match=said):
            Quick().run(**wrong)

    asyncio.run(main())


def test_fields_beside_a_start_event_are_refused() -> None:
    """They would be lost."""

    async def main() -> None:
        with pytest.raises(WorkflowRuntimeError, match="topic beside it would be lost"):
            Quick().run(start_event=StartEvent(), topic="x")

    asyncio.run(main())


def test_an_event_that_comes_too_late_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """After the end nothing is delivered, from no thread, and the log says so."""

    async def main() -> Any:
        handler = Human().run()
        handler.ctx.send_event(HumanResponseEvent())
        await handler
        handler.ctx.send_event(HumanResponseEvent())
        return handler

    handler = asyncio.run(main())
    assert "has ended: HumanResponseEvent is dropped" in caplog.text
    thread = threading.Thread(target=handler.ctx.send_event, args=(HumanResponseEvent(),))
    thread.start()
    thread.join()
    assert "its event loop is closed" in caplog.text


def test_a_handler_has_the_known_methods() -> None:
    """``done``, ``result``, ``exception`` and ``cancel``, as of a future."""

    async def main() -> None:
        handler = Quick().run()
        assert not handler.done()
        with pytest.raises(asyncio.InvalidStateError):
            handler.result()
        await handler
        assert (handler.done(), handler.result(), handler.exception()) == (True, "done", None)
        other = Human(timeout=None).run()
        other.cancel()
        with pytest.raises(WorkflowCancelledByUser):
            await other

    asyncio.run(main())


def test_of_two_who_await_one_may_go() -> None:
    """The run goes on for the other."""

    async def main() -> Any:
        handler = Human(timeout=None).run()

        async def wait() -> Any:
            return await handler

        first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        handler.ctx.send_event(HumanResponseEvent(response="still here"))
        return await second

    assert asyncio.run(main()) == "still here"


def test_a_generator_is_no_step() -> None:
    """It is refused at decoration, with the cure."""
    with pytest.raises(WorkflowValidationError, match=r"it yields; .*ctx\.send_event"):

        class Flow(Workflow):
            @step
            async def work(self, ev: StartEvent) -> StopEvent:  # type: ignore[misc]  # that is the point
                yield StopEvent()


@pytest.mark.parametrize("name", ["graph", "validate", "last_run_id", "add_workflows"])
def test_a_step_may_hide_what_the_engine_does_without(name: str) -> None:
    """Steps with such names ran on LlamaIndex, and do here; drawing and checking them works all the same."""

    async def function(self: Any, ev: StartEvent) -> StopEvent:
        return StopEvent(result=name)

    function.__name__ = name
    function.__qualname__ = f"Flow.{name}"
    flow = type("Flow", (Workflow,), {name: step(function)})

    async def main() -> Any:
        return await flow().run()

    assert asyncio.run(main()) == name
    assert [each.name for each in graph_of(flow).steps] == [name]


def test_runs_that_wait_when_the_loop_stops_are_not_begun(caplog: pytest.LogCaptureFixture) -> None:
    """``asyncio.run`` cancels the run under way; the one behind it is cancelled too, and begins nothing."""
    begun: list[int] = []

    class Slow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            begun.append(ev.n)
            await asyncio.sleep(60)
            return StopEvent()

    async def main() -> None:
        flow = Slow(num_concurrent_runs=1)
        flow.run(n=1)
        flow.run(n=2)
        await asyncio.sleep(0.01)

    asyncio.run(main())
    gc.collect()
    assert begun == [1]
    assert "was destroyed" not in caplog.text
