"""The spans of one traced hop as JSON: ``python -m benchmarks.shape wftrace``. ``benchmarks.floors`` makes the same."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from benchmarks.flows import Loop
from benchmarks.provider import trace_runs


def spans_of_a_hop() -> list[ReadableSpan]:
    """An attempt from the middle of a loop, and its children."""
    kept = InMemorySpanExporter()
    trace_runs(SimpleSpanProcessor(kept))

    async def run() -> None:
        await Loop(timeout=None).run(hops=10)

    asyncio.run(run())
    made = kept.get_finished_spans()
    attempt = [span for span in made if span.name == "run_step turn"][5]
    return [attempt, *_children(attempt, made)]


def _children(parent: ReadableSpan, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    return [span for span in spans if span.parent and parent.context and span.parent.span_id == parent.context.span_id]


def _plain(span: ReadableSpan) -> dict[str, Any]:
    links = [dict(link.attributes or {}) for link in span.links]
    return {"name": span.name, "attributes": dict(span.attributes or {}), "links": links}


if __name__ == "__main__":
    sys.stdout.write(json.dumps([_plain(span) for span in spans_of_a_hop()]) + "\n")
