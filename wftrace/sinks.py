"""``SpanSink``: where spans go. The observer knows what a span says, a sink how it is made and kept.

Spans are named to each other as W3C ``traceparent`` texts, so that a name may travel with an event and be saved with a
run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import Context
from typing import Protocol

from .trace import AttributeValue

Links = Sequence[tuple[str, str]]
"""What a span points to: the ``traceparent`` of each, and the type of the link."""


class OpenSpan(Protocol):
    """A span that has started."""

    @property
    def traceparent(self) -> str: ...
    @property
    def is_recording(self) -> bool: ...
    def set(self, attributes: Mapping[str, AttributeValue]) -> None: ...
    def add_event(self, name: str, attributes: Mapping[str, AttributeValue], time_ns: int) -> None: ...
    def end(self, time_ns: int, error: str | None) -> None: ...
    def enter(self, context: Context) -> None: ...


class SpanSink(Protocol):
    """Where spans go. ``header`` is the key under which runs and events carry the name of their span."""

    header: str

    def current(self) -> str:
        """The span in which the code under way works, or ``""``."""
        ...

    def root(
        self,
        name: str,
        context: Context,
        attributes: Mapping[str, AttributeValue],
        time_ns: int,
        links: Links = (),
        *,
        apart: bool = False,
        handed_on: Mapping[str, AttributeValue] | None = None,
    ) -> OpenSpan:
        """A span below the one that is current in ``context``; ``apart`` makes it the root of a trace of its own.

        ``handed_on`` is what spans of others below it are to say too.
        """
        ...

    def child(
        self, name: str, parent: OpenSpan, attributes: Mapping[str, AttributeValue], time_ns: int, links: Links = ()
    ) -> OpenSpan:
        """A span below another."""
        ...

    def ended(
        self,
        name: str,
        parent: OpenSpan,
        attributes: Mapping[str, AttributeValue],
        start_ns: int,
        end_ns: int,
        links: Links = (),
    ) -> str:
        """A span below another that is over already; its name."""
        ...


def traceparent(trace_id: str, span_id: str, sampled: bool = True) -> str:
    """The name of a span: its ids in hex, and whether it is kept.

    >>> traceparent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    """
    return f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"


def span_ids(name: str) -> tuple[str, str] | None:
    """Trace id and span id in a name, None when it is none.

    >>> span_ids("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    ('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331')
    >>> span_ids("") is span_ids("00-12-34-01") is None
    True
    """
    parts = name.split("-")
    if len(parts) < 4 or len(parts[1]) != 32 or len(parts[2]) != 16:
        return None
    try:
        return (parts[1], parts[2]) if int(parts[1], 16) and int(parts[2], 16) else None
    except ValueError:
        return None
