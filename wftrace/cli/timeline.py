"""A run as a timeline for the terminal: a row per step, a line per worker, a bar for every stretch of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from wftrace.analysis import Bar, BarKind, Row
from wftrace.analysis import timeline as rows_of
from wftrace.trace import Run
from wftrace.units import format_ms

from .tables import cell, place

GLYPHS = {
    BarKind.RUN: "█",
    BarKind.FAILED: "✗",
    BarKind.CANCELLED: "▒",
    BarKind.QUEUE: "░",
    BarKind.BACK_OFF: "┄",
    BarKind.HUMAN: "╱",
    BarKind.WAIT: "·",
    BarKind.JOIN: "─",
}
LEAST_WIDTH = 20
MOST_WIDTH = 100


def timeline(run: Run, console: Console) -> Group:
    """The rows of a run under one axis of time, and what the signs mean."""
    rows = rows_of(run)
    names = max((len(row.name) for row in rows), default=0)
    width = max(LEAST_WIDTH, min(MOST_WIDTH, console.width - names - 3))
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_row("", _axis(run, width))
    for row in rows:
        for number, lane in enumerate(_folded(row)):
            table.add_row(cell(row.name, "bold") if number == 0 else "", _line(lane, run, width))
    return Group(table, Text(), _legend(rows))


def _folded(row: Row) -> list[list[Bar]]:
    """The lanes of a row: the workers' as they are, those that only wait put into one for each kind."""
    workers = [list(lane) for lane in row.lanes[: row.workers]]
    waiting: dict[BarKind, list[Bar]] = {}
    for lane in row.lanes[row.workers :]:
        waiting.setdefault(lane[0].kind, []).extend(lane)
    return [*workers, *waiting.values()]


def _line(lane: Sequence[Bar], run: Run, width: int) -> Text:
    """One lane. Where several bars meet in one character the later one is seen, but never over a failure."""
    signs = [" "] * width
    failed = GLYPHS[BarKind.FAILED]
    for bar in lane:
        begin, length = place(bar.start_ns, bar.end_ns, run.start_ns, run.end_ns, width)
        for column in range(begin, begin + length):
            if signs[column] != failed:
                signs[column] = GLYPHS[bar.kind]
    line = Text("".join(signs).rstrip())
    line.highlight_regex(f"{failed}+", "red")
    return line


def _axis(run: Run, width: int) -> Text:
    begin, end = "0", format_ms(run.duration_ms)
    return Text(begin + end.rjust(width - len(begin)))


def _legend(rows: Iterable[Row]) -> Text:
    present = {bar.kind for row in rows for lane in row.lanes for bar in lane}
    return Text("   ".join(f"{sign} {kind.value}" for kind, sign in GLYPHS.items() if kind in present))
