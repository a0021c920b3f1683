"""Tracebacks as the user needs them: their own lines, without ours and without the import machinery's."""

from __future__ import annotations

import os
import sysconfig
import traceback
from functools import cache
from pathlib import Path

import wftrace


def own_frames(error: BaseException, *, everything: bool = False) -> str:
    """The traceback of an error from the user's code.

    Only the user's own frames stay: those of wftrace, of the standard library and of installed packages go. Where
    nothing would be left, or with ``everything``, nothing goes.
    """
    told = traceback.TracebackException.from_exception(error)
    if not everything:
        _trim(told)
    return "".join(told.format()).rstrip()


def _trim(told: traceback.TracebackException) -> None:
    own = [frame for frame in told.stack if not _is_foreign(frame.filename)]
    if own or all(_is_ours(frame.filename) for frame in told.stack):
        told.stack = traceback.StackSummary.from_list(own)
    for inner in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if inner is not None:
            _trim(inner)


def _is_ours(filename: str) -> bool:
    return filename.startswith("<frozen importlib") or os.path.realpath(filename).startswith(_our_folders())


def _is_foreign(filename: str) -> bool:
    return _is_ours(filename) or os.path.realpath(filename).startswith(_installed_folders())


@cache
def _our_folders() -> tuple[str, ...]:
    """The folders of wftrace, also where two of them are links to folders beside it."""
    house = Path(wftrace.__path__[0])
    rooms = (house, house / "engine", house / "exporters")
    return tuple(str(room.resolve()) + os.sep for room in rooms)


@cache
def _installed_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(os.path.realpath(paths[name]) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib"))
