"""What is read in the sources of steps, and what is known to be missing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, step
from wftrace.engine.graph import Finding


class Part(Event):
    pass


class Whole(Event):
    pass


def findings(flow: type[Workflow], *codes: str) -> list[Finding]:
    """The findings of a flow, or those with one of the codes."""
    return [finding for finding in flow.graph.findings if not codes or finding.code in codes]


class Nested(Workflow):
    """A run that a step starts."""

    @step
    async def wait(self, ctx: Context, ev: StartEvent) -> StopEvent:
        return StopEvent(result=await ctx.wait_for_event(Whole))


class Tempting(Workflow):
    """Sends to the steps of another run."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> StopEvent:
        handler = Nested().run()
        handler.ctx.send_event(Whole(), step="nowhere")
        return StopEvent(result=await handler)


def test_sends_to_another_run_are_its_own_affair() -> None:
    """What goes to the context of a run that the step has started is not made for this flow."""
    assert findings(Tempting) == []
    assert "Whole" not in {event.name for event in Tempting.graph.events}


def _hand_over(ctx: Context) -> None:
    """Sends where the checks can read it: in a function of the same module."""
    ctx.send_event(Part())


class Outside:
    """An object that the checks do not look into."""

    def __init__(self) -> None:
        self.contexts: list[Context] = []

    def take(self, ctx: Context) -> None:
        ctx.send_event(Part())

    def send_event(self, event: Event, step: str) -> None:
        self.contexts[0].send_event(event, step)


TOOL = Outside()


class ByObject(Workflow):
    """Hands the context to an object."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        TOOL.take(ctx)

    @step
    async def end(self, ev: Part) -> StopEvent:
        return StopEvent()


class ByMethodName(Workflow):
    """Takes the method off the context."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        send = ctx.send_event
        send(Part())

    @step
    async def end(self, ev: Part) -> StopEvent:
        return StopEvent()


class ByPlace(Workflow):
    """Keeps the context for later."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        TOOL.contexts.append(ctx)

    @step
    async def end(self, ev: Part) -> StopEvent:
        return StopEvent()


class ByChoice(Workflow):
    """Sends one of two, of which only one can be read."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        ctx.send_event(Whole() if ev.get("whole") else ev.made())

    @step
    async def either(self, ev: Part | Whole) -> StopEvent:
        return StopEvent()


class ByWait(Workflow):
    """Waits for what is only known in the run."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> StopEvent | Part:
        return StopEvent(result=await ctx.wait_for_event(ev.kind))


class ByShadow(Workflow):
    """A local name hides a global one."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        for Whole in (Part,):  # noqa: N806
            ctx.send_event(Whole())

    @step
    async def end(self, ev: Part) -> StopEvent:
        return StopEvent()


class ByNamesake(Workflow):
    """Calls a method of the same name on something else."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> StopEvent:
        TOOL.send_event(Whole(), step="nowhere")
        return StopEvent()


class ByUnpacking(Workflow):
    """Gives a name an event in two ways, of which only one can be read."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        event = Whole()
        if ev.get("part"):
            _, event = ev.made()
        ctx.send_event(event)

    @step
    async def either(self, ev: Part | Whole) -> StopEvent:
        return StopEvent()


UNREAD: Sequence[type[Workflow]] = (
    ByNamesake,
    ByUnpacking,
    ByObject,
    ByMethodName,
    ByPlace,
    ByChoice,
    ByWait,
    ByShadow,
)


@pytest.mark.parametrize("flow", UNREAD, ids=[flow.__name__ for flow in UNREAD])
def test_what_cannot_be_read_is_not_judged(flow: type[Workflow]) -> None:
    """Where a send or a wait may be hidden, nothing is said about events that nobody seems to make or take."""
    assert findings(flow) == []


class ByFunction(Workflow):
    """Hands the context to a function that can be read."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        _hand_over(ctx)

    @step
    async def end(self, ev: Part) -> StopEvent:
        return StopEvent()

    @step
    async def lost(self, ev: Whole) -> None: ...


class Above(Workflow):
    """A step that others build on."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        ctx.send_event(Part())


class BySuper(Above):
    """Does what the class above does, and more."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        await super().plan(ctx, ev)

    @step
    async def end(self, ev: Part) -> StopEvent:
        return StopEvent()

    @step
    async def lost(self, ev: Whole) -> None: ...


class ByOtherName(Workflow):
    """Calls the context by another name."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        run = ctx
        run.send_event(Part())

    @step
    async def end(self, ev: Part) -> StopEvent:
        return StopEvent()

    @step
    async def lost(self, ev: Whole) -> None: ...


READ: Sequence[type[Workflow]] = (ByFunction, BySuper, ByOtherName)


@pytest.mark.parametrize("flow", READ, ids=[flow.__name__ for flow in READ])
def test_what_can_be_followed_is_judged(flow: type[Workflow]) -> None:
    """A context that goes to readable code keeps the checks sharp: only the real fault is found."""
    assert [finding.code for finding in findings(flow)] == ["WF003", "WF005"]
    assert "Whole" in findings(flow)[0].message
