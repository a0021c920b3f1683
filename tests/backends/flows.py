"""Flows with everything that a trace has to tell. As a program: run some of them, traced, and keep what was recorded.

    python flows.py TARGET FILE NAME…

The spans that a recorder saw in the process go to FILE; the names and run ids are printed. Nothing but the run's own
spans is in either, and both have the same ids of runs, events and executions.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping

from report_flow import ApprovalGiven, ApprovalRequested, ReportFlow

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    recording,
    step,
    trace_to,
)
from wftrace.exporters.file import FileSpanExporter

WIDE = 500


class Part(Event):
    """A piece of work."""

    number: int


class Done(Event):
    """A piece that is done."""

    number: int


class Wide(Workflow):
    """Five hundred events at once, joined again."""

    @step
    async def split(self, ctx: Context, ev: StartEvent) -> Part | None:
        for number in range(WIDE):
            ctx.send_event(Part(number=number))
        return None

    @step(num_workers=50)
    async def work(self, ev: Part) -> Done:
        return Done(number=ev.number)

    @step
    async def join(self, ctx: Context, ev: Done) -> StopEvent | None:
        done = ctx.collect_events(ev, [Done] * WIDE)
        return None if done is None else StopEvent(result=len(done))


class Inner(Workflow):
    """A flow inside another."""

    @step(retry_policy=ConstantDelayRetryPolicy(delay=0.001, maximum_attempts=2))
    async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
        if ev.word not in _seen:
            _seen.add(ev.word)
            raise OSError(f"{ev.word} is not there yet")
        return StopEvent(result=ev.word.upper())


class Outer(Workflow):
    """Runs the inner flow twice."""

    @step
    async def call(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=[await Inner().run(word=word) for word in ("a", "b")])


class Failing(Workflow):
    """Fails, with much to say that is hard to write down."""

    @step
    async def start(self, ev: StartEvent) -> Part:
        return Part(number=1)

    @step(retry_policy=ConstantDelayRetryPolicy(delay=0.001, maximum_attempts=3))
    async def fail(self, ev: Part) -> StopEvent:
        raise ValueError("\ud800 lone, \x00 null, <b>&\"' äöü 漢字 🥋 \u202e" + "long " * 3000)


class Ask(InputRequiredEvent):
    """A question."""


class Say(HumanResponseEvent):
    """Its answer."""


class Paused(Workflow):
    """Asks, and is put away until the answer comes."""

    @step
    async def ask(self, ev: StartEvent) -> Ask:
        return Ask(prefix="well?")

    @step
    async def say(self, ev: Say) -> StopEvent:
        return StopEvent(result=ev.response)


async def report() -> str:
    """The reference flow: the draft is refused once, then published."""
    handler = ReportFlow(fetch_seconds=0.002, step_seconds=0.0).run()
    answers = [ApprovalGiven(approved=False), ApprovalGiven(approved=True)]
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequested):
            handler.ctx.send_event(answers.pop(0))
    await handler
    return handler.run_id


async def wide() -> str:
    """Much at once."""
    handler = Wide(timeout=60).run()
    assert await handler == WIDE
    return handler.run_id


async def nested() -> str:
    """A run in a run."""
    handler = Outer().run()
    assert await handler == ["A", "B"]
    return handler.run_id


async def failing() -> str:
    """A run that fails, with inputs that are hard to write down."""
    handler = Failing().run(text="\ud800\x00 <script>", deep={"a": [{"b": float("nan")}]}, raw=b"\xff", big=10**40)
    try:
        await handler
    except ValueError:
        return handler.run_id
    raise AssertionError("it did not fail")


async def paused() -> str:
    """A run in two segments, each a trace of its own."""
    flow = Paused()
    handler = flow.run()
    async for event in handler.stream_events():
        if isinstance(event, Ask):
            break
    saved = handler.ctx.to_dict()
    await handler.cancel_run()
    again = flow.run(ctx=Context.from_dict(flow, saved))
    again.ctx.send_event(Say(response="yes"))
    assert await again == "yes"
    return again.run_id


_seen: set[str] = set()

FLOWS: Mapping[str, Callable[[], Awaitable[str]]] = {
    each.__name__: each for each in (report, wide, nested, failing, paused)
}


async def _main(names: list[str]) -> None:
    for name in names:
        sys.stdout.write(f"{name} {await FLOWS[name]()}\n")


if __name__ == "__main__":
    target, file, *wanted = sys.argv[1:]
    os.environ.setdefault("WFTRACE_CAPTURE", "full")
    with recording() as recorder, trace_to(target) as place:
        asyncio.run(_main(wanted))
        if not place.close(60.0):
            sys.exit("not everything was sent")
    FileSpanExporter(file).write(list(recorder.spans))
