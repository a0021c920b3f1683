"""What ``import wftrace`` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import wftrace

PUBLIC = [
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
    "draw_most_recent_execution",
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

HEAVY = ["opentelemetry.sdk", "opentelemetry.exporter", "wftrace.exporters", "graphviz", "wasmtime", "click", "rich"]


def _loaded_by(code: str) -> set[str]:
    """The names of the modules that an interpreter of its own has loaded after running the code."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, sep='\\n')"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """What ``import wftrace`` loads."""
    return _loaded_by("import wftrace")


def test_exactly_these_names_are_public() -> None:
    """A name joins or leaves the door on purpose, with this list."""
    assert sorted([*wftrace.__all__, "draw_most_recent_execution"]) == sorted(PUBLIC)


def test_drawing_records_nothing() -> None:
    """Runs are kept for ``draw_most_recent_execution`` when that is imported, and by nothing else."""
    count = "from wftrace.engine.observers import _installed; print(len(_installed))"
    for code, extra in (
        ("from wftrace import *; draw, overlay", 0),
        ("from wftrace import draw_most_recent_execution", 1),
    ):
        shown = [
            subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
            for text in (f"import wftrace; {count}", f"{code}; {count}")
        ]
        assert int(shown[1]) - int(shown[0]) == extra


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there(name: str) -> None:
    """Each name can be imported, also those that are loaded only when asked for."""
    assert getattr(wftrace, name) is not None


def test_no_module_hides_a_public_name() -> None:
    """A room that has the name of a function, and is loaded before it, does not take its place."""
    code = """
import importlib, pkgutil, types, wftrace
for room in pkgutil.iter_modules(wftrace.__path__, "wftrace."):
    if not room.name.endswith("__main__"):
        importlib.import_module(room.name)
print(*(name for name in wftrace.__all__ if isinstance(getattr(wftrace, name), types.ModuleType)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", PUBLIC)
def test_dir_lists_a_public_name(name: str) -> None:
    """An interactive user finds each name by completion."""
    assert name in dir(wftrace)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """What is not there is said in Python's way, so that hasattr works."""
    assert not hasattr(wftrace, "no_such_name")


@pytest.mark.parametrize("module", HEAVY)
def test_the_door_does_not_load(module: str, loaded: set[str]) -> None:
    """The SDK, exporters, pictures and the terminal are loaded by whoever uses them."""
    assert module not in loaded


def test_the_probe_sees_what_is_loaded() -> None:
    """The test above could fail: a heavy module that is imported is seen."""
    assert "graphviz" in _loaded_by("import wftrace, graphviz")
