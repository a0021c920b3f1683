"""Runs out of a stream of spans, each as soon as it is whole, so that a thousand runs need the room of a few.

A run is whole when its last run span has come, and as many attempts and emissions as its run spans counted. What never
gets whole (cut short, still under way, waiting for a human) comes at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from . import semconv as words
from .trace import Run, Span
from .trace_reader import read_runs

_FINAL = frozenset({"completed", "failed", "cancelled", "timed_out"})


@dataclass(slots=True)
class _Open:
    """The spans of a run that have come so far."""

    spans: dict[str, Span] = field(default_factory=dict)
    attempts: int = 0
    emissions: int = 0
    roots: dict[int, Span] = field(default_factory=dict)

    def add(self, span: Span) -> None:
        """Take a span, once."""
        if span.span_id in self.spans:
            return
        self.spans[span.span_id] = span
        attributes = span.attributes
        if words.EVENT_ID in attributes:
            self.emissions += 1
        elif words.WAIT_KIND in attributes:
            return
        elif words.STEP_NAME in attributes and words.EXECUTION_ID in attributes:
            self.attempts += 1
        elif words.GRAPH_HASH in attributes:
            self.roots[_whole(attributes.get(words.RUN_SEGMENT, 1))] = span

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing as far as the run spans tell."""
        if not self.roots:
            return False
        last = max(self.roots)
        if set(self.roots) != set(range(1, last + 1)) or self.roots[last].attributes.get(words.OUTCOME) not in _FINAL:
            return False
        counts = (words.STEPS_COUNT, words.EVENTS_COUNT)
        steps, events = (sum(_whole(root.attributes.get(key, 0)) for root in self.roots.values()) for key in counts)
        return self.attempts >= steps and self.emissions >= events


class RunStream:
    """Takes spans as they come and gives runs as they get whole.

    ``late`` counts spans that came after their run was given: of a run that is in two files, or written twice.
    """

    def __init__(self) -> None:
        self.late = 0
        self._open: dict[str, _Open] = {}
        self._given: set[int] = set()

    def take(self, spans: Iterable[Span]) -> Iterator[Run]:
        """Take some spans and give the runs that are whole with them. Spans of others are passed over."""
        touched: dict[str, None] = {}
        for span in spans:
            run_id = span.attributes.get(words.RUN_ID)
            if not isinstance(run_id, str) or not run_id:
                continue
            if hash(run_id) in self._given:
                self.late += 1
                continue
            self._open.setdefault(run_id, _Open()).add(span)
            touched[run_id] = None
        for run_id in touched:
            if self._open[run_id].is_whole:
                yield from self._give(run_id)

    def rest(self) -> Iterator[Run]:
        """Give the runs that never got whole, in the order in which they came."""
        for run_id in list(self._open):
            yield from self._give(run_id)

    def _give(self, run_id: str) -> Iterator[Run]:
        self._given.add(hash(run_id))
        yield from read_runs(self._open.pop(run_id).spans.values())


def _whole(value: object) -> int:
    """A whole number; backends may keep it as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    return int(value) if isinstance(value, int | float) and abs(value) < 2**53 else 0
