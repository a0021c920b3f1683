"""A and B in one picture: ``+`` only in B, ``−`` only in A, ``Δ`` changed, each with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from wftrace.many import Change, Compared, Diff, Figure
from wftrace.overlays import EdgeKey
from wftrace.units import format_ms, split_ms

from .caption import Caption
from .chart import ChartNode, Link, NodeKind
from .content import Row, Span, measured_rows
from .geometry import Box
from .layout import Direction
from .legend import Entry
from .lines import head_points
from .many import compose_coated, line_with, measure_row, node_with, place_label, short_mean, with_events
from .marks import place_rows, place_spans
from .names import clipped, one_line
from .page import Options
from .scene import Line, Node, Pill, Role, Scene, Text
from .view import View

_WIDTHS = {"added": 3.2, "removed": 2.0, "changed": 2.6, "same": 1.5, "idle": 1.2}
_KEPT = frozenset({"declared", "inferred", "observed", "aside"})
_BADGE = 18.0
_MOST_ROWS = 2
_LONGEST = 16


def compose_diff(diff: Diff, options: Options | None = None, *, view: View | None = None) -> Scene:
    """The scene of a comparison. Two runs of one flow stand where its picture of all possible flows has them."""
    return compose_coated(diff.graph, DiffCoat(diff), options or Options(), view or View())


@dataclass(frozen=True)
class DiffCoat:
    """What is different between A and B in nodes and lines."""

    diff: Diff

    @property
    def caption(self) -> Caption:
        """Title, notes and legend."""
        diff = self.diff
        sides = [_side(side.label, side.runs, side.detail) for side in (diff.a, diff.b)]
        words = f"A {sides[0]} → B {sides[1]} · {diff.sentence}"
        notes = [*_whole(diff), *diff.notes]
        return Caption("diff", words, tuple(notes), _entries(diff))

    @property
    def observed(self) -> Iterable[EdgeKey]:
        """The edges of A and B."""
        return self.diff.edges

    def line(self, line: Line, link: Link, room: Box | None, direction: Direction) -> Line:
        """A line that says how it changed."""
        compared = [self.diff.edges[part] for part in _keys(link) if part in self.diff.edges]
        change = _together(compared)
        idle = change is Change.SAME and self.diff.kind != "code" and not any(each.figures for each in compared)
        state = "idle" if idle else change.value
        sure = all(each.sure for each in compared)
        states = (*(each for each in line.states if each in _KEPT), state, *([] if sure else ["unsure"]))
        words = self._label(change, compared, sure)
        shown = with_events((words, "count") if words else None, line, link)
        told = [sentence_of(figure) for each in compared for figure in each.figures] if len(compared) == 1 else []
        return replace(
            line,
            states=states,
            width=_WIDTHS[state],
            head_points=head_points(line.path, _WIDTHS[state], line.head),
            label=place_label(shown, room, direction, _WIDTHS[state]) if shown and room else None,
            tooltip=", ".join([line.tooltip, _CHANGES[change], *told]),
        )

    def _label(self, change: Change, compared: Sequence[Compared], sure: bool) -> str:
        if change is Change.SAME:
            return ""
        words = change.sign
        if len(compared) == 1:
            words = f"{words} {_edge_words(compared[0], self.diff.kind)}".strip()
        return words if sure else f"({words})"

    def node(self, node: Node, of: ChartNode, touching: Sequence[Line]) -> Node:
        """A node that says how it changed: steps in their first row, the others by a badge."""
        compared = [self.diff.nodes[each] for each in (of.id, *of.members) if each in self.diff.nodes]
        change = _together(compared)
        ran = any(each.figures for each in compared) or any("idle" not in line.states for line in touching)
        idle = self.diff.kind != "code" and not ran
        state = "idle" if idle else change.value
        sure = all(each.sure for each in compared)
        single = compared[0] if len(compared) == 1 else None
        rows = self._rows(of if idle else replace(of, note=""), change, single, sure)
        badge = change is not Change.SAME and of.step is None and of.kind is not NodeKind.OUTSIDE
        told = [sentence_of(figure) for figure in single.figures] if single else []
        sign = f"{change.sign} " if change.sign else ""
        return replace(
            node,
            states=(*(each for each in node.states if each in _KEPT), state, *([] if sure else ["unsure"])),
            marks=place_rows(rows, node.box),
            pill=_badge(change, node.box) if badge else _failures(single, node.box),
            details=(*([_CHANGES[change]] if change.sign else []), *told),
            tooltip="\n".join([node.tooltip, *([f"{sign}{_CHANGES[change]}"] if sign else []), *told]),
            spoken=", ".join([node.spoken, _CHANGES[change], *told]),
        )

    def _rows(self, of: ChartNode, change: Change, single: Compared | None, sure: bool) -> tuple[Row, ...]:
        rows = [row for row in measured_rows(of, None, 0.0) if not (row.spans and row.spans[0].role == "measure")]
        if of.step is not None:
            rows = [_signed(row, change, sure) if _is_head(row) else row for row in rows]
        if single is None or not single.figures:
            quiet = of.step is None or change.sign or self.diff.kind == "code"
            return tuple(rows) if quiet else (*rows, measure_row(of.note or "in neither", of))
        texts = _code_rows(single) if self.diff.kind == "code" else _run_rows(single, of)
        return (*rows, *(measure_row(text, of) for text in texts))


def sentence_of(figure: Figure) -> str:
    """A figure in words, with what a test said: ``time 21 → 94 ms``."""
    words = f"{figure.name} {pair_of(figure)}"
    if figure.chance is None or figure.before == figure.after:
        return words
    chance = "< 0.001" if figure.chance < 0.001 else f"{figure.chance:.2g}"
    return f"{words} ({'changed' if figure.real else 'not distinguishable'}, chance {chance})"


def pair_of(figure: Figure) -> str:
    """Both sides of a figure, with an arrow where they differ.

    >>> pair_of(Figure("time", 21.0, 94.0, "ms")), pair_of(Figure("calls", 6, 6, "count"))
    ('21 → 94\\xa0ms', '6')
    """
    before, after = (_shown(value, figure) for value in (figure.before, figure.after))
    if before == after:
        return after
    if figure.unit == "ms" and isinstance(figure.before, float) and isinstance(figure.after, float):
        first, unit = split_ms(figure.before)
        other = split_ms(figure.after)[1]
        if unit == other or (first == "0" and other):
            return f"{first} → {format_ms(figure.after)}"
    return f"{before} → {after}"


def _shown(value: float | str | None, figure: Figure) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return clipped(one_line(value), _LONGEST) or "nothing"
    if figure.unit == "ms":
        return format_ms(value)
    if figure.unit == "share":
        percent = 100 * value
        return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"
    return short_mean(value)


def _keys(link: Link) -> list[EdgeKey]:
    return [pair for part in link.parts for pair in pairwise(part)]


def _together(compared: Sequence[Compared]) -> Change:
    """How several things changed that are drawn as one."""
    changes = {each.change for each in compared}
    if not changes or changes == {Change.SAME}:
        return Change.SAME
    return changes.pop() if len(changes) == 1 else Change.CHANGED


def _edge_words(edge: Compared, kind: str) -> str:
    if not edge.figures:
        return ""
    if edge.change is Change.CHANGED:
        return pair_of(edge.figures[0])
    figure = edge.figure("runs") if kind == "cohorts" else edge.figures[0]
    value = None if figure is None else figure.after if edge.change is Change.ADDED else figure.before
    if figure is None or value is None:
        return ""
    return _shown(value, figure) if kind == "cohorts" else f"×{_shown(value, figure)}"


def _is_head(row: Row) -> bool:
    return bool(row.spans) and row.spans[0].role == "name"


def _signed(row: Row, change: Change, sure: bool) -> Row:
    """The first row of a step with its sign; its policy gives way to the sign."""
    if not change.sign:
        return Row(row.spans)
    name = row.spans[0]
    return Row((Span(name.text if sure else f"({name.text})", name.role, change.value),))


def _run_rows(single: Compared, of: ChartNode) -> list[str]:
    if of.kind is NodeKind.HUMAN:
        return [_marked(figure, "") for figure in single.figures[:1]]
    if of.step is None:
        return []
    calls, time = single.figure("calls"), single.figure("time")
    rows = []
    if calls is not None:
        one = calls.before == 1 and calls.after == 1
        noun = ("call" if one else "calls") if calls.unit == "count" else "a run"
        rows.append(_marked(calls, "", noun))
    if time is not None:
        rows.append(_marked(time, "p50 "))
    shown = (calls, time, single.figure("failed"))
    others = [figure for figure in single.figures if figure.real and figure not in shown]
    if others and not (time and time.real):  # what made the change has to be seen
        rows[1:] = [_marked(others[0], f"{others[0].name} ")]
    return rows[:_MOST_ROWS]


def _marked(figure: Figure, name: str, noun: str = "") -> str:
    """A figure of runs: with ``Δ`` when it changed, ``≈`` when that may be chance, ``=`` when it did not."""
    words = f"{name}{pair_of(figure)} {noun}".rstrip()
    if figure.real:
        return f"Δ {words}"
    if "→" not in words:
        return f"{words} ="
    return words if figure.chance is None else f"{words} ≈"


def _code_rows(single: Compared) -> list[str]:
    rows = [f"{figure.name} {pair_of(figure)}" for figure in single.figures]
    return rows if len(rows) <= _MOST_ROWS else [rows[0], f"and {len(rows) - 1} more changes"]


def _failures(single: Compared | None, box: Box) -> Pill | None:
    """What failed, across the lower border of a step."""
    failed = single.figure("failed") if single else None
    if failed is None or not (failed.before or failed.after):
        return None
    spans = (Span(_marked(failed, "", "failed"), "bad", "failed"),)
    width = spans[0].width + 18
    place = Box(round(box.left + width / 2 + 8, 2), box.bottom + 2, round(width, 2), _BADGE, _BADGE / 2)
    return Pill(place, "failed" if failed.real else "recovered", place_spans(spans, place.left + 9, place.y))


def _badge(change: Change, box: Box) -> Pill:
    """A sign across the upper left corner of a node."""
    role: Role = "bad"
    spans = (Span("", role, change.value),)
    place = Box(box.left + 4, box.top + 3, _BADGE, _BADGE, _BADGE / 2)
    return Pill(place, change.value, place_spans(spans, place.x - spans[0].width / 2, place.y))


def _side(label: str, runs: int, detail: str) -> str:
    words = [f"{runs} runs"] if runs > 1 else []
    words += [detail] if detail else []
    name = clipped(one_line(label), 40)
    return f"{name} ({', '.join(words)})" if words else name


def _whole(diff: Diff) -> list[str]:
    """What is said of whole runs, in one note."""
    if not diff.whole:
        return []
    words = []
    for figure in diff.whole:
        if figure.before == figure.after and not figure.before:
            continue
        same = f" (not distinguishable, n={diff.least})" if figure.chance is not None and not figure.real else ""
        middle = "median " if diff.kind == "cohorts" and figure.unit == "ms" else ""
        words.append(f"{'Δ ' if figure.real else ''}{middle}{figure.name} {pair_of(figure)}{same}")
    return [" · ".join(words)] if words else []


_CHANGES = {
    Change.ADDED: "only in B",
    Change.REMOVED: "only in A",
    Change.CHANGED: "changed",
    Change.SAME: "not changed",
}


def _entries(diff: Diff) -> tuple[Entry, ...]:
    chance = f"( ) ≈ not distinguishable (n={diff.least})"
    entries = (
        Entry("line added", "+ only in B", lambda content: _has("added", content)),
        Entry("line removed", "− only in A", lambda content: _has("removed", content)),
        Entry("line changed", "Δ changed", lambda content: _has("changed", content)),
        Entry("line idle", "taken in neither", line_with("idle")),
    )
    return entries if diff.kind != "cohorts" else (*entries, Entry("line unsure", chance, _is_unsure))


def _is_unsure(content: tuple[Sequence[Node], Sequence[Line]]) -> bool:
    texts = (mark.text for node in content[0] for mark in node.marks if isinstance(mark, Text))
    return _has("unsure", content) or any("≈" in text for text in texts)


def _has(state: str, content: tuple[Sequence[Node], Sequence[Line]]) -> bool:
    return line_with(state)(content) or node_with(state)(content)
