"""Joins as laws: whatever order events arrive in, each is handed over once and nothing is lost."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wftrace import Event, StartEvent, StopEvent, Workflow, step
from wftrace.engine.joins import collect, missing
from wftrace.engine.state import Envelope, Execution, StepState


class A(Event):
    n: int


class B(Event):
    n: int


KINDS: tuple[type[Event], ...] = (A, B)


class Flow(Workflow):
    @step
    async def join(self, ev: StartEvent) -> StopEvent:
        return StopEvent()


def arrive(state: StepState, number: int, event: Event, expected: list[type[Event]]) -> list[Envelope] | None:
    """One event arrives at the join."""
    envelope = Envelope(number + 1, event, Flow._class_flow().route(type(event)), "", "send", number, 0.0)
    return collect(Execution(f"join#{number}", state, envelope, 0.0), envelope, expected, "join", float(number))


@given(st.lists(st.sampled_from([A, B]), max_size=60), st.lists(st.sampled_from([A, B]), min_size=1, max_size=6))
def test_each_event_is_handed_over_once_in_order(arrivals: list[type[A | B]], expected: list[type[Event]]) -> None:
    """Batches hold what was asked in the order asked; per class, first in, first out; the rest is kept."""
    state = StepState(Flow._class_specs()[0])
    handed: list[Event] = []
    for number, cls in enumerate(arrivals):
        batch = arrive(state, number, cls(n=number), expected)
        if batch is not None:
            assert [type(each.event) for each in batch] == expected
            handed += [each.event for each in batch]
    for kind in KINDS:
        numbers = [event["n"] for event in handed if type(event) is kind]
        assert numbers == [n for n, each in enumerate(arrivals) if each is kind][: len(numbers)]
    need = Counter(expected)
    batches = min(Counter[type[Event]](arrivals)[cls] // count for cls, count in need.items())
    assert len(handed) == batches * len(expected)


@given(st.lists(st.sampled_from([A, B]), max_size=20))
def test_what_is_missing_is_said(arrivals: list[type[A | B]]) -> None:
    """What the join has and what it says it misses make up what it asked for."""
    expected: list[type[Event]] = [A, A, B]
    state = StepState(Flow._class_specs()[0])
    for number, cls in enumerate(arrivals):
        arrive(state, number, cls(n=number), expected)
    for buffer in (state.buffers or {}).values():
        lacking = missing(buffer)
        held = {kind: len(events) for kind, events in buffer.events.items()}
        for kind, count in Counter(expected).items():
            assert lacking.get(kind, 0) == max(0, count - held.get(kind, 0))
        assert lacking


def test_a_buffer_of_its_own() -> None:
    """Joins with different buffer ids do not mix."""
    state = StepState(Flow._class_specs()[0])
    route = Flow._class_flow().route(A)
    one = Envelope(1, A(n=1), route, "", "send", 1, 0.0)
    two = Envelope(2, A(n=2), route, "", "send", 2, 0.0)
    assert collect(Execution("join#1", state, one, 0.0), one, [A, A], "left", 0.0) is None
    assert collect(Execution("join#2", state, two, 0.0), two, [A, A], "right", 0.0) is None
