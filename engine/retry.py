"""Retry policies: frozen values that say whether and when a failed step runs again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@runtime_checkable
class RetryPolicy(Protocol):
    """What decides over a retry. Any object with this method will do."""

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """Seconds to wait before the next attempt, or None to give up.

        ``elapsed_time`` is the seconds since the first failure (0.0 at the first), ``attempts`` the retries already
        made (0 at the first failure), ``error`` what the step raised.
        """


@dataclass(frozen=True, slots=True)
class ConstantDelayRetryPolicy:
    """At most ``maximum_attempts`` retries, ``delay`` seconds apart."""

    maximum_attempts: int = 3
    delay: float = 5

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """The delay, while retries are left."""
        return self.delay if attempts < self.maximum_attempts else None

    def __str__(self) -> str:
        return f"{self.maximum_attempts}× · {_seconds(self.delay)}"


@dataclass(frozen=True, slots=True)
class ExponentialBackoffRetryPolicy:
    """At most ``maximum_attempts`` retries; each delay is ``multiplier`` times the one before, up to ``max_delay``.

    ``jitter`` is the part of each delay that is drawn at random (0: none, 1: all of it), so that many failing steps do
    not come back at the same moment.
    """

    initial_delay: float = 1.0
    multiplier: float = 2.0
    max_delay: float = 60.0
    maximum_attempts: int = 5
    jitter: float = 0.5
    random: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        """The next delay, while retries are left."""
        if attempts >= self.maximum_attempts:
            return None
        try:
            delay = min(self.initial_delay * self.multiplier**attempts, self.max_delay)
        except OverflowError:
            delay = self.max_delay
        return delay * (1 - self.jitter * self.random())

    def __str__(self) -> str:
        return f"{self.maximum_attempts}× · {_seconds(self.initial_delay)}…{_seconds(self.max_delay)}"


def describe_policy(policy: RetryPolicy | None) -> str:
    """A policy as short text for drawings: its own ``str`` when it has one, else its class name.

    >>> describe_policy(ConstantDelayRetryPolicy(3, 0.01)), describe_policy(None)
    ('3× · 10 ms', '')
    """
    if policy is None:
        return ""
    return str(policy) if type(policy).__str__ is not object.__str__ else type(policy).__name__


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 1 else f"{seconds:g} s"
