"""Stand-ins: classes and functions with the names and shapes of those in a source, and nothing of what they do."""

from __future__ import annotations

import ast
import builtins
import collections.abc
import datetime
import decimal
import enum
import pathlib
import types
import typing
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

from wftrace.engine import context, events, resources, retry, steps
from wftrace.engine.events import Event
from wftrace.engine.steps import NestedInput, StepSpec
from wftrace.engine.workflow import Workflow

OURS = ("wftrace", "llama_index.core.workflow", "workflows")
"""Packages whose names mean those of this one: flows of LlamaIndex are read as well."""

KNOWN: Mapping[str, object] = {
    "Context": context.Context,
    "Resource": resources.Resource,
    "Workflow": Workflow,
    "step": steps.step,
    **{name: value for name, value in vars(events).items() if isinstance(value, type) and issubclass(value, Event)},
    **{name: value for name, value in vars(retry).items() if isinstance(value, type) and name[0] != "_"},
}
"""What the names of this package stand for."""

POLICIES = tuple(
    value
    for value in vars(retry).values()
    if isinstance(value, type) and issubclass(value, retry.ComposableRetryPolicy)
)

STANDARD: Mapping[str, ModuleType] = {
    module.__name__: module for module in (typing, types, datetime, decimal, enum, pathlib, uuid, collections.abc)
}
"""Modules whose classes annotations may name; none of them does anything when a name is looked up in it."""

BUILTINS = {name: value for name, value in vars(builtins).items() if isinstance(value, type)}


class Unseen:
    """The base of stand-ins for what comes from modules that were not read."""


@dataclass(eq=False, slots=True)
class Instance:
    """A workflow that the source makes, with the steps attached to it."""

    flow: type
    steps: list[StepSpec] = field(default_factory=list)


class FlowBase(NestedInput):
    """The base of stand-ins for workflow classes."""


FlowBase.__name__ = FlowBase.__qualname__ = "Workflow"
FlowBase.__doc__ = Workflow.__doc__


def unseen_class(name: str, module: str) -> type:
    """A stand-in for a class of which only the name is known."""
    return type(name, (Unseen,), {"__module__": module, "__qualname__": name, "__doc__": None})


def plain_class(name: str, bases: tuple[type, ...], module: str, qualname: str, doc: str | None) -> type:
    """A stand-in for a class that is no event; its functions are put in later."""
    names = {"__module__": module, "__qualname__": qualname, "__doc__": doc}
    try:
        return type(name, bases, names)
    except TypeError:  # the bases do not go together
        return type(name, (), names)


def event_class(
    name: str, bases: tuple[type[Event], ...], module: str, qualname: str, doc: str | None, fields: dict[str, Any]
) -> type[Event]:
    """A stand-in for an event class, with its fields and without its methods."""
    names = {"__module__": module, "__qualname__": qualname, "__doc__": doc}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _event(name, bases, {**names, "__annotations__": fields})
        except Exception:  # pydantic refuses a field; the class is shown without fields
            return _event(name, bases[:1], names)


def _event(name: str, bases: tuple[type[Event], ...], names: dict[str, Any]) -> type[Event]:
    made: type[Event] = types.new_class(name, bases, exec_body=lambda namespace: namespace.update(names))
    return made


def function_of(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    code: CodeType,
    names: dict[str, Any],
    qualname: str,
    annotations: dict[str, Any],
) -> FunctionType:
    """A stand-in for a function: its code is there to be looked at, and is never run."""
    cells = tuple(types.CellType() for _ in code.co_freevars)
    made = FunctionType(code, names, node.name, tuple(None for _ in node.args.defaults) or None, cells or None)
    made.__qualname__ = qualname
    made.__doc__ = ast.get_docstring(node, clean=False)
    made.__annotations__ = annotations
    defaults = {arg.arg: None for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value}
    made.__kwdefaults__ = defaults or None
    return made


def owned_by(function: FunctionType, owner: type) -> None:
    """Say which class a function was written in, for its ``super()``."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name == "__class__":
            cell.cell_contents = owner


def is_event(value: object) -> bool:
    """Whether a value is an event class."""
    return isinstance(value, type) and issubclass(value, Event)


def is_flow(value: object) -> bool:
    """Whether a value stands for a workflow class."""
    return isinstance(value, type) and value is not FlowBase and issubclass(value, FlowBase)
