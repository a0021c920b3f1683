"""The tasks that a run's steps have started and left behind: they may still send events."""

from __future__ import annotations

import asyncio
import gc
from contextvars import Context, ContextVar
from typing import Any


def company_of(run: object, current: ContextVar[Any]) -> set[asyncio.Task[Any]]:
    """The pending tasks that were started inside steps of a run, and are not its steps themselves.

    ``current`` is the variable that says to whom code belongs: its value begins with the run. Looks at every task of
    the loop, so it is only asked when a run has come to a stop.
    """
    return {task for task in asyncio.all_tasks() if not _is_step(task) and _run_of(task, current) is run}


def _is_step(task: asyncio.Task[Any]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "") == "RunLoop._attempt"


def _run_of(task: asyncio.Task[Any], current: ContextVar[Any]) -> object:
    context = _context_of(task)
    found = None if context is None else context.get(current)
    return None if found is None else found[0]


def _context_of(task: asyncio.Task[Any]) -> Context | None:
    """The context of a task; before Python 3.12 only the garbage collector knows it."""
    if hasattr(task, "get_context"):
        context: Context = task.get_context()
        return context
    return next((each for each in gc.get_referents(task) if isinstance(each, Context)), None)
