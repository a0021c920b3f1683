"""``wftrace.testing``: time that is made and orders that a seed draws; flows in test_testing_flows.py."""

from __future__ import annotations

import asyncio
import inspect
import random
import socket
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from wftrace import WorkflowRuntimeError
from wftrace.testing import StuckError, for_seeds, run_deterministic, running_loop

# Time.


async def sleep_long() -> list[float]:
    """Three sleepers, and when they woke."""
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(running_loop().time())

    await asyncio.gather(*(sleep(seconds) for seconds in (3600, 0.1, 86_400 * 365)))
    return woken


def test_time_jumps_to_the_next_timer() -> None:
    """A sleep of a year is over at once, and the clock says that a year has passed."""
    assert run_deterministic(sleep_long()) == pytest.approx([0.1, 3600, 86_400 * 365])


def test_timeouts_come_at_their_time() -> None:
    """``asyncio.timeout`` and ``asyncio.wait_for`` end at the time that they say, not before what comes earlier."""

    async def main() -> list[float]:
        times = []
        async with asyncio.timeout(2):
            await asyncio.sleep(1.5)
        times.append(running_loop().time())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.sleep(10)
        times.append(running_loop().time())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3)
        return [*times, running_loop().time()]

    assert run_deterministic(main()) == [1.5, 3.5, 6.5]


def test_timers_come_in_order() -> None:
    """By their time, whatever the seed; those of one time as they were set."""

    async def main() -> list[str]:
        loop, came = asyncio.get_running_loop(), list[str]()
        for name, seconds in (("c", 3), ("a1", 1), ("b", 2), ("a2", 1), ("a3", 1)):
            loop.call_later(seconds, came.append, name)
        await asyncio.sleep(5)
        return came

    assert all(run_deterministic(main(), seed) == ["a1", "a2", "a3", "b", "c"] for seed in range(20))


def test_time_stands_still_while_a_thread_works() -> None:
    """A timer of one second does not overtake a thread that is awaited."""
    go_on = threading.Event()

    async def main() -> list[str]:
        came: list[str] = []
        asyncio.get_running_loop().call_later(1, came.append, "timer")
        threading.Timer(0.05, go_on.set).start()
        await asyncio.to_thread(go_on.wait, 20)
        came.append(f"thread at {running_loop().time()}")
        await asyncio.sleep(2)
        return came

    assert run_deterministic(main()) == ["thread at 0.0", "timer"]


def test_patience_with_a_thread_ends() -> None:
    """A thread that waits for a timer gets it after ``patience`` real seconds: nothing hangs."""

    async def main() -> bool:
        fired = threading.Event()
        asyncio.get_running_loop().call_later(1, fired.set)
        return await asyncio.to_thread(fired.wait, 20)

    assert run_deterministic(main(), patience=0.01)


def test_a_thread_that_nobody_awaits_does_not_hold_the_clock() -> None:
    """Time goes on when whoever waited for a thread has gone, though the thread still works."""
    done = threading.Event()

    async def main() -> float:
        task = asyncio.ensure_future(asyncio.to_thread(done.wait, 20))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(100)
        done.set()
        return running_loop().time()

    assert run_deterministic(main()) == 100


def test_the_clock_is_moved_by_hand() -> None:
    """From a task and from a thread; what has become due runs in the next turn; it is never turned back."""

    async def main() -> list[Any]:
        loop, came = running_loop(), list[Any]()
        loop.call_later(10, came.append, "timer")
        loop.advance(4)
        came.append(loop.time())
        await asyncio.to_thread(loop.advance, 6.5)
        came.append(loop.time())
        for wrong in (-1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="moved on by 0 or more seconds"):
                loop.advance(wrong)
        await asyncio.sleep(0)
        return came

    came = run_deterministic(main())
    assert came.index("timer") > 0
    assert [each for each in came if each != "timer"] == [4.0, 10.5]


