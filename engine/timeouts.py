"""``@step(timeout=...)``: an attempt may take so many seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .errors import StepTimeoutError
from .events import Event
from .steps import StepSpec


def bind_within(spec: StepSpec, call: Callable[[Any, Event], Any]) -> Callable[[Any, Event], Any]:
    """The call of a step, which raises ``StepTimeoutError`` when it takes longer than its step allows.

    A ``TimeoutError`` of the step's own comes out as it is.
    """
    seconds = spec.timeout
    if seconds is None:
        return call

    async def within(context: Any, event: Event) -> Any:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await call(context, event)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StepTimeoutError(f"step {spec.name!r} took longer than its timeout of {seconds:g} s") from error

    return within
