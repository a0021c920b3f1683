"""The state that the steps of a run share."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Generic, cast

from pydantic import BaseModel, ValidationError
from typing_extensions import TypeVar

from .copies import copied, restore
from .errors import WorkflowRuntimeError
from .paths import MISSING, Path, assign, get_at, set_at

State = TypeVar("State", default=Any)

_turns: ContextVar[tuple[object, ...]] = ContextVar("wftrace_state_turns", default=())


class StateStore(Generic[State]):
    """The state of a run: a dict, or the model that its steps declare with ``Context[MyState]``.

    Places in it are named by paths: ``"user.name"`` goes through dicts, models, dataclasses and, by number, lists. In a
    dict the longest key that exists wins, so ``"a.b"`` finds the key ``"a.b"`` before ``"b"`` in ``"a"``; a tuple of
    names, ``("files", "a.txt")``, is taken part by part.
    """

    __slots__ = ("_edits", "_state")

    def __init__(self, state: State | None = None) -> None:
        self._state = cast(State, {}) if state is None else state
        self._edits: _Edits | None = None

    @property
    def state(self) -> State:
        """The state itself, not a copy. For whoever changes nothing, or knows that nobody edits."""
        return self._state

    @property
    def settled(self) -> State:
        """The state without what a block under way has changed so far: what a save may hold."""
        edits = self._edits
        return self._state if edits is None or edits.before is None else cast(State, edits.before)

    async def get(self, path: Path, default: Any = MISSING) -> Any:
        """The value at ``path``, or ``default``; ``ValueError`` when there is neither."""
        state: Any = self._state
        if type(state) is dict and (key := _only(path)) in state:
            return state[key]
        return get_at(state, path, default)

    async def set(self, path: Path, value: Any) -> None:
        """Set the value at ``path``. A field of a typed state is validated: ``ValueError`` when it does not fit.

        Waits while another task edits the state.
        """
        state: Any = self._state
        if self._edits is not None and not self._edits.is_mine():
            async with self._turn():
                set_at(state, path, value)
        elif type(state) is dict and (key := _only(path)) in state:
            state[key] = value
        else:
            set_at(state, path, value)

    async def get_state(self) -> State:
        """A copy of the whole state: changing it changes nothing. Objects that are no containers are shared."""
        return cast(State, copied(self._state))

    async def set_state(self, state: State) -> None:
        """Replace the whole state by a copy of ``state``.

        A typed state takes one of its class, or of a base class: then the fields of the base are set. Raises
        ``ValueError`` for anything else. Waits while another task edits the state.
        """
        async with self._turn():
            _replace(self._state, state)

    async def clear(self) -> None:
        """Make the state what it was when the run began: empty, or the defaults of its class."""
        async with self._turn():
            restore(self._state, new_state(type(self._state)))

    @asynccontextmanager
    async def edit_state(self) -> AsyncIterator[State]:
        """The state itself, to be changed in place while nobody else changes it.

        When the block raises, or its step is cancelled, the state is as it was before. Raises ``WorkflowRuntimeError``
        when it stands inside another such block, which would wait for itself.
        """
        if self._edits is not None and self._edits.is_mine():
            raise WorkflowRuntimeError(
                "edit_state() inside edit_state(): the inner block would wait for the outer one for ever; "
                "use the state that the outer one has given"
            )
        turns = await self._begin()
        try:
            before = copied(self._state)
            if self._edits is not None:
                self._edits.before = before
            try:
                yield self._state
            except BaseException:
                restore(self._state, before)
                raise
        finally:
            self._end(turns)

    async def _begin(self) -> tuple[object, ...]:
        """Wait until nobody edits, then be the one who does; what this returns is for ``_end``."""
        if self._edits is None:
            self._edits = _Edits()
        edits = self._edits
        edits.users += 1
        try:
            await edits.lock.acquire()
        except BaseException:
            self._leave(edits)
            raise
        edits.turn = object()
        turns = _turns.get()
        _turns.set((*turns, edits.turn))
        return turns

    def _end(self, turns: tuple[object, ...]) -> None:
        edits = cast(_Edits, self._edits)
        edits.turn = None
        edits.before = None
        _turns.set(turns)
        edits.lock.release()
        self._leave(edits)

    def _leave(self, edits: _Edits) -> None:
        """The lock goes with the last who wanted it: the store may be used in another event loop then."""
        edits.users -= 1
        if not edits.users:
            self._edits = None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """A block in which nobody else edits; at once inside an own ``edit_state`` block."""
        if self._edits is not None and self._edits.is_mine():
            yield
            return
        turns = await self._begin()
        try:
            yield
        finally:
            self._end(turns)


class _Edits:
    """Who edits a state and who waits to.

    ``turn`` stands for the block under way; tasks that it starts know it too. ``before`` is what the state was when it
    began.
    """

    __slots__ = ("before", "lock", "turn", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.turn: object | None = None
        self.before: Any = None
        self.users = 0

    def is_mine(self) -> bool:
        """Whether the calling task stands inside the block under way, or was started there."""
        return self.turn is not None and self.turn in _turns.get()


def _only(path: Path) -> str | None:
    """A path that may be one key as it stands."""
    if isinstance(path, str):
        return path
    return path[0] if len(path) == 1 else None


def new_state(cls: type | None, values: Mapping[str, Any] | None = None) -> Any:
    """The state with which a run begins: a dict, or an instance of the class. ``values`` are set in it.

    Raises ``WorkflowRuntimeError`` when the class is no pydantic model or dataclass, or cannot be made.
    """
    if cls is None or issubclass(cls, dict):
        return dict(values or {})
    if not (issubclass(cls, BaseModel) or dataclasses.is_dataclass(cls)):
        raise WorkflowRuntimeError(
            f"Context[{cls.__name__}]: a run's state is a pydantic model, a dataclass or a dict; "
            f"make {cls.__name__} one of them"
        )
    if strange := [name for name in values or () if name not in _names(cls)]:
        raise WorkflowRuntimeError(
            f"the run's state {cls.__name__} has no field {', '.join(map(repr, strange))}, but the context has a value "
            "for it: declare it, or take it out of the context"
        )
    try:
        return cls(**(values or {}))
    except Exception as error:  # strangers' constructors
        raise WorkflowRuntimeError(_unmakeable(cls, values, error)) from error


def _unmakeable(cls: type, values: Mapping[str, Any] | None, error: Exception) -> str:
    head = f"the run's state {cls.__name__} cannot be made"
    if missing := [name for name in _required(cls) if name not in (values or {})]:
        return f"{head} when the run begins: {', '.join(missing)} must have a default; give it one in the class"
    if isinstance(error, ValidationError):
        return f"{head}: " + "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"{head}: {type(error).__name__}: {error}"


def _names(cls: Any) -> Container[str]:
    """The fields that a class of states can hold; any, where a model allows more than it declares."""
    if not issubclass(cls, BaseModel):
        return {f.name for f in dataclasses.fields(cls) if f.init}
    aliases = {f.alias for f in cls.model_fields.values() if f.alias}
    return _Anything() if cls.model_config.get("extra") == "allow" else {*cls.model_fields, *aliases}


class _Anything(Container[str]):
    """Has every name."""

    def __contains__(self, name: object) -> bool:
        return True


def _required(cls: Any) -> list[str]:
    if issubclass(cls, BaseModel):
        return [name for name, field in cls.model_fields.items() if field.is_required()]
    none = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(cls) if f.init and f.default is none and f.default_factory is none]


def _replace(state: Any, new: Any) -> None:
    """Make ``state`` what ``new`` is, or set the fields of a base class of it."""
    if isinstance(state, dict) and isinstance(new, Mapping):
        restore(state, copied(dict(new)))
    elif type(new) is type(state):
        restore(state, copied(new))
    elif isinstance(new, BaseModel) and isinstance(state, type(new)):
        for name in type(new).model_fields:
            assign(state, name, copied(getattr(new, name)))
    else:
        wanted = "a dict" if isinstance(state, dict) else f"{type(state).__name__} or a base class of it"
        raise ValueError(f"set_state() takes {wanted} here, not {type(new).__name__}")
