"""Runs that are saved at any moment, stopped, and taken up again: they end as if nothing had been.

The number of seeds stands in the name of the test; ``WFTRACE_SEEDS`` sets another one.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.engine.shapes import SHAPES, Broadcast, FedFromOutside, InOrder, Shape, Special
from wftrace import Context, JsonSerializer, StartEvent, Workflow, WorkflowHandler
from wftrace.testing import run_deterministic, running_loop
from wftrace.testing.seeds import seeds_to_try

COUNT = seeds_to_try(60)

AGAIN = (Broadcast, InOrder, FedFromOutside)
"""A step that waits between its sends sends again after a restore, and nobody saves who sends from outside."""

WHOLE = [shape for shape in SHAPES if shape.flow not in AGAIN]


async def moment() -> None:
    """Some turns of the loop, or some time, as the seed says."""
    random = running_loop().random
    for _ in range(random.randint(0, 6)):
        await asyncio.sleep(0)
    if random.random() < 0.5:
        await asyncio.sleep(random.choice((0.0005, 0.0015, 0.004, 0.012)))


async def taken_up(handler: WorkflowHandler, flow: Workflow) -> WorkflowHandler | None:
    """The run in JSON and back, in another instance; None when it has ended by itself meanwhile."""
    serializer = JsonSerializer([Special])
    saved = json.dumps(handler.ctx.to_dict(serializer))
    await handler.cancel_run()
    if handler.exception() is None:
        return None
    return flow.run(ctx=Context.from_dict(flow, json.loads(saved), serializer))


@pytest.mark.parametrize("shape", WHOLE, ids=[f"{shape.name}, {COUNT} seeds" for shape in WHOLE])
def test_a_run_that_is_saved_at_any_moment(shape: Shape) -> None:
    """Up to four times saved and restored, a shape makes what its model says."""
    restores: list[int] = []

    async def main() -> Any:
        fields = shape.draw(running_loop().random)
        handler = shape.flow(timeout=1000).run(start_event=StartEvent(**fields))
        for _ in range(running_loop().random.randint(1, 4)):
            await moment()
            again = None if handler.is_done() else await taken_up(handler, shape.flow(timeout=1000))
            if again is None:
                break
            handler = again
            restores.append(1)
        batches = await handler
        assert shape.holds(fields, batches), (fields, batches)

    for seed in range(COUNT):
        run_deterministic(main(), seed)
    assert len(restores) > COUNT / 2
