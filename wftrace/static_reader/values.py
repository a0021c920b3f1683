"""What an expression in a source stands for, as far as that can be known without running anything."""

from __future__ import annotations

import ast
import inspect
import operator
import typing
from collections.abc import Callable, Container, Mapping
from types import FunctionType, GenericAlias, ModuleType
from typing import Any

from wftrace.engine.errors import WorkflowValidationError
from wftrace.engine.resources import Resource
from wftrace.engine.workflow import Workflow

from .standins import BUILTINS, POLICIES, FlowBase, Instance, is_flow, unseen_class

MISSING: Any = object()
"""What cannot be known."""

_MOST = 10**9
_DEPTH = 40
_NUMBERS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
}
_METHODS = ("only_on", "never_on", "stop_after")


class Values:
    """Looks expressions up in scopes, the nearest first. ``module`` is where unknown names are said to come from,
    ``plain`` are the stand-ins of which there may be instances.
    """

    def __init__(self, module: str, plain: Container[type], *scopes: Mapping[str, Any]) -> None:
        self._module = module
        self._plain = plain
        self._scopes = (*scopes, BUILTINS)
        self._unknown: dict[str, type] = {}

    def of(self, node: ast.expr | None, depth: int = _DEPTH) -> Any:
        """The value of an expression, ``MISSING`` where it cannot be known."""
        if node is None or not depth:
            return MISSING
        found = _READERS.get(type(node))
        return found(self, node, depth - 1) if found else MISSING

    def annotation(self, node: ast.expr | None, depth: int = _DEPTH) -> Any:
        """What an annotation means; a class of which only the name is known for what cannot be looked up."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value.strip()[:1000], mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return self._named("?")
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        if node is None or not depth:
            return self._named("…")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._either(self.annotation(node.left, depth - 1), self.annotation(node.right, depth - 1))
        if isinstance(node, ast.Subscript):
            return self._generic(node, depth - 1)
        found = self.of(node, depth)
        if found is Workflow:
            return FlowBase
        if found is MISSING or isinstance(found, Instance | FunctionType | ModuleType | str | int):
            return self._named(_last_name(node))
        return found

    def _named(self, name: str) -> type:
        return self._unknown.setdefault(name, unseen_class(name, self._module))

    def _either(self, left: Any, right: Any) -> Any:
        try:
            return left | right
        except TypeError:
            return self._union(left, right)

    def _union(self, *members: Any) -> Any:
        try:
            return typing.Union[members]  # noqa: UP007
        except TypeError:
            return self._named("?")

    def _generic(self, node: ast.Subscript, depth: int) -> Any:
        origin = self.of(node.value, depth)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if origin is typing.Annotated:
            return self._annotated(inner, depth)
        if origin is typing.Literal:
            values = tuple(each.value for each in inner if isinstance(each, ast.Constant))
            return typing.Literal[values] if values else self._named("Literal")
        members = tuple(
            [self.annotation(each, depth) for each in item.elts]
            if isinstance(item, ast.List)
            else ...
            if isinstance(item, ast.Constant) and item.value is ...
            else self.annotation(item, depth)
            for item in inner
        )
        if origin is typing.Optional:
            return self._union(members[0], None)
        if origin is typing.Union:
            return self._union(*members)
        try:
            if isinstance(origin, type) and origin.__module__ in ("builtins", "collections.abc", "types"):
                return GenericAlias(origin, members)
            return origin[members if len(members) > 1 else members[0]]
        except (TypeError, AttributeError, KeyError):
            return origin if isinstance(origin, type) else self._named(_last_name(node.value))

    def _annotated(self, inner: list[ast.expr], depth: int) -> Any:
        bare = self.annotation(inner[0], depth)
        extras = [value for each in inner[1:] if isinstance(value := self.of(each, depth), Resource)]
        return typing.Annotated[bare, extras[0]] if extras else bare

    def _name(self, node: ast.Name, depth: int) -> Any:
        return next((scope[node.id] for scope in self._scopes if node.id in scope), MISSING)

    def _attribute(self, node: ast.Attribute, depth: int) -> Any:
        base = self.of(node.value, depth)
        if base is MISSING or node.attr.startswith("__"):
            return MISSING
        return inspect.getattr_static(base, node.attr, MISSING)

    def _constant(self, node: ast.Constant, depth: int) -> Any:
        return node.value

    def _list(self, node: ast.List | ast.Tuple, depth: int) -> Any:
        values = [self.of(each, depth) for each in node.elts[:1000]]
        return MISSING if any(each is MISSING for each in values) else values

    def _sign(self, node: ast.UnaryOp, depth: int) -> Any:
        value = self.of(node.operand, depth)
        return -value if isinstance(node.op, ast.USub) and type(value) in (int, float) else MISSING

    def _operation(self, node: ast.BinOp, depth: int) -> Any:
        left, right = self.of(node.left, depth), self.of(node.right, depth)
        if isinstance(node.op, ast.BitOr | ast.BitAnd) and (isinstance(left, POLICIES) or isinstance(right, POLICIES)):
            return self._combined(left, right, isinstance(node.op, ast.BitOr))
        if isinstance(node.op, ast.BitOr) and (isinstance(left, type) or isinstance(right, type)):
            return self.annotation(node, depth)
        work = _NUMBERS.get(type(node.op))
        small = all(type(each) in (int, float) and abs(each) < _MOST for each in (left, right))
        return (
            work(left, right)
            if work and small and (right or not isinstance(node.op, ast.Div | ast.FloorDiv))
            else MISSING
        )

    def _combined(self, left: Any, right: Any, first: bool) -> Any:
        """Two retry policies as one; one of them may be of a class of the source."""
        known = all(isinstance(each, POLICIES) or type(each) in self._plain for each in (left, right))
        try:
            return (left | right if first else left & right) if known else MISSING
        except (TypeError, ValueError):
            return MISSING

    def _subscript(self, node: ast.Subscript, depth: int) -> Any:
        return self.annotation(node, depth) if isinstance(self.of(node.value, depth), type) else MISSING

    def _call(self, node: ast.Call, depth: int) -> Any:
        """Calls of our own classes only, with plain values; a workflow that is made is told as such."""
        made = self._method(node, depth) if isinstance(node.func, ast.Attribute) else MISSING
        if made is not MISSING:
            return made
        made = self.of(node.func, depth)
        if is_flow(made) or made is Workflow:
            return Instance(FlowBase if made is Workflow else made)
        if isinstance(made, type) and made in self._plain:
            return object.__new__(made)
        if made is not Resource and not (isinstance(made, type) and made in POLICIES):
            return MISSING
        return self._called(made, node, depth)

    def _method(self, node: ast.Call, depth: int) -> Any:
        assert isinstance(node.func, ast.Attribute)
        if node.func.attr not in _METHODS:
            return MISSING
        policy = self.of(node.func.value, depth)
        return self._called(getattr(policy, node.func.attr), node, depth) if isinstance(policy, POLICIES) else MISSING

    def _called(self, ours: Callable[..., Any], node: ast.Call, depth: int) -> Any:
        given = [self.of(each, depth) for each in node.args]
        named = {each.arg: self.of(each.value, depth) for each in node.keywords if each.arg}
        if any(each is MISSING for each in (*given, *named.values())) or len(named) < len(node.keywords):
            return MISSING
        try:
            return ours(*given, **named)
        except (TypeError, ValueError, WorkflowValidationError):
            return MISSING


_READERS: Mapping[type, Callable[[Values, Any, int], Any]] = {
    ast.Name: Values._name,
    ast.Attribute: Values._attribute,
    ast.Constant: Values._constant,
    ast.List: Values._list,
    ast.Tuple: Values._list,
    ast.UnaryOp: Values._sign,
    ast.BinOp: Values._operation,
    ast.Subscript: Values._subscript,
    ast.Call: Values._call,
}


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "?"
