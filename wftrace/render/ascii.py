"""A scene as an outline for the terminal: what follows what, read from top to bottom.

A single successor stands below its predecessor; branches are indented. ``↺`` goes back to something above on the way
here, ``⤴`` to something that was told before.
"""

from __future__ import annotations

from collections.abc import Iterator

from wftrace.drawing.icons import SIGNS
from wftrace.drawing.scene import Line, Node, Scene

_CHANGES = frozenset({"added", "removed", "changed"})
_STRAIGHT = ("↓ ", "⇢ ")
_SAID = {
    "sends": "(sent)",
    "waits": "(waited for)",
    "streams": "(streamed)",
    "fails": "(failed for good)",
    "runs": "(runs it)",
    "retries": "(tried again)",
}


def render_ascii(scene: Scene) -> str:
    """The scene as lines of text without colours."""
    outline = _Outline(scene)
    roots = [node for node in scene.nodes if node.id == scene.start]
    aimed = {line.target for line in scene.lines if line.source != line.target}
    roots += [node for node in scene.nodes if node.id not in aimed and node.id != scene.start]
    rows = [f"{scene.name} · {scene.summary} · wftrace"]
    for root in (*roots, *scene.nodes):
        if root.id not in outline.told:
            rows += ["", *outline.tell(root)]
    rows += ["", *(note.text for note in scene.notes)] if scene.notes else []
    return "\n".join(rows) + "\n"


class _Outline:
    """What was told already, and how the rest follows."""

    def __init__(self, scene: Scene) -> None:
        self.told: set[str] = set()
        self._nodes = {node.id: node for node in scene.nodes}
        self._following: dict[str, list[Line]] = {node.id: [] for node in scene.nodes}
        for line in scene.lines:
            self._following[line.source].append(line)

    def tell(self, root: Node) -> Iterator[str]:
        """The lines from a node on; deep flows are walked without recursion."""
        yield _words(root, None)
        self.told.add(root.id)
        todo = [(line, "", lead, rest, frozenset({root.id})) for line, lead, rest in self._branches(root.id)]
        todo.reverse()
        while todo:
            line, indent, lead, rest, above = todo.pop()
            node = self._nodes[line.target]
            if node.id in self.told:
                sign = "↺" if node.id in above or line.back else "⤴"
                lead = "" if lead in _STRAIGHT else lead
                yield f"{indent}{lead}{sign} {_words(node, line, brief=True)}"
                continue
            yield f"{indent}{lead}{_words(node, line)}"
            self.told.add(node.id)
            path = above | {node.id} if len(above) < 64 else above
            below = [(each, indent + rest, first, later, path) for each, first, later in self._branches(node.id)]
            todo += reversed(below)

    def _branches(self, node: str) -> Iterator[tuple[Line, str, str]]:
        """The links that leave a node, with what stands before each and before what follows it."""
        lines = self._following[node]
        for line in lines:
            arrow = _STRAIGHT[line.head == "open"]
            if len(lines) == 1:
                yield line, arrow, ""
            elif line is lines[-1]:
                yield line, "└→ ", "   "
            else:
                yield line, "├→ ", "│  "


def _words(node: Node, line: Line | None, *, brief: bool = False) -> str:
    sign = f"{SIGNS[node.icon].glyph} " if node.icon and node.kind != "step" else ""
    name = f"[{node.label}]" if node.kind == "step" else f"{sign}{node.label or 'outside'}"
    words = [name]
    if line is not None and line.count is not None:
        words.append(f"×{line.count}" if line.count else "(not taken)")
        if "undeclared" in line.states:
            words.append("! undeclared")
    elif line is not None and line.label is not None and not _CHANGES.isdisjoint(line.states):
        words.append(f"[{line.label.text}]")
    elif line is not None and line.kind in _SAID:
        words.append(_SAID[line.kind])
    if line is not None and line.events:
        words.insert(0, f"{' | '.join(line.events)} →")
    if not brief and node.details:
        words.append(" " + " · ".join(node.details))
    return " ".join(words)
