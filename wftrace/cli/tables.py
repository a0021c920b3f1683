"""Text in columns for the terminal: cells, bars, and the console that prints them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from wftrace.gate import clean_text
from wftrace.units import format_ms

from .speech import colours, is_terminal, say

PIPE_WIDTH = 10_000
"""Columns in a pipe: there is no edge to break lines at."""

BAR_WIDTH = 40
LEAST_BAR = 10


def make_console() -> Console:
    """A console on standard output that never guesses: no markup, no highlighting, no cut lines in a pipe."""
    terminal = is_terminal(sys.stdout)
    return Console(
        file=sys.stdout,
        width=None if terminal else PIPE_WIDTH,
        color_system="auto" if colours(sys.stdout) else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


def show_on(console: Console, content: RenderableType = "") -> None:
    """Print text or a table; a pipe gets no blanks at the ends of lines."""
    if console.is_terminal:
        console.print(content)
        return
    with console.capture() as captured:
        console.print(content)
    say("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def cell(text: str, style: str = "") -> Text:
    """Text from a trace as one safe line."""
    return Text(" ".join(clean_text(text).split("\n")).replace("\t", " "), style=style, end="")


def duration(ms: float | None) -> Text:
    """A duration, or a dash where there is none."""
    return Text("–" if ms is None else format_ms(ms))


def columns(*headers: str, right: Sequence[str] = ()) -> Table:
    """An empty table without lines. The columns named in ``right`` hold numbers; only the last one may be wrapped."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in headers:
        last = header == headers[-1]
        justify = "right" if header in right else "left"
        table.add_column(header, justify=justify, no_wrap=not last, overflow="fold")  # type: ignore[arg-type]
    return table


def bar_width(console: Console, used: int) -> int:
    """How many columns are left for bars of time beside ``used`` columns of text; 0 when they are too few."""
    left = min(BAR_WIDTH, console.width - used)
    return left if left >= LEAST_BAR else 0


def place(start: int, end: int, first: int, last: int, width: int) -> tuple[int, int]:
    """Where a stretch of time begins in a line of ``width`` characters, and how many it fills, at least one.

    >>> place(50, 100, 0, 100, 10), place(100, 100, 0, 100, 10), place(0, 0, 0, 0, 10)
    ((5, 5), (9, 1), (0, 1))
    """
    whole = max(last - first, 1)
    begin = min(max(0, (start - first) * width // whole), width - 1)
    length = max(1, round((end - start) * width / whole))
    return begin, min(length, width - begin)
