"""What the same work costs in bare Python: ``python -m benchmarks.floors CASE COUNT``.

``spans`` reads the spans of one traced hop, as ``benchmarks.shape`` prints them, from standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from benchmarks.stopwatch import print_seconds, seconds_per

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

Shape = tuple[str, dict[str, Any], list[dict[str, Any]]]
"""A span's name, its attributes, and the attributes of its links."""


async def _nothing(number: int) -> int:
    return number


async def task(count: int) -> float:
    """Seconds per ``create_task`` and ``await``, one after the other."""

    async def chain() -> None:
        for number in range(count):
            await asyncio.create_task(_nothing(number))

    return await seconds_per(count, chain)


async def fan_out(count: int) -> float:
    """Seconds per event when each is two tasks, as in the measured flow: its work, then its arrival at the join."""

    async def scatter_and_join() -> None:
        working = [asyncio.create_task(_nothing(number)) for number in range(count)]
        joining = [asyncio.create_task(_nothing(await work)) for work in working]
        for arrival in joining:
            await arrival

    return await seconds_per(count, scatter_and_join)


async def runs(count: int) -> float:
    """Seconds per chain of five tasks when all chains are under way at once."""

    async def chain() -> None:
        for number in range(5):
            await asyncio.create_task(_nothing(number))

    async def all_at_once() -> None:
        await asyncio.gather(*(chain() for _ in range(count)))

    return await seconds_per(count, all_at_once)


async def spans(count: int) -> float:
    """Seconds for the spans of one hop, with the SDK alone: same names, attributes and links, nothing decided."""
    from benchmarks.provider import provider_to_nowhere

    shapes = [_shape(span) for span in json.load(sys.stdin)]
    provider = provider_to_nowhere()
    tracer = provider.get_tracer("floor")

    async def make_spans() -> None:
        cause = tracer.start_span("start")
        for _ in range(count):
            cause = _hop(tracer, shapes, cause)

    seconds = await seconds_per(count, make_spans)
    provider.shutdown()
    return seconds


def _shape(span: dict[str, Any]) -> Shape:
    """A span as it was printed; JSON made lists of the tuples that its attributes were."""
    given = span["attributes"].items()
    attributes = {name: tuple(value) if isinstance(value, list) else value for name, value in given}
    return span["name"], attributes, span["links"]


def _hop(tracer: Tracer, shapes: list[Shape], cause: Span) -> Span:
    """The spans of one hop, each the child of the one before, its links to what caused the hop."""
    from opentelemetry.trace import Link, set_span_in_context

    parent = None
    made = cause
    for name, attributes, links in shapes:
        links_made = [Link(cause.get_span_context(), link) for link in links]
        made = tracer.start_span(name, context=parent, attributes=attributes, links=links_made)
        parent = set_span_in_context(made)
        made.end()
    return made


CASES: dict[str, Callable[[int], Awaitable[float]]] = {
    "task": task,
    "fan_out": fan_out,
    "runs": runs,
    "spans": spans,
}


def main() -> None:
    """Measure the case that the command line names."""
    print_seconds(CASES[sys.argv[1]], int(sys.argv[2]))


if __name__ == "__main__":
    main()
