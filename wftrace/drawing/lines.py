"""A routed link becomes a line: its ends meet the round borders, it has a head, a width and a label."""

from __future__ import annotations

from math import sqrt

from wftrace.units import format_count

from .chart import Link, LinkKind
from .geometry import Box, Path, Point, along, reach, unit
from .layout import Direction
from .metrics import fit_text, text_width
from .scene import SIZES, HeadShape, Line, Role, Text

COUNT_ROOM = 54.0
_COUNT_MORE = 34.0
_LABEL_PAD = 5.0
_MOST_LABEL = 150.0
_STATIC_WIDTH = 1.5
_IDLE_WIDTH = 1.2
_MOST_WIDTH = 7.0
_HEADS: dict[LinkKind, HeadShape] = {LinkKind.SENDS: "open", LinkKind.STREAMS: "ring", LinkKind.RUNS: "open"}


def label_room(link: Link, source: str) -> float:
    """The width to keep free for a link's label, the same in every picture: what it is, or how often it was taken."""
    size, bold = SIZES["label"]
    words = text_width(_static_label(link, source), size, bold=bold) + 2 * _LABEL_PAD
    return words + _COUNT_MORE if link.events else max(COUNT_ROOM, words)


def compose_line(
    ref: str,
    link: Link,
    path: Path,
    ends: tuple[Box, Box],
    room: Box | None,
    direction: Direction,
    back: bool,
    count: int | None,
    critical: bool,
    names: tuple[str, str],
) -> Line:
    """The line of a link. ``count`` is how often it was taken, None where no run is looked at."""
    path = _snapped(path, *ends)
    states = _states(link, count, critical)
    width = _width(count)
    head = _HEADS.get(link.kind, "arrow")
    shown = _label_of(link, count, names[0])
    return Line(
        ref=ref,
        source=link.source,
        target=link.target,
        kind=link.kind.value,
        states=states,
        path=path,
        width=width,
        head=head,
        head_points=head_points(path, width, head),
        foot=_foot(path, ends[0]) if link.joins else (),
        back=back,
        count=count,
        label=_placed(shown, room, direction, width) if shown and room else None,
        tooltip=_tooltip(link, count, names),
        events=link.events,
    )


def _states(link: Link, count: int | None, critical: bool) -> tuple[str, ...]:
    states = [link.provenance.value]
    if count is not None:
        states.append("executed" if count else "idle")
    if link.unreachable and not count:
        states.append("unreachable")
    if link.extra:
        states.append("undeclared" if link.undeclared else "aside")
    if critical and count:
        states.append("critical")
    return tuple(states)


def _width(count: int | None) -> float:
    if count is None:
        return _STATIC_WIDTH
    return round(min(1.4 + sqrt(count), _MOST_WIDTH), 2) if count else _IDLE_WIDTH


def _static_label(link: Link, source: str) -> str:
    if link.events:
        size, bold = SIZES["label"]
        return fit_text(" | ".join(link.events), _MOST_LABEL, size, bold=bold)
    if link.kind is LinkKind.SENDS:
        return "send_event"
    if link.kind is LinkKind.WAITS:
        size, bold = SIZES["label"]
        return fit_text(f"waits for {source}", _MOST_LABEL, size, bold=bold)
    return ""


def _label_of(link: Link, count: int | None, source: str) -> tuple[str, Role] | None:
    if count and link.events:
        sign = "! " if link.undeclared else ""
        times = f" ×{format_count(count)}" if count > 1 else ""
        return f"{sign}{_static_label(link, source)}{times}", "label"
    if count:
        sign = "! " if link.undeclared else ""
        text = f"{sign}×{format_count(count)}" if count > 1 else sign.strip()
        return (text, "count") if text else None
    text = _static_label(link, source)
    return (text, "label") if text else None


def _placed(shown: tuple[str, Role], room: Box, direction: Direction, line_width: float) -> Text:
    """The label in its room: beside the line in a picture from top to bottom, over its middle in one to the right."""
    text, role = shown
    size, bold = SIZES[role]
    width = text_width(text, size, bold=bold)
    if direction == "TB":
        x = room.left + _LABEL_PAD + line_width / 2
        return Text(round(x, 2), round(room.y + size * 0.355, 2), text, role, width)
    return Text(room.x, round(room.y + size * 0.3 - line_width / 2, 2), text, role, width, "middle")


def _snapped(path: Path, source: Box, target: Box) -> Path:
    """The path with both ends moved on to the round borders; Graphviz ends them at the square corners."""
    points = list(path.points)
    outward = unit(points[1], points[0])
    points[0] = _rounded(along(points[0], outward, reach(points[0], outward, source)))
    inward = unit(points[-1], path.tip)
    if points[-1] == path.tip:
        inward = unit(points[-2], path.tip)
    further = reach(path.tip, inward, target)
    points[-1] = _rounded(along(points[-1], inward, further))
    return Path(tuple(points), _rounded(along(path.tip, inward, further)))


def head_points(path: Path, width: float, head: HeadShape) -> tuple[Point, ...]:
    """The corners of the head, the tip first; for a ring its centre."""
    if head == "none":
        return ()
    back = unit(path.tip, path.points[-1])
    if head == "ring":
        return (_rounded(along(path.tip, back, 4.0)),)
    length, half = (9.0 + width * 0.55, 3.2 + width * 0.8) if head == "arrow" else (9.0 + width * 0.9, 4.0 + width)
    base = along(path.tip, back, length)
    across = (-back[1], back[0])
    return tuple(_rounded(point) for point in (path.tip, along(base, across, half), along(base, across, -half)))


def _foot(path: Path, source: Box) -> tuple[tuple[Point, Point], ...]:
    """Three toes from the source's border to one point on the line: many events are joined."""
    start = path.points[0]
    onward = unit(start, path.points[1])
    across = (-onward[1], onward[0])
    ankle = _rounded(along(start, onward, 9.0))
    return tuple((ankle, _rounded(along(start, across, side))) for side in (-5.5, 5.5))


def _tooltip(link: Link, count: int | None, names: tuple[str, str]) -> str:
    events = f"{', '.join(link.events)}, " if link.events else ""
    words = f"{names[0]} → {names[1]}: {events}{link.kind.value}, {link.provenance.value}"
    if link.undeclared:
        words += ", undeclared: the flow does not say that this can happen"
    if count is None:
        return words
    return f"{words}, taken {count} ×" if count else f"{words}, not taken"


def _rounded(point: Point) -> Point:
    return (round(point[0], 2), round(point[1], 2))
