"""A run that is saved or loaded: a span each."""

from __future__ import annotations

import time

from tests.telemetry.watching import Trace, Watch
from wftrace import StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.engine.observers import AttemptEnded, Checkpointed, RunEnded, RunStarted
from wftrace.settings import Capture, TracingSettings
from wftrace.sinks import SpanSink
from wftrace.telemetry import SpanObserver


class Flow(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return StopEvent()


class Telling(SpanObserver):
    """Is told of a load at the start of a run, and of two saves after each attempt, the second of which fails."""

    def run_started(self, fact: RunStarted) -> None:
        super().run_started(fact)
        self.checkpointed(Checkpointed("load", "", 100, fact.time_ns, fact.time_ns))

    def attempt_ended(self, fact: AttemptEnded) -> None:
        super().attempt_ended(fact)
        now = time.time_ns()
        self.checkpointed(Checkpointed("save", fact.execution, 101, now, now + 5_000_000))
        self.checkpointed(Checkpointed("save", fact.execution, 102, now, now, OSError("disk full")))

    def run_ended(self, fact: RunEnded) -> None:
        super().run_ended(fact)


def told(watch: Watch) -> Trace:
    """The trace of such a run."""
    watch.factory = lambda how: Telling(_sink(watch), how)  # type: ignore[method-assign]
    return watch.run(Flow())


def _sink(watch: Watch, how: TracingSettings | Capture = "types") -> SpanSink:
    return type(watch).factory(watch, how)._sink


def test_each_is_a_span_below_the_run(watch: Watch) -> None:
    """With its operation, its execution and its time."""
    trace = told(watch)
    load, save, _ = sorted(
        (span for span in trace.spans if span.name.startswith("checkpoint")),
        key=lambda span: int(str(span.attributes[words.SEQ])),
    )
    assert (load.name, save.name) == ("checkpoint load", "checkpoint save")
    assert load.parent_id == save.parent_id == trace.run.span_id
    assert save.attributes[words.EXECUTION_ID] == "work#1"
    assert save.end_ns - save.start_ns == 5_000_000
    assert save.status == "unset"


def test_one_that_failed_says_why(watch: Watch) -> None:
    """Status ERROR with the class and the text of the error."""
    (failed,) = (span for span in told(watch).spans if span.status == "error")
    assert failed.attributes[words.ERROR_TYPE] == "OSError"
    assert failed.attributes[words.OUTCOME] == "failed"
    assert failed.status_message == "disk full"


def test_they_are_read_back(watch: Watch) -> None:
    """In order, and nothing is missing for them."""
    run = told(watch).read()
    assert [(each.operation, each.outcome) for each in run.checkpoints] == [
        ("load", "completed"),
        ("save", "completed"),
        ("save", "failed"),
    ]
    assert run.missing == ()
