"""What can go wrong with a report."""

from __future__ import annotations

from wftrace.engine.errors import WorkflowError


class ReportError(WorkflowError):
    """A report cannot be made of what was given."""


class LinkError(ReportError):
    """A link is no web address, or does not say where the id of the trace goes."""
