"""Spans: an observer turns what happens in a run into spans by the sheet in ``semconv``.

``SpanObserver`` knows the sheet and nothing of where spans go; that is a ``SpanSink``: the OpenTelemetry API in
``tracing``, plain values in ``recorder``. Both get the same spans.
"""

from __future__ import annotations

from collections.abc import Mapping

from wftrace.engine.events import StopEvent
from wftrace.engine.observers import (
    AttemptEnded,
    AttemptStarted,
    Checkpointed,
    EventSent,
    Observer,
    RunEnded,
    RunStarted,
    Waited,
)

from . import semconv as words
from .capturing import Capturing, error_type
from .flow_attributes import graph_attributes, names_of, step_attributes
from .labels import hand_on, label_attributes, labels_of
from .moments import AsEvents, AsSpans, Moments
from .settings import Capture, TracingSettings, as_settings
from .sinks import OpenSpan, SpanSink, span_ids
from .span_names import SpanNames, safe_name
from .trace import AttributeValue
from .version import VERSION

__all__ = ["Capture", "SpanObserver"]

_EMISSION = "wftrace-emission"
"""Header of an event from outside: its emission. The sink's own header is then the sender's span."""

Link = tuple[str, str]


class SpanObserver(Observer):
    """Makes the spans of one segment of a run: the segment, its attempts, emissions, waits and checkpoints."""

    def __init__(self, sink: SpanSink, settings: TracingSettings | Capture = "types") -> None:
        self._sink = sink
        self._header = sink.header
        self.settings = as_settings(settings)
        self._capturing = Capturing(self.settings)
        self._attempts: dict[str, OpenSpan] = {}
        self._failed: dict[str, str] = {}
        self._sends: dict[str, tuple[str, str]] = {}
        self._of_step: dict[str, tuple[str, dict[str, AttributeValue]]] = {}
        self._names: SpanNames
        self._moments: Moments
        self._run: OpenSpan
        self._run_name: str
        self._started: RunStarted
        self._common: dict[str, AttributeValue]
        self._labels: dict[str, AttributeValue]

    def run_started(self, fact: RunStarted) -> None:
        """Open the segment; it carries the flow itself."""
        self._started = fact
        self._names = names_of(fact.flow)
        run_id = safe_name(fact.run_id)
        workflow = self._names.name(fact.workflow)
        labels = labels_of(fact.context, fact.previous)
        self._labels = label_attributes(labels, run_id, self._capturing.redact)
        self._common = {
            words.SPAN_KIND: "CHAIN",
            words.SESSION_ID: self._labels[words.SESSION_ID],
            words.WORKFLOW_NAME: workflow,
            words.RUN_ID: run_id,
            words.RUN_SEGMENT: fact.segment,
        }
        attributes: dict[str, AttributeValue] = {
            words.OPERATION_NAME: words.INVOKE_WORKFLOW,
            words.GEN_AI_WORKFLOW_NAME: workflow,
            **self._common,
            **self._labels,
            words.SEQ: fact.seq,
            words.VERSION: VERSION,
            **graph_attributes(fact.flow),
        }
        if fact.parent_run_id:
            attributes[words.PARENT_RUN_ID] = safe_name(fact.parent_run_id)
            attributes[words.PARENT_EXECUTION_ID] = safe_name(fact.parent_execution)
        if self._capturing.inputs and fact.start_event is not None:
            attributes |= self._capturing.input(fact.start_event)
        self._open(fact, f"{words.RUN_SPAN} {workflow}", attributes)
        hand_on(labels, fact.run_id, fact.context, fact.headers)

    def _open(self, fact: RunStarted, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        """The span of the segment, below its caller or apart from it, with links to those before it."""
        links: list[Link] = []
        before = self._checked((fact.previous or {}).get(self._header))
        if before:
            links.append((before, words.RESUME_LINK))
        caller = fact.context.run(self._sink.current) if self.settings.root == "always" else ""
        apart = bool(caller) and not fact.parent_run_id
        if apart:
            links.append((caller, words.CALLER_LINK))
        self._run = self._sink.root(
            name, fact.context, attributes, fact.time_ns, links, apart=apart, handed_on=self._labels
        )
        self._run.enter(fact.context)
        self._run_name = self._run.traceparent
        if fact.headers is not None:
            fact.headers[self._header] = self._run_name
        kind = AsSpans if self.settings.detail == "full" else AsEvents
        self._moments = kind(self._sink, self._common)

    def attempt_started(self, fact: AttemptStarted) -> None:
        """Open an attempt and make it current in the step's context."""
        id_of = self._names.id
        name, constants = self._of_step.get(fact.step) or self._step(fact.step)
        attributes: dict[str, AttributeValue] = {
            **constants,
            words.SEQ: fact.seq,
            words.EXECUTION_ID: id_of(fact.execution),
            words.ATTEMPT: fact.attempt,
            words.WORKER: fact.worker,
            words.INPUT_EVENT_IDS: (id_of(fact.event_id),),
            words.INPUT_EVENT_TYPES: (self._names.name(fact.event_type),),
            words.INPUT_EXECUTION_IDS: (id_of(fact.producer),),
            words.QUEUE_WAIT_MS: (fact.time_ns - fact.queued_ns) / 1e6,
        }
        if fact.producer:
            attributes[words.NODE_PARENT_ID] = self._names.name(fact.producer.rpartition("#")[0])
        if self._capturing.inputs and self._run.is_recording:
            attributes |= self._capturing.input(fact.event)
        span = self._sink.child(name, self._run, attributes, fact.time_ns, self._causes(fact))
        span.enter(fact.context)
        self._attempts[fact.execution] = span

    def _causes(self, fact: AttemptStarted) -> list[Link]:
        """What an attempt points to: the emission that it took, who sent it, the attempt before."""
        links: list[Link] = []
        headers = fact.headers
        if headers:
            emission = headers.get(self._header)
            if len(headers) > 1 or self._started.segment > 1:
                sender, emission = self._sender(headers)
                if sender:
                    links.append((sender, words.EXTERNAL_LINK))
            if emission and emission != self._run_name:
                links.append((emission, words.EVENT_LINK))
        if fact.attempt > 1 and fact.execution in self._failed:
            links.append((self._failed[fact.execution], words.RETRY_LINK))
        return links

    def _sender(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """Who sent an event from outside, and its emission."""
        named, emission = self._checked(headers.get(self._header)), self._checked(headers.get(_EMISSION))
        return (named, emission) if emission else ("", named)

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """End the attempt with its outcome, what it made, and its error if there is one."""
        span = self._attempts.pop(fact.execution, None)
        if span is None:
            return
        message = None
        try:
            attributes = self._made(fact)
            if fact.error is not None:
                message = self._capturing.message(fact.error)
                attributes[words.ERROR_TYPE] = error_type(fact.error)
                span.add_event(words.EXCEPTION_EVENT, self._capturing.exception(fact.error, message), fact.time_ns)
            span.set(attributes)
        finally:
            span.end(fact.time_ns, message)
        self._moments.forget(fact.execution)
        if fact.outcome == "retrying":
            self._failed[fact.execution] = span.traceparent
        elif self._failed:
            self._failed.pop(fact.execution, None)

    def _made(self, fact: AttemptEnded) -> dict[str, AttributeValue]:
        """What an attempt has made."""
        id_of, name_of = self._names.id, self._names.name
        outputs = fact.outputs if len(fact.outputs) <= words.OUTPUT_IDS_CAP else fact.outputs[: words.OUTPUT_IDS_CAP]
        attributes: dict[str, AttributeValue] = {
            words.OUTCOME: fact.outcome,
            words.OUTPUT_EVENT_IDS: tuple([id_of(event) for event, _ in outputs]),
            words.OUTPUT_EVENT_TYPES: tuple([name_of(kind) for _, kind in outputs]),
            words.OUTPUT_EVENT_COUNT: len(fact.outputs),
            words.OUTPUT_MODE: fact.mode,
        }
        if fact.joined:
            attributes[words.JOIN_EVENT_IDS] = self._names.ids(fact.joined, words.INPUT_IDS_CAP)
            attributes[words.JOIN_EVENT_COUNT] = len(fact.joined)
            attributes[words.COLLECT_WAIT_MS] = max(0.0, (fact.time_ns - fact.join_started_ns) / 1e6)
        if fact.streamed:
            attributes[words.STREAM_EVENT_TYPES] = tuple(map(name_of, fact.streamed))
            attributes[words.STREAM_EVENT_COUNTS] = tuple(fact.streamed.values())
        if fact.retry_delay is not None:
            attributes[words.RETRY_DELAY_MS] = fact.retry_delay * 1000
        if self._capturing.outputs and fact.result is not None and self._run.is_recording:
            attributes |= self._capturing.output(fact.result)
        return attributes

    def event_sent(self, fact: EventSent) -> None:
        """Write an emission; its name travels with the event."""
        kind, name = self._sends.get(fact.event_type) or self._send(fact.event_type)
        id_of = self._names.id
        producer = fact.producer
        attributes: dict[str, AttributeValue] = {
            words.SEQ: fact.seq,
            words.EVENT_ID: id_of(fact.event_id),
            words.EVENT_TYPE: kind,
            words.EVENT_MODE: fact.mode,
            words.EVENT_DELIVERED: fact.delivered,
            words.EVENT_EXECUTION_ID: id_of(producer),
        }
        if fact.target:
            attributes[words.EVENT_TARGET] = self._names.name(fact.target)
        parent = self._attempts.get(producer)
        if parent is None:
            parent, producer = self._run, ""
        sender = self._sink.current() if fact.mode == "outside" else ""
        if sender in ("", self._run_name):
            time_ns = fact.time_ns
            fact.headers[self._header] = self._moments.write(name, producer, parent, attributes, time_ns, time_ns)
            return
        links = ((sender, words.EXTERNAL_LINK),)
        emission = self._moments.write(name, producer, parent, attributes, fact.time_ns, fact.time_ns, links)
        fact.headers.update({self._header: sender, _EMISSION: emission})

    def waited(self, fact: Waited) -> None:
        """Write a wait that is over."""
        kind = self._names.name(fact.waiting_for)
        attributes: dict[str, AttributeValue] = {
            words.SEQ: fact.seq,
            words.WAIT_KIND: fact.kind,
            words.WAITING_FOR: kind,
            words.EXECUTION_ID: self._names.id(fact.execution),
            words.OUTCOME: fact.outcome,
        }
        if fact.events:
            attributes[words.INPUT_EVENT_IDS] = self._names.ids(fact.events, words.INPUT_IDS_CAP)
        failed = self._failed.get(fact.execution) if fact.kind == "retry" else None
        links = () if failed is None else ((failed, words.RETRY_LINK),)
        name = words.RETRY_WAIT_SPAN if fact.kind == "retry" else f"{words.WAIT_SPAN} {kind.rpartition('.')[2]}"
        attempt = self._attempts.get(fact.execution) if fact.kind in ("event", "join") else None
        owner = "" if attempt is None else fact.execution
        self._moments.write(name, owner, attempt or self._run, attributes, fact.start_ns, fact.end_ns, links)

    def checkpointed(self, fact: Checkpointed) -> None:
        """A span for each save and load."""
        attributes: dict[str, AttributeValue] = {
            **self._common,
            words.SEQ: fact.seq,
            words.CHECKPOINT_OPERATION: fact.operation,
            words.EXECUTION_ID: self._names.id(fact.execution),
            words.OUTCOME: "completed" if fact.error is None else "failed",
        }
        message = None
        if fact.error is not None:
            attributes[words.ERROR_TYPE] = error_type(fact.error)
            message = self._capturing.message(fact.error)
        parent = self._attempts.get(fact.execution, self._run)
        span = self._sink.child(f"{words.CHECKPOINT_SPAN} {fact.operation}", parent, attributes, fact.start_ns)
        span.end(fact.end_ns, message)

    def run_ended(self, fact: RunEnded) -> None:
        """End the segment: its outcome and its totals, by which a reader knows whether spans are missing."""
        message = None
        for span in self._attempts.values():
            span.set({words.OUTCOME: "abandoned"})
            span.end(fact.time_ns, None)
        self._attempts.clear()
        try:
            attributes = self._totals(fact)
            if fact.error is not None and fact.outcome != "cancelled":
                message = self._capturing.message(fact.error)
                attributes[words.ERROR_TYPE] = "timeout" if fact.outcome == "timed_out" else error_type(fact.error)
            self._run.set(attributes)
        finally:
            self._run.end(fact.time_ns, message)

    def _totals(self, fact: RunEnded) -> dict[str, AttributeValue]:
        """How a segment ended and how much there is to find."""
        attributes: dict[str, AttributeValue] = {
            words.OUTCOME: fact.outcome,
            words.STEPS_COUNT: fact.attempts,
            words.RETRIES_COUNT: fact.retries,
            words.EVENTS_COUNT: fact.events,
        }
        if fact.dropped:
            attributes[words.DROPPED_EVENT_IDS] = self._names.ids(fact.dropped, words.INPUT_IDS_CAP)
        if fact.failed_execution:
            attributes[words.FAILED_EXECUTION_ID] = self._names.id(fact.failed_execution)
        if self._capturing.outputs and fact.result is not None:
            attributes |= self._capturing.output(fact.result.result if type(fact.result) is StopEvent else fact.result)
        return attributes

    def _checked(self, name: str | None) -> str:
        """The name of a span; what was saved may come from anywhere, and is looked at."""
        if not name or (self._started.segment > 1 and span_ids(name) is None):
            return ""
        return name

    def _send(self, event_type: str) -> tuple[str, str]:
        """An event type as it may stand in a span, and the name of the spans of its emissions."""
        kind = self._names.name(event_type)
        names = self._sends[event_type] = (kind, f"{words.SEND_SPAN} {kind.rpartition('.')[2]}")
        return names

    def _step(self, name: str) -> tuple[str, dict[str, AttributeValue]]:
        """The name of a step's spans and what all of them say in this run."""
        constants = {**self._common, **self._labels, **step_attributes(self._started.flow, name)}
        made = self._of_step[name] = (f"{words.STEP_SPAN} {constants[words.STEP_NAME]}", constants)
        return made
