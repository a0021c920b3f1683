"""The timeline of the report: an SVG that is complete without scripts, one row per step and one lane per worker.

Positions across are per cent, so the picture follows the width of the page while its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from wftrace.analysis import Bar, BarKind, Row, timeline
from wftrace.units import format_count, format_ms

from .html_axis import Axis
from .html_run import RunView
from .html_words import esc

LANE = 20
BAR = 15
AXIS = 22
PATH = 22
GAP = 8
LANES_CAP = 24
QUEUE_LANES = 5
DEPTH = 34
DEPTH_PARTS = 150
WIDTH = 560.0
"""The width in pixels for which texts are fitted; with scripts on they are fitted to the real one."""
CHARACTER = 6.4
LABEL_GAP = 0.01
"""The least space between two times on the axis, as a part of the width."""


@dataclass(frozen=True, slots=True)
class _Lane:
    """A lane at its height; ``bars`` stand in order."""

    top: float
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A row as it is drawn at its height. What queues in more than a few lanes is drawn as one depth."""

    row: Row
    top: float
    lanes: tuple[tuple[Bar, ...], ...]
    queue: tuple[Bar, ...] = ()

    @property
    def height(self) -> float:
        """What the row takes, with the gap below it."""
        return min(len(self.lanes), LANES_CAP) * LANE + (DEPTH + 4 if self.queue else 0) + GAP


def timeline_html(view: RunView, axis: Axis) -> str:
    """The timeline of a run: names at the left, the picture at the right."""
    rows = _shown(timeline(view.run, least_queue_ms=_least_queue(view)))
    height = rows[-1].top + rows[-1].height if rows else float(AXIS + PATH + GAP)
    body = [_path_bars(view, axis)]
    for each in rows:
        rule = each.top - GAP / 2
        body.append(f'<line class="rule" x1="0" x2="100%" y1="{rule}" y2="{rule}"/>')
        for index, bars in enumerate(each.lanes[:LANES_CAP]):
            body.extend(_lane_html(view, axis, _Lane(each.top + index * LANE, _with_cards(view, bars))))
        if each.queue:
            body.append(_depth_html(view, axis, each))
    label = f"Timeline of {view.run.workflow}: {view.summary.sentence}. The same as a table follows."
    names = _path_name(view) + "".join(_name(view, each) for each in rows)
    return frame_html(view, axis, (height, label), (names, "".join(body)))


def frame_html(view: RunView, axis: Axis, size: tuple[float, str], parts: tuple[str, str]) -> str:
    """Names and bars (HTML already) under an axis; ``size`` is the height, and what screen readers say."""
    (height, label), (names, body) = size, parts
    ground = _patterns(view) + _breaks(axis, height) + _grid(axis, height) + _segments(view, axis, height)
    return (
        f'<div class="timeline" style="height:{height}px"><div class="names">{names}</div>'
        f'<svg class="plot" role="group" aria-label="{esc(label)}" height="{height}" width="100%">'
        f"{ground}{body}</svg></div>"
    )


def legend_html(areas: bool = False) -> str:
    """What the bars mean; ``areas``: in a picture that only has areas without scripts."""
    kinds = (
        ("run", "runs"),
        ("failed", "✗ failed"),
        ("queue", "queued"),
        ("back-off", "↻ backs off"),
        ("human", "☺ waits for a human"),
        ("join", "⋈ join fills"),
        ("critical", "critical path"),
    )
    items = "".join(
        f'<li><svg width="26" height="12" aria-hidden="true"><rect class="bar {kind}" x="1" y="1" width="24" '
        f'height="10" rx="2"/></svg>{text}</li>'
        for kind, text in kinds
    )
    shapes = (
        f'<ul class="key areas" aria-label="Legend of the areas"><li>{_swatch("area busy")}busy workers</li>'
        f"<li>{_swatch('area queued')}queued</li><li>{_swatch('fail')}✗ failed</li></ul>"
    )
    return f'<ul class="key bars" aria-label="Legend of the timeline">{items}</ul>{shapes if areas else ""}'


def _swatch(css: str) -> str:
    return (
        f'<svg width="26" height="12" aria-hidden="true"><rect class="{css}" x="1" y="1" width="24" height="10"/></svg>'
    )


