"""``WorkflowTestRunner``: a run, and everything that it showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wftrace.engine.context import Context
from wftrace.engine.events import Event, StartEvent
from wftrace.engine.workflow import Workflow
from wftrace.recorder import recording
from wftrace.trace import Run


@dataclass(frozen=True, slots=True)
class WorkflowTestResult:
    """What came of a run.

    ``collected`` are the events of its stream in order, the stop event last, ``event_types`` counts their classes,
    ``result`` is what the run returned, ``ctx`` its context, ``run`` its trace: every attempt, event and wait.
    """

    collected: list[Event]
    event_types: dict[type[Event], int]
    result: Any
    ctx: Context[Any]
    run: Run


class WorkflowTestRunner:
    """Runs a workflow to its end, under whatever event loop runs.

    await WorkflowTestRunner(flow).run(StartEvent(topic="pirates"))
    """

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow

    async def run(
        self,
        start_event: StartEvent | None = None,
        ctx: Context[Any] | None = None,
        exclude_events: Sequence[type[Event]] = (),
        **fields: Any,
    ) -> WorkflowTestResult:
        """One run with a start event, or with its ``fields``; ``exclude_events`` are classes that are not collected.

        An error of the run is raised.
        """
        with recording() as recorder:
            handler = self._workflow.run(ctx=ctx, start_event=start_event, **fields)
        collected = [event async for event in handler.stream_events() if not isinstance(event, tuple(exclude_events))]
        result = await handler
        run = next(run for run in recorder.runs() if run.run_id == handler.run_id)
        return WorkflowTestResult(collected, dict(Counter(map(type, collected))), result, handler.ctx, run)
