"""``wftrace run --live``: a table that moves on a terminal, lines elsewhere, and the usual summary in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from wftrace import StartEvent, StopEvent, Workflow, step
from wftrace.cli.happening import happening, happenings
from wftrace.cli.live_table import live_table
from wftrace.cli.pulse import Figures, Pulse
from wftrace.engine.graph import EventNode, FlowGraph, StepNode
from wftrace.engine.statistics import RunStatistics, StepStatistics
from wftrace.recorder import recording
from wftrace.trace import Span, SpanEvent

from .conftest import ASKING, FAILING, JOKE, RETRYING, SLOW, Call, Terminal, needs_terminal

Write = Callable[..., Path]

PAUSING = """
import asyncio
from wftrace import StartEvent, StopEvent, Workflow, step

class Pausing(Workflow):
    @step
    async def rest(self, ev: StartEvent) -> StopEvent:
        print("a word of the step", flush=True)
        await asyncio.sleep(1)
        return StopEvent(result="rested")
"""

BLOCKING = """
import time
from wftrace import StartEvent, StopEvent, Workflow, step

class Blocking(Workflow):
    @step
    async def compute(self, ev: StartEvent) -> StopEvent:
        time.sleep(2.5)
        return StopEvent(result="computed")
"""


# Without a terminal.


def test_without_a_terminal_there_are_lines(flow: Write, call: Call) -> None:
    """Each attempt that ended is a line on standard error; the summary on standard output is the usual one."""
    flow(RETRYING)
    done = call("run", "flow.py", "--live")
    assert done.code == 0
    assert done.out.startswith("✓ ok · ")
    lines = [line.partition("  ")[2] for line in done.err.splitlines() if line.startswith("+")]
    assert [line.split()[:2] for line in lines] == [
        ["fetch#1", "✗"],
        ["fetch#1", "↻"],
        ["fetch#1", "✗"],
        ["fetch#1", "↻"],
        ["fetch#1", "✓"],
    ]
    assert "\x1b" not in done.err


def test_quiet_means_quiet(flow: Write, call: Call) -> None:
    """-q leaves the summary only."""
    flow(JOKE)
    done = call("run", "-q", "flow.py", "--live", "topic=cats")
    assert (done.code, done.err) == (0, "")


def test_a_failure_ends_as_it_does_without_live(flow: Write, call: Call) -> None:
    """The same code and the same error."""
    flow(FAILING)
    done = call("run", "flow.py", "--live")
    assert done.code == 1
    assert "error: Broken failed" in done.err
    assert "work#1 ✗" in done.err


def test_a_run_that_cannot_begin_ends_as_it_does_without_live(flow: Write, call: Call) -> None:
    """Nothing was shown yet, and nothing is in the way of the error."""
    flow(PAUSING)
    assert call("run", "flow.py:Nothing", "--live").code == 2


# On a terminal.


@needs_terminal
def test_a_terminal_gets_a_table_that_goes_away(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """Steps with their counts while the run is under way; then the summary stands alone, the cursor is back."""
    flow(PAUSING)
    seen = terminal("run", "flow.py", "--live")
    seen.until("1 of 4")
    seen.until("rest#1 runs since")
    assert seen.end() == 0
    assert "rested" in seen.seen
    assert seen.seen.count("\x1b[?25h") == seen.seen.count("\x1b[?25l") > 0


@needs_terminal
def test_what_steps_print_is_kept(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """A print of a step stands above the table, whole."""
    flow(PAUSING)
    seen = terminal("run", "flow.py", "--live")
    seen.until("a word of the step")
    assert seen.end() == 0


@needs_terminal
def test_a_question_is_answered_as_ever(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """The table gives way to the prompt: the cursor is there for whoever types."""
    flow(ASKING)
    seen = terminal("run", "flow.py", "--live")
    seen.until("approved (bool): ")
    assert seen.seen.count("\x1b[?25h") == seen.seen.count("\x1b[?25l") > 0
    seen.type("yes\n")
    seen.until("note (str): ")
    seen.type("\n")
    seen.until("published")
    assert seen.end() == 0


@needs_terminal
def test_interrupting_gives_the_terminal_back(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """Ctrl-C ends with 130 and a cursor that can be seen."""
    flow(SLOW)
    seen = terminal("run", "flow.py", "--live")
    seen.until("1 of 4")
    seen.type("\x03")
    assert seen.end() == 130
    assert "Traceback" not in seen.seen
    assert seen.seen.rindex("\x1b[?25h") > seen.seen.rindex("\x1b[?25l")


@needs_terminal
def test_a_step_that_holds_the_loop_up_is_named_as_such(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """The table moves while the loop does not, and says so."""
    flow(BLOCKING)
    seen = terminal("run", "flow.py", "--live")
    seen.until("the event loop is held up for")
    assert seen.end() == 0


# The figures.


class Nap(Workflow):
    """One step."""

    @step
    async def nap(self, ev: StartEvent) -> StopEvent:
        """Rest a little."""
        await asyncio.sleep(0.02)
        return StopEvent()


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


async def test_figures_are_taken_when_the_loop_has_time() -> None:
    """A question waits for the loop; one at a time is open, and ``held_up`` says since when."""
    clock = HandClock()
    handler = Nap().run()
    pulse = Pulse(handler, clock)
    first = pulse.figures
    pulse.ask()
    clock.now = 3.0
    pulse.ask()
    assert (pulse.figures is first, pulse.held_up) == (True, 3.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (pulse.figures is first, pulse.held_up) == (False, 0.0)
    await handler


async def test_asking_after_the_end_is_harmless() -> None:
    """The last figures stay."""
    handler = Nap().run()
    pulse = Pulse(handler)
    await handler
    pulse.ask()
    await asyncio.sleep(0)
    assert pulse.held_up == 0.0


def _ticks() -> Iterator[float]:
    moment = 0.0
    while True:
        yield moment
        moment += 1.0


async def test_figures_that_take_long_are_taken_seldom() -> None:
    """Taking them uses a bounded part of the loop's time, however large the run is."""
    moments = _ticks()
    handler = Nap().run()
    pulse = Pulse(handler, lambda: next(moments))
    taken = 0
    for _ in range(60):
        before = pulse.figures
        pulse.ask()
        await asyncio.sleep(0)
        taken += pulse.figures is not before
    assert 1 <= taken <= 4
    await handler


