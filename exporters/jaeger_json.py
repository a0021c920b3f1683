"""Jaeger's older JSON, which its page also writes and opens, as ``Span`` values.

Lists come as JSON text and the attributes of links are lost; ``wftrace.trace_reader`` reads runs from it all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from wftrace.trace import AttributeValue, Span, SpanEvent, SpanLink

from .plain_json import attribute, hex_id, member, members, text, us_ns

_STATUS: Mapping[object, Literal["ok", "error"]] = {"OK": "ok", "ERROR": "error"}
_OURS = frozenset({"otel.status_code", "otel.status_description", "otel.scope.name", "otel.scope.version", "span.kind"})
"""What Jaeger makes of a span's own fields."""


def decode_traces(document: object) -> Iterator[Span]:
    """The spans in ``{"data": [{"traceID": …, "spans": […], "processes": {…}}]}``; the rest is passed over."""
    for trace in members(document, "data"):
        processes = member(trace, "processes")
        for span in members(trace, "spans"):
            known = span.get("processID")
            process = span.get("process") or (member(processes, known) if isinstance(known, str) else None)
            yield from _span(span, _resource(process))


def _span(span: Mapping[str, Any], resource: Mapping[str, AttributeValue]) -> Iterator[Span]:
    trace_id, span_id = hex_id(span.get("traceID"), 16), hex_id(span.get("spanID"), 8)
    if not trace_id or not span_id:
        return
    tags = _tags(span, "tags")
    failed: Literal["error", "unset"] = "error" if tags.get("error") is True else "unset"
    start = us_ns(span.get("startTime"))
    parent, links = _references(span, trace_id)
    yield Span(
        name=text(span.get("operationName")),
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent,
        start_ns=start,
        end_ns=start + us_ns(span.get("duration")),
        attributes={key: value for key, value in tags.items() if key not in _OURS and key != "error"},
        events=tuple(_event(log) for log in members(span, "logs")),
        links=links,
        status=_STATUS.get(tags.get("otel.status_code")) or failed,
        status_message=text(tags.get("otel.status_description")),
        resource=resource,
        scope=text(tags.get("otel.scope.name")),
    )


def _references(span: Mapping[str, Any], trace_id: str) -> tuple[str, tuple[SpanLink, ...]]:
    """The parent (the first CHILD_OF in the own trace), and the links: all other references."""
    parent, links = hex_id(span.get("parentSpanID"), 8), []
    for each in members(span, "references"):
        to = SpanLink(hex_id(each.get("traceID"), 16), hex_id(each.get("spanID"), 8))
        if each.get("refType") == "CHILD_OF" and not parent and to.trace_id == trace_id:
            parent = to.span_id
        elif to.trace_id and to.span_id:
            links.append(to)
    return parent, tuple(links)


def _event(log: Mapping[str, Any]) -> SpanEvent:
    fields = _tags(log, "fields")
    return SpanEvent(text(fields.pop("event", "")), us_ns(log.get("timestamp")), fields)


def _resource(process: object) -> dict[str, AttributeValue]:
    tags = _tags(process, "tags")
    service = text(member(process, "serviceName"))
    return {"service.name": service, **tags} if service else tags


def _tags(source: object, name: str) -> dict[str, AttributeValue]:
    """Tags as attributes. Whole numbers beyond what JavaScript can count come as text."""
    found: dict[str, AttributeValue] = {}
    for tag in members(source, name):
        key, value = tag.get("key"), tag.get("value")
        if tag.get("type") == "int64" and isinstance(value, str) and len(value) <= 20:
            value = int(value) if value.lstrip("-").isascii() and value.lstrip("-").isdecimal() else value
        kept = attribute(value)
        if isinstance(key, str) and key and kept is not None:
            found[text(key)] = kept
    return found
