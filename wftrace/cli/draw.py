"""``wftrace draw``: all possible flows of a workflow."""

from __future__ import annotations

import sys

import click

from wftrace.engine.graph import Finding
from wftrace.engine.workflow import graph_of
from wftrace.units import count_of

from .pictures import Order, deliver, picture_options
from .speech import Speech, is_terminal, speech_options
from .target import Finder


@click.command()
@click.argument("target")
@picture_options
@speech_options
@click.pass_obj
def draw(speech: Speech, target: str, order: Order) -> None:
    """Draw all possible flows of the workflow TARGET.

    TARGET is module:Attr, path/file.py:Attr, path/file.py or module. Without -o an outline goes to the terminal, and
    DOT into a pipe.

    \b
    wftrace draw flow.py -o flow.svg
    wftrace draw shop.flows:Checkout -o checkout.png
    wftrace draw flow.py -f mermaid
    """
    graph = graph_of(Finder(speech, "wftrace draw").find(target).flow)
    from wftrace.render import draw_graph  # slow, and not needed for a target that is not there

    picture = draw_graph(graph, direction=order.direction, theme=order.theme, legend=order.legend)
    for finding in graph.findings:
        speech.warn(_told(finding))
    deliver(picture, order, speech, f"{count_of(len(graph.steps), 'step')}, {count_of(len(graph.events), 'event')}")
    if order.output is None and is_terminal(sys.stdout):
        speech.note(f"as a picture: wftrace draw {target} -o flow.svg")


def _told(finding: Finding) -> str:
    place = f" ({finding.file}:{finding.line})" if finding.file else ""
    return f"{finding.message}{place}{f'; {finding.cure}' if finding.cure else ''}"
