"""How a run is watched: hooks by name, facts in frozen values, free when nobody looks.

An *observer* watches one run. It is made by a *factory* when the run starts: a factory is installed for the process
(``install``) or for the code inside a ``with observing(...)`` block. A hook that raises is logged once and its
observer is dropped; the run never notices.

Times are nanoseconds since the Unix epoch, derived from the loop's monotonic clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .events import Event

if TYPE_CHECKING:
    from .flow import Flow

_logger = logging.getLogger("wftrace")


class RunStarted(NamedTuple):
    """A run begins, or a saved one goes on as the next ``segment``, then without a start event.

    ``context`` is the one that its steps' contexts are copied from: an observer may set variables in it, and put
    headers (W3C trace context) into ``headers``; they are saved with the run and come back as ``previous``. ``queued``
    tells, now or later and from any thread, how many events wait for a worker of each step.
    """

    run_id: str
    workflow: str
    flow: Flow
    segment: int
    seq: int
    time_ns: int
    context: Context
    start_event: Event | None
    parent_run_id: str = ""
    parent_execution: str = ""
    headers: dict[str, str] | None = None
    previous: dict[str, str] | None = None
    queued: Callable[[], Mapping[str, int]] = dict


class RunEnded(NamedTuple):
    """A run has ended. ``outcome`` is ``completed``, ``failed``, ``cancelled``, ``timed_out`` or ``abandoned``.

    ``attempts``, ``retries`` and ``events`` are those of this segment.
    """

    outcome: str
    time_ns: int
    result: Any
    error: BaseException | None
    failed_execution: str
    attempts: int
    retries: int
    events: int
    dropped: tuple[str, ...]


class AttemptStarted(NamedTuple):
    """An event was dispatched to a step and a worker runs it. The step's task runs in ``context``."""

    step: str
    execution: str
    attempt: int
    seq: int
    time_ns: int
    queued_ns: int
    worker: int
    event: Event
    event_id: str
    event_type: str
    producer: str
    headers: dict[str, str] | None
    context: Context


class AttemptEnded(NamedTuple):
    """An attempt is over. ``outcome`` is ``completed``, ``failed``, ``retrying``, ``cancelled``, ``timed_out`` or
    ``abandoned``.

    ``outputs`` pairs the ids and types of what it sent and returned, ``joined`` the ids of the events that a join
    handed over, ``streamed`` counts the types that it wrote to the stream.
    """

    execution: str
    attempt: int
    time_ns: int
    outcome: str
    error: BaseException | None
    retry_delay: float | None
    result: Event | None
    outputs: tuple[tuple[str, str], ...]
    mode: str
    joined: tuple[str, ...]
    join_started_ns: int
    streamed: dict[str, int]


class EventSent(NamedTuple):
    """An event was made. An observer may put headers (W3C trace context) into ``headers``; they travel with the event.

    ``producer`` and ``attempt`` say who made it (``""`` and 0: the start, or from outside), ``mode`` is ``start``,
    ``return``, ``send`` or ``outside``, ``delivered`` is ``delivered``, ``unhandled`` or ``dropped_at_stop``.
    """

    event: Event
    event_id: str
    event_type: str
    producer: str
    attempt: int
    mode: str
    target: str
    delivered: str
    seq: int
    time_ns: int
    headers: dict[str, str]


class Waited(NamedTuple):
    """Something was waited for and the wait is over. ``kind`` is ``retry``, ``event``, ``human`` or ``join``.

    ``execution`` and ``attempt`` say who waited (for ``human``: who asked), ``events`` are the ids of request and
    answer, or of the joined events.
    """

    kind: str
    waiting_for: str
    execution: str
    attempt: int
    seq: int
    start_ns: int
    end_ns: int
    outcome: str
    events: tuple[str, ...] = ()


class Checkpointed(NamedTuple):
    """A run was saved, or a saved one was loaded. ``operation`` is ``save`` or ``load``.

    ``execution`` is the one after which it was saved, or ``""``; ``error`` is why it failed.
    """

    operation: str
    execution: str
    seq: int
    start_ns: int
    end_ns: int
    error: BaseException | None = None


