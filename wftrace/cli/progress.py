"""How far a long command is: one line on a terminal, from half a second on, and nothing in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from wftrace.units import format_count

from .speech import Speech, is_terminal

PATIENCE_S = 0.5
"""Seconds before anything is said, and between two looks at the clock's result."""

_CLEAR = "\r\x1b[2K"

Item = TypeVar("Item")


def counted(items: Iterable[Item], noun: str, speech: Speech) -> Iterator[Item]:
    """The items as they are, while a line on the terminal says how many there were."""
    if speech.verbosity < 0 or not is_terminal(sys.stderr):
        yield from items
        return
    said = False
    due = time.monotonic() + PATIENCE_S
    number = 0
    try:
        for number, item in enumerate(items, 1):
            yield item
            if time.monotonic() >= due:
                sys.stderr.write(f"{_CLEAR}{format_count(number)} {noun} …")
                sys.stderr.flush()
                said, due = True, time.monotonic() + PATIENCE_S / 2
    finally:
        if said:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
