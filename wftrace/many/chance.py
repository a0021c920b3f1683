"""Whether two groups of runs differ by more than chance: one test, and a correction for asking it many times.

The test is Mann and Whitney's for two groups of numbers: it looks at their order only, so it needs no assumption about
how durations are spread. It is exact for up to ``MOST_EXACT_RUNS`` runs, ties included, and uses the normal
approximation with corrections for ties and continuity beyond. Many questions at once are corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import comb, erfc, sqrt
from operator import itemgetter
from typing import TypeVar

LEVEL = 0.05
"""The chance at which a difference is taken for real, over all questions of a comparison together."""

MOST_EXACT_RUNS = 24

Weighted = Iterable[tuple[int, int]]
"""Numbers, each with how often it occurs."""

Key = TypeVar("Key")


def rank_test(first: Weighted, second: Weighted) -> float:
    """The two-sided chance that two groups differ in order as they do, or more, when they come from the same source.

    1 when a group is empty or all numbers are the same.

    >>> rank_test([(1, 5)], [(2, 5)]), round(rank_test([(1, 5)], [(2, 5)]), 4) == round(2 / 252, 4)
    (0.007936507936507936, True)
    """
    steps = _steps(first, second)
    n = sum(a for a, _ in steps)
    m = sum(b for _, b in steps)
    if not n or not m or len(steps) == 1:
        return 1.0
    if n + m <= MOST_EXACT_RUNS:
        return _exact(steps, n, m)
    return _normal(steps, n, m)


def corrected(chances: Mapping[Key, float]) -> dict[Key, float]:
    """Chances corrected by Holm for having been asked together.

    >>> corrected({"a": 0.01, "b": 0.04, "c": 0.5})
    {'a': 0.03, 'b': 0.08, 'c': 0.5}
    """
    ordered = sorted(chances.items(), key=itemgetter(1))
    reached = 0.0
    found: dict[Key, float] = {}
    for place, (key, chance) in enumerate(ordered):
        reached = max(reached, min(1.0, chance * (len(ordered) - place)))
        found[key] = reached
    return {key: found[key] for key in chances}


Steps = Sequence[tuple[int, int]]
"""For each different number, from the smallest: how often it occurs in the first and in the second group."""


def _steps(first: Weighted, second: Weighted) -> Steps:
    pairs = [(number, times, 0) for number, times in first] + [(number, 0, times) for number, times in second]
    groups = (list(group) for _, group in groupby(sorted(pairs), key=itemgetter(0)))
    return [(sum(a for _, a, _ in group), sum(b for _, _, b in group)) for group in groups]


def _exact(steps: Steps, n: int, m: int) -> float:
    """How many of all ways to choose the first group have a sum of ranks as far from the middle. Ranks are doubled."""
    ways: dict[tuple[int, int], int] = {(0, 0): 1}
    below = seen = 0
    for a, b in steps:
        rank = 2 * below + a + b + 1
        seen += rank * a
        for _ in range(a + b):
            more = dict(ways)
            for (chosen, total), count in ways.items():
                if chosen < n:
                    place = (chosen + 1, total + rank)
                    more[place] = more.get(place, 0) + count
            ways = more
        below += a + b
    middle = n * (n + m + 1)
    as_far = sum(
        count for (chosen, total), count in ways.items() if chosen == n and abs(total - middle) >= abs(seen - middle)
    )
    return as_far / comb(n + m, n)


def _normal(steps: Steps, n: int, m: int) -> float:
    runs = n + m
    below = 0
    ranks = 0.0
    ties = 0
    for a, b in steps:
        ranks += a * (below + (a + b + 1) / 2)
        below += a + b
        ties += (a + b) ** 3 - (a + b)
    distance = abs(ranks - n * (runs + 1) / 2)
    variance = n * m / 12 * (runs + 1 - ties / (runs * (runs - 1)))
    return min(1.0, erfc(max(0.0, distance - 0.5) / sqrt(2 * variance))) if variance > 0 else 1.0
