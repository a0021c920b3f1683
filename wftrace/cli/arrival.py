"""What of a run arrived where its spans were sent: the SDK may drop or cut them, as its variables say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wftrace.trace import Run
from wftrace.units import count_of

DROPPING = (
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
)
"""The variables by which the SDK makes no spans, passes some over, or cuts them."""


def whole_runs(ran: Iterable[Run], arrived: Iterable[Run]) -> list[Run]:
    """The runs as they arrived, with the ids that they have there; what was cut on the way as it really ran."""
    there = {run.run_id: run for run in arrived}
    return [_whole(run, there.get(run.run_id)) for run in ran]


def _whole(ran: Run, arrived: Run | None) -> Run:
    if arrived is None:
        return replace(ran, segments=tuple(replace(each, trace_id="", span_id="") for each in ran.segments))
    if _facts(ran) == _facts(arrived):
        return arrived
    return replace(ran, segments=arrived.segments) if len(arrived.segments) == len(ran.segments) else ran


def shortfall(ran: Sequence[Run], arrived: Sequence[Run], environment: Mapping[str, str]) -> str:
    """What did not arrive, and which variables may be why, as one sentence; ``""`` when all did."""
    there = {run.run_id: run for run in arrived}
    if all(run.run_id in there and _facts(run) == _facts(there[run.run_id]) for run in ran):
        return ""
    made, came = count_attempts(ran), count_attempts(arrived)
    what = f"{came} of {count_of(made, 'attempt')} arrived in the trace" if came < made else "the trace was cut"
    found = [f"{name}={environment[name]}" for name in DROPPING if environment.get(name)]
    return f"{what}; set: {', '.join(found)}" if found else what


def count_attempts(runs: Iterable[Run]) -> int:
    """How many attempts some runs have."""
    return sum(len(run.attempts) for run in runs)


def _facts(run: Run) -> tuple[object, ...]:
    """What a trace must say about a run to be whole."""
    return (
        run.workflow,
        run.outcome,
        run.graph.hash if run.graph else "",
        run.error,
        run.missing,
        [(each.execution_id, each.number, each.outcome, each.error, each.inputs, each.input_types, each.outputs)
         for each in run.attempts],
        [(each.event_id, each.type, each.execution_id, each.mode) for each in run.emissions],
        [(each.kind, each.waiting_for, each.execution_id, each.outcome) for each in run.waits],
    )  # fmt: skip