def _least_queue(view: RunView) -> float:
    """Times in the queue that would be too short to be seen make no bar."""
    return max(0.5, view.summary.busy_ms / 60)


def _shown(rows: Sequence[Row]) -> list[_Shown]:
    shown: list[_Shown] = []
    top = float(AXIS + PATH + GAP)
    for row in rows:
        queues = [lane for lane in row.lanes if lane[0].kind is BarKind.QUEUE]
        if len(queues) > QUEUE_LANES:
            others = tuple(lane for lane in row.lanes if lane[0].kind is not BarKind.QUEUE)
            each = _Shown(row, top, others, tuple(bar for lane in queues for bar in lane))
        else:
            each = _Shown(row, top, row.lanes)
        shown.append(each)
        top += each.height
    return shown


def _name(view: RunView, each: _Shown) -> str:
    ref = "" if each.row.human else view.step_ref(each.row.name)
    return name_html(ref, each.row.name, each.top, len(each.lanes) - LANES_CAP, human=each.row.human)


def name_html(ref: str, name: str, top: float, more: int = 0, *, human: bool = False) -> str:
    """The name of a row at its height, and how many of its lanes are not drawn."""
    note = f" <small>+{format_count(more)}</small>" if more > 0 else ""
    text = "☺ human" if human else name
    inner = f'<a href="#{esc(ref)}" data-ref="{esc(ref)}">{esc(text)}</a>' if ref else esc(text)
    return f'<div style="top:{top - 2}px" title="{esc(name)}">{inner}{note}</div>'


def _path_name(view: RunView) -> str:
    if not view.path:
        return ""
    ref = view.path_ref
    return f'<div class="path-name" style="top:{AXIS}px"><a href="#{ref}" data-ref="{ref}">critical path</a></div>'


def _with_cards(view: RunView, bars: Sequence[Bar]) -> list[Bar]:
    return [bar for bar in bars if bar.number == 0 or view.attempt_ref(bar.execution_id, bar.number)]


def _patterns(view: RunView) -> str:
    """The hatching. Each run has its own: browsers take none from a section that is hidden."""
    return (
        f'<defs><pattern id="{view.ref}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)">'
        '<rect width="6" height="6" class="hatch-ground"/><rect width="2" height="6" class="hatch-line"/>'
        "</pattern></defs>"
    )


def _grid(axis: Axis, height: float) -> str:
    taken = [_break_text(axis, each)[1:] for each in axis.breaks]
    lines = []
    for tick in axis.ticks():
        place, text = axis.place(tick), format_ms(tick).replace(".0\u00a0", "\u00a0")
        x = percent(place)
        end = place > 0.93
        lines.append(f'<line class="tick" x1="{x}" x2="{x}" y1="{AXIS - 6}" y2="{height}"/>')
        long = (len(text) * CHARACTER + 8) / WIDTH
        left, right = (place - long, place) if end else (place, place + long)
        if not any(left < stop and start < right for start, stop in taken):
            taken.append((left - LABEL_GAP, right + LABEL_GAP))
            anchor, shift = (' text-anchor="end"', -2) if end else ("", 3)
            lines.append(f'<text class="tick" x="{x}" dx="{shift}" y="12"{anchor}>{esc(text)}</text>')
    return f'<g class="grid">{"".join(lines)}</g>'


def _segments(view: RunView, axis: Axis, height: float) -> str:
    """A line where each segment of the run but the first begins."""
    marks = []
    for segment in view.run.segments[1:]:
        since = (segment.start_ns - view.run.start_ns) / 1e6
        x = percent(axis.place(since))
        title = f"segment {segment.number} begins at {format_ms(since)}"
        marks.append(
            f'<line class="segment" x1="{x}" x2="{x}" y1="{AXIS - 4}" y2="{height}" data-x="{since:.9g}">'
            f"<title>{esc(title)}</title></line>"
        )
    return "".join(marks)


def _break_text(axis: Axis, stretch: tuple[float, float]) -> tuple[str, float, float]:
    """What stands above a break, and where it begins and ends."""
    text = f"… {format_ms(stretch[1] - stretch[0])} idle …"
    middle = (axis.place(stretch[0]) + axis.place(stretch[1])) / 2
    half = len(text) * CHARACTER / WIDTH / 2
    return text, middle - half, middle + half


