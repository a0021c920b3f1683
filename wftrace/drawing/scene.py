"""A scene: everything that is seen in a picture, as plain values with every position worked out.

Renderers only translate. Nothing in a scene comes from outside as it is: names are one line, cut and clean; what a
renderer has to do is to escape for its own format. Coordinates are pixels, y grows downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .geometry import Box, Path, Point

Role = Literal[
    "title", "subtitle", "name", "event", "start", "human", "policy", "join", "doc", "resource", "measure", "note",
    "label", "count", "bad", "legend", "group",
]  # fmt: skip
Anchor = Literal["start", "middle", "end"]
HeadShape = Literal["arrow", "open", "ring", "none"]
Mode = Literal["static", "overlay", "aggregate", "diff"]

SIZES: dict[str, tuple[float, bool]] = {
    "title": (16, True),
    "subtitle": (13, False),
    "name": (14, True),
    "event": (12.5, False),
    "start": (12.5, True),
    "human": (12.5, True),
    "policy": (10.5, False),
    "join": (10.5, False),
    "doc": (10.5, False),
    "resource": (10.5, False),
    "measure": (11, False),
    "note": (10.5, False),
    "label": (10, False),
    "count": (11, True),
    "bad": (10.5, True),
    "legend": (11, False),
    "group": (11, True),
}
"""The size in pixels of each role of a text, and whether it is bold."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text on its base line; ``width`` is how wide it is meant to be."""

    x: float
    y: float
    text: str
    role: Role
    width: float
    anchor: Anchor = "start"


@dataclass(frozen=True, slots=True)
class Icon:
    """A small sign in a square of ``size`` whose upper left corner is (x, y)."""

    x: float
    y: float
    size: float
    name: str
    role: Role


Mark = Text | Icon


@dataclass(frozen=True, slots=True)
class Pill:
    """A small sign over the border of a node: what went wrong. ``tone`` is ``failed`` or ``recovered``."""

    box: Box
    tone: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it is seen. ``label``, ``details`` and ``icon`` say in words what ``marks`` draw."""

    id: str
    ref: str
    kind: str
    states: tuple[str, ...]
    box: Box
    marks: tuple[Mark, ...]
    label: str
    icon: str = ""
    details: tuple[str, ...] = ()
    pill: Pill | None = None
    heat: int = 0
    tooltip: str = ""
    spoken: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A link as it is seen: a path, a head, a crow's foot at its start where many are joined, and a label.

    ``events`` are the labels of the events that are written on it instead of being nodes.
    """

    ref: str
    source: str
    target: str
    kind: str
    states: tuple[str, ...]
    path: Path
    width: float
    head: HeadShape = "arrow"
    head_points: tuple[Point, ...] = ()
    foot: tuple[tuple[Point, Point], ...] = ()
    back: bool = False
    count: int | None = None
    label: Text | None = None
    tooltip: str = ""
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame around nodes that belong together, with its name; ``members`` are their ids."""

    ref: str
    box: Box
    label: Text
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LegendItem:
    """One entry of the legend: a small sample made of the same things as the picture, and what it means."""

    text: Text
    nodes: tuple[Node, ...] = ()
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture. Nodes and lines stand in the order of the graph's declaration.

    ``left`` is the x of its left border: 0, or less where the trace of a run led a line beyond the drawing of the flow.
    """

    name: str
    summary: str
    mode: Mode
    direction: Literal["TB", "LR"]
    theme: Literal["auto", "light", "dark"]
    left: float
    width: float
    height: float
    title: tuple[Text, ...]
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    legend: tuple[LegendItem, ...] = ()
    start: str = ""
    notes: tuple[Text, ...] = ()
    frames: tuple[Frame, ...] = ()
