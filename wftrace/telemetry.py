"""Spans: an observer turns what happens in a run into spans by the sheet in ``semconv``.

``SpanObserver`` knows the sheet and nothing of where spans go; that is a ``SpanSink``: the OpenTelemetry API here,
plain values in ``wftrace.recorder``. Both get the same spans.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Mapping, Sequence
from contextvars import Context
from typing import Literal, Protocol, cast, get_args

from wftrace.engine.events import StopEvent
from wftrace.engine.flow import Flow
from wftrace.engine.graph import EdgeKind, FlowGraph
from wftrace.engine.observers import AttemptEnded, AttemptStarted, EventSent, Observer, RunEnded, RunStarted, Waited

from . import semconv as words
from .gate import STACKTRACE_LIMIT, clean_text, describe_error, payload, safe_text, summary
from .trace import AttributeValue
from .version import VERSION

Capture = Literal["none", "types", "summary", "full"]
SpanId = tuple[str, str]
"""Trace id and span id as lower-case hex."""

CAPTURES = get_args(Capture)

_GRAPH_PIECE = 8 * 1024
_logger = logging.getLogger("wftrace")


class OpenSpan(Protocol):
    """A span that has started."""

    @property
    def id(self) -> SpanId: ...
    def set(self, attributes: Mapping[str, AttributeValue]) -> None: ...
    def add_event(self, name: str, attributes: Mapping[str, AttributeValue], time_ns: int) -> None: ...
    def end(self, time_ns: int, error: str | None) -> None: ...
    def enter(self, context: Context) -> None: ...


class SpanSink(Protocol):
    """Where spans go. ``header`` is the key under which an event carries the id of its emission's span."""

    header: str

    def root(self, name: str, context: Context, attributes: Mapping[str, AttributeValue], time_ns: int) -> OpenSpan: ...
    def child(
        self,
        name: str,
        parent: OpenSpan,
        attributes: Mapping[str, AttributeValue],
        time_ns: int,
        links: Sequence[tuple[SpanId, str]] = (),
    ) -> OpenSpan: ...


