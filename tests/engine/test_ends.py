"""Ends: whatever happens, each attempt and each run is told as ended exactly once, and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    Observer,
    StartEvent,
    StopEvent,
    Workflow,
    observing,
    recording,
    step,
)
from wftrace.engine.observers import AttemptEnded, AttemptStarted, RunEnded, RunStarted


class Book(Observer):
    """Notes every start and every end."""

    def __init__(self) -> None:
        self.started: Counter[tuple[str, int]] = Counter()
        self.ended: Counter[tuple[str, int]] = Counter()
        self.outcomes: dict[tuple[str, int], str] = {}
        self.runs: list[str] = []

    def run_started(self, fact: RunStarted) -> None:
        self.runs.append("started")

    def run_ended(self, fact: RunEnded) -> None:
        self.runs.append(fact.outcome)

    def attempt_started(self, fact: AttemptStarted) -> None:
        self.started[(fact.execution, fact.attempt)] += 1

    def attempt_ended(self, fact: AttemptEnded) -> None:
        self.ended[(fact.execution, fact.attempt)] += 1
        self.outcomes[(fact.execution, fact.attempt)] = fact.outcome


class Go(Event):
    n: int


class Ask(InputRequiredEvent):
    pass


class Answer(HumanResponseEvent):
    pass


class Everything(Workflow):
    """Fans out into steps that succeed, fail and are retried, sleep, swallow their cancellation, and wait."""

    @step
    async def plan(self, ctx: Context[Any], ev: StartEvent) -> Ask:
        for n in range(6):
            ctx.send_event(Go(n=n))
        await ctx.set("end", ev.end)
        return Ask()

    @step(num_workers=4, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=1, delay=0))
    async def work(self, ctx: Context[Any], ev: Go) -> StopEvent | None:
        end = await ctx.get("end")
        if ev.n == 0 and ctx.retry_info().retry_number == 0:
            raise OSError("retried")
        if ev.n == 1:
            await asyncio.sleep(60)
        if ev.n == 2 and end == "swallow":
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
        if ev.n == 3 and end in ("stop", "swallow"):
            await asyncio.sleep(0.02)
            return StopEvent(result="stopped")
        if ev.n == 3 and end == "error":
            raise ZeroDivisionError
        return None

    @step
    def in_thread(self, ev: Go) -> None:
        threading.Event().wait(0.001)

    @step
    async def answer(self, ev: Answer) -> None: ...


async def end_by(end: str, limit: float = 10) -> None:
    handler = Everything(timeout=limit).run(end=end)
    if end == "cancel":
        await asyncio.sleep(0.02)
        await handler.cancel_run()
    if end == "caller":
        await asyncio.wait_for(handler, 0.02)
    await handler


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("stop", "completed"),
        ("error", "failed"),
        ("swallow", "completed"),
        ("cancel", "cancelled"),
        ("caller", "cancelled"),
        ("timeout", "timed_out"),
    ],
)
def test_every_attempt_ends_once(end: str, outcome: str) -> None:
    """Under every end each started attempt ends once, the run starts and ends once, and no task or thread is left."""
    book = Book()
    left: list[int] = []

    async def main() -> None:
        with observing(lambda: book):
            await asyncio.gather(end_by(end, 0.05 if end == "timeout" else 10), return_exceptions=True)
        left.append(len(asyncio.all_tasks()) - (end == "swallow"))
        await asyncio.sleep(0.6 if end == "swallow" else 0)

    before = threading.active_count()
    asyncio.run(main())
    gc.collect()
    assert book.started == book.ended
    assert len(book.started) >= 12
    assert book.runs == ["started", outcome]
    assert left == [1]
    assert threading.active_count() <= before + 4  # idle threads of the pool that has just been closed


def test_who_swallows_his_cancellation_is_abandoned() -> None:
    """After half a second the run ends without him."""
    book = Book()

    async def main() -> None:
        with observing(lambda: book):
            await end_by("swallow")

    asyncio.run(main())
    assert Counter(book.outcomes.values())["abandoned"] == 1


def test_cancelling_the_loop_cancels_its_runs() -> None:
    """``asyncio.run`` that is left with runs under way cancels their steps: they and the runs are told as cancelled."""
    book = Book()

    async def main() -> None:
        with observing(lambda: book):
            Everything().run(end="never")
            await asyncio.sleep(0.02)

    asyncio.run(main())
    assert book.started == book.ended
    assert book.runs == ["started", "cancelled"]


class Parked(Workflow):
    """Waits for a human with no step running."""

    @step
    async def ask(self, ev: StartEvent) -> Ask:
        return Ask()

    @step
    async def end(self, ev: Answer) -> StopEvent:
        return StopEvent()


def test_a_run_whose_loop_was_closed_is_abandoned() -> None:
    """A parked run has no task that could be cancelled; the next run, in another loop, tells its end."""
    book = Book()

    async def park() -> None:
        with observing(lambda: book):
            Parked(timeout=None).run()
            await asyncio.sleep(0.01)

    async def another() -> None:
        handler = Parked(timeout=None).run()
        handler.ctx.send_event(Answer())
        await handler

    asyncio.run(park())
    assert book.runs == ["started"]
    asyncio.run(another())
    assert book.runs == ["started", "abandoned"]


def test_a_parked_run_is_told_as_ended_at_exit(tmp_path: Path) -> None:
    """The process may end while a run waits: observers hear of it before the interpreter is gone."""
    script = tmp_path / "parked.py"
    script.write_text(
        "import asyncio\n"
        "from wftrace import *\n"
        "class Ask(InputRequiredEvent): pass\n"
        "class Tell(Observer):\n"
        "    def run_ended(self, fact): print(fact.outcome)\n"
        "class Parked(Workflow):\n"
        "    @step\n"
        "    async def ask(self, ev: StartEvent) -> Ask: return Ask()\n"
        "    @step\n"
        "    async def end(self, ev: HumanResponseEvent) -> StopEvent: return StopEvent()\n"
        "async def main():\n"
        "    with observing(Tell):\n"
        "        Parked(timeout=None).run()\n"
        "        await asyncio.sleep(0.01)\n"
        "asyncio.run(main())\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("abandoned\n", "")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_step_ends_the_run_and_goes_on(kind: type[BaseException]) -> None:
    """It reaches whoever runs the loop, and the run is told as failed."""
    book = Book()

    class Flow(Workflow):
        @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=3, delay=0))
        async def work(self, ev: StartEvent) -> StopEvent:
            raise kind

    async def main() -> None:
        with observing(lambda: book):
            await Flow().run()

    with pytest.raises(kind):
        asyncio.run(main())
    assert book.runs == ["started", "failed"]
    assert book.outcomes == {("work#1", 1): "failed"}


def test_an_observer_that_fails_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """The run never notices; the log says it once."""
    calls: list[str] = []

    class Broken(Observer):
        def attempt_started(self, fact: AttemptStarted) -> None:
            calls.append(fact.execution)
            raise RuntimeError("broken watcher")

        def run_ended(self, fact: RunEnded) -> None:
            calls.append("ended")

    class Flow(Workflow):
        @step
        async def one(self, ev: StartEvent) -> Go:
            return Go(n=1)

        @step
        async def two(self, ev: Go) -> StopEvent:
            return StopEvent(result="unharmed")

    async def main() -> Any:
        with observing(Broken):
            return await Flow().run()

    assert asyncio.run(main()) == "unharmed"
    assert calls == ["one#1"]
    assert caplog.text.count("is dropped for this run") == 1


def test_an_end_that_cannot_be_told_ends_the_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in what observers are told must not leave the caller waiting."""

    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result="done")

    def fail(self: object, end: object) -> None:
        raise RuntimeError("broken")

    async def main() -> Any:
        with recording():
            return await asyncio.wait_for(Flow().run(), 5)

    monkeypatch.setattr("wftrace.engine.reporter.Reporter.run_ended", fail)
    assert asyncio.run(main()) == "done"
    assert "could not be told" in caplog.text
