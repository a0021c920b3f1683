"""The picture of the run that was last: from the moment on that this is imported, the last runs are kept for it."""

from __future__ import annotations

from os import PathLike

from wftrace.engine.errors import TraceError
from wftrace.engine.handler import WorkflowHandler
from wftrace.engine.workflow import Workflow
from wftrace.recent import find_run, keep_recent_runs

from .pictures import overlay


def draw_most_recent_execution(
    workflow: Workflow | WorkflowHandler, filename: str | PathLike[str] = "workflow_recent_execution.html"
) -> None:
    """Write the last run of a workflow, or the run of a handler, laid over all possible flows.

    Runs are kept for this from the moment on that this function was imported. Raises ``TraceError`` when there is none.
    """
    run_id = workflow.run_id if isinstance(workflow, WorkflowHandler) else workflow.last_run_id
    if run_id is None:
        raise TraceError(f"this {type(workflow).__name__} has not run yet: await workflow.run(...) first")
    overlay(find_run(run_id)).save(filename)


keep_recent_runs()