class SpanObserver(Observer):
    """Makes the spans of one run: segment, attempts, emissions and waits."""

    def __init__(self, sink: SpanSink, capture: Capture) -> None:
        self._sink = sink
        self._capture = capture
        self._inputs = capture in ("summary", "full") and not _hidden("OPENINFERENCE_HIDE_INPUTS")
        self._outputs = capture in ("summary", "full") and not _hidden("OPENINFERENCE_HIDE_OUTPUTS")
        self._attempts: dict[str, OpenSpan] = {}
        self._last: dict[str, SpanId] = {}
        self._run: OpenSpan
        self._common: dict[str, AttributeValue] = {}
        self._of_step: dict[str, dict[str, AttributeValue]] = {}
        self._send_names: dict[str, tuple[str, str]] = {}
        self._graph: FlowGraph

    def run_started(self, fact: RunStarted) -> None:
        """Open the segment; it carries the flow itself."""
        self._graph = fact.flow.graph
        run_id = clean_text(fact.run_id)
        name = clean_text(fact.workflow)
        self._common = {
            words.SPAN_KIND: "CHAIN",
            words.SESSION_ID: run_id,
            words.WORKFLOW_NAME: name,
            words.RUN_ID: run_id,
            words.RUN_SEGMENT: fact.segment,
        }
        attributes: dict[str, AttributeValue] = {
            words.OPERATION_NAME: words.INVOKE_WORKFLOW,
            words.GEN_AI_WORKFLOW_NAME: name,
            **self._common,
            words.SEQ: fact.seq,
            words.VERSION: VERSION,
            **_graph_attributes(fact.flow),
        }
        if fact.parent_run_id:
            attributes[words.PARENT_RUN_ID] = clean_text(fact.parent_run_id)
            attributes[words.PARENT_EXECUTION_ID] = clean_text(fact.parent_execution)
        if self._inputs and fact.start_event is not None:
            attributes |= self._payload(fact.start_event, words.INPUT_VALUE, words.INPUT_MIME_TYPE)
        self._run = self._sink.root(f"{words.RUN_SPAN} {name}", fact.context, attributes, fact.time_ns)

    def attempt_started(self, fact: AttemptStarted) -> None:
        """Open an attempt and make it current in the step's context."""
        links: list[tuple[SpanId, str]] = []
        emitted = _span_id(fact.headers, self._sink.header)
        if emitted is not None:
            links.append((emitted, "event"))
        if fact.attempt > 1 and fact.execution in self._last:
            links.append((self._last[fact.execution], "retry_of"))
        constants = self._of_step.get(fact.step) or self._step_constants(fact.step)
        execution = clean_text(fact.execution)
        attributes: dict[str, AttributeValue] = {
            **constants,
            words.SEQ: fact.seq,
            words.EXECUTION_ID: execution,
            words.ATTEMPT: fact.attempt,
            words.WORKER: fact.worker,
            words.INPUT_EVENT_IDS: (clean_text(fact.event_id),),
            words.INPUT_EVENT_TYPES: (clean_text(fact.event_type),),
            words.INPUT_EXECUTION_IDS: (clean_text(fact.producer),),
            words.QUEUE_WAIT_MS: (fact.time_ns - fact.queued_ns) / 1e6,
        }
        if fact.producer:
            attributes[words.NODE_PARENT_ID] = clean_text(fact.producer.rpartition("#")[0])
        if self._inputs:
            attributes |= self._payload(fact.event, words.INPUT_VALUE, words.INPUT_MIME_TYPE)
        name = f"{words.STEP_SPAN} {constants[words.STEP_NAME]}"
        span = self._sink.child(name, self._run, attributes, fact.time_ns, links)
        span.enter(fact.context)
        self._attempts[fact.execution] = span

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """End the attempt with its outcome, what it made, and its error if there is one."""
        span = self._attempts.pop(fact.execution, None)
        if span is None:
            return
        ids = fact.outputs[: words.OUTPUT_IDS_CAP]
        attributes: dict[str, AttributeValue] = {
            words.OUTCOME: fact.outcome,
            words.OUTPUT_EVENT_IDS: tuple(clean_text(event) for event, _ in ids),
            words.OUTPUT_EVENT_TYPES: tuple(clean_text(kind) for _, kind in ids),
            words.OUTPUT_EVENT_COUNT: len(fact.outputs),
            words.OUTPUT_MODE: fact.mode,
        }
        if fact.joined:
            attributes[words.JOIN_EVENT_IDS] = tuple(map(clean_text, fact.joined[: words.INPUT_IDS_CAP]))
            attributes[words.JOIN_EVENT_COUNT] = len(fact.joined)
            attributes[words.COLLECT_WAIT_MS] = max(0.0, (fact.time_ns - fact.join_started_ns) / 1e6)
        if fact.streamed:
            attributes[words.STREAM_EVENT_TYPES] = tuple(map(clean_text, fact.streamed))
            attributes[words.STREAM_EVENT_COUNTS] = tuple(fact.streamed.values())
        if fact.retry_delay is not None:
            attributes[words.RETRY_DELAY_MS] = fact.retry_delay * 1000
        if self._outputs and fact.result is not None:
            attributes |= self._payload(fact.result, words.OUTPUT_VALUE, words.OUTPUT_MIME_TYPE)
        if fact.error is not None:
            attributes[words.ERROR_TYPE] = _error_type(fact.error)
            span.add_event(words.EXCEPTION_EVENT, self._exception(fact.error), fact.time_ns)
            self._last[fact.execution] = span.id
        elif self._last:
            self._last.pop(fact.execution, None)
        span.set(attributes)
        span.end(fact.time_ns, None if fact.error is None else self._message(fact.error))

    def event_sent(self, fact: EventSent) -> None:
        """One span without duration for each emission; its id travels with the event."""
        kind, name = self._send_names.get(fact.event_type) or self._name_send(fact.event_type)
        attributes: dict[str, AttributeValue] = {
            **self._common,
            words.SEQ: fact.seq,
            words.EVENT_ID: clean_text(fact.event_id),
            words.EVENT_TYPE: kind,
            words.EVENT_MODE: fact.mode,
            words.EVENT_DELIVERED: fact.delivered,
            words.EVENT_EXECUTION_ID: clean_text(fact.producer),
        }
        if fact.target:
            attributes[words.EVENT_TARGET] = clean_text(fact.target)
        parent = self._attempts.get(fact.producer, self._run)
        span = self._sink.child(name, parent, attributes, fact.time_ns)
        span.end(fact.time_ns, None)
        fact.headers[self._sink.header] = "-".join(("00", *span.id, "01"))

    def waited(self, fact: Waited) -> None:
        """One span for each wait, written when it is over."""
        kind = clean_text(fact.waiting_for)
        attributes: dict[str, AttributeValue] = {
            **self._common,
            words.SEQ: fact.seq,
            words.WAIT_KIND: fact.kind,
            words.WAITING_FOR: kind,
            words.EXECUTION_ID: clean_text(fact.execution),
            words.OUTCOME: fact.outcome,
        }
        if fact.events:
            attributes[words.INPUT_EVENT_IDS] = tuple(map(clean_text, fact.events[: words.INPUT_IDS_CAP]))
        links = (
            [(self._last[fact.execution], "retry_of")] if fact.kind == "retry" and fact.execution in self._last else []
        )
        short = words.RETRY_WAIT_SPAN if fact.kind == "retry" else f"{words.WAIT_SPAN} {kind.rpartition('.')[2]}"
        parent = self._attempts.get(fact.execution, self._run) if fact.kind in ("event", "join") else self._run
        self._sink.child(short, parent, attributes, fact.start_ns, links).end(fact.end_ns, None)

    def run_ended(self, fact: RunEnded) -> None:
        """End the segment: its outcome and its totals, by which a reader knows whether spans are missing."""
        attributes: dict[str, AttributeValue] = {
            words.OUTCOME: fact.outcome,
            words.STEPS_COUNT: fact.attempts,
            words.RETRIES_COUNT: fact.retries,
            words.EVENTS_COUNT: fact.events,
        }
        if fact.dropped:
            attributes[words.DROPPED_EVENT_IDS] = tuple(map(clean_text, fact.dropped[: words.INPUT_IDS_CAP]))
        if self._outputs and fact.result is not None:
            value = fact.result.result if type(fact.result) is StopEvent else fact.result
            attributes |= self._payload(value, words.OUTPUT_VALUE, words.OUTPUT_MIME_TYPE)
        failed = fact.error is not None and fact.outcome != "cancelled"
        if failed:
            attributes[words.ERROR_TYPE] = "timeout" if fact.outcome == "timed_out" else _error_type(fact.error)
        if fact.failed_execution:
            attributes[words.FAILED_EXECUTION_ID] = clean_text(fact.failed_execution)
        self._run.set(attributes)
        self._run.end(fact.time_ns, self._message(fact.error) if failed else None)

    def _name_send(self, event_type: str) -> tuple[str, str]:
        """An event type as it may stand in a span, and the name of the spans of its emissions."""
        kind = clean_text(event_type)
        names = self._send_names[event_type] = (kind, f"{words.SEND_SPAN} {kind.rpartition('.')[2]}")
        return names

    def _step_constants(self, name: str) -> dict[str, AttributeValue]:
        node = self._graph.step[name]
        step = clean_text(name)
        constants = self._of_step[name] = {
            words.OPERATION_NAME: words.RUN_STEP,
            words.GEN_AI_WORKFLOW_NAME: self._common[words.WORKFLOW_NAME],
            **self._common,
            words.SPAN_KIND: clean_text(node.span_kind),
            words.STEP_NAME: step,
            words.NODE_ID: step,
            words.NODE_NAME: step,
            words.CODE_FUNCTION: clean_text(node.function),
            words.CODE_FILE: clean_text(node.file),
            words.CODE_LINE: node.line,
        }
        return constants

    def _payload(self, value: object, key: str, mime_key: str) -> dict[str, AttributeValue]:
        text, mime = payload(value) if self._capture == "full" else summary(value)
        return {key: text, mime_key: mime}

    def _message(self, error: BaseException | None) -> str:
        return "" if error is None or self._capture == "none" else describe_error(error)

    def _exception(self, error: BaseException) -> dict[str, AttributeValue]:
        facts: dict[str, AttributeValue] = {words.EXCEPTION_TYPE: _error_type(error)}
        if self._capture != "none":
            facts[words.EXCEPTION_MESSAGE] = describe_error(error)
            facts[words.EXCEPTION_STACKTRACE] = _stacktrace(error)
        return facts


