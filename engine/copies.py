"""Copies of a state: its containers anew, everything else shared."""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from typing import Any

from pydantic import BaseModel

from .paths import has_fields

_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


def copied(value: Any) -> Any:
    """A value whose dicts, lists, sets, deques, tuples, models and dataclasses are copies, however deep.

    Any other object, a client or a frame of data, is the same one in both. What refers to itself does so in the copy.
    """
    return _copied(value, {})


def restore(state: Any, before: Any) -> None:
    """Give a dict, model or dataclass the content of another of its class."""
    if isinstance(state, dict):
        state.clear()
        state.update(before)
    elif isinstance(state, BaseModel):
        state.__setstate__(before.__getstate__())
    else:
        _refill(state, before)


def _copied(value: Any, done: dict[int, Any]) -> Any:
    if type(value) in _PLAIN:
        return value
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, dict):
        return _dict(value, done)
    if isinstance(value, list | set | deque):
        return _collection(value, done)
    if type(value) is tuple:
        return tuple(_copied(each, done) for each in value)
    if has_fields(value):
        return _fields(value, done)
    return value


def _dict(value: dict[Any, Any], done: dict[int, Any]) -> dict[Any, Any]:
    made = done[id(value)] = copy.copy(value)
    for key, each in value.items():
        made[key] = _copied(each, done)
    return made


def _collection(value: Any, done: dict[int, Any]) -> Any:
    made = done[id(value)] = copy.copy(value)
    if not isinstance(value, set):  # what a set holds can be hashed: it does not change
        for index, each in enumerate(value):
            made[index] = _copied(each, done)
    return made


def _fields(value: Any, done: dict[int, Any]) -> Any:
    if not isinstance(value, BaseModel):
        made = done[id(value)] = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(made, field.name, _copied(getattr(value, field.name), done))
        return made
    model = done[id(value)] = value.model_copy()
    for values in (vars(model), model.__pydantic_extra__, model.__pydantic_private__):
        for name, each in (values or {}).items():
            values[name] = _copied(each, done)  # type: ignore[index]
    return model


def _refill(state: Any, before: Any) -> None:
    if hasattr(state, "__dict__"):
        vars(state).clear()
        vars(state).update(vars(before))
    else:
        for field in dataclasses.fields(state):
            object.__setattr__(state, field.name, getattr(before, field.name))
