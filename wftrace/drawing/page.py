"""Around the drawing: the title above, legend and notes below, and the size of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from wftrace.engine.graph import FlowGraph
from wftrace.overlays import EdgeKey, Overlay
from wftrace.units import count_of, format_ms

from .caption import Caption
from .chart import NodeKind
from .geometry import Box, Point
from .heat import ColorBy
from .layout import Wanted
from .legend import legend_items
from .metrics import fit_text, text_width
from .names import clipped, one_line
from .nested import Nesting
from .scene import SIZES, Frame, Icon, LegendItem, Line, Mark, Node, Pill, Scene, Text
from .sources import check_source_link
from .view import View

Theme = Literal["auto", "light", "dark"]

MARGIN = 20.0
LEGEND_FROM = 6
_TITLE_HEIGHT = 40.0
_LEAST_WIDTH = 240.0
_SUBTITLE_ROOM = 300.0
_OVERHANG = 2.0
_LINE_HEIGHT = 17.0
_MOST_NOTES = 6
_EXTRA = frozenset({"undeclared", "aside"})


@dataclass(frozen=True, slots=True)
class Options:
    """How a picture is wanted; ``legend=None`` shows one from 6 steps on.

    ``color_by`` is what the fills of the steps of a run measure, ``source_link`` the address of a place in the source
    with ``{file}`` and ``{line}`` in it, ``nesting`` how the workflows that steps run are drawn.
    """

    direction: Wanted = "TB"
    theme: Theme = "auto"
    legend: bool | None = None
    color_by: ColorBy = "share"
    source_link: str = ""
    nesting: Nesting = "rows"

    def __post_init__(self) -> None:
        check_source_link(self.source_link)


Placed = TypeVar("Placed", bound=Text | Icon)


def finish(
    graph: FlowGraph,
    overlay: Overlay | None,
    nodes: Sequence[Node],
    lines: Sequence[Line],
    rooms: Mapping[EdgeKey, Box],
    options: Options,
    frames: Sequence[Frame] = (),
    view: View | None = None,
    heat_words: str = "",
    caption: Caption | None = None,
) -> Scene:
    """Put a title over the drawing and the legend under it.

    The drawing's place depends on what is possible and on the room kept for labels, never on a run.
    """
    title = _title(graph, overlay, nodes, view or View(), caption)
    left, top, right, bottom = _bounds(nodes, lines, rooms, frames, possible=True)
    width = max(right - left, _title_room(graph), _LEAST_WIDTH)
    shift = (
        float(round(MARGIN - left + (width - (right - left)) / 2)),
        float(round(MARGIN + _TITLE_HEIGHT - top)),
    )
    nodes = tuple(moved_node(node, shift) for node in nodes)
    lines = tuple(moved_line(line, shift) for line in lines)
    frames = tuple(moved_frame(frame, shift) for frame in frames)
    far_left, _, far_right, far_bottom = _bounds(nodes, lines, {}, frames, possible=False)
    page_left = float(min(0, round(far_left - MARGIN)))
    inner = max(width, far_right - MARGIN, *(text.x + text.width - MARGIN for text in title))
    y = max(bottom + shift[1], far_bottom) + MARGIN
    items: tuple[LegendItem, ...] = ()
    if options.legend or (options.legend is None and len(graph.steps) >= LEGEND_FROM):
        special, heat_words = (caption.entries, caption.heat_words) if caption else ((), heat_words)
        items, y = legend_items(nodes, lines, frames, heat_words, MARGIN, y, inner, special)
    notes, y = _notes(overlay, y, inner, caption)
    return Scene(
        name=_name_of(graph),
        summary=title[1].text.removeprefix("· "),
        mode=caption.mode if caption else "overlay" if overlay else "static",
        direction="LR" if options.direction == "LR" else "TB",
        theme=options.theme,
        left=page_left,
        width=float(round(inner + 2 * MARGIN - page_left)),
        height=float(round(y + (MARGIN / 2 if items or notes else 0))),
        title=title,
        nodes=nodes,
        lines=lines,
        legend=items,
        start=next((node.id for node in nodes if node.kind == NodeKind.START), ""),
        notes=notes,
        frames=frames,
    )


def _title(
    graph: FlowGraph, overlay: Overlay | None, nodes: Sequence[Node], view: View, caption: Caption | None
) -> tuple[Text, ...]:
    part = _part(graph, nodes, view)
    if caption is not None:
        words = f"· {caption.words}{f' · {part}' if part else ''}"
    elif overlay is None:
        whole = f"{count_of(len(graph.steps), 'step')}, {count_of(len(graph.events), 'event')}"
        words = f"· {part}" if part else f"· all possible flows · {whole}"
    else:
        words = f"· run {_short_id(overlay.run.run_id)} · {format_ms(overlay.run.duration_ms)} · {_outcome(overlay)}"
        words += f" · {part}" if part else ""
    name = _name_of(graph)
    size, bold = SIZES["title"]
    width = text_width(name, size, bold=bold)
    y = MARGIN + 14.0
    small = text_width(words, SIZES["subtitle"][0])
    return (
        Text(MARGIN, y, name, "title", width),
        Text(round(MARGIN + width + 8, 2), y, words, "subtitle", small),
    )


def _part(graph: FlowGraph, nodes: Sequence[Node], view: View) -> str:
    """Which part of a flow is drawn; nothing where it is drawn whole."""
    if view.whole:
        return ""
    places = [f"around {' and '.join(clipped(one_line(name), 40) for name in view.focus)}"] if view.focus else []
    if view.between is not None:
        first, second = (clipped(one_line(name), 30) for name in view.between)
        places.append(f"between {first} and {second}")
    drawn = sum(node.kind == NodeKind.STEP for node in nodes)
    return f"{', '.join(places)} · {drawn} of {count_of(len(graph.steps), 'step')}"


def _name_of(graph: FlowGraph) -> str:
    return clipped(one_line(graph.name)) or "(no name)"


def _short_id(run_id: str) -> str:
    clean = one_line(run_id)
    return clean if len(clean) <= 10 else f"{clean[:8]}…"


def _outcome(overlay: Overlay) -> str:
    words = [overlay.run.outcome.replace("_", " ")]
    failed = sum(facts.failed for facts in overlay.steps.values())
    retried = sum(facts.retried for facts in overlay.steps.values())
    if overlay.run.outcome == "failed" and overlay.run.error is not None:
        words[0] += f" ({clipped(one_line(overlay.run.error.type.rpartition('.')[2]), 30)})"
    elif failed and not retried:
        words.append(f"{failed} failed")
    if retried:
        words.append(count_of(retried, "retry", "retries"))
    return ", ".join(words)


def _notes(overlay: Overlay | None, y: float, width: float, caption: Caption | None) -> tuple[tuple[Text, ...], float]:
    """What a reader has to know about the trace, a line each."""
    if overlay is None and caption is None:
        return (), y
    sentences = [one_line(note) for note in (caption.notes if caption else overlay.notes if overlay else ())]
    if overlay is not None and overlay.undeclared:
        number = count_of(len(overlay.undeclared), "edge is", "edges are")
        sentences.append(f"! {number} not in the graph of the flow, but in the trace")
    if len(sentences) > _MOST_NOTES:
        sentences[_MOST_NOTES - 1 :] = [f"and {len(sentences) - _MOST_NOTES + 1} more notes"]
    size = SIZES["note"][0]
    y += _LINE_HEIGHT / 3 if sentences else 0
    texts: list[Text] = []
    for sentence in sentences:
        text = fit_text(sentence, width, size)
        texts.append(Text(MARGIN, round(y + 10, 2), text, "note", text_width(text, size)))
        y += _LINE_HEIGHT
    return tuple(texts), y


def _title_room(graph: FlowGraph) -> float:
    """The room for the title of any picture of this flow."""
    return text_width(_name_of(graph), SIZES["title"][0], bold=True) + _SUBTITLE_ROOM


def _bounds(
    nodes: Iterable[Node],
    lines: Iterable[Line],
    rooms: Mapping[EdgeKey, Box],
    frames: Iterable[Frame],
    *,
    possible: bool,
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the drawing; with ``possible`` of what every picture of the flow shows."""
    boxes = [node.box for node in nodes if not (possible and _EXTRA.intersection(node.states))]
    boxes += [frame.box for frame in frames]
    points: list[Point] = []
    for line in lines:
        if possible and _EXTRA.intersection(line.states):
            continue
        points += [*line.path.points, line.path.tip]
        if line.label and not possible:
            points.append((line.label.x + line.label.width, line.label.y))
        room = rooms.get((line.source, line.target))
        boxes += [room] if room else []
    points += [(box.left, box.top) for box in boxes] + [(box.right, box.bottom + _OVERHANG) for box in boxes]
    if not points:
        return 0.0, 0.0, 0.0, 0.0
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def moved_node(node: Node, shift: tuple[float, float]) -> Node:
    """The node elsewhere."""
    pill = node.pill
    if pill is not None:
        pill = Pill(_moved_box(pill.box, shift), pill.tone, moved_marks(pill.marks, shift))
    return replace(node, box=_moved_box(node.box, shift), marks=moved_marks(node.marks, shift), pill=pill)