def _breaks(axis: Axis, height: float) -> str:
    marks = []
    for start, stop in axis.breaks:
        x0, x1 = axis.place(start), axis.place(stop)
        text, left, right = _break_text(axis, (start, stop))
        marks.append(
            f'<rect class="break" x="{percent(x0)}" width="{percent(x1 - x0)}" y="0" height="{height}"/>'
            f'<text class="break" x="{percent((left + right) / 2)}" y="12" text-anchor="middle">{esc(text)}</text>'
        )
    return f'<g class="breaks">{"".join(marks)}</g>'


def _path_bars(view: RunView, axis: Axis) -> str:
    bars = []
    for part in view.path:
        a, b = (part.start_ns - view.run.start_ns) / 1e6, (part.end_ns - view.run.start_ns) / 1e6
        ref = view.attempt_ref(part.execution_id, part.number)
        x, width = _stretch(axis, a, b)
        title = f"critical path, {part.kind.value}: {part.text}, {format_ms(part.duration_ms)}"
        bars.append(
            f'<a href="#{esc(ref)}" tabindex="-1"><rect class="path {part.kind.value}" x="{x}" width="{width}" '
            f'y="{AXIS + 4}" height="9" data-a="{a:.9g}" data-b="{b:.9g}"><title>{esc(title)}</title></rect></a>'
        )
    return "".join(bars)


def _depth_html(view: RunView, axis: Axis, each: _Shown) -> str:
    """How many attempts of a step queued, over the time: the higher, the more."""
    start, stop = min(bar.start_ns for bar in each.queue), max(bar.end_ns for bar in each.queue)
    depths = _depths(each.queue, start, stop)
    peak = max(depths)
    top = each.top + min(len(each.lanes), LANES_CAP) * LANE
    bars = []
    for index, depth in enumerate(depths):
        a, b = (start + (stop - start) * part / len(depths) for part in (index, index + 1))
        a, b = (a - view.run.start_ns) / 1e6, (b - view.run.start_ns) / 1e6
        x, width = _stretch(axis, a, b)
        height = round(depth / peak * DEPTH, 1)
        bars.append(
            f'<rect class="depth" x="{x}" width="{width}" y="{round(top + DEPTH - height, 1)}" height="{height}" '
            f'data-a="{a:.9g}" data-b="{b:.9g}"/>'
        )
    longest = max(bar.duration_ms for bar in each.queue)
    text = f"up to {format_count(peak)} queued · the longest {format_ms(longest)}"
    since = (start - view.run.start_ns) / 1e6
    ref = view.step_ref(each.row.name)
    return (
        f'<a class="depth" href="#{esc(ref)}" tabindex="-1"><title>{esc(each.row.name)}: {esc(text)}</title>'
        f"{''.join(bars)}"
        f'<text class="depth" x="{percent(axis.place(since))}" dx="5" y="{top + DEPTH - 5}" data-a="{since:.9g}">'
        f"{esc(text)}</text></a>"
    )


