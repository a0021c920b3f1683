"""Small questions about a source's syntax, and about what its names stand for."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, UnionType
from typing import Any

from .standins import OURS, Unseen


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code and all that are in it."""
    todo = [code]
    while todo:
        each = todo.pop()
        yield each
        todo += [inner for inner in each.co_consts if isinstance(inner, CodeType)]


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, with those under ``if``, ``try`` and ``with`` in their order."""
    todo = list(reversed(body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If):
            todo += reversed([] if is_main(node) else [*node.orelse, *node.body])
        elif isinstance(node, ast.Try):
            handlers = [each for handler in node.handlers for each in handler.body]
            todo += reversed([*handlers, *node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With):
            todo += reversed(node.body)
        else:
            yield node


def is_main(node: ast.If) -> bool:
    """Whether this is ``if __name__ == "__main__"``."""
    test = node.test
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def absolute(node: ast.ImportFrom, name: str, path: Path) -> str:
    """The dotted name of the module that a file imports from."""
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    keep = len(parts) - node.level + (path.name == "__init__.py")
    return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])


def is_ours(name: str) -> bool:
    """Whether a module is one whose names mean ours."""
    return any(name == each or name.startswith(f"{each}.") for each in OURS)


def is_special(name: str) -> bool:
    """Whether Python may look a name up by itself."""
    return name.startswith("__") and name.endswith("__")


def is_unseen(value: object) -> bool:
    """Whether a value stands for a class that was not read."""
    return isinstance(value, type) and issubclass(value, Unseen)


def may_be_event(value: object) -> bool:
    """Whether a base class that was not read is an event, by its name."""
    return isinstance(value, type) and is_unseen(value) and value.__name__.endswith("Event")


def members(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the one hint."""
    if typing.get_origin(hint) in (typing.Union, UnionType):
        return typing.get_args(hint)
    return (hint,)


def decorated(node: ast.ClassDef) -> int:
    """How many lines above its name a class begins."""
    return node.lineno - min([node.lineno, *(each.lineno for each in node.decorator_list)])
