"""``Resource``: what steps are handed besides their events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    Resource,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowValidationError,
    step,
)
from wftrace.testing import run_deterministic

log: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


class Next(Event):
    """Goes from the first step to the second."""

    client: Any = None


class Client:
    """A plain value: no context manager."""


def make_client() -> Client:
    """Each call makes another client."""
    log.append("made")
    return Client()


async def make_client_slowly() -> Client:
    """Takes a moment, so that others ask meanwhile."""
    log.append("made")
    await asyncio.sleep(0.01)
    return Client()


def connection() -> Iterator[str]:
    """A generator: the value is yielded once, what follows tidies up."""
    log.append("open")
    yield "connection"
    log.append("close")


async def async_connection() -> AsyncIterator[str]:
    """The same, async."""
    log.append("open")
    yield "connection"
    await asyncio.sleep(0)
    log.append("close")


async def test_a_step_is_handed_what_a_sync_factory_makes() -> None:
    """The parameter that is annotated with a resource gets the factory's value."""

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, client: Annotated[Client, Resource(make_client)]) -> StopEvent:
            return StopEvent(result=client)

    assert isinstance(await Flow().run(), Client)


async def test_an_async_factory_is_awaited() -> None:
    """An async factory's value is handed over, not its coroutine."""

    class Flow(Workflow):
        @step
        async def only(self, client: Annotated[Client, Resource(make_client_slowly)], ev: StartEvent) -> StopEvent:
            return StopEvent(result=client)

    assert isinstance(await Flow().run(), Client)


async def test_sync_steps_get_resources_too() -> None:
    """A step in a thread gets its resources like any other."""

    class Flow(Workflow):
        @step
        def only(self, ev: StartEvent, client: Annotated[Client, Resource(make_client_slowly)]) -> StopEvent:
            return StopEvent(result=client)

    assert isinstance(await Flow().run(), Client)


async def test_a_function_step_gets_resources_too() -> None:
    """Steps attached to an instance may ask for resources."""
    flow = Workflow()

    @step(workflow=flow)
    async def only(ev: StartEvent, client: Annotated[Client, Resource(make_client)]) -> StopEvent:
        return StopEvent(result=client)

    assert isinstance(await flow.run(), Client)


class TwoSteps(Workflow):
    """Both steps want the same client."""

    @step
    async def first(self, ev: StartEvent, client: Annotated[Client, Resource(make_client_slowly)]) -> Next:
        return Next(client=client)

    @step
    async def second(self, ev: Next, client: Annotated[Client, Resource(make_client_slowly)]) -> StopEvent:
        return StopEvent(result=(ev.client, client))


async def test_a_cached_value_is_shared_by_steps_and_runs() -> None:
    """One factory call serves all steps and all runs of a workflow instance."""
    flow = TwoSteps()
    first, second = await flow.run()
    third, _ = await flow.run()
    assert first is second is third
    assert log == ["made"]


async def test_runs_at_once_share_one_making() -> None:
    """Runs that ask at the same time wait for one factory call."""
    flow = TwoSteps()
    results = await asyncio.gather(*(flow.run() for _ in range(20)))
    assert len({id(client) for pair in results for client in pair}) == 1
    assert log == ["made"]


async def test_two_instances_share_nothing() -> None:
    """Another instance of the workflow has its own values."""
    first, _ = await TwoSteps().run()
    second, _ = await TwoSteps().run()
    assert first is not second


async def test_without_cache_every_attempt_gets_its_own() -> None:
    """``cache=False`` calls the factory for each attempt, retries included."""

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(2, 0))
        async def only(
            self, ev: StartEvent, client: Annotated[Client, Resource(make_client, cache=False)]
        ) -> StopEvent:
            if len(log) < 3:
                raise OSError
            return StopEvent()

    await Flow().run()
    assert log == ["made"] * 3


async def test_a_context_manager_is_left_when_the_run_ends() -> None:
    """A cached context manager belongs to the run: entered once, left after the last step, anew in the next run."""

    class Flow(Workflow):
        @step
        async def first(self, ev: StartEvent, conn: Annotated[str, Resource(connection)]) -> Next:
            log.append("first " + conn)
            return Next()

        @step
        async def second(self, ev: Next, conn: Annotated[str, Resource(connection)]) -> StopEvent:
            log.append("second " + conn)
            return StopEvent()

    flow = Flow()
    await flow.run()
    assert log == ["open", "first connection", "second connection", "close"]
    await flow.run()
    assert log[4:] == log[:4]


