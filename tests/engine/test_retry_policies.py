"""Retry policies as values: what each answers, how they combine, what they refuse, how they read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wftrace import StartEvent, StopEvent, Workflow, step
from wftrace.engine.retry import (
    ComposableRetryPolicy,
    ConstantDelayRetryPolicy,
    CustomRetryPolicy,
    ExponentialBackoffRetryPolicy,
    LinearBackoffRetryPolicy,
    RandomDelayRetryPolicy,
    RetryPolicy,
    describe_policy,
)

ERRORS: list[Exception] = [TimeoutError(), ConnectionResetError(), ValueError(), UnicodeError(), RuntimeError()]
CLASSES = [TimeoutError, ConnectionError, OSError, ValueError, RuntimeError, Exception]

seconds = st.floats(0, 100)
bounds = st.none() | st.integers(0, 6)


def drawn(number: float) -> Callable[[], float]:
    """A source of chance that always gives the same number."""
    return lambda: number


chances = st.floats(0, 1).map(drawn)
simple: st.SearchStrategy[ComposableRetryPolicy] = st.one_of(
    st.builds(ConstantDelayRetryPolicy, bounds, seconds),
    st.builds(LinearBackoffRetryPolicy, seconds, seconds, seconds, bounds),
    st.builds(ExponentialBackoffRetryPolicy, seconds, st.floats(0.1, 10), seconds, bounds, st.floats(0, 1), chances),
    st.builds(lambda n, low, more, r: RandomDelayRetryPolicy(n, low, low + more, r), bounds, seconds, seconds, chances),
)
some_errors = st.lists(st.sampled_from(CLASSES), min_size=1, max_size=3)


def _wider(inner: st.SearchStrategy[ComposableRetryPolicy]) -> st.SearchStrategy[ComposableRetryPolicy]:
    return st.one_of(
        st.builds(lambda p, errors: p.only_on(*errors), inner, some_errors),
        st.builds(lambda p, errors: p.never_on(*errors), inner, some_errors),
        st.builds(lambda p, n: p.stop_after(retries=n), inner, st.integers(0, 6)),
        st.builds(lambda p, limit: p.stop_after(seconds=limit), inner, seconds),
        st.builds(lambda p, q: p | q, inner, inner),
        st.builds(lambda p, q: p & q, inner, inner),
        st.builds(CustomRetryPolicy, inner),
    )


policies = st.recursive(simple, _wider, max_leaves=6)
questions = st.tuples(st.floats(0, 1000), st.integers(0, 8), st.sampled_from(ERRORS))
Question = tuple[float, int, Exception]


class OnFridays:
    """A policy of a user's own: it knows nothing of ours."""

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        return 5.0 if attempts < 2 else None


