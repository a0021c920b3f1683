"""Paths into a state: ``user.name`` and ``items.0``, through models, dataclasses, dicts and lists."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

MISSING: Any = object()
"""What stands for a default that was not given."""

Path = str | tuple[str, ...]
"""A path as text with dots, or as its parts when a name has dots itself."""

_SHOWN = 20


def get_at(state: Any, path: Path, default: Any = MISSING) -> Any:
    """The value at ``path``, or ``default``. Raises ``ValueError`` that says what is there when there is neither."""
    value, rest = state, _parts(path)
    while rest:
        found = _next(value, rest, isinstance(path, str))
        if found is None:
            if default is MISSING:
                raise ValueError(_absent(path, rest, value))
            return default
        name, count = found
        value, rest = _read(value, name), rest[count:]
    return value


def set_at(state: Any, path: Path, value: Any) -> None:
    """Set what is at ``path``; dicts that are missing on the way are made.

    A field of a model is validated as it declares, as a whole when the path goes on inside it. Nothing has changed
    when ``ValueError`` is raised.
    """
    chain: list[tuple[Any, Any]] = []
    here, rest = state, _parts(path)
    while True:
        found = _next(here, rest, isinstance(path, str))
        if found is None:
            if not _takes_new(here):
                raise ValueError(_no_room(path, rest, here))
            for part in reversed(rest[1:]):
                value = {part: value}
            found = rest[0], len(rest)
        name, count = found
        if isinstance(here, tuple):
            raise ValueError(f"{_place(path, rest)} is a tuple: it cannot be changed, set it as a whole")
        chain.append((here, name))
        rest = rest[count:]
        if not rest:
            break
        here = _read(here, name)
    _write(chain, value)


def has_fields(value: Any) -> bool:
    """Whether it is a pydantic model or an instance of a dataclass."""
    return isinstance(value, BaseModel) or (dataclasses.is_dataclass(value) and not isinstance(value, type))


def assign(owner: Any, name: str, value: Any) -> None:
    """Set a field: a model validates it, a dataclass takes it. Raises ``ValueError``, and then nothing has changed."""
    cls = type(owner)
    if _is_frozen(owner):
        raise ValueError(f"{cls.__name__} is frozen, so its {name!r} cannot be set; set {cls.__name__} as a whole")
    if not isinstance(owner, BaseModel):
        setattr(owner, name, value)
        return
    before = owner.__dict__
    try:
        cls.__pydantic_validator__.validate_assignment(owner, name, value)
    except ValidationError as error:
        object.__setattr__(owner, "__dict__", before)  # a validator of the whole model may have spoken after the change
        problems = "; ".join(f"{'.'.join(map(str, each['loc'])) or name}: {each['msg']}" for each in error.errors())
        raise ValueError(f"{name!r} of {cls.__name__} cannot be this {type(value).__name__}: {problems}") from error


def _parts(path: Path) -> Sequence[str]:
    if not path:
        raise ValueError("a path into the run's state has at least one name")
    return path.split(".") if isinstance(path, str) else path


def _next(value: Any, rest: Sequence[str], joins: bool) -> tuple[Any, int] | None:
    """The name or index to follow, and how many parts it takes: the longest key that a dict has."""
    if isinstance(value, dict):
        for count in range(len(rest) if joins else 1, 0, -1):
            if (key := ".".join(rest[:count]) if joins else rest[0]) in value:
                return key, count
        return None
    if isinstance(value, list | tuple):
        index = int(rest[0]) if rest[0].removeprefix("-").isdecimal() else len(value)
        return (index, 1) if -len(value) <= index < len(value) else None
    return (rest[0], 1) if rest[0] in _names(value) else None


def _names(value: Any) -> Sequence[str]:
    """The names that a path may go on with."""
    if isinstance(value, dict):
        return [name for name in value if isinstance(name, str)]
    if isinstance(value, BaseModel):
        cls = type(value)
        return [*cls.model_fields, *cls.model_computed_fields, *(value.__pydantic_extra__ or ())]
    return [field.name for field in dataclasses.fields(value)] if has_fields(value) else ()


def _read(value: Any, name: Any) -> Any:
    return value[name] if isinstance(value, dict | list | tuple) else getattr(value, name)


def _write(chain: Sequence[tuple[Any, Any]], value: Any) -> None:
    """Make the change: at the end of the chain, or below its last model in copies that the model then validates."""
    owners = [index for index, (each, _) in enumerate(chain) if has_fields(each)]
    last = owners[-1] if owners else len(chain) - 1
    for container, name in reversed(chain[last + 1 :]):
        changed = copy.copy(container)
        changed[name] = value
        value = changed
    owner, name = chain[last]
    if has_fields(owner):
        assign(owner, name, value)
    else:
        owner[name] = value


def _takes_new(value: Any) -> bool:
    """Whether names may be added to it: to a dict, and to a model that allows extra fields."""
    return isinstance(value, dict) or (isinstance(value, BaseModel) and value.model_config.get("extra") == "allow")


def _is_frozen(owner: Any) -> bool:
    if isinstance(owner, BaseModel):
        return bool(owner.model_config.get("frozen"))
    return bool(type(owner).__dataclass_params__.frozen)


def _place(path: Path, rest: Sequence[str]) -> str:
    """What lies before the rest of a path, in words."""
    parts = _parts(path)
    done = ".".join(parts[: len(parts) - len(rest)])
    return repr(done) if done else "the run's state"


def _absent(path: Path, rest: Sequence[str], value: Any) -> str:
    text = path if isinstance(path, str) else ".".join(path)
    place = "it" if len(rest) == len(_parts(path)) else _place(path, rest)
    return f"the run's state has no {text!r} ({place} {_content(value)}); set it first or give a default"


def _no_room(path: Path, rest: Sequence[str], value: Any) -> str:
    place = _place(path, rest)
    if isinstance(value, list | tuple):
        return f"{place} has no item {rest[0]!r}: it {_content(value)}; add one inside edit_state()"
    if has_fields(value):
        return f"{place} has no field {rest[0]!r}: {type(value).__name__} {_content(value)}; declare it there"
    return f"{place} {_content(value)}: {rest[0]!r} cannot be set in it; set {place} as a whole"


def _content(value: Any) -> str:
    """What a value has that a path can go on with, in words."""
    if isinstance(value, list | tuple):
        return f"has {len(value)} item{'' if len(value) == 1 else 's'}"
    if not isinstance(value, dict) and not has_fields(value):
        return f"is {'None' if value is None else type(value).__name__}, which has no parts"
    names = _names(value)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"has {', '.join(map(repr, names[:_SHOWN])) or 'nothing'}{more}"
