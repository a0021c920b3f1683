"""What a step's source says beyond its signature: which events it sends, streams, joins and waits for.

The source is parsed, never run. Helper methods (``self.other(...)``) and functions of the user's that are called with
the context are followed. What cannot be read (no source file, a computed event) is left out, and ``complete`` says
so.
"""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from .events import Event
from .source import tree_of
from .steps import StepSpec

_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Inferred:
    """What was read. ``joins`` pairs each event class with how many a join takes, None where that is computed;
    ``returned`` are the classes that a ``return`` was seen to make.
    """

    sends: tuple[type[Event], ...] = ()
    streams: tuple[type[Event], ...] = ()
    waits: tuple[type[Event], ...] = ()
    joins: tuple[tuple[type[Event], int | None], ...] = ()
    returned: tuple[type[Event], ...] = ()
    complete: bool = True


def infer(spec: StepSpec, owner: type | None) -> Inferred:
    """Read a step's source. ``owner`` is the class whose methods ``self.…`` means."""
    if spec.context_parameter is None:
        return Inferred()
    reader = _Reader(owner)
    reader.read(spec.function, spec.namespace, _DEPTH)
    return Inferred(
        sends=tuple(dict.fromkeys(reader.sends)),
        streams=tuple(dict.fromkeys(reader.streams)),
        waits=tuple(dict.fromkeys(reader.waits)),
        joins=tuple(dict(reader.joins).items()),
        returned=tuple(dict.fromkeys(reader.returned)),
        complete=reader.complete,
    )


class _Reader:
    """Walks one step's function and the helpers that it calls, and collects what they say."""

    def __init__(self, owner: type | None) -> None:
        self.owner = owner
        self.sends: list[type[Event]] = []
        self.streams: list[type[Event]] = []
        self.waits: list[type[Event]] = []
        self.joins: list[tuple[type[Event], int | None]] = []
        self.returned: list[type[Event]] = []
        self.complete = True
        self._seen: set[Callable[..., Any]] = set()

    def read(self, function: FunctionType | Callable[..., Any], namespace: Mapping[str, Any], depth: int) -> None:
        function = inspect.unwrap(function)
        if function in self._seen or not isinstance(function, FunctionType):
            return
        self._seen.add(function)
        tree = tree_of(function)
        if tree is None:
            self.complete = False
            return
        names = _Names(function, namespace, tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._read_call(node, names, depth)
            elif isinstance(node, ast.Return):
                self.returned.extend(names.made_by(node.value))

    def _read_call(self, call: ast.Call, names: _Names, depth: int) -> None:
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        handler = _METHODS.get(method)
        if handler is not None:
            handler(self, call, names)
        elif depth:
            for helper in self._helpers(call, names):
                self.read(helper, names.namespace, depth - 1)

    def _helpers(self, call: ast.Call, names: _Names) -> Iterator[FunctionType]:
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            if call.func.value.id == "self" and self.owner is not None:
                found = inspect.getattr_static(self.owner, call.func.attr, None)
                found = getattr(found, "__func__", found)
                if isinstance(found, FunctionType):
                    yield found
        elif isinstance(call.func, ast.Name):
            found = names.value(call.func)
            if isinstance(found, FunctionType) and found.__module__ == names.function.__module__:
                yield found

    def _sends(self, call: ast.Call, names: _Names) -> None:
        self._made(call, names, "ev", "message", into=self.sends)

    def _streams(self, call: ast.Call, names: _Names) -> None:
        self._made(call, names, "ev", into=self.streams)

    def _made(self, call: ast.Call, names: _Names, *keywords: str, into: list[type[Event]]) -> None:
        classes = names.made_by(_argument(call, 0, *keywords))
        into.extend(classes)
        self.complete = self.complete and bool(classes)

    def _waits(self, call: ast.Call, names: _Names) -> None:
        awaited = names.value(_argument(call, 0, "event_type"))
        if _is_event_class(awaited):
            self.waits.append(awaited)
        question = _argument(call, 1, "waiter_event")
        if question is not None:
            self.streams.extend(names.made_by(question))

    def _joins(self, call: ast.Call, names: _Names) -> None:
        expected = names.expected(_argument(call, 1, "expected"))
        self.joins.extend(expected)


_METHODS: dict[str, Callable[[_Reader, ast.Call, _Names], None]] = {
    "send_event": _Reader._sends,
    "write_event_to_stream": _Reader._streams,
    "wait_for_event": _Reader._waits,
    "collect_events": _Reader._joins,
}


class _Names:
    """What the names inside one function stand for, as far as that can be known without running it."""

    def __init__(self, function: FunctionType, namespace: Mapping[str, Any], tree: ast.AST) -> None:
        self.function = function
        self.namespace = namespace
        self._closure = _closure(function)
        self._assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            for name, value in _assignments(node):
                self._assigned.setdefault(name, []).append(value)

    def value(self, node: ast.expr | None) -> Any:
        """The object that a name or dotted name stands for, or None."""
        if isinstance(node, ast.Name):
            for scope in (self._closure, self.function.__globals__, self.namespace):
                if node.id in scope:
                    return scope[node.id]
        if isinstance(node, ast.Attribute):
            base = self.value(node.value)
            return inspect.getattr_static(base, node.attr, None) if base is not None else None
        return None

    def made_by(self, node: ast.expr | None, depth: int = 3) -> list[type[Event]]:
        """The event classes that an expression may make an instance of."""
        if isinstance(node, ast.Call):
            made = self.value(node.func)
            return [made] if _is_event_class(made) else []
        if isinstance(node, ast.IfExp):
            return [*self.made_by(node.body, depth), *self.made_by(node.orelse, depth)]
        if isinstance(node, ast.Name) and depth:
            values = self._assigned.get(node.id, [])
            return [made for value in values for made in self.made_by(value, depth - 1)]
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return [made for item in node.elts for made in self.made_by(item, depth)]
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return self.made_by(node.elt, depth)
        return []

    def expected(self, node: ast.expr | None, depth: int = 3) -> list[tuple[type[Event], int | None]]:
        """The members of a join's list of expected event classes."""
        if isinstance(node, ast.List | ast.Tuple):
            counts = Counter(each for each in map(self.value, node.elts) if _is_event_class(each))
            return list(counts.items())
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            members, times = (
                (node.left, node.right) if not isinstance(node.left, ast.Constant) else (node.right, node.left)
            )
            number = times.value if isinstance(times, ast.Constant) else self.value(times)
            factor = number if isinstance(number, int) else None
            return [
                (each, count * factor if count is not None and factor is not None else None)
                for each, count in self.expected(members, depth)
            ]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [*self.expected(node.left, depth), *self.expected(node.right, depth)]
        if isinstance(node, ast.Name) and depth:
            return [member for value in self._assigned.get(node.id, []) for member in self.expected(value, depth - 1)]
        if isinstance(node, ast.ListComp):
            made = self.value(node.elt)
            return [(made, None)] if _is_event_class(made) else []
        return []


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Pairs of a plain name and what it is given. For a loop over a list the name may be each of its items."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and isinstance(node.target, ast.Name):
        yield node.target.id, node.iter


def _argument(call: ast.Call, position: int, *keywords: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg in keywords:
            return keyword.value
    return call.args[position] if position < len(call.args) else None


def _closure(function: FunctionType) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # the name is not bound yet
            continue
    return names


def _is_event_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Event)