class Answering:
    """A policy that always answers the same."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        return self.answer  # type: ignore[no-any-return]  # whatever a user may answer


def retries_of(policy: RetryPolicy, error: Exception, limit: int = 50) -> int:
    """How many retries a policy allows for an error that never goes away."""
    elapsed, attempts = 0.0, 0
    while attempts < limit and (delay := policy.next(elapsed, attempts, error)) is not None:
        elapsed, attempts = elapsed + delay, attempts + 1
    return attempts


@given(policies, questions)
def test_an_answer_is_a_delay_or_none(policy: ComposableRetryPolicy, question: Question) -> None:
    """Whatever is combined, the answer is finite seconds, 0 or more, or None."""
    delay = policy.next(*question)
    assert delay is None or 0 <= delay < float("inf")


@given(policies, questions)
def test_policies_are_pure(policy: ComposableRetryPolicy, question: Question) -> None:
    """With the same chance, the same question has the same answer."""
    assert policy.next(*question) == policy.next(*question)


@given(policies, st.integers(0, 6), st.sampled_from(ERRORS))
def test_never_more_retries_than_the_bound(policy: ComposableRetryPolicy, most: int, error: Exception) -> None:
    """stop_after(retries=n) allows n at most, and not one less than the policy itself would."""
    assert retries_of(policy.stop_after(retries=most), error) == min(most, retries_of(policy, error))


@given(policies, st.floats(0, 100), questions)
def test_no_retry_begins_after_the_time(policy: ComposableRetryPolicy, limit: float, question: Question) -> None:
    """stop_after(seconds=s) allows a retry only when it would begin within s seconds of the first failure."""
    delay, free = policy.stop_after(seconds=limit).next(*question), policy.next(*question)
    assert delay == (free if free is not None and question[0] + free <= limit else None)


@given(policies, some_errors, questions)
def test_only_on_and_never_on_share_out_the_errors(
    policy: ComposableRetryPolicy, errors: list[type[Exception]], question: Question
) -> None:
    """What only_on lets through, never_on stops, and the other way round."""
    one, other = policy.only_on(*errors).next(*question), policy.never_on(*errors).next(*question)
    assert {one, other} == {policy.next(*question), None}
    assert (other is None) or not isinstance(question[2], tuple(errors))


@given(policies, policies, questions)
def test_or_takes_the_first_that_answers(
    one: ComposableRetryPolicy, other: ComposableRetryPolicy, question: Question
) -> None:
    """The answer of ``a | b`` is a's, and b's where a has none."""
    first, second = one.next(*question), other.next(*question)
    assert (one | other).next(*question) == (second if first is None else first)


@given(policies, policies, questions)
def test_and_needs_both_and_takes_the_longer(
    one: ComposableRetryPolicy, other: ComposableRetryPolicy, question: Question
) -> None:
    """The answer of ``a & b`` is the longer delay, and None where either has none; the order does not matter."""
    both = [one.next(*question), other.next(*question)]
    longer = None if None in both else max(each for each in both if each is not None)
    assert (one & other).next(*question) == (other & one).next(*question) == longer


@given(policies, policies, policies, questions)
def test_laws_of_combination(
    a: ComposableRetryPolicy, b: ComposableRetryPolicy, c: ComposableRetryPolicy, question: Question
) -> None:
    """Associative, idempotent, absorbing, and ``&`` distributes over ``|``."""

    def same(one: ComposableRetryPolicy, other: ComposableRetryPolicy) -> bool:
        return one.next(*question) == other.next(*question)

    assert same((a | b) | c, a | (b | c))
    assert same((a & b) & c, a & (b & c))
    assert same(a | a, a)
    assert same(a & a, a)
    assert same(a | (a & b), a)
    assert same(a & (a | b), a)
    assert same(a & (b | c), (a & b) | (a & c))


@given(policies)
def test_equal_policies_are_equal_values(policy: ComposableRetryPolicy) -> None:
    """A policy that is written twice is equal, has one hash, and differs from what it is made of."""
    assert policy.stop_after(retries=2) == policy.stop_after(retries=2)
    assert hash(policy | policy) == hash(policy | policy)
    assert policy.only_on(ValueError) != policy
    assert policy.only_on(ValueError) != policy.never_on(ValueError)


@given(policies)
def test_a_repr_is_the_code_that_makes_it(policy: ComposableRetryPolicy) -> None:
    """Evaluating the repr gives an equal policy."""
    names = {**globals(), **{each.__name__: each for each in CLASSES}}
    assert eval(repr(policy), names) == policy


@given(
    st.floats(0, 100), st.floats(0, 10), st.floats(0, 1000), st.integers(0, 100_000), st.floats(0, 1, exclude_max=True)
)
def test_linear_and_random_delays_stay_in_their_bounds(
    low: float, more: float, limit: float, attempts: int, number: float
) -> None:
    """Never below the least, never above the limit, however many attempts."""
    linear = LinearBackoffRetryPolicy(low, more, limit, None).next(0, attempts, OSError())
    chance = RandomDelayRetryPolicy(None, low, low + more, drawn(number)).next(0, attempts, OSError())
    assert linear is not None
    assert chance is not None
    assert min(low, limit) <= linear <= limit
    assert low <= chance <= low + more


def test_linear_delays_grow_by_the_increment() -> None:
    """Each delay is longer than the one before by the same seconds, up to the limit, and then it gives up."""
    policy = LinearBackoffRetryPolicy(1, 2, 6, 4)
    assert [policy.next(0, n, OSError()) for n in range(5)] == [1, 3, 5, 6, None]


def test_without_a_first_delay_backing_off_stays_at_none() -> None:
    """Nothing times anything is nothing, also where the power is too large for a float."""
    policy = ExponentialBackoffRetryPolicy(0, 10, 60, None, 0)
    assert [policy.next(0, n, OSError()) for n in (0, 10, 10_000)] == [0, 0, 0]


def test_the_page_counts_retries() -> None:
    """maximum_attempts=3 is three retries, 0 is none, None is no limit."""
    assert [retries_of(ConstantDelayRetryPolicy(n, 0), OSError()) for n in (3, 0, None)] == [3, 0, 50]


def test_one_policy_after_the_other() -> None:
    """``quick | slow`` is quick retries first and then slow ones."""
    policy = ConstantDelayRetryPolicy(2, 1) | ConstantDelayRetryPolicy(4, 60)
    assert [policy.next(0, n, OSError()) for n in range(5)] == [1, 1, 60, 60, None]


def test_a_group_counts_as_what_it_holds() -> None:
    """only_on wants all members of a group, at any depth; never_on stops at one of them."""
    policy = ConstantDelayRetryPolicy(3, 5)
    late = ExceptionGroup("", [TimeoutError(), ExceptionGroup("", [TimeoutError()])])
    mixed = ExceptionGroup("", [TimeoutError(), ExceptionGroup("", [ValueError()])])
    assert policy.only_on(TimeoutError).next(0, 0, late) == 5
    assert policy.only_on(TimeoutError).next(0, 0, mixed) is None
    assert policy.never_on(ValueError).next(0, 0, late) == 5
    assert policy.never_on(ValueError).next(0, 0, mixed) is None
    assert policy.only_on(ExceptionGroup).next(0, 0, mixed) == 5


@pytest.mark.parametrize(
    "policy",
    [
        CustomRetryPolicy(OnFridays()).stop_after(retries=1),
        OnFridays() & ConstantDelayRetryPolicy(1, 2),
        ConstantDelayRetryPolicy(1, 2) & OnFridays(),
    ],
)
def test_a_policy_of_a_users_own_joins_in(policy: RetryPolicy) -> None:
    """Wrapped, on the left and on the right of an operator."""
    assert [policy.next(0, n, OSError()) for n in range(3)] == [5, None, None]


@pytest.mark.parametrize("answer", [-1, float("nan"), float("inf")])
def test_a_wrong_answer_is_not_hidden_by_a_combination(answer: float) -> None:
    """What is no delay is an error that names the policy, also where the other delay is longer."""
    policy = ConstantDelayRetryPolicy(3, 5) & Answering(answer)
    with pytest.raises(ValueError, match=r"Answering.* asked for a delay of"):
        policy.next(0, 0, OSError())


@pytest.mark.parametrize("other", [3, None, "5 s", ConstantDelayRetryPolicy])
def test_only_policies_combine(other: Any) -> None:
    """Anything else is a TypeError, as with Python's own operators."""
    with pytest.raises(TypeError, match="unsupported operand"):
        ConstantDelayRetryPolicy() & other


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: ConstantDelayRetryPolicy(-1), "maximum_attempts must be a whole number of retries.* it is -1"),
    (lambda: ConstantDelayRetryPolicy(2.5), "maximum_attempts"),  # type: ignore[arg-type]
    (lambda: ConstantDelayRetryPolicy(True), "maximum_attempts"),
    (lambda: ConstantDelayRetryPolicy(3, -5), "delay must be a finite number of seconds, 0 or more; it is -5"),
    (lambda: ConstantDelayRetryPolicy(3, float("nan")), "delay"),
    (lambda: ConstantDelayRetryPolicy(3, 10**400), "delay"),
    (lambda: ConstantDelayRetryPolicy(3, "5"), "delay"),  # type: ignore[arg-type]
    (lambda: ExponentialBackoffRetryPolicy(max_delay=float("inf")), "max_delay"),
    (lambda: ExponentialBackoffRetryPolicy(multiplier=0), "multiplier must be a number above 0"),
    (lambda: ExponentialBackoffRetryPolicy(jitter=1.1), "jitter must be a number from 0"),
    (lambda: ExponentialBackoffRetryPolicy(jitter=-0.1), "jitter"),
    (lambda: LinearBackoffRetryPolicy(increment=-1), "increment"),
    (lambda: RandomDelayRetryPolicy(3, 2, 1), "max_delay must be not less than min_delay, which is 2"),
    (lambda: CustomRetryPolicy(3), "policy must be an object with a method next"),  # type: ignore[arg-type]
    (lambda: ConstantDelayRetryPolicy().only_on(), r"only_on names no exception.*only_on\(TimeoutError"),
    (lambda: ConstantDelayRetryPolicy().never_on(ValueError()), "no exception class"),  # type: ignore[arg-type]
    (lambda: ConstantDelayRetryPolicy().stop_after(), r"needs a limit: stop_after\(retries=5\)"),
    (lambda: ConstantDelayRetryPolicy().stop_after(retries=-1), "retries must be a whole number"),
    (lambda: ConstantDelayRetryPolicy().stop_after(seconds=float("inf")), "seconds must be a finite number"),
]


