"""Events: the values that flow between steps."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """The base of all events: a pydantic model that also takes undeclared fields.

    Fields are given by name, or by position in the order of their declaration. All of them, declared or not, can be
    read as attributes (``ev.topic``), as items (``ev["topic"]``) and with ``ev.get("topic", default)``.

    >>> Event(topic="pirates").topic
    'pirates'
    """

    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    _shares_init: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        behind = cls.__mro__[cls.__mro__.index(Event) + 1 :]
        cls._shares_init = any("__init__" in vars(base) for base in behind if base not in (BaseModel, object))

    if TYPE_CHECKING:

        def __init__(self, *values: Any, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    else:

        def __init__(self, *values: Any, **fields: Any) -> None:
            if values:
                fields = _by_position(type(self), values, fields)
            if self._shares_init:
                super().__init__(**fields)
            else:  # what BaseModel does, two calls shorter: every event comes by here
                self.__pydantic_validator__.validate_python(fields, self_instance=self)

    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or ``default`` when there is no such field."""
        return self._values().get(name, default)

    def keys(self) -> KeysView[str]:
        """The names of all fields."""
        return self._values().keys()

    def values(self) -> ValuesView[Any]:
        """The values of all fields."""
        return self._values().values()

    def items(self) -> ItemsView[str, Any]:
        """Names and values of all fields."""
        return self._values().items()

    def to_dict(self) -> dict[str, Any]:
        """All fields as a new dictionary."""
        return dict(self._values())

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __contains__(self, name: object) -> bool:
        return name in self._values()

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __bool__(self) -> bool:
        return True

    def _values(self) -> dict[str, Any]:
        extra = self.__pydantic_extra__
        return {**self.__dict__, **extra} if extra else self.__dict__


class StartEvent(Event):
    """The event that begins a run; its fields are the keyword arguments of ``run``. Subclass it to declare them."""

    if TYPE_CHECKING:

        def __init__(self, *values: Any, **fields: Any) -> None: ...


class StopEvent(Event):
    """The event that ends a run. ``result`` is what the run returns; of a subclass the event itself is returned."""

    result: Any = None

    if TYPE_CHECKING:

        def __init__(self, *values: Any, **fields: Any) -> None: ...


class InputRequiredEvent(Event):
    """A question to a human or to the caller: it goes to the stream, and to the steps that accept it."""

    prefix: str = ""

    if TYPE_CHECKING:

        def __init__(self, *values: Any, **fields: Any) -> None: ...


class HumanResponseEvent(Event):
    """An answer from a human or from the caller, sent with ``handler.ctx.send_event``."""

    response: Any = None

    if TYPE_CHECKING:

        def __init__(self, *values: Any, **fields: Any) -> None: ...


class UnhandledEvent(Event):
    """On the stream when an event was made that no step accepts: ``event_type`` names it, ``producer`` its step."""

    model_config = ConfigDict(defer_build=True)

    event_type: str
    producer: str = ""


class StepFailedEvent(Event):
    """A step has failed for good: made for the steps that accept it, so that they can go on in another way.

    ``input_event`` is what the step worked on, ``exception`` the error of its last attempt, ``attempts`` how many it
    made, ``elapsed_seconds`` the time from its first failure to its last.
    """

    model_config = ConfigDict(defer_build=True)

    step_name: str
    input_event: Event
    exception: BaseException
    attempts: int = 1
    elapsed_seconds: float = 0.0


def qualified_name(cls: type) -> str:
    """Module and qualified name of a class: how graphs, traces and saved data name it."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _by_position(cls: type[Event], values: tuple[Any, ...], fields: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in cls.model_fields if name not in _inherited(cls)] or list(cls.model_fields)
    if len(values) > len(names):
        raise TypeError(f"{cls.__name__} declares {len(names)} fields, but {len(values)} values were given by position")
    named = dict(zip(names, values, strict=False))
    for name in named.keys() & fields.keys():
        raise TypeError(f"{cls.__name__} got the field {name!r} by position and by name")
    return {**named, **fields}


def _inherited(cls: type[Event]) -> set[str]:
    """Fields that wftrace's own base classes declare: a subclass's own fields come first by position."""
    return {name for base in _BASES if issubclass(cls, base) for name in base.model_fields if cls is not base}


_BASES: tuple[type[Event], ...] = (StopEvent, InputRequiredEvent, HumanResponseEvent)
