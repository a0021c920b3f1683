"""The flows that are measured, written once for every library that has the same interface.

    python -m benchmarks.flows LIBRARY CASE COUNT [traced]

prints the seconds per hop, event or run as JSON. ``LIBRARY`` is ``wftrace``, ``workflows`` or
``llama_index.core.workflow``, and is imported by the interpreter that runs this.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from benchmarks.stopwatch import print_seconds, seconds_per

library: Any = import_module(sys.argv[1])
events: Any = library if hasattr(library, "Event") else import_module(f"{library.__name__}.events")
Context, Workflow, step = library.Context, library.Workflow, library.step
Event, StartEvent, StopEvent = events.Event, events.StartEvent, events.StopEvent


class Turn(Event):
    """One hop of the loop; ``left`` says how many are still to come."""

    left: int


class Loop(Workflow):
    """A step that feeds itself: every hop is one event made, routed and taken."""

    @step
    async def begin(self, ev: StartEvent) -> Turn:
        return Turn(left=ev.hops)

    @step
    async def turn(self, ev: Turn) -> Turn | StopEvent:
        if ev.left == 0:
            return StopEvent(result="done")
        return Turn(left=ev.left - 1)


class Item(Event):
    """A piece of work."""

    number: int


class Done(Event):
    """A piece of work that was done."""

    number: int


class FanOut(Workflow):
    """One step sends many events, workers take them, a join waits for all of them."""

    wanted: tuple[list[type[Done]], ...] = ()

    @step
    async def scatter(self, ctx: Context, ev: StartEvent) -> Item | None:
        for number in range(ev.width):
            ctx.send_event(Item(number=number))
        return None

    @step
    async def work(self, ev: Item) -> Done:
        return Done(number=ev.number)

    @step
    async def join(self, ctx: Context, ev: Done) -> StopEvent | None:
        found = ctx.collect_events(ev, self.wanted[0])
        return None if found is None else StopEvent(result=len(found))


async def hop(count: int) -> float:
    """Seconds per hop of one long loop."""
    flow = Loop(timeout=None)
    await flow.run(hops=10)
    return await seconds_per(count, lambda: flow.run(hops=count))


async def fan_out(count: int) -> float:
    """Seconds per event of a fan-out and its join."""
    flow = FanOut(timeout=None)
    flow.wanted = ([Done] * 10,)
    await flow.run(width=10)
    flow.wanted = ([Done] * count,)
    return await seconds_per(count, lambda: flow.run(width=count))


async def runs(count: int) -> float:
    """Seconds per run when all runs of five steps are under way at once."""
    flow = Loop(timeout=None)
    await flow.run(hops=3)

    async def all_at_once() -> None:
        await asyncio.gather(*(flow.run(hops=3) for _ in range(count)))

    return await seconds_per(count, all_at_once)


CASES: dict[str, Callable[[int], Awaitable[float]]] = {"hop": hop, "fan_out": fan_out, "runs": runs}


def main() -> None:
    """Measure the case that the command line names."""
    if sys.argv[4:] == ["traced"]:
        from benchmarks.provider import trace_runs

        trace_runs()
    case, count = CASES[sys.argv[2]], int(sys.argv[3])
    print_seconds(case, count)


if __name__ == "__main__":
    main()
