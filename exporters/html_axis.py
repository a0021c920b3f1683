"""The time axis of the timeline: long stretches in which nothing was at work are drawn short."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from wftrace.analysis import work_of
from wftrace.trace import Run

LONG_IDLE = 0.15
"""An idle stretch is broken when it is longer than this part of the time in which something was at work."""


@dataclass(frozen=True)
class Axis:
    """A map from milliseconds since the start to a part of the width, straight between its ``points``."""

    points: tuple[tuple[float, float], ...]
    breaks: tuple[tuple[float, float], ...] = ()

    @cached_property
    def _times(self) -> list[float]:
        return [time for time, _ in self.points]

    @cached_property
    def _places(self) -> list[float]:
        return [place for _, place in self.points]

    def place(self, ms: float) -> float:
        """Where a time lies, 0 to 1."""
        at = min(max(bisect_right(self._times, ms), 1), len(self.points) - 1)
        (t0, x0), (t1, x1) = self.points[at - 1], self.points[at]
        return min(1.0, max(0.0, x0 + (x1 - x0) * (ms - t0) / (t1 - t0))) if t1 > t0 else x0

    def time(self, part: float) -> float:
        """The time that lies at a place, the inverse of ``place``."""
        at = min(max(bisect_right(self._places, part), 1), len(self.points) - 1)
        (t0, x0), (t1, x1) = self.points[at - 1], self.points[at]
        return t0 + (t1 - t0) * (part - x0) / (x1 - x0) if x1 > x0 else t0

    def ticks(self, least: float = 0.11) -> list[float]:
        """Round times that lie at least so far apart and outside the breaks."""
        scale = self._straight_ms()
        step = next((s for s in _steps() if s / scale >= least), scale)
        ticks: list[float] = []
        end = self.points[-1][0]
        for index in range(int(end / step) + 1):
            time = index * step
            broken = any(start < time < stop for start, stop in self.breaks)
            if not broken and (not ticks or self.place(time) - self.place(ticks[-1]) >= least * 0.99):
                ticks.append(time)
            if len(ticks) > 40 or index > 5_000:
                break
        return ticks

    def _straight_ms(self) -> float:
        """How many milliseconds the width would hold at the scale outside the breaks."""
        broken = sum(stop - start for start, stop in self.breaks)
        short = sum(self.place(stop) - self.place(start) for start, stop in self.breaks)
        return max((self.points[-1][0] - broken) / max(1 - short, 0.05), 1e-6)


def axis_of(run: Run) -> Axis:
    """The axis of a run, with its long idle waits broken."""
    end = max(run.duration_ms, 1e-3)
    active = _active_ms(run)
    work = sum(stop - start for start, stop in active)
    edges = [0.0, *(time for stretch in active for time in stretch), end]
    idle = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if work and b - a > LONG_IDLE * work]
    if not idle:
        return Axis(((0.0, 0.0), (end, 1.0)))
    short = min(0.35, 0.6 / len(idle)) * work
    idle = [(a, b) for a, b in idle if b - a > short]
    whole = end - sum(b - a - short for a, b in idle)
    points, x, reached = [(0.0, 0.0)], 0.0, 0.0
    for a, b in idle:
        x += (a - reached) / whole
        points.append((a, x))
        x += short / whole
        points.append((b, x))
        reached = b
    return Axis((*points, (end, 1.0)), tuple(idle))


def _active_ms(run: Run) -> list[tuple[float, float]]:
    """The stretches in which an attempt was at work or backed off, joined where they touch."""
    back_offs = ((wait.start_ns, wait.end_ns) for wait in run.waits if wait.kind == "retry")
    joined: list[tuple[float, float]] = []
    for start_ns, stop_ns in sorted((*work_of(run), *back_offs)):
        start, stop = max(0.0, (start_ns - run.start_ns) / 1e6), max(0.0, (stop_ns - run.start_ns) / 1e6)
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def _steps() -> Iterable[float]:
    for power in range(-3, 3):
        yield from (base * 10.0**power for base in (1, 2, 5))
    minutes = (60, 120, 300, 600, 1800)
    hours = (3600, 7200, 21_600)
    days = (day * 86_400 for day in range(1, 400))
    yield from (seconds * 1000.0 for seconds in (1, 2, 5, 10, 15, 30, *minutes, *hours, *days))
