"""What can go wrong while a picture is laid out."""

from __future__ import annotations

from wftrace.engine.errors import WorkflowError


class LayoutError(WorkflowError):
    """The embedded Graphviz could not lay out a picture, or is not there."""


class ViewError(WorkflowError):
    """What was asked to be shown is not there: a name, a way between two, a kind of group."""
