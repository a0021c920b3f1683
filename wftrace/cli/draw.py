"""``wftrace draw``: all possible flows of a workflow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

import click

from wftrace.engine.graph import Finding, FlowGraph
from wftrace.engine.workflow import graph_of
from wftrace.units import count_of

from .errors import FINDING, OK, CommandError
from .pictures import Order, deliver, is_stale, picture_options
from .speech import Speech, is_terminal, speech_options
from .target import Finder
from .views import Look, view_options

if TYPE_CHECKING:
    from wftrace.drawing.nested import Nested
    from wftrace.render import Picture

USAGE = "wftrace draw"


class Stale(CommandError):
    """The file that was to be checked is not what is drawn today."""

    exit_code = FINDING


@click.command()
@click.argument("target")
@picture_options
@view_options
@click.option(
    "--nested",
    "nesting",
    type=click.Choice(["rows", "boxes", "frames"]),
    default="rows",
    help="Workflows that steps run: a row in the step, a box beside it, or all their steps in a frame.",
)
@click.option("--static", is_flag=True, help="Read the source without importing it: none of your code is run.")
@click.option("--check", is_flag=True, help="Write nothing; end with 1 when the file of -o is not up to date.")
@speech_options
@click.pass_obj
def draw(
    speech: Speech,
    target: str,
    order: Order,
    look: Look,
    nesting: Literal["rows", "boxes", "frames"],
    static: bool,
    check: bool,
) -> int:
    """Draw all possible flows of the workflow TARGET.

    TARGET is module:Attr, path/file.py:Attr, path/file.py or module. Without -o an outline goes to the terminal, and
    DOT into a pipe.

    \b
    wftrace draw flow.py -o flow.svg
    wftrace draw shop.flows:Checkout -o checkout.png
    wftrace draw flow.py -f mermaid
    wftrace draw flow.py --static --focus fetch~2
    wftrace draw flow.py --group-by module --fold chains -o overview.svg
    wftrace draw flow.py -o docs/flow.svg --check
    """
    graph, nested = _graph(target, speech, static, nesting)
    from wftrace.render import draw_graph  # slow, and not needed for a target that is not there

    picture = draw_graph(
        graph,
        direction=order.direction,
        theme=order.theme,
        legend=order.legend,
        view=look.view(),
        nested=nested,
        nesting=nesting,
        source_link=look.source_link,
    )
    if check:
        return _checked(picture, order, speech, target)
    for finding in graph.findings:
        speech.warn(_told(finding))
    deliver(picture, order, speech, f"{count_of(len(graph.steps), 'step')}, {count_of(len(graph.events), 'event')}")
    if order.output is None and is_terminal(sys.stdout):
        speech.note(f"as a picture: {USAGE} {target} -o flow.svg")
    return OK


def _graph(target: str, speech: Speech, static: bool, nesting: str) -> tuple[FlowGraph, tuple[Nested, ...]]:
    """The graph of a target, and the workflows that its steps run where they are to be drawn."""
    if static:
        from .static_target import static_graph  # only for --static

        if nesting != "rows":
            speech.warn("--static does not look into nested workflows: they are drawn as rows")
        return static_graph(target, USAGE, speech), ()
    flow = Finder(speech, USAGE).find(target).flow
    if nesting == "rows":
        return graph_of(flow), ()
    from wftrace.drawing.nested import nested_in

    return graph_of(flow), nested_in(flow)


def _checked(picture: Picture, order: Order, speech: Speech, target: str) -> int:
    if not is_stale(picture, order):
        speech.note(f"{order.output} is up to date")
        return OK
    state = "is not there" if order.output is None or not order.output.exists() else "is not what is drawn today"
    raise Stale(f"{order.output} {state}", cure=f"the same command without --check: {USAGE} {target} -o {order.output}")


def _told(finding: Finding) -> str:
    place = f" ({finding.file}:{finding.line})" if finding.file else ""
    return f"{finding.message}{place}{f'; {finding.cure}' if finding.cure else ''}"
