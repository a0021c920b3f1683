"""``ctx.to_dict`` and ``Context.from_dict``: a run goes on where it was saved, in this process or in another."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    ContextSerdeError,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowRuntimeError,
    recording,
    step,
)
from wftrace.testing import run_deterministic


def through_json(data: dict[str, Any]) -> dict[str, Any]:
    """As another process would get it."""
    loaded: dict[str, Any] = json.loads(json.dumps(data))
    return loaded


async def saved(handler: Any) -> dict[str, Any]:
    """The run as it is now, which is then cancelled: what follows happens elsewhere."""
    data: dict[str, Any] = through_json(handler.ctx.to_dict())
    await handler.cancel_run()
    return data


class Ask(Workflow):
    """Asks a human, and keeps something in its state meanwhile."""

    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> InputRequiredEvent:
        await ctx.set("topic", ev.topic)
        return InputRequiredEvent(prefix="how many? ")

    @step
    async def take(self, ctx: Context, ev: HumanResponseEvent) -> StopEvent:
        return StopEvent(result=(await ctx.get("topic"), ev.response))


async def until_idle() -> None:
    """Let steps that need no time finish."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_run_that_waits_for_a_human_goes_on_in_another_process() -> None:
    """Saved while the question is open, restored by another instance, answered there."""
    handler = Ask().run(topic="ships")
    await until_idle()
    data = await saved(handler)
    other = Ask()
    handler = other.run(ctx=Context.from_dict(other, data))
    handler.ctx.send_event(HumanResponseEvent(response=7))
    assert await handler == ("ships", 7)


async def test_a_question_that_nobody_has_read_is_on_the_stream_again() -> None:
    """Whoever takes the run over learns what is asked; a question that was read before is not asked again."""
    handler = Ask().run(topic="ships")
    await until_idle()
    unread = through_json(handler.ctx.to_dict())
    async for _ in handler.stream_events():
        break
    read = await saved(handler)
    for data, expected in ((unread, ["how many? "]), (read, [])):
        again = Ask().run(ctx=Context.from_dict(Ask(), data))
        again.ctx.send_event(HumanResponseEvent(response=1))
        await again
        asked = [event.prefix async for event in again.stream_events() if isinstance(event, InputRequiredEvent)]
        assert asked == expected


async def test_the_run_keeps_its_id_and_counts_on() -> None:
    """Run id, event ids and sequence numbers go on; the second part is segment 2, and no start event is made."""
    with recording() as first:
        handler = Ask().run(topic="ships")
        await until_idle()
        data = await saved(handler)
    with recording() as second:
        again = Ask().run(ctx=Context.from_dict(Ask(), data))
        again.ctx.send_event(HumanResponseEvent(response=1))
        await again
    (before,), (after,) = first.runs(), second.runs()
    assert before.run_id == after.run_id == handler.run_id
    assert [each.number for run in (before, after) for each in run.segments] == [1, 2]
    assert min(each.seq for each in after.attempts) > max(each.seq for each in before.attempts)
    assert [each.execution_id for each in after.attempts] == ["take#1"]


class Work(Event):
    """One of many."""

    n: int


class Done(Event):
    """What became of it."""

    n: int


class Fan(Workflow):
    """Fans out over one worker, and joins."""

    def __init__(self, started: list[int], hold: asyncio.Event) -> None:
        super().__init__(timeout=None)
        self.started = started
        self.hold = hold

    @step
    async def split(self, ctx: Context, ev: StartEvent) -> Work | None:
        for n in range(5):
            ctx.send_event(Work(n=n))
        return None

    @step(num_workers=1)
    async def work(self, ev: Work) -> Done:
        self.started.append(ev.n)
        if ev.n == 2:
            await self.hold.wait()
        return Done(n=ev.n)

    @step
    async def join(self, ctx: Context, ev: Done) -> StopEvent | None:
        done = ctx.collect_events(ev, [Done] * 5)
        return None if done is None else StopEvent(result=[each.n for each in done])


