"""A coat over the picture of all possible flows: it says and colours something else, and moves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from wftrace.overlays import EdgeKey

from .caption import Caption
from .chart import ChartNode, Link
from .geometry import Box
from .layout import Direction
from .scene import Line, Node


class Coat(Protocol):
    """What several runs, or two versions, do to the nodes and lines of a picture that has all places already."""

    @property
    def caption(self) -> Caption:
        """What stands around the drawing."""

    @property
    def observed(self) -> Iterable[EdgeKey]:
        """The edges that were seen; those that the graph does not have are drawn beside the rest."""

    def line(self, line: Line, link: Link, room: Box | None, direction: Direction) -> Line:
        """The line with other states, width and label; ``room`` is what is kept free for the label."""

    def node(self, node: Node, of: ChartNode, touching: Sequence[Line]) -> Node:
        """The node with other states and rows; ``touching`` are the lines that end at it, coated already."""
