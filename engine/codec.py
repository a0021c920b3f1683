"""Values to JSON and back: versioned by who stores it, of known types only, never pickled.

JSON data stands for itself. Anything else is an *envelope*, an object with two keys: ``{"$": "set", "v": [1, 2]}``.
The first names the type, the second holds what the value is made of. A dictionary that could be mistaken for an
envelope, or has keys that JSON has not, is put into an envelope itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from .errors import ContextSerdeError, SavedError
from .events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
    UnhandledEvent,
    qualified_name,
)
from .known_types import Adapter, Form, KnownType, can_be_known, known_types
from .standard_types import escaped_types, standard_types

MAX_DEPTH = 100
"""How deep values may lie in one another."""

TYPE = "$"
VALUE = "v"
"""The two keys of an envelope."""

ALWAYS: tuple[type[Event], ...] = (
    Event,
    StartEvent,
    StopEvent,
    InputRequiredEvent,
    HumanResponseEvent,
    UnhandledEvent,
    StepFailedEvent,
)
"""The events that every serializer knows."""

_SMALL = 2**63


class JsonSerializer:
    """Makes JSON of values and values of JSON.

    Besides JSON's own it knows tuples, sets, bytes, dates and times, paths, UUIDs, decimals, complex numbers, deques,
    counters, and wftrace's events. ``types`` are pydantic models (events too), dataclasses, named tuples and enums of
    yours; with each come those that its fields are declared as. ``adapters`` say how to save what is none of these.
    An exception comes back as a ``SavedError`` that names its type.

    Raises ``ContextSerdeError`` when a type cannot be saved, or two types have one name.

    >>> JsonSerializer().serialize({"tags": {"b", "a"}, "size": (3, 4)})
    '{"tags":{"$":"set","v":["a","b"]},"size":{"$":"tuple","v":[3,4]}}'
    """

    __slots__ = ("_adapters", "_by_class", "_by_name", "_types")

    def __init__(self, types: Iterable[type] = (), adapters: Iterable[Adapter[Any]] = ()) -> None:
        self._types = tuple(types)
        self._adapters = tuple(adapters)
        self._by_class = known_types((*ALWAYS, *self._types), self._adapters, standard_types())
        self._by_name = {each.name: each for each in (*self._by_class.values(), *escaped_types())}

    def knowing(self, types: Iterable[type]) -> JsonSerializer:
        """The same serializer with more types."""
        more = tuple(cls for cls in types if cls not in self._by_class)
        return JsonSerializer((*self._types, *more), self._adapters) if more else self

    def serialize(self, value: Any) -> str:
        """A value as JSON text, the same text for the same value. Raises ``ContextSerdeError`` like ``encode``."""
        return json.dumps(self.encode(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def deserialize(self, text: str) -> Any:
        """The value that ``serialize`` wrote. The text may come from anywhere; raises ``ContextSerdeError``."""
        try:
            data = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, TypeError, RecursionError) as error:
            raise ContextSerdeError(f"it is not JSON ({error}); what was saved is damaged or foreign") from error
        return self.decode(data)

    def encode(self, value: Any, where: str = "") -> Any:
        """A value as JSON data. ``where`` is how errors name it, ``"state"`` for example.

        Raises ``ContextSerdeError`` with the place of the value that cannot be saved, its type, and the cure.
        """
        try:
            return _Writer(self._by_class).write(value, 0)
        except _TroubleError as trouble:
            raise ContextSerdeError(trouble.sentence(where)) from trouble.__cause__
        except RecursionError:
            raise ContextSerdeError(f"{where or 'the value'}: {_TOO_DEEP}") from None

    def decode(self, data: Any, where: str = "") -> Any:
        """The value that ``encode`` made the data of. The data may come from anywhere.

        Models are validated by themselves. Raises ``ContextSerdeError`` with the place that is wrong, and the cure.
        """
        try:
            return _Reader(self._by_name).read(data, 0)
        except _TroubleError as trouble:
            raise ContextSerdeError(trouble.sentence(where)) from trouble.__cause__
        except RecursionError:
            raise ContextSerdeError(f"{where or 'the data'}: {_TOO_DEEP}") from None


class _TroubleError(Exception):
    """Something that cannot be written or read; on its way up it learns where that is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.path: list[str] = []

    def sentence(self, where: str) -> str:
        place = where + "".join(reversed(self.path))
        return f"{place.removeprefix('.') or 'the value'}: {self}"


_TOO_DEEP = f"values lie more than {MAX_DEPTH} deep in one another; flatten them, or keep them out of the state"


