"""The way that a run took, in one line: what ran after what by cause, with loops folded.

Two runs of one variant did the same things for the same reasons. How long anything took, which of several workers was
faster, how often a loop went round and how wide a fan-out was make no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wftrace.trace import Attempt, Run

LONGEST_LOOP = 16
"""Loops of more places than this are written out."""

LONGEST_WAY = 400
"""Places after which a way that stayed long although its loops were folded is cut."""

HUMAN_SIGN = "☺"
RETRIED = "↻"
LOST = "✗"

Way = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """A way that runs took: its places, how many took it, its part of all runs, how they ended, and one of them."""

    way: Way
    outcome: str
    runs: int
    share: float
    example: str
    p50_ms: float

    @property
    def text(self) -> str:
        """The way in one line, with its end when that is not the usual one."""
        places = " → ".join(self.way) or "nothing ran"
        return places if self.outcome == "completed" else f"{places} · {self.outcome.replace('_', ' ')}"


def way_of(run: Run) -> Way:
    """The places of a run in the order of cause: steps that are equally far from the start share a place.

    A place names its steps with ``↻`` when one was retried and ``✗`` when one failed for good; ``☺`` is an answer from
    a human. ``(a → b)+`` went round more than once.
    """
    depths, answers = _depths(run)
    signs: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    last = {attempt.execution_id: attempt for attempt in run.attempts}
    for attempt in run.attempts:
        signs[depths[attempt.execution_id], attempt.step].update([RETRIED] if attempt.number > 1 else [])
    for execution, attempt in last.items():
        signs[depths[execution], attempt.step].update([LOST] if attempt.error is not None else [])
    for depth in answers:
        signs[depth, HUMAN_SIGN] = set()
    places: defaultdict[int, list[str]] = defaultdict(list)
    for (depth, name), marks in sorted(signs.items()):
        places[depth].append(name + "".join(sorted(marks)))
    way = folded([" + ".join(names) for _, names in sorted(places.items())])
    return way if len(way) <= LONGEST_WAY else (*way[:LONGEST_WAY], f"… {len(way) - LONGEST_WAY} more")


def folded(places: Iterable[str]) -> Way:
    """Places with loops folded: what is repeated at once becomes one place, the shortest repetition first.

    >>> folded(["a", "b", "b", "c", "d", "c", "d", "e"])
    ('a', '(b)+', '(c → d)+', 'e')
    """
    way = list(places)
    for length in range(1, LONGEST_LOOP + 1):
        way = _folded_once(way, length)
    return tuple(way)


def _folded_once(way: list[str], length: int) -> list[str]:
    """The places with every repetition of ``length`` places folded."""
    found: list[str] = []
    at = 0
    while at < len(way):
        block = way[at : at + length]
        times = 1
        while len(block) == length and way[at + times * length : at + (times + 1) * length] == block:
            times += 1
        if times > 1:
            found.append(f"({' → '.join(block)})+")
            at += times * length
        else:
            found.append(way[at])
            at += 1
    return found


def _depths(run: Run) -> tuple[dict[str, int], set[int]]:
    """How far each execution is from the start, counted along causes, and the places of a human's answers.

    What a join handed over counts as a cause whichever of its events came last.
    """
    made = {emission.event_id: emission.execution_id for emission in run.emissions}
    asked = {wait.events[-1]: wait.events[0] for wait in run.waits if wait.kind == "human" and len(wait.events) > 1}
    depths: dict[str, int] = {}
    answers: set[int] = set()

    def depth_of(event: str, producer: str) -> int:
        if event in asked:
            depth = depths.get(made.get(asked[event], ""), 0) + 1
            answers.add(depth)
            return depth
        return depths.get(producer or made.get(event, ""), 0)

    for attempt in run.attempts:
        known = depths.get(attempt.execution_id, 0)
        depths[attempt.execution_id] = max([known, *(depth_of(*cause) + 1 for cause in _causes(attempt))])
    return depths, answers


def _causes(attempt: Attempt) -> Sequence[tuple[str, str]]:
    """The events that set an attempt off, each with the execution that made it where the attempt tells."""
    told = tuple(zip(attempt.inputs, attempt.input_executions, strict=False))
    return (*told, *((event, "") for event in attempt.joined))
