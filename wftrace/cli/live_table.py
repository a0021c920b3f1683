"""How a run under way looks in the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wftrace.engine.graph import FlowGraph, StepNode
from wftrace.engine.statistics import RunStatistics, StepStatistics
from wftrace.trace import Span
from wftrace.units import count_of, format_ms

from .happening import Happening, happenings
from .pulse import Figures
from .tables import cell, columns

DOING = 5
HAPPENED = 6
LOOKED_BACK = 40
"""How many of the last spans are read for the last lines: many of them say the same."""

HELD_UP = 1.0
"""Seconds from which on a loop that does not answer is worth a line."""

COUNTS = ("running", "queued", "done", "failed", "retried")


def live_table(
    graph: FlowGraph, figures: Figures, spans: Sequence[Span], held_up: float, height: int, now: float | None = None
) -> Group:
    """A run as it stands: figures, a line per step, what it is doing, and what happened last.

    It fits into ``height`` lines. ``now`` is the time on the clock of the figures.
    """
    moment = time.monotonic() if now is None else now
    share = max(1, (height - 8) // 2)
    doing = _doing(figures.doing, held_up, min(DOING, share))
    first = spans[0].start_ns if spans else 0
    last = [_event(each, first) for each in happenings(spans[-LOOKED_BACK:])[-min(HAPPENED, share) :]]
    room = max(1, height - 4 - len(doing) - len(last) - bool(doing) - bool(last))
    parts: list[RenderableType] = [_headline(figures, moment), Text(), _steps(graph, figures.statistics, room)]
    for lines in (doing, last):
        if lines:
            parts += [Text(), *lines]
    return Group(*parts)


def _headline(figures: Figures, now: float) -> Text:
    run = figures.statistics
    seconds = run.seconds + (max(0.0, now - figures.taken_at) if run.outcome == "running" else 0.0)
    parts = [f"run {run.run_id[:8]}", format_ms(seconds * 1000), count_of(run.attempts, "attempt")]
    if run.retries:
        parts.append(count_of(run.retries, "retry", "retries"))
    if run.waiting:
        parts.append(f"{run.waiting} waiting")
    return Text.assemble(cell(run.workflow, "bold"), "  ", cell(" · ".join(parts)), no_wrap=True, overflow="ellipsis")


def _steps(graph: FlowGraph, run: RunStatistics, room: int) -> Table:
    table = columns("  step", *COUNTS, "", right=COUNTS)
    shown = _chosen(graph.steps, run, room)
    for step in shown:
        facts = run.steps.get(step.name)
        if facts is None:
            table.add_row(Text.assemble("○ ", cell(step.name)), *("–" for _ in COUNTS), "", style="dim")
        else:
            table.add_row(Text.assemble(_sign(facts), " ", cell(step.name)), *_counts(facts))
    left_out = len(graph.steps) - len(shown)
    if left_out:
        table.add_row(Text(f"  … {count_of(left_out, 'more step')}"), style="dim")
    return table


def _chosen(steps: Sequence[StepNode], run: RunStatistics, room: int) -> list[StepNode]:
    """As many steps as there is room for, in the order of the flow; those at work come before those that are not."""
    if len(steps) <= room:
        return list(steps)

    def rank(step: StepNode) -> int:
        facts = run.steps.get(step.name)
        return 2 if facts is None else 0 if facts.running or facts.queued or facts.delayed else 1

    kept = {step.id for step in sorted(steps, key=rank)[: room - 1]}
    return [step for step in steps if step.id in kept]


def _sign(facts: StepStatistics) -> str:
    if facts.running:
        return "●"
    if facts.queued or facts.delayed:
        return "◌"
    return "✗" if facts.failed else "✓"


def _counts(facts: StepStatistics) -> list[Text]:
    workers = f"{facts.running} of {facts.workers}" if facts.running else "–"
    numbers = (facts.queued, facts.completed, facts.failed, facts.retries)
    cells = [
        Text(workers, style="bold" if facts.running else ""),
        *(Text(str(each) if each else "–") for each in numbers),
    ]
    if facts.failed:
        cells[3].stylize("red")
    return [*cells, Text(f"↻ {facts.delayed} to be tried again" if facts.delayed else "")]


def _doing(lines: Sequence[str], held_up: float, most: int) -> list[Text]:
    """What the run is doing; of many lines the last ones, which are about waits."""
    shown = [_row(line) for line in lines[-most:]]
    if len(lines) > most:
        shown[0] = _row(f"… {len(lines) - most + 1} more", "dim")
    if held_up >= HELD_UP:
        text = f"⚠ the event loop is held up for {format_ms(held_up * 1000)}: a step works without awaiting"
        shown.append(_row(text, "bold"))
    return shown


def _event(each: Happening, first_ns: int) -> Text:
    since = format_ms(max(0, each.time_ns - first_ns) / 1e6)
    return _row(f"{'+' + since:>10}  {each.text}", "red" if each.bad else "dim")


def _row(text: str, style: str = "") -> Text:
    row = Text("  ")
    row.append_text(cell(text, style))
    row.no_wrap = True
    row.overflow = "ellipsis"
    return row