@pytest.mark.parametrize("ending", ["result", "error", "cancel", "timeout"])
async def test_a_resource_is_left_at_every_end(ending: str) -> None:
    """However the run ends, its resources are left before it is over."""

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, conn: Annotated[str, Resource(async_connection)]) -> StopEvent:
            if ending == "error":
                raise OSError
            await asyncio.sleep(0 if ending == "result" else 60)
            return StopEvent()

    handler = Flow(timeout=0.05 if ending == "timeout" else None).run()
    if ending == "cancel":
        await asyncio.sleep(0.01)
        handler.cancel()
    await asyncio.wait([asyncio.ensure_future(_quietly(handler))])
    assert log == ["open", "close"]


async def _quietly(handler: Any) -> None:
    await asyncio.gather(handler, return_exceptions=True)


tasks: set[object] = set()


@asynccontextmanager
async def named(name: str) -> AsyncIterator[str]:
    """Notes in which task it is entered and left."""
    tasks.add(asyncio.current_task())
    log.append("open " + name)
    yield name
    tasks.add(asyncio.current_task())
    log.append("close " + name)


def make_a() -> Any:
    """Needs nothing."""
    return named("a")


def make_b(a: Annotated[str, Resource(make_a)]) -> Any:
    """Needs a."""
    return named(a + "b")


async def test_resources_are_left_in_reverse_order_in_the_task_that_entered_them() -> None:
    """What was entered last is left first, and in one task, as cancel scopes demand."""
    tasks.clear()

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, b: Annotated[str, Resource(make_b)]) -> StopEvent:
            return StopEvent(result=b)

    assert await Flow().run() == "ab"
    assert log == ["open a", "open ab", "close ab", "close a"]
    assert len(tasks) == 1


async def test_a_plain_value_made_from_a_runs_own_does_not_outlive_the_run() -> None:
    """A value that holds a connection is made anew for the run that has another connection."""

    def repository(conn: Annotated[str, Resource(connection)]) -> list[str]:
        return [conn, f"made after {len(log)}"]

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, found: Annotated[list[str], Resource(repository)]) -> StopEvent:
            return StopEvent(result=found)

    flow = Flow()
    assert await flow.run() == ["connection", "made after 1"]
    assert await flow.run() == ["connection", "made after 3"]


async def test_without_cache_a_context_manager_is_left_with_its_attempt() -> None:
    """``cache=False`` leaves the value before the next step begins."""

    class Flow(Workflow):
        @step
        async def first(self, ev: StartEvent, conn: Annotated[str, Resource(connection, cache=False)]) -> Next:
            return Next()

        @step
        async def second(self, ev: Next) -> StopEvent:
            log.append("second")
            return StopEvent()

    await Flow().run()
    assert log == ["open", "close", "second"]


async def test_a_lock_is_handed_over_as_it_is() -> None:
    """A lock is a context manager too, but nobody wants to hold it for a whole run."""

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, lock: Annotated[asyncio.Lock, Resource(asyncio.Lock)]) -> StopEvent:
            return StopEvent(result=lock.locked())

    assert await Flow().run() is False


async def test_a_failing_factory_is_a_failure_of_its_step() -> None:
    """The step that asked fails with the factory's error, and its retry policy decides."""
    calls: list[int] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionError("not yet")
        return "there"

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(2, 0))
        async def only(self, ev: StartEvent, found: Annotated[str, Resource(flaky)]) -> StopEvent:
            return StopEvent(result=found)

    assert await Flow().run() == "there"


async def test_a_manager_that_cannot_be_entered_fails_its_step_and_is_tried_again() -> None:
    """An error while entering reaches the step; a retry enters anew."""
    calls: list[int] = []

    @asynccontextmanager
    async def flaky() -> AsyncIterator[str]:
        calls.append(1)
        if len(calls) < 2:
            raise ConnectionError("not yet")
        yield "there"

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(2, 0))
        async def only(self, ev: StartEvent, found: Annotated[str, Resource(flaky)]) -> StopEvent:
            return StopEvent(result=found)

    assert await Flow().run() == "there"


async def test_an_error_while_leaving_does_not_take_the_result(caplog: pytest.LogCaptureFixture) -> None:
    """The run has its result; that its resource could not be left is logged."""

    def sticky() -> Iterator[str]:
        yield "value"
        raise OSError("it does not close")

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, value: Annotated[str, Resource(sticky)]) -> StopEvent:
            return StopEvent(result=value)

    assert await Flow().run() == "value"
    assert "it does not close" in caplog.text


async def test_factories_that_need_each_other_are_refused() -> None:
    """A cycle of factories is said before the run, with the way round."""

    cycle_a.__annotations__["b"] = Annotated[str, Resource(cycle_b)]

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, a: Annotated[str, Resource(cycle_a)]) -> StopEvent:
            return StopEvent(result=a)

    with pytest.raises(WorkflowValidationError, match="cycle_a → cycle_b → cycle_a"):
        Flow().run()


