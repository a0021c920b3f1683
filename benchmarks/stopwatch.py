"""How a measured program takes its time and says it. Standard library only: peers' interpreters run it too."""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

LONG_ENOUGH = 0.25
"""Seconds after which work is not repeated again."""


async def seconds_per(count: int, work: Callable[[], Awaitable[Any]]) -> float:
    """Await the work, short work several times, and divide the median of its times by the count.

    The rubbish of the warm-up is collected before; what the work leaves behind is part of its time.
    """
    gc.collect()
    times: list[float] = []
    while sum(times) < LONG_ENOUGH:
        begin = time.perf_counter()
        await work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) / count


def print_seconds(case: Callable[[int], Awaitable[float]], count: int) -> None:
    """Run the case on a fresh loop and print its seconds per unit as one line of JSON, the last of the output."""

    async def measured() -> float:
        return await case(count)

    sys.stdout.write(json.dumps({"seconds": asyncio.run(measured())}) + "\n")
