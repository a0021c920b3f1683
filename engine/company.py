"""The tasks that a run's steps have started and left behind: they may still send events.

Who wants to know is answered in the next turn of the event loop, all runs at once: one look at the loop's tasks is
enough for them all.
"""

from __future__ import annotations

import asyncio
import gc
from asyncio import AbstractEventLoop, Task
from collections.abc import Callable
from contextvars import Context, ContextVar
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

Company = frozenset[Task[Any]]
Answer = Callable[[Company], None]

_asking: WeakKeyDictionary[AbstractEventLoop, dict[object, Answer]] = WeakKeyDictionary()


def ask_for_company(loop: AbstractEventLoop, run: object, current: ContextVar[Any], answer: Answer) -> None:
    """Call ``answer`` soon with the pending tasks that were started inside steps of a run and are not steps themselves.

    ``current`` is the variable that says to whom code belongs: its value begins with the run.
    """
    asking = _asking.get(loop)
    if asking is None:
        asking = _asking[loop] = {}
        loop.call_soon(_tell, loop, current)
    asking[run] = answer


def _tell(loop: AbstractEventLoop, current: ContextVar[Any]) -> None:
    asking = _asking.pop(loop, {})
    found: dict[object, list[Task[Any]]] = {}
    for task in asyncio.all_tasks(loop):
        run = _run_of(task, current)
        if run in asking and not _is_step(task):
            found.setdefault(run, []).append(task)
    for run, answer in asking.items():
        answer(frozenset(found.get(run, ())))


def described(task: Task[Any], current: ContextVar[Any]) -> str:
    """A task in words: which step has left it, what it runs, and where that stands."""
    context = _context_of(task)
    held = None if context is None else context.get(current)
    coroutine = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    place = f" ({code.co_filename}:{code.co_firstlineno})" if isinstance(code, CodeType) else ""
    name = getattr(coroutine, "__qualname__", repr(coroutine))
    return f"{held[1].id if held else 'a step'} has left a task behind that may still send: {name}{place}"


def _is_step(task: Task[Any]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "") == "RunLoop._attempt"


def _run_of(task: Task[Any], current: ContextVar[Any]) -> object:
    context = _context_of(task)
    held = None if context is None else context.get(current)
    return None if held is None else held[0]


def _context_of(task: Task[Any]) -> Context | None:
    """The context of a task; before Python 3.12 only the garbage collector knows it."""
    if hasattr(task, "get_context"):
        context: Context = task.get_context()
        return context
    return next((each for each in gc.get_referents(task) if isinstance(each, Context)), None)
