"""Retry policies: frozen values that say whether and when a failed step runs again, and how to combine them.

A policy answers one question, ``next``. Those here also take part in a small algebra:

    policy.only_on(TimeoutError)     the same, for these exceptions only
    policy.never_on(ValueError)      the same, but never for these
    policy.stop_after(seconds=30)    the same, within a limit of retries or of time
    first | second                   the answer of the first that has one
    first & second                   only where both have one, and then the longer delay

A policy of a user's own joins in as ``CustomRetryPolicy(mine)``, or as one side of ``|`` and ``&``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class RetryPolicy(Protocol):
    """What decides over a retry. Any object with this method will do."""

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """Seconds to wait before the next attempt, or None to give up.

        ``elapsed_time`` is the seconds since the first failure (0.0 at the first), ``attempts`` the retries already
        made (0 at the first failure), ``error`` what the step raised.
        """


class ComposableRetryPolicy:
    """A retry policy that can be narrowed and combined: the base of all policies here."""

    __slots__ = ()

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """Seconds to wait before the next attempt, or None to give up; see ``RetryPolicy.next``."""
        raise NotImplementedError(f"{type(self).__name__} has no method next(elapsed_time, attempts, error)")

    def only_on(self, *errors: type[BaseException]) -> ComposableRetryPolicy:
        """The same policy, but only for exceptions of these classes.

        An exception group counts as what it holds: all of it must be of these classes.
        """
        return _OnlyOn(self, errors)

    def never_on(self, *errors: type[BaseException]) -> ComposableRetryPolicy:
        """The same policy, but never for exceptions of these classes, nor for a group that holds one."""
        return _NeverOn(self, errors)

    def stop_after(self, *, retries: int | None = None, seconds: float | None = None) -> ComposableRetryPolicy:
        """The same policy within a limit: at most ``retries`` retries, and none that would begin more than ``seconds``
        after the first failure.
        """
        return _StopAfter(self, retries, seconds)

    def __or__(self, other: RetryPolicy) -> ComposableRetryPolicy:
        return _FirstOf(self, _composable(other)) if _is_policy(other) else NotImplemented

    def __ror__(self, other: RetryPolicy) -> ComposableRetryPolicy:
        return _FirstOf(_composable(other), self) if _is_policy(other) else NotImplemented

    def __and__(self, other: RetryPolicy) -> ComposableRetryPolicy:
        return _BothOf(self, _composable(other)) if _is_policy(other) else NotImplemented

    def __rand__(self, other: RetryPolicy) -> ComposableRetryPolicy:
        return _BothOf(_composable(other), self) if _is_policy(other) else NotImplemented


@dataclass(frozen=True, slots=True)
class ConstantDelayRetryPolicy(ComposableRetryPolicy):
    """At most ``maximum_attempts`` retries (None: no limit), ``delay`` seconds apart."""

    maximum_attempts: int | None = 3
    delay: float = 5

    def __post_init__(self) -> None:
        _check_attempts(self, self.maximum_attempts)
        _check_seconds(self, delay=self.delay)

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """The delay, while retries are left."""
        return self.delay if _is_left(self.maximum_attempts, attempts) else None

    def __str__(self) -> str:
        return f"{_times(self.maximum_attempts)} · {_seconds(self.delay)}"


@dataclass(frozen=True, slots=True)
class LinearBackoffRetryPolicy(ComposableRetryPolicy):
    """At most ``maximum_attempts`` retries (None: no limit); each delay is ``increment`` seconds longer than the one
    before, up to ``max_delay``.
    """

    initial_delay: float = 1.0
    increment: float = 1.0
    max_delay: float = 60.0
    maximum_attempts: int | None = 5

    def __post_init__(self) -> None:
        _check_attempts(self, self.maximum_attempts)
        _check_seconds(self, initial_delay=self.initial_delay, increment=self.increment, max_delay=self.max_delay)

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """The next delay, while retries are left."""
        if not _is_left(self.maximum_attempts, attempts):
            return None
        return min(self.initial_delay + self.increment * attempts, self.max_delay)

    def __str__(self) -> str:
        return f"{_times(self.maximum_attempts)} · {_seconds(self.initial_delay)}…{_seconds(self.max_delay)}"


@dataclass(frozen=True, slots=True)
class ExponentialBackoffRetryPolicy(ComposableRetryPolicy):
    """At most ``maximum_attempts`` retries (None: no limit); each delay is ``multiplier`` times the one before, up to
    ``max_delay``.

    ``jitter`` is the part of each delay that is drawn at random (0: none, 1: all of it), so that many failing steps do
    not come back at the same moment. ``random`` gives numbers from 0 to 1.
    """

    initial_delay: float = 1.0
    multiplier: float = 2.0
    max_delay: float = 60.0
    maximum_attempts: int | None = 5
    jitter: float = 0.5
    random: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_attempts(self, self.maximum_attempts)
        _check_seconds(self, initial_delay=self.initial_delay, max_delay=self.max_delay)
        if not _is_number(self.multiplier) or not self.multiplier > 0:
            raise _bad(self, "multiplier", self.multiplier, "a number above 0; 2 doubles each delay")
        if not _is_number(self.jitter) or self.jitter > 1:
            raise _bad(self, "jitter", self.jitter, "a number from 0 (no chance) to 1 (all chance)")

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """The next delay, while retries are left."""
        if not _is_left(self.maximum_attempts, attempts):
            return None
        return self._full_delay(attempts) * (1 - self.jitter * self.random())

    def _full_delay(self, attempts: int) -> float:
        try:
            return min(self.initial_delay * float(self.multiplier) ** attempts, self.max_delay)
        except OverflowError:
            return self.max_delay if self.initial_delay else 0.0

    def __str__(self) -> str:
        return f"{_times(self.maximum_attempts)} · {_seconds(self.initial_delay)}…{_seconds(self.max_delay)}"


@dataclass(frozen=True, slots=True)
class RandomDelayRetryPolicy(ComposableRetryPolicy):
    """At most ``maximum_attempts`` retries (None: no limit), each after a delay drawn from ``min_delay`` to
    ``max_delay`` seconds. ``random`` gives numbers from 0 to 1.
    """

    maximum_attempts: int | None = 3
    min_delay: float = 0.0
    max_delay: float = 1.0
    random: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_attempts(self, self.maximum_attempts)
        _check_seconds(self, min_delay=self.min_delay, max_delay=self.max_delay)
        if self.max_delay < self.min_delay:
            raise _bad(self, "max_delay", self.max_delay, f"not less than min_delay, which is {self.min_delay!r}")

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """A delay by chance, while retries are left."""
        if not _is_left(self.maximum_attempts, attempts):
            return None
        return min(self.min_delay + (self.max_delay - self.min_delay) * self.random(), self.max_delay)

    def __str__(self) -> str:
        return f"{_times(self.maximum_attempts)} · {_seconds(self.min_delay)}…{_seconds(self.max_delay)}"


@dataclass(frozen=True, slots=True)
class CustomRetryPolicy(ComposableRetryPolicy):
    """A policy of a user's own, to be narrowed and combined: ``CustomRetryPolicy(mine).stop_after(retries=5)``."""

    policy: RetryPolicy

    def __post_init__(self) -> None:
        if not _is_policy(self.policy):
            raise _bad(self, "policy", self.policy, "an object with a method next(elapsed_time, attempts, error)")

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """What the policy answers. Raises ``ValueError`` when that is no delay."""
        delay = self.policy.next(elapsed_time, attempts, error)
        if delay is not None and not 0 <= float(delay) < float("inf"):
            raise ValueError(f"{self.policy!r} asked for a delay of {delay!r}: answer with seconds, 0 or more, or None")
        return None if delay is None else float(delay)

    def __str__(self) -> str:
        return describe_policy(self.policy)


