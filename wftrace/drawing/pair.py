"""Two scenes side by side as one: what is possible at the left, what happened at the right."""

from __future__ import annotations

from dataclasses import replace

from .page import MARGIN, moved_frame, moved_line, moved_mark, moved_node
from .scene import LegendItem, Scene

RIGHT = "run/"
"""What stands before the ids of the right scene, so that no two nodes share one."""


def side_by_side(left: Scene, right: Scene) -> Scene:
    """One scene of two; the right one keeps its places and stands to the right of the left one.

    Both have to be scenes of one flow in one theme: then all that they share stands at the same height.
    """
    shift = (round(left.width + left.left - right.left + MARGIN, 2), 0.0)
    moved = _moved(right, shift)
    below = max(left.height, right.height)
    return Scene(
        name=left.name,
        summary=f"{left.summary} · {right.summary}",
        mode="overlay",
        direction=left.direction,
        theme=left.theme,
        left=left.left,
        width=round(shift[0] + right.width + right.left - left.left, 2),
        height=below,
        title=(*left.title, *moved.title),
        nodes=(*left.nodes, *moved.nodes),
        lines=(*left.lines, *moved.lines),
        legend=(*left.legend, *moved.legend),
        start=left.start,
        notes=(*left.notes, *moved.notes),
        frames=(*left.frames, *moved.frames),
    )


def _moved(scene: Scene, shift: tuple[float, float]) -> Scene:
    nodes = (replace(moved_node(node, shift), id=RIGHT + node.id, ref=f"r{node.ref}") for node in scene.nodes)
    lines = (
        replace(moved_line(line, shift), ref=f"r{line.ref}", source=RIGHT + line.source, target=RIGHT + line.target)
        for line in scene.lines
    )
    frames = (
        replace(moved_frame(frame, shift), ref=f"r{frame.ref}", members=tuple(RIGHT + each for each in frame.members))
        for frame in scene.frames
    )
    return replace(
        scene,
        title=tuple(moved_mark(text, shift) for text in scene.title),
        nodes=tuple(nodes),
        lines=tuple(lines),
        legend=tuple(_moved_item(item, shift) for item in scene.legend),
        notes=tuple(moved_mark(text, shift) for text in scene.notes),
        frames=tuple(frames),
    )


def _moved_item(item: LegendItem, shift: tuple[float, float]) -> LegendItem:
    return LegendItem(
        moved_mark(item.text, shift),
        tuple(moved_node(node, shift) for node in item.nodes),
        tuple(moved_line(line, shift) for line in item.lines),
        tuple(moved_mark(mark, shift) for mark in item.marks),
    )
