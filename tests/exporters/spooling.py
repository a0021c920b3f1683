"""What tests of the spool are made with: spans, a clock that is moved by hand, a backend that follows a script."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags

from wftrace.exporters.otlp_http import Answer, OtlpAddress
from wftrace.exporters.span_bytes import span_bytes
from wftrace.exporters.spool import destination
from wftrace.exporters.spool_record import Kind, Record
from wftrace.exporters.spool_sender import SpoolSender
from wftrace.exporters.spool_store import SpoolStore

RESOURCE = Resource({"service.name": "tests"})
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
ADDRESS = OtlpAddress("http://backend.example/v1/traces")
Reply = Callable[[Sequence[str]], Answer]

_numbers = itertools.count(1)


def make_span(name: str, trace: int = 1, *, root: bool = False, size: int = 0) -> ReadableSpan:
    """An ended span with an id of its own."""
    ids = SpanContext(trace, next(_numbers), is_remote=False, trace_flags=SAMPLED)
    parent = None if root else SpanContext(trace, 2**63, is_remote=False, trace_flags=SAMPLED)
    attributes = {"filler": "x" * size} if size else {}
    return ReadableSpan(name, ids, parent, RESOURCE, attributes, start_time=1, end_time=2)


def record_of(span: ReadableSpan, kind: Kind | None = None) -> Record:
    """The record of a span, as the processor puts it."""
    ids = span.get_span_context()
    assert ids is not None
    payload = span_bytes(span)
    assert payload is not None
    kind = kind or (Kind.SPAN if span.parent else Kind.ROOT)
    return Record(kind, 0, ids.trace_id.to_bytes(16, "big"), ids.span_id.to_bytes(8, "big"), payload)


def names_in(body: bytes) -> list[str]:
    """The names of the spans in a request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [span.name for group in request.resource_spans for scoped in group.scope_spans for span in scoped.spans]


class ManualClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Backend:
    """Answers as its script says, takes the spans of every request that it answers well, and counts them."""

    def __init__(self, *script: Answer | Reply) -> None:
        self.script: list[Answer | Reply] = list(script)
        self.taken: Counter[str] = Counter()
        self.requests: list[list[str]] = []

    def __call__(self, body: bytes, timeout: float) -> Answer:
        names = names_in(body)
        self.requests.append(names)
        step = self.script.pop(0) if self.script else OK
        answer = step if isinstance(step, Answer) else step(names)
        if answer is OK:
            self.taken.update(names)
        return answer


def always(reply: Reply) -> list[Reply]:
    """A script without an end."""
    return [reply] * 100_000


PROTOBUF = {"content-type": "application/x-protobuf"}
OK = Answer(200, PROTOBUF)
REFUSED_CONNECTION = Answer(0, error="ConnectionError: refused")


def status(code: int, **headers: str) -> Answer:
    """An answer with a status; ``_`` in a header's name stands for ``-``."""
    return Answer(code, {name.replace("_", "-"): value for name, value in headers.items()})


def partial(refused: int, why: str = "no room") -> Answer:
    """OTLP's partial success."""
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = refused
    response.partial_success.error_message = why
    return Answer(200, PROTOBUF, response.SerializeToString())


class Bench:
    """A store and its sender, without a thread, with a clock of our own."""

    def __init__(self, root: Path, backend: Backend, *, limit: int = 2**30, memory: int = 2**20, segment: int = 4096):
        self.clock = ManualClock()
        self.backend = backend
        self.root = root
        self.place = destination(ADDRESS, folder=root)
        self.store = SpoolStore(self.place, limit, memory=memory, segment=segment)
        self.sender = SpoolSender(self.store, backend, "the backend", clock=self.clock, chance=lambda: 0.5)

    def put(self, *names: str, trace: int = 1, size: int = 0) -> None:
        """Spans end."""
        for name in names:
            self.store.put(record_of(make_span(name, trace, size=size)))

    def end_trace(self, name: str, trace: int, size: int = 0) -> None:
        """The root of a trace ends."""
        self.store.put(record_of(make_span(name, trace, root=True, size=size)))

    def pass_(self, seconds: float) -> None:
        """Let time pass, round by round, as the thread would."""
        end = self.clock.now + seconds
        while True:
            pause = self.sender.round()
            step = seconds if pause is None else max(pause, 0.001)
            if self.clock.now + step > end:
                break
            self.clock.pass_(step)
        self.clock.now = end
        self.sender.round()

    def check_balance(self) -> None:
        """``written = delivered + waiting + dropped + refused``, counted independently at both ends."""
        assert self.store.accounts().written == self.store.written
