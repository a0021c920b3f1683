"""``Context``: what a step may say to its run, and what its caller may say from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol

from typing_extensions import TypeVar

from .errors import WorkflowRuntimeError
from .events import Event
from .flow import Flow, flow_of
from .paths import MISSING
from .steps import StepInput
from .store import State, StateStore, new_state

if TYPE_CHECKING:
    from .codec import JsonSerializer
    from .saved import SavedRun
    from .saving import SavedContext

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """Where a step stands in its retries: how many were made, seconds since the first failure, the last error."""

    retry_number: int
    elapsed_seconds: float
    last_exception: BaseException | None


class RunPort(Protocol):
    """What a context needs of the run behind it."""

    @property
    def run_id(self) -> str: ...
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
    @property
    def flow(self) -> Flow: ...
    def save(self, serializer: JsonSerializer) -> dict[str, Any] | None: ...


class Context(StepInput, Generic[State]):
    """The shared state of a run and its voice.

    A step that has a parameter annotated ``Context`` is handed it; the caller has it as ``handler.ctx``. Given to
    another ``run(ctx=...)`` after the run has ended, it carries its state over. A state declared as
    ``Context[MyState]``, a pydantic model or a dataclass, is made with its defaults; any other is a dict.

    Made by hand it is given the workflow that it is for. Raises ``WorkflowRuntimeError`` when the state that the
    steps declare cannot be made without values.
    """

    __slots__ = ("__weakref__", "_run", "_saved", "store")

    def __init__(self, workflow: object = None) -> None:
        cls = None if workflow is None else flow_of(workflow).state_class
        self.store: StateStore[State] = StateStore() if cls is None else StateStore(new_state(cls))
        self._run: RunPort | None = None
        self._saved: SavedContext | None = None

    @classmethod
    def from_dict(
        cls, workflow: object, data: dict[str, Any], serializer: JsonSerializer | None = None
    ) -> Context[Any]:
        """The context that ``to_dict`` wrote, for ``workflow.run(ctx=...)``: a run that was under way goes on there.

        What was under way when it was saved starts again, so its steps may do something twice. ``serializer`` knows
        the types of yours that were saved. The data may come from anywhere: raises ``ContextSerdeError`` when it is
        damaged, of another version or of another workflow.
        """
        from .saving import read_context

        context: Context[Any] = cls(workflow)
        state, context._saved = read_context(workflow, data, serializer)
        if state is not None:
            context.store = StateStore(state)
        return context

    def to_dict(self, serializer: JsonSerializer | None = None) -> dict[str, Any]:
        """The context as JSON data: its state, and of a run under way all that it needs to go on.

        Raises ``ContextSerdeError`` for a value of a type that is not known; ``JsonSerializer(types=[...])`` knows it.
        """
        from .saving import write_context

        return write_context(self.store.settled, self._run, self._saved, serializer)

    def saved_run(self, flow: Flow) -> SavedRun | None:
        """The saved run that a run with this context goes on with."""
        return None if self._saved is None else self._saved.restore(flow)

    @property
    def is_running(self) -> bool:
        """Whether a run with this context is under way."""
        return self._run is not None and self._run.is_running

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._port.run_id

    async def get(self, key: str, default: Any = MISSING) -> Any:
        """The value of ``key`` in the run's state, or ``default``; ``ValueError`` when there is neither.

        Dots in it mean nothing; ``ctx.store.get`` takes paths.
        """
        return await self.store.get((key,), default)

    async def set(self, key: str, value: Any) -> None:
        """Set the value of ``key`` in the run's state. Dots in it mean nothing; ``ctx.store.set`` takes paths."""
        await self.store.set((key,), value)

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

    def fit(self, cls: type | None) -> None:
        """Make sure that steps which declare the state ``cls`` find one; values set by name before become its fields.

        Raises ``WorkflowRuntimeError`` when the state is of another class.
        """
        state: Any = self.store.state
        if cls is None or isinstance(state, cls):
            return
        if not isinstance(state, dict):
            raise WorkflowRuntimeError(
                f"the steps declare the state {cls.__name__}, but this context has {type(state).__name__}: "
                "it comes from another workflow; make one with Context(workflow)"
            )
        self.store = StateStore(new_state(cls, state))

    def bind(self, run: RunPort) -> None:
        """Connect the context to the run that begins with it; a context belongs to one run at a time."""
        if self.is_running:
            raise WorkflowRuntimeError(
                f"this context belongs to run {self.run_id}, which is still under way; await it first, or use another"
            )
        self._run = run
        self._saved = None

    @property
    def _port(self) -> RunPort:
        if self._run is None:
            raise WorkflowRuntimeError("this context belongs to no run yet; give it to workflow.run(ctx=...) first")
        return self._run
