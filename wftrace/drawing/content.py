"""What is written in a node, row by row, and how much room the node needs.

The room depends on the graph alone, never on a run: the same box holds the docstring in the static picture and the
measures in an overlay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from wftrace.engine.graph import StepNode
from wftrace.overlays import StepFacts
from wftrace.units import count_of, format_count, format_ms

from .chart import ChartNode, NodeKind
from .metrics import fit_text, text_width
from .names import clipped, one_line
from .scene import SIZES, Role

DEFAULT_WORKERS = 4
ICON_GAP = 4.0
ICON_SCALE = 1.1
SPAN_GAP = 9.0
PAD_X = 13.0
PAD_Y = 10.0

_HEIGHTS: dict[str, float] = {"name": 20, "event": 17, "start": 17, "human": 17, "join": 15, "resource": 15}
_SMALL_HEIGHT = 14.0
_SMALL_ROWS = 2
_MEASURE_ROOM = 150.0
_DOC_ROOM = 178.0
_DOC_CHARS = 400
_MOST_ROWS = 3
_BOX_ROOM = 176.0
_BRIEF_ROOM = 150.0
_BRIEF_PAD = 7.0
_BOXES = (NodeKind.FOLDED, NodeKind.NESTED)


@dataclass(frozen=True, slots=True)
class Span:
    """A text, or an icon with a text after it, in one role."""

    text: str
    role: Role
    icon: str = ""

    @property
    def width(self) -> float:
        """How wide it is."""
        size, bold = SIZES[self.role]
        text = text_width(self.text, size, bold=bold)
        if not self.icon:
            return text
        return size * ICON_SCALE + (ICON_GAP + text if self.text else 0)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: spans from the left (or in the middle) and spans at the right border."""

    spans: tuple[Span, ...]
    right: tuple[Span, ...] = ()
    align: Literal["start", "middle"] = "start"

    @property
    def height(self) -> float:
        """How high it is."""
        return _HEIGHTS.get(self.spans[0].role, _SMALL_HEIGHT) if self.spans else _SMALL_HEIGHT

    @property
    def width(self) -> float:
        """How wide it is."""
        both = 2 * SPAN_GAP if self.spans and self.right else 0
        return spans_width(self.spans) + both + spans_width(self.right)


def spans_width(spans: Iterable[Span]) -> float:
    """How wide some spans are with the gaps between them."""
    widths = [span.width for span in spans]
    return sum(widths) + SPAN_GAP * max(0, len(widths) - 1)


def node_size(node: ChartNode) -> tuple[float, float]:
    """Width and height of a node's box, the same in every picture of the flow."""
    if node.kind is NodeKind.OUTSIDE:
        return 12.0, 12.0
    if node.kind in _BOXES:
        rows = static_rows(node)
        width = max(_BOX_ROOM, *(row.width for row in rows))
        return _size(width + 2 * PAD_X, sum(row.height for row in rows) + 2 * PAD_Y)
    if node.step is not None and node.brief:
        rows = _step_rows(node, node.step)
        width = max(_BRIEF_ROOM, *(row.width for row in rows))
        return _size(width + 2 * PAD_X, sum(row.height for row in rows) + _SMALL_HEIGHT + 2 * _BRIEF_PAD)
    if node.step is not None:
        rows = _step_rows(node, node.step)
        width = max(_base_width(node, node.step), *(row.width for row in _doc_rows(node, node.step)), 0)
        return _size(width + 2 * PAD_X, sum(row.height for row in rows) + _SMALL_ROWS * _SMALL_HEIGHT + 2 * PAD_Y)
    rows = static_rows(node)
    width = max(row.width for row in rows) + 2 * PAD_X
    if node.kind is NodeKind.HUMAN:
        return _size(max(width, 128), 46)
    frame = 6 if node.kind is NodeKind.STOP else 0
    return _size(max(width, 64) + frame, sum(row.height for row in rows) + 10 + frame)


