"""Joins as laws: whatever order events arrive in, each is handed over once and nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wftrace import Context, Event, StartEvent, StopEvent, Workflow, step
from wftrace.engine.joins import collect, missing
from wftrace.engine.state import Envelope, Execution, StepState


class A(Event):
    n: int


class B(Event):
    n: int


class C(Event):
    n: int


KINDS: tuple[type[Event], ...] = (A, B)


class Flow(Workflow):
    @step
    async def join(self, ev: StartEvent) -> StopEvent:
        return StopEvent()


def arrive(state: StepState, number: int, event: Event, expected: list[type[Event]]) -> list[Envelope] | None:
    """One event arrives at the join."""
    envelope = Envelope(number + 1, event, Flow._class_flow().route(type(event)), "", "send", number, 0.0)
    return collect(Execution(f"join#{number}", state, envelope, 0.0), envelope, expected, None, float(number))


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
    for buffer in state.buffers or ():
        lacking = missing(buffer)
        held = {kind: len(events) for kind, events in buffer.events.items()}
        for kind, count in Counter(expected).items():
            assert lacking.get(kind, 0) == max(0, count - held.get(kind, 0))
        assert lacking or not buffer.count


def test_a_buffer_of_its_own() -> None:
    """Joins with different buffer ids do not mix."""
    state = StepState(Flow._class_specs()[0])
    route = Flow._class_flow().route(A)
    one = Envelope(1, A(n=1), route, "", "send", 1, 0.0)
    two = Envelope(2, A(n=2), route, "", "send", 2, 0.0)
    assert collect(Execution("join#1", state, one, 0.0), one, [A, A], "left", 0.0) is None
    assert collect(Execution("join#2", state, two, 0.0), two, [A, A], "right", 0.0) is None


def ask(execution: Execution, *expected: type[Event]) -> list[type[Event]] | None:
    """What the join answers, as classes."""
    taken = collect(execution, execution.envelope, list(expected), None, 0.0)
    return None if taken is None else [type(each.event) for each in taken]


def execution(state: StepState, number: int, event: Event) -> Execution:
    """An event at a step."""
    envelope = Envelope(number, event, Flow._class_flow().route(type(event)), "", "send", number, 0.0)
    return Execution(f"join#{number}", state, envelope, 0.0)


def test_two_joins_in_one_step_do_not_mix() -> None:
    """A step may ask for two sets of events at once; each gets what it asked for, and an event only where it is asked
    for.
    """
    state = StepState(Flow._class_specs()[0])
    first, second, third = (execution(state, n, event) for n, event in enumerate((A(n=1), B(n=2), C(n=3)), 1))
    assert (ask(first, A, B), ask(first, B, C)) == (None, None)
    assert (ask(second, A, B), ask(second, B, C)) == ([A, B], None)
    assert (ask(third, A, B), ask(third, B, C)) == (None, [B, C])


def test_asking_twice_does_not_hold_twice() -> None:
    """One event that was asked for twice in one attempt counts once."""
    state = StepState(Flow._class_specs()[0])
    first, second = execution(state, 1, A(n=1)), execution(state, 2, A(n=2))
    assert (ask(first, A, A), ask(first, A, A)) == (None, None)
    assert (ask(second, A, A), ask(second, A, A)) == ([A, A], None)


def test_a_subclass_fills_the_place_of_its_base() -> None:
    """An event that came for its base class counts as that."""

    class Special(A):
        pass

    state = StepState(Flow._class_specs()[0])
    assert ask(execution(state, 1, Special(n=1)), A, A) is None
    assert ask(execution(state, 2, A(n=2)), A, A) == [Special, A]


def test_a_retry_hears_the_same_answers() -> None:
    """What the first attempt was told, the second is told again, question by question."""
    state = StepState(Flow._class_specs()[0])
    ask(execution(state, 1, A(n=1)), A, B)
    failing = execution(state, 2, B(n=2))
    said = [ask(failing, A, B), ask(failing, B, C)]
    failing.begin(0, 0.0)
    assert [ask(failing, A, B), ask(failing, B, C)] == said == [[A, B], None]


def test_sync_steps_join_from_many_threads_without_losing_an_event() -> None:
    """Joins are filled on the event loop's thread, wherever their step runs."""

    class Threads(Workflow):
        @step
        async def split(self, ctx: Context[Any], ev: StartEvent) -> A | None:
            for n in range(200):
                ctx.send_event(A(n=n))
            return None

        @step(num_workers=8)
        def join(self, ctx: Context[Any], ev: A) -> StopEvent | None:
            parts = ctx.collect_events(ev, [A] * 200)
            return None if parts is None else StopEvent(result=sorted(each.n for each in parts))

    async def main() -> Any:
        return await Threads().run()

    assert asyncio.run(main()) == list(range(200))
