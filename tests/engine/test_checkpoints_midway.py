"""Checkpoints in the middle of things: whatever was on its way, held, backed off or awaited goes on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from wftrace.engine.checkpoints import WorkflowCheckpointer
from wftrace.testing import for_seeds, running_loop


class Item(Event):
    n: int


class Done(Event):
    n: int
    double: int


class Ask(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class FanOut(Workflow):
    """Five items for two workers, some of which fail at first; a join of all; then a human is asked."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> Item | None:
        for n in range(5):
            ctx.send_event(Item(n=n))
        return None

    @step(num_workers=2, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=2, delay=0.01))
    async def work(self, ctx: Context, ev: Item) -> Done:
        await asyncio.sleep(0.001 * (5 - ev.n))
        if ev.n % 2 and ctx.retry_info().retry_number == 0:
            raise OSError("not yet")
        return Done(n=ev.n, double=2 * ev.n)

    @step
    async def join(self, ctx: Context, ev: Done) -> Ask | None:
        found = ctx.collect_events(ev, [Done] * 5)
        if found is None:
            return None
        await ctx.set("found", sorted((each.n, each.double) for each in found))
        return Ask(prefix="good?")

    @step
    async def end(self, ctx: Context, ev: Answer) -> StopEvent:
        return StopEvent(result=(await ctx.get("found"), ev.response))


async def answered(handler: Any) -> Any:
    """The result of a run, once its question has been answered."""
    async for event in handler.stream_events():
        if isinstance(event, Ask):
            handler.ctx.send_event(Answer(response="yes"))
    return await handler


@for_seeds(30)
async def test_every_checkpoint_leads_to_the_result() -> None:
    """From each of them, with items queued, held by the join, in back-off, or a question open, the end is the same."""
    checkpointer = WorkflowCheckpointer(FanOut())
    handler = checkpointer.run()
    expected = await answered(handler)
    assert expected == ([(n, 2 * n) for n in range(5)], "yes")
    found = checkpointer.checkpoints[handler.run_id]
    assert len(found) == 1 + 5 + 5 + 1
    for checkpoint in found[:-1]:
        assert await answered(checkpointer.run_from(checkpoint)) == expected, checkpoint.last_completed_step


@for_seeds(30)
async def test_a_checkpoint_of_a_resumed_run_leads_to_the_result_too() -> None:
    """One may go on from a run that went on from another one, any number of times."""
    checkpointer = WorkflowCheckpointer(FanOut())
    handler = checkpointer.run()
    expected = await answered(handler)
    random = running_loop().random
    for _ in range(3):
        handler = checkpointer.run_from(random.choice(checkpointer.checkpoints[handler.run_id][:-1]))
        assert await answered(handler) == expected
        if len(checkpointer.checkpoints[handler.run_id]) == 1:
            break


FLOW = """
    import asyncio, sys
    from wftrace import Context, Event, StartEvent, StopEvent, Workflow, step
    from wftrace.engine.checkpoints import WorkflowCheckpointer
    from wftrace.engine.sqlite_keeper import SqliteKeeper

    class Page(Event):
        number: int

    class Book(Workflow):
        @step
        async def read(self, ctx: Context, ev: StartEvent | Page) -> Page | StopEvent:
            number = ev.get("number", 0)
            await ctx.set("pages", [*await ctx.get("pages", []), number])
            if number == 3 and not await ctx.get("resumed", False):
                print("stuck", flush=True)
                await asyncio.sleep(600)
            return StopEvent(result=await ctx.get("pages")) if number == 6 else Page(number=number + 1)

    checkpointer = WorkflowCheckpointer(Book(timeout=None), SqliteKeeper("book.db"))

    async def first():
        await checkpointer.run(run_id="first")

    async def second():
        found = checkpointer.checkpoints["first"]
        print(len(found), found[-1].output_event.number)
        print(await checkpointer.run_from(found[-1], resumed=True))

    asyncio.run({"first": first, "second": second}[sys.argv[1]]())
"""


def test_another_process_goes_on_where_one_was_killed(tmp_path: Path, repository: Path) -> None:
    """A process is killed in the middle of a run; the next one lists, takes the last checkpoint and ends the run."""
    (tmp_path / "book.py").write_text(textwrap.dedent(FLOW))
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(repository)!r}); import book"]
    with subprocess.Popen([*command, "first"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGKILL)
    done = subprocess.run([*command, "second"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["3 3", "[0, 1, 2, 3, 4, 5, 6]"], done.stderr
