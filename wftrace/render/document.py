"""A scene as JSON: nodes and edges with what they say and where they are."""

from __future__ import annotations

import json
from typing import Any

from wftrace.drawing.scene import Line, Node, Scene
from wftrace.gate import clean_text

SCHEMA = "wftrace/picture@1"


def render_json(scene: Scene) -> str:
    """The scene as a JSON document; coordinates are pixels, y grows downwards."""
    document = {
        "schema": SCHEMA,
        "name": scene.name,
        "summary": scene.summary,
        "mode": scene.mode,
        "direction": scene.direction,
        "width": scene.width,
        "height": scene.height,
        "nodes": [_node(node) for node in scene.nodes],
        "edges": [_edge(line) for line in scene.lines],
        "groups": [
            {"label": frame.label.text, "members": list(map(clean_text, frame.members))} for frame in scene.frames
        ],
        "notes": [note.text for note in scene.notes],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": clean_text(node.id),
        "kind": node.kind,
        "label": node.label,
        "states": list(node.states),
        "details": list(node.details),
        "x": node.box.x,
        "y": node.box.y,
        "width": node.box.width,
        "height": node.box.height,
        **({"href": node.href} if node.href else {}),
    }


def _edge(line: Line) -> dict[str, Any]:
    return {
        "source": clean_text(line.source),
        "target": clean_text(line.target),
        "kind": line.kind,
        "states": list(line.states),
        "back": line.back,
        "events": list(line.events),
        "count": line.count,
        "path": [list(point) for point in (*line.path.points, line.path.tip)],
    }
