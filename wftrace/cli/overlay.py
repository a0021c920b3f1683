"""``wftrace overlay``: one run drawn over the possible flows."""

from __future__ import annotations

import click

from wftrace.analysis import critical_edges, critical_path
from wftrace.engine.graph import FlowGraph
from wftrace.overlays import overlay_run

from .pictures import Order, deliver, picture_options
from .speech import Speech, speech_options
from .traces import choose_run, load_runs


@click.command()
@click.argument("trace")
@click.option("--graph", "target", metavar="TARGET", help="Draw over this workflow, not over the trace's own graph.")
@click.option("--run", "wanted", metavar="ID", help="Which run of the trace: the beginning of its id.")
@picture_options
@speech_options
@click.pass_obj
def overlay(speech: Speech, trace: str, target: str | None, wanted: str | None, order: Order) -> None:
    """Draw one run of TRACE over the possible flows: what ran, how often, how long, what failed.

    TRACE is a file, or - for standard input. It carries its own graph, so none of your code is needed.
    Where the graph is missing, what was seen is drawn.

    \b
    wftrace overlay run.otlp.jsonl -o run.svg
    """
    run = choose_run(load_runs(trace, speech), wanted, speech)
    laid = overlay_run(run, _graph_named(target, speech) if target else None)
    for note in laid.notes:
        speech.warn(note)
    if target is None and run.graph is None:
        speech.note(f"over the whole flow: wftrace overlay {trace} --graph path/file.py:Workflow")
    from wftrace.render import draw_overlay  # slow, and not needed for a trace that cannot be read

    critical = critical_edges(critical_path(run))
    picture = draw_overlay(laid, critical=critical, direction=order.direction, theme=order.theme, legend=order.legend)
    deliver(picture, order, speech, f"{laid.taken} of {len(laid.possible)} edges taken")


def _graph_named(target: str, speech: Speech) -> FlowGraph:
    from wftrace.engine.workflow import graph_of  # the engine, which a trace alone does not need

    from .target import Finder

    return graph_of(Finder(speech, "wftrace overlay TRACE --graph").find(target).flow)
