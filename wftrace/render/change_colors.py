"""The colours of what pictures of several runs say, for formats without a style sheet."""

from __future__ import annotations

from collections.abc import Collection

from wftrace.drawing.palette import Palette

DASHED = frozenset({"hole", "removed"})
_CHANGES = ("added", "removed", "changed")


def node_colors(states: Collection[str], colors: Palette) -> tuple[str, str, str] | None:
    """Fill, border and text of a node that is a hole or that changed; None for any other."""
    if "hole" in states:
        return colors.paper, colors.hole, colors.hole
    for change in _CHANGES:
        if change in states:
            return getattr(colors, f"{change}_fill"), getattr(colors, change), colors.ink
    return None


def line_color(states: Collection[str], colors: Palette) -> str | None:
    """The colour of such a line; None for any other."""
    for state in ("hole", *_CHANGES):
        if state in states:
            color: str = getattr(colors, state)
            return color
    return colors.faint_line if "same" in states else None
