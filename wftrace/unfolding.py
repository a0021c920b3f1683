"""Spans made alike before they are read: span events that stand for emissions and waits become spans, and of several
copies of a span the one that tells most is kept.

A span that was begun and never ended (its end is 0, or its outcome is *interrupted*) is a start record: its process
died. One that tells its end is believed before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from . import semconv as words
from .trace import Span, SpanEvent

INTERRUPTED = "interrupted"

_SHARED = (words.RUN_ID, words.RUN_SEGMENT, words.WORKFLOW_NAME, words.SESSION_ID, words.SPAN_KIND)
_Key = tuple[str, str, object]


def unfold(spans: Iterable[Span]) -> list[Span]:
    """The spans of wftrace among some, each once, with those that were written as span events."""
    kept: dict[_Key, Span] = {}
    for span in spans:
        if words.RUN_ID not in span.attributes:
            continue
        _keep(kept, (span.trace_id, span.span_id, None), span)
        for inner in _inner(span):
            _keep(kept, (span.trace_id, span.span_id, inner.attributes[words.SEQ]), inner)
    return _ended(list(kept.values()))


def was_interrupted(span: Span) -> bool:
    """Whether nobody told how the span ended."""
    return span.end_ns == 0 or span.attributes.get(words.OUTCOME) == INTERRUPTED


def _keep(kept: dict[_Key, Span], key: _Key, span: Span) -> None:
    known = kept.get(key)
    if known is None or (was_interrupted(known) and _told(span) > _told(known)):
        kept[key] = span


def _told(span: Span) -> int:
    return 2 if not was_interrupted(span) else int(span.end_ns > 0)


def _inner(span: Span) -> Iterator[Span]:
    """The emissions and waits that a span carries as events."""
    for event in span.events:
        if words.SEQ in event.attributes and (
            words.EVENT_ID in event.attributes or words.WAIT_KIND in event.attributes
        ):
            yield _span_of(event, span)


def _span_of(event: SpanEvent, span: Span) -> Span:
    shared = {key: span.attributes[key] for key in _SHARED if key in span.attributes}
    lasted = event.attributes.get(words.WAIT_MS, 0)
    lasted_ns = round(lasted * 1e6) if isinstance(lasted, int | float) and 0 <= lasted < 2**53 else 0
    return replace(
        span,
        name=event.name,
        parent_id=span.span_id,
        start_ns=event.time_ns - lasted_ns,
        end_ns=event.time_ns,
        attributes={**shared, **event.attributes},
        events=(),
        links=(),
        status="unset",
        status_message="",
    )


def _ended(spans: list[Span]) -> list[Span]:
    """The spans with an end each: what has none lasted until the last sign of life of its run."""
    if all(span.end_ns for span in spans):
        return spans
    last: dict[object, int] = {}
    for span in spans:
        run = span.attributes[words.RUN_ID]
        last[run] = max(last.get(run, 0), span.start_ns, span.end_ns)
    return [
        span
        if span.end_ns
        else replace(
            span,
            end_ns=last[span.attributes[words.RUN_ID]],
            attributes={**span.attributes, words.OUTCOME: INTERRUPTED},
        )
        for span in spans
    ]
