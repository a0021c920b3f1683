"""Emissions and waits: spans of their own, or events on the span that they belong to, with the same attributes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from . import semconv as words
from .sinks import Links, OpenSpan, SpanSink
from .trace import AttributeValue

EVENTS_CAP = 100
_FOR_OTHERS = 4


class Moments(Protocol):
    """Writes what is over as soon as it is told, and names the span that it stands on."""

    def write(
        self,
        name: str,
        owner: str,
        parent: OpenSpan,
        attributes: dict[str, AttributeValue],
        start_ns: int,
        end_ns: int,
        links: Links = (),
    ) -> str: ...
    def forget(self, owner: str) -> None: ...


class AsSpans:
    """Each is a span: ``detail="full"``. ``common`` are the attributes of all spans of the run."""

    __slots__ = ("_common", "_ended")

    def __init__(self, sink: SpanSink, common: Mapping[str, AttributeValue]) -> None:
        self._ended = sink.ended
        self._common = common

    def write(
        self,
        name: str,
        owner: str,
        parent: OpenSpan,
        attributes: dict[str, AttributeValue],
        start_ns: int,
        end_ns: int,
        links: Links = (),
    ) -> str:
        """A span below the parent."""
        return self._ended(name, parent, {**self._common, **attributes}, start_ns, end_ns, links)

    def forget(self, owner: str) -> None:
        """The owner's span has ended."""


class AsEvents:
    """Each is an event on its parent: ``detail="steps"``.

    A span holds so many events and no more, and drops the oldest: what is too much for one becomes spans after all.
    """

    __slots__ = ("_cap", "_held", "_spans")

    def __init__(self, sink: SpanSink, common: Mapping[str, AttributeValue]) -> None:
        self._spans = AsSpans(sink, common)
        self._held: Counter[str] = Counter()
        self._cap = _events_cap()

    def write(
        self,
        name: str,
        owner: str,
        parent: OpenSpan,
        attributes: dict[str, AttributeValue],
        start_ns: int,
        end_ns: int,
        links: Links = (),
    ) -> str:
        """An event on the parent, at its end; how long it took is an attribute."""
        if self._held[owner] >= self._cap:
            return self._spans.write(name, owner, parent, attributes, start_ns, end_ns, links)
        self._held[owner] += 1
        if words.WAIT_KIND in attributes:
            attributes[words.WAIT_MS] = (end_ns - start_ns) / 1e6
        parent.add_event(name, attributes, end_ns)
        return parent.traceparent

    def forget(self, owner: str) -> None:
        """The owner's span has ended."""
        self._held.pop(owner, None)


def _events_cap() -> int:
    """How many events we put on a span: some room is left for the exception and for others."""
    limit = os.environ.get("OTEL_SPAN_EVENT_COUNT_LIMIT", "").strip()
    return min(EVENTS_CAP, max(0, int(limit) - _FOR_OTHERS)) if limit.isdecimal() else EVENTS_CAP
