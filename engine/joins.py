"""``collect_events``: events are held until all that were asked for are there.

An arrival that cannot fill the join costs O(1). What is too much is kept, first in first out, for the next call.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from .events import Event
from .state import Buffer, Envelope, Execution


def collect(
    execution: Execution, envelope: Envelope, expected: Sequence[type[Event]], buffer_id: str, now: float
) -> list[Envelope] | None:
    """Put the event into the step's buffer; the events in the order asked when all are there, else None.

    An attempt that asks again (a retry) gets the answer that the first one got.
    """
    if execution.joins is None:
        execution.joins = {}
    elif buffer_id in execution.joins:
        return execution.joins[buffer_id]
    step = execution.step
    if step.buffers is None:
        step.buffers = {}
    buffer = step.buffers.get(buffer_id)
    if buffer is None:
        buffer = step.buffers[buffer_id] = Buffer()
    if not buffer.count:
        buffer.since = now
    _hold(buffer, envelope)
    taken = _take(buffer, expected)
    execution.joins[buffer_id] = taken
    if taken is not None:
        execution.joined = (taken, buffer.since)
        buffer.since = now
        if not buffer.count:
            del step.buffers[buffer_id]
    return taken


def missing(buffer: Buffer) -> dict[type[Event], int]:
    """How many events of each class the join still lacks, by what was last asked for."""
    _plan(buffer, buffer.expected)
    lacking = {cls: count - len(buffer.events.get(cls, ())) for cls, count in buffer.needed.items()}
    return {cls: count for cls, count in lacking.items() if count > 0}


def _hold(buffer: Buffer, envelope: Envelope) -> None:
    cls = type(envelope.event)
    held = buffer.events.get(cls)
    if held is None:
        held = buffer.events[cls] = deque()
    held.append(envelope)
    buffer.count += 1


def _take(buffer: Buffer, expected: Sequence[type[Event]]) -> list[Envelope] | None:
    if buffer.count < len(expected):
        if len(buffer.expected) != len(expected):
            buffer.expected, buffer.needed = list(expected), {}
        return None
    _plan(buffer, expected)
    held = buffer.events
    if any(len(held.get(cls, ())) < count for cls, count in buffer.needed.items()):
        return None
    buffer.count -= len(expected)
    return [held[cls].popleft() for cls in expected]


def _plan(buffer: Buffer, expected: Sequence[type[Event]]) -> None:
    """Count what is asked for, once for each list."""
    if not buffer.needed or buffer.expected != expected:
        buffer.expected = list(expected)
        buffer.needed = dict(Counter(expected))
