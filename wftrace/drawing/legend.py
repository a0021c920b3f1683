"""The legend: samples of what is present in the picture, and nothing else, in rows under the drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .geometry import Box, Path
from .lines import head_points
from .metrics import text_width
from .scene import SIZES, Frame, HeadShape, Icon, LegendItem, Line, Node, Text

_ROW_HEIGHT = 22.0
_SAMPLE = (28.0, 15.0)
_GAP = 6.0
_ITEM_GAP = 18.0

Content = tuple[Sequence[Node], Sequence[Line]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A possible entry: what it looks like, what it says, and whether the picture has such a thing."""

    sample: str
    text: str
    present: Callable[[Content], bool]


def _kind(kind: str) -> Callable[[Content], bool]:
    return lambda content: any(node.kind == kind for node in content[0])


def _icon(name: str) -> Callable[[Content], bool]:
    return lambda content: any(
        isinstance(mark, Icon) and mark.name == name for node in content[0] for mark in node.marks
    )


def _node_state(state: str) -> Callable[[Content], bool]:
    return lambda content: any(state in node.states for node in content[0])


def _line_state(state: str) -> Callable[[Content], bool]:
    return lambda content: any(state in line.states for line in content[1])


def _line_kind(kind: str) -> Callable[[Content], bool]:
    return lambda content: any(line.kind == kind for line in content[1])


_STATIC_ENTRIES = (
    Entry("node step", "step", _kind("step")),
    Entry("node event", "event", _kind("event")),
    Entry("node start", "start", _kind("start")),
    Entry("node stop", "stop", _kind("stop")),
    Entry("line returns", "returned", _line_kind("returns")),
    Entry("line sends", "sent with ctx.send_event", _line_kind("sends")),
    Entry("line waits", "awaited inside the step", _line_kind("waits")),
    Entry("line fails", "failed for good", _line_kind("fails")),
)
_SHARED_ENTRIES = (
    Entry("line joined", "many, joined", lambda content: any(line.foot for line in content[1])),
    Entry("node request", "asks a human", _kind("request")),
    Entry("node answer", "a human's answer", _kind("answer")),
    Entry("node stream", "streamed to the caller", _kind("stream")),
    Entry("node outside", "comes from outside", _kind("outside")),
    Entry("line runs", "runs a workflow", _line_kind("runs")),
    Entry("line retries", "tried again", _line_kind("retries")),
    Entry("node folded", "steps folded into one box", _kind("folded")),
    Entry("node nested", "a workflow that a step runs", _kind("nested")),
    Entry("node any", "any step", _kind("any")),
    Entry("node more", "goes on, not drawn", _kind("more")),
    Entry("icon retry", "retries · delay", _icon("retry")),
    Entry("icon timeout", "step timeout", _icon("timeout")),
    Entry("icon resource", "resource", _icon("resource")),
)
_STATIC_LAST = (Entry("node unreachable", "no run gets here", _node_state("unreachable")),)
_OVERLAY_ENTRIES = (
    Entry("line executed", "taken, ×n when n > 1", _line_state("executed")),
    Entry("line idle", "possible, not taken", _line_state("idle")),
    Entry("line critical", "critical path", _line_state("critical")),
    Entry("heat", "", lambda content: any(node.heat for node in content[0])),
    Entry("node recovered", "failed, then recovered", _node_state("recovered")),
    Entry("node failed", "failed", _node_state("failed")),
    Entry("line undeclared", "! in the trace only", _line_state("undeclared")),
)


