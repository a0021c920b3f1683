"""Event-driven workflows that explain themselves.

The engine is here at once; drawing, reports and exporters are imported when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wftrace.engine.context import Context, RetryInfo
from wftrace.engine.errors import (
    CheckpointError,
    ContextSerdeError,
    GraphFormatError,
    SavedError,
    ServiceNotFoundError,
    StepTimeoutError,
    TraceError,
    WorkflowCancelledByUser,
    WorkflowConfigurationError,
    WorkflowDeadEndError,
    WorkflowError,
    WorkflowRuntimeError,
    WorkflowStepDoesNotExistError,
    WorkflowTimeoutError,
    WorkflowValidationError,
)
from wftrace.engine.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
    UnhandledEvent,
)
from wftrace.engine.graph import FlowGraph
from wftrace.engine.handler import WorkflowHandler
from wftrace.engine.observers import Observer, install, observing
from wftrace.engine.resources import Resource
from wftrace.engine.steps import step
from wftrace.engine.workflow import Workflow

from .version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from wftrace.engine.checkpoints import Checkpoint, WorkflowCheckpointer
    from wftrace.engine.codec import JsonSerializer
    from wftrace.engine.keepers import CheckpointKeeper, MemoryKeeper
    from wftrace.engine.known_types import Adapter
    from wftrace.engine.retry import (
        ComposableRetryPolicy,
        ConstantDelayRetryPolicy,
        CustomRetryPolicy,
        ExponentialBackoffRetryPolicy,
        LinearBackoffRetryPolicy,
        RandomDelayRetryPolicy,
        RetryPolicy,
    )
    from wftrace.engine.sqlite_keeper import SqliteKeeper
    from wftrace.engine.statistics import RunStatistics, StepStatistics
    from wftrace.exporters.html import report
    from wftrace.exporters.run_files import iter_runs
    from wftrace.exporters.setup import trace_to

    from .drawing.view import View
    from .labels import using
    from .logs import RunLogFilter, log_fields
    from .many_pictures import aggregate, coverage, diff
    from .pictures import draw, draw_all_possible_flows, expand, overlay
    from .recent_pictures import draw_most_recent_execution as draw_most_recent_execution
    from .recorder import Recorder, recording
    from .settings import configure_tracing
    from .watch.pushing import watching

_LAZY = {
    "Adapter": "wftrace.engine.known_types",
    "Checkpoint": "wftrace.engine.checkpoints",
    "CheckpointKeeper": "wftrace.engine.keepers",
    "ComposableRetryPolicy": "wftrace.engine.retry",
    "ConstantDelayRetryPolicy": "wftrace.engine.retry",
    "CustomRetryPolicy": "wftrace.engine.retry",
    "ExponentialBackoffRetryPolicy": "wftrace.engine.retry",
    "JsonSerializer": "wftrace.engine.codec",
    "LinearBackoffRetryPolicy": "wftrace.engine.retry",
    "MemoryKeeper": "wftrace.engine.keepers",
    "RandomDelayRetryPolicy": "wftrace.engine.retry",
    "Recorder": "wftrace.recorder",
    "RetryPolicy": "wftrace.engine.retry",
    "RunLogFilter": "wftrace.logs",
    "RunStatistics": "wftrace.engine.statistics",
    "SqliteKeeper": "wftrace.engine.sqlite_keeper",
    "StepStatistics": "wftrace.engine.statistics",
    "View": "wftrace.drawing.view",
    "WorkflowCheckpointer": "wftrace.engine.checkpoints",
    "aggregate": "wftrace.many_pictures",
    "configure_tracing": "wftrace.settings",
    "coverage": "wftrace.many_pictures",
    "diff": "wftrace.many_pictures",
    "draw": "wftrace.pictures",
    "draw_all_possible_flows": "wftrace.pictures",
    "draw_most_recent_execution": "wftrace.recent_pictures",
    "expand": "wftrace.pictures",
    "iter_runs": "wftrace.exporters.run_files",
    "log_fields": "wftrace.logs",
    "overlay": "wftrace.pictures",
    "recording": "wftrace.recorder",
    "report": "wftrace.exporters.html",
    "trace_to": "wftrace.exporters.setup",
    "using": "wftrace.labels",
    "watching": "wftrace.watch.pushing",
}
"""What is imported when it is first asked for, and from where."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "draw_most_recent_execution"])


def _tracing_observer() -> Observer | None:
    """The spans of a run, when the process has an OpenTelemetry SDK configured."""
    from .tracing import observer

    return observer()


def _metrics_observer() -> Observer | None:
    """The measures of a run, when the process has an OpenTelemetry meter provider."""
    from .metrics import observer

    return observer()


install(_tracing_observer)
install(_metrics_observer)

# Without draw_most_recent_execution: to import it is to have runs recorded, which "import *" should not do.
__all__ = [
    "Adapter",
    "Checkpoint",
    "CheckpointError",
    "CheckpointKeeper",
    "ComposableRetryPolicy",
    "ConstantDelayRetryPolicy",
    "Context",
    "ContextSerdeError",
    "CustomRetryPolicy",
    "Event",
    "ExponentialBackoffRetryPolicy",
    "FlowGraph",
    "GraphFormatError",
    "HumanResponseEvent",
    "InputRequiredEvent",
    "JsonSerializer",
    "LinearBackoffRetryPolicy",
    "MemoryKeeper",
    "Observer",
    "RandomDelayRetryPolicy",
    "Recorder",
    "Resource",
    "RetryInfo",
    "RetryPolicy",
    "RunLogFilter",
    "RunStatistics",
    "SavedError",
    "ServiceNotFoundError",
    "SqliteKeeper",
    "StartEvent",
    "StepFailedEvent",
    "StepStatistics",
    "StepTimeoutError",
    "StopEvent",
    "TraceError",
    "UnhandledEvent",
    "View",
    "Workflow",
    "WorkflowCancelledByUser",
    "WorkflowCheckpointer",
    "WorkflowConfigurationError",
    "WorkflowDeadEndError",
    "WorkflowError",
    "WorkflowHandler",
    "WorkflowRuntimeError",
    "WorkflowStepDoesNotExistError",
    "WorkflowTimeoutError",
    "WorkflowValidationError",
    "__version__",
    "aggregate",
    "configure_tracing",
    "coverage",
    "diff",
    "draw",
    "draw_all_possible_flows",
    "expand",
    "iter_runs",
    "log_fields",
    "observing",
    "overlay",
    "recording",
    "report",
    "step",
    "trace_to",
    "using",
    "watching",
]