class _Writer:
    """One value on its way to JSON data; ``_open`` holds the ids of the values around the current one."""

    __slots__ = ("_by_class", "_open")

    def __init__(self, by_class: dict[type, KnownType]) -> None:
        self._by_class = by_class
        self._open: set[int] = set()

    def write(self, value: Any, depth: int) -> Any:
        cls = type(value)
        if cls is str:
            return value if _is_unicode(value) else _escaped(value)
        if cls is bool or value is None:
            return value
        if cls is int:
            return value if -_SMALL <= value < _SMALL else _escaped(value)
        if cls is float:
            return value if math.isfinite(value) else _escaped(value)
        if depth >= MAX_DEPTH:
            raise _TroubleError(_TOO_DEEP)
        key = id(value)
        if key in self._open:
            raise _TroubleError(f"this {cls.__name__} contains itself; saved state cannot: refer to it by a name")
        self._open.add(key)
        data = self._container(cls, value, depth + 1)
        self._open.discard(key)
        return data

    def _container(self, cls: type, value: Any, depth: int) -> Any:
        if cls is list:
            return self._list(value, depth)
        if cls is dict:
            return self._dict(value, depth)
        known = self._by_class.get(cls)
        return self._other(value, depth) if known is None else self._known(known, value, depth)

    def _list(self, values: Any, depth: int) -> list[Any]:
        written: list[Any] = []
        try:
            for value in tuple(values):
                written.append(self.write(value, depth))  # noqa: PERF401  # its length says where the trouble is
        except _TroubleError as trouble:
            trouble.path.append(f"[{len(written)}]")
            raise
        return written

    def _dict(self, values: dict[Any, Any], depth: int) -> Any:
        items = tuple(values.items())
        if TYPE not in values and all(type(key) is str and _is_unicode(key) for key, _ in items):
            return self._by_key(items, depth, "[{!r}]")
        pairs: list[Any] = []
        key: Any = None
        try:
            for key, value in items:
                pairs.append([self.write(key, depth), self.write(value, depth)])
        except _TroubleError as trouble:
            trouble.path.append(f"[{_short(key)}]")
            raise
        return {TYPE: "dict", VALUE: pairs}

    def _by_key(self, items: Iterable[tuple[str, Any]], depth: int, place: str) -> dict[str, Any]:
        written: dict[str, Any] = {}
        key = ""
        try:
            for key, value in items:
                written[key] = self.write(value, depth)
        except _TroubleError as trouble:
            trouble.path.append(place.format(key))
            raise
        return written

    def _known(self, known: KnownType, value: Any, depth: int) -> dict[str, Any]:
        try:
            parts = known.apart(value)
        except Exception as error:  # properties and adapters are strangers' code
            raise _TroubleError(f"this {known.cls.__name__} cannot be taken apart: {_said(error)}") from error
        if known.form is Form.FIELDS:
            return {TYPE: known.name, VALUE: self._fields(parts, depth)}
        if known.form is Form.VALUE:
            return {TYPE: known.name, VALUE: self.write(parts, depth)}
        items = self._list(parts, depth)
        if known.form is Form.UNORDERED:
            items.sort(key=json.dumps)
        return {TYPE: known.name, VALUE: items}

    def _fields(self, parts: dict[str, Any], depth: int) -> dict[str, Any]:
        for name in parts:
            if type(name) is not str or not _is_unicode(name):
                raise _TroubleError(f"the name of its field {name!r} is no valid text; give it another name")
        return self._by_key(parts.items(), depth, ".{}")

    def _other(self, value: Any, depth: int) -> dict[str, Any]:
        if isinstance(value, SavedError):
            return {TYPE: "error", VALUE: self._list((value.type_name, value.text), depth)}
        if isinstance(value, BaseException):
            return {TYPE: "error", VALUE: self._list((qualified_name(type(value)), _said(value)), depth)}
        if isinstance(value, type):
            known = self._by_class.get(value)
            if known is not None:
                return {TYPE: "type", VALUE: known.name}
            raise _TroubleError(f"the class {qualified_name(value)} {_cure(value)}")
        raise _TroubleError(f"a value of type {qualified_name(type(value))} {_cure(type(value))}")


