"""The runs under way, so that none is lost: a run that waits for a human is held by nobody else.

Runs whose event loop was closed before they ended are abandoned when the next loop starts one, or when the process
exits.
"""

from __future__ import annotations

import atexit
from asyncio import AbstractEventLoop
from functools import cache
from typing import Protocol


class Abandonable(Protocol):
    """A run, as far as this room knows it."""

    def abandon(self) -> None: ...


_runs: dict[AbstractEventLoop, set[Abandonable]] = {}


def hold(loop: AbstractEventLoop, run: Abandonable) -> None:
    """Keep a run until it is let go."""
    runs = _runs.get(loop)
    if runs is None:
        _abandon_at_exit()
        abandon_closed()
        runs = _runs[loop] = set()
    runs.add(run)


def let_go(loop: AbstractEventLoop, run: Abandonable) -> None:
    """Keep it no longer."""
    runs = _runs.get(loop)
    if runs is not None:
        runs.discard(run)
        if not runs:
            del _runs[loop]


def abandon_closed() -> None:
    """End the runs whose event loop was closed before they ended."""
    _abandon(only_closed=True)


def _abandon(*, only_closed: bool) -> None:
    for loop in list(_runs):
        if loop.is_closed() or not only_closed:
            for run in list(_runs.get(loop, ())):
                run.abandon()


@cache
def _abandon_at_exit() -> None:
    """Once for the process, when it first runs something."""
    atexit.register(_abandon, only_closed=False)
