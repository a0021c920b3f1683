"""``run(checkpoint_callback=...)``: somebody is told after each step, when the state already holds what it made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, WorkflowDeadEndError, step


class Middle(Event):
    """Between the two steps."""

    n: int


class Two(Workflow):
    """Two steps in a row."""

    @step
    async def first(self, ev: StartEvent) -> Middle:
        return Middle(n=1)

    @step
    async def second(self, ev: Middle) -> StopEvent:
        return StopEvent(result="end")


class Told:
    """Notes what it is told, and what the context can be saved as then."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.saved: list[dict[str, Any]] = []

    def __call__(self, **facts: Any) -> None:
        self.calls.append(facts)
        self.saved.append(facts["ctx"].to_dict())


async def test_it_is_called_after_each_step_that_completed() -> None:
    """Once a step, with run id, step, what it took, what it made, and the context."""
    told = Told()
    handler = Two().run(checkpoint_callback=told, topic="x")
    assert await handler == "end"
    assert [(each["last_completed_step"], each["input_event"], each["output_event"]) for each in told.calls] == [
        ("first", StartEvent(topic="x"), Middle(n=1)),
        ("second", Middle(n=1), StopEvent(result="end")),
    ]
    assert {each["run_id"] for each in told.calls} == {handler.run_id}
    assert all(each["ctx"] is handler.ctx for each in told.calls)


async def test_the_state_holds_what_the_step_made() -> None:
    """Saved after the first step, the run goes on with the second; saved after the last, it has ended."""
    told = Told()
    await Two().run(checkpoint_callback=told)
    after_first, after_last = told.saved
    flow = Two()
    again = Told()
    assert await flow.run(ctx=Context.from_dict(flow, after_first), checkpoint_callback=again) == "end"
    assert [each["last_completed_step"] for each in again.calls] == ["second"]
    assert "run" not in after_last or after_last["run"] is None


async def test_an_async_callback_is_awaited_before_the_run_ends() -> None:
    """When the run's result is there, every checkpoint is kept."""
    kept: list[str] = []

    async def keep(**facts: Any) -> None:
        await asyncio.sleep(0.02)
        kept.append(facts["last_completed_step"])

    await Two().run(checkpoint_callback=keep)
    assert kept == ["first", "second"]


@pytest.mark.parametrize("slowly", [False, True])
async def test_a_callback_that_fails_fails_the_run(slowly: bool) -> None:
    """Going on without the checkpoints that were asked for would be a silent loss."""

    def fail(**facts: Any) -> Any:
        async def later() -> None:
            raise OSError("disk full")

        if slowly:
            return later()
        raise OSError("disk full")

    class Longer(Two):
        @step
        async def second(self, ev: Middle) -> StopEvent:
            await asyncio.sleep(0.05)
            return StopEvent()

    with pytest.raises(OSError, match="disk full"):
        await Longer().run(checkpoint_callback=fail)


async def test_a_result_that_is_there_is_not_taken_away(caplog: pytest.LogCaptureFixture) -> None:
    """When the checkpoint of the last step fails, the error is logged, and the run has its result."""

    def fail(**facts: Any) -> None:
        if facts["last_completed_step"] == "second":
            raise OSError("disk full")

    assert await Two().run(checkpoint_callback=fail) == "end"
    assert "disk full" in caplog.text


async def test_steps_that_fail_leave_no_checkpoint() -> None:
    """Only completed steps are told."""

    class Fails(Workflow):
        @step
        async def first(self, ev: StartEvent) -> StopEvent:
            raise OSError("broken")

    told = Told()
    with pytest.raises(OSError, match="broken"):
        await Fails().run(checkpoint_callback=told)
    assert told.calls == []


@pytest.mark.parametrize("slowly", [False, True])
async def test_a_dead_end_is_seen_under_a_callback_too(slowly: bool) -> None:
    """A checkpoint after the last step does not hide that nothing follows."""

    async def later() -> None:
        await asyncio.sleep(0.01)

    class Dead(Workflow):
        @step
        async def first(self, ev: StartEvent) -> StopEvent | None:
            return None

    with pytest.raises(WorkflowDeadEndError):
        await Dead(timeout=None).run(checkpoint_callback=lambda **facts: later() if slowly else None)