def capture_from_environment(default: Capture = "types") -> Capture:
    """What is captured of payloads: ``WFTRACE_CAPTURE``, else OpenTelemetry's switch for GenAI content, else
    ``default``.
    """
    own = os.environ.get("WFTRACE_CAPTURE", "").strip().lower()
    if own in CAPTURES:
        return cast(Capture, own)
    if own:
        _logger.warning("WFTRACE_CAPTURE=%s is none of %s; it is ignored", own, ", ".join(CAPTURES))
    content = os.environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").strip().upper()
    if content in ("SPAN_ONLY", "SPAN_AND_EVENT", "TRUE"):
        return "full"
    if content in ("NO_CONTENT", "EVENT_ONLY", "FALSE") and default != "none":
        return "types"
    return default


def _hidden(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in ("true", "1", "yes")


def _graph_attributes(flow: Flow) -> dict[str, AttributeValue]:
    """The flow as attributes; made once for each flow."""
    cached: dict[str, AttributeValue] | None = flow.notes.get("graph attributes")
    if cached is None:
        graph = _clean_graph(flow.graph)
        text = graph.to_json()
        size = _piece_size()
        pieces = tuple(text[start : start + size] for start in range(0, len(text), size))
        cached = flow.notes["graph attributes"] = {
            words.GRAPH: text if len(pieces) == 1 else pieces,
            words.GRAPH_HASH: graph.hash,
            words.GEN_AI_WORKFLOW_NODES: tuple(clean_text(step.name) for step in flow.graph.steps),
            words.GEN_AI_WORKFLOW_EDGES: _step_edges(flow.graph),
        }
    return cached


def _clean_graph(graph: FlowGraph) -> FlowGraph:
    """The graph with every text in it as it may leave the process, so that its names are those of the spans."""
    text = graph.to_json()
    if text.isascii() and "\\u" not in text:
        return graph
    return FlowGraph.from_json(json.dumps(_clean_document(json.loads(text)), ensure_ascii=False))


def _clean_document(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean_document(item) for item in value]
    return {key: _clean_document(item) for key, item in value.items()} if isinstance(value, dict) else value


def _piece_size() -> int:
    """How long a text attribute may be: the SDK cuts longer ones where the environment says so."""
    limits = [
        int(text)
        for name in ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
        if (text := os.environ.get(name, "").strip()).isdecimal()
    ]
    return max(1, min([*limits[:1], _GRAPH_PIECE]))


def _step_edges(graph: FlowGraph) -> tuple[str, ...]:
    """``"a -> b"`` for every step b that takes an event which step a makes."""
    pairs = (
        f"{clean_text(graph.nodes[made.source].name)} -> {clean_text(graph.nodes[taken.target].name)}"
        for made in graph.edges
        if made.kind in (EdgeKind.RETURNS, EdgeKind.SENDS)
        for taken in graph.outgoing[made.target]
    )
    return tuple(dict.fromkeys(pairs))


def _error_type(error: BaseException | None) -> str:
    cls = type(error)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return clean_text(name)


def _stacktrace(error: BaseException) -> str:
    try:
        return safe_text("".join(traceback.format_exception(error)), STACKTRACE_LIMIT)
    except Exception:  # strangers' exceptions
        return f"(the traceback of {type(error).__name__} could not be made)"


def _span_id(headers: Mapping[str, str] | None, key: str) -> SpanId | None:
    """The span id in a W3C ``traceparent`` header."""
    parts = headers.get(key, "").split("-") if headers else []
    return (parts[1], parts[2]) if len(parts) == 4 and len(parts[1]) == 32 and len(parts[2]) == 16 else None
