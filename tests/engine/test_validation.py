"""What the checks find, where, and what they keep quiet about because they cannot be sure."""

from __future__ import annotations

import inspect

import pytest

from wftrace import (
    Context,
    Event,
    HumanResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowValidationError,
    step,
)
from wftrace.engine.events import StepFailedEvent
from wftrace.engine.graph import Finding


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


def line_of(flow: type[Workflow], text: str) -> int:
    """The line of this file in which a flow has a text."""
    lines, first = inspect.getsourcelines(flow)
    return first + next(number for number, line in enumerate(lines) if text in line)


def place(flow: type[Workflow], finding: Finding) -> tuple[str, int]:
    return finding.file.rpartition("/")[2], finding.line


def test_a_step_that_takes_the_stop_event_is_refused() -> None:
    """The stop event ends the run, so a step never gets it."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent()

        @step
        async def after(self, ev: StopEvent) -> None: ...

    (finding,) = findings(Flow)
    assert finding.code == "WF007"
    assert "step 'after' takes StopEvent, which ends the run" in finding.message
    with pytest.raises(WorkflowValidationError, match="behind 'await handler'"):
        Flow().validate()


def test_a_send_to_a_step_that_is_not_there() -> None:
    """The finding stands at the call and says the closest name."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> None:
            ctx.send_event(Part(), step="fech")

        @step
        async def fetch(self, ev: Part) -> StopEvent:
            return StopEvent()

    (finding,) = findings(Flow)
    assert (finding.code, finding.cure) == ("WF008", "did you mean 'fetch'?")
    assert place(Flow, finding) == ("test_validation.py", line_of(Flow, 'step="fech"'))


def test_a_send_to_a_step_that_does_not_take_it() -> None:
    """The named step is there but wants something else."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> Whole:
            ctx.send_event(Part(), "fetch")
            return Whole()

        @step
        async def fetch(self, ev: Whole) -> StopEvent:
            return StopEvent()

        @step
        async def other(self, ev: Part) -> None: ...

    (finding,) = findings(Flow)
    assert finding.code == "WF008"
    assert "step 'plan' sends Part to step 'fetch', which does not take it" in finding.message


def test_a_send_to_a_step_by_name_is_fine() -> None:
    """A subclass of what the step takes is fine, and so is a name that is worked out."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> None:
            ctx.send_event(Special(), step="fetch")
            ctx.send_event(Part(), step="fe" + "tch")

        @step
        async def fetch(self, ev: Part) -> StopEvent:
            return StopEvent()

    assert findings(Flow) == []


def test_what_is_sent_and_never_taken_is_found_at_the_send() -> None:
    """Through a helper too: the place is the call of send_event."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> StopEvent:
            self.tell(ctx)
            return StopEvent()

        def tell(self, context: Context) -> None:
            context.send_event(Part())

    (finding,) = findings(Flow)
    assert (finding.code, finding.node) == ("WF004", f"event:{__name__}.Part")
    assert place(Flow, finding) == ("test_validation.py", line_of(Flow, "context.send_event(Part())"))


def test_a_wait_for_what_nobody_makes_is_found_at_the_wait() -> None:
    """The place is the call of wait_for_event."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await ctx.wait_for_event(Part)
            return StopEvent()

    (finding,) = findings(Flow)
    assert finding.code == "WF003"
    assert place(Flow, finding) == ("test_validation.py", line_of(Flow, "wait_for_event(Part)"))


def test_start_and_stop_have_a_place() -> None:
    """A missing stop event is told with the place of the class, a second start event with that of its step."""

    class Other(StartEvent):
        pass

    class Flow(Workflow):
        @step
        async def one(self, ev: StartEvent) -> None: ...

        @step
        async def two(self, ev: Other) -> None: ...

    stop, start = findings(Flow, "WF001", "WF002")
    assert place(Flow, stop) == ("test_validation.py", line_of(Flow, "class Flow"))
    assert place(Flow, start)[1] in (line_of(Flow, "def one") - 1, line_of(Flow, "def two") - 1)


def test_a_join_of_what_its_step_does_not_take() -> None:
    """It can never fill, whatever the others make."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> Part | Whole:
            ctx.send_event(Whole())
            return Part()

        @step
        async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Part, Whole]) else None

        @step
        async def other(self, ev: Whole) -> None: ...

    (finding,) = findings(Flow)
    assert (finding.code, finding.fatal) == ("WF009", True)
    assert "step 'join' joins Whole, which it does not take" in finding.message
    assert place(Flow, finding) == ("test_validation.py", line_of(Flow, "collect_events"))


def test_a_join_of_what_nobody_makes() -> None:
    """Its step could take it, but no step makes it, nor anything that it may be."""

    class Flow(Workflow):
        @step
        async def plan(self, ev: StartEvent) -> Both:
            return Both()

        @step
        async def join(self, ctx: Context, ev: Part) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Special]) else None

    (finding,) = findings(Flow)
    assert (finding.code, finding.fatal) == ("WF009", True)
    assert "joins Special, which no step makes" in finding.message


def test_a_failure_counts_as_made_but_leads_to_no_end() -> None:
    """StepFailedEvent needs no maker; a step that can only reach the end by failing is a dead end."""

    class Flow(Workflow):
        @step
        async def plan(self, ev: StartEvent) -> StopEvent | Part:
            return Part()

        @step
        async def circle(self, ev: Part) -> Whole:
            return Whole()

        @step
        async def back(self, ev: Whole) -> Part:
            return Part()

        @step
        async def rescue(self, ev: StepFailedEvent) -> StopEvent:
            return StopEvent()

    assert [(finding.code, finding.node) for finding in findings(Flow)] == [
        ("WF006", "step:circle"),
        ("WF006", "step:back"),
    ]


def test_what_only_goes_to_the_stream_needs_no_maker() -> None:
    """A streamed event whose base class a step takes is not consumed by anybody."""

    class Flow(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> Part:
            ctx.write_event_to_stream(Special())
            return Part()

        @step
        async def end(self, ev: Part) -> StopEvent:
            return StopEvent()

    assert findings(Flow) == []