# The picture.

GRAPH = FlowGraph(
    "Big", tuple(StepNode(f"step:s{number}", f"s{number}") for number in range(100)), (EventNode("event:E", "E"),), ()
)


def _figures(steps: dict[str, StepStatistics], doing: tuple[str, ...] = ()) -> Figures:
    run = RunStatistics("0123456789ab", "Big", "running", 2.0, 7, 1, 9, 1, 0, 0, steps)
    return Figures(run, doing, 10.0)


def _drawn(figures: Figures, spans: list[Span] | None = None, *, height: int = 24, held_up: float = 0.0) -> list[str]:
    console = Console(width=100, height=height, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(live_table(GRAPH, figures, spans or [], held_up, height, now=11.5))
    return [line.rstrip() for line in captured.get().splitlines()]


BUSY = StepStatistics(executions=6, running=2, queued=3, delayed=0, completed=1, failed=0, retries=1, cut=0, workers=2)


def test_the_table_says_what_the_figures_say() -> None:
    """Elapsed time goes on between two takings; a step's row holds its counts."""
    lines = _drawn(_figures({"s0": BUSY}))
    assert lines[0].startswith("Big  run 01234567 · 3.5")
    assert next(line for line in lines if "s0" in line).split() == ["●", "s0", "2", "of", "2", "3", "1", "–", "1"]


@pytest.mark.parametrize("height", [10, 24, 50])
def test_the_table_fits_into_the_terminal(height: int) -> None:
    """However many steps the flow has and however much happens; steps at work are shown first."""
    doing = tuple(f"s{number}#1 runs since 1 s" for number in range(50))
    lines = _drawn(_figures({"s99": BUSY}, doing), height=height)
    assert len(lines) <= height
    assert any("s99 " in line for line in lines)
    assert any("more steps" in line for line in lines)


def test_a_loop_that_is_held_up_is_said() -> None:
    """After a second."""
    assert not any("held up" in line for line in _drawn(_figures({}), held_up=0.5))
    assert any("held up" in line for line in _drawn(_figures({}), held_up=1.5))


def test_the_same_news_several_times_is_one_line() -> None:
    """A fan-out of five is a line with ×5."""
    sent = Span(
        "send",
        "1" * 32,
        "2" * 16,
        "",
        0,
        0,
        {
            "wftrace.event.id": "e1",
            "wftrace.event.type": "m.Query",
            "wftrace.event.execution.id": "plan#1",
            "wftrace.event.mode": "send",
        },
    )
    assert [each.text for each in happenings([sent] * 5)] == ["plan#1 → Query ×5"]


def test_a_hostile_message_is_one_safe_line() -> None:
    """Escapes, newlines and length."""
    failed = Span(
        "run_step",
        "1" * 32,
        "2" * 16,
        "",
        0,
        1_000_000,
        {
            "wftrace.step.name": "s",
            "wftrace.execution.id": "s#1\x1b[2J",
            "wftrace.outcome": "failed",
            "error.type": "m.Bad",
        },
        (SpanEvent("exception", 0, {"exception.message": "\x1b]0;title\x07" + "x" * 5000 + "\nsecond"}),),
        status="error",
    )
    found = happening(failed)
    assert found is not None
    assert found.bad
    assert "\x1b" not in found.text
    assert "\n" not in found.text
    assert len(found.text) < 250


def test_reading_the_news_of_a_run_costs_what_is_new() -> None:
    """The last lines are read from the last spans, not from all of them."""
    with recording() as recorder:
        asyncio.run(_run())
    many = list(recorder.spans) * 20_000
    began = time.process_time()
    _drawn(_figures({}), many)
    assert time.process_time() - began < 2.0


async def _run() -> None:
    await Nap().run()
