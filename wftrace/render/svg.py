"""A scene as SVG: nothing is worked out here, only written down.

Ids and classes are stable: a node is ``<g class="node step executed" data-id="step:fetch" id="n0">``, a line
``<g class="line returns" data-source=… data-target=… id="e0">``. The same scene gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from wftrace.drawing.geometry import Box, Point
from wftrace.drawing.icons import SIGNS
from wftrace.drawing.scene import Icon, LegendItem, Line, Mark, Node, Scene, Text

from .escape import escape_xml, number
from .stylesheet import stylesheet


def render_svg(scene: Scene) -> str:
    """The scene as one SVG document that needs nothing else."""
    left, width, height = number(scene.left), number(scene.width), number(scene.height)
    title = escape_xml(f"{scene.name} · {scene.summary}")
    frame = f'x="{left}" y="0" width="{width}" height="{height}"'
    root = f'class="wftrace wft-{scene.theme}" role="img" aria-label="{title}"'
    view = f'viewBox="{left} 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {root} {view}>',
            f"<title>{title}</title>",
            f"<style>\n{stylesheet(scene.theme, scene.mode)}\n</style>",
            f'<rect class="paper" {frame}/>',
            f'<g class="heading">{"".join(_text(text) for text in scene.title)}</g>',
            *_frames(scene),
            '<g class="lines" role="list">',
            *(_line(line) for line in scene.lines),
            "</g>",
            '<g class="nodes" role="list">',
            *(_node(node) for node in scene.nodes),
            "</g>",
            '<g class="labels">',
            *(_text(frame.label, " label") for frame in scene.frames),
            *(_label(line, line.label) for line in scene.lines if line.label),
            "</g>",
            *_footer(scene),
            "</svg>\n",
        ]
    )


def _footer(scene: Scene) -> Iterable[str]:
    if scene.legend:
        yield f'<g class="legend">{"".join(_legend_item(item) for item in scene.legend)}</g>'
    if scene.notes:
        yield f'<g class="notes">{"".join(_text(text) for text in scene.notes)}</g>'


def _frames(scene: Scene) -> Iterable[str]:
    if scene.frames:
        shapes = (f'<rect class="frame"{_rect(frame.box)}/>' for frame in scene.frames)
        yield f'<g class="frames">{"".join(shapes)}</g>'


def _legend_item(item: LegendItem) -> str:
    nodes = "".join(f'<g class="{_classes(node)}">{_shape(node)}{_marks(node.marks)}</g>' for node in item.nodes)
    lines = "".join(f'<g class="{_line_classes(line)}">{_line_shape(line)}</g>' for line in item.lines)
    return nodes + lines + _marks(item.marks) + _text(item.text)


def _node(node: Node) -> str:
    pill = ""
    if node.pill is not None:
        box = f'<rect class="shape over"{_rect(node.pill.box)}/>'
        pill = f'<g class="pill {node.pill.tone}">{box}{_marks(node.pill.marks)}</g>'
    seen = f"{_shape(node)}{_marks(node.marks)}{pill}"
    if node.href:
        seen = f'<a href="{escape_xml(node.href)}">{seen}</a>'
    return (
        f'<g class="{_classes(node)}" data-id="{escape_xml(node.id)}" id="{node.ref}" role="listitem" '
        f'aria-label="{escape_xml(node.spoken)}"><title>{escape_xml(node.tooltip)}</title>'
        f"{seen}</g>"
    )


def _classes(node: Node) -> str:
    heat = [f"heat{node.heat}"] if node.heat else []
    return " ".join(["node", node.kind, *node.states, *heat])


def _shape(node: Node) -> str:
    box = node.box
    if node.kind == "folded":
        front, behind = (
            Box(box.x + shift, box.y + shift, box.width - 4, box.height - 4, box.radius) for shift in (-2, 2)
        )
        return f'<rect class="shape"{_rect(behind)}/><rect class="shape"{_rect(front)}/>'
    if node.kind == "nested":
        sides = "".join(f"M{_point((x, box.top))}V{number(box.bottom)}" for x in (box.left + 5, box.right - 5))
        return f'<rect class="shape"{_rect(box)}/><path class="sides" d="{sides}"/>'
    if node.kind != "stop":
        return f'<rect class="shape"{_rect(box)}/>'
    inner = Box(box.x, box.y, box.width - 6, box.height - 6, max(2.0, box.radius - 3))
    return f'<rect class="outer"{_rect(box)}/><rect class="shape"{_rect(inner)}/>'


def _rect(box: Box) -> str:
    return (
        f' x="{number(box.left)}" y="{number(box.top)}" width="{number(box.width)}" height="{number(box.height)}"'
        f' rx="{number(box.radius)}"'
    )


def _marks(marks: Iterable[Mark]) -> str:
    return "".join(_text(mark) if isinstance(mark, Text) else _icon(mark) for mark in marks)


def _text(text: Text, extra: str = "") -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    fit = (
        f' textLength="{number(text.width)}" lengthAdjust="spacingAndGlyphs"'
        if text.width and len(text.text) > 1
        else ""
    )
    return (
        f'<text class="t-{text.role}{extra}" x="{number(text.x)}" y="{number(text.y)}"{anchor}{fit}>'
        f"{escape_xml(text.text)}</text>"
    )


def _icon(icon: Icon) -> str:
    sign = SIGNS[icon.name]
    filled = f'<path class="solid" d="{sign.filled}"/>' if sign.filled else ""
    stroke = f'<path d="{sign.stroke}"/>' if sign.stroke else ""
    place = f"translate({number(icon.x)} {number(icon.y)}) scale({icon.size / 16:.4f})"
    return f'<g class="sign i-{icon.name}" transform="{place}">{stroke}{filled}</g>'


def _line(line: Line) -> str:
    count = "" if line.count is None else f' data-count="{line.count}"'
    return (
        f'<g class="{_line_classes(line)}" data-source="{escape_xml(line.source)}" '
        f'data-target="{escape_xml(line.target)}"{count} id="{line.ref}" role="listitem" '
        f'aria-label="{escape_xml(line.tooltip)}"><title>{escape_xml(line.tooltip)}</title>{_line_shape(line)}</g>'
    )


def _line_classes(line: Line) -> str:
    return " ".join(["line", "edge", line.kind, *line.states, *(["back"] if line.back else [])])


def _line_shape(line: Line) -> str:
    path = _path(line)
    band = (
        f'<path class="band" d="{path}" stroke-width="{number(line.width + 7)}"/>' if "critical" in line.states else ""
    )
    toes = "".join(f'<path class="toe" d="M{_point(start)}L{_point(end)}"/>' for start, end in line.foot)
    return f'{band}<path class="path" d="{path}" stroke-width="{number(line.width)}"/>{toes}{_head(line)}'


def _path(line: Line) -> str:
    """The curve up to the head; a line without a closed head goes on to the tip."""
    first, *rest = line.path.points
    end = line.head_points[0] if line.head == "open" else None
    curve = f"M{_point(first)}C{' '.join(_point(point) for point in rest)}"
    return f"{curve}L{_point(end)}" if end else curve


def _head(line: Line) -> str:
    if line.head == "ring":
        x, y = line.head_points[0]
        return f'<circle class="head ring" cx="{number(x)}" cy="{number(y)}" r="3.6" stroke-width="1.6"/>'
    if not line.head_points:
        return ""
    tip, first, second = line.head_points
    if line.head == "open":
        way = f"M{_point(first)}L{_point(tip)}L{_point(second)}"
        return f'<path class="head open" d="{way}" stroke-width="{number(max(1.4, line.width * 0.6))}"/>'
    return f'<path class="head" d="M{_point(tip)}L{_point(first)}L{_point(second)}Z"/>'


def _label(line: Line, label: Text) -> str:
    return f'<g class="{_line_classes(line)}">{_text(label, " label")}</g>'


def _point(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"