def test_what_can_never_come_is_said() -> None:
    """With nothing ready, timed or in a thread the loop says which task waits and where."""

    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError, match=r"these tasks wait:\n.*waits_for_ever, .*test_testing\.py:\d+"):
        run_deterministic(waits_for_ever(), patience=0.01)


def test_whoever_comes_from_outside_is_waited_for() -> None:
    """A thread of the test's own may wake a loop that has nothing else to do."""

    async def main() -> str:
        loop, future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        threading.Timer(0.02, loop.call_soon_threadsafe, (future.set_result, "from outside")).start()
        return str(await future)

    assert run_deterministic(main()) == "from outside"


def test_real_input_arrives() -> None:
    """What comes through a socket is there at once."""

    async def main() -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.send(b"hello")
            return await asyncio.get_running_loop().sock_recv(ours, 5)

    assert run_deterministic(main()) == b"hello"


# Order.


async def walk(walkers: int = 5, turns: int = 3) -> str:
    """Walkers that take turns: the order in which they went."""
    went: list[str] = []

    async def walker(name: str) -> None:
        for _ in range(turns):
            went.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(walker("abcdefgh"[n]) for n in range(walkers)))
    return "".join(went)


def test_the_same_seed_is_the_same_order() -> None:
    """A seed draws one order; many seeds draw many; no seed is asyncio's own."""
    orders = {run_deterministic(walk(), seed) for seed in range(50)}
    assert len(orders) == 50
    assert all(run_deterministic(walk(), 7) == run_deterministic(walk(), 7) for _ in range(5))
    assert run_deterministic(walk(), None) == asyncio.run(walk()) == "abcdeabcdeabcde"


def test_every_order_of_a_turn_comes() -> None:
    """Three tasks that are ready together come in all six orders."""
    firsts = {run_deterministic(walk(3, 1), seed) for seed in range(100)}
    assert firsts == {"abc", "acb", "bac", "bca", "cab", "cba"}


def test_everybody_goes_once_in_a_turn() -> None:
    """No task goes twice while another one is ready: ``asyncio.sleep(0)`` lets all others go."""
    for seed in range(50):
        went = run_deterministic(walk(), seed)
        assert [sorted(went[n : n + 5]) for n in (0, 5, 10)] == [list("abcde")] * 3


def test_callbacks_keep_their_order() -> None:
    """What was given to ``call_soon`` comes in that order, and no task comes before a callback that was ready first."""

    async def main() -> list[int]:
        loop, came, dice = running_loop(), list[int](), running_loop().random
        tasks: set[int] = set()

        async def task(number: int) -> None:
            came.append(number)

        kept = []
        for number in range(20):
            if dice.random() < 0.5:
                kept.append(loop.create_task(task(number)))
                tasks.add(number)
            else:
                loop.call_soon(came.append, number)
        await asyncio.sleep(1)
        assert [each for each in came if each not in tasks] == sorted(set(range(20)) - tasks)
        for place, number in enumerate(came):
            earlier = {each for each in range(number) if each not in tasks}
            assert number not in tasks or earlier <= set(came[:place])
        return came

    assert any(run_deterministic(main(), seed) != list(range(20)) for seed in range(50))


