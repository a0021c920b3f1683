"""What the names in a function's source stand for, as far as that can be known without running it."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, TypeGuard

from .events import Event


class Names:
    """The names inside one function."""

    def __init__(self, function: FunctionType, namespace: Mapping[str, Any], tree: ast.AST) -> None:
        self._closure = _closure(function)
        self._scopes = (self._closure, function.__globals__, namespace)
        self._assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            for name, value in _assignments(node):
                self._assigned.setdefault(name, []).append(value)
        self._stored = Counter(_stored(tree))
        self._parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}

    def is_stored(self, name: str) -> bool:
        """Whether the function gives the name a value of its own."""
        return name in self._stored

    def assigned(self, name: str) -> list[ast.expr]:
        """What the function gives to a name, where that is one expression."""
        return self._assigned.get(name, [])

    def aliases(self, names: frozenset[str]) -> frozenset[str]:
        """Names that the function sets to one of these and to nothing else."""
        return frozenset(
            alias
            for alias, values in self._assigned.items()
            if all(isinstance(value, ast.Name) and value.id in names for value in values)
        )

    def inherited(self, owner: type, name: str) -> object:
        """What ``super().name`` means in a method of ``owner`` or of one of its bases."""
        line = owner.__mro__
        here = self._closure.get("__class__")
        above = line[line.index(here) + 1 :] if here in line else ()
        return next((vars(base)[name] for base in above if name in vars(base)), None)

    def value(self, node: ast.expr | None) -> Any:
        """The object that a name or dotted name stands for, or None."""
        if isinstance(node, ast.Name) and node.id not in self._stored and node.id not in self._parameters:
            for scope in self._scopes:
                if node.id in scope:
                    return scope[node.id]
        if isinstance(node, ast.Attribute):
            base = self.value(node.value)
            return inspect.getattr_static(base, node.attr, None) if base is not None else None
        return None

    def made_by(self, node: ast.expr | None) -> list[type[Event]]:
        """The event classes that an expression may make an instance of, as far as they can be told."""
        return [made for made in self._made(node, 3) if made is not None]

    def knows_all_made_by(self, node: ast.expr | None) -> bool:
        """Whether ``made_by`` leaves nothing out."""
        made = list(self._made(node, 3))
        return bool(made) and None not in made

    def _made(self, node: ast.expr | None, depth: int) -> Iterator[type[Event] | None]:
        """The event classes that an expression may make an instance of; None for what cannot be told."""
        if isinstance(node, ast.Call):
            made = self.value(node.func)
            yield made if is_event_class(made) else None
        elif isinstance(node, ast.IfExp):
            yield from self._made(node.body, depth)
            yield from self._made(node.orelse, depth)
        elif isinstance(node, ast.Name) and depth:
            given = self.assigned(node.id)
            for value in given:
                yield from self._made(value, depth - 1)
            if len(given) < self._stored[node.id] or not given or node.id in self._parameters:
                yield None
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            for item in node.elts:
                yield from self._made(item, depth)
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            yield from self._made(node.elt, depth)
        else:
            yield None

    def listed(self, node: ast.expr | None) -> list[type[Event]] | None:
        """The event classes of a list that is written down as it is, ``[A, B]`` or ``[A] * 3 + [B]``; else None."""
        if isinstance(node, ast.List | ast.Tuple):
            classes = [self.value(each) for each in node.elts]
            return classes if all(is_event_class(each) for each in classes) else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            members, times = _factors(node)
            listed = self.listed(members)
            number = times.value if isinstance(times, ast.Constant) else None
            return listed * number if listed is not None and type(number) is int else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.listed(node.left), self.listed(node.right)
            return left + right if left is not None and right is not None else None
        return None

    def expected(self, node: ast.expr | None, depth: int = 3) -> list[tuple[type[Event], int | None]]:
        """The members of a join's list of expected event classes, as far as they can be told."""
        if isinstance(node, ast.List | ast.Tuple):
            counts = Counter(each for each in map(self.value, node.elts) if is_event_class(each))
            return list(counts.items())
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            members, times = _factors(node)
            number = times.value if isinstance(times, ast.Constant) else self.value(times)
            factor = number if isinstance(number, int) else None
            return [
                (each, count * factor if count is not None and factor is not None else None)
                for each, count in self.expected(members, depth)
            ]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [*self.expected(node.left, depth), *self.expected(node.right, depth)]
        if isinstance(node, ast.Name) and depth:
            return [member for value in self.assigned(node.id) for member in self.expected(value, depth - 1)]
        if isinstance(node, ast.ListComp):
            made = self.value(node.elt)
            return [(made, None)] if is_event_class(made) else []
        return []


def argument(call: ast.Call, position: int, *keywords: str) -> ast.expr | None:
    """The argument of a call that was given by one of these names, or else at this position."""
    for keyword in call.keywords:
        if keyword.arg in keywords:
            return keyword.value
    return call.args[position] if position < len(call.args) else None


def is_event_class(value: object) -> TypeGuard[type[Event]]:
    """Whether a value is an event class."""
    return isinstance(value, type) and issubclass(value, Event)


def _factors(node: ast.BinOp) -> tuple[ast.expr, ast.expr]:
    """The list and the number of a product."""
    return (node.right, node.left) if isinstance(node.left, ast.Constant) else (node.left, node.right)


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


def _stored(tree: ast.AST) -> Iterator[str]:
    """The names that a function sets, by whatever statement."""
    outermost = tree.body[0] if isinstance(tree, ast.Module) else None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node is not outermost:
            yield node.name


def _closure(function: FunctionType) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # the name is not bound yet
            continue
    return names
