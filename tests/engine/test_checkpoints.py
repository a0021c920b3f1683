"""Checkpoints: one after each step, listed, filtered, and gone on from; the same with every keeper."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from wftrace import (
    Context,
    ContextSerdeError,
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowRuntimeError,
    WorkflowStepDoesNotExistError,
    step,
)
from wftrace.engine.checkpoints import Checkpoint, WorkflowCheckpointer
from wftrace.engine.codec import JsonSerializer
from wftrace.engine.errors import CheckpointError
from wftrace.engine.keepers import CheckpointKeeper, MemoryKeeper
from wftrace.engine.sqlite_keeper import SqliteKeeper


class Joke(Event):
    text: str


class Sharper(Joke):
    pass


class Critique(StopEvent):
    text: str


class JokeFlow(Workflow):
    """Tells a joke, sharpens it, criticises it; counts in the state what it did."""

    @step
    async def tell(self, ctx: Context, ev: StartEvent) -> Joke:
        await self.count(ctx, "tell")
        return Joke(text=f"A joke about {ev.topic}")

    @step
    async def sharpen(self, ctx: Context, ev: Joke) -> Sharper:
        await self.count(ctx, "sharpen")
        return Sharper(text=f"{ev.text}!")

    @step
    async def criticise(self, ctx: Context, ev: Sharper) -> Critique:
        await self.count(ctx, "criticise")
        return Critique(text=f"{ev.text} It should be about {await ctx.get('topic', 'nothing else')}.")

    async def count(self, ctx: Context, name: str) -> None:
        await ctx.set("done", [*await ctx.get("done", []), name])


class OtherFlow(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=1)


class Client(BaseModel):
    """No type that the flow declares."""

    url: str = ""


@pytest.fixture(params=["memory", "sqlite"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A keeper of each kind."""
    if request.param == "memory":
        yield MemoryKeeper()
        return
    keeper = SqliteKeeper(tmp_path / "made" / "on" / "demand.db")
    yield keeper
    keeper.close()


def steps_of(found: list[Checkpoint]) -> list[str]:
    return [each.last_completed_step for each in found]


async def told(keeper: CheckpointKeeper, **options: Any) -> tuple[WorkflowCheckpointer, str]:
    """A checkpointer, and the id of a run that has ended."""
    checkpointer = WorkflowCheckpointer(JokeFlow(), keeper, **options)
    handler = checkpointer.run(topic="pirates")
    await handler
    return checkpointer, handler.run_id


async def test_each_completed_step_leaves_a_checkpoint(keeper: CheckpointKeeper) -> None:
    """They stand in order, numbered from 1, with what went in and what came out."""
    checkpointer, run_id = await told(keeper)
    found = checkpointer.checkpoints[run_id]
    assert steps_of(found) == ["tell", "sharpen", "criticise"]
    assert [each.number for each in found] == [1, 2, 3]
    assert {each.run_id for each in found} == {run_id}
    assert found[0].input_event == StartEvent(topic="pirates")
    assert found[1].output_event == Sharper(text="A joke about pirates!")
    assert len({each.id_ for each in found}) == 3
    assert found[0].saved_at <= found[1].saved_at
    assert found[0].saved_at.tzinfo is not None


async def test_a_checkpoint_cannot_be_changed(keeper: CheckpointKeeper) -> None:
    """It is a value."""
    checkpointer, run_id = await told(keeper)
    with pytest.raises(FrozenInstanceError):
        checkpointer.checkpoints[run_id][0].run_id = "other"  # type: ignore[misc]


async def test_a_run_goes_on_from_a_checkpoint(keeper: CheckpointKeeper) -> None:
    """Only the steps behind it run again, with the state of that moment, as a run with checkpoints of its own."""
    checkpointer, run_id = await told(keeper)
    handler = checkpointer.run_from(checkpointer.checkpoints[run_id][0])
    result = await handler
    assert result == Critique(text="A joke about pirates! It should be about nothing else.")
    assert await handler.ctx.get("done") == ["tell", "sharpen", "criticise"]
    assert handler.run_id != run_id
    assert steps_of(checkpointer.checkpoints[handler.run_id]) == ["sharpen", "criticise"]
    assert list(checkpointer.checkpoints) == [run_id, handler.run_id]


