"""What of a run stands in a report: everything of a small one; of a large one an excerpt in words, and as many spans
as a page can hold in figures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from wftrace.analysis import PathPart
from wftrace.trace import Attempt, Run

Item = TypeVar("Item")

WRITTEN_CAP = 600
"""A run with so many attempts is written out whole, and every attempt has a card."""

FIRST = 50
"""How many attempts of a larger run are written out, and as many again that failed or lie on the critical path."""

SPANS_CAP = 100_000
"""How many spans a report holds in figures, over all its runs."""

Key = tuple[str, int]


def spans_in(run: Run) -> int:
    """How many spans a run was read from, its own not counted."""
    return len(run.attempts) + len(run.emissions) + len(run.waits) + len(run.checkpoints)


def is_large(run: Run) -> bool:
    """Whether a run is too large to be written out."""
    return len(run.attempts) > WRITTEN_CAP or spans_in(run) > 4 * WRITTEN_CAP


def written(run: Run, path: Sequence[PathPart]) -> dict[Key, Attempt]:
    """The attempts that are written out: of a large run the first, the first that failed, the longest of the path."""
    if not is_large(run):
        return {attempt.key: attempt for attempt in run.attempts}
    longest = sorted(path, key=lambda part: -part.duration_ms)[:FIRST]
    kept = {(part.execution_id, part.number) for part in longest}
    kept |= {attempt.key for attempt in failures(run, FIRST)}
    return {attempt.key: attempt for index, attempt in enumerate(run.attempts) if index < FIRST or attempt.key in kept}


def failures(run: Run, limit: int) -> list[Attempt]:
    """The first attempts that failed, and the one in which the run did."""
    failed = [attempt for attempt in run.attempts if attempt.error is not None]
    last = [attempt for attempt in failed[limit:] if attempt.execution_id == run.failed_execution]
    return failed[:limit] + last[-1:]


def held(run: Run, path: Sequence[PathPart], cap: int) -> Run:
    """The run with no more than ``cap`` spans: what failed, the critical path, and then the first.

    Failures and path take up to a third each. Emissions and waits stay with the attempts that they belong to.
    """
    whole = spans_in(run)
    if whole <= cap:
        return run
    room = max(1, len(run.attempts) * cap // whole)
    kept = {attempt.key for attempt in failures(run, room // 3)}
    kept |= {(part.execution_id, part.number) for part in path[: room // 3]}
    for attempt in run.attempts:
        if len(kept) >= room:
            break
        kept.add(attempt.key)
    attempts = tuple(attempt for attempt in run.attempts if attempt.key in kept)
    near = {"", *(attempt.execution_id for attempt in attempts)}
    left = max(0, cap - len(attempts))
    checkpoints = run.checkpoints[: left // 4]
    left -= len(checkpoints)
    waits = _first((wait for wait in run.waits if wait.execution_id in near), left // 2)
    emissions = _first((made for made in run.emissions if made.execution_id in near), left - len(waits))
    return replace(run, attempts=attempts, emissions=emissions, waits=waits, checkpoints=checkpoints)


def shares(runs: Collection[Run], cap: int = SPANS_CAP) -> list[int]:
    """How many spans each run may have, so that all together have no more than ``cap``; small runs are not cut."""
    sizes = [spans_in(run) for run in runs]
    left = cap
    given = dict.fromkeys(range(len(sizes)), 0)
    for count, place in enumerate(sorted(given, key=lambda each: sizes[each])):
        given[place] = min(sizes[place], left // (len(sizes) - count))
        left -= given[place]
    return list(given.values())


def _first(items: Iterable[Item], count: int) -> tuple[Item, ...]:
    return tuple(item for _, item in zip(range(count), items, strict=False))