async def test_queues_joins_and_what_was_under_way_are_restored() -> None:
    """Two of five are in the join, one is under way, two are queued: the one starts again, none is done twice."""
    first: list[int] = []
    handler = Fan(first, asyncio.Event()).run()
    await until_idle()
    assert first == [0, 1, 2]
    data = await saved(handler)
    then: list[int] = []
    go = asyncio.Event()
    go.set()
    fan = Fan(then, go)
    assert await fan.run(ctx=Context.from_dict(fan, data)) == [0, 1, 2, 3, 4]
    assert then == [2, 3, 4]


class Flaky(Workflow):
    """Fails once; the retry comes after a minute."""

    failed = False

    @step(retry_policy=ConstantDelayRetryPolicy(3, 60))
    async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
        if not await ctx.get("failed", False):
            await ctx.set("failed", True)
            raise OSError("once")
        info = ctx.retry_info()
        return StopEvent(result=(info.retry_number, str(info.last_exception), asyncio.get_running_loop().time()))


def test_a_retry_comes_after_what_was_left_of_its_delay() -> None:
    """Saved 45 s into a back-off of 60 s, the retry comes 15 s after the restore, and knows of the failure."""

    async def first() -> dict[str, Any]:
        handler = Flaky(timeout=None).run()
        await asyncio.sleep(45)
        return await saved(handler)

    async def second(data: dict[str, Any]) -> tuple[int, str, float]:
        since = asyncio.get_running_loop().time()
        flow = Flaky(timeout=None)
        number, error, at = await flow.run(ctx=Context.from_dict(flow, data))
        return number, error, at - since

    number, error, waited = run_deterministic(second(run_deterministic(first())))
    assert number == 1
    assert "once" in error
    assert waited == pytest.approx(15)


class Waits(Workflow):
    """Waits twice inside one step, and counts how often it began."""

    begun = 0

    @step
    async def talk(self, ctx: Context, ev: StartEvent) -> StopEvent:
        type(self).begun += 1
        first = await ctx.wait_for_event(HumanResponseEvent, InputRequiredEvent(prefix="first"), requirements={"n": 1})
        second = await ctx.wait_for_event(
            HumanResponseEvent, InputRequiredEvent(prefix="second"), requirements={"n": 2}
        )
        return StopEvent(result=[first.response, second.response])


async def test_a_step_that_waits_starts_again_and_finds_its_answers() -> None:
    """The first answer came before the save and is not asked for again; the second comes before the step waits."""
    Waits.begun = 0
    handler = Waits().run()
    await until_idle()
    handler.ctx.send_event(HumanResponseEvent(response="one", n=1))
    await until_idle()
    data = await saved(handler)
    again = Waits().run(ctx=Context.from_dict(Waits(), data))
    again.ctx.send_event(HumanResponseEvent(response="two", n=2))
    assert await again == ["one", "two"]
    assert Waits.begun == 2


class Joiner(Workflow):
    """Joins, then fails once: the retry gets the same answer."""

    @step
    async def split(self, ctx: Context, ev: StartEvent) -> Work | None:
        ctx.send_event(Work(n=1))
        return Work(n=2)

    @step(num_workers=1, retry_policy=ConstantDelayRetryPolicy(1, 60))
    async def join(self, ctx: Context, ev: Work) -> StopEvent | None:
        both = ctx.collect_events(ev, [Work, Work])
        if both is None:
            return None
        if not await ctx.get("failed", False):
            await ctx.set("failed", True)
            raise OSError
        return StopEvent(result=[each.n for each in both])


def test_a_retry_after_a_restore_gets_the_answer_of_its_join() -> None:
    """What a join has handed over is not in the join any more; the retry gets it all the same."""

    async def first() -> dict[str, Any]:
        handler = Joiner(timeout=None).run()
        await asyncio.sleep(30)
        return await saved(handler)

    async def second(data: dict[str, Any]) -> Any:
        flow = Joiner(timeout=None)
        return await flow.run(ctx=Context.from_dict(flow, data))

    assert run_deterministic(second(run_deterministic(first()))) == [1, 2]


