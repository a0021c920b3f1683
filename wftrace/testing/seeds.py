"""Running a test under seeds: one, or many."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from .loop import PATIENCE, DeterministicLoop

T = TypeVar("T")
P = ParamSpec("P")

SEEDS = "WFTRACE_SEEDS"
"""The environment variable that sets how many seeds ``for_seeds`` tries."""


def run_deterministic(
    main: Coroutine[Any, Any, T], seed: int | None = 0, *, patience: float = PATIENCE, debug: bool | None = None
) -> T:
    """``asyncio.run`` on a loop with a clock of its own and an order that the seed draws; see ``DeterministicLoop``.

    An error that comes out carries a note with the seed.
    """
    try:
        with asyncio.Runner(debug=debug, loop_factory=lambda: DeterministicLoop(seed, patience)) as runner:
            return runner.run(main)
    except Exception as error:
        error.add_note(f"with seed {seed}: run_deterministic(..., seed={seed}) does it again")
        raise


def for_seeds(count: int, first: int = 0) -> Callable[[Callable[P, Coroutine[Any, Any, None]]], Callable[P, None]]:
    """Make a test of a coroutine function: it runs once for each of ``count`` seeds from ``first`` on.

    The environment variable ``WFTRACE_SEEDS`` overrides ``count``. The first seed that fails ends the test; its error
    carries a note with the seed.
    """

    def decorate(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
        @wraps(test)
        def under_seeds(*args: P.args, **kwargs: P.kwargs) -> None:
            for seed in range(first, first + seeds_to_try(count)):
                run_deterministic(test(*args, **kwargs), seed)

        return under_seeds

    return decorate


def seeds_to_try(count: int) -> int:
    """``count``, unless the environment says otherwise. Raises ``ValueError`` when it says no number above 0."""
    said = os.environ.get(SEEDS, "")
    if not said:
        return count
    if not said.isascii() or not said.isdigit() or int(said) < 1:
        raise ValueError(f"{SEEDS} is a number of seeds above 0, not {said!r}")
    return int(said)
