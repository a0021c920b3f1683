"""Pictures from Python: all possible flows, a run laid over them, and the two functions that LlamaIndex users know.

draw(MyFlow).save("flow.svg")
overlay(run).save("run.svg")
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from wftrace.analysis import critical_edges, critical_path
from wftrace.engine.errors import TraceError
from wftrace.engine.graph import FlowGraph
from wftrace.engine.handler import WorkflowHandler
from wftrace.engine.workflow import Workflow, graph_of
from wftrace.overlays import overlay_run
from wftrace.recent import find_run, keep_recent_runs
from wftrace.render import Picture, draw_graph, draw_overlay
from wftrace.trace import Run

if TYPE_CHECKING:
    from wftrace.drawing.layout import Direction
    from wftrace.drawing.page import Theme

Flow = Workflow | type[Workflow] | FlowGraph
Path = str | PathLike[str]


def draw(flow: Flow, *, direction: Direction = "TB", theme: Theme = "auto", legend: bool | None = None) -> Picture:
    """All possible flows of a workflow class, an instance or a graph."""
    return draw_graph(_graph(flow), direction=direction, theme=theme, legend=legend)


def overlay(
    run: Run,
    flow: Flow | None = None,
    *,
    direction: Direction = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
) -> Picture:
    """One run laid over all possible flows: those of ``flow``, or those that its trace carries.

    Where there are neither, the picture shows what was seen.
    """
    laid = overlay_run(run, None if flow is None else _graph(flow))
    critical = critical_edges(critical_path(run))
    return draw_overlay(laid, critical=critical, direction=direction, theme=theme, legend=legend)


def draw_all_possible_flows(workflow: Flow, filename: Path = "workflow_all_flows.html") -> None:
    """Write all possible flows to a file; its suffix is its format (html, svg, png, pdf, dot, mmd, txt, json)."""
    draw(workflow).save(filename)


def draw_most_recent_execution(
    workflow: Workflow | WorkflowHandler, filename: Path = "workflow_recent_execution.html"
) -> None:
    """Write the last run of a workflow, or the run of a handler, laid over all possible flows.

    Runs are kept for this from the moment on that this function was imported. Raises ``TraceError`` when there is none.
    """
    run_id = workflow.run_id if isinstance(workflow, WorkflowHandler) else workflow.last_run_id
    if run_id is None:
        raise TraceError(f"this {type(workflow).__name__} has not run yet: await workflow.run(...) first")
    overlay(find_run(run_id)).save(filename)


def _graph(flow: Flow) -> FlowGraph:
    return flow if isinstance(flow, FlowGraph) else graph_of(flow)


keep_recent_runs()
