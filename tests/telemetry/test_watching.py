"""Watching is free when nobody looks, and never harms the run."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest

from wftrace import Event, Observer, StartEvent, StopEvent, Workflow, observing, recording, step
from wftrace.engine.observers import AttemptEnded, AttemptStarted, EventSent, RunEnded, RunStarted


class Middle(Event):
    pass


class Flow(Workflow):
    @step
    async def first(self, ev: StartEvent) -> Middle:
        return Middle()

    @step
    async def second(self, ev: Middle) -> StopEvent:
        return StopEvent(result="done")


async def _run() -> Any:
    return await Flow().run()


HOOKS = ["run_started", "event_sent", "attempt_started", "attempt_ended", "run_ended"]


def broken(hook: str) -> Observer:
    """An observer whose hook of that name raises; it counts its calls."""

    class Broken(Observer):
        calls = 0

        def fail(self, fact: RunStarted | EventSent | AttemptStarted | AttemptEnded | RunEnded) -> None:
            Broken.calls += 1
            raise RuntimeError(f"{hook} is broken")

    setattr(Broken, hook, Broken.fail)
    return Broken()


@pytest.mark.parametrize("hook", HOOKS)
def test_a_broken_observer_does_not_harm_the_run(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is dropped after its first failure and logged once; the run and the other observers go on."""
    observer = broken(hook)
    with observing(lambda: observer), recording() as recorder:
        assert asyncio.run(_run()) == "done"
    assert observer.calls == 1  # type: ignore[attr-defined]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert f"{hook} is broken" in caplog.text
    assert len(recorder.spans) == 6
    assert recorder.runs()[0].outcome == "completed"


def test_a_broken_factory_does_not_harm_the_run(caplog: pytest.LogCaptureFixture) -> None:
    """The run goes on without its observer."""

    def factory() -> Observer:
        raise RuntimeError("no observer today")

    with observing(factory):
        assert asyncio.run(_run()) == "done"
    assert "no observer today" in caplog.text


def test_the_recorder_keeps_only_the_runs_of_its_block() -> None:
    """Before and after, nothing is recorded."""
    asyncio.run(_run())
    with recording() as recorder:
        asyncio.run(_run())
    asyncio.run(_run())
    assert len(recorder.runs()) == 1


def test_two_recorders_see_the_same() -> None:
    """Watching does not use up what is watched."""
    with recording() as one, recording() as two:
        asyncio.run(_run())
    assert [span.name for span in one.spans] == [span.name for span in two.spans]


def test_a_recorder_may_have_a_limit() -> None:
    """Only the last spans are kept."""
    from wftrace import Recorder

    recorder = Recorder(limit=3)
    with observing(recorder.observer):
        asyncio.run(_run())
    assert len(recorder.spans) == 3


def _python(code: str, **environment: str) -> str:
    import os

    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PRINT_OBSERVER = "from wftrace.tracing import observer; print(observer())"
SDK = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""


def test_without_a_configured_sdk_there_is_no_observer() -> None:
    """So a run makes no spans and costs nothing."""
    assert _python(PRINT_OBSERVER) == "None"


def test_nobody_looks_no_hooks() -> None:
    """Then there is nothing to call."""
    code = "import wftrace; from wftrace.engine.observers import hooks_for_run; print(hooks_for_run().observers)"
    assert _python(code) == "()"


def test_with_a_configured_sdk_there_is_one() -> None:
    """The test above could fail."""
    assert "SpanObserver" in _python(SDK + PRINT_OBSERVER)


def test_a_disabled_sdk_is_none() -> None:
    """``OTEL_SDK_DISABLED`` holds."""
    assert _python(SDK + PRINT_OBSERVER, OTEL_SDK_DISABLED="true") == "None"


def test_a_provider_that_comes_late_is_used() -> None:
    """Runs that start after it was set are traced, also when wftrace was imported, and a flow run, before."""
    code = f"""
import asyncio
from wftrace import StartEvent, StopEvent, Workflow, step
class Flow(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return StopEvent()
async def main():
    await Flow().run()
asyncio.run(main())
{SDK}
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
asyncio.run(main())
scope = exporter.get_finished_spans()[0].instrumentation_scope
print(len(exporter.get_finished_spans()), scope.name, bool(scope.version))
"""
    assert _python(code) == "4 wftrace True"
