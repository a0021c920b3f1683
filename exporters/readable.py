"""The SDK's ended spans as plain ``Span`` values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry.trace import StatusCode

from wftrace.gate import clean_text, clean_value
from wftrace.trace import AttributeValue, Span, SpanEvent, SpanLink

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_STATUS: dict[StatusCode, Literal["unset", "ok", "error"]] = {
    StatusCode.UNSET: "unset",
    StatusCode.OK: "ok",
    StatusCode.ERROR: "error",
}


def plain_span(span: ReadableSpan) -> Span:
    """The value of an ended SDK span, cleaned: other libraries' spans come this way too."""
    ids = span.get_span_context()
    return Span(
        name=clean_text(span.name),
        trace_id=f"{ids.trace_id:032x}" if ids else "",
        span_id=f"{ids.span_id:016x}" if ids else "",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else "",
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        attributes=_attributes(span.attributes),
        events=tuple(
            SpanEvent(clean_text(event.name), event.timestamp, _attributes(event.attributes)) for event in span.events
        ),
        links=tuple(
            SpanLink(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}", _attributes(link.attributes))
            for link in span.links
        ),
        status=_STATUS[span.status.status_code],
        status_message=clean_text(span.status.description or ""),
        resource=_attributes(span.resource.attributes),
        scope=clean_text(span.instrumentation_scope.name) if span.instrumentation_scope else "",
    )


def _attributes(attributes: Mapping[str, Any] | None) -> dict[str, AttributeValue]:
    clean: dict[str, AttributeValue] = {}
    for key, value in (attributes or {}).items():
        kept = tuple(value) if isinstance(value, tuple | list) else _scalar(value)
        if kept is not None:
            clean[clean_text(key)] = kept
    return clean


def _scalar(value: object) -> AttributeValue | None:
    return clean_text(value) if isinstance(value, str) else clean_value(value)
