"""From spans to runs: whatever order they come in, doubled, from several segments, with some of them missing.

Everything is read from attributes; links, events' order, times and the root are not needed. What is missing is said in
``Run.missing``, never guessed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast, get_args

from wftrace.engine.errors import GraphFormatError
from wftrace.engine.graph import FlowGraph

from . import semconv as words
from .trace import Attempt, CheckpointMark, Emission, ErrorFacts, Outcome, Run, Segment, Span, Wait
from .unfolding import unfold

Kind = Literal["run", "attempt", "emission", "wait", "checkpoint"]


def read_runs(spans: Iterable[Span]) -> list[Run]:
    """The wftrace runs among some spans, in order of their start. Spans of others are passed over."""
    by_run: dict[str, list[Span]] = {}
    for span in unfold(spans):
        run_id = _text(span, words.RUN_ID)
        if run_id and _kind(span) is not None:
            by_run.setdefault(run_id, []).append(span)
    runs = [_read_run(run_id, mine) for run_id, mine in by_run.items()]
    return sorted(runs, key=lambda run: (run.start_ns, run.run_id))


def _read_run(run_id: str, spans: list[Span]) -> Run:
    of_kind: defaultdict[Kind | None, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=_order):
        of_kind[_kind(span)].append(span)
    roots = of_kind["run"]
    attempts = tuple(map(_attempt, of_kind["attempt"]))
    emissions = tuple(map(_emission, of_kind["emission"]))
    graph, graph_problem = _graph(roots)
    last = roots[-1] if roots else None
    first = roots[0] if roots else None
    return Run(
        run_id=run_id,
        workflow=_text(spans[0], words.WORKFLOW_NAME),
        outcome=_outcome(last) if last else "interrupted",
        start_ns=min(span.start_ns for span in spans),
        end_ns=max(span.end_ns for span in spans),
        segments=tuple(map(_segment, roots)),
        attempts=attempts,
        emissions=emissions,
        waits=tuple(map(_wait, of_kind["wait"])),
        graph=graph,
        graph_hash=_text(last, words.GRAPH_HASH) if last else "",
        error=_run_error(last, attempts) if last else None,
        failed_execution=_text(last, words.FAILED_EXECUTION_ID) if last else "",
        parent_run_id=_text(first, words.PARENT_RUN_ID) if first else "",
        parent_execution=_text(first, words.PARENT_EXECUTION_ID) if first else "",
        version=_text(last, words.VERSION) if last else "",
        dropped=_texts(last, words.DROPPED_EVENT_IDS) if last else (),
        missing=(*graph_problem, *_missing(roots, attempts, emissions)),
        input_value=_optional(first, words.INPUT_VALUE) if first else None,
        output_value=_optional(last, words.OUTPUT_VALUE) if last else None,
        service=str(spans[0].resource.get("service.name", "")),
        session_id=_text(spans[0], words.SESSION_ID),
        user_id=_text(first, words.USER_ID) if first else "",
        metadata=_text(first, words.METADATA) if first else "",
        tags=_texts(first, words.TAGS) if first else (),
        checkpoints=tuple(map(_checkpoint, of_kind["checkpoint"])),
    )


def _kind(span: Span) -> Kind | None:
    attributes = span.attributes
    if words.EVENT_ID in attributes:
        return "emission"
    if words.WAIT_KIND in attributes:
        return "wait"
    if words.CHECKPOINT_OPERATION in attributes:
        return "checkpoint"
    if words.STEP_NAME in attributes and words.EXECUTION_ID in attributes:
        return "attempt"
    return "run" if words.GRAPH_HASH in attributes or span.name.startswith(words.RUN_SPAN) else None


def _order(span: Span) -> tuple[int, int, int, str]:
    return (_number(span, words.RUN_SEGMENT, 1), _number(span, words.SEQ), span.start_ns, span.span_id)


def _segment(span: Span) -> Segment:
    return Segment(
        number=_number(span, words.RUN_SEGMENT, 1),
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        outcome=_outcome(span),
        trace_id=span.trace_id,
        span_id=span.span_id,
    )


def _attempt(span: Span) -> Attempt:
    inputs = _texts(span, words.INPUT_EVENT_IDS)
    collect = span.attributes.get(words.COLLECT_WAIT_MS)
    delay = span.attributes.get(words.RETRY_DELAY_MS)
    counts = _list(span, words.STREAM_EVENT_COUNTS)
    return Attempt(
        step=_text(span, words.STEP_NAME),
        execution_id=_text(span, words.EXECUTION_ID),
        number=_number(span, words.ATTEMPT, 1),
        seq=_number(span, words.SEQ),
        segment=_number(span, words.RUN_SEGMENT, 1),
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        outcome=_outcome(span),
        inputs=inputs,
        input_types=_padded(_texts(span, words.INPUT_EVENT_TYPES), len(inputs)),
        input_executions=_padded(_texts(span, words.INPUT_EXECUTION_IDS), len(inputs)),
        joined=_texts(span, words.JOIN_EVENT_IDS),
        outputs=_texts(span, words.OUTPUT_EVENT_IDS),
        output_types=_texts(span, words.OUTPUT_EVENT_TYPES),
        streamed={
            kind: count
            for kind, count in zip(_texts(span, words.STREAM_EVENT_TYPES), counts, strict=False)
            if isinstance(count, int)
        },
        worker=_number(span, words.WORKER),
        queue_wait_ms=_float(span.attributes.get(words.QUEUE_WAIT_MS)) or 0.0,
        collect_wait_ms=_float(collect),
        retry_delay_ms=_float(delay),
        error=_error(span),
        trace_id=span.trace_id,
        span_id=span.span_id,
        input_value=_optional(span, words.INPUT_VALUE),
        output_value=_optional(span, words.OUTPUT_VALUE),
    )


def _emission(span: Span) -> Emission:
    return Emission(
        event_id=_text(span, words.EVENT_ID),
        type=_text(span, words.EVENT_TYPE),
        execution_id=_text(span, words.EVENT_EXECUTION_ID),
        mode=_text(span, words.EVENT_MODE),
        delivered=_text(span, words.EVENT_DELIVERED),
        seq=_number(span, words.SEQ),
        time_ns=span.start_ns,
        target=_text(span, words.EVENT_TARGET),
        span_id=span.span_id,
    )


def _wait(span: Span) -> Wait:
    return Wait(
        kind=_text(span, words.WAIT_KIND),
        waiting_for=_text(span, words.WAITING_FOR),
        execution_id=_text(span, words.EXECUTION_ID),
        seq=_number(span, words.SEQ),
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        outcome=_outcome(span),
        events=_texts(span, words.INPUT_EVENT_IDS),
        span_id=span.span_id,
    )


def _checkpoint(span: Span) -> CheckpointMark:
    return CheckpointMark(
        operation=_text(span, words.CHECKPOINT_OPERATION),
        execution_id=_text(span, words.EXECUTION_ID),
        seq=_number(span, words.SEQ),
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        outcome=_outcome(span),
        span_id=span.span_id,
    )


def _graph(roots: Sequence[Span]) -> tuple[FlowGraph | None, tuple[str, ...]]:
    for span in reversed(roots):
        text = "".join(_texts(span, words.GRAPH)) or _text(span, words.GRAPH)
        if text:
            try:
                return FlowGraph.from_json(text), ()
            except GraphFormatError as error:
                return None, (f"the graph in the trace cannot be read: {error}",)
    return None, ()


def _missing(roots: Sequence[Span], attempts: Sequence[Attempt], emissions: Sequence[Emission]) -> list[str]:
    said: list[str] = []
    if not roots:
        said.append("the run span is missing: the run may still be under way, or was cut short")
    said += [_cut_short(_segment(root), roots, attempts) for root in roots if _outcome(root) == "interrupted"]
    expected = sum(_number(span, words.STEPS_COUNT) for span in roots)
    if expected > len(attempts):
        said.append(f"{expected - len(attempts)} of {expected} step attempts are missing")
    made = sum(_number(span, words.EVENTS_COUNT) for span in roots)
    if made > len(emissions):
        said.append(f"{made - len(emissions)} of {made} emissions are missing")
    return said


def _cut_short(segment: Segment, roots: Sequence[Span], attempts: Sequence[Attempt]) -> str:
    """That nobody told the end of a segment, and the steps that it was in."""
    which = f"segment {segment.number} of the run" if len(roots) > 1 else "the run"
    mine = (each for each in attempts if each.segment == segment.number and each.outcome == "interrupted")
    steps = ", ".join(dict.fromkeys(each.execution_id for each in mine))
    return f"the end of {which} is missing: it was cut short" + (f" while {steps} ran" if steps else "")


def _error(span: Span) -> ErrorFacts | None:
    if span.status != "error" and words.ERROR_TYPE not in span.attributes:
        return None
    facts: Mapping[str, object] = next(
        (event.attributes for event in span.events if event.name == words.EXCEPTION_EVENT), {}
    )
    return ErrorFacts(
        type=_text(span, words.ERROR_TYPE) or str(facts.get(words.EXCEPTION_TYPE, "error")),
        message=str(facts.get(words.EXCEPTION_MESSAGE, "")) or span.status_message,
        stacktrace=str(facts.get(words.EXCEPTION_STACKTRACE, "")),
    )


def _run_error(span: Span, attempts: Sequence[Attempt]) -> ErrorFacts | None:
    """The run's error; the stack trace stands on the failed attempt only."""
    failed = _text(span, words.FAILED_EXECUTION_ID)
    of_attempt = [attempt.error for attempt in attempts if attempt.execution_id == failed and attempt.error]
    return of_attempt[-1] if failed and of_attempt else _error(span)


