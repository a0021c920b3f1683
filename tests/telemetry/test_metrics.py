"""Metrics of runs, through the OpenTelemetry API: what is measured, how it is told apart, and what it costs nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowTimeoutError,
    observing,
    step,
)
from wftrace.metrics import Instruments, MetricsObserver


class Item(Event):
    n: int


class Flow(Workflow):
    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Item | None:
        for n in range(3):
            ctx.send_event(Item(n=n))
        return None

    @step(num_workers=1, retry_policy=ConstantDelayRetryPolicy(1, 0.001))
    async def work(self, ctx: Context[Any], ev: Item) -> StopEvent | None:
        if ev.n == 0 and ctx.retry_info().retry_number == 0:
            raise ValueError("once")
        await asyncio.sleep(0.005)
        return StopEvent() if ctx.collect_events(ev, [Item] * 3) else None


class Sleeping(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        await asyncio.sleep(30)
        return StopEvent()


class Measured:
    """A meter provider of its own, read when asked."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.instruments = Instruments(self.provider.get_meter("test"))

    def points(self, name: str) -> dict[frozenset[tuple[str, Any]], Any]:
        """The points of a metric by their attributes."""
        data = self.reader.get_metrics_data()
        found: dict[frozenset[tuple[str, Any]], Any] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        found |= {
                            frozenset((point.attributes or {}).items()): point for point in metric.data.data_points
                        }
        return found

    def run(self, main: Any) -> None:
        """Run a main function whose runs are measured."""
        with observing(lambda: MetricsObserver(self.instruments)):
            asyncio.run(main())


@pytest.fixture
def measured() -> Measured:
    """A fresh meter provider."""
    return Measured()


async def one() -> None:
    await Flow().run()


def key(**attributes: str) -> frozenset[tuple[str, Any]]:
    """Attributes as they stand on a point."""
    names = {"workflow": "wftrace.workflow.name", "step": "wftrace.step.name", "outcome": "wftrace.outcome"}
    return frozenset((names.get(name, name.replace("__", ".")), value) for name, value in attributes.items())


def test_runs_are_timed(measured: Measured) -> None:
    """In seconds, by workflow and outcome, in the buckets of the convention."""
    measured.run(one)
    (point,) = measured.points("gen_ai.invoke_workflow.duration").values()
    assert dict(point.attributes) == {"gen_ai.workflow.name": "Flow", "wftrace.outcome": "completed"}
    assert point.count == 1
    assert 0.01 < point.sum < 10
    assert tuple(point.explicit_bounds) == (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)


def test_a_timeout_is_an_error_of_the_run(measured: Measured) -> None:
    """Its class is the word."""

    async def main() -> None:
        with pytest.raises(WorkflowTimeoutError):
            await Sleeping(timeout=0.01).run()

    measured.run(main)
    (point,) = measured.points("gen_ai.invoke_workflow.duration").values()
    assert point.attributes["error.type"] == "timeout"
    assert point.attributes["wftrace.outcome"] == "timed_out"


def test_attempts_are_timed(measured: Measured) -> None:
    """By step, outcome and class of error."""
    measured.run(one)
    points = measured.points("wftrace.step.duration")
    counts = {attributes: point.count for attributes, point in points.items()}
    assert counts == {
        key(workflow="Flow", step="plan", outcome="completed"): 1,
        key(workflow="Flow", step="work", outcome="completed"): 3,
        key(workflow="Flow", step="work", outcome="retrying", error__type="ValueError"): 1,
    }


def test_waiting_for_a_worker_is_timed(measured: Measured) -> None:
    """Two of three items wait for the only worker."""
    measured.run(one)
    work = measured.points("wftrace.queue.wait.duration")[key(workflow="Flow", step="work")]
    assert work.count == 4
    assert work.sum > 0.005


def test_retries_are_counted(measured: Measured) -> None:
    """By step and class of error."""
    measured.run(one)
    points = measured.points("wftrace.retries")
    assert {attributes: point.value for attributes, point in points.items()} == {
        key(workflow="Flow", step="work", error__type="ValueError"): 1
    }


def test_runs_and_queues_are_told_as_they_are(measured: Measured) -> None:
    """Two runs under way, each with two items in its queue; afterwards none."""
    seen: list[Any] = []

    async def main() -> None:
        handlers = [Flow().run(), Flow().run()]
        await asyncio.sleep(0.004)
        seen.append(measured.points("wftrace.runs.active")[key(workflow="Flow")].value)
        seen.append(measured.points("wftrace.queue.depth")[key(workflow="Flow", step="work")].value)
        await asyncio.gather(*handlers)

    measured.run(main)
    assert seen[0] == 2
    assert 0 < seen[1] <= 4
    assert measured.points("wftrace.runs.active")[key(workflow="Flow")].value == 0
    assert measured.points("wftrace.queue.depth") == {}


def test_no_attribute_is_an_id(measured: Measured) -> None:
    """However many runs there are, the points are the same."""

    async def many() -> None:
        await asyncio.gather(*(Flow().run() for _ in range(20)))

    measured.run(one)
    names = ("gen_ai.invoke_workflow.duration", "wftrace.step.duration", "wftrace.retries", "wftrace.runs.active")
    before = [set(measured.points(name)) for name in names]
    measured.run(many)
    assert [set(measured.points(name)) for name in names] == before


def test_nothing_is_kept_of_runs_that_ended(measured: Measured) -> None:
    """Their queues are no longer asked."""
    measured.run(one)
    assert measured.instruments.queues == {}


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_a_meter_provider_there_is_no_observer() -> None:
    """So it costs nothing."""
    assert _python("from wftrace.metrics import observer; print(observer())") == "None"


def test_with_one_there_is() -> None:
    """Its instruments are made once."""
    code = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
metrics.set_meter_provider(MeterProvider())
from wftrace.metrics import observer
one, two = observer(), observer()
print(type(one).__name__, one is two, one._to is two._to)
"""
    assert _python(code) == "MetricsObserver False True"