class _Reader:
    """JSON data on its way back to a value."""

    __slots__ = ("_by_name",)

    def __init__(self, by_name: dict[str, KnownType]) -> None:
        self._by_name = by_name

    def read(self, data: Any, depth: int) -> Any:
        cls = type(data)
        if cls is str or cls is int or cls is float or cls is bool or data is None:
            return data
        if depth >= MAX_DEPTH:
            raise _TroubleError(_TOO_DEEP)
        if cls is list:
            return self._list(data, depth + 1)
        if cls is not dict:
            raise _TroubleError(f"this is not JSON data but {qualified_name(cls)}")
        return self._envelope(data, depth + 1) if TYPE in data else self._by_key(data, depth + 1, "[{!r}]")

    def _list(self, data: Any, depth: int) -> list[Any]:
        if type(data) is not list:
            raise _TroubleError(f"here a list must stand, not {type(data).__name__}; {_DAMAGED}")
        values: list[Any] = []
        try:
            for each in data:
                values.append(self.read(each, depth))  # noqa: PERF401  # its length says where the trouble is
        except _TroubleError as trouble:
            trouble.path.append(f"[{len(values)}]")
            raise
        return values

    def _by_key(self, data: Any, depth: int, place: str) -> dict[str, Any]:
        if type(data) is not dict:
            raise _TroubleError(f"here an object must stand, not {type(data).__name__}; {_DAMAGED}")
        values: dict[str, Any] = {}
        key: Any = ""
        try:
            for key, each in data.items():
                if type(key) is not str:
                    raise _TroubleError(f"this is not JSON data: the key is of type {type(key).__name__}")
                values[key] = self.read(each, depth)
        except _TroubleError as trouble:
            trouble.path.append(place.format(key))
            raise
        return values

    def _envelope(self, data: dict[str, Any], depth: int) -> Any:
        name = data[TYPE]
        if type(name) is not str or data.keys() != {TYPE, VALUE}:
            raise _TroubleError(f"an object with {TYPE!r} must have a type's name there, and {VALUE!r}; {_DAMAGED}")
        if name in ("dict", "error", "type"):
            return self._special(name, data[VALUE], depth)
        known = self._by_name.get(name)
        if known is None:
            raise _TroubleError(self._unknown(name))
        return _put_together(known, self._parts(known, data[VALUE], depth))

    def _parts(self, known: KnownType, data: Any, depth: int) -> Any:
        if known.form is Form.FIELDS:
            return self._by_key(data, depth, ".{}")
        return self.read(data, depth) if known.form is Form.VALUE else self._list(data, depth)

    def _special(self, name: str, data: Any, depth: int) -> Any:
        parts = self.read(data, depth)
        if name == "type":
            known = self._by_name.get(parts) if isinstance(parts, str) else None
            if known is None:
                raise _TroubleError(self._unknown(parts))
            return known.cls
        try:
            if name == "dict":
                return {key: value for key, value in parts}  # noqa: C416  # each must be a pair
            type_name, text = parts
            return SavedError(type_name, text)
        except (TypeError, ValueError) as error:
            raise _TroubleError(f"this is no saved {name}: {_said(error)}; {_DAMAGED}") from error

    def _unknown(self, name: Any) -> str:
        short = str(name).rpartition(".")[2]
        alike = next((known for known in self._by_name if "." in known and known.rpartition(".")[2] == short), None)
        hint = f"; here {alike!r} is known: define it in one module that both programs import" if alike else ""
        return (
            f"the type {str(name)[:200]!r} is not known{hint}. If you trust the data, give the type to the serializer: "
            f"JsonSerializer(types=[{short[:100]}])"
        )


_DAMAGED = "what was saved is damaged or foreign"


def _put_together(known: KnownType, parts: Any) -> Any:
    try:
        return known.together(parts)
    except Exception as error:  # validators and constructors are strangers' code, and the data may be hostile
        raise _TroubleError(f"no {known.name} can be made of this: {_said(error)}; {_DAMAGED}") from error


def _said(error: BaseException) -> str:
    """What an error says, without the values that were refused."""
    if isinstance(error, ValidationError):
        details = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in details[:3])
    try:
        return str(error)
    except Exception:  # strangers' code
        return "(its text cannot be read)"


def _escaped(value: Any) -> dict[str, Any]:
    for known in escaped_types():
        if known.cls is type(value):
            return {TYPE: known.name, VALUE: known.apart(value)}
    raise _TroubleError(f"a value of type {qualified_name(type(value))} is not JSON's own")


def _is_unicode(text: str) -> bool:
    """Whether the text has no half of a surrogate pair, which UTF-8 and JSON do not hold."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cure(cls: type) -> str:
    name = cls.__qualname__.rpartition(".")[2]
    if can_be_known(cls):
        return (
            f"cannot be saved: give the type to the serializer, JsonSerializer(types=[{name}]), "
            "or keep it out of the state"
        )
    return (
        "cannot be saved: keep it out of the state, or say how with "
        f"JsonSerializer(adapters=[Adapter({name}, to_json, from_json)])"
    )


def _short(key: Any) -> str:
    try:
        text = repr(key)
    except Exception:  # strangers' code
        text = f"<{type(key).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")
