"""A span as the bytes of an OTLP request of its own, whatever its values are; and many such requests as one.

The SDK's own encoder fails for a whole batch when one span has a text that is no Unicode. Here a span is encoded alone:
as it is; else cleaned by the gate; else bare, without what cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from wftrace.gate import ITEMS_LIMIT, clean_text, clean_value, cut_text, safe_text

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

SPAN_LIMIT = 4 * 1024 * 1024
"""Bytes of a span; a larger one is cleaned, which cuts its texts, or becomes bare."""

Pairs = Callable[[Mapping[str, Any] | None], list[KeyValue]]

__all__ = ["DecodeError", "SpanEncoder", "merged", "readable", "span_bytes"]

_REMOTE_KNOWN, _REMOTE = 0x100, 0x200
_KNOWN_HOMES = 64
_SHORT = 1024
_FIRST, _SECOND = b"\x0a", b"\x12"
"""How protobuf announces the first and the second field of a message, when they are messages."""


class SpanEncoder:
    """Encodes spans. What many of them share, their resource and scope, it encodes once."""

    __slots__ = ("_homes",)

    def __init__(self) -> None:
        self._homes: dict[tuple[int, int], tuple[object, object, bytes, bytes]] = {}

    def encode(self, span: ReadableSpan) -> bytes | None:
        """The request that holds this span alone; None when nothing of it can be told."""
        for encode in (_plain, _cut, _cleaned, _bare):
            try:
                inner: bytes = encode(span).SerializeToString()
                resource, scope = self._home(span)
            except Exception:  # strangers' values, also under the names of ours
                continue
            scoped = scope + _SECOND + _length(inner) + inner
            group = resource + _SECOND + _length(scoped) + scoped
            if len(group) <= SPAN_LIMIT:
                return _FIRST + _length(group) + group
        return None

    def _home(self, span: ReadableSpan) -> tuple[bytes, bytes]:
        """The resource and the scope of a span, each the beginning of the message that holds them."""
        key = (id(span.resource), id(span.instrumentation_scope))
        known = self._homes.get(key)
        if known is None:
            resource = _tolerant(_resource, span)
            scope = _tolerant(_scope, span)
            if len(self._homes) >= _KNOWN_HOMES:
                self._homes.clear()
            known = self._homes[key] = (span.resource, span.instrumentation_scope, resource, scope)
        return known[2], known[3]


def span_bytes(span: ReadableSpan) -> bytes | None:
    """The request that holds this span alone; None when nothing of it can be told."""
    return SpanEncoder().encode(span)


def merged(requests: Iterable[bytes]) -> ExportTraceServiceRequest:
    """One request for many, with the spans of one resource and scope together. Raises ``DecodeError``."""
    whole = ExportTraceServiceRequest()
    resources: dict[tuple[bytes, str], ResourceSpans] = {}
    scopes: dict[tuple[int, bytes, str], ScopeSpans] = {}
    for request in requests:
        for group in ExportTraceServiceRequest.FromString(request).resource_spans:
            key = (group.resource.SerializeToString(deterministic=True), group.schema_url)
            into = resources.get(key)
            if into is None:
                into = resources[key] = whole.resource_spans.add(resource=group.resource, schema_url=group.schema_url)
            for scoped in group.scope_spans:
                named = (id(into), scoped.scope.SerializeToString(deterministic=True), scoped.schema_url)
                place = scopes.get(named)
                if place is None:
                    place = scopes[named] = into.scope_spans.add(scope=scoped.scope, schema_url=scoped.schema_url)
                place.spans.extend(scoped.spans)
    return whole


def readable(request: bytes) -> bool:
    """Whether bytes are a request."""
    try:
        ExportTraceServiceRequest.FromString(request)
    except DecodeError:
        return False
    return True


def _length(data: bytes) -> bytes:
    """A length as protobuf writes it.

    >>> _length(b"x" * 300)
    b'\\xac\\x02'
    """
    left, groups = len(data), bytearray()
    while left > 0x7F:
        groups.append(left & 0x7F | 0x80)
        left >>= 7
    groups.append(left)
    return bytes(groups)


def _tolerant(make: Callable[[ReadableSpan, Pairs], Message], span: ReadableSpan) -> bytes:
    """A message with its attributes as they are, else cleaned, else the short ones of them, else none."""
    for pairs in (_pairs, _cut_pairs, _clean_pairs, _short_pairs):
        try:
            encoded: bytes = make(span, pairs).SerializeToString()
        except Exception:  # strangers' values
            continue
        if len(encoded) <= SPAN_LIMIT // 4:
            return encoded
    return b""


def _resource(span: ReadableSpan, pairs: Pairs) -> ResourceSpans:
    resource = span.resource
    return ResourceSpans(
        resource=Resource(attributes=pairs(resource.attributes)), schema_url=_exact(resource.schema_url)
    )


def _scope(span: ReadableSpan, pairs: Pairs) -> ScopeSpans:
    scope = span.instrumentation_scope
    if scope is None:
        return ScopeSpans(scope=InstrumentationScope())
    words = (scope.name, scope.version, scope.schema_url)
    name, version, schema = map(_exact if pairs in (_pairs, _cut_pairs) else _text, words)
    named = InstrumentationScope(name=name, version=version, attributes=pairs(scope.attributes))
    return ScopeSpans(scope=named, schema_url=schema)


def _exact(text: str | None) -> str:
    return "" if text is None else text


def _short_pairs(attributes: Mapping[str, Any] | None) -> list[KeyValue]:
    return [pair for pair in _clean_pairs(attributes) if pair.ByteSize() < _SHORT]


def _plain(span: ReadableSpan) -> Span:
    """The span as it is. Raises when anything in it has no place in OTLP, or none in a backend."""
    return _whole(span, _pairs, _exact)


def _cut(span: ReadableSpan) -> Span:
    """The span with its long texts and lists cut."""
    return _whole(span, _cut_pairs, lambda text: cut_text(_exact(text)))


def _whole(span: ReadableSpan, pairs: Pairs, text: Callable[[str | None], str]) -> Span:
    return Span(
        **_identity(span),
        name=text(span.name),
        attributes=pairs(span.attributes),
        events=[
            Span.Event(
                name=text(event.name),
                time_unix_nano=event.timestamp,
                attributes=pairs(event.attributes),
                dropped_attributes_count=event.dropped_attributes,
            )
            for event in span.events
        ],
        links=[_link(link.context, pairs(link.attributes), link.dropped_attributes) for link in span.links],
        status=Status(code=span.status.status_code.value, message=text(span.status.description)),  # type: ignore[arg-type]
        dropped_attributes_count=span.dropped_attributes,
        dropped_events_count=span.dropped_events,
        dropped_links_count=span.dropped_links,
    )


def _cleaned(span: ReadableSpan) -> Span:
    """The span with every text, value and time brought into a form that holds."""
    return Span(
        **_identity(span),
        name=_text(span.name),
        attributes=_clean_pairs(span.attributes),
        events=[
            Span.Event(
                name=_text(event.name),
                time_unix_nano=_time(event.timestamp),
                attributes=_clean_pairs(event.attributes),
            )
            for event in span.events
        ],
        links=[_link(link.context, _clean_pairs(link.attributes), 0) for link in span.links],
        status=_clean_status(span),
    )


def _bare(span: ReadableSpan) -> Span:
    """The span without attributes, events and links, which it counts as dropped."""
    return Span(
        **_identity(span),
        name=_text(span.name),
        status=_clean_status(span),
        dropped_attributes_count=len(span.attributes or ()),
        dropped_events_count=len(span.events),
        dropped_links_count=len(span.links),
    )


def _identity(span: ReadableSpan) -> dict[str, Any]:
    """Ids, kind and times."""
    ids = span.get_span_context()
    if ids is None:
        raise ValueError("a span without an id")
    parent = span.parent
    return {
        "trace_id": ids.trace_id.to_bytes(16, "big"),
        "span_id": ids.span_id.to_bytes(8, "big"),
        "parent_span_id": parent.span_id.to_bytes(8, "big") if parent else b"",
        "trace_state": ids.trace_state.to_header() if ids.trace_state else "",
        "kind": span.kind.value + 1,
        "start_time_unix_nano": _time(span.start_time),
        "end_time_unix_nano": _time(span.end_time),
        "flags": _flags(parent),
    }


def _link(to: SpanContext, attributes: list[KeyValue], dropped: int) -> Span.Link:
    return Span.Link(
        trace_id=to.trace_id.to_bytes(16, "big"),
        span_id=to.span_id.to_bytes(8, "big"),
        trace_state=to.trace_state.to_header() if to.trace_state else "",
        attributes=attributes,
        dropped_attributes_count=dropped,
        flags=_flags(to),
    )


def _flags(context: SpanContext | None) -> int:
    return _REMOTE_KNOWN | (_REMOTE if context is not None and context.is_remote else 0)


def _clean_status(span: ReadableSpan) -> Status:
    return Status(code=span.status.status_code.value, message=_text(span.status.description))  # type: ignore[arg-type]


def _pairs(attributes: Mapping[str, Any] | None) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in (attributes or {}).items()]


def _clean_pairs(attributes: Mapping[str, Any] | None) -> list[KeyValue]:
    pairs = []
    for key, value in (attributes or {}).items():
        kept = clean_value(_first(value))
        shown = f"<{type(value).__name__}>" if kept is None else kept
        pairs.append(KeyValue(key=_text(key), value=_value(shown)))
    return pairs


def _cut_pairs(attributes: Mapping[str, Any] | None) -> list[KeyValue]:
    """Attributes of which nothing is wrong but their size."""
    return [KeyValue(key=cut_text(key), value=_value(_cut_value(value))) for key, value in (attributes or {}).items()]


def _cut_value(value: Any) -> Any:
    if type(value) is str:
        return cut_text(value)
    return [_cut_value(item) for item in _first(value)] if type(value) in (tuple, list) else value


def _first(value: Any) -> Any:
    """The first items of a long list, and a word about the rest."""
    if type(value) not in (tuple, list) or len(value) <= ITEMS_LIMIT:
        return value
    return [*value[:ITEMS_LIMIT], f"… {len(value) - ITEMS_LIMIT} more"]


def _value(value: object) -> AnyValue:
    """A value that backends take: text, bool, whole or finite number, or a list of these."""
    kind = type(value)
    if kind is str:
        return AnyValue(string_value=value)  # type: ignore[arg-type]
    if kind is bool:
        return AnyValue(bool_value=value)  # type: ignore[arg-type]
    if kind is int:
        return AnyValue(int_value=value)  # type: ignore[arg-type]
    if kind is float and value - value == 0.0:  # type: ignore[operator]  # not finite: no number
        return AnyValue(double_value=value)  # type: ignore[arg-type]
    if kind in (tuple, list):
        return AnyValue(array_value=ArrayValue(values=_scalars(value)))  # type: ignore[arg-type]
    raise TypeError(f"{kind.__name__} is no attribute value")


def _scalars(values: Sequence[object]) -> list[AnyValue]:
    if any(type(value) in (tuple, list) for value in values):
        raise TypeError("a list in a list is no attribute value")
    return [_value(value) for value in values]


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return safe_text(f"<{type(value).__name__}>")
    return clean_text(value) if len(value) <= SPAN_LIMIT // 64 else safe_text(value)


def _time(value: int | None) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**64 else 0
