"""The marks of a node as rows of words, for formats that place their own texts."""

from __future__ import annotations

from wftrace.drawing.icons import SIGNS
from wftrace.drawing.scene import SIZES, Icon, Mark, Node, Role

Words = tuple[tuple[Role, str], ...]


def text_rows(node: Node) -> tuple[Words, ...]:
    """The rows of a node from top to bottom, each a sequence of (role, text); icons become their characters."""
    rows: dict[int, list[tuple[float, Mark]]] = {}
    for mark in node.marks:
        rows.setdefault(_row_of(mark, rows), []).append((mark.x, mark))
    placed = sorted(rows.items())
    return tuple(tuple(_words(mark) for _, mark in sorted(row, key=lambda pair: pair[0])) for _, row in placed)


def pill_words(node: Node) -> str:
    """What a node's pill says, in one line; nothing when it has none."""
    return " ".join(_words(mark)[1] for mark in node.pill.marks) if node.pill else ""


def _row_of(mark: Mark, rows: dict[int, list[tuple[float, Mark]]]) -> int:
    middle = round(mark.y + mark.size / 2 if isinstance(mark, Icon) else mark.y - SIZES[mark.role][0] * 0.355)
    return next((row for row in rows if abs(row - middle) <= 3), middle)


def _words(mark: Mark) -> tuple[Role, str]:
    return (mark.role, SIGNS[mark.name].glyph if isinstance(mark, Icon) else mark.text)
