"""The test that says whether cohorts differ."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest

from wftrace.many.chance import MOST_EXACT_RUNS, corrected, rank_test


def weighted(numbers: list[int]) -> list[tuple[int, int]]:
    """Numbers with how often each occurs."""
    return sorted(Counter(numbers).items())


def brute_force(first: list[int], second: list[int]) -> float:
    """The chance by trying every way to choose the first group."""
    whole = sorted([*first, *second])
    ranks = {n: sum(each < n for each in whole) + (whole.count(n) + 1) / 2 for n in whole}
    middle = len(first) * (len(whole) + 1) / 2
    seen = abs(sum(ranks[n] for n in first) - middle)
    ways = [abs(sum(ranks[n] for n in way) - middle) for way in combinations(whole, len(first))]
    return sum(way >= seen - 1e-9 for way in ways) / len(ways)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2, 3], [4, 5, 6]),
        ([1, 1, 2, 2], [2, 3, 3]),
        ([5], [1, 2, 3, 4]),
        ([0, 0, 0, 1], [0, 1, 1, 1]),
        ([3, 1, 4, 1, 5], [9, 2, 6, 5, 3]),
    ],
)
def test_few_runs_are_tested_exactly(first: list[int], second: list[int]) -> None:
    """Ties included, the chance is that of all ways to choose the group."""
    assert rank_test(weighted(first), weighted(second)) == pytest.approx(brute_force(first, second))


def test_the_approximation_meets_the_exact_chance() -> None:
    """With one run too many for the exact test, the chance is near the exact one."""
    first, second = list(range(0, 24, 2)), list(range(3, 29, 2))
    assert len(first) + len(second) == MOST_EXACT_RUNS + 1
    exact = brute_force_by_sampling(first, second)
    assert rank_test(weighted(first), weighted(second)) == pytest.approx(exact, abs=0.02)


def brute_force_by_sampling(first: list[int], second: list[int]) -> float:
    """The chance from 20 000 shuffles with a fixed seed."""
    draw = random.Random(7)
    whole = sorted([*first, *second])
    ranks = {n: sum(each < n for each in whole) + (whole.count(n) + 1) / 2 for n in whole}
    middle = len(first) * (len(whole) + 1) / 2
    seen = abs(sum(ranks[n] for n in first) - middle)
    far = 0
    for _ in range(20_000):
        draw.shuffle(whole)
        far += abs(sum(ranks[n] for n in whole[: len(first)]) - middle) >= seen - 1e-9
    return far / 20_000


@pytest.mark.parametrize("groups", [([], [(1, 3)]), ([(2, 5)], [(2, 900)]), ([(0, 0)], [(0, 0)])])
def test_what_cannot_be_told_apart_has_chance_one(groups: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> None:
    """An empty group, or the same number everywhere, says nothing."""
    assert rank_test(*groups) == 1.0


def test_the_same_source_is_seldom_called_different() -> None:
    """Of 400 pairs of cohorts from one source about one in twenty has a chance below 0.05, before correction."""
    draw = random.Random(3)
    found = 0
    for _ in range(400):
        first, second = ([round(draw.lognormvariate(3, 1) * 10) for _ in range(15)] for _ in range(2))
        found += rank_test(weighted(first), weighted(second)) < 0.05
    assert 5 <= found <= 34


def test_asking_more_makes_every_chance_larger() -> None:
    """Holm's correction keeps the order and never makes a chance smaller, nor larger than 1."""
    chances = {"a": 0.001, "b": 0.02, "c": 0.03, "d": 0.9}
    found = corrected(chances)
    assert found == pytest.approx({"a": 0.004, "b": 0.06, "c": 0.06, "d": 0.9})
