"""Laws of the reducer: the same ticks make the same state, whatever the ticks are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.shapes import SHAPES, FedFromOutside, Shape, feed
from tests.engine.ticks import Note, Player, Sent, Tape, describe, dump
from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from wftrace.engine import loop, reducer
from wftrace.engine.state import Execution, RunState
from wftrace.testing import run_deterministic, running_loop


class Number(Event):
    n: int = 0


class Nobody(Event):
    pass


class Ask(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class Everything(Workflow):
    """Fan-out, failures, retries, waits, questions, an event that nobody takes."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Ask:
        for n in range(6):
            ctx.send_event(Number(n=n))
        return Ask()

    @step(num_workers=2, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=20, delay=0.01))
    async def work(self, ctx: Context[Any], ev: Number) -> Nobody | None:
        await asyncio.sleep(running_loop().random.choice((0, 0.001, 0.02)))
        if running_loop().random.random() < 0.3:
            raise OSError("as the seed says")
        return Nobody() if ev.n == 3 else None

    @step(num_workers=1)
    async def also(self, ctx: Context[Any], ev: Number) -> None:
        await asyncio.sleep(0.003)

    @step
    async def wait(self, ctx: Context[Any], ev: Answer) -> StopEvent:
        await ctx.wait_for_event(Answer, waiter_event=Ask(), requirements={"response": "second"})
        return StopEvent()


async def run_everything() -> None:
    """A run in which a human answers twice."""
    handler = Everything(disable_validation=True).run()
    for response in ("first", "second"):
        await asyncio.sleep(0.5)
        handler.ctx.send_event(Answer(response=response))
    await handler


async def run_shape(shape: Shape) -> None:
    """A run with fields that the seed draws."""
    fields = shape.draw(running_loop().random)
    handler = shape.flow(timeout=1000).run(start_event=StartEvent(**fields))
    if shape.flow is FedFromOutside:
        await feed(handler, fields)
    await handler


RUNS: list[tuple[str, type[Workflow], Callable[[], Any]]] = [
    ("everything", Everything, run_everything),
    *((shape.name, shape.flow, lambda shape=shape: run_shape(shape)) for shape in SHAPES),
]


@pytest.mark.parametrize(("flow", "run"), [each[1:] for each in RUNS], ids=[each[0] for each in RUNS])
def test_the_ticks_of_a_run_make_its_state_again(
    flow: type[Workflow], run: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every tick of a real run, a replay on a new state has the same state and the same commands."""
    for seed in range(10):
        tape = Tape(reducer.reduce)
        monkeypatch.setattr(loop, "reduce", tape)
        run_deterministic(run(), seed)
        player = Player(flow._class_flow())
        assert len(tape.notes) > 3
        for note, known in zip(tape.notes, tape.dumps, strict=True):
            commands = player.play(note)
            assert (dump(player.state), [describe(each) for each in commands]) == known


EVENTS: list[Callable[[], Event]] = [StartEvent, Number, Number, Number, Nobody, Ask, Answer, StopEvent]
Draw = tuple[int, int, int]


def possible(player: Player, draw: Draw, number: int) -> Note:
    """A tick that can come now, chosen by the draw."""
    what, which, event = draw
    now = float(number)
    running = [each for each in player.executions().values() if each in each.step.running]
    delayed = list(player.state.delayed)
    mode = "outside" if which % 2 else "send"
    sent = Sent(number, EVENTS[event % len(EVENTS)](), "", mode, number, now, "")
    if running:
        chosen = running[which % len(running)]
        if what % 8 in (0, 1, 2):
            return Note(reducer.StepReturned, now, chosen.id, sent if event % 3 else None)
        if what % 8 == 3:
            return Note(reducer.StepFailed, now, chosen.id, error=OSError(), delay=1.0 if event else None)
        if what % 8 == 4:
            return Note(reducer.WaitOpened, now, chosen.id, waiter=number, event_type=Answer)
    if delayed and what % 8 in (5, 6):
        return Note(reducer.RetryDue, now, delayed[which % len(delayed)].id)
    if what == 63:
        return Note(reducer.Cancelled if which % 2 else reducer.TimedOut, now)
    return Note(reducer.EventAdded, now, sent=sent)


draws = st.lists(st.tuples(st.integers(0, 63), st.integers(0, 7), st.integers(0, 23)), max_size=60)


def play(script: list[Draw], check: Callable[[RunState, bool, list[Any]], None]) -> list[Any]:
    """Play ticks that the script chooses: what the state was after each, and what was to be done."""
    player = Player(Everything._class_flow())
    history = []
    for number, draw in enumerate(script, 1):
        note = possible(player, draw, number)
        ended = player.state.ended
        commands = player.play(note)
        check(player.state, ended, commands)
        history.append((note.kind, dump(player.state), [describe(each) for each in commands]))
    return history


def nothing(state: RunState, ended: bool, commands: list[Any]) -> None:
    """No claim."""


def workers(state: RunState, ended: bool, commands: list[Any]) -> None:
    """Never more than the workers, each with a number of its own from 0, and nobody queues beside a free one."""
    for each in state.steps.values():
        numbers = [execution.worker for execution in each.running]
        assert len(set(numbers)) == len(numbers) <= each.spec.num_workers
        assert all(0 <= number < each.spec.num_workers for number in numbers)
        assert state.ended or not each.queue or len(numbers) == each.spec.num_workers


def counts(state: RunState, ended: bool, commands: list[Any]) -> None:
    """The counts of the run are the sums over its steps."""
    steps = state.steps.values()
    assert state.running == sum(len(each.running) for each in steps)
    assert state.queued == sum(len(each.queue) for each in steps)


def silence(state: RunState, ended: bool, commands: list[Any]) -> None:
    """After the end no command follows, and the end is told once."""
    assert not (ended and commands)
    assert sum(isinstance(each, reducer.End) for each in commands) <= 1
    assert state.ended or not any(isinstance(each, reducer.End) for each in commands)


@settings(max_examples=200, deadline=None)
@given(draws)
def test_the_same_ticks_make_the_same_state(script: list[Draw]) -> None:
    """Any sequence of ticks, played twice, makes the same states and the same commands in the same order."""
    assert play(script, nothing) == play(script, nothing)


@pytest.mark.parametrize("law", [workers, counts, silence])
@settings(max_examples=200, deadline=None)
@given(script=draws)
def test_a_law_of_the_state(law: Callable[[RunState, bool, list[Any]], None], script: list[Draw]) -> None:
    """After each tick of any sequence the law holds."""
    play(script, law)


@settings(max_examples=200, deadline=None)
@given(draws)
def test_events_start_at_each_step_in_the_order_in_which_they_came(script: list[Draw]) -> None:
    """First in, first out: first attempts of a step start in the order of their execution numbers."""
    started: dict[str, list[int]] = {}

    def check(state: RunState, ended: bool, commands: list[Any]) -> None:
        for command in commands:
            if isinstance(command, Execution) and command.attempt == 1:
                name, _, number = command.id.rpartition("#")
                started.setdefault(name, []).append(int(number))

    play(script, check)
    assert all(numbers == [*range(1, len(numbers) + 1)] for numbers in started.values())
