"""The lines that everything about one run begins with."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.text import Text

from wftrace.analysis import summarise
from wftrace.overlays import overlay_run
from wftrace.trace import Run
from wftrace.units import format_ms

from .tables import cell


def headline(run: Run) -> list[Text]:
    """The verdict, what ran and when, and the error it ended with."""
    summary = summarise(overlay_run(run)) if run.graph else None
    verdict = summary.sentence if summary else f"{run.outcome.replace('_', ' ')} · {format_ms(run.duration_ms)}"
    when = datetime.fromtimestamp(run.start_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    parts = [run.workflow, f"run {run.run_id}", when, f"trace {run.trace_id}" if run.trace_id else ""]
    lines = [
        Text(verdict, style="bold" if summary is None or summary.good else "bold red"),
        cell(" · ".join(part for part in parts if part)),
    ]
    if run.error is not None:
        where = f"{run.failed_execution}: " if run.failed_execution else ""
        message = run.error.message.partition("\n")[0]
        lines.append(cell(f"{where}{run.error.type}: {message}", "red"))
    return lines