def static_rows(node: ChartNode) -> tuple[Row, ...]:
    """The rows of a node in the picture of all possible flows."""
    if node.kind is NodeKind.OUTSIDE:
        return ()
    if node.kind in _BOXES:
        return Row((Span(node.label, "name"),)), Row((Span(node.facts[0], "measure"),))
    if node.step is None:
        return _event_rows(node)
    if node.note:
        return (*_step_rows(node, node.step), Row((Span(node.note, "note", "warning"),)))
    rows = (*_step_rows(node, node.step), *(() if node.brief else _doc_rows(node, node.step)))
    if len(rows) == 1 and not rows[0].right:
        return (Row(rows[0].spans, align="middle"),)
    return rows


def measured_rows(node: ChartNode, facts: StepFacts | None, waited_ms: float) -> tuple[Row, ...]:
    """The rows of a node in the picture of one run."""
    if node.kind is NodeKind.FOLDED:
        did = f"{count_of(facts.calls, 'call')} · {format_ms(facts.total_ms)}" if facts else "not reached"
        words = f"{node.facts[0]} · {did}"
        return static_rows(node)[0], Row((Span(fit_text(words, _BOX_ROOM, SIZES["measure"][0]), "measure"),))
    if node.step is not None and node.brief:
        return (*_step_rows(node, node.step), _brief_row(node, facts))
    if node.step is not None:
        return (*_step_rows(node, node.step), *(Row((Span(text, "measure"),)) for text in _measures(node, facts)))
    if node.kind is NodeKind.HUMAN and node.facts:
        return (*_event_rows(node), Row((Span(node.facts[0], "measure"),), align="middle"))
    if node.kind is NodeKind.HUMAN and waited_ms:
        return (*_event_rows(node), Row((Span(f"waited {format_ms(waited_ms)}", "measure"),), align="middle"))
    return static_rows(node)


def trouble_spans(facts: StepFacts) -> tuple[Span, ...]:
    """What went wrong in a step, nothing when nothing did."""
    spans: list[Span] = []
    if facts.failed:
        spans.append(Span(f"{facts.failed} failed", "bad", "failed"))
        if facts.retried:
            spans.append(Span("", "bad", "then"))
    if facts.retried:
        spans.append(Span(f"{facts.retried} retried", "bad", "retry"))
    for number, word in (
        (facts.timed_out, "timed out"),
        (facts.cancelled, "cancelled"),
        (facts.unfinished, "unfinished"),
    ):
        if number:
            spans.append(Span(f"{number} {word}", "bad", "stopped"))
    return tuple(spans)


