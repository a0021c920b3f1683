"""Events from outside: who sent them is said by links."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tests.telemetry.watching import SdkWatch, Trace
from wftrace import Event, StartEvent, StopEvent, Workflow, WorkflowHandler, step
from wftrace import semconv as words
from wftrace.settings import Detail, TracingSettings
from wftrace.trace import Span


class Go(Event):
    pass


class Waiting(Workflow):
    """Waits until somebody outside sends ``Go``."""

    @step
    async def begin(self, ev: StartEvent) -> None:
        await asyncio.sleep(0.05)

    @step
    async def end(self, ev: Go) -> StopEvent:
        return StopEvent()


def links(span: Span, kind: str) -> list[str]:
    """The ids of the spans that a span points to."""
    return [link.span_id for link in span.links if link.attributes[words.LINK_TYPE] == kind]


def named(trace: Trace, name: str) -> Span:
    """The only span of that name."""
    (span,) = [each for each in trace.spans if each.name == name]
    return span


def sent(sdk: SdkWatch, in_thread: bool, detail: Detail = "full", span: bool = True) -> Trace:
    """The trace of a run that is sent its event inside a span of the sender."""

    def send(handler: WorkflowHandler) -> None:
        if not span:
            handler.ctx.send_event(Go())
            return
        with sdk.tracer.start_as_current_span("webhook"):
            handler.ctx.send_event(Go())

    async def drive(handler: WorkflowHandler) -> Any:
        if in_thread:
            thread = threading.Thread(target=send, args=(handler,))
            thread.start()
            await asyncio.to_thread(thread.join)
        else:
            send(handler)
        return await handler

    return sdk.run(Waiting(disable_validation=True), drive, TracingSettings(detail=detail))


@pytest.mark.parametrize("in_thread", [False, True], ids=["same thread", "other thread"])
def test_the_attempt_points_to_the_sender_and_to_the_emission(sdk: SdkWatch, in_thread: bool) -> None:
    """The sender's trace stays its own."""
    trace = sent(sdk, in_thread)
    end, webhook = trace.attempt("end"), named(trace, "webhook")
    assert links(end, words.EXTERNAL_LINK) == [webhook.span_id]
    assert links(end, words.EVENT_LINK) == [named(trace, "send Go").span_id]
    assert webhook.trace_id != end.trace_id


def test_the_emission_points_to_the_sender(sdk: SdkWatch) -> None:
    """And is a child of the run."""
    trace = sent(sdk, False)
    emission = named(trace, "send Go")
    assert links(emission, words.EXTERNAL_LINK) == [named(trace, "webhook").span_id]
    assert emission.parent_id == trace.run.span_id


def test_in_steps_the_sender_is_named_too(sdk: SdkWatch) -> None:
    """On the attempt; the emission is an event on the run, which is the attempt's own parent."""
    trace = sent(sdk, False, "steps")
    end = trace.attempt("end")
    assert links(end, words.EXTERNAL_LINK) == [named(trace, "webhook").span_id]
    assert links(end, words.EVENT_LINK) == []


def test_without_a_span_of_the_sender_there_is_none(sdk: SdkWatch) -> None:
    """The emission alone."""
    end = sent(sdk, False, span=False).attempt("end")
    assert links(end, words.EXTERNAL_LINK) == []
    assert len(links(end, words.EVENT_LINK)) == 1


def test_a_step_that_sends_is_no_outsider(sdk: SdkWatch) -> None:
    """Its own span, or one of a library around the call, is not linked as a sender."""

    class Sending(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Go:
            with sdk.tracer.start_as_current_span("library"):
                return Go()

        @step
        async def end(self, ev: Go) -> StopEvent:
            return StopEvent()

    assert links(sdk.run(Sending()).attempt("end"), words.EXTERNAL_LINK) == []
