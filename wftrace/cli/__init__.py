"""The command line: it translates what people type into calls of the library, and what comes back into text."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import INTERRUPTED

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Without arguments it runs with the process's own, and ends it."""
    try:
        from .app import main as run  # slow: Ctrl-C while it is loaded must not end in a traceback

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