def policy_words(step: StepNode) -> tuple[tuple[str, str], ...]:
    """The policy of a step as (icon, text): retry, timeout, workers; what is the default is left out."""
    words: list[tuple[str, str]] = []
    if step.retry:
        words.append(("retry", clipped(one_line(step.retry), 28)))
    if step.timeout is not None:
        words.append(("timeout", format_ms(step.timeout * 1000).replace(".0", "")))
    if step.num_workers != DEFAULT_WORKERS:
        words.append(("", count_of(step.num_workers, "worker")))
    return tuple(words)


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring in one line.

    >>> first_sentence("Fetch one page. Retries.\\n\\nMore.")
    'Fetch one page.'
    """
    paragraph = one_line(doc.strip().partition("\n\n")[0][:_DOC_CHARS])
    found = re.search(r"[.!?。](?=\s|$)", paragraph)
    return paragraph[: found.end()] if found else paragraph


def _size(width: float, height: float) -> tuple[float, float]:
    """Whole even pixels, so that sides fall on whole pixels."""
    return float(2 * round(width / 2 + 0.49)), float(2 * round(height / 2 + 0.49))


def _step_rows(node: ChartNode, step: StepNode) -> tuple[Row, ...]:
    joins = [Row((Span(text, "join", "join"),)) for text in node.joins[:_MOST_ROWS]]
    policy = tuple(Span(text, "policy", icon) for icon, text in policy_words(step))
    head = Row((Span(node.label, "name"),), policy)
    items = [clipped(one_line(f"{item.name}: {item.type}"), 40) for item in step.resources]
    if len(items) > _MOST_ROWS:
        items[_MOST_ROWS - 1 :] = [f"and {len(items) - _MOST_ROWS + 1} more"]
    return (*joins, head, *(Row((Span(text, "resource", "resource"),)) for text in items))


def _base_width(node: ChartNode, step: StepNode) -> float:
    return max(_MEASURE_ROOM, *(row.width for row in _step_rows(node, step)))


def _doc_rows(node: ChartNode, step: StepNode) -> tuple[Row, ...]:
    lines = _wrapped(first_sentence(step.doc), max(_DOC_ROOM, _base_width(node, step)))
    return tuple(Row((Span(line, "doc"),)) for line in lines)


def _wrapped(text: str, width: float) -> tuple[str, ...]:
    """A text in at most two lines; what does not fit ends in an ellipsis."""
    size, bold = SIZES["doc"]
    words = text.split()
    first = ""
    while words and text_width(f"{first} {words[0]}".strip(), size, bold=bold) <= width:
        first = f"{first} {words.pop(0)}".strip()
    rest = " ".join(words)
    if not first:
        return (fit_text(rest, width, size, bold=bold),) if rest else ()
    return (first, fit_text(rest, width, size, bold=bold)) if rest else (first,)


_EVENT_ICONS = {
    NodeKind.START: "start",
    NodeKind.STOP: "stop",
    NodeKind.REQUEST: "request",
    NodeKind.ANSWER: "answer",
    NodeKind.STREAM: "stream",
    NodeKind.HUMAN: "human",
    NodeKind.ANY: "failed",
}


def node_icon(node: ChartNode) -> str:
    """The sign before a node's name."""
    return "warning" if node.note else _EVENT_ICONS.get(node.kind, "")


def _event_rows(node: ChartNode) -> tuple[Row, ...]:
    roles: dict[NodeKind, Role] = {NodeKind.START: "start", NodeKind.HUMAN: "human"}
    head = Row((Span(node.label, roles.get(node.kind, "event"), node_icon(node)),), align="middle")
    if not node.note:
        return (head,)
    return (head, Row((Span(node.note, "note"),), align="middle"))


def _brief_row(node: ChartNode, facts: StepFacts | None) -> Row:
    """All measures in one row, and at its right how often the step failed and was tried again."""
    if facts is None or not facts.calls:
        return Row((Span(node.note or "not reached", "measure"),))
    stopped = facts.timed_out + facts.cancelled + facts.unfinished
    counts = (("failed", facts.failed), ("retry", facts.retried), ("stopped", stopped))
    trouble = tuple(Span(format_count(number), "bad", icon) for icon, number in counts if number)
    if facts.calls == 1:
        return Row((Span(format_ms(facts.total_ms), "measure"),), trouble)
    calls = f"{format_count(facts.calls)}×"
    row = Row((Span(f"{calls} · p50 {format_ms(facts.p50_ms)}", "measure"),), trouble)
    return row if row.width <= _BRIEF_ROOM else Row((Span(calls, "measure"),), trouble)


def _measures(node: ChartNode, facts: StepFacts | None) -> tuple[str, ...]:
    if facts is None or not facts.calls:
        return (node.note or "not reached",)
    queued = f"queued {format_ms(facts.queued_ms)}" if facts.queued_ms >= 0.05 else ""
    if facts.calls == 1:
        return tuple(text for text in (format_ms(facts.total_ms), queued) if text)
    first = f"{count_of(facts.calls, 'call')} · p50 {format_ms(facts.p50_ms)}"
    p95 = f"p95 {format_ms(facts.p95_ms)}"
    whole = f"{p95} · {queued}" if queued else p95
    return first, whole if text_width(whole, SIZES["measure"][0]) <= _MEASURE_ROOM else p95
