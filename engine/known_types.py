"""The types that saved state may hold: those that were named, and those that their declared fields name.

A type is known by its qualified name. What is read back is looked up by that name among the known types; nothing is
ever imported by a name that stands in data.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import AliasChoices, BaseModel, RootModel
from pydantic.fields import FieldInfo

from .errors import ContextSerdeError
from .events import qualified_name

T = TypeVar("T")


class Form(enum.Enum):
    """What a value is taken apart into: another value, values in order or in none, or values by field name."""

    VALUE = "value"
    ITEMS = "items"
    UNORDERED = "unordered"
    FIELDS = "fields"


@dataclass(frozen=True, slots=True)
class KnownType:
    """A type with its name in saved data, and how its values are taken apart and put together again."""

    cls: type
    name: str
    form: Form
    apart: Callable[[Any], Any]
    together: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Adapter(Generic[T]):
    """How to save a type that no one here knows.

    ``to_json`` takes a value apart into something that can be saved, ``from_json`` makes the value of that again; it
    should refuse what it cannot use by raising an error.
    """

    cls: type[T]
    to_json: Callable[[T], Any]
    from_json: Callable[[Any], T]


def known_types(
    types: Iterable[type], adapters: Iterable[Adapter[Any]], standard: Iterable[KnownType]
) -> dict[type, KnownType]:
    """The given types and all that their fields name, by class, besides the standard ones.

    Raises ``ContextSerdeError`` for a given type that cannot be saved, and for two types of one name.
    """
    known = {each.cls: each for each in standard}
    for adapter in adapters:
        known[adapter.cls] = _by_adapter(adapter)
    given = [cls for cls in types if cls not in known and cls not in PLAIN]
    for cls in given:
        if _read(cls) is None:
            raise ContextSerdeError(
                f"{qualified_name(cls)} cannot be saved: it is no pydantic model, dataclass, named tuple or enum that "
                "could be made again of its fields; say how with "
                f"JsonSerializer(adapters=[Adapter({cls.__qualname__.rpartition('.')[2]}, to_json, from_json)])"
            )
    for cls in _reachable(given):
        if cls not in known and (found := _read(cls)) is not None:
            known[cls] = found
    _refuse_doubles(known)
    return known


PLAIN: frozenset[type] = frozenset({str, int, float, bool, type(None), list, dict, object})
"""Types that need no name in saved data, or have none."""


def can_be_known(cls: type) -> bool:
    """Whether a serializer could save values of this type when it is given the type."""
    return _read(cls) is not None


def _refuse_doubles(known: dict[type, KnownType]) -> None:
    names: dict[str, type] = {}
    for cls, each in known.items():
        other = names.setdefault(each.name, cls)
        if other is not cls:
            raise ContextSerdeError(
                f"two different classes are called {each.name!r}, so saved data could not tell them apart; "
                "rename one, or define it once outside the function that makes it"
            )


def _reachable(types: Iterable[type]) -> Iterator[type]:
    """The types and every class that their fields' annotations name, each once."""
    seen: set[type] = set()
    todo = list(types)
    while todo:
        cls = todo.pop(0)
        if cls not in seen:
            seen.add(cls)
            yield cls
            todo.extend(named for annotation in _annotations(cls) for named in _classes(annotation))


def _annotations(cls: type) -> list[Any]:
    """What the fields of a class are declared as, as far as it can be read."""
    if issubclass(cls, BaseModel):
        return [field.annotation for field in _fields(cls).values()]
    if not (dataclasses.is_dataclass(cls) or hasattr(cls, "_fields")):
        return []
    try:
        return list(typing.get_type_hints(cls, include_extras=True).values())
    except Exception:  # annotations are strangers' code; what they do not tell must be given to the serializer
        return []


def _classes(annotation: Any) -> Iterator[type]:
    """The classes that an annotation names, however deep."""
    if isinstance(annotation, typing.TypeVar):
        annotation = annotation.__bound__
    annotation = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        yield from (type(value) for value in typing.get_args(annotation))
        return
    named = annotation if origin is None else origin
    if isinstance(named, type):
        yield named
    arguments = typing.get_args(annotation)
    for argument in arguments[:1] if origin is typing.Annotated else arguments:
        yield from _classes(argument)


def _read(cls: type) -> KnownType | None:
    """How values of a class are saved; None when it is none of the kinds that tell their fields."""
    if issubclass(cls, enum.Enum):
        return _enum(cls)
    if issubclass(cls, BaseException):
        return None
    if issubclass(cls, BaseModel):
        return _model(cls)
    if dataclasses.is_dataclass(cls):
        return _dataclass(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return KnownType(cls, qualified_name(cls), Form.ITEMS, tuple, lambda items: cls(*items))
    return None


def _enum(cls: type[enum.Enum]) -> KnownType:
    if issubclass(cls, enum.Flag):
        return KnownType(cls, qualified_name(cls), Form.VALUE, lambda member: member.value, cls)
    return KnownType(cls, qualified_name(cls), Form.VALUE, lambda member: member.name, lambda name: cls[name])


def _model(cls: type[BaseModel]) -> KnownType | None:
    fields = _fields(cls)
    by_name = cls.model_config.get("populate_by_name") or cls.model_config.get("validate_by_name")
    keys = {name: name if by_name else _key(name, field) for name, field in fields.items()}
    if None in keys.values():
        return None
    names = tuple(name for name, field in fields.items() if not field.exclude)

    def apart(model: BaseModel) -> dict[str, Any]:
        values, extra = model.__dict__, model.__pydantic_extra__
        parts = {name: values[name] for name in names if name in values}
        return {**parts, **extra} if extra else parts

    def together(parts: dict[str, Any]) -> BaseModel:
        if issubclass(cls, RootModel):
            return cls.model_validate(parts["root"])
        return cls.model_validate({keys.get(name) or name: value for name, value in parts.items()})

    return KnownType(cls, qualified_name(cls), Form.FIELDS, apart, together)


def _fields(cls: type[BaseModel]) -> dict[str, FieldInfo]:
    if not cls.__pydantic_complete__:
        cls.model_rebuild(raise_errors=False)
    return cls.model_fields


def _key(name: str, field: FieldInfo) -> str | None:
    """Under which key a model that is made anew takes the field; None when it is not a plain name."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return next((choice for choice in alias.choices if isinstance(choice, str)), None)
    return name if alias is None else alias if isinstance(alias, str) else None


def _dataclass(cls: type) -> KnownType | None:
    names = tuple(field.name for field in dataclasses.fields(cls))
    given = {field.name for field in dataclasses.fields(cls) if field.init}
    if not set(inspect.signature(cls).parameters) <= given:
        return None

    def apart(value: Any) -> dict[str, Any]:
        return {name: getattr(value, name) for name in names}

    def together(parts: dict[str, Any]) -> Any:
        strange = next((name for name in parts if name not in names), None)
        if strange is not None:
            raise ValueError(f"it has no field {strange!r}")
        value = cls(**{name: part for name, part in parts.items() if name in given})
        for name in parts.keys() - given:
            object.__setattr__(value, name, parts[name])
        return value

    return KnownType(cls, qualified_name(cls), Form.FIELDS, apart, together)


def _by_adapter(adapter: Adapter[Any]) -> KnownType:
    cls = adapter.cls

    def together(part: Any) -> Any:
        value = adapter.from_json(part)
        if not isinstance(value, cls):
            raise TypeError(f"its adapter made a {type(value).__name__}")
        return value

    return KnownType(cls, qualified_name(cls), Form.VALUE, adapter.to_json, together)
