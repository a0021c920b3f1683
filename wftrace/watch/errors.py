"""What can go wrong when a page is to be served."""

from __future__ import annotations

from wftrace.engine.errors import WorkflowError


class WatchError(WorkflowError):
    """The page cannot be served at the port that was asked for."""