@dataclass(frozen=True, slots=True, repr=False)
class _OnlyOn(ComposableRetryPolicy):
    policy: ComposableRetryPolicy
    errors: tuple[type[BaseException], ...]

    def __post_init__(self) -> None:
        _check_errors("only_on", self.errors)

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        if isinstance(error, self.errors) or all(isinstance(each, self.errors) for each in _members(error)):
            return self.policy.next(elapsed_time, attempts, error)
        return None

    def __repr__(self) -> str:
        return f"{_inner(self.policy, repr)}.only_on({_names(self.errors)})"

    def __str__(self) -> str:
        return f"{_inner(self.policy, str)} · {_names(self.errors)}"


@dataclass(frozen=True, slots=True, repr=False)
class _NeverOn(ComposableRetryPolicy):
    policy: ComposableRetryPolicy
    errors: tuple[type[BaseException], ...]

    def __post_init__(self) -> None:
        _check_errors("never_on", self.errors)

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        if isinstance(error, self.errors) or any(isinstance(each, self.errors) for each in _members(error)):
            return None
        return self.policy.next(elapsed_time, attempts, error)

    def __repr__(self) -> str:
        return f"{_inner(self.policy, repr)}.never_on({_names(self.errors)})"

    def __str__(self) -> str:
        return f"{_inner(self.policy, str)} · not {_names(self.errors)}"