async def test_fields_given_to_run_from_are_set_in_the_state(keeper: CheckpointKeeper) -> None:
    """What the page gives as ``topic`` is there for the steps that still run."""
    checkpointer, run_id = await told(keeper)
    result = await checkpointer.run_from(topic="ships", checkpoint=checkpointer.checkpoints[run_id][0])
    assert result.text == "A joke about pirates! It should be about ships."


async def test_a_field_that_the_state_refuses_is_refused(keeper: CheckpointKeeper) -> None:
    """With a typed state an unknown field, or a wrong value, is an error before anything runs."""

    class Notes(BaseModel):
        count: int = 0

    class Typed(Workflow):
        @step
        async def one(self, ctx: Context[Notes], ev: StartEvent) -> Joke:
            return Joke(text="a")

        @step
        async def two(self, ctx: Context[Notes], ev: Joke) -> StopEvent:
            return StopEvent(result=await ctx.store.get("count"))

    checkpointer = WorkflowCheckpointer(Typed(), keeper)
    handler = checkpointer.run()
    assert await handler == 0
    first = checkpointer.checkpoints[handler.run_id][0]
    assert await checkpointer.run_from(first, count=7) == 7
    with pytest.raises(WorkflowRuntimeError, match=r"'topic' cannot be given to run_from: .* no field 'topic'"):
        checkpointer.run_from(first, topic="ships")
    with pytest.raises(WorkflowRuntimeError, match="'count' of Notes cannot be"):
        checkpointer.run_from(first, count="many")


async def test_run_from_takes_no_start(keeper: CheckpointKeeper) -> None:
    """A start event for a run that has begun already is refused, not set in the state."""
    checkpointer, run_id = await told(keeper)
    with pytest.raises(WorkflowRuntimeError, match="takes no 'start_event'"):
        checkpointer.run_from(checkpointer.checkpoints[run_id][0], start_event=StartEvent())


async def test_the_last_checkpoint_of_a_run_is_its_end(keeper: CheckpointKeeper) -> None:
    """There is nothing to go on with, and the error says what to do."""
    checkpointer, run_id = await told(keeper)
    last = checkpointer.checkpoints[run_id][-1]
    assert last.output_event == Critique(text="A joke about pirates! It should be about nothing else.")
    with pytest.raises(WorkflowRuntimeError, match=r"is the end of its run.*an earlier one, or start anew"):
        checkpointer.run_from(last)


async def test_a_checkpoint_of_another_workflow_is_refused(keeper: CheckpointKeeper) -> None:
    """It is an error that names both."""
    checkpointer, run_id = await told(keeper)
    with pytest.raises(ContextSerdeError, match=r"'JokeFlow'.*'OtherFlow'"):
        WorkflowCheckpointer(OtherFlow(), keeper).run_from(checkpointer.checkpoints[run_id][0])


async def test_a_damaged_state_is_refused(keeper: CheckpointKeeper) -> None:
    """A checkpoint whose state somebody has changed is a ContextSerdeError."""
    checkpointer, run_id = await told(keeper)
    first = checkpointer.checkpoints[run_id][0]
    for state in ({}, {**first.ctx_state, "run": {"steps": 1}}, {**first.ctx_state, "format": "other@9"}):
        with pytest.raises(ContextSerdeError):
            checkpointer.run_from(replace(first, ctx_state=state))


async def test_a_keeper_may_serve_several_workflows(keeper: CheckpointKeeper) -> None:
    """Each checkpointer sees the runs of its own."""
    checkpointer, run_id = await told(keeper)
    other = WorkflowCheckpointer(OtherFlow(), keeper)
    handler = other.run()
    await handler
    assert list(checkpointer.checkpoints) == [run_id]
    assert list(other.checkpoints) == [handler.run_id]
    assert run_id not in other.checkpoints
    assert list(keeper.runs()) == [run_id, handler.run_id]


async def test_an_unknown_run_has_no_checkpoints(keeper: CheckpointKeeper) -> None:
    """It is a KeyError, as in any mapping."""
    checkpointer, _ = await told(keeper)
    with pytest.raises(KeyError):
        checkpointer.checkpoints["never"]
    assert len(checkpointer.checkpoints) == 1
    assert "never" not in checkpointer.checkpoints


