"""For testing workflows: time that is made, orders that a seed draws, runs with everything that they showed."""

from __future__ import annotations

from .clock import StuckError
from .loop import DeterministicLoop, running_loop
from .runner import WorkflowTestResult, WorkflowTestRunner
from .seeds import for_seeds, run_deterministic

__all__ = [
    "DeterministicLoop",
    "StuckError",
    "WorkflowTestResult",
    "WorkflowTestRunner",
    "for_seeds",
    "run_deterministic",
    "running_loop",
]
