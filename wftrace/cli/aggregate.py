"""``wftrace aggregate``: many runs drawn over the possible flows."""

from __future__ import annotations

import json
from typing import Literal

import click

from wftrace.many.documents import aggregate_document
from wftrace.units import count_of

from .errors import CommandError
from .filters import Filter
from .many_runs import graph_named, is_code, one_workflow, read_many, tallied
from .only import only_option
from .pictures import Order, deliver, picture_options
from .speech import Speech, say, speech_options
from .views import Look, view_options

COLORS = ("share", "p95", "errors", "queue", "calls", "none")
Color = Literal["share", "p95", "errors", "queue", "calls", "none"]


@click.command()
@click.argument("places", nargs=-1, required=True, metavar="TRACE... [TARGET]")
@only_option
@click.option("--json", "as_json", is_flag=True, help="Write the figures (wftrace/aggregate@1) instead of a picture.")
@picture_options
@view_options
@click.option("--color-by", type=click.Choice(COLORS), default="share", help="What the fill of a step measures.")
@speech_options
@click.pass_obj
def aggregate(
    speech: Speech, places: tuple[str, ...], only: Filter, as_json: bool, order: Order, look: Look, color_by: Color
) -> None:
    """Draw the runs of one or more TRACEs over the possible flows: counts, p50 and p95, failures, what no run did.

    They are drawn over the workflow TARGET when it is named, else over the graph of the newest run. TRACE is a file, a
    folder, a pattern in quotes, or a backend.

    \b
    wftrace aggregate traces/ -o runs.svg
    wftrace aggregate runs.otlp.jsonl flow.py:Flow -o runs.html
    wftrace aggregate traces/ --only workflow=Checkout --json
    """
    targets = [place for place in places if is_code(place)]
    traces = [place for place in places if place not in targets]
    if len(targets) > 1 or not traces:
        cure = "wftrace aggregate runs.otlp.jsonl flow.py:Flow -o runs.svg"
        raise CommandError("name one or more traces, and at most one workflow", cure=cure)
    flow = graph_named(targets[0], "wftrace aggregate TRACE", speech) if targets else None
    figures = one_workflow(tallied(read_many(traces, speech, only), flow), flow, traces)
    if as_json:
        say(json.dumps(aggregate_document(figures), ensure_ascii=False, indent=2))
        return
    for note in figures.notes:
        speech.warn(note)
    from wftrace.render.many import draw_aggregate  # slow, and not needed for traces that cannot be read

    picture = draw_aggregate(
        figures,
        direction=order.direction,
        theme=order.theme,
        legend=order.legend,
        view=look.view(),
        color_by=color_by,
        source_link=look.source_link,
    )
    taken = f"{figures.taken} of {len(figures.possible)} edges taken"
    deliver(picture, order, speech, f"{count_of(figures.runs, 'run')}, {taken}")