async def test_disabled_steps_leave_none(keeper: CheckpointKeeper) -> None:
    """Steps are disabled and enabled by name, before a run and between runs."""
    checkpointer, run_id = await told(keeper, disabled_steps=["tell", "criticise"])
    assert steps_of(checkpointer.checkpoints[run_id]) == ["sharpen"]
    assert checkpointer.enabled_checkpoints == {"sharpen"}
    checkpointer.enable_checkpoint("tell")
    checkpointer.disable_checkpoint("sharpen")
    handler = checkpointer.run(topic="a")
    await handler
    assert steps_of(checkpointer.checkpoints[handler.run_id]) == ["tell"]


def test_unknown_steps_are_refused() -> None:
    """Wherever a step is named, one that is not there is an error that lists those that are."""
    checkpointer = WorkflowCheckpointer(JokeFlow())
    for call in (
        checkpointer.enable_checkpoint,
        checkpointer.disable_checkpoint,
        lambda name: checkpointer.filter_checkpoints(last_completed_step=name),
        lambda name: WorkflowCheckpointer(JokeFlow(), disabled_steps=[name]),
    ):
        with pytest.raises(WorkflowStepDoesNotExistError, match="no step 'sing'; it has 'tell', 'sharpen'"):
            call("sing")


async def test_checkpoints_are_filtered(keeper: CheckpointKeeper) -> None:
    """By run, by step, by the exact class of what went in or came out, and by several at once."""
    checkpointer, first = await told(keeper)
    second = checkpointer.run(topic="ships")
    await second
    find = checkpointer.filter_checkpoints
    assert [each.run_id for each in find(last_completed_step="tell")] == [first, second.run_id]
    assert steps_of(find(run_id=first)) == ["tell", "sharpen", "criticise"]
    assert steps_of(find(input_event_type=Joke, run_id=first)) == ["sharpen"]
    assert steps_of(find(output_event_type=Sharper, run_id=first)) == ["sharpen"]
    assert find(run_id=first, last_completed_step="tell", input_event_type=Joke) == []
    with pytest.raises(ValueError, match="Please specify a filter"):
        find()


async def test_state_that_cannot_be_saved_fails_the_run(keeper: CheckpointKeeper) -> None:
    """The error names the value and the cure, and with the cure the run succeeds."""

    class Connecting(Workflow):
        @step
        async def connect(self, ctx: Context, ev: StartEvent) -> Joke:
            await ctx.set("client", Client())
            return Joke(text="")

        @step
        async def end(self, ev: Joke) -> StopEvent:
            return StopEvent()

    with pytest.raises(ContextSerdeError, match=r"state\['client'\].*JsonSerializer\(types=\[Client\]\)"):
        await WorkflowCheckpointer(Connecting(), keeper).run()
    known = WorkflowCheckpointer(Connecting(), keeper, checkpoint_serializer=JsonSerializer(types=[Client]))
    handler = known.run()
    await handler
    assert len(known.checkpoints[handler.run_id]) == 2


async def test_an_event_that_is_not_known_here_is_refused(keeper: CheckpointKeeper) -> None:
    """A checkpoint of code that has changed is a CheckpointError that names it, and stays in the keeper."""
    _, run_id = await told(keeper)

    class Sung(Event):
        pass

    class Changed(Workflow):
        @step
        async def sing(self, ev: StartEvent) -> Sung:
            return Sung()

        @step
        async def end(self, ev: Sung) -> StopEvent:
            return StopEvent()

    Changed.__name__ = "JokeFlow"
    with pytest.raises(CheckpointError, match=r"checkpoint 1 of run .*\(after 'tell'\).*Joke' is not known"):
        WorkflowCheckpointer(Changed(), keeper).checkpoints[run_id]
    assert list(keeper.runs()) == [run_id]


async def test_a_stepwise_run_goes_on_from_a_checkpoint(keeper: CheckpointKeeper) -> None:
    """What was held back when the checkpoint was made is produced again."""
    checkpointer = WorkflowCheckpointer(JokeFlow(), keeper)
    handler = checkpointer.run(topic="pirates", stepwise=True)
    await handler.run_step()
    await handler.cancel_run()
    again = checkpointer.run_from(checkpointer.checkpoints[handler.run_id][0], stepwise=True)
    assert await again.run_step() == [Joke(text="A joke about pirates")]
    await again.cancel_run()
