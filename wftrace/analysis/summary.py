"""The figures of a run, and the one sentence that says how it went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wftrace.overlays import Overlay
from wftrace.trace import Attempt, Run, Wait
from wftrace.units import count_of, format_ms, split_ms

from .causes import Causes

_VERDICTS = {
    "completed": "✓ ok",
    "failed": "✗ failed",
    "timed_out": "✗ timed out",
    "cancelled": "⊘ cancelled",
    "waiting": "… waiting",
    "suspended": "… suspended",
    "interrupted": "✗ interrupted",
    "abandoned": "✗ abandoned",
    "retrying": "… retrying",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in figures. Times are milliseconds; ``busy_ms`` is when at least one step ran and did not wait itself."""

    outcome: str
    duration_ms: float
    busy_ms: float
    human_ms: float
    attempts: int
    retries: int
    failed: int
    edges_taken: int
    edges_possible: int

    @property
    def verdict(self) -> str:
        """A sign and a word for the outcome, such as ``✓ ok``."""
        return _VERDICTS.get(self.outcome, self.outcome)

    @property
    def good(self) -> bool:
        """Whether the run did not go wrong."""
        return not self.verdict.startswith("✗")

    @property
    def times(self) -> str:
        """The duration and what it went to: ``385 ms (84 busy · 301 human)``."""
        unit = split_ms(self.duration_ms)[1]
        parts = [f"{_without(unit, self.busy_ms)} busy"]
        if self.human_ms:
            parts.append(f"{_without(unit, self.human_ms)} human")
        return f"{format_ms(self.duration_ms)} ({' · '.join(parts)})"

    @property
    def sentence(self) -> str:
        """The run in one line: verdict, times, retries, failures that no retry mended, edges taken."""
        parts = [self.verdict, self.times]
        if self.retries:
            parts.append(count_of(self.retries, "retry", "retries"))
        if self.failed > self.retries:
            parts.append(count_of(self.failed, "failed attempt"))
        if self.edges_possible:
            parts.append(f"{self.edges_taken} of {self.edges_possible} edges taken")
        return " · ".join(parts)


def summarise(overlay: Overlay) -> Summary:
    """The figures of the overlay's run."""
    run = overlay.run
    return Summary(
        outcome=run.outcome,
        duration_ms=run.duration_ms,
        busy_ms=busy_ms(run),
        human_ms=overlay.human_ms,
        attempts=len(run.attempts),
        retries=sum(attempt.number > 1 for attempt in run.attempts),
        failed=sum(attempt.error is not None for attempt in run.attempts),
        edges_taken=overlay.taken,
        edges_possible=len(overlay.possible),
    )


def busy_ms(run: Run) -> float:
    """How long at least one attempt was at work."""
    return intervals_ms(work_of(run))


def work_of(run: Run) -> Iterator[tuple[int, int]]:
    """The stretches (nanoseconds) in which each attempt was at work; an attempt that waits for an event is not."""
    waits = Causes(run).waits
    for attempt in run.attempts:
        yield from _at_work(attempt, waits.get(attempt.execution_id, ()))


def intervals_ms(intervals: Iterable[tuple[int, int]]) -> float:
    """How long at least one of the intervals (nanoseconds) lasted.

    >>> intervals_ms([(0, 2_000_000), (1_000_000, 3_000_000), (5_000_000, 6_000_000)])
    4.0
    """
    total = 0
    reached: int | None = None
    for start, end in sorted(intervals):
        begin = start if reached is None else max(start, reached)
        total += max(0, end - begin)
        reached = end if reached is None else max(reached, end)
    return total / 1e6


def _at_work(attempt: Attempt, waits: Iterable[Wait]) -> Iterator[tuple[int, int]]:
    start = attempt.start_ns
    for wait in sorted((w for w in waits if w.kind == "event"), key=lambda w: w.start_ns):
        if start <= wait.start_ns and wait.end_ns <= attempt.end_ns:
            yield start, wait.start_ns
            start = wait.end_ns
    yield start, attempt.end_ns


def _without(unit: str, ms: float) -> str:
    """The duration, without its unit when that is the unit of the sentence already."""
    number, own = split_ms(ms)
    return number if own == unit else format_ms(ms)
