"""``wftrace overlay``: one run drawn over the possible flows."""

from __future__ import annotations

import click

from wftrace.analysis import critical_edges, critical_path
from wftrace.engine.graph import FlowGraph
from wftrace.overlays import overlay_run

from .errors import UnreadableTrace
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

    \b
    wftrace overlay run.otlp.jsonl -o run.svg
    """
    run = choose_run(load_runs(trace, speech), wanted, speech)
    graph = _graph_of(target, speech) if target else run.graph
    if graph is None:
        raise UnreadableTrace(
            f"run {run.run_id} carries no graph: its run span is missing from the trace",
            cure=f"wftrace overlay {trace} --graph path/file.py:Workflow",
        )
    laid = overlay_run(run, graph)
    for note in laid.notes:
        speech.warn(note)
    from wftrace.render import draw_overlay  # slow, and not needed for a trace that cannot be read

    critical = critical_edges(critical_path(run))
    picture = draw_overlay(laid, critical=critical, direction=order.direction, theme=order.theme, legend=order.legend)
    deliver(picture, order, speech, f"{laid.taken} of {len(laid.possible)} edges taken")


def _graph_of(target: str, speech: Speech) -> FlowGraph:
    from .target import Finder  # brings in the engine, which a trace alone does not need

    return Finder(speech, "wftrace overlay TRACE --graph").find(target).flow.graph