async def test_a_stepwise_run_hands_out_again_what_was_not_sent_on() -> None:
    """Events that were in the caller's hand when the run was saved are handed out again."""
    handler = Ask().run(topic="ships", stepwise=True)
    made = await handler.run_step()
    assert made
    data = await saved(handler)
    again = Ask().run(ctx=Context.from_dict(Ask(), data), stepwise=True)
    assert [type(event) for event in await again.run_step() or []] == [InputRequiredEvent]
    await again.cancel_run()


class State(BaseModel):
    """A typed state."""

    count: int = 0


class Counting(Workflow):
    """Counts its runs in a typed state."""

    @step
    async def count(self, ctx: Context[State], ev: StartEvent) -> StopEvent:
        async with ctx.store.edit_state() as state:
            state.count += 1
        return StopEvent(result=state.count)


async def test_a_typed_state_survives_and_the_next_run_starts_anew() -> None:
    """Of a run that has ended the state is saved; a run with it begins with a start event."""
    flow = Counting()
    handler = flow.run()
    assert await handler == 1
    context = Context.from_dict(flow, through_json(handler.ctx.to_dict()))
    assert await flow.run(ctx=context) == 2


async def test_fields_for_a_start_event_that_is_long_past_are_refused() -> None:
    """They would be lost; the error says where to put them."""
    handler = Ask().run(topic="ships")
    await until_idle()
    data = await saved(handler)
    with pytest.raises(WorkflowRuntimeError, match=r"topic would be lost.*ctx\.store\.set"):
        Ask().run(ctx=Context.from_dict(Ask(), data), topic="planes")


async def test_another_workflow_does_not_take_it() -> None:
    """A run is restored by the workflow that saved it."""
    handler = Ask().run(topic="ships")
    await until_idle()
    data = await saved(handler)
    with pytest.raises(ContextSerdeError, match="'Ask' and cannot go on in 'Waits'"):
        Context.from_dict(Waits(), data)


@pytest.mark.parametrize("found", [None, 3, [], "x", {}, {"format": "wftrace/context@99"}, {"format": []}])
def test_what_is_no_saved_context_is_refused(found: Any) -> None:
    """Foreign data and other versions are named, with what was expected."""
    with pytest.raises(ContextSerdeError, match="wftrace/context@1"):
        Context.from_dict(Ask(), found)


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside JSON data."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in pairs for place in _places(value, (*path, key)))]


@pytest.mark.parametrize("rubbish", [None, -1, "", "x", [], {}, [[]], {"$": "x", "v": 1}, 1e308])
async def test_damage_anywhere_is_an_error_of_ours_or_does_no_harm(rubbish: Any) -> None:
    """Whatever stands anywhere in the document: it is refused as a ContextSerdeError, or read as data."""
    handler = Fan([], asyncio.Event()).run()
    await until_idle()
    data = await saved(handler)
    refused = 0
    for place in _places(data)[1:]:
        damaged = through_json(data)
        inside = damaged
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = rubbish
        try:
            Context.from_dict(Fan([], asyncio.Event()), damaged)
        except ContextSerdeError:
            refused += 1
    assert refused


class Client:
    """Nothing that could be saved."""


