"""What has to hold of any runs: parts and order do not matter, and comparing is a mirror."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.many.stories import run_lists, small_graph, small_run
from wftrace.many import Distribution, aggregate_of, compare_runs, coverage_of, tally_of
from wftrace.trace import Run

few = settings(max_examples=40, deadline=None)


@few
@given(run_lists(), run_lists())
def test_the_figures_of_a_union_are_those_of_its_parts_merged(first: list[Run], second: list[Run]) -> None:
    """Runs may be counted in parts and the parts merged."""
    merged = tally_of(first)
    merged.merge(tally_of(second))
    whole = tally_of([*first, *second])
    assert merged == whole
    assert aggregate_of(merged) == aggregate_of(whole)


@few
@given(run_lists().flatmap(lambda runs: st.tuples(st.just(runs), st.permutations(runs))))
def test_the_order_of_runs_does_not_matter(orders: tuple[list[Run], list[Run]]) -> None:
    """The same runs give the same figures, whichever file came first."""
    first, second = (aggregate_of(tally_of(runs)) for runs in orders)
    assert first == second


@few
@given(run_lists(least=1))
def test_nothing_differs_from_itself(runs: list[Run]) -> None:
    """The difference of runs and the same runs is empty."""
    figures = aggregate_of(tally_of(runs))
    assert compare_runs(figures, figures).empty


@few
@given(run_lists(least=1), run_lists(least=1))
def test_a_comparison_the_other_way_round_is_its_mirror(first: list[Run], second: list[Run]) -> None:
    """What is only in B is only in A when they change places; numbers change places too, chances stay."""
    a, b = aggregate_of(tally_of(first)), aggregate_of(tally_of(second))
    there, back = compare_runs(a, b), compare_runs(b, a)
    assert {key: each.mirrored for key, each in there.nodes.items()} == dict(back.nodes)
    assert {key: each.mirrored for key, each in there.edges.items()} == dict(back.edges)
    assert tuple(figure.mirrored for figure in there.whole) == back.whole


@few
@given(run_lists(least=1), run_lists())
def test_more_runs_never_cover_less(runs: list[Run], more: list[Run]) -> None:
    """Coverage is monotone, in edges, steps and events."""
    graph = small_graph()
    before = coverage_of(aggregate_of(tally_of(runs, graph)))
    after = coverage_of(aggregate_of(tally_of([*runs, *more], graph)))
    assert after.percent >= before.percent
    assert set(after.holes) <= set(before.holes)
    assert (after.steps >= before.steps, after.events >= before.events) == (True, True)


@few
@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=60), st.lists(st.integers(0, 10**15), max_size=60))
def test_distributions_merge_into_the_distribution_of_all(first: list[int], second: list[int]) -> None:
    """Exact or rounded, what is held depends on the numbers alone."""
    parts, whole = Distribution(), Distribution()
    other = Distribution()
    for number in first:
        parts.add(number)
    for number in second:
        other.add(number)
    parts.merge(other)
    for number in (*second, *first):
        whole.add(number)
    assert parts == whole


def test_many_different_numbers_are_rounded_by_less_than_half_a_percent() -> None:
    """Percentiles of 20 000 different numbers are within 1/256 of the true ones, in bounded room."""
    numbers = [number * number + 7 for number in range(1, 20_001)]
    held = Distribution()
    for number in numbers:
        held.add(number)
    assert not held.exact
    assert len(list(held)) < 5_000
    for part in (0.01, 0.5, 0.95, 1.0):
        true = numbers[max(1, round(part * len(numbers))) - 1]
        assert abs(held.percentile(part) - true) <= true / 256
    assert (held.total, held.least, held.most) == (sum(numbers), numbers[0], numbers[-1])


def test_merging_rounds_when_the_whole_is_rounded() -> None:
    """Two exact halves make the same rounded whole as all numbers in turn."""
    halves = Distribution(), Distribution()
    whole = Distribution()
    for number in range(0, 3_000_000, 2_000):
        halves[number % 4_000 == 0].add(number)
        whole.add(number)
    assert (halves[0].exact, halves[1].exact, whole.exact) == (True, True, False)
    halves[0].merge(halves[1])
    assert halves[0] == whole


def test_the_earliest_run_is_the_example_of_a_way() -> None:
    """Whatever the order of reading, the example is the same."""
    runs = [replace(run, run_id=f"r{9 - place}", start_ns=run.start_ns + place) for place, run in enumerate(_same(4))]
    for order in (runs, runs[::-1]):
        assert aggregate_of(tally_of(order)).variants[0].example == "r9"


def _same(number: int) -> list[Run]:
    return [small_run() for _ in range(number)]
