"""How wide a text is: the advance widths of Helvetica, which are those of Arial and Liberation Sans, in thousandths.

Boxes are sized by these numbers and never by the fonts of the machine, so a picture is the same everywhere.
"""

from __future__ import annotations

from bisect import bisect_right

_REGULAR_ASCII = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_REGULAR_LATIN = (
    278, 333, 556, 556, 556, 556, 260, 556, 333, 737, 370, 556, 584, 333, 737, 552, 400, 549, 333, 333, 333,
    576, 537, 278, 333, 333, 365, 556, 834, 834, 834, 611, 667, 667, 667, 667, 667, 667, 1000, 722, 667, 667,
    667, 667, 278, 278, 278, 278, 722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667,
    611, 556, 556, 556, 556, 556, 556, 889, 500, 556, 556, 556, 556, 278, 278, 278, 278, 556, 556, 556, 556,
    556, 556, 556, 549, 611, 556, 556, 556, 556, 500, 556, 500,
)  # fmt: skip
_BOLD_ASCII = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278,
    556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584,
    556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556,
    333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)  # fmt: skip
_BOLD_LATIN = (
    278, 333, 556, 556, 556, 556, 280, 556, 333, 737, 370, 556, 584, 333, 737, 552, 400, 549, 333, 333, 333,
    576, 556, 278, 333, 333, 365, 556, 834, 834, 834, 611, 722, 722, 722, 722, 722, 722, 1000, 722, 667, 667,
    667, 667, 278, 278, 278, 278, 722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667,
    611, 556, 556, 556, 556, 556, 556, 889, 556, 556, 556, 556, 556, 278, 278, 278, 278, 611, 611, 611, 611,
    611, 611, 611, 549, 611, 611, 611, 611, 611, 556, 611, 556,
)  # fmt: skip
_OTHERS = {
    "\u2013": 556, "\u2014": 1000, "\u2018": 278, "\u2019": 278, "\u201c": 500, "\u201d": 500,
    "\u2026": 1000, "\u2022": 350, "\u2192": 1000, "\u2212": 584,
}  # fmt: skip
_DEFAULT = 660
_WIDE = 1000

# First and last code points of what takes no room, and of what takes a full square.
_EMPTY_RANGES = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x200B, 0x200F), (0x20D0, 0x20FF), (0xFE00, 0xFE0F))
_WIDE_RANGES = (
    (0x1100, 0x115F), (0x2E80, 0xA4CF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE6F), (0xFF00, 0xFF60),
    (0xFFE0, 0xFFE6), (0x1F000, 0x1FAFF), (0x20000, 0x3FFFD),
)  # fmt: skip


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text set in ``size`` pixels, in pixels.

    >>> text_width("step", 10), text_width("step", 10, bold=True)
    (18.9, 20.56)
    """
    return round(sum(_advance(char, bold) for char in text) * size / 1000, 2)


def fit_text(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text, or as much of its beginning as fits into ``width`` with an ellipsis.

    >>> fit_text("a long sentence", 60, 10)
    'a long sent…'
    """
    if text_width(text, size, bold=bold) <= width:
        return text
    room = width - text_width("\u2026", size, bold=bold)
    used = 0.0
    for index, char in enumerate(text):
        used += _advance(char, bold) * size / 1000
        if used > room:
            return text[:index].rstrip() + "\u2026"
    return text


def _advance(char: str, bold: bool) -> int:
    code = ord(char)
    if 32 <= code < 127:
        return (_BOLD_ASCII if bold else _REGULAR_ASCII)[code - 32]
    if 160 <= code < 256:
        return (_BOLD_LATIN if bold else _REGULAR_LATIN)[code - 160]
    if _within(code, _EMPTY_RANGES):
        return 0
    return _WIDE if _within(code, _WIDE_RANGES) else _OTHERS.get(char, _DEFAULT)


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    place = bisect_right(ranges, (code, 0x110000)) - 1
    return place >= 0 and code <= ranges[place][1]
