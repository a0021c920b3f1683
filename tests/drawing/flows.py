"""Flows for the pictures: one of 200 steps, one whose failures are caught, one that runs others."""

from __future__ import annotations

from wftrace import Event, StartEvent, StepFailedEvent, StopEvent, Workflow, step
from wftrace.engine.graph import Edge, EdgeKind, EventKind, EventNode, FlowGraph, StepNode


def pipelines(lanes: int = 8, length: int = 25) -> FlowGraph:
    """A flow of so many lanes, each a chain with a loop in its middle, that begin and end together."""
    steps: list[StepNode] = []
    events = [EventNode("event:m.Begin", "Begin", EventKind.START), EventNode("event:m.End", "End", EventKind.STOP)]
    edges: list[Edge] = []
    for lane in range(lanes):
        made = "event:m.Begin"
        for place in range(length):
            name = f"lane{lane}_step{place}"
            steps.append(
                StepNode(
                    f"step:{name}", name, f"Step {place} of lane {lane}.", f"lanes/l{lane}.py", place + 1,
                    function=f"lanes.l{lane}.{name}", retry="3× · 10 ms" if place == 4 else "",
                )
            )  # fmt: skip
            edges.append(Edge(made, steps[-1].id, EdgeKind.ACCEPTS))
            if place < length - 1:
                made = f"event:m.L{lane}E{place}"
                events.append(EventNode(made, f"L{lane}E{place}"))
                edges.append(Edge(steps[-1].id, made, EdgeKind.RETURNS))
            if place == length // 2 > 3:
                edges.append(Edge(steps[-1].id, f"event:m.L{lane}E{place - 3}", EdgeKind.RETURNS))
        edges.append(Edge(steps[-1].id, "event:m.End", EdgeKind.RETURNS))
    return FlowGraph("Pipelines", tuple(steps), tuple(events), tuple(edges), "Lanes.", "lanes/all.py", 1)


class Part(Event):
    """A part of the work."""

    number: int


class PartDone(Event):
    """A part that is done."""


class Inner(Workflow):
    """Does one part."""

    @step
    async def dig(self, ev: StartEvent) -> Part:
        """Dig."""
        return Part(number=1)

    @step
    async def fill(self, ev: Part) -> StopEvent:
        """Fill in."""
        return StopEvent()


class Outer(Workflow):
    """Runs another flow for each part."""

    @step
    async def split(self, ev: StartEvent) -> Part:
        """Split the work."""
        return Part(number=2)

    @step
    async def work(self, ev: Part, inner: Inner) -> PartDone:
        """Have the part done."""
        await inner.run()
        return PartDone()

    @step
    async def end(self, ev: PartDone) -> StopEvent:
        """End."""
        return StopEvent()


class Caught(Workflow):
    """Seven steps, and one that takes their failures."""

    @step
    async def one(self, ev: StartEvent) -> Part:
        return Part(number=1)

    @step
    async def two(self, ev: Part) -> PartDone:
        return PartDone()

    @step
    async def three(self, ev: Part) -> None: ...

    @step
    async def four(self, ev: Part) -> None: ...

    @step
    async def five(self, ev: Part) -> None: ...

    @step
    async def six(self, ev: PartDone) -> StopEvent:
        return StopEvent()

    @step
    async def rescue(self, ev: StepFailedEvent) -> StopEvent:
        """Go on in another way."""
        return StopEvent()
