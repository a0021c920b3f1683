"""Reading the source of users' code. It never fails: what cannot be read is told as None, and a run goes on without it.

Python 3.11 trips over itself (``SystemError``) when two threads, or the garbage collector in between, parse at once; so
reading here is done one at a time, and once more where somebody else came in between.
"""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import TypeVar

Value = TypeVar("Value")

_TRIES = 5
_lock = threading.RLock()


@lru_cache(maxsize=4096)
def tree_of(function: FunctionType) -> ast.AST | None:
    """The syntax tree of a function."""
    return _read(lambda: ast.parse(textwrap.dedent(inspect.getsource(function))))


def place_of(cls: type) -> tuple[str, int] | None:
    """The file of a class and the line where it begins."""
    return _read(lambda: (inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]))


def short_path(path: str, module: str) -> str:
    """The path from the current folder, or from where the module's top package lies: alike on every machine."""
    here = str(Path.cwd()) + os.sep
    if path.startswith(here):
        return path[len(here) :].replace(os.sep, "/")
    depth = module.count(".") + 1 + path.endswith("__init__.py")
    return "/".join(path.replace(os.sep, "/").split("/")[-depth:])


def _read(how: Callable[[], Value]) -> Value | None:
    for _ in range(_TRIES):
        try:
            with _lock:
                return how()
        except SystemError:
            continue
        except (OSError, TypeError, SyntaxError, ValueError, RecursionError):
            return None
    return None
