"""What steps are handed besides their events, while a workflow lives and while a run lasts."""

from __future__ import annotations

import asyncio
import inspect
from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Callable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import Context
from typing import Any

from .errors import WorkflowRuntimeError
from .events import Event
from .resources import Resource, Wanted, needs_of
from .steps import StepSpec


class Supplies:
    """What a workflow instance has for its steps: nested workflows by name, and the plain values of resources that all
    of its runs share, with those that are being made.
    """

    __slots__ = ("making", "nested", "values")

    def __init__(self) -> None:
        self.nested: dict[str, Any] = {}
        self.values: dict[Callable[..., Any], Any] = {}
        self.making: dict[tuple[AbstractEventLoop, Callable[..., Any]], Future[None]] = {}


class RunSupplies:
    """The resources of one run.

    ``context`` is the one that what belongs to the run is entered and left in. ``cancel`` ends the run: when the event
    loop stops and takes its tasks with it, the steps go first, then what they hold.
    """

    __slots__ = ("_cancel", "_context", "_keeper", "_loop", "_requests", "_shared", "_supplies", "leaving")

    def __init__(
        self, supplies: Supplies, loop: AbstractEventLoop, context: Context, cancel: Callable[[], None]
    ) -> None:
        self._cancel = cancel
        self._supplies = supplies
        self._loop = loop
        self._context = context
        self._shared: dict[Callable[..., Any], Future[Any]] = {}
        self._requests: asyncio.Queue[tuple[Any, Future[Any]] | None] = asyncio.Queue()
        self._keeper: Task[None] | None = None
        self.leaving: set[Task[Any]] = set()

    @property
    def keeper(self) -> Task[None] | None:
        """The task that holds what belongs to the run, while there is something."""
        return self._keeper

    def bind(self, spec: StepSpec, call: Callable[..., Any]) -> Callable[[Any, Event], Any]:
        """The call of a step with all that it wants, made when it starts and left when it ends."""
        if not spec.wants:
            return call

        async def with_all(context: Any, event: Event) -> Any:
            failure: BaseException | None = None
            async with AsyncExitStack() as attempt:
                values = {each.parameter: await self._value(each, attempt) for each in spec.wants if self._has(each)}
                try:
                    return await call(context, event, **values)
                except BaseException as error:
                    failure = error
                    raise
                finally:
                    self._leaves(asyncio.current_task())
            raise failure or WorkflowRuntimeError(
                f"a resource of step {spec.name!r} swallowed an error while it was made"
            )

        return with_all

    def _leaves(self, task: Task[Any] | None) -> None:
        """A step has ended, its task leaves what it was handed: that is not to be cut off."""
        if task is not None:
            self.leaving.add(task)
            task.add_done_callback(self.leaving.discard)

    def _has(self, wanted: Wanted) -> bool:
        """False for a nested workflow that was not added and whose parameter has a default."""
        return wanted.resource is not None or wanted.required or wanted.parameter in self._supplies.nested

    async def _value(self, wanted: Wanted, attempt: AsyncExitStack) -> Any:
        if wanted.resource is None:
            return self._supplies.nested[wanted.parameter]
        return (await self._get(wanted.resource, attempt))[0]

    def close(self) -> None:
        """Begin to leave what belongs to the run, last entered first; the ``keeper`` is done when all is left."""
        if self._keeper is not None:
            self._requests.put_nowait(None)

    async def _get(self, resource: Resource, attempt: AsyncExitStack | None) -> tuple[Any, bool]:
        """A value, and whether it must not outlive the run. Without an ``attempt`` it is for something shared."""
        if resource.cache:
            return await self._shared_value(resource)
        made, bound = await self._make(resource, attempt)
        if not _is_manager(made):
            return made, bound
        if attempt is None:
            return await self._enter_in_run(made), True
        return await _enter(made, attempt), True

    async def _shared_value(self, resource: Resource) -> tuple[Any, bool]:
        factory, supplies = resource.factory, self._supplies
        while factory not in supplies.values and factory not in self._shared:
            making = supplies.making.get((self._loop, factory))
            if making is None:
                await self._make_shared(resource)
            else:
                await asyncio.wait([making])
        if factory in supplies.values:
            return supplies.values[factory], False
        return await asyncio.shield(self._shared[factory]), True

    async def _make_shared(self, resource: Resource) -> None:
        """Make a value once, while the others who want it wait; what needs a manager becomes this run's own."""
        factory = resource.factory
        done = self._supplies.making[self._loop, factory] = self._loop.create_future()
        try:
            made, bound = await self._make(resource, None)
            if _is_manager(made):
                entered = self._shared[factory] = self._enter_in_run(made)
                entered.add_done_callback(lambda future: self._forget(factory) if _has_failed(future) else None)
            elif bound:
                self._shared[factory] = self._loop.create_future()
                self._shared[factory].set_result(made)
            else:
                self._supplies.values.setdefault(factory, made)
        finally:
            del self._supplies.making[self._loop, factory]
            done.set_result(None)

    async def _make(self, resource: Resource, attempt: AsyncExitStack | None) -> tuple[Any, bool]:
        factory = resource.factory
        needs: dict[str, Any] = {}
        bound = False
        for name, need in needs_of(factory).items():
            needs[name], of_run = await self._get(need, attempt)
            bound = bound or of_run
        if inspect.isasyncgenfunction(factory):
            return asynccontextmanager(factory)(**needs), bound
        if inspect.isgeneratorfunction(factory):
            return contextmanager(factory)(**needs), bound
        made = factory(**needs)
        return (await made if inspect.iscoroutine(made) else made), bound

    def _enter_in_run(self, manager: Any) -> Future[Any]:
        entered: Future[Any] = self._loop.create_future()
        if self._keeper is None:
            self._keeper = self._loop.create_task(self._keep(), context=self._context)
        self._requests.put_nowait((manager, entered))
        return entered

    def _forget(self, factory: Callable[..., Any]) -> None:
        """What could not be entered is made anew for who asks next."""
        self._shared.pop(factory, None)

    async def _next(self) -> tuple[Any, Future[Any]] | None:
        """What to enter next, or None: time to leave."""
        try:
            return await self._requests.get()
        except asyncio.CancelledError:
            self._cancel()
            return await self._requests.get()

    async def _keep(self) -> None:
        """Enter and leave in one task, as many managers demand."""
        async with AsyncExitStack() as stack:
            while (request := await self._next()) is not None:
                manager, entered = request
                try:
                    value = await _enter(manager, stack)
                except BaseException as error:  # strangers' managers: who asked gets the error
                    if not entered.done():
                        entered.set_exception(error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    if not entered.done():
                        entered.set_result(value)


def _is_manager(value: Any) -> bool:
    cls = type(value)
    if hasattr(cls, "acquire") and hasattr(cls, "release"):
        return False
    return _is_async_manager(cls) or (hasattr(cls, "__enter__") and hasattr(cls, "__exit__"))


def _is_async_manager(cls: type) -> bool:
    return hasattr(cls, "__aenter__") and hasattr(cls, "__aexit__")


async def _enter(manager: Any, stack: AsyncExitStack) -> Any:
    if _is_async_manager(type(manager)):
        return await stack.enter_async_context(manager)
    return stack.enter_context(manager)


def _has_failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None
