"""Spans of strangers: whatever stands in one, it arrives, and so do its neighbours; the application never notices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from tests.exporters.spooling import RESOURCE, SAMPLED, Backend, names_in
from wftrace.exporters.otlp_http import OtlpAddress
from wftrace.exporters.span_bytes import SPAN_LIMIT, merged, span_bytes
from wftrace.exporters.spool import Spool
from wftrace.exporters.spool_accounts import Accounts

IDS = SpanContext(7, 9, is_remote=False, trace_flags=SAMPLED)
LATER = SpanContext(7, 10, is_remote=True, trace_flags=SAMPLED)


class Hostile:
    """Everything about it raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __iter__(self) -> Any:
        raise RuntimeError("no items")


class HostileText(str):
    """A text that is none."""

    def isascii(self) -> bool:
        raise RuntimeError("no")

    def encode(self, *_: object) -> bytes:
        raise RuntimeError("no")


class HostileNumber(int):
    """A number whose parts raise."""

    def bit_length(self) -> int:
        raise RuntimeError("no")


def cyclic() -> list[Any]:
    """A list that holds itself."""
    made: list[Any] = []
    made.append(made)
    return made


def deep(depth: int) -> list[Any]:
    """A list in a list in a list …"""
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


POISON: dict[str, Any] = {
    "lone surrogate": "model said: \ud83e",
    "low surrogate": "\udc00",
    "NUL": "a\x00b",
    "escape": "\x1b]0;title\x07",
    "not a character": "\uffff",
    "huge text": "x" * (5 * 1024 * 1024),
    "huge surrogates": "\ud800" * 100_000,
    "text subclass": HostileText("text"),
    "empty": "",
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "2**63": 2**63,
    "-2**64": -(2**64),
    "10**5000": 10**5000,
    "number subclass": HostileNumber(3),
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "complex": 1j,
    "None": None,
    "object": object(),
    "hostile": Hostile(),
    "type": int,
    "function": cyclic,
    "exception": ValueError("\ud800"),
    "empty list": [],
    "mixed list": [1, "a", 2.5, True],
    "list of None": [None, None],
    "list of bytes": [b"a", b"b"],
    "list of hostile": [Hostile()],
    "list with surrogate": ["a", "\ud800"],
    "list of nan": [math.nan],
    "list of huge": ["x" * 10_000] * 600,
    "cycle": cyclic(),
    "deep": deep(2000),
    "set": {1, 2},
    "dict": {"a": 1},
    "dict with odd keys": {1: 2, None: 3},
    "generator": (number for number in range(3)),
}


def span(**changes: Any) -> ReadableSpan:
    """A span with something wrong in it."""
    facts: dict[str, Any] = {"name": "poisoned", "context": IDS, "resource": RESOURCE, "start_time": 1, "end_time": 2}
    return ReadableSpan(**{**facts, **changes})


PLACES: dict[str, Callable[[Any], ReadableSpan]] = {
    "name": lambda value: span(name=value),
    "attribute": lambda value: span(attributes={"a": 1, "bad": value, "z": "z"}),
    "event name": lambda value: span(events=[Event(value, timestamp=1)]),
    "event attribute": lambda value: span(events=[_event({"bad": value})]),
    "event time": lambda value: span(events=[Event("e", timestamp=value)]),
    "link attribute": lambda value: span(links=[_link({"bad": value})]),
    "status text": lambda value: span(status=_status(value)),
    "resource": lambda value: span(resource=_resource({"bad": value})),
    "scope": lambda value: span(instrumentation_scope=InstrumentationScope(value, "1")),
    "time": lambda value: span(start_time=value),
}


def _event(attributes: Mapping[str, Any]) -> Event:
    event = Event("e", timestamp=1)
    event._attributes = attributes
    return event


def _link(attributes: Mapping[str, Any]) -> Link:
    link = Link(LATER)
    link._attributes = attributes
    return link


def _status(text: Any) -> Status:
    status = Status(StatusCode.ERROR)
    status._description = text
    return status