def legend_items(
    nodes: Sequence[Node],
    lines: Sequence[Line],
    frames: Sequence[Frame],
    heat_words: str,
    left: float,
    top: float,
    width: float,
    special: tuple[Entry, ...] = (),
) -> tuple[tuple[LegendItem, ...], float]:
    """The entries for what is there, in rows of at most ``width``, and the y below them.

    ``special`` entries stand in place of those of a run or of all possible flows.
    """
    overlay = any(state in ("executed", "idle") for line in lines for state in line.states)
    entries: tuple[Entry, ...]
    entries = (*_OVERLAY_ENTRIES, *_SHARED_ENTRIES) if overlay else (*_STATIC_ENTRIES, *_SHARED_ENTRIES, *_STATIC_LAST)
    if special:
        entries = (*special, *_SHARED_ENTRIES)
    entries = tuple(replace(each, text=heat_words) if each.sample == "heat" else each for each in entries)
    if frames:
        entries = (*entries, Entry("node group", "belongs together", lambda _: True))
    items: list[LegendItem] = []
    x, y = left, top + _ROW_HEIGHT / 2
    for entry in entries:
        if not entry.present((nodes, lines)):
            continue
        size, bold = SIZES["legend"]
        sample = _sample_width(entry.sample)
        text = text_width(entry.text, size, bold=bold)
        if x > left and x + sample + _GAP + text > left + width:
            x, y = left, y + _ROW_HEIGHT
        words = Text(round(x + sample + _GAP, 2), round(y + size * 0.355, 2), entry.text, "legend", text)
        items.append(_sample(entry.sample, words, x, y))
        x += sample + _GAP + text + _ITEM_GAP
    return tuple(items), y + _ROW_HEIGHT / 2 if items else top


def _sample_width(sample: str) -> float:
    if sample == "heat":
        return 5 * 14.0
    return 14.0 if sample.startswith("icon") else _SAMPLE[0]


def _sample(sample: str, text: Text, x: float, y: float) -> LegendItem:
    form, _, name = sample.partition(" ")
    if form == "icon":
        return LegendItem(text, marks=(Icon(round(x, 2), y - 7, 14, name, "legend"),))
    if form == "line":
        return LegendItem(text, lines=(_line_sample(name, x, y),))
    if form == "heat":
        boxes = (Box(round(x + 14 * step + 6, 2), y, 12, _SAMPLE[1], 3) for step in range(5))
        return LegendItem(text, nodes=tuple(_node_sample("step", box, heat + 1) for heat, box in enumerate(boxes)))
    return LegendItem(text, nodes=(_node_sample(name, Box(round(x + _SAMPLE[0] / 2, 2), y, *_SAMPLE, 5)),))


def _node_sample(name: str, box: Box, heat: int = 0) -> Node:
    states: tuple[str, ...] = ("executed",) if heat else ()
    kind = name
    if name in ("unreachable", "recovered", "failed", "hurt", "added", "removed", "changed", "hole"):
        kind, states = "step", (name,)
    if name == "outside":
        box = replace(box, width=10, height=10, radius=5)
    if name == "more":
        return Node("", "", kind, states, box, (Text(box.x, box.y + 3, "…", "event", 12.5, "middle"),), "")
    sign = name if name in ("start", "stop", "request", "answer", "stream") else ""
    marks = (Icon(round(box.x - 5.5, 2), box.y - 5.5, 11, sign, "legend"),) if sign else ()
    return Node("", "", kind, states, box, marks, "", heat=heat)


_LINES: dict[str, tuple[str, tuple[str, ...], float, HeadShape]] = {
    "returns": ("returns", (), 1.5, "arrow"),
    "sends": ("sends", (), 1.5, "open"),
    "waits": ("waits", (), 1.5, "arrow"),
    "fails": ("fails", (), 1.5, "arrow"),
    "runs": ("runs", (), 1.5, "open"),
    "retries": ("retries", (), 1.5, "arrow"),
    "joined": ("accepts", (), 1.5, "arrow"),
    "executed": ("returns", ("executed",), 2.6, "arrow"),
    "idle": ("returns", ("idle",), 1.2, "arrow"),
    "critical": ("returns", ("executed", "critical"), 2.6, "arrow"),
    "undeclared": ("returns", ("executed", "undeclared"), 2.4, "arrow"),
    "hole": ("returns", ("hole",), 1.6, "arrow"),
    "added": ("returns", ("added",), 3.0, "arrow"),
    "unsure": ("returns", ("added", "unsure"), 2.0, "arrow"),
    "removed": ("returns", ("removed",), 2.0, "arrow"),
    "changed": ("returns", ("changed",), 2.4, "arrow"),
}


def _line_sample(name: str, x: float, y: float) -> Line:
    kind, states, width, head = _LINES[name]
    end = x + _SAMPLE[0]
    path = Path(((x, y), (x + 5, y), (end - 14, y), (end - 9, y)), (end, y))
    foot = (((x + 7, y), (x, y - 4)), ((x + 7, y), (x, y + 4))) if name == "joined" else ()
    return Line("", "", "", kind, states, path, width, head, head_points(path, width, head), foot)
