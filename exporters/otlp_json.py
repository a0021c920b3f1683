"""OTLP as JSON: one ``{"resourceSpans": [...]}`` document to and from ``Span`` values.

Written as the OTLP specification says: ids in hex, 64-bit integers and nanoseconds as text, enums as numbers. Read
generously: ids in hex or base64, enum names or numbers, numbers as numbers or text, snake_case keys.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from wftrace.gate import clean_text
from wftrace.trace import AttributeValue, Span, SpanEvent, SpanLink

_KIND_INTERNAL = 1
_STATUS_TO_CODE = {"unset": 0, "ok": 1, "error": 2}
_STATUS_FROM_CODE: dict[object, Literal["unset", "ok", "error"]] = {
    1: "ok",
    "1": "ok",
    "STATUS_CODE_OK": "ok",
    2: "error",
    "2": "error",
    "STATUS_CODE_ERROR": "error",
}
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_SAMPLED = 256 + 1
_DEPTH = 8


def encode(spans: Sequence[Span]) -> dict[str, Any]:
    """The document of some spans, grouped by resource and scope in order of appearance."""
    groups: dict[tuple[str, str], list[Span]] = {}
    for span in spans:  # by repr: True and 1 are equal, but not the same attribute
        groups.setdefault((repr(span.resource), span.scope), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _encode_attributes(mine[0].resource)},
                "scopeSpans": [{"scope": {"name": scope}, "spans": [_encode_span(span) for span in mine]}],
            }
            for (_, scope), mine in groups.items()
        ]
    }


def decode(document: object) -> Iterator[Span]:
    """The spans of a document; what is not understood is passed over.

    Takes a bare OTLP document and one inside ``{"result": ...}``, as Jaeger's API answers.
    """
    whole = document if isinstance(document, Mapping) else {}
    inner = whole.get("result", whole)
    for group in _items(inner, "resourceSpans", "resource_spans"):
        resource = _decode_attributes(_get(_get(group, "resource"), "attributes"))
        for scoped in _items(group, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            scope = _text(_get(_get(scoped, "scope"), "name"))
            for span in _items(scoped, "spans"):
                yield from _decode_span(span, resource, scope)


def _encode_span(span: Span) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "flags": _SAMPLED,
        "name": span.name,
        "kind": _KIND_INTERNAL,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _encode_attributes(span.attributes),
        "events": [
            {
                "timeUnixNano": str(event.time_ns),
                "name": event.name,
                "attributes": _encode_attributes(event.attributes),
            }
            for event in span.events
        ],
        "links": [
            {"traceId": link.trace_id, "spanId": link.span_id, "attributes": _encode_attributes(link.attributes)}
            for link in span.links
        ],
        "status": {"code": _STATUS_TO_CODE[span.status], "message": span.status_message},
    }
    return {key: value for key, value in encoded.items() if value not in ("", [])}


def _encode_attributes(attributes: Mapping[str, AttributeValue]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _encode_value(value)} for key, value in attributes.items()]


def _encode_value(value: object) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else _NOT_FINITE[str(value)]}
        case list() | tuple():
            return {"arrayValue": {"values": [_encode_value(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}


def _decode_span(span: Mapping[str, Any], resource: Mapping[str, AttributeValue], scope: str) -> Iterator[Span]:
    trace_id = _id(_get(span, "traceId", "trace_id"), 16)
    span_id = _id(_get(span, "spanId", "span_id"), 8)
    if not trace_id or not span_id:
        return
    status = _get(span, "status")
    yield Span(
        name=_text(_get(span, "name")),
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_id(_get(span, "parentSpanId", "parent_span_id"), 8),
        start_ns=_whole(_get(span, "startTimeUnixNano", "start_time_unix_nano")),
        end_ns=_whole(_get(span, "endTimeUnixNano", "end_time_unix_nano")),
        attributes=_decode_attributes(_get(span, "attributes")),
        events=tuple(
            SpanEvent(
                _text(_get(event, "name")),
                _whole(_get(event, "timeUnixNano", "time_unix_nano")),
                _decode_attributes(_get(event, "attributes")),
            )
            for event in _items(span, "events")
        ),
        links=tuple(
            SpanLink(
                _id(_get(link, "traceId", "trace_id"), 16),
                _id(_get(link, "spanId", "span_id"), 8),
                _decode_attributes(_get(link, "attributes")),
            )
            for link in _items(span, "links")
        ),
        status=_STATUS_FROM_CODE.get(_hashable(_get(status, "code")), "unset"),
        status_message=_text(_get(status, "message")),
        resource=resource,
        scope=scope,
    )


def _decode_attributes(items: object) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    for item in items if isinstance(items, list) else ():
        key = _get(item, "key")
        value = _decode_value(_get(item, "value"))
        if isinstance(key, str) and value is not None:
            attributes[clean_text(key)] = value
    return attributes


def _decode_value(value: object, depth: int = _DEPTH) -> AttributeValue | None:
    text = _get(value, "stringValue", "string_value")
    if isinstance(text, str):
        return clean_text(text)
    flag = _get(value, "boolValue", "bool_value")
    if isinstance(flag, bool):
        return flag
    whole = _get(value, "intValue", "int_value")
    if whole is not None:
        return _whole(whole)
    number = _get(value, "doubleValue", "double_value")
    if number is not None:
        return _number(number)
    array = _get(value, "arrayValue", "array_value")
    if array is not None and depth:
        members = [_decode_value(item, depth - 1) for item in _items(array, "values")]
        return _one_type([member for member in members if member is not None])
    return None


def _one_type(members: Sequence[object]) -> AttributeValue:
    for kind in (str, bool, int, float):
        if all(type(member) is kind for member in members):
            return tuple(members)  # type: ignore[return-value]  # all of one kind, as just seen
    return tuple(str(member) for member in members)


def _get(source: object, *names: str) -> Any:
    if isinstance(source, Mapping):
        for name in names:
            if name in source:
                return source[name]
    return None


def _items(source: object, *names: str) -> Iterable[Mapping[str, Any]]:
    items = _get(source, *names)
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else ()


def _hashable(value: object) -> object:
    return value if isinstance(value, str | int) else None


def _text(value: object) -> str:
    return clean_text(value) if isinstance(value, str) else ""


def _whole(value: object) -> int:
    """A whole number of 64 bits, also written as text; 0 for anything else."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = int(value)
        except ValueError:
            return 0
    fits = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64
    return value if fits and isinstance(value, int) else 0


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str | int | float) else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _id(value: object, size: int) -> str:
    """An id of ``size`` bytes as lower-case hex, or ``""``. All zeros is no id."""
    if not isinstance(value, str):
        return ""
    try:
        raw = bytes.fromhex(value) if len(value) == 2 * size else base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return ""
    return raw.hex() if len(raw) == size and any(raw) else ""