def _resource(attributes: Mapping[str, Any]) -> Resource:
    resource = Resource({})
    resource._attributes = attributes  # type: ignore[assignment]
    return resource


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("poison", POISON)
def test_a_poisoned_span_is_encoded(poison: str, place: str) -> None:
    """With its ids, in bounds, as bytes that every backend can read."""
    encoded = span_bytes(PLACES[place](POISON[poison]))
    assert encoded is not None
    assert len(encoded) <= SPAN_LIMIT
    (group,) = ExportTraceServiceRequest.FromString(encoded).resource_spans
    (found,) = group.scope_spans[0].spans
    assert (found.trace_id, found.span_id) == ((7).to_bytes(16, "big"), (9).to_bytes(8, "big"))
    assert not any(each.value.HasField("bytes_value") for each in found.attributes)
    if place == "attribute" and found.attributes:
        assert [each.key for each in found.attributes] == ["a", "bad", "z"]


def test_neighbours_of_poison_arrive(tmp_path: Path) -> None:
    """All of them, in one process, with no exception in it."""
    backend = Backend()
    spool = Spool(OtlpAddress("http://backend.example"), folder=tmp_path, post=backend)
    for make in PLACES.values():
        for poison in POISON.values():
            spool.on_end(make(poison))
            spool.on_end(span(name="neighbour"))
    assert spool.force_flush(30_000)
    count = len(PLACES) * len(POISON)
    assert backend.taken["neighbour"] == count
    assert spool.accounts() == Accounts(delivered=2 * count)
    assert spool.close()


def test_the_stock_encoder_loses_a_batch_to_one_text(caplog: pytest.LogCaptureFixture) -> None:
    """So the tests above can fail."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    exporter = OTLPSpanExporter("http://127.0.0.1:9/v1/traces", timeout=0.1)
    spans = [span(name="neighbour"), span(name="\ud83e")]
    assert exporter.export(spans) is SpanExportResult.FAILURE
    assert "Failed to encode span batch" in caplog.text


def test_a_span_is_encoded_as_the_sdk_does() -> None:
    """Field by field, for spans that nothing is wrong with."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    made: list[ReadableSpan] = []

    class Keep(SimpleSpanProcessor):
        def __init__(self) -> None:
            """Keep the spans."""

        def on_end(self, span: ReadableSpan) -> None:
            made.append(span)

        def shutdown(self) -> None:
            """Nothing to end."""

    provider = TracerProvider(resource=Resource({"service.name": "s", "n": 1}), shutdown_on_exit=False)
    provider.add_span_processor(Keep())
    tracer = provider.get_tracer("scope", "1.0", "https://schema", {"a": "b"})
    with tracer.start_as_current_span("outer", attributes={"t": "x", "b": True, "i": -1, "f": 0.5, "l": ["a", "b"]}):
        inner = tracer.start_span("inner", links=[Link(LATER, {"k": "v"})])
        inner.add_event("event", {"e": (1, 2)}, timestamp=5)
        inner.set_status(StatusCode.ERROR, "bad")
        inner.end()
    for each in made:
        ours = span_bytes(each)
        assert ours is not None
        assert ExportTraceServiceRequest.FromString(ours) == encode_spans([each])
    together = merged(encoded for each in made if (encoded := span_bytes(each)))
    assert together == encode_spans(made)
    assert names_in(together.SerializeToString()) == ["inner", "outer"]


def test_a_span_of_which_nothing_can_be_told_is_counted(tmp_path: Path) -> None:
    """It is not hidden that there was one."""
    backend = Backend()
    spool = Spool(OtlpAddress("http://backend.example"), folder=tmp_path, post=backend)
    wrong = SpanContext(2**200, 1, is_remote=False, trace_flags=SAMPLED)
    broken = span(context=wrong)
    assert wrong.trace_id == 2**200
    spool.on_end(broken)
    spool.on_end(span(name="neighbour"))
    assert spool.force_flush(30_000)
    assert backend.taken == {"neighbour": 1}
    assert spool.accounts() == Accounts(delivered=1, dropped={"cannot be encoded": 1})
    spool.close()


def test_what_is_not_sampled_is_not_kept(tmp_path: Path) -> None:
    """Whoever samples has decided that nobody sees it."""
    backend = Backend()
    spool = Spool(OtlpAddress("http://backend.example"), folder=tmp_path, post=backend)
    spool.on_end(span(context=SpanContext(7, 9, is_remote=False)))
    assert spool.close()
    assert spool.accounts() == Accounts()
    assert backend.requests == []
