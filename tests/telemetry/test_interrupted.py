"""Runs whose process died: start records become a run that was cut short, with the steps that it was in."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.telemetry.test_segments import Asking, answered, asked
from wftrace import Event, StartEvent, StopEvent, Workflow, recording, step
from wftrace import semconv as words
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs

OPENED = (words.OUTCOME, words.STEPS_COUNT, words.RETRIES_COUNT, words.EVENTS_COUNT, words.OUTPUT_MODE)


class Middle(Event):
    pass


class Flow(Workflow):
    @step
    async def first(self, ev: StartEvent) -> Middle:
        return Middle()

    @step
    async def second(self, ev: Middle) -> StopEvent:
        return StopEvent()


async def _run() -> None:
    await Flow().run()


@pytest.fixture
def spans() -> list[Span]:
    """All spans of a run that went well."""
    with recording() as recorder:
        asyncio.run(_run())
    return list(recorder.spans)


def begun(span: Span) -> Span:
    """The start record of a span: without its end, and without what is known only then."""
    kept = {key: value for key, value in span.attributes.items() if key not in OPENED}
    return replace(span, end_ns=0, attributes=kept, events=())


def told_by_others(span: Span) -> Span:
    """The same, as a spool tells it after the death of its process."""
    record = begun(span)
    return replace(record, end_ns=span.end_ns, attributes={**record.attributes, words.OUTCOME: "interrupted"})


def killed(spans: list[Span], how: object = begun) -> list[Span]:
    """What is left of a run that was killed in its second step."""
    (run,) = (span for span in spans if span.name == "invoke_workflow Flow")
    (second,) = (span for span in spans if span.name == "run_step second")
    ended = [span for span in spans if span.name in ("run_step first", "send StartEvent", "send Middle")]
    assert callable(how)
    return [*ended, how(run), how(second)]


def only(spans: list[Span]) -> Run:
    """The only run."""
    (run,) = read_runs(spans)
    return run


@pytest.mark.parametrize("how", [begun, told_by_others])
def test_a_killed_run_is_interrupted(spans: list[Span], how: object) -> None:
    """With the step that ran; those before it ended well."""
    run = only(killed(spans, how))
    assert run.outcome == "interrupted"
    assert {each.step: each.outcome for each in run.attempts} == {"first": "completed", "second": "interrupted"}
    assert run.graph == Flow.graph


@pytest.mark.parametrize("how", [begun, told_by_others])
def test_it_is_said_in_a_sentence(spans: list[Span], how: object) -> None:
    """That it was cut short, and where."""
    assert only(killed(spans, how)).missing == ("the end of the run is missing: it was cut short while second#1 ran",)


def test_it_lasted_until_its_last_sign_of_life(spans: list[Span]) -> None:
    """No attempt ends before it began, and the run not before them."""
    run = only(killed(spans))
    assert all(each.start_ns <= each.end_ns <= run.end_ns for each in run.attempts)
    assert run.end_ns == max(span.start_ns for span in killed(spans))


def test_who_tells_the_end_is_believed(spans: list[Span]) -> None:
    """A start record, or a spool that was too quick to call a process dead, counts for nothing beside it."""
    expected = only(spans)
    for records in ([begun(span) for span in spans], [told_by_others(span) for span in spans]):
        assert only([*records, *spans]) == only([*spans, *records]) == expected


def test_the_end_that_a_spool_tells_is_better_than_none(spans: list[Span]) -> None:
    """Of two records of one span the one with a time is kept, whatever their order."""
    quiet, told = killed(spans, begun), killed(spans, told_by_others)
    assert only([*quiet, *told]) == only([*told, *quiet]) == only(told)


def test_start_records_alone_are_a_run() -> None:
    """Nothing had ended yet."""
    with recording() as recorder:
        asyncio.run(_run())
    (root,) = (span for span in recorder.spans if span.name == "invoke_workflow Flow")
    run = only([begun(root)])
    assert (run.outcome, run.attempts, run.duration_ms) == ("interrupted", (), 0.0)
    assert run.missing == ("the end of the run is missing: it was cut short",)


def test_a_run_that_went_on_elsewhere_has_its_later_outcome() -> None:
    """Its first segment was cut short, which is said."""
    with recording() as one:
        saved = asyncio.run(asked(Asking()))
    with recording() as two:
        asyncio.run(answered(Asking(), saved))
    first = [begun(span) if span.name.startswith("invoke") else span for span in one.spans]
    run = only([*first, *two.spans])
    assert run.outcome == "completed"
    assert [each.outcome for each in run.segments] == ["interrupted", "completed"]
    assert run.missing == ("the end of segment 1 of the run is missing: it was cut short",)
