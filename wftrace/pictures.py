"""Pictures from Python: all possible flows, a run laid over them, and the two functions that LlamaIndex users know.

draw(MyFlow).save("flow.svg")
overlay(run).save("run.svg")
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from wftrace.analysis import critical_edges, critical_path
from wftrace.drawing.nested import nested_in
from wftrace.drawing.view import View
from wftrace.engine.graph import FlowGraph
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.overlays import overlay_run
from wftrace.render import Picture, draw_beside, draw_expanded, draw_graph, draw_overlay
from wftrace.trace import Run

if TYPE_CHECKING:
    from wftrace.drawing.heat import ColorBy
    from wftrace.drawing.layout import Wanted
    from wftrace.drawing.nested import Nesting
    from wftrace.drawing.page import Theme

Flow = Workflow | type[Workflow] | FlowGraph
Path = str | PathLike[str]


def draw(
    flow: Flow,
    *,
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    view: View | None = None,
    nesting: Nesting = "rows",
    source_link: str = "",
) -> Picture:
    """All possible flows of a workflow class, an instance or a graph.

    ``view`` says what is shown of a large flow (``View(focus=("fetch~2",))``), ``nesting`` how workflows that steps run
    are drawn: as ``rows`` in the steps, ``boxes`` or ``frames``. ``source_link`` is an address with ``{file}`` and
    ``{line}`` in it, to which the nodes link.
    """
    nested = () if nesting == "rows" or isinstance(flow, FlowGraph) else nested_in(flow)
    return draw_graph(
        _graph(flow),
        direction=direction,
        theme=theme,
        legend=legend,
        view=view,
        nested=nested,
        nesting=nesting,
        source_link=source_link,
    )


def overlay(
    run: Run,
    flow: Flow | None = None,
    *,
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    view: View | None = None,
    color_by: ColorBy = "share",
    source_link: str = "",
    beside: bool = False,
) -> Picture:
    """One run laid over all possible flows: those of ``flow``, or those that its trace carries.

    Where there are neither, the picture shows what was seen. ``color_by`` is what the fills of the steps measure,
    ``beside`` puts all possible flows to the left of it; the rest is as for ``draw``.
    """
    laid = overlay_run(run, None if flow is None else _graph(flow))
    critical = critical_edges(critical_path(run))
    return (draw_beside if beside else draw_overlay)(
        laid,
        critical=critical,
        direction=direction,
        theme=theme,
        legend=legend,
        view=view,
        color_by=color_by,
        source_link=source_link,
    )


def expand(
    run: Run,
    flow: Flow | None = None,
    *,
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    color_by: ColorBy = "share",
    source_link: str = "",
) -> Picture:
    """One run unrolled: every attempt and every event a node of its own; no loop is closed."""
    laid = overlay_run(run, None if flow is None else _graph(flow))
    return draw_expanded(
        laid,
        path=critical_path(run),
        direction=direction,
        theme=theme,
        legend=legend,
        color_by=color_by,
        source_link=source_link,
    )


def draw_all_possible_flows(workflow: Flow, filename: Path = "workflow_all_flows.html") -> None:
    """Write all possible flows to a file; its suffix is its format (html, svg, png, pdf, dot, mmd, txt, json)."""
    draw(workflow).save(filename)


def _graph(flow: Flow) -> FlowGraph:
    return flow if isinstance(flow, FlowGraph) else graph_of(flow)
