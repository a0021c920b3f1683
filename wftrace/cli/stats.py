"""``wftrace stats``: many runs in figures."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wftrace.many import Aggregate, StepFigures, aggregate_of
from wftrace.many.coverage import shown_percent
from wftrace.many.documents import stats_document
from wftrace.units import count_of, format_count, format_ms

from .errors import UnreadableTrace
from .filters import Filter
from .many_runs import read_many, tallied
from .only import only_option
from .speech import Speech, say, speech_options
from .tables import cell, columns, make_console, show_on
from .traces import MAKE_ONE


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@only_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document (wftrace/stats@1) instead of tables.")
@speech_options
@click.pass_obj
def stats(speech: Speech, traces: tuple[str, ...], only: Filter, as_json: bool) -> None:
    """Say in figures what the runs in one or more TRACEs did: how many, how long, what failed, step by step.

    TRACE is a file, a folder of files, a pattern in quotes, - for standard input, or a backend. Each workflow gets its
    own tables. Runs are read one at a time; a thousand need no more room than a few.

    \b
    wftrace stats runs.otlp.jsonl
    wftrace stats traces/ --only outcome=failed
    wftrace stats 'traces/2026-11-*.jsonl' --json
    """
    tallies = tallied(read_many(traces, speech, only))
    if not tallies:
        raise UnreadableTrace(f"no run fits in {' '.join(traces)}", cure=MAKE_ONE)
    found = [aggregate_of(tally) for tally in tallies.values()]
    if as_json:
        say(json.dumps(stats_document(found), ensure_ascii=False, indent=2))
        return
    console = make_console()
    for number, each in enumerate(found):
        if number:
            show_on(console)
        print_figures(each, console)
        for note in each.notes:
            speech.warn(note)


def print_figures(figures: Aggregate, console: Console) -> None:
    """The headline of many runs, and a line per step."""
    show_on(console, cell(headline(figures), "bold"))
    show_on(console, cell(_times(figures)))
    if figures.steps:
        show_on(console)
        show_on(console, _steps(figures))


def headline(figures: Aggregate) -> str:
    """The runs in one line: how many, how they ended, how much of the flow they took."""
    ends = [f"{format_count(count)} {outcome.replace('_', ' ')}" for outcome, count in figures.outcomes.items()]
    parts = [figures.workflow, count_of(figures.runs, "run"), ", ".join(ends)]
    if figures.possible:
        parts.append(f"{figures.taken} of {len(figures.possible)} edges taken")
    return " · ".join([*parts, count_of(len(figures.variants), "variant")])


def _times(figures: Aggregate) -> str:
    words = [f"duration p50 {format_ms(figures.time.p50_ms)}, p95 {format_ms(figures.time.p95_ms)}"]
    words.append(f"busy p50 {format_ms(figures.busy.p50_ms)}")
    if figures.human.count:
        human = f"human p50 {format_ms(figures.human.p50_ms)}, p95 {format_ms(figures.human.p95_ms)}"
        words.append(f"{human} ({figures.human_share:.0%} of the time)")
    if figures.unanswered:
        words.append(f"{figures.unanswered} without an answer")
    return " · ".join(words)


def _steps(figures: Aggregate) -> Table:
    numbers = ("calls", "a run", "p50", "p95", "queue p95", "share", "failed", "retried")
    table = columns("step", *numbers, "", right=numbers)
    for step in figures.graph.steps:
        found = figures.steps.get(step.id)
        if found is None:
            table.add_row(cell(step.name), "0", *("–" for _ in numbers[1:]), "never ran")
        else:
            table.add_row(cell(step.name), *_row(found, figures.runs))
    return table


def _row(step: StepFigures, runs: int) -> tuple[str | Text, ...]:
    failed = f"{shown_percent(100 * step.failure_share)} %" if step.failed else "–"
    return (
        format_count(step.calls),
        f"{step.calls / runs:.3g}",
        format_ms(step.time.p50_ms),
        format_ms(step.time.p95_ms),
        format_ms(step.queue.p95_ms),
        f"{step.share:.0%}",
        Text(failed, style="red" if step.lost else ""),
        format_count(step.retried) if step.retried else "–",
        f"{step.lost} failed for good" if step.lost else "",
    )
