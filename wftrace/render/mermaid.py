"""A scene as a Mermaid flowchart. Mermaid lays it out itself; what it says is the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from wftrace.drawing.icons import SIGNS
from wftrace.drawing.palette import THEMES, Palette
from wftrace.drawing.scene import Frame, Line, Node, Scene

from .change_colors import DASHED, node_colors

_SAFE = frozenset(" _.,:·×…")
_SHAPES = {
    "step": ('("', '")'),
    "human": ('{{"', '"}}'),
    "stop": ('[["', '"]]'),
    "nested": ('[["', '"]]'),
    "folded": ('("', '")'),
}
_ARROWS = {
    "executed": "==>",
    "idle": "-.->",
    "unreachable": "-.->",
    "hole": "-.->",
    "added": "==>",
    "removed": "-.->",
    "changed": "==>",
}
_CHANGES = ("added", "removed", "changed", "hole")


def render_mermaid(scene: Scene) -> str:
    """The scene as Mermaid text; texts from outside are written so that Mermaid finds no syntax in them."""
    colors = THEMES.get(scene.theme, THEMES["light"])
    refs = {node.id: node.ref for node in scene.nodes}
    lines = [
        f"%% wftrace: {escape_mermaid(scene.name)}, {escape_mermaid(scene.summary)}",
        f"flowchart {scene.direction}",
        *(f"  {node.ref}{_shape(node)}" for node in scene.nodes),
        *(f"  {refs[line.source]} {_arrow(line)} {refs[line.target]}" for line in scene.lines),
        *(f"  {text}" for frame in scene.frames for text in _subgraph(frame, refs)),
        *(f'  click {node.ref} href "{_address(node.href)}"' for node in scene.nodes if node.href),
        *(f"  {style}" for style in _classes(scene, colors)),
    ]
    critical = [str(index) for index, line in enumerate(scene.lines) if "critical" in line.states]
    if critical:
        lines.append(f"  linkStyle {','.join(critical)} stroke:{colors.critical}")
    return "\n".join(lines) + "\n"


def escape_mermaid(text: str) -> str:
    """A text with every character that could mean something to Mermaid written by its number.

    >>> escape_mermaid('a"b')
    'a#34;b'
    """
    return "".join(char if char.isalnum() or char in _SAFE else f"#{ord(char)};" for char in text)


def _subgraph(frame: Frame, refs: Mapping[str, str]) -> Iterable[str]:
    yield f'subgraph {frame.ref}["{escape_mermaid(frame.label.text)}"]'
    yield from (f"  {refs[member]}" for member in frame.members if member in refs)
    yield "end"


def _address(href: str) -> str:
    """An address without what could end its quotes."""
    return quote(href, safe=":/#?&=%@+,;~-._!$*")


def _shape(node: Node) -> str:
    sign = f"{SIGNS[node.icon].glyph} " if node.icon else ""
    name = escape_mermaid(f"{sign}{node.label}") or "#32;"
    details = "".join(f"<br/>{escape_mermaid(text)}" for text in node.details)
    before, after = _SHAPES.get(node.kind, ('(["', '"])'))
    return f"{before}{name}{details}{after}"


def _arrow(line: Line) -> str:
    arrow = next((_ARROWS[state] for state in line.states if state in _ARROWS), "")
    if not arrow:
        arrow = (
            "-.->" if line.kind in ("sends", "waits", "streams", "fails", "enters", "cut", "runs", "retries") else "-->"
        )
    return f'{arrow}|"{escape_mermaid(line.label.text)}"|' if line.label else arrow


def _classes(scene: Scene, colors: Palette) -> Iterable[str]:
    styles = {
        "pale": f"fill:{colors.paper},stroke:{colors.faint_line},color:{colors.faint},stroke-dasharray:5 4",
        "failed": f"fill:{colors.failed},stroke:{colors.failed_line},color:{colors.ink},stroke-width:3px",
        "undeclared": f"fill:{colors.undeclared_fill},stroke:{colors.undeclared},color:{colors.ink}",
        "human": f"fill:{colors.human},stroke:{colors.human_line},color:{colors.human_ink}",
        "start": f"fill:{colors.start},stroke:{colors.start},color:{colors.start_ink}",
        "step": f"fill:{colors.step},stroke:{colors.step_line},color:{colors.ink}",
        "event": f"fill:{colors.event},stroke:{colors.event_line},color:{colors.ink}",
    }
    styles |= {
        f"heat{step}": f"fill:{fill},stroke:{colors.step_line},color:{colors.ink}"
        for step, fill in enumerate(colors.heat, 1)
    }
    for state in _CHANGES:
        fill, border, ink = node_colors((state,), colors) or ("", "", "")
        dashes = ",stroke-dasharray:6 4" if state in DASHED else ""
        styles[state] = f"fill:{fill},stroke:{border},color:{ink},stroke-width:2px{dashes}"
    members: dict[str, list[str]] = {}
    for node in scene.nodes:
        members.setdefault(_class_of(node), []).append(node.ref)
    for name, refs in sorted(members.items()):
        yield f"classDef {name} {styles[name]}"
        yield f"class {','.join(refs)} {name}"


def _class_of(node: Node) -> str:
    for state in (*_CHANGES, "undeclared", "failed"):
        if state in node.states:
            return state
    if {"idle", "unreachable"} & set(node.states):
        return "pale"
    if node.kind in ("request", "answer", "human"):
        return "human"
    if node.kind in ("step", "folded", "nested"):
        return f"heat{node.heat}" if node.heat else "step"
    return "start" if node.kind == "start" else "event"
