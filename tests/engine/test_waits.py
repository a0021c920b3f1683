"""``wait_for_event``: what arrives is handed over, at whatever moment it comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    HumanResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from wftrace.testing import run_deterministic


class Polls(Workflow):
    """Asks ten times, a second each."""

    @step
    async def poll(self, ctx: Context, ev: StartEvent) -> StopEvent:
        for number in range(10):
            try:
                answer = await ctx.wait_for_event(HumanResponseEvent, timeout=1)
            except TimeoutError:
                continue
            return StopEvent(result=(number, answer.response))
        return StopEvent(result="lost")


@pytest.mark.parametrize("moment", [0.5, 1, 2, 2.5, 7])
@pytest.mark.parametrize("seed", range(6))
def test_an_answer_in_the_turn_of_a_timeout_is_not_lost(moment: float, seed: int) -> None:
    """It is handed to the wait whose time is just up, or to the next."""

    async def main() -> Any:
        handler = Polls(timeout=None).run()
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + moment, handler.ctx.send_event, HumanResponseEvent(response="yes"))
        return await handler

    number, answer = run_deterministic(main(), seed)
    assert answer == "yes"
    assert number in (int(moment) - 1, int(moment))


class Impatient(Workflow):
    """Its step may take a second, and waits for an answer."""

    attempts = 0

    @step(timeout=1, retry_policy=ConstantDelayRetryPolicy(3, 0))
    async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
        self.attempts += 1
        answer = await ctx.wait_for_event(HumanResponseEvent, timeout=None)
        return StopEvent(result=(self.attempts, answer.response))


@pytest.mark.parametrize("seed", range(6))
def test_an_answer_in_the_turn_of_a_step_timeout_goes_to_the_retry(seed: int) -> None:
    """The attempt is cut off with the answer in its hands: the next one finds it."""

    async def main() -> Any:
        handler = Impatient(timeout=None).run()
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + 1, handler.ctx.send_event, HumanResponseEvent(response="yes"))
        return await handler

    attempts, answer = run_deterministic(main(), seed)
    assert answer == "yes"
    assert attempts in (1, 2)