async def test_a_value_that_cannot_be_saved_is_named() -> None:
    """The error says where the value is, what it is, and what to do."""

    class Holds(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> InputRequiredEvent:
            await ctx.set("client", Client())
            return InputRequiredEvent()

        @step
        async def take(self, ev: HumanResponseEvent) -> StopEvent:
            return StopEvent()

    handler = Holds().run()
    await until_idle()
    with pytest.raises(ContextSerdeError, match=r"state\['client'\].*Client"):
        handler.ctx.to_dict()
    await handler.cancel_run()


async def test_a_restored_context_that_was_not_run_yet_can_be_saved_again() -> None:
    """Nothing is lost between ``from_dict`` and ``run``."""
    handler = Ask().run(topic="ships")
    await until_idle()
    data = await saved(handler)
    assert through_json(Context.from_dict(Ask(), data).to_dict()) == data


async def test_saving_changes_nothing() -> None:
    """Saved twice in a row, the documents differ in nothing but time; the run goes on."""
    handler = Ask().run(topic="ships")
    await until_idle()
    handler.ctx.to_dict()
    handler.ctx.to_dict()
    handler.ctx.send_event(HumanResponseEvent(response=1))
    assert await handler == ("ships", 1)


async def test_a_run_that_waits_for_its_turn_is_saved_with_its_start_event() -> None:
    """It has not begun; restored, it begins with its fields and with what was sent to it meanwhile."""
    flow = Ask(num_concurrent_runs=1)
    first = flow.run(topic="first")
    second = flow.run(topic="second")
    second.ctx.send_event(HumanResponseEvent(response=2))
    data = through_json(second.ctx.to_dict())
    await second.cancel_run()
    await first.cancel_run()
    other = Ask()
    assert await other.run(ctx=Context.from_dict(other, data)) == ("second", 2)


async def test_a_restored_run_that_waits_for_its_turn_is_saved_again() -> None:
    """Saved, restored, and saved before its turn came: nothing is lost."""
    handler = Ask().run(topic="ships")
    await until_idle()
    data = await saved(handler)
    flow = Ask(num_concurrent_runs=1)
    busy = flow.run(topic="first")
    again = through_json(flow.run(ctx=Context.from_dict(flow, data)).ctx.to_dict())
    await busy.cancel_run()
    last = Ask().run(ctx=Context.from_dict(Ask(), again))
    last.ctx.send_event(HumanResponseEvent(response=3))
    assert await last == ("ships", 3)


async def test_a_refused_run_leaves_the_saved_run_in_its_context() -> None:
    """Whoever follows the error's advice goes on with the run, and does not begin anew."""
    handler = Ask().run(topic="ships")
    await until_idle()
    context = Context.from_dict(Ask(), await saved(handler))
    with pytest.raises(WorkflowRuntimeError):
        Ask().run(ctx=context, topic="planes")
    again = Ask().run(ctx=context)
    again.ctx.send_event(HumanResponseEvent(response=4))
    assert await again == ("ships", 4)


async def test_a_half_done_edit_is_not_saved() -> None:
    """The step that edits starts again after a restore, so its change must not be there yet."""

    class Edits(Workflow):
        @step
        async def edit(self, ctx: Context, ev: StartEvent) -> StopEvent:
            async with ctx.store.edit_state() as state:
                state["n"] = state.get("n", 0) + 1
                await asyncio.sleep(0.02)
            return StopEvent(result=state["n"])

    handler = Edits().run()
    await until_idle()
    data = await saved(handler)
    assert await Edits().run(ctx=Context.from_dict(Edits(), data)) == 1


class Polls(Workflow):
    """Waits again and again, in vain."""

    @step
    async def poll(self, ctx: Context, ev: StartEvent) -> StopEvent:
        for _ in range(50):
            try:
                await ctx.wait_for_event(HumanResponseEvent, timeout=1)
            except TimeoutError:
                continue
        await asyncio.sleep(1000)
        return StopEvent()


def test_waits_in_vain_are_not_saved() -> None:
    """A step that polls does not make its saved run grow."""

    async def main() -> dict[str, Any]:
        handler = Polls(timeout=None).run()
        await asyncio.sleep(100)
        return await saved(handler)

    data = run_deterministic(main())
    (running,) = data["run"]["steps"]["poll"]["running"]
    assert "waits" not in running["past"]


async def test_a_stepwise_run_may_go_on_as_a_common_one() -> None:
    """What was held back goes its way."""

    class Plain(Workflow):
        @step
        async def first(self, ev: StartEvent) -> Done:
            return Done(n=1)

        @step
        async def second(self, ev: Done) -> StopEvent:
            return StopEvent(result=ev.n)

    handler = Plain().run(stepwise=True)
    assert await handler.run_step()
    data = await saved(handler)
    assert await Plain().run(ctx=Context.from_dict(Plain(), data)) == 1


def test_a_context_is_read_for_a_workflow_not_for_its_class() -> None:
    """The error says what is wanted."""
    with pytest.raises(TypeError, match=r"takes a workflow, MyWorkflow\(\)"):
        Context.from_dict(Ask, {})
    with pytest.raises(TypeError, match=r"takes a workflow, MyWorkflow\(\)"):
        Context(Ask)