def _outcome(span: Span) -> Outcome:
    value = _text(span, words.OUTCOME)
    return cast(Outcome, value) if value in get_args(Outcome) else "interrupted"


def _text(span: Span, key: str) -> str:
    value = span.attributes.get(key, "")
    return value if isinstance(value, str) else ""


def _optional(span: Span, key: str) -> str | None:
    value = span.attributes.get(key)
    return value if isinstance(value, str) else None


def _number(span: Span, key: str, default: int = 0) -> int:
    value = span.attributes.get(key, default)
    if isinstance(value, str):
        return int(value) if value.lstrip("-").isdecimal() and len(value) < 20 else default
    if isinstance(value, float):
        return int(value) if abs(value) < 2**63 else default
    return value if isinstance(value, int) else default


def _float(value: object) -> float | None:
    """A number of sensible size; some backends hold NaN, and a broken file anything."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**63:
        return None
    return float(value)


def _list(span: Span, key: str) -> tuple[object, ...]:
    """A list attribute; some backends keep lists as JSON text."""
    value = span.attributes.get(key, ())
    if isinstance(value, str) and value.startswith("["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return ()
        return tuple(parsed) if isinstance(parsed, list) else ()
    return tuple(value) if isinstance(value, tuple | list) else ()


def _texts(span: Span, key: str) -> tuple[str, ...]:
    return tuple(item for item in _list(span, key) if isinstance(item, str))


def _padded(values: tuple[str, ...], length: int) -> tuple[str, ...]:
    return (*values, *("",) * (length - len(values)))[:length]
