"""A scene as DOT for the system's Graphviz.

Every node and edge carries the place it has in the scene, so ``neato -n2`` draws what the SVG shows, and ``dot`` may
lay it out anew. The same scene gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wftrace.drawing.content import PAD_X
from wftrace.drawing.geometry import Point
from wftrace.drawing.palette import THEMES, Palette
from wftrace.drawing.scene import SIZES, Line, Node, Role, Scene

from .change_colors import DASHED, line_color, node_colors
from .escape import escape_xml, number
from .text_rows import pill_words, text_rows

_FONT = "Helvetica"


def render_dot(scene: Scene) -> str:
    """The scene as a digraph with HTML-like labels."""
    colors = THEMES.get(scene.theme, THEMES["light"])
    refs = {node.id: node.ref for node in scene.nodes}
    title = f"<B>{_html(scene.name)}</B>  · {_html(scene.summary)}"
    lines = [
        "// wftrace: drawn by neato -n2 as in the SVG, or laid out anew by dot",
        f"digraph {quote(scene.name)} {{",
        f'  graph [rankdir={scene.direction} bgcolor="{colors.paper}" outputorder=edgesfirst]',
        f'  graph [labelloc=t labeljust=l fontname="{_FONT}" fontsize=13 fontcolor="{colors.ink}" label=<{title}>]',
        f"  graph [tooltip={quote(scene.name)}]",
        f'  node [fontname="{_FONT}" fontsize=12 margin=0 fixedsize=true]',
        f'  edge [fontname="{_FONT}" fontsize=10 arrowsize=0.8]',
        *(f"  {node.ref} [{_attributes(_node(node, colors, scene.height))}]" for node in scene.nodes),
        *(
            f"  {refs[line.source]} -> {refs[line.target]} [{_attributes(_line(line, colors, scene.height))}]"
            for line in scene.lines
        ),
        *_frames(scene, refs, colors),
        "}\n",
    ]
    return "\n".join(lines)


def quote(text: str) -> str:
    r"""A text as a quoted DOT string that shows as it is: backslashes, quotes and entities mean nothing.

    >>> print(quote('say "hi" \\N & <b>'))
    "say \"hi\" \\N &amp; <b>"
    """
    clean = text.replace("\0", "\ufffd").replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return '"' + clean.replace("\n", "\\n") + '"'


def _frames(scene: Scene, refs: Mapping[str, str], colors: Palette) -> Iterable[str]:
    """The frames as clusters, which only a new layout draws."""
    for frame in scene.frames:
        look = f'style="rounded,dashed" color="{colors.faint_line}" fontcolor="{colors.muted}"'
        members = "; ".join(refs[member] for member in frame.members if member in refs)
        yield f"  subgraph cluster_{frame.ref} {{ graph [{look} label={quote(frame.label.text)}] {members} }}"


def _attributes(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{name}={value}" for name, value in pairs)


def _node(node: Node, colors: Palette, height: float) -> Iterable[tuple[str, str]]:
    frame = 8 if node.kind == "stop" else 0
    fill, line, ink = _node_colors(node, colors)
    yield "id", f'"{node.ref}"'
    yield "class", f'"{" ".join([node.kind, *node.states])}"'
    yield "label", f"<{_label(node, ink, colors)}>"
    yield "shape", "circle" if node.kind == "outside" else "box"
    yield "style", f'"{_node_style(node)}"'
    yield "fillcolor", f'"{fill}"'
    yield "color", f'"{line}"'
    yield "fontcolor", f'"{ink}"'
    yield "penwidth", "2.4" if "failed" in node.states else "1.6" if "executed" in node.states else "1.2"
    if frame:
        yield "peripheries", "2"
    yield "width", f"{(node.box.width - frame) / 72:.4f}"
    yield "height", f"{(node.box.height - frame) / 72:.4f}"
    yield "pos", f'"{_point((node.box.x, node.box.y), height)}"'
    yield "tooltip", quote(node.tooltip or node.label)
    if node.href:
        yield "URL", quote(node.href)


def _node_style(node: Node) -> str:
    if node.kind == "stream" and "executed" not in node.states:
        return "rounded,filled,dotted"
    if node.kind == "more":
        return "rounded,filled,dotted"
    dashed = node.kind in ("human", "outside", "any") or {"idle", "unreachable", *DASHED} & set(node.states)
    return "rounded,filled,dashed" if dashed else "rounded,filled"


def _node_colors(node: Node, colors: Palette) -> tuple[str, str, str]:
    """Fill, border and text."""
    special = node_colors(node.states, colors)
    if special is not None:
        return special
    if "undeclared" in node.states:
        return colors.undeclared_fill, colors.undeclared, colors.ink
    if "failed" in node.states:
        return colors.failed, colors.failed_line, colors.ink
    if {"idle", "unreachable"} & set(node.states):
        return colors.paper, colors.faint_line, colors.faint
    if node.kind in ("any", "more"):
        return colors.paper, colors.failed_line if node.kind == "any" else colors.line, colors.ink
    if node.kind in ("step", "folded", "nested"):
        fill = colors.heat[node.heat - 1] if node.heat else colors.step
        border = colors.critical if "critical" in node.states else colors.step_line
        border = colors.failed_line if "hurt" in node.states else border
        return fill, colors.recovered_line if "recovered" in node.states else border, colors.ink
    if node.kind == "start":
        return colors.start, colors.start, colors.start_ink
    if node.kind in ("request", "answer", "human"):
        return colors.human, colors.human_line, colors.human_ink
    return colors.event, colors.ink if node.kind == "stop" else colors.event_line, colors.ink


def _label(node: Node, ink: str, colors: Palette) -> str:
    rows = text_rows(node)
    trouble = pill_words(node)
    if not rows:
        return " "
    align = "LEFT" if node.kind == "step" else "CENTER"
    cells = [f'<TR><TD ALIGN="{align}">{"  ".join(_font(role, text) for role, text in row)}</TD></TR>' for row in rows]
    if trouble:
        color = colors.failed_ink if node.pill and node.pill.tone == "failed" else colors.recovered_ink
        fill = colors.failed if node.pill and node.pill.tone == "failed" else colors.recovered
        words = f'<FONT POINT-SIZE="9" COLOR="{color}"><B>{_html(trouble)}</B></FONT>'
        cells.append(f'<TR><TD ALIGN="{align}" BGCOLOR="{fill}">{words}</TD></TR>')
    width = f' WIDTH="{round(node.box.width - 2 * PAD_X)}"' if node.kind == "step" else ""
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"{width}>'
    return f'<FONT COLOR="{ink}">{table}{"".join(cells)}</TABLE></FONT>'


def _font(role: Role, text: str) -> str:
    size, bold = SIZES[role]
    words = f"<B>{_html(text)}</B>" if bold else _html(text)
    return f'<FONT POINT-SIZE="{size:g}">{words}</FONT>'


def _html(text: str) -> str:
    """A text inside an HTML-like label; Graphviz refuses an empty one."""
    return escape_xml(text) or " "


def _line(line: Line, colors: Palette, height: float) -> Iterable[tuple[str, str]]:
    color = _line_color(line, colors)
    yield "id", f'"{line.ref}"'
    yield "class", f'"{" ".join([line.kind, *line.states])}"'
    yield "color", f'"{color}"'
    yield "fontcolor", f'"{color}"'
    yield "penwidth", number(line.width)
    yield "style", _line_style(line)
    yield "arrowhead", {"open": "vee", "ring": "odot"}.get(line.head, "normal")
    if line.foot:
        yield "dir", "both"
        yield "arrowtail", "crow"
    points = " ".join(_point(point, height) for point in line.path.points)
    start = f"s,{_point(line.path.points[0], height)} " if line.foot else ""
    yield "pos", f'"{start}e,{_point(line.path.tip, height)} {points}"'
    if line.label:
        middle = line.label.x + (line.label.width / 2 if line.label.anchor == "start" else 0)
        yield "label", quote(line.label.text)
        yield "lp", f'"{_point((middle, line.label.y - 3), height)}"'
    yield "tooltip", quote(line.tooltip)
    if line.back:
        yield "constraint", "false"


def _line_style(line: Line) -> str:
    if not DASHED.isdisjoint(line.states):
        return "dashed"
    if "executed" in line.states:
        return "solid"
    if {"idle", "unreachable"} & set(line.states) or line.kind in ("sends", "enters"):
        return "dashed"
    return "dotted" if line.kind in ("waits", "streams", "fails", "cut", "runs", "retries") else "solid"


def _line_color(line: Line, colors: Palette) -> str:
    special = line_color(line.states, colors)
    if special is not None:
        return special
    if "critical" in line.states:
        return colors.critical
    if "undeclared" in line.states:
        return colors.undeclared
    if {"idle", "unreachable"} & set(line.states):
        return colors.faint_line
    return colors.failed_line if line.kind == "fails" else colors.line


def _point(point: Point, height: float) -> str:
    """A point with y upwards, as Graphviz counts."""
    return f"{number(point[0])},{number(height - point[1])}"
