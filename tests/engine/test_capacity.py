"""How many events can come to a join at most: what is told, and what cannot be known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from wftrace.engine.events import StepFailedEvent
from wftrace.engine.graph import Finding

THREE = 3


class Part(Event):
    pass


class Whole(Event):
    pass


class Special(Part):
    pass


class Answer(HumanResponseEvent):
    pass


class Both(Part, Whole):
    pass


def findings(flow: type[Workflow], *codes: str) -> list[Finding]:
    """The findings of a flow, or those with one of the codes."""
    return [finding for finding in flow.graph.findings if not codes or finding.code in codes]


def test_a_join_that_asks_for_more_than_can_come() -> None:
    """Two sends and a return make three; a join of four is a warning that keeps nobody from running."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> Part:
            ctx.send_event(Part())
            if ev.get("more"):
                ctx.send_event(Part())
            return Part()

        @step
        async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Part] * 4) else None

    (finding,) = findings(Flow)
    assert (finding.code, finding.fatal) == ("WF010", False)
    assert "joins Part × 4, but the steps make 3 at most" in finding.message
    Flow().validate()


class Enough(Workflow):
    """As many as are asked for."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        ctx.send_event(Part())
        ctx.send_event(Special())

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Part] * 2) else None


class Looping(Workflow):
    """Sends in a loop."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        for _ in range(3):
            ctx.send_event(Part())

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Part] * 3) else None


class Circling(Workflow):
    """Is run again and again by what it makes."""

    @step
    async def plan(self, ev: StartEvent | Whole) -> Part:
        return Part()

    @step
    async def again(self, ev: Part) -> Whole | None:
        return Whole()

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Part] * 3) else None


class Helped(Workflow):
    """Sends through a helper, which may be called often."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        self.send(ctx)
        self.send(ctx)

    def send(self, ctx: Context) -> None:
        ctx.send_event(Part())

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Part] * 2) else None


class Retried(Workflow):
    """A retry sends again."""

    @step(retry_policy=ConstantDelayRetryPolicy())
    async def plan(self, ctx: Context, ev: StartEvent) -> None:
        ctx.send_event(Part())

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Part] * 2) else None


class Answered(Workflow):
    """Humans may answer as often as they like, whatever the steps answer in their place."""

    @step
    async def plan(self, ev: StartEvent) -> Answer:
        return Answer()

    @step
    async def join(self, ctx: Context, ev: Answer) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Answer] * 2) else None


class Counted(Workflow):
    """Asks for a number that is not written in the call."""

    @step
    async def plan(self, ev: StartEvent) -> Part:
        return Part()

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Part] * THREE) else None


class OtherEvent(Workflow):
    """Joins something else than the event of the step."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> Whole:
        ctx.send_event(Part())
        return Whole()

    @step
    async def join(self, ctx: Context, ev: Whole) -> StopEvent | None:
        got = await ctx.wait_for_event(Part)
        return StopEvent() if ctx.collect_events(got, [Part]) else None


class Reassigned(Workflow):
    """The name of the event stands for another event."""

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> Whole:
        ctx.send_event(Part())
        return Whole()

    @step
    async def join(self, ctx: Context, ev: Whole | Part) -> StopEvent | None:
        ev = await ctx.wait_for_event(Answer)  # type: ignore[arg-type]  # that is the point
        return StopEvent() if ctx.collect_events(ev, [Answer]) else None


class Related(Workflow):
    """What is both comes where one of them is taken."""

    @step
    async def plan(self, ev: StartEvent) -> Both:
        return Both()

    @step
    async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [Whole]) else None


class Failing(Workflow):
    """Failures come from every step, any number of times."""

    @step
    async def plan(self, ev: StartEvent) -> StopEvent:
        raise OSError

    @step
    async def join(self, ctx: Context, ev: StepFailedEvent) -> StopEvent | None:
        return StopEvent() if ctx.collect_events(ev, [StepFailedEvent] * 5) else None


SILENT: Sequence[type[Workflow]] = (
    Enough,
    Looping,
    Circling,
    Helped,
    Retried,
    Answered,
    Counted,
    OtherEvent,
    Reassigned,
    Related,
    Failing,
)


@pytest.mark.parametrize("flow", SILENT, ids=[flow.__name__ for flow in SILENT])
def test_no_false_alarm(flow: type[Workflow]) -> None:
    """Where it may work after all, nothing is said."""
    assert findings(flow) == []
