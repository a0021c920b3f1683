"""What can go wrong on the command line, with the exit code of each.

    CommandError            2    used wrongly: an option, a value, an output file
    ├── RunError            1    the workflow ran and failed, or cannot run
    │   └── StepExit        any  a step ended the process, with the code that it gave
    ├── TargetError         3    the target cannot be imported
    ├── UnreadableTrace     4    the trace is missing, or no run in it can be read
    └── ToolMissing         5    a program or package that is needed is not there

0 is success, 130 is Ctrl-C.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

OK = 0
FINDING = 1
USAGE = 2
INTERRUPTED = 130


class CommandError(Exception):
    """Something that the person at the keyboard can put right.

    ``what`` says what is wrong and where, ``details`` are further lines (a listing, the user's own frames), ``cure``
    is the command to type or the thing to do next.
    """

    exit_code = USAGE

    def __init__(self, what: str, *details: str, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.details = details
        self.cure = cure


class RunError(CommandError):
    """The workflow failed, or is not fit to run."""

    exit_code = FINDING


class StepExit(RunError):
    """A step raised ``SystemExit`` or ``KeyboardInterrupt``; the command ends with their code, and never with 0."""

    def __init__(self, error: BaseException, what: str, *details: str) -> None:
        super().__init__(what, *details)
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else getattr(error, "code", None)
        self.exit_code = code if isinstance(code, int) and 0 < code < 256 else FINDING


class TargetError(CommandError):
    """The module or file that holds the workflow cannot be imported."""

    exit_code = 3


class UnreadableTrace(CommandError):
    """The trace cannot be read, or holds no run."""

    exit_code = 4


class ToolMissing(CommandError):
    """A program or a package that the command needs is not installed."""

    exit_code = 5


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like ``name``, or ``""``.

    >>> closest("fech", ["fetch", "draft"]), closest("x", ["fetch"])
    ('fetch', '')
    """
    candidates = list(known)
    folded = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.lower(), folded, n=1)
    return folded[found[0]] if found else ""
