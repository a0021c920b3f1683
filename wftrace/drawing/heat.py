"""The five fills of a step: what they measure, and where each begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wftrace.overlays import StepFacts
from wftrace.units import format_count, format_ms

ColorBy = Literal["share", "p95", "errors", "queue", "calls", "none"]

_SHARES = (0.05, 0.15, 0.30, 0.50)
_ERRORS = (1e-9, 0.10, 0.25, 0.50)
_FIFTHS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True, slots=True)
class Heat:
    """A measure of steps, as one of five fills; ``words`` explain them in the legend."""

    measure: Callable[[StepFacts], float]
    limits: Sequence[float]
    words: str
    whole: float = 1.0

    def of(self, facts: StepFacts | None) -> int:
        """The fill of a step, 1 to 5; 0 for one that did not run."""
        if facts is None or not facts.calls or not self.limits:
            return 0
        return 1 + sum(self.measure(facts) / self.whole >= limit for limit in self.limits)


def heat_of(by: ColorBy, facts: Sequence[StepFacts]) -> Heat:
    """The fills for one measure, over the steps of a picture."""
    return _HEATS[by](facts)


def _none(facts: Sequence[StepFacts]) -> Heat:
    return Heat(lambda each: 0.0, (), "")


def _share(facts: Sequence[StepFacts]) -> Heat:
    return Heat(lambda each: each.share, _SHARES, "share of step time: < 5, 15, 30, 50, ≥ 50 %")


def _errors(facts: Sequence[StepFacts]) -> Heat:
    words = "calls that failed: none, < 10, 25, 50, ≥ 50 %"
    return Heat(lambda each: each.failed / max(1, each.calls), _ERRORS, words)


def _p95(facts: Sequence[StepFacts]) -> Heat:
    most = max((each.p95_ms for each in facts), default=0.0)
    return Heat(lambda each: each.p95_ms, _FIFTHS, f"p95 in fifths of {format_ms(most)}", most or 1.0)


def _queue(facts: Sequence[StepFacts]) -> Heat:
    most = max((each.queued_ms for each in facts), default=0.0)
    return Heat(lambda each: each.queued_ms, _FIFTHS, f"time in the queue in fifths of {format_ms(most)}", most or 1.0)


def _calls(facts: Sequence[StepFacts]) -> Heat:
    most = max((each.calls for each in facts), default=0)
    return Heat(lambda each: each.calls, _FIFTHS, f"calls in fifths of {format_count(most)}", most or 1.0)


_HEATS: Mapping[ColorBy, Callable[[Sequence[StepFacts]], Heat]] = {
    "share": _share,
    "p95": _p95,
    "errors": _errors,
    "queue": _queue,
    "calls": _calls,
    "none": _none,
}
