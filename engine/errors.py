"""Every error that wftrace raises, one tree with one root.

WorkflowError
├── WorkflowValidationError            a flow or a step that cannot work
│   ├── WorkflowConfigurationError     no or too many start or stop events
│   └── ServiceNotFoundError           a nested workflow that a step asks for and nobody has added
├── WorkflowRuntimeError               a run that went wrong
│   ├── WorkflowDeadEndError           nothing runs, is queued or can come
│   ├── WorkflowStepDoesNotExistError  a step name that nobody has
│   └── StepTimeoutError               a step that took longer than its own timeout (also a TimeoutError)
├── WorkflowTimeoutError               a run that took longer than its timeout (also a TimeoutError)
├── WorkflowCancelledByUser            a run that was cancelled
├── ContextSerdeError                  saved state that cannot be written or read
│   └── CheckpointError                a checkpoint, or the file that keeps it, that cannot be written or read
├── SavedError                         the stand-in of an error that came back from saved state
├── GraphFormatError                   a graph document that cannot be read
└── TraceError                         a trace that cannot be read
"""

from __future__ import annotations


class WorkflowError(Exception):
    """The root of all wftrace errors."""


class WorkflowValidationError(WorkflowError):
    """The flow, or one of its steps, cannot work as it is written."""


class WorkflowConfigurationError(WorkflowValidationError):
    """The flow has no start or stop event, or more than one class of either."""


class ServiceNotFoundError(WorkflowValidationError):
    """A step asks for a nested workflow that was not added with ``add_workflows``."""


class WorkflowRuntimeError(WorkflowError):
    """A run did something that the engine does not allow."""


class WorkflowDeadEndError(WorkflowRuntimeError):
    """Nothing runs, is queued, timed or awaited, and no stop event was made."""


class WorkflowStepDoesNotExistError(WorkflowRuntimeError):
    """A step was named that the flow does not have."""


class StepTimeoutError(WorkflowRuntimeError, TimeoutError):
    """A step took longer than ``@step(timeout=...)`` allows. Its retry policy decides whether it runs again."""


class WorkflowTimeoutError(WorkflowError, TimeoutError):
    """The run took longer than its timeout. The message says what was going on."""


class WorkflowCancelledByUser(WorkflowError):
    """The run was cancelled through its handler."""


class ContextSerdeError(WorkflowError):
    """State could not be written, or what was saved could not be read."""


class CheckpointError(ContextSerdeError):
    """A checkpoint could not be written or read; what was kept before is still there."""


class SavedError(WorkflowError):
    """What stands for an exception that was saved: the qualified name of its type, and its text."""

    def __init__(self, type_name: str, text: str) -> None:
        if not (isinstance(type_name, str) and isinstance(text, str)):
            raise TypeError("a SavedError takes two texts, the name of a type and what the error said")
        super().__init__(type_name, text)
        self.type_name = type_name
        self.text = text

    def __str__(self) -> str:
        return f"{self.type_name}: {self.text}" if self.text else self.type_name


class GraphFormatError(WorkflowError):
    """A graph document could not be read: it is damaged, foreign or of another version."""


class TraceError(WorkflowError):
    """A trace could not be read: it is missing, empty, damaged or foreign."""
