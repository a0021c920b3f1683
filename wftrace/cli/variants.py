"""``wftrace variants``: the ways that runs took."""

from __future__ import annotations

import json

import click
from rich.table import Table

from wftrace.many import Aggregate
from wftrace.many.coverage import shown_percent
from wftrace.many.documents import variants_document
from wftrace.units import count_of, format_count, format_ms

from .filters import Filter
from .many_runs import one_workflow, read_many, tallied
from .only import only_option
from .speech import Speech, say, speech_options
from .tables import cell, columns, make_console, show_on


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@only_option
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="How many are listed.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document (wftrace/variants@1), with all of them.")
@speech_options
@click.pass_obj
def variants(speech: Speech, traces: tuple[str, ...], only: Filter, most: int, as_json: bool) -> None:
    """List the ways that runs took, the most frequent first: which step ran after which by cause, with loops folded.

    ↻ marks a step that was retried, ✗ one that failed for good, ☺ a human's answer, (a → b)+ a loop. Each way is named
    by the earliest run that took it.

    \b
    wftrace variants traces/
    wftrace variants runs.otlp.jsonl --only outcome=failed --most 5
    wftrace show runs.otlp.jsonl --run 8f2c41d0
    """
    figures = one_workflow(tallied(read_many(traces, speech, only)), None, traces)
    if as_json:
        say(json.dumps(variants_document(figures), ensure_ascii=False, indent=2))
        return
    console = make_console()
    show_on(console, _table(figures, most))
    shown = f"{count_of(len(figures.variants), 'variant')} of {count_of(figures.runs, 'run')}"
    more = f"; --most {len(figures.variants)} shows all" if len(figures.variants) > most else ""
    speech.note(f"{figures.workflow}: {shown}{more}")


def _table(figures: Aggregate, most: int) -> Table:
    numbers = ("runs", "share", "p50")
    table = columns(*numbers, "for example", "way", right=numbers)
    for variant in figures.variants[:most]:
        table.add_row(
            format_count(variant.runs),
            f"{shown_percent(100 * variant.share)} %",
            format_ms(variant.p50_ms),
            cell(variant.example[:12]),
            cell(variant.text),
        )
    return table