@dataclass(frozen=True, slots=True, repr=False)
class _StopAfter(ComposableRetryPolicy):
    policy: ComposableRetryPolicy
    retries: int | None
    seconds: float | None

    def __post_init__(self) -> None:
        if self.retries is None and self.seconds is None:
            raise ValueError("stop_after needs a limit: stop_after(retries=5) or stop_after(seconds=30)")
        if self.retries is not None and not _is_count(self.retries):
            raise ValueError(f"stop_after: retries must be a whole number, 0 or more, it is {self.retries!r}")
        if self.seconds is not None and not _is_number(self.seconds):
            raise ValueError(f"stop_after: seconds must be a finite number, 0 or more, it is {self.seconds!r}")

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        if not _is_left(self.retries, attempts):
            return None
        delay = self.policy.next(elapsed_time, attempts, error)
        if delay is None or self.seconds is None or elapsed_time + delay <= self.seconds:
            return delay
        return None

    def __repr__(self) -> str:
        limits = {"retries": self.retries, "seconds": self.seconds}
        said = ", ".join(f"{name}={limit!r}" for name, limit in limits.items() if limit is not None)
        return f"{_inner(self.policy, repr)}.stop_after({said})"

    def __str__(self) -> str:
        retries = "" if self.retries is None else f" · ≤ {_times(self.retries)}"
        seconds = "" if self.seconds is None else f" · ≤ {_seconds(self.seconds)}"
        return f"{_inner(self.policy, str)}{retries}{seconds}"


@dataclass(frozen=True, slots=True, repr=False)
class _FirstOf(ComposableRetryPolicy):
    first: ComposableRetryPolicy
    second: ComposableRetryPolicy

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        delay = self.first.next(elapsed_time, attempts, error)
        return self.second.next(elapsed_time, attempts, error) if delay is None else delay

    def __repr__(self) -> str:
        return f"{self.first!r} | {_inner(self.second, repr, _FirstOf)}"

    def __str__(self) -> str:
        return f"{self.first} | {self.second}"


@dataclass(frozen=True, slots=True, repr=False)
class _BothOf(ComposableRetryPolicy):
    first: ComposableRetryPolicy
    second: ComposableRetryPolicy

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        one = self.first.next(elapsed_time, attempts, error)
        other = None if one is None else self.second.next(elapsed_time, attempts, error)
        return None if one is None or other is None else max(one, other)

    def __repr__(self) -> str:
        return f"{_inner(self.first, repr, _FirstOf)} & {_inner(self.second, repr)}"

    def __str__(self) -> str:
        return f"{_inner(self.first, str, _FirstOf)} & {_inner(self.second, str, _FirstOf)}"


def describe_policy(policy: RetryPolicy | None) -> str:
    """A policy as short text for drawings: its own ``str`` when it has one, else its class name.

    >>> describe_policy(ConstantDelayRetryPolicy(3, 0.01)), describe_policy(None)
    ('3× · 10 ms', '')
    >>> describe_policy(ConstantDelayRetryPolicy(3).only_on(TimeoutError).stop_after(seconds=30))
    '3× · 5 s · TimeoutError · ≤ 30 s'
    """
    if policy is None:
        return ""
    return str(policy) if type(policy).__str__ is not object.__str__ else type(policy).__name__


def _is_policy(value: object) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "next", None))


def _composable(policy: RetryPolicy) -> ComposableRetryPolicy:
    return policy if isinstance(policy, ComposableRetryPolicy) else CustomRetryPolicy(policy)


def _members(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group, and in the groups in it; of any other exception itself."""
    todo: list[BaseException] = [error]
    while todo:
        each = todo.pop()
        if isinstance(each, BaseExceptionGroup):
            todo.extend(each.exceptions)
        else:
            yield each


def _inner(policy: ComposableRetryPolicy, text: Callable[[object], str], *looser: type[ComposableRetryPolicy]) -> str:
    """A policy's text as part of a longer one: in brackets where it would fall apart."""
    return f"({text(policy)})" if isinstance(policy, looser or (_FirstOf, _BothOf)) else text(policy)


def _names(errors: tuple[type[BaseException], ...]) -> str:
    return ", ".join(each.__name__ for each in errors)


def _is_left(maximum: int | None, attempts: int) -> bool:
    return maximum is None or attempts < maximum


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    """Whether it is a finite number, 0 or more."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= float(value) < float("inf")
    except OverflowError:
        return False


def _check_attempts(policy: object, value: int | None) -> None:
    if value is not None and not _is_count(value):
        raise _bad(policy, "maximum_attempts", value, "a whole number of retries, 0 or more, or None for no limit")


def _check_seconds(policy: object, **values: float) -> None:
    for name, value in values.items():
        if not _is_number(value):
            raise _bad(policy, name, value, "a finite number of seconds, 0 or more")


def _check_errors(method: str, errors: tuple[Any, ...]) -> None:
    cure = f"name exception classes, as in {method}(TimeoutError, ConnectionError)"
    if not errors:
        raise ValueError(f"{method} names no exception: {cure}")
    for each in errors:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise ValueError(f"{method} got {each!r}, which is no exception class: {cure}")


def _bad(policy: object, name: str, value: object, needed: str) -> ValueError:
    return ValueError(f"{type(policy).__name__}: {name} must be {needed}; it is {value!r}")


def _times(maximum: int | None) -> str:
    return "∞×" if maximum is None else f"{maximum}×"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 1 else f"{seconds:g} s"
