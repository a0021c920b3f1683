"""Metrics: an observer of runs that measures, through the OpenTelemetry API. Without a meter provider there is none.

Attributes are names of workflows, steps, outcomes and error classes: never an id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakKeyDictionary

from opentelemetry import metrics as otel
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, NoOpMeter, NoOpMeterProvider, Observation

from wftrace.engine.observers import AttemptEnded, AttemptStarted, Observer, RunEnded, RunStarted

from . import semconv as words
from .capturing import error_type
from .span_names import safe_name
from .trace import step_of
from .tracing import SCHEMA_URL
from .version import VERSION

RUN_DURATION = "gen_ai.invoke_workflow.duration"
STEP_DURATION = "wftrace.step.duration"
QUEUE_WAIT_DURATION = "wftrace.queue.wait.duration"
RETRIES = "wftrace.retries"
RUNS_ACTIVE = "wftrace.runs.active"
QUEUE_DEPTH = "wftrace.queue.depth"

RUN_BUCKETS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
STEP_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)

Queued = Callable[[], Mapping[str, int]]


class Instruments:
    """The instruments of one meter, and the queues that are asked when somebody reads their depth."""

    def __init__(self, meter: Meter) -> None:
        self.run = meter.create_histogram(
            RUN_DURATION, "s", "How long a run took.", explicit_bucket_boundaries_advisory=RUN_BUCKETS
        )
        self.step = meter.create_histogram(
            STEP_DURATION, "s", "How long an attempt of a step took.", explicit_bucket_boundaries_advisory=STEP_BUCKETS
        )
        self.queue_wait = meter.create_histogram(
            QUEUE_WAIT_DURATION,
            "s",
            "How long an event waited for a worker.",
            explicit_bucket_boundaries_advisory=STEP_BUCKETS,
        )
        self.retries = meter.create_counter(RETRIES, "{retry}", "Attempts that failed and are made again.")
        self.active = meter.create_up_down_counter(RUNS_ACTIVE, "{run}", "Runs under way.")
        self.queues: dict[Observer, tuple[str, Queued]] = {}
        meter.create_observable_up_down_counter(
            QUEUE_DEPTH, [self._depths], "{event}", "Events that wait for a worker of a step."
        )

    def _depths(self, options: CallbackOptions) -> Iterable[Observation]:
        depths: Counter[tuple[str, str]] = Counter()
        for workflow, queued in list(self.queues.values()):
            for step, count in queued().items():
                depths[workflow, safe_name(step)] += count
        return [
            Observation(count, {words.WORKFLOW_NAME: workflow, words.STEP_NAME: step})
            for (workflow, step), count in depths.items()
        ]


_instruments: WeakKeyDictionary[MeterProvider, Instruments] = WeakKeyDictionary()


class MetricsObserver(Observer):
    """Measures one run."""

    def __init__(self, instruments: Instruments) -> None:
        self._to = instruments
        self._workflow: dict[str, str] = {}
        self._began_ns = 0
        self._attempts: dict[str, int] = {}
        self._steps: dict[str, dict[str, str]] = {}

    def run_started(self, fact: RunStarted) -> None:
        """One run more."""
        name = safe_name(fact.workflow)
        self._began_ns = fact.time_ns
        self._workflow = {words.GEN_AI_WORKFLOW_NAME: name}
        self._to.active.add(1, {words.WORKFLOW_NAME: name})
        self._to.queues[self] = (name, fact.queued)

    def attempt_started(self, fact: AttemptStarted) -> None:
        """An event has a worker."""
        self._attempts[fact.execution] = fact.time_ns
        self._to.queue_wait.record((fact.time_ns - fact.queued_ns) / 1e9, self._of(fact.step))

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """The worker is free again."""
        began = self._attempts.pop(fact.execution, None)
        if began is None:
            return
        attributes = {**self._of(step_of(fact.execution)), words.OUTCOME: fact.outcome}
        if fact.error is not None:
            attributes[words.ERROR_TYPE] = error_type(fact.error)
        self._to.step.record((fact.time_ns - began) / 1e9, attributes)
        if fact.outcome == "retrying":
            del attributes[words.OUTCOME]
            self._to.retries.add(1, attributes)

    def run_ended(self, fact: RunEnded) -> None:
        """One run less."""
        self._to.queues.pop(self, None)
        self._to.active.add(-1, {words.WORKFLOW_NAME: self._workflow[words.GEN_AI_WORKFLOW_NAME]})
        attributes = {**self._workflow, words.OUTCOME: fact.outcome}
        if fact.outcome == "timed_out":
            attributes[words.ERROR_TYPE] = "timeout"
        elif fact.error is not None and fact.outcome != "cancelled":
            attributes[words.ERROR_TYPE] = error_type(fact.error)
        self._to.run.record((fact.time_ns - self._began_ns) / 1e9, attributes)

    def _of(self, step: str) -> dict[str, str]:
        known = self._steps.get(step)
        if known is None:
            known = self._steps[step] = {
                words.WORKFLOW_NAME: self._workflow[words.GEN_AI_WORKFLOW_NAME],
                words.STEP_NAME: safe_name(step),
            }
        return known


def observer() -> MetricsObserver | None:
    """The observer of a run that starts now; None while the process has no meter provider."""
    provider = otel.get_meter_provider()
    if isinstance(provider, NoOpMeterProvider) or type(provider).__name__ == "_ProxyMeterProvider":
        return None
    made = _instruments.get(provider)
    if made is None:
        meter = provider.get_meter(words.SCOPE, VERSION, SCHEMA_URL)
        if isinstance(meter, NoOpMeter):
            return None
        made = _instruments[provider] = Instruments(meter)
    return MetricsObserver(made)