def moved_frame(frame: Frame, shift: tuple[float, float]) -> Frame:
    """The frame elsewhere."""
    return replace(frame, box=_moved_box(frame.box, shift), label=moved_mark(frame.label, shift))


def moved_line(line: Line, shift: tuple[float, float]) -> Line:
    """The line elsewhere."""
    right, down = shift
    return replace(
        line,
        path=line.path.moved(right, down),
        head_points=tuple((round(x + right, 2), round(y + down, 2)) for x, y in line.head_points),
        foot=tuple(
            ((round(a + right, 2), round(b + down, 2)), (round(c + right, 2), round(d + down, 2)))
            for (a, b), (c, d) in line.foot
        ),
        label=moved_mark(line.label, shift) if line.label else None,
    )


def _moved_box(box: Box, shift: tuple[float, float]) -> Box:
    return replace(box, x=round(box.x + shift[0], 2), y=round(box.y + shift[1], 2))


def moved_marks(marks: Iterable[Mark], shift: tuple[float, float]) -> tuple[Mark, ...]:
    """The marks elsewhere."""
    return tuple(moved_mark(mark, shift) for mark in marks)


def moved_mark(mark: Placed, shift: tuple[float, float]) -> Placed:
    """The mark elsewhere."""
    return replace(mark, x=round(mark.x + shift[0], 2), y=round(mark.y + shift[1], 2))