@pytest.mark.parametrize(("make", "reason"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_cannot_work_is_refused_when_it_is_written(make: Callable[[], Any], reason: str) -> None:
    """The error names the policy's value and says what it may be."""
    with pytest.raises(ValueError, match=reason):
        make()


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (ConstantDelayRetryPolicy(3, 5).only_on(TimeoutError, OSError), "3× · 5 s · TimeoutError, OSError"),
        (ConstantDelayRetryPolicy(None, 0.5).stop_after(seconds=30), "∞× · 500 ms · ≤ 30 s"),
        (ConstantDelayRetryPolicy().never_on(ValueError).stop_after(retries=2), "3× · 5 s · not ValueError · ≤ 2×"),
        (LinearBackoffRetryPolicy(), "5× · 1 s…60 s"),
        (RandomDelayRetryPolicy(2, 0.1, 2), "2× · 100 ms…2 s"),
        (ConstantDelayRetryPolicy(1) | ConstantDelayRetryPolicy(2), "1× · 5 s | 2× · 5 s"),
        (
            (ConstantDelayRetryPolicy(1) | ConstantDelayRetryPolicy(2)) & ConstantDelayRetryPolicy(3),
            "(1× · 5 s | 2× · 5 s) & 3× · 5 s",
        ),
        ((ConstantDelayRetryPolicy(1) & OnFridays()).only_on(OSError), "(1× · 5 s & OnFridays) · OSError"),
    ],
)
def test_drawings_show_short_words(policy: RetryPolicy, text: str) -> None:
    """How often, how long, for what: the words that stand in a step's box."""
    assert describe_policy(policy) == text


def test_a_run_follows_a_combination() -> None:
    """A step is retried for the errors of its policy, and its run fails with the first other one."""
    calls: list[int] = []
    policy = ConstantDelayRetryPolicy(5, 0).only_on(ConnectionError)

    class Flow(Workflow):
        @step(retry_policy=policy)
        async def work(self, ev: StartEvent) -> StopEvent:
            calls.append(1)
            raise ConnectionError if len(calls) < 3 else ValueError("not again")

    async def main() -> None:
        await Flow().run()

    with pytest.raises(ValueError, match="not again"):
        asyncio.run(main())
    assert len(calls) == 3