class Observer:
    """Watches one run. Every hook does nothing; override those that you need."""

    def run_started(self, fact: RunStarted) -> None:
        """The run begins; the first call."""

    def run_ended(self, fact: RunEnded) -> None:
        """The run has ended; the last call."""

    def attempt_started(self, fact: AttemptStarted) -> None:
        """A step begins to work on an event."""

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """A step is done with an event, one way or another: once for every start."""

    def event_sent(self, fact: EventSent) -> None:
        """An event was made."""

    def waited(self, fact: Waited) -> None:
        """A wait is over."""

    def checkpointed(self, fact: Checkpointed) -> None:
        """The run was saved or loaded."""


Factory = Callable[[], Observer | None]
"""Makes the observer of a run that starts now, in the caller's context; None means: not this one."""

_installed: list[Factory] = []
_local: ContextVar[tuple[Factory, ...]] = ContextVar("wftrace_observers", default=())


def install(factory: Factory) -> None:
    """Let ``factory`` make an observer for every run of this process. Installing it twice changes nothing."""
    if factory not in _installed:
        _installed.append(factory)


def uninstall(factory: Factory) -> None:
    """Undo ``install``."""
    if factory in _installed:
        _installed.remove(factory)


@contextmanager
def observing(*factories: Factory) -> Iterator[None]:
    """Let the factories make observers for the runs that start inside the block, nested runs included."""
    token = _local.set((*_local.get(), *factories))
    try:
        yield
    finally:
        _local.reset(token)


_HOOKS = ("run_started", "run_ended", "attempt_started", "attempt_ended", "event_sent", "waited", "checkpointed")

Hook = Callable[[Any], None]


@dataclass(slots=True)
class Hooks:
    """The hooks that somebody overrides, by name. All tuples are empty when nobody looks."""

    run_started: tuple[Hook, ...] = ()
    run_ended: tuple[Hook, ...] = ()
    attempt_started: tuple[Hook, ...] = ()
    attempt_ended: tuple[Hook, ...] = ()
    event_sent: tuple[Hook, ...] = ()
    waited: tuple[Hook, ...] = ()
    checkpointed: tuple[Hook, ...] = ()
    observers: tuple[Observer, ...] = field(default=())

    def drop(self, observer: Observer) -> None:
        """Forget an observer."""
        for name in _HOOKS:
            hooks: tuple[Hook, ...] = getattr(self, name)
            setattr(self, name, tuple(hook for hook in hooks if getattr(hook, "__self__", None) is not observer))


def hooks_for_run(*extra: Factory) -> Hooks:
    """The hooks of a run that starts now. Costs nothing to speak of when no factory is there."""
    factories = (*_installed, *_local.get(), *extra)
    if not factories:
        return _NONE
    observers = tuple(observer for observer in map(_make, factories) if observer is not None)
    if not observers:
        return _NONE
    hooks = Hooks(observers=observers)
    for name in _HOOKS:
        default = getattr(Observer, name)
        mine = tuple(getattr(each, name) for each in observers if getattr(type(each), name) is not default)
        setattr(hooks, name, mine)
    return hooks


def tell(hooks: Hooks, listeners: tuple[Hook, ...], fact: object) -> None:
    """Call every listener; one that raises is logged and its observer dropped."""
    for listener in listeners:
        try:
            listener(fact)
        except Exception as error:  # strangers' observers
            observer = getattr(listener, "__self__", listener)
            _logger.exception("observer %r failed and is dropped for this run: %s", observer, type(error).__name__)
            if isinstance(observer, Observer):
                hooks.drop(observer)


def _make(factory: Factory) -> Observer | None:
    try:
        return factory()
    except Exception:  # strangers' factories
        _logger.exception("observer factory %r failed; the run goes on without it", factory)
        return None


_NONE = Hooks()
