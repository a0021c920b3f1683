"""Log records say in which run, step, attempt and span they were written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.telemetry.watching import SdkWatch, Watch
from wftrace import ConstantDelayRetryPolicy, Context, StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.logs import RunLogFilter, log_fields

logger = logging.getLogger("tests.app.of.somebody")


class Kept(logging.Handler):
    """Keeps its records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    """A handler with our filter, for as long as a test takes."""
    handler = Kept()
    handler.addFilter(RunLogFilter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)


class Logging(Workflow):
    """Logs in an async step, in a task of it, and in a thread; one step is retried."""

    @step(retry_policy=ConstantDelayRetryPolicy(1, 0.001))
    async def first(self, ctx: Context[Any], ev: StartEvent) -> StopEvent | None:
        logger.info("first")
        await asyncio.gather(
            asyncio.create_task(self.helper()), asyncio.to_thread(logger.info, "in a thread of a step")
        )
        if ctx.retry_info().retry_number == 0:
            raise ValueError("once")
        return StopEvent()

    async def helper(self) -> None:
        logger.info("in a task of a step")


class Threaded(Workflow):
    @step
    def work(self, ev: StartEvent) -> StopEvent:
        logger.info("threaded")
        return StopEvent()


def test_a_record_names_run_step_and_attempt(kept: Kept, watch: Watch) -> None:
    """In the step, in its tasks and in its threads."""
    trace = watch.run(Logging(), run_id="r1")
    assert trace.error is None
    assert len(kept.records) == 6
    assert {(r.workflow, r.run_id, r.step, r.execution_id) for r in kept.records} == {
        ("Logging", "r1", "first", "first#1")
    }
    assert [r.attempt for r in kept.records] == [1, 1, 1, 2, 2, 2]


def test_a_record_names_its_span(kept: Kept, watch: Watch) -> None:
    """That of the attempt."""
    trace = watch.run(Logging())
    for record in kept.records:
        (span,) = (each for each in trace.attempts() if each.attributes[words.ATTEMPT] == record.attempt)
        assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)


def test_in_a_sync_step_too(kept: Kept, watch: Watch) -> None:
    """Which runs in a thread of its own."""
    trace = watch.run(Threaded())
    (record,) = kept.records
    assert (record.step, record.attempt, record.span_id) == ("work", 1, trace.attempt("work").span_id)


def test_a_span_of_the_user_inside_a_step_is_the_one(kept: Kept, sdk: SdkWatch) -> None:
    """The innermost."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            with sdk.tracer.start_as_current_span("library"):
                logger.info("deep")
            return StopEvent()

    trace = sdk.run(Flow())
    (library,) = (span for span in trace.spans if span.name == "library")
    assert kept.records[0].span_id == library.span_id


def test_without_tracing_run_step_and_attempt_are_there(kept: Kept) -> None:
    """Correlation does not need spans."""

    async def main() -> None:
        await Threaded().run(run_id="r2")

    asyncio.run(main())
    (record,) = kept.records
    assert (record.run_id, record.step, record.attempt) == ("r2", "work", 1)


def test_outside_a_step_there_is_nothing_to_say(kept: Kept) -> None:
    """A format that names the fields works all the same."""
    logger.info("outside")
    formatted = logging.Formatter("[%(run_id)s %(step)s %(attempt)s %(trace_id)s] %(message)s").format(kept.records[0])
    assert formatted == "[  0 ] outside"


def test_what_a_record_has_is_left(kept: Kept) -> None:
    """A user's own ``extra`` wins."""
    logger.info("own", extra={"step": "mine"})
    assert kept.records[0].step == "mine"


def test_fields_for_other_loggers() -> None:
    """As a dict."""
    assert log_fields() == {
        "trace_id": "",
        "span_id": "",
        "workflow": "",
        "run_id": "",
        "step": "",
        "execution_id": "",
        "attempt": 0,
    }