def cycle_a(b: str) -> str:
    """Needs b, see the test."""
    return b


def cycle_b(a: Annotated[str, Resource(cycle_a)]) -> str:
    """Needs a."""
    return a


async def test_a_factory_with_a_parameter_that_nobody_fills_is_refused() -> None:
    """The error names the factory, the parameter and the cure."""

    def needy(url: str) -> str:
        return url

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, a: Annotated[str, Resource(needy)]) -> StopEvent:
            return StopEvent(result=a)

    with pytest.raises(WorkflowValidationError, match=r"needy of a resource has a parameter 'url'.*Annotated"):
        Flow().run()


def test_a_parameter_of_a_plain_type_is_refused_with_the_cure() -> None:
    """Nothing is known for ``limit: int``, so the step is refused where it is written."""
    with pytest.raises(WorkflowValidationError, match=r"'limit'.*Resource\(factory\)"):

        class Flow(Workflow):
            @step
            async def only(self, ev: StartEvent, limit: int) -> StopEvent:
                return StopEvent(result=limit)


async def test_a_parameter_with_a_default_keeps_it() -> None:
    """A parameter that nothing fills has its own default."""

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, limit: int = 3) -> StopEvent:
            return StopEvent(result=limit)

    assert await Flow().run() == 3


def test_the_graph_names_the_resources_of_a_step() -> None:
    """Drawings can show what a step is handed."""
    node = TwoSteps.graph.step["first"]
    assert [(each.name, each.type) for each in node.resources] == [("client", "Client")]


def test_a_resource_that_cannot_be_left_does_not_hold_up_its_run(caplog: pytest.LogCaptureFixture) -> None:
    """After five seconds the run ends with its result all the same, and says so."""

    async def sticky() -> AsyncIterator[str]:
        yield "value"
        await asyncio.sleep(3600)

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, value: Annotated[str, Resource(sticky)]) -> StopEvent:
            return StopEvent(result=value)

    async def main() -> float:
        assert await Flow().run() == "value"
        return asyncio.get_running_loop().time()

    assert run_deterministic(main()) == pytest.approx(5, abs=0.1)
    assert "still needs time after 5 s" in caplog.text


async def test_a_resource_that_swallows_the_error_of_its_step_does_not_hide_it() -> None:
    """The step has failed, whatever its resource's exit says."""

    def swallows() -> Iterator[int]:
        try:
            yield 1
        except OSError:
            log.append("swallowed")

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, n: Annotated[int, Resource(swallows, cache=False)]) -> StopEvent:
            raise OSError("boom")

    with pytest.raises(OSError, match="boom"):
        await Flow().run()
    assert log == ["swallowed"]


def test_a_factory_that_cannot_be_hashed_is_refused_with_the_cure() -> None:
    """It could not be known again."""

    class Factory:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self) -> int:
            return 1

    with pytest.raises(WorkflowValidationError, match=r"Factory cannot: use a function"):
        Resource(Factory())


async def test_a_local_alias_of_a_resource_is_understood() -> None:
    """Names above the class may stand for annotations."""
    Shared = Annotated[Client, Resource(make_client)]  # noqa: N806  # an alias is a type

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, client: Shared) -> StopEvent:
            return StopEvent(result=client)

    assert isinstance(await Flow().run(), Client)


def test_steps_go_before_what_they_hold_when_the_loop_stops() -> None:
    """``asyncio.run`` cancels everything that is left: a step that cleans up still has its connection."""

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent, conn: Annotated[str, Resource(async_connection)]) -> StopEvent:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                log.append("rolled back")
            return StopEvent()

    async def main() -> None:
        Flow().run()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert log == ["open", "rolled back", "close"]


def test_a_parked_run_with_a_resource_does_not_hold_up_the_end_of_the_loop() -> None:
    """No step is there to end first: the resource is left all the same."""

    class Flow(Workflow):
        @step
        async def ask(self, ev: StartEvent, conn: Annotated[str, Resource(async_connection)]) -> InputRequiredEvent:
            return InputRequiredEvent()

        @step
        async def take(self, ev: HumanResponseEvent) -> StopEvent:
            return StopEvent()

    async def main() -> None:
        Flow().run()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert log == ["open", "close"]


async def test_an_attempts_own_resource_is_left_whole_when_the_run_ends() -> None:
    """A step that has returned may finish leaving what it was handed; the run's end does not cut it off."""

    async def slow_to_leave() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0.05)
        log.append("left")

    class Flow(Workflow):
        @step
        async def quick(self, ev: StartEvent, n: Annotated[int, Resource(slow_to_leave, cache=False)]) -> None:
            return None

        @step
        async def end(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(0.02)
            return StopEvent()

    await Flow().run()
    assert log == ["left"]
