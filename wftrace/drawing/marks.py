"""Rows of a node become texts and icons with places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .content import ICON_GAP, ICON_SCALE, PAD_X, SPAN_GAP, Row, Span, spans_width
from .geometry import Box
from .metrics import text_width
from .scene import SIZES, Icon, Line, Mark, Pill, Text

_PILL_HEIGHT = 18.0
_PILL_DROP = 2.0
_PILL_PAD = 9.0
_BASE_LINE = 0.355


def place_rows(rows: Sequence[Row], box: Box) -> tuple[Mark, ...]:
    """The marks of some rows, the whole centred in the box from top to bottom."""
    y = box.y - sum(row.height for row in rows) / 2
    marks: list[Mark] = []
    for row in rows:
        middle = y + row.height / 2
        left = box.left + PAD_X if row.align == "start" else box.x - spans_width(row.spans) / 2
        marks += place_spans(row.spans, left, middle)
        marks += place_spans(row.right, box.right - PAD_X - spans_width(row.right), middle)
        y += row.height
    return tuple(marks)


def place_spans(spans: Iterable[Span], left: float, middle: float, gap: float = SPAN_GAP) -> tuple[Mark, ...]:
    """The marks of some spans in a row, from ``left``, around the height ``middle``."""
    marks: list[Mark] = []
    for span in spans:
        size, bold = SIZES[span.role]
        x = left
        if span.icon:
            side = size * ICON_SCALE
            marks.append(Icon(_round(x), _round(middle - side / 2), _round(side), span.icon, span.role))
            x += side + ICON_GAP
        if span.text:
            width = text_width(span.text, size, bold=bold)
            marks.append(Text(_round(x), _round(middle + size * _BASE_LINE), span.text, span.role, width))
        left += span.width + gap
    return tuple(marks)


def place_pill(spans: tuple[Span, ...], box: Box, tone: str, lines: Iterable[Line]) -> Pill:
    """A pill across the lower border of a box, at the side where it covers the fewest ends of lines."""
    gap = 5.0
    width = sum(span.width for span in spans) + gap * (len(spans) - 1) + 2 * _PILL_PAD
    ends = [
        x for line in lines for x, y in (line.path.points[0], line.path.tip) if abs(y - box.bottom) < _PILL_HEIGHT / 2
    ]
    half = width / 2
    places = (box.left + half + 8, box.right - half - 8, box.left + half - 14, box.right - half + 14)
    x = min(places, key=lambda place: sum(abs(end - place) < width / 2 + 4 for end in ends))
    y = box.bottom + _PILL_DROP
    pill = Box(_round(x), y, _round(width), _PILL_HEIGHT, _PILL_HEIGHT / 2)
    return Pill(pill, tone, place_spans(spans, x - width / 2 + _PILL_PAD, y, gap))


def _round(number: float) -> float:
    return round(number, 2)
