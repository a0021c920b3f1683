"""One execution of a step, with all that its trace knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from wftrace.analysis import queue_reason
from wftrace.analysis.lanes import Workers
from wftrace.gate import clean_text
from wftrace.trace import Attempt, Run
from wftrace.units import format_ms

from .tables import cell


def execution(run: Run, attempts: Sequence[Attempt]) -> Table:
    """The facts of an execution, attempt by attempt, as names and values."""
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    workers = Workers(run)
    for attempt in attempts:
        table.add_row(cell(attempt.execution_id), f"attempt {attempt.number}")
        for name, value in _facts(run, attempt, workers):
            if value:
                table.add_row(f"  {name}", Text(clean_text(value)))
    return table


def _facts(run: Run, attempt: Attempt, workers: Workers) -> Iterator[tuple[str, str]]:
    reason = queue_reason(attempt, workers, run.graph)
    yield "outcome", attempt.outcome.replace("_", " ")
    yield "start", f"+{format_ms((attempt.start_ns - run.start_ns) / 1e6)}"
    yield "ran", f"{format_ms(attempt.duration_ms)} on worker {attempt.worker}"
    yield "queued", f"{format_ms(attempt.queue_wait_ms)}{f' ({reason})' if reason else ''}"
    yield "joined for", _optional(attempt.collect_wait_ms)
    yield "backed off", _optional(attempt.retry_delay_ms)
    yield "took", _events(attempt.input_types, attempt.input_executions, "from")
    yield "joined", f"{len(attempt.joined)} events" if len(attempt.joined) > 1 else ""
    yield "made", _events(attempt.output_types, (), "")
    yield "streamed", ", ".join(f"{kind.rpartition('.')[2]} × {n}" for kind, n in attempt.streamed.items())
    yield "input", attempt.input_value or ""
    yield "output", attempt.output_value or ""
    if attempt.error is not None:
        yield "error", f"{attempt.error.type}: {attempt.error.message}"
        yield "", attempt.error.stacktrace.rstrip()
    yield "span", f"{attempt.trace_id}/{attempt.span_id}" if attempt.span_id else ""


def _optional(ms: float | None) -> str:
    return "" if ms is None else format_ms(ms)


def _events(kinds: Sequence[str], sources: Sequence[str], word: str) -> str:
    names = [kind.rpartition(".")[2] for kind in kinds]
    if not sources:
        return ", ".join(names)
    return ", ".join(f"{name} {word} {source or 'outside'}" for name, source in zip(names, sources, strict=False))
