"""``collect_events``: events are held until all that were asked for are there.

An arrival that cannot fill the join costs O(1). What is too much is kept, first in first out, for the next call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from .events import Event
from .state import Buffer, Envelope, Execution, StepState


def collect(
    execution: Execution, envelope: Envelope, expected: Sequence[type[Event]], buffer_id: str | None, now: float
) -> list[Envelope] | None:
    """Hold the event in its join; the events in the order asked when all are there, else None.

    A join is what one step asks for: the same classes without a ``buffer_id``, or the same ``buffer_id``. It holds an
    event once, and only if it asks for its class. An attempt that asks again (a retry) gets the answers that the first
    one got.
    """
    buffer = _buffer(execution.step, expected, buffer_id)
    past = execution.recall()
    answers = past.answers.get(buffer)
    if answers is None:
        answers = past.answers[buffer] = []
        _hold(buffer, envelope, expected, now)
    elif past.known(buffer):
        return past.recalled(buffer)
    since = buffer.since
    taken = _take(buffer, expected)
    answers.append(taken)
    if taken is not None:
        execution.joined = (taken, since)
        buffer.since = now
    return taken


def _buffer(step: StepState, expected: Sequence[type[Event]], buffer_id: str | None) -> Buffer:
    """The buffer of a join, made when it is first needed. It takes note of what is asked for now."""
    if step.buffers is None:
        step.buffers = []
    for buffer in step.buffers:
        if buffer.name != buffer_id:
            continue
        if len(expected) == len(buffer.expected) and (expected is buffer.given or expected == buffer.expected):
            buffer.given = expected
            return buffer
        if buffer_id is not None or buffer.classes == frozenset(expected):
            buffer.ask(expected)
            return buffer
    buffer = Buffer(buffer_id, expected)
    step.buffers.append(buffer)
    return buffer


def missing(buffer: Buffer) -> dict[type[Event], int]:
    """How many events of each class the join still lacks, by what was last asked for."""
    lacking = {cls: count - len(buffer.events.get(cls, ())) for cls, count in buffer.needed.items()}
    return {cls: count for cls, count in lacking.items() if count > 0}


def _hold(buffer: Buffer, envelope: Envelope, expected: Sequence[type[Event]], now: float) -> None:
    cls: type[Event] | None = type(envelope.event)
    if cls not in expected:
        cls = next((base for base in type(envelope.event).__mro__ if base in expected), None)
    if cls is None:
        return
    held = buffer.events.get(cls)
    if held is None:
        held = buffer.events[cls] = deque()
    if not buffer.count:
        buffer.since = now
    held.append(envelope)
    buffer.count += 1


def _take(buffer: Buffer, expected: Sequence[type[Event]]) -> list[Envelope] | None:
    if buffer.count < len(expected):
        return None
    held, needed = buffer.events, buffer.needed
    if any(len(held.get(cls, ())) < count for cls, count in needed.items()):
        return None
    buffer.count -= len(expected)
    return [held[cls].popleft() for cls in expected]
