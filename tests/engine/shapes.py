"""Twelve shapes of joins, each with the model that its result must equal whatever the order of things."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowHandler,
    step,
)
from wftrace.testing import running_loop

Batches = list[list[int]]
FAILING = ConstantDelayRetryPolicy(maximum_attempts=50, delay=0.003)


class Item(Event):
    n: int


class Done(Event):
    n: int


class Other(Event):
    n: int


class Special(Item):
    pass


class Group(Event):
    numbers: list[int]


class FromOutside(HumanResponseEvent):
    n: int


async def dawdle() -> None:
    """Take nothing, a few turns of the loop, or some time, as the seed says."""
    random = running_loop().random
    for _ in range(random.choice((0, 0, 1, 2))):
        await asyncio.sleep(0)
    if random.random() < 0.3:
        await asyncio.sleep(random.choice((0.001, 0.002, 0.01)))


def fail_at_times() -> None:
    """Fail as the seed says."""
    if running_loop().random.random() < 0.3:
        raise OSError("as the seed says")


async def put_down(ctx: Context[Any], numbers: list[int], enough: int) -> StopEvent | None:
    """Note a batch; when there are enough, end with all of them."""
    batches = [*await ctx.get("batches", []), numbers]
    await ctx.set("batches", batches)
    return StopEvent(result=batches) if len(batches) == enough else None


class Broadcast(Workflow):
    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        await ctx.set("count", ev.count)
        for n in range(ev.count):
            ctx.send_event(Item(n=n))
            await dawdle()
        return None

    @step(num_workers=2)
    async def left(self, ev: Item) -> Done:
        await dawdle()
        return Done(n=ev.n)

    @step(num_workers=3)
    async def right(self, ev: Item) -> Other:
        await dawdle()
        return Other(n=ev.n)

    @step
    async def join(self, ctx: Context[Any], ev: Done | Other) -> StopEvent | None:
        await dawdle()
        count = await ctx.get("count")
        all_there = ctx.collect_events(ev, [Done] * count + [Other] * count)
        if all_there is None:
            return None
        return StopEvent(result=[sorted(each.n for each in part) for part in (all_there[:count], all_there[count:])])


class FanOutFanIn(Workflow):
    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        await ctx.set("count", ev.count)
        for n in range(ev.count):
            ctx.send_event(Item(n=n))
        return None

    @step(num_workers=3)
    async def work(self, ev: Item) -> Done:
        await dawdle()
        return Done(n=ev.n)

    @step
    async def join(self, ctx: Context[Any], ev: Done) -> StopEvent | None:
        await dawdle()
        count = await ctx.get("count")
        numbers = ctx.collect_events(ev, [Done] * count)
        return StopEvent(result=[sorted(each.n for each in numbers)]) if numbers else None


class Surplus(Workflow):
    """Joins twos and threes alike; what is too much waits for the next call."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        await ctx.set("count", ev.count)
        await ctx.set("size", ev.size)
        for n in range(ev.count):
            ctx.send_event(Item(n=n))
        return None

    @step(num_workers=4)
    async def join(self, ctx: Context[Any], ev: Item) -> Group | None:
        await dawdle()
        batch = ctx.collect_events(ev, [Item] * await ctx.get("size"))
        await dawdle()
        return Group(numbers=[each.n for each in batch]) if batch else None

    @step(num_workers=1)
    async def end(self, ctx: Context[Any], ev: Group) -> StopEvent | None:
        return await put_down(ctx, ev.numbers, await ctx.get("count") // await ctx.get("size"))


class TwoBuffers(Workflow):
    """One step, two joins of the same class, told apart by ``buffer_id``."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        await ctx.set("count", ev.count)
        for n in range(2 * ev.count):
            ctx.send_event(Item(n=n))
        return None

    @step(num_workers=3)
    async def join(self, ctx: Context[Any], ev: Item) -> Group | None:
        await dawdle()
        batch = ctx.collect_events(ev, [Item] * await ctx.get("count"), buffer_id="odd" if ev.n % 2 else "even")
        return Group(numbers=sorted(each.n for each in batch)) if batch else None

    @step(num_workers=1)
    async def end(self, ctx: Context[Any], ev: Group) -> StopEvent | None:
        return await put_down(ctx, ev.numbers, 2)


class Pairs(Workflow):
    """``[Item, Other]`` from two sources of different length."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | Other | None:
        await ctx.set("pairs", min(ev.firsts, ev.seconds))
        events = [*(Item(n=n) for n in range(ev.firsts)), *(Other(n=-n - 1) for n in range(ev.seconds))]
        running_loop().random.shuffle(events)
        for event in events:
            ctx.send_event(event)
        return None

    @step(num_workers=3)
    async def join(self, ctx: Context[Any], ev: Item | Other) -> Group | None:
        await dawdle()
        pair = ctx.collect_events(ev, [Item, Other])
        return Group(numbers=[each.n for each in pair]) if pair else None

    @step(num_workers=1)
    async def end(self, ctx: Context[Any], ev: Group) -> StopEvent | None:
        return await put_down(ctx, ev.numbers, await ctx.get("pairs"))


class InOrder(Workflow):
    """``[Item] * n`` on one worker: not even the order may change."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        await ctx.set("count", ev.count)
        for n in range(ev.count):
            ctx.send_event(Item(n=n))
            await dawdle()
        return None

    @step(num_workers=1)
    async def join(self, ctx: Context[Any], ev: Item) -> StopEvent | None:
        await dawdle()
        batch = ctx.collect_events(ev, [Item] * await ctx.get("count"))
        return StopEvent(result=[[each.n for each in batch]]) if batch else None


class Nested(Workflow):
    """A join for each group, and a join of the groups."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        await ctx.set("groups", ev.groups)
        await ctx.set("count", ev.count)
        for n in range(ev.groups * ev.count):
            ctx.send_event(Item(n=n))
        return None

    @step(num_workers=4)
    async def inner(self, ctx: Context[Any], ev: Item) -> Group | None:
        await dawdle()
        groups, count = await ctx.get("groups"), await ctx.get("count")
        batch = ctx.collect_events(ev, [Item] * count, buffer_id=f"group {ev.n % groups}")
        return Group(numbers=sorted(each.n for each in batch)) if batch else None

    @step
    async def outer(self, ctx: Context[Any], ev: Group) -> StopEvent | None:
        await dawdle()
        groups = ctx.collect_events(ev, [Group] * await ctx.get("groups"))
        return StopEvent(result=[each.numbers for each in groups]) if groups else None


class Rounds(Workflow):
    """A loop in which each round fans out and joins again."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent | Group) -> Item | StopEvent | None:
        if isinstance(ev, StartEvent):
            await ctx.set("count", ev.count)
            await ctx.set("rounds", ev.rounds)
        elif stop := await put_down(ctx, ev.numbers, await ctx.get("rounds")):
            return stop
        start = len(await ctx.get("batches", [])) * 100
        for n in range(await ctx.get("count")):
            ctx.send_event(Item(n=start + n))
        return None

    @step(num_workers=3)
    async def work(self, ev: Item) -> Done:
        await dawdle()
        return Done(n=ev.n)

    @step
    async def join(self, ctx: Context[Any], ev: Done) -> Group | None:
        await dawdle()
        batch = ctx.collect_events(ev, [Done] * await ctx.get("count"))
        return Group(numbers=sorted(each.n for each in batch)) if batch else None


class RetriedProducer(FanOutFanIn):
    @step(num_workers=3, retry_policy=FAILING)
    async def work(self, ev: Item) -> Done:
        await dawdle()
        fail_at_times()
        return Done(n=ev.n)


class RetriedJoiner(FanOutFanIn):
    """Fails before it asks the join and after, and is told the same again."""

    @step(num_workers=3, retry_policy=FAILING)
    async def join(self, ctx: Context[Any], ev: Done) -> StopEvent | None:
        await dawdle()
        fail_at_times()
        numbers = ctx.collect_events(ev, [Done] * await ctx.get("count"))
        await dawdle()
        fail_at_times()
        return StopEvent(result=[sorted(each.n for each in numbers)]) if numbers else None


class Subclasses(Workflow):
    """A subclass that nobody names fills the place of its base."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        await ctx.set("count", ev.count)
        for n in range(ev.count):
            ctx.send_event(running_loop().random.choice((Item, Special))(n=n))
        return None

    @step(num_workers=3)
    async def join(self, ctx: Context[Any], ev: Item) -> StopEvent | None:
        await dawdle()
        batch = ctx.collect_events(ev, [Item] * await ctx.get("count"))
        return StopEvent(result=[sorted(each.n for each in batch)]) if batch else None


class FedFromOutside(Workflow):
    @step
    async def begin(self, ctx: Context[Any], ev: StartEvent) -> None:
        await ctx.set("count", ev.count)

    @step(num_workers=3)
    async def join(self, ctx: Context[Any], ev: FromOutside) -> StopEvent | None:
        await dawdle()
        batch = ctx.collect_events(ev, [FromOutside] * await ctx.get("count"))
        return StopEvent(result=[sorted(each.n for each in batch)]) if batch else None


async def feed(handler: WorkflowHandler, fields: dict[str, int]) -> None:
    """Send the events from as many tasks as there are events."""

    async def send(n: int) -> None:
        await dawdle()
        handler.ctx.send_event(FromOutside(n=n))

    await asyncio.sleep(0.001)
    await asyncio.gather(*(send(n) for n in range(fields["count"])))


def same(model: Callable[[dict[str, int]], Batches]) -> Callable[[dict[str, int], Batches], bool]:
    """The batches are those of the model, in any order."""
    return lambda fields, batches: sorted(batches) == sorted(model(fields))


def is_split(fields: dict[str, int], batches: Batches) -> bool:
    """As many batches of that size as there can be, of different events out of those that were sent."""
    numbers = [n for batch in batches for n in batch]
    sizes = {len(batch) for batch in batches}
    sent = set(range(fields["count"]))
    whole = len(batches) == fields["count"] // fields["size"] and sizes == {fields["size"]}
    return whole and len(set(numbers)) == len(numbers) and set(numbers) <= sent


def is_paired(fields: dict[str, int], batches: Batches) -> bool:
    """As many pairs as there can be, an item first, each event in one."""
    items, others = [batch[0] for batch in batches], [batch[1] for batch in batches]
    pairs = min(fields["firsts"], fields["seconds"])
    from_items = len(set(items)) == pairs and set(items) <= set(range(fields["firsts"]))
    return from_items and len(set(others)) == pairs and set(others) <= {-n - 1 for n in range(fields["seconds"])}


def one(fields: dict[str, int]) -> Batches:
    """All events in one batch."""
    return [list(range(fields["count"]))]


@dataclass(frozen=True, slots=True)
class Shape:
    """A flow, the upper bounds of its fields, and what is true of its batches."""

    name: str
    flow: type[Workflow]
    bounds: dict[str, int]
    holds: Callable[[dict[str, int], Batches], bool]

    def draw(self, random: Random) -> dict[str, int]:
        """Fields for one run, from 1 to their bounds; more to join than a batch takes."""
        fields = {name: random.randint(1, bound) for name, bound in self.bounds.items()}
        if "size" in fields:
            fields["count"] += fields["size"]
        return fields


SHAPES = [
    Shape("broadcast", Broadcast, {"count": 5}, same(lambda f: 2 * one(f))),
    Shape("fan-out and fan-in", FanOutFanIn, {"count": 8}, same(one)),
    Shape("surplus", Surplus, {"count": 6, "size": 3}, is_split),
    Shape(
        "two joins by buffer_id",
        TwoBuffers,
        {"count": 5},
        same(lambda f: [[*range(k, 2 * f["count"], 2)] for k in (0, 1)]),
    ),
    Shape("[A, B]", Pairs, {"firsts": 5, "seconds": 5}, is_paired),
    Shape("[A] * n", InOrder, {"count": 8}, same(one)),
    Shape(
        "nested joins",
        Nested,
        {"groups": 3, "count": 3},
        same(lambda f: [[*range(k, f["groups"] * f["count"], f["groups"])] for k in range(f["groups"])]),
    ),
    Shape(
        "loop with joins",
        Rounds,
        {"count": 4, "rounds": 3},
        same(lambda f: [[r * 100 + n for n in range(f["count"])] for r in range(f["rounds"])]),
    ),
    Shape("retrying producer", RetriedProducer, {"count": 6}, same(one)),
    Shape("retrying joiner", RetriedJoiner, {"count": 6}, same(one)),
    Shape("subclasses", Subclasses, {"count": 7}, same(one)),
    Shape("fed from outside", FedFromOutside, {"count": 6}, same(one)),
]
