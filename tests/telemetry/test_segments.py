"""A run that is saved and goes on: segments with a link, one session, one sequence, counts of their own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.telemetry.watching import SdkWatch, Trace, Watch
from wftrace import Context, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent, Workflow, recording, step
from wftrace import semconv as words
from wftrace.labels import using
from wftrace.trace import Span
from wftrace.trace_reader import read_runs


class Question(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class Asking(Workflow):
    @step
    async def ask(self, ev: StartEvent) -> Question:
        return Question(prefix="ok?")

    @step
    async def end(self, ev: Answer) -> StopEvent:
        return StopEvent(result=ev.response)


async def asked(flow: Workflow) -> dict[str, Any]:
    """A run up to its question, as it is saved there; then its process goes away."""
    handler = flow.run()
    async for event in handler.stream_events():
        if isinstance(event, Question):
            break
    saved = handler.ctx.to_dict()
    await handler.cancel_run()
    return json.loads(json.dumps(saved))  # type: ignore[no-any-return]


async def answered(flow: Workflow, saved: dict[str, Any]) -> Any:
    """The run goes on and gets its answer."""
    handler = flow.run(ctx=Context.from_dict(flow, saved))
    handler.ctx.send_event(Answer(response="yes"))
    return await handler


async def both() -> Any:
    """Two segments."""
    return await answered(Asking(), await asked(Asking()))


@pytest.fixture
def trace(watch: Watch) -> Trace:
    """The trace of a run in two segments."""
    return watch.main(both)


def segments(trace: Trace) -> list[Span]:
    """The run spans, by segment."""
    return sorted(trace.runs(), key=lambda span: int(str(span.attributes[words.RUN_SEGMENT])))


def test_each_segment_is_a_span(trace: Trace) -> None:
    """Of the same run, numbered from 1."""
    assert [span.attributes[words.RUN_SEGMENT] for span in segments(trace)] == [1, 2]
    assert len({span.attributes[words.RUN_ID] for span in trace.spans}) == 1
    assert trace.result == "yes"


def test_a_segment_points_to_the_one_before(trace: Trace) -> None:
    """In another trace, by a link of type ``resume``."""
    first, second = segments(trace)
    (link,) = second.links
    assert link.attributes == {words.LINK_TYPE: words.RESUME_LINK}
    assert (link.trace_id, link.span_id) == (first.trace_id, first.span_id)
    assert first.trace_id != second.trace_id
    assert first.links == ()


def test_the_segments_are_one_session(trace: Trace) -> None:
    """So that Phoenix shows them together."""
    assert len({span.attributes[words.SESSION_ID] for span in trace.spans}) == 1


def test_a_session_is_saved_with_the_run(watch: Watch) -> None:
    """And so is the user: whoever goes on with it need not know."""

    async def main() -> None:
        with using(session_id="chat-7", user_id="joe"):
            saved = await asked(Asking())
        await answered(Asking(), saved)

    trace = watch.main(main)
    assert {span.attributes[words.SESSION_ID] for span in trace.spans} == {"chat-7"}
    assert [span.attributes[words.USER_ID] for span in segments(trace)] == ["joe", "joe"]


def test_the_sequence_goes_on(trace: Trace) -> None:
    """What happens later has the higher number."""
    first, second = segments(trace)
    assert int(str(second.attributes[words.SEQ])) > int(str(first.attributes[words.SEQ]))


def test_each_segment_counts_for_itself(trace: Trace) -> None:
    """The sums are what there is to find."""
    first, second = segments(trace)
    assert [span.attributes[words.STEPS_COUNT] for span in (first, second)] == [1, 1]
    assert sum(int(str(span.attributes[words.EVENTS_COUNT])) for span in (first, second)) == len(trace.emissions())


def test_it_reads_back_as_one_run(trace: Trace) -> None:
    """Without a gap, with the outcome of the last segment, in order."""
    run = trace.read()
    assert run.missing == ()
    assert run.outcome == "completed"
    assert [each.outcome for each in run.segments] == ["cancelled", "completed"]
    assert [attempt.step for attempt in run.attempts] == ["ask", "end"]


def test_what_waited_points_back_over_the_gap(watch: Watch) -> None:
    """An event that was queued when the run was saved carries its emission's name: its attempt links to it."""

    class Slow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> Answer:
            return Answer(response="yes")

        @step(num_workers=1)
        async def end(self, ctx: Context[Any], ev: Answer) -> StopEvent:
            if await ctx.get("again", False):
                return StopEvent()
            await ctx.set("again", True)
            await asyncio.sleep(30)
            return StopEvent()

    async def main() -> None:
        handler = Slow().run()
        await asyncio.sleep(0.02)
        saved = handler.ctx.to_dict()
        await handler.cancel_run()
        await Slow().run(ctx=Context.from_dict(Slow(), saved))

    trace = watch.main(main)
    (emission,) = trace.emissions("Answer")
    again = trace.attempts("end")[-1]
    assert again.attributes[words.ATTEMPT] == 2
    assert [link.span_id for link in again.links if link.attributes[words.LINK_TYPE] == "event"] == [emission.span_id]


def test_a_saved_run_may_hold_nonsense(watch: Watch) -> None:
    """Names of spans that are none are passed over; the run goes on and is traced."""

    async def main() -> Any:
        saved = await asked(Asking())
        for name in ("traceparent", "wftrace-recorded"):
            saved["run"]["headers"][name] = "00-zz-1-01"
        return await answered(Asking(), saved)

    trace = watch.main(main)
    assert trace.result == "yes"
    assert segments(trace)[1].links == ()


def test_a_segment_nobody_watched_leaves_no_link(sdk: SdkWatch) -> None:
    """The next one is traced all the same."""
    saved = asyncio.run(asked(Asking()))
    trace = sdk.main(lambda: answered(Asking(), saved))
    assert trace.run.attributes[words.RUN_SEGMENT] == 2
    assert trace.run.links == ()


def test_segments_from_two_recorders_are_one_run() -> None:
    """As from two processes."""
    with recording() as one:
        saved = asyncio.run(asked(Asking()))
    with recording() as two:
        asyncio.run(answered(Asking(), saved))
    (run,) = read_runs([*two.spans, *one.spans])
    assert [each.number for each in run.segments] == [1, 2]
    assert run.missing == ()
