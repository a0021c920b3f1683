"""What can go wrong while a source is read."""

from __future__ import annotations

from wftrace.engine.errors import WorkflowError


class StaticReadError(WorkflowError):
    """A source cannot be read: the file is missing, too large, too deeply nested, or not valid Python."""
