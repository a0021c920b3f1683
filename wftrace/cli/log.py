"""The event log of a run for the terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from wftrace.analysis import LogRow, log_rows
from wftrace.trace import Run
from wftrace.units import format_ms

from .tables import cell, columns


def log(run: Run, chosen: Callable[[LogRow], bool] = lambda _: True) -> Table:
    """The chosen lines of the log: number, time since the start, how long it took, kind, what happened."""
    table = columns("seq", "time", "took", "kind", "what", right=("seq", "time", "took"))
    for row in log_rows(run):
        if chosen(row):
            took = "" if row.took_ms is None else format_ms(row.took_ms)
            style = "red" if row.status == "error" else ""
            table.add_row(
                str(row.seq), f"+{format_ms(row.ms)}", took, Text(row.kind, style=style), cell(row.text, style)
            )
    return table