def test_one_thread_speaks_in_order() -> None:
    """``call_soon_threadsafe`` keeps the order of each thread."""

    async def main() -> list[int]:
        loop, came = asyncio.get_running_loop(), list[int]()

        def speak(number: int) -> None:
            for n in range(100):
                loop.call_soon_threadsafe(came.append, 1000 * number + n)

        await asyncio.gather(*(asyncio.to_thread(speak, number) for number in range(5)))
        return came

    came = run_deterministic(main(), seed=3)
    assert len(came) == 500
    assert all([n for n in came if n // 1000 == k] == list(range(1000 * k, 1000 * k + 100)) for k in range(5))


def test_an_interrupt_leaves_the_rest_of_the_turn_for_later() -> None:
    """Callbacks that were ready beside one that raised out of the loop are not lost."""

    async def main() -> list[int]:
        loop, came = asyncio.get_running_loop(), list[int]()

        def interrupt() -> None:
            raise KeyboardInterrupt

        loop.call_soon(interrupt)
        for number in range(5):
            loop.call_soon(came.append, number)
        try:
            await asyncio.sleep(1)
        finally:
            kept.extend(came)
        return came

    kept: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        run_deterministic(main())
    assert kept == [0, 1, 2, 3, 4]


# Seeds.


def careless(seeds: list[int | None]) -> Coroutine[Any, Any, None]:
    """A test that holds in asyncio's own order only."""

    async def main() -> None:
        seeds.append(running_loop().seed)
        assert (await walk(2, 1)) == "ab"

    return main()


def test_an_error_says_its_seed() -> None:
    """The note on the error is the call that makes it again."""
    run_deterministic(careless([]), None)
    failing = next(seed for seed in range(20) if run_deterministic(walk(2, 1), seed) != "ab")
    with pytest.raises(AssertionError) as caught:
        run_deterministic(careless([]), failing)
    assert caught.value.__notes__ == [f"with seed {failing}: run_deterministic(..., seed={failing}) does it again"]


def test_for_seeds_stops_at_the_first_that_fails() -> None:
    """It runs seed by seed, and the error says which one it was."""
    seeds: list[int | None] = []

    @for_seeds(20)
    async def try_it() -> None:
        await careless(seeds)

    with pytest.raises(AssertionError) as caught:
        try_it()
    assert seeds == list(range(len(seeds)))
    assert f"seed={seeds[-1]})" in caught.value.__notes__[0]


def test_for_seeds_begins_where_it_is_told() -> None:
    """``count`` seeds from ``first`` on, with the arguments of the test."""
    seen: list[tuple[int | None, str]] = []

    @for_seeds(3, first=40)
    async def try_it(word: str) -> None:
        seen.append((running_loop().seed, word))

    try_it("word")
    assert seen == [(40, "word"), (41, "word"), (42, "word")]
    assert list(inspect.signature(try_it).parameters) == ["word"]
    assert not inspect.iscoroutinefunction(try_it)


@pytest.mark.parametrize(("said", "count"), [("5", 5), ("", 2)])
def test_the_environment_sets_the_number_of_seeds(monkeypatch: pytest.MonkeyPatch, said: str, count: int) -> None:
    """``WFTRACE_SEEDS`` overrides what the test says."""
    monkeypatch.setenv("WFTRACE_SEEDS", said)
    seen: list[int | None] = []

    @for_seeds(2)
    async def try_it() -> None:
        seen.append(running_loop().seed)

    try_it()
    assert seen == list(range(count))


@pytest.mark.parametrize("said", ["0", "-1", "many", "1.5", "²"])
def test_a_number_of_seeds_that_is_none(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Anything else in ``WFTRACE_SEEDS`` is an error, not a test that tries nothing."""
    monkeypatch.setenv("WFTRACE_SEEDS", said)

    @for_seeds(2)
    async def try_it() -> None: ...

    with pytest.raises(ValueError, match="WFTRACE_SEEDS is a number of seeds above 0"):
        try_it()


def test_the_generator_of_a_seed_is_its_own() -> None:
    """It draws the same numbers under one seed, and does not touch Python's own generator."""

    async def main() -> float:
        return running_loop().random.random()

    random.seed(1)
    expected = random.random()
    random.seed(1)
    assert run_deterministic(main(), 5) == run_deterministic(main(), 5) != run_deterministic(main(), 6)
    assert random.random() == expected


def test_running_loop_elsewhere() -> None:
    """Outside ``run_deterministic`` it says which loop runs instead."""

    async def main() -> None:
        running_loop()

    with pytest.raises(WorkflowRuntimeError, match=r"here runs \w+EventLoop"):
        asyncio.run(main())
    with pytest.raises(WorkflowRuntimeError, match="here runs no loop"):
        running_loop()
