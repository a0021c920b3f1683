"""Waits are spans: for a retry, for an event inside a step, for a human, for a join to fill."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.telemetry.watching import Trace, Watch
from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowHandler,
    step,
)
from wftrace import semconv as words
from wftrace.trace import Span

PAUSE = 0.02


class Part(Event):
    n: int


class Answer(HumanResponseEvent):
    pass


class Question(InputRequiredEvent):
    pass


class Retried(Workflow):
    @step(retry_policy=ConstantDelayRetryPolicy(1, PAUSE))
    async def work(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
        if ctx.retry_info().retry_number == 0:
            raise OSError("once")
        return StopEvent()


class Joined(Workflow):
    @step
    async def begin(self, ctx: Context[Any], ev: StartEvent) -> Part | None:
        ctx.send_event(Part(n=1))
        await asyncio.sleep(PAUSE)
        ctx.send_event(Part(n=2))
        return None

    @step
    async def join(self, ctx: Context[Any], ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Part, Part]) else None


class Asking(Workflow):
    """Asks by events: one step makes the question, another takes the answer."""

    @step
    async def ask(self, ev: StartEvent) -> Question:
        return Question(prefix="?")

    @step
    async def end(self, ev: Answer) -> StopEvent:
        return StopEvent(result=ev.response)


class Waiting(Workflow):
    """Asks and waits inside one step."""

    @step
    async def ask(self, ctx: Context[Any], ev: StartEvent) -> StopEvent:
        answer = await ctx.wait_for_event(Answer, Question(prefix="?"), timeout=ev.get("seconds", 5))
        return StopEvent(result=answer.response)


async def answer(handler: WorkflowHandler) -> Any:
    """Answer a question after a pause."""
    async for event in handler.stream_events():
        if isinstance(event, Question):
            await asyncio.sleep(PAUSE)
            handler.ctx.send_event(Answer(response="yes"))
    return await handler


def parent(trace: Trace, span: Span) -> Span:
    """The span above a span."""
    return next(each for each in trace.spans if each.span_id == span.parent_id)


def lasts(span: Span) -> bool:
    """Whether a wait is about as long as the pause."""
    return PAUSE * 0.9 < (span.end_ns - span.start_ns) / 1e9 < PAUSE * 20


CASES = [
    pytest.param(Retried(), None, "retry", "wait retry", "retry", id="retry"),
    pytest.param(Joined(), None, "join", "wait Part", f"{__name__}.Part", id="join"),
    pytest.param(Asking(), answer, "human", "wait Answer", f"{__name__}.Answer", id="human"),
    pytest.param(Waiting(), answer, "event", "wait Answer", f"{__name__}.Answer", id="event"),
    pytest.param(Waiting(), answer, "human", "wait Answer", f"{__name__}.Answer", id="human in a step"),
]


@pytest.mark.parametrize(("flow", "drive", "kind", "name", "waiting_for"), CASES)
def test_a_wait_is_one_span(watch: Watch, flow: Workflow, drive: Any, kind: str, name: str, waiting_for: str) -> None:
    """With the name, the kind, what was waited for, how it ended, and as long as the wait."""
    (wait,) = watch.run(flow, drive).waits(kind)
    assert wait.name == name
    assert wait.attributes[words.WAITING_FOR] == waiting_for
    assert wait.attributes[words.OUTCOME] == "completed"
    assert wait.status == "unset"
    assert lasts(wait)


def test_a_retry_wait_lies_between_the_attempts(watch: Watch) -> None:
    """From the end of the failed attempt to the start of the next; a child of the run, linked to the failure."""
    trace = watch.run(Retried())
    (wait,) = trace.waits("retry")
    first, second = trace.attempts("work")
    assert first.end_ns <= wait.start_ns <= wait.end_ns <= second.start_ns
    assert wait.parent_id == trace.run.span_id
    assert [(link.span_id, link.attributes[words.LINK_TYPE]) for link in wait.links] == [(first.span_id, "retry_of")]
    assert wait.attributes[words.EXECUTION_ID] == "work#1"


def test_a_join_wait_names_the_events_that_it_joined(watch: Watch) -> None:
    """A child of the attempt that filled the join."""
    trace = watch.run(Joined())
    (wait,) = trace.waits("join")
    assert wait.attributes[words.INPUT_EVENT_IDS] == ("Part#2", "Part#3")
    assert parent(trace, wait) == trace.attempts("join")[-1]


def test_a_human_wait_names_question_and_answer(watch: Watch) -> None:
    """A child of the run; the execution is the one that asked."""
    trace = watch.run(Asking(), answer)
    (wait,) = trace.waits("human")
    assert wait.attributes[words.INPUT_EVENT_IDS] == ("Question#2", "Answer#3")
    assert wait.attributes[words.EXECUTION_ID] == "ask#1"
    assert wait.parent_id == trace.run.span_id


def test_a_wait_inside_a_step_is_a_child_of_its_attempt(watch: Watch) -> None:
    """And names the event that came."""
    trace = watch.run(Waiting(), answer)
    (wait,) = trace.waits("event")
    assert parent(trace, wait) == trace.attempt("ask")
    assert wait.attributes[words.INPUT_EVENT_IDS] == ("Answer#3",)


def test_a_wait_in_vain_is_told(watch: Watch) -> None:
    """Nobody answers within the step's own limit: the wait has timed out."""
    (wait,) = watch.run(Waiting(), seconds=0.01).waits("event")
    assert wait.attributes[words.OUTCOME] == "timed_out"
    assert words.INPUT_EVENT_IDS not in wait.attributes


def test_a_retry_that_never_came_is_told(watch: Watch) -> None:
    """The run was cancelled during the back-off."""

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(1, 60))
        async def work(self, ev: StartEvent) -> StopEvent:
            raise OSError("once")

    async def drive(handler: WorkflowHandler) -> None:
        await asyncio.sleep(0.01)
        await handler.cancel_run()

    trace = watch.run(Flow(), drive)
    (wait,) = trace.waits("retry")
    assert wait.attributes[words.OUTCOME] == "cancelled"
    assert len(trace.attempts()) == 1


def test_an_answer_comes_from_outside(watch: Watch) -> None:
    """Its emission is a child of the run, without a producer."""
    (given,) = watch.run(Asking(), answer).emissions("Answer")
    assert given.attributes[words.EVENT_MODE] == "outside"
    assert given.attributes[words.EVENT_EXECUTION_ID] == ""