def _depths(queue: Sequence[Bar], start: int, stop: int) -> list[int]:
    """The most that queued at once in each of some equal parts of the time."""
    count = max(1, min(DEPTH_PARTS, 2 * len(queue)))
    changes = sorted([(bar.start_ns, 1) for bar in queue] + [(bar.end_ns, -1) for bar in queue])
    depths, depth, at = [0] * count, 0, 0
    for time, change in changes:
        part = min(count - 1, (time - start) * count // max(1, stop - start))
        for passed in range(at + 1, part + 1):
            depths[passed] = depth
        at = part
        depth += change
        depths[part] = max(depths[part], depth)
    return depths


def _lane_html(view: RunView, axis: Axis, lane: _Lane) -> Iterator[str]:
    """The bars of a lane; a text takes its room from the bars and texts beside it."""
    used = 0.0
    for index, bar in enumerate([_with_inner(view, each) for each in lane.bars]):
        a, b = ((time - view.run.start_ns) / 1e6 for time in (bar.start_ns, bar.end_ns))
        after = lane.bars[index + 1].start_ns if index + 1 < len(lane.bars) else view.run.end_ns
        start, stop = axis.place(a), axis.place(b)
        place, text = fitted(bar.text, start, stop, (used, axis.place((after - view.run.start_ns) / 1e6)))
        used = stop + ((len(text) * CHARACTER + 10) / WIDTH if place == "right" else 0.0)
        yield _bar_html(view, axis, bar, lane.top, (place, text))


def _with_inner(view: RunView, bar: Bar) -> Bar:
    """The bar with the names of the runs that its attempt started."""
    if bar.kind not in (BarKind.RUN, BarKind.FAILED, BarKind.CANCELLED):
        return bar
    inner = dict.fromkeys(view.nest.runs[at].workflow for at in view.inner_runs(bar.execution_id, bar.number))
    return replace(bar, text=f"{bar.text} ↳ {', '.join(inner)}") if inner else bar


def _bar_html(view: RunView, axis: Axis, bar: Bar, top: float, label: tuple[str, str]) -> str:
    ref = view.attempt_ref(bar.execution_id, bar.number) or _waiter_ref(view, bar)
    a, b = ((time - view.run.start_ns) / 1e6 for time in (bar.start_ns, bar.end_ns))
    x, width = _stretch(axis, a, b)
    thin = bar.kind is BarKind.JOIN
    y, height = (top + BAR / 2 - 1, 3) if thin else (top, BAR)
    place, text = label
    at = axis.place(b if place == "right" else a)
    shift = -5 if place == "left" else 5
    css = "above" if thin and place == "in" else place
    title = f"{bar.execution_id or bar.kind.value}: {bar.text}, {format_ms(bar.duration_ms)}"
    critical = " critical" if _on_path(view, bar) else ""
    return (
        f'<a href="#{esc(ref)}" data-ref="{esc(ref)}" data-a="{a:.9g}" data-b="{b:.9g}" tabindex="-1" '
        f'class="{bar.kind.value}{critical}"><title>{esc(title)}</title>'
        f'<rect class="bar {bar.kind.value}" x="{x}" width="{width}" y="{y}" height="{height}" rx="2.5"/>'
        f'<text class="{css}" x="{percent(at)}" dx="{shift}" y="{top + 11.5}" '
        f'data-text="{esc(bar.text)}">{esc(text)}</text></a>'
    )


def fitted(text: str, start: float, stop: float, room: tuple[float, float], width: float = WIDTH) -> tuple[str, str]:
    """Where a bar's text goes (``in``, ``right``, ``left`` or ``none``) and how much of it.

    ``room`` is where what stands before it in the lane ends and the next bar begins; all of it parts of ``width``.

    >>> fitted("#1", 0.0, 0.5, (0.0, 1.0)), fitted("#1 attempt 2", 0.5, 0.501, (0.4, 1.0))
    (('in', '#1'), ('right', '#1 attempt 2'))
    >>> fitted("a long text here", 0.2, 0.3, (0.2, 0.3))
    ('in', 'a long…')
    """
    long = len(text) * CHARACTER + 10
    if long <= (stop - start) * width:
        return "in", text
    if long <= (room[1] - stop) * width:
        return "right", text
    if long <= (start - room[0]) * width:
        return "left", text
    fits = int(((stop - start) * width - 10) / CHARACTER)
    return ("in", text[: fits - 1] + "…") if fits > 3 else ("none", "")


def _waiter_ref(view: RunView, bar: Bar) -> str:
    attempts = view.causes.attempts.get(bar.execution_id, ())
    return view.attempt_ref(attempts[-1].execution_id, attempts[-1].number) if attempts else ""


def _on_path(view: RunView, bar: Bar) -> bool:
    kind = "run" if bar.kind in (BarKind.FAILED, BarKind.CANCELLED) else bar.kind.value
    return (bar.execution_id, bar.number, kind) in view.path_keys


def _stretch(axis: Axis, start: float, stop: float) -> tuple[str, str]:
    x0, x1 = axis.place(start), axis.place(stop)
    return percent(x0), percent(max(x1 - x0, 0.003))


def percent(part: float) -> str:
    return f"{part * 100:.3f}".rstrip("0").rstrip(".") + "%"
