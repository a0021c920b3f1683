"""The public API as a user writes it. Type checkers must accept it, and it must run: tests/test_typing.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, assert_type

from pydantic import BaseModel

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    ExponentialBackoffRetryPolicy,
    FlowGraph,
    HumanResponseEvent,
    InputRequiredEvent,
    Resource,
    RetryInfo,
    RetryPolicy,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowHandler,
    step,
)


class Topic(StartEvent):
    topic: str
    size: int = 1


class Draft(Event):
    text: str


class Review(Event):
    text: str
    good: bool = True


class Question(InputRequiredEvent):
    about: str = ""


class Answer(HumanResponseEvent):
    kind: str = "polite"


class Verdict(StopEvent):
    words: int = 0


class Progress(BaseModel):
    drafts: int = 0
    texts: list[str] = []


@dataclass
class Tally:
    count: int = 0


class Client:
    """Something that steps use."""

    async def ask(self, question: str) -> str:
        """Answer at once."""
        return question.upper()


def make_client() -> Client:
    """A client, made when a step first asks for one."""
    return Client()


class Fridays:
    """A retry policy of one's own: any class with this method."""

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """Once more, at once."""
        return 0.0 if attempts < 1 else None


own: RetryPolicy = Fridays()


class Writing(Workflow):
    """Events with fields, typed state, a join, a resource, retries, a custom start and stop."""

    @step
    async def plan(self, ctx: Context[Progress], ev: Topic) -> Draft | Review:
        """Send one event for each, and return another."""
        assert_type(ev.topic, str)
        assert_type(ev.size, int)
        for n in range(ev.size):
            ctx.send_event(Draft(text=f"{ev.topic} {n}"))
        ctx.send_event(Review(text="late"), step="judge")
        return Review(text="early", good=False)

    @step(num_workers=2, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0), timeout=5.0)
    async def write(
        self, ctx: Context[Progress], ev: Draft, client: Annotated[Client, Resource(make_client)]
    ) -> Review:
        """Change the typed state."""
        assert_type(client, Client)
        assert_type(ctx.retry_info(), RetryInfo)
        async with ctx.store.edit_state() as state:
            assert_type(state, Progress)
            state.drafts += 1
            state.texts.append(ev.text)
        await ctx.store.set("drafts", state.drafts)
        assert_type(await ctx.store.get_state(), Progress)
        return Review(text=await client.ask(ev.text))

    @step(retry_policy=ExponentialBackoffRetryPolicy(maximum_attempts=2) | own)
    async def judge(self, ctx: Context[Progress], ev: Review) -> Verdict | None:
        """Wait for all."""
        reviews = ctx.collect_events(ev, [Review] * 4)
        assert_type(reviews, list[Any] | None)
        if reviews is None:
            return None
        state = await ctx.store.get_state()
        return Verdict(words=sum(len(text.split()) for text in state.texts))


class Talking(Workflow):
    """A human in the loop, state without a class, and a sync step."""

    @step(retry_policy=own)
    async def ask(self, ctx: Context, ev: StartEvent) -> Draft:
        """Wait for one kind of event: what comes back is of that class."""
        await ctx.set("about", ev.get("about", "tea"))
        answer = await ctx.wait_for_event(Answer, waiter_event=Question(about="tea?"), timeout=5)
        assert_type(answer, Answer)
        assert_type(answer.kind, str)
        ctx.write_event_to_stream(Review(text=answer.kind))
        return Draft(text=answer.response)

    @step
    def finish(self, ev: Draft) -> StopEvent:
        """Run in a thread."""
        return StopEvent(result=ev.text)


class Counting(Workflow):
    """A dataclass as state."""

    @step
    async def count(self, ctx: Context[Tally], ev: StartEvent) -> StopEvent:
        """Count the runs."""
        async with ctx.store.edit_state() as state:
            assert_type(state.count, int)
            state.count += 1
        return StopEvent(result=state.count)


functions = Workflow(timeout=60, verbose=False, num_concurrent_runs=2)


@step(workflow=functions)
async def greet(ev: StartEvent) -> StopEvent:
    """A function as a step keeps its type."""
    return StopEvent(result=f"hello {ev.name}")


async def write() -> None:
    """A handler is awaited for the result; its context is typed on request."""
    flow = Writing(timeout=10)
    handler = flow.run(topic="tea", size=2)
    assert_type(handler, WorkflowHandler)
    assert_type(handler.run_id, str)
    assert_type(flow.graph, FlowGraph)
    assert_type(Writing.graph, FlowGraph)
    verdict: Verdict = await handler
    assert_type(verdict.words, int)
    ctx: Context[Progress] = handler.ctx
    state = await ctx.store.get_state()
    assert_type(state.texts, list[str])
    again = await flow.run(ctx=ctx, start_event=Topic(topic="ink", size=2))
    assert isinstance(again, Verdict)


async def talk() -> None:
    """The stream gives events; classes are told apart with isinstance."""
    handler = Talking().run()
    stream = handler.stream_events()
    assert_type(stream, AsyncIterator[Event])
    async for event in stream:
        assert_type(event, Event)
        if isinstance(event, Question):
            assert_type(event.about, str)
            handler.ctx.send_event(Answer(response="milk"))
    assert await handler == "milk"


async def count() -> None:
    """A context made by hand, for two runs."""
    flow = Counting()
    ctx: Context[Tally] = Context(flow)
    await flow.run(ctx=ctx)
    assert await flow.run(ctx=ctx) == 2


async def step_by_step() -> None:
    """A stepwise run hands out events."""
    handler = functions.run(stepwise=True, name="you")
    while (produced := await handler.run_step()) is not None:
        assert_type(produced, list[Event])
        for event in produced:
            handler.ctx.send_event(event)
    assert await handler == "hello you"


async def direct() -> None:
    """A step of a class is a method like any other."""
    made = await Counting().count(Context[Tally](Counting()), StartEvent())
    assert_type(made, StopEvent)
    assert_type(Talking().finish(Draft(text="x")), StopEvent)
    assert_type(await greet(StartEvent(name="you")), StopEvent)


async def main() -> None:
    """All of it."""
    for part in (write, talk, count, step_by_step, direct):
        await part()


if __name__ == "__main__":
    asyncio.run(main())
