"""``Context``: what a step may say to its run, and what its caller may say from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from typing_extensions import TypeVar

from .errors import WorkflowRuntimeError
from .events import Event
from .steps import StepInput
from .store import _MISSING, StateStore

State = TypeVar("State", default=Any)
EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """Where a step stands in its retries: how many were made, seconds since the first failure, the last error."""

    retry_number: int
    elapsed_seconds: float
    last_exception: BaseException | None


class RunPort(Protocol):
    """What a context needs of the run behind it."""

    run_id: str

    @property
    def is_running(self) -> bool: ...
    def send(self, event: Event, step: str | None) -> None: ...
    def publish(self, event: Event) -> None: ...
    def collect(self, event: Event, expected: Sequence[type[Event]], buffer_id: str | None) -> list[Event] | None: ...
    async def wait(
        self, event_type: type[EventT], question: Event | None, requirements: dict[str, Any], seconds: float | None
    ) -> EventT: ...
    def retry_info(self) -> RetryInfo: ...
    def explain(self) -> str: ...


class Context(StepInput, Generic[State]):
    """The shared state of a run and its voice.

    A step that has a parameter annotated ``Context`` is handed it; the caller has it as ``handler.ctx``. Given to
    another ``run(ctx=...)`` after the run has ended, it carries its state over.
    """

    __slots__ = ("__weakref__", "_run", "store")

    def __init__(self, workflow: object = None) -> None:
        self.store = StateStore()
        self._run: RunPort | None = None

    @property
    def is_running(self) -> bool:
        """Whether a run with this context is under way."""
        return self._run is not None and self._run.is_running

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._port.run_id

    async def get(self, key: str, default: Any = _MISSING) -> Any:
        """The value of ``key`` in the run's state, or ``default``; ``ValueError`` when there is neither."""
        return await self.store.get(key, default)

    async def set(self, key: str, value: Any) -> None:
        """Set the value of ``key`` in the run's state."""
        await self.store.set(key, value)

    def send_event(self, event: Event, step: str | None = None) -> None:
        """Add an event to the run: to every step that accepts it, or to the one named ``step``.

        May be called inside a step, outside it, and from other threads. Raises ``WorkflowStepDoesNotExistError`` when
        there is no such step, ``WorkflowRuntimeError`` when it does not accept the event.
        """
        self._port.send(event, step)

    def write_event_to_stream(self, event: Event | None) -> None:
        """Show an event to whoever reads ``handler.stream_events()``; no step gets it."""
        if event is not None:
            self._port.publish(event)

    def collect_events(
        self, ev: Event, expected: Sequence[type[Event]], buffer_id: str | None = None
    ) -> list[Any] | None:
        """Hold ``ev`` until one event for each of ``expected`` is there: then all, in the order asked, else None.

        Surplus events are kept for the next call. ``buffer_id`` keeps several joins of one step apart.
        """
        return self._port.collect(ev, expected, buffer_id)

    async def wait_for_event(
        self,
        event_type: type[EventT],
        waiter_event: Event | None = None,
        *,
        requirements: dict[str, Any] | None = None,
        timeout: float | None = 2000,  # noqa: ASYNC109  # the name that people know
    ) -> EventT:
        """Wait inside a step for an event of this class whose fields equal ``requirements``.

        ``waiter_event`` is written to the stream first. Raises ``TimeoutError`` after ``timeout`` seconds.
        """
        return await self._port.wait(event_type, waiter_event, requirements or {}, timeout)

    def retry_info(self) -> RetryInfo:
        """How often the current step was retried. Raises ``WorkflowRuntimeError`` outside a step."""
        return self._port.retry_info()

    def bind(self, run: RunPort) -> None:
        """Connect the context to the run that begins with it; a context belongs to one run at a time."""
        if self.is_running:
            raise WorkflowRuntimeError(
                f"this context belongs to run {self.run_id}, which is still under way; await it first, or use another"
            )
        self._run = run

    @property
    def _port(self) -> RunPort:
        if self._run is None:
            raise WorkflowRuntimeError("this context belongs to no run yet; give it to workflow.run(ctx=...) first")
        return self._run
