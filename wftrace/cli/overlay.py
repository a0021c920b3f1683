"""``wftrace overlay``: one run drawn over the possible flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from wftrace.analysis import critical_edges, critical_path
from wftrace.engine.graph import FlowGraph
from wftrace.overlays import Overlay, overlay_run
from wftrace.trace import Run

from .errors import CommandError
from .pictures import Order, deliver, picture_options
from .speech import Speech, speech_options
from .traces import load_trace
from .views import Look, view_options

if TYPE_CHECKING:
    from wftrace.render import Picture

Color = Literal["share", "p95", "errors", "queue", "calls", "none"]
COLORS = ("share", "p95", "errors", "queue", "calls", "none")


@click.command()
@click.argument("trace")
@click.option("--graph", "target", metavar="TARGET", help="Draw over this workflow, not over the trace's own graph.")
@click.option("--run", "wanted", metavar="ID", help="Which run of the trace: the beginning of its id.")
@picture_options
@view_options
@click.option("--color-by", type=click.Choice(COLORS), default="share", help="What the fill of a step measures.")
@click.option("--expanded", "mode", flag_value="expanded", help="Every attempt and event a node of its own.")
@click.option("--beside", "mode", flag_value="beside", help="All possible flows at the left, the run at the right.")
@speech_options
@click.pass_obj
def overlay(
    speech: Speech,
    trace: str,
    target: str | None,
    wanted: str | None,
    order: Order,
    look: Look,
    color_by: Color,
    mode: str | None,
) -> None:
    """Draw one run of TRACE over the possible flows: what ran, how often, how long, what failed.

    TRACE is a file, - for standard input, or a backend: phoenix, jaeger, phoenix:run=ID, the address of a trace's
    page. It carries its own graph, so none of your code is needed.
    Where the graph is missing, what was seen is drawn.

    \b
    wftrace overlay run.otlp.jsonl -o run.svg
    wftrace overlay phoenix -o run.svg
    wftrace overlay run.otlp.jsonl --expanded -o attempts.svg
    wftrace overlay run.otlp.jsonl --beside --color-by p95 -o both.svg
    """
    if mode == "expanded" and look != Look(source_link=look.source_link):
        cure = "leave --events, --focus, --between, --group-by and --fold out, or --expanded"
        raise CommandError("--expanded shows the whole run, attempt by attempt", cure=cure)
    loaded = load_trace(trace, speech, wanted)
    run = loaded.choose(wanted, speech)
    laid = overlay_run(run, _graph_named(target, speech) if target else None)
    for note in laid.notes:
        speech.warn(note)
    if target is None and run.graph is None:
        speech.note(f"over the whole flow: wftrace overlay {trace} --graph path/file.py:Workflow")
    picture = _drawn(run, laid, order, look, color_by, mode)
    deliver(picture, order, speech, f"{laid.taken} of {len(laid.possible)} edges taken")
    for name, page in loaded.pages(run).items():
        speech.note(f"{name}: {page}")


def _drawn(run: Run, laid: Overlay, order: Order, look: Look, color_by: Color, mode: str | None) -> Picture:
    from wftrace.render import draw_beside, draw_expanded, draw_overlay  # slow, and not needed for a trace that is bad

    path = critical_path(run)
    if mode == "expanded":
        return draw_expanded(
            laid,
            path=path,
            direction=order.direction,
            theme=order.theme,
            legend=order.legend,
            color_by=color_by,
            source_link=look.source_link,
        )
    draw = draw_beside if mode == "beside" else draw_overlay
    return draw(
        laid,
        critical=critical_edges(path),
        direction=order.direction,
        theme=order.theme,
        legend=order.legend,
        view=look.view(),
        color_by=color_by,
        source_link=look.source_link,
    )


def _graph_named(target: str, speech: Speech) -> FlowGraph:
    from wftrace.engine.workflow import graph_of  # the engine, which a trace alone does not need

    from .target import Finder

    return graph_of(Finder(speech, "wftrace overlay TRACE --graph").find(target).flow)
