"""The timeline of a large run, for readers without scripts: how many workers of each step were busy, how much queued.

With scripts the page draws every bar instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from wftrace.overlays import HUMAN
from wftrace.trace import Attempt
from wftrace.units import count_of, format_count, format_ms

from .html_axis import Axis
from .html_run import RunView
from .html_timeline import AXIS, frame_html, name_html, percent
from .html_words import esc

PARTS = 300
"""How many stretches of the time each area has."""

BUSY = 30.0
QUEUE = 18.0
GAP = 10.0
MARKS_CAP = 200

Times = Sequence[tuple[int, int]]


def overview_html(view: RunView, axis: Axis) -> str:
    """The rows of a run: an area of busy workers for each step, below it one of what queued, and marks of failures."""
    edges = [view.run.start_ns + round(axis.time(part / PARTS) * 1e6) for part in range(PARTS + 1)]
    body: list[str] = []
    names: list[str] = []
    top = AXIS + GAP
    for step, attempts in _by_step(view.run.attempts).items():
        names.append(name_html(view.step_ref(step), step, top))
        body.append(f'<line class="rule" x1="0" x2="100%" y1="{top - GAP / 2}" y2="{top - GAP / 2}"/>')
        body.extend(_step_html(view, axis, attempts, (edges, top)))
        queued = any(attempt.queue_wait_ms >= 1 for attempt in attempts)
        top += BUSY + (QUEUE if queued else 0) + GAP
    waits = [(wait.start_ns, wait.end_ns) for wait in view.run.waits if wait.kind == "human"]
    if waits:
        names.append(name_html("", HUMAN, top, human=True))
        depths = _depths(waits, edges)
        title = f"{count_of(len(waits), 'question')} to a human"
        body.append(_area("human", depths, (top, QUEUE), title))
        top += QUEUE + GAP
    label = f"Busy workers over time in {view.run.workflow}: {view.summary.sentence}."
    return frame_html(view, axis, (top, label), ("".join(names), "".join(body)))


def _by_step(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
    groups: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        groups[attempt.step].append(attempt)
    return groups


def _step_html(
    view: RunView, axis: Axis, attempts: Sequence[Attempt], place: tuple[Sequence[int], float]
) -> Iterator[str]:
    edges, top = place
    ran = _depths([(attempt.start_ns, attempt.end_ns) for attempt in attempts], edges)
    text = f"{attempts[0].step}: {count_of(len(attempts), 'attempt')}, at most {format_count(max(ran))} at once"
    yield _area("busy", ran, (top, BUSY), text)
    waited = [(attempt.queued_ns, attempt.start_ns) for attempt in attempts if attempt.queue_wait_ms >= 1]
    if waited:
        queued = _depths(waited, edges)
        longest = max(attempt.queue_wait_ms for attempt in attempts)
        text = f"{attempts[0].step}: at most {format_count(max(queued))} queued, the longest {format_ms(longest)}"
        yield _area("queued", queued, (top + BUSY, QUEUE), text)
    for attempt in [each for each in attempts if each.error is not None][:MARKS_CAP]:
        x = percent(axis.place((attempt.start_ns - view.run.start_ns) / 1e6))
        title = f"{attempt.execution_id} failed"
        yield (
            f'<a href="#{esc(view.attempt_ref(*attempt.key))}" tabindex="-1"><rect class="fail" x="{x}" width="2" '
            f'y="{top}" height="{BUSY}"><title>{esc(title)}</title></rect></a>'
        )


def _depths(times: Times, edges: Sequence[int]) -> list[int]:
    """The most that went on at once in each stretch between two edges."""
    changes = sorted([(start, 1) for start, _ in times] + [(max(start, end), -1) for start, end in times])
    depths, depth, at = [], 0, 0
    for edge in edges[1:]:
        most = depth
        while at < len(changes) and changes[at][0] < edge:
            depth += changes[at][1]
            most = max(most, depth)
            at += 1
        depths.append(most)
    return depths


def _area(css: str, depths: Sequence[int], place: tuple[float, float], title: str) -> str:
    """Depths as one filled shape; its own coordinates are stretched to the width of the page."""
    top, height = place
    peak = max(1, *depths)
    way = [f"M0,{peak}"]
    last = -1
    for index, depth in enumerate(depths):
        if depth != last:
            way.append(f"H{index}V{peak - depth}")
        last = depth
    way.append(f"H{len(depths)}V{peak}Z")
    return (
        f'<svg x="0" y="{top}" width="100%" height="{height}" viewBox="0 0 {len(depths)} {peak}" '
        f'preserveAspectRatio="none"><path class="area {css}" d="{"".join(way)}">'
        f"<title>{esc(title)}</title></path></svg>"
    )
